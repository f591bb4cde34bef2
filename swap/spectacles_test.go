package swap

import (
	"slices"
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/internal/testmedia"
	"github.com/twinsync/twinsync/media"
	"github.com/twinsync/twinsync/pix"
)

// withGlasses draws dark spectacles on a photo: a frame raised by up pixels, and lenses of a colour,
// none when its first value is negative.
func withGlasses(photo Photo, up float32, lens [3]float32) Photo {
	box := boxAround(photo.Mesh[:], 4, photo.Frame.Bounds())
	before := photo.Frame.RGB(box)
	after := before.Clone()
	frame, glass := pix.NewMap(box.W(), box.H()), pix.NewMap(box.W(), box.H())
	at := func(i int, dx, dy float32) pix.Vec2 {
		p := photo.Mesh[i]
		return pix.Vec2{X: p.X - float32(box.X0) + dx, Y: p.Y - float32(box.Y0) + dy}
	}
	for _, eye := range [][2]int{{33, 133}, {362, 263}} {
		a, b := at(eye[0], -8, -22-up), at(eye[1], 8, 34)
		outline := []pix.Vec2{a, {X: b.X, Y: a.Y}, b, {X: a.X, Y: b.Y}}
		glass.Max(pix.FillPolygon(box.W(), box.H(), outline, 0, 1))
		frame.FillLine(append(outline, a), 5)
	}
	frame.FillLine([]pix.Vec2{at(133, 0, -4), at(362, 0, -4)}, 6)
	for k := range after.C {
		for i, m := range glass.Pix {
			if lens[0] >= 0 {
				after.C[k][i] += m * (lens[k] - after.C[k][i])
			}
			after.C[k][i] += frame.Pix[i] * (25 - after.C[k][i])
		}
	}
	photo.Frame.Replace(box, before, after, false)
	return photo
}

// confidenceAt is how far an identity is trusted at a vertex.
func confidenceAt(id *Identity, vertex int) float32 {
	p := face.Canonical().UV[vertex]
	return id.confidence.Bilinear(p.X*(textureSide-1), p.Y*(textureSide-1))
}

func TestGlassesAreFoundAndPaintedOver(t *testing.T) {
	clear := [3]float32{-1}
	for _, c := range []struct {
		name        string
		up          float32
		lens        [3]float32
		code        string
		cheek, brow bool // whether the photo's skin under the eye and its brow are used
	}{
		{"thin frame under the brows", -8, clear, "glasses", true, true},
		{"frame over the brows", 8, clear, "glasses", true, false},
		{"sunglasses", -8, [3]float32{30, 40, 60}, "sunglasses", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			id, warnings, err := NewIdentity([]Photo{withGlasses(photoOf(paleFace, 0, 1), c.up, c.lens)}, DefaultOptions())
			if err != nil || !slices.Contains(codes(warnings), c.code) {
				t.Fatalf("%v, warnings %v, want %q", err, warnings, c.code)
			}
			if v := texelAt(id, 168); c.cheek && c.brow && v[1] < 120 {
				t.Errorf("the bridge of the nose is still %.0f dark", v[1])
			}
			if v := confidenceAt(id, 230); c.cheek != (v > .5) {
				t.Errorf("under the eye: confidence %.2f", v)
			}
			if v := confidenceAt(id, 105); c.brow != (v > .5) {
				t.Errorf("at the brow: confidence %.2f", v)
			}
			if v := confidenceAt(id, 205); v < .9 {
				t.Errorf("the cheek is lost: %.2f", v)
			}
		})
	}
}

// withIrises draws dark irises into a photo and tells the mesh of them.
func withIrises(p Photo) Photo {
	const radius = 10
	before := p.Frame.RGB(p.Frame.Bounds())
	after := before.Clone()
	for e, corners := range [2][2]int{{33, 133}, {362, 263}} {
		a, b := p.Mesh[corners[0]], p.Mesh[corners[1]]
		c := pix.Vec2{X: (a.X + b.X) / 2, Y: (a.Y + b.Y) / 2}
		for k, d := range [5][2]float32{{0, 0}, {radius, 0}, {0, -radius}, {-radius, 0}, {0, radius}} {
			p.Mesh[face.MeshPoints+5*e+k] = pix.Vec3{X: c.X + d[0], Y: c.Y + d[1]}
		}
		iris := pix.NewMap(after.W, after.H)
		iris.FillDisc(c, radius)
		for k := range after.C {
			for i, m := range iris.Pix {
				after.C[k][i] *= 1 - .8*m
			}
		}
	}
	p.Frame.Replace(p.Frame.Bounds(), before, after, false)
	return p
}

// Eyes that shine through dark lenses have the lenses' colour, not their own.
func TestDarkLensesHideTheEyesColour(t *testing.T) {
	if id := identityOf(t, withIrises(photoOf(paleFace, 0, 1))); !id.eyesSeen {
		t.Fatal("bare eyes are not seen")
	}
	id, warnings, err := NewIdentity([]Photo{withIrises(withGlasses(photoOf(paleFace, 0, 1), -8, [3]float32{34, 38, 42}))}, DefaultOptions())
	if err != nil || !slices.Contains(codes(warnings), "sunglasses") {
		t.Fatalf("%v, warnings %v", err, warnings)
	}
	if id.eyesSeen {
		t.Error("the colour behind the lenses is taken for the eyes'")
	}
}

// The shared photos with and without spectacles.
func TestSharedPhotosWithGlasses(t *testing.T) {
	dir := testmedia.Shared(t, "photos")
	rt, err := infer.Open(infer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer rt.Close()
	nets, err := face.NewModels(rt, face.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"p02_sfhq_red_hair_woman.jpg": "", "p10_sfhq_red_beard_man.jpg": "",
		"p07_sfhq_glasses_man_red_bg.jpg": "glasses", "p12_t2i_grandmother_glasses.png": "glasses",
		"p18_t2i_glasses_woman_dark_skin.jpg": "glasses", "p15_t2i_mirror_sunglasses_beard.jpg": "sunglasses",
	} {
		f, _, err := media.ReadPhoto(t.Context(), dir+"/"+name, media.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		faces, err := face.Photo(t.Context(), nets, f)
		if err != nil || len(faces) == 0 {
			t.Fatalf("%s: %d faces, %v", name, len(faces), err)
		}
		_, warnings, err := NewIdentity([]Photo{{Frame: f, Mesh: &faces[0].Mesh}}, DefaultOptions())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := ""
		for _, c := range codes(warnings) {
			if c == "glasses" || c == "sunglasses" {
				got += c
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
