package speech

import (
	"strings"
	"unicode"
)

// The library has the vowels of the Arabic words in its dictionary and of those that are written with vowel marks; of the
// others it says the consonants alone (شكرا: ʃkra), which no mouth could and which leaves lips shut. Those words get an a
// (fatha), the most frequent short vowel, where a syllable needs one: ʃakara. It is a guess, and better than none.

// arabicVoice is what the library calls the voice.
const arabicVoice = "sem/ar"

const fatha = 'َ'

// crowded tells whether the phones of a word could not be said: two consonants at its start, three in a row, or no
// vowel at all.
func crowded(phones []heardPhone) bool {
	run, any := 0, false
	for i, p := range phones {
		if VisemeOf(p.IPA).vowel() {
			run, any = 0, true
			continue
		}
		run++
		if run == 2 && i == 1 || run == 3 {
			return true
		}
	}
	return len(phones) > 1 && !any
}

// vowelled writes the missing a's into an Arabic word. One with vowel marks stays as it is.
func vowelled(word []rune) []rune {
	if strings.IndexFunc(string(word), unicode.IsMark) >= 0 {
		return word
	}
	text := string(word)
	out := []rune{}
	for _, article := range []string{"وال", "بال", "فال", "كال", "ال", "لل"} {
		if rest, ok := strings.CutPrefix(text, article); ok && len([]rune(rest)) > 2 {
			out, text = append(out, []rune(article)...), rest
			break
		}
	}
	letters := []rune(text)
	for i, r := range letters {
		out = append(out, r)
		if i+1 == len(letters) || !unicode.Is(unicode.Arabic, r) || !unicode.IsLetter(r) || vowelLetter(letters, i) {
			continue
		}
		if next := letters[i+1]; unicode.IsLetter(next) && (next == 'ة' || !vowelLetter(letters, i+1)) {
			out = append(out, fatha)
		}
	}
	return out
}

// vowelLetter tells whether a letter stands for a vowel: alif and its kin always, waw and ya within a word unless an alif
// follows.
func vowelLetter(letters []rune, i int) bool {
	switch letters[i] {
	case 'ا', 'آ', 'ى', 'ة', 'إ':
		return true
	case 'و', 'ي':
		return i > 0 && (i+1 == len(letters) || letters[i+1] != 'ا')
	}
	return false
}

// easeArabic rewrites the words of a piece that were said without vowels.
func easeArabic(p piece, heard []heardPhone) piece {
	phones := map[int][]heardPhone{}
	for _, h := range heard {
		phones[h.word] = append(phones[h.word], h)
	}
	out := piece{voice: p.voice, joined: p.joined}
	for i := 0; i < len(p.text); {
		word := p.origin[i]
		j := i + 1
		for j < len(p.text) && p.origin[j] == word {
			j++
		}
		text := p.text[i:j]
		if word >= 0 && crowded(phones[word]) {
			text = vowelled(text)
		}
		for _, r := range text {
			out.text, out.origin = append(out.text, r), append(out.origin, word)
		}
		i = j
	}
	return out
}
