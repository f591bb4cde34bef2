package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/app"
	"github.com/twinsync/twinsync/internal/testmedia"
	"github.com/twinsync/twinsync/speech"
	"github.com/twinsync/twinsync/speech/speechtest"
)

// talkingClip is a clip of somebody who speaks.
func talkingClip(t *testing.T) string {
	t.Helper()
	return testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Bea}, W: 320, H: 240, Frames: 25, Pan: 7, Nod: 5, Sound: true}).Path
}

// TestTalk: a text, spoken by the person of a clip, through the whole program; twice, the second time its
// analysis is there.
func TestTalk(t *testing.T) {
	speechtest.Espeak(t)                    // skips where there is none
	t.Setenv("XDG_CACHE_HOME", t.TempDir()) // other tests use the clip: here its analysis is not there yet
	out, temp := apart(t)
	clip := talkingClip(t)
	target, timing := filepath.Join(out, "o.mp4"), filepath.Join(out, "words.json")
	var first []string
	for _, stages := range []string{"fetch voice analyse join mouths plan render assemble", "fetch voice join mouths plan render assemble"} {
		got := twinsync(t.Context(), "talk", "--video", clip, "--text", "Bob met my mother. Hello!", "--out", target, "--timing", timing, "--json")
		if got.code != exitDone || got.err != "" {
			t.Fatalf("exit %d: %s%s", got.code, got.out, got.err)
		}
		var r app.TalkReport
		got.last(t, &r)
		if s := stagesOf(t, got.out); s != stages {
			t.Errorf("stages %q, want %q", s, stages)
		}
		rep := r.Report
		if rep.Frames < 30 || rep.Drawn == 0 || len(rep.Says) != 1 || rep.Says[0].Person != 1 || len(rep.Speakers) != 1 || rep.Says[0].Score != 1 {
			t.Errorf("%+v", rep)
		}
		if math.Abs(rep.Sound.Loudness+16) > .5 || rep.Sound.Peak > -1 {
			t.Errorf("sound %+v", rep.Sound)
		}
		frames := decoded(t, target)
		v, a := look(t, target, "v"), look(t, target, "a")
		if len(frames) != rep.Frames || a == nil {
			t.Fatalf("%d frames of %d, sound %v", len(frames), rep.Frames, a)
		}
		if d := v.duration - a.duration; math.Abs(d) > .04 {
			t.Errorf("picture and sound differ by %.3f s", d)
		}
		if first != nil && !equal(first, frames) {
			t.Error("a second run gives other frames")
		}
		first = frames
		var words speech.Timing
		raw, err := os.ReadFile(timing)
		if err == nil {
			err = json.Unmarshal(raw, &words)
		}
		if err != nil || len(words.Words) != 5 || words.Words[0].Text != "Bob" || len(words.Phones) < 12 {
			t.Errorf("words %+v, %v", words.Words, err)
		}
	}
	for _, f := range []string{target, timing} {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	empty(t, out)
	empty(t, temp)
}

// TestTalkSounds: what a recording does, and how the lengths are fitted.
func TestTalkSounds(t *testing.T) {
	out, _ := apart(t)
	clip := talkingClip(t)
	dir := t.TempDir()
	hum, mute := filepath.Join(dir, "hum.wav"), filepath.Join(dir, "mute.wav")
	ffmpeg(t, "-f", "lavfi", "-i", "aevalsrc='.3*sin(2*PI*140*t)*abs(sin(5*t))':d=1.6:s=16000", hum)
	ffmpeg(t, "-f", "lavfi", "-i", "anullsrc=r=16000:d=0.6", mute)
	for _, c := range []struct {
		name   string
		args   []string
		frames int
		note   string
	}{
		{"a voice that is longer", []string{"--audio", hum}, 40, "words are not known"},
		{"cut off", []string{"--audio", hum, "--fit", "cut_off"}, 25, "cut off"},
		{"in a loop or not", []string{"--audio", hum, "--fit", "loop"}, 40, ""},
		{"silence", []string{"--audio", mute}, 15, "silent"},
		{"the picture stays whole", []string{"--audio", mute, "--fit", "silence"}, 25, "silent"},
		{"over the clip's sound", []string{"--audio", hum, "--background", "-20", "--loudness", "-18"}, 40, ""},
	} {
		target := filepath.Join(out, "o.mp4")
		got := twinsync(t.Context(), append([]string{"talk", "--video", clip, "--out", target, "--json"}, c.args...)...)
		if got.code != exitDone {
			t.Errorf("%s: exit %d: %s%s", c.name, got.code, got.out, got.err)
			continue
		}
		var r app.TalkReport
		got.last(t, &r)
		if r.Report.Frames != c.frames || len(decoded(t, target)) != c.frames {
			t.Errorf("%s: %d frames, want %d", c.name, r.Report.Frames, c.frames)
		}
		if !strings.Contains(strings.Join(r.Warnings, "\n"), c.note) {
			t.Errorf("%s: notes %q, want %q", c.name, r.Warnings, c.note)
		}
	}
}

// TestTalkCast: two people each say something of their own, and further footage lends its mouths.
func TestTalkCast(t *testing.T) {
	out, _ := apart(t)
	two := testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Anton, testmedia.Bea}, W: 480, H: 240, FaceSize: 230, Frames: 20, Pan: 5, Nod: 4}).Path
	more := testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Anton}, W: 320, H: 240, Frames: 15, Nod: 6}).Path
	dir := t.TempDir()
	ffmpeg(t, "-f", "lavfi", "-i", "aevalsrc='.3*sin(2*PI*140*t)*abs(sin(9*t))':d=0.6:s=16000", filepath.Join(dir, "a.wav"))
	list := filepath.Join(dir, "cast.json")
	if err := os.WriteFile(list, []byte(`[{"speaker": "1", "audio": "a.wav"}, {"speaker": "2", "audio": "a.wav", "from": 0.7}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(out, "o.mp4")
	got := twinsync(t.Context(), "talk", "--video", two, "--cast", list, "--more-footage", more, "--out", target, "--json")
	if got.code != exitDone {
		t.Fatalf("exit %d: %s%s", got.code, got.out, got.err)
	}
	var r app.TalkReport
	got.last(t, &r)
	rep := r.Report
	if len(rep.Says) != 2 || rep.Says[0].Person != 1 || rep.Says[1].Person != 2 || math.Abs(rep.Says[1].From-.7) > .001 || len(rep.Speakers) != 2 || rep.Frames != 33 {
		t.Errorf("%+v", rep)
	}
	mouths := rep.Speakers[0].Mouth.LibraryFrames + rep.Speakers[1].Mouth.LibraryFrames
	if most := max(rep.Speakers[0].Mouth.LibraryFrames, rep.Speakers[1].Mouth.LibraryFrames); most <= 20 || mouths <= 30 {
		t.Errorf("%d mouths of one person: those of the further footage are not among them", most)
	}
	if n := len(decoded(t, target)); n != 33 {
		t.Errorf("%d frames", n)
	}
	got = twinsync(t.Context(), "talk", "--video", talkingClip(t), "--audio", filepath.Join(dir, "a.wav"), "--more-footage", more, "--out", target, "--json")
	var e struct{ Error struct{ Code, Param string } }
	got.last(t, &e)
	if got.code != exitInput || e.Error.Code != string(fault.UnknownPerson) || e.Error.Param != more {
		t.Errorf("footage of somebody else: exit %d, %+v", got.code, e.Error)
	}
}

// TestTalkRefuses: each bad input has its own code, names its field, and leaves nothing behind.
func TestTalkRefuses(t *testing.T) {
	out, temp := apart(t)
	clip := talkingClip(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	grey, long := filepath.Join(dir, "grey.mp4"), filepath.Join(dir, "long.wav")
	ffmpeg(t, "-f", "lavfi", "-i", "color=gray:s=160x120:r=25:d=1", "-pix_fmt", "yuv420p", grey)
	ffmpeg(t, "-f", "lavfi", "-i", "sine=200:d=50:r=16000", long)
	hum := filepath.Join(dir, "hum.wav")
	ffmpeg(t, "-f", "lavfi", "-i", "sine=200:d=1:r=16000", hum)
	for name, c := range map[string]struct {
		args []string
		exit int
		code fault.Code
	}{
		"no sound":            {[]string{"--audio", write("a.wav", "no sound")}, exitInput, fault.NotMedia},
		"an empty file":       {[]string{"--audio", write("b.wav", "")}, exitInput, fault.Empty},
		"pictures":            {[]string{"--audio", grey}, exitInput, fault.NoSound},
		"nobody":              {[]string{"--video", grey, "--audio", hum}, exitInput, fault.NoFaceInVideo},
		"far too long":        {[]string{"--audio", long}, exitInput, fault.TooLong},
		"no such person":      {[]string{"--audio", hum, "--speaker", "7"}, exitInput, fault.UnknownPerson},
		"nobody at the place": {[]string{"--audio", hum, "--speaker", "1,1"}, exitInput, fault.UnknownPerson},
		"an empty text":       {[]string{"--text", "  "}, exitUsage, fault.MissingField},
		"an empty cast":       {[]string{"--cast", write("c.json", "[]")}, exitUsage, fault.MissingField},
		"no cast":             {[]string{"--cast", write("d.json", `[{"txt": "a"}]`)}, exitUsage, fault.InvalidField},
		"a loudness":          {[]string{"--audio", hum, "--loudness", "7"}, exitUsage, fault.InvalidField},
	} {
		args := []string{"talk", "--out", filepath.Join(out, "o.mp4"), "--json"}
		if c.args[0] != "--video" {
			args = append(args, "--video", clip)
		}
		got := twinsync(t.Context(), append(args, c.args...)...)
		var e struct {
			Error struct{ Code, Param, Message string }
		}
		if got.code == exitDone {
			t.Errorf("%s: taken", name)
			continue
		}
		got.last(t, &e)
		if got.code != c.exit || e.Error.Code != string(c.code) || e.Error.Param == "" {
			t.Errorf("%s: exit %d, %+v; want %d, %s", name, got.code, e.Error, c.exit, c.code)
		}
	}
	empty(t, out)
	empty(t, temp)
}

// TestTalkText: texts that cannot be spoken.
func TestTalkText(t *testing.T) {
	speechtest.Espeak(t)
	out, _ := apart(t)
	clip := talkingClip(t)
	for name, args := range map[string][]string{
		"nothing to say":   {"--text", "… !?"},
		"no such language": {"--text", "Hello", "--language", "xx"},
		"no such voice":    {"--text", "Hello", "--voice", "espeak:nobody"},
	} {
		got := twinsync(t.Context(), append([]string{"talk", "--video", clip, "--out", filepath.Join(out, "o.mp4"), "--json"}, args...)...)
		if got.code != exitInput && got.code != exitUsage {
			t.Errorf("%s: exit %d: %s", name, got.code, got.out)
		}
	}
	empty(t, out)
}

// TestSpeaker reads choices of a person.
func TestSpeaker(t *testing.T) {
	photo := filepath.Join(t.TempDir(), "1,2.jpg")
	if err := os.WriteFile(photo, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{"auto": "auto", "": "", "largest": "largest", "3": "3"} {
		if w := speaker(in); w.Person != want || w.At != nil || w.Like != nil {
			t.Errorf("%q: %+v", in, w)
		}
	}
	if w := speaker("120, 80.5@1.5s"); w.At == nil || w.At.X != 120 || w.At.Y != 80.5 || w.At.Time.Seconds() != 1.5 {
		t.Errorf("%+v", w)
	}
	if w := speaker(photo); w.Like == nil || w.Like.Path != photo {
		t.Errorf("%+v", w)
	}
}
