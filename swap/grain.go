package swap

import "github.com/twinsync/twinsync/pix"

// Footage whose finest structure is this many times stronger than the photo's is not sharper, but
// noisy: it begins to count as noise, and surely is. Skin alone is no stronger than cleanSkin (median
// absolute Laplacian in 8-bit steps, measured 1 to 4 on fifteen clips).
const (
	noiseFrom, noiseSure = 2, 4
	cleanSkin, noisySkin = 4, 8
)

// How noise is carried over from the footage.
const (
	noiseWidth = 1.6 // pixels: what is finer is noise
	noiseReach = 1.2 // limit in parts of the median Laplacian, of which white noise has a third as deviation
	edgeSlope  = 1.5 // steps of 8 bits per pixel from which structure is no noise but a feature,
	noiseSlope = .08 // and how far noise adds to it, in parts of the median Laplacian
)

// carryNoise gives the layer the noise of the footage behind it: what a small blur takes away, less
// where the old face has edges. Real noise has the right size, colour and pulse in every frame, which made-up
// noise has not. luma must be complete (sharpness.finish).
func (s sharpness) carryNoise(l *layer, behind pix.Map) {
	if s.noise == 0 {
		return
	}
	soft := behind.Blurred(noiseWidth)
	slope := edgeSlope + noiseSlope*s.noise
	for y := 1; y < behind.H-1; y++ {
		up, mid, down := soft.Row(y-1), soft.Row(y), soft.Row(y+1)
		src, dst, alpha := behind.Row(y), l.y.Row(y), l.alpha.Row(y)
		for x := 1; x < behind.W-1; x++ {
			if alpha[x] == 0 {
				continue
			}
			gx, gy := (mid[x+1]-mid[x-1])/2, (down[x]-up[x])/2
			limit := noiseReach * s.noise / (1 + (gx*gx+gy*gy)/(slope*slope))
			dst[x] += pix.Clamp(src[x]-mid[x], -limit, limit)
		}
	}
}
