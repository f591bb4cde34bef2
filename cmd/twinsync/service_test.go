package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must come, on the slowest machine.
const patience = 3 * time.Minute

// service is `twinsync serve` in a process of its own.
type service struct {
	t       *testing.T
	cmd     *exec.Cmd
	data    string
	api     string // http://127.0.0.1:PORT
	results string
	out     output
	log     *watched
	ended   chan struct{} // closed when the process is gone
}

// watched is a log that can be waited on.
type watched struct {
	output
	mu    sync.Mutex
	waits []wait
}

type wait struct {
	pattern *regexp.Regexp
	found   chan []string
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.output.Write(p)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.look()
	return n, err
}

// look hands out what is found. w.mu is held.
func (w *watched) look() {
	text := w.String()
	var rest []wait
	for _, x := range w.waits {
		if m := x.pattern.FindStringSubmatch(text); m != nil {
			x.found <- m
		} else {
			rest = append(rest, x)
		}
	}
	w.waits = rest
}

// until gives the channel on which the pattern's first match will come.
func (w *watched) until(pattern string) <-chan []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	x := wait{regexp.MustCompile(pattern), make(chan []string, 1)}
	w.waits = append(w.waits, x)
	w.look()
	return x.found
}

// serve starts a service with a data folder and waits until it is ready. It is stopped at the
// test's end. The two addresses are written differently, so that they get a port each.
func serve(t *testing.T, data string, args ...string) *service {
	t.Helper()
	s := &service{t: t, data: data, log: &watched{}, ended: make(chan struct{})}
	s.cmd = program(t.Context(), append([]string{"serve", "--listen=127.0.0.1:0", "--results-listen=[::ffff:127.0.0.1]:0", "--data", data, "--workers=1", "--log-level=debug"}, args...)...)
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(os.Interrupt) }
	s.cmd.WaitDelay = time.Minute
	s.cmd.Stdout, s.cmd.Stderr = &s.out, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait() // its state is looked at by whoever ends it
		close(s.ended)
	}()
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("the service's log:\n%s", s.log.String())
		}
	})
	m := s.wait(`msg=ready api=(\S+) results=(\S+)`)
	s.api, s.results = "http://"+m[1], "http://"+m[2]
	return s
}

// wait waits for words in the log.
func (s *service) wait(pattern string) []string {
	s.t.Helper()
	select {
	case m := <-s.log.until(pattern):
		return m
	case <-s.ended:
		s.t.Fatalf("the service has ended (%v) without %q:\n%s", s.cmd.ProcessState, pattern, s.log.String())
	case <-time.After(patience):
		s.t.Fatalf("the service does not log %q:\n%s", pattern, s.log.String())
	}
	return nil
}

// stop ends the service as a service manager does.
func (s *service) stop() {
	s.t.Helper()
	select {
	case <-s.ended:
		return
	default:
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Errorf("stop: %v", err)
	}
	<-s.ended
	if code := s.cmd.ProcessState.ExitCode(); code != exitDone {
		s.t.Errorf("a stopped service ends with %d", code)
	}
}

// kill ends the service as the kernel does when memory is short.
func (s *service) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	<-s.ended
}

// keys runs a command of `twinsync keys` with the service's folder.
func keys(t *testing.T, data string, args ...string) outcome {
	t.Helper()
	return twinsync(t.Context(), append(append([]string{"keys"}, args...), "--data", data, "--json")...)
}

// newKey makes a key for a customer.
func newKey(t *testing.T, data, customer string) string {
	t.Helper()
	got := keys(t, data, "create", "--customer", customer, "--accept-terms")
	var k struct{ Key string }
	got.last(t, &k)
	if got.code != exitDone || k.Key == "" {
		t.Fatalf("keys create: %+v", got)
	}
	return k.Key
}

// The client below is written from contract.md alone.

// answer is what the API answers to everything.
type answer struct {
	HTTP       int    `json:"-"`
	Raw        string `json:"-"`
	TaskID     string `json:"task_id"`
	ResultURL  string `json:"result_url"`
	ResultCode int    `json:"result_code"`
	StatusCode int    `json:"status_code"`
	Msg        string `json:"msg"`
}

