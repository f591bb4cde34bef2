// Package fetch downloads the files whose addresses users give, so that no
// address can turn the service against its operator.
//
// It promises:
//
//   - Only http and https, no user names or passwords, no cookies, no proxy from
//     the environment, no request but GET, no compression to unfold.
//   - The address judged is the one that is dialled: every connection, also after
//     a redirect and however often a name is resolved anew, passes [Open] and the
//     rule of ports 80 and 443 on its resolved IP just before it is made. Networks
//     that the operator names are exempt from both rules.
//   - At most five redirects, each address checked as the first; never from https
//     to http, because the user asked for a channel that nobody reads or changes.
//   - At most so many bytes (counted, not believed), so long for the answer to
//     begin, so long without a byte, so long in all.
//   - Only files whose first bytes are those of a known picture, film or sound.
//   - A file appears under its name whole, or not at all.
//   - Errors name the field and tell nothing about the operator's network; no
//     error's text, public or not, holds an address's query.
package fetch

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// maxRedirects is what browsers' worst sensible chains need; clouds use one or two.
const maxRedirects = 5

// Config is what an installation allows. Use [DefaultConfig] and change it.
type Config struct {
	// AllowNetworks are the operator's own networks that may be read from,
	// at any port.
	AllowNetworks []netip.Prefix
	// MaxBytes is the largest file in bytes.
	MaxBytes int64
	// ConnectTimeout is for one connection to be made.
	ConnectTimeout time.Duration
	// HeaderTimeout is for the answer to begin, redirects included.
	HeaderTimeout time.Duration
	// IdleTimeout is for the next bytes to come.
	IdleTimeout time.Duration
	// TotalTimeout is for the whole download.
	TotalTimeout time.Duration
	// UserAgent is what servers are told; "" means TwinSync.
	UserAgent string
	// Resolver asks for names; nil means the system's.
	Resolver *net.Resolver
}

// DefaultConfig is 2 GiB in 30 minutes, an answer within 20 s and a byte every 20 s.
func DefaultConfig() Config {
	return Config{
		MaxBytes:       2 << 30,
		ConnectTimeout: 10 * time.Second,
		HeaderTimeout:  20 * time.Second,
		IdleTimeout:    20 * time.Second,
		TotalTimeout:   30 * time.Minute,
	}
}

// Validate names every limit that is not positive and every network that is not valid.
func (c Config) Validate() error {
	var errs []error
	for _, l := range []struct {
		name string
		v    int64
	}{
		{"MaxBytes", c.MaxBytes},
		{"ConnectTimeout", int64(c.ConnectTimeout)},
		{"HeaderTimeout", int64(c.HeaderTimeout)},
		{"IdleTimeout", int64(c.IdleTimeout)},
		{"TotalTimeout", int64(c.TotalTimeout)},
	} {
		if l.v <= 0 {
			errs = append(errs, fmt.Errorf("fetch: %s must be positive", l.name))
		}
	}
	for _, n := range c.AllowNetworks {
		if !n.IsValid() {
			errs = append(errs, errors.New("fetch: AllowNetworks holds an invalid network"))
		}
	}
	return errors.Join(errs...)
}

// Fetcher downloads under one Config. It is safe for concurrent use and holds
// nothing that needs closing: no connection outlives its download.
type Fetcher struct {
	cfg    Config
	client *http.Client
}

// File is what was downloaded.
type File struct {
	Path   string // where it lies
	Bytes  int64  // its size, more than 0
	SHA256 string // its digest, 64 lower-case hexadecimal digits
	Type   string // media type by its first bytes, as "video/mp4"
}

// New makes a Fetcher.
func New(cfg Config) (*Fetcher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "TwinSync"
	}
	f := &Fetcher{cfg: cfg}
	dialer := &net.Dialer{
		Timeout:        cfg.ConnectTimeout,
		Resolver:       cfg.Resolver,
		ControlContext: f.control,
	}
	f.client = &http.Client{
		CheckRedirect: f.checkRedirect,
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would be the one whose address is judged
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    cfg.ConnectTimeout,
			DisableKeepAlives:      true, // a kept connection was judged for another download
			DisableCompression:     true,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
	return f, nil
}

// control is called with the resolved address before each connection is made.
func (f *Fetcher) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" {
		return fault.New(fault.ForbiddenAddress, "", "the address cannot be connected to").
			WithCause(fmt.Errorf("dial %s %q", network, address))
	}
	return judge("", to, f.cfg.AllowNetworks)
}

func (f *Fetcher) checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return noRetry(fault.New(fault.Unreachable, "", "the address redirects more than %d times", maxRedirects).
			WithHint("Give the address of the file itself."))
	}
	req.Header.Del("Referer") // it would tell the next server a signed address
	if _, err := parse("", req.URL.String(), f.cfg.AllowNetworks); err != nil {
		e := fault.From(err)
		return fault.New(e.Code, "", "the address redirects to another one that cannot be used: %s", e.Text).
			WithHint("%s", e.Hint).WithCause(e.Err)
	}
	if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return fault.New(fault.ForbiddenAddress, "", "the address redirects from https to http").
			WithHint("Give the address of the file itself.")
	}
	return nil
}

