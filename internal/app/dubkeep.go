package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/blob"
	"github.com/twinsync/twinsync/internal/pipeline"
)

// keptDub is a folder with everything in between of a dub: source.srt and target.srt (the words, to be corrected),
// segments/001.wav … (each piece of speech, to be replaced), segments.json, voice.wav, captions.srt (to be read). What the user has changed since the last run is
// known by its digest, and is used instead of what would be made; .reuse holds pieces by what they were made of.
type keptDub struct {
	dir  string
	last dubManifest
}

// dubManifest says what a run wrote.
type dubManifest struct {
	Files map[string]keptFile `json:"files"`
}

// keptFile is one file of the folder.
type keptFile struct {
	SHA256 string `json:"sha256"`
	// Mine is set where the content is the user's, in an earlier run already.
	Mine bool   `json:"mine,omitempty"`
	Text string `json:"text,omitempty"` // that a piece of speech says
}

// Names in the folder.
const (
	keptManifest = "manifest.json"
	keptSource   = "source.srt"
	keptTarget   = "target.srt"
	keptReuse    = ".reuse"
	mostManifest = 8 << 20 // bytes
)

// openKeptDub opens the folder, or makes it.
func openKeptDub(dir string) (*keptDub, error) {
	if err := os.MkdirAll(filepath.Join(dir, "segments"), 0o777); err != nil { //nolint:gosec // the user's umask says who may read
		return nil, fault.New(fault.NotWritable, "keep", "the folder %s cannot be made", dir).WithHint("Choose another folder.").WithCause(err)
	}
	k := &keptDub{dir: dir, last: dubManifest{Files: map[string]keptFile{}}}
	f, err := os.Open(k.path(keptManifest))
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return nil, fault.From(err).WithParam("keep")
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, mostManifest)).Decode(&k.last); err != nil || k.last.Files == nil {
		return nil, fault.New(fault.InvalidField, "keep", "%s is not as it was written", k.path(keptManifest)).
			WithHint("Remove it to begin anew, or name another folder.").WithCause(err)
	}
	return k, nil
}

func (k *keptDub) path(name string) string { return filepath.Join(k.dir, filepath.FromSlash(name)) }

func (k *keptDub) reuse() string { return k.path(keptReuse) }

// changed tells whether a file of the folder is the user's: not what a run wrote.
func (k *keptDub) changed(name string) (mine bool, err error) {
	sum, err := fileDigest(k.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fault.From(err).WithParam(k.path(name))
	}
	was, known := k.last.Files[name]
	return !known || was.Mine || was.SHA256 != sum, nil
}

// takeUp gives the spec what the user has changed in the folder. What the command names itself comes first.
func (k *keptDub) takeUp(s *pipeline.Dub) error {
	for _, f := range []struct {
		name string
		to   **pipeline.Source
	}{{keptSource, &s.Source}, {keptTarget, &s.Target}} {
		mine, err := k.changed(f.name)
		if err != nil {
			return err
		}
		if mine && *f.to == nil {
			*f.to = &pipeline.Source{Path: k.path(f.name), Field: k.path(f.name)}
		}
	}
	for name, was := range k.last.Files {
		if was.Text == "" {
			continue
		}
		mine, err := k.changed(name)
		if err != nil {
			return err
		}
		if mine {
			s.Recordings = append(s.Recordings, pipeline.Recording{Text: was.Text, Sound: pipeline.Source{Path: k.path(name), Field: k.path(name)}})
		}
	}
	return nil
}

// put writes everything into the folder. The words and the recordings that are the user's stay as they are.
func (k *keptDub) put(ctx context.Context, blobs *blob.Store, r *pipeline.DubReport) (notes []string, err error) {
	raw, err := blobs.Read(ctx, r.Pieces, mostManifest)
	if err != nil {
		return nil, err
	}
	var pieces []pipeline.DubSegment
	if err := json.Unmarshal(raw, &pieces); err != nil {
		return nil, fmt.Errorf("segments: %w", err)
	}
	now := dubManifest{Files: map[string]keptFile{}}
	mine := map[string]string{} // recordings of the user's by their text, aside until all names are free
	for name, was := range k.last.Files {
		if was.Text == "" {
			continue
		}
		is, err := k.changed(name)
		if err != nil {
			return nil, err
		}
		if is {
			aside := k.path(name) + ".mine"
			if err := os.Rename(k.path(name), aside); err != nil {
				return nil, outFault(k.path(name), err)
			}
			mine[was.Text] = aside
			continue
		}
		if err := os.Remove(k.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, outFault(k.path(name), err)
		}
	}
	for i := range pieces {
		p := &pieces[i]
		name := fmt.Sprintf("segments/%03d.wav", i+1)
		key := p.Sound
		p.Sound = name
		if aside, ok := mine[p.Text]; ok && p.Recorded {
			if err := os.Rename(aside, k.path(name)); err == nil {
				sum, err := fileDigest(k.path(name))
				if err != nil {
					return nil, outFault(k.path(name), err)
				}
				now.Files[name] = keptFile{SHA256: sum, Mine: true, Text: p.Text}
				delete(mine, p.Text)
				continue
			}
		}
		if err := k.get(ctx, blobs, key, name); err != nil {
			return nil, err
		}
		sum, err := fileDigest(k.path(name))
		if err != nil {
			return nil, outFault(k.path(name), err)
		}
		now.Files[name] = keptFile{SHA256: sum, Text: p.Text}
	}
	for text, aside := range mine {
		notes = append(notes, fmt.Sprintf("nothing says %q any more; its recording lies in %s", text, aside))
	}
	list, err := json.MarshalIndent(pieces, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(k.path("segments.json"), append(list, '\n'), 0o666); err != nil { //nolint:gosec // likewise
		return nil, outFault(k.path("segments.json"), err)
	}
	for _, f := range []struct {
		key  *string
		name string
	}{{&r.Source, keptSource}, {&r.Target, keptTarget}, {&r.Voice, "voice.wav"}, {&r.SRT, "captions.srt"}} {
		if *f.key == "" {
			continue
		}
		is, err := k.changed(f.name)
		if err != nil {
			return nil, err
		}
		is = is && (f.name == keptSource || f.name == keptTarget)
		if !is {
			if err := k.get(ctx, blobs, *f.key, f.name); err != nil {
				return nil, err
			}
		}
		sum, err := fileDigest(k.path(f.name))
		if err != nil {
			return nil, outFault(k.path(f.name), err)
		}
		now.Files[f.name] = keptFile{SHA256: sum, Mine: is}
		if f.name != "captions.srt" {
			*f.key = k.path(f.name)
		}
	}
	r.Pieces = k.path("segments.json")
	if raw, err = json.MarshalIndent(now, "", "  "); err != nil {
		return nil, err
	}
	part := k.path(keptManifest) + ".part"
	if err := os.WriteFile(part, append(raw, '\n'), 0o666); err != nil { //nolint:gosec // likewise
		return nil, outFault(part, err)
	}
	if err := os.Rename(part, k.path(keptManifest)); err != nil {
		return nil, outFault(k.path(keptManifest), err)
	}
	return notes, nil
}

// get copies what lies in the store into the folder, in one step.
func (k *keptDub) get(ctx context.Context, blobs *blob.Store, key, name string) error {
	o, err := newOutput(k.path(name))
	if err != nil {
		return err
	}
	defer o.discard()
	return o.keep(ctx, blobs, key)
}

// fileDigest is the SHA-256 of a file, in hexadecimal.
func fileDigest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
