#include "kernels.h"

#include <stddef.h>

// A loop marked FASTEST is compiled for AVX2, too, and the machine picks when the program is
// loaded. Both forms round alike: AVX2 has no fused operations.
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define FASTEST __attribute__((target_clones("avx2", "default")))
#else
#define FASTEST
#endif

// A fused multiplication would make machines differ; gcc fuses none in ISO mode (-std=c11).
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

// Four neighbours at any address: gcc and clang turn it into a vector register everywhere.
typedef float four __attribute__((vector_size(16), aligned(4), may_alias));

// What is no number becomes lo, so that no index leaves its table.
static float clampf(float v, float lo, float hi) {
	v = v > lo ? v : lo;
	return v < hi ? v : hi;
}

static int least(int a, int b) { return a < b ? a : b; }

// Eight neighbours: one vector register where there is AVX, two elsewhere.
typedef float eight __attribute__((vector_size(32), aligned(4), may_alias));

// paintBlock is how many pixels go through each step of swap_paint together. The texture is larger than the
// near caches; asked for as early as this, its texels arrive in time.
enum { paintBlock = 128 };

// spots are pixels of one row on their way: where they lie on the texture and on the grid of the gain, and
// what comes of them. One array for each number, so that most steps take eight pixels at a time.
struct spots {
	int x[paintBlock], texel[paintBlock], gain[paintBlock];
	float u[paintBlock], v[paintBlock], share[paintBlock];
	float tx[paintBlock], ty[paintBlock], gx[paintBlock], gy[paintBlock]; // within their cells
	float r[paintBlock], g[paintBlock], b[paintBlock], l[paintBlock];
};

// cells finds the cell of a grid with side columns and its neighbour's share, for n coordinates 0…1.
static inline void cells(int *restrict cell, float *restrict fx, float *restrict fy, const float *restrict u,
	const float *restrict v, int side, int n) {
	float last = (float)(side - 1);
	for (int i = 0; i < n; i++) {
		float x = u[i] * last, y = v[i] * last;
		int ix = least((int)x, side - 2), iy = least((int)y, side - 2);
		fx[i] = x - (float)ix, fy[i] = y - (float)iy;
		cell[i] = iy * side + ix;
	}
}

// decode looks n positions up in the table of codes; most is the last position that has a successor.
static inline void decode(float *p, const float *codes, float most, int n) {
	for (int i = 0; i < n; i++) {
		float at = p[i] > 0 ? p[i] : 0; // what is no number becomes 0
		at = at > most ? most : at;
		int j = (int)at;
		p[i] = codes[j] + (at - (float)j) * (codes[j + 1] - codes[j]);
	}
}

