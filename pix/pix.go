// Package pix holds pictures and what is done to their samples: frames of planar
// YUV as FFmpeg delivers them, float crops for the engines, warps, a mesh
// rasteriser, pyramids, blends, colour and masks. It is pure: no file, process
// or network is touched.
//
// Conventions, stated once for the whole project. Coordinates are in pixels, x to
// the right, y down, and whole numbers are pixel centres: the top left sample is
// (0, 0). Depth z grows away from the viewer, in the same unit. Angles are in
// radians, right-handed about these axes.
package pix

// Vec2 is a point or displacement in a picture.
type Vec2 struct{ X, Y float32 }

// Vec3 is a point or direction in space.
type Vec3 struct{ X, Y, Z float32 }

// XY drops the depth.
func (v Vec3) XY() Vec2 { return Vec2{v.X, v.Y} }

// Rect is a box of whole pixels: X0 ≤ x < X1, Y0 ≤ y < Y1.
type Rect struct{ X0, Y0, X1, Y1 int }

// W is the width, 0 for an empty box.
func (r Rect) W() int { return max(0, r.X1-r.X0) }

// H is the height, 0 for an empty box.
func (r Rect) H() int { return max(0, r.Y1-r.Y0) }

// Empty reports whether the box holds no pixel.
func (r Rect) Empty() bool { return r.X1 <= r.X0 || r.Y1 <= r.Y0 }

// Intersect is the box common to both.
func (r Rect) Intersect(o Rect) Rect {
	return Rect{max(r.X0, o.X0), max(r.Y0, o.Y0), min(r.X1, o.X1), min(r.Y1, o.Y1)}
}

// Union is the smallest box around both; an empty one counts for nothing.
func (r Rect) Union(o Rect) Rect {
	if r.Empty() {
		return o
	}
	if o.Empty() {
		return r
	}
	return Rect{min(r.X0, o.X0), min(r.Y0, o.Y0), max(r.X1, o.X1), max(r.Y1, o.Y1)}
}

// Grow moves every side outward by n pixels.
func (r Rect) Grow(n int) Rect { return Rect{r.X0 - n, r.Y0 - n, r.X1 + n, r.Y1 + n} }
