package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"crypto/sha256"
	"encoding/hex"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/pix"
)

// fetched is what the first stage leaves.
type fetched struct {
	Photos [][]input `json:"photos,omitempty"` // as in Swap.Faces
	Likes  []*input  `json:"likes,omitempty"`  // likewise; null without one
	clip
	More []clip `json:"more,omitempty"` // further footage, as in the spec

	// Of a talk.
	Says  []saidFiles `json:"says,omitempty"`  // as in the spec
	Words *input      `json:"words,omitempty"` // what is said in the video

	// Of a dub.
	Cast       []saidFiles `json:"cast,omitempty"`       // as in Dub.characters
	Target     *input      `json:"target,omitempty"`     // what is to be said
	Recordings []input     `json:"recordings,omitempty"` // as in the spec
}

// clip is a piece of footage that is analysed.
type clip struct {
	Video    input         `json:"video"`
	Info     string        `json:"info"`               // key of what Probe found, as JSON
	Range    media.Range   `json:"range"`              // frames that are worked on
	Segments []media.Range `json:"segments"`           // cut at keyframes
	Keep     string        `json:"keep"`               // key under which the analysis is kept
	Analysis string        `json:"analysis,omitempty"` // key of this task's copy, when it is there already
}

// clips are the video and then all further footage.
func (f *fetched) clips() []clip { return append([]clip{f.clip}, f.More...) }

// parts are the clip's segments; number is its place among the clips.
func (c clip) parts(number int) (list []part) {
	for _, g := range c.Segments {
		list = append(list, part{First: g.First, End: g.End, Clip: number})
	}
	return list
}

// fetchPhotos brings every photo into the store.
func fetchPhotos(ctx context.Context, w *work) error {
	defer w.breathe()()
	for i, f := range w.spec.Faces {
		var list []input
		for k, s := range f.Photos {
			in, err := w.fetch(ctx, s, "photo", fmt.Sprintf("photo-%d-%d", i, k))
			if err != nil {
				return err
			}
			list = append(list, in)
		}
		w.fetched.Photos = append(w.fetched.Photos, list)
		var like *input
		if f.Like != nil {
			in, err := w.fetch(ctx, *f.Like, "photo", fmt.Sprintf("like-%d", i))
			if err != nil {
				return err
			}
			like = &in
		}
		w.fetched.Likes = append(w.fetched.Likes, like)
	}
	return nil
}

// fetchVideo brings the video into the store.
func fetchVideo(ctx context.Context, w *work) (err error) {
	defer w.breathe()()
	w.fetched.Video, err = w.fetch(ctx, w.footage.Video, "video", "video")
	return err
}

// fetch brings one input into the store, or finds it on this machine.
func (w *work) fetch(ctx context.Context, s Source, fallback, file string) (in input, err error) {
	in.Name = s.name(fallback)
	path := w.scratch(file)
	switch {
	case s.Path != "":
		if !w.r.cfg.LocalFiles {
			return in, fault.New(fault.InvalidAddress, in.Name, "files of the server cannot be named")
		}
		in.Path = s.Path
		in.SHA256, in.Bytes, err = digest(s.Path, in.Name)
		return in, err
	case s.Result != "":
		if err := w.r.cfg.Blobs.Get(ctx, s.Result, path); err != nil {
			return in, gone(err, in.Name)
		}
	case s.Sample != "":
		if err := w.copySample(s.Sample, path); err != nil {
			return in, gone(err, in.Name)
		}
	case w.r.cfg.Fetch == nil:
		return in, fault.New(fault.InvalidAddress, in.Name, "addresses cannot be fetched here")
	default:
		f, err := w.r.cfg.Fetch.Get(ctx, in.Name, s.URL, path)
		if err != nil {
			return in, err
		}
		path = f.Path
	}
	in.Key = w.key(file)
	sum, err := w.r.cfg.Blobs.Put(ctx, in.Key, path)
	in.SHA256, in.Bytes = sum.SHA256, sum.Size
	return in, err
}

// gone says that a file of this installation is not there any more.
func gone(err error, name string) error {
	if fault.Is(err, fault.NotFound) || errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Unreachable, name, "there is no such file in this installation")
	}
	return err
}

// copySample copies a file of the folder of samples; a name cannot lead out of it.
func (w *work) copySample(name, path string) error {
	if w.r.cfg.Samples == "" {
		return fs.ErrNotExist
	}
	root, err := os.OpenRoot(w.r.cfg.Samples)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // only read
	from, err := root.Open(name)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// digest reads a file once. name is what messages call it.
func digest(path, name string) (string, int64, error) {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", 0, fault.New(fault.NotFound, name, "there is no such file")
	case err != nil:
		return "", 0, fault.New(fault.NotMedia, name, "the file cannot be read").WithCause(err)
	case st.IsDir():
		return "", 0, fault.New(fault.NotMedia, name, "is a folder, not a file")
	case !st.Mode().IsRegular(): // a pipe or a device could be read for ever
		return "", 0, fault.New(fault.NotMedia, name, "is no plain file").WithHint("Save it as a file first.")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", 0, fault.New(fault.NotMedia, name, "the file cannot be read").WithCause(err)
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return "", 0, fault.New(fault.NotMedia, name, "the file cannot be read").WithCause(err)
	}
	if n == 0 {
		return "", 0, fault.New(fault.Empty, name, "the file is empty")
	}
	return hex.EncodeToString(h.Sum(nil)), n, nil
}