// The reasons for which a download's context is ended from within.
var (
	errSlowHeader = errors.New("the server did not answer in time")
	errIdle       = errors.New("the server stopped sending")
	errTotal      = errors.New("the download took too long")
)

// Get downloads the file at address to path, which it replaces; the folder must
// exist. param names the field in errors. Nothing is left behind on an error.
//
// Errors: those of [CheckLiteral]; fault.ForbiddenAddress for what resolves or
// redirects into a closed network; fault.Unreachable when no server answers or it
// answers anything but 200 (retried unless trying again is pointless);
// fault.Timeout, fault.TooLarge, fault.Empty, fault.NotMedia, fault.DiskFull,
// fault.NotWritable, fault.Canceled.
func (f *Fetcher) Get(ctx context.Context, param, address, path string) (File, error) {
	file, err := f.get(ctx, address, path)
	if err != nil {
		return File{}, fault.From(err).WithParam(param)
	}
	return file, nil
}

func (f *Fetcher) get(ctx context.Context, address, path string) (file File, err error) {
	r := &request{address: address, accept: "image/*, video/*, audio/*, */*;q=0.5", limit: f.cfg.MaxBytes}
	err = f.do(ctx, r, func(resp *http.Response) error {
		if err := f.checkAnswer(resp, r.limit); err != nil {
			return err
		}
		return checkMediaType(resp)
	}, func(body io.Reader) (err error) {
		file, err = f.store(body, path)
		return err
	})
	return file, err
}

// request is one question to a server.
type request struct {
	address, accept string
	limit           int64 // bytes of the whole file
	from            int64 // the first byte that is wanted; judge makes it 0 where the answer is the whole file
}

// do asks a server, lets judge look at the head of its answer and keep read the rest, under all limits.
func (f *Fetcher) do(ctx context.Context, r *request, judge func(*http.Response) error, keep func(io.Reader) error) error {
	u, err := parse("", r.address, f.cfg.AllowNetworks)
	if err != nil {
		return err
	}
	outer := ctx
	ctx, stopTotal := context.WithTimeoutCause(ctx, f.cfg.TotalTimeout, errTotal)
	defer stopTotal()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	header := time.AfterFunc(f.cfg.HeaderTimeout, func() { cancel(errSlowHeader) })
	defer header.Stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fault.New(fault.InvalidAddress, "", "this is no address that can be read").WithCause(stripURL(err))
	}
	req.Header.Set("User-Agent", f.cfg.UserAgent)
	req.Header.Set("Accept", r.accept)
	req.Header.Set("Accept-Encoding", "identity")
	if r.from > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", r.from))
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return f.explain(outer, ctx, err)
	}
	defer resp.Body.Close()
	if !header.Stop() {
		return f.explain(outer, ctx, errSlowHeader)
	}
	if err := judge(resp); err != nil {
		return err
	}
	body := &meter{r: resp.Body, limit: r.limit, n: r.from, idle: f.cfg.IdleTimeout}
	body.timer = time.AfterFunc(f.cfg.IdleTimeout, func() { cancel(errIdle) })
	defer body.timer.Stop()
	if err := keep(body); err != nil {
		if body.err != nil && !errors.As(err, new(*fault.Error)) {
			return f.explain(outer, ctx, err)
		}
		return err
	}
	return nil
}

// checkAnswer judges an answer by its head.
func (f *Fetcher) checkAnswer(resp *http.Response, limit int64) error {
	if resp.StatusCode != http.StatusOK {
		text := "the address answered " + strings.TrimSpace(fmt.Sprint(resp.StatusCode, " ", http.StatusText(resp.StatusCode)))
		e := fault.New(fault.Unreachable, "", "%s", text)
		switch c := resp.StatusCode; {
		case c >= 500, c == http.StatusRequestTimeout, c == http.StatusTooEarly, c == http.StatusTooManyRequests:
			return e.WithHint("Its server may be busy; try again later.")
		case c == http.StatusUnauthorized, c == http.StatusForbidden:
			return noRetry(e.WithHint("Make the file readable for everyone who has the address, or renew its signature."))
		}
		return noRetry(e.WithHint("Open the address in a browser to check that it gives the file."))
	}
	if resp.ContentLength > limit {
		return tooLarge(limit)
	}
	return checkEncoding(resp)
}

// checkEncoding refuses what would have to be unfolded.
func checkEncoding(resp *http.Response) error {
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return fault.New(fault.NotMedia, "", "the address sends the file compressed although nobody asked for it").
			WithHint("Serve the file as it is.")
	}
	return nil
}

// checkMediaType refuses pages by what their server calls them.
func checkMediaType(resp *http.Response) error {
	if t := resp.Header.Get("Content-Type"); refusedType(t) {
		return fault.New(fault.NotMedia, "", "the address gives a page or document, not a picture, video or sound").
			WithHint("Give the address of the file itself, not of a page that shows it.").
			WithCause(fmt.Errorf("content type %q", t))
	}
	return nil
}

