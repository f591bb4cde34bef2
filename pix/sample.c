#include "sample.h"

// A loop marked FASTEST is compiled for AVX2, too, and the machine picks when the program is
// loaded. Both forms round alike: AVX2 has no fused operations.
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define FASTEST __attribute__((target_clones("avx2", "default")))
#else
#define FASTEST
#endif

// A fused multiplication would make machines differ; gcc fuses none in ISO mode (-std=c11).
#pragma STDC FP_CONTRACT OFF

// Few enough samples are added that 16 bits hold the sums of 8-bit ones (f/4 ≤ skip, so at most
// 7 × 255); wider ones take 32.
#define REDUCE(name, sample, wide)                                                              \
FASTEST void name(float *out, int step, int cols, int rows, const sample *src, int stride, int h,       \
	int x, int y, int f, int first, int skip, uint32_t *sum) {                              \
	wide *s = (wide *)sum;                                                                  \
	for (int cy = 0; cy < rows; cy++, out += step, y += f) {                                \
		for (int dy = first; dy < f; dy += skip) {                                      \
			int at = y + dy < 0 ? 0 : y + dy < h ? y + dy : h - 1;                  \
			const sample *row = src + (int64_t)at * stride + x;                     \
			if (dy == first)                                                        \
				for (int i = 0; i < cols * f; i++) s[i] = row[i];               \
			else                                                                    \
				for (int i = 0; i < cols * f; i++) s[i] = (wide)(s[i] + row[i]); \
		}                                                                               \
		if (f == 1)                                                                     \
			for (int i = 0; i < cols; i++) out[i] = s[i];                           \
		else if (f == 2)                                                                \
			for (int i = 0; i < cols; i++)                                          \
				out[i] = (float)(int32_t)((uint32_t)s[2 * i] + s[2 * i + 1]);   \
		else                                                                            \
			for (int i = 0; i < cols; i++) {                                        \
				uint32_t v = 0;                                                 \
				for (int d = first; d < f; d += skip) v += s[i * f + d];        \
				out[i] = (float)(int32_t)v;                                     \
			}                                                                       \
	}                                                                                       \
}

REDUCE(pix_reduce8, uint8_t, uint16_t)
REDUCE(pix_reduce16, uint16_t, uint32_t)

// What is no number becomes lo, so that no index leaves its map.
static float clampf(float v, float lo, float hi) {
	v = v > lo ? v : lo;
	return v < hi ? v : hi;
}

FASTEST void pix_sample_line(float *dst, int n, const float *map, int w, int h, float x, float y,
	float ux, float uy) {
	for (int i = 0; i < n; i++, x += ux, y += uy) {
		float px = clampf(x, 0, (float)(w - 1)), py = clampf(y, 0, (float)(h - 1));
		int ix = (int)px, iy = (int)py;
		ix = ix < w - 2 ? ix : w - 2;
		iy = iy < h - 2 ? iy : h - 2;
		float dx = px - (float)ix, dy = py - (float)iy;
		const float *top = map + (int64_t)iy * w + ix, *low = top + w;
		float a = top[0] + dx * (top[1] - top[0]), b = low[0] + dx * (low[1] - low[0]);
		dst[i] = a + dy * (b - a);
	}
}

FASTEST void pix_rgb_line(float *restrict r, float *restrict g, float *restrict b, int n, const float *k) {
	for (int i = 0; i < n; i++) {
		float y = (r[i] - k[0]) * k[1], u = g[i] - k[2], v = b[i] - k[2];
		r[i] = clampf(y + k[3] * v, 0, 1);
		g[i] = clampf(y + k[4] * u + k[5] * v, 0, 1);
		b[i] = clampf(y + k[6] * u, 0, 1);
	}
}
