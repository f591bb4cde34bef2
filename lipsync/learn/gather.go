package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/lipsync"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/speech"
)

// voiceFPS is the frame rate in which voices without a picture are looked at.
const voiceFPS = 25

// language of all words.
const language = "en-us"

// rate of all sounds, samples per second.
const rate = 16000

// clip is a person seen speaking.
type clip struct {
	input
	lipsync.Footage
	seen  *lipsync.Watched
	said  [][]float64             // lipsync.Context of each frame in seen; nil where the words are unknown
	heard map[float64][][]float64 // its sound, by throat
}

// voice is somebody heard whose words are known.
type voice struct {
	name  string
	said  [][]float64   // lipsync.Context of each frame
	heard [][][]float64 // its sound, in each of throats
}

// lead is by how many seconds lips run ahead of the sound (lipsync reckons with the same).
const lead = .02

func newVoice(name string, s speech.Sound, t *speech.Timing) *voice {
	n := int(s.Seconds() * voiceFPS)
	v := &voice{name: name, said: lipsync.Context(speech.MouthCurves(t, n, voiceFPS, lead), voiceFPS)}
	for _, f := range throats {
		v.heard = append(v.heard, listen(s, n, voiceFPS, f))
	}
	return v
}

// watch keeps the frames in which the clip's person is seen and says something.
func (c *clip) watch(ctx context.Context) error {
	all, err := lipsync.Watch(ctx, c.Footage)
	if err != nil {
		return err
	}
	n := c.Analysis.Video.Frames
	var said [][]float64
	if c.Timing != nil {
		said = lipsync.Context(speech.MouthCurves(c.Timing, n, c.FPS, -float64(all.Offset)/c.FPS), c.FPS)
	}
	heard := map[float64][][]float64{}
	for _, f := range slices.Concat(throats[:], strange[:]) {
		heard[f] = listen(*c.Sound, n, c.FPS, f)
	}
	kept := *all
	kept.Frames, kept.Descriptors, kept.Lips = nil, nil, nil
	c.heard = map[float64][][]float64{}
	for i, frame := range all.Frames {
		if said != nil {
			if said[frame][silence] >= .5 {
				continue
			}
			c.said = append(c.said, said[frame])
		}
		kept.Frames, kept.Descriptors, kept.Lips = append(kept.Frames, frame), append(kept.Descriptors, all.Descriptors[i]), append(kept.Lips, all.Lips[i])
		for f, rows := range heard {
			c.heard[f] = append(c.heard[f], rows[min(max(frame-all.Offset, 0), n-1)])
		}
	}
	c.seen = &kept
	return nil
}

func gather(ctx context.Context, list []input, dir string, by *speech.Espeak) ([]*clip, []*voice, error) {
	rt, err := infer.Open(infer.DefaultOptions())
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = rt.Close() }()
	m, err := face.NewModels(rt, face.DefaultOptions())
	if err != nil {
		return nil, nil, err
	}
	var clips []*clip
	var voices []*voice
	for _, in := range list {
		path := filepath.Join(dir, in.file)
		s, err := read(ctx, path)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", in.file, err)
		}
		var t *speech.Timing
		if in.words != "" {
			if t, err = aligned(ctx, s, in.words, by); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", in.file, err)
			}
		}
		if in.use == "voice" {
			voices = append(voices, newVoice(in.file, s, t))
			continue
		}
		a, fps, err := analyse(ctx, m, path)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", in.file, err)
		}
		c := &clip{input: in, Footage: lipsync.Footage{Analysis: a, FPS: fps, Sound: &s, Timing: t}}
		if err = c.watch(ctx); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", in.file, err)
		}
		fmt.Printf("%s: %d frames, picture late by %d\n", in.file, len(c.seen.Frames), c.seen.Offset)
		clips = append(clips, c)
	}
	made, err := synthesise(ctx, by)
	return clips, append(voices, made...), err
}

// cue is a time in a list's words: [FROM-TO], in seconds, before what is said then.
var cue = regexp.MustCompile(`\[([0-9.]+)-([0-9.]+)\]`)

