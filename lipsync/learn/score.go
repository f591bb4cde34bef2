package main

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"

	"github.com/twinsync/twinsync/lipsync"
)

// strange are the throats in which the tables are tried beside the speaker's own: other ones than they were learned with.
var strange = [...]float64{1, .85, 1.2}

// score prints how well tables tell what a person's mouth does whom they were not learned from: the correlation of the
// opening with what was filmed, from the words, from the sound, and from the same sound in two other throats; that of
// touching lips; and how far lips are from where they were filmed that are lent this person's own descriptors, in hundredths
// of the face's width.
func score(w io.Writer, c *clip, name string, t *lipsync.Tables) {
	fmt.Fprintf(w, "%-4s %-18s", name, strings.TrimSuffix(filepath.Base(c.file), filepath.Ext(c.file))[:min(18, len(filepath.Base(c.file))-4)])
	open := column(c.seen.Descriptors, 0)
	if c.said != nil {
		guess := t.Phone.Rows(c.said)
		fmt.Fprintf(w, "  words %.2f (width %.2f)", correlation(column(guess, 0), open), correlation(column(guess, 1), column(c.seen.Descriptors, 1)))
	}
	for i, f := range strange {
		guess, _ := t.Heard(c.heard[f], c.FPS)
		if i == 0 {
			fmt.Fprintf(w, "  sound")
		}
		fmt.Fprintf(w, " %.2f", correlation(column(guess, 0), open))
		if c.said != nil && i == len(strange)-1 {
			_, touch := t.Heard(c.heard[1], c.FPS)
			fmt.Fprintf(w, "  touch %.2f", correlation(touch, column(c.said, closing)))
		}
	}
	var off float64
	for i, lips := range c.seen.Lips {
		lent := t.Geometry.Lend(c.seen.Closed, c.seen.Descriptors[i])
		for k := 0; k < len(lips); k += 2 {
			off += math.Hypot(lips[k]-lent[k], lips[k+1]-lent[k+1]) / float64(len(lips)/2*len(c.seen.Lips))
		}
	}
	fmt.Fprintf(w, "  lent %.2f\n", 100*off)
}

func column(rows [][]float64, k int) []float64 {
	out := make([]float64, len(rows))
	for i, r := range rows {
		out[i] = r[k]
	}
	return out
}

func correlation(a, b []float64) float64 {
	var ma, mb, aa, bb, ab float64
	n := float64(len(a))
	for i := range a {
		ma += a[i] / n
		mb += b[i] / n
	}
	for i := range a {
		x, y := a[i]-ma, b[i]-mb
		aa, bb, ab = aa+x*x, bb+y*y, ab+x*y
	}
	return ab / math.Sqrt(max(aa*bb, 1e-18))
}
