package media

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/twinsync/twinsync/fault"
)

// TestSplit: whatever the keyframes and times, ranges cover all frames once.
func TestSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(t, "frames")
		info := &Info{Video: Video{TimeBase: Rational{1, 1000}}}
		at := int64(0)
		for i := range n {
			info.Video.Times = append(info.Video.Times, at)
			at += rapid.Int64Range(1, 400).Draw(t, "gap")
			if i == 0 || rapid.IntRange(0, 20).Draw(t, "key") == 0 {
				info.Video.Keys = append(info.Video.Keys, i)
			}
		}
		info.Video.End = at
		length := time.Duration(rapid.IntRange(100, 9000).Draw(t, "length")) * time.Millisecond
		next := 0
		for _, r := range info.Split(0, n, length) {
			if r.First != next || r.End <= r.First {
				t.Fatalf("range %v after frame %d", r, next)
			}
			if d := info.Time(r.End) - info.Time(r.First); d > 2*length+400*time.Millisecond {
				t.Fatalf("range %v lasts %v of %v", r, d, length)
			}
			next = r.End
		}
		if next != n {
			t.Fatalf("ranges end at %d of %d", next, n)
		}
	})
}

// TestSplitAtKeyframes: a cut between keyframes is the last resort.
func TestSplitAtKeyframes(t *testing.T) {
	for name, c := range map[string]struct {
		frames int
		keys   []int
		want   []Range
	}{
		"short":                    {100, []int{0}, []Range{{0, 100}}},
		"no key near":              {300, []int{0}, []Range{{0, 180}, {180, 300}}},
		"a key near":               {400, []int{0, 200}, []Range{{0, 200}, {200, 400}}},
		"a splinter behind a key":  {300, []int{0, 250}, []Range{{0, 300}}},
		"nearer key of two":        {600, []int{0, 100, 190, 380}, []Range{{0, 190}, {190, 380}, {380, 600}}},
		"a key that is too far on": {500, []int{0, 280}, []Range{{0, 180}, {180, 280}, {280, 500}}},
	} {
		info := &Info{Video: Video{TimeBase: Rational{1, 30}, Keys: c.keys, End: int64(c.frames)}}
		for i := range c.frames {
			info.Video.Times = append(info.Video.Times, int64(i))
		}
		if diff := cmp.Diff(c.want, info.Split(0, c.frames, 6*time.Second)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestTrim(t *testing.T) {
	info := &Info{Video: Video{TimeBase: Rational{1, 25}, Times: []int64{0, 1, 2, 5, 6}, End: 7}}
	for _, c := range []struct {
		from, to   time.Duration
		first, end int
		bad        bool
	}{
		{0, 0, 0, 5, false},
		{40 * time.Millisecond, 0, 1, 5, false},
		{40*time.Millisecond + 400*time.Microsecond, 0, 1, 5, false}, // within the grace
		{50 * time.Millisecond, 0, 2, 5, false},
		{70 * time.Millisecond, 240 * time.Millisecond, 2, 4, false},
		{0, 1, 0, 0, true}, // not even the first frame
		{100 * time.Millisecond, 160 * time.Millisecond, 0, 0, true},
		{time.Second, 0, 0, 0, true},
		{200, 100, 0, 0, true},
		{-1, 0, 0, 0, true},
	} {
		first, end, err := info.Trim(c.from, c.to)
		if (err != nil) != c.bad || err == nil && (first != c.first || end != c.end) {
			t.Errorf("%v to %v: %d, %d, %v", c.from, c.to, first, end, err)
		}
		if err != nil && !fault.Is(err, fault.InvalidField) {
			t.Errorf("%v to %v: %v", c.from, c.to, err)
		}
	}
}

func TestRescale(t *testing.T) {
	for _, c := range []struct {
		n        int64
		from, to Rational
		want     int64
	}{
		{1, Rational{1, 25}, Rational{1, 12800}, 512},
		{1001, Rational{1, 30000}, Rational{1, 1000}, 33},
		{-3, Rational{1, 2}, Rational{1, 1}, -2},
		{3, Rational{1, 2}, Rational{1, 1}, 2},
		{1 << 40, Rational{1, 90000}, Rational{1, 1e9}, 12216795864177778},
	} {
		if got := rescale(c.n, c.from, c.to); got != c.want {
			t.Errorf("rescale(%d, %v, %v) = %d, want %d", c.n, c.from, c.to, got, c.want)
		}
	}
}

func FuzzParsePacket(f *testing.F) {
	f.Add("pts=0|duration=512|flags=KD")
	f.Add("best_effort_timestamp=N/A|key_frame=1")
	f.Fuzz(func(t *testing.T, line string) {
		if p, ok := parsePacket(line); ok && p.duration < 0 {
			t.Fatalf("duration %d", p.duration)
		}
	})
}
