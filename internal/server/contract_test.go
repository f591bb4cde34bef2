package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/account"
	"github.com/twinsync/twinsync/internal/task"
)

var acceptedAnswer = regexp.MustCompile(`^\{"task_id":"(\d{8}_\d\d_\d\d_\d\d_\d{16,})","result_code":100,` +
	`"msg":"SUCCESS! The video is currently in the queue waiting to be processed\."\}\n$`)

// TestPostIsAccepted: the three kinds of body give the document's very answer.
func TestPostIsAccepted(t *testing.T) {
	r := newRig(t, nil)
	form := r.form("ok.jpg")
	object, err := json.Marshal(map[string]any{"image_url": form.Get("image_url"), "video_url": form.Get("video_url"), "key": r.secret, "later": []int{1}})
	if err != nil {
		t.Fatal(err)
	}
	var parts bytes.Buffer
	w := multipart.NewWriter(&parts)
	for name := range form {
		if err := w.WriteField(name, form.Get(name)); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	seen := map[string]bool{}
	for _, c := range []struct{ name, contentType, body string }{
		{"form", "application/x-www-form-urlencoded", form.Encode()},
		{"form with charset", "application/x-www-form-urlencoded; charset=UTF-8", form.Encode()},
		{"form with a submit button", "application/x-www-form-urlencoded", form.Encode() + "&submit=Go"},
		{"multipart", w.FormDataContentType(), parts.String()},
		{"JSON", "application/json", string(object)},
		{"JSON with charset", "application/json; charset=utf-8", string(object)},
		{"JSON without a type", "", string(object)},
		{"form without a type", "", form.Encode()},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, b := r.do(r.request("POST", r.api+"/faceswap_video", c.contentType, c.body))
			m := acceptedAnswer.FindSubmatch(b)
			if resp.StatusCode != 200 || m == nil {
				t.Fatalf("answer %d %q", resp.StatusCode, b)
			}
			if ct := resp.Header.Get("Content-Type"); ct != "application/json; charset=utf-8" {
				t.Errorf("content type %q", ct)
			}
			id := string(m[1])
			if seen[id] {
				t.Errorf("%s twice", id)
			}
			seen[id] = true
			o := <-r.orders
			if o.Key.Customer != "acme-1" || o.Image != (Input{Field: "image_url", URL: form.Get("image_url")}) ||
				o.Video != (Input{Field: "video_url", URL: form.Get("video_url")}) {
				t.Errorf("order = %+v", o)
			}
			stored, err := r.tasks.Get(t.Context(), task.ID(id))
			if err != nil || stored.State != task.Queued || stored.Customer != "acme-1" {
				t.Errorf("stored task = %+v, %v", stored, err)
			}
			audit, err := r.accounts.Audit(t.Context(), account.AuditFilter{Task: id})
			if err != nil || len(audit) != 1 || audit[0].Event != account.TaskSubmitted ||
				audit[0].Detail["image_url_sha256"] != hexSHA256(form.Get("image_url")) {
				t.Errorf("audit = %+v, %v", audit, err)
			}
		})
	}
}

