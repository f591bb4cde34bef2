package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/lipsync"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/speech"
)

// Sound of a talk.
const (
	truePeak    = -1    // dBTP, which EBU R 128 allows
	hearRate    = 16000 // samples per second of what is analysed
	tail        = .35   // seconds after a text in which the mouth comes to rest
	breath      = .30   // seconds between what is said one after the other
	leastTempo  = .95   // of speech that is fitted to its place: beyond, it sounds hurried or drawled
	mostTempo   = 1.20
	mostRepeats = 40 // times that footage may be played for one voice; beyond, it is no video any more
	silentPeak  = 1e-4
)

// voiced is what the stage of the voice leaves.
type voiced struct {
	Frames int            `json:"frames"` // of the result
	Rate   media.Rational `json:"rate"`   // of the result, frames per second
	Sound  string         `json:"sound"`  // key of the sound of the result
	Mixed  *media.Mixed   `json:"mixed"`
	Says   []spoken       `json:"says"`
	Words  string         `json:"words,omitempty"`  // key of when what is said in the video
	Track  string         `json:"track,omitempty"`  // of a dub: key of the new voices alone, a WAV
	Dubbed string         `json:"dubbed,omitempty"` // of a dub: key of its segments, []DubSegment as JSON
}

// spoken is what became of a Say.
type spoken struct {
	Sound     string  `json:"sound"`            // key of its sound at hearRate
	Timing    string  `json:"timing,omitempty"` // key of its speech.Timing; "" where it is not known
	At        float64 `json:"at"`               // seconds, in the result
	Seconds   float64 `json:"seconds"`
	Score     float64 `json:"score"` // how well its words fit its sound
	Synthetic bool    `json:"synthetic,omitempty"`
	Silent    bool    `json:"silent,omitempty"`
	Voice     string  `json:"voice,omitempty"`
	Character int     `json:"character,omitempty"` // of a dub: index in Dub.characters
}

// outRate is the result's frame rate: the nominal one where the footage keeps it, else the mean.
func outRate(info *media.Info) media.Rational {
	r, mean := info.Video.Rate, info.Video.AvgRate
	if r.Float() > 0 && math.Abs(r.Float()-mean.Float()) < .005*mean.Float() {
		mean = r
	}
	if f := mean.Float(); f <= 0 || f > maxFPS {
		return media.Rational{Num: 25, Den: 1}
	}
	return mean
}

// clock lists, for every frame of a result at a constant rate, the frame of the footage that is seen then; so footage
// of changing rate becomes one of a constant one.
func clock(info *media.Info, g media.Range, rate media.Rational) (list []int) {
	zero, end := info.Time(g.First), info.Time(g.End)
	at := g.First
	for k := 0; ; k++ {
		// The middle of the frame: times are rounded in files.
		t := zero + time.Duration((float64(k)+.5)/rate.Float()*1e9)
		if t >= end && k > 0 {
			return list
		}
		for at+1 < g.End && info.Time(at+1) <= t {
			at++
		}
		list = append(list, at)
	}
}

// speak makes the sound of everything that is to be said, and finds out when what is said in it.
func speak(ctx context.Context, w *work) error {
	defer w.breathe()()
	w.voiced.Rate = outRate(w.info)
	at := 0.0
	for i := range w.talk.Says {
		u, out, err := w.say(ctx, i)
		if err != nil {
			return err
		}
		s := w.talk.Says[i]
		out.At = at
		if s.From > 0 {
			out.At = s.From.Seconds()
		}
		if out.At < at-.01 {
			w.warn(fmt.Sprintf("piece %d of the text begins %.1f s before the one before it ends; both are heard", i+1, at-out.At))
		}
		out.Seconds = u.Sound.Seconds()
		if s.To > 0 {
			if over := out.At + out.Seconds - s.To.Seconds(); over > .05 {
				w.warn(fmt.Sprintf("piece %d is %.1f s longer than its place, at the quickest natural tempo", i+1, over))
			}
		}
		at = out.At + out.Seconds
		if i+1 < len(w.talk.Says) {
			at += breath
		} else if out.Synthetic {
			at += tail
		}
		out.Sound = w.key(fmt.Sprintf("say-%d.wav", i))
		if err := w.keepSound(ctx, out.Sound, u.Sound.Resample(hearRate)); err != nil {
			return err
		}
		if u.Timing != nil {
			out.Timing, out.Score = w.key(fmt.Sprintf("timing-%d.json", i)), u.Timing.Score
			if err := w.keepTiming(ctx, out.Timing, u.Timing); err != nil {
				return err
			}
		}
		w.voiced.Says = append(w.voiced.Says, out)
	}
	return w.measureLength(at)
}

