package dispatch

import (
	"context"
	"regexp"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/task"
)

// Store is what an engine must offer: named buckets of records and the work queues.
// internal/dispatch/dispatchtest holds the suite that every adapter passes. When the engine cannot be
// reached, methods return fault.Unavailable, whose Retry is set; a write that ended so may or may
// not have happened.
type Store interface {
	// Bucket opens the bucket of this name and makes it when there is none.
	// Names are lower-case letters, digits and dashes.
	Bucket(ctx context.Context, name string) (KV, error)
	// Queue opens the work queues.
	Queue(ctx context.Context) (Queue, error)
	// Close ends every watch and lets go of the engine.
	Close() error
}

// KV holds small records under keys (see ValidKey). Each write of a key gets a revision
// greater than all before it in its bucket.
type KV interface {
	// Get gives the newest value, or fault.NotFound.
	Get(ctx context.Context, key string) (value []byte, rev uint64, err error)
	// Create writes a key that must not exist: else fault.Conflict.
	Create(ctx context.Context, key string, value []byte) (rev uint64, err error)
	// Update replaces the value that has revision rev: fault.Conflict when another has been
	// written since, fault.NotFound when the key is gone.
	Update(ctx context.Context, key string, value []byte, rev uint64) (uint64, error)
	// Delete removes the value that has revision rev, with the errors of Update.
	Delete(ctx context.Context, key string, rev uint64) error
	// Keys lists the keys that begin with prefix, sorted.
	Keys(ctx context.Context, prefix string) ([]string, error)
	// Watch follows one key, every key below a prefix that ends in a dot, or, for "", all. First
	// come the present values, then one Entry whose Key is empty, then every change in order,
	// though of several quick changes to a key only the last may come. The channel is closed
	// when ctx ends or the engine is lost; the caller must read until then.
	Watch(ctx context.Context, scope string) (<-chan Entry, error)
}

// Entry is one value, or the removal of a key, seen by Watch.
type Entry struct {
	Key     string // "" says that all present values have come
	Value   []byte
	Rev     uint64
	Deleted bool
}

// Queue carries hints that a segment may be ready, first in, first out for each capability. A
// hint is delivered to one taker at a time and at least once: one that is neither Done nor
// Returned within some seconds comes again.
type Queue interface {
	Offer(ctx context.Context, capability string, h Hint) error
	// Take waits for a hint. It returns ctx's error when that ends first.
	Take(ctx context.Context, capability string) (Delivery, error)
}

// Hint points at a segment. Whether there is anything to do, only the record says.
type Hint struct {
	Task    task.ID `json:"task"`
	Segment string  `json:"segment"`
}

// Delivery is a hint that was taken.
type Delivery interface {
	Hint() Hint
	// Done removes the hint.
	Done(ctx context.Context) error
	// Return puts it back, to be delivered again after delay.
	Return(ctx context.Context, delay time.Duration) error
}

var (
	keyForm  = regexp.MustCompile(`^[a-zA-Z0-9_=-]+(\.[a-zA-Z0-9_=-]+)*$`)
	nameForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

// MaxKey is the longest key in bytes.
const MaxKey = 256

// ValidKey refuses keys that an engine could misread: a key is words of letters,
// digits, '_', '=' and '-', joined by dots. The error is fault.InvalidField.
func ValidKey(key string) error {
	if len(key) > MaxKey || !keyForm.MatchString(key) {
		return fault.New(fault.InvalidField, "key", "%.60q cannot be the key of a record", key)
	}
	return nil
}

// ValidName refuses names of buckets and capabilities that are not lower-case words joined by
// dashes, at most 40 characters. The error is fault.InvalidField.
func ValidName(name string) error {
	if len(name) > 40 || !nameForm.MatchString(name) {
		return fault.New(fault.InvalidField, "name", "%.60q cannot be a name", name)
	}
	return nil
}

// ValidScope refuses what Watch cannot follow. The error is fault.InvalidField.
func ValidScope(scope string) error {
	if scope == "" {
		return nil
	}
	if scope[len(scope)-1] == '.' {
		scope = scope[:len(scope)-1]
	}
	return ValidKey(scope)
}
