package speech

// Viseme is a class of sounds that look alike on the lips.
type Viseme uint8

// The visemes, with a sound or two of each.
const (
	VisemeSilence   Viseme = iota
	VisemeClosed           // p b m: lips closed
	VisemeBitten           // f v: lower lip at the upper teeth
	VisemeDental           // θ ð: tongue between the teeth
	VisemeStop             // t d
	VisemeHiss             // s z: teeth together
	VisemeHush             // ʃ ʒ: teeth together, lips forward
	VisemeBack             // k g h: not seen on the lips
	VisemeTongue           // n l r
	VisemeApproach         // ɹ
	VisemeGlideW           // w
	VisemeGlideJ           // j
	VisemeI                // i ɪ
	VisemeY                // y
	VisemeE                // e ɛ
	VisemeOE               // ø œ
	VisemeA                // a æ ɑ
	VisemeUh               // ʌ ɐ
	VisemeO                // o ɔ
	VisemeU                // u ʊ
	VisemeReduced          // ə
	VisemeSoft             // ʋ β ɸ: lips near each other
	VisemeUnrounded        // ɯ
	Visemes                // how many there are
)

// look is how a viseme's mouth is shaped: jaw, width and rounding of the lips on the person's own range from 0
// to 1, how much the class insists on its jaw and on its lips against its neighbours, and how far in
// seconds it reaches into them.
type look struct {
	jaw, width, round, jawForce, lipForce, reach float64
}

// looks are starting points from the published tables (HeadAudio, Azure, Polly; Cohen and Massaro's
// dominances), brought into agreement with two filmed talkers in the trial before this program.
var looks = [Visemes]look{
	VisemeSilence:   {0.00, 0.50, 0.00, 0.60, 0.50, 0.070},
	VisemeClosed:    {0.00, 0.50, 0.05, 12.0, 0.60, 0.028},
	VisemeBitten:    {0.08, 0.52, 0.00, 6.00, 1.00, 0.035},
	VisemeDental:    {0.16, 0.55, 0.00, 1.00, 0.60, 0.050},
	VisemeStop:      {0.15, 0.55, 0.00, 0.60, 0.40, 0.045},
	VisemeHiss:      {0.09, 0.62, 0.00, 1.60, 0.80, 0.050},
	VisemeHush:      {0.12, 0.30, 0.55, 1.60, 2.40, 0.080},
	VisemeBack:      {0.25, 0.52, 0.00, 0.12, 0.10, 0.040},
	VisemeTongue:    {0.17, 0.52, 0.00, 0.60, 0.30, 0.045},
	VisemeApproach:  {0.17, 0.38, 0.40, 0.80, 1.20, 0.070},
	VisemeGlideW:    {0.12, 0.08, 0.95, 1.60, 3.00, 0.085},
	VisemeGlideJ:    {0.14, 0.75, 0.00, 0.80, 0.90, 0.055},
	VisemeI:         {0.22, 0.85, 0.00, 1.00, 1.00, 0.060},
	VisemeY:         {0.18, 0.28, 0.80, 1.00, 2.40, 0.080},
	VisemeE:         {0.48, 0.70, 0.00, 1.10, 1.00, 0.060},
	VisemeOE:        {0.40, 0.38, 0.60, 1.10, 2.00, 0.075},
	VisemeA:         {0.82, 0.64, 0.00, 1.30, 0.90, 0.065},
	VisemeUh:        {0.66, 0.52, 0.00, 1.10, 0.80, 0.060},
	VisemeO:         {0.52, 0.28, 0.65, 1.20, 2.20, 0.080},
	VisemeU:         {0.24, 0.16, 0.90, 1.10, 2.60, 0.085},
	VisemeReduced:   {0.32, 0.50, 0.00, 0.45, 0.35, 0.050},
	VisemeSoft:      {0.10, 0.48, 0.20, 3.00, 0.80, 0.040},
	VisemeUnrounded: {0.20, 0.60, 0.00, 1.00, 0.90, 0.060},
}

