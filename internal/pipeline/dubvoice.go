package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/lipsync"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/speech"
)

// DubSegment is one cue of a dub and what became of it. Times are seconds of the result.
type DubSegment struct {
	Text    string  `json:"text"`
	Speaker string  `json:"speaker,omitempty"`
	Voice   string  `json:"voice,omitempty"` // as asked for; "" is the language's own
	Start   float64 `json:"start"`           // of the cue
	End     float64 `json:"end"`
	At      float64 `json:"at"` // where it is said
	Seconds float64 `json:"seconds"`
	Rate    float64 `json:"rate"` // against the voice's own
	// Note says what is not as it should be: too quick to be natural, or later than its place; "" for nothing.
	Note     string `json:"note,omitempty"`
	Recorded bool   `json:"recorded,omitempty"` // a recording of the user's
	Reused   bool   `json:"reused,omitempty"`   // spoken by an earlier run
	Sound    string `json:"sound"`              // WAV at media.MixRate, one channel: its key, or its file once it is kept
}

// Limits of the notes on a segment.
const (
	rateWithin  = .03 // of the wanted rate, from which on a voice is asked again
	lateWithin  = .10 // seconds
	leastDucked = 1.0 // seconds between two cues, from which on the original comes back
	duckEdge    = .20 // seconds around a cue in which the original is already, or still, soft
	duckSlope   = .30 // seconds
	duckRate    = 200 // samples per second of the gain
)

// line is a segment on its way.
type line struct {
	DubSegment
	character int
	request   speech.Request
	recording *input
	natural   *speech.Utterance // at the voice's own rate
	said      *speech.Utterance
	synthetic bool
}

// speakDub has the cues spoken, each in its place.
func speakDub(ctx context.Context, w *work) error {
	defer w.breathe()()
	lines, err := w.dubLines()
	if err != nil {
		return err
	}
	w.voiced.Rate = outRate(w.info)
	m := len(clock(w.info, w.fetched.Range, w.voiced.Rate))
	slots := make([]speech.Slot, len(lines))
	for i, l := range lines {
		if err := w.speakLine(ctx, l, 1); err != nil {
			return w.dubFault(err, l)
		}
		l.natural = l.said
		slots[i] = speech.Slot{Start: l.Start, End: l.End, Natural: l.natural.Sound.Seconds()}
	}
	placed := speech.PlaceDub(slots, float64(m)/w.voiced.Rate.Float())
	free := 0.0
	for i, l := range lines {
		p := placed[i]
		if err := w.fitLine(ctx, l, p.Rate); err != nil {
			return w.dubFault(err, l)
		}
		l.At, l.Seconds = p.At, l.said.Sound.Seconds()
		if i > 0 && l.Start >= lines[i-1].End {
			l.At = max(l.At, free) // a voice that keeps its own time
		}
		l.Rate = l.natural.Sound.Seconds() / l.Seconds
		late := l.At + l.Seconds - (p.At + slots[i].Natural/p.Rate) + p.Late
		switch {
		case late > lateWithin:
			l.Note = fmt.Sprintf("%.1f s longer than its place, at %.2f times the voice's rate", late, l.Rate)
		case p.Hurried || l.Rate > speech.QuickestDub+rateWithin:
			l.Note = fmt.Sprintf("hurried: %.2f times the voice's rate", l.Rate)
		}
		free = l.At + l.Seconds
		w.segments = append(w.segments, l.DubSegment)
	}
	if err := w.keepLines(ctx, lines); err != nil {
		return err
	}
	end := 0.0
	for _, l := range lines {
		end = max(end, l.At+l.Seconds)
	}
	w.voiced.Frames = w.talk.Fit.Length(m, int(math.Ceil(end*w.voiced.Rate.Float()-.01)))
	if w.voiced.Frames > 2*m {
		return fault.New(fault.TooLong, w.targetName(), "the new words take %.0f s and the video has %.1f s", end, float64(m)/w.voiced.Rate.Float()).
			WithHint("Shorten them, or give each the time in which it is said.")
	}
	return w.castSays()
}

