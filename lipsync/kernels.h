// The hottest loops of the drawing in plain C; their Go twins are in kernels_test.go.
#include <stdint.h>

void lips_prefilter(float *m, int w, int h);
void lips_sample(float *dst, const float *src, int w, int h, const float *x, const float *y,
	const float *weight, int n);
