package infer

import (
	"fmt"
	"math"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/twinsync/twinsync/fault"
)

// Limits of a card.
const (
	MaxModelFile  = 4 << 30 // bytes of one file
	maxSide       = 4096    // pixels of a network's picture
	maxCardList   = 32      // files, inputs, outputs
	maxCardText   = 16 << 10
	maxCardURLs   = 8
	maxPixelBoost = 8
)

var (
	cardName   = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)
	fileName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`)
	tensorName = regexp.MustCompile(`^[!-~]{0,256}$`)
	licenceID  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+-]{0,63}$`)
	digest     = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Validate checks every field and how they fit together.
//
// Errors: fault.InvalidField, fault.MissingField, fault.Unsupported (a card of another version); the param is
// the field's path.
func (c ModelCard) Validate() error {
	if c.Version != CardVersion {
		if c.Version > CardVersion {
			return fault.New(fault.Unsupported, "card", "the card is of version %d; this program reads version %d", c.Version, CardVersion).
				WithHint("Use a newer TwinSync.")
		}
		return bad("card", "must be %d: the version of the card's format", CardVersion)
	}
	steps := []func() error{c.checkWords, c.checkLicence, c.checkFiles, c.checkPicture, c.checkTensors, c.checkKind, c.checkEmbedding, c.checkMask, c.checkDecoder, c.checkRest, c.checkVoice}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func bad(path, text string, args ...any) *fault.Error {
	return fault.New(fault.InvalidField, path, text, args...)
}

func lacking(path, text string, args ...any) *fault.Error {
	return fault.New(fault.MissingField, path, text, args...)
}

func (c ModelCard) checkWords() error {
	if err := ValidModelName("name", c.Name); err != nil {
		return err
	}
	if !slices.Contains(ModelKinds(), c.Kind) {
		return bad("kind", "is %q, must be one of %s", c.Kind, list(ModelKinds()))
	}
	for _, f := range []struct {
		path, text string
		limit      int
	}{{"title", c.Title, 200}, {"authors", c.Authors, 400}, {"notes", c.Notes, maxCardText}} {
		if err := checkText(f.path, f.text, f.limit); err != nil {
			return err
		}
	}
	if c.Source != "" {
		return checkLink("source", c.Source)
	}
	return nil
}

// ValidModelName checks what a card or command calls a network; param names the field in the error.
func ValidModelName(param, name string) error {
	if name == "" {
		return lacking(param, "no name is given")
	}
	if !cardName.MatchString(name) || strings.Contains(name, "..") {
		return bad(param, "%q is no name: it may hold a-z, 0-9, _ . and -, and begins with a letter or digit", short(name))
	}
	return nil
}

// short keeps hostile text from filling a terminal.
func short(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

func list[T ~string](all []T) string {
	texts := make([]string, len(all))
	for i, v := range all {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}

// checkText refuses what a terminal would obey instead of printing.
func checkText(path, text string, limit int) error {
	if len(text) > limit {
		return bad(path, "is longer than %d bytes", limit)
	}
	if strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
	}) {
		return bad(path, "holds control characters")
	}
	return nil
}

func checkLink(path, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || len(text) > 2048 || !tensorName.MatchString(text[:min(len(text), 256)]) {
		return bad(path, "must be an https:// address without a user name")
	}
	return checkText(path, text, 2048)
}

func (c ModelCard) checkLicence() error {
	l := c.Licence
	if l.ID == "" {
		return lacking("licence.id", "no licence is given").
			WithHint("Name its SPDX identifier, or LicenseRef-unknown where none was stated.")
	}
	if !licenceID.MatchString(l.ID) {
		return bad("licence.id", "%q is no SPDX identifier: write one as Apache-2.0 or LicenseRef-Name", short(l.ID))
	}
	switch l.Commercial {
	case CommercialYes, CommercialNo, CommercialUnknown:
	case "":
		return lacking("licence.commercial", "it must be said whether commercial use is allowed: yes, no or unknown")
	default:
		return bad("licence.commercial", "is %q, must be yes, no or unknown", short(string(l.Commercial)))
	}
	if err := checkText("licence.name", l.Name, 200); err != nil {
		return err
	}
	if err := checkText("licence.text", l.Text, maxCardText); err != nil {
		return err
	}
	if l.URL != "" {
		return checkLink("licence.url", l.URL)
	}
	return nil
}

func (c ModelCard) checkFiles() error {
	if len(c.Files) == 0 {
		return lacking("files", "no file is named")
	}
	if len(c.Files) > maxCardList {
		return bad("files", "are more than %d", maxCardList)
	}
	roles, names := map[FileRole]int{}, map[string]bool{}
	for i, f := range c.Files {
		at := fmt.Sprintf("files[%d].", i)
		if !fileName.MatchString(f.Name) {
			return bad(at+"name", "%q is no file name: it may hold letters, digits, _ . and -, and no folder", short(f.Name))
		}
		// Windows and macOS tell no capitals from small letters.
		if low := strings.ToLower(f.Name); names[low] || low == cardFile || low == recordFile {
			return bad(at+"name", "%q is taken", f.Name)
		}
		names[strings.ToLower(f.Name)] = true
		if !slices.Contains([]FileRole{NetworkFile, ConverterFile, MatrixFile, DataFile, ConfigFile, StyleFile}, f.Role) {
			return bad(at+"role", "is %q, must be network, converter, matrix, data, config or style", short(string(f.Role)))
		}
		if f.Role == MatrixFile && filepath.Ext(f.Name) != ".npy" {
			return bad(at+"name", "a matrix is a .npy file")
		}
		roles[f.Role]++
		if f.SHA256 != "" && !digest.MatchString(f.SHA256) {
			return bad(at+"sha256", "must be 64 lower-case hexadecimal digits")
		}
		if f.Role == DataFile && f.SHA256 == "" {
			return lacking(at+"sha256", "weights outside the network's file need a digest")
		}
		if f.Size < 0 || f.Size > MaxModelFile {
			return bad(at+"size", "must be from 0 to %d bytes", int64(MaxModelFile))
		}
		if len(f.URLs) > maxCardURLs {
			return bad(at+"urls", "are more than %d", maxCardURLs)
		}
		if f.Package != nil {
			if err := f.Package.check(at + "package"); err != nil {
				return err
			}
		}
		for j, u := range f.URLs {
			if err := checkLink(fmt.Sprintf("%surls[%d]", at, j), u); err != nil {
				return err
			}
		}
	}
	if roles[NetworkFile] != 1 || roles[ConverterFile] > 1 || roles[MatrixFile] > 1 {
		return bad("files", "must be exactly one network, and at most one converter and one matrix").
			WithHint("Give files that belong to the network a role: converter, matrix or data.")
	}
	return nil
}

func (c ModelCard) checkPicture() error {
	if err := checkSide("size", c.Size, true); err != nil {
		return err
	}
	if err := c.Template.check("template"); err != nil {
		return err
	}
	if len(c.Boost) > 0 && (c.Kind != Swapper || c.Size == 0) {
		return bad("boost", "is for swappers whose size the card names")
	}
	if len(c.Boost) > maxPixelBoost {
		return bad("boost", "are more than %d", maxPixelBoost)
	}
	for i, b := range c.Boost {
		if b < c.Size || b%c.Size != 0 || b > maxPixelBoost*c.Size || b > maxSide {
			return bad(fmt.Sprintf("boost[%d]", i), "is %d, must be %d times 1 to %d", b, c.Size, maxPixelBoost)
		}
	}
	return nil
}

func checkSide(path string, side int, none bool) error {
	if side == 0 && none {
		return nil
	}
	if side < 16 || side > maxSide {
		return bad(path, "is %d, must be from 16 to %d pixels", side, maxSide)
	}
	return nil
}

func (t Template) check(path string) error {
	if !t.Set() {
		return nil
	}
	if t.Name != "" && len(t.Points) > 0 {
		return bad(path, "has both a name and points")
	}
	if t.Name != "" && templates(t.Name) == nil {
		return bad(path+".name", "there is no template %q", short(t.Name)).WithHint("Choose one of %s, or give five points.", strings.Join(TemplateNames(), ", "))
	}
	if t.Name == "" && len(t.Points) != 5 {
		return bad(path+".points", "must be 5, not %d: left eye, right eye, nose tip, left and right corner of the mouth", len(t.Points))
	}
	for i, p := range t.Points {
		if !within(p[0], -1, 2) || !within(p[1], -1, 2) {
			return bad(fmt.Sprintf("%s.points[%d]", path, i), "must be fractions of the side, from -1 to 2")
		}
	}
	// A similarity needs points that are not all one.
	if p := t.Points; len(p) == 5 && math.Hypot(p[1][0]-p[0][0], p[1][1]-p[0][1]) < 0.01 {
		return bad(path+".points", "the eyes lie on each other")
	}
	if !within(t.Scale, 0.1, 10) {
		return bad(path+".scale", "must be from 0.1 to 10")
	}
	if !within(t.Offset[0], -1, 1) || !within(t.Offset[1], -1, 1) {
		return bad(path+".offset", "must be fractions of the side, from -1 to 1")
	}
	return nil
}

// within is false for what is no number.
func within(v, lo, hi float64) bool { return v >= lo && v <= hi }

// checkRest is what belongs to one kind alone.
func (c ModelCard) checkRest() error {
	if (c.Lips != nil) != (c.Kind == LipSync) {
		return bad("lips", "is for lip-sync networks, which need it")
	}
	if l := c.Lips; l != nil {
		if l.Mel != "wav2lip" {
			return bad("lips.mel", "is %q; the only known one is wav2lip", short(l.Mel))
		}
		if l.Crop != LipFaceBox && l.Crop != LipWhole {
			return bad("lips.crop", "is %q, must be %s or %s", short(l.Crop), LipFaceBox, LipWhole)
		}
		if err := checkSide("lips.aligned", l.Aligned, false); err != nil {
			return err
		}
	}
	if c.Blend != 0 && c.Kind != Enhancer {
		return bad("blend", "is for enhancers")
	}
	if c.Kind == Enhancer && (c.Blend < 1 || c.Blend > 100) {
		return bad("blend", "must be from 1 to 100 percent")
	}
	for i, p := range c.Providers {
		if !slices.Contains(Providers()[1:], p) {
			return bad(fmt.Sprintf("providers[%d]", i), "there is no provider %q", short(p)).WithHint("Choose from %s.", strings.Join(Providers()[1:], ", "))
		}
	}
	return nil
}
