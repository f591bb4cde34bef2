package face

import (
	"encoding/json"
	"io"

	"github.com/twinsync/twinsync/pix"
)

// Version of the analysis: raised whenever the same video would give other results, so that stored
// ones are made again.
const Version = 3

// Write writes the analysis so that ReadAnalysis gives it back, meshes to a sixteenth of a
// pixel.
func (a *Analysis) Write(out io.Writer) error {
	_, err := encode(out, kindAnalysis, func(w *writer) {
		w.uint(a.Version)
		w.bytes([]byte(a.Video.SHA256))
		w.uint(a.Video.W)
		w.uint(a.Video.H)
		w.uint(a.Video.Frames)
		w.uint(len(a.Shots))
		for _, s := range a.Shots {
			w.uint(s.First)
			w.uint(s.End - s.First)
		}
		w.uint(len(a.People))
		for i := range a.People {
			p := &a.People[i]
			w.uint(p.Frames)
			w.uint(p.BestTrack)
			w.uint(p.BestFace)
			w.uint(len(p.Embedding))
			for _, v := range p.Embedding {
				w.float(v)
			}
		}
		w.uint(len(a.Tracks))
		for i := range a.Tracks {
			w.wholeTrack(&a.Tracks[i])
		}
	})
	return err
}

func (w *writer) wholeTrack(t *Track) {
	w.uint(t.Shot)
	w.uint(t.Person)
	w.uint(t.first())
	for _, v := range t.Neutral {
		w.float(v.X)
		w.float(v.Y)
		w.float(v.Z)
	}
	w.float(t.Scale)
	w.float(t.Sharpness)
	w.uint(len(t.Textures))
	for i := range t.Textures {
		w.texture(&t.Textures[i])
	}
	w.uint(len(t.Faces))
	var last *packed
	for i := range t.Faces {
		f := &t.Faces[i]
		p := pack(&f.Mesh, f.Confidence, f.Sharpness)
		w.mesh(&p, last)
		last = &p
		for _, v := range f.Pose.numbers() {
			w.float(*v)
		}
	}
}

// first is the first frame; 0 for a track without faces.
func (t *Track) first() int {
	if len(t.Faces) == 0 {
		return 0
	}
	return t.Faces[0].Frame
}

// numbers lists what a pose consists of, in the order of the file.
func (p *Pose) numbers() [16]*float32 {
	r := &p.R
	return [16]*float32{&r[0], &r[1], &r[2], &r[3], &r[4], &r[5], &r[6], &r[7], &r[8],
		&p.Scale, &p.T.X, &p.T.Y, &p.T.Z, &p.Yaw, &p.Pitch, &p.Roll}
}

// ReadAnalysis reads what Write wrote. Damaged or foreign data is an error, whatever it contains;
// so is another version, since the analysis must then be made again.
func ReadAnalysis(in io.Reader) (*Analysis, error) {
	return ReadAnalysisWindow(in, 0, maxFrames)
}

// ReadAnalysisWindow reads an analysis, but of the observations only those in frames first ≤ i <
// end: what rendering one segment of a long video needs. Tracks without any keep their place, so
// that indices hold, with empty Faces and no Textures; Person.BestFace is then −1 where the face is not
// among those read.
func ReadAnalysisWindow(in io.Reader, first, end int) (*Analysis, error) {
	a := new(Analysis)
	if err := decode(in, kindAnalysis, func(r *reader) { a.read(r, first, end) }); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *Analysis) read(r *reader, first, end int) {
	if a.Version = r.uint(maxFrames); a.Version != Version {
		r.fail()
		return
	}
	a.Video.SHA256 = string(r.bytes())
	a.Video.W, a.Video.H, a.Video.Frames = r.uint(1<<16), r.uint(1<<16), r.uint(maxFrames)
	for n := r.count(2); n > 0 && !r.bad; n-- {
		s := Shot{First: r.uint(maxFrames)}
		s.End = s.First + r.uint(maxFrames)
		a.Shots = append(a.Shots, s)
	}
	for n := r.count(4); n > 0 && !r.bad; n-- {
		p := Person{ID: len(a.People), Frames: r.uint(maxFrames), BestTrack: r.uint(maxFrames), BestFace: r.uint(maxFrames)}
		p.Embedding = make([]float32, min(r.count(4), maxVector))
		for i := range p.Embedding {
			p.Embedding[i] = r.float()
		}
		a.People = append(a.People, p)
	}
	skipped := map[int]int{} // faces before the window, by track
	for n := r.count(12 * MeshPoints); n > 0 && !r.bad; n-- {
		t := Track{ID: len(a.Tracks)}
		skipped[t.ID] = r.wholeTrack(&t, first, end)
		a.Tracks = append(a.Tracks, t)
	}
	if r.bad {
		return
	}
	for i := range a.Tracks {
		if a.Tracks[i].Shot >= len(a.Shots) || a.Tracks[i].Person >= len(a.People) {
			r.fail()
			return
		}
	}
	for i := range a.People {
		p := &a.People[i]
		if p.BestTrack >= len(a.Tracks) {
			r.fail()
			return
		}
		if p.BestFace -= skipped[p.BestTrack]; p.BestFace < 0 || p.BestFace >= len(a.Tracks[p.BestTrack].Faces) {
			p.BestFace = -1
		}
	}
}

