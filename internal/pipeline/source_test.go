package pipeline

import (
	"slices"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/swap"
)

// looksLike is a photo of somebody; numbers of different people differ widely.
func looksLike(person int, shade float32) portrait {
	e := make([]float32, 4)
	e[person], e[3] = 1, shade
	return portrait{face: face.PhotoFace{Embedding: e}}
}

func TestSamePerson(t *testing.T) {
	photos := []portrait{looksLike(1, 0), looksLike(0, .1), looksLike(0, 0)}
	names := func(clip bool) []input {
		in := []input{{Name: "a.jpg"}, {Name: "b.jpg"}, {Name: "c.jpg"}}
		if clip {
			in[0].Still = &still{}
		}
		return in
	}
	if _, err := samePerson(photos[1:], names(false)[1:]); err != nil {
		t.Errorf("one person in two photos: %v", err)
	}
	_, err := samePerson(photos, names(false))
	if f := fault.From(err); !fault.Is(err, fault.FaceUnusable) || f.Param != "a.jpg" || !strings.Contains(f.Text, "another person than") {
		t.Errorf("the odd one of three is not named: %v", err)
	}
	if _, err := samePerson(photos[:2], names(false)); fault.From(err).Param != "b.jpg" {
		t.Errorf("of two, the second is not named: %v", err)
	}
	// .47 apart: two people seen from one side, perhaps one from two.
	turned := []portrait{looksLike(0, 0), looksLike(0, .47)}
	if _, err := samePerson(turned, names(false)[1:]); !fault.Is(err, fault.FaceUnusable) {
		t.Errorf("strangers from the front: %v", err)
	}
	turned[1].face.Pose.Yaw = .8
	if _, err := samePerson(turned, names(false)[1:]); err != nil {
		t.Errorf("one person from the side: %v", err)
	}
	drop, err := samePerson(photos, names(true))
	if err != nil || !slices.Equal(drop, []int{0}) {
		t.Errorf("dropped %v, %v", drop, err)
	}
}

func TestWarningsAboutStillsAreSaidOnceAndOnlyWhenAllHaveThem(t *testing.T) {
	list := []swap.Warning{{Code: "a", Text: "Photo 1: bad"}, {Code: "b", Text: "Photo 1: worse"}, {Code: "b", Text: "Photo 2: worse"}}
	photos := []input{{Name: "x.jpg"}, {Name: "y.jpg"}}
	if got := worthSaying(list, photos); len(got) != 3 {
		t.Errorf("of photos: %q", got)
	}
	if got := worthSaying([]swap.Warning{{Code: "face_turned", Text: "Photo 2: turned"}}, photos); got != nil {
		t.Errorf("of a photo from the side: %q", got)
	}
	photos[0].Still, photos[1].Still = &still{}, &still{}
	if got := worthSaying(list, photos); !slices.Equal(got, []string{"worse"}) {
		t.Errorf("of stills: %q", got)
	}
}

func TestAPhotoFromTheSideIsNotWarnedOfBesideOneFromTheFront(t *testing.T) {
	p := portrait{face: face.PhotoFace{Notes: []face.Note{{Problem: face.Turned, Text: "turned"}, {Problem: face.Blurred, Text: "soft"}}},
		warnings: []string{"a.jpg: scaled down", "a.jpg: turned", "a.jpg: soft"}}
	if !p.turned() || (portrait{}).turned() {
		t.Error("turned is taken for frontal")
	}
	if got := p.othersThan(face.Turned, "a.jpg"); !slices.Equal(got, []string{"a.jpg: scaled down", "a.jpg: soft"}) {
		t.Errorf("%q", got)
	}
}

func TestNearestFaceOfAStill(t *testing.T) {
	faces := []face.PhotoFace{{Box: face.Box{X: 0, Y: 0, W: 90, H: 90}}, {Box: face.Box{X: 100, Y: 10, W: 20, H: 20}}}
	if got := nearestFirst(faces, still{X: 112, Y: 22}); got[0].Box.W != 20 {
		t.Errorf("the face at %v is taken", got[0].Box)
	}
}
