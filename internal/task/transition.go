package task

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// Policy says how often a segment is tried and how long it rests in between.
type Policy struct {
	Attempts int           // failures after which the task fails
	Base     time.Duration // rest after the first failure; doubles with each one
	Max      time.Duration // longest rest
}

// DefaultPolicy tries four times within about 15 seconds.
func DefaultPolicy() Policy {
	return Policy{Attempts: 4, Base: time.Second, Max: time.Minute}
}

// Rest is the pause before the next attempt after so many failures (from 1). jitter, from 0
// to 1, shortens it by up to half, so that segments that failed together do not return
// together.
func (p Policy) Rest(failures int, jitter float64) time.Duration {
	d := p.Base
	for i := 1; i < failures && d < p.Max; i++ {
		d *= 2
	}
	return time.Duration(float64(min(d, p.Max)) * (1 - jitter/2))
}

// Warn gives t with public sentences added; those it already has are left out.
func (t Task) Warn(sentences ...string) Task {
	t = t.own()
	for _, s := range sentences {
		if s != "" && !slices.Contains(t.Warnings, s) {
			t.Warnings = append(t.Warnings, s)
		}
	}
	return t
}

// Start moves a queued task to running. The first Lease does it by itself.
func (t Task) Start(now time.Time) (Task, error) {
	if t.State != Queued {
		return t, t.illegal("start")
	}
	t.State, t.StartedAt, t.UpdatedAt = Running, now.UTC(), now.UTC()
	return t, nil
}

// Release marks a pending segment whose time has come as ready for a worker.
func (t Task) Release(seg string, now time.Time) (Task, error) {
	i, err := t.segment(seg, "release", Pending)
	if err != nil {
		return t, err
	}
	if t.Segments[i].NotBefore.After(now) {
		return t, t.illegal("release a resting segment of")
	}
	t = t.own()
	s := &t.Segments[i]
	s.State, s.NotBefore = Ready, time.Time{}
	t.UpdatedAt = now.UTC()
	return t, nil
}

// Lease gives a ready segment to a worker until now+ttl. lease is the fencing token of
// this attempt and must never have been used before.
func (t Task) Lease(seg, worker, lease string, now time.Time, ttl time.Duration) (Task, error) {
	i, err := t.segment(seg, "lease", Ready)
	if err != nil {
		return t, err
	}
	if lease == "" {
		return t, fault.New(fault.InvalidField, "lease", "a lease needs a token")
	}
	if t.State == Queued {
		if t, err = t.Start(now); err != nil {
			return t, err
		}
	}
	t = t.own()
	s := &t.Segments[i]
	s.State, s.Worker, s.Lease, s.LeaseUntil = Leased, worker, lease, now.UTC().Add(ttl)
	s.Attempt++
	s.FramesDone = 0
	t.Attempts++
	t.UpdatedAt = now.UTC()
	return t, nil
}

// Renew prolongs a lease until now+ttl and notes how many frames are done. total 0 leaves the
// number of frames as it was known.
func (t Task) Renew(seg, lease string, done, total int, now time.Time, ttl time.Duration) (Task, error) {
	i, err := t.held(seg, lease, "renew")
	if err != nil {
		return t, err
	}
	t = t.own()
	s := &t.Segments[i]
	s.LeaseUntil = now.UTC().Add(ttl)
	if total > 0 {
		s.FramesTotal = total
	}
	s.FramesDone = max(0, done)
	if s.FramesTotal > 0 {
		s.FramesDone = min(s.FramesDone, s.FramesTotal)
	}
	t.UpdatedAt = now.UTC()
	t.measure()
	return t, nil
}

// Complete marks a leased segment as done. When it was the last of its stage (StageDone), the
// caller must apply Advance or Succeed before it writes the record.
func (t Task) Complete(seg, lease string, result json.RawMessage, now time.Time) (Task, error) {
	i, err := t.held(seg, lease, "complete")
	if err != nil {
		return t, err
	}
	t = t.own()
	s := &t.Segments[i]
	s.State, s.Result, s.Fault = Done, result, nil
	s.LeaseUntil = time.Time{}
	s.FramesDone = s.FramesTotal
	t.UpdatedAt = now.UTC()
	t.measure()
	return t, nil
}

// Fail ends an attempt that went wrong. A fault that a retry can help lets the segment rest
// and try again while the policy allows; any other fails the task. jitter is from 0 to 1.
func (t Task) Fail(seg, lease string, f *Fault, p Policy, jitter float64, now time.Time) (Task, error) {
	i, err := t.held(seg, lease, "fail")
	if err != nil {
		return t, err
	}
	t = t.own()
	s := &t.Segments[i]
	s.Failures++
	s.Fault = f
	t.Retries++
	if f.Retry && s.Failures < p.Attempts {
		t.rest(i, now.Add(p.Rest(s.Failures, jitter)), now)
		return t, nil
	}
	s.State, s.LeaseUntil = SegmentFailed, time.Time{}
	t.end(Failed, now)
	t.Fault = f
	return t, nil
}