// targetName is what the user calls the new words.
func (w *work) targetName() string {
	if w.fetched.Target != nil {
		return w.fetched.Target.Name
	}
	return "target-srt"
}

// dubFault names the cue in what is wrong with its words.
func (w *work) dubFault(err error, l *line) error {
	f := fault.From(err)
	if l.recording != nil {
		return w.named(err, l.recording.Name)
	}
	if f == nil {
		return err
	}
	switch f.Param {
	case "language":
		return f.WithParam("to")
	case "text":
		return fault.New(f.Code, w.targetName(), "the cue at %.1f s: %s", l.Start, f.Text).WithHint("%s", f.Hint).WithCause(err)
	}
	return err
}

// dubLines are the cues of the wanted part that say anything.
func (w *work) dubLines() (lines []*line, err error) {
	zero := w.info.Time(w.fetched.Range.First).Seconds()
	end := w.info.Time(w.fetched.Range.End).Seconds()
	cast := w.dub.characters()
	outside := 0
	for i := range w.target.Cues {
		c := &w.target.Cues[i]
		text := strings.Join(strings.Fields(c.Said()), " ")
		if text == "" {
			continue
		}
		if c.Start >= end || c.End <= zero {
			outside++
			continue
		}
		l := &line{DubSegment: DubSegment{Text: text, Speaker: c.Speaker, Start: max(c.Start-zero, 0), End: min(c.End, end) - zero}}
		l.character = slices.IndexFunc(cast, func(p Character) bool { return p.Name != "" && strings.EqualFold(p.Name, c.Speaker) })
		if l.character < 0 {
			l.character = len(cast) - 1
		}
		l.Voice = cast[l.character].Voice
		l.request = speech.Request{Text: text, Language: w.dub.Language, Voice: l.Voice}
		for k, r := range w.dub.Recordings {
			if strings.Join(strings.Fields(r.Text), " ") == text {
				l.recording, l.Recorded, l.Voice = &w.fetched.Recordings[k], true, ""
			}
		}
		lines = append(lines, l)
	}
	if outside > 0 {
		w.warn(fmt.Sprintf("%s: %d cues lie outside of the video and are left out", w.targetName(), outside))
	}
	switch {
	case len(lines) == 0:
		return nil, fault.New(fault.Empty, w.targetName(), "there is nothing to say in the video's time").
			WithHint("The cues need words and times within the video.")
	case len(lines) > maxSegments:
		return nil, fault.New(fault.TooLong, w.targetName(), "takes at most %d cues at once, has %d", maxSegments, len(lines)).
			WithHint("Dub the video in parts, with --start and --end.")
	}
	return lines, nil
}

// speakLine says a line at a rate, or plays its recording at it.
func (w *work) speakLine(ctx context.Context, l *line, rate float64) error {
	if l.recording != nil {
		path, err := w.open(ctx, *l.recording)
		if err != nil {
			return err
		}
		o := media.ConvertOptions{SoundOptions: media.SoundOptions{Zero: -1, Most: w.r.cfg.Video.MaxDuration}, Tempo: rate}
		l.said, err = w.converted(ctx, path, o)
		if err != nil {
			return err
		}
		l.said.Timing, err = w.align(ctx, l.said.Sound, &speech.Transcript{Cues: []speech.Cue{{Text: l.Text}}}, w.dub.Language, l.recording.Name)
		return err
	}
	if w.r.cfg.Speaker == nil {
		return fault.New(fault.Unsupported, "text", "this installation has no voices").WithHint("Give recordings.")
	}
	l.request.Rate = rate
	u, reused, err := w.reusedSpeech(ctx, l.request, func() (*speech.Utterance, error) { return w.r.cfg.Speaker.Speak(ctx, l.request) })
	if err != nil {
		return err
	}
	l.Reused, l.synthetic = reused, u.Timing != nil
	if u.Timing == nil {
		name := fmt.Sprintf("%s, the cue at %.1f s", w.targetName(), l.Start)
		if u.Timing, err = w.align(ctx, u.Sound, &speech.Transcript{Cues: []speech.Cue{{Text: l.Text}}}, w.dub.Language, name); err != nil {
			return err
		}
	}
	l.said = u.Trimmed()
	return nil
}

