package account

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"strings"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// Authenticate gives the live key that a secret belongs to, its Limits filled.
//
// The time it takes says nothing about stored secrets: records are found by a
// hash, which an attacker cannot steer byte by byte, and hashes are compared
// in constant time.
//
// Errors: fault.InvalidKey, param "key"; the store's when it cannot be asked.
func (a *Accounts) Authenticate(ctx context.Context, secret string) (Key, error) {
	const hint = "Use the key that you were given, or ask the operator for one."
	if secret == "" {
		return Key{}, fault.New(fault.InvalidKey, "key", "no secret key given").WithHint(hint)
	}
	unknown := fault.New(fault.InvalidKey, "key", "the secret key is not valid").WithHint(hint)
	if !wellFormed(secret) {
		return Key{}, unknown
	}
	sum, id := digest(secret)
	r, err := a.lookup(ctx, id)
	if err != nil {
		return Key{}, err
	}
	if r == nil || subtle.ConstantTimeCompare(r.Hash, sum[:]) != 1 {
		return Key{}, unknown
	}
	now := a.now()
	switch {
	case !r.RevokedAt.IsZero():
		return Key{}, fault.New(fault.InvalidKey, "key", "the secret key has been revoked").WithHint(hint)
	case !r.Live(now):
		return Key{}, fault.New(fault.InvalidKey, "key", "the secret key has expired").WithHint(hint)
	}
	k := r.Key
	k.Limits = k.Limits.or(a.limits)
	return k, nil
}

// lookup is the record of an identifier, nil when there is none, at most cacheTime old.
func (a *Accounts) lookup(ctx context.Context, id string) (*keyRecord, error) {
	asked := a.now()
	a.mu.RLock()
	c, ok := a.cache[id]
	epoch := a.epoch
	a.mu.RUnlock()
	if ok && asked.Before(c.until) {
		return c.record, nil
	}
	var record *keyRecord
	switch r, _, err := a.read(ctx, id); {
	case err == nil:
		record = &r
	case !fault.Is(err, fault.NotFound):
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.epoch != epoch { // a key was changed meanwhile, maybe this one after it was read
		return record, nil
	}
	if len(a.cache) >= cacheSize {
		clear(a.cache)
	}
	// The time counts from before the store was asked, so that a slow answer is not trusted for longer.
	a.cache[id] = cached{record: record, until: asked.Add(cacheTime)}
	return record, nil
}

func (a *Accounts) forget(id string) {
	a.mu.Lock()
	delete(a.cache, id)
	a.epoch++
	a.mu.Unlock()
}

// Revoke ends a key; by is who does it. Revoking one that is revoked changes nothing.
// Error: fault.NotFound.
func (a *Accounts) Revoke(ctx context.Context, id, by string) (Key, error) {
	k, err := a.change(ctx, id, func(k *Key, now time.Time) bool {
		if !k.RevokedAt.IsZero() {
			return false
		}
		k.RevokedAt = now
		return true
	})
	if err != nil {
		return Key{}, err
	}
	return k, a.Record(ctx, Entry{Event: KeyRevoked, Customer: k.Customer, Key: id, By: by})
}

// Rotate makes a new key of the same customer and limits; the old one works for
// overlap longer, so that clients can be changed without a pause. The terms stand
// as they were accepted.
//
// Errors: fault.NotFound; fault.InvalidField for a key that no longer works or a negative overlap.
func (a *Accounts) Rotate(ctx context.Context, id, by string, overlap time.Duration) (Key, string, error) {
	if overlap < 0 {
		return Key{}, "", fault.New(fault.InvalidField, "overlap", "must not be negative")
	}
	if by == "" {
		return Key{}, "", fault.New(fault.MissingField, "by", "nobody is named who rotates the key")
	}
	old, _, err := a.find(ctx, id)
	if err != nil {
		return Key{}, "", err
	}
	if !old.Live(a.now()) {
		return Key{}, "", fault.New(fault.InvalidField, "key", "the key %s no longer works", id).WithHint("Create a new one.")
	}
	// First the new key: a crash between the two leaves one key too many, never none.
	k, secret, err := a.makeKey(ctx, Key{Customer: old.Customer, CreatedBy: by, Limits: old.Limits, Replaces: id}, KeyRotated)
	if err != nil {
		return Key{}, "", err
	}
	_, err = a.change(ctx, id, func(o *Key, now time.Time) bool {
		end := now.Add(overlap)
		if !o.ExpiresAt.IsZero() && o.ExpiresAt.Before(end) {
			return false
		}
		o.ExpiresAt = end
		return true
	})
	if err != nil {
		return Key{}, "", err
	}
	return k, secret, nil
}

func (a *Accounts) find(ctx context.Context, id string) (keyRecord, uint64, error) {
	missing := fault.New(fault.NotFound, "key", "there is no key %q", id).
		WithHint("'twinsync keys list' shows the identifiers; they are not the secrets.")
	if len(id) != 17 || id[0] != 'k' || strings.Trim(id[1:], "0123456789abcdef") != "" {
		return keyRecord{}, 0, missing
	}
	r, rev, err := a.read(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return keyRecord{}, 0, missing
	}
	return r, rev, err
}

// change applies do to the stored key; do says whether it changed anything.
func (a *Accounts) change(ctx context.Context, id string, do func(k *Key, now time.Time) bool) (Key, error) {
	defer a.forget(id)
	for range casTries {
		r, rev, err := a.find(ctx, id)
		if err != nil {
			return Key{}, err
		}
		if !do(&r.Key, a.now().UTC()) {
			return r.Key, nil
		}
		value, err := json.Marshal(r)
		if err != nil {
			return Key{}, err
		}
		if _, err = a.store.Update(ctx, keyPrefix+id, value, rev); err == nil {
			return r.Key, nil
		} else if !fault.Is(err, fault.Conflict) {
			return Key{}, err
		}
	}
	return Key{}, busy()
}