// store writes the body beside path and moves it there when it is whole.
func (f *Fetcher) store(body io.Reader, path string) (_ File, err error) {
	buffered := bufio.NewReaderSize(body, 64<<10)
	head, err := buffered.Peek(sniffLen)
	if err != nil && !errors.Is(err, io.EOF) {
		return File{}, err
	}
	if len(head) == 0 {
		return File{}, fault.New(fault.Empty, "", "the file is empty").WithHint("Check the file at the address.")
	}
	kind := sniff(head)
	if kind == "" {
		return File{}, fault.New(fault.NotMedia, "", "the file is no picture, video or sound: it looks like %s", looksLike(head)).
			WithHint("Give the address of a photo, video or sound file.")
	}
	part, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".part-*")
	if err != nil {
		return File{}, err
	}
	defer func() {
		if err != nil {
			part.Close()
			os.Remove(part.Name())
		}
	}()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(part, sum), buffered)
	if err != nil {
		return File{}, err
	}
	if err = part.Close(); err != nil {
		return File{}, err
	}
	if err = os.Rename(part.Name(), path); err != nil {
		return File{}, err
	}
	return File{Path: path, Bytes: n, SHA256: hex.EncodeToString(sum.Sum(nil)), Type: kind}, nil
}

// meter counts what is read, ends it over the limit and keeps the idle clock.
type meter struct {
	r     io.Reader
	limit int64
	n     int64
	idle  time.Duration
	timer *time.Timer
	err   error // what ended the reading, if not its end
}

func (m *meter) Read(p []byte) (int, error) {
	// One byte more than is allowed tells a file of just the limit from a longer one.
	if left := m.limit - m.n; int64(len(p)) > left+1 {
		p = p[:left+1]
	}
	n, err := m.r.Read(p)
	if n > 0 {
		m.timer.Reset(m.idle)
	}
	m.n += int64(n)
	if m.n > m.limit {
		return 0, tooLarge(m.limit)
	}
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}

func tooLarge(limit int64) *fault.Error {
	return fault.New(fault.TooLarge, "", "the file is larger than %s, the most that this service reads", size(limit)).
		WithHint("Send a shorter or more compressed file.")
}

// size is a number of bytes in words.
func size(n int64) string {
	for _, u := range []struct {
		shift uint
		name  string
	}{{30, "GiB"}, {20, "MiB"}, {10, "KiB"}} {
		if n >= 1<<u.shift && n&(1<<u.shift-1) == 0 {
			return fmt.Sprint(n>>u.shift, " ", u.name)
		}
	}
	return fmt.Sprint(n, " bytes")
}

// explain turns an error of the network into the one that users read.
func (f *Fetcher) explain(outer, ctx context.Context, err error) error {
	if outer.Err() != nil {
		return fault.From(context.Cause(outer))
	}
	if e := (*fault.Error)(nil); errors.As(err, &e) {
		return e
	}
	err = stripURL(err)
	if cause := context.Cause(ctx); errors.Is(cause, errSlowHeader) || errors.Is(cause, errIdle) || errors.Is(cause, errTotal) {
		return fault.New(fault.Timeout, "", "%s", cause.Error()).
			WithHint("Try again, or put the file on a faster server.").WithCause(err)
	}
	var (
		dns     *net.DNSError
		cert    *tls.CertificateVerificationError
		record  tls.RecordHeaderError
		timeout interface{ Timeout() bool }
	)
	unreachable := func(text, hint string) *fault.Error {
		return fault.New(fault.Unreachable, "", "%s", text).WithHint("%s", hint).WithCause(err)
	}
	const check = "Check the address, and that its server is running and can be reached from here."
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return noRetry(unreachable("the address's host is not known", "Check the spelling of the address."))
	case errors.As(err, &dns):
		return unreachable("the address's host could not be looked up", "Try again later.")
	case errors.As(err, &cert):
		return noRetry(unreachable("the address's server has no valid certificate", "Renew its certificate, or use another server."))
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return noRetry(unreachable("the address's server does not speak https", check))
	case errors.Is(err, syscall.ECONNREFUSED):
		return unreachable("the address's server refused the connection", check)
	case errors.As(err, &timeout) && timeout.Timeout():
		return unreachable("the address's server did not answer", check)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF):
		return unreachable("the connection ended before the file was whole", "Try again.")
	}
	return unreachable("the address could not be read", check)
}

// stripURL takes the address, whose query may be a secret, out of an error.
func stripURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if err != nil && strings.Contains(err.Error(), "Location header") {
		return errors.New("unreadable Location header") // net/http quotes it whole
	}
	return err
}

// noRetry marks an error for which the same attempt gives the same answer.
func noRetry(e *fault.Error) *fault.Error {
	c := *e
	c.Retry = false
	return &c
}
