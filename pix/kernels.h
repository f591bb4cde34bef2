// The hottest loops of pix. They are plain C so that the compiler vectorises them; each does
// what its Go twin in kernels_test.go does. Maps are rows of floats without gaps.
#include <stdint.h>

// How many rows pix_box_rows takes side by side; its pad holds rowsAbreast·(w + 2·(r+1)) floats.
enum { rowsAbreast = 4 };

void pix_draw(int16_t *tri, float *wb, float *wc, float *z, int w, int h,
	const float *vertices, const uint16_t *triangles, int count);
void pix_warp(float *dst, const float *src, int w, int h, const float *dx, const float *dy,
	int gridW, int step, const float *weights, float *line, int *mx, int *my);
void pix_warp_linear(float *dst, const float *src, int w, int h, const float *dx, const float *dy,
	int gridW, int step, float *line, int *mx, int *my);
void pix_halve(float *dst, const float *src, int w, int h, float *sum);
void pix_collapse(float *diff, const float *mask, const float *coarse, const float *low,
	int w, int h, float *mid);
void pix_blur(float *dst, const float *src, float *mid, float *pad, const float *k, int r,
	int w, int h);
void pix_box_rows(float *dst, const float *src, float *pad, int w, int h, int r, double edge,
	double norm);
void pix_box_columns(float *dst, const float *src, double *sum, int w, int h, int r, double edge,
	double norm);
void pix_bilinear_row(float *dst, int n, const float *a, const float *b, int w, float fy,
	float x, float step);
void pix_polygon_row(float *best, float *inside, int n, const float *poly, int count, float x0,
	float y);
void pix_add8(uint8_t *row, const float *diff, int n, int lo, int hi);
void pix_add16(uint16_t *row, const float *diff, int n, float unit, int lo, int hi);
void pix_load8(float *dst, const uint8_t *row, int n);
void pix_load16(float *dst, const uint16_t *row, int n, float unit);
