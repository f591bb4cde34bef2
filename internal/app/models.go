package app

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/internal/config"
	"github.com/twinsync/twinsync/internal/fetch"
)

// ModelsRequest says where added networks are kept and what may be used.
type ModelsRequest struct {
	Data           string // data folder of the installation
	Models         string // folder of networks; "" is models in the data folder
	CommercialOnly bool
	AllowNetworks  []netip.Prefix // that may be downloaded from, beside the public internet
	Provider       string         // execution provider of checks, see package infer
}

// ModelStore opens the store of added networks of an installation.
func ModelStore(c config.Config) (*infer.Store, error) {
	dir, err := c.ModelsDir()
	if err != nil {
		return nil, err
	}
	return infer.OpenStore(infer.StoreOptions{Dir: dir, CommercialOnly: c.ModelsCommercialOnly})
}

func (r ModelsRequest) store() (*infer.Store, error) {
	c := config.Default()
	c.Data, c.Models, c.ModelsCommercialOnly = r.Data, r.Models, r.CommercialOnly
	return ModelStore(c)
}

// ListModels lists the networks that were added; with all, also published ones that were not.
func ListModels(r ModelsRequest, all bool) ([]infer.Listed, error) {
	s, err := r.store()
	if err != nil {
		return nil, err
	}
	return s.List(all)
}

// NewModel is a network to be added or downloaded.
type NewModel struct {
	// Card is the name of a published card, or the path of one.
	Card string
	// Name is what the network is called here; "" is the card's name.
	Name string
	// Files are the paths of its files; see infer.AddRequest.
	Files []string
	// SHA256 of the network's file, "" for the card's.
	SHA256 string
	// AcceptLicence is the ID of the licence that the user accepts.
	AcceptLicence string
	// Replace a network of this name.
	Replace bool
}

// readCard reads a published card, or one from a path. isFile tells which.
func readCard(nameOrPath string) (c infer.ModelCard, isFile bool, err error) {
	if e := strings.ToLower(filepath.Ext(nameOrPath)); e == ".onnx" || e == ".dfm" {
		return c, true, fault.New(fault.InvalidField, "card", "%s is a network, not its card", nameOrPath).
			WithHint("Name the card first, and give the network with --file: twinsync models add CARD --file %s.", nameOrPath)
	}
	if !cardPath(nameOrPath) {
		c, err = infer.PublishedCard(nameOrPath)
		return c, false, err
	}
	info, err := os.Stat(nameOrPath)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return c, true, fault.New(fault.NotFound, "card", "there is no file %s", nameOrPath)
	case err != nil:
		return c, true, fault.From(err).WithParam("card")
	case !info.Mode().IsRegular() || info.Size() > infer.MaxCard:
		return c, true, fault.New(fault.InvalidField, "card", "%s is no model card", nameOrPath).
			WithHint("A card is a small YAML file; the network itself is given with --file.")
	}
	b, err := os.ReadFile(nameOrPath)
	if err != nil {
		return c, true, fault.From(err).WithParam("card")
	}
	c, err = infer.ParseCard(b)
	return c, true, err
}

// cardPath tells a path from a name: it has a folder in it or ends as YAML files do.
func cardPath(s string) bool {
	return strings.ContainsRune(s, os.PathSeparator) || strings.Contains(s, "/") || slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(s))
}

// request is what the store is asked for.
func (m NewModel) request() (infer.AddRequest, error) {
	c, own, err := readCard(m.Card)
	if err != nil {
		return infer.AddRequest{}, err
	}
	req := infer.AddRequest{
		Card: c, From: "published card " + c.Name, Files: m.Files, SHA256: strings.ToLower(m.SHA256), AcceptLicence: m.AcceptLicence,
		Replace: m.Replace, By: accepter(), Now: time.Now(),
	}
	if own {
		req.From = "own card"
	}
	if own && len(m.Files) == 0 { // files that lie beside the card are its files
		for _, f := range c.Files {
			path := filepath.Join(filepath.Dir(m.Card), f.Name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				req.Files = append(req.Files, path)
			}
		}
	}
	if m.Name != "" {
		req.Card.Name = m.Name
	}
	return req, nil
}

