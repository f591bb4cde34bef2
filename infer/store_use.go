package infer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"sync"

	"github.com/twinsync/twinsync/fault"
)

// Load gives a network of the store that may be used: its licence is accepted, and all its files are there with
// the digests of the card. Files are read in full for that, once while the process runs and they do not change.
//
// Errors: those of Get; fault.TermsNotAccepted; fault.NotFound for a file; fault.Conflict for another digest.
func (s *Store) Load(ctx context.Context, name string) (Installed, error) {
	in, err := s.Get(name)
	if err != nil {
		return Installed{}, err
	}
	if err := s.allowed(in.Card, in.Record.Accepted); err != nil {
		return Installed{}, err
	}
	for _, f := range in.Card.Files {
		if err := s.verify(ctx, in, f); err != nil {
			return Installed{}, err
		}
	}
	return in, nil
}

// Open loads a network of the store into a runtime, after all that Load checks.
func (s *Store) Open(ctx context.Context, r *Runtime, name string) (*Network, error) {
	in, err := s.Load(ctx, name)
	if err != nil {
		return nil, err
	}
	return r.OpenFile(in.Path(in.Card.Network()), in.Card)
}

// OpenConverter loads the network of a swapper's own file of role "converter"; nil where the card has none.
func (i Installed) OpenConverter(r *Runtime) (*Network, error) {
	f, ok := i.Card.File(ConverterFile)
	if !ok {
		return nil, nil
	}
	return r.OpenFile(i.Path(f), i.Card.converter(f))
}

// converter is a card for a swapper's own converter: one embedding in, one out.
func (c ModelCard) converter(f CardFile) ModelCard {
	f.Role = NetworkFile
	plain := CardInput{Role: RoleEmbedding, Type: Float32, Layout: NCHW, Colour: RGB, Scale: 1, Std: Triple{1, 1, 1}, Max: 1}
	return ModelCard{
		Version: CardVersion, Name: c.Name, Kind: Converter, Licence: c.Licence, Files: []CardFile{f}, Template: Template{Scale: 1},
		Inputs:  []CardInput{plain},
		Outputs: []CardOutput{{Role: RoleEmbedding, Type: Float32, Layout: NCHW, Colour: RGB, Range: [2]float64{0, 1}}},
	}
}

// verify compares a file with its card.
func (s *Store) verify(ctx context.Context, in Installed, f CardFile) error {
	path := in.Path(f)
	info, err := os.Lstat(path) // a link could lead anywhere
	if err != nil || !info.Mode().IsRegular() {
		return fault.New(fault.NotFound, "files", "%s: the file %s is not there", in.Card.Name, f.Name).
			WithHint("Get it with twinsync models pull %s, or give it with models add --replace --file.", in.Card.Name).WithCause(err)
	}
	if f.SHA256 == "" {
		return fault.New(fault.Conflict, "files", "%s: the digest of %s is not pinned", in.Card.Name, f.Name).
			WithHint("Add the network again with its file.")
	}
	if f.Size != 0 && info.Size() != f.Size {
		return changed(in.Card.Name, f.Name)
	}
	got, err := s.digests.of(ctx, path, info)
	if err != nil {
		return err
	}
	if got != f.SHA256 {
		return changed(in.Card.Name, f.Name)
	}
	return nil
}

func changed(name, file string) error {
	return fault.New(fault.Conflict, "files", "%s: the file %s is not the one that was added", name, file).
		WithHint("Remove the network and add it again.")
}

// digests remembers files that were read in full.
type digests struct {
	mu   sync.Mutex
	seen map[string]seenFile
}

// seenFile is a file's state when its digest was taken.
type seenFile struct {
	info   os.FileInfo
	digest string
}

func (d *digests) of(ctx context.Context, path string, info os.FileInfo) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if was, ok := d.seen[path]; ok && os.SameFile(was.info, info) && was.info.Size() == info.Size() && was.info.ModTime().Equal(info.ModTime()) {
		return was.digest, nil
	}
	got, _, err := fileDigest(ctx, path)
	if err != nil {
		return "", err
	}
	if d.seen == nil {
		d.seen = map[string]seenFile{}
	}
	d.seen[path] = seenFile{info, got}
	return got, nil
}

// fileDigest reads a file in full: its SHA-256 and size.
func fileDigest(ctx context.Context, path string) (string, int64, error) {
	f, size, err := openModel(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, &interrupted{ctx, f}); err != nil {
		return "", 0, fault.From(err).WithParam("file")
	}
	return hex.EncodeToString(sum.Sum(nil)), size, nil
}

// interrupted is a reader that ends with a context.
type interrupted struct {
	ctx context.Context
	r   io.Reader
}

func (i *interrupted) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}
