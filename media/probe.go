package media

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// maxSide is the longest side of a picture that any of the codecs here can hold.
const maxSide = 16384

// Probe reads what a video file holds, without decoding it: the streams, and from a
// pass over the packets the exact time of every frame that is shown.
//
// Its faults: NotFound, Empty, NotMedia (no video, sound or picture at all), Truncated
// (the index is missing), NoVideo (sound only, or cover art), TooLarge, TooLong,
// MissingProgram, Stalled, Timeout.
func Probe(ctx context.Context, path string, lim Limits) (*Info, error) {
	size, err := checkFile(path, lim)
	if err != nil {
		return nil, err
	}
	d, err := describe(ctx, path)
	if err != nil {
		return nil, err
	}
	info, err := d.info(size)
	if err != nil {
		return nil, err
	}
	v := &info.Video
	if v.Layout.W < 1 || v.Layout.H < 1 {
		return nil, damaged(path, nil)
	}
	if v.Layout.W > maxSide || v.Layout.H > maxSide || lim.MaxPixels > 0 && v.Layout.W*v.Layout.H > lim.MaxPixels {
		return nil, fault.New(fault.TooLarge, "", "the picture is too large: %d × %d", v.Layout.W, v.Layout.H)
	}
	if err := checkDuration(info.Duration, lim); err != nil {
		return nil, err
	}
	promised := v.End
	if err := readTimes(ctx, path, info, lim); err != nil {
		return nil, err
	}
	if missing := v.TimeBase.Duration(promised - v.End); !v.Untimed && missing > leastMissing && missing > info.Duration/20 {
		info.Notes = append(info.Notes, fmt.Sprintf("the file is cut short: the last %.1f s of its picture are missing", missing.Seconds()))
	}
	if v.Colour.Transfer != 0 {
		if err := readHDR(ctx, path, v); err != nil {
			return nil, err
		}
	}
	info.Duration = info.Time(info.Frames())
	if err := checkDuration(info.Duration, lim); err != nil {
		return nil, err
	}
	return info, nil
}

// leastMissing is how much less than its index says a file may hold without a word: containers
// round, and some count the sound.
const leastMissing = time.Second / 2

func checkDuration(d time.Duration, lim Limits) error {
	if lim.MaxDuration > 0 && d > lim.MaxDuration {
		return fault.New(fault.TooLong, "", "the video is too long: %s of at most %s",
			d.Round(time.Second), lim.MaxDuration)
	}
	return nil
}

// checkFile looks at the file itself.
func checkFile(path string, lim Limits) (int64, error) {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, fault.New(fault.NotFound, "", "no such file: %s", filepath.Base(path)).WithCause(err)
	case err != nil:
		return 0, fault.From(err)
	case !st.Mode().IsRegular():
		return 0, fault.New(fault.NotMedia, "", "not a file: %s", filepath.Base(path))
	case st.Size() == 0:
		return 0, fault.New(fault.Empty, "", "the file is empty")
	case lim.MaxBytes > 0 && st.Size() > lim.MaxBytes:
		return 0, fault.New(fault.TooLarge, "", "the file is too large: %d MB of at most %d MB", st.Size()>>20, lim.MaxBytes>>20)
	}
	return st.Size(), nil
}

// description is what ffprobe prints about a file.
type description struct {
	Format struct {
		Name     string            `json:"format_name"`
		Start    string            `json:"start_time"`
		Duration string            `json:"duration"`
		Tags     map[string]string `json:"tags"`
	} `json:"format"`
	Streams  []stream `json:"streams"`
	Chapters []struct {
		Start string            `json:"start_time"`
		End   string            `json:"end_time"`
		Tags  map[string]string `json:"tags"`
	} `json:"chapters"`
}

type stream struct {
	Index      int    `json:"index"`
	Type       string `json:"codec_type"`
	Codec      string `json:"codec_name"`
	Width      int    `json:"width"`
	Height     int    `json:"height"`
	SAR        string `json:"sample_aspect_ratio"`
	PixFmt     string `json:"pix_fmt"`
	FieldOrder string `json:"field_order"`
	Range      string `json:"color_range"`
	Matrix     string `json:"color_space"`
	Transfer   string `json:"color_transfer"`
	Primaries  string `json:"color_primaries"`
	Siting     string `json:"chroma_location"`
	TimeBase   string `json:"time_base"`
	Rate       string `json:"r_frame_rate"`
	AvgRate    string `json:"avg_frame_rate"`
	StartTicks int64  `json:"start_pts"`
	Ticks      int64  `json:"duration_ts"`
	Channels   int    `json:"channels"`
	SampleRate string `json:"sample_rate"`

	Disposition struct {
		Default     int `json:"default"`
		AttachedPic int `json:"attached_pic"`
	} `json:"disposition"`
	Tags     map[string]string `json:"tags"`
	SideData []struct {
		Type     string `json:"side_data_type"`
		Matrix   string `json:"displaymatrix"`
		Rotation any    `json:"rotation"`
	} `json:"side_data_list"`
}

