package talk

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/lipsync"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/pix"
	"github.com/twinsync/twinsync/speech"
)

// soundRate is what sound is read at: alignment and the features of the sound hear up to 7.6 kHz.
const soundRate = 16000

// mostHeld bounds the decoded frames of one clip, in bytes: longer clips are measured as far as that reaches.
const mostHeld = 1600 << 20

// mouthBudget is the product's bound of the pixels kept of a person's mouths, in bytes.
const mouthBudget = 300 << 20

// clip is footage as filmed, decoded, with everything known about it.
type clip struct {
	name     string
	path     string
	info     *media.Info
	fps      float64
	frames   []*pix.Frame
	analysis *face.Analysis
	person   int                 // index into analysis.People
	seen     []*face.Observation // of the person, by frame; nil where the analysis has none
	sound    *speech.Sound       // nil without
	timing   *speech.Timing      // of its own words; nil where they are not known or do not fit
	own      *series             // measured on the frames as filmed
}

func clipLimits() media.Limits {
	return media.Limits{MaxDuration: 12 * time.Hour, MaxPixels: 8192 * 8192, MaxFrames: 2_000_000}
}

// openClip reads, analyses and measures a clip.
func (r *runner) openClip(ctx context.Context, path string) (*clip, error) {
	c := &clip{name: name(path), path: path}
	var err error
	if c.info, err = media.Probe(ctx, path, clipLimits()); err != nil {
		return nil, err
	}
	c.fps = c.info.Video.AvgRate.Float()
	end := c.info.Frames()
	if size := media.KeptSize(c.info.Video.Layout, 1); size > 0 {
		end = min(end, int(max(1, mostHeld/size)))
	}
	if r.Seconds > 0 {
		end = min(end, max(1, int(math.Round(r.Seconds*c.fps))))
	}
	if c.frames, err = readFrames(ctx, path, c.info, end); err != nil {
		return nil, err
	}
	if c.analysis, err = r.analyse(ctx, c.frames, c.fps); err != nil {
		return nil, err
	}
	if len(c.analysis.People) == 0 {
		return nil, fault.New(fault.NoFaceInVideo, c.name, "no face was found")
	}
	c.place()
	if c.own, err = r.measure(ctx, c.frames, c.near(nil), c.fps, 0); err != nil {
		return nil, err
	}
	if len(c.info.Audio) > 0 {
		samples, err := media.ReadSound(ctx, path, c.info.Audio, media.SoundOptions{Rate: soundRate, Zero: c.info.Start})
		if err != nil {
			return nil, err
		}
		c.sound = &speech.Sound{Rate: soundRate, Samples: samples}
	}
	return c, r.hear(ctx, c)
}

// readFrames decodes the first frames of a video.
func readFrames(ctx context.Context, path string, info *media.Info, end int) ([]*pix.Frame, error) {
	in, err := media.OpenReader(ctx, path, info, media.ReadOptions{End: end})
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var frames []*pix.Frame
	for {
		f, err := in.Read()
		if errors.Is(err, io.EOF) {
			return frames, nil
		}
		if err != nil {
			return nil, err
		}
		frames = append(frames, f)
	}
}

// analyse looks for faces as the product does.
func (r *runner) analyse(ctx context.Context, frames []*pix.Frame, fps float64) (*face.Analysis, error) {
	observer := face.NewObserver(r.models, 0, fps)
	observer.Hold(func(*pix.Frame) {}) // all of them stay here
	for _, f := range frames {
		if err := observer.Observe(ctx, f); err != nil {
			return nil, err
		}
	}
	if err := observer.End(ctx); err != nil {
		return nil, err
	}
	return face.Join([]*face.Observations{observer.Finish()}, face.VideoInfo{W: frames[0].W, H: frames[0].H, Frames: len(frames)}, fps)
}

// place finds the person who speaks, the one that is seen most, in every frame.
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

// near are the meshes near which a version of the clip is measured: of the frames that base names, of all for nil.
func (c *clip) near(base []int) []*face.Mesh {
	if base == nil {
		for i := range c.seen {
			base = append(base, i)
		}
	}
	m := make([]*face.Mesh, len(base))
	for k, i := range base {
		if i < len(c.seen) && c.seen[i] != nil {
			m[k] = &c.seen[i].Mesh
		}
	}
	return m
}