// AddModel adds a network whose files the user has.
func AddModel(ctx context.Context, r ModelsRequest, m NewModel) (infer.Installed, error) {
	s, err := r.store()
	if err != nil {
		return infer.Installed{}, err
	}
	req, err := m.request()
	if err != nil {
		return infer.Installed{}, err
	}
	return s.Add(ctx, req)
}

// RemoveModel takes a network away.
func RemoveModel(r ModelsRequest, name string) error {
	s, err := r.store()
	if err != nil {
		return err
	}
	return s.Remove(name)
}

// Download tells how far the download of a file is.
type Download struct {
	File string
	Done int64 // bytes
	Size int64 // 0 when it is not known
}

// PullModel downloads the files that a network lacks, from the addresses and with the digests of its card. A
// network that has not been added is added; when its download fails, it is not, and one that it was to replace stays.
func PullModel(ctx context.Context, r ModelsRequest, m NewModel, progress func(Download)) (infer.Installed, error) {
	s, err := r.store()
	if err != nil {
		return infer.Installed{}, err
	}
	name := m.Name
	if name == "" && !cardPath(m.Card) {
		name = m.Card
	}
	in, err := s.Get(name)
	switch {
	case err == nil && !m.Replace:
		if m.SHA256 != "" && !strings.EqualFold(m.SHA256, in.Card.Network().SHA256) {
			return infer.Installed{}, fault.New(fault.Conflict, "sha256", "%s is there already, with another digest", name).WithHint("Give --replace.")
		}
		if err := pullable(in.Card, in.Missing); err != nil {
			return infer.Installed{}, err
		}
	case err == nil, fault.Is(err, fault.NotFound), fault.Is(err, fault.MissingField):
		return r.pullNew(ctx, s, m, progress)
	default:
		return infer.Installed{}, err
	}
	return in, r.download(ctx, s, &in, progress)
}

// pullNew downloads all files of a card and adds it with them.
func (r ModelsRequest) pullNew(ctx context.Context, s *infer.Store, m NewModel, progress func(Download)) (infer.Installed, error) {
	m.Files = nil
	req, err := m.request()
	if err != nil {
		return infer.Installed{}, err
	}
	var all []string
	req.Files, req.Take = nil, true
	req.Card.Files = slices.Clone(req.Card.Files)
	for i := range req.Card.Files {
		f := &req.Card.Files[i]
		if f.Role == infer.NetworkFile && req.SHA256 != "" && f.SHA256 != req.SHA256 {
			f.SHA256, f.Size = req.SHA256, 0
		}
		all = append(all, f.Name)
	}
	if err := pullable(req.Card, all); err != nil {
		return infer.Installed{}, err
	}
	if err := s.Admits(req); err != nil { // before anything is downloaded
		return infer.Installed{}, err
	}
	fetcher, err := r.fetcher()
	if err != nil {
		return infer.Installed{}, err
	}
	dir, err := s.Staging()
	if err != nil {
		return infer.Installed{}, err
	}
	defer os.RemoveAll(dir)
	for _, f := range req.Card.Files {
		path := filepath.Join(dir, f.Name)
		if err := fetchFirst(ctx, fetcher, f, path, progress); err != nil {
			return infer.Installed{}, err
		}
		req.Files = append(req.Files, path)
	}
	return s.Add(ctx, req)
}

func noAddress(name string) error {
	return fault.New(fault.Unsupported, "name", "the card of %s names no address to download from", name).
		WithHint("Get the file yourself and give it: twinsync models add %s --file FILE.", name)
}

// pullable tells whether these files can be downloaded: a file whose digest nobody stated could be anything.
func pullable(c infer.ModelCard, files []string) error {
	for _, f := range c.Files {
		switch {
		case !slices.Contains(files, f.Name):
		case len(f.URLs) == 0 && f.Package == nil:
			return noAddress(c.Name)
		case f.SHA256 == "":
			return fault.New(fault.Unsupported, "sha256", "the card of %s does not know the digest of %s, so that a download cannot be told from a forgery", c.Name, f.Name).
				WithHint("Give the digest that you trust with --sha256, or the file itself: twinsync models add %s --file FILE. Its address is %s.", c.Name, whereFrom(f))
		}
	}
	return nil
}

