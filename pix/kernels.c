#include "kernels.h"

// A fused multiplication would make machines differ; gcc fuses none in ISO mode (-std=c11).
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

#include <string.h>

// A loop marked FASTEST is compiled for AVX2, too, and the machine picks when the program is
// loaded. Both forms round alike: AVX2 has no fused operations.
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define FASTEST __attribute__((target_clones("avx2", "default")))
#else
#define FASTEST
#endif

// What such a loop calls must become part of it to be compiled with it.
#define INLINE inline __attribute__((always_inline))

// Four neighbours at any address: gcc and clang turn it into a vector register everywhere.
typedef float four __attribute__((vector_size(16), aligned(4), may_alias));

static int clampi(int v, int lo, int hi) { return v < lo ? lo : v > hi ? hi : v; }

// Positions come from networks and files: what is no number becomes lo, so that no index
// leaves its map.
static float clampf(float v, float lo, float hi) {
	v = v > lo ? v : lo;
	return v < hi ? v : hi;
}

static int floori(float v) {
	int i = (int)v;
	return i - (v < (float)i);
}

static float least3(float a, float b, float c) { a = a < b ? a : b; return a < c ? a : c; }
static float most3(float a, float b, float c) { a = a > b ? a : b; return a > c ? a : c; }

static const float edgeSlack = 1e-3f;

// limit narrows first…last to where at + x·slope ≥ -edgeSlack, a little generously: the exact
// test follows. inverse is 1/slope. Where the slope is small the division is not to be trusted.
static void limit(int *first, int *last, float at, float slope, float inverse) {
	const float generous = .05f, least = 1e-4f;
	if (slope > least) {
		int i = -floori(-clampf((-edgeSlack - at) * inverse - generous, -1e6f, 1e6f));
		if (i > *first) *first = i;
	} else if (slope < -least) {
		int i = floori(clampf((-edgeSlack - at) * inverse + generous, -1e6f, 1e6f));
		if (i < *last) *last = i;
	}
}

FASTEST void pix_draw(int16_t *tri, float *pb, float *pc, float *pz, int w, int h,
	const float *vertices, const uint16_t *triangles, int count) {
	for (int t = 0; t < count; t++) {
		const float *a = vertices + 3 * triangles[3 * t];
		const float *b = vertices + 3 * triangles[3 * t + 1];
		const float *c = vertices + 3 * triangles[3 * t + 2];
		float den = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
		if (!(den >= 1e-7f || den <= -1e-7f)) continue;
		int x0 = floori(clampf(least3(a[0], b[0], c[0]), -1, (float)w));
		int y0 = floori(clampf(least3(a[1], b[1], c[1]), -1, (float)h));
		int x1 = -floori(-clampf(most3(a[0], b[0], c[0]), -1, (float)w));
		int y1 = -floori(-clampf(most3(a[1], b[1], c[1]), -1, (float)h));
		x0 = x0 < 0 ? 0 : x0, x1 = x1 > w - 1 ? w - 1 : x1;
		y0 = y0 < 0 ? 0 : y0, y1 = y1 > h - 1 ? h - 1 : y1;
		float inv = 1 / den;
		float bx = (c[1] - a[1]) * inv, by = -(c[0] - a[0]) * inv;
		float cx = -(b[1] - a[1]) * inv, cy = (b[0] - a[0]) * inv;
		float zb = b[2] - a[2], zc = c[2] - a[2];
		float ibx = 1 / bx, icx = 1 / cx, iax = -1 / (bx + cx);
		for (int y = y0; y <= y1; y++) {
			float fy = (float)y - a[1];
			float kb = fy * by, kc = fy * cy;
			int first = x0, last = x1;
			limit(&first, &last, kb - a[0] * bx, bx, ibx);
			limit(&first, &last, kc - a[0] * cx, cx, icx);
			limit(&first, &last, 1 - kb - kc + a[0] * (bx + cx), -(bx + cx), iax);
			for (int x = first; x <= last; x++) {
				float fx = (float)x - a[0];
				float wb = fx * bx + kb, wc = fx * cx + kc;
				if (wb < -edgeSlack || wc < -edgeSlack || wb + wc > 1 + edgeSlack) continue;
				float z = a[2] + wb * zb + wc * zc;
				int i = y * w + x;
				if (tri[i] >= 0 && z >= pz[i]) continue;
				tri[i] = (int16_t)t, pb[i] = wb, pc[i] = wc, pz[i] = z;
			}
		}
	}
}

