package fetch

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/twinsync/twinsync/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// jpeg is enough of a photo for what this package looks at.
func jpeg(n int) []byte {
	b := bytes.Repeat([]byte("TwinSync"), n/8+1)[:n]
	copy(b, "\xff\xd8\xff\xe0")
	return b
}

// testFetcher may read from 127.0.0.1 and from nowhere else on the loopback.
func testFetcher(t *testing.T, change func(*Config)) *Fetcher {
	t.Helper()
	cfg := DefaultConfig()
	cfg.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	if change != nil {
		change(&cfg)
	}
	f, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func wantFault(t *testing.T, err error, code fault.Code) *fault.Error {
	t.Helper()
	if !fault.Is(err, code) {
		t.Fatalf("error = %v, want code %s", err, code)
	}
	e := fault.From(err)
	if e.Param != "image_url" {
		t.Errorf("error names the field %q", e.Param)
	}
	for _, secret := range []string{"s3cret", "127.0.0.2", "10.0.0.1"} {
		if strings.Contains(e.Public(), secret) {
			t.Errorf("the public text %q holds %q", e.Public(), secret)
		}
	}
	if strings.Contains(e.Error(), "s3cret") {
		t.Errorf("the log's text %q holds the address's query", e.Error())
	}
	return e
}

// nothingIn fails the test when a failed download left a file.
func nothingIn(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestGet(t *testing.T) {
	want := jpeg(300_000)
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for _, h := range []string{"Cookie", "Authorization", "Referer"} {
			if r.Header.Get(h) != "" {
				t.Errorf("request carries %s", h)
			}
		}
		if r.URL.Path == "/moved" {
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
			http.Redirect(w, r, "/photo.jpg", http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "text/plain") // as servers say of endings they do not know
		w.Write(want)
	})
	f := testFetcher(t, nil)
	for _, address := range []string{base + "/photo.jpg?sig=s3cret#part", base + "/moved?sig=s3cret"} {
		path := filepath.Join(t.TempDir(), "photo")
		if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := f.Get(t.Context(), "image_url", address, path)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(want)
		if got != (File{path, int64(len(want)), hex.EncodeToString(sum[:]), "image/jpeg"}) {
			t.Errorf("file = %+v", got)
		}
		if b, _ := os.ReadFile(path); !bytes.Equal(b, want) {
			t.Error("the bytes differ")
		}
		if all, _ := os.ReadDir(filepath.Dir(path)); len(all) != 1 {
			t.Errorf("files = %v, want one", all)
		}
	}
}

func TestGetRefuses(t *testing.T) {
	photo := jpeg(5000)
	answer := func(status int, contentType string, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			w.Write(body)
		}
	}
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
		}
	}
	for _, c := range []struct {
		name  string
		h     http.HandlerFunc
		code  fault.Code
		words string
		retry bool
	}{
		{"not found", answer(404, "text/html", nil), fault.Unreachable, "answered 404 Not Found", false},
		{"forbidden", answer(403, "text/html", nil), fault.Unreachable, "answered 403 Forbidden", false},
		{"busy", answer(503, "text/html", nil), fault.Unreachable, "answered 503 Service Unavailable", true},
		{"too many", answer(429, "", nil), fault.Unreachable, "answered 429 Too Many Requests", true},
		{"part", answer(206, "image/jpeg", photo), fault.Unreachable, "answered 206", false},
		{"no content", answer(204, "", nil), fault.Unreachable, "answered 204", false},
		{"empty", answer(200, "image/jpeg", nil), fault.Empty, "empty", false},
		{"page", answer(200, "text/html; charset=utf-8", photo), fault.NotMedia, "page", false},
		{"page without type", answer(200, "image/jpeg", []byte("  <!DOCTYPE html><p>")), fault.NotMedia, "a web page", false},
		{"svg", answer(200, "image/png", []byte("<svg xmlns=''/>")), fault.NotMedia, "SVG", false},
		{"playlist", answer(200, "video/mp4", []byte("#EXTM3U\nhttp://10.0.0.1/")), fault.NotMedia, "playlist", false},
		{"text", answer(200, "video/mp4", []byte("this is text")), fault.NotMedia, "plain text", false},
		{"json", answer(200, "", []byte(`{"error":"no"}`)), fault.NotMedia, "JSON", false},
		{"random bytes", answer(200, "video/mp4", []byte("\x01\x9f\x80\x33\x10\xfe\xa9")), fault.NotMedia, "known", false},
		{"too large, said", answer(200, "image/jpeg", jpeg(70_000)), fault.TooLarge, "larger than 64 KiB", false},
		{"too large, not said", func(w http.ResponseWriter, r *http.Request) {
			for range 20 {
				w.Write(photo)
				w.(http.Flusher).Flush()
			}
		}, fault.TooLarge, "larger than 64 KiB", false},
		{"shorter than said", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "6000")
			w.Write(photo)
		}, fault.Unreachable, "before the file was whole", true},
		{"hung up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fault.Unreachable, "before the file was whole", true},
		{"compressed", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(photo)
		}, fault.NotMedia, "compressed", false},
		{"redirect to loopback", redirect("http://127.0.0.2/?s3cret"), fault.ForbiddenAddress, "redirects", false},
		{"redirect to metadata", redirect("http://169.254.169.254/latest"), fault.ForbiddenAddress, "redirects", false},
		{"redirect to a port", redirect("http://93.184.216.34:22/"), fault.ForbiddenAddress, "port", false},
		{"redirect to a file", redirect("file:///etc/passwd?s3cret"), fault.InvalidAddress, "redirects", false},
		{"redirect with a password", redirect("http://a:s3cret@93.184.216.34/"), fault.InvalidAddress, "user name or password", false},
		{"redirect to itself", redirect("/again"), fault.Unreachable, "more than 5 times", false},
		{"redirect to nonsense", redirect("http://%zz/?s3cret"), fault.Unreachable, "could not be read", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := testFetcher(t, func(cfg *Config) { cfg.MaxBytes = 64 << 10 })
			dir := t.TempDir()
			_, err := f.Get(t.Context(), "image_url", serve(t, c.h)+"/x?sig=s3cret", filepath.Join(dir, "photo"))
			e := wantFault(t, err, c.code)
			if !strings.Contains(e.Public(), c.words) {
				t.Errorf("text = %q, want it to say %q", e.Public(), c.words)
			}
			if e.Retry != c.retry {
				t.Errorf("retry = %v, want %v", e.Retry, c.retry)
			}
			nothingIn(t, dir)
		})
	}
}

