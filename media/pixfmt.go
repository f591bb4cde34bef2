package media

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/twinsync/twinsync/pix"
)

// storage says how one stored pixel format is delivered as a frame.
type storage struct {
	target string     // FFmpeg's name of the delivered format
	layout pix.Layout // without size
	full   bool       // the format implies full range
	rgb    bool       // converted from RGB
	note   string     // what is lost or changed; "" when the samples stay as they are
}

// planar is FFmpeg's name of a layout's pixel format, little endian.
func planar(l pix.Layout) string {
	name := "yuv420p"
	switch {
	case l.Mono:
		name = "gray"
	case l.SubX == 0 && l.SubY == 0:
		name = "yuv444p"
	case l.SubY == 0:
		name = "yuv422p"
	}
	if l.Depth > 8 {
		name += strconv.Itoa(l.Depth) + "le"
	}
	return name
}

// rawTag is the four-character code of a layout's raw pictures (FFmpeg, libavcodec/raw.c).
func rawTag(l pix.Layout) string {
	sub := byte(11) // 4:2:0
	eight := "I420"
	switch {
	case l.Mono:
		if l.Depth == 8 {
			return "Y800"
		}
		return string([]byte{'Y', '1', 0, byte(l.Depth)})
	case l.SubX == 0 && l.SubY == 0:
		sub, eight = 0, "444P"
	case l.SubY == 0:
		sub, eight = 10, "Y42B"
	}
	if l.Depth == 8 {
		return eight
	}
	return string([]byte{'Y', '3', sub, byte(l.Depth)})
}

// yuvName takes apart FFmpeg's names of planar YUV: family, subsampling, depth.
var yuvName = regexp.MustCompile(`^yuv(a|j|)(410|411|420|422|440|444)p(\d*)(le|be)?$`)

// grayName is the same for luma alone.
var grayName = regexp.MustCompile(`^gray(9|10|12|14|16|)(le|be)?$`)

// store says how a stored pixel format is delivered. Unknown formats become 4:4:4 of 8 bit.
func store(pixFmt string) storage {
	deep := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 8
		}
		return n
	}
	if m := yuvName.FindStringSubmatch(pixFmt); m != nil {
		subX, subY := 1, 1
		switch m[2] {
		case "422", "411":
			subY = 0
		case "444", "440":
			subX, subY = 0, 0
		}
		s := planarStorage(pixFmt, subX, subY, deep(m[3]), false)
		s.full = m[1] == "j"
		switch {
		case m[1] == "a":
			s.note = "the video's transparency is dropped"
		case m[2] == "411" || m[2] == "410" || m[2] == "440":
			s.note = "chroma " + m[2] + " is stored as " + chromaName(s.layout)
		}
		return s
	}
	if m := grayName.FindStringSubmatch(pixFmt); m != nil {
		return planarStorage(pixFmt, 0, 0, deep(m[1]), true)
	}
	switch {
	case pixFmt == "nv12" || pixFmt == "nv21":
		return planarStorage("", 1, 1, 8, false)
	case strings.HasPrefix(pixFmt, "p010"):
		return planarStorage("", 1, 1, 10, false)
	case strings.HasPrefix(pixFmt, "p016"):
		return planarStorage("", 1, 1, 16, false)
	case strings.HasPrefix(pixFmt, "p210"):
		return planarStorage("", 1, 0, 10, false)
	case strings.HasPrefix(pixFmt, "nv16"), strings.HasPrefix(pixFmt, "yuyv"), strings.HasPrefix(pixFmt, "uyvy"), strings.HasPrefix(pixFmt, "yvyu"):
		return planarStorage("", 1, 0, 8, false)
	case strings.HasPrefix(pixFmt, "nv20"), strings.HasPrefix(pixFmt, "y210"):
		return planarStorage("", 1, 0, 10, false)
	case strings.HasPrefix(pixFmt, "nv24"), strings.HasPrefix(pixFmt, "nv42"), strings.HasPrefix(pixFmt, "vuya"), strings.HasPrefix(pixFmt, "ayuv64"):
		return planarStorage("", 0, 0, 8, false)
	}
	depth := 8
	for _, d := range []string{"10", "12", "14", "16", "48", "64"} {
		if strings.Contains(pixFmt, d) {
			depth = min(deep(d), 12)
		}
	}
	s := planarStorage("", 0, 0, depth, false)
	s.rgb = true
	s.note = "RGB pictures are stored as YUV 4:4:4"
	return s
}

// planarStorage gives the nearest layout that frames can have: 8, 10 or 12 bit.
// pixFmt is the stored format when it may be delivered as it is.
func planarStorage(pixFmt string, subX, subY, depth int, mono bool) storage {
	s := storage{layout: pix.Layout{SubX: subX, SubY: subY, Depth: depth, Mono: mono}}
	switch {
	case depth == 9:
		s.layout.Depth = 10
	case depth > 12:
		s.layout.Depth = 12
		s.note = strconv.Itoa(depth) + " bit samples are stored with 12 bit"
	}
	s.target = planar(s.layout)
	// yuvj420p must stay by that name: asked for yuv420p, FFmpeg would squeeze its range.
	if strings.Replace(pixFmt, "yuvj", "yuv", 1) == s.target {
		s.target = pixFmt
	} else if strings.HasPrefix(pixFmt, "yuvj") {
		s.target = strings.Replace(s.target, "yuv", "yuvj", 1)
	}
	return s
}

func chromaName(l pix.Layout) string { return strings.Fields(l.String())[1] }

// colour reads a stream's tags. What the file leaves open follows the custom of
// players: BT.709 from 720 lines up, BT.601 below; limited range.
func colour(t ColourTags, s storage, w, h int) pix.Colour {
	c := pix.Colour{Full: s.full || t.Range == "pc"}
	if s.rgb {
		return pix.Colour{Matrix: pix.BT709}
	}
	switch t.Matrix {
	case "bt709", "smpte240m":
		c.Matrix = pix.BT709
	case "smpte170m", "bt470bg", "fcc":
		c.Matrix = pix.BT601
	case "bt2020nc", "bt2020c", "ictcp", "chroma-derived-nc", "chroma-derived-c":
		c.Matrix = pix.BT2020
	default:
		c.Matrix = pix.BT601
		if min(w, h) >= 720 || max(w, h) >= 1280 {
			c.Matrix = pix.BT709
		}
	}
	switch t.Transfer {
	case "arib-std-b67":
		c.Transfer = pix.HLG
	case "smpte2084":
		c.Transfer = pix.PQ
	}
	c.WideGamut = t.Primaries == "bt2020"
	return c
}
