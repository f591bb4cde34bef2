package jetstream_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/twinsync/twinsync/internal/dispatch"
	"github.com/twinsync/twinsync/internal/dispatch/dispatchtest"
	"github.com/twinsync/twinsync/internal/dispatch/jetstream"
	"github.com/twinsync/twinsync/internal/task"
)

// The test binary starts itself again as a worker or as a service, so that both can be killed as a
// process is. A child says on its standard output what it does.
const (
	roleEnv  = "TWINSYNC_TEST_ROLE"
	dirEnv   = "TWINSYNC_TEST_DIR"
	urlEnv   = "TWINSYNC_TEST_URL"
	tokenEnv = "TWINSYNC_TEST_TOKEN"
)

func TestMain(m *testing.M) {
	var err error
	switch role := os.Getenv(roleEnv); role {
	case "":
		goleak.VerifyTestMain(m)
		return
	case "worker":
		err = workerChild()
	case "service":
		err = serviceChild()
	default:
		err = fmt.Errorf("no such role: %s", role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// hangs is the runner of the children: the first attempt of the third segment never ends.
func hangs() *dispatchtest.Stages {
	return &dispatchtest.Stages{Do: func(ctx context.Context, j dispatch.Job) error {
		fmt.Printf("run %d attempt %d by %s\n", j.Segment.Index, j.Segment.Attempt, j.Segment.Worker)
		for i := 0; j.Segment.Index == 2 && j.Segment.Attempt == 1; i++ {
			j.Report(i, 0)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(10 * time.Millisecond):
			}
		}
		return nil
	}}
}

func quick() (dispatch.Config, dispatch.WorkerConfig) {
	dc, wc := dispatch.DefaultConfig(), dispatch.DefaultWorkerConfig()
	dc.LeaseTTL, dc.Tick = 2*time.Second, 100*time.Millisecond
	wc.LeaseTTL, wc.Beat = dc.LeaseTTL, 500*time.Millisecond
	return dc, wc
}

func workerChild() error {
	ctx := context.Background()
	s, err := jetstream.Open(ctx, jetstream.Options{URL: os.Getenv(urlEnv), Token: os.Getenv(tokenEnv)})
	if err != nil {
		return err
	}
	_, wc := quick()
	w, err := dispatch.NewWorker(ctx, s, hangs(), wc)
	if err != nil {
		return err
	}
	return w.Run(ctx)
}

// serviceChild is a whole service in one process. It submits a task unless there is one, and
// ends when that is finished.
func serviceChild() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	srv, err := jetstream.StartEmbedded(os.Getenv(dirEnv), jetstream.EmbeddedOptions{})
	if err != nil {
		return err
	}
	s, err := srv.Open(ctx)
	if err != nil {
		return err
	}
	dc, wc := quick()
	dc.Sole = true
	d, err := dispatch.New(ctx, s, dc)
	if err != nil {
		return err
	}
	w, err := dispatch.NewWorker(ctx, s, hangs(), wc)
	if err != nil {
		return err
	}
	go func() { _ = d.Run(ctx) }() // ends with the process
	go func() { _ = w.Run(ctx) }()
	<-d.Ready()
	list := d.List(dispatch.Filter{})
	if len(list) == 0 {
		x, err := task.New(task.Order{Customer: "c", Kind: "test", Stage: "work", Segments: make([]task.Spec, 4)}, time.Now())
		if err != nil {
			return err
		}
		if err := d.Submit(ctx, x); err != nil {
			return err
		}
		list = []task.Task{x}
	}
	sub, err := d.Watch(ctx, list[0].ID)
	if err != nil {
		return err
	}
	for {
		x, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		if x.State.Final() {
			fmt.Printf("end %s retries %d\n", x.State, x.Retries)
			return nil
		}
	}
}

// child starts the test binary in a role and gives the lines that it prints.
type child struct {
	cmd   *exec.Cmd
	lines chan string
}

func start(t *testing.T, role string, env ...string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0]), lines: make(chan string, 100)}
	c.cmd.Env = append(append(os.Environ(), roleEnv+"="+role), env...)
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the child's output
		defer close(c.lines)
		for b := bufio.NewScanner(io.Reader(out)); b.Scan(); {
			c.lines <- b.Text()
		}
	}()
	t.Cleanup(func() { c.kill() })
	return c
}

