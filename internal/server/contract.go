package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/account"
	"github.com/twinsync/twinsync/internal/fetch"
	"github.com/twinsync/twinsync/internal/task"
)

// The contract's codes. They stand in the body; HTTP statuses are the usual ones.
const (
	codeOK         = 100 // accepted, or finished
	codeWaiting    = 101
	codeRunning    = 102
	codeSuccessful = 103 // as status_code only
	codeFailed     = 104
	codeRequest    = 200 // request parameter error or incomplete
	codeKey        = 201 // invalid or missing secret key
	codeAddress    = 202 // invalid or missing cloud address
	codeInternal   = 203 // internal server error
)

const acceptedText = "SUCCESS! The video is currently in the queue waiting to be processed."

// submitAnswer answers a POST. The order of the fields is the document's.
type submitAnswer struct {
	TaskID     string `json:"task_id"`
	ResultCode int    `json:"result_code"`
	Msg        string `json:"msg"`
}

// statusAnswer answers a GET. The order of the fields is the document's.
type statusAnswer struct {
	ResultURL  string `json:"result_url"`
	ResultCode int    `json:"result_code"`
	StatusCode int    `json:"status_code"`
	Msg        string `json:"msg"`
}

// postSwap takes a task: POST /faceswap_video.
func (s *Server) postSwap(w http.ResponseWriter, r *http.Request) {
	s.post(w, r, func(ctx context.Context, f fields, key account.Key) (t task.Task, err error) {
		order := SwapOrder{Key: key}
		if order.Image, err = s.input(ctx, r.Host, "image_url", f["image_url"]); err != nil {
			return t, err
		}
		if order.Video, err = s.input(ctx, r.Host, "video_url", f["video_url"]); err != nil {
			return t, err
		}
		if err := s.room(key); err != nil {
			return t, err
		}
		return s.cfg.NewSwap(ctx, order)
	})
}

// postTalk takes a task: POST /lipsync_video.
func (s *Server) postTalk(w http.ResponseWriter, r *http.Request) {
	s.post(w, r, func(ctx context.Context, f fields, key account.Key) (t task.Task, err error) {
		order := TalkOrder{Key: key, Text: f["text"], Language: f["language"], Voice: f["voice"]}
		switch {
		case f["audio_url"] != "" && order.Text != "":
			return t, fault.New(fault.InvalidField, "text", "text and audio_url exclude each other")
		case order.Text == "":
			if order.Audio, err = s.input(ctx, r.Host, "audio_url", f["audio_url"]); err != nil {
				return t, err
			}
		case order.Language == "":
			return t, fault.New(fault.MissingField, "language", "the field is missing").
				WithHint("Say in which language the text is, as in en, de or pt-BR.")
		}
		if order.Video, err = s.input(ctx, r.Host, "video_url", f["video_url"]); err != nil {
			return t, err
		}
		if err := s.room(key); err != nil {
			return t, err
		}
		return s.cfg.NewTalk(ctx, order)
	})
}

// post answers a POST with the task that build makes of it, or with what is wrong.
func (s *Server) post(w http.ResponseWriter, r *http.Request, build func(context.Context, fields, account.Key) (task.Task, error)) {
	id, err := s.take(w, r, build)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	note(r, "task", string(id))
	writeJSON(w, http.StatusOK, submitAnswer{TaskID: string(id), ResultCode: codeOK, Msg: acceptedText})
}