// Expire takes a lease from a worker that is not heard of any more. Another one may have
// the segment at once; but it counts as a failure, so that a segment that kills
// its workers does not do so for ever.
func (t Task) Expire(seg, lease string, p Policy, now time.Time) (Task, error) {
	f := &Fault{Code: fault.Unavailable, Text: "the worker stopped in the middle of a segment", Retry: true}
	p.Base = 0
	return t.Fail(seg, lease, f, p, 0, now)
}

// Return gives a leased segment back unharmed, as a worker does that shuts down.
func (t Task) Return(seg, lease string, now time.Time) (Task, error) {
	i, err := t.held(seg, lease, "return")
	if err != nil {
		return t, err
	}
	t = t.own()
	t.rest(i, time.Time{}, now)
	return t, nil
}

// Advance opens the next stage after every segment of the current one is done. The results of
// the finished stage are kept as one array under its name.
func (t Task) Advance(stage string, segments []Spec, now time.Time) (Task, error) {
	if t.State != Running || !t.StageDone() {
		return t, t.illegal("advance")
	}
	t = t.own()
	all := make([]json.RawMessage, len(t.Segments))
	for i, s := range t.Segments {
		if all[i] = s.Result; len(s.Result) == 0 {
			all[i] = json.RawMessage("null")
		}
	}
	joined, err := json.Marshal(all)
	if err != nil {
		return t, fault.New(fault.Internal, "", "internal error").WithCause(
			fmt.Errorf("results of stage %s: %w", t.Stage, err))
	}
	if t.Results == nil {
		t.Results = map[string]json.RawMessage{}
	}
	t.Results[t.Stage] = joined
	t.UpdatedAt = now.UTC()
	return t.enter(stage, segments)
}

// Succeed ends a task whose last stage is done.
func (t Task) Succeed(r Result, now time.Time) (Task, error) {
	if t.State != Running || !t.StageDone() {
		return t, t.illegal("succeed")
	}
	t = t.own()
	t.end(Succeeded, now)
	t.Result, t.Progress = &r, 1
	return t, nil
}

// Cancel ends a task by somebody's wish. A finished task cannot be canceled: fault.Conflict.
func (t Task) Cancel(now time.Time) (Task, error) {
	if t.State.Final() {
		return t, t.illegal("cancel")
	}
	t = t.own()
	t.end(Canceled, now)
	t.Fault = &Fault{Code: fault.Canceled, Text: "the task was canceled"}
	return t, nil
}

// enter makes the segments of a stage.
func (t Task) enter(stage string, segments []Spec) (Task, error) {
	switch n := len(segments); {
	case stage == "":
		return t, fault.New(fault.Internal, "stage", "a stage needs a name")
	case n == 0:
		return t, fault.New(fault.Internal, "stage", "stage %s has no segments", stage)
	case n > MaxSegments:
		return t, fault.New(fault.TooLong, "", "the video needs %d segments; at most %d are possible", n, MaxSegments)
	}
	t.Stage = stage
	t.Step++
	t.Segments = make([]Segment, len(segments))
	for i, s := range segments {
		if s.Capability == "" {
			s.Capability = "cpu"
		}
		t.Segments[i] = Segment{
			ID: fmt.Sprintf("%s-%d-%d", stage, t.Step, i), Index: i, Capability: s.Capability,
			Spec: s.Data, State: Pending, FramesTotal: max(0, s.Frames),
		}
	}
	t.measure()
	return t, nil
}

// end puts the task into a final state and cancels what is not finished.
func (t *Task) end(s State, now time.Time) {
	t.State, t.FinishedAt, t.UpdatedAt = s, now.UTC(), now.UTC()
	for i := range t.Segments {
		if g := &t.Segments[i]; !g.State.Final() {
			g.State, g.LeaseUntil, g.NotBefore = SegmentCanceled, time.Time{}, time.Time{}
		}
	}
}

// rest makes segment i pending again.
func (t *Task) rest(i int, until, now time.Time) {
	s := &t.Segments[i]
	s.State, s.NotBefore = Pending, until
	s.Worker, s.Lease, s.LeaseUntil = "", "", time.Time{}
	s.FramesDone = 0
	t.UpdatedAt = now.UTC()
	t.measure()
}

// segment finds a segment that must be in the given state.
func (t Task) segment(id, verb string, want SegmentState) (int, error) {
	i := t.index(id)
	if t.State.Final() || i < 0 {
		return -1, t.illegal(verb + " segment " + id + " of")
	}
	if got := t.Segments[i].State; got != want {
		return -1, fault.New(fault.Conflict, "", "cannot %s segment %s, which is %s", verb, id, got)
	}
	return i, nil
}

// held finds a segment that must be leased under this token.
func (t Task) held(id, lease, verb string) (int, error) {
	i, err := t.segment(id, verb, Leased)
	if err == nil && t.Segments[i].Lease != lease {
		err = fault.New(fault.Conflict, "", "cannot %s segment %s: another worker holds it", verb, id)
	}
	return i, err
}

func (t Task) illegal(verb string) error {
	return fault.New(fault.Conflict, "", "cannot %s a task that is %s", verb, t.State)
}
