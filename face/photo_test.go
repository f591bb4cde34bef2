package face

import (
	"math"
	"os"
	"slices"
	"testing"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/pix"
)

// What the shared photos are is known; this is what users must be told about them.
func TestSharedPhotos(t *testing.T) {
	m := models(t, DefaultOptions())
	long := os.Getenv("TWINSYNC_LONG") != ""
	for _, c := range []struct {
		name     string
		faces    int
		fault    fault.Code // "" for a photo that can be used
		problems []Problem
		long     bool
	}{
		{"photos/p04_sfhq_stubble_man.jpg", 1, "", nil, false},
		{"photos/p09_sfhq_lowkey_man.jpg", 1, "", nil, true},
		{"photos/p10_sfhq_red_beard_man.jpg", 1, "", nil, false},
		{"photos/p11_sfhq_long_grey_hair_beard_man.jpg", 1, "", nil, true},
		{"photos/p14_t2i_profile_man.jpg", 1, fault.FaceUnusable, []Problem{Turned}, false},
		{"photos/p17_t2i_surprised_open_mouth_man.jpg", 1, "", []Problem{OpenMouth}, false},
		{"photos/p18_t2i_glasses_woman_dark_skin.jpg", 1, "", nil, true},
		{"odd/photo/two_faces.jpg", 2, "", nil, false},
		{"odd/photo/six_faces.jpg", 6, "", nil, false},
		{"odd/photo/no_face_gradient.jpg", 0, fault.NoFaceInPhoto, nil, false},
		{"odd/photo/no_human_dog.jpg", 0, fault.NoFaceInPhoto, nil, false},
		{"odd/photo/one_pixel.png", 0, fault.NoFaceInPhoto, nil, false},
		{"odd/photo/tiny_48px.jpg", 1, fault.FaceTooSmall, []Problem{TooSmall, Blurred}, false},
		{"odd/photo/small_160px.jpg", 1, "", []Problem{TooSmall}, false},
		{"odd/photo/half_face.jpg", 1, fault.FaceUnusable, []Problem{CutOff}, false},
		{"odd/photo/masked_mouth.jpg", 1, fault.FaceUnusable, []Problem{CoveredUp}, false},
		{"odd/photo/blurred.jpg", 1, "", []Problem{Blurred}, false},
		{"odd/photo/upside_down.jpg", 1, "", nil, false},
		{"odd/photo/roll_35deg.jpg", 1, "", nil, false},
		{"odd/photo/gray.jpg", 1, "", nil, true},
		{"odd/photo/dark_noisy.jpg", 1, "", []Problem{Dark}, false},
		{"odd/photo/overexposed.jpg", 1, "", []Problem{BurntOut}, false},
		{"odd/photo/statue.jpg", 1, "", nil, true},
		{"odd/photo/cartoon_3d.jpg", 1, "", nil, true},
		{"odd/photo/huge_6000px.jpg", 1, "", nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.long && !long {
				t.Skip("set TWINSYNC_LONG=1 for the whole list")
			}
			f, _, err := media.ReadPhoto(t.Context(), shared(t, c.name), media.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			faces, err := Photo(t.Context(), m, f)
			if err != nil {
				t.Fatal(err)
			}
			if len(faces) != c.faces {
				t.Fatalf("%d faces, want %d", len(faces), c.faces)
			}
			best, err := Usable(faces)
			if c.fault != "" && !fault.Is(err, c.fault) || c.fault == "" && err != nil {
				t.Errorf("usable: %v, want %q", err, c.fault)
			}
			if err == nil && best != &faces[0] {
				t.Error("not the first is picked")
			}
			var problems []Problem
			if len(faces) > 0 {
				for _, n := range faces[0].Notes {
					problems = append(problems, n.Problem)
				}
			}
			if !slices.Equal(problems, c.problems) {
				t.Errorf("problems %v, want %v", problems, c.problems)
			}
			for i := 1; i < len(faces); i++ {
				if faces[i].EyeDistance > faces[i-1].EyeDistance {
					t.Error("not the largest first")
				}
			}
		})
	}
}