func TestPostIsRefused(t *testing.T) {
	r := newRig(t, nil)
	good := r.form("ok.jpg")
	with := func(change func(url.Values)) string {
		f := url.Values{}
		for k, v := range good {
			f[k] = append([]string(nil), v...)
		}
		change(f)
		return f.Encode()
	}
	set := func(name, value string) string { return with(func(f url.Values) { f.Set(name, value) }) }
	del := func(names ...string) string {
		return with(func(f url.Values) {
			for _, n := range names {
				f.Del(n)
			}
		})
	}
	object := func(s string) string { return strings.ReplaceAll(s, "KEY", r.secret) }
	var file bytes.Buffer
	w := multipart.NewWriter(&file)
	part, err := w.CreateFormFile("image_url", "photo.jpg")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(part, "pixels")
	w.Close()
	_, revoked, err := r.accounts.CreateKey(t.Context(), account.NewKey{Customer: "acme-1", By: "x", AcceptTerms: true})
	if err != nil {
		t.Fatal(err)
	}
	keys, _ := r.accounts.Keys(t.Context(), "")
	for _, k := range keys {
		if k.ID != r.key.ID {
			if _, err := r.accounts.Revoke(t.Context(), k.ID, "x"); err != nil {
				t.Fatal(err)
			}
		}
	}
	const formType, jsonType = "application/x-www-form-urlencoded", "application/json"
	for _, c := range []struct {
		name, contentType, body string
		code, status            int
		words                   string
	}{
		// 200: what has no code of its own.
		{"nothing", formType, "", 200, 400, "no body"},
		{"nothing but space", jsonType, " \n", 200, 400, "no body"},
		{"empty object", jsonType, "{}", 200, 400, "no fields"},
		{"empty multipart", "multipart/form-data; boundary=x", "--x--\r\n", 200, 400, "no fields"},
		{"not JSON", jsonType, "{image_url:", 200, 400, "no JSON object"},
		{"JSON cut off", jsonType, object(`{"key":"KEY"`), 200, 400, "no JSON object"},
		{"array", jsonType, `["a"]`, 200, 400, "no JSON object"},
		{"text after JSON", jsonType, object(`{"key":"KEY"} x`), 200, 400, "follows"},
		{"JSON as a form", formType, object(`{"key":"KEY"}`), 200, 400, "Content-Type: application/json"},
		{"broken form", formType, "image_url=%zz", 200, 400, "form cannot be read"},
		{"semicolons", formType, "image_url=a;key=b", 200, 400, "form cannot be read"},
		{"broken multipart", "multipart/form-data; boundary=x", "--x\r\nno", 200, 400, "form cannot be read"},
		{"multipart without boundary", "multipart/form-data", "--x", 200, 400, "boundary"},
		{"plain text", "text/plain", "hello", 200, 400, "text/plain"},
		{"unreadable type", "a/b/c;;", "hello", 200, 400, "Content-Type"},
		{"twice", formType, good.Encode() + "&image_url=http://b.example.com/", 200, 400, "image_url: the field is given twice"},
		{"key twice", formType, good.Encode() + "&key=x", 200, 400, "key: the field is given twice"},
		{"twice in JSON", jsonType, object(`{"key":"KEY","image_url":"http://a.example.com/","image_url":"http://b.example.com/"}`), 200, 400, "image_url: the field is given twice"},
		{"twice in JSON, escaped", jsonType, object(`{"key":"KEY","image_url":"a","image_ur\u006c":"b"}`), 200, 400, "twice"},
		{"number", jsonType, `{"key":17}`, 200, 400, "key: the field is no text"},
		{"null", jsonType, object(`{"key":"KEY","image_url":null}`), 200, 400, "image_url: the field is no text"},
		{"list", jsonType, object(`{"key":"KEY","video_url":["a"]}`), 200, 400, "video_url: the field is no text"},
		{"file", w.FormDataContentType(), file.String(), 200, 400, "image_url: the field is a file"},
		{"not UTF-8", formType, "image_url=%ff&key=a", 200, 400, "UTF-8"},
		{"too large", formType, "a=" + strings.Repeat("b", 256<<10), 200, 400, "larger than 262144 bytes"},
		{"too many fields", formType, strings.Repeat("a&", 100), 200, 400, "more than 64 fields"},

		// 201: the key, before the addresses.
		{"no key", formType, del("key"), 201, 401, "key: no secret key given"},
		{"empty key", formType, set("key", ""), 201, 401, "key: no secret key given"},
		{"wrong key", formType, set("key", "ts_wrong"), 201, 401, "key: the secret key is not valid"},
		{"revoked key", formType, set("key", revoked), 201, 401, "revoked"},
		{"no key and no addresses", formType, "a=b", 201, 401, "key"},
		{"wrong key and wrong address", formType, "key=x&image_url=cloud/photo.jpg&video_url=x", 201, 401, "key"},
		{"key in JSON", jsonType, `{"key":"x"}`, 201, 401, "key"},

		// 202: the addresses.
		{"no photo", formType, del("image_url"), 202, 400, "image_url: no address given"},
		{"no video", formType, del("video_url"), 202, 400, "video_url: no address given"},
		{"neither", formType, del("image_url", "video_url"), 202, 400, "image_url"},
		{"empty photo", formType, set("image_url", ""), 202, 400, "image_url: no address given"},
		{"the sample's", formType, set("image_url", "cloud/photo.jpg"), 202, 400, "image_url: the address does not start with http:// or https://"},
		{"ftp", formType, set("video_url", "ftp://files.example.com/clip.mp4"), 202, 400, "video_url: the address does not start"},
		{"file", formType, set("video_url", "file:///etc/passwd"), 202, 400, "video_url"},
		{"password", formType, set("video_url", "http://a:b@example.com/"), 202, 400, "password"},
		{"loopback", formType, set("image_url", "http://127.0.0.1/photo.jpg"), 202, 400, "image_url: the address lies in a network"},
		{"metadata", formType, set("image_url", "http://169.254.169.254/"), 202, 400, "network"},
		{"mapped", formType, set("video_url", "http://[::ffff:10.0.0.1]/"), 202, 400, "network"},
		{"other scheme to ourselves", formType, set("video_url", r.api+"/metrics"), 202, 400, "network"},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, b := r.do(r.request("POST", r.api+"/faceswap_video", c.contentType, c.body))
			a := answerOf(t, b)
			if resp.StatusCode != c.status || a.ResultCode != c.code || a.TaskID != "" {
				t.Errorf("answer %d %s, want %d and code %d", resp.StatusCode, b, c.status, c.code)
			}
			if !strings.Contains(a.Msg, c.words) {
				t.Errorf("msg = %q, want it to say %q", a.Msg, c.words)
			}
			if strings.Contains(string(b), r.secret) {
				t.Errorf("the answer repeats the key")
			}
		})
	}
	if n := len(r.orders); n != 0 {
		t.Errorf("%d orders were made", n)
	}
	if n := r.tasks.Active("acme-1"); n != 0 {
		t.Errorf("%d tasks exist", n)
	}
}

