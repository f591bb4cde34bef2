package speech

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// rewriter writes out what the library reads badly in one language: money with the name before the number, dates digit
// by digit, ranges without their "to", abbreviations letter by letter. What was heard with espeak-ng 1.51
// decided what is here; what it reads well is left to it.
type rewriter struct {
	usage
	tag string // the whole BCP 47 tag
}

// spoken is what a rule made of the first tokens: what is said for each of them.
type spoken []string

// rewrite applies the rules for a language to the tokens. Words keep their places.
func rewrite(tokens []token, base, tag string) []token {
	r := rewriter{usageOf(base), tag}
	out := make([]token, 0, len(tokens))
	for i := 0; i < len(tokens); {
		rest := tokens[i:]
		if said := r.abbreviation(tokens, i); said != nil {
			for k, s := range said {
				out = append(out, token{say: s, word: rest[k].word})
			}
			i += len(said)
			continue
		}
		lead, core, trail := marks(rest[0].say)
		next := ""
		nextTrail := ""
		if len(rest) > 1 && trail == "" {
			var open string
			open, next, nextTrail = marks(rest[1].say)
			if open != "" {
				next = ""
			}
		}
		if d := number(core); r.dotted && trail == "." && d >= 1 && d <= 31 && len(rest) > 1 { // "am 6. Mai"
			if _, month, _ := marks(rest[1].say); slices.Contains(r.months, month) {
				out = append(out, token{say: lead + r.day(d, previous(tokens, i)), word: rest[0].word})
				i++
				continue
			}
		}
		first, second, took := r.number(core, next, previous(tokens, i))
		switch {
		case took:
			out = append(out, token{say: lead + first, word: rest[0].word}, token{say: strings.TrimSpace(second) + nextTrail, word: rest[1].word})
			i += 2
		case first != "":
			out = append(out, token{say: lead + first + trail, word: rest[0].word})
			i++
		default:
			out = append(out, token{say: lead + r.plain(core) + trail, word: rest[0].word, glue: rest[0].glue})
			i++
		}
	}
	return out
}

// previous is the word before the i-th, without marks.
func previous(tokens []token, i int) string {
	if i == 0 {
		return ""
	}
	_, core, _ := marks(tokens[i-1].say)
	return core
}

// marks takes the punctuation off a word.
func marks(s string) (lead, core, trail string) {
	sign := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) && !unicode.Is(unicode.Sc, r) && !strings.ContainsRune("%‰+=&@§°#№/'-−", r)
	}
	core = strings.TrimLeftFunc(s, sign)
	lead = s[:len(s)-len(core)]
	body := strings.TrimRightFunc(core, sign)
	return lead, body, core[len(body):]
}

// abbreviation finds one at the i-th token, over as many tokens as it has.
func (r *rewriter) abbreviation(tokens []token, i int) spoken {
	for n := min(r.longest, len(tokens)-i); n >= 1; n-- {
		parts := make([]string, n)
		for k := range n {
			parts[k] = tokens[i+k].say
		}
		lead, body := openMarks(strings.Join(parts, " "))
		core := strings.TrimRight(body, ",;:!?)")
		trail := body[len(core):]
		var next string
		if i+n < len(tokens) {
			next = tokens[i+n].say
		}
		full, ok := r.short[strings.ToLower(core)]
		if !ok {
			full, ok = r.short[core] // where the case matters
		}
		if !ok {
			continue
		}
		if rest, only := strings.CutPrefix(full, "#"); only { // before a number
			if full = rest; next == "" || !unicode.IsDigit(firstRune(next)) && !isRoman(next) {
				continue
			}
		} else if rest, only := strings.CutPrefix(full, "^"); only { // before a name
			if full = rest; next == "" || !unicode.IsUpper(firstRune(next)) {
				continue
			}
		} else if strings.HasSuffix(core, ".") && trail == "" && (next == "" || unicode.IsUpper(firstRune(next)) && n == 1 && !r.title[strings.ToLower(core)]) {
			trail = "." // its dot ends the sentence, too
		}
		words := strings.Fields(full)
		said := make(spoken, n)
		for k := range n {
			switch {
			case k == n-1 && len(words) > k:
				said[k] = strings.Join(words[k:], " ")
			case k < len(words):
				said[k] = words[k]
			}
		}
		said[0] = lead + said[0]
		said[n-1] += trail
		return said
	}
	return nil
}

