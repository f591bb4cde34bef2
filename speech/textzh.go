package speech

import (
	"regexp"
	"strings"
)

// mandarin writes out what espeak-ng's Mandarin misreads: years digit by digit, percentages, times of day.
func mandarin(tokens []token) []token {
	out := make([]token, 0, len(tokens))
	for i, t := range tokens {
		next := ""
		if i+1 < len(tokens) {
			next = tokens[i+1].say
		}
		_, core, trail := marks(t.say)
		switch {
		case formFullYear.MatchString(core) && strings.HasPrefix(next, "年"):
			t.say = hanDigits(core) + trail
		case strings.HasSuffix(core, "%"):
			t.say = "百分之" + strings.TrimSuffix(core, "%") + trail
		default:
			if m := formClock.FindStringSubmatch(core); m != nil {
				t.say = m[1] + "点"
				if m[2] != "00" {
					t.say += m[2] + "分"
				}
				t.say += trail
			}
		}
		t.glue = i > 0
		out = append(out, t)
	}
	return out
}

var formFullYear = regexp.MustCompile(`^\d{4}$`)

// hanDigits says digits one by one.
func hanDigits(s string) string {
	names := []rune("零一二三四五六七八九")
	return strings.Map(func(r rune) rune { return names[r-'0'] }, s)
}
