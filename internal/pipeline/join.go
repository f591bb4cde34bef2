package pipeline

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/internal/blob"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/pix"
)

// joined is what the join leaves.
type joined struct {
	Analysis string   `json:"analysis"` // key
	Chosen   []chosen `json:"chosen,omitempty"`
	Frames   int      `json:"frames"` // of the part that was analysed
	People   []Person `json:"people"`

	// Of a talk.
	More   []string `json:"more,omitempty"`   // keys of the further footage's analyses
	Roles  []role   `json:"roles,omitempty"`  // who speaks
	Picks  string   `json:"picks,omitempty"`  // key of the mouths that are kept
	Mouths []part   `json:"mouths,omitempty"` // where they are
}

// analyses are the keys of the analyses of all clips.
func (j *joined) analyses() []string { return append([]string{j.Analysis}, j.More...) }

// chosen says which person of the analysis gets which face of the spec.
type chosen struct {
	Person int `json:"person"` // index into Analysis.People
	Face   int `json:"face"`   // index into Swap.Faces
}

// Person is somebody who was found in a video.
type Person struct {
	Number    int    `json:"number"` // from 1, the one most seen first
	Frames    int    `json:"frames"` // in which the person is seen
	First     int    `json:"first"`  // frame of the first sight
	Thumbnail string `json:"thumbnail,omitempty"`
}

// joinObservations makes one analysis of all segments' observations, or reads the one that is
// kept from an earlier task.
func joinObservations(ctx context.Context, w *work) (err error) {
	w.analysis, err = w.joinClip(ctx, 0, w.info)
	return err
}

// joinClip is joinObservations for one of the clips.
func (w *work) joinClip(ctx context.Context, number int, info *media.Info) (a *face.Analysis, err error) {
	defer w.breathe()()
	clips := w.fetched.clips()
	c := clips[number]
	if c.Analysis != "" {
		return a, w.load(ctx, w.r.cfg.Blobs, c.Analysis, func(in io.Reader) (err error) {
			a, err = face.ReadAnalysis(in)
			return err
		})
	}
	list, err := stageResult[analysed](w.job.Task, Analyse)
	if err != nil {
		return nil, err
	}
	// Segments are in the order of the clips; clips that are known have none.
	for _, before := range clips[:number] {
		if before.Analysis == "" {
			list = list[min(len(before.Segments), len(list)):]
		}
	}
	if len(list) < len(c.Segments) {
		return nil, fmt.Errorf("results of stage %s: %d of %d for clip %d", Analyse, len(list), len(c.Segments), number)
	}
	joiner := face.NewJoiner(face.VideoInfo{
		SHA256: c.Video.SHA256, W: info.Video.Layout.W, H: info.Video.Layout.H,
	}, clipRate(info))
	for _, s := range list[:len(c.Segments)] {
		var part *face.Observations
		if err := w.load(ctx, w.r.cfg.Blobs, s.Key, func(in io.Reader) (err error) {
			part, err = face.ReadObservations(in)
			return err
		}); err != nil {
			return nil, err
		}
		joiner.Add(part)
	}
	return joiner.Finish()
}

// load reads a blob through read.
func (w *work) load(ctx context.Context, from *blob.Store, key string, read func(io.Reader) error) error {
	path := w.scratch("in")
	if err := from.Get(ctx, key, path); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer os.Remove(path)
	defer f.Close()
	return read(f)
}

// loadWindow reads what the join left of the frames of this segment, so that memory does not grow
// with the length of the video.
func loadWindow(ctx context.Context, w *work) error {
	return w.load(ctx, w.r.cfg.Blobs, w.joined.Analysis, func(in io.Reader) (err error) {
		w.analysis, err = face.ReadAnalysisWindow(in, w.part.First, w.part.End)
		return err
	})
}

// keepAnalysis stores the analysis twice: for this task, which must not lose it to another one's
// end, and under the video's digest for every later task.
func keepAnalysis(ctx context.Context, w *work) error {
	var err error
	if w.joined.Analysis, err = w.keepClip(ctx, 0, w.analysis); err != nil {
		return err
	}
	w.joined.Frames = w.fetched.Range.End - w.fetched.Range.First
	for i := range w.analysis.People {
		p := Person{Number: i + 1, Frames: w.analysis.People[i].Frames, First: w.fetched.Range.End}
		for k := range w.analysis.Tracks {
			if t := &w.analysis.Tracks[k]; t.Person == i && len(t.Faces) > 0 {
				p.First = min(p.First, t.Faces[0].Frame)
			}
		}
		w.joined.People = append(w.joined.People, p)
	}
	w.out = &w.joined
	return nil
}

