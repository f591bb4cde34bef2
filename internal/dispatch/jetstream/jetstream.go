// Package jetstream keeps records and queues in NATS JetStream: in a server embedded in this process
// (StartEmbedded) or in one that exists already (Open). Both use the same client code, so one
// machine and a cluster differ by an address only.
//
// Records are key-value buckets; hints are a work-queue stream with one consumer for each
// capability. Writes are answered after the server has stored them: the embedded server
// syncs each one to the disk. An external server decides that by its own configuration; it
// should run with sync_interval: always (see Jepsen's report on NATS 2.12.1).
package jetstream

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/dispatch"
)

var (
	_ dispatch.Store    = (*Store)(nil)
	_ dispatch.KV       = (*bucket)(nil)
	_ dispatch.Queue    = (*queue)(nil)
	_ dispatch.Delivery = (*delivery)(nil)
)

// Options say which server to use and how.
type Options struct {
	URL      string // nats://…, tls://… or ws://…; several are separated by commas. May hold user and password
	Token    string // or "" when the server asks for none
	Creds    string // file with a JWT and its NKey; "" for none
	CA       string // file with the certificates that sign the server's; "" for the system's
	Cert     string // client certificate and its key; "" for none
	Key      string
	Prefix   string       // begins the names of all streams and buckets; "twinsync" when empty
	Replicas int          // copies of every record; 1 when 0, 3 in a cluster
	Name     string       // of this client, for the server's logs
	Log      *slog.Logger // nil discards
}

const (
	connectTimeout = 5 * time.Second
	reconnectWait  = 250 * time.Millisecond
	// ackWait is how long a worker may take to lease what a hint points at.
	ackWait = 10 * time.Second
	// pullWait bounds one request for a hint, after which the next is made.
	pullWait = 5 * time.Second
	// apiTimeout bounds a call whose context has no earlier end.
	apiTimeout = 5 * time.Second
	// markerLife is how long a deleted key leaves a mark, for watchers that were away.
	markerLife = time.Hour
)

// Store is a connection to a server.
type Store struct {
	opts Options
	log  *slog.Logger
	conn *nats.Conn
	js   jetstream.JetStream

	done    context.Context // ends with the connection
	close   context.CancelFunc
	closed  chan struct{}
	mu      sync.Mutex // orders watches.Add before Close's wait, and guards again
	watches sync.WaitGroup
	again   chan struct{} // closed and replaced when the connection was lost and is back
	queue   *queue
}

// Open connects to a server. The error is fault.Unreachable when it does not answer and
// fault.InvalidField when it does not let us in or has no JetStream.
func Open(ctx context.Context, o Options) (*Store, error) {
	return open(ctx, o)
}

func open(ctx context.Context, o Options, extra ...nats.Option) (*Store, error) {
	if o.Prefix == "" {
		o.Prefix = "twinsync"
	}
	if err := dispatch.ValidName(o.Prefix); err != nil {
		return nil, err
	}
	o.Replicas = max(1, o.Replicas)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{opts: o, log: o.Log}
	s.done, s.close = context.WithCancel(context.Background())
	s.closed, s.again = make(chan struct{}), make(chan struct{})
	options := append([]nats.Option{
		nats.Name(o.Name), nats.Timeout(connectTimeout), nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait),
		// Writes during an outage must fail and be tried again by who knows whether they still
		// make sense, not be sent from a buffer later.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				s.log.Warn("connection to the engine lost", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			s.log.Info("connection to the engine is back")
			s.interrupt()
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			s.log.Warn("engine", "error", err)
		}),
		nats.ClosedHandler(func(*nats.Conn) {
			s.mu.Lock() // whoever enters after this finds the connection closed
			s.close()
			s.mu.Unlock()
			close(s.closed)
		}),
	}, extra...)
	if o.Token != "" {
		options = append(options, nats.Token(o.Token))
	}
	if o.Creds != "" {
		options = append(options, nats.UserCredentials(o.Creds))
	}
	if o.CA != "" {
		options = append(options, nats.RootCAs(o.CA))
	}
	if o.Cert != "" {
		options = append(options, nats.ClientCert(o.Cert, o.Key))
	}
	conn, err := nats.Connect(o.URL, options...)
	if err != nil {
		s.close()
		return nil, refused(err)
	}
	s.conn = conn
	if s.js, err = jetstream.New(conn, jetstream.WithDefaultTimeout(apiTimeout)); err != nil {
		return nil, errors.Join(mapped(err), s.Close())
	}
	s.queue = &queue{store: s, consumers: map[string]jetstream.Consumer{}}
	if err := s.queue.prepare(ctx); err != nil {
		if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
			err = fault.New(fault.InvalidField, "nats", "the NATS server has no JetStream").
				WithHint("Start it with -js, or enable JetStream for this account.").WithCause(err)
		}
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close ends every watch and the connection, and waits for them.
func (s *Store) Close() error {
	s.conn.Close()
	<-s.closed
	s.watches.Wait()
	return nil
}

// interrupt ends the watches of the connection before. The server may have lost them with a
// restart, which the client would notice only by missing heartbeats, after ten seconds and more.
func (s *Store) interrupt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.again)
	s.again = make(chan struct{})
}