func TestAllowedNetworkIsAccepted(t *testing.T) {
	r := newRig(t, nil)
	f := r.form("ok.jpg")
	f.Set("video_url", "http://127.0.0.9:8000/clip.mp4")
	f.Set("image_url", "http://localhost:1234/only/resolves/there.jpg")
	resp, b := r.do(r.request("POST", r.api+"/faceswap_video", "application/x-www-form-urlencoded", f.Encode()))
	if resp.StatusCode != 200 || !acceptedAnswer.Match(b) {
		t.Errorf("answer %d %s", resp.StatusCode, b)
	}
}

// TestStatus walks through all the states of a task with a client that knows the contract alone.
func TestStatus(t *testing.T) {
	r := newRig(t, nil)
	finished, failed, canceled := r.accept("ok.jpg"), r.accept("fail.jpg"), r.accept("wait.jpg")

	a, b := r.await(finished, 101) // no worker yet
	if a.ResultCode != 101 || a.ResultURL == nil || *a.ResultURL != "" || !strings.Contains(a.Msg, finished+" is in a waiting state") {
		t.Errorf("waiting: %s", b)
	}
	r.work(3)
	_, b = r.await(finished, 103)
	address := fmt.Sprintf("http://127.0.0.1:%d/acme-1/%s.mp4", r.server.Addresses().Results.Port(), finished)
	want := fmt.Sprintf(`{"result_url":"%[2]s","result_code":100,"status_code":103,"msg":"taskID:%[1]s has been completed, and the output video url is: %[2]s"}`+"\n", finished, address)
	if string(b) != want {
		t.Errorf("finished:\n got %s want %s", b, want)
	}
	a, b = r.await(failed, 104)
	if a.ResultCode != 104 || a.ResultURL == nil || *a.ResultURL != "" ||
		!strings.Contains(a.Msg, "image_url: no face is found in the photo. Use a photo that shows a face from the front.") {
		t.Errorf("failed: %s", b)
	}
	a, b = r.await(canceled, 102)
	if a.ResultCode != 102 || a.ResultURL == nil || *a.ResultURL != "" || !strings.Contains(a.Msg, "running") {
		t.Errorf("running: %s", b)
	}
	if _, err := r.tasks.Cancel(t.Context(), task.ID(canceled)); err != nil {
		t.Fatal(err)
	}
	a, b = r.await(canceled, 104)
	if a.ResultCode != 104 || !strings.Contains(a.Msg, "was canceled") {
		t.Errorf("canceled: %s", b)
	}

	// The address works as it was given.
	resp, body := r.do(r.request("GET", address, "", ""))
	if resp.StatusCode != 200 || !bytes.Equal(body, resultBytes) || resp.Header.Get("Content-Type") != "video/mp4" {
		t.Errorf("result: %d, %d bytes, %q", resp.StatusCode, len(body), resp.Header.Get("Content-Type"))
	}
	resp, body = r.do(r.request("HEAD", address, "", ""))
	if resp.StatusCode != 200 || len(body) != 0 || resp.ContentLength != int64(len(resultBytes)) || resp.Header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("HEAD: %d %v", resp.StatusCode, resp.Header)
	}
	for _, c := range []struct {
		ranges string
		status int
		body   string
		header string
	}{
		{"bytes=0-3", 206, "0123", "bytes 0-3/10000"},
		{"bytes=9995-", 206, "56789", "bytes 9995-9999/10000"},
		{"bytes=-2", 206, "89", "bytes 9998-9999/10000"},
		{"bytes=20000-", 416, "", "bytes */10000"},
	} {
		req := r.request("GET", address, "", "")
		req.Header.Set("Range", c.ranges)
		resp, body := r.do(req)
		if resp.StatusCode != c.status || resp.Header.Get("Content-Range") != c.header || c.status == 206 && string(body) != c.body {
			t.Errorf("%s: %d %q %q", c.ranges, resp.StatusCode, resp.Header.Get("Content-Range"), body)
		}
	}
	req := r.request("GET", address, "", "")
	req.Header.Set("If-None-Match", `"`+hexSHA256(string(resultBytes))+`"`)
	if resp, _ := r.do(req); resp.StatusCode != http.StatusNotModified {
		t.Errorf("If-None-Match: %d", resp.StatusCode)
	}

	// And only that address: nothing is listed, nothing is another customer's.
	base := address[:strings.Index(address, "/acme")]
	for _, path := range []string{
		"/", "/acme-1", "/acme-1/", "/acme-1/" + finished, "/other/" + finished + ".mp4", "/acme-1/" + failed + ".mp4",
		"/acme-1/" + canceled + ".mp4", "/acme-1/..%2f" + finished + ".mp4", "/acme-1/" + finished + ".mp4/x",
		"/acme-1/" + finished[:len(finished)-1] + "0x.mp4", "/faceswap_video", "/metrics", "/samples/photo.jpg",
	} {
		resp, body := r.do(r.request("GET", base+path, "", ""))
		if resp.StatusCode != 404 || answerOf(t, body).Msg == "" {
			t.Errorf("%s: %d %q", path, resp.StatusCode, body)
		}
	}
	if resp, _ := r.do(r.request("POST", address, "", "")); resp.StatusCode != 404 {
		t.Errorf("POST to a result: %d", resp.StatusCode)
	}
}

