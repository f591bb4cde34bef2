package face

import (
	"math"

	"github.com/twinsync/twinsync/pix"
)

// look is a frame seen from so far away that only its composition is left: what two frames
// of one shot share and frames on both sides of a cut do not.
const lookW, lookH = 32, 18

type look struct {
	luma   [lookW * lookH]uint8
	cb, cr [lookW * lookH]uint8
}

// Thresholds of the cut detector, set on the shared clips and made ones: cuts score .7 to .8, .27
// between two portraits on the same grey; a shaken camera
// .12, an object that appears .17, flashes and fades less.
const (
	cutScore    = .24
	cutStandOut = 4.0 // times the mean score of the frames before and cutFloor
	cutFloor    = .02
	lookShift   = 3 // cells: how far the picture may move from frame to frame
	flashHold   = 3 // frames after which a picture that comes back shows that it was only a flash
)

// glance fills l from a frame, averaging a few samples per cell.
func (l *look) glance(f *pix.Frame) {
	l.plane(&l.luma, &f.Planes[0], f.Depth)
	if f.Mono {
		for i := range l.cb {
			l.cb[i], l.cr[i] = 128, 128
		}
		return
	}
	l.plane(&l.cb, &f.Planes[1], f.Depth)
	l.plane(&l.cr, &f.Planes[2], f.Depth)
}

func (l *look) plane(dst *[lookW * lookH]uint8, p *pix.Plane, depth int) {
	if p.P16 != nil {
		glancePlane(dst, p.P16, p, depth)
	} else {
		glancePlane(dst, p.P8, p, depth)
	}
}

func glancePlane[T uint8 | uint16](dst *[lookW * lookH]uint8, src []T, p *pix.Plane, depth int) {
	const taps = 4 // each way
	var columns [lookW * taps]int
	for i := range columns {
		columns[i] = (2*i + 1) * p.W / (2 * lookW * taps)
	}
	for cy := range lookH {
		var sums [lookW]int
		for ty := range taps {
			y := (2*(cy*taps+ty) + 1) * p.H / (2 * lookH * taps)
			row := src[y*p.Stride : y*p.Stride+p.W]
			for i, x := range &columns {
				sums[i/taps] += int(row[x])
			}
		}
		for cx, sum := range &sums {
			dst[cy*lookW+cx] = uint8(sum / (taps * taps) >> (depth - 8))
		}
	}
}

// differs scores how unlike two pictures are, 0…1. Brightness and contrast do not count (a
// flash is no cut), nor does a shift of a few cells (a shaken camera is none).
func (l *look) differs(o *look) float64 {
	best := correlation(&l.luma, &o.luma, 0, 0)
	for dy := -lookShift; dy <= lookShift && best < .97; dy++ {
		for dx := -lookShift; dx <= lookShift; dx++ {
			best = max(best, correlation(&l.luma, &o.luma, dx, dy))
		}
	}
	structure := 1 - max(0, best)
	// Colour: the distance of the chroma histograms, which a flash moves little.
	colour := max(histogramDistance(&l.cb, &o.cb), histogramDistance(&l.cr, &o.cr))
	return .7*structure + .3*colour
}

// correlation of the parts of two pictures that overlap after a shift; 1 for flat ones.
func correlation(a, b *[lookW * lookH]uint8, dx, dy int) float64 {
	var n, sa, sb, saa, sbb, sab float64
	for y := max(0, -dy); y < min(lookH, lookH-dy); y++ {
		for x := max(0, -dx); x < min(lookW, lookW-dx); x++ {
			p, q := float64(a[y*lookW+x]), float64(b[(y+dy)*lookW+x+dx])
			n++
			sa += p
			sb += q
			saa += p * p
			sbb += q * q
			sab += p * q
		}
	}
	va, vb := saa/n-sa*sa/n/n, sbb/n-sb*sb/n/n
	// Structure below the noise of compression is none: 4 is a standard deviation of 2 steps.
	const flat = 4
	if va < flat && vb < flat {
		return 1
	}
	return (sab/n - sa*sb/n/n) / math.Sqrt(max(va, flat)*max(vb, flat))
}

func histogramDistance(a, b *[lookW * lookH]uint8) float64 {
	const shift = 3
	var ha, hb [256>>shift + 2]float64
	// Values are shared between the two nearest bins, so that a drift over a bin's edge is no jump.
	add := func(h *[256>>shift + 2]float64, v uint8) {
		t := float64(v)/(1<<shift) - .5 + 1
		i := int(t)
		h[i] += 1 - (t - float64(i))
		h[i+1] += t - float64(i)
	}
	for i := range a {
		add(&ha, a[i])
		add(&hb, b[i])
	}
	d := 0.0
	for i := range ha {
		d += math.Abs(ha[i] - hb[i])
	}
	return d / (2 * float64(len(a)))
}

// cutter finds hard cuts in frames given in order. A fade is none: the tracks show whether
// somebody else is there afterwards.
type cutter struct {
	seen   int
	last   look
	recent float64 // running mean of the scores
	cuts   []int   // frames that begin a shot

	before   look // the frame before the newest cut
	sinceCut int  // frames since then; −1 without one
}

// see takes the next frame and tells whether it begins a new shot, and whether at least it differs
// so much from the last that faces should be looked for anew.
func (c *cutter) see(index int, f *pix.Frame) (cut, unlike bool) {
	var now look
	now.glance(f)
	defer func() { c.last = now; c.seen++ }()
	if c.seen == 0 {
		c.sinceCut = -1
		return false, true
	}
	score := now.differs(&c.last)
	cut = score > cutScore && score > cutStandOut*(c.recent+cutFloor)
	// A flash or a lost frame: what is seen now is what was seen before the cut.
	if c.sinceCut >= 0 {
		c.sinceCut++
		if c.sinceCut <= flashHold && now.differs(&c.before) < cutScore/2 && score > cutScore/2 {
			c.cuts = c.cuts[:len(c.cuts)-1]
			c.sinceCut = -1
			cut = false
		}
	}
	if cut {
		c.cuts = append(c.cuts, index)
		c.before, c.sinceCut = c.last, 0
		c.recent = 0
		return true, true
	}
	c.recent += (score - c.recent) / 8
	return false, score > cutScore/2
}
