package speech

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/ikawaha/kagome/v2/tokenizer"
	"golang.org/x/text/width"
)

// numberLength is how many pieces at the front are one number, in digits with their points, commas and colons or in
// kanji, and the number in digits.
func numberLength(cut []tokenizer.Token) (n int, number string) {
	digits := func(t tokenizer.Token) string {
		s := t.Surface
		if s == "" || strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) >= 0 {
			return ""
		}
		return s
	}
	if number = digits(cut[0]); number == "" {
		var kanji []rune
		for n < len(cut) && strings.IndexFunc(cut[n].Surface, func(r rune) bool { return !strings.ContainsRune(kanjiNumerals, r) }) < 0 {
			if pos := cut[n].POS(); len(pos) < 2 || pos[1] != "数" {
				break
			}
			kanji = append(kanji, []rune(cut[n].Surface)...)
			n++
		}
		return n, kanjiNumber(kanji)
	}
	for n = 1; n+1 < len(cut) && digits(cut[n+1]) != ""; n += 2 {
		sign := width.Fold.String(cut[n].Surface)
		if sign != "." && sign != "," && sign != ":" {
			break
		}
		number += sign + digits(cut[n+1])
	}
	return n, number
}

// kanjiNumerals are the digits 0…9, then ten, hundred, thousand and ten thousand.
const kanjiNumerals = "〇一二三四五六七八九十百千万"

// kanjiNumber writes 二十三 as 23; digits one after the other (二〇二四) stay digits.
func kanjiNumber(s []rune) string {
	if len(s) == 0 {
		return ""
	}
	places := map[rune]int{'十': 10, '百': 100, '千': 1000, '万': 10_000}
	plain := true
	total, group, digit := 0, 0, 0
	var b strings.Builder
	for _, r := range s {
		place, ok := places[r]
		if !ok {
			digit = strings.Count(kanjiNumerals[:strings.IndexRune(kanjiNumerals, r)], "") - 1
			b.WriteString(strconv.Itoa(digit))
			continue
		}
		plain = false
		if place == 10_000 {
			total, group = total+max(group+digit, 1)*place, 0
		} else {
			group += max(digit, 1) * place
		}
		digit = 0
	}
	if plain {
		return b.String()
	}
	return strconv.Itoa(total + group + digit)
}

