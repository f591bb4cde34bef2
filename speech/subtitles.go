package speech

import (
	"bytes"
	"html"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/twinsync/twinsync/fault"
)

// Limits of transcripts: far above a film's, far below what could hurt.
const (
	mostTranscript = 8 << 20 // bytes
	mostCues       = 50_000
	mostCueText    = 20_000 // bytes
	mostCueHours   = 99
	mostTag        = 300 // bytes
)

// ReadTranscript reads subtitles (SubRip, WebVTT) or plain text; name, of which only the end matters, says
// which it should be, the content decides. Cues come sorted by their times; a plain text gives one cue for each
// paragraph, without times. Tags are taken off, voices of WebVTT become speakers.
//
// It takes what programs write: a byte order mark, UTF-16, any line ends, missing numbers, missing
// hours, points for commas, cues out of order, empty lines inside a text. Errors are those of r, or
// of kind Input, naming the line.
func ReadTranscript(r io.Reader, name string) (*Transcript, error) {
	raw, err := io.ReadAll(io.LimitReader(r, mostTranscript+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > mostTranscript {
		return nil, fault.New(fault.TooLarge, "", "the transcript is larger than %d MiB", mostTranscript>>20)
	}
	text, err := decodeText(raw)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(text, "\n")
	t := &Transcript{}
	ext := strings.ToLower(filepath.Ext(name))
	subtitles := ext == ".srt" || ext == ".vtt"
	switch {
	case isVTT(lines[0]):
		t.Language = headerLanguage(lines)
		err = t.readVTT(lines)
		subtitles = true
		if slices.ContainsFunc(lines, rolls) {
			t.unroll()
		}
	case subtitles || slices.ContainsFunc(lines, isTimes):
		err = t.readSRT(lines)
		subtitles = true
	default:
		err = t.readPlain(lines)
	}
	if err != nil {
		return nil, err
	}
	if len(t.Cues) == 0 {
		if subtitles {
			return nil, fault.New(fault.Empty, "", "there is no cue in the subtitles").
				WithHint("a cue has a line such as 00:00:01,000 --> 00:00:02,500 above its text")
		}
		return nil, fault.New(fault.Empty, "", "the transcript is empty")
	}
	slices.SortStableFunc(t.Cues, func(a, b Cue) int {
		switch {
		case a.Start < b.Start:
			return -1
		case a.Start > b.Start:
			return 1
		}
		return 0
	})
	return t, nil
}

// decodeText gives UTF-8 with single line feeds.
func decodeText(raw []byte) (string, error) {
	switch {
	case bytes.HasPrefix(raw, []byte{0xEF, 0xBB, 0xBF}):
		raw = raw[3:]
	case bytes.HasPrefix(raw, []byte{0xFF, 0xFE}), bytes.HasPrefix(raw, []byte{0xFE, 0xFF}):
		little := raw[0] == 0xFF
		units := make([]uint16, 0, len(raw)/2)
		for i := 2; i+1 < len(raw); i += 2 {
			a, b := uint16(raw[i]), uint16(raw[i+1])
			if little {
				a, b = b, a
			}
			units = append(units, a<<8|b)
		}
		raw = []byte(string(utf16.Decode(units)))
	}
	if line, ok := firstInvalid(raw); !ok {
		return "", fault.New(fault.InvalidField, "", "line %d of the transcript is no UTF-8 text", line).
			WithHint("save the file as UTF-8")
	}
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(raw))
	return text, nil
}

// firstInvalid is the line of the first byte that no text has: broken UTF-8, or a control character of files
// that are not text.
func firstInvalid(raw []byte) (int, bool) {
	line := 1
	for len(raw) > 0 {
		r, n := utf8.DecodeRune(raw)
		if r == utf8.RuneError && n == 1 || r == 0 {
			return line, false
		}
		if r == '\n' {
			line++
		}
		raw = raw[n:]
	}
	return 0, true
}

func isVTT(line string) bool {
	rest, ok := strings.CutPrefix(line, "WEBVTT")
	return ok && (rest == "" || rest[0] == ' ' || rest[0] == '\t')
}

// isTimes tells a line with a cue's times, right or wrong ones.
func isTimes(line string) bool {
	before, _, ok := strings.Cut(line, "-->")
	if !ok {
		return false
	}
	before = strings.TrimSpace(before)
	return before != "" && strings.Contains(before, ":") && before[len(before)-1] >= '0' && before[len(before)-1] <= '9' &&
		strings.Trim(before, "-0123456789:,. ") == ""
}

// headerLanguage is what the head of a WebVTT file says.
func headerLanguage(lines []string) string {
	for _, l := range lines[1:] {
		if l == "" {
			break
		}
		if v, ok := strings.CutPrefix(l, "Language:"); ok && len(v) < 40 {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// readSRT takes everything between two lines of times as the first one's text, but for the number above
// the second one.
func (t *Transcript) readSRT(lines []string) error {
	var times []int
	for i, l := range lines {
		if isTimes(l) {
			times = append(times, i)
		}
	}
	for k, at := range times {
		end := len(lines)
		if k+1 < len(times) {
			end = times[k+1]
			if end-1 > at && isNumber(lines[end-1]) {
				end--
			}
		}
		if err := t.addCue(at+1, lines[at], lines[at+1:end]); err != nil {
			return err
		}
	}
	return nil
}

func isNumber(line string) bool {
	line = strings.TrimSpace(line)
	return line != "" && strings.Trim(line, "0123456789") == ""
}

// readVTT goes from block to block: what has no times (NOTE, STYLE, REGION) is not said.
func (t *Transcript) readVTT(lines []string) error {
	for i := 1; i < len(lines); i++ {
		if !isTimes(lines[i]) {
			if head := strings.Fields(lines[i]); len(head) > 0 && (head[0] == "NOTE" || head[0] == "STYLE" || head[0] == "REGION") {
				for i < len(lines) && lines[i] != "" {
					i++
				}
			}
			continue
		}
		end := i + 1
		for end < len(lines) && lines[end] != "" && !isTimes(lines[end]) {
			end++
		}
		if err := t.addCue(i+1, lines[i], lines[i+1:end]); err != nil {
			return err
		}
		i = end - 1
	}
	return nil
}

// rolls tells a line with times inside its text: of captions that roll up, each line said once and shown twice.
func rolls(line string) bool {
	_, after, ok := strings.Cut(line, "<")
	tag, _, closed := strings.Cut(after, ">")
	if !ok || !closed || tag == "" || tag[0] < '0' || tag[0] > '9' {
		return false
	}
	_, ok = clock(tag)
	return ok
}

// unroll takes the lines away that only stay in view from the cue before.
func (t *Transcript) unroll() {
	shown := ""
	kept := t.Cues[:0]
	for _, c := range t.Cues {
		if rest, ok := strings.CutPrefix(c.Text+"\n", shown+"\n"); ok && shown != "" {
			c.Text = strings.TrimSuffix(rest, "\n")
		}
		if c.Text == "" {
			continue
		}
		shown = c.Text[strings.LastIndexByte(c.Text, '\n')+1:]
		kept = append(kept, c)
	}
	t.Cues = kept
}

// readPlain makes a cue of each paragraph.
func (t *Transcript) readPlain(lines []string) error {
	for i := 0; i < len(lines); {
		end := i
		for end < len(lines) && strings.TrimSpace(lines[end]) != "" {
			end++
		}
		if end > i {
			text := make([]string, 0, end-i)
			for _, l := range lines[i:end] {
				text = append(text, strings.TrimSpace(l))
			}
			if err := t.add(i+1, Cue{Text: strings.Join(text, "\n")}); err != nil {
				return err
			}
		}
		i = end + 1
	}
	return nil
}

// addCue reads a cue whose times stand in the given line of the file (from 1).
func (t *Transcript) addCue(line int, times string, text []string) error {
	from, to, _ := strings.Cut(times, "-->")
	var c Cue
	var ok bool
	if c.Start, ok = clock(from); !ok {
		return badTime(line, from)
	}
	to = strings.TrimSpace(to)
	if k := strings.IndexAny(to, " \t"); k >= 0 { // settings may follow
		to = to[:k]
	}
	if c.End, ok = clock(to); !ok {
		return badTime(line, to)
	}
	if c.End < c.Start {
		return fault.New(fault.InvalidField, "", "line %d of the subtitles: the cue ends before it starts", line)
	}
	joined := strings.Join(text, "\n")
	if len(joined) > mostCueText {
		return tooMuchText(line)
	}
	c.Text, c.Speaker = plainCue(joined)
	if c.Text == "" {
		return nil
	}
	return t.add(line, c)
}

func (t *Transcript) add(line int, c Cue) error {
	if len(t.Cues) >= mostCues {
		return fault.New(fault.TooLarge, "", "the transcript has more than %d cues", mostCues)
	}
	if len(c.Text) > mostCueText && c.End > 0 {
		return tooMuchText(line)
	}
	t.Cues = append(t.Cues, c)
	return nil
}

func tooMuchText(line int) error {
	return fault.New(fault.TooLarge, "", "line %d of the subtitles: the cue has more than %d bytes of text", line, mostCueText)
}

func badTime(line int, s string) error {
	s = strings.TrimSpace(s)
	if len(s) > 40 {
		s = s[:40]
	}
	return fault.New(fault.InvalidField, "", "line %d of the subtitles: %q is no time", line, strings.ToValidUTF8(s, "")).
		WithHint("a time is written 00:00:01,000")
}

// clock reads [hours:]minutes:seconds with a fraction after a comma or a point, as seconds.
func clock(s string) (float64, bool) {
	s = strings.ReplaceAll(strings.TrimSpace(s), ",", ".")
	parts := strings.Split(s, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return 0, false
	}
	var seconds float64
	for i, p := range parts {
		if p = strings.TrimSpace(p); p == "" || strings.Trim(p, "0123456789.") != "" || len(p) > 12 {
			return 0, false
		}
		if i < len(parts)-1 && strings.Contains(p, ".") {
			return 0, false
		}
		v, err := strconv.ParseFloat(p, 64)
		if err != nil || i > len(parts)-3 && i > 0 && v >= 60 {
			return 0, false
		}
		seconds = seconds*60 + v
	}
	return seconds, seconds <= mostCueHours*3600
}

// plainCue takes the tags off a cue's text and finds who says it.
func plainCue(s string) (text, speaker string) {
	var b strings.Builder
	for s != "" {
		switch s[0] {
		case '<':
			if end := strings.IndexByte(s[:min(len(s), mostTag)], '>'); end > 0 && isTag(s[1:end]) {
				if who, ok := strings.CutPrefix(s[1:end], "v"); ok && speaker == "" {
					if k := strings.IndexAny(who, " \t"); k >= 0 {
						speaker = strings.TrimSpace(html.UnescapeString(who[k:]))
					}
				}
				s = s[end+1:]
				continue
			}
		case '{':
			if end := strings.IndexByte(s[:min(len(s), mostTag)], '}'); end > 1 && s[1] == '\\' { // {\an8}, as SubStation writes
				s = s[end+1:]
				continue
			}
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	lines := strings.Split(html.UnescapeString(b.String()), "\n")
	kept := lines[:0]
	for _, l := range lines {
		if l = strings.TrimFunc(l, func(r rune) bool {
			return unicode.IsSpace(r) || r == '\u200e' || r == '\u200f' || r == '\ufeff'
		}); l != "" {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, "\n"), speaker
}

// isTag tells <i>, </font>, <c.yellow>, <v Name>, <00:00:01.000> from "a < b".
func isTag(s string) bool {
	s = strings.TrimPrefix(s, "/")
	if s == "" {
		return true
	}
	if s[0] >= '0' && s[0] <= '9' {
		_, ok := clock(s)
		return ok
	}
	name := s
	if k := strings.IndexAny(name, " \t.="); k >= 0 {
		name = name[:k]
	}
	switch strings.ToLower(name) {
	case "i", "b", "u", "s", "c", "v", "lang", "ruby", "rt", "font", "span", "br", "br/":
		return true
	}
	return false
}