// aligned finds when the words are said. Where they have times, each piece is looked for in its own time only: a few words
// are too little to tell them from a pause.
func aligned(ctx context.Context, s speech.Sound, words string, by speech.Speaker) (*speech.Timing, error) {
	at := cue.FindAllStringSubmatchIndex(words, -1)
	if at == nil {
		return speech.AlignTranscript(ctx, s, &speech.Transcript{Language: language, Cues: []speech.Cue{{Text: words}}}, by, speech.Request{}, speech.AlignOptions{})
	}
	all := &speech.Timing{Language: language, Score: 1}
	for i, m := range at {
		end := len(words)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		first, err := strconv.ParseFloat(words[m[2]:m[3]], 64)
		if err != nil {
			return nil, err
		}
		last, err := strconv.ParseFloat(words[m[4]:m[5]], 64)
		if err != nil {
			return nil, err
		}
		a, b := int(first*rate), min(int(last*rate), len(s.Samples))
		if a >= b {
			return nil, fmt.Errorf("nothing is heard from %.2f to %.2f s", first, last)
		}
		ref, err := by.Speak(ctx, speech.Request{Text: strings.TrimSpace(words[m[1]:end]), Language: language})
		if err != nil {
			return nil, err
		}
		t, err := speech.Align(ctx, speech.Sound{Rate: rate, Samples: s.Samples[a:b]}, ref, speech.AlignOptions{})
		if err != nil {
			return nil, err
		}
		for _, p := range t.Phones {
			all.Phones = append(all.Phones, speech.Phone{IPA: p.IPA, Start: p.Start + first, End: p.End + first})
		}
	}
	return all, nil
}

// read is the sound of a file in the time of its picture.
func read(ctx context.Context, path string) (speech.Sound, error) {
	info, err := media.ProbeSound(ctx, path, media.Limits{})
	if err != nil {
		return speech.Sound{}, err
	}
	samples, err := media.ReadSound(ctx, path, info.Tracks, media.SoundOptions{Track: info.Track(), Rate: rate, Zero: info.Start})
	return speech.Sound{Rate: rate, Samples: samples}, err
}

func analyse(ctx context.Context, m *face.Models, path string) (*face.Analysis, float64, error) {
	info, err := media.Probe(ctx, path, media.Limits{})
	if err != nil {
		return nil, 0, err
	}
	n := info.Frames()
	fps := float64(n) / math.Max(info.Duration.Seconds(), .01)
	r, err := media.OpenReader(ctx, path, info, media.ReadOptions{End: n})
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	o := face.NewObserver(m, 0, fps)
	for range n {
		f, err := r.Read()
		if err != nil {
			return nil, 0, err
		}
		if err := o.Observe(ctx, f); err != nil {
			return nil, 0, err
		}
		r.Release(f)
	}
	a, err := face.Join([]*face.Observations{o.Finish()}, face.VideoInfo{W: info.Video.Layout.W, H: info.Video.Layout.H, Frames: n}, fps)
	return a, fps, err
}

// Sentences balanced over English: IEEE 1969, lists 2 to 5 of the "Harvard sentences". List 1 is what the tables are
// fitted to when they are used.
const sentences = `The boy was there when the sun rose. A rod is used to catch pink salmon. The source of the huge river is the clear spring. Kick the ball straight and follow through. Help the woman get back to her feet. A pot of tea helps to pass the evening. Smoky fires lack flame and heat. The soft cushion broke the man's fall. The salt breeze came across from the sea. The girl at the booth sold fifty bonds. The small pup gnawed a hole in the sock. The fish twisted and turned on the bent hook. Press the pants and sew a button on the vest. The swan dive was far short of perfect. The beauty of the view stunned the young boy. Two blue fish swam in the tank. Her purse was full of useless trash. The colt reared and threw the tall rider. It snowed, rained, and hailed the same morning. Read verse out loud for pleasure.`

// machines are the built-in voices that are listened to: other throats, pitches and speeds.
var machines = []speech.Request{
	{Language: "en-us", Voice: "espeak:en-us"},
	{Language: "en-us", Voice: "espeak:en-us+f2", Rate: 1.1},
	{Language: "en-us", Voice: "espeak:en-us+f4", Rate: .95},
	{Language: "en-us", Voice: "espeak:en-us+m3", Rate: 1.05},
	{Language: "en-us", Voice: "espeak:en-us+m7", Rate: .9},
	{Language: "en-gb", Voice: "espeak:en-gb", Pitch: 1.2},
}

// synthesise lets machines speak: their times are exact. Festival Lite (Carnegie Mellon University, free
// software) has voices made from people's speech; they are aligned.
func synthesise(ctx context.Context, by *speech.Espeak) ([]*voice, error) {
	var out []*voice
	for _, r := range machines {
		r.Text = sentences
		u, err := by.Speak(ctx, r)
		if err != nil {
			return nil, err
		}
		out = append(out, newVoice(r.Voice, u.Sound.Resample(rate), u.Timing))
	}
	dir, err := os.MkdirTemp("", "learn")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for i, name := range []string{"slt", "rms", "awb", "kal16"} {
		path := filepath.Join(dir, strconv.Itoa(i)+".wav")
		if err := exec.CommandContext(ctx, "flite", "-voice", name, "-t", sentences, "-o", path).Run(); err != nil {
			return nil, fmt.Errorf("flite: %w", err)
		}
		s, err := read(ctx, path)
		if err != nil {
			return nil, err
		}
		t, err := aligned(ctx, s, sentences, by)
		if err != nil {
			return nil, err
		}
		out = append(out, newVoice("flite:"+name, s, t))
	}
	return out, nil
}
