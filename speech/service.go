package speech

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/twinsync/twinsync/fault"
)

// ServiceOptions say how a service that the operator names is reached. Any address may be named, also one of a private
// network: whoever configures the installation may reach it anyway.
type ServiceOptions struct {
	// URL is the service's base address, http or https, as its makers write it: "https://api.example.com/v1".
	URL string
	// Key is sent with every request; "" for a service that wants none. It is in no error and no log.
	Key string
	// Setting begins the names of the settings in errors, "speech" for speech-url and speech-key.
	Setting string
	// Timeout bounds one attempt; 0 is 5 minutes.
	Timeout time.Duration
	// Pause is waited before the second attempt, twice as long before each further one; 0 is one second. A service that names
	// a time itself (Retry-After) gets it, up to longestPause.
	Pause time.Duration
}

// Bounds of what a service may do.
const (
	attempts       = 4
	longestPause   = 30 * time.Second
	serviceTimeout = 5 * time.Minute
	answerLimit    = 16 << 20  // bytes of text
	soundAnswer    = 256 << 20 // bytes of sound: 20 minutes of a WAV at 48 kHz in 32 bit stereo are 460 MB, in 16 bit mono 115 MB
	mostRedirects  = 3
)

// service is a client of one HTTP service. It is safe for concurrent use.
type service struct {
	options ServiceOptions
	base    *url.URL
	client  *http.Client
}

