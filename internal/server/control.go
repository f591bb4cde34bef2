package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/account"
)

// KeyKeeper makes and ends keys. account.Accounts is one, and so is Control, which
// asks a running service: the command line works with either.
type KeyKeeper interface {
	CreateKey(ctx context.Context, n account.NewKey) (account.Key, string, error)
	Keys(ctx context.Context, customer string) ([]account.Key, error)
	Revoke(ctx context.Context, id, by string) (account.Key, error)
	Rotate(ctx context.Context, id, by string, overlap time.Duration) (account.Key, string, error)
}

var (
	_ KeyKeeper = (*account.Accounts)(nil)
	_ KeyKeeper = (*Control)(nil)
	_ Accounts  = (*account.Accounts)(nil)
)

// controlName is the socket's name in the data folder. Who may open it, owns the
// service: it has mode 0600, and no key is asked for.
const controlName = "control.sock"

// controlListener is the bound socket; closing it removes its file.
type controlListener struct {
	*net.UnixListener
	path string
}

func (l *controlListener) Close() error {
	err := l.UnixListener.Close()
	if err == nil { // the first time only: later the file may be another service's
		os.Remove(l.path)
	}
	return err
}

// listenControl binds the socket in a data folder. A file that a dead service left is
// replaced; when a live one answers, that is fault.Conflict.
func listenControl(dir string) (*controlListener, error) {
	path := filepath.Join(dir, controlName)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if conn, err := new(net.Dialer).DialContext(ctx, "unix", path); err == nil {
		_ = conn.Close()
		return nil, fault.New(fault.Conflict, "data", "another service is running with this data folder").
			WithHint("Stop it, or choose another folder with --data.")
	}
	// The socket is made in a folder that only its owner can enter and moved from there, so that
	// there is no moment at which others could open it.
	private, err := os.MkdirTemp(dir, ".c-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(private)
	early := filepath.Join(private, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: early, Net: "unix"})
	if errors.Is(err, syscall.EINVAL) {
		return nil, fault.New(fault.InvalidField, "data", "the path of the data folder is too long for a socket in it").
			WithHint("Choose a data folder with a path under 80 characters.").WithCause(err)
	}
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(early, 0o600), os.Rename(early, path)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &controlListener{UnixListener: l, path: path}, nil
}

// The bodies that travel over the socket.
type (
	controlCreate struct {
		Customer    string         `json:"customer"`
		By          string         `json:"by"`
		AcceptTerms bool           `json:"accept_terms"`
		Limits      account.Limits `json:"limits,omitzero"`
	}
	controlChange struct {
		By      string `json:"by"`
		Overlap string `json:"overlap,omitempty"` // a Go duration
	}
	controlKey struct {
		Key    account.Key `json:"key"`
		Secret string      `json:"secret,omitempty"`
	}
	controlKeys struct {
		Keys []account.Key `json:"keys"`
	}
	controlFault struct {
		Code  fault.Code `json:"code"`
		Param string     `json:"param,omitempty"`
		Text  string     `json:"text"`
		Hint  string     `json:"hint,omitempty"`
	}
	// Info is what a running service says of itself.
	Info struct {
		Version string `json:"version"`
		PID     int    `json:"pid"`
	}
)

// maxControl bounds a body on the socket; lists of keys are the longest.
const maxControl = 16 << 20

func controlHandler(keys KeyKeeper, version string, log *slog.Logger) http.Handler {
	answer := func(w http.ResponseWriter, v any, err error) {
		if err == nil {
			writeJSON(w, http.StatusOK, v)
			return
		}
		f := fault.From(err)
		log.Warn("control request refused", "code", string(f.Code), "error", f.Error())
		status := http.StatusBadRequest
		if f.Code.Kind() == fault.Broken || f.Code.Kind() == fault.Temporary {
			status = http.StatusInternalServerError
		}
		writeJSON(w, status, controlFault{f.Code, f.Param, f.Text, f.Hint})
	}
	read := func(w http.ResponseWriter, r *http.Request, v any) error {
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
		d.DisallowUnknownFields()
		if err := d.Decode(v); err != nil {
			return fault.New(fault.InvalidField, "", "the request cannot be read").WithCause(err)
		}
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /info", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, Info{Version: version, PID: os.Getpid()}, nil)
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, r *http.Request) {
		all, err := keys.Keys(r.Context(), r.URL.Query().Get("customer"))
		answer(w, controlKeys{all}, err)
	})
	mux.HandleFunc("POST /keys", func(w http.ResponseWriter, r *http.Request) {
		var c controlCreate
		if err := read(w, r, &c); err != nil {
			answer(w, nil, err)
			return
		}
		k, secret, err := keys.CreateKey(r.Context(), account.NewKey(c))
		answer(w, controlKey{k, secret}, err)
	})
	mux.HandleFunc("POST /keys/{id}/revoke", func(w http.ResponseWriter, r *http.Request) {
		var c controlChange
		if err := read(w, r, &c); err != nil {
			answer(w, nil, err)
			return
		}
		k, err := keys.Revoke(r.Context(), r.PathValue("id"), c.By)
		answer(w, controlKey{Key: k}, err)
	})
	mux.HandleFunc("POST /keys/{id}/rotate", func(w http.ResponseWriter, r *http.Request) {
		var c controlChange
		if err := read(w, r, &c); err != nil {
			answer(w, nil, err)
			return
		}
		overlap, err := time.ParseDuration(c.Overlap)
		if err != nil {
			answer(w, nil, fault.New(fault.InvalidField, "overlap", "is no time"))
			return
		}
		k, secret, err := keys.Rotate(r.Context(), r.PathValue("id"), c.By, overlap)
		answer(w, controlKey{k, secret}, err)
	})
	return mux
}

