package swap

import (
	"cmp"
	"slices"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// A nearer face stays in front with this margin around its oval and this soft edge, in face widths.
const frontMargin, frontSoft = .06, .05

// farFirst are the indices of the jobs, those of the people farther from the camera first. A
// head's size decides, over its whole track, so that the order never changes within a shot.
func (s *stream) farFirst(jobs []*faceJob) []int {
	order := make([]int, len(jobs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(s.plan.analysis.Tracks[jobs[a].track].Scale, s.plan.analysis.Tracks[jobs[b].track].Scale)
	})
	return order
}

// inFront are the faces of a frame, swapped or not, that are nearer to the camera than a track's and
// so near to it in the picture that a change of it could reach them.
func (s *stream) inFront(index, track int, reach pix.Rect) (list []*face.Observation) {
	own := &s.plan.analysis.Tracks[track]
	for i := range s.plan.analysis.Tracks {
		t := &s.plan.analysis.Tracks[i]
		if i == track || len(t.Faces) == 0 || t.Scale < own.Scale || t.Scale == own.Scale && i < track {
			continue
		}
		k := index - t.Faces[0].Frame
		if k < 0 || k >= len(t.Faces) {
			continue
		}
		if o := &t.Faces[k]; !frontBox(o, reach).Empty() {
			list = append(list, o)
		}
	}
	return list
}

// frontBox is the part of a picture that a nearer face covers.
func frontBox(o *face.Observation, picture pix.Rect) pix.Rect {
	w := o.Mesh.Bounds().W
	return boxAround(o.Mesh[:face.MeshPoints], (frontMargin+frontSoft)*w+1, picture)
}

// keepInFront remembers the pixels of faces in a frame. restore puts them back over whatever was
// drawn since, with a soft edge.
func keepInFront(f *pix.Frame, faces []*face.Observation) (restore func()) {
	type kept struct {
		box    pix.Rect // of the plane
		before pix.Map
		mask   pix.Map
		plane  int
	}
	var all []kept
	for _, o := range faces {
		box := frontBox(o, f.Bounds())
		if box.Empty() {
			continue
		}
		w := o.Mesh.Bounds().W
		oval := make([]pix.Vec2, 0, 36)
		for _, i := range face.Oval() {
			oval = append(oval, pix.Vec2{X: o.Mesh[i].X - float32(box.X0), Y: o.Mesh[i].Y - float32(box.Y0)})
		}
		mask := pix.FillPolygon(box.W(), box.H(), oval, frontMargin*w, frontSoft*w)
		for p := range f.Planes {
			if p > 0 && f.Mono {
				break
			}
			k := kept{box: box, mask: mask, plane: p}
			if p > 0 {
				k.box = f.ChromaRect(box)
				if k.mask = f.Subsample(mask, box); f.SubX == 0 && f.SubY == 0 {
					k.mask = mask
				}
			}
			f.Planes[p].Crop(&k.before, k.box, f.Depth)
			all = append(all, k)
		}
	}
	return func() {
		var now pix.Map
		for _, k := range all {
			f.Planes[k.plane].Crop(&now, k.box, f.Depth)
			for i, v := range now.Pix {
				now.Pix[i] = k.mask.Pix[i] * (k.before.Pix[i] - v)
			}
			f.Add(k.plane, k.box.X0, k.box.Y0, now)
		}
	}
}
