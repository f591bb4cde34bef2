package swap

import (
	"github.com/twinsync/twinsync/pix"
)

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
