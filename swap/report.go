package swap

import "slices"

// Reason says why a face was left as it was.
type Reason string

// The reasons.
const (
	TurnedAway Reason = "turned_away" // profile or beyond
	Covered    Reason = "covered"     // something lies over most of the face
	TooSmall   Reason = "too_small"   // fewer pixels than a face needs
	Uncertain  Reason = "uncertain"   // the mesh is not trusted here
	NoView     Reason = "no_view"     // the face is never seen well enough in this shot
	TurnedOff  Reason = "strength_0"  // nothing is to be changed
)

// FaceReport is what became of one chosen face in one frame.
type FaceReport struct {
	Person     int
	Confidence float32 // 0…1 that the swap looks right here
	Swapped    bool
	Reason     Reason // when not swapped
}

// FrameReport is what became of one frame.
type FrameReport struct {
	Index int // in the video
	Faces []FaceReport
}

// Range is a run of frames First ≤ i < End in which a person was left for one reason.
type Range struct {
	First  int    `json:"first"`
	End    int    `json:"end"`
	Person int    `json:"person"`
	Reason Reason `json:"reason"`
}

// Report sums up a swapped video, or a part of it.
type Report struct {
	Frames     int     `json:"frames"`     // in all
	WithFace   int     `json:"with_face"`  // in which a chosen person is seen
	Swapped    int     `json:"swapped"`    // in which at least one face was swapped
	Confidence float64 `json:"confidence"` // mean over swapped faces, 0…1
	Left       []Range `json:"left"`       // by person, then time

	faces int
	sum   float64
}

// NewReport returns the report of no frames.
func NewReport() *Report { return &Report{Left: []Range{}} }

// Add counts one frame. Frames come in order.
func (r *Report) Add(f FrameReport) {
	r.Frames++
	swapped := false
	for _, c := range f.Faces {
		if c.Swapped {
			swapped = true
			r.count(1, float64(c.Confidence))
			continue
		}
		r.left(Range{f.Index, f.Index + 1, c.Person, c.Reason})
	}
	if len(f.Faces) > 0 {
		r.WithFace++
	}
	if swapped {
		r.Swapped++
	}
}

// Merge adds the report of the next part of the same video.
func (r *Report) Merge(o *Report) {
	r.Frames += o.Frames
	r.WithFace += o.WithFace
	r.Swapped += o.Swapped
	faces, sum := o.faces, o.sum
	if faces == 0 && o.Swapped > 0 { // o has been through JSON
		faces, sum = o.Swapped, o.Confidence*float64(o.Swapped)
	}
	if r.faces == 0 && r.Swapped > o.Swapped {
		n := r.Swapped - o.Swapped
		r.count(n, r.Confidence*float64(n))
	}
	r.count(faces, sum)
	for _, l := range o.Left {
		r.left(l)
	}
}

func (r *Report) count(faces int, sum float64) {
	r.faces += faces
	r.sum += sum
	if r.faces > 0 {
		r.Confidence = r.sum / float64(r.faces)
	}
}

// left adds a range, to the one it continues where there is one.
func (r *Report) left(n Range) {
	for i := len(r.Left) - 1; i >= 0; i-- {
		l := &r.Left[i]
		if l.Person == n.Person && l.Reason == n.Reason && l.End == n.First {
			l.End = n.End
			return
		}
	}
	at, _ := slices.BinarySearchFunc(r.Left, n, func(a, b Range) int {
		if a.Person != b.Person {
			return a.Person - b.Person
		}
		return a.First - b.First
	})
	r.Left = slices.Insert(r.Left, at, n)
}