func openMarks(s string) (lead, body string) {
	body = strings.TrimLeft(s, "([\"'¿¡")
	return s[:len(s)-len(body)], body
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// Forms of numbers and addresses.
var (
	formNumber       = regexp.MustCompile(`^[+−-]?\d+([.,' ]\d{3})*([.,]\d+)?$`)
	formISODate      = regexp.MustCompile(`^(\d{4})-(\d\d?)-(\d\d?)$`)
	formDate         = regexp.MustCompile(`^(\d\d?)([./])(\d\d?)[./](\d{4})$`)
	formClock        = regexp.MustCompile(`^(\d\d?)[:hH](\d\d)(:\d\d)?$`)
	formRange        = regexp.MustCompile(`^(\d[\d.,:]*)[–—−](\d.*)$`)
	formHyphen       = regexp.MustCompile(`^(\d{1,4})-(\d{1,4})([^\d-].*)?$`)
	formCoin         = regexp.MustCompile(`^(\p{Sc}|R\$|US\$)\s?(\d[\d.,]*)$`)
	formAfter        = regexp.MustCompile(`^(\d[\d.,]*)(\D+)$`)
	formFraction     = regexp.MustCompile(`^(\d{1,2})/(\d{1,2})$`)
	formYear         = regexp.MustCompile(`^1[1-9]\d\d$`)
	formDecade       = regexp.MustCompile(`^(1[1-9]|20)(\d)0'?s$`)
	formRomanOrdinal = regexp.MustCompile(`^(X{0,3}(?:IX|IV|V?I{0,3}))(e|er|re|ère|ème)$`)
	formRoman        = regexp.MustCompile(`^(X{0,3})(IX|IV|V?I{0,3})$`)
	formScaled       = regexp.MustCompile(`^(\p{Sc})(\d[\d.,]*)\s?([A-Za-z]{1,2})$`)
	formMail         = regexp.MustCompile(`^[\w.+-]+@[\w-]+(\.[\w-]+)+$`)
	formAddress      = regexp.MustCompile(`^(?:(?i:https?|ftp)://|www\.)[^\s]+$`)
)

// number says a number with what belongs to it. took tells that next, the word behind it, is said as second.
func (r *rewriter) number(core, next, before string) (first, second string, took bool) {
	if _, ok := r.coins[core]; ok && formNumber.MatchString(next) { // "R$ 5,20"
		whole, rest := r.money(next, core)
		return whole, rest, true
	}
	if core == "" || !strings.ContainsFunc(core, unicode.IsDigit) {
		if m := formRomanOrdinal.FindStringSubmatch(core); m != nil && m[1] != "" {
			return r.ordinalSign(strconv.Itoa(romanValue(m[1])), m[2]), "", false
		}
		if r.roman && isRoman(core) && utf8.RuneCountInString(core) > 1 {
			return r.romanNumber(core, before), "", false
		}
		return "", "", false
	}
	if m := formISODate.FindStringSubmatch(core); m != nil {
		return r.date(number(m[1]), number(m[2]), number(m[3]), before), "", false
	}
	if m := formDate.FindStringSubmatch(core); m != nil {
		day, month := number(m[1]), number(m[3])
		if r.tag == "en-US" && m[2] == "/" {
			day, month = month, day
		}
		return r.date(number(m[4]), month, day, before), "", false
	}
	if m := formClock.FindStringSubmatch(core); m != nil && number(m[1]) < 25 && number(m[2]) < 60 {
		said := r.clock(number(m[1]), number(m[2]), next)
		if r.hourWord != "" && strings.EqualFold(next, r.hourWord) { // "10:30 Uhr" is "10 Uhr 30"
			return said, "", said != ""
		}
		return said, "", false
	}
	a, b, tail, ok := rangeOf(core)
	if ok {
		first, second, took = r.number(b+tail, next, before)
		if first == "" {
			first = b + tail
		}
		if r.to == "" {
			return a + " " + first, second, took
		}
		return a + " " + r.to + " " + first, second, took
	}
	if m := formCoin.FindStringSubmatch(core); m != nil {
		if scale, ok := r.scales[strings.ToLower(next)]; ok { // "$1.5 million"
			if c, ok := r.coins[m[1]]; ok {
				return m[2], scale + " " + c.many, true
			}
		}
		whole, rest := r.money(m[2], m[1])
		return strings.TrimSpace(whole + " " + rest), "", false
	}
	if m := formScaled.FindStringSubmatch(core); m != nil { // "$3M"
		if c, ok := r.coins[m[1]]; ok && r.scales[m[3]] != "" {
			return m[2] + " " + r.scales[m[3]] + " " + c.many, "", false
		}
	}
	if m := formFraction.FindStringSubmatch(core); m != nil {
		return fraction(m[1], m[2]), "", false
	}
	if m := formDecade.FindStringSubmatch(core); m != nil && r.decades != nil {
		return m[1] + " " + r.decades[number(m[2])], "", false
	}
	if m := formAfter.FindStringSubmatch(core); m != nil {
		if said := r.withUnit(m[1], strings.TrimSpace(m[2])); said != "" {
			return said, "", false
		}
		if said := r.ordinalSign(m[1], m[2]); said != "" {
			return said, "", false
		}
	}
	if formNumber.MatchString(core) && next != "" {
		if _, ok := r.coins[next]; ok {
			whole, rest := r.money(core, next)
			return whole, rest, true
		}
		if u, ok := r.units[next]; ok {
			return core, u.of(core), true
		}
	}
	if r.years && formYear.MatchString(core) {
		return year(core), "", false
	}
	if strings.Count(core, "-") > 0 && !strings.ContainsFunc(core, unicode.IsLetter) { // telephone numbers: no "dash"
		return strings.TrimSpace(strings.ReplaceAll(core, "-", " ")), "", false
	}
	return "", "", false
}

// rangeOf cuts "3–4 km" at its dash. A hyphen counts where the numbers ascend.
func rangeOf(core string) (a, b, tail string, ok bool) {
	if m := formRange.FindStringSubmatch(core); m != nil {
		return m[1], m[2], "", true
	}
	if m := formHyphen.FindStringSubmatch(core); m != nil && number(m[1]) < number(m[2]) && len(m[1]) <= len(m[2]) && m[1][0] != '0' && (len(m[1]) != 3 || len(m[2]) != 4) { // 555-1234 is a telephone's
		return m[1], m[2], m[3], true
	}
	return "", "", "", false
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// money says an amount: the whole, then the coin's name and the cents.
func (r *rewriter) money(amount, sign string) (whole, rest string) {
	c, ok := r.coins[sign]
	if !ok {
		return amount, sign
	}
	whole = amount
	cents := ""
	if at := strings.LastIndexAny(amount, ".,"); at > 0 && len(amount)-at == 3 {
		whole, cents = amount[:at], strings.TrimPrefix(amount[at+1:], "0")
		if cents == "0" {
			cents = ""
		}
	}
	name := c.many
	if whole == "1" {
		name = c.one
	}
	return whole, strings.TrimSpace(name + " " + cents)
}

// date says a day. A language without its months' names keeps the numbers, as words.
func (r *rewriter) date(y, m, d int, before string) string {
	if m < 1 || m > 12 || d < 1 || d > 31 {
		return ""
	}
	if r.months == nil {
		return strconv.Itoa(d) + " " + strconv.Itoa(m) + " " + strconv.Itoa(y)
	}
	day := strconv.Itoa(d)
	if r.day != nil {
		day = r.day(d, before)
	}
	return strings.NewReplacer("%d", day, "%m", r.months[m-1], "%y", r.sayYear(y)).Replace(r.dateForm)
}

func (r *rewriter) sayYear(y int) string {
	if s := strconv.Itoa(y); r.years && formYear.MatchString(s) {
		return year(s)
	}
	return strconv.Itoa(y)
}

// clock says a time of day.
func (r *rewriter) clock(h, m int, next string) string {
	form := r.timeForm
	minutes := strconv.Itoa(m)
	switch {
	case form == "":
		return ""
	case m == 0 && (strings.HasPrefix(strings.ToLower(next), "am") || strings.HasPrefix(strings.ToLower(next), "pm") || strings.HasPrefix(next, "a.m") || strings.HasPrefix(next, "p.m")):
		return strconv.Itoa(h)
	case m == 0:
		form = r.hourForm
	case m < 10 && r.zeroMinute != "":
		minutes = r.zeroMinute + " " + minutes
	}
	return strings.NewReplacer("%h", strconv.Itoa(h), "%m", minutes).Replace(form)
}

// fraction writes the usual ones as the characters that the library knows.
func fraction(a, b string) string {
	switch a + "/" + b {
	case "1/2":
		return "½"
	case "1/4":
		return "¼"
	case "3/4":
		return "¾"
	}
	return a + " " + b // 24/7, 50/50
}

// withUnit says a number with the unit written at it.
func (r *rewriter) withUnit(amount, sign string) string {
	if _, ok := r.coins[sign]; ok {
		whole, rest := r.money(amount, sign)
		return whole + " " + rest
	}
	if u, ok := r.units[sign]; ok {
		return amount + " " + u.of(amount)
	}
	return ""
}

// ordinalSign says "2e", "1.º".
func (r *rewriter) ordinalSign(amount, sign string) string {
	amount = strings.TrimSuffix(amount, ".")
	if names, ok := r.ordinals[strings.ToLower(strings.TrimPrefix(sign, "."))]; ok {
		if n := number(amount); n >= 1 && n <= len(names) {
			return names[n-1]
		}
	}
	return ""
}

// year says one before 2000 as English speakers do.
func year(s string) string {
	a, b := s[:2], s[2:]
	switch {
	case b == "00":
		return a + " hundred"
	case b[0] == '0':
		return a + " oh " + b[1:]
	}
	return a + " " + b
}

func isRoman(s string) bool { return s != "" && formRoman.MatchString(s) }

// romanNumber says a Roman number: of a ruler as an ordinal, else as a number.
func (r *rewriter) romanNumber(s, before string) string {
	n := romanValue(s)
	if slices.Contains(r.counted, strings.ToLower(before)) || before == "" || !unicode.IsUpper(firstRune(before)) {
		return strconv.Itoa(n)
	}
	return "the " + englishOrdinal(n)
}

// romanValue is the value of a Roman number of I, V and X.
func romanValue(s string) int {
	values := map[byte]int{'I': 1, 'V': 5, 'X': 10}
	n := 0
	for i := range len(s) {
		v := values[s[i]]
		if i+1 < len(s) && v < values[s[i+1]] {
			v = -v
		}
		n += v
	}
	return n
}

func englishOrdinal(n int) string {
	end := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			end = "st"
		case 2:
			end = "nd"
		case 3:
			end = "rd"
		}
	}
	return strconv.Itoa(n) + end
}