// measureLength decides how many frames the result has.
func (w *work) measureLength(seconds float64) error {
	fps := w.voiced.Rate.Float()
	m := len(clock(w.info, w.fetched.Range, w.voiced.Rate))
	n := max(1, int(math.Ceil(seconds*fps-.01)))
	w.voiced.Frames = w.talk.Fit.Length(m, n)
	if w.voiced.Frames > mostRepeats*m {
		return fault.New(fault.TooLong, w.voiceField(), "the voice lasts %.0f s and the video %.1f s: it would be played %d times", seconds, float64(m)/fps, w.voiced.Frames/m).
			WithHint("Give a longer video, or at most %.0f s of speech.", mostRepeats*float64(m)/fps)
	}
	if most := w.r.cfg.Video.MaxDuration; most > 0 && seconds > most.Seconds() {
		return fault.New(fault.TooLong, w.voiceField(), "the voice is too long: %.0f s of at most %s", seconds, most)
	}
	if w.talk.Fit == lipsync.CutOff && n > m {
		w.warn(fmt.Sprintf("the voice is cut off with the video, %.1f s before its end", float64(n-m)/fps))
	}
	return nil
}

// voiceField is what the user calls the first thing that is said.
func (w *work) voiceField() string {
	f := w.fetched.Says[0]
	switch {
	case f.Audio != nil:
		return f.Audio.Name
	case f.Script != nil:
		return f.Script.Name
	}
	return "text"
}

// say makes the sound of the i-th Say, at w.voiceFile(i) and as samples, with its times where they can be known.
func (w *work) say(ctx context.Context, i int) (*speech.Utterance, spoken, error) {
	if w.talk.Says[i].Audio != nil {
		return w.sayRecording(ctx, i)
	}
	return w.sayText(ctx, i)
}

// voiceFile is where the sound of the i-th Say lies, as media.ConvertSound writes it.
func (w *work) voiceFile(i int) string { return w.scratch(fmt.Sprintf("voice-%d.wav", i)) }

// sayText has a text spoken.
func (w *work) sayText(ctx context.Context, i int) (*speech.Utterance, spoken, error) {
	s, out := w.talk.Says[i], spoken{Synthetic: true, Voice: w.talk.Says[i].Voice}
	r := speech.Request{Text: s.Text, Language: or(s.Language, defaultLanguage), Voice: s.Voice, Rate: s.Tempo, Pitch: s.Pitch}
	if f := w.fetched.Says[i].Script; f != nil {
		t, err := w.readTranscript(ctx, *f)
		if err != nil {
			return nil, out, err
		}
		r.Text = t.Text()
		r.Language = or(s.Language, or(t.Language, defaultLanguage))
	}
	if w.r.cfg.Speaker == nil {
		return nil, out, fault.New(fault.Unsupported, "text", "this installation has no voices").WithHint("Give a recording.")
	}
	u, err := w.r.cfg.Speaker.Speak(ctx, r)
	if err != nil {
		return nil, out, err
	}
	if place := (s.To - s.From).Seconds(); s.To > 0 && u.Sound.Seconds() > 0 {
		if q := min(max(u.Sound.Seconds()/place, leastTempo), mostTempo); math.Abs(q-1) > .01 {
			r.Rate = min(max(or1(r.Rate)*q, .5), 2)
			if u, err = w.r.cfg.Speaker.Speak(ctx, r); err != nil {
				return nil, out, err
			}
		}
	}
	if u.Timing == nil { // a voice that does not say when it says what
		if u.Timing, err = w.align(ctx, u.Sound, &speech.Transcript{Cues: []speech.Cue{{Text: r.Text}}}, r.Language, "text"); err != nil {
			return nil, out, err
		}
		out.Synthetic = false // it sounds like a human one
	}
	spoken48 := w.scratch("spoken.wav")
	if err := media.WriteWAV(spoken48, u.Sound.Rate, u.Sound.Samples); err != nil {
		return nil, out, err
	}
	return u, out, w.convert(ctx, spoken48, w.voiceFile(i), media.ConvertOptions{SoundOptions: media.SoundOptions{Zero: -1}})
}

const defaultLanguage = "en"

