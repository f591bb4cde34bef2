package media

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestNUTRoundTrip writes any stream and reads it back.
func TestNUTRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		info := nutStreamInfo{Tag: "H264",
			TimeBase: Rational{rapid.Int64Range(1, 1001).Draw(t, "num"), rapid.Int64Range(1, 1<<31).Draw(t, "den")},
			W:        rapid.IntRange(1, 1<<14).Draw(t, "w"), H: rapid.IntRange(1, 1<<14).Draw(t, "h"),
			SAR: Rational{64, 45}, DecodeDelay: rapid.IntRange(0, 16).Draw(t, "delay"),
			Extra: rapid.SliceOfN(rapid.Byte(), 1, 6000).Draw(t, "extra")}
		type frame struct {
			PTS  int64
			Key  bool
			Data []byte
		}
		frames := rapid.SliceOf(rapid.Custom(func(t *rapid.T) frame {
			return frame{rapid.Int64Range(0, 1<<50).Draw(t, "pts"), rapid.Bool().Draw(t, "key"), rapid.SliceOfN(rapid.Byte(), 0, 5000).Draw(t, "data")}
		})).Draw(t, "frames")
		var b bytes.Buffer
		w, err := newNUTWriter(&b, info)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range frames {
			if err := w.packet(f.PTS, f.Key, len(f.Data)); err != nil {
				t.Fatal(err)
			}
			b.Write(f.Data)
		}
		r, err := newNUTReader(&b)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(info, r.info); d != "" {
			t.Fatal(d)
		}
		for i, f := range frames {
			p, err := r.next()
			if err != nil {
				t.Fatalf("frame %d: %v", i, err)
			}
			data := make([]byte, p.Size)
			if err := r.payload(p, data); err != nil {
				t.Fatal(err)
			}
			if p.PTS != f.PTS || p.Key != f.Key || !bytes.Equal(data, f.Data) {
				t.Fatalf("frame %d: got pts %d, key %v, %d bytes; want %d, %v, %d", i, p.PTS, p.Key, p.Size, f.PTS, f.Key, len(f.Data))
			}
		}
		if _, err := r.next(); !errors.Is(err, io.EOF) {
			t.Fatalf("after the last frame: %v", err)
		}
	})
}

// FuzzNUT feeds the reader what FFmpeg never writes: it must end in an error, without
// taking memory that the stream does not have.
func FuzzNUT(f *testing.F) {
	var b bytes.Buffer
	w, err := newNUTWriter(&b, nutStreamInfo{Tag: "I420", TimeBase: Rational{1, 25}, W: 4, H: 4})
	if err != nil {
		f.Fatal(err)
	}
	if err := w.packet(3, true, 24); err != nil {
		f.Fatal(err)
	}
	b.Write(make([]byte, 24))
	f.Add(b.Bytes())
	f.Add([]byte(nutID))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := newNUTReader(bytes.NewReader(data))
		if err != nil {
			return
		}
		for range 1000 {
			p, err := r.next()
			if err != nil {
				return
			}
			if p.Size < len(p.head) {
				t.Fatalf("packet of %d bytes with %d elided", p.Size, len(p.head))
			}
			if p.Size > 1<<16 {
				return
			}
			if err := r.payload(p, make([]byte, p.Size)); err != nil {
				return
			}
		}
	})
}
