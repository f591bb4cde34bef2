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

// The pole of the recursion whose result, weighed by cubic B-splines, passes through the samples.
static const float pole = -.26794919f;

enum { settled = 12 }; // terms after which the pole's powers no longer matter

FASTEST void lips_prefilter(float *m, int w, int h) {
	// Down and up again, all columns at once. The picture is mirrored at its borders.
	if (h > 1) {
		float *first = m, *last = m + (long)(h - 1) * w;
		for (int x = 0; x < w; x++) {
			float z = pole, sum = first[x];
			for (int k = 1; k < settled; k++, z *= pole) sum += z * m[(long)(k < h ? k : h - 1) * w + x];
			first[x] = sum;
		}
		for (int y = 1; y < h; y++) {
			float *row = m + (long)y * w;
			for (int x = 0; x < w; x++) row[x] += pole * row[x - w];
		}
		for (int x = 0; x < w; x++) last[x] = pole / (pole * pole - 1) * (last[x] + pole * last[x - w]);
		for (int y = h - 2; y >= 0; y--) {
			float *row = m + (long)y * w;
			for (int x = 0; x < w; x++) row[x] = pole * (row[x + w] - row[x]);
		}
		for (long i = 0; i < (long)w * h; i++) m[i] *= 6;
	}
	if (w > 1) {
		for (int y = 0; y < h; y++) {
			float *row = m + (long)y * w;
			float z = pole, sum = row[0];
			for (int k = 1; k < settled; k++, z *= pole) sum += z * row[k < w ? k : w - 1];
			row[0] = sum;
			for (int x = 1; x < w; x++) row[x] += pole * row[x - 1];
			row[w - 1] = pole / (pole * pole - 1) * (row[w - 1] + pole * row[w - 2]);
			for (int x = w - 2; x >= 0; x--) row[x] = pole * (row[x + 1] - row[x]);
			for (int x = 0; x < w; x++) row[x] *= 6;
		}
	}
}

FASTEST void lips_sample(float *restrict dst, const float *src, int w, int h, const float *x, const float *y,
	const float *weight, int n) {
	for (int i = 0; i < n; i++) {
		if (weight[i] <= 0) continue;
		float px = clampf(x[i], -2, (float)(w + 1)), py = clampf(y[i], -2, (float)(h + 1));
		int ix = floori(px), iy = floori(py);
		float t = px - (float)ix, u = py - (float)iy, a = 1 - t, b = 1 - u;
		const float k = 1.f / 6;
		four wx = {k * a * a * a, k * (4 - 3 * t * t * (2 - t)), k * (4 - 3 * a * a * (2 - a)), k * t * t * t};
		float wy[4] = {k * b * b * b, k * (4 - 3 * u * u * (2 - u)), k * (4 - 3 * b * b * (2 - b)), k * u * u * u};
		four s = {0, 0, 0, 0};
		if (ix < 1 || iy < 1 || ix + 2 >= w || iy + 2 >= h) {
			for (int j = 0; j < 4; j++) {
				const float *row = src + (long)clampi(iy - 1 + j, 0, h - 1) * w;
				four p = {row[clampi(ix - 1, 0, w - 1)], row[clampi(ix, 0, w - 1)], row[clampi(ix + 1, 0, w - 1)],
					row[clampi(ix + 2, 0, w - 1)]};
				s += wy[j] * p;
			}
		} else {
			const float *p = src + (long)(iy - 1) * w + ix - 1;
			for (int j = 0; j < 4; j++) s += wy[j] * *(const four *)(p + (long)j * w);
		}
		s *= wx;
		dst[i] = (s[0] + s[2]) + (s[1] + s[3]);
	}
}