// take judges the key, has the task made, and stores it.
func (s *Server) take(w http.ResponseWriter, r *http.Request, build func(context.Context, fields, account.Key) (task.Task, error)) (task.ID, error) {
	f, err := readFields(w, r, s.cfg.MaxBody)
	if err != nil {
		return "", err
	}
	ctx := r.Context()
	key, err := s.cfg.Accounts.Authenticate(ctx, f["key"])
	if err != nil {
		return "", err
	}
	note(r, "customer", key.Customer)
	if wait, ok := s.limits.take(key); !ok {
		return "", &quotaError{wait: wait, fault: fault.New(fault.TooManyRequests, "key",
			"the key has sent more than %d requests in a minute", key.Limits.RequestsPerMinute).
			WithHint("Wait a moment before the next one.")}
	}
	t, err := build(ctx, f, key)
	if err != nil {
		return "", err
	}
	detail := map[string]string{"kind": t.Kind}
	for _, name := range []string{"image_url", "audio_url", "video_url", "text"} {
		if f[name] != "" {
			detail[name+"_sha256"] = hexSHA256(f[name])
		}
	}
	// The audit comes first: an entry without a task is harmless, a task without an entry is not.
	err = s.cfg.Accounts.Record(ctx, account.Entry{
		Event: account.TaskSubmitted, Customer: key.Customer, Key: key.ID, Task: string(t.ID), Detail: detail,
	})
	if err != nil {
		return "", err
	}
	if err := s.cfg.Tasks.Submit(ctx, t); err != nil {
		return "", err
	}
	return t.ID, nil
}

// room tells whether the key may have one more task.
func (s *Server) room(key account.Key) error {
	if n := s.cfg.Tasks.Active(key.Customer); n >= key.Limits.TasksInFlight {
		return &quotaError{wait: 30 * time.Second, fault: fault.New(fault.TooManyRequests, "key",
			"%d tasks of this customer are waiting or running, which is all that the key allows", n).
			WithHint("Wait until some are finished.")}
	}
	return nil
}

// input judges an address: this installation's own is looked up, any other one
// is judged by its words.
func (s *Server) input(ctx context.Context, host, field, raw string) (Input, error) {
	own, ok := s.addresses.Own(raw, host)
	if !ok {
		return Input{Field: field, URL: raw}, fetch.CheckLiteral(field, raw, s.cfg.AllowNetworks)
	}
	if own.Sample != "" {
		if err := s.checkSample(own.Sample); err != nil {
			return Input{}, fault.New(fault.InvalidAddress, field, "this service has no such sample").WithCause(err)
		}
		return Input{Field: field, Sample: own.Sample}, nil
	}
	result, _, err := s.result(ctx, own.Customer, own.Task)
	switch {
	case fault.Is(err, fault.NotFound):
		return Input{}, fault.New(fault.InvalidAddress, field, "this service has no such result").
			WithHint("Give the address of a finished task's result.")
	case err != nil:
		return Input{}, err
	}
	return Input{Field: field, Result: result.Key}, nil
}

// quotaError is a used-up quota and when it is worth trying again.
type quotaError struct {
	fault *fault.Error
	wait  time.Duration
}

func (e *quotaError) Error() string { return e.fault.Error() }
func (e *quotaError) Unwrap() error { return e.fault }

// refuse answers a POST with an error.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	code, status := codesOf(err)
	if q := (*quotaError)(nil); errors.As(err, &q) {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(q.wait.Seconds())))))
	}
	s.logFault(r, err, status)
	writeJSON(w, status, submitAnswer{ResultCode: code, Msg: fault.From(err).Public()})
}

// codesOf gives the contract's code and the HTTP status of an error.
func codesOf(err error) (code, status int) {
	switch f := fault.From(err); f.Code {
	case fault.InvalidKey, fault.TermsNotAccepted:
		return codeKey, http.StatusUnauthorized
	case fault.TooManyRequests:
		return codeInternal, http.StatusTooManyRequests
	case fault.InvalidAddress, fault.ForbiddenAddress:
		return codeAddress, http.StatusBadRequest
	case fault.MissingField:
		switch f.Param {
		case "key":
			return codeKey, http.StatusUnauthorized
		case "image_url", "video_url", "audio_url":
			return codeAddress, http.StatusBadRequest
		}
		return codeRequest, http.StatusBadRequest
	default:
		if f.Code.Kind() == fault.Input && f.Code != fault.DiskFull && f.Code != fault.NotWritable {
			return codeRequest, http.StatusBadRequest
		}
		return codeInternal, http.StatusInternalServerError
	}
}

