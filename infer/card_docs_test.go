package infer

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/internal/testmedia"
)

// TestDocs: the page names every field and every word that a card may hold, and its example is a card.
func TestDocs(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(testmedia.Root(t), "docs", "4-models.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	named := func(word string) {
		t.Helper()
		if !regexp.MustCompile("`(decoder\\.)?" + regexp.QuoteMeta(word) + "[`:]").MatchString(page) {
			t.Errorf("the page does not name `%s`", word)
		}
	}
	seen := map[reflect.Type]bool{}
	var fields func(reflect.Type)
	fields = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] {
			return
		}
		seen[typ] = true
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("yaml"), ",")
			named(name)
			fields(typ.Field(i).Type)
		}
	}
	fields(reflect.TypeFor[ModelCard]())
	for _, k := range ModelKinds() {
		named(string(k))
	}
	for _, n := range TemplateNames() {
		named(n)
	}
	for _, d := range []string{DecodeYOLOFace, DecodeSCRFD, DecodeYuNet, DecodeFAN, DecodeScoredPoints, DecodeLifter, AreaUpper, AreaLower, AreaMouth, LipFaceBox, LipWhole, WholeFace, LowerHalfZero} {
		named(d)
	}
	for _, r := range []Role{RoleTarget, RoleSourceImage, RoleSourceEmbedding, RoleMel, RoleWeight, RoleMorph, RoleEmbedding, RolePoints, RoleImage, RoleMask, RoleTargetMask, RoleClasses, RoleHeatmaps, RoleScores, RoleObjectness, RoleBoxes, RoleRows} {
		named(string(r))
	}
	for _, s := range []ModelState{StateEmbedded, StateReady, StateNoFile, StateRefused, StateBroken, StatePullable, StateKnown} {
		named(string(s))
	}
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(examples) != 1 {
		t.Fatalf("%d examples", len(examples))
	}
	if _, err := ParseCard([]byte(examples[0][1])); err != nil {
		t.Error(err)
	}
}
