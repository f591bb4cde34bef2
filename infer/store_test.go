package infer_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
)

func store(t testing.TB, commercialOnly bool) *infer.Store {
	t.Helper()
	s, err := infer.OpenStore(infer.StoreOptions{Dir: filepath.Join(t.TempDir(), "models"), CommercialOnly: commercialOnly})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// emapSwapper writes a tiny network like inswapper's and gives its path and digest.
func emapSwapper(t testing.TB, dir string) (string, string) {
	t.Helper()
	emap := make([]float32, 512*512)
	for i := range 512 {
		emap[i*513] = 2
	}
	g := swapper(1, emap)
	sum := sha256.Sum256(g.Bytes())
	return g.Write(t, dir, "anything.onnx"), hex.EncodeToString(sum[:])
}

func wantCode(t *testing.T, err error, code fault.Code, text string) {
	t.Helper()
	if !fault.Is(err, code) || !strings.Contains(fault.From(err).Public(), text) {
		t.Errorf("%v, want %s: …%s…", err, code, text)
	}
}

// left fails the test when the store's folder holds more than these.
func left(t *testing.T, s *infer.Store, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(s.Dir())
	if err != nil && len(want) > 0 {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestStoreAddUseRemove(t *testing.T) {
	s, r := store(t, false), open(t, infer.Options{})
	path, digest := emapSwapper(t, t.TempDir())
	in, err := s.Add(t.Context(), infer.AddRequest{Card: parse(t, swapperCard), Files: []string{path}, From: "own card", By: "me", Now: noon()})
	if err != nil {
		t.Fatal(err)
	}
	if f := in.Card.Network(); f.SHA256 != digest || f.Size == 0 || len(in.Missing) > 0 {
		t.Errorf("the file was not pinned: %+v, missing %v", f, in.Missing)
	}
	if in.Record.Accepted != nil || !in.Record.Added.Equal(noon()) || in.Record.By != "me" {
		t.Errorf("record %+v", in.Record)
	}
	left(t, s, "tiny")
	n, err := s.Open(t.Context(), r, "tiny")
	if err != nil {
		t.Fatal(err)
	}
	buf, out := n.Buffers()
	if err := n.Run(t.Context(), buf, out); err != nil {
		t.Error(err)
	}
	matrix, err := in.Matrix()
	if err != nil || len(matrix) != 512*512 || matrix[513] != 2 || matrix[1] != 0 {
		t.Errorf("matrix of %d, %v", len(matrix), err)
	}
	_, err = s.Add(t.Context(), infer.AddRequest{Card: in.Card, Now: noon()})
	wantCode(t, err, fault.Conflict, "there already")
	if _, err = s.Add(t.Context(), infer.AddRequest{Card: in.Card, Files: []string{path}, Replace: true, Now: noon()}); err != nil {
		t.Error(err)
	}
	left(t, s, "tiny")
	if err := s.Remove("tiny"); err != nil {
		t.Error(err)
	}
	left(t, s)
	wantCode(t, s.Remove("tiny"), fault.NotFound, "tiny")
	_, err = s.Open(t.Context(), r, "tiny")
	wantCode(t, err, fault.NotFound, "no network")
}

func TestStoreLicence(t *testing.T) {
	text := strings.Replace(swapperCard, "{id: CC0-1.0, commercial: yes}", "{id: LicenseRef-Mine, commercial: no, text: For fun only., url: https://example.org/l}", 1)
	s := store(t, false)
	path, _ := emapSwapper(t, t.TempDir())
	add := func(accept string, text string) error {
		_, err := s.Add(t.Context(), infer.AddRequest{Card: parse(t, text), Files: []string{path}, AcceptLicence: accept, By: "me", Now: noon(), Replace: true})
		return err
	}
	wantCode(t, add("", text), fault.TermsNotAccepted, "commercial use is not allowed; For fun only; https://example.org/l. Read it, and if you may use the network under it, add --accept-licence LicenseRef-Mine")
	wantCode(t, add("MIT", text), fault.TermsNotAccepted, "is LicenseRef-Mine, not MIT")
	wantCode(t, add("", strings.Replace(text, "commercial: no", "commercial: unknown", 1)), fault.TermsNotAccepted, "not known")
	left(t, s)
	if err := add("licenseref-mine", text); err != nil {
		t.Fatal(err)
	}
	in, err := s.Load(t.Context(), "tiny")
	if err != nil {
		t.Fatal(err)
	}
	want := infer.Acceptance{Licence: "LicenseRef-Mine", SHA256: in.Card.Licence.Digest(), Time: noon(), By: "me"}
	if d := cmp.Diff(&want, in.Record.Accepted); d != "" {
		t.Error(d)
	}
	// A replacement under the same words need not be accepted again, under others it must be.
	if err := add("", text); err != nil {
		t.Error(err)
	}
	wantCode(t, add("", strings.Replace(text, "For fun", "For money", 1)), fault.TermsNotAccepted, "For money")
	// A licence that was changed by hand was not accepted.
	card := filepath.Join(in.Dir, "card.yaml")
	b, err := os.ReadFile(card)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(card, bytes.Replace(b, []byte("For fun only."), []byte("For money only."), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = s.Load(t.Context(), "tiny")
	wantCode(t, err, fault.TermsNotAccepted, "For money only")
	if err := os.WriteFile(card, b, 0o600); err != nil {
		t.Fatal(err)
	}
	// The operator's rule goes before everybody's acceptance.
	strictStore, err := infer.OpenStore(infer.StoreOptions{Dir: s.Dir(), CommercialOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = strictStore.Load(t.Context(), "tiny")
	wantCode(t, err, fault.TermsNotAccepted, "models-commercial-only")
	list, err := strictStore.List(false)
	if err != nil || len(list) != 1 || list[0].State != infer.StateRefused {
		t.Errorf("%v, %v", list, err)
	}
}

func TestStoreChangedFiles(t *testing.T) {
	s, r := store(t, false), open(t, infer.Options{})
	path, digest := emapSwapper(t, t.TempDir())
	wrong := strings.Replace(swapperCard, "{name: tiny.onnx}", "{name: tiny.onnx, sha256: "+strings.Repeat("a", 64)+"}", 1)
	_, err := s.Add(t.Context(), infer.AddRequest{Card: parse(t, wrong), Files: []string{path}, Now: noon()})
	wantCode(t, err, fault.Conflict, "add --sha256 "+digest)
	left(t, s)
	in, err := s.Add(t.Context(), infer.AddRequest{Card: parse(t, wrong), Files: []string{path}, SHA256: digest, Now: noon()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(t.Context(), "tiny"); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(in.Dir, "tiny.onnx")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func() error{
		"shorter": func() error { return os.Truncate(file, int64(len(good)-1)) },
		"other": func() error {
			b := bytes.Clone(good)
			b[len(b)-600]++
			return os.WriteFile(file, b, 0o600)
		},
		"other at the same time": func() error { // a new file of the same size, dated back
			was, err := os.Stat(file)
			if err != nil {
				return err
			}
			b := bytes.Clone(good)
			b[len(b)-600]++
			if err := os.WriteFile(file+".new", b, 0o600); err != nil {
				return err
			}
			if err := os.Chtimes(file+".new", was.ModTime(), was.ModTime()); err != nil {
				return err
			}
			return os.Rename(file+".new", file)
		},
		"gone": func() error { return os.Remove(file) },
		"link": func() error {
			if err := os.Remove(file); err != nil {
				return err
			}
			return os.Symlink(path, file)
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := change(); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Open(t.Context(), r, "tiny"); !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.NotFound) {
				t.Errorf("%v", err)
			}
			_ = os.Remove(file)
			if err := os.WriteFile(file, good, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Open(t.Context(), r, "tiny"); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestStoreRefusesMisfits: a network that is not the card's does not get in.
func TestStoreRefusesMisfits(t *testing.T) {
	s := store(t, false)
	path, _ := emapSwapper(t, t.TempDir())
	_, err := s.Add(t.Context(), infer.AddRequest{Card: parse(t, strings.Replace(swapperCard, "size: 32", "size: 64", 1)), Files: []string{path}, Now: noon()})
	wantCode(t, err, fault.InvalidField, "input target is 1×3×32×32 in the file, the card says 1×3×64×64")
	plain := swapper(1, nil).Write(t, t.TempDir(), "x.onnx")
	_, err = s.Add(t.Context(), infer.AddRequest{Card: parse(t, swapperCard), Files: []string{plain}, Now: noon()})
	wantCode(t, err, fault.NotFound, "no initializer of 512×512")
	_, err = s.Add(t.Context(), infer.AddRequest{Card: parse(t, swapperCard), Files: []string{path, plain}, Now: noon()})
	wantCode(t, err, fault.InvalidField, "both taken for tiny.onnx")
	_, err = s.Add(t.Context(), infer.AddRequest{Card: parse(t, strings.Replace(swapperCard, "name: tiny\n", "name: face-mesh\n", 1)), Files: []string{path}, Now: noon()})
	wantCode(t, err, fault.Conflict, "inside the program")
	_, err = s.Get("../tiny")
	wantCode(t, err, fault.InvalidField, "is no name")
	left(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Add(ctx, infer.AddRequest{Card: parse(t, swapperCard), Files: []string{path}, Now: noon()})
	wantCode(t, err, fault.Canceled, "")
	left(t, s)
}

// TestStoreFollowsNoLinks: a folder or card that is a link is none.
func TestStoreFollowsNoLinks(t *testing.T) {
	s, other := store(t, false), store(t, false)
	path, _ := emapSwapper(t, t.TempDir())
	in, err := other.Add(t.Context(), infer.AddRequest{Card: parse(t, swapperCard), Files: []string{path}, Now: noon()})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(s.Dir(), "real"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(in.Dir, filepath.Join(s.Dir(), "tiny")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(in.Dir, "card.yaml"), filepath.Join(s.Dir(), "real", "card.yaml")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tiny", "real"} {
		_, err := s.Load(t.Context(), name)
		wantCode(t, err, fault.InvalidField, "is no")
	}
	list, err := s.List(false)
	if err != nil || len(list) != 1 || list[0].State != infer.StateBroken {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestStorePlace: a card first, its file later.
func TestStorePlace(t *testing.T) {
	s := store(t, false)
	path, digest := emapSwapper(t, t.TempDir())
	card := parse(t, strings.Replace(swapperCard, "{name: tiny.onnx}", "{name: tiny.onnx, sha256: "+digest+"}", 1))
	in, err := s.Add(t.Context(), infer.AddRequest{Card: card, Now: noon()})
	if err != nil || len(in.Missing) != 1 {
		t.Fatalf("missing %v, %v", in.Missing, err)
	}
	if list, err := s.List(false); err != nil || list[0].State != infer.StateNoFile {
		t.Errorf("%v, %v", list, err)
	}
	dir, err := s.Staging()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	part := filepath.Join(dir, "part")
	if err := os.WriteFile(part, append(b, 0), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = s.Place(t.Context(), "tiny", "tiny.onnx", part)
	wantCode(t, err, fault.Conflict, "It was not kept")
	if err := os.WriteFile(part, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = s.Place(t.Context(), "tiny", "tiny.onnx", part); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(t.Context(), "tiny"); err != nil {
		t.Error(err)
	}
	forAll(t, filepath.Join(s.Dir(), "tiny", "tiny.onnx"))
}

// forAll: services run workers as other users than those who add networks.
func forAll(t *testing.T, file string) {
	t.Helper()
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestStoreKeepsFiles: a card that is replaced by another for the same file keeps the file.
func TestStoreKeepsFiles(t *testing.T) {
	s := store(t, false)
	path, digest := emapSwapper(t, t.TempDir())
	card := parse(t, swapperCard)
	if _, err := s.Add(t.Context(), infer.AddRequest{Card: card, Files: []string{path}, Now: noon()}); err != nil {
		t.Fatal(err)
	}
	card.Title = "Better words"
	in, err := s.Add(t.Context(), infer.AddRequest{Card: card, Replace: true, Now: noon()})
	if err != nil || len(in.Missing) > 0 || in.Card.Title != card.Title || in.Card.Network().SHA256 != digest {
		t.Fatalf("%+v, %v", in, err)
	}
	if _, err := s.Load(t.Context(), "tiny"); err != nil {
		t.Error(err)
	}
	in, err = s.Add(t.Context(), infer.AddRequest{Card: card, SHA256: strings.Repeat("a", 64), Replace: true, Now: noon()})
	if err != nil || len(in.Missing) != 1 {
		t.Errorf("for another file: missing %v, %v", in.Missing, err)
	}
}

// TestStoreTakes: files that were downloaded are moved, and what is wrong with the request is said before.
func TestStoreTakes(t *testing.T) {
	s := store(t, false)
	dir, err := s.Staging()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path, _ := emapSwapper(t, dir)
	req := infer.AddRequest{Card: parse(t, strings.Replace(swapperCard, "commercial: yes", "commercial: no", 1)), Files: []string{path}, Take: true, Now: noon()}
	wantCode(t, s.Admits(req), fault.TermsNotAccepted, "")
	req.AcceptLicence = req.Card.Licence.ID
	if err := s.Admits(req); err != nil {
		t.Fatal(err)
	}
	in, err := s.Add(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file was not moved: %v", err)
	}
	forAll(t, in.Path(in.Card.Network()))
	wantCode(t, s.Admits(req), fault.Conflict, "--replace")
	if _, err := s.Load(t.Context(), "tiny"); err != nil {
		t.Error(err)
	}
}

// TestCardsKeepTheirMeaning: what the store writes is the card that was read.
func TestCardsKeepTheirMeaning(t *testing.T) {
	cards, err := infer.PublishedCards()
	if err != nil {
		t.Fatal(err)
	}
	s := store(t, false)
	for _, c := range cards {
		in, err := s.Add(t.Context(), infer.AddRequest{Card: c, From: c.Name, AcceptLicence: c.Licence.ID, Now: noon()})
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if d := cmp.Diff(c, in.Card); d != "" {
			t.Errorf("%s: %s", c.Name, d)
		}
	}
	list, err := s.List(true)
	if err != nil || len(list) != len(cards) {
		t.Errorf("%d of %d, %v", len(list), len(cards), err)
	}
	if _, err := json.Marshal(list); err != nil {
		t.Error(err)
	}
}

// TestStoreManyAtOnce: of many who add one name, one wins, and the rest hear it.
func TestStoreManyAtOnce(t *testing.T) {
	s := store(t, false)
	path, _ := emapSwapper(t, t.TempDir())
	card := parse(t, swapperCard)
	var wg sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = s.Add(t.Context(), infer.AddRequest{Card: card, Files: []string{path}, Now: noon()})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !fault.Is(err, fault.Conflict) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d won", won)
	}
	left(t, s, "tiny")
	if _, err := s.Load(t.Context(), "tiny"); err != nil {
		t.Error(err)
	}
}