func TestStatusIsRefused(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Retention = 24 * time.Hour })
	for _, c := range []struct {
		query  string
		status int
		words  string
	}{
		{"", 400, "taskID: the field is missing"},
		{"?taskID=", 400, "taskID: the field is missing"},
		{"?taskid=20230423_11_23_05_1027912345678901", 400, "missing"},
		{"?taskID=a&taskID=b", 400, "taskID: the field is given twice"},
		{"?taskID=20230423_11_23_05_10279", 404, "taskID: the task is not in the service queue"},
		{"?taskID=../../etc/passwd", 404, "taskID: the task is not in the service queue"},
		{"?taskID=" + string(task.NewID(time.Now())), 404, "never accepted here"},
		{"?taskID=" + string(task.NewID(time.Now().Add(-48*time.Hour))), 404, "has expired"},
	} {
		for _, path := range []string{"/faceswap_video", "/lipsync_video"} {
			resp, b := r.get(path + c.query)
			a := answerOf(t, b)
			if resp.StatusCode != c.status || a.ResultCode != 200 || a.StatusCode != 200 || a.ResultURL == nil || *a.ResultURL != "" || !strings.Contains(a.Msg, c.words) {
				t.Errorf("%s%s: %d %s, want %d and %q", path, c.query, resp.StatusCode, b, c.status, c.words)
			}
		}
	}
}

