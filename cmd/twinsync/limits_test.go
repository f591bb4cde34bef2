package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestQuota: code 203 for a customer who has used up what the key allows; a server that never answers
// holds the place only as long as a download may take.
func TestQuota(t *testing.T) {
	data := t.TempDir()
	key := newKey(t, data, "acme")
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(func() { hang.CloseClientConnections(); hang.Close() })
	s := serve(t, data, "--allow-network=127.0.0.0/8", "--tasks-in-flight=1", "--fetch-timeout=1s")
	o := order{hang.URL + "/a.jpg", hang.URL + "/b.mp4", key}
	id := s.submit(t, o)
	a := s.do(t, http.MethodPost, "/faceswap_video", formType, o.form().Encode())
	if a.HTTP != http.StatusTooManyRequests || a.ResultCode != 203 || !strings.Contains(a.Msg, "key") {
		t.Errorf("answer %d %s", a.HTTP, a.Raw)
	}
	if a := s.finished(t, id); a.StatusCode != 104 || !strings.Contains(a.Msg, "image_url: ") {
		t.Errorf("a server that never answers: %s", a.Raw)
	}
	s.submit(t, o) // there is room again
}

// TestRetention: when its time is over, a task is forgotten with all that it left, and its status says so.
func TestRetention(t *testing.T) {
	long(t) // expired tasks are looked for once a minute
	data := t.TempDir()
	key := newKey(t, data, "acme")
	c := cloud(t, map[string]string{"photo.png": photo(t), "clip.mp4": tinyClip(t)})
	s := serve(t, data, "--allow-network=127.0.0.0/8", "--retention=20s")
	id := s.submit(t, order{c.URL + "/photo.png", c.URL + "/clip.mp4", key})
	address := s.succeeded(t, id, "acme").ResultURL
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); ; <-tick.C {
		a := s.do(t, http.MethodGet, "/faceswap_video?taskID="+id, "", "")
		if a.HTTP == http.StatusNotFound && a.ResultCode == 200 && strings.Contains(a.Msg, "expired") {
			break
		}
		if a.ResultCode != 100 || time.Since(begin) > patience {
			t.Fatalf("answer %d %s", a.HTTP, a.Raw)
		}
	}
	if resp, _ := get(t, http.MethodGet, address, ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("the result of an expired task: %s", resp.Status)
	}
	for begin := time.Now(); ; <-tick.C {
		var left []string
		for _, folder := range []string{"tasks", "results/*", "analyses/*"} {
			found, err := filepath.Glob(filepath.Join(data, "files", folder, "*"))
			if err != nil {
				t.Fatal(err)
			}
			left = append(left, found...)
		}
		if len(left) == 0 {
			return
		}
		if time.Since(begin) > patience {
			t.Fatalf("an expired task leaves %q", left)
		}
	}
}
