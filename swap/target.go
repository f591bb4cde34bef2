package swap

import (
	"slices"
	"sync"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// targetSide is the side of the UV square on which the footage is studied.
const targetSide = 128

// target is what is constant about a person in one track of the video.
type target struct {
	r         *regions
	reference colours // robust median of the person's skin, log light in the video's own primaries
	keep      pix.Map // 0…1: 0 where the target's hair or spectacles must stay
	skin      pix.Map // 0…1 by the skin model
	weight    pix.Map // how far a texel tells about light
	seen      pix.Map // mean visibility over the samples
	features  pix.Map // r.features with a margin: where an expression changes more than light
	moving    pix.Map // eyes and mouth opening: never taken for occluded
	free      pix.Map // where structure can be compared: not moving
	structure pix.Map // band of the reference
	steady    pix.Map // 0…1 where most samples have that structure
	edges     float32 // edgeStrength of the footage
	grey      bool    // black and white footage: chroma stays as it is
}

// Footage with less colour than this on the face (8-bit steps between the channels, mean over
// the face) is black and white.
const greySteps = 2.5

// newTarget studies the samples of a track. curve is that of the video's transfer. It returns
// false when no sample shows enough of the face.
func newTarget(t *face.Track, curve *pix.Curve) (*target, bool) {
	g := &target{r: newRegions(targetSide)}
	samples, seen := g.readSamples(t, curve)
	if len(samples) == 0 {
		return nil, false
	}
	g.seen = pix.NewMap(targetSide, targetSide)
	for _, s := range seen {
		for i, v := range s.Pix {
			g.seen.Pix[i] += v / float32(len(seen))
		}
	}
	edges := make([]float32, len(samples))
	for i := range samples {
		edges[i] = g.r.edgeStrength(samples[i].luma())
	}
	g.edges = nth(edges, len(edges)/2)
	best := g.clearest(samples, seen)
	g.reference = robustMedian(samples, best)
	g.fillUnseen()
	g.replaceObjects(samples, best)
	g.drawMasks()
	g.learnSteady(samples, best)
	g.maskObjects(samples, seen)
	first := g.reference
	g.reference = robustMedian(samples, seen)
	for i := range g.seen.Pix {
		if g.reference[0].Pix[i] == 0 && g.reference[1].Pix[i] == 0 { // covered in every sample
			for k := range first {
				g.reference[k].Pix[i] = first[k].Pix[i]
			}
		}
	}
	g.drawMasks()
	g.learnSteady(samples, seen)
	return g, true
}

// drawMasks derives from the reference what is skin, hair and spectacles.
func (g *target) drawMasks() {
	fn := float32(targetSide)
	g.skin = g.r.skinConfidence(g.reference, g.seen)
	hair := g.r.hairOn(g.skin)
	g.keep = g.r.withoutHair(hair, .02)
	if frame, worn := g.r.glasses(g.reference, bridgeOnVideo); worn {
		frame = frame.Grow(.012 * fn).Blurred(.006 * fn)
		for i, v := range frame.Pix {
			g.keep.Pix[i] *= 1 - v
		}
	}
	g.weight = g.r.skin.Clone()
	open := g.skin.Open(.006 * fn)
	for i := range g.weight.Pix {
		g.weight.Pix[i] *= (doubtfulLight + (1-doubtfulLight)*open.Pix[i]) * (1 - hair.Pix[i])
	}
	pix.Blur(g.weight, g.weight, .5)
	g.features = g.r.features.Grow(.02 * fn)
	g.moving = g.r.eyes.Grow(.03 * fn).Max(g.r.inner.Grow(.03 * fn))
	g.free = pix.NewMap(targetSide, targetSide)
	for i, m := range g.moving.Pix {
		if g.r.rim.Pix[i] > .02 {
			g.free.Pix[i] = (1 - m) * g.keep.Pix[i]
		}
	}
	g.structure = band(g.reference.luma(), g.free)
}

// clearShare is the share of a track's samples that the first reference is made of.
const clearShare = .4

// clearest takes out of the samples' visibility what something in front of the face may hide: in
// each quarter of the face only those samples count that show its brow or its lips best.
func (g *target) clearest(samples []colours, seen []pix.Map) []pix.Map {
	keep := max(1, int(clearShare*float64(len(samples))+.5))
	if len(samples) <= keep {
		return seen
	}
	out := make([]pix.Map, len(seen))
	for s := range seen {
		out[s] = seen[s].Clone()
	}
	middle := int(face.Canonical().UV[4].Y * targetSide) // the tip of the nose
	score, sorted := make([]float32, len(samples)), make([]float32, len(samples))
	for half, part := range []pix.Map{g.r.brows, g.r.lips} {
		around := part.Grow(.04 * targetSide)
		for side := range 2 {
			for s := range samples {
				luma := samples[s].luma()
				score[s] = g.contrast(luma, part, around, side)
			}
			copy(sorted, score)
			limit := nth(sorted, len(sorted)-keep)
			for s := range samples {
				if score[s] >= limit {
					continue
				}
				for y := half * middle; y < middle+half*(targetSide-middle); y++ {
					clear(out[s].Row(y)[side*targetSide/2 : (side+1)*targetSide/2])
				}
			}
		}
	}
	return out
}

// contrast is how much darker a part is than what surrounds it, on one half of the face.
func (g *target) contrast(luma, part, around pix.Map, side int) float32 {
	var in, out, inN, outN float32
	for y := range targetSide {
		for x := side * targetSide / 2; x < (side+1)*targetSide/2; x++ {
			i := y*targetSide + x
			if p := part.Pix[i]; p > .5 {
				in += luma.Pix[i]
				inN++
			} else if around.Pix[i] > .5 {
				out += luma.Pix[i]
				outN++
			}
		}
	}
	return out/max(outN, 1) - in/max(inN, 1)
}

// maskObjects takes what lies in front of the face out of the samples' visibility.
func (g *target) maskObjects(samples []colours, seen []pix.Map) {
	var looks sync.WaitGroup // the first frame waits for this: all cores help
	for s := range samples {
		looks.Go(func() {
			object, covered := g.occluded(&samples[s], seen[s])
			if covered < .02 {
				return
			}
			clean := seen[s].Clone()
			for i, o := range object.Pix {
				clean.Pix[i] *= 1 - o
			}
			seen[s] = clean
		})
	}
	looks.Wait()
}

// readSamples turns the track's textures into log light and visibility. It also tells whether
// the footage is grey.
func (g *target) readSamples(t *face.Track, curve *pix.Curve) (samples []colours, seen []pix.Map) {
	colourful, texels := 0.0, 0.0
	var table [256]float32
	for v := range table {
		table[v] = curve.Log(float32(v))
	}
	for _, x := range t.Textures {
		if x.N < 2 || len(x.RGB) != 3*x.N*x.N || len(x.Seen) != x.N*x.N {
			continue
		}
		lg, vis := newColours(x.N), pix.NewMap(x.N, x.N)
		covered := 0
		for i, s := range x.Seen {
			vis.Pix[i] = float32(s) / 255
			c := x.RGB[3*i : 3*i+3]
			for k := range lg {
				lg[k].Pix[i] = table[c[k]]
			}
			if s > 128 {
				covered++
				texels++
				colourful += float64(max(c[0], c[1], c[2]) - min(c[0], c[1], c[2]))
			}
		}
		if covered < x.N*x.N/8 {
			continue
		}
		if x.N != targetSide {
			small := pix.NewMap(targetSide, targetSide)
			pix.Resample(small, vis)
			lg, vis = lg.resampled(targetSide), small
		}
		samples, seen = append(samples, lg), append(seen, vis)
	}
	g.grey = texels > 0 && colourful < greySteps*texels
	return samples, seen
}

// seenEnough is the visibility from which a texel of a sample counts.
const seenEnough = .3

// robustMedian is the per-texel, per-channel median of the samples in which it is seen; texels
// never seen are zero.
func robustMedian(samples []colours, seen []pix.Map) colours {
	m := newColours(targetSide)
	buf := make([]float32, 0, len(samples))
	for k := range m {
		for i := range m[k].Pix {
			buf = buf[:0]
			for s := range samples {
				if seen[s].Pix[i] > seenEnough {
					buf = append(buf, samples[s][k].Pix[i])
				}
			}
			if len(buf) > 0 {
				slices.Sort(buf)
				m[k].Pix[i] = (buf[(len(buf)-1)/2] + buf[len(buf)/2]) / 2
			}
		}
	}
	return m
}

// fillUnseen continues the reference where no sample shows it.
func (g *target) fillUnseen() {
	hole := pix.NewMap(targetSide, targetSide)
	for i, v := range g.seen.Pix {
		if v < .02 {
			hole.Pix[i] = 1
		}
	}
	for k := range g.reference {
		pix.Inpaint(g.reference[k], hole)
	}
}

// replaceObjects puts skin where an object (a hand, a microphone) covers a texel in most
// samples: where the mean of the 40 % of samples nearest to the smooth skin surface
// differs from the median, it wins.
func (g *target) replaceObjects(samples []colours, seen []pix.Map) {
	if len(samples) < 3 {
		return
	}
	const share = .4
	support := g.r.seed.Clone().Mul(g.seen)
	coef := g.r.fitShade(g.reference[:], support, shadeFit{terms: 9, rounds: 6, step: 1})
	n := targetSide * targetSide
	distance := make([]pix.Map, len(samples))
	for s := range samples {
		d := pix.NewMap(targetSide, targetSide)
		for k := range coef {
			e := pix.NewMap(targetSide, targetSide)
			for i := range n {
				e.Pix[i] = samples[s][k].Pix[i] - float32(g.r.shade(coef[k], i))
			}
			pix.Blur(e, e, .6)
			for i, v := range e.Pix {
				d.Pix[i] += max(v, -v) / 3
			}
		}
		for i, v := range seen[s].Pix {
			if v <= seenEnough {
				d.Pix[i] += 10
			}
		}
		distance[s] = d
	}
	best := newColours(targetSide)
	buf := make([]float32, len(samples))
	for i := range n {
		count := 0
		for s := range samples {
			buf[s] = distance[s].Pix[i]
			if seen[s].Pix[i] > seenEnough {
				count++
			}
		}
		count = max(1, int(share*float64(count)))
		limit := nth(buf, count-1)
		var sum [3]float32
		used := float32(0)
		for s := range samples {
			if distance[s].Pix[i] <= limit {
				used++
				for k := range sum {
					sum[k] += samples[s][k].Pix[i]
				}
			}
		}
		for k := range sum {
			best[k].Pix[i] = sum[k] / used
		}
	}
	differ := pix.NewMap(targetSide, targetSide)
	for k := range best {
		e := pix.NewMap(targetSide, targetSide)
		for i := range n {
			e.Pix[i] = g.reference[k].Pix[i] - best[k].Pix[i]
		}
		pix.Blur(e, e, .6)
		for i, v := range e.Pix {
			differ.Pix[i] += max(v, -v) / 3
		}
	}
	for k := range best {
		for i := range n {
			a := pix.SmoothStep(differ.Pix[i], .25, .5)
			g.reference[k].Pix[i] += a * (best[k].Pix[i] - g.reference[k].Pix[i])
		}
	}
}
