package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/account"
	"github.com/twinsync/twinsync/internal/task"
)

func TestHealthReadyAndMetrics(t *testing.T) {
	r := newRig(t, nil)
	r.accept("ok.jpg")
	if resp, b := r.get("/healthz"); resp.StatusCode != 200 || string(b) != `{"status":"alive"}`+"\n" {
		t.Errorf("healthz: %d %s", resp.StatusCode, b)
	}
	if resp, b := r.get("/readyz"); resp.StatusCode != 200 || string(b) != `{"status":"ready"}`+"\n" {
		t.Errorf("readyz: %d %s", resp.StatusCode, b)
	}
	r.ready = fault.New(fault.Unavailable, "", "no worker is running")
	if resp, b := r.get("/readyz"); resp.StatusCode != 503 || !strings.Contains(string(b), "no worker is running") {
		t.Errorf("readyz: %d %s", resp.StatusCode, b)
	}
	r.get("/made/up?x=" + r.secret)
	_, b := r.get("/metrics")
	for _, line := range []string{
		`twinsync_requests_total{method="POST",route="POST /faceswap_video",status="200"} 1`,
		`twinsync_requests_total{method="GET",route="/",status="404"} 1`,
		`twinsync_request_duration_seconds_count{method="POST",route="POST /faceswap_video"} 1`,
		`twinsync_tasks{state="queued"} 1`,
		`twinsync_tasks{state="failed"} 0`,
		`version="test"`,
	} {
		if !strings.Contains(string(b), line) {
			t.Errorf("metrics lack %s", line)
		}
	}
}

func TestRootPageAsksNobodyElse(t *testing.T) {
	r := newRig(t, nil)
	resp, b := r.get("/")
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	for _, wrong := range []string{"src=", "url(", "href=\"http", "@import", "<script"} {
		if strings.Contains(string(b), wrong) {
			t.Errorf("the page holds %s", wrong)
		}
	}
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("policy %q", csp)
	}
	if strings.Contains(string(b), "/samples/") {
		t.Error("the page names samples that are not there")
	}
}

func TestEveryAnswerIsSafe(t *testing.T) {
	r := newRig(t, func(c *Config) { c.SamplesDir = t.TempDir() })
	for _, path := range []string{"/", "/faceswap_video", "/healthz", "/metrics", "/samples/x", "/none"} {
		resp, _ := r.get(path)
		h := resp.Header
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" || h.Get("Referrer-Policy") != "no-referrer" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || len(h.Get("X-Request-Id")) != 16 {
			t.Errorf("%s: %v", path, h)
		}
		if h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s lets any page read it", path)
		}
	}
}

