// The hottest loop of the drawing in plain C; its Go twin is in kernels_test.go.
#include <stdint.h>

void lips_sample(float *dst, const float *src, int w, int h, const float *x, const float *y,
	const float *weight, int n);
