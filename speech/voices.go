package speech

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/twinsync/twinsync/fault"
)

// espeakPrefix begins the IDs of espeak-ng's voices.
const espeakPrefix = "espeak:"

// espeakVoices are the voices of the installed library.
type espeakVoices struct {
	base     []espeakBase // by code
	variants []string     // names of timbres, sorted
}

// espeakBase is one voice of the library, without a variant.
type espeakBase struct {
	code string // what users call it: the library's language code, lower case, "en-gb"
	file string // what the library calls it for sure: "gmw/en"; some codes it does not know itself
	name string
}

// chosenVoice is what a text is said with.
type chosenVoice struct {
	name     string // for the library, with its variant: "gmw/de+f3"
	language string // BCP 47
}

func newEspeakVoices(w wireVoices) *espeakVoices {
	v := &espeakVoices{}
	seen := map[string]bool{}
	for _, b := range w.Voices {
		if len(b.Languages) == 0 || strings.HasPrefix(b.Identifier, "mb/") { // mbrola's sounds are installed apart
			continue
		}
		code := strings.ToLower(b.Languages[0])
		if seen[code] { // Cantonese in Latin letters lists itself as Cantonese
			code = strings.ToLower(b.Identifier[strings.LastIndexByte(b.Identifier, '/')+1:])
		}
		if !seen[code] {
			seen[code] = true
			name := strings.TrimSpace(b.Name)
			if code == "cmn" {
				name = "Chinese (Mandarin)" // Latin letters are given to an English voice here
			}
			v.base = append(v.base, espeakBase{code, b.Identifier, name})
		}
	}
	slices.SortFunc(v.base, func(a, b espeakBase) int { return cmp.Compare(a.code, b.code) })
	for _, x := range w.Variants {
		if _, name, ok := strings.Cut(x.Identifier, "!v/"); ok {
			v.variants = append(v.variants, name)
		}
	}
	slices.Sort(v.variants)
	return v
}

// list gives every language's voice and a female variant of it.
func (v *espeakVoices) list() []Voice {
	var out []Voice
	for _, b := range v.base {
		one := Voice{ID: espeakPrefix + b.code, Name: b.name, Language: bcp47(b.code), Gender: "male", Licence: "GPL-3.0-or-later (the program; what it says is yours)", Timed: true}
		out = append(out, one)
		one.ID, one.Name, one.Gender = one.ID+"+f3", one.Name+", female", "female"
		out = append(out, one)
	}
	sortVoices(out)
	return out
}

func sortVoices(v []Voice) {
	slices.SortStableFunc(v, func(a, b Voice) int {
		return cmp.Or(cmp.Compare(a.Language, b.Language), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
}

// choose finds the voice for an ID, or for a language where the ID is "" or only names a variant ("espeak:+f3").
func (v *espeakVoices) choose(id, lang string) (chosenVoice, error) {
	name, _ := strings.CutPrefix(id, espeakPrefix)
	name, variant, varied := strings.Cut(name, "+")
	if varied && !slices.Contains(v.variants, variant) {
		return chosenVoice{}, fault.New(fault.InvalidField, "voice", "espeak-ng has no variant %q", variant).WithHint("twinsync voices lists them.")
	}
	var base espeakBase
	if name == "" {
		var err error
		if base, err = v.forLanguage(lang); err != nil {
			return chosenVoice{}, err
		}
	} else {
		var ok bool
		if base, ok = v.find(name); !ok {
			return chosenVoice{}, fault.New(fault.InvalidField, "voice", "espeak-ng has no voice %q", name).WithHint("twinsync voices lists them.")
		}
	}
	c := chosenVoice{name: base.file, language: bcp47(base.code)}
	if varied {
		c.name += "+" + variant
	}
	return c, nil
}

func (v *espeakVoices) find(code string) (espeakBase, bool) {
	i, ok := slices.BinarySearchFunc(v.base, code, func(b espeakBase, code string) int { return cmp.Compare(b.code, code) })
	if !ok {
		return espeakBase{}, false
	}
	return v.base[i], true
}

// ownCode is the library's code for a lower-case tag, where the two differ.
func ownCode(tag string) string {
	switch tag {
	case "zh", "zh-hans", "zh-hant":
		return "cmn"
	case "zh-latn-pinyin", "zh-latn":
		return "cmn-latn-pinyin"
	case "en", "en-us-posix", "en-ca", "en-ph": // which CLDR puts with British spelling; they sound American
		return "en-us"
	case "en-001":
		return "en-gb"
	case "fr":
		return "fr-fr"
	case "no":
		return "nb"
	case "yue", "zh-yue":
		return "yue"
	case "pt-pt":
		return "pt"
	}
	return tag
}

// bcp47 is the tag of one of the library's codes.
func bcp47(code string) string {
	switch code {
	case "cmn":
		return "zh"
	case "cmn-latn-pinyin":
		return "zh-Latn-pinyin"
	case "fr-fr":
		return "fr"
	}
	return language.Make(code).String() // what is no tag as a whole ("en-us-nyc") keeps what is
}

// forLanguage finds the voice for a BCP 47 tag: its own, that of the language it is nearest to, or any of the same
// language. Without a tag it is American English.
func (v *espeakVoices) forLanguage(lang string) (espeakBase, error) {
	if lang == "" {
		lang = "en-US"
	}
	lang = strings.ReplaceAll(lang, "_", "-")
	if b, ok := v.find(ownCode(strings.ToLower(lang))); ok {
		return b, nil
	}
	tag, err := language.Parse(lang)
	if err != nil {
		return espeakBase{}, fault.New(fault.InvalidField, "language", "%q is no language tag such as en, pt-BR or zh", lang).WithHint("twinsync languages lists them.")
	}
	for t := tag; t != language.Und; t = t.Parent() {
		if b, ok := v.find(ownCode(strings.ToLower(t.String()))); ok {
			return b, nil
		}
	}
	base, _ := tag.Base()
	if b, ok := v.find(ownCode(base.String())); ok {
		return b, nil
	}
	for _, b := range v.base {
		if strings.HasPrefix(b.code, base.String()+"-") {
			return b, nil
		}
	}
	return espeakBase{}, fault.New(fault.InvalidField, "language", "no installed voice speaks %s", lang).
		WithHint("twinsync languages lists what can be spoken. Recorded sound works in any language.")
}
