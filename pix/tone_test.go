package pix

import "testing"

func TestToneGoesThereAndBack(t *testing.T) {
	for _, c := range []Colour{{Matrix: BT2020, Transfer: PQ, WideGamut: true}, {Matrix: BT2020, Transfer: HLG, WideGamut: true}, {Transfer: HLG}} {
		tone := NewTone(c)
		for _, want := range [][3]float32{{30, 60, 45}, {180, 140, 120}, {210, 160, 140}, {128, 128, 128}} {
			r, g, b := tone.Back(want[0], want[1], want[2])
			r, g, b = tone.SDR(r, g, b)
			for k, got := range [3]float32{r, g, b} {
				if d := got - want[k]; d > 1.5 || d < -1.5 {
					t.Errorf("%+v: %v came back as %.2f %.2f %.2f", c, want, r, g, b)
					break
				}
			}
		}
	}
	if NewTone(Colour{}) != nil {
		t.Error("SDR needs no mapping")
	}
}

// TestToneIsNeverSteep: a step of SDR is never a leap of HDR, up to white.
func TestToneIsNeverSteep(t *testing.T) {
	for _, c := range []Colour{{Matrix: BT2020, Transfer: PQ, WideGamut: true}, {Matrix: BT2020, Transfer: HLG, WideGamut: true}} {
		tone := NewTone(c)
		last := float32(-1)
		for v := float32(100); v <= 255; v++ {
			r, _, _ := tone.Back(v, v, v)
			if last >= 0 && (r <= last || r > last+2) {
				t.Errorf("%+v: SDR %v gives HDR %.2f after %.2f", c, v, r, last)
			}
			last = r
		}
	}
}
