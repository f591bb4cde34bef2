// Package account knows the customers, their keys, the terms they accepted, what
// each key may do, and keeps the audit.
//
// It promises:
//
//   - A key's secret is shown once, when it is made; only its hash is stored.
//   - No key without accepted terms, and a record of who accepted which words when.
//   - A revoked or expired key stops working within a second on every machine
//     that shares the store, and at once on the one where it was revoked.
//   - Judging a key that was seen within that time asks no store.
//   - The audit only grows.
package account

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// Store keeps records by name with compare-and-set; a bucket of the dispatcher
// is one. Names are letters, digits and "._-". It is safe for concurrent use.
type Store interface {
	// Get gives a record and its revision, or fault.NotFound.
	Get(ctx context.Context, key string) (value []byte, rev uint64, err error)
	// Create adds a record, or gives fault.Conflict when there is one.
	Create(ctx context.Context, key string, value []byte) (rev uint64, err error)
	// Update replaces the record of this revision, or gives fault.Conflict.
	Update(ctx context.Context, key string, value []byte, rev uint64) (newRev uint64, err error)
	// Keys gives all names that begin with prefix.
	Keys(ctx context.Context, prefix string) ([]string, error)
}

// Limits is what one key may do. A zero field stands for the installation's own.
type Limits struct {
	RequestsPerMinute int `json:"requests_per_minute,omitempty"`
	TasksInFlight     int `json:"tasks_in_flight,omitempty"` // waiting and running
}

// DefaultLimits guard the machine, not a price list: 200 requests a second and
// 10 000 tasks in the queue are far below what the store bears.
func DefaultLimits() Limits {
	return Limits{RequestsPerMinute: 12_000, TasksInFlight: 10_000}
}

// or fills zero fields from d.
func (l Limits) or(d Limits) Limits {
	if l.RequestsPerMinute == 0 {
		l.RequestsPerMinute = d.RequestsPerMinute
	}
	if l.TasksInFlight == 0 {
		l.TasksInFlight = d.TasksInFlight
	}
	return l
}

// Key is what is known of a key, without its secret.
type Key struct {
	ID        string    `json:"id"`
	Customer  string    `json:"customer"`
	Hint      string    `json:"hint"` // how the secret begins, to recognise it: "ts_3QmW…"
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // zero: never
	RevokedAt time.Time `json:"revoked_at,omitzero"` // zero: not
	Replaces  string    `json:"replaces,omitempty"`  // the key it was made from by Rotate
	Limits    Limits    `json:"limits,omitzero"`
}