// client has connections that end with the test.
func client(t *testing.T) *http.Client {
	c := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func (s *service) do(t *testing.T, method, path, contentType, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.api+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{HTTP: resp.StatusCode, Raw: string(raw)}
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatalf("%s %s: %d with %q, which is no JSON", method, path, resp.StatusCode, raw)
	}
	return a
}

// order is the three fields of a task.
type order struct{ image, video, key string }

func (o order) form() url.Values {
	return url.Values{"image_url": {o.image}, "video_url": {o.video}, "key": {o.key}}
}

func (o order) multipart(t *testing.T) (contentType, body string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, v := range o.form() {
		if err := w.WriteField(name, v[0]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.String()
}

func (o order) json(t *testing.T) string {
	t.Helper()
	b, err := json.Marshal(map[string]string{"image_url": o.image, "video_url": o.video, "key": o.key})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const formType = "application/x-www-form-urlencoded"

var taskID = regexp.MustCompile(`^\d{8}_\d\d_\d\d_\d\d_\d{16,}$`)

// submit orders a task by form and gives its identifier.
func (s *service) submit(t *testing.T, o order) string {
	t.Helper()
	return accepted(t, s.do(t, http.MethodPost, "/faceswap_video", formType, o.form().Encode()))
}

// accepted holds the answer to a POST against the contract.
func accepted(t *testing.T, a answer) string {
	t.Helper()
	want := fmt.Sprintf(`{"task_id":%q,"result_code":100,"msg":"SUCCESS! The video is currently in the queue waiting to be processed."}`, a.TaskID)
	if a.HTTP != http.StatusOK || strings.TrimSpace(a.Raw) != want || !taskID.MatchString(a.TaskID) {
		t.Fatalf("answer %d %s, want %s", a.HTTP, a.Raw, want)
	}
	return a.TaskID
}

// status asks how a task stands.
func (s *service) status(t *testing.T, id string) answer {
	t.Helper()
	a := s.do(t, http.MethodGet, "/faceswap_video?taskID="+url.QueryEscape(id), "", "")
	if a.HTTP != http.StatusOK {
		t.Fatalf("status of %s: %d %s", id, a.HTTP, a.Raw)
	}
	return a
}

// poll asks until done says so. The contract has no other way to wait.
func (s *service) poll(t *testing.T, id string, done func(answer) bool) answer {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); ; <-tick.C {
		a := s.status(t, id)
		if done(a) {
			return a
		}
		if time.Since(begin) > patience {
			t.Fatalf("the task does not move on: %s", a.Raw)
		}
	}
}

// finished waits for the end of a task.
func (s *service) finished(t *testing.T, id string) answer {
	t.Helper()
	return s.poll(t, id, func(a answer) bool { return a.StatusCode == 103 || a.StatusCode == 104 })
}

// succeeded waits for a task's success and holds the answer against the contract.
func (s *service) succeeded(t *testing.T, id, customer string) answer {
	t.Helper()
	a := s.finished(t, id)
	address := s.results + "/" + customer + "/" + id + ".mp4"
	want := fmt.Sprintf(`{"result_url":%q,"result_code":100,"status_code":103,"msg":"taskID:%s has been completed, and the output video url is: %s"}`, address, id, address)
	if strings.TrimSpace(a.Raw) != want {
		t.Fatalf("answer %s, want %s", a.Raw, want)
	}
	return a
}

// download saves a result.
func download(t *testing.T, address string) string {
	t.Helper()
	resp, body := get(t, http.MethodGet, address, "")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "video/mp4" {
		t.Fatalf("%s: %s, %s", address, resp.Status, resp.Header.Get("Content-Type"))
	}
	path := filepath.Join(t.TempDir(), "result.mp4")
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// get asks for a file, or for a range of it.
func get(t *testing.T, method, address, span string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if span != "" {
		req.Header.Set("Range", span)
	}
	resp, err := client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}
