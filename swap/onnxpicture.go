package swap

import (
	"math"

	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/pix"
)

// encode writes a picture, gamma-coded 0…255, as a network's input wants it: the unsharp mask first,
// then (x·scale − mean)/std by channel, in the card's order and layout. dst is as long as the input.
func encode(dst []float32, p *pix.RGB, in infer.CardInput) {
	p = sharpened(p, in.Sharpen)
	groups := in.Channels
	if len(groups) == 0 {
		groups = []string{infer.WholeFace}
	}
	plane := p.W * p.H
	pixel, channel := 1, plane
	if in.Layout == infer.NHWC {
		pixel, channel = 3*len(groups), 1
	}
	for g, what := range groups {
		rows := p.H
		if what == infer.LowerHalfZero {
			rows = p.H / 2
		}
		for c := range 3 {
			src := p.C[c]
			if in.Colour == infer.BGR {
				src = p.C[2-c]
			}
			k := float32(in.Scale / 255 / in.Std[c])
			shift := float32(in.Mean[c] / in.Std[c])
			at := (3*g + c) * channel
			for i, v := range src[:rows*p.W] {
				dst[at+i*pixel] = k*pix.Clamp(v, 0, 255) - shift
			}
			for i := rows * p.W; i < plane; i++ {
				dst[at+i*pixel] = 0
			}
		}
	}
}

// sharpened is x + amount·(x − blur(x)), in 0…255.
func sharpened(p *pix.RGB, s infer.Sharpen) *pix.RGB {
	if s.Amount == 0 {
		return p
	}
	out := p.Clone()
	for c := range out.C {
		soft := p.Channel(c).Blurred(float32(s.Sigma))
		for i, v := range p.C[c] {
			out.C[c][i] = pix.Clamp(v+float32(s.Amount)*(v-soft.Pix[i]), 0, 255)
		}
	}
	return out
}

// sideOf is the side of the square picture that n numbers of so many channels make; 0 when they make none.
func sideOf(n, channels int) int {
	side := int(math.Sqrt(float64(n / channels)))
	if side*side*channels != n {
		return 0
	}
	return side
}

// decode reads a picture from a network's output, cut off at the card's range. src makes a square picture.
func decode(src []float32, out infer.CardOutput) *pix.RGB {
	side := sideOf(len(src), 3)
	p := pix.NewRGB(side, side)
	pixel, channel := 1, side*side
	if out.Layout == infer.NHWC {
		pixel, channel = 3, 1
	}
	lo, k := float32(out.Range[0]), float32(255/(out.Range[1]-out.Range[0]))
	for c := range 3 {
		dst := p.C[c]
		if out.Colour == infer.BGR {
			dst = p.C[2-c]
		}
		for i := range dst {
			dst[i] = pix.Clamp(k*(src[c*channel+i*pixel]-lo), 0, 255)
		}
	}
	return p
}

// decodeMask reads a mask, 0…1, from a network's output, whose only channel makes layouts alike.
func decodeMask(src []float32, out infer.CardOutput) pix.Map {
	side := sideOf(len(src), 1)
	m := pix.NewMap(side, side)
	lo, k := float32(out.Range[0]), float32(1/(out.Range[1]-out.Range[0]))
	for i, v := range src {
		m.Pix[i] = pix.Clamp(k*(v-lo), 0, 1)
	}
	return m
}

// Pixel boost: a picture k times as large as the network's is taken apart into k² pictures of the whole
// face, each made of every k-th pixel, and put together again. Picture j·k+i holds the pixels
// (x·k+i, y·k+j).

// apart takes a picture apart; k divides its side.
func apart(p *pix.RGB, k int) []*pix.RGB {
	if k == 1 {
		return []*pix.RGB{p}
	}
	n := p.W / k
	tiles := make([]*pix.RGB, k*k)
	for t := range tiles {
		tiles[t] = pix.NewRGB(n, n)
		interlace(tiles[t], p, k, t, func(tile, whole *float32) { *tile = *whole })
	}
	return tiles
}

// together is the inverse of apart.
func together(tiles []*pix.RGB, k int) *pix.RGB {
	if k == 1 {
		return tiles[0]
	}
	n := tiles[0].W
	p := pix.NewRGB(n*k, n*k)
	for t := range tiles {
		interlace(tiles[t], p, k, t, func(tile, whole *float32) { *whole = *tile })
	}
	return p
}

// interlace visits the pixels of picture t and those of the whole that they stand for.
func interlace(tile, whole *pix.RGB, k, t int, visit func(tile, whole *float32)) {
	i, j := t%k, t/k
	for c := range tile.C {
		for y := range tile.H {
			row := whole.C[c][(y*k+j)*whole.W:]
			for x := range tile.W {
				visit(&tile.C[c][y*tile.W+x], &row[x*k+i])
			}
		}
	}
}
