package server

import (
	"bytes"
	_ "embed"
	"fmt"
	"net/http"
	"strings"

	"github.com/twinsync/twinsync/fault"
)

//go:embed page.html
var pageText string

// getRoot tells whoever opens the service in a browser what it is.
func (s *Server) getRoot(w http.ResponseWriter, r *http.Request) {
	var b bytes.Buffer
	err := s.page.Execute(&b, struct {
		Base    string
		Samples bool
	}{s.base(r), s.samples != nil})
	if err != nil {
		panic(fmt.Sprintf("the root page: %v", err)) // its fields are all there
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("Cache-Control", "no-store") // it names the host that was asked for
	w.Write(b.Bytes())
}

// base is the address of the API as the client wrote it, for the page's examples.
func (s *Server) base(r *http.Request) string {
	host := r.Host
	if name, port := splitHost(host); !plainHost(name) || strings.Trim(port, "0123456789") != "" {
		host = s.addresses.API.String()
	}
	if r.Header.Get("X-Forwarded-Proto") == "https" { // a proxy's word; it only shows
		return "https://" + host
	}
	return "http://" + host
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
