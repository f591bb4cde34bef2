package speech

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/twinsync/twinsync/fault"
)

// Text is all that is said, a line for each cue.
func (t *Transcript) Text() string {
	var lines []string
	for i := range t.Cues {
		if s := t.Cues[i].Said(); s != "" {
			lines = append(lines, s)
		}
	}
	return strings.Join(lines, "\n")
}

// Said is a cue's text as it is spoken: without [sounds], notes of music and the dashes of changing speakers.
// A cue of nothing else says nothing. In a cue without times everything is said but [remarks].
func (c *Cue) Said() string {
	var b strings.Builder
	depth := 0
	for _, r := range c.Text {
		switch {
		case r == '[' || r == '［':
			depth++
		case r == ']' || r == '］':
			depth = max(0, depth-1)
		case depth == 0 && r != '♪' && r != '♫' && r != '♬':
			b.WriteRune(r)
		}
	}
	lines := strings.Split(b.String(), "\n")
	kept := lines[:0]
	for _, l := range lines {
		l = strings.TrimSpace(l)
		if c.End > 0 {
			l = strings.TrimSpace(strings.TrimLeft(l, "-–—>"))
			if strings.HasPrefix(l, "(") && strings.IndexByte(l, ')') == len(l)-1 {
				l = "" // (laughs)
			}
		}
		if strings.ContainsFunc(l, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }) {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, "\n")
}

// WriteSRT writes the cues as SubRip subtitles. It fails where a cue has no times.
func (t *Transcript) WriteSRT(w io.Writer) error {
	return t.write(w, "", func(i int, c *Cue) string {
		text := strings.ReplaceAll(cueLines(c.Text), "-->", "→")
		return fmt.Sprintf("%d\n%s --> %s\n%s\n\n", i+1, stamp(c.Start, ','), stamp(c.End, ','), text)
	})
}

// WriteVTT writes the cues as WebVTT, with their speakers. It fails where a cue has no times.
func (t *Transcript) WriteVTT(w io.Writer) error {
	head := "WEBVTT\n"
	if t.Language != "" && !strings.ContainsAny(t.Language, "\r\n") {
		head += "Language: " + t.Language + "\n"
	}
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	return t.write(w, head+"\n", func(_ int, c *Cue) string {
		text := escape.Replace(cueLines(c.Text))
		if who := strings.Join(strings.Fields(c.Speaker), " "); who != "" {
			text = "<v " + escape.Replace(who) + ">" + text
		}
		return fmt.Sprintf("%s --> %s\n%s\n\n", stamp(c.Start, '.'), stamp(c.End, '.'), text)
	})
}

func (t *Transcript) write(w io.Writer, head string, cue func(i int, c *Cue) string) error {
	var b bytes.Buffer
	b.WriteString(head)
	for i := range t.Cues {
		c := &t.Cues[i]
		if c.End <= 0 || c.End < c.Start || c.Start < 0 {
			return fault.New(fault.InvalidField, "", "cue %d has no times that subtitles could show", i+1)
		}
		b.WriteString(cue(i, c))
	}
	_, err := w.Write(b.Bytes())
	return err
}

// cueLines is a cue's text without empty lines, which would end it.
func cueLines(text string) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	kept := lines[:0]
	for _, l := range lines {
		if l = strings.TrimSpace(l); l != "" {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, "\n")
}

// stamp writes seconds as 00:00:00,000.
func stamp(seconds float64, point byte) string {
	ms := int64(seconds*1000 + 0.5)
	return fmt.Sprintf("%02d:%02d:%02d%c%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, point, ms%1000)
}
