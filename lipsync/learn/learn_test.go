package main

import (
	"math"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/speech"
	"github.com/twinsync/twinsync/speech/speechtest"
)

func TestMain(m *testing.M) { os.Exit(speechtest.Main(m)) }

func TestInputs(t *testing.T) {
	if _, err := readInputs("inputs.tsv", t.TempDir()); err == nil {
		t.Fatal("words in files that are not there were read")
	}
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/w.txt", []byte("It says \"so\".\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/i.tsv", []byte("# comment\nuse\tfile\tlicence\twords\nclip\ta.mp4\tCC0\t[0.5-1.0] hello\nvoice\tb.wav\tCC0\t@w.txt\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := readInputs(dir+"/i.tsv", dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []input{{"clip", "a.mp4", "CC0", "[0.5-1.0] hello"}, {"voice", "b.wav", "CC0", `It says "so".`}}
	if d := cmp.Diff(want, list, cmp.AllowUnexported(input{})); d != "" {
		t.Error(d)
	}
}

// A net finds a map that no straight line is, the same one each time.
func TestNetIsLearned(t *testing.T) {
	var rows []row
	for i := range 400 {
		x, y := math.Sin(float64(i)), math.Cos(float64(i)*1.7)
		rows = append(rows, row{[]float64{5 + x, 100 * y}, []float64{7 + x*y, math.Abs(x)}, 1})
	}
	n := learnNet(rows, 300)
	again := learnNet(rows, 300)
	if d := cmp.Diff(n, again); d != "" {
		t.Fatal("two nets of the same examples differ")
	}
	for k := range 2 {
		var want, got []float64
		for _, r := range rows {
			want, got = append(want, r.out[k]), append(got, n.Of(r.in)[k])
		}
		if r := correlation(want, got); r < .9 {
			t.Errorf("output %d correlates with %.2f", k, r)
		}
	}
}

// Words with times are found in their own time.
func TestWordsInTheirTime(t *testing.T) {
	by := speechtest.Espeak(t)
	u, err := by.Speak(t.Context(), speech.Request{Text: "bin blue by four", Language: language})
	if err != nil {
		t.Fatal(err)
	}
	said := u.Sound.Resample(rate)
	quiet := make([]float32, 2*rate)
	s := speech.Sound{Rate: rate, Samples: append(append(quiet, said.Samples...), quiet...)}
	got, err := aligned(t.Context(), s, "[2.0-9.0] bin blue by four", by)
	if err == nil && len(got.Phones) == 0 {
		t.Fatal("nothing was found")
	}
	if err != nil {
		t.Fatal(err)
	}
	first, last := got.Phones[0], got.Phones[len(got.Phones)-1]
	if a, b := first.Start-2-u.Timing.Phones[0].Start, last.End-2-u.Timing.Phones[len(u.Timing.Phones)-1].End; math.Abs(a) > .1 || math.Abs(b) > .1 {
		t.Errorf("the words begin %.2f s and end %.2f s from where they do", a, b)
	}
	if _, err := aligned(t.Context(), s, "[20-21] bin", by); err == nil {
		t.Error("words after the end were found")
	}
}
