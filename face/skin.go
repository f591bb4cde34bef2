package face

import (
	"math"
	"sync"

	"github.com/twinsync/twinsync/pix"
)

// detail is how much of the fine structure that a texture of this size can hold is there: the
// brow-to-mouth area's mean absolute Laplacian over its standard deviation.
func (t *Texture) detail() float32 {
	var sum, n, s, ss float64
	for y := t.N / 4; y < t.N*3/4; y++ {
		for x := t.N / 4; x < t.N*3/4; x++ {
			if t.Seen[y*t.N+x] < 128 || t.Seen[y*t.N+x-1] < 128 || t.Seen[y*t.N+x+1] < 128 ||
				t.Seen[(y-1)*t.N+x] < 128 || t.Seen[(y+1)*t.N+x] < 128 {
				continue
			}
			v := t.luma(x, y)
			sum += math.Abs(4*v - t.luma(x-1, y) - t.luma(x+1, y) - t.luma(x, y-1) - t.luma(x, y+1))
			s += v
			ss += v * v
			n++
		}
	}
	if n == 0 {
		return 0
	}
	sd := math.Sqrt(max(0, ss/n-s/n*s/n))
	return float32(sum / n / (sd + 4))
}

func (t *Texture) luma(x, y int) float64 {
	i := 3 * (y*t.N + x)
	return .299*float64(t.RGB[i]) + .587*float64(t.RGB[i+1]) + .114*float64(t.RGB[i+2])
}

// regions of the UV square, by texel: which part of the face lies there.
type region uint8

const (
	nowhere region = iota
	upperSkin
	lowerSkin
	lips
)

var regions = sync.OnceValue(func() *[textureSide * textureSide]region {
	out := new([textureSide * textureSide]region)
	c := Canonical()
	polygon := func(list []int) []pix.Vec2 {
		p := make([]pix.Vec2, len(list))
		for k, i := range list {
			p[k] = c.UV[i]
		}
		return p
	}
	outer, inner := polygon(OuterLips()), polygon(InnerLips())
	eyes := max(c.UV[145].Y, c.UV[374].Y)
	bridge, mouth := c.UV[168].Y, c.UV[0].Y
	for i := range out {
		p := pix.Vec2{X: (float32(i%textureSide) + .5) / textureSide, Y: (float32(i/textureSide) + .5) / textureSide}
		u := p.X - .5
		switch {
		case within(outer, p):
			if !within(inner, p) {
				out[i] = lips
			}
		case p.Y > eyes+.015 && p.Y < eyes+.07 && u*u < .2*.2, p.Y > bridge && p.Y < eyes+.07 && u*u < .03*.03:
			out[i] = upperSkin // under the eyes and between them: masks end lower, fringes higher
		case p.Y > mouth && p.Y < .9 && u*u < .13*.13:
			out[i] = lowerSkin // around the mouth, and the chin
		}
	}
	return out
})

// within is the even-odd rule.
func within(poly []pix.Vec2, p pix.Vec2) bool {
	in := false
	for i, a := range poly {
		b := poly[(i+1)%len(poly)]
		if (a.Y > p.Y) != (b.Y > p.Y) && p.X < a.X+(p.Y-a.Y)/(b.Y-a.Y)*(b.X-a.X) {
			in = !in
		}
	}
	return in
}

// covered is how sure it is, 0…1, that something lies over mouth and chin: their colour is not that
// of the skin at the eyes and the lips do not stand out from what is around them. A beard is darker, but its
// lips show.
func (t *Texture) covered() float32 {
	var colour [lips + 1][3][]float32
	for i, r := range regions() {
		if t.Seen[i] < 128 {
			continue
		}
		red, green, blue := float32(t.RGB[3*i]), float32(t.RGB[3*i+1]), float32(t.RGB[3*i+2])
		luma := .299*red + .587*green + .114*blue
		colour[r][0] = append(colour[r][0], luma)
		colour[r][1] = append(colour[r][1], (red-luma)/max(16, luma))
		colour[r][2] = append(colour[r][2], (blue-luma)/max(16, luma))
	}
	if len(colour[upperSkin][0]) < 100 || len(colour[lowerSkin][0]) < 100 || len(colour[lips][0]) < 30 {
		return 0
	}
	var mid [lips + 1][3]float64
	for r := upperSkin; r <= lips; r++ {
		for c := range 3 {
			mid[r][c] = float64(median(colour[r][c]))
		}
	}
	chroma := func(a, b region) float64 {
		return math.Hypot(mid[a][1]-mid[b][1], mid[a][2]-mid[b][2])
	}
	foreign, plain := chroma(upperSkin, lowerSkin), chroma(lips, lowerSkin)
	return float32(ramp(foreign, foreignFrom, foreignFull) * (1 - ramp(plain, plainFrom, plainFull)))
}

// Relative chroma distances between the skin at the eyes and around the mouth, and between lips
// and what is around them. Measured on the shared photos: a blue mask .63 and 0; everybody else has
// lips of .06 and more (a grey photo 0 and 0), beards up to .31 and .09.
const (
	foreignFrom, foreignFull = .18, .35
	plainFrom, plainFull     = .02, .06
)

func ramp(v, from, full float64) float64 { return max(0, min(1, (v-from)/(full-from))) }

// exposure is how bright the skin is: the median of its luma, 0…255, and the share of it that is
// burnt out in at least one channel. Without skin they are 128 and 0.
func (t *Texture) exposure() (luma, burnt float32) {
	var all []float32
	lost := 0
	for i, r := range regions() {
		if t.Seen[i] < 128 || r != upperSkin && r != lowerSkin {
			continue
		}
		red, green, blue := t.RGB[3*i], t.RGB[3*i+1], t.RGB[3*i+2]
		all = append(all, float32(t.luma(i%t.N, i/t.N)))
		if max(red, green, blue) >= burntOut {
			lost++
		}
	}
	if len(all) == 0 {
		return 128, 0
	}
	n := len(all)
	return median(all), float32(lost) / float32(n)
}

// burntOut is the code from which a channel of a photo holds no shading any more.
const burntOut = 252
