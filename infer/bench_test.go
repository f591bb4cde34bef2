package infer_test

import (
	"testing"

	"github.com/twinsync/twinsync/infer"
)

// BenchmarkRun is the time of one run on one core.
func BenchmarkRun(b *testing.B) {
	r := open(b, infer.Options{})
	for _, card := range infer.Catalog() {
		b.Run(card.Name, func(b *testing.B) {
			s := session(b, r, card.Model)
			in, out := s.Buffers()
			in[0] = gradient(s.Inputs()[0])
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Run(b.Context(), in, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
