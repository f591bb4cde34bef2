package fetch

import (
	"bytes"
	"io"
	"log"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/fault"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func readFull(c net.Conn, b []byte) (int, error) { return io.ReadFull(c, b) }

func TestCheckLiteral(t *testing.T) {
	allow := []netip.Prefix{netip.MustParsePrefix("10.7.0.0/16"), netip.MustParsePrefix("fd07::/16")}
	for _, c := range []struct {
		address string
		code    fault.Code // "" means it passes
	}{
		{"http://example.com/a.jpg", ""},
		{"https://example.com:443/a.jpg?x=1&y=http://10.0.0.1", ""},
		{"HTTP://EXAMPLE.COM/", ""},
		{"http://localhost/a.jpg", ""}, // a name: judged when dialled
		{"http://example.com:8080/a.jpg", ""},
		{"http://93.184.216.34/a.jpg", ""},
		{"https://[2606:4700:4700::1111]/a.jpg", ""},
		{"http://10.7.1.2:9000/a.jpg", ""},
		{"http://[::ffff:10.7.1.2]:9000/a.jpg", ""},
		{"http://[fd07::1]:9000/a.jpg", ""},
		{"http://bücher.example/a.jpg", ""},
		{"http://example.com/ä b.jpg", ""},

		{"", fault.MissingField},
		{"cloud/photo.jpg", fault.InvalidAddress},
		{"/etc/passwd", fault.InvalidAddress},
		{"example.com/a.jpg", fault.InvalidAddress},
		{"//example.com/a.jpg", fault.InvalidAddress},
		{"ftp://example.com/a.jpg", fault.InvalidAddress},
		{"file:///etc/passwd", fault.InvalidAddress},
		{"javascript:alert(1)", fault.InvalidAddress},
		{"http:example.com", fault.InvalidAddress},
		{"http://", fault.InvalidAddress},
		{"http:///a.jpg", fault.InvalidAddress},
		{"http://:80/a.jpg", fault.InvalidAddress},
		{"http://user@example.com/", fault.InvalidAddress},
		{"http://user:pw@example.com/", fault.InvalidAddress},
		{"http://@example.com/", fault.InvalidAddress},
		{"http://example.com:0/", fault.InvalidAddress},
		{"http://example.com:65536/", fault.InvalidAddress},
		{"http://example.com:x/", fault.InvalidAddress},
		{"http://exa mple.com/", fault.InvalidAddress},
		{"http://example.com/\x00", fault.InvalidAddress},
		{"http://example.com/\r\nHost: a", fault.InvalidAddress},
		{" http://example.com/", fault.InvalidAddress},
		{"http://2130706433/", fault.InvalidAddress},
		{"http://0x7f000001/", fault.InvalidAddress},
		{"http://0x7f.1/", fault.InvalidAddress},
		{"http://0177.0.0.1/", fault.InvalidAddress},
		{"http://127.1/", fault.InvalidAddress},
		{"http://127.0.0.1./", fault.InvalidAddress},
		{"http://[fe80::1%25eth0]/", fault.InvalidAddress},
		{"http://[::1", fault.InvalidAddress},
		{"http://" + strings.Repeat("a", MaxAddress), fault.InvalidAddress},

		{"http://127.0.0.1/a.jpg", fault.ForbiddenAddress},
		{"http://0.0.0.0/", fault.ForbiddenAddress},
		{"http://10.0.0.1/", fault.ForbiddenAddress},
		{"http://192.168.1.1:8080/", fault.ForbiddenAddress},
		{"http://169.254.169.254/latest/meta-data", fault.ForbiddenAddress},
		{"http://100.100.100.200/", fault.ForbiddenAddress},
		{"http://[::1]/", fault.ForbiddenAddress},
		{"http://[::]/", fault.ForbiddenAddress},
		{"http://[::ffff:127.0.0.1]/", fault.ForbiddenAddress},
		{"http://[::ffff:7f00:1]/", fault.ForbiddenAddress},
		{"http://[::127.0.0.1]/", fault.ForbiddenAddress},
		{"http://[64:ff9b::7f00:1]/", fault.ForbiddenAddress},
		{"http://[2002:7f00:1::]/", fault.ForbiddenAddress},
		{"http://[fd00:ec2::254]/", fault.ForbiddenAddress},
		{"http://93.184.216.34:22/", fault.ForbiddenAddress},
		{"http://10.8.0.1/", fault.ForbiddenAddress},
	} {
		err := CheckLiteral("video_url", c.address, allow)
		if c.code == "" {
			if err != nil {
				t.Errorf("%q: %v, want it to pass", c.address, err)
			}
			continue
		}
		if !fault.Is(err, c.code) {
			t.Errorf("%q: %v, want %s", c.address, err, c.code)
		} else if fault.From(err).Param != "video_url" {
			t.Errorf("%q: %v does not name the field", c.address, err)
		}
	}
}

// FuzzCheckLiteral: whatever passes is an http address whose host, where it is a
// literal, may be read from, and reads the same when written again.
func FuzzCheckLiteral(f *testing.F) {
	for _, s := range []string{"http://example.com/a", "https://[::1]:80/", "http://0x7f.1", "http://a@b/", "http://[::ffff:1.2.3.4%25a]/", "http://127.0.0.1.:80/", "hTTp:/\\x", "http://１２７.0.0.1/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if CheckLiteral("x", s, nil) != nil {
			return
		}
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Hostname() == "" {
			t.Fatalf("%q passes", s)
		}
		if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !Open(ip) {
			t.Fatalf("%q passes", s)
		}
		if ip := net.ParseIP(strings.TrimSuffix(u.Hostname(), ".")); ip != nil {
			if a, ok := netip.AddrFromSlice(ip); ok && !Open(a) {
				t.Fatalf("%q passes", s)
			}
		}
		again, err := parse("x", s, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckLiteral("x", again.String(), nil); err != nil && len(again.String()) <= MaxAddress {
			t.Fatalf("%q passes but %q does not: %v", s, again, err)
		}
	})
}

