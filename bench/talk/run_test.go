package talk

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/testmedia"
	"github.com/twinsync/twinsync/speech/speechtest"
)

// videos is a folder of one clip in which a portrait moves about.
func videos(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	data, err := os.ReadFile(testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Bea}, Pan: 12, Roll: .05, Frames: 30}).Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "videos"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"videos/bea.mp4": data, "videos/broken.mp4": []byte("no film")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A whole run: a portrait that never spoke is made to; the mouth then moves with the words, nothing changes elsewhere,
// what cannot be done is named, and the report shows files that are there and asks nobody outside for anything.
func TestRun(t *testing.T) {
	out := filepath.Join(t.TempDir(), "report")
	r, err := Run(t.Context(), Options{Media: videos(t), Out: out, Speaker: speechtest.Espeak(t), Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Dubs) != 1 || len(r.Folds) != 0 || len(r.Refused) != 1 || !strings.HasPrefix(r.Refused[0], "broken: ") {
		t.Fatalf("%d dubs, %d folds, refused %q", len(r.Dubs), len(r.Folds), r.Refused)
	}
	d := r.Dubs[0]
	f := d.Figures
	if f.Outside != 0 || f.Agrees < .5 || f.Wide < 1.5 || d.Drawn == 0 || !d.Report.Borrowed {
		t.Errorf("%+v", d)
	}
	page, err := os.ReadFile(filepath.Join(out, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(page), "//") {
		t.Error("the report asks somebody outside")
	}
	files := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(string(page), -1)
	if len(files) < 4 {
		t.Errorf("the report shows %d files", len(files))
	}
	for _, f := range append(files, []string{"", "figures.json"}) {
		if st, err := os.Stat(filepath.Join(out, filepath.FromSlash(f[1]))); err != nil || st.Size() == 0 {
			t.Errorf("%s: %v", f[1], err)
		}
	}
	var b strings.Builder
	r.Print(&b)
	if !strings.Contains(b.String(), "closure on p, b, m") || !strings.Contains(b.String(), "refused: broken") {
		t.Error(b.String())
	}
}

func TestOptions(t *testing.T) {
	speaker := speechtest.Espeak(t)
	for want, o := range map[fault.Code]Options{
		fault.MissingField: {Speaker: speaker},
		fault.InvalidField: {Speaker: speaker, Media: "x", Only: []string{"pictures"}},
		fault.NotFound:     {Speaker: speaker, Media: t.TempDir()},
	} {
		if _, err := Run(t.Context(), o); fault.From(err).Code != want {
			t.Errorf("%v: %v", want, err)
		}
	}
}
