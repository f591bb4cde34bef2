package quality

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/pix"
)

// portrait is a photo of the library. Without a usable face, face is nil.
type portrait struct {
	name   string
	frame  *pix.Frame // while its pair is worked on
	face   *face.PhotoFace
	mesh   face.Mesh   // as the measures look
	vector [][]float32 // by recogniser
}

// readPhotos reads all photos: likeness is looked up among them.
func (r *runner) readPhotos(ctx context.Context) error {
	for _, file := range r.lib.photos {
		p := &portrait{name: file}
		r.portrait[file] = p
		err := r.readPhoto(ctx, p)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			r.gallery = append(r.gallery, p)
		case fault.From(err).Code.Kind() == fault.Input:
			r.report.Unusable = append(r.report.Unusable, file+": "+fault.From(err).Text)
		default:
			return err
		}
	}
	r.report.Photos = len(r.gallery)
	return nil
}

func (r *runner) readPhoto(ctx context.Context, p *portrait) error {
	frame, _, err := media.ReadPhoto(ctx, r.lib.photo(p.name), photoLimits())
	if err != nil {
		return err
	}
	faces, err := face.Photo(ctx, r.models, frame)
	if err != nil {
		return err
	}
	usable, err := face.Usable(faces)
	if err != nil {
		return err
	}
	p.mesh, _, err = face.Again(ctx, r.probe, frame, &usable.Mesh)
	if err != nil {
		return err
	}
	for _, e := range r.eyes {
		v, err := e.embed(ctx, frame, &p.mesh)
		if err != nil {
			return err
		}
		p.vector = append(p.vector, v)
	}
	p.face = usable
	return nil
}

// clip is an excerpt as filmed.
type clip struct {
	name     string
	start    int // its first frame in the file
	info     *media.Info
	fps      float64
	frames   []*pix.Frame
	analysis *face.Analysis
	person   int
	seen     []*face.Observation // of the person, by frame; nil where the analysis has none
	take     *take
	vector   [][][]float32 // by recogniser and frame; nil where it is not asked
	missed   []*face.Pose  // by frame: of a face that the analysis does not have; nil for none
	jitter   float64
	flicker  float64
	seam     float64
}

// openClip reads, analyses and measures an excerpt.
func (r *runner) openClip(ctx context.Context, file string, start int) (*clip, error) {
	if r.clip != nil && r.clip.name == file && r.clip.start == start {
		return r.clip, nil
	}
	r.clip = nil // one excerpt at a time is held
	c := &clip{name: file, start: start}
	info, frames, err := readFrames(ctx, r.lib.clip(file), start, r.Frames)
	if err != nil {
		return nil, err
	}
	c.info, c.frames, c.fps = info, frames, info.Video.AvgRate.Float()
	observer := face.NewObserver(r.models, 0, c.fps)
	observer.Hold(func(*pix.Frame) {}) // all of them stay here
	for _, f := range frames {
		if err := observer.Observe(ctx, f); err != nil {
			return nil, err
		}
	}
	if err := observer.End(ctx); err != nil {
		return nil, err
	}
	if c.analysis, err = face.Join([]*face.Observations{observer.Finish()}, face.VideoInfo{}, c.fps); err != nil {
		return nil, err
	}
	if len(c.analysis.People) == 0 {
		return nil, fault.New(fault.NoFaceInVideo, file, "no face was found in frames %d to %d", start, start+len(frames)-1)
	}
	c.place()
	if c.take, err = r.look(ctx, frames, c); err != nil {
		return nil, err
	}
	if c.vector, err = r.vectors(ctx, frames, c.take); err != nil {
		return nil, err
	}
	if err := r.findMissed(ctx, c); err != nil {
		return nil, err
	}
	c.jitter, c.flicker, c.seam = c.take.jitter(), r.flat.flicker(frames, c.take), r.flat.seam(frames, c.take)
	r.clip = c
	return c, nil
}

// readFrames decodes n consecutive frames, fewer where the clip ends.
func readFrames(ctx context.Context, path string, first, n int) (*media.Info, []*pix.Frame, error) {
	info, err := media.Probe(ctx, path, clipLimits())
	if err != nil {
		return nil, nil, err
	}
	end := min(first+n, info.Frames())
	if end <= first {
		return nil, nil, fault.New(fault.InvalidField, "start", "%s has only %d frames", name(path), info.Frames())
	}
	in, err := media.OpenReader(ctx, path, info, media.ReadOptions{First: first, End: end})
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	var frames []*pix.Frame
	for {
		f, err := in.Read()
		if errors.Is(err, io.EOF) {
			return info, frames, nil
		}
		if err != nil {
			return nil, nil, err
		}
		frames = append(frames, f)
	}
}

