package jetstream_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/dispatch"
	"github.com/twinsync/twinsync/internal/dispatch/dispatchtest"
	"github.com/twinsync/twinsync/internal/dispatch/jetstream"
	"github.com/twinsync/twinsync/internal/task"
)

func serve(t *testing.T, dir string, port int) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true, SyncAlways: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	return s
}

// TestServerRestarts takes the NATS server away in the middle of a segment and brings it back: the
// run that outlives the outage completes, and everything goes on as before, without anybody's help.
func TestServerRestarts(t *testing.T) {
	dir := t.TempDir()
	srv := serve(t, dir, server.RANDOM_PORT)
	url, port := srv.ClientURL(), srv.Addr().(interface{ AddrPort() netip.AddrPort }).AddrPort().Port()
	st, err := jetstream.Open(t.Context(), jetstream.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	began, resume := make(chan struct{}, 10), make(chan struct{})
	r := &dispatchtest.Stages{Do: func(ctx context.Context, j dispatch.Job) error {
		began <- struct{}{}
		select {
		case <-resume:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	d, stop := dispatchtest.Start(t, st, r, dispatch.DefaultConfig(), dispatch.DefaultWorkerConfig())
	first := dispatchtest.NewTask(t, "c", 1)
	if err := d.Submit(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	<-began
	at := time.Now()
	step := func(what string) {
		t.Logf("%s after %v", what, time.Since(at).Round(time.Millisecond))
		at = time.Now()
	}
	srv.Shutdown()
	srv.WaitForShutdown()
	err = d.Submit(t.Context(), dispatchtest.NewTask(t, "c", 1))
	if !fault.Is(err, fault.Unavailable) || !fault.From(err).Retry {
		t.Errorf("submit without a server: %v", err)
	}
	step("submission refused")
	close(resume) // the outcome must wait for the server
	srv = serve(t, dir, int(port))
	if x := dispatchtest.Await(t, t.Context(), watchable(t, d, first.ID), first.ID); x.State != task.Succeeded || x.Retries != 0 {
		t.Errorf("%+v", x)
	}
	step("first task done")
	second := dispatchtest.NewTask(t, "c", 2)
	if err := d.Submit(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if x := dispatchtest.Await(t, t.Context(), d, second.ID); x.State != task.Succeeded {
		t.Errorf("%+v", x)
	}
	step("second task done")
	stop()
	step("stopped")
	if err := st.Close(); err != nil {
		t.Error(err)
	}
	srv.Shutdown()
	srv.WaitForShutdown()
}

// watchable waits until the dispatcher's connection is back.
func watchable(t *testing.T, d *dispatch.Dispatcher, id task.ID) *dispatch.Dispatcher {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if _, err := d.Get(t.Context(), id); err == nil {
			return d
		}
	}
	t.Fatal("the connection does not come back")
	return nil
}
