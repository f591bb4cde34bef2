package swap

import (
	"sync"
	"unsafe"

	"github.com/twinsync/twinsync/pix"
)

// dress is what the new face is painted with in one frame: the texture and the photo's side of
// the light.
type dress struct {
	texture *texture
	light   *lightGrid
}

// wardrobe has the dress for every turn of the head. An identity of one photo has one dress; one
// of photos from several sides has one for each of their poses, and between two poses a mixture
// of both, so that a three-quarter face is made of pixels that were seen from there and nothing
// jumps while a head turns. It is safe for concurrent use.
type wardrobe struct {
	plain dress
	poses []*pose
	sew   func(id *Identity) dress

	mu    sync.Mutex
	mixed []mixture // most recent last
}

// pose is a dress for one turn of the head, made when a head first comes near it.
type pose struct {
	turned
	once  sync.Once
	dress dress
}

// mixture is a dress between poses k and k+1.
type mixture struct {
	k, step int
	dress   dress
}

// A mixture is made in steps fine enough that none can be seen; the newest few are kept, because
// a head dwells.
const (
	mixSteps = 16
	mixKept  = 4
)

// newWardrobe holds plain, and what sew makes of the poses when they are needed.
func newWardrobe(plain dress, poses []turned, sew func(id *Identity) dress) *wardrobe {
	if len(poses) == 0 {
		return &wardrobe{plain: plain} // sew holds megabytes that nobody needs then
	}
	w := &wardrobe{plain: plain, sew: sew}
	for _, t := range poses {
		w.poses = append(w.poses, &pose{turned: t})
	}
	return w
}

// at is the dress for a head turned by yaw (radians). Frames must be alike in any order of calls.
func (w *wardrobe) at(yaw float32) dress {
	if len(w.poses) < 2 {
		return w.plain
	}
	k := 0
	for k < len(w.poses)-2 && yaw > w.poses[k+1].yaw {
		k++
	}
	a, b := w.poses[k], w.poses[k+1]
	switch step := int(pix.SmoothStep(yaw, a.yaw, b.yaw)*mixSteps + .5); step {
	case 0:
		return w.worn(a)
	case mixSteps:
		return w.worn(b)
	default:
		return w.mix(k, step)
	}
}

func (w *wardrobe) worn(p *pose) dress {
	p.once.Do(func() { p.dress = w.sew(p.id) })
	return p.dress
}

func (w *wardrobe) mix(k, step int) dress {
	a, b := w.worn(w.poses[k]), w.worn(w.poses[k+1])
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, m := range w.mixed {
		if m.k == k && m.step == step {
			w.mixed = append(append(w.mixed[:i:i], w.mixed[i+1:]...), m)
			return m.dress
		}
	}
	if len(w.mixed) == mixKept {
		w.mixed = append([]mixture(nil), w.mixed[1:]...)
	}
	share := float32(step) / mixSteps
	m := mixture{k, step, dress{mixTextures(a.texture, b.texture, share), mixLight(a.light, b.light, share)}}
	w.mixed = append(w.mixed, m)
	return m.dress
}

// mixTextures is a + share·(b − a).
func mixTextures(a, b *texture, share float32) *texture {
	t := &texture{n: a.n, texels: make([]texel, len(a.texels))}
	x, p, q := t.floats(), a.floats(), b.floats()
	for i := range x {
		x[i] = p[i] + share*(q[i]-p[i])
	}
	return t
}

// floats are the numbers of all texels, one after another.
func (t *texture) floats() []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(t.texels))), len(t.texels)*int(unsafe.Sizeof(texel{})/4)) //nolint:gosec // a texel is nothing but float32, as the loops in C know
}

// mixLight is a + share·(b − a) of what depends on the photo.
func mixLight(a, b *lightGrid, share float32) *lightGrid {
	l := *a
	l.base = a.base.clone()
	for k := range l.base {
		l.mean[k] += share * (b.mean[k] - a.mean[k])
		for i, v := range b.base[k].Pix {
			l.base[k].Pix[i] += share * (v - a.base[k].Pix[i])
		}
	}
	return &l
}
