package bench

import (
	"context"
	"fmt"
	"strings"
)

// spokenText lasts longer than the load, so that its end cuts the voice off and every frame has something to say.
var spokenText = strings.Repeat("People may bring a big map before Monday, while we move the warm furniture, above all the five brown beds. ", 4)

// talkReport is the part of `twinsync talk --json` that counts here.
type talkReport struct {
	Peak   int64 `json:"peak_memory"`
	Report struct {
		Frames int `json:"frames"`
		Drawn  int `json:"drawn"`
	} `json:"report"`
}

// talk measures a text spoken over the reference load, in turn with plain FFmpeg.
func (b *bench) talk(ctx context.Context, r *Result) error {
	in, err := b.load(ctx, loadSeconds)
	if err != nil {
		return err
	}
	ours := func(fresh bool) (float64, talkReport, error) {
		var rep talkReport
		took, err := b.command(ctx, fresh, &rep, "talk", "--video", in, "--text", spokenText, "--fit", "cut_off")
		if t := rep.Report; err == nil && (t.Drawn < t.Frames*8/10 || t.Frames < loadSeconds*25) {
			err = fmt.Errorf("only %d of %d frames got a mouth: this clip measures nothing", t.Drawn, t.Frames)
		}
		return took, rep, err
	}
	var ratios, again, seconds []float64
	for range b.Runs {
		p, err := b.plain(ctx, in)
		if err != nil {
			return err
		}
		o, rep, err := ours(true)
		if err != nil {
			return err
		}
		k, _, err := ours(false)
		if err != nil {
			return err
		}
		ratios, again, seconds = append(ratios, o/p), append(again, k/p), append(seconds, o)
		r.TalkPeakMB = max(r.TalkPeakMB, float64(rep.Peak)/1e6)
	}
	r.TalkRatio, r.TalkAgainRatio, r.TalkSeconds = median(ratios), median(again), median(seconds)
	return nil
}
