package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/account"
	"github.com/twinsync/twinsync/internal/dispatch"
	"github.com/twinsync/twinsync/internal/dispatch/memory"
	"github.com/twinsync/twinsync/internal/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a service with everything real but the pictures: its runner writes bytes.
type rig struct {
	t        *testing.T
	server   *Server
	accounts *account.Accounts
	tasks    *dispatch.Dispatcher
	store    dispatch.Store
	results  string // folder
	data     string // folder
	orders   chan SwapOrder
	talks    chan TalkOrder
	log      *lockedBuffer
	key      account.Key
	secret   string
	api      string // http://127.0.0.1:PORT
	stop     func()
	ready    error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// spec tells the runner of these tests what to do.
type spec struct {
	Photo string `json:"photo"` // the last word of the photo's address
}

// resultBytes is what a finished task gives.
var resultBytes = bytes.Repeat([]byte("0123456789"), 1000)

// runner writes a result, fails or waits, as the photo's name says.
type runner struct{ dir string }

func (r runner) Run(ctx context.Context, j dispatch.Job) (dispatch.Result, error) {
	var s spec
	if err := json.Unmarshal(j.Task.Spec, &s); err != nil {
		return dispatch.Result{}, err
	}
	switch s.Photo {
	case "fail.jpg":
		return dispatch.Result{}, fault.New(fault.NoFaceInPhoto, "image_url", "no face is found in the photo").
			WithHint("Use a photo that shows a face from the front.")
	case "wait.jpg":
		j.Report(42, 100)
		<-ctx.Done()
		return dispatch.Result{}, ctx.Err()
	}
	return dispatch.Result{}, os.WriteFile(filepath.Join(r.dir, string(j.Task.ID)), resultBytes, 0o600)
}

func (r runner) Next(_ context.Context, t task.Task) (string, []task.Spec, *task.Result, error) {
	return "", nil, &task.Result{Key: string(t.ID), Bytes: int64(len(resultBytes)), ContentType: "video/mp4", SHA256: hexSHA256(string(resultBytes))}, nil
}

func newRig(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	return newRigOn(t, memory.New(), change)
}

// newRigOn closes the store when the rig stops.
func newRigOn(t *testing.T, store dispatch.Store, change func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, results: t.TempDir(), log: &lockedBuffer{}, orders: make(chan SwapOrder, 100), talks: make(chan TalkOrder, 100)}
	// Socket paths are short: a test's own folder can be too deep for one.
	data, err := os.MkdirTemp("", "ts")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(data) })
	r.data = data
	r.store = store
	kv, err := store.Bucket(t.Context(), "accounts")
	if err != nil {
		t.Fatal(err)
	}
	if r.accounts, err = account.New(account.Config{Store: kv}); err != nil {
		t.Fatal(err)
	}
	if r.tasks, err = dispatch.New(t.Context(), store, dispatch.DefaultConfig()); err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Listen = "127.0.0.1:0"
	cfg.ResultsListen = "[::ffff:127.0.0.1]:0" // the same place in other words, so another port; a name would need a hosts file
	cfg.ControlDir, cfg.Keys = data, r.accounts
	cfg.Tasks, cfg.Accounts = r.tasks, r.accounts
	cfg.Version = "test"
	cfg.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}
	cfg.Log = slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg.Ready = func(context.Context) error { return r.ready }
	cfg.TaskCounts = func() map[task.State]int { return r.tasks.Stats().Tasks }
	cfg.NewSwap = func(_ context.Context, o SwapOrder) (task.Task, error) {
		r.orders <- o
		name := o.Image.URL[strings.LastIndexByte(o.Image.URL, '/')+1:]
		raw, err := json.Marshal(spec{Photo: name})
		if err != nil {
			return task.Task{}, err
		}
		return task.New(task.Order{Customer: o.Key.Customer, KeyID: o.Key.ID, Kind: "swap", Spec: raw,
			Stage: "render", Segments: []task.Spec{{Frames: 100}}, Shares: []task.Share{{Stage: "render", Until: 1}}}, time.Now())
	}
	cfg.NewTalk = func(_ context.Context, o TalkOrder) (task.Task, error) {
		r.talks <- o
		return task.New(task.Order{Customer: o.Key.Customer, KeyID: o.Key.ID, Kind: "talk", Spec: json.RawMessage(`{}`),
			Stage: "render", Segments: []task.Spec{{Frames: 100}}, Shares: []task.Share{{Stage: "render", Until: 1}}}, time.Now())
	}
	cfg.OpenResult = func(_ context.Context, key string) (io.ReadSeekCloser, error) {
		f, err := os.Open(filepath.Join(r.results, key))
		if errors.Is(err, os.ErrNotExist) {
			return nil, fault.New(fault.NotFound, "", "no such blob")
		}
		return f, err
	}
	if change != nil {
		change(&cfg)
	}
	if r.server, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	if err := r.server.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.server.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() { r.tasks.Run(ctx) })
	r.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		store.Close()
	})
	t.Cleanup(r.stop)
	<-r.tasks.Ready()
	if r.key, r.secret, err = r.accounts.CreateKey(t.Context(), account.NewKey{Customer: "acme-1", By: "test", AcceptTerms: true}); err != nil {
		t.Fatal(err)
	}
	r.api = "http://" + r.server.Addresses().API.String()
	return r
}

