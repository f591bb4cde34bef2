package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestRootPageNamesItself: the examples are ready to paste, and a host that is none is not repeated.
func TestRootPageNamesItself(t *testing.T) {
	r := newRig(t, func(c *Config) { c.SamplesDir = t.TempDir() })
	own := "http://" + r.server.Addresses().API.String()
	for _, c := range []struct{ host, proto, want string }{
		{"video.example.com", "", "http://video.example.com"},
		{"video.example.com", "https", "https://video.example.com"},
		{"video.example.com", "javascript", "http://video.example.com"},
		{"example.com:8080", "", "http://example.com:8080"},
		{"[::1]:8080", "", "http://[::1]:8080"},
		{"", "", own},
		{`a"><b>x</b>`, "", own},
		{"a;rm -rf ~", "", own},
		{"example.com:80;ls", "", own},
		{"example.com/$(id)", "", own},
	} {
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.Host = c.host
		req.Header.Set("X-Forwarded-Proto", c.proto)
		rec := httptest.NewRecorder()
		r.server.getRoot(rec, req)
		page := rec.Body.String()
		for _, want := range []string{"curl " + c.want + "/faceswap_video ", "image_url=" + c.want + "/samples/photo.jpg "} {
			if !strings.Contains(page, want) {
				t.Errorf("host %q: the page does not hold %q", c.host, want)
			}
		}
	}
}
