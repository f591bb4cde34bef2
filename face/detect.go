package face

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/twinsync/twinsync/pix"
)

// Inputs of the detection networks, in pixels; both see RGB from 0 to 1. Short range is meant
// for faces from about a sixth of the picture, full range for those down to a twentieth.
const (
	shortSide, shortAnchors = 128, 896
	fullSide, fullAnchors   = 192, 2304
)

// Scores from which a detection is looked at more closely. The mesh network, which sees
// the face at its own size, decides.
const (
	shortScore = .50
	fullScore  = .50
	tileScore  = .60 // tiles and turned pictures: many looks, so more chances to be wrong
)

// overlapSame is the intersection over union from which two boxes are the same face
// (MediaPipe's non-maximum suppression: .3).
const overlapSame = .3

// detection is a face as the detector sees it, in frame coordinates.
type detection struct {
	box   Box
	keys  [6]pix.Vec2 // right eye, left eye, nose tip, mouth, right ear, left ear; the person's own sides
	score float32
	sure  bool // found in the whole picture, upright
}

// square is where the mesh network should look: turned with the eyes, 1.5 times the box.
func (d *detection) square() pix.Square {
	a, b := d.keys[0], d.keys[1]
	return pix.Square{
		X: d.box.X + d.box.W/2, Y: d.box.Y + d.box.H/2, Side: cropMargin * max(d.box.W, d.box.H),
		Angle: float32(math.Atan2(float64(b.Y-a.Y), float64(b.X-a.X))),
	}
}

// effort is how hard to look for faces.
type effort int

const (
	quick    effort = iota // whole picture, short range
	thorough               // whole picture, short and full range
	hard                   // and when that finds nobody, tiles and the picture turned
)

// detect finds faces in the whole picture, surest first. It is the union of the looks; those that
// see the same face are merged, weighted by score.
func (l *lens) detect(ctx context.Context, f *pix.Frame, e effort) ([]detection, error) {
	whole := wholeSquare(f)
	found, err := l.look(ctx, f, whole, false, shortScore, nil)
	if err == nil && e >= thorough {
		found, err = l.look(ctx, f, whole, true, fullScore, found)
	}
	if err == nil && e >= thorough && l.m.helper != nil {
		found, err = l.m.helper.look(ctx, l, f, found)
	}
	if err != nil {
		return nil, err
	}
	for i := range found {
		found[i].sure = true
	}
	return merge(found), nil
}

// wholeSquare is the whole picture, made square.
func wholeSquare(f *pix.Frame) pix.Square {
	return pix.Square{X: float32(f.W-1) / 2, Y: float32(f.H-1) / 2, Side: float32(max(f.W, f.H))}
}

// search looks where detect found nobody, in steps from the likely to the unlikely, and ends with the
// first step of which meet accepts a face: parts of the picture, large and then small, as long as a
// part has more pixels than the network sees; then the picture turned, as phones and
// upside-down files have it.
func (l *lens) search(ctx context.Context, f *pix.Frame, meet func([]detection) (bool, error)) error {
	long, short := float32(max(f.W, f.H)), float32(min(f.W, f.H))
	for _, side := range []float32{short, short / 2} {
		if side < fullSide || side == short && short > .9*long {
			continue
		}
		var found []detection
		for _, sq := range tiles(f.W, f.H, side) {
			var err error
			if found, err = l.look(ctx, f, sq, true, tileScore, found); err != nil {
				return err
			}
		}
		if met, err := meet(merge(found)); met || err != nil {
			return err
		}
	}
	for _, turn := range []float32{math.Pi, math.Pi / 2, -math.Pi / 2} {
		sq := wholeSquare(f)
		sq.Angle = turn
		found, err := l.look(ctx, f, sq, false, tileScore, nil)
		if err == nil {
			found, err = l.look(ctx, f, sq, true, tileScore, found)
		}
		if err != nil {
			return err
		}
		if met, err := meet(merge(found)); met || err != nil {
			return err
		}
	}
	return nil
}

