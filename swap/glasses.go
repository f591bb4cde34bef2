package swap

import (
	"math"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// Spectacles: how dark (log light) a thin dark structure must be to belong to a frame, to be a
// sure part of one, and to be a bridge over the nose, on a photo and on the coarser samples of
// footage (measured: without glasses up to .60 and .30, with them from .9 and .53); and the
// share of the nose's columns that the bridge must cross.
const (
	frameDark, frameSure         = .28, .55
	bridgeOnPhoto, bridgeOnVideo = .8, .42
	bridgeShare                  = .75
	bridgeHalf                   = .035 // width of the bridge to either side, in shares of the square
)

// A frame is of one piece: what is much paler than its bridge is a crease or a shadow. Shares of the
// bridge's depth from which a texel is the frame's, alone and beside another; lengths in shares of the square.
const (
	strokeAlone, strokeBeside = .4, .2
	strokeWide                = .08 // of a part that does not reach the bridge
	strokeGap                 = .03 // within which another counts as beside
)

// frames is how much darker a thin structure is than what surrounds it, in log light.
type frames struct {
	r    *regions
	hat  pix.Map
	zone [2]pix.Rect // around the eyes
}

func (r *regions) newFrames(lg colours) *frames {
	fn := float32(r.n)
	l := lg.luma().Blurred(.003 * fn)
	f := &frames{r: r, hat: l.CloseGrey(int(.0375*fn + .5))}
	subtract(f.hat, l)
	uv := face.Canonical().UV
	for k, eye := range [2][]int{face.EyeRight(), face.EyeLeft()} {
		var cx, cy, low float32
		for _, v := range eye {
			cx, cy, low = cx+uv[v].X/float32(len(eye)), cy+uv[v].Y/float32(len(eye)), max(low, uv[v].Y)
		}
		at := func(v float32) int { return int(v * (fn - 1)) }
		f.zone[k] = pix.Rect{X0: at(cx-.20) + 1, Y0: at(cy-.13) + 1, X1: at(cx+.20) + 1, Y1: at(low+.14) + 1}
	}
	return f
}

// bridge says whether a texel lies on the bridge of the nose.
func (f *frames) bridge(x, y int) bool {
	uv := face.Canonical().UV
	side, v := f.r.v(x)-.5, f.r.v(y)
	return max(side, -side) < bridgeHalf && v > uv[9].Y && v < uv[195].Y
}

// near says whether texel i is where a frame can lie.
func (f *frames) near(i int) bool {
	x, y := i%f.r.n, i/f.r.n
	for _, b := range f.zone {
		if x >= b.X0 && x < b.X1 && y >= b.Y0 && y < b.Y1 {
			return true
		}
	}
	return f.bridge(x, y)
}

// depth is the darkest of each column of the bridge.
func (f *frames) depth() (columns []float32) {
	for x := range f.r.n {
		if math.Abs(float64(f.r.v(x)-.5)) >= bridgeHalf {
			continue
		}
		most := float32(0)
		for y := range f.r.n {
			if f.bridge(x, y) {
				most = max(most, f.hat.Pix[y*f.r.n+x])
			}
		}
		columns = append(columns, most)
	}
	return columns
}

// parts are the connected structures darker than limit, without eyes. Only those count that hold a texel
// darker than frameSure and, unless wide is 0, reach the bridge or are as wide as that.
func (f *frames) parts(limit, wide float32) pix.Map {
	n := f.r.n
	labels, count := pix.Components(n, n, func(i int) bool { return f.hat.Pix[i] > limit && f.near(i) })
	sure, whole := make([]bool, count+1), make([]bool, count+1)
	lo, hi := make([]int, count+1), make([]int, count+1)
	for i, k := range labels {
		if k == 0 {
			continue
		}
		x, y := i%n, i/n
		if hi[k] == 0 {
			lo[k] = x
		}
		lo[k], hi[k] = min(lo[k], x), max(hi[k], x+1)
		sure[k] = sure[k] || f.hat.Pix[i] > frameSure
		whole[k] = whole[k] || f.bridge(x, y) || float32(hi[k]-lo[k]) > wide
	}
	eyes := f.r.eyes.Grow(.010 * float32(n))
	m := pix.NewMap(n, n)
	for i, k := range labels {
		if sure[k] && whole[k] && eyes.Pix[i] < .5 {
			m.Pix[i] = 1
		}
	}
	return m
}

// glasses finds the frame of spectacles: dark structures thinner than 7.5 % of the UV square
// around the eyes, present when strong ones cross the bridge of the nose. It returns false
// when there are none. dark is bridgeOnPhoto or bridgeOnVideo.
func (r *regions) glasses(lg colours, dark float32) (pix.Map, bool) {
	f := r.newFrames(lg)
	crossed := 0
	columns := f.depth()
	for _, d := range columns {
		if d > dark {
			crossed++
		}
	}
	if float32(crossed) < bridgeShare*float32(len(columns)) {
		return pix.Map{}, false
	}
	return f.parts(frameDark, 0), true
}

// frameStroke is what of a photo's spectacles, which glasses has found, surely is their frame.
func (r *regions) frameStroke(lg colours) pix.Map {
	fn := float32(r.n)
	f := r.newFrames(lg)
	columns := f.depth()
	depth := nth(columns, len(columns)/2)
	m := f.parts(max(frameDark, strokeAlone*depth), strokeWide*fn)
	eyes, limit := r.eyes.Grow(.010*fn), max(frameDark, strokeBeside*depth)
	for i, v := range m.Grow(strokeGap * fn).Pix { // a rim is thinner in places
		if v > .5 && f.hat.Pix[i] > limit && f.near(i) && eyes.Pix[i] < .5 {
			m.Pix[i] = 1
		}
	}
	return m
}
