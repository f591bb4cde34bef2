package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
)

// detectorCache keeps the detectors of model cards open that tasks of this run have named.
type detectorCache struct {
	mu   sync.Mutex
	open map[string]*infer.Network // by detectorKey; closed with the runtime
}

// validDetector checks the word; whether the network is there is found out when the task begins.
func validDetector(name string) error {
	if name == "" {
		return nil
	}
	return infer.ValidModelName("detector", name)
}

// detectorKey tells the task's detector from every other, also from one that had its name before: it is the name
// and what the card says, the digest of the network's file included.
func (w *work) detectorKey(ctx context.Context) (string, error) {
	if w.r.cfg.Models == nil {
		return "", fault.New(fault.Unsupported, "detector", "this installation has no place for networks")
	}
	in, err := w.r.cfg.Models.Load(ctx, w.footage.Detector)
	if err != nil {
		return "", named(err, "detector")
	}
	card, err := in.Text()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(card)
	return w.footage.Detector + "-" + hex.EncodeToString(sum[:8]), nil
}

// watchers are the networks that look at the video's faces, with the detector that the task names.
func (w *work) watchers(ctx context.Context) (*face.Models, error) {
	m, err := w.r.nets()
	if err != nil || w.footage.Detector == "" {
		return m, err
	}
	key, err := w.detectorKey(ctx)
	if err != nil {
		return nil, err
	}
	d := &w.r.detectors
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.open[key]
	if n == nil {
		if n, err = w.r.cfg.Models.Open(ctx, w.r.runtime, w.footage.Detector); err != nil {
			return nil, named(err, "detector")
		}
		if d.open == nil {
			d.open = map[string]*infer.Network{}
		}
		d.open[key] = n
		w.r.log.Info("network loaded", "model", n.Card().Name, "provider", n.Provider())
	}
	return m.WithDetector(n)
}