enum { warpShift = 6, warpPhases = 1 << warpShift };

// farthest is the largest displacement in steps; adding it makes all of them positive, so that
// conversion to int rounds downward.
static const float farthest = 1 << 16;

// lerp writes n samples between two rows of a grid, in steps and within farthest.
static INLINE void lerp(float *restrict dst, const float *a, const float *b, float f, int n) {
	for (int i = 0; i < n; i++)
		dst[i] = clampf((a[i] + f * (b[i] - a[i])) * warpPhases, 1 - farthest, farthest - 1);
}

// displace spreads a row of a grid over w samples, step for each of its cells, in whole steps.
static INLINE void displace(int *m, const float *grid, int w, int step) {
	float inv = 1 / (float)step;
	int x = 0;
	if (step == 4) {
		typedef int fourInts __attribute__((vector_size(16), aligned(4), may_alias));
		const four f = {0, .25f, .5f, .75f};
		for (; x + 4 <= w; x += 4) {
			float c = grid[x / 4];
			four d = c + f * (grid[x / 4 + 1] - c) + (farthest + .5f);
			*(fourInts *)(m + x) = __builtin_convertvector(d, fourInts) - (int)farthest;
		}
	}
	for (; x < w; x++) {
		int g = x / step;
		float f = (float)(x - g * step) * inv;
		m[x] = (int)(grid[g] + f * (grid[g + 1] - grid[g]) + (farthest + .5f)) - (int)farthest;
	}
}

// displacements fills the displacement of row y of a picture w wide.
static INLINE void displacements(int *mx, int *my, float *line, const float *dx, const float *dy, int gridW,
	int w, int y, int step) {
	float gy = (float)y * (1 / (float)step);
	int j = (int)gy;
	long at = (long)j * gridW;
	lerp(line, dx + at, dx + at + gridW, gy - (float)j, gridW);
	displace(mx, line, w, step);
	lerp(line, dy + at, dy + at + gridW, gy - (float)j, gridW);
	displace(my, line, w, step);
}

static float warp_border(const float *src, int w, int h, int ix, int iy, const float *wx,
	const float *wy) {
	float v = 0;
	for (int k = 0; k < 4; k++) {
		const float *row = src + (long)clampi(iy - 1 + k, 0, h - 1) * w;
		for (int i = 0; i < 4; i++) v += wy[k] * wx[i] * row[clampi(ix - 1 + i, 0, w - 1)];
	}
	return v;
}

FASTEST void pix_warp(float *restrict dst, const float *src, int w, int h, const float *dx, const float *dy,
	int gridW, int step, const float *weights, float *line, int *mx, int *my) {
	for (int y = 0; y < h; y++) {
		displacements(mx, my, line, dx, dy, gridW, w, y, step);
		float *d = dst + (long)y * w;
		memcpy(d, src + (long)y * w, sizeof(float) * w);
		for (int x = 0; x < w; x++) {
			int m = mx[x], n = my[x];
			if (!(m | n)) continue;
			int ix = x + (m >> warpShift), iy = y + (n >> warpShift);
			const float *wx = weights + 4 * (m & (warpPhases - 1));
			const float *wy = weights + 4 * (n & (warpPhases - 1));
			if (ix < 1 || iy < 1 || ix + 2 >= w || iy + 2 >= h) {
				d[x] = warp_border(src, w, h, ix, iy, wx, wy);
				continue;
			}
			const float *p = src + (long)(iy - 1) * w + ix - 1, *q = p + 2 * (long)w;
			four s = wy[0] * *(const four *)p + wy[1] * *(const four *)(p + w) +
				wy[2] * *(const four *)q + wy[3] * *(const four *)(q + w);
			s *= *(const four *)wx;
			d[x] = (s[0] + s[2]) + (s[1] + s[3]);
		}
	}
}

