// The loops of Sampler that touch every sample.
#include <stdint.h>

// Cells of side f of a plane, rows by cols of them from sample (x, y) on: the sums of every
// skip-th sample each way from the first-th on. All columns lie within the plane, rows beyond it
// repeat its edge. A row of cells is step floats; sum holds cols·f numbers.
void pix_reduce8(float *out, int step, int cols, int rows, const uint8_t *src, int stride, int h,
	int x, int y, int f, int first, int skip, uint32_t *sum);
void pix_reduce16(float *out, int step, int cols, int rows, const uint16_t *src, int stride, int h,
	int x, int y, int f, int first, int skip, uint32_t *sum);

// n samples of a map of w×h ≥ 2×2 along a line, bilinearly; beyond the map its edge.
void pix_sample_line(float *dst, int n, const float *map, int w, int h, float x, float y,
	float ux, float uy);

// Luma and chroma to RGB from 0 to 1, in place. k: black, gain, neutral, rv, gu, gv, bu.
void pix_rgb_line(float *r, float *g, float *b, int n, const float *k);
