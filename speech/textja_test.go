package speech

import (
	"slices"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/fault"
)

func TestJapaneseIsReadInKana(t *testing.T) {
	for _, c := range []struct{ text, said, words string }{
		{"私は毎日日本語を話します。", "ワタシワ マイニチ ニホンゴヲ ハナシマス。", "私は 毎日 日本語を 話します。"},
		{"今日は3時30分に、東京へ行きました。", "キョーワ サンジ サンジュップンニ、 トーキョーエ イキマシタ。", "今日は 3時 30分に、 東京へ 行きました。"},
		{"「銀行」でiPhone 15を買った！", "ギンコーデ [gmw/en-US] iPhone [jpx/ja] ジュウゴヲ カッタ!", "「銀行」で iPhone 15を 買った！"},
		{"20歳、1,234円、3.5％、2024年5月6日10:30", "ハタチ、 センニヒャクサンジュウヨエン、 サンテンゴパーセント、 ニセンニジュウヨネン ゴガツ ムイカ ジュウジサンジュップン", "20歳、 1,234円、 3.5％、 2024年 5月 6日 10:30"},
		{"コーヒーを４杯😀ね", "コーヒーヲ ヨンハイネ", "コーヒーを ４杯😀ね"},
		{"三分で二十三人と一緒に五百円、二〇二四年、十万円。", "サンプンデ ニジュウサンニント イッショニ ゴヒャクエン、 ニセンニジュウヨネン、 ジュウマンエン。", "三分で 二十三人と 一緒に 五百円、 二〇二四年、 十万円。"},
		{"ﾊﾅを１２：３０に、食べた（はい）。", "ハナヲ ジュウニジサンジュップンニ、 タベタ ハイ。", "ﾊﾅを １２：３０に、 食べた （はい）。"},
		{"様々な 人々", "サマザマナ ヒトビト", "様々な 人々"},
	} {
		got, p, err := spokenText(t, c.text, "ja")
		if err != nil || got != c.said {
			t.Errorf("%s:\n got %q (%v)\nwant %q", c.text, got, err, c.said)
		}
		if words := strings.Fields(c.words); !slices.Equal(p.words, words) {
			t.Errorf("%s: words %q, want %q", c.text, p.words, words)
		}
	}
	_, _, err := spokenText(t, "鱻を食べる", "ja")
	if f := fault.From(err); f == nil || f.Code != fault.Unsupported || f.Param != "text" || !strings.Contains(f.Public(), "鱻") {
		t.Errorf("%v", err)
	}
}

func TestJapaneseNumbers(t *testing.T) {
	for number, want := range map[string]string{
		"0": "ゼロ", "10": "ジュウ", "21": "ニジュウイチ", "100": "ヒャク", "365": "サンビャクロクジュウゴ", "8600": "ハッセンロッピャク",
		"10000": "イチマン", "10000000": "イッセンマン", "123456789": "イチオクニセンサンビャクヨンジュウゴマンロクセンナナヒャクハチジュウキュウ", "090": "ゼロキュウゼロ", "3.14": "サンテンイチヨン", "99999999999999999999": strings.Repeat("キュウ", 20),
	} {
		if got, _ := countKana(number, ""); got != want {
			t.Errorf("%s: %s, want %s", number, got, want)
		}
	}
	for counted, want := range map[string]string{
		"1分": "イップン", "3分": "サンプン", "20分": "ニジュップン", "26分": "ニジュウロップン", "5分": "ゴフン", "4月": "シガツ", "12月": "ジュウニガツ", "1日": "ツイタチ", "11日": "ジュウイチニチ", "7時": "シチジ", "4時間": "ヨジカン", "17時": "ジュウシチジ",
		"2人": "フタリ", "4人": "ヨニン", "14人": "ジュウヨニン", "10歳": "ジュッサイ", "8本": "ハッポン", "3つ": "ミッツ", "20%": "ニジュウパーセント",
	} {
		at := strings.IndexFunc(counted, func(r rune) bool { return r > '9' || r == '%' })
		if got, took := countKana(counted[:at], counted[at:]); got != want || !took {
			t.Errorf("%s: %s (%v), want %s", counted, got, took, want)
		}
	}
}
