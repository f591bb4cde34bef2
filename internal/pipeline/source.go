package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/pix"
	"github.com/twinsync/twinsync/swap"
)

// still is where the face lies on a picture that was taken from a clip.
type still struct {
	X float32 `json:"x"` // of the face's middle, in pixels
	Y float32 `json:"y"`
}

// mostLooked is how many frames of a source clip are looked at, spread over it: a minute at 30
// frames per second. More show nothing new.
const mostLooked = 1800

// takeStills replaces clips among the photos by the pictures that show their person best. From
// here on nothing knows that there was a clip.
func takeStills(ctx context.Context, w *work) error {
	found, asked := 0, 0
	for i, photos := range w.fetched.Photos {
		f := w.spec.Faces[i]
		asked = max(asked, f.SourcePerson)
		if !f.Clips {
			continue
		}
		clips := make([]*media.Info, len(photos))
		count := 0
		for k, in := range photos {
			info, err := w.probeClip(ctx, in)
			if err != nil {
				return err
			}
			if clips[k] = info; info != nil {
				count++
			}
		}
		if found += count; count == 0 {
			continue
		}
		var out []input
		for k, in := range photos {
			if clips[k] == nil {
				out = append(out, in)
				continue
			}
			list, err := w.stills(ctx, in, clips[k], max(0, f.SourcePerson-1), max(2, swap.MostSourceFrames/count), fmt.Sprintf("still-%d-%d", i, k))
			if err != nil {
				return err
			}
			out = append(out, list...)
		}
		w.fetched.Photos[i] = out
	}
	if asked > 0 && found == 0 {
		return fault.New(fault.InvalidField, "source-person", "there is no clip among the sources").
			WithHint("Of a photo the largest face is used.")
	}
	return nil
}

// probeClip describes a file that is a clip; nil when it is none.
func (w *work) probeClip(ctx context.Context, in input) (*media.Info, error) {
	path, err := w.open(ctx, in)
	if err != nil || media.IsPicture(path) {
		return nil, err
	}
	defer w.breathe()()
	info, err := media.Probe(ctx, path, w.r.cfg.Video)
	switch {
	case fault.Is(err, fault.NotMedia), fault.Is(err, fault.Empty), fault.Is(err, fault.NoVideo), fault.Is(err, fault.Unsupported):
		return nil, nil // whoever reads it as a photo says what is wrong with it
	case err != nil:
		return nil, fault.From(err).WithParam(in.Name)
	}
	return info, nil
}

// stills finds the person in a clip and stores at most n pictures of the face under names that begin
// with prefix.
func (w *work) stills(ctx context.Context, in input, info *media.Info, person, n int, prefix string) ([]input, error) {
	name := func(err error) error {
		if fault.From(err).Code.Kind() == fault.Input {
			return fault.From(err).WithParam(in.Name)
		}
		return err
	}
	path, err := w.open(ctx, in)
	if err != nil {
		return nil, err
	}
	a, step, err := w.lookThrough(ctx, path, info)
	if err != nil {
		return nil, name(err)
	}
	switch {
	case len(a.People) == 0:
		return nil, fault.New(fault.NoFaceInVideo, in.Name, "no face was found in the clip").
			WithHint("The face should be at least about 40 pixels wide and turned to the camera.")
	case person >= len(a.People):
		return nil, fault.New(fault.UnknownPerson, in.Name, "there is no person %d in the clip; %d found", person+1, len(a.People)).
			WithHint("'twinsync faces' shows who is in it.")
	}
	picked := swap.SourceFrames(a, person, n)
	if len(picked) == 0 {
		return nil, fault.New(fault.FaceUnusable, in.Name, "the clip never shows the whole face turned to the camera").
			WithHint("Use a clip or a photo of the face from the front.")
	}
	var out []input
	for k, p := range picked {
		frame := p.Frame * step
		f, err := readFrame(ctx, path, info, frame)
		if err != nil {
			return nil, name(err)
		}
		b := p.Mesh.Bounds()
		crop := around(b).Intersect(f.Bounds())
		file := fmt.Sprintf("%s-%d.png", prefix, k)
		if err := media.WritePNG(w.scratch(file), f, crop, media.MaxPhotoSide); err != nil {
			return nil, err
		}
		s := input{Name: in.Name, Key: w.key(file),
			Still: &still{X: b.X + b.W/2 - float32(crop.X0), Y: b.Y + b.H/2 - float32(crop.Y0)}}
		sum, err := w.r.cfg.Blobs.Put(ctx, s.Key, w.scratch(file))
		if err != nil {
			return nil, err
		}
		s.SHA256, s.Bytes = sum.SHA256, sum.Size
		out = append(out, s)
	}
	return out, nil
}

