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

typedef int fourInts __attribute__((vector_size(16), aligned(4), may_alias));

// decode looks three positions up in the table of codes; most is the last position that has a
// successor. The fourth is clamped too and ignored.
static four decode(const float *codes, float most, four p) {
	const four top = {most, most, most, most};
	p = (four)((fourInts)p & (p > 0)); // what is no number becomes 0
	fourInts over = p > top;
	p = (four)(((fourInts)p & ~over) | ((fourInts)top & over));
	fourInts i = __builtin_convertvector(p, fourInts);
	four f = p - __builtin_convertvector(i, four);
	const float *a = codes + i[0], *b = codes + i[1], *c = codes + i[2];
	four from = {a[0], b[0], c[0], 0}, to = {a[1], b[1], c[1], 0};
	return from + f * (to - from);
}

// bilinear reads a map n×n at (x, y) inside of it.
static float bilinear(const float *m, int n, float x, float y) {
	int ix = (int)x, iy = (int)y;
	float fx = x - (float)ix, fy = y - (float)iy;
	int jx = least(ix + 1, n - 1);
	const float *p = m + iy * n, *q = m + least(iy + 1, n - 1) * n;
	float top = p[ix] + fx * (p[jx] - p[ix]), bottom = q[ix] + fx * (q[jx] - q[ix]);
	return top + fy * (bottom - top);
}

// Eight neighbours: one vector register where there is AVX, two elsewhere.
typedef float eight __attribute__((vector_size(32), aligned(4), may_alias));

// paintBlock is how many pixels are placed on the texture before the first of them is shaded. The
// texture is larger than the near caches; asked for this early, its texels arrive in time.
enum { paintBlock = 64 };

FASTEST
void swap_paint(const int16_t *tri, const float *pb, const float *pc, int w, int h,
	const float *corners, const float *texels, int side, const float *gain, int gainSide,
	const float *codes, int codeCount, const float *constants, const float *object, int objectSide,
	float *luma, float *alpha, float *cu, float *cv, float *weight, int chromaW,
	int x0, int y0, int chromaX0, int chromaY0, int subX, int subY) {
	const float kr = constants[paintRed], kg = constants[paintGreen], kb = constants[paintBlue];
	const float kl = constants[paintLuma], black = constants[paintBlack];
	const float ku = constants[paintU], kv = constants[paintV];
	const float low = constants[paintCodeLow], steps = constants[paintCodeSteps];
	const float most = (float)(codeCount - 1) * .9999999f;
	const float last = (float)(side - 1), gainLast = (float)(gainSide - 1);
	struct { int x; float u, v, share; } places[paintBlock];
	for (int at = 0; at < w * h;) {
		int y = at / w, row = y * w, count = 0;
		for (; at < row + w && count < paintBlock; at++) {
			if (tri[at] < 0) continue;
			const float *q = corners + 9 * tri[at];
			float wb = pb[at], wc = pc[at], wa = 1 - wb - wc;
			float u = clampf(wa * q[0] + wb * q[1] + wc * q[2], 0, 1);
			float v = clampf(wa * q[3] + wb * q[4] + wc * q[5], 0, 1);
			places[count].x = at - row;
			places[count].u = u, places[count].v = v;
			places[count++].share = wa * q[6] + wb * q[7] + wc * q[8];
			int ix = least((int)(u * last), side - 2), iy = least((int)(v * last), side - 2);
			const float *t = texels + 8 * ((ptrdiff_t)iy * side + ix);
			__builtin_prefetch(t);
			__builtin_prefetch(t + 15);
			__builtin_prefetch(t + 8 * (ptrdiff_t)side);
			__builtin_prefetch(t + 8 * (ptrdiff_t)side + 15);
		}
		int chroma = (((y0 + y) >> subY) - chromaY0) * chromaW - chromaX0;
		for (int n = 0; n < count; n++) {
			int x = places[n].x, i = row + x;
			float u = places[n].u, v = places[n].v;

			float tx = u * last, ty = v * last;
			int ix = least((int)tx, side - 2), iy = least((int)ty, side - 2);
			float fx = tx - (float)ix, fy = ty - (float)iy;
			float ka = (1 - fx) * (1 - fy), kb2 = fx * (1 - fy), kc = (1 - fx) * fy, kd = fx * fy;
			const float *t = texels + 8 * ((ptrdiff_t)iy * side + ix), *s = t + 8 * (ptrdiff_t)side;
			eight texel = ka * *(const eight *)t + kb2 * *(const eight *)(t + 8) +
				kc * *(const eight *)s + kd * *(const eight *)(s + 8);
			four base = ((const four *)&texel)[0], dark = ((const four *)&texel)[1];

			float gx = u * gainLast, gy = v * gainLast;
			int jx = least((int)gx, gainSide - 2), jy = least((int)gy, gainSide - 2);
			fx = gx - (float)jx, fy = gy - (float)jy;
			ka = (1 - fx) * (1 - fy), kb2 = fx * (1 - fy), kc = (1 - fx) * fy, kd = fx * fy;
			const float *g = gain + 5 * (jy * gainSide + jx), *f = g + 5 * gainSide;
			four light = ka * *(const four *)g + kb2 * *(const four *)(g + 5) +
				kc * *(const four *)f + kd * *(const four *)(f + 5);
			float deep = ka * g[4] + kb2 * g[9] + kc * f[4] + kd * f[9];

			four lg = (base + light + base[3] * light[3] + dark * deep - low) * steps;
			four rgb = decode(codes, most, lg);
			float r = rgb[0], gr = rgb[1], b = rgb[2];
			float l = kr * r + kg * gr + kb * b;
			luma[i] = l * kl + black;

			float a = dark[3] * places[n].share;
			if (a > 0 && object)
				a *= 1 - bilinear(object, objectSide, u * (float)(objectSide - 1), v * (float)(objectSide - 1));
			alpha[i] = a;
			if (cu && (subX == 0 || !(x & 1))) {
				int j = chroma + ((x0 + x) >> subX);
				cu[j] += (b - l) * ku + 128;
				cv[j] += (r - l) * kv + 128;
				weight[j]++;
			}
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