// encoded is the excerpt as filmed after it has been through the encoder that results go through: what
// is measured on it is the noise of every measure.
func encoded(ctx context.Context, c *clip) (_ []*pix.Frame, err error) {
	dir, err := os.MkdirTemp("", "twinsync-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "footage")
	w, err := media.NewWriter(ctx, path, media.WriterOptions{Video: &c.info.Video})
	if err != nil {
		return nil, err
	}
	for _, f := range c.frames {
		if err := w.Write(f); err != nil {
			w.Abort()
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	_, frames, err := readFrames(ctx, path, 0, len(c.frames))
	if err == nil && len(frames) != len(c.frames) {
		err = fmt.Errorf("of %d frames encoded %d come back", len(c.frames), len(frames))
	}
	return frames, err
}

// place finds the person who is swapped, the one that is seen most, in every frame.
func (c *clip) place() {
	c.seen = make([]*face.Observation, len(c.frames))
	for i := range c.analysis.Tracks {
		t := &c.analysis.Tracks[i]
		if t.Person != c.person {
			continue
		}
		for k := range t.Faces {
			c.seen[t.Faces[k].Frame] = &t.Faces[k]
		}
	}
}

// leastSeen is the confidence below which a mesh is not measured.
const leastSeen = .4

// look finds the meshes of a version of the clip anew, each near where the analysis of the footage has it.
func (r *runner) look(ctx context.Context, frames []*pix.Frame, c *clip) (*take, error) {
	t := &take{mesh: make([]*face.Mesh, len(frames)), shot: make([]int, len(frames))}
	for i, f := range frames {
		for s, shot := range c.analysis.Shots {
			if i >= shot.First && i < shot.End {
				t.shot[i] = s
			}
		}
		if c.seen[i] == nil {
			continue
		}
		m, sure, err := face.Again(ctx, r.probe, f, &c.seen[i].Mesh)
		if err != nil {
			return nil, err
		}
		if sure >= leastSeen {
			t.mesh[i] = &m
		}
	}
	return t, nil
}

// vectors asks every recogniser about every embedEvery-th frame.
func (r *runner) vectors(ctx context.Context, frames []*pix.Frame, t *take) ([][][]float32, error) {
	all := make([][][]float32, len(r.eyes))
	for k, e := range r.eyes {
		all[k] = make([][]float32, len(frames))
		for i := 0; i < len(frames); i += embedEvery {
			if t.mesh[i] == nil {
				continue
			}
			v, err := e.embed(ctx, frames[i], t.mesh[i])
			if err != nil {
				return nil, err
			}
			all[k][i] = v
		}
	}
	return all, nil
}

// nearFront is the angle to the camera in degrees up to which a face must be swapped.
const nearFront = 45

// fromCamera is the angle in degrees by which a head looks past the camera, to a tenth.
func fromCamera(p *face.Pose) float64 {
	return math.Round(math.Acos(max(-1, min(1, float64(p.R[8]))))*degrees*10) / 10
}

// missedOf is the head of the largest face that no track has in a frame; nil for none.
func missedOf(a *face.Analysis, frame int, faces []face.PhotoFace) *face.Pose {
	tracks, at := a.FacesAt(frame)
	for k := range faces {
		tip := faces[k].Mesh[4] // of the nose
		known := false
		for n, t := range tracks {
			b := a.Tracks[t].Faces[at[n]].Mesh.Bounds()
			known = known || tip.X >= b.X && tip.X < b.X+b.W && tip.Y >= b.Y && tip.Y < b.Y+b.H
		}
		if !known {
			return &faces[k].Pose
		}
	}
	return nil
}

// findMissed looks for faces in frames where the analysis has not the person.
func (r *runner) findMissed(ctx context.Context, c *clip) error {
	c.missed = make([]*face.Pose, len(c.frames))
	for i, f := range c.frames {
		if c.seen[i] != nil {
			continue
		}
		faces, err := face.Photo(ctx, r.models, f)
		if err != nil {
			return fmt.Errorf("frame %d: %w", i, err)
		}
		c.missed[i] = missedOf(c.analysis, i, faces)
	}
	return nil
}