// countKana says a number with the counter behind it. took tells that the counter is said, too.
func countKana(number, counter string) (said string, took bool) {
	if m := formClock.FindStringSubmatch(number); m != nil {
		said, _ = countKana(m[1], "時")
		if m[2] != "00" {
			minutes, _ := countKana(strings.TrimPrefix(m[2], "0"), "分")
			said += minutes
		}
		return said, false
	}
	number = strings.ReplaceAll(number, ",", "")
	whole, part, decimal := strings.Cut(number, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n >= 1e16 || len(whole) > 1 && whole[0] == '0' {
		return digitsKana(number), false // telephone numbers and the like
	}
	if decimal {
		said = kana(n) + "テン" + digitsKana(part)
		for _, c := range counters() {
			if c.sign == counter {
				return said + c.plain, true
			}
		}
		return said, false
	}
	if whole := wholeCount(n, counter); whole != "" {
		return whole, true
	}
	for _, c := range counters() {
		rest, ok := strings.CutPrefix(counter, c.sign)
		if !ok || rest != "" && (c.sign != "時" || rest != "間") {
			continue
		}
		if rest != "" {
			rest = "カン"
		}
		if form, ok := c.forms[int(n%10)]; ok && (n%10 != 0 || n%100 != 0) {
			stem := kana(n - n%10)
			if n%10 == 0 {
				stem = strings.TrimSuffix(kana(n), "ジュウ") // 10, 20, …: ジュップン
			}
			if n < 10 {
				stem = ""
			}
			return stem + form + rest, true
		}
		return kana(n) + c.plain + rest, true
	}
	return kana(n), false
}

// counting is a word that counts and how it changes with the last digit of the number; 0 stands for tens.
type counting struct {
	sign, plain string
	forms       map[int]string
}

func counters() []counting {
	double := func(soft, hard string) map[int]string {
		return map[int]string{1: "イッ" + hard, 6: "ロッ" + hard, 8: "ハッ" + hard, 0: "ジュッ" + hard, 3: "サン" + soft}
	}
	minutes := double("プン", "プン")
	minutes[4] = "ヨンプン"
	return []counting{
		{"分", "フン", minutes},
		{"月", "ガツ", map[int]string{4: "シガツ", 7: "シチガツ", 9: "クガツ"}},
		{"時", "ジ", map[int]string{4: "ヨジ", 7: "シチジ", 9: "クジ"}},
		{"日", "ニチ", nil},
		{"人", "ニン", map[int]string{4: "ヨニン"}},
		{"年", "ネン", map[int]string{4: "ヨネン"}},
		{"円", "エン", map[int]string{4: "ヨエン"}},
		{"歳", "サイ", double("サイ", "サイ")}, {"才", "サイ", double("サイ", "サイ")},
		{"回", "カイ", double("カイ", "カイ")},
		{"個", "コ", double("コ", "コ")},
		{"本", "ホン", double("ボン", "ポン")},
		{"杯", "ハイ", double("バイ", "パイ")},
		{"匹", "ヒキ", double("ビキ", "ピキ")},
		{"階", "カイ", double("ガイ", "カイ")},
		{"秒", "ビョウ", nil}, {"%", "パーセント", nil}, {"％", "パーセント", nil},
	}
}

// wholeCount are the numbers that have a word of their own with a counter; "" for the others.
func wholeCount(n int64, counter string) string {
	var own map[int64]string
	switch counter {
	case "日":
		own = map[int64]string{1: "ツイタチ", 2: "フツカ", 3: "ミッカ", 4: "ヨッカ", 5: "イツカ", 6: "ムイカ", 7: "ナノカ", 8: "ヨウカ", 9: "ココノカ", 10: "トオカ", 14: "ジュウヨッカ", 20: "ハツカ", 24: "ニジュウヨッカ"}
	case "人":
		own = map[int64]string{1: "ヒトリ", 2: "フタリ"}
	case "歳", "才":
		own = map[int64]string{20: "ハタチ"}
	case "つ":
		own = map[int64]string{1: "ヒトツ", 2: "フタツ", 3: "ミッツ", 4: "ヨッツ", 5: "イツツ", 6: "ムッツ", 7: "ナナツ", 8: "ヤッツ", 9: "ココノツ"}
	}
	return own[n]
}

// kana says a number below 10¹⁶.
func kana(n int64) string {
	if n == 0 {
		return "ゼロ"
	}
	var out string
	for i, name := range []string{"", "マン", "オク", "チョウ"} {
		group := n % 10_000
		if n /= 10_000; group == 0 {
			continue
		}
		said := groupKana(int(group))
		switch {
		case group == 1000 && i > 0:
			said = "イッセン"
		case i == 3 && group%10 == 1 && group%100 != 11:
			said = strings.TrimSuffix(said, "イチ") + "イッ"
		}
		out = said + name + out
	}
	return out
}

// groupKana says 1…9999.
func groupKana(n int) string {
	digits := []string{"", "イチ", "ニ", "サン", "ヨン", "ゴ", "ロク", "ナナ", "ハチ", "キュウ"}
	var out string
	switch d := n / 1000; d {
	case 0:
	case 1:
		out += "セン"
	case 3:
		out += "サンゼン"
	case 8:
		out += "ハッセン"
	default:
		out += digits[d] + "セン"
	}
	switch d := n / 100 % 10; d {
	case 0:
	case 1:
		out += "ヒャク"
	case 3:
		out += "サンビャク"
	case 6:
		out += "ロッピャク"
	case 8:
		out += "ハッピャク"
	default:
		out += digits[d] + "ヒャク"
	}
	switch d := n / 10 % 10; d {
	case 0:
	case 1:
		out += "ジュウ"
	default:
		out += digits[d] + "ジュウ"
	}
	return out + digits[n%10]
}

// digitsKana says digits one by one.
func digitsKana(s string) string {
	digits := []string{"ゼロ", "イチ", "ニ", "サン", "ヨン", "ゴ", "ロク", "ナナ", "ハチ", "キュウ"}
	var b strings.Builder
	for _, r := range s {
		switch {
		case unicode.IsDigit(r) && r <= '9':
			b.WriteString(digits[r-'0'])
		case r == '.':
			b.WriteString("テン")
		}
	}
	return b.String()
}