// modelDownload is the longest download: 4 GiB over a slow line.
const modelDownload = 6 * time.Hour

// fetcher is what downloads networks.
func (r ModelsRequest) fetcher() (*fetch.Fetcher, error) {
	cfg := fetch.DefaultConfig()
	cfg.AllowNetworks, cfg.MaxBytes, cfg.TotalTimeout = r.AllowNetworks, infer.MaxModelFile, modelDownload
	return fetch.New(cfg)
}

// download fetches the missing files of a network that has been added.
func (r ModelsRequest) download(ctx context.Context, s *infer.Store, in *infer.Installed, progress func(Download)) error {
	if len(in.Missing) == 0 {
		_, err := s.Load(ctx, in.Card.Name)
		return err
	}
	fetcher, err := r.fetcher()
	if err != nil {
		return err
	}
	dir, err := s.Staging()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, name := range in.Missing {
		i := slices.IndexFunc(in.Card.Files, func(f infer.CardFile) bool { return f.Name == name })
		file := in.Card.Files[i]
		path := filepath.Join(dir, file.Name)
		if err := fetchFirst(ctx, fetcher, file, path, progress); err != nil {
			return err
		}
		if *in, err = s.Place(ctx, in.Card.Name, file.Name, path); err != nil {
			return err
		}
	}
	_, err = s.Load(ctx, in.Card.Name)
	return err
}

// fetchFirst downloads a file from the first of its addresses that gives it, or takes it out of its package.
func fetchFirst(ctx context.Context, fetcher *fetch.Fetcher, file infer.CardFile, path string, progress func(Download)) (err error) {
	for _, address := range file.URLs {
		want := fetch.Pinned{SHA256: file.SHA256, Size: file.Size, Progress: func(n int64) {
			progress(Download{File: file.Name, Done: n, Size: file.Size})
		}}
		if _, err = fetcher.GetPinned(ctx, "files", address, path, want); err == nil || ctx.Err() != nil {
			return err
		}
	}
	if file.Package == nil {
		return err
	}
	progress(Download{File: file.Name, Size: file.Size})
	if perr := fetchPackage(ctx, file, path); perr != nil {
		return errors.Join(perr, err)
	}
	return nil
}

// CheckModel looks at everything that a network needs: one that was added, by name, or a card by its path, with
// the network's file or with the files beside the card. With run, it computes once.
func CheckModel(ctx context.Context, r ModelsRequest, nameOrCard, file string, run bool) (steps []infer.CheckStep, err error) {
	runtime, err := infer.Open(infer.Options{Provider: r.Provider})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, runtime.Close()) }()
	if !cardPath(nameOrCard) && file == "" {
		s, err := r.store()
		if err != nil {
			return nil, err
		}
		return s.Check(ctx, runtime, nameOrCard, run)
	}
	c, _, err := readCard(nameOrCard)
	if err != nil {
		return nil, err
	}
	return infer.CheckCard(ctx, runtime, c, filepath.Dir(nameOrCard), file, run)
}

// ModelCardText is a network's card as YAML and read: the one that was added, or else the published one.
func ModelCardText(r ModelsRequest, name string) ([]byte, infer.ModelCard, error) {
	s, err := r.store()
	if err != nil {
		return nil, infer.ModelCard{}, err
	}
	in, err := s.Get(name)
	if err == nil {
		text, err := in.Text()
		return text, in.Card, err
	}
	if !fault.Is(err, fault.NotFound) {
		return nil, infer.ModelCard{}, err
	}
	c, err := infer.PublishedCard(name)
	if err != nil {
		return nil, infer.ModelCard{}, err
	}
	text, err := infer.PublishedCardText(name)
	return text, c, err
}
