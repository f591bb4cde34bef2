package talk

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
	"github.com/twinsync/twinsync/speech"
)

func near(t *testing.T, what string, got, want, slack float64) {
	t.Helper()
	if !(math.Abs(got-want) <= slack) {
		t.Errorf("%s: %v, want %v ± %v", what, got, want, slack)
	}
}

// A mouth that does what the curve says 30 ms too late is found to be that late, one that is early, early.
func TestLag(t *testing.T) {
	curve := func(at float64) float64 { return math.Sin(9*at) + math.Sin(23*at+1) }
	for _, late := range []float64{-.11, -.03, 0, .03, .2} {
		s := &series{fps: 25, open: make([]float64, 200)}
		want := make([]float32, 200)
		for i := range want {
			want[i] = float32(curve(float64(i) / 25))
			s.open[i] = curve(float64(i)/25 - late)
		}
		s.open[50] = math.NaN()
		got, r := s.lag(want)
		near(t, "lag", got, late, .006)
		if r < .95 {
			t.Errorf("correlation %v", r)
		}
	}
}

func TestClosuresAndPauses(t *testing.T) {
	n := 60
	c := &speech.Curves{Jaw: make([]float32, n), Close: make([]float32, n), Silence: make([]float32, n), Viseme: make([]speech.Viseme, n)}
	s := &series{fps: 25, open: make([]float64, n), lips: make([][]pix.Vec2, n)}
	for i := range n {
		switch {
		case i < 4:
			c.Close[i], s.open[i] = 1, .01
		case i < 8:
			c.Viseme[i], s.open[i] = speech.VisemeA, .05
		case i >= 20 && i < 45:
			c.Silence[i] = 1
		}
		x := float32(0)
		if i >= 30 && i%2 == 0 {
			x = .01 // .25 face widths a second
		}
		s.lips[i] = []pix.Vec2{{X: x, Y: float32(i)}, {Y: float32(i)}} // a mouth displaced as a whole does not move
	}
	all := func(int) bool { return true }
	a, b, k := s.closures(c, all)
	near(t, "closure", a, .01, 1e-9)
	near(t, "vowel", b, .05, 1e-9)
	if k != 4 {
		t.Errorf("%d closures", k)
	}
	rest := inPauses(c, 25) // a tenth of a second off either end
	if len(rest) == 0 || rest[0] != 23 || rest[len(rest)-1] != 41 {
		t.Fatalf("pause %v", rest)
	}
	near(t, "stirring", s.stirring(rest), 12./19, 1e-9)
	if v := s.stirring(nil); !math.IsNaN(v) {
		t.Errorf("no pause: %v", v)
	}
}

// Nothing done is as like as can be, in place and samples; a sample outside the box is counted, one inside is not.
func TestPictures(t *testing.T) {
	l := pix.Layout{W: 64, H: 48, SubX: 1, SubY: 1, Depth: 8}
	a := pix.NewFrame(l, pix.Colour{})
	for i := range a.Planes[0].P8 {
		a.Planes[0].P8[i] = uint8(i * 7 % 200)
	}
	b := a.Clone()
	box := pix.Rect{X0: 8, Y0: 8, X1: 40, Y1: 40}
	psnr, ssim := likeness(a, b, box)
	near(t, "ssim", ssim, 1, 1e-4)
	if psnr < 60 {
		t.Errorf("PSNR of the same: %v", psnr)
	}
	for i := range b.Planes[0].P8 {
		b.Planes[0].P8[i] += 10
	}
	psnr, ssim = likeness(a, b, box)
	near(t, "PSNR of ten steps", psnr, 20*math.Log10(25.5), .01)
	if ssim > .999 {
		t.Errorf("SSIM of ten steps: %v", ssim)
	}
	b = a.Clone()
	b.Planes[0].P8[20*b.Planes[0].Stride+20]++
	b.Planes[1].P8[5*b.Planes[1].Stride+5]++
	if n := outside(a, b, box); n != 0 {
		t.Errorf("%d outside of what lies inside", n)
	}
	b.Planes[0].P8[2]++
	b.Planes[2].P8[b.Planes[2].Stride*22]++
	if n := outside(a, b, box); n != 2 {
		t.Errorf("%d of 2 outside", n)
	}
}

