package jetstream_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/dispatch"
	"github.com/twinsync/twinsync/internal/dispatch/dispatchtest"
	"github.com/twinsync/twinsync/internal/dispatch/jetstream"
)

func embedded(t *testing.T, dir string, o jetstream.EmbeddedOptions) *jetstream.Server {
	t.Helper()
	s, err := jetstream.StartEmbedded(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func stop(t *testing.T, s *jetstream.Server) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func open(t *testing.T, s *jetstream.Server) dispatch.Store {
	t.Helper()
	st, err := s.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func TestEmbedded(t *testing.T) {
	dispatchtest.Run(t, func(t *testing.T) dispatch.Store {
		s := embedded(t, t.TempDir(), jetstream.EmbeddedOptions{})
		t.Cleanup(func() { stop(t, s) })
		return open(t, s)
	})
}

// external starts a NATS server as an operator would, apart from our own options.
func external(t *testing.T, token string) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(),
		Authorization: token, NoSigs: true, NoLog: true, SyncAlways: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	return s.ClientURL()
}

func TestExternal(t *testing.T) {
	url := external(t, "secret")
	var n atomic.Int64
	dispatchtest.Run(t, func(t *testing.T) dispatch.Store {
		prefix := "test-" + string('a'+rune(n.Add(1)))
		s, err := jetstream.Open(t.Context(), jetstream.Options{URL: url, Token: "secret", Prefix: prefix})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestRefusals(t *testing.T) {
	url := external(t, "secret")
	for name, c := range map[string]struct {
		o    jetstream.Options
		code fault.Code
	}{
		"no token":    {jetstream.Options{URL: url}, fault.InvalidField},
		"wrong token": {jetstream.Options{URL: url, Token: "guess"}, fault.InvalidField},
		"nobody":      {jetstream.Options{URL: "nats://127.0.0.1:1"}, fault.Unreachable},
		"bad prefix":  {jetstream.Options{URL: url, Token: "secret", Prefix: "a.b"}, fault.InvalidField},
		"no creds":    {jetstream.Options{URL: url, Creds: filepath.Join(t.TempDir(), "none")}, fault.Unreachable},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := jetstream.Open(t.Context(), c.o)
			if err == nil {
				_ = s.Close()
			}
			if !fault.Is(err, c.code) {
				t.Errorf("error = %v, want %s", err, c.code)
			}
		})
	}
}

// TestSyncAlways asserts what the default of the server is not.
func TestSyncAlways(t *testing.T) {
	s := embedded(t, t.TempDir(), jetstream.EmbeddedOptions{})
	defer stop(t, s)
	if !s.SyncsAlways() {
		t.Error("writes are answered before they are on the disk")
	}
}

func TestListensOnlyWithToken(t *testing.T) {
	s := embedded(t, t.TempDir(), jetstream.EmbeddedOptions{})
	if url, token := s.Address(); url != "" || token != "" {
		t.Errorf("listens at %s unasked", url)
	}
	stop(t, s)

	s = embedded(t, t.TempDir(), jetstream.EmbeddedOptions{Listen: true})
	defer stop(t, s)
	url, token := s.Address()
	if len(token) < 32 {
		t.Errorf("token %q", token)
	}
	if _, err := jetstream.Open(t.Context(), jetstream.Options{URL: url}); !fault.Is(err, fault.InvalidField) {
		t.Errorf("without the token: %v", err)
	}
	st, err := jetstream.Open(t.Context(), jetstream.Options{URL: url, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
}

func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "engine")
	s := embedded(t, dir, jetstream.EmbeddedOptions{})
	if _, err := jetstream.StartEmbedded(dir, jetstream.EmbeddedOptions{}); !fault.Is(err, fault.Conflict) {
		t.Errorf("second server in one folder: %v", err)
	}
	st := open(t, s)
	kv, err := st.Bucket(t.Context(), "kept")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Create(t.Context(), "a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
	stop(t, s)

	s = embedded(t, dir, jetstream.EmbeddedOptions{})
	defer stop(t, s)
	st = open(t, s)
	if kv, err = st.Bucket(t.Context(), "kept"); err != nil {
		t.Fatal(err)
	}
	if v, _, err := kv.Get(t.Context(), "a"); err != nil || string(v) != "x" {
		t.Errorf("after a restart: %q, %v", v, err)
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := jetstream.StartEmbedded(filepath.Join(file, "x"), jetstream.EmbeddedOptions{}); err == nil {
		stop(t, s)
		t.Error("started below a file")
	}
}
