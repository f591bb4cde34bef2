package face

import "io"

// WriteTo writes the observations so that ReadObservations gives them back unchanged, and returns
// the number of bytes written.
func (o *Observations) WriteTo(out io.Writer) (int64, error) {
	return encode(out, kindObservations, func(w *writer) {
		w.uint(o.First)
		w.uint(o.End - o.First)
		w.uint(o.W)
		w.uint(o.H)
		w.uint(len(o.cuts))
		for _, c := range o.cuts {
			w.uint(c)
		}
		for _, l := range []*look{&o.head, &o.tail} {
			w.raw(l.luma[:])
			w.raw(l.cb[:])
			w.raw(l.cr[:])
		}
		w.uint(len(o.tracks))
		for _, t := range o.tracks {
			w.track(t)
		}
	})
}

// ReadObservations reads what WriteTo wrote. Damaged or foreign data is an error, whatever it
// contains.
func ReadObservations(in io.Reader) (*Observations, error) {
	o := new(Observations)
	if err := decode(in, kindObservations, o.read); err != nil {
		return nil, err
	}
	return o, nil
}

func (o *Observations) read(r *reader) {
	o.First = r.uint(maxFrames)
	o.End = o.First + r.uint(maxFrames)
	o.W, o.H = r.uint(1<<16), r.uint(1<<16)
	for n := r.count(1); n > 0 && !r.bad; n-- {
		o.cuts = append(o.cuts, r.uint(maxFrames))
	}
	for _, l := range []*look{&o.head, &o.tail} {
		copy(l.luma[:], r.raw(len(l.luma)))
		copy(l.cb[:], r.raw(len(l.cb)))
		copy(l.cr[:], r.raw(len(l.cr)))
	}
	for n := r.count(1); n > 0 && !r.bad; n-- {
		t := r.track()
		if t.first < o.First || t.end() > o.End {
			r.fail()
		}
		o.tracks = append(o.tracks, t)
	}
	for i, c := range o.cuts {
		if c <= o.First || c >= o.End || i > 0 && c <= o.cuts[i-1] {
			r.fail()
			return
		}
	}
}

func (w *writer) track(t *track) {
	w.uint(t.first)
	w.uint(len(t.seen))
	var last *packed
	for i := range t.seen {
		w.mesh(&t.seen[i], last)
		last = &t.seen[i]
	}
	w.uint(len(t.textures))
	for i := range t.textures {
		w.texture(&t.textures[i])
	}
	w.uint(len(t.views))
	for _, v := range t.views {
		w.uint(v.frame)
		w.float(v.quality)
		w.uint(len(v.vector))
		for _, x := range v.vector {
			w.float(x)
		}
	}
}

func (r *reader) track() *track {
	t := &track{first: r.uint(maxFrames)}
	var last *packed
	for n := r.count(meshBytes); n > 0 && !r.bad; n-- {
		t.seen = append(t.seen, r.mesh(last))
		last = &t.seen[len(t.seen)-1]
	}
	for n := r.count(3); n > 0 && !r.bad; n-- {
		t.textures = append(t.textures, r.texture())
	}
	for n := r.count(6); n > 0 && !r.bad; n-- {
		v := view{frame: r.uint(maxFrames), quality: r.float()}
		v.vector = make([]float32, min(r.count(4), maxVector))
		for i := range v.vector {
			v.vector[i] = r.float()
		}
		t.views = append(t.views, v)
	}
	return t
}
