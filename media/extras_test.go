package media

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/internal/testmedia"
	"github.com/twinsync/twinsync/pix"
)

// TestExtrasAreKept: subtitles, chapters, languages; and the index comes first.
func TestExtrasAreKept(t *testing.T) {
	tr := roundTrip(t, filepath.Join(testmedia.Shared(t, "odd", "video"), "subtitles_chapters.mp4"), "", 0, 0)
	if d := cmp.Diff(tr.info.Chapters, tr.got.Chapters); d != "" || len(tr.got.Chapters) != 2 {
		t.Error(d)
	}
	if len(tr.got.Subtitles) != 1 || tr.got.Subtitles[0].Codec != "mov_text" {
		t.Errorf("subtitles: %+v", tr.got.Subtitles)
	}
	b, err := os.ReadFile(tr.out)
	if err != nil {
		t.Fatal(err)
	}
	if moov, mdat := bytes.Index(b, []byte("moov")), bytes.Index(b, []byte("mdat")); moov < 0 || moov > mdat {
		t.Errorf("index at %d, data at %d", moov, mdat)
	}
}

// TestHDRStaysHDR: depth, tags and static metadata come through HEVC and H.264.
func TestHDRStaysHDR(t *testing.T) {
	m := testmedia.Clip(t, testmedia.Spec{W: 320, H: 180, Frames: 12, PixFmt: "yuv420p10le",
		Codec: []string{"-c:v", "libx265", "-preset", "ultrafast", "-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc", "-color_range", "tv",
			"-x265-params", "log-level=error:hdr10=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400"}})
	for _, codec := range []string{HEVC, H264} {
		tr := roundTrip(t, m.Path, codec, 0, 0)
		a, b := tr.info.Video, tr.got.Video
		if a.Mastering == "" || a.LightLevel != "1000,400" || a.Colour.Transfer != pix.PQ {
			t.Fatalf("source: %+v", a.Tags)
		}
		if a.Colour != b.Colour || a.Layout != b.Layout || a.Tags.Primaries != b.Tags.Primaries || a.Tags.Transfer != b.Tags.Transfer {
			t.Errorf("%s: %+v %s became %+v %s", codec, a.Tags, a.Layout, b.Tags, b.Layout)
		}
		if codec == H264 {
			// FFmpeg 5.1 does not say what H.264 holds: look at the stream itself.
			said, err := exec.Command("ffmpeg", "-hide_banner", "-nostdin", "-i", "file:"+tr.out, "-c", "copy", "-bsf:v", "trace_headers", "-f", "null", "-").CombinedOutput()
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"= 10000000\n", "max_content_light_level", "Mastering Display Colour Volume"} {
				if !strings.Contains(string(said), want) {
					t.Errorf("h264: no %q in the stream", want)
				}
			}
			continue
		}
		if a.Mastering != b.Mastering || a.LightLevel != b.LightLevel {
			t.Errorf("%s: mastering %q %q became %q %q", codec, a.Mastering, a.LightLevel, b.Mastering, b.LightLevel)
		}
	}
}

// TestLateSound keeps an offset between picture and sound when a cut begins in it.
func TestLateSound(t *testing.T) {
	path := filepath.Join(testmedia.Shared(t, "odd", "video"), "av_offset_audio_late_200ms.mp4")
	tr := roundTrip(t, path, "", 80*time.Millisecond, 3*time.Second)
	first, end, err := tr.info.Trim(80*time.Millisecond, 3*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	tr.checkSound(t, path, tr.info.Time(first), tr.info.Time(end))
}
