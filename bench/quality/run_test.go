package quality

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/testmedia"
)

// samples is a folder of two portraits and a clip of one of them, and a table in which "somebody else's"
// result is the clip as it is.
func samples(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	clip := testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Bea}, Pan: 12, Roll: .05, Frames: 12})
	for to, from := range map[string]string{
		"photos/anton.png": testmedia.Photo(t, testmedia.Anton), "photos/bea.png": testmedia.Photo(t, testmedia.Bea),
		"videos/bea.mp4": clip.Path, "theirs/result.mp4": clip.Path,
	} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, to)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	table := "case\ttarget\tsource\ttheir result\tproject\nface swap\tvideos/bea.mp4\tphotos/anton.png\ttheirs/result.mp4\tnothing <b>done</b> (by nobody)\n"
	if err := os.WriteFile(filepath.Join(dir, "COMPARE.tsv"), []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A whole run: the swap is nearer to the photo than nothing done is, nothing changes outside, every face is
// swapped, and the report shows pictures that are there and asks nobody outside for anything.
func TestRun(t *testing.T) {
	dir, out := samples(t), filepath.Join(t.TempDir(), "report")
	r, err := Run(t.Context(), Options{Media: dir, Pairs: "anton:bea", Frames: 6, Recognisers: []string{"all"}, Out: out, Compare: dir, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Pairs) != 1 || len(r.Others) != 1 || r.Photos != 2 {
		t.Fatalf("%d pairs, %d of others, %d photos", len(r.Pairs), len(r.Others), r.Photos)
	}
	ours, theirs := r.Pairs[0].Figures, r.Others[0].Figures
	if ours.Outside != 0 || ours.Faces != 6 || ours.Left != 0 {
		t.Errorf("changed outside %d, faces %d, left %d", ours.Outside, ours.Faces, ours.Left)
	}
	for k, l := range ours.Likeness {
		o := theirs.Likeness[k]
		if l.ToPhoto < o.ToPhoto+.05 || l.ToTarget > .99 || o.ToTarget < .999 || o.Retrieved != 0 {
			t.Errorf("%s: swapped %+v, untouched %+v", l.Recogniser, l, o)
		}
	}
	if theirs.Pose > 1e-3 || theirs.ExpMouth > 1e-3 || theirs.Jitter != 1 || theirs.Flicker != 1 || theirs.Seam != 1 {
		t.Errorf("nothing done measures %+v", theirs)
	}
	page, err := os.ReadFile(filepath.Join(out, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	if strings.Contains(text, "//") || strings.Contains(text, "<b>done") {
		t.Error("the report asks somebody outside, or does not escape names")
	}
	files := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(text, -1)
	if len(files) < 4 {
		t.Errorf("the report shows %d files", len(files))
	}
	for _, f := range append(files, []string{"", "overview.png"}, []string{"", "figures.json"}) {
		if st, err := os.Stat(filepath.Join(out, filepath.FromSlash(f[1]))); err != nil || st.Size() == 0 {
			t.Errorf("%s: %v", f[1], err)
		}
	}
}

// The baseline is the footage after the encoder: near to itself in every measure, and never to the photo.
func TestBaseline(t *testing.T) {
	r, err := Run(t.Context(), Options{Media: samples(t), Pairs: "anton:bea", Frames: 4, Baseline: true})
	if err != nil {
		t.Fatal(err)
	}
	f := r.Pairs[0].Figures
	if l := f.Likeness[0]; l.ToTarget < .97 || l.Nearer != 0 {
		t.Errorf("likeness %+v", l)
	}
	if f.Pose > 1 || f.Pose == 0 || f.ExpMouth > .5 || f.Open > 1 {
		t.Errorf("noise %+v", f)
	}
}

// A table of other tools' results may name photos, clips and results that are not there: they are
// reported, and what can be measured is.
func TestForeignTable(t *testing.T) {
	dir := samples(t)
	table := "case\ttarget\tsource\ttheir result\tproject\n" +
		"face swap\tvideos/bea.mp4\tphotos/nobody.png\ttheirs/result.mp4\ta\n" +
		"face swap\tvideos/none.mp4\tphotos/anton.png\ttheirs/result.mp4\tb\n" +
		"face swap\tvideos/bea.mp4\tphotos/anton.png\ttheirs/none.mp4\tc\n"
	if err := os.WriteFile(filepath.Join(dir, "COMPARE.tsv"), []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), Options{Media: dir, Pairs: "anton:bea", Frames: 2, Compare: dir})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Pairs) != 1 || len(r.Others) != 0 || len(r.Refused) != 3 {
		t.Errorf("%d pairs, %d of others, refused: %s", len(r.Pairs), len(r.Others), strings.Join(r.Refused, "; "))
	}
}

func TestRunRefuses(t *testing.T) {
	for _, c := range []struct {
		o    Options
		code fault.Code
	}{
		{Options{}, fault.MissingField},
		{Options{Media: t.TempDir()}, fault.NotFound},
		{Options{Media: "x", Frames: 100_000}, fault.InvalidField},
		{Options{Media: "x", Start: -1}, fault.InvalidField},
		{Options{Media: samples(t), Recognisers: []string{"somebody"}}, fault.InvalidField},
		{Options{Media: samples(t), Pairs: "anton:bea", Start: 1000}, fault.FaceUnusable},
	} {
		if _, err := Run(t.Context(), c.o); !fault.Is(err, c.code) {
			t.Errorf("%+v: %v, want %s", c.o, err, c.code)
		}
	}
}