// work starts a worker; it stops with the test, before the store is closed.
func (r *rig) work(slots int) {
	r.t.Helper()
	cfg := dispatch.DefaultWorkerConfig()
	cfg.Slots = map[string]int{"cpu": slots}
	w, err := dispatch.NewWorker(r.t.Context(), r.store, runner{r.results}, cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx)
	}()
	r.t.Cleanup(func() { cancel(); <-done })
}

// client sends a request without keeping a connection, so that no goroutine outlives a test.
func (r *rig) do(req *http.Request) (*http.Response, []byte) {
	r.t.Helper()
	tr := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	resp, err := (&http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, b
}

func (r *rig) request(method, address, contentType, body string) *http.Request {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return req
}

func (r *rig) get(path string) (*http.Response, []byte) {
	r.t.Helper()
	return r.do(r.request("GET", r.api+path, "", ""))
}

func (r *rig) form(photo string) url.Values {
	return url.Values{
		"image_url": {"http://files.example.com/" + photo},
		"video_url": {"https://files.example.com/clip.mp4?sig=s3cret"},
		"key":       {r.secret},
	}
}

// accept posts a form that must be accepted.
func (r *rig) accept(photo string) string {
	r.t.Helper()
	resp, b := r.do(r.request("POST", r.api+"/faceswap_video", "application/x-www-form-urlencoded", r.form(photo).Encode()))
	a := answerOf(r.t, b)
	if resp.StatusCode != 200 || a.ResultCode != 100 {
		r.t.Fatalf("POST: %d %s", resp.StatusCode, b)
	}
	return a.TaskID
}

// answer is any answer of the contract.
type answer struct {
	TaskID     string  `json:"task_id"`
	ResultURL  *string `json:"result_url"`
	ResultCode int     `json:"result_code"`
	StatusCode int     `json:"status_code"`
	Msg        string  `json:"msg"`
}

func answerOf(t *testing.T, b []byte) answer {
	t.Helper()
	var a answer
	if err := json.Unmarshal(b, &a); err != nil {
		t.Fatalf("the answer %q is no JSON: %v", b, err)
	}
	return a
}

// await polls a status, as clients do, until it is this code.
func (r *rig) await(id string, code int) (answer, []byte) {
	r.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		resp, b := r.get("/faceswap_video?taskID=" + id)
		a := answerOf(r.t, b)
		if a.StatusCode == code {
			if resp.StatusCode != 200 {
				r.t.Errorf("HTTP status %d", resp.StatusCode)
			}
			return a, b
		}
		if time.Now().After(end) {
			r.t.Fatalf("the status stays %s, want %d", b, code)
		}
	}
}
