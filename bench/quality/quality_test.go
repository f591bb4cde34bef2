package quality

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/pix"
)

func library2x3(t *testing.T) *library {
	t.Helper()
	dir := t.TempDir()
	for _, f := range []string{"photos/a1_x.jpg", "photos/a2_y.png", "photos/note.txt", "videos/v1_m.mp4", "videos/v2_n.mov", "videos/v3_o.mp4"} {
		path := filepath.Join(dir, f)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := openLibrary(dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestJobs(t *testing.T) {
	l := library2x3(t)
	file := filepath.Join(t.TempDir(), "list.tsv")
	if err := os.WriteFile(file, []byte("# photo\tclip\tset\na1\tv3\tdev\n\na2_y.png\tv1\theld-out\tdark skin\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		spec, set string
		usable    string
		want      []string
	}{
		{"a1:v2, a2:v1@12", "", "a", []string{"a1_x.jpg v2_n.mov ", "a2_y.png v1_m.mp4 @12"}},
		{file, "", "a", []string{"a1_x.jpg v3_o.mp4 dev", "a2_y.png v1_m.mp4 held-out"}},
		{file, "held-out", "a", []string{"a2_y.png v1_m.mp4 held-out"}},
		{"", "", "a", []string{"a1_x.jpg v1_m.mp4 ", "a2_y.png v2_n.mov ", "a1_x.jpg v3_o.mp4 "}},
		{"", "", "a2", []string{"a2_y.png v1_m.mp4 ", "a2_y.png v2_n.mov ", "a2_y.png v3_o.mp4 "}},
	} {
		jobs, err := l.jobs(c.spec, c.set, func(p string) bool { return strings.HasPrefix(p, c.usable) })
		if err != nil {
			t.Errorf("%q: %v", c.spec, err)
		}
		var got []string
		for _, j := range jobs {
			s := j.photo + " " + j.clip + " " + j.set
			if j.start > 0 {
				s += fmt.Sprint("@", j.start)
			}
			got = append(got, s)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%q %q: %s", c.spec, c.set, d)
		}
	}
	for spec, code := range map[string]fault.Code{"a:v1": fault.InvalidField, "b:v1": fault.NotFound, "nonsense": fault.InvalidField, "a1:v1@x": fault.InvalidField} {
		if _, err := l.jobs(spec, "", func(string) bool { return true }); !fault.Is(err, code) {
			t.Errorf("%q: %v, want %s", spec, err, code)
		}
	}
}

// The frames shown hold the widest mouth, the most closed eyes and both ends, in order and each once.
func TestMomentsShowWhatMatters(t *testing.T) {
	c := &clip{seen: make([]*face.Observation, 20)}
	for i := 2; i < 20; i++ {
		o := &face.Observation{Mesh: *still(pix.Vec3{}, nil)}
		if i == 7 {
			o.Mesh[14].Y += 20
		}
		if i == 11 {
			for _, v := range []int{159, 386} {
				o.Mesh[v] = o.Mesh[map[int]int{159: 145, 386: 374}[v]]
			}
		}
		c.seen[i] = o
	}
	got := c.moments(6)
	for _, want := range []int{2, 7, 11, 19} {
		if !slices.Contains(got, want) {
			t.Errorf("frame %d is not shown: %v", want, got)
		}
	}
	if len(got) != 6 || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != 6 {
		t.Errorf("shown: %v", got)
	}
	if d := cmp.Diff([]int{7, 11}, c.moments(2)); d != "" {
		t.Error(d)
	}
	var why []string
	for _, m := range c.telling() {
		why = append(why, fmt.Sprint(m.frame, " ", m.why))
	}
	if all := strings.Join(why, ","); !strings.Contains(all, "7 mouth") || !strings.Contains(all, "11 eyes") {
		t.Errorf("the report shows %s", all)
	}
}

// The mean counts every pair alike, the worst is the worst in the measure's own direction, and what was
// not measured counts for nothing.
func TestSum(t *testing.T) {
	r := &Report{Recognisers: []string{TuneRecogniser}, Pairs: []*Pair{
		{Figures: Figures{Likeness: []Likeness{{ToPhoto: .6, ToTarget: .5, Retrieved: 1, Nearer: 1}}, Pose: 1, Jitter: .5, Shake: .5, Was: 1, Faces: 1000, Left: 7}},
		{Figures: Figures{Likeness: []Likeness{{ToPhoto: .8, ToTarget: .7, Retrieved: .5}}, Pose: 3, Jitter: 2, Shake: .2, Was: .1, Flicker: number(math.NaN()), Outside: 2, Faces: 20, Left: 6}},
	}}
	r.sum()
	if got := r.Total.Likeness[0]; got.ToPhoto != .7 || got.Retrieved != .75 || got.Nearer != .5 {
		t.Errorf("mean likeness %+v", got)
	}
	if got := r.Worst.Likeness[0]; got.ToPhoto != .6 || got.ToTarget != .7 || got.Retrieved != .5 {
		t.Errorf("worst likeness %+v", got)
	}
	if r.Total.Pose != 2 || r.Worst.Pose != 3 || math.Abs(float64(r.Total.Jitter)-.7/1.1) > 1e-9 || r.Worst.Jitter != 2 || r.Total.Flicker != 0 || r.Total.Outside != 2 || r.Total.Left != 13 || r.Worst.Left != 6 || r.Worst.Faces != 20 {
		t.Errorf("total %+v, worst %+v", r.Total, r.Worst)
	}
	failed := strings.Join(r.Failed(), "; ")
	for _, want := range []string{"photos is the right one", "samples changed", "left as filmed"} {
		if !strings.Contains(failed, want) {
			t.Errorf("%q does not fail: %s", want, failed)
		}
	}
	if strings.Contains(failed, "pose") {
		t.Errorf("a pose error of 2° passes 2.4°, but: %s", failed)
	}
	var b strings.Builder
	r.Print(&b)
	if !strings.Contains(b.String(), "FAIL") || !strings.Contains(b.String(), "PASS") {
		t.Errorf("printed:\n%s", &b)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Errorf("with a figure that is none: %v", err)
	}
}
