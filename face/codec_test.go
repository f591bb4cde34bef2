package face

import (
	"bytes"
	"crypto/sha256"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/twinsync/twinsync/fault"
)

// acted is a track of a face that moves through a picture, seen without noise.
func acted(first, n int, x, y, vx float64, who int) *track {
	t := &track{first: first}
	for i := range n {
		m := placed(.1, 0, .05, 12, [3]float64{x + vx*float64(i), y, 0})
		t.seen = append(t.seen, pack(&m, .95, 2))
		if i%12 == 0 {
			v := view{frame: first + i, quality: .5, vector: make([]float32, embedLen)}
			// Strangers at right angles, and a little noise per view.
			v.vector[who] = .999
			v.vector[100+i/12%20] = .0447
			t.views = append(t.views, v)
		}
		if i%10 == 0 {
			x := Texture{Frame: first + i, N: 4, RGB: make([]uint8, 48), Seen: make([]uint8, 16),
				Eyes: EyeColours{Iris: [3]uint8{uint8(i), 2, 3}, White: [3]uint8{200, 201, 202}}}
			for k := range x.RGB {
				x.RGB[k] = uint8(k * (i + 1))
			}
			t.textures = append(t.textures, x)
		}
	}
	return t
}

func exported(t *testing.T, o *Observations) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := o.WriteTo(&b)
	if err != nil {
		t.Fatal(err)
	}
	if n != int64(b.Len()) {
		t.Errorf("WriteTo says %d bytes, wrote %d", n, b.Len())
	}
	return b.Bytes()
}

func TestObservationsRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		first := rapid.IntRange(0, 5000).Draw(rt, "first")
		o := &Observations{First: first, End: first + 60, W: 640, H: 360, cuts: []int{first + 20, first + 40}}
		rng := rand.New(rand.NewPCG(uint64(first), 1))
		for i := range o.head.luma {
			o.head.luma[i], o.tail.cr[i] = uint8(rng.Uint32()), uint8(rng.Uint32())
		}
		for who := range rapid.IntRange(0, 3).Draw(rt, "faces") {
			n := rapid.IntRange(1, 14).Draw(rt, "frames")
			o.tracks = append(o.tracks, acted(first+who, n, rapid.Float64Range(-9000, 9000).Draw(rt, "x"), 200, rapid.Float64Range(-40, 40).Draw(rt, "speed"), who))
		}
		data := exported(t, o)
		got, err := ReadObservations(bytes.NewReader(data))
		if err != nil {
			rt.Fatal(err)
		}
		if !reflect.DeepEqual(o, got) { // cmp takes a minute over so many points
			rt.Fatal("what was read is not what was written")
		}
		if again := exported(t, got); !bytes.Equal(data, again) {
			rt.Fatal("the same observations give other bytes")
		}
	})
}

func TestPackKeepsASixteenthOfAPixel(t *testing.T) {
	for _, scale := range []float64{2, 20, 150, 900} {
		m := placed(.3, -.2, 1, scale, [3]float64{1234.56, 77.7, 0})
		p := pack(&m, 1, 1)
		back := p.mesh()
		near := max(meshStep, float64(p.step)) / 2 * 1.01
		if scale < 150 && p.step != meshStep {
			t.Errorf("scale %g: step %g", scale, p.step)
		}
		for i := range m {
			if d := math.Max(math.Abs(float64(m[i].X-back[i].X)), math.Abs(float64(m[i].Y-back[i].Y))); d > near+1e-3 {
				t.Fatalf("scale %g, point %d is off by %g", scale, i, d)
			}
		}
	}
}

func TestDamagedFilesAreRefused(t *testing.T) {
	o := &Observations{First: 0, End: 50, W: 640, H: 360, tracks: []*track{acted(3, 30, 300, 200, 2, 0)}}
	data := exported(t, o)
	read := func(b []byte) error {
		_, err := ReadObservations(bytes.NewReader(b))
		return err
	}
	if err := read(data); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(data); i += 1 + len(data)/97 {
		if err := read(data[:i]); !fault.Is(err, fault.Internal) {
			t.Fatalf("the first %d bytes: %v", i, err)
		}
		flipped := bytes.Clone(data)
		flipped[i] ^= 0x10
		if err := read(flipped); !fault.Is(err, fault.Internal) {
			t.Fatalf("bit flipped at %d: %v", i, err)
		}
	}
	if err := read(append(bytes.Clone(data), 0)); err == nil {
		t.Error("a byte too many")
	}
	if _, err := ReadAnalysis(bytes.NewReader(data)); err == nil {
		t.Error("observations read as an analysis")
	}
	other := bytes.Clone(data[:len(data)-sha256.Size])
	other[len(magic)+1]++
	sum := sha256.Sum256(other)
	if err := read(append(other, sum[:]...)); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("another version: %v", err)
	}
}

// Writers that fail in the middle must not be taken for success.
type brokenWriter struct{ left int }

func (b *brokenWriter) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, bytes.ErrTooLarge
	}
	return len(p), nil
}

