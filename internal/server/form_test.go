package server

import (
	"testing"
	"unicode/utf8"

	"github.com/twinsync/twinsync/fault"
)

// FuzzParseFields: every body gives either valid text fields or the contract's 200.
func FuzzParseFields(f *testing.F) {
	f.Add("application/x-www-form-urlencoded", []byte("image_url=http%3A%2F%2Fa&key=b"))
	f.Add("application/json", []byte(`{"image_url":"a","key":"b","x":[1,{}]}`))
	f.Add("application/json", []byte(`{"a":"\ud800"}`))
	f.Add("multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nb\r\n--x--\r\n"))
	f.Add("multipart/form-data; boundary=\"", []byte("--"))
	f.Add("", []byte("{"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		got, err := parseFields(contentType, body)
		if err != nil {
			if code, status := codesOf(err); code != codeRequest || status != 400 {
				t.Fatalf("%v is %d, %d", err, code, status)
			}
			if !utf8.ValidString(fault.From(err).Public()) {
				t.Fatalf("the text %q is no UTF-8", fault.From(err).Public())
			}
			return
		}
		if len(got) == 0 || len(got) > maxFields+1 {
			t.Fatalf("%d fields", len(got))
		}
		for name, value := range got {
			if !utf8.ValidString(value) {
				t.Fatalf("%s is no UTF-8", name)
			}
		}
	})
}
