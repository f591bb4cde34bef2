package lipsync

import "testing"

// TestDrawPaintsWhatWasNeverFilmed opens a mouth that was only ever filmed closed.
func TestDrawPaintsWhatWasNeverFilmed(t *testing.T) {
	m := puppet()
	r := renderer(t, m)
	for _, c := range []struct {
		open  float32
		paint bool
	}{{0, false}, {.1, true}} {
		f := skinFrame(3, 0, 0)
		h := headAt(m, 120, 120, 150, 0)
		mouth := filmed(skinFrame(4, 0, 0), headAt(m, 120, 120, 150, 0, 0, 0), 0, 0)
		if _, err := r.Draw(f, h, mouth, &Frame{Amount: 1, Exact: 1, Shape: []float32{c.open, 0}}); err != nil {
			t.Fatal(err)
		}
		// Between upper lip and lowered lower lip, under where teeth would hang.
		p := h.Mesh[13]
		luma := f.Planes[0].At(int(p.X), int(p.Y+.75*c.open*150))
		if dark := luma < 80; dark != c.paint {
			t.Errorf("opened by %v: luma %d in the middle of the mouth", c.open, luma)
		}
	}
}