func TestLogHoldsNoSecrets(t *testing.T) {
	r := newRig(t, nil)
	id := r.accept("ok.jpg")
	f := r.form("ok.jpg")
	f.Set("image_url", "http://10.0.0.1/private?token=s3cret")
	r.do(r.request("POST", r.api+"/faceswap_video?key="+r.secret, "application/x-www-form-urlencoded", f.Encode()))
	r.get("/faceswap_video?taskID=" + r.secret)
	r.get("/" + r.secret + "?" + r.secret)
	r.stop()
	log := r.log.String()
	for _, want := range []string{"task=" + id, "customer=acme-1", "code=forbidden_address", `route="POST /faceswap_video"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
	for _, secret := range []string{r.secret, "s3cret", "example.com", "10.0.0.1"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
}

func TestPanicHarmsNoOther(t *testing.T) {
	r := newRig(t, func(c *Config) {
		c.NewSwap = func(context.Context, SwapOrder) (task.Task, error) { panic("a defect with a secret") }
	})
	for range 2 {
		resp, b := r.do(r.request("POST", r.api+"/faceswap_video", "application/x-www-form-urlencoded", r.form("x").Encode()))
		if a := answerOf(t, b); resp.StatusCode != 500 || a.ResultCode != 203 || strings.Contains(string(b), "defect") {
			t.Errorf("%d %s", resp.StatusCode, b)
		}
	}
	if !strings.Contains(r.log.String(), "a defect") {
		t.Error("the log does not tell of it")
	}
}

func TestOnlySoManyAtATime(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	r := newRig(t, func(c *Config) {
		c.MaxRequests = 1
		inner := c.NewSwap
		c.NewSwap = func(ctx context.Context, o SwapOrder) (task.Task, error) {
			entered <- struct{}{}
			<-release
			return inner(ctx, o)
		}
	})
	done := make(chan string)
	go func() { done <- r.accept("ok.jpg") }()
	<-entered
	resp, b := r.get("/faceswap_video?taskID=x")
	if a := answerOf(t, b); resp.StatusCode != 503 || a.ResultCode != 203 || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("%d %s", resp.StatusCode, b)
	}
	if resp, _ := r.get("/healthz"); resp.StatusCode != 200 {
		t.Errorf("healthz: %d", resp.StatusCode)
	}
	close(release)
	<-done
}

func TestStopLetsRunningRequestsFinish(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	r := newRig(t, func(c *Config) {
		inner := c.NewSwap
		c.NewSwap = func(ctx context.Context, o SwapOrder) (task.Task, error) {
			close(entered)
			<-release
			return inner(ctx, o)
		}
	})
	done := make(chan string)
	go func() { done <- r.accept("ok.jpg") }()
	<-entered
	stopped := make(chan struct{})
	go func() { r.stop(); close(stopped) }()
	// The port is closed first; then the running request is waited for.
	for {
		conn, err := net.DialTimeout("tcp", r.server.Addresses().API.String(), time.Second)
		if err != nil {
			break
		}
		conn.Close()
	}
	select {
	case <-stopped:
		t.Error("stopped before the request was answered")
	default:
	}
	close(release)
	if id := <-done; id == "" {
		t.Error("the request was not answered")
	}
	<-stopped
	if _, err := os.Stat(filepath.Join(r.data, controlName)); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestOnePortServesBoth(t *testing.T) {
	r := newRig(t, func(c *Config) { c.ResultsListen = c.Listen })
	r.work(1)
	id := r.accept("ok.jpg")
	a, _ := r.await(id, 103)
	if want := r.api + "/acme-1/" + id + ".mp4"; *a.ResultURL != want {
		t.Fatalf("result_url = %s, want %s", *a.ResultURL, want)
	}
	resp, b := r.do(r.request("GET", *a.ResultURL, "", ""))
	if resp.StatusCode != 200 || len(b) != len(resultBytes) {
		t.Errorf("%d, %d bytes", resp.StatusCode, len(b))
	}
	if resp, b := r.get("/acme-1/none.mp4"); resp.StatusCode != 404 || answerOf(t, b).Msg == "" {
		t.Errorf("%d %s", resp.StatusCode, b)
	}
}

func TestPublicResultsURL(t *testing.T) {
	r := newRig(t, func(c *Config) { c.PublicURL = "https://video.example.com/out" })
	r.work(1)
	id := r.accept("ok.jpg")
	a, _ := r.await(id, 103)
	if want := "https://video.example.com/out/acme-1/" + id + ".mp4"; *a.ResultURL != want {
		t.Errorf("result_url = %s, want %s", *a.ResultURL, want)
	}
}

func TestHostIsTheClients(t *testing.T) {
	r := newRig(t, nil)
	r.work(1)
	id := r.accept("ok.jpg")
	r.await(id, 103)
	req := r.request("GET", r.api+"/faceswap_video?taskID="+id, "", "")
	req.Host = "video.example.com:51916"
	_, b := r.do(req)
	want := fmt.Sprintf("http://video.example.com:%d/acme-1/%s.mp4", r.server.Addresses().Results.Port(), id)
	if a := answerOf(t, b); *a.ResultURL != want {
		t.Errorf("result_url = %s, want %s", *a.ResultURL, want)
	}
}

func TestExpiredResult(t *testing.T) {
	later := make(chan time.Duration, 1)
	later <- 0
	r := newRig(t, func(c *Config) {
		inner := c.NewSwap
		c.NewSwap = func(ctx context.Context, o SwapOrder) (task.Task, error) {
			t, err := inner(ctx, o)
			t.ExpiresAt = time.Now().Add(time.Hour)
			return t, err
		}
		c.Now = func() time.Time {
			d := <-later
			later <- d
			return time.Now().Add(d)
		}
	})
	r.work(1)
	id := r.accept("ok.jpg")
	a, _ := r.await(id, 103)
	<-later
	later <- 2 * time.Hour
	resp, b := r.get("/faceswap_video?taskID=" + id)
	if an := answerOf(t, b); resp.StatusCode != 404 || an.ResultCode != 200 || !strings.Contains(an.Msg, "has expired") {
		t.Errorf("status: %d %s", resp.StatusCode, b)
	}
	if resp, b := r.do(r.request("GET", *a.ResultURL, "", "")); resp.StatusCode != 404 {
		t.Errorf("result: %d %q", resp.StatusCode, b)
	}
}

func TestControl(t *testing.T) {
	r := newRig(t, nil)
	info, err := os.Stat(filepath.Join(r.data, controlName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("socket: %v, %v", info, err)
	}
	c, err := DialControl(t.Context(), r.data)
	if err != nil {
		t.Fatal(err)
	}
	if i := c.Info(); i.Version != "test" || i.PID != os.Getpid() {
		t.Errorf("info = %+v", i)
	}
	if _, _, err := c.CreateKey(t.Context(), account.NewKey{Customer: "new", By: "ann"}); !fault.Is(err, fault.TermsNotAccepted) ||
		!strings.Contains(fault.From(err).Public(), "--accept-terms") {
		t.Errorf("without terms: %v", err)
	}
	k, secret, err := c.CreateKey(t.Context(), account.NewKey{Customer: "new", By: "ann", AcceptTerms: true, Limits: account.Limits{TasksInFlight: 3}})
	if err != nil {
		t.Fatal(err)
	}
	use := func(secret string, code int) {
		t.Helper()
		f := r.form("ok.jpg")
		f.Set("key", secret)
		if _, b := r.do(r.request("POST", r.api+"/faceswap_video", "application/x-www-form-urlencoded", f.Encode())); answerOf(t, b).ResultCode != code {
			t.Errorf("answer %s, want code %d", b, code)
		}
	}
	use(secret, 100)
	next, fresh, err := c.Rotate(t.Context(), k.ID, "ann", time.Hour)
	if err != nil || next.Replaces != k.ID {
		t.Fatalf("Rotate = %+v, %v", next, err)
	}
	use(secret, 100)
	use(fresh, 100)
	if _, err := c.Revoke(t.Context(), k.ID, "ann"); err != nil {
		t.Fatal(err)
	}
	use(secret, 201)
	use(fresh, 203) // three tasks are in flight, as many as the key allows
	all, err := c.Keys(t.Context(), "new")
	if err != nil || len(all) != 2 || all[0].RevokedAt.IsZero() || all[1].Limits.TasksInFlight != 3 {
		t.Errorf("keys = %+v, %v", all, err)
	}
	if _, err := c.Revoke(t.Context(), "k0123456789abcdef", "ann"); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown key: %v", err)
	}

	// One data folder, one service.
	if _, err := listenControl(r.data); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second service: %v", err)
	}
	r.stop()
	if _, err := DialControl(t.Context(), r.data); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without a service: %v", err)
	}
}

func TestControlReplacesWhatADeadServiceLeft(t *testing.T) {
	dir, err := os.MkdirTemp("", "ts")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, controlName), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	if _, err := DialControl(t.Context(), dir); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a dead socket: %v", err)
	}
	l, err := listenControl(dir)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := listenControl(filepath.Join(dir, strings.Repeat("a", 90))); err == nil {
		t.Error("a folder that is not there is accepted")
	}
	long := filepath.Join(dir, strings.Repeat("a", 100))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := listenControl(long); !fault.Is(err, fault.InvalidField) || fault.From(err).Param != "data" {
		t.Errorf("a long path: %v", err)
	}
}

func TestAddressInUse(t *testing.T) {
	r := newRig(t, nil)
	cfg := r.server.cfg
	cfg.Listen, cfg.ControlDir = r.server.Addresses().API.String(), ""
	second, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	err = second.Start()
	if !fault.Is(err, fault.Conflict) || fault.From(err).Param != "listen" || !strings.Contains(fault.From(err).Public(), "--listen") {
		t.Errorf("Start = %v", err)
	}
	if err := (Config{}).Validate(); err == nil {
		t.Error("an empty config is valid")
	}
}

// TestSlowAndBrokenClients: a body that stops half-way is answered or dropped, and no other client feels it.
func TestSlowAndBrokenClients(t *testing.T) {
	r := newRig(t, nil)
	conn, err := net.Dial("tcp", r.server.Addresses().API.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /faceswap_video HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"key\"")
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(conn)
	if err != nil || !strings.Contains(string(b), "400 Bad Request") || !strings.Contains(string(b), `"result_code":200`) {
		t.Errorf("%q, %v", b, err)
	}
	req := r.request("POST", r.api+"/faceswap_video", "application/json", `{"key":"a"}`)
	req.Header.Set("Content-Encoding", "gzip")
	if resp, b := r.do(req); resp.StatusCode != 400 || !strings.Contains(string(b), "compressed") {
		t.Errorf("%d %s", resp.StatusCode, b)
	}
	// The largest allowed body is read.
	f := r.form("ok.jpg")
	f.Set("rest", "")
	f.Set("rest", strings.Repeat("a", 256<<10-len(f.Encode())))
	if resp, b := r.do(r.request("POST", r.api+"/faceswap_video", "application/x-www-form-urlencoded", f.Encode())); resp.StatusCode != http.StatusOK {
		t.Errorf("%d %s", resp.StatusCode, b)
	}
}

// TestReadyAtOnce: the promise is 50 ms on a machine of its own.
func TestReadyAtOnce(t *testing.T) {
	r := newRig(t, nil)
	cfg := r.server.cfg
	cfg.ControlDir = ""
	begin := time.Now()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	resp, _ := r.do(r.request("GET", "http://"+s.Addresses().API.String()+"/readyz", "", ""))
	took := time.Since(begin)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	t.Logf("ready after %v", took)
	if resp.StatusCode != 200 || took > 500*time.Millisecond { // ten times, for a busy machine
		t.Errorf("%d after %v", resp.StatusCode, took)
	}
}