// Live reports whether the key works at this time.
func (k Key) Live(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// keyRecord is what is stored.
type keyRecord struct {
	Key
	Hash []byte `json:"hash"` // SHA-256 of the secret
}

// Acceptance is a customer's agreement to the terms.
type Acceptance struct {
	By      string    `json:"by"`
	Version string    `json:"version"`
	SHA256  string    `json:"sha256"` // of the words
	At      time.Time `json:"at"`
}

// Customer is someone who has, or had, keys.
type Customer struct {
	Name      string       `json:"name"`
	CreatedAt time.Time    `json:"created_at"`
	Accepted  []Acceptance `json:"accepted"` // oldest first
}

const (
	keyPrefix      = "key."
	customerPrefix = "customer."

	// maxName is the contract's.
	maxName = 40
	// cacheTime is how long a judged key is trusted without asking the store:
	// half of the second that is promised, for the other half is the store's.
	cacheTime = 500 * time.Millisecond
	// cacheSize bounds memory; beyond it the cache starts anew.
	cacheSize = 10_000
	// casTries bounds how often a lost race is run again.
	casTries = 20
)

// Config is what Accounts need.
type Config struct {
	Store  Store
	Limits Limits           // of keys without their own; zero fields: DefaultLimits
	Now    func() time.Time // nil: time.Now
}

// Accounts is safe for concurrent use and holds nothing that needs closing.
type Accounts struct {
	store  Store
	limits Limits
	now    func() time.Time

	mu    sync.RWMutex
	cache map[string]cached // by key identifier
	epoch uint64            // counts what was forgotten
}

// cached is what the store said about an identifier; a nil record: no such key.
type cached struct {
	record *keyRecord
	until  time.Time
}

// New makes Accounts over a store.
func New(cfg Config) (*Accounts, error) {
	if cfg.Store == nil {
		return nil, errors.New("account: no store")
	}
	if cfg.Limits.RequestsPerMinute < 0 || cfg.Limits.TasksInFlight < 0 {
		return nil, errors.New("account: limits must not be negative")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Accounts{
		store: cfg.Store, limits: cfg.Limits.or(DefaultLimits()), now: cfg.Now,
		cache: map[string]cached{},
	}, nil
}

// CheckName checks a customer's short name: 1 to 40 of a–z, 0–9 and "-", and none that
// the service needs for its own paths. Error: fault.InvalidField, param "customer".
func CheckName(name string) error {
	const hint = "Use 1 to 40 of a-z, 0-9 and -."
	switch {
	case name == "":
		return fault.New(fault.MissingField, "customer", "no customer given").WithHint(hint)
	case len(name) > maxName:
		return fault.New(fault.InvalidField, "customer", "the name is longer than 40 characters").WithHint(hint)
	case !onlyNameBytes(name):
		return fault.New(fault.InvalidField, "customer", "the name %q has other characters than a-z, 0-9 and -", name).WithHint(hint)
	}
	switch name { // results lie under /CUSTOMER/, on the API's port too
	case "samples", "v1", "studio", "assets", "healthz", "readyz", "metrics":
		return fault.New(fault.InvalidField, "customer", "the name %q is the service's own", name).WithHint("Choose another name.")
	}
	return nil
}

func onlyNameBytes(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// NewKey is an order for a key.
type NewKey struct {
	Customer    string
	By          string // who orders it and accepts the terms: a person or an account of the machine
	AcceptTerms bool
	Limits      Limits
}

// CreateKey makes a key, and the customer when it is the first. The secret is in
// the answer and nowhere else.
//
// Errors: fault.InvalidField, fault.MissingField, fault.TermsNotAccepted, and the store's.
func (a *Accounts) CreateKey(ctx context.Context, n NewKey) (Key, string, error) {
	if err := CheckName(n.Customer); err != nil {
		return Key{}, "", err
	}
	if n.By == "" {
		return Key{}, "", fault.New(fault.MissingField, "by", "nobody is named who accepts the terms")
	}
	if n.Limits.RequestsPerMinute < 0 || n.Limits.TasksInFlight < 0 {
		return Key{}, "", fault.New(fault.InvalidField, "limits", "limits must not be negative")
	}
	if !n.AcceptTerms {
		return Key{}, "", fault.New(fault.TermsNotAccepted, "", "the terms of use (version %s) are not accepted", Terms().Version).
			WithHint("Read them and add --accept-terms.")
	}
	if err := a.accept(ctx, n.Customer, n.By); err != nil {
		return Key{}, "", err
	}
	return a.makeKey(ctx, Key{Customer: n.Customer, CreatedBy: n.By, Limits: n.Limits}, KeyCreated)
}

// makeKey stores a new key with these properties after the audit knows of it.
func (a *Accounts) makeKey(ctx context.Context, k Key, event string) (Key, string, error) {
	secret := newSecret()
	sum, id := digest(secret)
	k.ID, k.Hint, k.CreatedAt = id, secret[:len(secretPrefix)+4]+"…", a.now().UTC()
	detail := map[string]string{"hint": k.Hint}
	if k.Replaces != "" {
		detail["replaces"] = k.Replaces
	}
	// First the audit: an entry without a key is harmless, a key without an entry is not.
	if err := a.Record(ctx, Entry{Event: event, Customer: k.Customer, Key: id, By: k.CreatedBy, Detail: detail}); err != nil {
		return Key{}, "", err
	}
	value, err := json.Marshal(keyRecord{Key: k, Hash: sum[:]})
	if err != nil {
		return Key{}, "", err
	}
	if _, err := a.store.Create(ctx, keyPrefix+id, value); err != nil {
		return Key{}, "", err
	}
	a.forget(id) // it may be known as absent
	return k, secret, nil
}

// accept records that the customer accepts the terms, once for each version and person.
func (a *Accounts) accept(ctx context.Context, name, by string) error {
	terms, now := Terms(), a.now().UTC()
	agreed := Acceptance{By: by, Version: terms.Version, SHA256: terms.SHA256, At: now}
	known := func(c Customer) bool {
		return slices.ContainsFunc(c.Accepted, func(x Acceptance) bool { return x.By == by && x.SHA256 == terms.SHA256 })
	}
	for range casTries {
		var c Customer
		first := false
		value, rev, err := a.store.Get(ctx, customerPrefix+name)
		switch {
		case fault.Is(err, fault.NotFound):
			first = true
			c = Customer{Name: name, CreatedAt: now}
		case err != nil:
			return err
		default:
			if err := json.Unmarshal(value, &c); err != nil {
				return fault.New(fault.Internal, "", "a customer's record cannot be read").WithCause(err)
			}
			if known(c) {
				return nil
			}
		}
		c.Accepted = append(c.Accepted, agreed)
		if value, err = json.Marshal(c); err != nil {
			return err
		}
		if first {
			_, err = a.store.Create(ctx, customerPrefix+name, value)
		} else {
			_, err = a.store.Update(ctx, customerPrefix+name, value, rev)
		}
		if fault.Is(err, fault.Conflict) {
			continue
		}
		if err != nil {
			return err
		}
		return a.Record(ctx, Entry{Event: TermsAccepted, Customer: name, By: by,
			Detail: map[string]string{"version": terms.Version, "sha256": terms.SHA256}})
	}
	return busy()
}

// Customer gives a customer, or fault.NotFound.
func (a *Accounts) Customer(ctx context.Context, name string) (Customer, error) {
	if err := CheckName(name); err != nil {
		return Customer{}, err
	}
	value, _, err := a.store.Get(ctx, customerPrefix+name)
	if fault.Is(err, fault.NotFound) {
		return Customer{}, fault.New(fault.NotFound, "customer", "there is no customer %s", name)
	}
	if err != nil {
		return Customer{}, err
	}
	var c Customer
	if err := json.Unmarshal(value, &c); err != nil {
		return Customer{}, fault.New(fault.Internal, "", "a customer's record cannot be read").WithCause(err)
	}
	return c, nil
}

// Keys lists the keys of a customer, or of all when customer is "", oldest first,
// those that no longer work included.
func (a *Accounts) Keys(ctx context.Context, customer string) ([]Key, error) {
	names, err := a.store.Keys(ctx, keyPrefix)
	if err != nil {
		return nil, err
	}
	keys := []Key{}
	for _, name := range names {
		r, _, err := a.read(ctx, strings.TrimPrefix(name, keyPrefix))
		if err != nil {
			return nil, err
		}
		if customer == "" || r.Customer == customer {
			keys = append(keys, r.Key)
		}
	}
	slices.SortFunc(keys, func(x, y Key) int {
		if c := x.CreatedAt.Compare(y.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(x.ID, y.ID)
	})
	return keys, nil
}

func (a *Accounts) read(ctx context.Context, id string) (keyRecord, uint64, error) {
	value, rev, err := a.store.Get(ctx, keyPrefix+id)
	if err != nil {
		return keyRecord{}, 0, err
	}
	var r keyRecord
	if err := json.Unmarshal(value, &r); err != nil {
		return keyRecord{}, 0, fault.New(fault.Internal, "", "a key's record cannot be read").WithCause(err)
	}
	return r, rev, nil
}

func busy() error {
	return fault.New(fault.Unavailable, "", "the record is being changed by others all the time").WithHint("Try again.")
}
