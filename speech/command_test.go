package speech

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/twinsync/twinsync/fault"
)

// program writes a program of a few lines and gives its path.
func program(t *testing.T, lines string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+lines+"\n"), 0o700); err != nil { //nolint:gosec // a program must be run
		t.Fatal(err)
	}
	return path
}

// TestCommandSpeaks: the text reaches the program as one argument or on standard input, whatever stands in it; the sound comes from a file or
// standard output.
func TestCommandSpeaks(t *testing.T) {
	sound := soundFile(t, beep(22050, .1, .5, .1))
	const text = "It's $(touch /tmp/x) `a`; \"b\" {voice} \\ & é"
	dir := t.TempDir()
	for name, c := range map[string]struct{ script, seen string }{
		"arguments": {"printf '%s|' \"$@\" > " + dir + "/seen; cp " + sound + " \"$2\"", text + "|OUT|v_1|de|1.5|"},
		"stdin":     {"cat > " + dir + "/seen; cat " + sound, text + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			command := []string{program(t, c.script)}
			if name == "arguments" {
				command = append(command, "{text}", "{output}", "{voice}", "{language}", "{rate}")
			}
			s, err := OpenCommandSpeaker(CommandOptions{Command: command, Setting: "speech"}, []string{"v_1", "v2"})
			if err != nil {
				t.Fatal(err)
			}
			u, err := s.Speak(t.Context(), Request{Text: text, Language: "de", Rate: 1.5})
			if err != nil {
				t.Fatal(err)
			}
			if u.Sound.Rate != 22050 || math.Abs(u.Sound.Seconds()-.7) > .01 || u.Timing != nil {
				t.Errorf("%d Hz, %.2f s", u.Sound.Rate, u.Sound.Seconds())
			}
			seen, _ := os.ReadFile(dir + "/seen")
			got := string(seen)
			if p := strings.Split(got, "|"); len(p) > 2 {
				got = strings.Replace(got, p[1], "OUT", 1)
			}
			if got != c.seen {
				t.Errorf("the program got %q, want %q", got, c.seen)
			}
		})
	}
	s, _ := OpenCommandSpeaker(CommandOptions{Command: []string{program(t, "printf '%s' \"$1\" > "+dir+"/seen; cat "+sound), "{text}"}}, nil)
	if _, err := s.Speak(t.Context(), Request{Text: "-rf x"}); err != nil {
		t.Fatal(err)
	}
	if seen, _ := os.ReadFile(dir + "/seen"); string(seen) != " -rf x" {
		t.Errorf("a text that looks like an option is given as %q", seen)
	}
	if v, err := s.Voices(t.Context()); err != nil || len(v) != 1 || v[0].ID != "command:default" {
		t.Error(v, err)
	}
}