// letters gives each letter of the IPA its class. What is not there is a modifier, or says nothing about the
// lips.
var letters = table(map[Viseme]string{
	VisemeClosed:    "pbmɓʘ",
	VisemeBitten:    "fvɱ",
	VisemeSoft:      "ʋβɸΦⱱ",
	VisemeDental:    "θð",
	VisemeStop:      "tdʈɖɗǃǀǁǂ",
	VisemeHiss:      "szɬɮʦʣ",
	VisemeHush:      "ʃʒɕʑʂʐʧʤʨʥSZ",
	VisemeBack:      "kgɡɠqɢʛxɣχʁʀhħɦʕʔʡʢʜŋɴcɟʄçʝɰɧX?N",
	VisemeTongue:    "nɲɳlɭʎɫʟɺrɾɽK",
	VisemeApproach:  "ɹɻ",
	VisemeGlideW:    "wʍɥ",
	VisemeGlideJ:    "j",
	VisemeI:         "iɪᵻ",
	VisemeY:         "yʏ",
	VisemeE:         "eɛε",
	VisemeOE:        "øœɶ",
	VisemeA:         "aæɑA",
	VisemeUh:        "ʌɐɤ",
	VisemeO:         "oɔɒ",
	VisemeU:         "uʊʉ",
	VisemeReduced:   "əɚɜɝɞɨɵɘ",
	VisemeUnrounded: "ɯ",
})

func table(classes map[Viseme]string) map[rune]Viseme {
	t := map[rune]Viseme{}
	for v, s := range classes {
		for _, r := range s {
			t[r] = v
		}
	}
	return t
}

// vowel tells whether the class is of an open mouth that carries a syllable.
func (v Viseme) vowel() bool {
	return v >= VisemeI && v <= VisemeReduced || v == VisemeUnrounded
}

// rounded tells whether the lips come forward.
func (v Viseme) rounded() bool { return looks[v].round >= 0.55 }

// VisemeOf is the class of an IPA symbol, of its first part where it has several; "" is a pause. Symbols that
// no table knows count by their base letter, and as a reduced vowel where they have none.
func VisemeOf(ipa string) Viseme { return parts(ipa)[0].viseme }

// part is one mouth shape of a phone and its share of the phone's time.
type part struct {
	viseme Viseme
	share  float64
}

// parts is what the mouth does during a phone: a diphthong has two shapes, the others mostly one.
func parts(ipa string) []part {
	if ipa == "" || ipa == "_" {
		return []part{{VisemeSilence, 1}}
	}
	var found []Viseme
	for _, r := range ipa {
		v, known := letters[plainLetter(r)]
		if !known {
			continue
		}
		if n := len(found); n > 0 {
			switch last := found[n-1]; {
			case last == v:
				continue
			case last == VisemeBack, last == VisemeStop && !v.vowel():
				found[n-1] = v // ts, tʃ, kʷ, ʔe: what comes after is what is seen
				continue
			case v == VisemeBack:
				continue
			}
		}
		found = append(found, v)
	}
	switch len(found) {
	case 0:
		return []part{{VisemeReduced, 1}}
	case 1:
		return []part{{found[0], 1}}
	}
	if found[0] == VisemeReduced && found[1] == VisemeU { // əʊ starts rounded already
		found[0] = VisemeO
	}
	return shared(found)
}

// shared divides a phone's time among its shapes: 60 to 40 in a falling diphthong, 30 to 70 where a glide
// rises into a wider vowel, a third and less for what follows.
func shared(found []Viseme) []part {
	out := make([]part, 0, len(found))
	rising := looks[found[0]].jaw < 0.3 && looks[found[1]].jaw > 0.3
	switch {
	case len(found) == 2 && rising:
		return append(out, part{found[0], 0.3}, part{found[1], 0.7})
	case len(found) == 2:
		return append(out, part{found[0], 0.6}, part{found[1], 0.4})
	}
	first := 0.4
	if rising {
		first = 0.25
	}
	rest := (1 - first) / float64(len(found)-1)
	out = append(out, part{found[0], first})
	for _, v := range found[1:] {
		out = append(out, part{v, rest})
	}
	return out
}

// plainLetter takes the marks off the letters that Unicode also has in one piece.
func plainLetter(r rune) rune {
	for _, group := range [...]struct {
		plain  rune
		marked string
	}{
		{'a', "ãäáàâăā"}, {'e', "ẽëéèêĕē"}, {'i', "ĩïíìîĭī"}, {'o', "õöóòôŏō"}, {'u', "ũüúùûŭū"}, {'y', "ỹÿýỳŷȳ"},
	} {
		for _, m := range group.marked {
			if m == r {
				return group.plain
			}
		}
	}
	return r
}
