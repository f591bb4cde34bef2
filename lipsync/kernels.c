#include "kernels.h"

// A fused multiplication would make machines differ; gcc fuses none in ISO mode (-std=c11).
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

// A loop marked FASTEST is compiled for AVX2, too, and the machine picks when the program is
// loaded. Both forms round alike: AVX2 has no fused operations.
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define FASTEST __attribute__((target_clones("avx2", "default")))
#else
#define FASTEST
#endif

// Four neighbours at any address: gcc and clang turn it into a vector register everywhere.
typedef float four __attribute__((vector_size(16), aligned(4), may_alias));

static int clampi(int v, int lo, int hi) { return v < lo ? lo : v > hi ? hi : v; }

// Positions come from networks and files: what is no number becomes lo.
static float clampf(float v, float lo, float hi) {
	v = v > lo ? v : lo;
	return v < hi ? v : hi;
}

static int floori(float v) {
	int i = (int)v;
	return i - (v < (float)i);
}

FASTEST void lips_sample(float *restrict dst, const float *src, int w, int h, const float *x, const float *y,
	const float *weight, int n) {
	for (int i = 0; i < n; i++) {
		if (weight[i] <= 0) continue;
		float px = clampf(x[i], -2, (float)(w + 1)), py = clampf(y[i], -2, (float)(h + 1));
		int ix = floori(px), iy = floori(py);
		float t = px - (float)ix, u = py - (float)iy, t2 = t * t, t3 = t2 * t, u2 = u * u, u3 = u2 * u;
		four wx = {-.5f * t3 + t2 - .5f * t, 1.5f * t3 - 2.5f * t2 + 1, -1.5f * t3 + 2 * t2 + .5f * t, .5f * t3 - .5f * t2};
		float wy[4] = {-.5f * u3 + u2 - .5f * u, 1.5f * u3 - 2.5f * u2 + 1, -1.5f * u3 + 2 * u2 + .5f * u, .5f * u3 - .5f * u2};
		four s = {0, 0, 0, 0};
		if (ix < 1 || iy < 1 || ix + 2 >= w || iy + 2 >= h) {
			for (int k = 0; k < 4; k++) {
				const float *row = src + (long)clampi(iy - 1 + k, 0, h - 1) * w;
				four p = {row[clampi(ix - 1, 0, w - 1)], row[clampi(ix, 0, w - 1)], row[clampi(ix + 1, 0, w - 1)],
					row[clampi(ix + 2, 0, w - 1)]};
				s += wy[k] * p;
			}
		} else {
			const float *p = src + (long)(iy - 1) * w + ix - 1;
			for (int k = 0; k < 4; k++) s += wy[k] * *(const four *)(p + (long)k * w);
		}
		s *= wx;
		dst[i] = (s[0] + s[2]) + (s[1] + s[3]);
	}
}
