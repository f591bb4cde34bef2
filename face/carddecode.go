package face

import (
	"cmp"
	"math"
	"slices"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/pix"
)

// decodeYOLO reads the rows of YOLOv8-face, [20, n] value by value: centre x and y, width, height, score, then
// five times x, y, confidence.
func decodeYOLO(rows []float32, least float32) ([]candidate, error) {
	const values = 20
	n := len(rows) / values
	if n*values != len(rows) {
		return nil, wrongSize(infer.RoleRows, len(rows))
	}
	at := func(value, i int) float32 { return rows[value*n+i] }
	var all []candidate
	for i := range n {
		if !(at(4, i) > least) {
			continue
		}
		x, y, w, h := at(0, i), at(1, i), at(2, i)/2, at(3, i)/2
		c := candidate{x0: x - w, y0: y - h, x1: x + w, y1: y + h, score: at(4, i)}
		for k := range c.points {
			c.points[k] = pix.Vec2{X: at(5+3*k, i), Y: at(6+3*k, i)}
		}
		all = append(all, c)
	}
	return all, nil
}

// level is one of the grids of an SCRFD, RetinaFace or YuNet: cells of stride pixels, row by row, each with so many
// anchors. The anchor of a cell lies at its index times the stride.
type level struct {
	stride, side, anchors int
	scores, objectness    []float32 // a number an anchor
	boxes, points         []float32 // four and ten numbers
}

// decode reads a level. SCRFD gives the distances left, top, right, bottom from the anchor in strides; YuNet
// the centre's distance in strides, the logarithms of the sides in strides, and two factors of the score.
func (l level) decode(yunet bool, least float32) ([]candidate, error) {
	cells := l.side / l.stride
	n := cells * cells * l.anchors
	for _, t := range []struct {
		role   infer.Role
		values []float32
		each   int
		wanted bool
	}{{infer.RoleScores, l.scores, 1, true}, {infer.RoleObjectness, l.objectness, 1, yunet}, {infer.RoleBoxes, l.boxes, 4, true}, {infer.RolePoints, l.points, 10, true}} {
		if t.wanted && len(t.values) != n*t.each {
			return nil, wrongSize(t.role, len(t.values))
		}
	}
	s := float32(l.stride)
	exp := func(v float32) float32 { return float32(math.Exp(float64(v))) }
	var all []candidate
	for i := range n {
		score := l.scores[i]
		if yunet {
			score *= l.objectness[i]
		}
		if !(score > least) {
			continue
		}
		cell := i / l.anchors
		x, y := s*float32(cell%cells), s*float32(cell/cells)
		b := l.boxes[4*i : 4*i+4]
		c := candidate{x0: x - s*b[0], y0: y - s*b[1], x1: x + s*b[2], y1: y + s*b[3], score: score}
		if yunet {
			cx, cy, w, h := x+s*b[0], y+s*b[1], s*exp(b[2])/2, s*exp(b[3])/2
			c.x0, c.y0, c.x1, c.y1 = cx-w, cy-h, cx+w, cy+h
		}
		for k := range c.points {
			p := l.points[10*i+2*k : 10*i+2*k+2]
			c.points[k] = pix.Vec2{X: x + s*p[0], Y: y + s*p[1]}
		}
		all = append(all, c)
	}
	return all, nil
}

func wrongSize(r infer.Role, n int) error {
	return fault.New(fault.Unsupported, "detector", "the detector gives %d %s, which is not what its decoder reads", n, r)
}

// strongest is plain non-maximum suppression: of candidates that overlap more than limit (intersection over union)
// the one with the best score stays. The best come first, at most mostCandidates.
func strongest(all []candidate, limit float32) []candidate {
	slices.SortStableFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.x0, b.x0), cmp.Compare(a.y0, b.y0))
	})
	all = all[:min(len(all), 4*mostCandidates)]
	box := func(c *candidate) Box { return Box{c.x0, c.y0, c.x1 - c.x0, c.y1 - c.y0} }
	var kept []candidate
	for i := range all {
		if len(kept) == mostCandidates {
			break
		}
		if !slices.ContainsFunc(kept, func(k candidate) bool { return overlap(box(&k), box(&all[i])) > limit }) {
			kept = append(kept, all[i])
		}
	}
	return kept
}
