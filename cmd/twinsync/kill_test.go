package main

import (
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twinsync/twinsync/internal/task"
)

// leases is how many an undisturbed task of three segments is given: fetch, three to analyse, join,
// three to render, assemble.
const leases = 1 + 3 + 1 + 3 + 1

// begins waits until a segment is being worked on, and a render segment until its encoder writes.
func (s *service) begins(segment string) {
	s.t.Helper()
	s.wait(`msg="segment begins".* segment=` + segment + ` `)
	if !strings.HasPrefix(segment, "render") {
		return
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); ; <-tick.C {
		found, err := filepath.Glob(filepath.Join(s.data, "scratch", "process-*", "*", "piece.mp4"))
		if err != nil {
			s.t.Fatal(err)
		}
		if len(found) > 0 {
			return
		}
		if time.Since(begin) > patience {
			s.t.Fatalf("nothing is encoded for %s", segment)
		}
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

// strike kills something while a segment is worked on, which costs the lease of that segment.
type strike struct {
	segment string
	worker  bool // the worker, not the service
}

// survive runs a task, strikes, and holds what comes out against want, the frames of an undisturbed
// run. No segment that was finished may be done again.
func survive(t *testing.T, clip string, want []string, strikes ...strike) {
	t.Helper()
	data := t.TempDir()
	key := newKey(t, data, "acme")
	c := cloud(t, map[string]string{"photo.png": photo(t), "clip.mp4": clip})
	s := serve(t, data, "--allow-network=127.0.0.0/8")
	id := s.submit(t, order{c.URL + "/photo.png", c.URL + "/clip.mp4", key})
	workers := 1 // of this service
	for _, k := range strikes {
		pid := s.worker(workers)
		s.begins(k.segment)
		if k.worker {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			workers++
			s.worker(workers) // another one comes
			if a := s.status(t, id); a.StatusCode != 102 {
				t.Errorf("the service is disturbed: %s", a.Raw)
			}
			continue
		}
		s.kill()
		gone(t, pid) // nobody's worker must not go on
		s, workers = serve(t, data, "--allow-network=127.0.0.0/8"), 1
	}
	got := decoded(t, download(t, s.succeeded(t, id, "acme").ResultURL))
	if !equal(got, want) {
		t.Errorf("%d frames come out of %d, or they differ from those of an undisturbed run", len(got), len(want))
	}
	s.stop()
	_, records := books(t, data)
	r := records(id)
	if r.State != task.Succeeded || r.Attempts != leases+len(strikes) {
		t.Errorf("%s after %d leases, %d of them lost; undisturbed it takes %d", r.State, r.Attempts, r.Retries, leases)
	}
	left, err := filepath.Glob(filepath.Join(data, "files", "tasks", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("the task left files: %q, %v", left, err)
	}
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
	t.Run("service", func(t *testing.T) { survive(t, clip, want, strike{segment: "render-4-1"}) })
	t.Run("worker", func(t *testing.T) { survive(t, clip, want, strike{segment: "render-4-1", worker: true}) })
}

// TestKillAgainAndAgain strikes in every stage of one task.
func TestKillAgainAndAgain(t *testing.T) {
	long(t)
	clip := segmented(t)
	want := undisturbed(t, clip)
	survive(t, clip, want,
		strike{segment: "fetch-1-0"},
		strike{segment: "analyse-2-1", worker: true},
		strike{segment: "analyse-2-2"},
		strike{segment: "join-3-0", worker: true},
		strike{segment: "render-4-0", worker: true},
		strike{segment: "render-4-1"},
		strike{segment: "assemble-5-0"})
}
