package speech

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinsync/twinsync/fault"
)

const testKey = "sk-secret-0123456789"

// fakeService serves h and gives options to reach it.
func fakeService(t *testing.T, h http.Handler) ServiceOptions {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return ServiceOptions{URL: s.URL + "/v1/", Key: testKey, Setting: "speech", Pause: time.Millisecond, Timeout: 5 * time.Second}
}

// wantFault fails unless err is a fault of this code and param that does not hold the key in any of its forms.
func wantFault(t *testing.T, err error, code fault.Code, param string) *fault.Error {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", code)
	}
	f := fault.From(err)
	if f.Code != code || f.Param != param {
		t.Errorf("%s of %q, want %s of %q: %v", f.Code, f.Param, code, param, err)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(e.Error(), testKey) {
			t.Errorf("the key stands in %q", e)
		}
	}
	if strings.Contains(f.Public(), testKey) || strings.Contains(f.Public(), "127.0.0.1") {
		t.Errorf("what is public tells too much: %s", f.Public())
	}
	return f
}

func TestServiceErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		h     http.HandlerFunc
		code  fault.Code
		param string
		calls int32 // that it takes
	}{
		{"key", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"error":{"message":"Incorrect API key provided: `+testKey+`"}}`, http.StatusUnauthorized)
		}, fault.InvalidKey, "speech-key", 1},
		{"refused", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"error":{"message":"model x unknown, key `+testKey+`"}}`, 400)
		}, fault.Unsupported, "speech-url", 1},
		{"no such call", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "404 page not found", 404) }, fault.InvalidField, "speech-url", 1},
		{"busy", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "{}", http.StatusTooManyRequests) }, fault.Unavailable, "speech-url", attempts},
		{"broken", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) }, fault.Unavailable, "speech-url", attempts},
		{"unpaid", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "{}", http.StatusPaymentRequired) }, fault.Unsupported, "speech-key", 1},
		{"no JSON", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>welcome</html>") }, fault.Unavailable, "speech-url", 1},
		{"too large", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.CopyN(w, zeros{}, answerLimit+10) }, fault.TooLarge, "speech-url", 1},
		{"hangs up", func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				c.Close()
			}
		}, fault.Unreachable, "speech-url", attempts},
	} {
		t.Run(c.name, func(t *testing.T) {
			var calls atomic.Int32
			s, err := newService(fakeService(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { calls.Add(1); c.h(w, r) })))
			if err != nil {
				t.Fatal(err)
			}
			err = s.askJSON(context.Background(), call{method: http.MethodPost, path: "/x", bearer: true}, "words", new(map[string]any))
			wantFault(t, err, c.code, c.param)
			if calls.Load() < c.calls || c.calls == 1 && calls.Load() != 1 {
				t.Errorf("%d calls, want %d", calls.Load(), c.calls)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestServiceRecovers: a service that is busy and then is not, answers; the key goes along each time.
func TestServiceRecovers(t *testing.T) {
	var calls atomic.Int32
	o := fakeService(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+testKey || r.URL.Path != "/v1/x" {
			t.Errorf("%s with %q", r.URL, r.Header.Get("Authorization"))
		}
		b, _ := io.ReadAll(r.Body)
		if string(b) != `"words"` {
			t.Errorf("body %q", b)
		}
		if n := calls.Add(1); n < 3 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(map[int32]int{1: 429, 2: 503}[n])
			return
		}
		fmt.Fprint(w, `{"a":1}`)
	}))
	s, _ := newService(o)
	var got struct{ A int }
	if err := s.askJSON(context.Background(), call{method: http.MethodPost, path: "/x", bearer: true}, "words", &got); err != nil || got.A != 1 || calls.Load() != 3 {
		t.Errorf("%v, %v after %d calls", err, got, calls.Load())
	}
}

// TestServiceRedirects: never to another server, which would get the words and the key.
func TestServiceRedirects(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the other server is asked") }))
	defer other.Close()
	s, _ := newService(fakeService(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/away":
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		case "/v1/near":
			http.Redirect(w, r, "/v1/there", http.StatusTemporaryRedirect)
		default:
			fmt.Fprint(w, `{}`)
		}
	})))
	err := s.askJSON(context.Background(), call{method: http.MethodPost, path: "/away", bearer: true}, 1, new(any))
	wantFault(t, err, fault.ForbiddenAddress, "speech-url")
	if err := s.askJSON(context.Background(), call{method: http.MethodPost, path: "/near", bearer: true}, 1, new(any)); err != nil {
		t.Error(err)
	}
}

func TestServiceTimes(t *testing.T) {
	o := fakeService(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	o.Timeout = 30 * time.Millisecond
	s, _ := newService(o)
	err := s.askJSON(context.Background(), call{method: http.MethodPost, path: "/x"}, 1, new(any))
	wantFault(t, err, fault.Timeout, "speech-url")
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(5*time.Millisecond, cancel)
	err = s.askJSON(ctx, call{method: http.MethodPost, path: "/x"}, 1, new(any))
	wantFault(t, err, fault.Canceled, "")
}

func TestServiceOptions(t *testing.T) {
	for _, c := range []struct {
		url, key string
		code     fault.Code
		param    string
	}{
		{"", "", fault.MissingField, "url"},
		{"example.com/v1", "", fault.InvalidField, "url"},
		{"ftp://example.com", "", fault.InvalidField, "url"},
		{"https://me:" + testKey + "@example.com", "", fault.InvalidField, "url"},
		{"https://example.com/v1?key=" + testKey, "", fault.InvalidField, "url"},
		{"https://example.com/v1", testKey + "\n", fault.InvalidField, "key"},
	} {
		_, err := newService(ServiceOptions{URL: c.url, Key: c.key})
		wantFault(t, err, c.code, c.param)
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	s, err := newService(ServiceOptions{URL: closed.URL, Key: testKey, Pause: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	wantFault(t, s.askJSON(context.Background(), call{method: http.MethodGet, path: "/x"}, nil, new(any)), fault.Unreachable, "url")
}

// TestServiceCertificate: an authority that this machine does not trust is an error at once.
func TestServiceCertificate(t *testing.T) {
	h := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("asked") }))
	h.Config.ErrorLog = nil
	h.StartTLS()
	defer h.Close()
	s, _ := newService(ServiceOptions{URL: h.URL, Key: testKey, Pause: time.Minute})
	f := wantFault(t, s.askJSON(context.Background(), call{method: http.MethodGet, path: "/x"}, nil, new(any)), fault.Unreachable, "url")
	if f.Retry {
		t.Error("trying again cannot help")
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "9999": longestPause, "Sun, 22 Nov 2026 12:00:05 GMT": 5 * time.Second, "Sun, 22 Nov 2026 11:00:00 GMT": 0, "soon": 0,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// jsonBody reads a request's body.
func jsonBody[T any](t *testing.T, r *http.Request) T {
	t.Helper()
	var v T
	if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
		t.Error(err)
	}
	return v
}
