package swap

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/pix"
)

// The loops of kernels.c in Go, easier to read than fast, and the tests that both do the same.

// plainShade is layer.shade; fade is a vertex's share of the swap.
func (e *meshEngine) plainShade(l *layer, f *pix.Frame, gain *gain, fade *[face.MeshPoints]float32,
	colour bool) {
	c := face.Canonical()
	w, h := l.box.W(), l.box.H()
	cr := f.ChromaRect(l.box)
	coder := pix.NewCoder(f.Colour)
	side := float32(e.texture.n - 1)
	var tx texel
	var q [5]float32
	for y := range h {
		crow := ((l.box.Y0+y)>>f.SubY - cr.Y0) * cr.W()
		for x := range w {
			i := y*w + x
			t := l.surface.Tri[i]
			if t < 0 {
				continue
			}
			tri := &c.Triangles[t]
			wb, wc := l.surface.B[i], l.surface.C[i]
			wa := 1 - wb - wc
			a, b, d := &c.UV[tri[0]], &c.UV[tri[1]], &c.UV[tri[2]]
			u := pix.Clamp(wa*a.X+wb*b.X+wc*d.X, 0, 1)
			v := pix.Clamp(wa*a.Y+wb*b.Y+wc*d.Y, 0, 1)
			e.texture.at(&tx, u*side, v*side)
			gain.at(&q, u*(lightSide-1), v*(lightSide-1))
			bright := tx.bright * q[3]
			ly, lu, lv := coder.YUV(
				e.curve.Code(tx.base[0]+q[0]+bright+tx.dark[0]*q[4]),
				e.curve.Code(tx.base[1]+q[1]+bright+tx.dark[1]*q[4]),
				e.curve.Code(tx.base[2]+q[2]+bright+tx.dark[2]*q[4]))
			l.y.Pix[i] = ly
			l.alpha.Pix[i] = tx.alpha * (wa*fade[tri[0]] + wb*fade[tri[1]] + wc*fade[tri[2]])
			if colour && (f.SubX == 0 || x&1 == 0) {
				j := crow + (l.box.X0+x)>>f.SubX - cr.X0
				l.c[0].Pix[j] += lu
				l.c[1].Pix[j] += lv
				l.weight.Pix[j]++
			}
		}
	}
}

// at interpolates the gain at (x, y) on its grid.
func (g *gain) at(o *[5]float32, x, y float32) {
	ix, iy := min(int(x), lightSide-2), min(int(y), lightSide-2)
	fx, fy := x-float32(ix), y-float32(iy)
	i := iy*lightSide + ix
	a, b, c, d := &g[i], &g[i+1], &g[i+lightSide], &g[i+lightSide+1]
	wa, wb, wc, wd := (1-fx)*(1-fy), fx*(1-fy), (1-fx)*fy, fx*fy
	o[0] = wa*a[0] + wb*b[0] + wc*c[0] + wd*d[0]
	o[1] = wa*a[1] + wb*b[1] + wc*c[1] + wd*d[1]
	o[2] = wa*a[2] + wb*b[2] + wc*c[2] + wd*d[2]
	o[3] = wa*a[3] + wb*b[3] + wc*c[3] + wd*d[3]
	o[4] = wa*a[4] + wb*b[4] + wc*c[4] + wd*d[4]
}

// at interpolates between the four texels around (x, y), which must lie inside.
func (t *texture) at(o *texel, x, y float32) {
	ix, iy := min(int(x), t.n-2), min(int(y), t.n-2)
	fx, fy := x-float32(ix), y-float32(iy)
	i := iy*t.n + ix
	a, b, c, d := &t.texels[i], &t.texels[i+1], &t.texels[i+t.n], &t.texels[i+t.n+1]
	wa, wb, wc, wd := (1-fx)*(1-fy), fx*(1-fy), (1-fx)*fy, fx*fy
	o.base[0] = wa*a.base[0] + wb*b.base[0] + wc*c.base[0] + wd*d.base[0]
	o.base[1] = wa*a.base[1] + wb*b.base[1] + wc*c.base[1] + wd*d.base[1]
	o.base[2] = wa*a.base[2] + wb*b.base[2] + wc*c.base[2] + wd*d.base[2]
	o.bright = wa*a.bright + wb*b.bright + wc*c.bright + wd*d.bright
	o.dark[0] = wa*a.dark[0] + wb*b.dark[0] + wc*c.dark[0] + wd*d.dark[0]
	o.dark[1] = wa*a.dark[1] + wb*b.dark[1] + wc*c.dark[1] + wd*d.dark[1]
	o.dark[2] = wa*a.dark[2] + wb*b.dark[2] + wc*c.dark[2] + wd*d.dark[2]
	o.alpha = wa*a.alpha + wb*b.alpha + wc*c.alpha + wd*d.alpha
}

// plainFinish completes the layer's luma: the background, which is the reshaped footage of the same
// box, where the mesh is not seen, and its grain where it is.
func (s sharpness) plainFinish(l *layer, background pix.Map) {
	for i, t := range l.surface.Tri {
		if t < 0 {
			l.y.Pix[i] = background.Pix[i]
		}
	}
	s.keepGrain(l, background)
}

// keepGrain adds the finest structure of the background, limited to s.grain: what a 3×3 binomial
// blur takes away.
func (s sharpness) keepGrain(l *layer, background pix.Map) {
	w := background.W
	for y := 1; y < background.H-1; y++ {
		up, mid, down := background.Row(y-1), background.Row(y), background.Row(y+1)
		for x := 1; x < w-1; x++ {
			i := y*w + x
			if l.surface.Tri[i] < 0 {
				continue
			}
			soft := up[x-1] + 2*up[x] + up[x+1] + 2*(mid[x-1]+2*mid[x]+mid[x+1]) + down[x-1] + 2*down[x] + down[x+1]
			l.y.Pix[i] += pix.Clamp(mid[x]-soft/16, -s.grain, s.grain)
		}
	}
}