// sayRecording reads a recording.
func (w *work) sayRecording(ctx context.Context, i int) (*speech.Utterance, spoken, error) {
	s, files := w.talk.Says[i], w.fetched.Says[i]
	out := spoken{}
	path, err := w.open(ctx, *files.Audio)
	if err != nil {
		return nil, out, err
	}
	o := media.ConvertOptions{SoundOptions: media.SoundOptions{Zero: -1, Most: w.r.cfg.Video.MaxDuration}, Tempo: s.Tempo, Pitch: s.Pitch}
	if err := w.convert(ctx, path, w.voiceFile(i), o); err != nil {
		return nil, out, w.named(err, files.Audio.Name)
	}
	if place := (s.To - s.From).Seconds(); s.To > 0 {
		length, err := media.SoundLength(w.voiceFile(i), media.MixRate)
		if err != nil {
			return nil, out, err
		}
		if q := min(max(length/place, leastTempo), mostTempo); math.Abs(q-1) > .01 {
			o.Tempo = min(max(or1(o.Tempo)*q, .5), 2)
			if err := w.convert(ctx, path, w.voiceFile(i), o); err != nil {
				return nil, out, w.named(err, files.Audio.Name)
			}
		}
	}
	u := &speech.Utterance{}
	if u.Sound, err = w.hear(ctx, w.voiceFile(i)); err != nil {
		return nil, out, w.named(err, files.Audio.Name)
	}
	if out.Silent = silent(u.Sound); out.Silent {
		w.warn(files.Audio.Name + ": the recording is silent; the mouth stays closed")
		u.Timing = &speech.Timing{Score: 1, Phones: []speech.Phone{}}
		return u, out, nil
	}
	if files.Transcript == nil {
		return u, out, nil
	}
	t, err := w.readTranscript(ctx, *files.Transcript)
	if err != nil {
		return nil, out, err
	}
	language := or(s.Language, or(t.Language, defaultLanguage))
	u.Timing, err = w.align(ctx, u.Sound, t, language, files.Transcript.Name)
	return u, out, err
}

// silent tells whether nothing can be heard in a sound.
func silent(s speech.Sound) bool {
	for _, v := range s.Samples {
		if v > silentPeak || v < -silentPeak {
			return false
		}
	}
	return true
}

// convert makes the canonical form of a file's sound.
func (w *work) convert(ctx context.Context, in, out string, o media.ConvertOptions) error {
	info, err := media.ProbeSound(ctx, in, w.soundLimits())
	if err != nil {
		return err
	}
	o.Track = info.Track()
	return media.ConvertSound(ctx, in, info.Tracks, out, o)
}

// hear reads a canonical sound for analysis.
func (w *work) hear(ctx context.Context, path string) (s speech.Sound, err error) {
	info, err := media.ProbeSound(ctx, path, media.Limits{})
	if err != nil {
		return s, err
	}
	s.Rate = hearRate
	s.Samples, err = media.ReadSound(ctx, path, info.Tracks, media.SoundOptions{Rate: hearRate, Zero: -1})
	return s, err
}

// readTranscript reads a file of text.
func (w *work) readTranscript(ctx context.Context, in input) (*speech.Transcript, error) {
	path, err := w.open(ctx, in)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	t, err := speech.ReadTranscript(f, in.Name)
	if err != nil {
		return nil, w.named(err, in.Name)
	}
	return t, nil
}

// align finds when the words of a transcript are said. Words that do not fit the sound are said to, and
// nil is what is known then.
func (w *work) align(ctx context.Context, s speech.Sound, t *speech.Transcript, language, name string) (*speech.Timing, error) {
	if w.r.cfg.Reference == nil {
		w.warn(name + ": this installation cannot find words in a sound; the mouth follows the sound alone")
		return nil, nil
	}
	got, err := speech.AlignTranscript(ctx, s, t, w.r.cfg.Reference, speech.Request{Language: language}, speech.AlignOptions{})
	if fault.Is(err, fault.MissingProgram) {
		w.warn(name + ": espeak-ng is not installed, without which words cannot be found in a sound; the mouth follows the sound alone")
		return nil, nil
	}
	if err != nil {
		return nil, w.named(err, name)
	}
	if got.Score < speech.ScoreFits {
		w.warn(fmt.Sprintf("%s: the words do not fit the sound (%.0f %% of its phones sound like themselves); the mouth follows the sound alone", name, 100*got.Score))
		return nil, nil
	}
	return got, nil
}

// hearSource finds out when what is said in the video, where its words are given.
func hearSource(ctx context.Context, w *work) error {
	if w.fetched.Words == nil {
		return nil
	}
	t, err := w.readTranscript(ctx, *w.fetched.Words)
	if err != nil {
		return err
	}
	return w.hearWords(ctx, t, or(w.talk.WordsLanguage, or(t.Language, or(w.talk.Says[0].Language, defaultLanguage))))
}

