package media

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/testmedia"
)

// TestOpenOrder: whatever the order, the very frames come that reading the whole gives, with and without
// frames that wait decoded, in little room as in much.
func TestOpenOrder(t *testing.T) {
	m := testmedia.Clip(t, testmedia.Spec{W: 160, H: 90, Frames: 160, Pan: 30, Nod: 10, Codec: []string{"-c:v", "libx264", "-preset", "veryfast", "-g", "13"}})
	info, err := Probe(t.Context(), m.Path, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	read := func(o ReadOptions) *Reader {
		r, err := OpenReader(t.Context(), m.Path, info, o)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	want := drain(t, read(ReadOptions{}))
	path := filepath.Join(t.TempDir(), "kept")
	some := read(ReadOptions{First: 20, End: 50, Keep: path})
	drain(t, some)
	kept, ok := some.Kept()
	if !ok {
		t.Fatal("nothing kept")
	}
	var swing []int
	for i := range 160 {
		swing = append(swing, i)
	}
	for i := 158; i >= 3; i-- {
		swing = append(swing, i)
	}
	for i := 4; i < 30; i++ {
		swing = append(swing, i)
	}
	frame := KeptSize(info.Video.Layout, 1)
	for name, c := range map[string]struct {
		order []int
		kept  []Kept
		most  int64
	}{
		"whole":              {swing[:160], nil, 0},
		"swing":              {swing, nil, 0},
		"swing, partly kept": {swing, []Kept{kept}, 0},
		"swing, little room": {swing[140:230], nil, 30 * frame},
		"room for one":       {[]int{9, 8, 7}, nil, 1},
		"slow":               {[]int{3, 3, 4, 5, 5, 6, 8, 9, 9, 9, 10}, nil, 0},
		"slow back":          {[]int{90, 90, 89, 88, 88, 88, 86, 40, 39, 39}, nil, 0},
		"jumps":              {[]int{0, 150, 151, 7, 8, 8, 25, 2}, []Kept{kept}, 0},
		"same":               {[]int{5, 5, 5, 5}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			r, err := OpenOrder(t.Context(), m.Path, info, c.order, OrderOptions{Kept: c.kept, Dir: dir, Most: c.most})
			if err != nil {
				t.Fatal(err)
			}
			got := drain(t, r)
			if len(got) != len(c.order) {
				t.Fatalf("%d frames of %d", len(got), len(c.order))
			}
			for i, n := range c.order {
				same := got[i].PTS == want[n].PTS
				for p := range got[i].Planes {
					same = same && bytes.Equal(got[i].Planes[p].P8, want[n].Planes[p].P8)
				}
				if !same {
					t.Fatalf("frame %d is not number %d of the video", i, n)
				}
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
	if _, err := OpenOrder(t.Context(), m.Path, info, []int{160}, OrderOptions{}); !fault.Is(err, fault.Internal) {
		t.Errorf("a frame that is not there: %v", err)
	}
}

// TestOpenOrderStops: a reader that nobody reads to the end leaves nothing behind.
func TestOpenOrderStops(t *testing.T) {
	m := testmedia.Clip(t, testmedia.Spec{W: 160, H: 90, Frames: 40})
	info, err := Probe(t.Context(), m.Path, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r, err := OpenOrder(t.Context(), m.Path, info, []int{39, 38, 37, 36, 35, 34, 33}, OrderOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
