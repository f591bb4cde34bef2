package media

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/testmedia"
	"github.com/twinsync/twinsync/pix"
)

// TestKept reads what a Reader kept: the very frames that it gave, whatever became of those.
func TestKept(t *testing.T) {
	for name, codec := range map[string][]string{
		"8 bit":  {"-c:v", "libx264", "-preset", "veryfast", "-g", "12"},
		"10 bit": {"-c:v", "libx264", "-preset", "veryfast", "-g", "12", "-pix_fmt", "yuv422p10le"},
	} {
		t.Run(name, func(t *testing.T) {
			m := testmedia.Clip(t, testmedia.Spec{W: 160, H: 90, Frames: 40, Pan: 20, Codec: codec})
			info, err := Probe(t.Context(), m.Path, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "frames")
			r, err := OpenReader(t.Context(), m.Path, info, ReadOptions{First: 5, End: 30, Keep: path})
			if err != nil {
				t.Fatal(err)
			}
			want := drain(t, r)
			k, ok := r.Kept()
			if d := cmp.Diff(Kept{Path: path, First: 5, End: 30}, k); !ok || d != "" {
				t.Fatalf("kept %v: %s", ok, d)
			}
			r, err = OpenKept(t.Context(), k, info)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, drain(t, r)); d != "" {
				t.Error(d)
			}
			if err := os.Truncate(path, KeptSize(info.Video.Layout, 25)-1); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenKept(t.Context(), k, info); !fault.Is(err, fault.Internal) {
				t.Errorf("a short file: error %v", err)
			}
		})
	}
}

// drain reads to the end, spoils what it was given and closes.
func drain(t *testing.T, r *Reader) []*pix.Frame {
	t.Helper()
	defer r.Close()
	var out []*pix.Frame
	for {
		f, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f.Clone())
		for i := range f.Planes {
			clear(f.Planes[i].P8)
			clear(f.Planes[i].P16)
		}
		r.Release(f)
	}
}

// TestKeptOnlyWhole: what ends early or cannot be written leaves nothing, and reading goes on.
func TestKeptOnlyWhole(t *testing.T) {
	m := testmedia.Clip(t, testmedia.Spec{W: 160, H: 90, Frames: 40})
	info, err := Probe(t.Context(), m.Path, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "frames")
	r, err := OpenReader(t.Context(), m.Path, info, ReadOptions{Keep: path})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if _, ok := r.Kept(); ok {
		t.Error("a part counts as the whole")
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error("a part is left behind")
	}

	if r, err = OpenReader(t.Context(), m.Path, info, ReadOptions{Keep: filepath.Join(dir, "missing", "frames")}); err != nil {
		t.Fatal(err)
	}
	if n := len(drain(t, r)); n != info.Frames() {
		t.Errorf("%d of %d frames where nothing could be kept", n, info.Frames())
	}
	if _, ok := r.Kept(); ok {
		t.Error("frames are kept in a folder that is not there")
	}

	// A file that takes no more.
	k := newKeeper(path)
	if k == nil {
		t.Fatal("no file")
	}
	k.f.Close()
	f := newRawFrame(info.Video.Layout, info.Video.Colour)
	k.add(f)
	k.add(f)
	if k.end(2) {
		t.Error("frames that were not written count")
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error("a broken file is left behind")
	}
}
