package infer_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/infer"
)

// TestPublishedCards: every card is valid, lies in the file of its name, and needs only cards that are there.
func TestPublishedCards(t *testing.T) {
	cards, err := infer.PublishedCards()
	if err != nil {
		t.Fatal(err)
	}
	kinds, names := map[infer.ModelKind]int{}, map[string]infer.ModelKind{}
	for _, c := range cards {
		kinds[c.Kind]++
		names[c.Name] = c.Kind
	}
	for _, k := range infer.ModelKinds() {
		if kinds[k] == 0 {
			t.Errorf("no %s among %d cards", k, len(cards))
		}
	}
	for _, c := range cards {
		if _, err := os.Stat(filepath.Join("cards", c.Name+".yaml")); err != nil {
			t.Errorf("%s is not in the file of its name", c.Name)
		}
		for _, need := range c.Needs() {
			if k := names[need]; k != infer.Recogniser && k != infer.Converter {
				t.Errorf("%s needs %s, which is %q", c.Name, need, k)
			}
		}
		if c.Licence.Commercial != infer.CommercialYes && c.Licence.Text == "" {
			t.Errorf("%s: a licence that must be accepted says nothing", c.Name)
		}
		for _, f := range c.Files {
			for _, u := range f.URLs {
				if !strings.HasSuffix(u, "/"+f.Name) {
					t.Errorf("%s: %s is not the address of %s", c.Name, u, f.Name)
				}
			}
		}
		if len(c.Title) == 0 || c.Network().Name == "" {
			t.Errorf("%s has no title or no file", c.Name)
		}
	}
	for name, want := range map[string]string{
		"arcface_w600k_r50": "twinsync models pull arcface_w600k_r50", "crossface_ghost": "twinsync models add crossface_ghost --file FILE",
		"mine": "twinsync models add CARD.yaml --name mine --file FILE",
	} {
		if got := infer.Obtain(name); got != want {
			t.Errorf("%s is had by %q", name, got)
		}
	}
	for _, m := range infer.Catalog() {
		if _, taken := names[m.Name]; taken {
			t.Errorf("%s is the name of an embedded network too", m.Name)
		}
	}
}

