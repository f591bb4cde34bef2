package speech

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/fault"
)

func TestReadTranscript(t *testing.T) {
	for _, c := range []struct {
		name, file, text string
		want             Transcript
	}{
		{name: "srt", file: "a.srt", text: "1\n00:00:01,000 --> 00:00:02,500\nHello <i>there</i>,\nworld.\n\n2\n00:01:03,20 --> 01:00:04,000\nBye & good\n",
			want: Transcript{Cues: []Cue{{Start: 1, End: 2.5, Text: "Hello there,\nworld."}, {Start: 63.2, End: 3604, Text: "Bye & good"}}}},
		{name: "byte order mark, CRLF, points, no numbers, no hours, settings", file: "a.SRT",
			text: "\ufeff00:01.5 --> 00:02.000 X1:100 X2:200\r\n{\\an8}One\r\n\r\n00:03.000-->00:04.000\r\nTwo\r\n",
			want: Transcript{Cues: []Cue{{Start: 1.5, End: 2, Text: "One"}, {Start: 3, End: 4, Text: "Two"}}}},
		{name: "out of order, an empty line in the text, a number as text", file: "x.srt",
			text: "2\n00:00:05,000 --> 00:00:06,000\nlater\n\nstill later\n\n1\n00:00:01,000 --> 00:00:02,000\n42\n\n3\n00:00:07,000 --> 00:00:08,000\n \n",
			want: Transcript{Cues: []Cue{{Start: 1, End: 2, Text: "42"}, {Start: 5, End: 6, Text: "later\nstill later"}}}},
		{name: "vtt", file: "a.vtt",
			text: "WEBVTT - a title\nKind: captions\nLanguage: en-GB\n\nSTYLE\n::cue { color: red }\n\nNOTE 00:01.000 --> 00:02.000\nno cue\n\nintro\n00:01.000 --> 00:02.000 align:start position:0%\n<v.loud Mary Ann>Hi, <b>5 &lt; 6</b> <c.yellow>a < b</c>\n- yes\n\n00:02.000 --> 00:03.000\nlast",
			want: Transcript{Language: "en-GB", Cues: []Cue{{Start: 1, End: 2, Text: "Hi, 5 < 6 a < b\n- yes", Speaker: "Mary Ann"}, {Start: 2, End: 3, Text: "last"}}}},
		{name: "captions that roll up", file: "a.vtt",
			text: "WEBVTT\n\n00:00.000 --> 00:02.000\n \nso<00:00:00.400><c> this</c>\n\n00:02.000 --> 00:02.010\nso this\n \n\n00:02.010 --> 00:04.000\nso this\nrolls<00:00:03.000><c> up</c>\n\n00:04.000 --> 00:04.010\nrolls up\n",
			want: Transcript{Cues: []Cue{{Start: 0, End: 2, Text: "so this"}, {Start: 2.01, End: 4, Text: "rolls up"}}}},
		{name: "vtt by content", file: "a.txt", text: "WEBVTT\n\n00:01.000 --> 00:02.000\nx\n",
			want: Transcript{Cues: []Cue{{Start: 1, End: 2, Text: "x"}}}},
		{name: "plain", file: "a.txt", text: "First line\r\nand second.\r\n\r\n\r\nA --> B is [no] time.\r\n",
			want: Transcript{Cues: []Cue{{Text: "First line\nand second."}, {Text: "A --> B is [no] time."}}}},
	} {
		got, err := ReadTranscript(strings.NewReader(c.text), c.file)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if d := cmp.Diff(&c.want, got); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestReadTranscriptOfUTF16(t *testing.T) {
	raw := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune("00:00:01,000 --> 00:00:02,000\nПривет 😀\n")) {
		raw = append(raw, byte(u), byte(u>>8))
	}
	got, err := ReadTranscript(strings.NewReader(string(raw)), "a.srt")
	if err != nil || len(got.Cues) != 1 || got.Cues[0].Text != "Привет 😀" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestReadTranscriptRefuses(t *testing.T) {
	for _, c := range []struct {
		name, file, text, says string
		code                   fault.Code
	}{
		{"nothing", "a.txt", " \n\n", "empty", fault.Empty},
		{"no cue", "a.srt", "Hello\n", "no cue", fault.Empty},
		{"not text", "a.srt", "00:00:01,000 --> 00:00:02,000\nab\x00c\n", "line 2", fault.InvalidField},
		{"Latin-1", "a.txt", "one\ntwo\ncaf\xe9\n", "line 3", fault.InvalidField},
		{"a wrong time", "a.srt", "1\n00:00:01,000 --> 00:00:02,000\na\n\n2\n00:99:01,000 --> 00:00:02,000\nb\n", "line 6", fault.InvalidField},
		{"a time below zero", "a.srt", "1\n-00:00:01,000 --> 00:00:02,000\na\n", "line 2", fault.InvalidField},
		{"no end", "a.srt", "1\n00:00:01,000 --> \na\n", "line 2", fault.InvalidField},
		{"the end first", "a.srt", "1\n00:00:03,000 --> 00:00:02,000\na\n", "line 2", fault.InvalidField},
		{"too much in a cue", "a.srt", "1\n00:00:01,000 --> 00:00:02,000\n" + strings.Repeat("long ", 5000), "line 2", fault.TooLarge},
		{"too much", "a.txt", strings.Repeat("0123456789abcde\n", 600_000), "larger", fault.TooLarge},
	} {
		_, err := ReadTranscript(strings.NewReader(c.text), c.file)
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != c.code || !strings.Contains(f.Text, c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestWhatIsSaid(t *testing.T) {
	tr := Transcript{Cues: []Cue{
		{Start: 1, End: 2, Text: "- Hello?\n- [door slams] Who's there?"},
		{Start: 2, End: 3, Text: "♪ la la ♪"},
		{Start: 3, End: 4, Text: "(laughs)"},
		{Start: 4, End: 5, Text: "[Music]"},
		{Start: 5, End: 6, Text: "At 7 (or 8)."},
		{Text: "(Typed) text stays."},
	}}
	want := "Hello?\nWho's there?\nla la\nAt 7 (or 8).\n(Typed) text stays."
	if d := cmp.Diff(want, tr.Text()); d != "" {
		t.Error(d)
	}
}

func TestSubtitlesComeBackAsWritten(t *testing.T) {
	want := &Transcript{Language: "de", Cues: []Cue{
		{Start: 0, End: 1.25, Text: "Fünf < sechs & \"acht\"\nzweite Zeile", Speaker: "Ada & Co"},
		{Start: 3599.999, End: 7325.5, Text: "Ende"},
	}}
	var vtt, srt strings.Builder
	if err := want.WriteVTT(&vtt); err != nil {
		t.Fatal(err)
	}
	if err := want.WriteSRT(&srt); err != nil {
		t.Fatal(err)
	}
	got, err := ReadTranscript(strings.NewReader(vtt.String()), "x.vtt")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("WebVTT: %s", d)
	}
	if got, err = ReadTranscript(strings.NewReader(srt.String()), "x.srt"); err != nil {
		t.Fatal(err)
	}
	want.Language, want.Cues[0].Speaker = "", ""
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("SubRip: %s", d)
	}
	odd := &Transcript{Cues: []Cue{{Start: 1, End: 2, Text: "a\n\n00:00:01,000 --> 00:00:02,000\nb"}}}
	srt.Reset()
	if err := odd.WriteSRT(&srt); err != nil {
		t.Fatal(err)
	}
	if got, err = ReadTranscript(strings.NewReader(srt.String()), "x.srt"); err != nil || len(got.Cues) != 1 {
		t.Errorf("a cue that looks like two: %+v, %v", got, err)
	}
	if err := (&Transcript{Cues: []Cue{{Text: "no times"}}}).WriteSRT(&srt); err == nil {
		t.Error("a cue without times is written")
	}
}

func FuzzReadTranscript(f *testing.F) {
	f.Add("1\n00:00:01,000 --> 00:00:02,500\nHello <i>there</i>\n\n", "a.srt")
	f.Add("WEBVTT\n\n00:01.000 --> 00:02.000\n<v A>x<00:00:01.500>y\n", "a.vtt")
	f.Fuzz(func(t *testing.T, text, name string) {
		tr, err := ReadTranscript(strings.NewReader(text), name)
		if err != nil {
			return
		}
		last := 0.0
		for _, c := range tr.Cues {
			if c.Start < last || c.End < c.Start || c.Text == "" {
				t.Fatalf("cue %+v after %v", c, last)
			}
			last = c.Start
		}
		_ = tr.Text()
		var b strings.Builder
		if tr.WriteVTT(&b) == nil {
			if again, err := ReadTranscript(strings.NewReader(b.String()), "x.vtt"); err != nil || len(again.Cues) != len(tr.Cues) {
				t.Fatalf("%d cues come back as %+v, %v\n%s", len(tr.Cues), again, err, b.String())
			}
		}
	})
}