// Control asks a running service over the socket in its data folder.
type Control struct {
	client *http.Client
	info   Info
}

// DialControl finds the service that runs with a data folder. When none does, that is
// fault.Unavailable: then the caller may open the store itself.
func DialControl(ctx context.Context, dir string) (*Control, error) {
	path := filepath.Join(dir, controlName)
	c := &Control{client: &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "unix", path)
			},
		},
	}}
	err := c.call(ctx, http.MethodGet, "/info", nil, &c.info)
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EINVAL):
		return nil, fault.New(fault.Unavailable, "data", "no service is running with this data folder").WithCause(err)
	case errors.Is(err, os.ErrPermission):
		return nil, fault.New(fault.NotWritable, "data", "the service of this data folder belongs to another user").
			WithHint("Run the command as that user.").WithCause(err)
	}
	return nil, err
}

// Info is what the service said of itself when it was dialled.
func (c *Control) Info() Info { return c.info }

// CreateKey makes a key; see account.Accounts.CreateKey.
func (c *Control) CreateKey(ctx context.Context, n account.NewKey) (account.Key, string, error) {
	var k controlKey
	err := c.call(ctx, http.MethodPost, "/keys", controlCreate(n), &k)
	return k.Key, k.Secret, err
}

// Keys lists keys; see account.Accounts.Keys.
func (c *Control) Keys(ctx context.Context, customer string) ([]account.Key, error) {
	var k controlKeys
	err := c.call(ctx, http.MethodGet, "/keys?customer="+url.QueryEscape(customer), nil, &k)
	return k.Keys, err
}

// Revoke ends a key; see account.Accounts.Revoke.
func (c *Control) Revoke(ctx context.Context, id, by string) (account.Key, error) {
	var k controlKey
	err := c.call(ctx, http.MethodPost, "/keys/"+url.PathEscape(id)+"/revoke", controlChange{By: by}, &k)
	return k.Key, err
}

// Rotate replaces a key; see account.Accounts.Rotate.
func (c *Control) Rotate(ctx context.Context, id, by string, overlap time.Duration) (account.Key, string, error) {
	var k controlKey
	err := c.call(ctx, http.MethodPost, "/keys/"+url.PathEscape(id)+"/rotate", controlChange{By: by, Overlap: overlap.String()}, &k)
	return k.Key, k.Secret, err
}

func (c *Control) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://control"+path, body)
	if err != nil {
		return err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return fmt.Errorf("ask the service: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxControl))
	if err != nil {
		return fmt.Errorf("ask the service: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		var f controlFault
		if err := json.Unmarshal(b, &f); err != nil || f.Code == "" {
			return fault.New(fault.Unavailable, "", "the service answered %d", resp.StatusCode).
				WithHint("It may be of another version: restart it.")
		}
		e := fault.New(f.Code, f.Param, "%s", f.Text)
		return e.WithHint("%s", f.Hint)
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fault.New(fault.Unavailable, "", "the service's answer cannot be read").
			WithHint("It may be of another version: restart it.").WithCause(err)
	}
	return nil
}

// listenFault says why an address cannot be listened on.
func listenFault(setting, address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fault.New(fault.Conflict, setting, "the address %s is in use", address).
			WithHint("Stop the program that uses it, or choose another with --%s.", setting).WithCause(err)
	case errors.Is(err, syscall.EACCES):
		return fault.New(fault.NotWritable, setting, "this user may not listen on %s", address).
			WithHint("Choose a port above 1023 with --%s.", setting).WithCause(err)
	}
	return fault.New(fault.InvalidField, setting, "nothing can listen on %s", address).WithCause(err)
}