// keepClip is keepAnalysis for one of the clips; it gives the key of the task's own copy.
func (w *work) keepClip(ctx context.Context, number int, a *face.Analysis) (key string, err error) {
	c := w.fetched.clips()[number]
	if c.Analysis != "" {
		return c.Analysis, nil
	}
	key = w.key(numbered("analysis", number))
	return key, w.store(ctx, a.Write, place{w.r.cfg.Blobs, key}, place{w.r.cfg.Analyses, c.Keep})
}

// choosePeople decides who gets which face. That nobody is seen is an error for a swap.
func choosePeople(ctx context.Context, w *work) error {
	people := len(w.analysis.People)
	if people == 0 {
		return fault.New(fault.NoFaceInVideo, w.fetched.Video.Name, "no face was found in the video").
			WithHint("The face should be at least about 40 pixels wide and turned to the camera.")
	}
	var order []int // "all" comes last
	for _, last := range []bool{false, true} {
		for i, f := range w.spec.Faces {
			if (f.Person == All) == last {
				order = append(order, i)
			}
		}
	}
	for _, i := range order {
		f := w.spec.Faces[i]
		var who []int
		switch number, err := f.number(); {
		case err != nil:
			return err
		case f.Like != nil:
			person, err := w.alike(ctx, *w.fetched.Likes[i])
			if err != nil {
				return err
			}
			who = []int{person}
		case f.Person == All:
			for p := range people {
				who = append(who, p)
			}
		case f.Person == Largest:
			who = []int{0}
		case number > people:
			return fault.New(fault.UnknownPerson, "person", "there is no person %d; %d found in the video", number, people).
				WithHint("'twinsync faces' shows who is in it.")
		default:
			who = []int{number - 1}
		}
		for _, p := range who {
			if slices.ContainsFunc(w.joined.Chosen, func(c chosen) bool { return c.Person == p }) {
				if f.Person == All {
					continue // "all" means all the others
				}
				return fault.New(fault.InvalidField, "person", "person %d is given two faces", p+1)
			}
			w.joined.Chosen = append(w.joined.Chosen, chosen{Person: p, Face: i})
			if px := w.widest(p); px < smallFace {
				w.warn(fmt.Sprintf("%s: the face of person %d is at most %.0f pixels wide; little of the new face can be seen", w.fetched.Video.Name, p+1, px))
			}
		}
	}
	return nil
}

// smallFace is the width in pixels under which nobody can be told from another.
const smallFace = 40

// widest is the greatest width of a person's face in pixels.
func (w *work) widest(person int) (px float32) {
	for i := range w.analysis.Tracks {
		if t := &w.analysis.Tracks[i]; t.Person == person {
			for k := range t.Faces {
				px = max(px, t.Faces[k].Box.W)
			}
		}
	}
	return px
}

// alike is the person in the video that a photo shows.
func (w *work) alike(ctx context.Context, photo input) (int, error) {
	p, err := w.readPhoto(ctx, photo)
	if err != nil {
		return 0, err
	}
	best, nearest := -1, infer.SamePerson
	for i := range w.analysis.People {
		if d := face.Apart(p.face.Embedding, w.analysis.People[i].Embedding); d < nearest {
			best, nearest = i, d
		}
	}
	if best < 0 {
		return 0, fault.New(fault.UnknownPerson, photo.Name, "the person in the photo was not found in the video").
			WithHint("'twinsync faces' shows who is in it; --person takes a number, too.")
	}
	return best, nil
}

// thumbnailSide is the longest side of a thumbnail in pixels.
const thumbnailSide = 320

// portraitBox is a square around a face with some room for hair and chin.
func portraitBox(b face.Box) pix.Rect {
	half := .7 * max(b.W, b.H)
	x, y := b.X+b.W/2, b.Y+b.H/2-.1*b.H
	return pix.Rect{X0: int(x - half), Y0: int(y - half), X1: int(x + half), Y1: int(y + half)}
}

// drawThumbnails makes a picture of everybody, where that is what is wanted.
func drawThumbnails(ctx context.Context, w *work) error {
	for i := range w.joined.People {
		p := &w.analysis.People[i]
		best := w.analysis.Tracks[p.BestTrack].Faces[p.BestFace]
		in, err := media.OpenReader(ctx, w.video, w.info, media.ReadOptions{First: best.Frame, End: best.Frame + 1})
		if err != nil {
			return w.videoFault(err)
		}
		f, err := in.Read()
		in.Close()
		if err != nil {
			return w.videoFault(err)
		}
		name := fmt.Sprintf("person-%d.jpg", i+1)
		path := w.scratch(name)
		if err := media.WriteJPEG(path, f, portraitBox(best.Box), thumbnailSide); err != nil {
			return err
		}
		key := w.key(name)
		if _, err := w.r.cfg.Blobs.Put(ctx, key, path); err != nil {
			return err
		}
		w.joined.People[i].Thumbnail = key
	}
	return nil
}