// plain says a word that is no number: addresses by their parts, signs by their names.
func (r *rewriter) plain(core string) string {
	switch {
	case formMail.MatchString(core):
		name, host, _ := strings.Cut(core, "@")
		return strings.TrimSpace(r.dots(name) + " " + r.at + " " + r.dots(host))
	case formAddress.MatchString(core):
		if _, rest, ok := strings.Cut(core, "://"); ok {
			core = rest
		}
		host := strings.TrimPrefix(strings.ToLower(core), "www.")
		if at := strings.IndexAny(host, "/?#"); at >= 0 { // nobody says more of it
			host = host[:at]
		}
		return r.dots(host)
	case strings.HasPrefix(core, "#") && len(core) > 1:
		if unicode.IsDigit(rune(core[1])) && r.numberSign != "" {
			return r.numberSign + " " + core[1:]
		}
		return core[1:]
	case strings.HasPrefix(core, "@") && len(core) > 1:
		return core[1:]
	case strings.Contains(core, "/") && utf8.RuneCountInString(core) > 1:
		return strings.Join(strings.FieldsFunc(core, func(r rune) bool { return r == '/' }), " ")
	}
	return core
}

// dots says the dots in an address.
func (r *rewriter) dots(s string) string {
	return strings.NewReplacer(".", " "+r.dot+" ", "-", " ", "_", " ").Replace(s)
}
