package lipsync

import (
	"slices"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// What is painted where a mouth is shown far wider than it was ever filmed: a dark cavity under the filmed
// teeth, or under a soft row of them where none were seen. Sizes in face widths, shares of red, green and
// blue of the person's own lips and of white.
const (
	holeFrom, holeFull       = 1.5, 2.2   // times the filmed opening
	holeLeast, holeSurely    = .008, .020 // opening that is shown, beyond that of touching lips
	insideNone, insideSurely = .002, .007 // filmed opening, likewise, without and with an interior
	insideSlack              = .003       // openings are read no better
	toothRow                 = .040       // height of the painted row
	toothSolid               = .72        // how much of the row covers the cavity
	holeEdge                 = .008       // softness of its border
	holeBelow, holeBelowFull = .80, 1.05  // of the filmed opening's height, under which the cavity begins
)

var cavityTint, toothTint = [3]float32{.22, .14, .16}, [3]float32{.90, .86, .78}

// hole is the painted part of an opening on a patch's box.
type hole struct {
	on     bool
	cover  pix.Map    // 0…1
	colour [3]pix.Map // Y, U and V there
	box    pix.Rect
}

// fill decides whether a mouth needs painting and does it. filmed and seen are its openings, closed is what is read
// where the lips touch.
func (o *hole) fill(p *patch, f *pix.Frame, h *Head, filmed, seen, closed, width, amount float32) {
	o.on = false
	filmed, seen = max(filmed-closed, 0), max(seen-closed, 0)
	r := (seen + insideSlack) / (filmed + insideSlack)
	weight := amount * pix.Clamp((r-holeFrom)/(holeFull-holeFrom), 0, 1) *
		pix.Clamp((seen-holeLeast)/(holeSurely-holeLeast), 0, 1)
	if weight <= .01 {
		return
	}
	s, ok := newSlit(p)
	if !ok {
		return
	}
	o.on, o.box = true, p.box
	none := pix.Clamp((insideSurely-filmed)/(insideSurely-insideNone), 0, 1)
	lip, white := o.colours(f, h)
	w, ht := p.box.W(), p.box.H()
	poly := make([]pix.Vec2, 0, 20)
	for _, i := range face.InnerLips() {
		poly = append(poly, p.local[i].XY())
	}
	o.cover = pix.FillPolygon(w, ht, poly, 0, 1)
	pix.Blur(o.cover, o.cover, max(.7, holeEdge*width))
	for k := range o.colour {
		o.colour[k].Reset(w, ht)
	}
	coder := pix.NewCoder(f.Colour)
	for y := s.box.Y0; y < s.box.Y1; y++ {
		for x := s.box.X0; x < s.box.X1; x++ {
			i := y*w + x
			q := s.to(pix.Vec2{X: float32(x), Y: float32(y)})
			top, height := s.at(q.X)
			height = max(2, height)
			v := (q.Y - top) / height
			side := max(q.X-s.length/2, s.length/2-q.X) / (s.length / 2)
			row := toothRow * width / height
			t := pix.Clamp((row-v)/(.35*row)+.5, 0, 1) * pix.Clamp((.80-side)/.25, 0, 1) * pix.Clamp(.25+v/(.5*row), 0, 1)
			shade := 1 - .45*min(side, 1)*min(side, 1)
			depth := 1 - .25*pix.Clamp(v, 0, 1)
			var c [3]float32
			for k := range c {
				c[k] = depth * lip[k] * cavityTint[k]
				c[k] += toothSolid * none * t * (shade*white*toothTint[k] - lip[k]*cavityTint[k])
			}
			o.colour[0].Pix[i], o.colour[1].Pix[i], o.colour[2].Pix[i] = coder.YUV(c[0], c[1], c[2])
			below := pix.Clamp((v*r-holeBelow)/(holeBelowFull-holeBelow), 0, 1)
			o.cover.Pix[i] = weight * pix.Clamp(1.3*o.cover.Pix[i]-.15, 0, 1) * (none + (1-none)*below)
		}
	}
	for y := range ht { // beyond the slit's box nothing was coloured
		for x := range w {
			if x < s.box.X0 || x >= s.box.X1 || y < s.box.Y0 || y >= s.box.Y1 {
				o.cover.Pix[y*w+x] = 0
			}
		}
	}
}

// colours are the median colour of the person's lips in a frame, and how bright teeth are in its light.
func (o *hole) colours(f *pix.Frame, h *Head) (lip [3]float32, white float32) {
	at := func(points []int) (c [3]float32) {
		var all [3][]float32
		coder := pix.NewCoder(f.Colour)
		for _, i := range points {
			x, y := int(pix.Clamp(h.Mesh[i].X+.5, 0, float32(f.W-1))), int(pix.Clamp(h.Mesh[i].Y+.5, 0, float32(f.H-1)))
			unit := 1 / float32(int(1)<<(f.Depth-8))
			v := [3]float32{float32(f.Planes[0].At(x, y)) * unit, 128, 128}
			if !f.Mono {
				for k := 1; k < 3; k++ {
					v[k] = float32(f.Planes[k].At(x>>f.SubX, y>>f.SubY)) * unit
				}
			}
			r, g, b := coder.RGB(v[0], v[1], v[2])
			all[0], all[1], all[2] = append(all[0], r), append(all[1], g), append(all[2], b)
		}
		for k := range c {
			slices.Sort(all[k])
			c[k] = max(0, all[k][len(all[k])/2])
		}
		return c
	}
	lip = at([]int{11, 72, 302, 73, 303, 74, 304, 16, 85, 315, 86, 316, 90, 320, 89, 319})
	skin := at([]int{164, 167, 393, 165, 391, 205, 425, 50, 280, 36, 266})
	return lip, min(225, 1.05*(skin[0]+skin[1]+skin[2])/3)
}

// paint lays the cavity over what diff makes of a plane, of which inner is the frame's part.
func (o *hole) paint(diff, inner pix.Map, plane int, f *pix.Frame) {
	if !o.on {
		return
	}
	cover, colour := o.cover, o.colour[plane]
	if plane > 0 {
		cover, colour = f.Subsample(cover, o.box), f.Subsample(colour, o.box)
	}
	for i, c := range cover.Pix {
		if c > 0 {
			diff.Pix[i] += c * (colour.Pix[i] - inner.Pix[i] - diff.Pix[i])
		}
	}
}
