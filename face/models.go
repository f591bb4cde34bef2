package face

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
)

// Options say how faces are looked for. The zero value is not usable; start from DefaultOptions.
type Options struct {
	// Plain takes the mesh network with 468 points instead of the one with attention, which sees
	// lids, lips and irises more exactly.
	Plain bool
	// Mirror runs the mesh network on the mirrored crop too and takes the mean: less noise, twice
	// the time.
	Mirror bool
	// MaxFaces is how many faces are followed at once, the largest first: 1 to 64.
	MaxFaces int
}

// DefaultOptions are those of the product.
func DefaultOptions() Options { return Options{MaxFaces: 16} }

// Validate checks the fields; its errors name them.
func (o Options) Validate() error {
	if o.MaxFaces < 1 || o.MaxFaces > 64 {
		return fault.New(fault.InvalidField, "max_faces", "%d is not between 1 and 64", o.MaxFaces)
	}
	return nil
}

// network is one loaded model: what this package needs of infer.Session.
type network interface {
	Run(ctx context.Context, inputs, outputs [][]float32) error
}

// Models are the networks that look at faces. They are shared: any number of observers may use
// them at once.
type Models struct {
	options                  Options
	short, full, mesh, embed network
	meshPoints               int
	helper                   *cardDetector // finds more faces; nil for none
}

// NewModels loads the networks from rt, which must stay open as long as they are used.
func NewModels(rt *infer.Runtime, o Options) (*Models, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	m := &Models{options: o, meshPoints: AllPoints}
	mesh := infer.FaceMeshAttention
	if o.Plain {
		mesh, m.meshPoints = infer.FaceMesh, MeshPoints
	}
	var loading errgroup.Group
	for _, load := range []struct {
		model infer.Model
		net   *network
	}{{infer.FaceDetectShort, &m.short}, {infer.FaceDetectFull, &m.full}, {mesh, &m.mesh}, {infer.FaceEmbedding, &m.embed}} {
		loading.Go(func() error {
			s, err := rt.Session(load.model)
			if err == nil {
				*load.net = s
			}
			return err
		})
	}
	if err := loading.Wait(); err != nil {
		return nil, err
	}
	return m, nil
}
