package app

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
)

// client puts a program in front of PATH that writes an archive where a registry's client would, and keeps its arguments.
func client(t *testing.T, name string, archive []byte, as string) (args string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "archive"), archive, 0o600); err != nil {
		t.Fatal(err)
	}
	args = filepath.Join(dir, "args")
	script := "#!/bin/sh\necho \"$@\" > " + args + "\ncp " + filepath.Join(dir, "archive") + " " + as + "\n"
	if as == "" {
		script = "#!/bin/sh\necho no such package >&2\nexit 1\n"
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil { //nolint:gosec // a program must be run
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return args
}

func TestFetchPackage(t *testing.T) {
	content := []byte("a network")
	sum := sha256.Sum256(content)
	var tgz, wheel bytes.Buffer
	gz := gzip.NewWriter(&tgz)
	tw := tar.NewWriter(gz)
	for _, e := range []tar.Header{{Name: "package/x.js", Size: 1, Mode: 0o600}, {Name: "package/link", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, {Name: "package/v.onnx", Size: int64(len(content)), Mode: 0o600}} {
		if err := tw.WriteHeader(&e); err != nil {
			t.Fatal(err)
		}
		if e.Size > 0 {
			_, _ = tw.Write(content[:e.Size])
		}
	}
	tw.Close()
	gz.Close()
	zw := zip.NewWriter(&wheel)
	w, err := zw.Create("voice/v.onnx")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(content)
	zw.Close()
	file := func(registry, path string) infer.CardFile {
		return infer.CardFile{Name: "v.onnx", SHA256: hex.EncodeToString(sum[:]), Size: int64(len(content)), Package: &infer.CardPackage{Registry: registry, Name: "voice", Version: "1.0.0", Path: path}}
	}
	other := file("npm", "package/v.onnx")
	other.SHA256 = strings.Repeat("0", 64)
	for _, c := range []struct {
		name, client, as string
		archive          []byte
		file             infer.CardFile
		code             fault.Code
		args             string
	}{
		{"npm", "npm", "voice-1.0.0.tgz", tgz.Bytes(), file("npm", "package/v.onnx"), "", "pack --ignore-scripts"},
		{"pip", "pip", "voice-1.0.0-py3-none-any.whl", wheel.Bytes(), file("pypi", "voice/v.onnx"), "", "download --no-deps --only-binary=:all:"},
		{"link", "npm", "voice-1.0.0.tgz", tgz.Bytes(), file("npm", "package/link"), fault.NotFound, ""},
		{"none", "npm", "voice-1.0.0.tgz", tgz.Bytes(), file("npm", "package/w.onnx"), fault.NotFound, ""},
		{"no archive", "pip", "voice-1.0.0-py3-none-any.whl", []byte("no zip"), file("pypi", "voice/v.onnx"), fault.NotFound, ""},
		{"forged", "npm", "voice-1.0.0.tgz", tgz.Bytes(), other, fault.Conflict, ""},
		{"unreachable", "npm", "", nil, file("npm", "package/v.onnx"), fault.Unreachable, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := client(t, c.client, c.archive, c.as)
			to := filepath.Join(t.TempDir(), "v.onnx")
			err := fetchPackage(t.Context(), c.file, to)
			got, readErr := os.ReadFile(to)
			if c.code != "" {
				if !fault.Is(err, c.code) || readErr == nil {
					t.Errorf("%v, want %s; left behind: %q", err, c.code, got)
				}
				return
			}
			if err != nil || string(got) != string(content) {
				t.Errorf("%v: %q", err, got)
			}
			if said, _ := os.ReadFile(args); !strings.HasPrefix(string(said), c.args) || !strings.Contains(string(said), "1.0.0") {
				t.Errorf("the client got %s", said)
			}
		})
	}
	t.Setenv("PATH", t.TempDir())
	if err := fetchPackage(t.Context(), file("npm", "x"), filepath.Join(t.TempDir(), "x")); !fault.Is(err, fault.MissingProgram) {
		t.Error(err)
	}
}
