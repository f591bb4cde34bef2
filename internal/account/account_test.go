package account

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/task"
)

func open(t testing.TB) (*Accounts, *memory, *clock) {
	t.Helper()
	m, c := &memory{}, &clock{t: time.Date(2026, 11, 22, 15, 4, 5, 123456789, time.UTC)}
	a, err := New(Config{Store: m, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	return a, m, c
}

func create(t testing.TB, a *Accounts, customer string) (Key, string) {
	t.Helper()
	k, secret, err := a.CreateKey(t.Context(), NewKey{Customer: customer, By: "root", AcceptTerms: true})
	if err != nil {
		t.Fatal(err)
	}
	return k, secret
}

func events(t *testing.T, a *Accounts, f AuditFilter) []string {
	t.Helper()
	all, err := a.Audit(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range all {
		names = append(names, e.Event)
	}
	return names
}

func TestCreateAndAuthenticate(t *testing.T) {
	a, m, _ := open(t)
	k, secret := create(t, a, "acme-1")
	got, err := a.Authenticate(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	want := k
	want.Limits = DefaultLimits()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-made +authenticated):\n%s", d)
	}
	if k.Customer != "acme-1" || !strings.HasPrefix(secret, strings.TrimSuffix(k.Hint, "…")) {
		t.Errorf("key = %+v", k)
	}
	for name, r := range m.all {
		if bytes.Contains(r.value, []byte(secret)) || bytes.Contains(r.value, []byte(secret[len("ts_")+4:])) || strings.Contains(name, secret) {
			t.Errorf("record %s holds the secret", name)
		}
	}
	c, err := a.Customer(t.Context(), "acme-1")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Accepted) != 1 || c.Accepted[0].By != "root" || c.Accepted[0].Version != Terms().Version || c.Accepted[0].SHA256 != Terms().SHA256 || c.Accepted[0].At.IsZero() {
		t.Errorf("accepted = %+v", c.Accepted)
	}
	create(t, a, "acme-1")
	if c, _ := a.Customer(t.Context(), "acme-1"); len(c.Accepted) != 1 {
		t.Errorf("the same person and words are recorded %d times", len(c.Accepted))
	}
	if d := cmp.Diff([]string{KeyCreated, KeyCreated, TermsAccepted}, events(t, a, AuditFilter{})); d != "" {
		t.Errorf("audit:\n%s", d)
	}
}

func TestCreateRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		n    NewKey
		code fault.Code
	}{
		{"terms", NewKey{Customer: "a", By: "x"}, fault.TermsNotAccepted},
		{"nobody", NewKey{Customer: "a", AcceptTerms: true}, fault.MissingField},
		{"no customer", NewKey{By: "x", AcceptTerms: true}, fault.MissingField},
		{"capital", NewKey{Customer: "Acme", By: "x", AcceptTerms: true}, fault.InvalidField},
		{"path", NewKey{Customer: "../a", By: "x", AcceptTerms: true}, fault.InvalidField},
		{"dot", NewKey{Customer: "a.b", By: "x", AcceptTerms: true}, fault.InvalidField},
		{"newline", NewKey{Customer: "a\n", By: "x", AcceptTerms: true}, fault.InvalidField},
		{"other script", NewKey{Customer: "é", By: "x", AcceptTerms: true}, fault.InvalidField},
		{"41", NewKey{Customer: strings.Repeat("a", 41), By: "x", AcceptTerms: true}, fault.InvalidField},
		{"the service's own", NewKey{Customer: "samples", By: "x", AcceptTerms: true}, fault.InvalidField},
		{"limits", NewKey{Customer: "a", By: "x", AcceptTerms: true, Limits: Limits{TasksInFlight: -1}}, fault.InvalidField},
	} {
		a, m, _ := open(t)
		if _, secret, err := a.CreateKey(t.Context(), c.n); !fault.Is(err, c.code) || secret != "" {
			t.Errorf("%s: error = %v, want %s", c.name, err, c.code)
		}
		if len(m.all) != 0 {
			t.Errorf("%s: left %d records", c.name, len(m.all))
		}
	}
	if err := CheckName(strings.Repeat("a", 40)); err != nil {
		t.Error(err)
	}
}

