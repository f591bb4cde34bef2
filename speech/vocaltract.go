package speech

import "context"

// People's vocal tracts differ in length, and their formants with it, from which a child's and a man's voice differ
// by a third. A recording is heard as if it came from a tract of the synthesised voice's length: the
// one of tracts in which the two lie nearest after warping in time (Lee and Rose, "A frequency warping
// approach to speaker normalization", 1998, with another measure of nearness).
var tracts = [...]float64{0.86, 0.90, 0.95, 1, 1.05, 1.10, 1.15, 1.20, 1.25}

const (
	// tractSeconds of a recording are enough to know the speaker by.
	tractSeconds = 30
	// tractHalvings is how coarse the comparison is: frames of 40 ms choose as those of 10 ms do.
	tractHalvings = 2
)

// tractOf is the length of the speaker's vocal tract beside that of the voice heard as ref, which says the same
// words. Of both only the beginning is looked at, up to the same share of them.
func tractOf(ctx context.Context, s Sound, ref *features) (float64, error) {
	s = s.Resample(hearRate)
	if most := tractSeconds * hearRate; len(s.Samples) > most {
		rows := int(float64(ref.n) * float64(most) / float64(len(s.Samples)))
		s.Samples, ref = s.Samples[:most], &features{n: rows, data: ref.data[:rows*heard]}
	}
	ref, _ = ref.spoken()
	for range tractHalvings {
		ref = ref.halved()
	}
	p := newPowers(s.Samples)
	filters := make([]*cepstrum, len(tracts))
	mels := make([][][melBands]float32, len(tracts))
	for k, t := range tracts {
		filters[k], mels[k] = newCepstrum(t), make([][melBands]float32, p.frames)
	}
	for i := range p.frames {
		power := p.at(i)
		for k, c := range filters {
			c.melOf(&mels[k][i], power)
		}
	}
	best, least := 1.0, float32(0)
	for k, t := range tracts {
		f := hearMel(filters[k], mels[k], true)
		f, _ = f.spoken()
		for range tractHalvings {
			f = f.halved()
		}
		_, far, err := warp(ctx, f, ref)
		if err != nil {
			return 0, err
		}
		if k == 0 || far < least {
			best, least = t, far
		}
	}
	return best, nil
}
