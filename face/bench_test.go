package face

import (
	"testing"

	"github.com/twinsync/twinsync/internal/testmedia"
	"github.com/twinsync/twinsync/pix"
)

// BenchmarkParts is what the steps of an observation cost.
func BenchmarkParts(b *testing.B) {
	m := models(b, DefaultOptions())
	l := &lens{m: m}
	f := portrait(b, testmedia.Carl)
	found, err := l.detect(b.Context(), f, quick)
	if err != nil || len(found) == 0 {
		b.Fatal(err)
	}
	s, err := l.settle(b.Context(), f, found[0].square())
	if err != nil {
		b.Fatal(err)
	}
	whole := pix.Square{X: float32(f.W) / 2, Y: float32(f.H) / 2, Side: float32(f.W)}
	for _, c := range []struct {
		name string
		run  func() error
	}{
		{"short", func() error { _, err := l.look(b.Context(), f, whole, false, .5, nil); return err }},
		{"full", func() error { _, err := l.look(b.Context(), f, whole, true, .5, nil); return err }},
		{"mesh", func() error { _, err := l.mesh(b.Context(), f, s.mesh.square()); return err }},
		{"view", func() error { _, err := l.view(b.Context(), f, s, 2, 0); return err }},
		{"unwrap", func() error { l.unwrap(f, &s.mesh, 0); return nil }},
		{"sharpness", func() error { sharpness(f, &s.mesh); return nil }},
		{"pack", func() error { pack(&s.mesh, 1, 1); return nil }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if err := c.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