// getStatus tells how a task stands: GET /faceswap_video?taskID=ID.
func (s *Server) getStatus(w http.ResponseWriter, r *http.Request) {
	t, err := s.findTask(r)
	if err != nil {
		status := http.StatusBadRequest
		code := codeRequest
		switch f := fault.From(err); {
		case f.Code == fault.NotFound:
			status = http.StatusNotFound
		case f.Code.Kind() != fault.Input:
			code, status = codeInternal, http.StatusInternalServerError
		}
		s.logFault(r, err, status)
		writeJSON(w, status, statusAnswer{ResultCode: code, StatusCode: code, Msg: fault.From(err).Public()})
		return
	}
	note(r, "task", string(t.ID))
	writeJSON(w, http.StatusOK, s.statusOf(r.Host, t))
}

func (s *Server) findTask(r *http.Request) (task.Task, error) {
	const hint = "Give the task_id that the service answered when the task was accepted."
	given := r.URL.Query()["taskID"]
	switch {
	case len(given) == 0 || given[0] == "" && len(given) == 1:
		return task.Task{}, fault.New(fault.MissingField, "taskID", "the field is missing").WithHint(hint)
	case len(given) > 1:
		return task.Task{}, fault.New(fault.InvalidField, "taskID", "the field is given twice").WithHint(hint)
	}
	id, err := task.ParseID(given[0])
	if err != nil {
		return task.Task{}, fault.New(fault.NotFound, "taskID", "the task is not in the service queue").WithHint(hint)
	}
	t, err := s.cfg.Tasks.Get(r.Context(), id)
	switch {
	case err == nil && !t.ExpiresAt.IsZero() && t.State.Final() && !s.now().Before(t.ExpiresAt),
		fault.Is(err, fault.NotFound) && s.cfg.Retention > 0 && s.now().Sub(id.Time()) > s.cfg.Retention:
		return task.Task{}, fault.New(fault.NotFound, "taskID", "the task is not in the service queue: it has expired, and its result is deleted").
			WithHint("Submit it again.")
	case fault.Is(err, fault.NotFound):
		return task.Task{}, fault.New(fault.NotFound, "taskID", "the task is not in the service queue: it was never accepted here, or it was deleted").
			WithHint(hint)
	}
	return t, err
}

// statusOf is the contract's answer for a task. host is the Host that the client used.
func (s *Server) statusOf(host string, t task.Task) statusAnswer {
	about := "taskID:" + string(t.ID)
	switch t.State {
	case task.Succeeded:
		address := s.addresses.ResultURL(host, t.Customer, t.ID)
		return statusAnswer{ResultURL: address, ResultCode: codeOK, StatusCode: codeSuccessful,
			Msg: about + " has been completed, and the output video url is: " + address}
	case task.Failed:
		why := "internal error"
		if t.Fault != nil {
			why = t.Fault.Err().Public()
		}
		return statusAnswer{ResultCode: codeFailed, StatusCode: codeFailed, Msg: about + " has failed: " + why}
	case task.Canceled:
		return statusAnswer{ResultCode: codeFailed, StatusCode: codeFailed, Msg: about + " was canceled."}
	case task.Running:
		return statusAnswer{ResultCode: codeRunning, StatusCode: codeRunning,
			Msg: fmt.Sprintf("%s is in a running state (%s, %d %% done).", about, t.Stage, int(t.Progress*100))}
	}
	return statusAnswer{ResultCode: codeWaiting, StatusCode: codeWaiting, Msg: about + " is in a waiting state."}
}

// wrongMethod answers what is neither GET nor POST.
func (s *Server) wrongMethod(allow string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", allow)
		writeJSON(w, http.StatusMethodNotAllowed, submitAnswer{ResultCode: codeRequest, Msg: "this address answers only " + allow + "."})
	}
}

// notFound answers every address that is none of ours.
func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusNotFound, submitAnswer{ResultCode: codeRequest, Msg: "there is nothing at this address."})
}

// writeJSON writes an answer as one line of JSON. Addresses keep their '&'.
func writeJSON(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("an answer cannot be written as JSON: %v", err)) // structs of strings and numbers always can
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	w.WriteHeader(status)
	w.Write(b.Bytes()) // a client that is gone misses nothing
}

func hexSHA256(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
