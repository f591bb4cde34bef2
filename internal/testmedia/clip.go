package testmedia

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/image/draw"
	"golang.org/x/image/math/f64"
)

// Spec says what a clip shows. The zero value of a field means its default.
type Spec struct {
	People []string // side by side; default Anton
	// Cuts are frames at which the people are shown in turn instead: the first until
	// Cuts[0], the second until Cuts[1], … and nobody after the last of them.
	Cuts []int

	W, H     int     // default 640 × 360
	Frames   int     // before Drop; default 25
	Rate     string  // frames per second as FFmpeg writes it; default "25"
	FaceSize float64 // height of the portrait in pixels; default H
	Pan      float64 // sideways sway in pixels, one period in 25 frames
	Nod      float64 // the same up and down, one period in 20 frames
	Zoom     float64 // relative sway of size, one period in 30 frames
	Roll     float64 // sway of the head's roll in radians, clockwise, one period in 24 frames

	Drop   []int    // frames left out: a variable rate
	PixFmt string   // default "yuv420p"
	Codec  []string // FFmpeg's options; default x264, veryfast, CRF 16
	Sound  bool     // a click at every whole second over a soft tone
	Args   []string // further output options
	Ext    string   // container; default ".mp4"
}

// Place is where a portrait lies in a frame: a point (x, y) of the picture, in its pixels,
// is at (A·x − B·y + X, B·x + A·y + Y) in the frame, pixel centres at whole numbers.
type Place struct {
	Person     string
	A, B, X, Y float64
}

// At maps a point of the portrait into the frame.
func (p Place) At(x, y float64) (float64, float64) {
	return p.A*x - p.B*y + p.X, p.B*x + p.A*y + p.Y
}

// Made is a clip and its truth.
type Made struct {
	Path  string
	Spec  Spec
	Truth [][]Place // per frame that is shown, per visible person
	Index []int     // per frame that is shown, its number before Drop
}

func (s Spec) defaults() Spec {
	if len(s.People) == 0 {
		s.People = []string{Anton}
	}
	if s.W == 0 {
		s.W, s.H = 640, 360
	}
	if s.Frames == 0 {
		s.Frames = 25
	}
	if s.Rate == "" {
		s.Rate = "25"
	}
	if s.FaceSize == 0 {
		s.FaceSize = float64(s.H)
	}
	if s.PixFmt == "" {
		s.PixFmt = "yuv420p"
	}
	if len(s.Codec) == 0 {
		s.Codec = []string{"-c:v", "libx264", "-preset", "veryfast", "-crf", "16"}
	}
	if s.Ext == "" {
		s.Ext = ".mp4"
	}
	return s
}