FASTEST void pix_warp_linear(float *restrict dst, const float *src, int w, int h, const float *dx,
	const float *dy, int gridW, int step, float *line, int *mx, int *my) {
	for (int y = 0; y < h; y++) {
		displacements(mx, my, line, dx, dy, gridW, w, y, step);
		float *d = dst + (long)y * w;
		memcpy(d, src + (long)y * w, sizeof(float) * w);
		for (int x = 0; x < w; x++) {
			int m = mx[x], n = my[x];
			if (!(m | n)) continue;
			int ix = x + (m >> warpShift), iy = y + (n >> warpShift);
			float fx = (float)(m & (warpPhases - 1)) * (1.f / warpPhases);
			float fy = (float)(n & (warpPhases - 1)) * (1.f / warpPhases);
			int x0 = clampi(ix, 0, w - 1), x1 = clampi(ix + 1, 0, w - 1);
			const float *p = src + (long)clampi(iy, 0, h - 1) * w;
			const float *q = src + (long)clampi(iy + 1, 0, h - 1) * w;
			float top = p[x0] + fx * (p[x1] - p[x0]), bottom = q[x0] + fx * (q[x1] - q[x0]);
			d[x] = top + fy * (bottom - top);
		}
	}
}

// mirror reflects an index about the centre of the border sample.
static int mirror(int i, int n) {
	if (n == 1) return 0;
	while (i < 0 || i >= n) i = i < 0 ? -i : 2 * (n - 1) - i;
	return i;
}

FASTEST void pix_halve(float *dst, const float *src, int w, int h, float *sum) {
	float *s = sum + 2;
	for (int y = 0; y < (h + 1) / 2; y++) {
		const float *a = src + (long)mirror(2 * y - 2, h) * w, *b = src + (long)mirror(2 * y - 1, h) * w;
		const float *c = src + (long)(2 * y) * w, *d = src + (long)mirror(2 * y + 1, h) * w;
		const float *e = src + (long)mirror(2 * y + 2, h) * w;
		for (int x = 0; x < w; x++) s[x] = a[x] + e[x] + 4 * (b[x] + d[x]) + 6 * c[x];
		s[-2] = s[mirror(-2, w)], s[-1] = s[mirror(-1, w)];
		s[w] = s[mirror(w, w)], s[w + 1] = s[mirror(w + 1, w)];
		float *t = dst + (long)y * ((w + 1) / 2);
		for (int x = 0; x < (w + 1) / 2; x++) {
			const float *p = sum + 2 * x;
			t[x] = (p[0] + p[4] + 4 * (p[1] + p[3]) + 6 * p[2]) * (1.f / 256);
		}
	}
}

// rise writes row y of m (w×h) grown to twice its height to mid, its ends repeated on either side.
static INLINE void rise(float *mid, const float *m, int w, int h, int y) {
	int j = y / 2;
	const float *b = m + (long)j * w, *c = m + (long)(j + 1 < h ? j + 1 : h - 1) * w;
	if (y & 1) {
		for (int i = 0; i < w; i++) mid[i] = .5f * b[i] + .5f * c[i];
	} else {
		const float *a = m + (long)(j > 0 ? j - 1 : 0) * w;
		for (int i = 0; i < w; i++) mid[i] = .125f * a[i] + .75f * b[i] + .125f * c[i];
	}
	mid[-1] = mid[0], mid[w] = mid[w - 1];
}

FASTEST void pix_collapse(float *diff, const float *mask, const float *coarse, const float *low,
	int w, int h, float *mid) {
	int cw = (w + 1) / 2, ch = (h + 1) / 2;
	float *c = mid + 1, *l = c + cw + 2;
	for (int y = 0; y < h; y++) {
		rise(c, coarse, cw, ch, y);
		rise(l, low, cw, ch, y);
		float *restrict d = diff + (long)y * w;
		const float *m = mask + (long)y * w;
		for (int i = 0; i < w / 2; i++) {
			float ce = .125f * c[i - 1] + .75f * c[i] + .125f * c[i + 1], co = .5f * (c[i] + c[i + 1]);
			float le = .125f * l[i - 1] + .75f * l[i] + .125f * l[i + 1], lo = .5f * (l[i] + l[i + 1]);
			d[2 * i] = (d[2 * i] - ce) * m[2 * i] + le;
			d[2 * i + 1] = (d[2 * i + 1] - co) * m[2 * i + 1] + lo;
		}
		if (w & 1) {
			int i = w / 2;
			float ce = .125f * c[i - 1] + .75f * c[i] + .125f * c[i + 1];
			float le = .125f * l[i - 1] + .75f * l[i] + .125f * l[i + 1];
			d[w - 1] = (d[w - 1] - ce) * m[w - 1] + le;
		}
	}
}