func TestCommandRefuses(t *testing.T) {
	say := func(script string, r Request, args ...string) error {
		s, err := OpenCommandSpeaker(CommandOptions{Command: append([]string{program(t, script)}, args...), Setting: "speech", Timeout: 300 * time.Millisecond}, []string{"v"})
		if err != nil {
			return err
		}
		_, err = s.Speak(t.Context(), r)
		return err
	}
	words := Request{Text: "words"}
	for name, c := range map[string]struct {
		err   error
		code  fault.Code
		param string
	}{
		"empty":       {say("true", Request{}), fault.MissingField, "text"},
		"voice":       {say("true", Request{Text: "a", Voice: "command:x"}), fault.InvalidField, "voice"},
		"language":    {say("true", Request{Text: "a", Language: "--help"}), fault.InvalidField, "language"},
		"path":        {say("true", Request{Text: "a", Language: "../x"}), fault.InvalidField, "language"},
		"placeholder": {say("true", words, "{input}"), fault.InvalidField, "speech-command"},
		"no sound":    {say("echo hello", words), fault.Unavailable, "speech-command"},
		"no file":     {say("true", words, "{output}"), fault.Unavailable, "speech-command"},
		"slow":        {say("sleep 60 & sleep 60", words), fault.Timeout, "speech-command"},
	} {
		t.Run(name, func(t *testing.T) { wantFault(t, c.err, c.code, c.param) })
	}
	if f := wantFault(t, say("echo loading; echo 'no model file' >&2; exit 3", words), fault.Unavailable, "speech-command"); !strings.Contains(f.Text, "no model file") {
		t.Errorf("what it says is not told: %s", f.Text)
	}
	s, err := OpenCommandSpeaker(CommandOptions{Command: []string{"no-such-program-anywhere"}, Setting: "speech"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Speak(t.Context(), words)
	wantFault(t, err, fault.MissingProgram, "speech-command")
	_, err = OpenCommandSpeaker(CommandOptions{Setting: "speech"}, nil)
	wantFault(t, err, fault.MissingField, "speech-command")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Speak(ctx, words)
	wantFault(t, err, fault.Canceled, "")
}

// TestCommandKnowsNoKeys: a program sees no setting of ours.
func TestCommandKnowsNoKeys(t *testing.T) {
	t.Setenv("TWINSYNC_SPEECH_KEY", testKey)
	out, err := CommandOptions{Command: []string{program(t, "env")}}.run(t.Context(), nil, nil)
	if err != nil || strings.Contains(string(out), testKey) || !strings.Contains(string(out), "PATH=") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestCommandIsBounded: a program that never stops printing is stopped.
func TestCommandIsBounded(t *testing.T) {
	b := &bounded{most: 10, full: func() {}}
	if _, err := b.Write(make([]byte, 8)); err != nil || b.over {
		t.Error(err)
	}
	if _, err := b.Write(make([]byte, 8)); err == nil || !b.over || b.b.Len() != 8 {
		t.Error("it takes more than it may")
	}
}

const whisperAnswer = `{"systeminfo":"x","result":{"language":"en"},"transcription":[
 {"timestamps":{"from":"00:00:00,000","to":"00:00:01,500"},"offsets":{"from":0,"to":1500},"text":" Hello there.",
  "tokens":[{"text":"[_BEG_]","offsets":{"from":0,"to":0}},{"text":" Hel","offsets":{"from":100,"to":300}},{"text":"lo","offsets":{"from":300,"to":600}},
  {"text":" there","offsets":{"from":700,"to":1300}},{"text":".","offsets":{"from":1300,"to":1500}},{"text":"[_TT_75]","offsets":{"from":1500,"to":1500}}]},
 {"offsets":{"from":1500,"to":2500},"text":"你好","tokens":[{"text":"你","offsets":{"from":1500,"to":2000}},{"text":"好","offsets":{"from":2000,"to":2400}}]}]}`

func TestCommandTranscribes(t *testing.T) {
	want := &Transcript{Language: "en", Cues: []Cue{
		{Start: 0, End: 1.5, Text: "Hello there.", Words: []Word{{"Hello", .1, .6}, {"there.", .7, 1.3}}},
		{Start: 1.5, End: 2.5, Text: "你好", Words: []Word{{"你", 1.5, 2}, {"好", 2, 2.4}}},
	}}
	answer := filepath.Join(t.TempDir(), "answer")
	if err := os.WriteFile(answer, []byte(whisperAnswer), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	whisper := filepath.Join(dir, "whisper-cli") // the arguments of whisper.cpp's program, held against its help
	script := fmt.Sprintf("#!/bin/sh\n[ \"$1$2$3$5$7$8$9\" = '-len-f-of-ojf-np-m' ] && [ \"${10}\" = model.bin ] && [ -s \"$4\" ] || exit 9\ncp %s \"$6.json\"\n", answer)
	if err := os.WriteFile(whisper, []byte(script), 0o700); err != nil { //nolint:gosec // a program must be run
		t.Fatal(err)
	}
	in := soundFile(t, beep(44100, 1, 1, 1))
	for name, command := range map[string][]string{"whisper-cli": {whisper}, "stdout": {program(t, "[ \"$2\" = en ] && cat "+answer), "{input}", "{language}"}} {
		t.Run(name, func(t *testing.T) {
			tr, err := OpenCommandTranscriber(CommandOptions{Command: command, Setting: "transcribe"}, "model.bin")
			if err != nil {
				t.Fatal(err)
			}
			got, err := tr.Transcribe(t.Context(), in, "en")
			if d := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-9)); d != "" || err != nil {
				t.Error(err, d)
			}
		})
	}
	srt, err := OpenCommandTranscriber(CommandOptions{Command: []string{program(t, "printf '1\\n00:00:00,100 --> 00:00:01,500\\n%s\\n' $1 > $2.srt"), "{language}", "{output}", "{input}"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	got, err := srt.Transcribe(t.Context(), in, "")
	if d := cmp.Diff(&Transcript{Cues: []Cue{{Start: .1, End: 1.5, Text: "auto"}}}, got); d != "" || err != nil {
		t.Error(err, d)
	}
	_, err = OpenCommandTranscriber(CommandOptions{Command: []string{"x"}, Setting: "transcribe"}, "")
	wantFault(t, err, fault.InvalidField, "transcribe-command")
	for text, code := range map[string]fault.Code{"": fault.Unsupported, "{": fault.Unavailable, `{"transcription":[]}`: fault.Unsupported} {
		tr, err := OpenCommandTranscriber(CommandOptions{Command: []string{program(t, "printf '"+text+"'"), "{input}"}}, "")
		if err != nil {
			t.Fatal(err)
		}
		_, err = tr.Transcribe(t.Context(), in, "")
		param := ""
		if code == fault.Unavailable {
			param = "command"
		}
		wantFault(t, err, code, param)
	}
}

func TestCommandTranslates(t *testing.T) {
	for _, c := range [][]string{{program(t, `sed "s/^/$1-$2 /"`), "{from}", "{to}"}, {program(t, `echo "$2-$3 $1"`), "{text}", "{from}", "{to}"}} {
		tr, err := OpenCommandTranslator(CommandOptions{Command: c})
		if err != nil {
			t.Fatal(err)
		}
		got, err := tr.Translate(t.Context(), []string{"one\ntwo", "—", "three"}, "", "de")
		want := []string{"auto-de one two", "—", "auto-de three"}
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Error(err, d)
		}
	}
	for _, script := range []string{"echo one", "echo; echo; echo x", "printf 'a\\n\\nb\\nc'"} {
		tr, _ := OpenCommandTranslator(CommandOptions{Command: []string{program(t, script)}, Setting: "translate"})
		_, err := tr.Translate(t.Context(), []string{"a", "b"}, "en", "de")
		wantFault(t, err, fault.Unavailable, "translate-command")
	}
	tr, _ := OpenCommandTranslator(CommandOptions{Command: []string{"true"}})
	_, err := tr.Translate(t.Context(), []string{"a"}, "-x", "de")
	wantFault(t, err, fault.InvalidField, "from")
}
