package swap

import (
	"math"
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// marked is a photo with a dark disc on the skin at a vertex.
func marked(p Photo, vertex int, radius float32) Photo {
	box := boxAround(p.Mesh[:], 2, p.Frame.Bounds())
	before := p.Frame.RGB(box)
	after := before.Clone()
	spot := pix.NewMap(box.W(), box.H())
	spot.FillDisc(pix.Vec2{X: p.Mesh[vertex].X - float32(box.X0), Y: p.Mesh[vertex].Y - float32(box.Y0)}, radius)
	for c := range after.C {
		for i, s := range spot.Pix {
			after.C[c][i] *= 1 - .6*s
		}
	}
	p.Frame.Replace(box, before, after, false)
	return p
}

func identityOf(t *testing.T, photos ...Photo) *Identity {
	t.Helper()
	id, _, err := NewIdentity(photos, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestASecondPhotoShowsWhatTheFirstHides(t *testing.T) {
	// A mole on the far cheek of the first photo: its mirrored half has none.
	const cheek = 352
	far, near := photoOf(paleFace, .75, 1), marked(photoOf(paleFace, -.5, 1), cheek, 7)
	if far.Mesh[cheek].Z < near.Mesh[cheek].Z {
		far, near = photoOf(paleFace, -.75, 1), marked(photoOf(paleFace, .5, 1), cheek, 7)
	}
	one, both := identityOf(t, far), identityOf(t, far, near)
	darkness := func(id *Identity) float32 {
		mark, around := texelAt(id, cheek), texelAt(id, 280)
		return around[1] - mark[1]
	}
	if d := darkness(one); d > 30 {
		t.Fatalf("one photo shows a mole (%.0f) that it cannot have seen", d)
	}
	if d := darkness(both); d < 50 {
		t.Errorf("the mole is only %.0f darker than the cheek with both photos", d)
	}
	sum := func(id *Identity) (s float64) {
		for _, c := range id.confidence.Pix {
			s += float64(c)
		}
		return s
	}
	if a, b := sum(one), sum(both); b < 1.05*a {
		t.Errorf("two photos are trusted for %.0f texels, one for %.0f", b, a)
	}
}

func TestMergedPhotosStaySharp(t *testing.T) {
	// Two photos whose meshes do not lie exactly over each other, as real ones never do.
	wrinkled := paleFace
	wrinkled.wrinkles = true
	a, b := photoOf(wrinkled, 0, 1), photoOf(wrinkled, .1, 1)
	for i := range b.Mesh {
		b.Mesh[i].Y += 2.5
	}
	r := newRegions(maskSide)
	edges := func(id *Identity) float32 {
		small := id.texture.resampled(maskSide)
		return r.edgeStrength(small.luma())
	}
	one, both := edges(identityOf(t, a)), edges(identityOf(t, a, b))
	if both < .93*one {
		t.Errorf("edges of %.3f become %.3f by a second photo", one, both)
	}
}

func TestExposureLeavesNoSeam(t *testing.T) {
	even := paleFace
	even.side = 0
	dim := even
	for c := range dim.skin {
		dim.skin[c] *= []float32{.75, .65, .55}[c] // darker, and of warmer light
	}
	id := identityOf(t, photoOf(even, .45, 1), photoOf(dim, -.45, 1))
	left, right := texelAt(id, 50), texelAt(id, 280)
	for c := range left {
		if d := math.Abs(float64(left[c] - right[c])); d > 8 {
			t.Errorf("channel %d: the cheeks differ by %.0f", c, d)
		}
	}
}

func TestAnOpenMouthAndAnOddShapeCountLittle(t *testing.T) {
	closed, open := photoOf(paleFace, 0, 1), photoOf(paleFace, 0, 1)
	m := opened(*open.Mesh, .3)
	id := identityOf(t, closed, closed, Photo{open.Frame, &m}, photoOf(paleFace, .05, 1.4))
	want, _ := face.Decompose(closed.Mesh)
	for _, v := range []int{13, 14, 17, 234, 454} {
		if d := distance(id.shape[v], want[v]); d > .35 {
			t.Errorf("vertex %d lies %.2f cm from its place", v, d)
		}
	}
}

func TestPosesAreMadeOnlyWhereThePhotosDiffer(t *testing.T) {
	if id := identityOf(t, photoOf(paleFace, 0, 1), photoOf(paleFace, .15, 1)); id.turned != nil {
		t.Errorf("%d poses of two frontal photos", len(id.turned))
	}
	id := identityOf(t, photoOf(paleFace, 0, 1), photoOf(paleFace, .5, 1), photoOf(paleFace, -.4, 1))
	var yaws []float32
	for _, p := range id.turned {
		yaws = append(yaws, p.yaw)
	}
	if len(yaws) != 3 || yaws[0] > -.35 || math.Abs(float64(yaws[1])) > .05 || yaws[2] < .45 {
		t.Errorf("poses at %v", yaws)
	}
}

func TestDressFollowsTheHeadWithoutJumps(t *testing.T) {
	footage := newClip(smallLayout, pix.Colour{}, 4, paleFace)
	id := identityOf(t, photoOf(darkFace, 0, 1), marked(photoOf(darkFace, .5, 1), 50, 9), marked(photoOf(darkFace, -.5, 1), 280, 9))
	e := newMeshEngine(&footage.analysis.Tracks[0], id, DefaultOptions(), pix.Colour{}, &planFor(t, footage, id, nil).scratch)
	last, ends := e.wardrobe.at(-.6), 0
	for yaw := float32(-.6); yaw < .6; yaw += .01 {
		now := e.wardrobe.at(yaw)
		if now.texture == last.texture {
			continue
		}
		ends++
		a, b := last.texture.floats(), now.texture.floats()
		for i := range a {
			if d := math.Abs(float64(a[i] - b[i])); d > 2.5/mixSteps*3 {
				t.Fatalf("a number of the texture jumps by %.2f at yaw %.2f", d, yaw)
			}
		}
		last = now
	}
	if ends < mixSteps {
		t.Errorf("the texture changes only %d times from profile to profile", ends)
	}
	if again := e.wardrobe.at(-.6); again.texture == last.texture {
		t.Error("both sides wear the same")
	}
	one := newMeshEngine(&footage.analysis.Tracks[0], someone(t), DefaultOptions(), pix.Colour{}, &planFor(t, footage, id, nil).scratch)
	if one.wardrobe.sew != nil || one.wardrobe.at(.5).texture != one.texture {
		t.Error("one photo keeps what only several need")
	}
}

func TestAPhotoWithoutGlassesWins(t *testing.T) {
	wrinkled := paleFace // where the frame was, they are gone
	wrinkled.wrinkles = true
	worn := withGlasses(photoOf(wrinkled, 0, 1), -8, [3]float32{-1})
	id, warnings, err := NewIdentity([]Photo{worn, photoOf(wrinkled, .05, 1)}, DefaultOptions())
	if err != nil || len(warnings) != 1 {
		t.Fatal(err, warnings)
	}
	bare, painted := identityOf(t, photoOf(wrinkled, .05, 1)), identityOf(t, worn)
	far, near := float32(0), float32(0)
	for y := 180; y < 300; y++ {
		for x := 100; x < 412; x++ {
			want := bare.texture[1].Row(y)[x]
			a, b := painted.texture[1].Row(y)[x]-want, id.texture[1].Row(y)[x]-want
			far, near = far+a*a, near+b*b
		}
	}
	if near > .4*far {
		t.Errorf("around the eyes the face with both photos is %.1f from the bare one, with the painted one alone %.1f", near, far)
	}
}
