package media

import (
	"bufio"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/twinsync/twinsync/fault"
)

// packet is one entry of the demuxer's pass over the video stream.
type packet struct {
	pts, duration int64
	timed         bool // has a presentation time
	key, hidden   bool // hidden: decoded but not shown, by an edit list
}

// maxGap is the longest pause between two frames that is believed, in seconds; more is a
// jump of the clock.
const maxGap = 3600

// readTimes fills in the times of the frames shown.
func readTimes(ctx context.Context, path string, info *Info, lim Limits) error {
	v := &info.Video
	packets, err := listPackets(ctx, path, v.Index, "packet=pts,duration,flags", lim)
	if err != nil {
		return err
	}
	shown := slices.DeleteFunc(packets, func(p packet) bool { return p.hidden })
	timed := 0
	for _, p := range shown {
		if p.timed {
			timed++
		}
	}
	if timed > 0 && timed < len(shown) || !distinct(shown) {
		// Some packets say no time, or share one: only the decoder knows.
		if packets, err = listPackets(ctx, path, v.Index, "frame=best_effort_timestamp,pkt_duration,key_frame", lim); err != nil {
			return err
		}
		shown = slices.DeleteFunc(packets, func(p packet) bool { return !p.timed })
		slices.SortStableFunc(shown, func(a, b packet) int { return compare(a.pts, b.pts) })
		shown = slices.CompactFunc(shown, func(a, b packet) bool { return a.pts == b.pts })
		timed = len(shown)
	}
	if len(shown) == 0 {
		return damaged(path, nil)
	}
	if timed == 0 {
		return v.countFrames(ctx, path, info, lim)
	}
	slices.SortStableFunc(shown, func(a, b packet) int { return compare(a.pts, b.pts) })
	for i, p := range shown {
		if i > 0 && float64(p.pts-shown[i-1].pts)*v.TimeBase.Float() > maxGap {
			return fault.New(fault.Unsupported, "", "the video's clock jumps").
				WithHint("Repair it first, for example with: ffmpeg -i IN -c copy OUT.mp4")
		}
		v.Times = append(v.Times, p.pts)
		if p.key || i == 0 {
			v.Keys = append(v.Keys, i)
		}
	}
	last := shown[len(shown)-1]
	switch n := len(v.Times); {
	case last.duration > 0:
		v.End = last.pts + last.duration
	case v.End > last.pts: // the stream's own word
	case n > 1:
		v.End = last.pts + v.Times[n-1] - v.Times[n-2]
	default:
		v.End = last.pts + 1
	}
	return nil
}

// countFrames gives a stream without any times those of its nominal rate, 25 a second
// where even that is not known.
func (v *Video) countFrames(ctx context.Context, path string, info *Info, lim Limits) error {
	frames, err := listPackets(ctx, path, v.Index, "frame=best_effort_timestamp,pkt_duration,key_frame", lim)
	if err != nil {
		return err
	}
	if len(frames) == 0 {
		return damaged(path, nil)
	}
	rate := v.AvgRate
	if rate.Float() <= 0 || rate.Float() > 1000 {
		rate = v.Rate
	}
	if rate.Float() <= 0 || rate.Float() > 1000 {
		rate = Rational{25, 1}
	}
	v.Untimed, v.TimeBase, v.Rate, v.AvgRate = true, Rational{rate.Den, rate.Num}, rate, rate
	v.Times = make([]int64, len(frames))
	for i := range frames {
		v.Times[i] = int64(i)
		if frames[i].key || i == 0 {
			v.Keys = append(v.Keys, i)
		}
	}
	v.End = int64(len(frames))
	info.Notes = append(info.Notes, "the file holds no times: "+rate.String()+" frames per second are taken from the stream")
	return nil
}

// distinct reports whether no two packets share a time.
func distinct(packets []packet) bool {
	seen := make(map[int64]bool, len(packets))
	for _, p := range packets {
		if p.timed && seen[p.pts] {
			return false
		}
		seen[p.pts] = p.timed
	}
	return true
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// listPackets lists a stream's packets or decoded frames, as entries asks.
func listPackets(ctx context.Context, path string, index int, entries string, lim Limits) ([]packet, error) {
	args := append([]string{"-v", "error", "-hide_banner", "-select_streams", strconv.Itoa(index),
		"-show_entries", entries, "-of", "compact=p=0"}, input(path)...)
	p, err := start(ctx, command{name: "ffprobe", args: args, stdout: true})
	if err != nil {
		return nil, err
	}
	defer p.stop()
	var list []packet
	sc := bufio.NewScanner(p)
	for sc.Scan() {
		if pk, ok := parsePacket(sc.Text()); ok {
			list = append(list, pk)
			if lim.MaxFrames > 0 && len(list) > 2*lim.MaxFrames+1000 {
				return nil, tooManyFrames(lim)
			}
		}
	}
	// A damaged file ends in an error but its packets so far are good.
	if err := p.wait(); err != nil && !fault.Is(err, fault.Internal) {
		return nil, err
	}
	if err := sc.Err(); err != nil && len(list) == 0 {
		return nil, fault.From(err)
	}
	shown := 0
	for _, pk := range list {
		if !pk.hidden {
			shown++
		}
	}
	if lim.MaxFrames > 0 && shown > lim.MaxFrames {
		return nil, tooManyFrames(lim)
	}
	return list, nil
}

func tooManyFrames(lim Limits) error {
	return fault.New(fault.TooLong, "", "the video has more than %d frames", lim.MaxFrames)
}

// parsePacket reads a line of ffprobe's compact form: "pts=0|duration=512|flags=K_".
// Lines of other sections have none of the fields.
func parsePacket(line string) (packet, bool) {
	var p packet
	ok := false
	for field := range strings.SplitSeq(line, "|") {
		k, val, _ := strings.Cut(field, "=")
		n, err := strconv.ParseInt(strings.TrimSpace(val), 10, 64)
		switch k {
		case "pts", "best_effort_timestamp":
			ok = true
			p.pts, p.timed = n, err == nil
		case "duration", "pkt_duration":
			p.duration = max(n, 0)
		case "key_frame":
			p.key = n == 1
		case "flags":
			p.key = strings.Contains(val, "K")
			p.hidden = strings.Contains(val, "D")
		}
	}
	return p, ok
}
