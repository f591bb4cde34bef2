package jetstream

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"golang.org/x/sys/unix"

	"github.com/twinsync/twinsync/fault"
)

// EmbeddedOptions set up the server inside this process.
type EmbeddedOptions struct {
	// Listen opens a port on the loopback interface, secured by a random token, through which
	// worker processes of this machine connect. Without it only this process can.
	Listen bool
	// MaxBytes bounds what the store may take on the disk; 0 is 8 GiB.
	MaxBytes int64
	Log      *slog.Logger // nil discards
}

// Server is an embedded NATS server that owns a folder.
type Server struct {
	server *server.Server
	lock   *os.File
	token  string
	log    *slog.Logger
}

const (
	startTimeout = 10 * time.Second
	// maxPayload is what an external server allows by default, so that what works embedded
	// works there.
	maxPayload = 1 << 20
	// maxMemory bounds streams in memory, of which there are none but the server's own.
	maxMemory = 64 << 20
)

// StartEmbedded starts a server whose store is in dir, which is made when it is missing. Every write is
// synced to the disk before it is answered. A folder that another process uses is
// fault.Conflict.
func StartEmbedded(dir string, o EmbeddedOptions) (*Server, error) {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 8 << 30
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.From(err).WithParam("data")
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	s := &Server{lock: lock, token: rand.Text() + rand.Text(), log: o.Log}
	opts := &server.Options{
		ServerName: "twinsync", DontListen: !o.Listen, Host: "127.0.0.1", Port: server.RANDOM_PORT,
		Authorization: s.token, NoSigs: true, NoLog: true, MaxPayload: maxPayload,
		JetStream: true, StoreDir: dir, SyncAlways: true,
		JetStreamMaxStore: o.MaxBytes, JetStreamMaxMemory: maxMemory,
	}
	if s.server, err = server.NewServer(opts); err != nil {
		return nil, s.abandon(err)
	}
	s.server.SetLoggerV2(&natsLog{o.Log}, false, false, false)
	s.server.Start()
	if !s.server.ReadyForConnections(startTimeout) || !s.server.JetStreamEnabled() {
		s.server.Shutdown()
		s.server.WaitForShutdown()
		return nil, s.abandon(os.ErrDeadlineExceeded)
	}
	return s, nil
}

// abandon lets go of the folder after a start that went wrong.
func (s *Server) abandon(err error) error {
	if e := s.lock.Close(); e != nil {
		s.log.Debug("closing the lock", "error", e)
	}
	f := fault.From(err)
	if f.Code == fault.Internal || f.Code == fault.Timeout {
		f = fault.New(fault.Unavailable, "data", "the task engine cannot start in this folder").WithCause(err)
	}
	return f
}

// Open connects to the server within this process.
func (s *Server) Open(ctx context.Context) (*Store, error) {
	return open(ctx, Options{Token: s.token, Name: "service", Log: s.log}, nats.InProcessServer(s.server))
}

// Address gives the URL and the token with which worker processes of this machine connect; "" when
// the server does not listen. The token must not appear in arguments, which all can read.
func (s *Server) Address() (url, token string) {
	if s.server.Addr() == nil {
		return "", ""
	}
	return s.server.ClientURL(), s.token
}

// Close stops the server when everything it took is stored.
func (s *Server) Close() error {
	s.server.Shutdown()
	s.server.WaitForShutdown()
	return s.lock.Close()
}

// lockFolder keeps two processes from using one store. The lock ends with the process.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.From(err).WithParam("data")
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written
		return nil, fault.New(fault.Conflict, "data", "another process uses this data folder").
			WithHint("Stop it or choose another folder.").WithCause(err)
	}
	return f, nil
}

// natsLog passes on what the server has to say of trouble.
type natsLog struct{ log *slog.Logger }

func (l *natsLog) Noticef(string, ...any) {}
func (l *natsLog) Debugf(string, ...any)  {}
func (l *natsLog) Tracef(string, ...any)  {}

func (l *natsLog) Warnf(format string, v ...any)  { l.say(slog.LevelWarn, format, v) }
func (l *natsLog) Errorf(format string, v ...any) { l.say(slog.LevelError, format, v) }
func (l *natsLog) Fatalf(format string, v ...any) { l.say(slog.LevelError, format, v) }

func (l *natsLog) say(level slog.Level, format string, v []any) {
	l.log.Log(context.Background(), level, "engine: "+fmt.Sprintf(format, v...))
}

// SyncsAlways reports whether every write is on the disk before it is answered.
func (s *Server) SyncsAlways() bool {
	c := s.server.JetStreamConfig()
	return c != nil && c.SyncAlways
}
