package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/pipeline"
)

// castLine is one entry of the file of `twinsync talk --cast`. Times are seconds of the result, files lie beside
// the list unless their paths are absolute.
type castLine struct {
	Text       string  `json:"text"`
	Script     string  `json:"script"`
	Audio      string  `json:"audio"`
	Transcript string  `json:"transcript"`
	Language   string  `json:"language"`
	Voice      string  `json:"voice"`
	Tempo      float64 `json:"tempo"`
	Pitch      float64 `json:"pitch"`
	From       float64 `json:"from"`
	To         float64 `json:"to"`
	Speaker    string  `json:"speaker"`
}

// castDefaults stand for what a line does not say.
type castDefaults struct {
	language, voice, who string
	tempo, pitch         float64
}

const (
	largestCast = 4 << 20 // bytes
	longestCast = 86400.0 // seconds
)

// readCast reads the list of what is to be said.
func readCast(path string, d castDefaults) ([]pipeline.Say, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.New(fault.NotFound, path, "there is no such file")
	}
	if err != nil {
		return nil, fault.From(err).WithParam(path)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, largestCast+1))
	if err != nil {
		return nil, fault.New(fault.NotMedia, path, "the file cannot be read").WithCause(err)
	}
	if len(raw) > largestCast {
		return nil, fault.New(fault.TooLarge, path, "the list is larger than %d MiB", largestCast>>20)
	}
	var list []castLine
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&list); err != nil {
		return nil, fault.New(fault.InvalidField, "cast", "is no list in JSON: %s", strings.TrimPrefix(err.Error(), "json: ")).
			WithHint(`Write it as [{"speaker": "1", "text": "Hello."}, {"speaker": "2", "audio": "b.wav", "from": 4.5}].`)
	}
	beside := func(name string) *pipeline.Source {
		if name == "" {
			return nil
		}
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		return file(name)
	}
	var says []pipeline.Say
	for i, l := range list {
		if !(l.From >= 0 && l.From < longestCast && l.To >= 0 && l.To < longestCast) {
			return nil, fault.New(fault.InvalidField, "cast", "entry %d has times outside of a day", i+1)
		}
		s := pipeline.Say{
			Text: l.Text, Script: beside(l.Script), Audio: beside(l.Audio), Transcript: beside(l.Transcript),
			Language: l.Language, Voice: l.Voice, Tempo: l.Tempo, Pitch: l.Pitch,
			From: time.Duration(l.From * 1e9), To: time.Duration(l.To * 1e9),
		}
		if s.Language == "" {
			s.Language = d.language
		}
		if s.Voice == "" && s.Audio == nil {
			s.Voice = d.voice
		}
		if s.Tempo == 0 {
			s.Tempo = d.tempo
		}
		if s.Pitch == 0 {
			s.Pitch = d.pitch
		}
		who := l.Speaker
		if who == "" {
			who = d.who
		}
		s.Who = speaker(who)
		says = append(says, s)
	}
	return says, nil
}

// speaker reads the choice of a person: a word, a number, a place, or the name of a photo.
func speaker(who string) (w pipeline.Who) {
	if who == "" || who == pipeline.Auto || who == pipeline.Largest {
		w.Person = who
		return w
	}
	if _, err := strconv.Atoi(who); err == nil {
		w.Person = who
		return w
	}
	if _, err := os.Stat(who); err != nil {
		if spot, ok := place(who); ok {
			w.At = &spot
			return w
		}
	}
	w.Like = file(who)
	return w
}

// place reads "X,Y" or "X,Y@TIME".
func place(s string) (p pipeline.Spot, ok bool) {
	at, when, timed := strings.Cut(s, "@")
	x, y, ok := strings.Cut(at, ",")
	if !ok {
		return p, false
	}
	var errs [3]error
	p.X, errs[0] = strconv.ParseFloat(strings.TrimSpace(x), 64)
	p.Y, errs[1] = strconv.ParseFloat(strings.TrimSpace(y), 64)
	if timed {
		p.Time, errs[2] = time.ParseDuration(when)
	}
	return p, errors.Join(errs[:]...) == nil
}