func TestLimitIsTheLastByteAllowed(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush() // no Content-Length
		w.Write(jpeg(64 << 10))
	})
	for _, c := range []struct {
		limit int64
		ok    bool
	}{{64 << 10, true}, {64<<10 - 1, false}} {
		f := testFetcher(t, func(cfg *Config) { cfg.MaxBytes = c.limit })
		_, err := f.Get(t.Context(), "image_url", base, filepath.Join(t.TempDir(), "x"))
		if c.ok != (err == nil) {
			t.Errorf("limit %d: error = %v", c.limit, err)
		}
	}
}

func TestSlowServers(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	hang := func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}
	for _, c := range []struct {
		name   string
		h      http.HandlerFunc
		change func(*Config)
		words  string
	}{
		{"no answer", hang, func(cfg *Config) { cfg.HeaderTimeout = 50 * time.Millisecond }, "did not answer in time"},
		{"answer, then silence", func(w http.ResponseWriter, r *http.Request) {
			w.Write(jpeg(2000))
			w.(http.Flusher).Flush()
			hang(w, r)
		}, func(cfg *Config) { cfg.IdleTimeout = 50 * time.Millisecond }, "stopped sending"},
		{"a byte at a time", func(w http.ResponseWriter, r *http.Request) {
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for _, b := range jpeg(100_000) {
				select {
				case <-tick.C:
				case <-r.Context().Done():
					return
				}
				w.Write([]byte{b})
				w.(http.Flusher).Flush()
			}
		}, func(cfg *Config) { cfg.TotalTimeout = 150 * time.Millisecond }, "took too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := testFetcher(t, c.change).Get(t.Context(), "image_url", serve(t, c.h)+"/?s3cret", filepath.Join(dir, "x"))
			if e := wantFault(t, err, fault.Timeout); !strings.Contains(e.Text, c.words) {
				t.Errorf("text = %q", e.Text)
			}
			nothingIn(t, dir)
		})
	}
	t.Run("headers that never end", func(t *testing.T) {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
				return
			}
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\n")
			for i := 0; err == nil; i++ {
				time.Sleep(2 * time.Millisecond) // the attack's own pace, not a wait for anything
				_, err = fmt.Fprintf(conn, "X-%d: a\r\n", i)
			}
		}()
		defer func() { l.Close(); <-done }()
		f := testFetcher(t, func(cfg *Config) { cfg.HeaderTimeout = 60 * time.Millisecond })
		_, err = f.Get(t.Context(), "image_url", "http://"+l.Addr().String(), filepath.Join(t.TempDir(), "x"))
		wantFault(t, err, fault.Timeout)
	})
}