func newService(o ServiceOptions) (*service, error) {
	param := o.param("url")
	base, err := url.Parse(strings.TrimRight(strings.TrimSpace(o.URL), "/"))
	switch {
	case o.URL == "":
		return nil, fault.New(fault.MissingField, param, "no address is given")
	case err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Hostname() == "":
		return nil, fault.New(fault.InvalidField, param, "must be an http:// or https:// address") // the address itself may hold a secret
	case base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, fault.New(fault.InvalidField, param, "must have no user name, no ? and no #").WithHint("A key belongs into %s.", o.param("key"))
	case strings.ContainsFunc(o.Key, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return nil, fault.New(fault.InvalidField, o.param("key"), "holds spaces or characters that no key has")
	}
	if o.Timeout <= 0 {
		o.Timeout = serviceTimeout
	}
	if o.Pause <= 0 {
		o.Pause = time.Second
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   15 * time.Second,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   2,
		IdleConnTimeout:       30 * time.Second,
		ResponseHeaderTimeout: o.Timeout,
	}
	s := &service{options: o, base: base}
	s.client = &http.Client{Transport: transport, CheckRedirect: s.checkRedirect}
	return s, nil
}

// param is the name of one of the service's settings.
func (o ServiceOptions) param(name string) string {
	if o.Setting == "" {
		return name
	}
	return o.Setting + "-" + name
}

// errElsewhere is a redirect away from where the operator sent the key and the words.
var errElsewhere = errors.New("redirect to another server")

func (s *service) checkRedirect(r *http.Request, via []*http.Request) error {
	if r.URL.Scheme != s.base.Scheme || r.URL.Host != s.base.Host || len(via) > mostRedirects {
		return errElsewhere
	}
	return nil
}

// close ends idle connections.
func (s *service) close() { s.client.CloseIdleConnections() }

// call is one request to a service; its body can be sent again.
type call struct {
	method, path string
	kind         string // media type of the body
	body         []byte
	accept       string
	limit        int64 // bytes of the answer
	// bearer: the key goes into the header. LibreTranslate has it in the body.
	bearer bool
}

// reply is what came back with a status of 2xx.
type reply struct {
	kind string // media type without parameters, lower case
	body []byte
}

// refused is an answer of another status.
type refused struct {
	status int
	detail string // what the service says, made fit to print, without the key
	after  time.Duration
}

func (r *refused) Error() string { return fmt.Sprintf("status %d: %s", r.status, r.detail) }

// ask makes a call, and makes it again while the service is busy, broken or out of reach.
//
// Errors: fault.InvalidKey, TooManyRequests, Unreachable, Unavailable, Timeout, TooLarge; InvalidField for the service's
// address where it knows no such call, Unsupported (with a *refused as its cause) where it refuses what was asked.
func (s *service) ask(ctx context.Context, c call) (reply, error) {
	pause := s.options.Pause
	for attempt := 1; ; attempt++ {
		a, err := s.once(ctx, c)
		if err == nil {
			return a, nil
		}
		if cause := context.Cause(ctx); cause != nil {
			return reply{}, fault.From(cause)
		}
		again, wait := s.mayAgain(err)
		if !again || attempt == attempts {
			return reply{}, s.explain(err, attempt)
		}
		t := time.NewTimer(max(pause, min(wait, longestPause)))
		pause = min(2*pause, longestPause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return reply{}, fault.From(context.Cause(ctx))
		}
	}
}

// mayAgain tells whether another attempt can help, and how long the service wants to be left alone.
func (s *service) mayAgain(err error) (bool, time.Duration) {
	var r *refused
	if errors.As(err, &r) {
		return r.status == http.StatusTooManyRequests || r.status >= 500 && r.status != http.StatusNotImplemented, r.after
	}
	var f *fault.Error
	if errors.As(err, &f) || errors.Is(err, errElsewhere) {
		return false, 0
	}
	var wrong *tls.CertificateVerificationError
	return !errors.As(err, &wrong) && !errors.Is(err, context.DeadlineExceeded), 0
}

// once makes a call one time.
func (s *service) once(ctx context.Context, c call) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	var body io.Reader
	if c.body != nil {
		body = bytes.NewReader(c.body)
	}
	r, err := http.NewRequestWithContext(ctx, c.method, s.base.String()+c.path, body)
	if err != nil {
		return reply{}, err
	}
	if c.kind != "" {
		r.Header.Set("Content-Type", c.kind)
	}
	if c.accept != "" {
		r.Header.Set("Accept", c.accept)
	}
	r.Header.Set("User-Agent", "TwinSync")
	if c.bearer && s.options.Key != "" {
		r.Header.Set("Authorization", "Bearer "+s.options.Key)
	}
	w, err := s.client.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer w.Body.Close()
	limit := c.limit
	if w.StatusCode/100 != 2 {
		limit = 64 << 10
	}
	b, err := io.ReadAll(io.LimitReader(w.Body, limit+1))
	if w.StatusCode/100 != 2 { // what could be read of its reasons will do
		return reply{}, &refused{w.StatusCode, s.detail(b), retryAfter(w.Header.Get("Retry-After"), time.Now())}
	}
	if err != nil {
		return reply{}, err
	}
	if int64(len(b)) > limit {
		return reply{}, fault.New(fault.TooLarge, s.options.param("url"), "the service answers more than %d MB", limit>>20)
	}
	kind, _, _ := strings.Cut(w.Header.Get("Content-Type"), ";")
	return reply{strings.ToLower(strings.TrimSpace(kind)), b}, nil
}

// retryAfter reads the header, in seconds or as a date.
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(s); err == nil && n >= 0 {
		return min(time.Duration(n)*time.Second, longestPause)
	}
	if t, err := http.ParseTime(s); err == nil {
		return min(max(t.Sub(now), 0), longestPause)
	}
	return 0
}

// detail is what a service says of a failure: {"error": {"message": …}}, {"error": …}, {"detail": …}, {"message": …}.
func (s *service) detail(b []byte) string {
	text := ""
	var fields map[string]json.RawMessage
	if json.Unmarshal(b, &fields) == nil {
		for _, name := range []string{"error", "detail", "message"} {
			raw, ok := fields[name]
			if !ok {
				continue
			}
			var inner struct {
				Message string `json:"message"`
			}
			if json.Unmarshal(raw, &text) != nil && json.Unmarshal(raw, &inner) == nil {
				text = inner.Message
			}
			if text != "" {
				break
			}
		}
	}
	return printable(s.without(text))
}