// describe runs ffprobe over the headers.
func describe(ctx context.Context, path string) (*description, error) {
	args := append([]string{"-v", "error", "-hide_banner", "-show_format", "-show_streams", "-show_chapters",
		"-of", "json=compact=1"}, input(path)...)
	out, p, err := output(ctx, "ffprobe", args, 8<<20)
	if err != nil {
		if p == nil || !fault.Is(err, fault.Internal) {
			return nil, err
		}
		return nil, damaged(path, err)
	}
	var d description
	if err := json.Unmarshal(out, &d); err != nil {
		return nil, fault.New(fault.Internal, "", "ffprobe's answer cannot be read").WithCause(err)
	}
	return &d, nil
}

// damaged tells a file that lost its end from one that never was a video.
func damaged(path string, cause error) error {
	switch kind := sniff(path); kind {
	case "mp4", "matroska":
		return fault.New(fault.Truncated, "", "the file is incomplete: its index or its data is missing").
			WithHint("Copy or download it again.").WithCause(cause)
	case "":
		return fault.New(fault.NotMedia, "", "the file is no video").WithCause(cause)
	default:
		return fault.New(fault.NotMedia, "", "the file is a picture (%s), no video", kind).WithCause(cause)
	}
}

// info turns ffprobe's words into ours; the frame times are not there yet.
func (d *description) info(size int64) (*Info, error) {
	info := &Info{Format: d.Format.Name, Size: size, Duration: seconds(d.Format.Duration), Audio: d.tracks()}
	// Times near 0 are meant; a transport stream's first time is not.
	if s := seconds(d.Format.Start); s > 0 {
		info.Start = s
	}
	var v *stream
	for i := range d.Streams {
		s := &d.Streams[i]
		switch {
		case s.Type == "video" && v == nil && s.Disposition.AttachedPic == 0:
			v = s
		case s.Type == "subtitle":
			info.Subtitles = append(info.Subtitles, Subtitle{Index: s.Index, Codec: s.Codec,
				Language: s.Tags["language"], Title: s.Tags["title"]})
		}
	}
	if v == nil {
		if len(d.Streams) == 0 {
			return nil, fault.New(fault.NotMedia, "", "the file is no video")
		}
		return nil, fault.New(fault.NoVideo, "", "no video stream in the file")
	}
	for _, c := range d.Chapters {
		info.Chapters = append(info.Chapters, Chapter{Start: seconds(c.Start), End: seconds(c.End), Title: c.Tags["title"]})
	}
	var err error
	info.Video, err = v.video(&info.Notes)
	return info, err
}

// tracks are the sound tracks that can be decoded.
func (d *description) tracks() (list []Audio) {
	for i := range d.Streams {
		s := &d.Streams[i]
		if s.Type != "audio" || s.Codec == "" || s.Channels <= 0 {
			continue
		}
		rate, _ := strconv.Atoi(s.SampleRate) // 0 when it is not said
		list = append(list, Audio{Index: s.Index, Codec: s.Codec, Channels: s.Channels,
			SampleRate: rate, Language: s.Tags["language"], Title: s.Tags["title"], Default: s.Disposition.Default == 1})
	}
	return list
}

// video describes the stream as it will be read.
func (s *stream) video(notes *[]string) (Video, error) {
	if s.Codec == "" || s.Codec == "none" || s.PixFmt == "" {
		return Video{}, fault.New(fault.Unsupported, "", "the video's codec is not known to the installed FFmpeg")
	}
	known := func(t string) string {
		if t == "unknown" || t == "unspecified" || t == "reserved" {
			return ""
		}
		return t
	}
	st := store(s.PixFmt)
	v := Video{
		Index: s.Index, Codec: s.Codec, PixFmt: s.PixFmt, Layout: st.layout,
		Tags: ColourTags{Range: known(s.Range), Primaries: known(s.Primaries), Transfer: known(s.Transfer),
			Matrix: known(s.Matrix), ChromaLocation: known(s.Siting)},
		SAR:      parseRational(s.SAR, ":"),
		TimeBase: parseRational(s.TimeBase, "/"), Rate: parseRational(s.Rate, "/"), AvgRate: parseRational(s.AvgRate, "/"),
	}
	if v.TimeBase.Num <= 0 || v.TimeBase.Den <= 0 {
		return Video{}, fault.New(fault.NotMedia, "", "the video stream has no time base")
	}
	v.End = s.StartTicks + s.Ticks // of use where the last packet has no length
	if v.SAR.Den == 0 || v.SAR.Num == 0 {
		v.SAR = Rational{0, 1}
	}
	if st.rgb {
		v.Tags = ColourTags{Range: "tv", Primaries: v.Tags.Primaries, Transfer: v.Tags.Transfer, Matrix: "bt709", ChromaLocation: "left"}
	}
	if st.full && v.Tags.Range == "" {
		v.Tags.Range = "pc"
	}
	v.Layout.W, v.Layout.H = s.Width, s.Height
	for _, sd := range s.SideData {
		if sd.Matrix != "" {
			v.Rotation, v.Mirrored = orientation(sd.Matrix)
		}
	}
	if v.Rotation == 90 || v.Rotation == 270 {
		v.Layout.W, v.Layout.H = v.Layout.H, v.Layout.W
		if v.SAR.Num != 0 {
			v.SAR.Num, v.SAR.Den = v.SAR.Den, v.SAR.Num
		}
	}
	v.Colour = colour(v.Tags, st, v.Layout.W, v.Layout.H)
	v.Interlaced = strings.Contains(" tt bb tb bt ", " "+s.FieldOrder+" ") && s.FieldOrder != ""
	if v.Interlaced {
		*notes = append(*notes, "interlaced video is stored as full frames")
	}
	if st.note != "" {
		*notes = append(*notes, st.note)
	}
	return v, nil
}

