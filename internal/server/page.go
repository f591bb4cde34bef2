package server

import (
	_ "embed"
	"net/http"

	"github.com/twinsync/twinsync/fault"
)

//go:embed page.html
var rootPage []byte

// getRoot tells whoever opens the service in a browser what it is.
func (s *Server) getRoot(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	w.Write(rootPage)
}

// health is the answer of /healthz and /readyz.
type health struct {
	Status string `json:"status"`
	Msg    string `json:"msg,omitempty"`
}

// getHealth answers while the process lives.
func (s *Server) getHealth(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, health{Status: "alive"})
}

// getReady answers 200 when tasks are taken.
func (s *Server) getReady(w http.ResponseWriter, r *http.Request) {
	if err := s.cfg.Ready(r.Context()); err != nil {
		s.logFault(r, err, http.StatusServiceUnavailable)
		writeJSON(w, http.StatusServiceUnavailable, health{Status: "not ready", Msg: fault.From(err).Public()})
		return
	}
	writeJSON(w, http.StatusOK, health{Status: "ready"})
}
