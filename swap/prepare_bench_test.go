package swap

import (
	"sync"
	"testing"

	"github.com/twinsync/twinsync/pix"
)

// BenchmarkPrepare measures what is done once: per photo and per track. BenchmarkFrame has what is done per frame.
func BenchmarkPrepare(b *testing.B) {
	photo := photoOf(darkFace, 0, 1.08)
	id, _, err := NewIdentity([]Photo{photo}, DefaultOptions())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("identity", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := NewIdentity([]Photo{photo}, DefaultOptions()); err != nil {
				b.Fatal(err)
			}
		}
	})
	c := newClip(smallLayout, pix.Colour{}, 4, paleFace)
	b.Run("track", func(b *testing.B) {
		for b.Loop() {
			if newMeshEngine(&c.analysis.Tracks[0], id, DefaultOptions(), pix.Colour{}, &sync.Pool{New: newScratch}) == nil {
				b.Fatal("the track cannot be swapped")
			}
		}
	})
}