func TestCancelAndDeadlineAreTheCallers(t *testing.T) {
	asked := make(chan struct{})
	base := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	_, err := testFetcher(t, nil).Get(ctx, "image_url", base, filepath.Join(t.TempDir(), "x"))
	wantFault(t, err, fault.Canceled)
}

func TestNoServer(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String()
	l.Close()
	_, err = testFetcher(t, nil).Get(t.Context(), "image_url", address, filepath.Join(t.TempDir(), "x"))
	if e := wantFault(t, err, fault.Unreachable); !e.Retry || !strings.Contains(e.Text, "refused") {
		t.Errorf("error = %+v", e)
	}
}

func TestNotWritable(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(jpeg(100)) })
	_, err := testFetcher(t, nil).Get(t.Context(), "image_url", base, filepath.Join(t.TempDir(), "missing", "x"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error = %v, want the folder's absence as cause", err)
	}
}

func TestHTTPS(t *testing.T) {
	plain := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(jpeg(100)) })
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/down" {
			http.Redirect(w, r, plain, http.StatusMovedPermanently)
			return
		}
		w.Write(jpeg(100))
	}))
	s.Config.ErrorLog = quiet()
	s.StartTLS()
	defer s.Close()

	f := testFetcher(t, nil)
	_, err := f.Get(t.Context(), "image_url", s.URL, filepath.Join(t.TempDir(), "x"))
	if e := wantFault(t, err, fault.Unreachable); e.Retry || !strings.Contains(e.Text, "certificate") {
		t.Errorf("error = %+v", e)
	}
	_, err = f.Get(t.Context(), "image_url", strings.Replace(plain, "http:", "https:", 1), filepath.Join(t.TempDir(), "x"))
	if e := wantFault(t, err, fault.Unreachable); e.Retry || !strings.Contains(e.Text, "https") {
		t.Errorf("error = %+v", e)
	}

	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	f.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots}
	if _, err := f.Get(t.Context(), "image_url", s.URL, filepath.Join(t.TempDir(), "x")); err != nil {
		t.Errorf("with the certificate trusted: %v", err)
	}
	_, err = f.Get(t.Context(), "image_url", s.URL+"/down", filepath.Join(t.TempDir(), "x"))
	if e := wantFault(t, err, fault.ForbiddenAddress); !strings.Contains(e.Text, "from https to http") {
		t.Errorf("error = %+v", e)
	}
}

