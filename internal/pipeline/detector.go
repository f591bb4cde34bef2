package pipeline

import (
	"context"
	"sync"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
)

// detectorCache keeps the detectors of model cards open that tasks of this run have named.
type detectorCache struct {
	mu   sync.Mutex
	open map[string]*infer.Network // closed with the runtime
}

// validDetector checks the word; whether the network is there is found out when the task begins.
func validDetector(name string) error {
	if name == "" {
		return nil
	}
	return infer.ValidModelName("detector", name)
}

// watchers are the networks that look at the video's faces, with the detector that the task names.
func (w *work) watchers(ctx context.Context) (*face.Models, error) {
	m, err := w.r.nets()
	if err != nil || w.spec.Detector == "" {
		return m, err
	}
	if w.r.cfg.Models == nil {
		return nil, fault.New(fault.Unsupported, "detector", "this installation has no place for networks")
	}
	d := &w.r.detectors
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.open[w.spec.Detector]
	if n == nil {
		if n, err = w.r.cfg.Models.Open(ctx, w.r.runtime, w.spec.Detector); err != nil {
			return nil, named(err, "detector")
		}
		if d.open == nil {
			d.open = map[string]*infer.Network{}
		}
		d.open[w.spec.Detector] = n
		w.r.log.Info("network loaded", "model", n.Card().Name, "provider", n.Provider())
	}
	return m.WithDetector(n)
}