func TestSecrets(t *testing.T) {
	seen := map[string]bool{}
	counts := map[byte]int{}
	for range 2000 {
		s := newSecret()
		if seen[s] || !wellFormed(s) || len(s) != 45 {
			t.Fatalf("secret %q", s)
		}
		seen[s] = true
		for i := 3; i < 39; i++ {
			counts[s[i]]++
		}
	}
	// 72000 characters over 62: 1161 each, and 5 sigma are 170.
	for i := range len(base62) {
		if n := counts[base62[i]]; n < 990 || n > 1332 {
			t.Errorf("%q comes %d times", base62[i], n)
		}
	}
}

func TestAuthenticateRefuses(t *testing.T) {
	a, m, _ := open(t)
	_, secret := create(t, a, "acme")
	m.gets = 0
	flipped := []byte(secret)
	flipped[10] ^= 1
	for _, s := range []string{"", "x", "ts_", secret[3:], secret + "0", secret[:44], string(flipped), strings.ToUpper(secret), " " + secret, "ts_" + strings.Repeat("é", 21), "ts_\x00" + secret[4:]} {
		_, err := a.Authenticate(t.Context(), s)
		if !fault.Is(err, fault.InvalidKey) || fault.From(err).Param != "key" {
			t.Errorf("%q: %v", s, err)
		}
		if s != "" && len(s) > 3 && strings.Contains(fault.From(err).Error(), s) {
			t.Errorf("the error repeats the secret: %v", err)
		}
	}
	if m.gets != 0 {
		t.Errorf("the store was asked %d times for what cannot be a key", m.gets)
	}
	if _, err := a.Authenticate(t.Context(), newSecret()); !fault.Is(err, fault.InvalidKey) {
		t.Errorf("an unknown key: %v", err)
	}
	m.down = fault.New(fault.Unavailable, "", "the store does not answer")
	if _, err := a.Authenticate(t.Context(), newSecret()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("with the store down: %v", err)
	}
}