func TestSniff(t *testing.T) {
	ts := bytes.Repeat(append([]byte{0x47}, make([]byte, 187)...), 3)
	m2ts := bytes.Repeat(append([]byte{0, 0, 0, 0, 0x47}, make([]byte, 187)...), 3)
	for _, c := range []struct {
		head, want string
	}{
		{"\xff\xd8\xff\xdb", "image/jpeg"},
		{"\x89PNG\r\n\x1a\n", "image/png"},
		{"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"},
		{"\x00\x00\x00\x1cftypavif", "image/avif"},
		{"\x00\x00\x00\x1cftypheic", "image/heic"},
		{"\x00\x00\x00\x1cftypisom", "video/mp4"},
		{"\x00\x00\x00\x14ftypqt  ", "video/quicktime"},
		{"\x00\x00\x00\x08wide", "video/quicktime"},
		{"\x1a\x45\xdf\xa3\x01\x00webm", "video/webm"},
		{"\x1a\x45\xdf\xa3\x01\x00matroska", "video/x-matroska"},
		{"RIFF\x00\x00\x00\x00AVI ", "video/x-msvideo"},
		{"RIFF\x00\x00\x00\x00WAVE", "audio/wav"},
		{"ID3\x04", "audio/mpeg"},
		{"\xff\xfb\x90\x64", "audio/mpeg"},
		{"\xff\xf1\x50\x80", "audio/mpeg"},
		{string(ts), "video/mp2t"},
		{string(m2ts), "video/mp2t"},
		{"\x00\x00\x00\x01\x67", "video/x-raw"},
		{"OggS", "application/ogg"},

		{"", ""},
		{"G", ""},
		{"GIF", ""},
		{"BM, said the page", ""},
		{"RIFF\x00\x00\x00\x00CDXA", ""},
		{"\xff\xff\xff\xff", ""},
		{"\xff\xfe<\x00h\x00", ""}, // UTF-16 text
		{"#EXTM3U", ""},
		{"ffconcat version 1.0", ""},
		{"v=0\r\no=", ""},
		{"<svg", ""},
		{"%PDF-1.7", ""},
		{"PK\x03\x04", ""},
		{"\x7fELF", ""},
		{"#!/bin/sh", ""},
	} {
		if got := sniff([]byte(c.head)); got != c.want {
			t.Errorf("sniff(%.20q) = %q, want %q", c.head, got, c.want)
		}
	}
}

// TestSniffKnowsRealFiles reads the shared media, whose bad files are listed in
// their TRUTH.tsv.
func TestSniffKnowsRealFiles(t *testing.T) {
	root := filepath.Join("..", "..", "..", "shared", "media")
	if _, err := os.Stat(root); err != nil {
		t.Skip("../shared/media is absent: real files are not tried")
	}
	bad := map[string]bool{
		"text_named.mp4": true, "random_bytes.mp4": true, "zero_bytes.mp4": true,
		"text.jpg": true, "zero.png": true, "text.wav": true, "zero.wav": true,
		"speech_raw_s16le_16k.pcm": true, // samples without any header
	}
	n := 0
	for _, glob := range []string{"odd/*/*", "photos/*", "videos/*", "speech/*"} {
		files, err := filepath.Glob(filepath.Join(root, glob))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			if ext := filepath.Ext(path); ext == ".tsv" || ext == ".txt" || ext == ".md" || ext == ".json" || ext == ".csv" {
				continue
			}
			b, err := os.ReadFile(path)
			if err != nil {
				continue // a folder
			}
			n++
			if got := sniff(b[:min(len(b), sniffLen)]); (got == "") != bad[filepath.Base(path)] {
				t.Errorf("%s is %q", path, got)
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d files were tried", n)
	}
}
