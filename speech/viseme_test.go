package speech

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEverySymbolHasAShape goes through what espeak-ng 1.51 can say: testdata/symbols.txt lists the name of each
// phoneme event that its 131 voices gave for every phoneme of their tables, without stress and tone.
func TestEverySymbolHasAShape(t *testing.T) {
	b, err := os.ReadFile("testdata/symbols.txt")
	if err != nil {
		t.Fatal(err)
	}
	symbols := strings.Fields(string(b))
	if len(symbols) < 400 {
		t.Fatalf("only %d symbols", len(symbols))
	}
	for _, s := range symbols {
		if strings.Trim(s, "?ː̃ʰʲᵐᵑⁿ") == "" {
			continue // marks that stand alone, and espeak's name for what it has no sign for
		}
		known := 0
		for _, r := range s {
			if _, ok := letters[plainLetter(r)]; ok {
				known++
			}
		}
		if known == 0 {
			t.Errorf("%q has no shape", s)
		}
		var share float64
		for _, p := range parts(s) {
			share += p.share
			if p.viseme == VisemeSilence {
				t.Errorf("%q is taken for a pause", s)
			}
		}
		if share < 0.999 || share > 1.001 {
			t.Errorf("%q: the shares of its parts are %v together", s, share)
		}
	}
}

func TestShapesOfSounds(t *testing.T) {
	for ipa, want := range map[string][]Viseme{
		"":    {VisemeSilence},
		"p":   {VisemeClosed},
		"bʲ":  {VisemeClosed},
		"pf":  {VisemeClosed, VisemeBitten},
		"ts":  {VisemeHiss},
		"t͡ʃ": {VisemeHush},
		"dʒ":  {VisemeHush},
		"tʰ":  {VisemeStop},
		"ʔe":  {VisemeE},
		"kh":  {VisemeBack},
		"aɪ":  {VisemeA, VisemeI},
		"oʊ":  {VisemeO, VisemeU},
		"əʊ":  {VisemeO, VisemeU},
		"iɑu": {VisemeI, VisemeA, VisemeU},
		"ɔːɹ": {VisemeO, VisemeApproach},
		"anɡ": {VisemeA, VisemeTongue},
		"ɛ̃":  {VisemeE},
		"ã":   {VisemeA},
		"yː":  {VisemeY},
		"ɯᵝ":  {VisemeUnrounded},
		"ʋ":   {VisemeSoft},
		"☃":   {VisemeReduced},
	} {
		var got []Viseme
		for _, p := range parts(ipa) {
			got = append(got, p.viseme)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: %s", ipa, d)
		}
	}
}