// wholeTrack reads a track and returns how many of its faces lie before the window.
func (r *reader) wholeTrack(t *Track, first, end int) (skipped int) {
	t.Shot, t.Person = r.uint(maxFrames), r.uint(maxFrames)
	frame := r.uint(maxFrames)
	for i := range t.Neutral {
		t.Neutral[i] = pix.Vec3{X: r.float(), Y: r.float(), Z: r.float()}
	}
	t.Scale, t.Sharpness = r.float(), r.float()
	for n := r.count(3); n > 0 && !r.bad; n-- {
		t.Textures = append(t.Textures, r.texture())
	}
	var last *packed
	for n := r.count(meshBytes + 64); n > 0 && !r.bad; n-- {
		p := r.mesh(last)
		last = &p
		o := Observation{Frame: frame, Confidence: p.confidence, Sharpness: p.sharpness}
		for _, v := range o.Pose.numbers() {
			*v = r.float()
		}
		frame++
		switch {
		case o.Frame < first:
			skipped++
		case o.Frame < end:
			o.Mesh = p.mesh()
			o.Box = o.Mesh.Bounds()
			t.Faces = append(t.Faces, o)
		}
	}
	if len(t.Faces) == 0 {
		t.Textures = nil
	}
	return skipped
}

// FacesAt lists the faces in a frame: indices into Tracks and, for each, into its Faces.
func (a *Analysis) FacesAt(frame int) (tracks, faces []int) {
	for i := range a.Tracks {
		t := &a.Tracks[i]
		if k := frame - t.first(); len(t.Faces) > 0 && k >= 0 && k < len(t.Faces) {
			tracks, faces = append(tracks, i), append(faces, k)
		}
	}
	return tracks, faces
}

// WriteJSON writes what people and programs outside want to know: shots, people and, per track
// and frame, box, angles in degrees, confidence and sharpness. People have the
// numbers that users know them by, from 1. Meshes stay out: they are in the analysis file.
func (a *Analysis) WriteJSON(out io.Writer) error {
	type face struct {
		Frame      int        `json:"frame"`
		Box        [4]float32 `json:"box"` // x, y, width, height
		Yaw        float32    `json:"yaw"`
		Pitch      float32    `json:"pitch"`
		Roll       float32    `json:"roll"`
		Confidence float32    `json:"confidence"`
		Sharpness  float32    `json:"sharpness"`
	}
	type track struct {
		ID     int    `json:"id"`
		Shot   int    `json:"shot"`
		Person int    `json:"person"`
		First  int    `json:"first"`
		End    int    `json:"end"`
		Faces  []face `json:"faces"`
	}
	type person struct {
		Number    int `json:"number"`
		Frames    int `json:"frames"`
		BestTrack int `json:"best_track"`
		BestFrame int `json:"best_frame"`
	}
	type shot struct {
		First int `json:"first"`
		End   int `json:"end"`
	}
	doc := struct {
		Version int      `json:"version"`
		SHA256  string   `json:"sha256"`
		Width   int      `json:"width"`
		Height  int      `json:"height"`
		Frames  int      `json:"frames"`
		Shots   []shot   `json:"shots"`
		People  []person `json:"people"`
		Tracks  []track  `json:"tracks"`
	}{Version: a.Version, SHA256: a.Video.SHA256, Width: a.Video.W, Height: a.Video.H, Frames: a.Video.Frames,
		Shots: []shot{}, People: []person{}, Tracks: []track{}}
	for _, s := range a.Shots {
		doc.Shots = append(doc.Shots, shot(s))
	}
	for _, p := range a.People {
		doc.People = append(doc.People, person{p.ID + 1, p.Frames, p.BestTrack, a.BestFrame(p.ID)})
	}
	const degrees = 57.29578
	for i := range a.Tracks {
		t := &a.Tracks[i]
		x := track{ID: t.ID, Shot: t.Shot, Person: t.Person + 1, First: t.first(), End: t.first() + len(t.Faces), Faces: []face{}}
		for k := range t.Faces {
			f := &t.Faces[k]
			x.Faces = append(x.Faces, face{f.Frame, [4]float32{short(f.Box.X), short(f.Box.Y), short(f.Box.W), short(f.Box.H)},
				short(degrees * f.Pose.Yaw), short(degrees * f.Pose.Pitch), short(degrees * f.Pose.Roll),
				short(f.Confidence), short(f.Sharpness)})
		}
		doc.Tracks = append(doc.Tracks, x)
	}
	return json.NewEncoder(out).Encode(doc)
}

// short rounds to two decimals: more is noise.
func short(v float32) float32 {
	if v < 0 {
		return -short(-v)
	}
	return float32(int(v*100+.5)) / 100
}

// BestFrame is the frame that shows a person best; −1 when it was not read.
func (a *Analysis) BestFrame(person int) int {
	p := &a.People[person]
	if p.BestTrack < 0 || p.BestTrack >= len(a.Tracks) || p.BestFace < 0 || p.BestFace >= len(a.Tracks[p.BestTrack].Faces) {
		return -1
	}
	return a.Tracks[p.BestTrack].Faces[p.BestFace].Frame
}