// enter counts a watch that is about to begin and gives what interrupts it.
func (s *Store) enter() (again <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done.Err() != nil {
		return nil, mapped(nats.ErrConnectionClosed)
	}
	s.watches.Add(1)
	return s.again, nil
}

// Bucket opens a bucket of records.
func (s *Store) Bucket(ctx context.Context, name string) (dispatch.KV, error) {
	if err := dispatch.ValidName(name); err != nil {
		return nil, err
	}
	full := s.opts.Prefix + "-" + name
	kv, err := s.js.KeyValue(ctx, full)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = s.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: full, History: 1, Storage: jetstream.FileStorage, Replicas: s.opts.Replicas,
			LimitMarkerTTL: markerLife,
		})
		if errors.Is(err, jetstream.ErrBucketExists) {
			kv, err = s.js.KeyValue(ctx, full) // another process was quicker
		}
	}
	if err != nil {
		return nil, mapped(err)
	}
	return &bucket{store: s, kv: kv}, nil
}

// Queue opens the work queues.
func (s *Store) Queue(context.Context) (dispatch.Queue, error) { return s.queue, nil }

type bucket struct {
	store *Store
	kv    jetstream.KeyValue
}

func (b *bucket) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	if err := dispatch.ValidKey(key); err != nil {
		return nil, 0, err
	}
	e, err := b.kv.Get(ctx, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return nil, 0, missing(key)
	case err != nil:
		return nil, 0, mapped(err)
	}
	return e.Value(), e.Revision(), nil
}

func (b *bucket) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	if err := dispatch.ValidKey(key); err != nil {
		return 0, err
	}
	rev, err := b.kv.Create(ctx, key, value)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return 0, fault.New(fault.Conflict, "", "record %s exists", key)
	}
	return rev, mapped(err)
}

func (b *bucket) Update(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) {
	if err := dispatch.ValidKey(key); err != nil {
		return 0, err
	}
	if rev == 0 { // to the server it means: create
		return 0, b.lost(ctx, key)
	}
	next, err := b.kv.Update(ctx, key, value, rev)
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return 0, b.lost(ctx, key)
	}
	return next, mapped(err)
}

func (b *bucket) Delete(ctx context.Context, key string, rev uint64) error {
	if err := dispatch.ValidKey(key); err != nil {
		return err
	}
	if rev == 0 { // to the server it means: whatever there is
		return b.lost(ctx, key)
	}
	err := b.kv.Purge(ctx, key, jetstream.LastRevision(rev), jetstream.PurgeTTL(markerLife))
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return b.lost(ctx, key)
	}
	return mapped(err)
}

// lost says why a compare-and-set was: the key is gone or has been changed.
func (b *bucket) lost(ctx context.Context, key string) error {
	if _, _, err := b.Get(ctx, key); fault.Is(err, fault.NotFound) {
		return err
	}
	return fault.New(fault.Conflict, "", "record %s was changed by another", key)
}

func (b *bucket) Keys(ctx context.Context, prefix string) ([]string, error) {
	// The server filters by whole words; what is left of the prefix is filtered here.
	filter := ">"
	if i := strings.LastIndexByte(prefix, '.'); i > 0 && dispatch.ValidKey(prefix[:i]) == nil {
		filter = prefix[:i+1] + ">"
	}
	l, err := b.kv.ListKeysFiltered(ctx, filter)
	if err != nil {
		return nil, mapped(err)
	}
	seen := map[string]bool{}
	for k := range l.Keys() {
		if strings.HasPrefix(k, prefix) {
			seen[k] = true
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if b.store.done.Err() != nil {
		return nil, mapped(nats.ErrConnectionClosed)
	}
	return sorted(seen), nil
}

func (b *bucket) Watch(ctx context.Context, scope string) (<-chan dispatch.Entry, error) {
	if err := dispatch.ValidScope(scope); err != nil {
		return nil, err
	}
	switch {
	case scope == "":
		scope = ">"
	case strings.HasSuffix(scope, "."):
		scope += ">"
	}
	s := b.store
	again, err := s.enter()
	if err != nil {
		return nil, err
	}
	w, err := b.kv.Watch(ctx, scope)
	if err != nil {
		s.watches.Done()
		return nil, mapped(err)
	}
	out := make(chan dispatch.Entry)
	go func() {
		defer s.watches.Done()
		defer close(out)
		defer func() {
			if err := w.Stop(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, nats.ErrBadSubscription) {
				s.log.Debug("ending a watch", "error", err)
			}
		}()
		for {
			var e dispatch.Entry
			select {
			case x, ok := <-w.Updates():
				if !ok {
					return
				}
				if x != nil {
					e = dispatch.Entry{
						Key: x.Key(), Value: x.Value(), Rev: x.Revision(), Deleted: x.Operation() != jetstream.KeyValuePut,
					}
				}
			case <-ctx.Done():
				return
			case <-s.done.Done():
				return
			case <-again:
				return
			}
			select {
			case out <- e:
			case <-ctx.Done():
				return
			case <-s.done.Done():
				return
			case <-again:
				return
			}
		}
	}()
	return out, nil
}