func TestTimeIsCut(t *testing.T) {
	full := &speech.Timing{Score: .9, Phones: []speech.Phone{{IPA: "a", Start: 0, End: 1}, {IPA: "b", Start: 1, End: 2}, {IPA: "c", Start: 2, End: 3}},
		Words: []speech.Word{{Text: "abc", Start: 0, End: 3}}}
	want := &speech.Timing{Score: .9, Phones: []speech.Phone{{IPA: "a", Start: 0, End: .5}, {IPA: "b", Start: .5, End: 1.25}},
		Words: []speech.Word{{Text: "abc", Start: 0, End: 1.25}}}
	if d := cmp.Diff(want, during(full, .5, 1.75)); d != "" {
		t.Error(d)
	}
	s := part(&speech.Sound{Rate: 4, Samples: []float32{1, 2, 3, 4}}, -.5, .75)
	if d := cmp.Diff(&speech.Sound{Rate: 4, Samples: []float32{0, 0, 1, 2, 3}}, s); d != "" {
		t.Error(d)
	}
}

// The limits of the issue are two-sided where they are; a value that is none is no pass.
func TestVerdicts(t *testing.T) {
	r := &Report{Dubs: []*Dub{{Figures: Figures{Shut: .001, Wide: 3.5, Spread: 1.3, Stirs: .04, Lag: -30, Outside: 0, Seam: 1.1, Flicker: 1, Sharp: number(math.NaN())}}}}
	got := strings.Join(r.Failed(), "|")
	if got != "articulation|sharpness over the footage's" {
		t.Error(got)
	}
	r.Folds = []*Fold{{Words: true, Drives: []Drive{{Name: driveWords, Opening: .8, PSNR: 25, SSIM: .9, Sharp: .95, Flicker: 1.6}, {Name: driveSound, Opening: .3}, {Name: driveLower, Opening: .3},
		{Name: driveHigher, Opening: .2}, {Name: driveNone, PSNR: 22, SSIM: .85}}}}
	got = strings.Join(r.Failed(), "|")
	want := "articulation|sharpness over the footage's|half from half: by sound alone|half from half: by sound, higher voice (×1.2)|half from half: flicker of the mouth over the same frames as filmed|half from half: SSIM likewise"
	if got != want {
		t.Error(got)
	}
}

func TestTables(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	w, err := readWords(put("words.tsv", "# remark\nv01\ten\tHello there.\r\n\n"))
	if err != nil || len(w) != 1 || w[0] != (words{"v01", "en", "Hello there."}) {
		t.Errorf("%v %v", w, err)
	}
	if _, err := readWords(put("bad.tsv", "v01\tHello\n")); fault.From(err).Code != fault.InvalidField {
		t.Error(err)
	}
	if _, err := readWords(filepath.Join(dir, "none.tsv")); fault.From(err).Code != fault.NotFound {
		t.Error(err)
	}
	list, err := readOthers(put("COMPARE.tsv", "case\ta\tb\tc\td\nface swap\ta\tb\tc\td\nlip-sync\tv.mp4\ts.wav\tx.mp4\tA (one)\nlip-sync\tv.mp4\ts.wav\ty.mp4\tB\nlip-sync\tv.mp4\tt.wav\tz.mp4\tC\n"))
	g := groupOthers(list)
	if err != nil || len(g) != 2 || len(g[0]) != 2 || g[0][0].tool != "A" || g[1][0].sound != filepath.Join(dir, "t.wav") {
		t.Errorf("%v %v", g, err)
	}
}