// fitLine brings a line to its rate: a voice that knows when it says what is asked again, any other is played quicker.
func (w *work) fitLine(ctx context.Context, l *line, rate float64) error {
	if math.Abs(rate-1) < .01 {
		return nil
	}
	want := l.natural.Sound.Seconds() / rate
	if l.recording != nil {
		return w.speakLine(ctx, l, rate)
	}
	if !l.synthetic {
		in := w.scratch("line.wav")
		if err := media.WriteWAV(in, l.natural.Sound.Rate, l.natural.Sound.Samples); err != nil {
			return err
		}
		u, err := w.converted(ctx, in, media.ConvertOptions{SoundOptions: media.SoundOptions{Zero: -1}, Tempo: rate})
		if err != nil {
			return err
		}
		if l.natural.Timing != nil {
			u.Timing = l.natural.Timing.Moved(0, 1/rate, u.Sound.Seconds())
		}
		l.said = u
		return nil
	}
	if err := w.speakLine(ctx, l, rate); err != nil {
		return err
	}
	// Voices keep some of their pauses at any rate.
	if got := l.said.Sound.Seconds() / want; math.Abs(got-1) > rateWithin {
		return w.speakLine(ctx, l, min(max(rate*got, .5), 2))
	}
	return nil
}

// converted is a file's sound, changed, at the rate of mixes.
func (w *work) converted(ctx context.Context, in string, o media.ConvertOptions) (*speech.Utterance, error) {
	out := w.scratch("converted.wav")
	if err := w.convert(ctx, in, out, o); err != nil {
		return nil, err
	}
	info, err := media.ProbeSound(ctx, out, media.Limits{})
	if err != nil {
		return nil, err
	}
	u := &speech.Utterance{Sound: speech.Sound{Rate: media.MixRate}}
	u.Sound.Samples, err = media.ReadSound(ctx, out, info.Tracks, media.SoundOptions{Rate: media.MixRate, Zero: -1})
	return u, err
}

// keepLines stores what was said, for the stages that follow.
func (w *work) keepLines(ctx context.Context, lines []*line) error {
	for i, l := range lines {
		out := spoken{At: l.At, Seconds: l.Seconds, Synthetic: l.synthetic, Voice: l.Voice, Character: l.character, Silent: silent(l.said.Sound)}
		out.Sound = w.key(fmt.Sprintf("say-%d.wav", i))
		if err := w.keepSound(ctx, out.Sound, l.said.Sound.Resample(hearRate)); err != nil {
			return err
		}
		w.segments[i].Sound = w.key(fmt.Sprintf("segment-%d.wav", i))
		if err := w.keepSound(ctx, w.segments[i].Sound, l.said.Sound.Resample(media.MixRate)); err != nil {
			return err
		}
		if l.said.Timing != nil {
			out.Timing, out.Score = w.key(fmt.Sprintf("timing-%d.json", i)), l.said.Timing.Score
			if err := w.keepTiming(ctx, out.Timing, l.said.Timing); err != nil {
				return err
			}
		}
		w.voiced.Says = append(w.voiced.Says, out)
		w.said = append(w.said, l.said.Sound.Resample(media.MixRate))
	}
	raw, err := json.Marshal(w.segments)
	if err != nil {
		return err
	}
	w.voiced.Dubbed = w.key("segments.json")
	_, err = w.r.cfg.Blobs.Write(ctx, w.voiced.Dubbed, raw)
	return err
}

