package main

import (
	"errors"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/twinsync/twinsync/internal/task"
	"github.com/twinsync/twinsync/internal/testmedia"
)

// leases is how many an undisturbed task of three segments is given: fetch, three to analyse, join,
// three to render, assemble.
const leases = 1 + 3 + 1 + 3 + 1

var stageOf = regexp.MustCompile(`is in a running state \((\w+), (\d+) % done\)`)

// reaches waits until a running task is in a stage and at least so far, in percent of all, and
// fails the test when it was over before.
func (s *service) reaches(t *testing.T, id, stage string, percent int) {
	t.Helper()
	a := s.poll(t, id, func(a answer) bool {
		m := stageOf.FindStringSubmatch(a.Msg)
		if m == nil {
			return a.StatusCode >= 103
		}
		n, err := strconv.Atoi(m[2])
		return err != nil || m[1] == stage && n >= percent
	})
	if a.StatusCode != 102 {
		t.Fatalf("the task did not wait to be disturbed: %s", a.Raw)
	}
}

// worker gives the process that the service has started as its nth worker.
func (s *service) worker(n int) int {
	s.t.Helper()
	pattern := `(?s)`
	for range n {
		pattern += `worker process started.*?pid=(\d+).*?`
	}
	m := s.wait(pattern)
	pid, err := strconv.Atoi(m[n])
	if err != nil {
		s.t.Fatal(err)
	}
	return pid
}

// gone waits until a process is no more.
func gone(t *testing.T, pid int) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); ; <-tick.C {
		if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
			return
		}
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("process %d goes on", pid)
		}
	}
}

// disturbance kills something at a moment.
type disturbance struct {
	name    string
	stage   string
	percent int  // done when it strikes
	worker  bool // kill the worker, not the service
	exactly bool // it surely strikes within a segment, which costs one lease
}

// survive runs a task, disturbs it, and holds what comes out against want, the frames of an
// undisturbed run. No segment that was finished may be done again.
func survive(t *testing.T, clip string, want []string, k disturbance) {
	t.Helper()
	data := t.TempDir()
	key := newKey(t, data, "acme")
	c := cloud(t, map[string]string{"photo.png": photo(t), "clip.mp4": clip})
	s := serve(t, data, "--allow-network=127.0.0.0/8")
	id := s.submit(t, order{c.URL + "/photo.png", c.URL + "/clip.mp4", key})
	pid := s.worker(1)
	s.reaches(t, id, k.stage, k.percent)
	if k.worker {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		s.wait(`a worker process ended`)
		if a := s.do(t, http.MethodGet, "/faceswap_video?taskID="+id, "", ""); a.HTTP != http.StatusOK {
			t.Errorf("the service is disturbed: %s", a.Raw)
		}
		s.worker(2)
	} else {
		s.kill()
		gone(t, pid) // nobody's worker must not go on
		s = serve(t, data, "--allow-network=127.0.0.0/8")
	}
	got := decoded(t, download(t, s.succeeded(t, id, "acme").ResultURL))
	if !equal(got, want) {
		t.Errorf("%d frames come out of %d, or they differ from those of an undisturbed run", len(got), len(want))
	}
	s.stop()
	_, records := books(t, data)
	r := records(id)
	if r.State != task.Succeeded || r.Attempts > leases+1 || r.Attempts < leases || k.exactly && r.Attempts != leases+1 {
		t.Errorf("%s after %d leases, %d of them lost; undisturbed it takes %d", r.State, r.Attempts, r.Retries, leases)
	}
	if n := k.killedOnce(r); n > 1 {
		t.Errorf("%d segments of the last stage were done more than once", n)
	}
	left, err := filepath.Glob(filepath.Join(data, "files", "tasks", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("the task left files: %q, %v", left, err)
	}
}

// killedOnce counts segments with more than one lease.
func (k disturbance) killedOnce(r task.Task) int {
	n := 0
	for _, s := range r.Segments {
		if s.Attempt > 1 {
			n++
		}
	}
	return n
}

// undisturbed are the frames of a swap on this machine alone, which runs the same pipeline.
func undisturbed(t *testing.T, clip string) []string {
	t.Helper()
	target := filepath.Join(t.TempDir(), "o.mp4")
	if got := swapJSON(t.Context(), photo(t), clip, target); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	return decoded(t, target)
}

// TestKill: a service or a worker that is killed in the middle of a task costs the segment that
// it was at.
func TestKill(t *testing.T) {
	clip := segmented(t)
	want := undisturbed(t, clip)
	if len(want) != 90 {
		t.Fatalf("%d frames", len(want))
	}
	for _, k := range []disturbance{
		// A third of the stage is the first of three segments.
		{name: "service while it analyses", stage: "analyse", percent: 2 + 33/3},
		{name: "service while it renders", stage: "render", percent: 36 + 62/3},
		{name: "worker while it renders", stage: "render", percent: 36 + 62/3, worker: true},
	} {
		t.Run(k.name, func(t *testing.T) { survive(t, clip, want, k) })
	}
}

// TestKillWithin is the same with segments so long that the kill surely falls into the middle of one:
// its progress has been seen.
func TestKillWithin(t *testing.T) {
	long(t)
	clip := testmedia.Clip(t, testmedia.Spec{People: []string{testmedia.Bea}, W: 640, H: 480, Frames: 540, Rate: "30", Pan: 8, Nod: 4, Sound: true,
		Codec: []string{"-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-g", "60"}}).Path
	want := undisturbed(t, clip)
	if len(want) != 540 {
		t.Fatalf("%d frames", len(want))
	}
	for _, k := range []disturbance{
		{name: "service while it analyses", stage: "analyse", percent: 3 + 33/3, exactly: true},
		{name: "service while it renders", stage: "render", percent: 38 + 62/3, exactly: true},
		{name: "worker while it renders", stage: "render", percent: 38 + 62/3, worker: true, exactly: true},
	} {
		t.Run(k.name, func(t *testing.T) { survive(t, clip, want, k) })
	}
}
