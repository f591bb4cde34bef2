package bench

import (
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 2, 9}, 3}} {
		if got := median(c.in); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.in, got, c.want)
		}
	}
}

func TestSplitLinesKeepsTheLast(t *testing.T) {
	for in, want := range map[string]string{"a\nb\n": "b\n", "a\nb": "b", "": ""} {
		lines := splitLines([]byte(in))
		if got := string(lines[len(lines)-1]); got != want {
			t.Errorf("last line of %q = %q, want %q", in, got, want)
		}
	}
}

// A figure over its target must be impossible to miss, and one that was not measured not shown.
func TestPrintMarksWhatIsOver(t *testing.T) {
	var b strings.Builder
	Result{SwapRatio: targetSwap + .1, PeakMB: targetPeak - 1}.Print(&b)
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "OVER") || !strings.Contains(lines[1], "within") {
		t.Errorf("printed:\n%s", b.String())
	}
}
