// Package server is how clients reach TwinSync over HTTP: the contract
// (POST and GET /faceswap_video and /lipsync_video), the results, the samples, the operator's
// endpoints, and the control socket of the command line.
//
// It promises:
//
//   - The contract's fields, codes and sentences, and JSON in every answer of it,
//     whatever was asked.
//   - A task that was answered with 100 is stored, and the audit knows of it.
//   - No request can use more than its bounds of memory, time or connections, and
//     one that panics harms no other.
//   - No key, no query of an address and no text of a user is ever logged.
package server

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/account"
	"github.com/twinsync/twinsync/internal/task"
)

// Tasks is where tasks are put and looked up; the dispatcher is one.
type Tasks interface {
	// Submit stores a queued task; after nil it will be run, whatever happens.
	Submit(ctx context.Context, t task.Task) error
	// Get gives a task, or fault.NotFound.
	Get(ctx context.Context, id task.ID) (task.Task, error)
	// Active counts the tasks of a customer that are not finished.
	Active(customer string) int
}

// Accounts judges keys and keeps the audit.
type Accounts interface {
	Authenticate(ctx context.Context, secret string) (account.Key, error)
	Record(ctx context.Context, e account.Entry) error
}

// Input is a file that a request names. Exactly one of URL, Sample and Result is set.
type Input struct {
	Field  string // "image_url"
	URL    string // to be fetched
	Sample string // a sample of this installation: its name in the folder of samples
	Result string // a result of this installation: its key in the blob store
}

// SwapOrder is what POST /faceswap_video asks for.
type SwapOrder struct {
	Key          account.Key
	Image, Video Input
}

// TalkOrder is what POST /lipsync_video asks for: a recording, or a text with its language.
type TalkOrder struct {
	Key          account.Key
	Video, Audio Input
	Text         string // "" with Audio
	Language     string // BCP 47
	Voice        string // "": the language's own
}

// Config is what a Server is made of. All functions must be safe for concurrent use.
type Config struct {
	Listen        string // of the API, as "127.0.0.1:51916"
	ResultsListen string // of the results; the same as Listen: one port serves both
	PublicURL     string // --public-results-url, or ""
	SamplesDir    string // served under /samples/, or ""
	ControlDir    string // the data folder, where the control socket is made; "": none

	AllowNetworks []netip.Prefix // that addresses may name, see package fetch
	MaxBody       int64          // bytes of a request's body
	MaxRequests   int            // at the same time, of the API and again of downloads
	Retention     time.Duration  // how long tasks are kept, for messages; 0: for ever

	Tasks    Tasks
	Accounts Accounts
	Keys     KeyKeeper // behind the control socket; may be nil without ControlDir
	// NewSwap makes the queued task of an order. Its errors are answered by their code.
	NewSwap func(ctx context.Context, o SwapOrder) (task.Task, error)
	NewTalk func(ctx context.Context, o TalkOrder) (task.Task, error) // likewise
	// OpenResult opens a result by its key in the blob store, or gives fault.NotFound.
	OpenResult func(ctx context.Context, key string) (io.ReadSeekCloser, error)
	// Ready says why the service cannot take tasks, or nil.
	Ready func(ctx context.Context) error
	// TaskCounts counts tasks by state, for /metrics; may be nil.
	TaskCounts func() map[task.State]int

	Version string       // of the build
	Log     *slog.Logger // nil discards
	Now     func() time.Time
}

// DefaultConfig is the contract's ports on the loopback and bounds that one small machine bears.
func DefaultConfig() Config {
	return Config{
		Listen:        "127.0.0.1:51916",
		ResultsListen: "127.0.0.1:41748",
		MaxBody:       256 << 10, // times MaxRequests is what slow senders can make us hold
		MaxRequests:   512,
		Now:           time.Now,
	}
}

// Validate says what is missing.
func (c Config) Validate() error {
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New("server: "+what))
		}
	}
	need(c.Listen != "" && c.ResultsListen != "", "addresses to listen on are needed")
	need(c.MaxBody > 0 && c.MaxRequests > 0, "limits must be positive")
	need(c.Tasks != nil && c.Accounts != nil, "Tasks and Accounts are needed")
	need(c.NewSwap != nil && c.NewTalk != nil && c.OpenResult != nil && c.Ready != nil, "NewSwap, NewTalk, OpenResult and Ready are needed")
	need(c.ControlDir == "" || c.Keys != nil, "a control socket needs Keys")
	return errors.Join(errs...)
}

// Times of the HTTP servers. Downloads of results have no end of their own; each
// of their writes has writeTimeout.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 20 * time.Second
	writeTimeout  = 60 * time.Second
	idleTimeout   = 2 * time.Minute
	graceTime     = 10 * time.Second
	maxHeader     = 64 << 10
)

// Server is the HTTP side of a service. Use: New, Start, Run.
type Server struct {
	cfg     Config
	log     *slog.Logger
	now     func() time.Time
	samples *os.Root // nil: none
	page    *template.Template
	metrics *metrics
	limits  *limiters
	// Places among the requests that are served at the same time. Downloads have their own, for they may
	// take long and must not keep tasks out.
	slots, downloads chan struct{}

	addresses Addresses
	listeners []net.Listener // all that are bound
	running   []running
	control   *controlListener
}