func TestRevoke(t *testing.T) {
	a, m, c := open(t)
	other, err := New(Config{Store: m, Now: c.now}) // another machine on the same store
	if err != nil {
		t.Fatal(err)
	}
	k, secret := create(t, a, "acme")
	for _, x := range []*Accounts{a, other} {
		if _, err := x.Authenticate(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
	}
	got, err := a.Revoke(t.Context(), k.ID, "root")
	if err != nil || got.RevokedAt.IsZero() {
		t.Fatalf("Revoke = %+v, %v", got, err)
	}
	if _, err := a.Authenticate(t.Context(), secret); !fault.Is(err, fault.InvalidKey) {
		t.Errorf("here, at once: %v", err)
	}
	c.pass(time.Second)
	if _, err := other.Authenticate(t.Context(), secret); !fault.Is(err, fault.InvalidKey) {
		t.Errorf("there, a second later: %v", err)
	}
	c.pass(time.Hour)
	again, err := a.Revoke(t.Context(), k.ID, "root")
	if err != nil || again.RevokedAt != got.RevokedAt {
		t.Errorf("revoked again: %+v, %v", again, err)
	}
	for _, id := range []string{"", "k", secret, "k0123456789abcdef", "../key", "k0123456789abcdeX"} {
		if _, err := a.Revoke(t.Context(), id, "root"); !fault.Is(err, fault.NotFound) {
			t.Errorf("Revoke(%q) = %v", id, err)
		}
	}
}

func TestJudgingAgainAsksNoStore(t *testing.T) {
	a, m, c := open(t)
	_, secret := create(t, a, "acme")
	m.gets = 0
	for range 100 {
		if _, err := a.Authenticate(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		c.pass(time.Millisecond)
	}
	if m.gets != 1 {
		t.Errorf("the store was asked %d times in 0.1 s", m.gets)
	}
}

func TestRotate(t *testing.T) {
	a, _, c := open(t)
	old, secret, err := a.CreateKey(t.Context(), NewKey{Customer: "acme", By: "root", AcceptTerms: true, Limits: Limits{TasksInFlight: 7}})
	if err != nil {
		t.Fatal(err)
	}
	c.pass(time.Second) // so that the keys have an order
	k, fresh, err := a.Rotate(t.Context(), old.ID, "ann", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if k.Replaces != old.ID || k.Customer != "acme" || k.Limits != old.Limits || fresh == secret {
		t.Errorf("key = %+v", k)
	}
	check := func(s string, live bool) {
		t.Helper()
		if _, err := a.Authenticate(t.Context(), s); live != (err == nil) {
			t.Errorf("live = %v, want %v", err == nil, live)
		}
	}
	check(secret, true)
	check(fresh, true)
	c.pass(time.Hour)
	check(secret, false)
	check(fresh, true)
	if _, _, err := a.Rotate(t.Context(), old.ID, "ann", 0); !fault.Is(err, fault.InvalidField) {
		t.Errorf("an expired key is rotated: %v", err)
	}
	_, third, err := a.Rotate(t.Context(), k.ID, "ann", 0)
	if err != nil {
		t.Fatal(err)
	}
	check(fresh, false)
	check(third, true)
	if _, _, err := a.Rotate(t.Context(), k.ID, "ann", -1); !fault.Is(err, fault.InvalidField) {
		t.Errorf("a negative overlap: %v", err)
	}
	keys, err := a.Keys(t.Context(), "acme")
	if err != nil || len(keys) != 3 || keys[0].ID != old.ID {
		t.Errorf("keys = %+v, %v", keys, err)
	}
	if keys, err := a.Keys(t.Context(), "other"); err != nil || keys == nil || len(keys) != 0 {
		t.Errorf("keys of nobody = %v, %v", keys, err)
	}
	if b, _ := json.Marshal(keys); bytes.Contains(b, []byte("hash")) {
		t.Errorf("the list shows hashes: %s", b)
	}
}

func TestNoKeyWithoutAudit(t *testing.T) {
	a, m, _ := open(t)
	create(t, a, "acme")
	before := len(m.all)
	m.down = errors.New("disk full")
	if _, secret, err := a.CreateKey(t.Context(), NewKey{Customer: "acme", By: "root", AcceptTerms: true}); err == nil || secret != "" {
		t.Error("a key was made although nothing can be written")
	}
	m.down = nil
	if len(m.all) != before {
		t.Error("records were made")
	}
}

func TestAudit(t *testing.T) {
	a, _, c := open(t)
	rec := func(e Entry) {
		t.Helper()
		if err := a.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	const id = "20261122_15_04_05_428193847561029384"
	rec(Entry{Event: TaskSubmitted, Customer: "acme", Task: id, Detail: map[string]string{"image_url_sha256": "ab"}})
	c.pass(time.Minute)
	for _, state := range []string{"succeeded", "failed"} { // the second is a repetition
		rec(Entry{Event: TaskFinished, Customer: "acme", Task: id, Detail: map[string]string{"state": state}})
	}
	rec(Entry{Event: TaskSubmitted, Customer: "zeta", Task: id[:len(id)-1] + "9"})
	all, err := a.Audit(t.Context(), AuditFilter{Task: id})
	if err != nil || len(all) != 2 || all[0].Event != TaskSubmitted || all[1].Detail["state"] != "succeeded" {
		t.Errorf("audit of the task = %+v, %v", all, err)
	}
	if got := events(t, a, AuditFilter{Customer: "acme", Since: c.now()}); !slices.Equal(got, []string{TaskFinished}) {
		t.Errorf("since a minute ago: %v", got)
	}
	if err := a.Record(t.Context(), Entry{}); !fault.Is(err, fault.MissingField) {
		t.Errorf("an empty entry: %v", err)
	}
}

func TestFinished(t *testing.T) {
	at := time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC)
	got := Finished(task.Task{ID: "i", Customer: "acme", KeyID: "k", Kind: "swap", State: task.Failed, FinishedAt: at,
		Fault: &task.Fault{Code: fault.NoVideo, Text: "private"}, Result: &task.Result{SHA256: "cd"}}, map[string]string{"video_url_sha256": "ab"})
	want := Entry{At: at, Event: TaskFinished, Customer: "acme", Key: "k", Task: "i",
		Detail: map[string]string{"kind": "swap", "state": "failed", "code": "no_video_stream", "result_sha256": "cd", "video_url_sha256": "ab"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestTerms(t *testing.T) {
	terms := Terms()
	if _, err := time.Parse(time.DateOnly, terms.Version); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(terms.Text, "# Terms of use\n") || len(terms.SHA256) != 64 {
		t.Errorf("terms = %+v", terms)
	}
}

// TestAgainstModel runs random orders against what a plain list would say.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, _, c := open(t)
		type modelKey struct {
			id, secret string
			ends       time.Time
			revoked    bool
		}
		var keys []*modelKey
		pick := func(rt *rapid.T) *modelKey {
			if len(keys) == 0 {
				rt.Skip("no key yet")
			}
			return rapid.SampledFrom(keys).Draw(rt, "key")
		}
		live := func(k *modelKey) bool { return !k.revoked && (k.ends.IsZero() || c.now().Before(k.ends)) }
		rt.Repeat(map[string]func(*rapid.T){
			"create": func(rt *rapid.T) {
				k, secret := create(t, a, rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "customer"))
				keys = append(keys, &modelKey{id: k.ID, secret: secret})
			},
			"revoke": func(rt *rapid.T) {
				k := pick(rt)
				if _, err := a.Revoke(t.Context(), k.id, "x"); err != nil {
					rt.Fatal(err)
				}
				k.revoked = true
			},
			"rotate": func(rt *rapid.T) {
				k := pick(rt)
				overlap := time.Duration(rapid.IntRange(0, 5).Draw(rt, "s")) * time.Second
				n, secret, err := a.Rotate(t.Context(), k.id, "x", overlap)
				if live(k) != (err == nil) {
					rt.Fatalf("live = %v, error = %v", live(k), err)
				}
				if err != nil {
					return
				}
				if end := c.now().Add(overlap); k.ends.IsZero() || end.Before(k.ends) {
					k.ends = end
				}
				keys = append(keys, &modelKey{id: n.ID, secret: secret})
			},
			"wait": func(rt *rapid.T) { c.pass(time.Duration(rapid.IntRange(1, 3000).Draw(rt, "ms")) * time.Millisecond) },
			"": func(rt *rapid.T) {
				for _, k := range keys {
					if _, err := a.Authenticate(t.Context(), k.secret); live(k) != (err == nil) {
						rt.Fatalf("key %s: live = %v, error = %v", k.id, live(k), err)
					}
				}
			},
		})
	})
}

func TestConcurrentFirstKeys(t *testing.T) {
	a, _, _ := open(t)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			_, secret, err := a.CreateKey(t.Context(), NewKey{Customer: "acme", By: "root", AcceptTerms: true})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := a.Authenticate(t.Context(), secret); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if c, err := a.Customer(t.Context(), "acme"); err != nil || len(c.Accepted) != 1 {
		t.Errorf("customer = %+v, %v", c, err)
	}
}

func FuzzAuthenticate(f *testing.F) {
	a, _, _ := open(f)
	_, secret := create(f, a, "acme")
	f.Add(secret[:44])
	f.Add("ts_")
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := a.Authenticate(t.Context(), s); s != secret && !fault.Is(err, fault.InvalidKey) {
			t.Errorf("%q: %v", s, err)
		}
	})
}

// BenchmarkAuthenticate: the promise is 50 µs for a key that was just seen.
func BenchmarkAuthenticate(b *testing.B) {
	a, _, _ := open(b)
	_, secret := create(b, a, "acme")
	for b.Loop() {
		if _, err := a.Authenticate(b.Context(), secret); err != nil {
			b.Fatal(err)
		}
	}
}