// kill sends SIGKILL and waits for the end. A second call does nothing.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // it may have ended by itself
	for range c.lines {
	}
	_ = c.cmd.Wait()
}

// until reads lines up to the one that begins with prefix and gives all.
func (c *child) until(t *testing.T, prefix string) []string {
	t.Helper()
	var all []string
	limit := time.After(30 * time.Second)
	for {
		select {
		case l, ok := <-c.lines:
			if !ok {
				t.Fatalf("the child ended without %q; it said %q", prefix, all)
			}
			all = append(all, l)
			if strings.HasPrefix(l, prefix) {
				return all
			}
		case <-limit:
			t.Fatalf("the child does not say %q; it said %q", prefix, all)
		}
	}
}

// TestWorkerKilled kills a worker process in the middle of the third segment. Another finishes the
// task, and of the finished segments none is run again.
func TestWorkerKilled(t *testing.T) {
	for name, told := range map[string]bool{"noticed by its silence": false, "the service was told": true} {
		t.Run(name, func(t *testing.T) {
			srv := embedded(t, t.TempDir(), jetstream.EmbeddedOptions{Listen: true})
			defer stop(t, srv)
			url, token := srv.Address()
			env := []string{urlEnv + "=" + url, tokenEnv + "=" + token}
			s := open(t, srv)
			defer s.Close()
			dc, wc := quick()
			wc.Slots = map[string]int{"idle": 1} // the work is the children's
			d, end := dispatchtest.Start(t, s, hangs(), dc, wc)
			defer end()
			x := dispatchtest.NewTask(t, "c", 4)
			if err := d.Submit(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			a := start(t, "worker", env...)
			ran := a.until(t, "run 2 attempt 1 by ")
			id := strings.TrimPrefix(ran[len(ran)-1], "run 2 attempt 1 by ")
			b := start(t, "worker", env...)
			ran = append(ran, b.until(t, "run 3 ")...)
			a.kill()
			from := time.Now()
			if told {
				if err := d.ReleaseWorker(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
			ran = append(ran, b.until(t, "run 2 attempt 2")...)
			took := time.Since(from)
			t.Logf("run again %v after the kill, with leases of %v", took, dc.LeaseTTL)
			if took > dc.LeaseTTL+time.Second || told && took > dc.LeaseTTL/2 {
				t.Errorf("run again only after %v", took)
			}
			if x = dispatchtest.Await(t, t.Context(), d, x.ID); x.State != task.Succeeded || x.Retries != 1 {
				t.Errorf("%+v", x)
			}
			once(t, ran)
		})
	}
}

// once checks that the killed segment was run twice and every other once.
func once(t *testing.T, lines []string) {
	t.Helper()
	for i, want := range []int{1, 1, 2, 1} {
		n := 0
		for _, l := range lines {
			if strings.HasPrefix(l, fmt.Sprintf("run %d ", i)) {
				n++
			}
		}
		if n != want {
			t.Errorf("segment %d was run %d times, want %d: %q", i, n, want, lines)
		}
	}
}

// TestServiceKilled kills a whole service in the middle of a task and starts it again in the same folder.
func TestServiceKilled(t *testing.T) {
	env := dirEnv + "=" + filepath.Join(t.TempDir(), "engine")
	a := start(t, "service", env)
	ran := a.until(t, "run 2 attempt 1 by ")
	a.kill()
	from := time.Now()
	b := start(t, "service", env)
	ran = append(ran, b.until(t, "end ")...)
	t.Logf("finished %v after the restart", time.Since(from))
	if got, want := ran[len(ran)-1], "end succeeded retries 1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	once(t, ran)
}