func TestServerErrorIs203(t *testing.T) {
	for name, err := range map[string]error{
		"storage": fault.New(fault.DiskFull, "", "no space left on the disk"),
		"store":   fault.New(fault.Unavailable, "", "the store does not answer"),
		"defect":  io.ErrUnexpectedEOF,
	} {
		r := newRig(t, func(c *Config) {
			c.NewSwap = func(context.Context, SwapOrder) (task.Task, error) { return task.Task{}, err }
		})
		resp, b := r.do(r.request("POST", r.api+"/faceswap_video", "application/x-www-form-urlencoded", r.form("ok.jpg").Encode()))
		if a := answerOf(t, b); resp.StatusCode != 500 || a.ResultCode != 203 || a.Msg == "" || strings.Contains(a.Msg, "EOF") {
			t.Errorf("%s: %d %s", name, resp.StatusCode, b)
		}
		r.stop()
	}
}

func TestQuotas(t *testing.T) {
	r := newRig(t, nil)
	limited := func(l account.Limits) url.Values {
		_, secret, err := r.accounts.CreateKey(t.Context(), account.NewKey{Customer: "small", By: "x", AcceptTerms: true, Limits: l})
		if err != nil {
			t.Fatal(err)
		}
		f := r.form("ok.jpg")
		f.Set("key", secret)
		return f
	}
	post := func(f url.Values) (*http.Response, answer) {
		resp, b := r.do(r.request("POST", r.api+"/faceswap_video", "application/x-www-form-urlencoded", f.Encode()))
		return resp, answerOf(t, b)
	}
	inFlight := limited(account.Limits{TasksInFlight: 2})
	for i := range 4 {
		resp, a := post(inFlight)
		if i < 2 && a.ResultCode != 100 {
			t.Errorf("task %d: %+v", i, a)
		}
		if i >= 2 && (resp.StatusCode != 429 || a.ResultCode != 203 || !strings.Contains(a.Msg, "waiting or running") || resp.Header.Get("Retry-After") == "") {
			t.Errorf("task %d: %d %+v", i, resp.StatusCode, a)
		}
	}
	perMinute := limited(account.Limits{RequestsPerMinute: 1})
	perMinute.Set("image_url", "nothing") // counts all the same
	if _, a := post(perMinute); a.ResultCode != 202 {
		t.Errorf("the first: %+v", a)
	}
	resp, a := post(perMinute)
	if resp.StatusCode != 429 || a.ResultCode != 203 || resp.Header.Get("Retry-After") != "60" {
		t.Errorf("the second: %d %+v, Retry-After %q", resp.StatusCode, a, resp.Header.Get("Retry-After"))
	}
	if r.accept("ok.jpg") == "" {
		t.Error("another key is held up")
	}
}

// TestTalkIsTaken: a recording, or a text with its language; what is wrong has the contract's codes.
func TestTalkIsTaken(t *testing.T) {
	r := newRig(t, nil)
	const audio, video = "http://127.0.0.9/voice.mp3", "http://127.0.0.9/clip.mp4"
	for _, c := range []struct {
		name   string
		fields string // beside video_url and key
		status int
		code   int
		words  string
		want   TalkOrder
	}{
		{"a recording", "audio_url=" + audio, 200, 100, "SUCCESS", TalkOrder{Audio: Input{Field: "audio_url", URL: audio}}},
		{"a text", "text=Guten+Tag&language=de&voice=espeak:de", 200, 100, "SUCCESS", TalkOrder{Text: "Guten Tag", Language: "de", Voice: "espeak:de"}},
		{"neither", "", 400, 202, "audio_url", TalkOrder{}},
		{"both", "text=Hi&language=en&audio_url=" + audio, 400, 200, "exclude", TalkOrder{}},
		{"no language", "text=Hi", 400, 200, "language", TalkOrder{}},
		{"no address", "audio_url=cloud/voice.mp3", 400, 202, "audio_url", TalkOrder{}},
		{"a forbidden network", "audio_url=http://10.0.0.1/voice.mp3", 400, 202, "audio_url", TalkOrder{}},
	} {
		body := "key=" + r.secret + "&video_url=" + video + "&" + c.fields
		resp, b := r.do(r.request("POST", r.api+"/lipsync_video", "application/x-www-form-urlencoded", body))
		a := answerOf(t, b)
		if resp.StatusCode != c.status || a.ResultCode != c.code || !strings.Contains(a.Msg, c.words) {
			t.Errorf("%s: %d %s", c.name, resp.StatusCode, b)
			continue
		}
		if c.code != 100 {
			continue
		}
		o := <-r.talks
		o.Key = account.Key{}
		if c.want.Video = (Input{Field: "video_url", URL: video}); o != c.want {
			t.Errorf("%s: order %+v, want %+v", c.name, o, c.want)
		}
		id := acceptedAnswer.FindSubmatch(b)[1]
		audit, err := r.accounts.Audit(t.Context(), account.AuditFilter{Task: string(id)})
		if err != nil || len(audit) != 1 || audit[0].Detail["kind"] != "talk" || audit[0].Detail["video_url_sha256"] != hexSHA256(video) {
			t.Errorf("%s: audit %+v, %v", c.name, audit, err)
		}
		resp, b = r.get("/lipsync_video?taskID=" + string(id))
		if a := answerOf(t, b); resp.StatusCode != 200 || a.StatusCode != 101 {
			t.Errorf("%s: status %s", c.name, b)
		}
	}
	resp, b := r.do(r.request("POST", r.api+"/lipsync_video", "application/x-www-form-urlencoded", "audio_url="+audio+"&video_url="+video))
	if a := answerOf(t, b); resp.StatusCode != 401 || a.ResultCode != 201 {
		t.Errorf("no key: %s", b)
	}
}

