package infer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// AddRequest is a network to be added.
type AddRequest struct {
	Card ModelCard
	// From tells the record where the card came from.
	From string
	// Files are the paths of the card's files: of the file that has the same name in the card, or
	// of the network itself. Files that are not given are left out for now.
	Files []string
	// SHA256 is the digest that the network's file must have, "" for the card's. Given, it stands in for
	// the card's.
	SHA256 string
	// AcceptLicence is the ID of the licence that the caller accepts, "" for none.
	AcceptLicence string
	// Replace allows that a network of this name is there already. Its files are kept where the new card means
	// the same and none are given.
	Replace bool
	// Take moves the files instead of copying them; they lie in a folder of Staging.
	Take bool
	// By is who does it, and Now when.
	By  string
	Now time.Time
}

// Admits says, before files are fetched from anywhere, whether Add would take the card: the card is right, its
// licence accepted and the name free.
func (s *Store) Admits(req AddRequest) error {
	_, _, err := s.admit(req)
	return err
}

// admit checks a request but for its files, and makes the card and record that would be written.
func (s *Store) admit(req AddRequest) (c ModelCard, record Record, err error) {
	c = req.Card
	c.Files = append([]CardFile(nil), c.Files...)
	if req.SHA256 != "" {
		for i := range c.Files {
			if c.Files[i].Role == NetworkFile && c.Files[i].SHA256 != req.SHA256 {
				c.Files[i].SHA256, c.Files[i].Size = req.SHA256, 0
			}
		}
	}
	if err := c.Validate(); err != nil {
		return c, record, err
	}
	for m := range modelCount {
		if m.String() == c.Name {
			return c, record, fault.New(fault.Conflict, "name", "%q is a network inside the program", c.Name).WithHint("Choose another name.")
		}
	}
	record = Record{Added: req.Now.UTC(), By: req.By, From: req.From}
	if strings.EqualFold(req.AcceptLicence, c.Licence.ID) && c.Licence.MustAccept() {
		record.Accepted = &Acceptance{Licence: c.Licence.ID, SHA256: c.Licence.Digest(), Time: req.Now.UTC(), By: req.By}
	} else if req.AcceptLicence != "" && !strings.EqualFold(req.AcceptLicence, c.Licence.ID) {
		return c, record, fault.New(fault.TermsNotAccepted, "accept-licence", "the licence of %s is %s, not %s", c.Name, c.Licence.ID, short(req.AcceptLicence))
	}
	if was, err := s.Get(c.Name); err == nil && req.Replace && record.Accepted == nil {
		record.Accepted = was.Record.Accepted // allowed wants it to be for the very same words
	}
	if err := s.allowed(c, record.Accepted); err != nil {
		return c, record, err
	}
	if _, err := os.Lstat(filepath.Join(s.dir, c.Name)); err == nil && !req.Replace {
		return c, record, taken(c.Name)
	}
	return c, record, nil
}

// Add puts a card and its files into the store. Digests that the card does not know are pinned to those of the files
// given.
//
// Errors: those of ModelCard.Validate; fault.TermsNotAccepted; fault.Conflict when the name is taken or a file
// has another digest; those of opening the files.
func (s *Store) Add(ctx context.Context, req AddRequest) (Installed, error) {
	c, record, err := s.admit(req)
	if err != nil {
		return Installed{}, err
	}
	to := filepath.Join(s.dir, c.Name)
	given, err := c.match(req.Files)
	if err != nil {
		return Installed{}, err
	}
	if was, err := s.Get(c.Name); err == nil && !req.Take {
		was.keep(c, given)
	}
	work, err := s.Staging()
	if err != nil {
		return Installed{}, err
	}
	defer os.RemoveAll(work)
	if err := os.Chmod(work, 0o755); err != nil { //nolint:gosec // as above; workers may be other users
		return Installed{}, fault.From(err).WithParam("models")
	}
	if err := fill(ctx, work, &c, given, req.Take); err != nil {
		return Installed{}, err
	}
	if err := writeCard(work, c, record); err != nil {
		return Installed{}, err
	}
	if err := s.swapIn(work, to, req.Replace); err != nil {
		return Installed{}, err
	}
	return s.Get(c.Name)
}