// pad_row copies s into the middle of pad and repeats its ends r times on either side.
static void pad_row(float *pad, const float *s, int n, int r) {
	memcpy(pad + r, s, sizeof(float) * n);
	for (int i = 0; i < r; i++) pad[i] = s[0], pad[r + n + i] = s[n - 1];
}

FASTEST void pix_blur(float *dst, const float *src, float *mid, float *pad, const float *k, int r,
	int w, int h) {
	for (int y = 0; y < h; y++) {
		float *restrict d = mid + (long)y * w;
		pad_row(pad, src + (long)y * w, w, r);
		for (int x = 0; x < w; x++) d[x] = k[0] * pad[x + r];
		for (int j = 1; j <= r; j++) {
			float v = k[j];
			const float *a = pad + r - j, *b = pad + r + j;
			for (int x = 0; x < w; x++) d[x] += v * (a[x] + b[x]);
		}
	}
	for (int y = 0; y < h; y++) {
		float *restrict d = dst + (long)y * w;
		const float *s = mid + (long)y * w;
		for (int x = 0; x < w; x++) d[x] = k[0] * s[x];
		for (int j = 1; j <= r; j++) {
			const float *up = mid + (long)clampi(y - j, 0, h - 1) * w;
			const float *down = mid + (long)clampi(y + j, 0, h - 1) * w;
			float v = k[j];
			for (int x = 0; x < w; x++) d[x] += v * (up[x] + down[x]);
		}
	}
}

// Four rows go side by side: each is a sum that runs on and must wait for itself.
typedef double fourDoubles __attribute__((vector_size(32), aligned(4), may_alias));

FASTEST void pix_box_rows(float *dst, const float *src, float *pad, int w, int h, int r, double edge,
	double norm) {
	four *line = (four *)pad;
	for (int y = 0; y < h; y += rowsAbreast) {
		const float *from[rowsAbreast];
		float *to[rowsAbreast];
		for (int k = 0; k < rowsAbreast; k++) { // below the last row: that row again
			long row = (long)clampi(y + k, 0, h - 1) * w;
			from[k] = src + row, to[k] = dst + row;
		}
		for (int x = 0; x < w; x++)
			line[r + 1 + x] = (four){from[0][x], from[1][x], from[2][x], from[3][x]};
		for (int i = 0; i <= r; i++) line[i] = line[r + 1], line[r + 1 + w + i] = line[r + w];
		fourDoubles sum = {0, 0, 0, 0};
		for (int i = 1; i < 2 * r + 2; i++) sum += __builtin_convertvector(line[i], fourDoubles);
		for (int x = 0; x < w; x++) {
			fourDoubles a = __builtin_convertvector(line[x], fourDoubles);
			fourDoubles b = __builtin_convertvector(line[x + 2 * r + 2], fourDoubles);
			four d = __builtin_convertvector((sum + edge * (a + b)) * norm, four);
			to[0][x] = d[0], to[1][x] = d[1], to[2][x] = d[2], to[3][x] = d[3];
			sum += b - __builtin_convertvector(line[x + 1], fourDoubles);
		}
	}
}

