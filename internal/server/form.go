package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/twinsync/twinsync/fault"
)

// maxFields bounds the fields of one request; the contract has seven.
const maxFields = 64

// fields are the text fields of a request, each given once.
type fields map[string]string

// readFields reads a body of one of the three kinds that the contract knows:
// application/x-www-form-urlencoded, multipart/form-data or a JSON object. The
// query of the address is no field: what stands there ends in logs.
//
// Every error is a fault.InvalidField and stands for the contract's code 200: a
// body that cannot be read or is too large, a field given twice or of the wrong
// type, nothing given at all.
func readFields(w http.ResponseWriter, r *http.Request, limit int64) (fields, error) {
	if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, unreadable("the body is compressed, which this service does not read")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) {
			return nil, unreadable("the body is larger than %d bytes", limit)
		}
		return nil, unreadable("the body ended before it was whole").WithCause(err)
	}
	return parseFields(r.Header.Get("Content-Type"), body)
}

func parseFields(contentType string, body []byte) (fields, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, unreadable("the request has no body")
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if contentType == "" {
		kind, err = "application/x-www-form-urlencoded", nil
		if bytes.TrimSpace(body)[0] == '{' {
			kind = "application/json"
		}
	}
	if err != nil {
		return nil, unreadable("the header Content-Type cannot be read").WithCause(err)
	}
	var f fields
	switch {
	case kind == "application/x-www-form-urlencoded":
		f, err = parseForm(body)
	case kind == "multipart/form-data":
		f, err = parseMultipart(body, params["boundary"])
	case kind == "application/json", strings.HasSuffix(kind, "+json"):
		f, err = parseJSON(body)
	default:
		return nil, unreadable("the body is of the type %q", kind)
	}
	if err != nil {
		return nil, err
	}
	for name, value := range f {
		if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
			return nil, fault.New(fault.InvalidField, printable(name), "the field is no text in UTF-8")
		}
	}
	if len(f) == 0 {
		return nil, unreadable("the request has no fields")
	}
	return f, nil
}

func parseForm(body []byte) (fields, error) {
	if bytes.TrimSpace(body)[0] == '{' {
		return nil, unreadable("the body is JSON but is sent as a form").WithHint("Add the header Content-Type: application/json.")
	}
	if bytes.Count(body, []byte("&")) >= maxFields {
		return nil, unreadable("the form has more than %d fields", maxFields)
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, unreadable("the form cannot be read").WithCause(err)
	}
	f := fields{}
	for name, all := range values {
		if len(all) > 1 {
			return nil, twice(name)
		}
		f[name] = all[0]
	}
	return f, nil
}

func parseMultipart(body []byte, boundary string) (fields, error) {
	if boundary == "" {
		return nil, unreadable("the form's header names no boundary")
	}
	f := fields{}
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for n := 0; ; n++ {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		if err != nil {
			return nil, unreadable("the form cannot be read").WithCause(err)
		}
		if n >= maxFields {
			return nil, unreadable("the form has more than %d fields", maxFields)
		}
		name := part.FormName()
		if name == "" {
			return nil, unreadable("a part of the form has no name")
		}
		if part.FileName() != "" {
			return nil, fault.New(fault.InvalidField, printable(name), "the field is a file").
				WithHint("Put the file where it has an address and give the address.")
		}
		value, err := io.ReadAll(part) // bounded by the body
		if err != nil {
			return nil, unreadable("the form cannot be read").WithCause(err)
		}
		if _, ok := f[name]; ok {
			return nil, twice(name)
		}
		f[name] = string(value)
	}
}

// parseJSON reads one object token by token, because decoding into a map would
// silently keep the last of two equal names.
func parseJSON(body []byte) (fields, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	bad := func(err error) error { return unreadable("the body is no JSON object").WithCause(err) }
	first, err := d.Token()
	if err != nil {
		return nil, bad(err)
	}
	if first != json.Delim('{') {
		return nil, bad(fmt.Errorf("it begins with %v", first))
	}
	f := fields{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, bad(err)
		}
		key, ok := name.(string)
		if !ok {
			return nil, bad(fmt.Errorf("a name is %v", name))
		}
		if _, ok := f[key]; ok {
			return nil, twice(key)
		}
		if len(f) >= maxFields {
			return nil, unreadable("the object has more than %d fields", maxFields)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, bad(err)
		}
		var value string
		if len(raw) == 0 || raw[0] != '"' {
			// A field that the contract does not know may be of any type.
			if isContractField(key) {
				return nil, fault.New(fault.InvalidField, key, "the field is no text").WithHint("Put it between quotation marks.")
			}
			f[key] = string(raw)
			continue
		}
		if err := json.Unmarshal(raw, &value); err != nil {
			return nil, bad(err)
		}
		f[key] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, bad(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, unreadable("something follows the JSON object")
	}
	return f, nil
}

func isContractField(name string) bool {
	switch name {
	case "image_url", "video_url", "audio_url", "key", "text", "language", "voice":
		return true
	}
	return false
}

func twice(name string) error {
	return fault.New(fault.InvalidField, printable(name), "the field is given twice")
}

func unreadable(text string, args ...any) *fault.Error {
	return fault.New(fault.InvalidField, "", text, args...).
		WithHint("Send the fields as a form or as a JSON object.")
}

// printable is a field's name for a message: the sender's own words, bounded.
func printable(name string) string {
	if len(name) > 40 {
		name = name[:40] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return '?'
		}
		return r
	}, name)
}