// TestSwapperCards holds the swappers against the table of the published contracts, typed a second time.
func TestSwapperCards(t *testing.T) {
	const imagenet = "[0.485 0.456 0.406] [0.229 0.224 0.225]"
	const none, half = "[0 0 0] [1 1 1]", "[0.5 0.5 0.5] [0.5 0.5 0.5]"
	for name, want := range map[string]string{
		"inswapper_128":           "128 arcface_128 " + none + " [0 1] matrix true",
		"inswapper_128_fp16":      "128 arcface_128 " + none + " [0 1] matrix true",
		"hyperswap_1a_256":        "256 arcface_128 " + half + " [-1 1] none false",
		"hyperswap_1b_256":        "256 arcface_128 " + half + " [-1 1] none false",
		"hyperswap_1c_256":        "256 arcface_128 " + half + " [-1 1] none false",
		"simswap_256":             "256 arcface_112_v1 " + imagenet + " [0 1] crossface_simswap true",
		"simswap_unofficial_512":  "512 arcface_112_v1 " + none + " [0 1] crossface_simswap true",
		"simswap_512_unoff":       "512 arcface_112_v1 " + none + " [0 1] crossface_simswap true",
		"ghost_1_256":             "256 arcface_112_v1 " + half + " [-1 1] crossface_ghost false",
		"ghost_2_256":             "256 arcface_112_v1 " + half + " [-1 1] crossface_ghost false",
		"ghost_3_256":             "256 arcface_112_v1 " + half + " [-1 1] crossface_ghost false",
		"hififace_unofficial_256": "256 mtcnn_512 " + half + " [-1 1] crossface_hififace true",
		"blendswap_256":           "256 ffhq_512 " + none + " [0 1] 112 arcface_112_v2",
		"uniface_256":             "256 ffhq_512 " + half + " [-1 1] 256 ffhq_512",
		"dfm":                     "0 dfl_whole_face " + none + " [0 1] nothing",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := infer.PublishedCard(name)
			if err != nil {
				t.Fatal(err)
			}
			in, _ := c.Input(infer.RoleTarget)
			out, _ := c.Output(infer.RoleImage)
			got := fmt.Sprint(c.Size, " ", c.Template.Name, " ", in.Mean, " ", in.Std, " ", out.Range, " ")
			source, image := c.Input(infer.RoleSourceImage)
			switch e := c.Embedding; {
			case e != nil && e.Converter != "":
				got += fmt.Sprint(e.Converter, " ", e.After)
			case e != nil:
				got += fmt.Sprint(e.Transform, " ", e.After)
			case image:
				got += fmt.Sprint(source.Size, " ", source.Template.Name)
			default:
				got += "nothing"
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestTemplates: the templates agree with the points in pixels that they were made from.
func TestTemplates(t *testing.T) {
	v2 := infer.FivePoints{{38.2946, 51.6963}, {73.5318, 51.5014}, {56.0252, 71.7366}, {41.5493, 92.3655}, {70.7299, 92.2041}}
	v1 := infer.FivePoints{{39.730, 51.138}, {72.270, 51.138}, {56.000, 68.493}, {42.463, 87.010}, {69.537, 87.010}}
	moved := v2
	for i := range moved {
		moved[i][0] += 8
	}
	near := func(name string, got, want infer.FivePoints) {
		t.Helper()
		for i := range want {
			for k := range 2 {
				if math.Abs(got[i][k]-want[i][k]) > 1e-5 {
					t.Errorf("%s: point %d is %v, want %v", name, i, got[i], want[i])
				}
			}
		}
	}
	at := func(name string, side int) []infer.FivePoints {
		got := infer.Template{Name: name, Scale: 1}.At(side)
		if len(got) == 0 {
			t.Fatalf("no template %s", name)
		}
		return got
	}
	near("arcface_112_v2", at("arcface_112_v2", 112)[0], v2)
	near("arcface_128", at("arcface_128", 128)[0], moved)
	near("arcface_112_v1", at("arcface_112_v1", 112)[0], v1)
	poses := at("arcface_112_poses", 112)
	if len(poses) != 5 {
		t.Fatalf("%d poses", len(poses))
	}
	near("frontal pose", poses[2], v1)
	// A pose and its mirror image: 112 − x, eyes and corners of the mouth exchanged.
	for k := range 2 {
		left, right := poses[k], poses[4-k]
		mirror := infer.FivePoints{}
		for i, j := range []int{1, 0, 2, 4, 3} {
			mirror[i] = [2]float64{112 - left[j][0], left[j][1]}
		}
		for i := range mirror {
			if math.Hypot(mirror[i][0]-right[i][0], mirror[i][1]-right[i][1]) > 1.5 {
				t.Errorf("pose %d, point %d: the mirror image is %v, not %v", k, i, right[i], mirror[i])
			}
		}
	}
	for _, name := range infer.TemplateNames() {
		for _, p := range at(name, 1) {
			if !(p[0][0] < p[1][0] && p[3][0] < p[4][0] && p[0][1] < p[2][1] && p[2][1] < p[3][1]) {
				t.Errorf("%s is no face: %v", name, p)
			}
		}
	}
	own := infer.Template{Points: [][2]float64{{.3, .4}, {.7, .4}, {.5, .6}, {.35, .8}, {.65, .8}}, Scale: 0.5, Offset: [2]float64{0, 0.1}}
	near("own", own.At(100)[0], infer.FivePoints{{40, 55}, {60, 55}, {50, 65}, {42.5, 75}, {57.5, 75}})
	again := own.At(100)
	near("own, again", again[0], own.At(100)[0])
	if (infer.Template{}).At(100) != nil {
		t.Error("points without a template")
	}
}