// orientation reads a display matrix as ffprobe prints it: rows of 16.16 fixed-point
// numbers (ISO/IEC 14496-12, 8.2.2). The result is the turn, to the nearest quarter,
// that FFmpeg applies, clockwise, and whether it mirrors.
func orientation(s string) (degrees int, mirrored bool) {
	var m []float64
	for _, line := range strings.Split(strings.TrimSpace(s), "\n") {
		_, row, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		for _, f := range strings.Fields(row) {
			x, err := strconv.ParseFloat(f, 64)
			if err != nil {
				return 0, false
			}
			m = append(m, x)
		}
	}
	if len(m) != 9 {
		return 0, false
	}
	a, b, c, d := m[0], m[1], m[3], m[4]
	quarter := int(math.Round(math.Atan2(b, a)/(math.Pi/2))) * 90
	return ((quarter % 360) + 360) % 360, a*d-b*c < 0
}

// readHDR looks for the static HDR metadata of the first frame: SMPTE ST 2086 and CTA-861.3.
func readHDR(ctx context.Context, path string, v *Video) error {
	args := append([]string{"-v", "error", "-hide_banner", "-select_streams", strconv.Itoa(v.Index),
		"-read_intervals", "%+#1", "-show_frames", "-show_entries", "frame=side_data_list",
		"-of", "json=compact=1"}, input(path)...)
	out, _, err := output(ctx, "ffprobe", args, 1<<20)
	if err != nil {
		if fault.Is(err, fault.Internal) {
			return nil // a damaged first frame has no metadata; the rest may be whole
		}
		return err
	}
	var d struct {
		Frames []struct {
			SideData []map[string]any `json:"side_data_list"`
		} `json:"frames"`
	}
	if err := json.Unmarshal(bytes.TrimSpace(out), &d); err != nil || len(d.Frames) == 0 {
		return nil // as above
	}
	for _, s := range d.Frames[0].SideData {
		num := func(key string, unit float64) int {
			r := parseRational(fmt.Sprint(s[key]), "/")
			return int(math.Round(r.Float() * unit))
		}
		switch s["side_data_type"] {
		case "Mastering display metadata":
			if s["red_x"] == nil || s["max_luminance"] == nil {
				continue
			}
			const xy, cd = 50000, 10000 // units of ST 2086: 0.00002 and 0.0001 cd/m²
			v.Mastering = fmt.Sprintf("G(%d,%d)B(%d,%d)R(%d,%d)WP(%d,%d)L(%d,%d)",
				num("green_x", xy), num("green_y", xy), num("blue_x", xy), num("blue_y", xy), num("red_x", xy), num("red_y", xy),
				num("white_point_x", xy), num("white_point_y", xy), num("max_luminance", cd), num("min_luminance", cd))
		case "Content light level metadata":
			v.LightLevel = fmt.Sprintf("%d,%d", num("max_content", 1), num("max_average", 1))
		}
	}
	return nil
}

// seconds reads ffprobe's decimal seconds; 0 when there are none.
func seconds(s string) time.Duration {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.Abs(f) > 1e9 {
		return 0
	}
	return time.Duration(math.Round(f * 1e9))
}

// parseRational reads "a/b" or "a:b"; 0/0 when it is none. A plain number has Den 1.
func parseRational(s, sep string) Rational {
	a, b, ok := strings.Cut(s, sep)
	if !ok {
		b = "1"
	}
	n, err1 := strconv.ParseInt(a, 10, 64)
	d, err2 := strconv.ParseInt(b, 10, 64)
	if err1 != nil || err2 != nil || d <= 0 {
		return Rational{}
	}
	return Rational{n, d}
}