// running is a server and what it listens on.
type running struct {
	server   *http.Server
	listener net.Listener
}

// New makes a Server; nothing listens yet.
func New(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	page, err := template.New("page").Parse(pageText)
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, log: cfg.Log, now: cfg.Now, page: page,
		metrics: newMetrics(cfg.Version, cfg.TaskCounts),
		limits:  newLimiters(cfg.Now),
		slots:   make(chan struct{}, cfg.MaxRequests), downloads: make(chan struct{}, cfg.MaxRequests),
	}
	if cfg.SamplesDir != "" {
		root, err := os.OpenRoot(cfg.SamplesDir)
		if err != nil {
			return nil, fault.New(fault.NotFound, "samples", "the folder of samples cannot be opened").WithCause(err)
		}
		s.samples = root
	}
	return s, nil
}

// Start binds the ports and the control socket. On an error nothing stays bound.
// Errors: fault.Conflict when an address is in use or another service uses the data folder.
func (s *Server) Start() (err error) {
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	bind := func(setting, address string) (net.Listener, error) {
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address) // binding does not wait
		if err != nil {
			return nil, listenFault(setting, address, err)
		}
		s.listeners = append(s.listeners, l)
		return l, nil
	}
	api, err := bind("listen", s.cfg.Listen)
	if err != nil {
		return err
	}
	s.addresses = Addresses{API: addrPort(api), Results: addrPort(api), Public: s.cfg.PublicURL}
	if s.cfg.Listen == s.cfg.ResultsListen {
		s.serve(api, s.apiHandler(true))
	} else {
		results, err := bind("results-listen", s.cfg.ResultsListen)
		if err != nil {
			return err
		}
		s.addresses.Results = addrPort(results)
		s.serve(api, s.apiHandler(false))
		s.serve(results, s.resultsHandler())
	}
	if s.cfg.ControlDir != "" {
		if s.control, err = listenControl(s.cfg.ControlDir); err != nil {
			return err
		}
		s.listeners = append(s.listeners, s.control)
		s.serve(s.control, controlHandler(s.cfg.Keys, s.cfg.Version, s.log))
	}
	return nil
}

// serve prepares a server for a listener; Run starts it.
func (s *Server) serve(l net.Listener, h http.Handler) {
	s.running = append(s.running, running{&http.Server{
		Addr:              l.Addr().String(),
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}, l})
}

// Run serves until ctx ends, then lets running requests finish for up to ten
// seconds. It returns nil when the end was wanted.
func (s *Server) Run(ctx context.Context) error {
	if len(s.running) == 0 {
		return errors.New("server: Run before Start")
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, r := range s.running {
		g.Go(func() error {
			if err := r.server.Serve(r.listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve %s: %w", r.server.Addr, err)
			}
			return nil
		})
	}
	g.Go(func() error {
		<-gctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceTime)
		defer cancel()
		var wg sync.WaitGroup
		for _, r := range s.running {
			wg.Go(func() {
				if err := r.server.Shutdown(grace); err != nil {
					_ = r.server.Close() // a download that takes longer can be resumed by its client
				}
			})
		}
		wg.Wait()
		return nil
	})
	err := g.Wait()
	s.close()
	return err
}

// close lets go of everything that Start took; it may be called twice.
func (s *Server) close() {
	for _, l := range s.listeners {
		_ = l.Close() // closed already where its server has ended
	}
	if s.samples != nil {
		_ = s.samples.Close() // only read
	}
}

// Addresses gives the addresses of this installation; valid after Start.
func (s *Server) Addresses() Addresses { return s.addresses }

func addrPort(l net.Listener) netip.AddrPort {
	return l.Addr().(*net.TCPAddr).AddrPort() // net.Listen("tcp") gives no other
}

// apiHandler is the API, with the results beside it when they share its port.
func (s *Server) apiHandler(withResults bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /faceswap_video", s.postSwap)
	mux.HandleFunc("GET /faceswap_video", s.getStatus)
	mux.HandleFunc("/faceswap_video", s.wrongMethod("GET, POST"))
	mux.HandleFunc("POST /lipsync_video", s.postTalk)
	mux.HandleFunc("GET /lipsync_video", s.getStatus)
	mux.HandleFunc("/lipsync_video", s.wrongMethod("GET, POST"))
	mux.HandleFunc(sampleRoute, s.getSample)
	mux.HandleFunc("GET /healthz", s.getHealth)
	mux.HandleFunc("GET /readyz", s.getReady)
	mux.Handle("GET /metrics", s.metrics.handler())
	mux.HandleFunc("GET /{$}", s.getRoot)
	if withResults {
		mux.HandleFunc(resultRoute, s.getResult)
	}
	mux.HandleFunc("/", s.notFound)
	return s.wrap(mux)
}

func (s *Server) resultsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(resultRoute, s.getResult)
	mux.HandleFunc("/", s.notFound)
	return s.wrap(mux)
}
