package infer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/twinsync/twinsync/fault"
)

// Store keeps the model cards of an installation and their files: a folder with one folder per
// network, which holds the card, the record of how it came there, and the files under the names that the
// card gives them. It promises:
//
//   - what a command adds or removes is there whole or not at all, also when the machine stops meanwhile;
//   - a file is used only when its digest is the card's, and a card only when its licence was
//     accepted as it stands;
//   - nothing leaves the folder: names are checked, links are not followed.
//
// Its methods may be called from any goroutine and beside other processes.
type Store struct {
	dir            string
	commercialOnly bool
	digests        digests
}

// StoreOptions say where a store is and what it allows.
type StoreOptions struct {
	// Dir is its folder, which need not exist yet.
	Dir string
	// CommercialOnly refuses networks whose licence is not known to allow commercial use, whoever
	// accepted it.
	CommercialOnly bool
}

// OpenStore opens a store; nothing is written before something is added.
func OpenStore(o StoreOptions) (*Store, error) {
	if o.Dir == "" {
		return nil, fault.New(fault.MissingField, "models", "no folder for models is given")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fault.From(err).WithParam("models")
	}
	return &Store{dir: dir, commercialOnly: o.CommercialOnly}, nil
}

// Dir is the store's folder.
func (s *Store) Dir() string { return s.dir }

// The names of the two files that lie beside a network's own in the store.
const (
	cardFile   = "card.yaml"
	recordFile = "record.json"
)

// Record is how a network came into the store.
type Record struct {
	Added time.Time `json:"added"`
	By    string    `json:"by,omitempty"`   // who added it
	From  string    `json:"from,omitempty"` // the published card's name, or "own card"
	// Accepted is nil where nothing had to be accepted.
	Accepted *Acceptance `json:"accepted,omitempty"`
}

// Acceptance is somebody's word for a licence.
type Acceptance struct {
	Licence string    `json:"licence"` // its ID
	SHA256  string    `json:"sha256"`  // of Licence as it was shown: Licence.Digest
	Time    time.Time `json:"time"`
	By      string    `json:"by,omitempty"`
}