// tiles covers the frame with squares of this side, overlapping by at least a third so that a
// face as wide as that lies whole in one of them.
func tiles(w, h int, side float32) []pix.Square {
	along := func(size int) []float32 {
		n := 1
		if float32(size) > side {
			n = int(math.Ceil(float64((float32(size)-side)/(side*2/3)))) + 1
		}
		at := make([]float32, n)
		for i := range at {
			at[i] = float32(size-1) / 2
			if n > 1 {
				at[i] = side/2 + float32(i)*(float32(size)-side)/float32(n-1)
			}
		}
		return at
	}
	var all []pix.Square
	for _, y := range along(h) {
		for _, x := range along(w) {
			all = append(all, pix.Square{X: x, Y: y, Side: side})
		}
	}
	return all
}

// look runs one detector over one square of the frame and appends what it finds.
func (l *lens) look(ctx context.Context, f *pix.Frame, sq pix.Square, full bool, least float32, found []detection) ([]detection, error) {
	n, anchors, net := shortSide, shortAnchors, l.m.short
	if full {
		n, anchors, net = fullSide, fullAnchors, l.m.full
	}
	in := l.buffer(&l.picture, 3*n*n)
	boxes, scores := l.buffer(&l.boxes, 16*anchors), l.buffer(&l.scores, anchors)
	l.sampler.Crop(in, f, sq, n, pix.SampleOptions{Black: true})
	if err := net.Run(ctx, [][]float32{in}, [][]float32{boxes, scores}); err != nil {
		return nil, err
	}
	for i, s := range scores {
		if !(s >= least) {
			continue
		}
		// cx, cy, w, h, then six points; 0…1 of the network's picture.
		b := boxes[16*i : 16*i+16]
		at := func(k int) pix.Vec2 {
			return sq.ToFrame(n, pix.Vec2{X: b[k]*float32(n) - .5, Y: b[k+1]*float32(n) - .5})
		}
		c, w, h := at(0), b[2]*sq.Side, b[3]*sq.Side
		if !(w > 1 && h > 1 && w < 4*sq.Side && h < 4*sq.Side) {
			continue
		}
		d := detection{box: Box{c.X - w/2, c.Y - h/2, w, h}, score: s}
		for k := range d.keys {
			d.keys[k] = at(4 + 2*k)
		}
		found = append(found, d)
	}
	return found, nil
}

// merge is MediaPipe's weighted non-maximum suppression: detections that overlap the best one
// are averaged into it with their scores as weights.
func merge(found []detection) []detection {
	// Stable and by position too, so that equal scores cannot change the outcome.
	slices.SortStableFunc(found, func(a, b detection) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.box.X, b.box.X), cmp.Compare(a.box.Y, b.box.Y))
	})
	var out []detection
	for len(found) > 0 {
		best := found[0]
		var rest []detection
		var sum float32
		mean := detection{score: best.score}
		for _, d := range found {
			if overlap(best.box, d.box) <= overlapSame {
				rest = append(rest, d)
				continue
			}
			mean.sure = mean.sure || d.sure
			w := d.score
			sum += w
			mean.box.X += w * d.box.X
			mean.box.Y += w * d.box.Y
			mean.box.W += w * d.box.W
			mean.box.H += w * d.box.H
			for k := range mean.keys {
				mean.keys[k].X += w * d.keys[k].X
				mean.keys[k].Y += w * d.keys[k].Y
			}
		}
		w := 1 / sum
		mean.box = Box{mean.box.X * w, mean.box.Y * w, mean.box.W * w, mean.box.H * w}
		for k := range mean.keys {
			mean.keys[k] = pix.Vec2{X: mean.keys[k].X * w, Y: mean.keys[k].Y * w}
		}
		out = append(out, mean)
		found = rest
	}
	return out
}

// largerFirst orders detections for those who can only follow so many.
func largerFirst(a, b detection) int { return cmp.Compare(b.box.W*b.box.H, a.box.W*a.box.H) }

// overlap is the intersection over the union of two boxes, 0…1.
func overlap(a, b Box) float32 {
	w := min(a.X+a.W, b.X+b.W) - max(a.X, b.X)
	h := min(a.Y+a.H, b.Y+b.H) - max(a.Y, b.Y)
	if w <= 0 || h <= 0 {
		return 0
	}
	return w * h / (a.W*a.H + b.W*b.H - w*h)
}
