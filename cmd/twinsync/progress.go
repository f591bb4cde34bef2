package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/twinsync/twinsync/internal/app"
)

// progress shows how far a run is: a bar that redraws itself on a terminal, a line
// per stage and every ten seconds elsewhere, or JSON lines.
type progress struct {
	t        terminal
	json     bool
	redraw   bool
	width    int
	stage    string
	lastLine time.Time
	drawn    bool
}

const linePause = 10 * time.Second

func newProgress(t terminal, asJSON bool) *progress {
	p := &progress{t: t, json: asJSON}
	if f, ok := t.err.(*os.File); ok && !asJSON && term.IsTerminal(int(f.Fd())) {
		p.redraw = true
		p.width = 80
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			p.width = w
		}
	}
	return p
}

// show draws one state. It is called from one goroutine.
func (p *progress) show(s app.Progress) {
	switch {
	case p.json:
		if s.Stage == p.stage && time.Since(p.lastLine) < time.Second {
			return
		}
		_ = printJSON(p.t.out, map[string]any{"progress": s})
	case p.redraw:
		fmt.Fprint(p.t.err, "\r\x1b[K", p.line(s))
		p.drawn = true
	default:
		if s.Stage == p.stage && time.Since(p.lastLine) < linePause {
			return
		}
		fmt.Fprintln(p.t.err, p.line(s))
	}
	p.stage, p.lastLine = s.Stage, time.Now()
}

// close leaves the terminal on a fresh line.
func (p *progress) close() {
	if p.drawn {
		fmt.Fprint(p.t.err, "\r\x1b[K")
	}
}

// line is stage, bar, frames, speed and time left, as wide as the terminal allows.
func (p *progress) line(s app.Progress) string {
	text := fmt.Sprintf("%3.0f %%", 100*s.Fraction)
	if s.FramesTotal > 0 {
		text += fmt.Sprintf("  %d/%d frames", s.Frames, s.FramesTotal)
	}
	if s.FPS > 0 {
		text += fmt.Sprintf("  %.1f fps", s.FPS)
	}
	if s.Left > 0 {
		text += fmt.Sprintf("  %s left", s.Left.Round(time.Second))
	}
	head := fmt.Sprintf("%-9s", s.Stage)
	if !p.redraw {
		return head + text
	}
	room := min(p.width-len(head)-len(text)-5, 30)
	if room < 5 {
		return head + text
	}
	full := int(s.Fraction * float64(room))
	return head + "[" + strings.Repeat("#", full) + strings.Repeat("·", room-full) + "]  " + text
}