// hearDubbed finds out when what is said in the video, where its words and their language are known.
func hearDubbed(ctx context.Context, w *work) error {
	if w.source == nil {
		return nil
	}
	if w.source.Language == "" {
		w.warn("the language of the video is not known, so its words do not teach how the mouth moves; name it with --from")
		return nil
	}
	if w.fetched.Words == nil {
		w.fetched.Words = &input{Name: "what was heard in the video"}
	}
	return w.hearWords(ctx, w.source, w.source.Language)
}

// mixDub makes the sound of the result: the new voices, over the original, which is soft while somebody is dubbed.
func mixDub(ctx context.Context, w *work) error {
	defer w.breathe()()
	length := float64(w.voiced.Frames) / w.voiced.Rate.Float()
	track := make([]float32, int(length*media.MixRate))
	for i, s := range w.said {
		at := int(math.Round(w.voiced.Says[i].At * media.MixRate))
		for k, v := range s.Samples {
			if n := at + k; n < len(track) {
				track[n] += v
			}
		}
	}
	voice := w.scratch("voice.wav")
	if err := media.WriteWAV(voice, media.MixRate, track); err != nil {
		return err
	}
	w.voiced.Track = w.key("voice.wav")
	if _, err := w.r.cfg.Blobs.Put(ctx, w.voiced.Track, voice); err != nil {
		return err
	}
	m := media.Mix{Loudness: w.talk.Loudness, Peak: truePeak, Length: time.Duration(length * 1e9), Parts: []media.Part{{Path: voice}}}
	under := ""
	if w.talk.Background != nil {
		under = w.scratch("under.wav")
		if err := media.WriteWAV(under, duckRate, ducked(w.segments, length, *w.talk.Background)); err != nil {
			return err
		}
	}
	return w.mix(ctx, m, under)
}

// ducked is the gain of the original over time: level (dB) where somebody is dubbed, or was heard to speak, 1 elsewhere.
func ducked(segments []DubSegment, length, level float64) []float32 {
	soft := math.Pow(10, level/20)
	gain := undubbed(segments, int(math.Ceil(length*duckRate))+1, duckRate)
	for i, open := range gain {
		gain[i] = float32(math.Pow(soft, 1-float64(open)))
	}
	return gain
}

// undubbed says for n moments, rate of them a second, how far the original has its place there: 1 where nobody is dubbed for a
// while, 0 around what is, and a slope between them.
func undubbed(segments []DubSegment, n int, rate float64) []float32 {
	out := make([]float32, n)
	type span struct{ from, to float64 }
	var spans []span
	for _, s := range segments {
		from, to := min(s.Start, s.At)-duckEdge, max(s.End, s.At+s.Seconds)+duckEdge
		if n := len(spans); n > 0 && from < spans[n-1].to+leastDucked {
			spans[n-1].to = max(spans[n-1].to, to)
			continue
		}
		spans = append(spans, span{from, to})
	}
	for i := range out {
		t := float64(i) / rate
		away := math.Inf(1) // seconds from the nearest span
		for _, s := range spans {
			away = min(away, max(s.from-t, t-s.to, 0))
		}
		out[i] = float32(.5 - .5*math.Cos(math.Pi*min(away/duckSlope, 1)))
	}
	return out
}

// ownMouths leaves the mouths of a plan as they were filmed where the original is heard: what it says there is what they say.
func (w *work) ownMouths(ctx context.Context, p *lipsync.Plan) error {
	if w.voiced.Dubbed == "" || w.talk.Background == nil || w.talk.Sides || len(w.info.Audio) == 0 {
		return nil
	}
	if err := w.loadSegments(ctx); err != nil {
		return err
	}
	for k, own := range undubbed(w.segments, len(p.Frames), w.voiced.Rate.Float()) {
		p.Frames[k].Amount *= 1 - own
	}
	return nil
}

// digestOf is a name for what something is made of.
func digestOf(parts ...any) (string, error) {
	raw, err := json.Marshal(parts)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}
