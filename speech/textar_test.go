package speech

import "testing"

func TestVowelled(t *testing.T) {
	for word, want := range map[string]string{
		"شكرا": "شَكَرا", "مرحبا": "مَرَحَبا", "الجديدة": "الجَديدَة", "عليكم،": "عَليكَم،", "مَرحبا": "مَرحبا", "و": "و", "": "", "يمكنك": "يَمَكَنَك", "سيارة": "سَيارَة", "12": "12", "ال": "ال",
	} {
		if got := string(vowelled([]rune(word))); got != want {
			t.Errorf("%s: %s, want %s", word, got, want)
		}
	}
}

func TestCrowded(t *testing.T) {
	phones := func(names ...string) (out []heardPhone) {
		for _, n := range names {
			out = append(out, heardPhone{Phone: Phone{IPA: n}})
		}
		return out
	}
	for _, c := range []struct {
		phones []heardPhone
		want   bool
	}{
		{phones("ʃ", "k", "r", "a"), true},
		{phones("a", "l", "dʒ", "d", "i"), true},
		{phones("m", "n"), true},
		{phones("b", "a", "ʕ", "d"), false},
		{phones("ʃ", "a", "m", "s"), false},
		{phones("f", "i"), false},
		{phones("w"), false},
		{nil, false},
	} {
		if got := crowded(c.phones); got != c.want {
			t.Errorf("%v: %v", c.phones, got)
		}
	}
}
