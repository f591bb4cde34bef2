package server

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/twinsync/twinsync/fault"
)

// notes is what handlers add to the line that is logged of a request.
type notes struct {
	id   string
	args []any
}

type notesKey struct{}

// note adds to the request's line in the log. Values must be no secrets and no user's text.
func note(r *http.Request, key, value string) {
	if n, ok := r.Context().Value(notesKey{}).(*notes); ok {
		n.args = append(n.args, slog.String(key, value))
	}
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController find the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// wrap puts around a mux what every request gets: an identifier, safe headers, a
// place among those served at the same time, a line in the log, a measure, and
// an answer even when its handler panics.
func (s *Server) wrap(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		n := &notes{id: rand.Text()[:16]}
		out := &recorder{ResponseWriter: w}
		h := w.Header()
		h.Set("X-Request-Id", n.id)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		r = r.WithContext(context.WithValue(r.Context(), notesKey{}, n))
		_, pattern := mux.Handler(r)

		defer func() {
			if p := recover(); p != nil {
				if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(p)
				}
				s.log.Error("request panicked", "request", n.id, "panic", p, "stack", string(debug.Stack()))
				if out.status == 0 {
					writeJSON(out, http.StatusInternalServerError, submitAnswer{ResultCode: codeInternal, Msg: "internal error"})
				}
			}
			took := time.Since(begin)
			s.metrics.observe(r.Method, pattern, out.status, took)
			level := slog.LevelInfo
			if pattern == "GET /healthz" || pattern == "GET /readyz" || pattern == "GET /metrics" {
				level = slog.LevelDebug
			}
			s.log.Log(r.Context(), level, "request", append([]any{
				"request", n.id, "method", r.Method, "route", pattern, "status", out.status,
				"bytes", out.bytes, "ms", float64(took.Microseconds()) / 1000, "remote", r.RemoteAddr,
			}, n.args...)...)
		}()

		slots := s.slots
		if pattern == resultRoute || pattern == sampleRoute {
			slots = s.downloads
		}
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default:
			if pattern != "GET /healthz" { // which must answer when all else is busy
				h.Set("Retry-After", "1")
				writeJSON(out, http.StatusServiceUnavailable, submitAnswer{ResultCode: codeInternal,
					Msg: "the service serves " + strconv.Itoa(cap(slots)) + " requests already. Try again in a moment."})
				return
			}
		}
		mux.ServeHTTP(out, r)
	})
}

// logFault logs why a request was refused: at Warn, with its cause, what the operator can mend.
func (s *Server) logFault(r *http.Request, err error, status int) {
	f := fault.From(err)
	note(r, "code", string(f.Code))
	if status < 500 {
		return
	}
	id := ""
	if n, ok := r.Context().Value(notesKey{}).(*notes); ok {
		id = n.id
	}
	s.log.Warn("request failed", "request", id, "code", string(f.Code), "error", f.Error())
}