// hearWords finds out when what is said in the video.
func (w *work) hearWords(ctx context.Context, t *speech.Transcript, language string) error {
	defer w.breathe()()
	name := w.fetched.Words.Name
	if len(w.info.Audio) == 0 {
		w.warn(name + ": the video has no sound in which its words could be found")
		return nil
	}
	s, err := w.filmedSound(ctx, w.video, w.info)
	if err != nil {
		return w.videoFault(err)
	}
	timing, err := w.align(ctx, *s, t, language, name)
	if err != nil || timing == nil {
		return err
	}
	w.voiced.Words = w.key("words.json")
	return w.keepTiming(ctx, w.voiced.Words, timing)
}

// filmedSound is what is heard in a clip, from its first frame on; nil where nothing is.
func (w *work) filmedSound(ctx context.Context, path string, info *media.Info) (*speech.Sound, error) {
	if len(info.Audio) == 0 {
		return nil, nil
	}
	samples, err := media.ReadSound(ctx, path, info.Audio, media.SoundOptions{Track: info.Track(), Rate: hearRate, Zero: info.Time(0) + info.Start})
	if err != nil {
		return nil, err
	}
	return &speech.Sound{Rate: hearRate, Samples: samples}, nil
}

// mixSound makes the sound of the result.
func mixSound(ctx context.Context, w *work) error {
	defer w.breathe()()
	m := media.Mix{Loudness: w.talk.Loudness, Peak: truePeak, Length: time.Duration(float64(w.voiced.Frames) / w.voiced.Rate.Float() * 1e9)}
	for i, s := range w.voiced.Says {
		m.Parts = append(m.Parts, media.Part{Path: w.voiceFile(i), At: time.Duration(s.At * 1e9)})
	}
	return w.mix(ctx, m, "")
}

// mix makes the sound of the result from what is said. under is a file with the background's gain over time, "" for none.
func (w *work) mix(ctx context.Context, m media.Mix, under string) error {
	if w.talk.Background != nil {
		switch {
		case len(w.info.Audio) == 0:
			w.warn(w.fetched.Video.Name + ": the video has no sound that could stay under the voice")
		case w.talk.Sides && w.info.Audio[w.info.Track()].Channels < 2:
			w.warn(w.fetched.Video.Name + ": the video's sound has one channel, so no sides; none of it stays under the voice")
		default:
			back := w.scratch("background.wav")
			o := media.ConvertOptions{SoundOptions: media.SoundOptions{Track: w.info.Track(), Zero: w.info.Time(w.fetched.Range.First) + w.info.Start}}
			if err := media.ConvertSound(ctx, w.video, w.info.Audio, back, o); err != nil {
				return w.videoFault(err)
			}
			m.Background = &media.Background{Path: back, Level: *w.talk.Background, Sides: w.talk.Sides}
			if under != "" {
				m.Background.Level, m.Background.Gain = 0, under
			}
		}
	}
	file := w.scratch("sound.m4a")
	var err error
	if w.voiced.Mixed, err = media.MixSound(ctx, file, m); err != nil {
		return err
	}
	if math.Abs(w.voiced.Mixed.Loudness-m.Loudness) > .5 && !w.voiced.Mixed.Silent {
		w.warn(fmt.Sprintf("the sound has %.1f LUFS instead of %.1f: its peaks leave no more room", w.voiced.Mixed.Loudness, m.Loudness))
	}
	w.voiced.Sound = w.key("sound.m4a")
	if _, err := w.r.cfg.Blobs.Put(ctx, w.voiced.Sound, file); err != nil {
		return err
	}
	w.out = w.voiced
	return nil
}

// keepSound stores a sound.
func (w *work) keepSound(ctx context.Context, key string, s speech.Sound) error {
	path := w.scratch("kept.wav")
	if err := media.WriteWAV(path, s.Rate, s.Samples); err != nil {
		return err
	}
	_, err := w.r.cfg.Blobs.Put(ctx, key, path)
	return err
}

// keepTiming stores when what is said.
func (w *work) keepTiming(ctx context.Context, key string, t *speech.Timing) error {
	raw, err := json.Marshal(t)
	if err != nil {
		return err
	}
	_, err = w.r.cfg.Blobs.Write(ctx, key, raw)
	return err
}

// maxTiming bounds what keepTiming wrote: a day of phones.
const maxTiming = 256 << 20

// loadTiming reads what keepTiming stored.
func (w *work) loadTiming(ctx context.Context, key string) (*speech.Timing, error) {
	raw, err := w.r.cfg.Blobs.Read(ctx, key, maxTiming)
	if err != nil {
		return nil, err
	}
	t := new(speech.Timing)
	return t, json.Unmarshal(raw, t)
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func or1(v float64) float64 {
	if v == 0 {
		return 1
	}
	return v
}