func taken(name string) error {
	return fault.New(fault.Conflict, "name", "a network %q is there already", name).
		WithHint("Give --replace, or another name with --name.")
}

// match tells which file of the card each path is.
func (c ModelCard) match(paths []string) (map[string]string, error) {
	given := map[string]string{}
	network := c.Network().Name
	for _, p := range paths {
		name := filepath.Base(p)
		if !c.hasFile(name) {
			name = network // a network may be called anything where the user keeps it
		}
		if other, twice := given[name]; twice {
			return nil, fault.New(fault.InvalidField, "file", "%s and %s are both taken for %s", short(filepath.Base(other)), short(filepath.Base(p)), name).
				WithHint("Side files need the name that the card gives them.")
		}
		given[name] = p
	}
	return given, nil
}

// keep adds to the files given those that are there already and that a new card means too.
func (i Installed) keep(c ModelCard, given map[string]string) {
	for _, f := range c.Files {
		old := slices.IndexFunc(i.Card.Files, func(o CardFile) bool { return o.Name == f.Name && o.SHA256 != "" })
		if old < 0 || given[f.Name] != "" || slices.Contains(i.Missing, f.Name) {
			continue
		}
		if digest := i.Card.Files[old].SHA256; f.SHA256 == "" || f.SHA256 == digest {
			given[f.Name] = i.Path(f)
		}
	}
}

func (c ModelCard) hasFile(name string) bool {
	for _, f := range c.Files {
		if f.Name == name {
			return true
		}
	}
	return false
}

// fill brings the files into a folder, compares or pins their digests, and holds the network against the card.
func fill(ctx context.Context, dir string, c *ModelCard, given map[string]string, take bool) error {
	bring := copyFile
	if take {
		bring = moveFile
	}
	for i := range c.Files {
		f := &c.Files[i]
		from, ok := given[f.Name]
		if !ok {
			continue
		}
		to := filepath.Join(dir, f.Name)
		got, size, err := bring(ctx, from, to)
		if err != nil {
			return err
		}
		if f.SHA256 != "" && got != f.SHA256 {
			return fault.New(fault.Conflict, "file", "%s is not the file that the card means: its SHA-256 is %s, the card's %s", short(filepath.Base(from)), got, f.SHA256).
				WithHint("If it is another export of the same network, add --sha256 %s.", got)
		}
		f.SHA256, f.Size = got, size
	}
	return c.fits(dir)
}

