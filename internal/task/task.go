// Package task is the domain of everything that TwinSync does for a customer: a
// Task and the Segments of its current stage, their states, and the only ways from one
// state to the next. It is pure: no clock, no randomness but that of NewID, no input or
// output. A transition is a method on a value that gives the changed value or an
// error and never changes its receiver, so a caller reads a record, applies a transition
// and writes the record back with one compare-and-set.
//
// A task:
//
//	queued → running → succeeded | failed | canceled
//
// A segment:
//
//	pending → ready → leased → done
//
// A leased segment whose worker fails, dies or gives it back is pending again; when its
// task ends first it is canceled, and the one that made the task fail is failed. All segments
// of a stage live in the task's own record. So the write that completes the last of
// them also moves the task on.
package task

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// State is where a task stands.
type State string

// The states of a task. The last three are final.
const (
	Queued    State = "queued"    // accepted; no worker has begun
	Running   State = "running"   // a worker has taken a segment at least once
	Succeeded State = "succeeded" // Result is set
	Failed    State = "failed"    // Fault is set
	Canceled  State = "canceled"  // by the customer or the operator
)

// Final reports whether nothing can happen to a task in this state any more.
func (s State) Final() bool { return s == Succeeded || s == Failed || s == Canceled }

// Valid reports whether s is one of the states.
func (s State) Valid() bool { return s == Queued || s == Running || s.Final() }

// SegmentState is where a segment stands.
type SegmentState string

// The states of a segment. The last three are final.
const (
	Pending         SegmentState = "pending" // waits for its turn or, after a failure, for NotBefore
	Ready           SegmentState = "ready"   // released: a hint is on its way to a worker
	Leased          SegmentState = "leased"  // a worker holds Lease until LeaseUntil
	Done            SegmentState = "done"    // Result is set
	SegmentFailed   SegmentState = "failed"  // gave up, and with it the task
	SegmentCanceled SegmentState = "canceled"
)

// Final reports whether nothing can happen to a segment in this state any more.
func (s SegmentState) Final() bool {
	return s == Done || s == SegmentFailed || s == SegmentCanceled
}

// MaxSegments bounds the segments of one stage, because they share one record: 4096 pieces
// of a few seconds are several hours of video.
const MaxSegments = 4096

// Task is one order of a customer and all that is known of its progress. It is the record
// that is stored. Times are UTC; a zero time has not come yet.
type Task struct {
	ID       ID              `json:"id"`
	Customer string          `json:"customer"`
	KeyID    string          `json:"key_id,omitempty"` // the key that ordered it
	Kind     string          `json:"kind"`             // "swap", …
	Spec     json.RawMessage `json:"spec,omitempty"`   // what is wanted; its form belongs to Kind

	CreatedAt  time.Time `json:"created_at"`
	StartedAt  time.Time `json:"started_at,omitzero"`
	FinishedAt time.Time `json:"finished_at,omitzero"`
	UpdatedAt  time.Time `json:"updated_at,omitzero"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"` // when the task and its outputs may be removed

	State  State   `json:"state"`
	Stage  string  `json:"stage,omitempty"`  // "fetch", "analyse", …
	Step   int     `json:"step,omitempty"`   // number of the stage, from 1; makes segment names unique
	Shares []Share `json:"shares,omitempty"` // how stages add up to Progress

	Progress    float64 `json:"progress"`               // 0…1, never falls
	FramesDone  int     `json:"frames_done,omitempty"`  // of the latest stage that counts frames
	FramesTotal int     `json:"frames_total,omitempty"` // 0 while unknown

	Segments []Segment                  `json:"segments,omitempty"` // of the current stage
	Results  map[string]json.RawMessage `json:"results,omitempty"`  // of stages before: an array in segment order

	Fault    *Fault   `json:"fault,omitempty"`
	Warnings []string `json:"warnings,omitempty"` // public sentences, each once
	Result   *Result  `json:"result,omitempty"`

	Attempts int `json:"attempts,omitempty"` // leases given over all stages
	Retries  int `json:"retries,omitempty"`  // leases that ended in a failure or with a dead worker
}

// Share says how far the whole task is when a stage ends.
type Share struct {
	Stage string  `json:"stage"`
	Until float64 `json:"until"` // 0…1, ascending over the stages
}

// Segment is a piece of a stage that one worker does at one go.
type Segment struct {
	ID         string          `json:"id"` // unique within the task: stage, step and index
	Index      int             `json:"index"`
	Capability string          `json:"capability"` // which queue: "cpu", "gpu"
	Spec       json.RawMessage `json:"spec,omitempty"`
	State      SegmentState    `json:"state"`
	NotBefore  time.Time       `json:"not_before,omitzero"` // of a pending one: the time of its retry

	Worker     string    `json:"worker,omitempty"` // who holds it, or who did it
	Lease      string    `json:"lease,omitempty"`  // the fencing token of that attempt
	LeaseUntil time.Time `json:"lease_until,omitzero"`
	Attempt    int       `json:"attempt,omitempty"`  // leases so far: 1 is the first try
	Failures   int       `json:"failures,omitempty"` // those that count against the policy

	FramesDone  int             `json:"frames_done,omitempty"`
	FramesTotal int             `json:"frames_total,omitempty"`
	Result      json.RawMessage `json:"result,omitempty"`
	Fault       *Fault          `json:"fault,omitempty"` // of the last attempt that failed
}

