package server

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/task"
)

// The routes of downloads.
const (
	resultRoute = "GET /{customer}/{file}"
	sampleRoute = "GET /samples/{file}"
)

// getResult serves /CUSTOMER/TASKID.mp4, whole, in ranges or its head alone.
func (s *Server) getResult(w http.ResponseWriter, r *http.Request) {
	own, ok := resultPath(r.URL.Path)
	if !ok {
		s.notFound(w, r)
		return
	}
	note(r, "task", string(own.Task))
	result, finished, err := s.result(r.Context(), own.Customer, own.Task)
	var body io.ReadSeekCloser
	if err == nil {
		body, err = s.cfg.OpenResult(r.Context(), result.Key)
	}
	switch {
	case fault.Is(err, fault.NotFound):
		writeJSON(w, http.StatusNotFound, statusAnswer{ResultCode: codeRequest, StatusCode: codeRequest,
			Msg: "there is no such result: the task is not finished, or it has expired."})
		return
	case err != nil:
		code, status := codesOf(err)
		s.logFault(r, err, status)
		writeJSON(w, status, statusAnswer{ResultCode: code, StatusCode: code, Msg: fault.From(err).Public()})
		return
	}
	defer body.Close()
	h := w.Header()
	h.Set("Content-Type", result.ContentType)
	h.Set("ETag", `"`+result.SHA256+`"`)
	h.Set("Cache-Control", "private, no-transform, max-age=3600")
	// A page may show the video; what it can do there is play.
	h.Set("Content-Security-Policy", "default-src 'none'; media-src 'self'; frame-ancestors 'none'; sandbox")
	http.ServeContent(&patient{ResponseWriter: w, control: http.NewResponseController(w)}, r, "", finished, body)
}

// result gives a finished task's result, or fault.NotFound.
func (s *Server) result(ctx context.Context, customer string, id task.ID) (task.Result, time.Time, error) {
	t, err := s.cfg.Tasks.Get(ctx, id)
	if err != nil {
		return task.Result{}, time.Time{}, err
	}
	expired := !t.ExpiresAt.IsZero() && !s.now().Before(t.ExpiresAt)
	if t.Customer != customer || t.State != task.Succeeded || t.Result == nil || expired {
		return task.Result{}, time.Time{}, fault.New(fault.NotFound, "", "there is no such result")
	}
	return *t.Result, t.FinishedAt, nil
}

// patient lets a download take as long as it makes progress: each write may take
// writeTimeout, and there is no end for all of them.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (p *patient) Write(b []byte) (int, error) {
	if err := p.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.ResponseWriter.Write(b)
}

// getSample serves a file of the folder of samples, and no list of them.
func (s *Server) getSample(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	f, info, err := s.openSample(name)
	if err != nil {
		s.notFound(w, r)
		return
	}
	defer f.Close()
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("Content-Security-Policy", "default-src 'none'; img-src 'self'; media-src 'self'; frame-ancestors 'none'; sandbox")
	if t := sampleType(name); t != "" {
		h.Set("Content-Type", t)
	}
	http.ServeContent(&patient{ResponseWriter: w, control: http.NewResponseController(w)}, r, name, info.ModTime(), f)
}

// openSample opens a plain file of the folder of samples; os.Root lets no link lead out of it.
func (s *Server) openSample(name string) (*os.File, fs.FileInfo, error) {
	if s.samples == nil || !sampleName(name) {
		return nil, nil, fs.ErrNotExist
	}
	info, err := s.samples.Stat(name)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() { // a pipe would block when opened
		return nil, nil, fs.ErrNotExist
	}
	f, err := s.samples.Open(name)
	if err != nil {
		return nil, nil, err
	}
	return f, info, nil
}

func (s *Server) checkSample(name string) error {
	f, _, err := s.openSample(name)
	if err != nil {
		return err
	}
	return f.Close()
}

// sampleType is the media type by a file's ending, independent of the machine's tables.
func sampleType(name string) string {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".png":
		return "image/png"
	case ".webp":
		return "image/webp"
	case ".mp4":
		return "video/mp4"
	case ".wav":
		return "audio/wav"
	case ".txt", ".md":
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}