func TestWriteErrorsAreReported(t *testing.T) {
	o := &Observations{End: 50, tracks: []*track{acted(3, 30, 300, 200, 2, 0)}}
	size := len(exported(t, o))
	for left := 0; left < size; left += 1 + size/19 {
		if _, err := o.WriteTo(&brokenWriter{left}); err == nil {
			t.Fatalf("no error though only %d bytes could be written", left)
		}
	}
}

func sampleAnalysis(t testing.TB) *Analysis {
	t.Helper()
	a, err := Join([]*Observations{{First: 0, End: 50, W: 640, H: 360, tracks: []*track{
		acted(3, 30, 300, 200, 2, 0), acted(0, 50, 100, 100, 0, 1),
	}}}, VideoInfo{SHA256: "ab"}, 25)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAnalysisRoundTrip(t *testing.T) {
	a := sampleAnalysis(t)
	var b bytes.Buffer
	if err := a.Write(&b); err != nil {
		t.Fatal(err)
	}
	data := bytes.Clone(b.Bytes())
	got, err := ReadAnalysis(&b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range a.Tracks {
		for k := range a.Tracks[i].Faces {
			want, have := &a.Tracks[i].Faces[k], &got.Tracks[i].Faces[k]
			if d := distance(&want.Mesh, &have.Mesh) * want.Mesh.EyeDistance(); d > meshStep {
				t.Fatalf("track %d, face %d: mesh is off by %g pixels", i, k, d)
			}
			want.Mesh, want.Box, have.Mesh, have.Box = Mesh{}, Box{}, Mesh{}, Box{}
		}
	}
	if d := cmp.Diff(a, got); d != "" {
		t.Fatal(d)
	}

	w, err := ReadAnalysisWindow(bytes.NewReader(data), 10, 20)
	if err != nil {
		t.Fatal(err)
	}
	for i := range w.Tracks {
		if f := w.Tracks[i].Faces; len(f) != 10 || f[0].Frame != 10 || f[9].Frame != 19 {
			t.Errorf("track %d: %d faces in the window", i, len(f))
		}
	}
	if tr, fa := w.FacesAt(15); len(tr) != 2 || fa[0] != 5 {
		t.Errorf("faces in frame 15: tracks %v, faces %v", tr, fa)
	}
	w, err = ReadAnalysisWindow(bytes.NewReader(data), 40, 50)
	if err != nil {
		t.Fatal(err)
	}
	for i := range w.Tracks {
		if tr := &w.Tracks[i]; len(a.Tracks[i].Faces) == 30 && (len(tr.Faces) != 0 || tr.Textures != nil) {
			t.Error("a track outside the window has faces or textures")
		}
	}
}

func TestWriteJSON(t *testing.T) {
	var b bytes.Buffer
	if err := sampleAnalysis(t).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"people":[{"number":1,`, `"shots":[{"first":0,"end":50}]`, `"frame":3,`, `"sha256":"ab"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s is not in %.300s", want, b.String())
		}
	}
	b.Reset()
	if err := new(Analysis).WriteJSON(&b); err != nil || strings.Contains(b.String(), "null") {
		t.Errorf("an empty analysis gives %s, %v", b.String(), err)
	}
}

// payload is what lies inside a file, so that the fuzzer gets past the checksum.
func payload(t testing.TB, write func(*writer)) []byte {
	var b bytes.Buffer
	if _, err := encode(&b, 'x', write); err != nil {
		t.Fatal(err)
	}
	var out []byte
	if err := decode(&b, 'x', func(r *reader) { out = r.raw(len(r.b)) }); err != nil {
		t.Fatal(err)
	}
	return out
}

func FuzzObservations(f *testing.F) {
	f.Add([]byte{})
	f.Add(payload(f, func(w *writer) { w.track(acted(3, 2, 300, 200, 2, 0)) }))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &reader{b: data}
		tr := r.track()
		if !r.bad && len(tr.seen)*meshBytes > len(data) {
			t.Fatalf("%d meshes out of %d bytes", len(tr.seen), len(data))
		}
		new(Observations).read(&reader{b: data})
	})
}

func FuzzAnalysis(f *testing.F) {
	var b bytes.Buffer
	if err := sampleAnalysis(f).Write(&b); err != nil {
		f.Fatal(err)
	}
	var inside []byte
	if err := decode(&b, kindAnalysis, func(r *reader) { inside = r.raw(len(r.b)) }); err != nil {
		f.Fatal(err)
	}
	f.Add(inside)
	f.Fuzz(func(t *testing.T, data []byte) {
		a := new(Analysis)
		r := &reader{b: data}
		a.read(r, 0, maxFrames)
		if r.bad {
			return
		}
		for i := range a.Tracks {
			if a.Tracks[i].Person >= len(a.People) || a.Tracks[i].Shot >= len(a.Shots) {
				t.Fatal("an index leads nowhere")
			}
		}
		for i := range a.People {
			a.BestFrame(i)
		}
	})
}