func TestEnvironmentProxyIsIgnored(t *testing.T) {
	proxy := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") })
	t.Setenv("HTTP_PROXY", proxy)
	t.Setenv("http_proxy", proxy)
	// net/http never sends loopback through a proxy, so the name must not look like it.
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(jpeg(100)) })
	u, _ := url.Parse(base)
	f := testFetcher(t, func(cfg *Config) { cfg.Resolver = resolver(t, "127.0.0.1") })
	if _, err := f.Get(t.Context(), "image_url", "http://files.example.com:"+u.Port()+"/x", filepath.Join(t.TempDir(), "x")); err != nil {
		t.Error(err)
	}
}

// resolver answers every question for an A record with the next of these
// addresses, the last one for ever, and all others with nothing.
func resolver(t *testing.T, answers ...string) *net.Resolver {
	var ips [][4]byte
	for _, a := range answers {
		ips = append(ips, netip.MustParseAddr(a).As4())
	}
	next := make(chan [4]byte, len(ips))
	for _, ip := range ips[:len(ips)-1] {
		next <- ip
	}
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			for {
				var head [2]byte
				if _, err := readFull(server, head[:]); err != nil {
					return
				}
				query := make([]byte, int(head[0])<<8|int(head[1]))
				if _, err := readFull(server, query); err != nil {
					return
				}
				var m dnsmessage.Message
				if err := m.Unpack(query); err != nil {
					t.Error(err)
					return
				}
				m.Response, m.Additionals = true, nil
				if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
					ip := ips[len(ips)-1]
					select {
					case ip = <-next:
					default:
					}
					m.Answers = []dnsmessage.Resource{{
						Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
						Body:   &dnsmessage.AResource{A: ip},
					}}
				}
				answer, err := m.Pack()
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := server.Write(append([]byte{byte(len(answer) >> 8), byte(len(answer))}, answer...)); err != nil {
					return
				}
			}
		}()
		return client, nil
	}}
}

func TestNamesAreJudgedByWhatTheyResolveTo(t *testing.T) {
	served := 0
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		served++
		if r.URL.Path == "/again" {
			http.Redirect(w, r, "/x", http.StatusFound)
			return
		}
		w.Write(jpeg(100))
	})
	port := base[strings.LastIndexByte(base, ':')+1:]
	get := func(path string, answers ...string) error {
		f := testFetcher(t, func(cfg *Config) { cfg.Resolver = resolver(t, answers...) })
		_, err := f.Get(t.Context(), "image_url", "http://photos.example.com:"+port+path, filepath.Join(t.TempDir(), "x"))
		return err
	}
	if err := get("/x", "127.0.0.1"); err != nil {
		t.Fatalf("an allowed network: %v", err)
	}
	for _, ip := range []string{"127.0.0.2", "10.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.0.1", "198.18.0.1", "240.0.0.1"} {
		wantFault(t, get("/x", ip), fault.ForbiddenAddress)
	}
	e := wantFault(t, get("/x", "93.184.216.34"), fault.ForbiddenAddress)
	if !strings.Contains(e.Text, "port") {
		t.Errorf("a public address at port %s: %q", port, e.Text)
	}

	// Rebinding: the name is good when it is first asked and bad when the
	// redirect makes the service ask again.
	served = 0
	wantFault(t, get("/again", "127.0.0.1", "127.0.0.2"), fault.ForbiddenAddress)
	if served != 1 {
		t.Errorf("served %d times, want only the redirect", served)
	}
}

func TestUnknownHost(t *testing.T) {
	f := testFetcher(t, func(cfg *Config) {
		cfg.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("no name server")
		}}
	})
	_, err := f.Get(t.Context(), "image_url", "http://nowhere.example.com/x", filepath.Join(t.TempDir(), "x"))
	if e := wantFault(t, err, fault.Unreachable); !e.Retry || !strings.Contains(e.Text, "looked up") {
		t.Errorf("error = %+v", e)
	}
}

func TestValidate(t *testing.T) {
	if err := (Config{}).Validate(); err == nil || strings.Count(err.Error(), "must be positive") != 5 {
		t.Errorf("Validate() = %v", err)
	}
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	if _, err := New(Config{}); err == nil {
		t.Error("New accepts an empty config")
	}
}
