package account

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/task"
)

// Events of the audit.
const (
	KeyCreated    = "key.created"
	KeyRevoked    = "key.revoked"
	KeyRotated    = "key.rotated"
	TermsAccepted = "terms.accepted"
	TaskSubmitted = "task.submitted" // written before the task is; one without the next event was refused by the store
	TaskFinished  = "task.finished"  // in whatever way; Detail says in which
)

// Entry is one line of the audit. Entries are only ever added: this package asks
// its store for nothing that could change or remove one.
type Entry struct {
	At       time.Time `json:"at"` // UTC; set by Record when zero
	Event    string    `json:"event"`
	Customer string    `json:"customer,omitempty"`
	Key      string    `json:"key,omitempty"`  // identifier, never the secret
	Task     string    `json:"task,omitempty"` // identifier
	By       string    `json:"by,omitempty"`   // who did it, where a person did
	// Detail is digests and outcomes: "image_url_sha256", "state", "result_sha256", ….
	// No addresses, texts or pictures.
	Detail map[string]string `json:"detail,omitempty"`
}

// Finished is the entry of a task that has come to its end. digests are those of the
// files that went in, by field, as "image_url_sha256"; it may be nil.
func Finished(t task.Task, digests map[string]string) Entry {
	detail := map[string]string{"kind": t.Kind, "state": string(t.State)}
	maps.Copy(detail, digests)
	if t.Result != nil {
		detail["result_sha256"] = t.Result.SHA256
	}
	if t.Fault != nil {
		detail["code"] = string(t.Fault.Code)
	}
	return Entry{At: t.FinishedAt, Event: TaskFinished, Customer: t.Customer, Key: t.KeyID, Task: string(t.ID), Detail: detail}
}

const auditPrefix = "audit."

// Record adds an entry. One with a Task is kept once for each event: a second is
// taken for a repetition after a crash and changes nothing.
func (a *Accounts) Record(ctx context.Context, e Entry) error {
	if e.Event == "" {
		return fault.New(fault.MissingField, "event", "an audit entry needs an event")
	}
	if e.At.IsZero() {
		e.At = a.now()
	}
	e.At = e.At.UTC()
	value, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if e.Task != "" {
		// A task's identifier begins with its time, so the names still sort by time.
		_, err := a.store.Create(ctx, auditPrefix+e.Task+"."+e.Event, value)
		if fault.Is(err, fault.Conflict) {
			return nil
		}
		return err
	}
	var unique [8]byte
	rand.Read(unique[:])
	name := fmt.Sprintf("%s%s_%09d-%s", auditPrefix, e.At.Format("20060102_15_04_05"), e.At.Nanosecond(), hex.EncodeToString(unique[:]))
	_, err = a.store.Create(ctx, name, value)
	return err
}

// AuditFilter chooses entries; zero fields choose all.
type AuditFilter struct {
	Customer string
	Task     string
	Since    time.Time
}

// Audit gives the chosen entries, oldest first.
func (a *Accounts) Audit(ctx context.Context, f AuditFilter) ([]Entry, error) {
	prefix := auditPrefix
	if f.Task != "" {
		prefix += f.Task + "."
	}
	names, err := a.store.Keys(ctx, prefix)
	if err != nil {
		return nil, err
	}
	var all []Entry
	for _, name := range names {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		value, _, err := a.store.Get(ctx, name)
		if err != nil {
			return nil, err
		}
		var e Entry
		if err := json.Unmarshal(value, &e); err != nil {
			return nil, fault.New(fault.Internal, "", "an audit entry cannot be read").WithCause(err)
		}
		if f.Customer != "" && e.Customer != f.Customer || e.At.Before(f.Since) {
			continue
		}
		all = append(all, e)
	}
	slices.SortStableFunc(all, func(x, y Entry) int {
		return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.Event, y.Event))
	})
	return all, nil
}