// fits holds those files that are in a folder against the card.
func (c ModelCard) fits(dir string) error {
	for _, f := range c.Files {
		path := filepath.Join(dir, f.Name)
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		card := c
		switch f.Role {
		case NetworkFile:
		case ConverterFile:
			card = c.converter(f)
		case MatrixFile:
			if _, err := c.Matrix(dir); err != nil {
				return err
			}
			continue
		default:
			continue
		}
		g, err := openGraph(path)
		if err != nil {
			return err
		}
		if err := g.checkExternal(card); err != nil {
			return err
		}
		if card.Kind == Voice {
			_, err = bindVoice(card, g)
		} else {
			_, err = bind(card, g)
		}
		if err != nil {
			return err
		}
		if e := card.Embedding; e != nil && e.Initializer != "" {
			if _, err := card.Matrix(dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// copyFile copies a file to a new one, hard, and gives its digest and size.
func copyFile(ctx context.Context, from, to string) (string, int64, error) {
	in, _, err := openModel(from)
	if err != nil {
		return "", 0, err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // networks are no secret
	if err != nil {
		return "", 0, fault.From(err).WithParam("models")
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), io.LimitReader(&interrupted{ctx, in}, MaxModelFile))
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return "", 0, fault.From(err).WithParam("models")
	}
	return hex.EncodeToString(sum.Sum(nil)), n, nil
}

// moveFile moves a file within a file system and gives its digest and size.
func moveFile(ctx context.Context, from, to string) (string, int64, error) {
	got, size, err := fileDigest(ctx, from)
	if err != nil {
		return "", 0, err
	}
	if err = os.Rename(from, to); err == nil {
		err = os.Chmod(to, 0o644) //nolint:gosec // networks are no secret; workers may be other users
	}
	if err != nil {
		return "", 0, fault.From(err).WithParam("models")
	}
	return got, size, nil
}

// writeCard writes card and record into a folder.
func writeCard(dir string, c ModelCard, record Record) error {
	text, err := c.text()
	if err != nil {
		return err
	}
	note, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return fault.From(err)
	}
	for name, b := range map[string][]byte{cardFile: text, recordFile: append(note, '\n')} {
		if err := writeWhole(filepath.Join(dir, name), b); err != nil {
			return err
		}
	}
	return nil
}

// writeWhole writes a file so that it is there whole or as it was.
func writeWhole(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return fault.From(err).WithParam("models")
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fault.From(err).WithParam("models")
	}
	return nil
}

// swapIn moves a finished folder to its place; what was there goes.
func (s *Store) swapIn(work, to string, replace bool) error {
	old := ""
	if _, err := os.Lstat(to); err == nil {
		if !replace {
			return taken(filepath.Base(to))
		}
		trash, err := os.MkdirTemp(s.dir, ".old-*")
		if err != nil {
			return fault.From(err).WithParam("models")
		}
		defer os.RemoveAll(trash)
		old = filepath.Join(trash, "old")
		if err := os.Rename(to, old); err != nil {
			return fault.From(err).WithParam("models")
		}
	}
	if err := os.Rename(work, to); err != nil {
		if old != "" {
			err = errors.Join(err, os.Rename(old, to))
		}
		if errors.Is(err, fs.ErrExist) { // another process was quicker
			return taken(filepath.Base(to))
		}
		return fault.From(err).WithParam("models")
	}
	return nil
}

// Place takes a file of the card that was downloaded into the store: it is moved from path, which must be on the
// same file system (see Staging), after its digest has been compared, and held against the card.
func (s *Store) Place(ctx context.Context, name, file, path string) (Installed, error) {
	in, err := s.Get(name)
	if err != nil {
		return Installed{}, err
	}
	for _, f := range in.Card.Files {
		if f.Name != file {
			continue
		}
		staged := path + ".right"
		got, _, err := moveFile(ctx, path, staged)
		if err != nil {
			return Installed{}, err
		}
		if f.SHA256 == "" || got != f.SHA256 {
			return Installed{}, fault.New(fault.Conflict, "file", "%s: the file that was downloaded has the SHA-256 %s, the card says %s", name, got, f.SHA256).
				WithHint("It was not kept. The publisher may have changed it.")
		}
		if err := os.Rename(staged, in.Path(f)); err != nil {
			return Installed{}, fault.From(err).WithParam("models")
		}
		if err := in.Card.fits(in.Dir); err != nil {
			return Installed{}, errors.Join(err, os.Remove(in.Path(f)))
		}
		return s.Get(name)
	}
	return Installed{}, fault.New(fault.NotFound, "file", "the card of %s names no file %q", name, short(file))
}

// Staging makes a folder in the store for files on their way; the caller removes it.
func (s *Store) Staging() (string, error) {
	if err := os.MkdirAll(s.dir, 0o755); err != nil { //nolint:gosec // networks are no secret
		return "", fault.From(err).WithParam("models")
	}
	s.sweep()
	dir, err := os.MkdirTemp(s.dir, ".new-*")
	if err != nil {
		return "", fault.From(err).WithParam("models")
	}
	return dir, nil
}

// sweep removes what commands that were killed have left. Those at work are younger.
func (s *Store) sweep() {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && (strings.HasPrefix(e.Name(), ".new-") || strings.HasPrefix(e.Name(), ".old-")) && time.Since(info.ModTime()) > 24*time.Hour {
			os.RemoveAll(filepath.Join(s.dir, e.Name()))
		}
	}
}

// Remove takes a network out of the store, files and all. Errors: fault.NotFound.
func (s *Store) Remove(name string) error {
	if err := ValidModelName("name", name); err != nil {
		return err
	}
	from := filepath.Join(s.dir, name)
	if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.NotFound, "name", "no network %q has been added", name)
	}
	trash, err := os.MkdirTemp(s.dir, ".old-*")
	if err != nil {
		return fault.From(err).WithParam("models")
	}
	defer os.RemoveAll(trash)
	if err := os.Rename(from, filepath.Join(trash, "old")); err != nil {
		return fault.From(err).WithParam("models")
	}
	return nil
}
