package server

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/internal/task"
)

const someID = "20230423_11_23_05_1027912345678901"

func TestResultURL(t *testing.T) {
	for _, c := range []struct {
		api, results, public, host string
		want                       string
	}{
		{"127.0.0.1:51916", "127.0.0.1:41748", "", "127.0.0.1:51916", "http://127.0.0.1:41748"},
		{"127.0.0.1:51916", "127.0.0.1:41748", "", "localhost:51916", "http://localhost:41748"},
		{"0.0.0.0:51916", "0.0.0.0:41748", "", "video.example.com:51916", "http://video.example.com:41748"},
		{"0.0.0.0:51916", "0.0.0.0:41748", "", "video.example.com", "http://video.example.com:41748"},
		{"[::]:51916", "[::]:41748", "", "[2001:db8::1]:51916", "http://[2001:db8::1]:41748"},
		{"127.0.0.1:51916", "127.0.0.1:51916", "", "127.0.0.1:51916", "http://127.0.0.1:51916"},
		{"0.0.0.0:51916", "0.0.0.0:51916", "", "video.example.com", "http://video.example.com"},
		{"[::]:51916", "[::]:51916", "", "[::1]", "http://[::1]"},
		{"127.0.0.1:51916", "127.0.0.1:41748", "https://cdn.example.com/v/", "127.0.0.1:51916", "https://cdn.example.com/v"},
		{"127.0.0.1:51916", "127.0.0.1:41748", "", `a"><script>`, "http://127.0.0.1:41748"},
		{"0.0.0.0:51916", "0.0.0.0:41748", "", "", "http://127.0.0.1:41748"},
		{"127.0.0.1:51916", "127.0.0.1:51916", "", "", "http://127.0.0.1:51916"},
	} {
		a := Addresses{API: netip.MustParseAddrPort(c.api), Results: netip.MustParseAddrPort(c.results), Public: c.public}
		got := a.ResultURL(c.host, "acme", someID)
		if got != c.want+"/acme/"+someID+".mp4" {
			t.Errorf("host %q: %s, want %s…", c.host, got, c.want)
		}
		if _, err := url.Parse(got); err != nil {
			t.Error(err)
		}
		// What a client was given it may give back.
		if o, ok := a.Own(got, c.host); !ok || o != (Own{Customer: "acme", Task: someID}) {
			t.Errorf("host %q: %s is not ours: %+v", c.host, got, o)
		}
	}
}