FASTEST void pix_box_columns(float *dst, const float *src, double *restrict sum, int w, int h, int r,
	double edge, double norm) {
	for (int x = 0; x < w; x++) sum[x] = 0;
	for (int y = -r; y <= r; y++) {
		const float *s = src + (long)clampi(y, 0, h - 1) * w;
		for (int x = 0; x < w; x++) sum[x] += s[x];
	}
	for (int y = 0; y < h; y++) {
		float *restrict d = dst + (long)y * w;
		const float *before = src + (long)clampi(y - r - 1, 0, h - 1) * w;
		const float *after = src + (long)clampi(y + r + 1, 0, h - 1) * w;
		const float *gone = src + (long)clampi(y - r, 0, h - 1) * w;
		for (int x = 0; x < w; x++) {
			double in = after[x];
			d[x] = (float)((sum[x] + edge * ((double)before[x] + in)) * norm);
			sum[x] += in - gone[x];
		}
	}
}

enum { block = 64 };

FASTEST void pix_bilinear_row(float *restrict dst, int n, const float *a, const float *b, int w, float fy,
	float x, float step) {
	float last = (float)(w - 1), f[block];
	int j[block];
	for (int from = 0; from < n; from += block) {
		int count = n - from < block ? n - from : block;
		for (int i = 0; i < count; i++) {
			float at = clampf(x + (float)(from + i) * step, 0, last);
			j[i] = (int)at;
			f[i] = at - (float)j[i];
		}
		int here = -1;
		float l = 0, r = 0;
		for (int i = 0; i < count; i++) {
			if (j[i] != here) {
				int k = j[i] + 1 < w ? j[i] + 1 : w - 1;
				here = j[i];
				l = a[here] + fy * (b[here] - a[here]), r = a[k] + fy * (b[k] - a[k]);
			}
			dst[from + i] = l + f[i] * (r - l);
		}
	}
}

FASTEST void pix_polygon_row(float *restrict best, float *restrict inside, int n, const float *poly,
	int count, float x0, float y) {
	for (int i = 0; i < n; i++) best[i] = 1e30f, inside[i] = -1;
	for (int k = 0; k < count; k++) {
		const float *b = poly + 2 * k, *a = poly + 2 * (k > 0 ? k - 1 : count - 1);
		float ex = b[0] - a[0], ey = b[1] - a[1], py = y - a[1], l = ex * ex + ey * ey;
		float ax = a[0], across = py * ey;
		if (l > 0) {
			for (int i = 0; i < n; i++) {
				float px = x0 + (float)i - ax;
				float t = clampf((px * ex + across) / l, 0, 1);
				float dx = px - t * ex, dy = py - t * ey, d = dx * dx + dy * dy;
				best[i] = best[i] < d ? best[i] : d;
			}
		} else {
			for (int i = 0; i < n; i++) {
				float px = x0 + (float)i - ax, d = px * px + py * py;
				best[i] = best[i] < d ? best[i] : d;
			}
		}
		if ((a[1] > y) != (b[1] > y)) {
			float cross = ax + ex * py / ey;
			for (int i = 0; i < n; i++) inside[i] = x0 + (float)i < cross ? -inside[i] : inside[i];
		}
	}
}

// clip_step adds n to v without leaving lo…hi; a value already outside may stay where it is.
static int clip_step(int v, int n, int lo, int hi) {
	int s = v + n;
	lo = lo < v ? lo : v, hi = hi > v ? hi : v;
	s = s < lo ? lo : s;
	return s > hi ? hi : s;
}

// round_step rounds half away from zero.
static int round_step(float v) { return (int)(v + __builtin_copysignf(.5f, v)); }

FASTEST void pix_add8(uint8_t *restrict row, const float *diff, int n, int lo, int hi) {
	for (int x = 0; x < n; x++) row[x] = (uint8_t)clip_step(row[x], round_step(diff[x]), lo, hi);
}

FASTEST void pix_add16(uint16_t *restrict row, const float *diff, int n, float unit, int lo, int hi) {
	for (int x = 0; x < n; x++)
		row[x] = (uint16_t)clip_step(row[x], round_step(diff[x] * unit), lo, hi);
}

FASTEST void pix_load8(float *restrict dst, const uint8_t *row, int n) {
	for (int x = 0; x < n; x++) dst[x] = (float)row[x];
}

FASTEST void pix_load16(float *restrict dst, const uint16_t *row, int n, float unit) {
	for (int x = 0; x < n; x++) dst[x] = (float)row[x] * unit;
}