// Clip makes a clip, or finds it where it was made before.
func Clip(t testing.TB, s Spec) Made {
	t.Helper()
	s = s.defaults()
	m := Made{Spec: s}
	photos := map[string]image.Image{}
	for _, p := range s.People {
		photos[p] = portrait(t, p)
	}
	dropped := map[int]bool{}
	for _, n := range s.Drop {
		dropped[n] = true
	}
	for n := range s.Frames {
		if !dropped[n] {
			m.Truth = append(m.Truth, s.places(n, photos))
			m.Index = append(m.Index, n)
		}
	}
	id, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(append(id, "version 1"...))
	dir := filepath.Join(Root(t), ".cache", "testmedia")
	m.Path = filepath.Join(dir, hex.EncodeToString(sum[:8])+s.Ext)
	if _, err := os.Stat(m.Path); err == nil {
		return m
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	s.render(t, m, photos)
	return m
}

// places is where everybody is in frame n.
func (s Spec) places(n int, photos map[string]image.Image) []Place {
	sway := func(period float64) float64 { return math.Sin(2 * math.Pi * float64(n) / period) }
	who := s.People
	if len(s.Cuts) > 0 {
		who = nil
		for i, c := range s.Cuts {
			if n < c {
				who = s.People[i%len(s.People) : i%len(s.People)+1]
				break
			}
		}
	}
	var out []Place
	for i, p := range who {
		b := photos[p].Bounds()
		scale := s.FaceSize / float64(b.Dy()) * (1 + s.Zoom*sway(30))
		angle := s.Roll * sway(24)
		a, bb := scale*math.Cos(angle), scale*math.Sin(angle)
		// The portrait's centre goes to the centre of its share of the frame.
		px, py := float64(b.Dx()-1)/2, float64(b.Dy()-1)/2
		cx := float64(s.W)*(float64(i)+0.5)/float64(len(who)) - 0.5 + s.Pan*sway(25)
		cy := float64(s.H)/2 - 0.5 + s.Nod*sway(20)
		out = append(out, Place{Person: p, A: a, B: bb, X: cx - a*px + bb*py, Y: cy - bb*px - a*py})
	}
	return out
}

// portrait reads a person's picture, laid over light grey.
func portrait(t testing.TB, person string) image.Image {
	t.Helper()
	f, err := os.Open(Photo(t, person))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	src, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	dst := image.NewRGBA(image.Rect(0, 0, src.Bounds().Dx(), src.Bounds().Dy()))
	draw.Draw(dst, dst.Rect, image.NewUniform(color.Gray{215}), image.Point{}, draw.Src)
	draw.Draw(dst, dst.Rect, src, src.Bounds().Min, draw.Over)
	return dst
}

// render draws the frames and has FFmpeg encode them.
func (s Spec) render(t testing.TB, m Made, photos map[string]image.Image) {
	t.Helper()
	tmp := m.Path + ".part" + strconv.Itoa(os.Getpid()) + s.Ext
	args := []string{"-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgba", "-s", fmt.Sprintf("%dx%d", s.W, s.H), "-r", s.Rate, "-i", "pipe:0"}
	if s.Sound {
		args = append(args, "-f", "lavfi", "-i",
			"aevalsrc=0.05*sin(2*PI*330*t)+0.5*sin(2*PI*1000*t)*lt(mod(t\\,1)\\,0.05)+0.1*(random(0)-0.5):s=48000:d="+strconv.FormatFloat(s.seconds(t), 'f', 6, 64))
	}
	filter := "null"
	if len(s.Drop) > 0 {
		filter = "select='1"
		for _, n := range s.Drop {
			filter += fmt.Sprintf("*not(eq(n\\,%d))", n)
		}
		filter += "'"
	}
	args = append(args, "-vf", filter, "-fps_mode", "passthrough", "-pix_fmt", s.PixFmt)
	args = append(args, s.Codec...)
	if s.Sound {
		args = append(args, "-c:a", "aac", "-b:a", "96k")
	}
	args = append(append(args, s.Args...), "file:"+tmp)
	cmd := exec.CommandContext(t.Context(), "ffmpeg", args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("testmedia needs FFmpeg: %v", err)
	}
	img := image.NewRGBA(image.Rect(0, 0, s.W, s.H))
	for n := range s.Frames {
		draw.Draw(img, img.Rect, image.NewUniform(color.Gray{215}), image.Point{}, draw.Src)
		for _, p := range s.places(n, photos) {
			// draw counts from pixel corners, Place from centres: half a pixel each way.
			h := 0.5
			draw.BiLinear.Transform(img, f64.Aff3{p.A, -p.B, p.X + h - p.A*h + p.B*h, p.B, p.A, p.Y + h - p.B*h - p.A*h},
				photos[p.Person], photos[p.Person].Bounds(), draw.Src, nil)
		}
		if _, err := in.Write(img.Pix); err != nil {
			break // FFmpeg's own words follow
		}
	}
	err = in.Close()
	if werr := cmd.Wait(); werr != nil {
		os.Remove(tmp)
		t.Fatalf("testmedia: FFmpeg: %v: %s", werr, said.String())
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, m.Path); err != nil {
		t.Fatal(err)
	}
}

// seconds is how long the clip lasts.
func (s Spec) seconds(t testing.TB) float64 {
	t.Helper()
	var num, den float64 = 0, 1
	if n, _ := fmt.Sscanf(s.Rate, "%f/%f", &num, &den); n < 1 || num <= 0 || den <= 0 {
		t.Fatalf("testmedia: rate %q", s.Rate)
	}
	return float64(s.Frames) * den / num
}