// Spec describes a segment that is to be made.
type Spec struct {
	Capability string          // "cpu" when empty
	Data       json.RawMessage // for the runner
	Frames     int             // how many it will process; 0 when it counts none or they are unknown
}

// Result is the output of a task.
type Result struct {
	Key         string          `json:"key"`          // in the blob store
	Bytes       int64           `json:"bytes"`        // size
	ContentType string          `json:"content_type"` // "video/mp4"
	SHA256      string          `json:"sha256"`       // hex
	Report      json.RawMessage `json:"report,omitempty"`
}

// Fault is the part of a fault.Error that is kept: all of it is public.
type Fault struct {
	Code  fault.Code `json:"code"`
	Param string     `json:"param,omitempty"`
	Text  string     `json:"text"`
	Hint  string     `json:"hint,omitempty"`
	Retry bool       `json:"retry,omitempty"`
}

// FaultOf keeps what is public of err, which must not be nil.
func FaultOf(err error) *Fault {
	e := fault.From(err)
	return &Fault{Code: e.Code, Param: e.Param, Text: e.Text, Hint: e.Hint, Retry: e.Retry}
}

// Err gives the fault as the error it was.
func (f *Fault) Err() *fault.Error {
	return &fault.Error{Code: f.Code, Param: f.Param, Text: f.Text, Hint: f.Hint, Retry: f.Retry}
}

// Order is what a new task is made of.
type Order struct {
	ID        ID // made by NewID when empty
	Customer  string
	KeyID     string
	Kind      string
	Spec      json.RawMessage
	Shares    []Share
	Stage     string // the first one
	Segments  []Spec // of it
	ExpiresAt time.Time
	Warnings  []string
}

// New gives a queued task whose first stage is ready to be released.
// It returns fault.InvalidField when the order lacks something.
func New(o Order, now time.Time) (Task, error) {
	if o.ID == "" {
		o.ID = NewID(now)
	}
	switch {
	case o.Customer == "":
		return Task{}, fault.New(fault.MissingField, "customer", "a task needs a customer")
	case o.Kind == "":
		return Task{}, fault.New(fault.MissingField, "kind", "a task needs a kind")
	}
	last := 0.0
	for _, s := range o.Shares {
		if !(s.Until >= last && s.Until <= 1) {
			return Task{}, fault.New(fault.InvalidField, "shares", "shares must ascend from 0 to 1")
		}
		last = s.Until
	}
	t := Task{
		ID: o.ID, Customer: o.Customer, KeyID: o.KeyID, Kind: o.Kind, Spec: o.Spec,
		CreatedAt: now.UTC(), UpdatedAt: now.UTC(), ExpiresAt: o.ExpiresAt,
		State: Queued, Shares: slices.Clone(o.Shares),
	}.Warn(o.Warnings...)
	return t.enter(o.Stage, o.Segments)
}

// Summary is t without what only workers need (spec, segments, results): small enough to
// keep a hundred thousand in memory.
func (t Task) Summary() Task {
	t.Spec, t.Segments, t.Results, t.Shares = nil, nil, nil, nil
	return t
}

// Segment gives the segment with this identifier.
func (t Task) Segment(id string) (Segment, bool) {
	i := t.index(id)
	if i < 0 {
		return Segment{}, false
	}
	return t.Segments[i], true
}

// StageDone reports whether every segment of the current stage is done.
func (t Task) StageDone() bool {
	for _, s := range t.Segments {
		if s.State != Done {
			return false
		}
	}
	return len(t.Segments) > 0
}

func (t Task) index(id string) int {
	return slices.IndexFunc(t.Segments, func(s Segment) bool { return s.ID == id })
}

// own gives t with containers of its own, so that changing them leaves the receiver alone.
func (t Task) own() Task {
	t.Segments = slices.Clone(t.Segments)
	t.Results = maps.Clone(t.Results)
	t.Warnings = slices.Clone(t.Warnings)
	return t
}

// measure brings FramesDone, FramesTotal and Progress up to date.
func (t *Task) measure() {
	done, total := 0, 0
	part, whole := 0.0, 0.0
	for _, s := range t.Segments {
		done, total = done+s.FramesDone, total+s.FramesTotal
		weight, share := 1.0, 0.0
		if s.FramesTotal > 0 {
			weight = float64(s.FramesTotal)
			share = min(1, float64(s.FramesDone)/weight)
		}
		if s.State == Done {
			share = 1
		}
		part, whole = part+weight*share, whole+weight
	}
	if total > 0 {
		t.FramesDone, t.FramesTotal = done, total
	}
	from := 0.0
	for _, s := range t.Shares {
		if s.Stage == t.Stage && whole > 0 {
			t.Progress = max(t.Progress, from+(s.Until-from)*part/whole)
			return
		}
		from = s.Until
	}
}