func TestPhotoTellsPeopleApart(t *testing.T) {
	m := models(t, DefaultOptions())
	embedding := func(name string) []float32 {
		f, _, err := media.ReadPhoto(t.Context(), shared(t, name), media.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		faces, err := Photo(t.Context(), m, f)
		if err != nil || len(faces) == 0 {
			t.Fatalf("%s: %d faces, %v", name, len(faces), err)
		}
		return faces[0].Embedding
	}
	a := embedding("photos/p04_sfhq_stubble_man.jpg")
	for name, same := range map[string]bool{
		"odd/photo/roll_35deg.jpg": true, "odd/photo/upside_down.jpg": true, "odd/photo/small_160px.jpg": true, "odd/photo/gray.jpg": true,
		"photos/p08_sfhq_young_man_smile.jpg": false, "photos/p02_sfhq_red_hair_woman.jpg": false,
	} {
		if d := Apart(a, embedding(name)); (d < samePerson) != same {
			t.Errorf("%s is %.2f away, same person %v", name, d, same)
		}
	}
	if Apart(a, nil) != 2 {
		t.Error("nothing is not far from somebody")
	}
}

// A face of known colours must come back from the frame where the UV map has them.
func TestUnwrapFindsTheRightPlace(t *testing.T) {
	const w, h = 640, 480
	f := pix.NewFrame(pix.Layout{W: w, H: h, Depth: 8}, pix.Colour{Full: true})
	for y := range h {
		for x := range w {
			f.Planes[0].Set(x, y, x*255/w)
		}
	}
	l := &lens{m: &Models{}}
	m := placed(.2, .1, .1, 16, [3]float64{320, 240, 0})
	x := l.unwrap(f, &m, 7)
	if x.Frame != 7 || x.N != textureSide {
		t.Fatalf("frame %d, side %d", x.Frame, x.N)
	}
	c := Canonical()
	checked := 0
	for _, v := range []int{1, 4, 50, 280, 151, 199, 205, 425} {
		i, j := int(c.UV[v].X*(textureSide-1)+.5), int(c.UV[v].Y*(textureSide-1)+.5)
		k := j*textureSide + i
		want := float64(m[v].X) * 255 / w
		if math.Abs(float64(x.RGB[3*k])-want) > 2 {
			t.Errorf("vertex %d: red %d, want %.1f", v, x.RGB[3*k], want)
		}
		if x.Seen[k] > 200 {
			checked++
		}
	}
	if checked < 6 {
		t.Errorf("only %d of the points in front count as seen", checked)
	}
	// Of a face that looks away only one half is seen.
	m = placed(1.2, 0, 0, 16, [3]float64{320, 240, 0})
	x = l.unwrap(f, &m, 0)
	at := func(v int) uint8 {
		return x.Seen[int(c.UV[v].Y*(textureSide-1)+.5)*textureSide+int(c.UV[v].X*(textureSide-1)+.5)]
	}
	if at(50) <= at(280) { // the nose points to the picture's right: the person's right cheek is seen
		t.Errorf("right cheek %d, left cheek %d", at(50), at(280))
	}
	// Beyond the picture's edge nothing is seen.
	m = placed(0, 0, 0, 16, [3]float64{-10, 240, 0})
	x = l.unwrap(f, &m, 0)
	if at(50) != 0 || at(280) == 0 {
		t.Errorf("outside %d, inside %d", at(50), at(280))
	}
}

func TestEmbedSquareAlignsTheTemplate(t *testing.T) {
	for _, roll := range []float64{0, .6, -2.5} {
		m := placed(0, 0, roll, 14, [3]float64{400, 300, 0})
		sq := embedSquare(&m)
		if d := math.Remainder(float64(sq.Angle)-roll, 2*math.Pi); math.Abs(d) > .02 {
			t.Errorf("roll %.2f: angle %.2f", roll, sq.Angle)
		}
		// Eyes in the upper half left and right, nose under them, in whatever pose.
		a, b, n := sq.ToCrop(embedSide, m[33].XY()), sq.ToCrop(embedSide, m[263].XY()), sq.ToCrop(embedSide, m[94].XY())
		if a.X > 50 || b.X < 98 || math.Abs(float64(a.Y-46)) > 8 || math.Abs(float64(n.Y-88)) > 10 {
			t.Errorf("roll %.2f: eyes at %v and %v, nose at %v", roll, a, b, n)
		}
	}
}

// The exposure of drawn skin.
func TestExposure(t *testing.T) {
	x := Texture{N: textureSide, RGB: make([]uint8, 3*textureSide*textureSide), Seen: make([]uint8, textureSide*textureSide)}
	paint := func(v uint8, share float32) {
		for i := range x.Seen {
			x.Seen[i] = 255
			c := v
			if float32(i%textureSide) < share*textureSide {
				c = 255
			}
			x.RGB[3*i], x.RGB[3*i+1], x.RGB[3*i+2] = c, c, c
		}
	}
	paint(30, 0)
	if luma, burnt := x.exposure(); luma != 30 || burnt != 0 {
		t.Errorf("dark: luma %v, burnt %v", luma, burnt)
	}
	paint(200, .5)
	if luma, burnt := x.exposure(); luma < 200 || burnt < .3 || burnt > .7 {
		t.Errorf("half burnt out: luma %v, burnt %v", luma, burnt)
	}
	clear(x.Seen)
	if luma, burnt := x.exposure(); luma != 128 || burnt != 0 {
		t.Errorf("nothing seen: luma %v, burnt %v", luma, burnt)
	}
}

// Every reason to refuse a photo says what to do about it.
func TestRefusalsNameTheWayOut(t *testing.T) {
	good := PhotoFace{EyeDistance: 200, Sharpness: .3, Inside: 1, Luma: 120}
	for name, spoil := range map[string]func(p *PhotoFace){
		"turned": func(p *PhotoFace) { p.Pose.Yaw = -.95 }, "looking up": func(p *PhotoFace) { p.Pose.Pitch = -.9 },
		"cut off": func(p *PhotoFace) { p.Inside = .5 }, "covered": func(p *PhotoFace) { p.Covered = 1 },
		"small": func(p *PhotoFace) { p.EyeDistance = 20 },
	} {
		p := good
		spoil(&p)
		p.note()
		_, err := Usable([]PhotoFace{p})
		if err == nil || fault.From(err).Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	good.note()
	if len(good.Notes) > 0 {
		t.Errorf("a good photo has notes %v", good.Notes)
	}
}
