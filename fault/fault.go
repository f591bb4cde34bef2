// Package fault is the one kind of error that users of TwinSync meet: it
// carries a stable code, the field at fault, a sentence that says what is wrong,
// a hint at the way out, and whether trying again can help. Every package
// returns it for what a user can cause or mend; anything else is Internal.
package fault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// Error is a failure that can be shown to the user as it is.
type Error struct {
	Code  Code
	Param string // the field, flag or file at fault; "" when there is none
	Text  string // what is wrong: public, lower case, no full stop
	Hint  string // the way out: public; "" when Text says it all
	Retry bool   // the same attempt may succeed later
	Err   error  // the cause, for the log only; may be nil
}

// New returns an Error whose Retry follows from its code.
// Text is formatted with args as by fmt.Sprintf.
func New(code Code, param, text string, args ...any) *Error {
	if len(args) > 0 {
		text = fmt.Sprintf(text, args...)
	}
	return &Error{Code: code, Param: param, Text: text, Retry: code.Kind() == Temporary}
}

// WithHint returns e with the way out added.
func (e *Error) WithHint(hint string, args ...any) *Error {
	c := *e
	if len(args) > 0 {
		hint = fmt.Sprintf(hint, args...)
	}
	c.Hint = hint
	return &c
}

// WithCause returns e with the error behind it, which only the log shows.
func (e *Error) WithCause(err error) *Error {
	c := *e
	c.Err = err
	return &c
}

// WithParam returns e with the field at fault named, unless it names one already.
func (e *Error) WithParam(param string) *Error {
	if e.Param != "" {
		return e
	}
	c := *e
	c.Param = param
	return &c
}

// Error is the text for logs: field, sentence and cause.
func (e *Error) Error() string {
	s := e.Text
	if e.Param != "" {
		s = e.Param + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Public is the text for users: field, sentence and way out, never the cause.
func (e *Error) Public() string {
	s := e.Text
	if e.Param != "" {
		s = e.Param + ": " + s
	}
	if e.Hint != "" {
		s = strings.TrimSuffix(s, ".") + ". " + e.Hint
	}
	return s
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether err is or wraps an Error with this code.
func Is(err error, code Code) bool {
	return err != nil && From(err).Code == code
}

// From gives err as an *Error: the one it wraps, or what a well-known cause
// (cancellation, deadline, full disk, permission) stands for, or Internal.
// It returns nil for nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	switch {
	case errors.Is(err, context.Canceled):
		return New(Canceled, "", "canceled").WithCause(err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return New(Timeout, "", "took too long").WithCause(err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return New(DiskFull, "", "no space left on the disk").
			WithHint("Free some space or choose another data folder.").WithCause(err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return New(NotWritable, "", "permission denied").WithCause(err)
	}
	return New(Internal, "", "internal error").WithCause(err)
}
