package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/twinsync/twinsync/face"
	"github.com/twinsync/twinsync/internal/pipeline"
)

// FacesRequest is what `twinsync faces` asks for.
type FacesRequest struct {
	Video, Out string
	Detector   string // an added network that helps to find faces; "" for none
	Local      LocalOptions
}

// FacesFound is what `twinsync faces` answers.
type FacesFound struct {
	File   string            `json:"file"`   // the analysis as JSON
	Frames int               `json:"frames"` // of the video
	People []pipeline.Person `json:"people"` // Thumbnail is a path
}

// Faces analyses a video and writes faces.json and a thumbnail per person into a folder.
func Faces(ctx context.Context, req FacesRequest, show func(Progress)) (found FacesFound, err error) {
	undo, err := makeFolder(req.Out)
	if err != nil {
		return found, err
	}
	defer func() {
		if err != nil {
			for _, p := range found.People {
				if filepath.Dir(p.Thumbnail) == filepath.Clean(req.Out) {
					os.Remove(p.Thumbnail)
				}
			}
			undo()
		}
	}()
	o, err := pipeline.FacesOrder(pipeline.Source{Path: req.Video, Field: req.Video}, req.Detector)
	if err != nil {
		return found, err
	}
	l, err := openLocal(ctx, req.Local, req.Detector != "")
	if err != nil {
		return found, err
	}
	defer l.close()
	t, err := l.run(ctx, o, show)
	if err != nil {
		return found, err
	}
	if err := json.Unmarshal(t.Result.Report, &found); err != nil {
		return found, fmt.Errorf("people: %w", err)
	}
	for i, p := range found.People {
		out, err := newOutput(filepath.Join(req.Out, path.Base(p.Thumbnail)))
		if err != nil {
			return found, err
		}
		if err := out.keep(ctx, l.blobs, p.Thumbnail); err != nil {
			out.discard()
			return found, err
		}
		found.People[i].Thumbnail = out.path
	}
	found.File = filepath.Join(req.Out, "faces.json")
	return found, l.writeAnalysis(ctx, t.Result.Key, found.File)
}

// makeFolder makes a folder and those above it that are missing. undo removes what it made, as far as
// that is empty.
func makeFolder(dir string) (undo func(), err error) {
	var made []string
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); !errors.Is(err, os.ErrNotExist) || d == filepath.Dir(d) {
			break
		}
		made = append(made, d)
	}
	undo = func() {
		for _, d := range made {
			os.Remove(d)
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil { //nolint:gosec // the user's umask says who may read
		undo()
		return nil, outFault(dir, err)
	}
	return undo, nil
}

// writeAnalysis writes an analysis as JSON.
func (l *local) writeAnalysis(ctx context.Context, key, file string) error {
	kept := filepath.Join(l.dir, "analysis")
	if err := l.blobs.Get(ctx, key, kept); err != nil {
		return err
	}
	in, err := os.Open(kept)
	if err != nil {
		return err
	}
	defer in.Close()
	a, err := face.ReadAnalysis(in)
	if err != nil {
		return err
	}
	out, err := newOutput(file)
	if err != nil {
		return err
	}
	defer out.discard()
	f, err := os.Create(out.part)
	if err != nil {
		return outFault(file, err)
	}
	if err := errors.Join(a.WriteJSON(f), f.Close()); err != nil {
		return outFault(file, err)
	}
	return os.Rename(out.part, file)
}