func TestOwn(t *testing.T) {
	loopback := Addresses{API: netip.MustParseAddrPort("127.0.0.1:51916"), Results: netip.MustParseAddrPort("127.0.0.1:41748")}
	all := Addresses{API: netip.MustParseAddrPort("[::]:51916"), Results: netip.MustParseAddrPort("[::]:41748"), Public: "https://cdn.example.com/v"}
	const result = "/acme/" + someID + ".mp4"
	for _, c := range []struct {
		a         Addresses
		raw, host string
		own       bool
	}{
		{loopback, "http://127.0.0.1:51916/samples/photo.jpg", "", true},
		{loopback, "http://localhost:51916/samples/photo.jpg", "", true},
		{loopback, "HTTP://LOCALHOST:51916/samples/photo.jpg", "", true},
		{loopback, "http://127.0.0.1:41748" + result, "", true},
		{loopback, "http://127.0.0.1:41748" + result + "#t=3", "", true},
		{loopback, "http://[::ffff:127.0.0.1]:41748" + result, "", true},
		{loopback, "http://video.example.com:51916/samples/photo.jpg", "video.example.com:51916", true},
		{loopback, "http://video.example.com:41748" + result, "Video.example.com:51916", true},
		{loopback, "https://video.example.com/samples/photo.jpg", "video.example.com", true}, // behind a proxy
		{all, "http://127.0.0.1:51916/samples/photo.jpg", "", true},
		{all, "http://[::1]:41748" + result, "", true},
		{all, "https://cdn.example.com/v" + result, "", true},
		{all, "https://cdn.example.com:443/v" + result, "", true},

		{loopback, "http://127.0.0.1:51916/samples/photo.jpg", "video.example.com", true},
		{loopback, "http://127.0.0.1:51917/samples/photo.jpg", "", false},
		{loopback, "http://127.0.0.1/samples/photo.jpg", "", false},
		{loopback, "http://127.0.0.2:51916/samples/photo.jpg", "", false},
		{loopback, "https://127.0.0.1:51916/samples/photo.jpg", "", false},
		{loopback, "ftp://127.0.0.1:51916/samples/photo.jpg", "", false},
		{loopback, "http://a@127.0.0.1:51916/samples/photo.jpg", "", false},
		{loopback, "http://127.0.0.1:41748/samples/photo.jpg", "", false},
		{loopback, "http://127.0.0.1:51916" + result, "", false},
		{loopback, "http://127.0.0.1:51916/metrics", "", false},
		{loopback, "http://127.0.0.1:51916/samples/", "", false},
		{loopback, "http://127.0.0.1:51916/samples/../metrics", "", false},
		{loopback, "http://127.0.0.1:51916/samples/..%2f..%2fetc", "", false},
		{loopback, "http://127.0.0.1:51916/samples/a/b.jpg", "", false},
		{loopback, "http://127.0.0.1:51916/samples/.hidden", "", false},
		{loopback, "http://127.0.0.1:51916/samples/photo.jpg?x=1", "", false},
		{loopback, "http://127.0.0.1:41748/acme/../acme/" + someID + ".mp4", "", false},
		{loopback, "http://127.0.0.1:41748/ACME/" + someID + ".mp4", "", false},
		{loopback, "http://127.0.0.1:41748/acme/1.mp4", "", false},
		{loopback, "http://127.0.0.1:41748/acme/" + someID + ".mov", "", false},
		{loopback, "http://127.0.0.1:41748/acme/" + someID + "%2emp4", "", false},
		{loopback, "http://127.0.0.1.example.com:51916/samples/photo.jpg", "", false},
		{loopback, "http://other.example.com:51916/samples/photo.jpg", "video.example.com:51916", false},
		{loopback, "http://video.example.com:8080/samples/photo.jpg", "video.example.com:51916", false},
		{loopback, "http://cdn.example.com/v" + result, "", false},
		{all, "http://cdn.example.com/v" + result, "", false},
		{all, "https://cdn.example.com" + result, "", false},
		{all, "https://cdn.example.com/vv" + result, "", false},
		{all, "http://0.0.0.0:51916/samples/photo.jpg", "", false},
		{all, "http://[::]:51916/samples/photo.jpg", "", false},
		{all, "http://93.184.216.34:51916/samples/photo.jpg", "", false},
		{Addresses{}, "http://127.0.0.1:51916/samples/photo.jpg", "", false},
	} {
		o, ok := c.a.Own(c.raw, c.host)
		if ok != c.own {
			t.Errorf("Own(%q, %q) = %+v, %v, want %v", c.raw, c.host, o, ok, c.own)
		}
		if ok && (o.Sample == "") == (o.Task == "") {
			t.Errorf("Own(%q) = %+v is both or neither", c.raw, o)
		}
	}
}

// FuzzOwn: whatever is taken for ours names one plain sample or one possible result.
func FuzzOwn(f *testing.F) {
	a := Addresses{API: netip.MustParseAddrPort("127.0.0.1:51916"), Results: netip.MustParseAddrPort("127.0.0.1:41748"), Public: "http://cdn.example.com"}
	f.Add("http://127.0.0.1:51916/samples/photo.jpg", "")
	f.Add("http://x:41748/acme/"+someID+".mp4", "x:1")
	f.Add("http://[::1%25lo]:41748/a/b", "[::1]")
	f.Fuzz(func(t *testing.T, raw, host string) {
		o, ok := a.Own(raw, host)
		if !ok {
			return
		}
		if o.Sample != "" {
			if strings.ContainsAny(o.Sample, `/\%`) || strings.HasPrefix(o.Sample, ".") {
				t.Fatalf("sample %q", o.Sample)
			}
			return
		}
		if _, err := task.ParseID(string(o.Task)); err != nil || strings.Trim(o.Customer, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Fatalf("result %+v", o)
		}
	})
}

func FuzzResultURL(f *testing.F) {
	a := Addresses{API: netip.MustParseAddrPort("0.0.0.0:51916"), Results: netip.MustParseAddrPort("0.0.0.0:41748")}
	f.Add("video.example.com:80")
	f.Add("[::1]:0")
	f.Add("a:b:c")
	f.Fuzz(func(t *testing.T, host string) {
		got := a.ResultURL(host, "acme", someID)
		u, err := url.Parse(got)
		if err != nil || u.Scheme != "http" || u.Path != "/acme/"+someID+".mp4" || u.User != nil || u.RawQuery != "" || u.Port() != "41748" {
			t.Fatalf("host %q gives %q", host, got)
		}
	})
}