// around is a face with as much around it as finding it again needs.
func around(b face.Box) pix.Rect {
	m := .7 * max(b.W, b.H)
	return pix.Rect{X0: int(b.X - m), Y0: int(b.Y - m), X1: int(b.X+b.W+m) + 1, Y1: int(b.Y+b.H+m) + 1}
}

// readFrame decodes one frame.
func readFrame(ctx context.Context, path string, info *media.Info, n int) (*pix.Frame, error) {
	in, err := media.OpenReader(ctx, path, info, media.ReadOptions{First: n, End: n + 1})
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return in.Read()
}

// lookThrough analyses a source clip. Of a long one only every step-th frame is looked at; the
// analysis counts those.
func (w *work) lookThrough(ctx context.Context, path string, info *media.Info) (*face.Analysis, int, error) {
	nets, err := w.r.nets()
	if err != nil {
		return nil, 0, err
	}
	total := info.Frames()
	step := max(1, (total+mostLooked-1)/mostLooked)
	fps := clipRate(info) / float64(step)
	in, err := media.OpenReader(ctx, path, info, media.ReadOptions{Threads: w.r.cfg.Threads})
	if err != nil {
		return nil, 0, err
	}
	defer in.Close()
	o := face.NewObserver(nets, 0, fps)
	for n := 0; ; n++ {
		f, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, 0, err
		}
		if n%step == 0 {
			if err := o.Observe(ctx, f); err != nil {
				return nil, 0, err
			}
		}
		in.Release(f)
		w.job.Report(n+1, total)
	}
	layout := info.Video.Layout
	a, err := face.Join([]*face.Observations{o.Finish()}, face.VideoInfo{W: layout.W, H: layout.H}, fps)
	return a, step, err
}

// strangers is the distance between two embeddings above which photos from one side surely show two
// people: the same person lies at most .32 apart in good views, strangers at .58 ± .08. Turned heads
// are farther apart, up to .44 at 45°: between turnAlike and turnApart (radians, 17° and 46°) of
// difference in yaw, strangersTurned takes over.
const (
	strangers, strangersTurned = .42, .52
	turnAlike, turnApart       = .3, .8
)

// oneApart is how far apart two photos of one person may be.
func oneApart(a, b *face.PhotoFace) float64 {
	d := a.Pose.Yaw - b.Pose.Yaw
	return strangers + (strangersTurned-strangers)*float64(pix.SmoothStep(max(d, -d), turnAlike, turnApart))
}

// samePerson refuses photos that do not all show one person. The photo most like all others
// stands for the person; of two, the first. Pictures taken from clips that do not fit are named in
// drop instead.
func samePerson(photos []portrait, in []input) (drop []int, err error) {
	best, least := 0, 0.0
	for i := range photos {
		sum := 0.0
		for k := range photos {
			sum += face.Apart(photos[i].face.Embedding, photos[k].face.Embedding)
		}
		if i == 0 || sum < least-1e-6 {
			best, least = i, sum
		}
	}
	for i := range photos {
		switch {
		case i == best || face.Apart(photos[i].face.Embedding, photos[best].face.Embedding) < oneApart(&photos[i].face, &photos[best].face):
		case in[i].Still != nil:
			drop = append(drop, i)
		default:
			return nil, fault.New(fault.FaceUnusable, in[i].Name, "the photo shows another person than %s", in[best].Name).
				WithHint("Leave it out, or give it to another person with --map.")
		}
	}
	return drop, nil
}