// judgePhotos looks for the face in every photo, before anything costly is done.
func judgePhotos(ctx context.Context, w *work) error {
	for i := range w.fetched.Photos {
		if err := w.judge(ctx, i); err != nil {
			return err
		}
		if like := w.fetched.Likes[i]; like != nil {
			if _, err := w.readPhoto(ctx, *like); err != nil {
				return err
			}
		}
	}
	return nil
}

// judge looks at the photos of the i-th face to put in. Pictures out of a clip that turn out to be bad
// are left out, as long as a good one stays.
func (w *work) judge(ctx context.Context, i int) error {
	var good []input
	var read []portrait
	var left error
	for _, in := range w.fetched.Photos[i] {
		p, err := w.readPhoto(ctx, in)
		if in.Still != nil && err != nil && fault.From(err).Code.Kind() == fault.Input {
			left = err
			continue
		}
		if err != nil {
			return err
		}
		p.frame = nil // large, and read again when it is needed
		good, read = append(good, in), append(read, p)
	}
	front := slices.ContainsFunc(read, func(p portrait) bool { return !p.turned() })
	for k, p := range read {
		switch {
		case good[k].Still != nil:
		case front && p.turned():
			w.warn(p.othersThan(face.Turned, good[k].Name)...) // the side is what it was given for
		default:
			w.warn(p.warnings...)
		}
	}
	if len(good) == 0 {
		return left
	}
	drop, err := samePerson(read, good)
	if err != nil {
		return err
	}
	w.fetched.Photos[i] = nil
	for k, in := range good {
		if !slices.Contains(drop, k) {
			w.fetched.Photos[i] = append(w.fetched.Photos[i], in)
		}
	}
	return nil
}

// probeVideo finds out what the video holds.
func probeVideo(ctx context.Context, w *work) (err error) {
	if w.info, err = w.describe(ctx, w.fetched.Video); err != nil {
		return err
	}
	if hdr := w.info.Video.Colour.Transfer != pix.SDR; hdr && w.footage.Codec == media.H264 {
		w.warn("the video is HDR and stays so, in 10-bit H.264, which few players show as HDR; --codec hevc is better known")
	}
	return nil
}

// describe finds out what a clip holds.
func (w *work) describe(ctx context.Context, in input) (*media.Info, error) {
	defer w.breathe()()
	path, err := w.open(ctx, in)
	if err != nil {
		return nil, err
	}
	info, err := media.Probe(ctx, path, w.r.cfg.Video)
	if err != nil {
		return nil, fault.From(err).WithParam(in.Name)
	}
	w.warn(info.Notes...)
	return info, nil
}

// cutVideo divides the wanted part into segments and looks whether its analysis is there.
func cutVideo(ctx context.Context, w *work) error {
	first, end, err := w.info.Trim(w.footage.From, w.footage.To)
	if err != nil {
		return err
	}
	if w.fetched.clip, err = w.cutClip(ctx, w.fetched.Video, w.info, first, end, 0); err != nil {
		return err
	}
	w.out = w.fetched
	return nil
}

// cutClip divides frames first ≤ n < end of a clip. number is its place among the clips.
func (w *work) cutClip(ctx context.Context, in input, info *media.Info, first, end, number int) (c clip, err error) {
	c = clip{Video: in, Range: media.Range{First: first, End: end}, Segments: info.Split(first, end, segmentLength)}
	c.Keep = fmt.Sprintf("analyses/v%d/%s-%d-%d", face.Version, in.SHA256, first, end)
	if w.footage.Detector != "" { // whose help may find other faces
		key, err := w.detectorKey(ctx)
		if err != nil {
			return c, err
		}
		c.Keep += "-" + key
	}
	if c.Analysis, err = w.findAnalysis(ctx, c.Keep, number); err != nil {
		return c, err
	}
	raw, err := json.Marshal(info)
	if err != nil {
		return c, fmt.Errorf("description of the video: %w", err)
	}
	c.Info = w.key(numbered("info", number) + ".json")
	_, err = w.r.cfg.Blobs.Write(ctx, c.Info, raw)
	return c, err
}

// numbered is a file's name for the video, and for further footage with its number.
func numbered(name string, number int) string {
	if number == 0 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, number)
}

// findAnalysis looks for the analysis of an earlier task and copies it for this one, which must not
// lose it when that task expires. It gives the copy's key, or "" when there is none; one that
// cannot be read, because it is damaged or of another version, counts as none and is made again.
func (w *work) findAnalysis(ctx context.Context, kept string, number int) (string, error) {
	path := w.scratch("analysis")
	err := w.r.cfg.Analyses.Get(ctx, kept, path)
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer os.Remove(path) // a preview looks again
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := face.ReadAnalysis(f); err != nil {
		w.r.log.Info("a kept analysis is not used", "task", w.job.Task.ID, "reason", err)
		return "", nil
	}
	key := w.key(numbered("analysis", number))
	_, err = w.r.cfg.Blobs.Put(ctx, key, path)
	return key, err
}