// without takes the key out of a text: services like to repeat it.
func (s *service) without(text string) string {
	if s.options.Key == "" {
		return text
	}
	return strings.ReplaceAll(text, s.options.Key, "…")
}

// printable makes somebody else's text one short line.
func printable(s string) string {
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || unicode.IsSpace(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, ""))), " ")
	if runes := []rune(s); len(runes) > 200 {
		s = string(runes[:200]) + "…"
	}
	return s
}

// explain makes a public error of what went wrong. The address is left out of it: users of a service must not learn the
// operator's network.
func (s *service) explain(err error, attempt int) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	o := s.options
	var r *refused
	if errors.As(err, &r) {
		said := ""
		if r.detail != "" {
			said = ": " + r.detail
		}
		switch {
		case r.status == http.StatusUnauthorized || r.status == http.StatusForbidden:
			return fault.New(fault.InvalidKey, o.param("key"), "the service refuses the key (status %d)", r.status).
				WithHint("Set %s to a key that it accepts.", o.param("key")).WithCause(errors.New(http.StatusText(r.status)))
		case r.status == http.StatusTooManyRequests:
			return fault.New(fault.Unavailable, o.param("url"), "the service takes no more requests at the moment").
				WithHint("Try again later, or raise the quota of the key.").WithCause(r)
		case r.status == http.StatusPaymentRequired:
			return fault.New(fault.Unsupported, o.param("key"), "the service wants to be paid first").WithCause(r)
		case r.status == http.StatusNotFound && r.detail == "", r.status == http.StatusMethodNotAllowed, r.status/100 == 3:
			return fault.New(fault.InvalidField, o.param("url"), "the service has no such call (status %d)", r.status).
				WithHint("The address is that before /audio, /chat or /translate; OpenAI-compatible ones mostly end in /v1.").WithCause(r)
		case r.status >= 500:
			return fault.New(fault.Unavailable, o.param("url"), "the service fails (status %d, after %d attempts)", r.status, attempt).WithCause(r)
		}
		return fault.New(fault.Unsupported, o.param("url"), "the service refuses the request (status %d)%s", r.status, said).WithCause(r)
	}
	cause := errors.New(s.without(err.Error()))
	switch {
	case errors.Is(err, errElsewhere):
		return fault.New(fault.ForbiddenAddress, o.param("url"), "the service sends requests on to another server, which would get the key").
			WithHint("Name the right address.").WithCause(errElsewhere)
	case errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.Timeout, o.param("url"), "the service did not answer within %s", o.Timeout).WithCause(cause)
	}
	var wrong *tls.CertificateVerificationError
	if errors.As(err, &wrong) {
		e := fault.New(fault.Unreachable, o.param("url"), "the certificate of the service cannot be trusted").
			WithHint("Add its authority to those that this machine trusts.").WithCause(cause)
		e.Retry = false
		return e
	}
	return fault.New(fault.Unreachable, o.param("url"), "the service cannot be reached").
		WithHint("Is its address right, and does it run?").WithCause(cause)
}

// askJSON posts a value and reads the answer into another.
func (s *service) askJSON(ctx context.Context, c call, in, out any) error {
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return err
		}
		c.body, c.kind = body, "application/json"
	}
	c.accept, c.limit = "application/json", answerLimit
	a, err := s.ask(ctx, c)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		return s.nonsense("no JSON of the expected kind", err)
	}
	return nil
}

// nonsense is an answer that is none.
func (s *service) nonsense(what string, cause error) error {
	e := fault.New(fault.Unavailable, s.options.param("url"), "the service answers %s", what).
		WithHint("Is it the right address, of a service of this kind?").WithCause(cause)
	e.Retry = false
	return e
}