// hear brings the clip's words to its sound, where they are known.
func (r *runner) hear(ctx context.Context, c *clip) error {
	words, language, err := r.wordsOf(c.path)
	if err != nil || words == nil || c.sound == nil {
		return err
	}
	t, err := speech.AlignTranscript(ctx, *c.sound, words, r.Speaker, speech.Request{Language: language}, speech.AlignOptions{})
	if err != nil {
		return err
	}
	if t.Score < speech.ScoreFits {
		r.say("%s: its words do not fit its sound (%.2f)", c.name, t.Score)
		return nil
	}
	c.timing = t
	return nil
}

// wordsOf finds what is said in a clip: in the list of words, or in a file beside it; nil where nobody knows.
func (r *runner) wordsOf(path string) (*speech.Transcript, string, error) {
	for _, w := range r.words {
		if strings.HasPrefix(filepath.Base(path), w.clip) {
			return &speech.Transcript{Language: w.language, Cues: []speech.Cue{{Text: w.text}}}, w.language, nil
		}
	}
	for _, ending := range []string{".srt", ".vtt", ".txt"} {
		beside := strings.TrimSuffix(path, filepath.Ext(path)) + ending
		f, err := os.Open(beside)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, "", fault.New(fault.InvalidField, "media", "%s cannot be read", filepath.Base(beside)).WithCause(err)
		}
		defer f.Close()
		t, err := speech.ReadTranscript(f, filepath.Base(beside))
		return t, "en", err
	}
	return nil, "", nil
}

// footage is the clip as a source of mouths.
func (c *clip) footage() lipsync.Footage {
	return lipsync.Footage{Analysis: c.analysis, Person: c.person, FPS: c.fps, Sound: c.sound, Timing: c.timing}
}

// collect keeps the mouths of a clip in a file of dir; a is its analysis, or one in which some frames do not serve.
func (c *clip) collect(a *face.Analysis, dir string) (_ *lipsync.Mouths, err error) {
	picks := lipsync.Choose(a, c.person, c.info.Video.Layout, mouthBudget)
	if len(picks) == 0 {
		return nil, fault.New(fault.FaceUnusable, c.name, "no mouth is seen well enough to speak with")
	}
	path := filepath.Join(dir, "mouths")
	out, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	k := lipsync.NewCollector(out, 0, a, picks)
	for i, f := range c.frames {
		if err := k.Add(i, f); err != nil {
			return nil, err
		}
	}
	if err := k.Close(); err != nil {
		return nil, err
	}
	return lipsync.OpenMouths(path)
}

// without is the clip's analysis with the frames first ≤ i < end made untrustworthy: nothing is learned from them
// and no mouth is taken, but they can receive one.
func (c *clip) without(first, end int) *face.Analysis {
	a := *c.analysis
	a.Tracks = slices.Clone(a.Tracks)
	for i := range a.Tracks {
		faces := slices.Clone(a.Tracks[i].Faces)
		for k := range faces {
			if f := &faces[k]; f.Frame >= first && f.Frame < end {
				f.Confidence = min(f.Confidence, bridged)
			}
		}
		a.Tracks[i].Faces = faces
	}
	return &a
}

// bridged is a confidence that says of a face that its place is known and nothing else (face.Observation).
const bridged = .5

// part cuts a piece out of a sound; silence where there is none.
func part(s *speech.Sound, from, to float64) *speech.Sound {
	at := int(math.Round(from * float64(s.Rate)))
	out := &speech.Sound{Rate: s.Rate, Samples: make([]float32, max(1, int(math.Round((to-from)*float64(s.Rate)))))}
	for i := range out.Samples {
		if k := at + i; k >= 0 && k < len(s.Samples) {
			out.Samples[i] = s.Samples[k]
		}
	}
	return out
}

// during is what is said from one moment to another, in time from the first.
func during(t *speech.Timing, from, to float64) *speech.Timing {
	out := &speech.Timing{Language: t.Language, Score: t.Score}
	for _, p := range t.Phones {
		p.Start, p.End = max(p.Start, from)-from, min(p.End, to)-from
		if p.End > p.Start {
			out.Phones = append(out.Phones, p)
		}
	}
	for _, w := range t.Words {
		w.Start, w.End = max(w.Start, from)-from, min(w.End, to)-from
		if w.End > w.Start {
			out.Words = append(out.Words, w)
		}
	}
	return out
}

// name is a file's name without its ending and folder.
func name(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}