func TestOtherMethodsAndPathsAnswerJSON(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"PUT", "/faceswap_video", 405}, {"DELETE", "/faceswap_video", 405}, {"PATCH", "/lipsync_video", 405},
		{"GET", "/nothing", 404}, {"POST", "/nothing", 404}, {"GET", "/faceswap_video/", 404}, {"GET", "/acme-1/x.mp4", 404},
	} {
		resp, b := r.do(r.request(c.method, r.api+c.path, "", ""))
		if a := answerOf(t, b); resp.StatusCode != c.status || a.ResultCode != 200 {
			t.Errorf("%s %s: %d %s", c.method, c.path, resp.StatusCode, b)
		}
	}
}

// TestOwnAddresses: what this installation serves itself is read directly, and nothing else is.
func TestOwnAddresses(t *testing.T) {
	samples := t.TempDir()
	if err := os.WriteFile(filepath.Join(samples, "photo.jpg"), []byte("a photo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(samples, "link.jpg")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(samples, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(c *Config) { c.SamplesDir = samples })
	r.work(1)
	first := r.accept("ok.jpg")
	a, _ := r.await(first, 103)
	<-r.orders

	resp, b := r.get("/samples/photo.jpg")
	if resp.StatusCode != 200 || string(b) != "a photo" || resp.Header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("sample: %d %q", resp.StatusCode, b)
	}
	for _, path := range []string{"/samples/", "/samples", "/samples/link.jpg", "/samples/folder", "/samples/none.jpg", "/samples/..%2fx", "/samples/.hidden"} {
		if resp, b := r.get(path); resp.StatusCode != 404 {
			t.Errorf("%s: %d %q", path, resp.StatusCode, b)
		}
	}

	f := r.form("ok.jpg")
	f.Set("image_url", r.api+"/samples/photo.jpg")
	f.Set("video_url", *a.ResultURL)
	resp, b = r.do(r.request("POST", r.api+"/faceswap_video", "application/x-www-form-urlencoded", f.Encode()))
	if resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, b)
	}
	if o := <-r.orders; o.Image != (Input{Field: "image_url", Sample: "photo.jpg"}) || o.Video != (Input{Field: "video_url", Result: first}) {
		t.Errorf("order = %+v", o)
	}
	for _, bad := range []string{
		r.api + "/samples/none.jpg", r.api + "/samples/link.jpg", strings.Replace(*a.ResultURL, "acme-1", "other", 1),
	} {
		f.Set("video_url", bad)
		resp, b := r.do(r.request("POST", r.api+"/faceswap_video", "application/x-www-form-urlencoded", f.Encode()))
		if an := answerOf(t, b); resp.StatusCode != 400 || an.ResultCode != 202 || !strings.Contains(an.Msg, "this service has no such") {
			t.Errorf("%s: %d %s", bad, resp.StatusCode, b)
		}
	}
}