// Digest identifies what was accepted: SHA-256 over all fields of the licence, hex.
func (l Licence) Digest() string {
	sum := sha256.New()
	for _, f := range []string{l.ID, l.Name, l.URL, string(l.Commercial), l.Text} {
		fmt.Fprintf(sum, "%d:%s,", len(f), f)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// MustAccept tells whether the licence has to be accepted by name.
func (l Licence) MustAccept() bool { return l.Commercial != CommercialYes }

// Installed is a network in the store.
type Installed struct {
	Card   ModelCard
	Record Record
	Dir    string // its folder
	// Missing lists files of the card that are not there.
	Missing []string
}

// Path is where a file of the card lies.
func (i Installed) Path(f CardFile) string { return filepath.Join(i.Dir, f.Name) }

// Matrix reads the swapper's embedding matrix (see ModelCard.Matrix).
func (i Installed) Matrix() ([]float32, error) { return i.Card.Matrix(i.Dir) }

// allowed checks acceptance and the operator's rule.
func (s *Store) allowed(c ModelCard, accepted *Acceptance) error {
	if !c.Licence.MustAccept() {
		return nil
	}
	if s.commercialOnly {
		return fault.New(fault.TermsNotAccepted, "licence", "this installation uses only networks whose licence allows commercial use; that of %s (%s) is not known to", c.Name, c.Licence.ID).
			WithHint("The operator's setting models-commercial-only decides this.")
	}
	if accepted == nil || accepted.SHA256 != c.Licence.Digest() {
		return fault.New(fault.TermsNotAccepted, "accept-licence", "the licence of %s, %s, has to be accepted: %s", c.Name, c.Licence.ID, c.Licence.summary()).
			WithHint("Read it, and if you may use the network under it, add --accept-licence %s.", c.Licence.ID)
	}
	return nil
}

// summary is what a licence says, on one line.
func (l Licence) summary() string {
	parts := []string{map[Commercial]string{
		CommercialYes: "commercial use is allowed", CommercialNo: "commercial use is not allowed", CommercialUnknown: "whether commercial use is allowed is not known",
	}[l.Commercial]}
	if text := strings.Join(strings.Fields(l.Text), " "); text != "" {
		parts = append(parts, strings.TrimSuffix(text, "."))
	}
	if l.URL != "" {
		parts = append(parts, l.URL)
	}
	return strings.Join(parts, "; ")
}

// Get gives a network of the store, complete or not. Errors: fault.NotFound; those of ParseCard for a card that was
// changed by hand.
func (s *Store) Get(name string) (Installed, error) {
	if err := ValidModelName("name", name); err != nil {
		return Installed{}, err
	}
	in := Installed{Dir: filepath.Join(s.dir, name)}
	if info, err := os.Lstat(in.Dir); err == nil && !info.IsDir() {
		return Installed{}, fault.New(fault.InvalidField, "name", "%s is no folder in the store", name)
	}
	text, err := readSmall(filepath.Join(in.Dir, cardFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Installed{}, fault.New(fault.NotFound, "name", "no network %q has been added", name).
			WithHint("twinsync models list --all shows what is known; twinsync models add adds it.")
	}
	if err != nil {
		return Installed{}, err
	}
	if in.Card, err = ParseCard(text); err != nil {
		return Installed{}, err
	}
	if in.Card.Name != name {
		return Installed{}, fault.New(fault.InvalidField, "name", "the card in the folder %s is called %s", name, in.Card.Name)
	}
	record, err := readSmall(filepath.Join(in.Dir, recordFile))
	if err == nil {
		err = json.Unmarshal(record, &in.Record)
	}
	if err != nil {
		return Installed{}, fault.New(fault.Internal, "", "the record of %s cannot be read", name).
			WithHint("Remove it and add it again.").WithCause(err)
	}
	for _, f := range in.Card.Files {
		if info, err := os.Lstat(in.Path(f)); err != nil || !info.Mode().IsRegular() {
			in.Missing = append(in.Missing, f.Name)
		}
	}
	return in, nil
}

// readSmall reads a regular file of at most the size of a card.
func readSmall(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > MaxCard {
		return nil, fault.New(fault.InvalidField, "card", "%s is no small file", filepath.Base(path))
	}
	return os.ReadFile(path)
}

// ModelState is how far a network of a list can be used.
type ModelState string

// The states.
const (
	StateEmbedded ModelState = "embedded" // inside the program
	StateReady    ModelState = "ready"    // can be used
	StateNoFile   ModelState = "no file"  // the card is there, a file is not
	StateRefused  ModelState = "refused"  // the licence is not accepted, or the operator forbids it
	StateBroken   ModelState = "broken"   // the card or record cannot be read
	StatePullable ModelState = "to pull"  // only its card is known; it can be downloaded
	StateKnown    ModelState = "to add"   // only its card is known; its file has to be given
)

// Listed is one line of a list.
type Listed struct {
	Name    string     `json:"name"`
	State   ModelState `json:"state"`
	Problem string     `json:"problem,omitempty"`
	Card    ModelCard  `json:"card,omitzero"`
	Record  Record     `json:"record,omitzero"`
	Missing []string   `json:"missing,omitempty"`
}

// List lists what has been added, by name; with all, also the published cards that have not.
func (s *Store) List(all bool) ([]Listed, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.From(err).WithParam("models")
	}
	var list []Listed
	for _, e := range entries {
		if !e.IsDir() || ValidModelName("", e.Name()) != nil {
			continue
		}
		list = append(list, s.listed(e.Name()))
	}
	if all {
		cards, err := PublishedCards()
		if err != nil {
			return nil, err
		}
		for _, c := range cards {
			if !slices.ContainsFunc(list, func(l Listed) bool { return l.Name == c.Name }) {
				state := StateKnown
				if c.pullable() {
					state = StatePullable
				}
				list = append(list, Listed{Name: c.Name, State: state, Card: c})
			}
		}
	}
	slices.SortFunc(list, func(a, b Listed) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// pullable tells whether all files have an address and a digest.
func (c ModelCard) pullable() bool {
	return !slices.ContainsFunc(c.Files, func(f CardFile) bool { return f.SHA256 == "" || len(f.URLs) == 0 && f.Package == nil })
}

func (s *Store) listed(name string) Listed {
	in, err := s.Get(name)
	if err != nil {
		return Listed{Name: name, State: StateBroken, Problem: fault.From(err).Public()}
	}
	l := Listed{Name: name, State: StateReady, Card: in.Card, Record: in.Record, Missing: in.Missing}
	if err := s.allowed(in.Card, in.Record.Accepted); err != nil {
		l.State, l.Problem = StateRefused, fault.From(err).Public()
	} else if len(in.Missing) > 0 {
		l.State, l.Problem = StateNoFile, "missing: "+strings.Join(in.Missing, ", ")
	}
	return l
}

// text is a card as the store keeps it: complete, with nothing left to defaults.
func (c ModelCard) text() ([]byte, error) {
	b, err := yaml.Marshal(c)
	if err != nil {
		return nil, fault.New(fault.Internal, "", "the card cannot be written").WithCause(err)
	}
	if again, err := ParseCard(b); err != nil || again.Name != c.Name {
		return nil, fault.New(fault.Internal, "", "the card cannot be read again").WithCause(err)
	}
	return b, nil
}

// Text is the card as YAML, as the store keeps it.
func (i Installed) Text() ([]byte, error) { return i.Card.text() }