// nearly reports maps that differ by more than rounding; machines that fuse multiplications
// round otherwise.
func nearly(t *testing.T, name string, got, want pix.Map) {
	t.Helper()
	if got.W != want.W || got.H != want.H {
		t.Fatalf("%s: %dx%d, want %dx%d", name, got.W, got.H, want.W, want.H)
	}
	for i, v := range want.Pix {
		if d := got.Pix[i] - v; !(d < 1e-3 && d > -1e-3) {
			t.Fatalf("%s: sample %d is %v, want %v", name, i, got.Pix[i], v)
		}
	}
}

func TestPaintEqualsItsGoForm(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	spread := func(amplitude float32) float32 { return amplitude * (2*r.Float32() - 1) }
	tex := &texture{n: 64, texels: make([]texel, 64*64)}
	for i := range tex.texels {
		x := &tex.texels[i]
		for k := range x.base {
			x.base[k], x.dark[k] = -2+spread(3), spread(.3)
		}
		x.bright, x.alpha = r.Float32()*.3, r.Float32()
	}
	g := new(gain)
	for i := range g {
		for k := range g[i] {
			g[i][k] = spread(1)
		}
	}
	for _, l := range []pix.Layout{
		{W: 220, H: 210, SubX: 1, SubY: 1, Depth: 8}, {W: 221, H: 211, SubX: 1, Depth: 10}, {W: 221, H: 211, Depth: 8}, {W: 200, H: 200, Depth: 8, Mono: true},
	} {
		for _, transfer := range []pix.Transfer{pix.SDR, pix.PQ} {
			f := background(l, pix.Colour{Transfer: transfer, Full: l.Depth == 10})
			m := meshAt(100, 100, 7, .5, 1)
			mesh := m.Points()
			fade := facing(mesh)
			e := &meshEngine{target: &target{}, texture: tex, curve: pix.NewCurve(transfer)}
			got, want := &layer{}, &layer{}
			for _, x := range []*layer{got, want} {
				x.box = boxAround(mesh[:], 5, f.Bounds())
				e.paint(e.texture, x, f, mesh, g, &fade)
			}
			for _, x := range []pix.Map{want.y, want.alpha, want.c[0], want.c[1], want.weight} {
				clear(x.Pix)
			}
			e.plainShade(want, f, g, &fade, !l.Mono)
			for i, n := range want.weight.Pix {
				if n > 0 {
					want.c[0].Pix[i] /= n
					want.c[1].Pix[i] /= n
				}
			}
			for i, tri := range want.surface.Tri {
				if tri < 0 {
					want.y.Pix[i], got.y.Pix[i] = 0, 0
				}
			}
			nearly(t, "luma", got.y, want.y)
			nearly(t, "alpha", got.alpha, want.alpha)
			nearly(t, "weight", got.weight, want.weight)
			nearly(t, "u", got.c[0], want.c[0])
			nearly(t, "v", got.c[1], want.c[1])

			behind := pix.NewMap(got.y.W, got.y.H).Each(func(float32) float32 { return 100 + spread(20) })
			s := sharpness{grain: 3}
			s.finish(got, behind)
			s.plainFinish(want, behind)
			nearly(t, "finished luma", got.y, want.y)
		}
	}
}

func TestPaintSurvivesAnyNumber(t *testing.T) {
	f := background(smallLayout, pix.Colour{})
	odd := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e30, -1e30}
	r := rand.New(rand.NewPCG(9, 10))
	tex := &texture{n: 8, texels: make([]texel, 64)}
	e := &meshEngine{target: &target{}, texture: tex, curve: pix.NewCurve(pix.SDR)}
	for i := range tex.texels {
		tex.texels[i].base[i%3], tex.texels[i].alpha = odd[i%len(odd)], odd[(i/2)%len(odd)]
	}
	for range 20 {
		m := meshAt(80, 74, 6, .2, 1)
		mesh := m.Points()
		g := new(gain)
		for range 30 {
			mesh[r.IntN(len(mesh))].X = odd[r.IntN(len(odd))]
			g[r.IntN(len(g))][r.IntN(5)] = odd[r.IntN(len(odd))]
		}
		fade := facing(mesh)
		l := &layer{box: pix.Rect{X0: 20, Y0: 20, X1: 140, Y1: 130}}
		e.paint(e.texture, l, f, mesh, g, &fade)
		if len(l.y.Pix) != 120*110 {
			t.Fatal("the layer has another size than its box")
		}
	}
}

func TestUnshadedEqualsItsGoForm(t *testing.T) {
	const n = 21 // its square is no multiple of any block
	r := newRegions(n)
	rnd := rand.New(rand.NewPCG(11, 12))
	src, seen := pix.NewMap(n, n), pix.NewMap(n, n)
	for i := range src.Pix {
		src.Pix[i], seen.Pix[i] = rnd.Float32()-.5, max(0, rnd.Float32()-.3)
	}
	for terms := 1; terms <= 9; terms++ {
		coef := make([]float64, terms)
		for k := range coef {
			coef[k] = rnd.Float64() - .5
		}
		got, want := pix.NewMap(n, n), pix.NewMap(n, n)
		r.unshaded(got, src, seen, coef)
		for i, s := range seen.Pix {
			if s > 0 {
				want.Pix[i] = src.Pix[i] - float32(r.shade(coef, i))
			}
		}
		if d := cmp.Diff(want.Pix, got.Pix, cmpopts.EquateApprox(0, 1e-6)); d != "" {
			t.Fatalf("%d terms: %s", terms, d)
		}
	}
}