FASTEST void swap_paint(const int16_t *tri, const float *pb, const float *pc, int w, int h,
	const float *corners, const float *texels, int side, const float *gain, int gainSide,
	const float *codes, int codeCount, const float *constants,
	float *luma, float *alpha, float *cu, float *cv, float *weight, int chromaW,
	int x0, int y0, int chromaX0, int chromaY0, int subX, int subY) {
	const float kr = constants[paintRed], kg = constants[paintGreen], kb = constants[paintBlue];
	const float kl = constants[paintLuma], black = constants[paintBlack];
	const float ku = constants[paintU], kv = constants[paintV];
	const float low = constants[paintCodeLow], steps = constants[paintCodeSteps];
	const float most = (float)(codeCount - 1) * .9999999f;
	const ptrdiff_t below = 8 * (ptrdiff_t)side;
	struct spots s;
	for (int at = 0; at < w * h;) {
		int y = at / w, row = y * w, n = 0;
		for (; at < row + w && n < paintBlock; at++) {
			if (tri[at] < 0) continue;
			const float *q = corners + 9 * tri[at];
			float wb = pb[at], wc = pc[at], wa = 1 - wb - wc;
			s.x[n] = at - row;
			s.u[n] = clampf(wa * q[0] + wb * q[1] + wc * q[2], 0, 1);
			s.v[n] = clampf(wa * q[3] + wb * q[4] + wc * q[5], 0, 1);
			s.share[n++] = wa * q[6] + wb * q[7] + wc * q[8];
		}
		cells(s.texel, s.tx, s.ty, s.u, s.v, side, n);
		for (int i = 0; i < n; i++) {
			const float *t = texels + 8 * (ptrdiff_t)s.texel[i];
			__builtin_prefetch(t);
			__builtin_prefetch(t + 15);
			__builtin_prefetch(t + below);
			__builtin_prefetch(t + below + 15);
		}
		cells(s.gain, s.gx, s.gy, s.u, s.v, gainSide, n);
		for (int i = 0; i < n; i++) {
			float fx = s.tx[i], fy = s.ty[i];
			const float *t = texels + 8 * (ptrdiff_t)s.texel[i], *o = t + below;
			eight texel = (1 - fx) * (1 - fy) * *(const eight *)t + fx * (1 - fy) * *(const eight *)(t + 8) +
				(1 - fx) * fy * *(const eight *)o + fx * fy * *(const eight *)(o + 8);
			four base = ((const four *)&texel)[0], dark = ((const four *)&texel)[1];

			fx = s.gx[i], fy = s.gy[i];
			float ka = (1 - fx) * (1 - fy), kb2 = fx * (1 - fy), kc = (1 - fx) * fy, kd = fx * fy;
			const float *g = gain + 5 * s.gain[i], *f = g + 5 * gainSide;
			four light = ka * *(const four *)g + kb2 * *(const four *)(g + 5) +
				kc * *(const four *)f + kd * *(const four *)(f + 5);
			float deep = ka * g[4] + kb2 * g[9] + kc * f[4] + kd * f[9];

			four lg = (base + light + base[3] * light[3] + dark * deep - low) * steps;
			s.r[i] = lg[0], s.g[i] = lg[1], s.b[i] = lg[2];
			s.share[i] *= dark[3];
		}
		decode(s.r, codes, most, n);
		decode(s.g, codes, most, n);
		decode(s.b, codes, most, n);
		for (int i = 0; i < n; i++) s.l[i] = kr * s.r[i] + kg * s.g[i] + kb * s.b[i];
		for (int i = 0; i < n; i++) {
			luma[row + s.x[i]] = s.l[i] * kl + black;
			alpha[row + s.x[i]] = s.share[i];
		}
		if (!cu) continue;
		int chroma = (((y0 + y) >> subY) - chromaY0) * chromaW - chromaX0;
		for (int i = 0; i < n; i++) {
			if (subX != 0 && (s.x[i] & 1)) continue;
			int j = chroma + ((x0 + s.x[i]) >> subX);
			cu[j] += (s.b[i] - s.l[i]) * ku + 128;
			cv[j] += (s.r[i] - s.l[i]) * kv + 128;
			weight[j]++;
		}
	}
}

FASTEST void swap_finish(float *restrict luma, const int16_t *tri, const float *background, int w, int h,
	float grain) {
	for (int y = 0; y < h; y++) {
		const float *mid = background + (ptrdiff_t)y * w;
		const int16_t *t = tri + (ptrdiff_t)y * w;
		float *l = luma + (ptrdiff_t)y * w;
		if (y > 0 && y < h - 1) {
			const float *up = mid - w, *down = mid + w;
			for (int x = 1; x < w - 1; x++) {
				float soft = up[x - 1] + 2 * up[x] + up[x + 1] +
					2 * (mid[x - 1] + 2 * mid[x] + mid[x + 1]) +
					down[x - 1] + 2 * down[x] + down[x + 1];
				l[x] += clampf(mid[x] - soft / 16, -grain, grain);
			}
		}
		for (int x = 0; x < w; x++) l[x] = t[x] < 0 ? mid[x] : l[x];
	}
}

FASTEST void swap_change(float *restrict after, const float *before, int n) {
	for (int i = 0; i < n; i++) after[i] -= before[i];
}

FASTEST void swap_multiply(float *restrict row, const float *factor, int n) {
	for (int i = 0; i < n; i++) row[i] *= factor[i];
}

FASTEST void swap_add(float *restrict row, const float *diff, int n) {
	for (int i = 0; i < n; i++) row[i] += diff[i];
}

// The sums are kept in double precision and in the order of the terms, as fitShade has them.
FASTEST void swap_unshade(float *restrict dst, const float *src, const float *seen, const float *basis,
	const double *coef, int terms, int n) {
	enum { block = 64 };
	for (int i = 0; i < n; i += block) {
		double shade[block] = {0};
		int m = least(block, n - i);
		for (int k = 0; k < terms; k++) {
			const float *b = basis + (ptrdiff_t)k * n + i;
			for (int j = 0; j < m; j++) shade[j] += coef[k] * (double)b[j];
		}
		for (int j = 0; j < m; j++) {
			float v = src[i + j] - (float)shade[j];
			dst[i + j] = seen[i + j] > 0 ? v : 0;
		}
	}
}
