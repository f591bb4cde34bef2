// The hottest loops of swap. They are plain C so that the compiler vectorises them; each does
// what its Go twin in kernels_test.go does.
#include <stdint.h>

// Places in the constants of swap_paint.
enum {
	paintRed, paintGreen, paintBlue, paintLuma, paintBlack, paintU, paintV, // pix.Coder.Sums
	paintCodeLow, paintCodeSteps, // of the table of codes
	paintConstants
};

void swap_paint(const int16_t *tri, const float *wb, const float *wc, int w, int h,
	const float *corners, const float *texels, int side, const float *gain, int gainSide,
	const float *codes, int codeCount, const float *constants,
	float *luma, float *alpha, float *u, float *v, float *weight, int chromaW,
	int x0, int y0, int chromaX0, int chromaY0, int subX, int subY);
void swap_finish(float *luma, const int16_t *tri, const float *background, int w, int h, float grain);
void swap_change(float *after, const float *before, int n);
void swap_multiply(float *row, const float *factor, int n);
void swap_add(float *row, const float *diff, int n);
void swap_unshade(float *dst, const float *src, const float *seen, const float *basis, const double *coef, int terms, int n);
