package speech

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"strconv"
	"syscall"
	"testing"

	"github.com/twinsync/twinsync/fault"
)

func TestFrames(t *testing.T) {
	var b bytes.Buffer
	for _, payload := range [][]byte{nil, []byte("x"), make([]byte, wireLimit)} {
		if err := writeFrame(&b, 'q', payload); err != nil {
			t.Fatal(err)
		}
		kind, got, err := readFrame(&b)
		if err != nil || kind != 'q' || !bytes.Equal(got, payload) {
			t.Errorf("%d bytes come back as %q with %d: %v", len(payload), kind, len(got), err)
		}
	}
	if err := writeFrame(&b, 'q', make([]byte, wireLimit+1)); err == nil || b.Len() > 0 {
		t.Errorf("a frame over the limit is sent: %v", err)
	}
	if _, _, err := readFrame(&b); !errors.Is(err, io.EOF) {
		t.Errorf("%v at the end", err)
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{'a', 0, 0, 0, 0})
	f.Add([]byte{'a', 2, 0, 0, 0, 1})
	f.Add([]byte{'a', 255, 255, 255, 255, 1, 2, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		for {
			before := r.Len()
			kind, payload, err := readFrame(r)
			if err != nil {
				if errors.Is(err, io.EOF) && before != 0 {
					t.Fatalf("a clean end with %d bytes left", before)
				}
				return
			}
			at := len(data) - before
			if kind != data[at] || int(binary.LittleEndian.Uint32(data[at+1:])) != len(payload) || r.Len() != before-5-len(payload) {
				t.Fatalf("frame %q of %d bytes", kind, len(payload))
			}
		}
	})
}

// A child that is not opened, or asked for nonsense, says so and goes on.
func TestServeRefuses(t *testing.T) {
	var in, out bytes.Buffer
	for _, f := range []frame{{frameVoices, nil}, {frameSpeak, []byte("{}")}, {frameOpen, []byte("[")}, {frameOpen, []byte(`{"library":"/nowhere/lib.so"}`)}, {'?', nil}} {
		if err := writeFrame(&in, f.kind, f.payload); err != nil {
			t.Fatal(err)
		}
	}
	// The requests come one by one, as an Espeak sends them; the end of input comes after the last answer.
	requests, answers := io.Pipe()
	go func() {
		_, _ = answers.Write(in.Bytes())
	}()
	done := make(chan error)
	watched := &counter{w: &out, want: 5, reached: func() { answers.Close() }}
	go func() { done <- ServeEspeak(requests, watched) }()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if kind, payload, err := readFrame(&out); err != nil || kind != frameRefusal {
			t.Fatalf("%q %s %v", kind, payload, err)
		}
	}
}

// counter calls reached after so many writes.
type counter struct {
	w       io.Writer
	want    int
	reached func()
}

func (c *counter) Write(p []byte) (int, error) {
	if c.want--; c.want == 0 {
		defer c.reached()
	}
	return c.w.Write(p)
}

// A child that was killed is replaced, and none is left as a zombie.
func TestChildRestarts(t *testing.T) {
	e, err := OpenEspeak(EspeakOptions{})
	if fault.Is(err, fault.MissingProgram) {
		t.Skip("espeak-ng is not installed (make setup installs it)")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for range 3 {
		first := e.child
		if err := first.cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-first.gone // waited for, without anybody asking
		if _, err := e.Speak(t.Context(), Request{Text: "again"}); err != nil {
			t.Fatal(err)
		}
		if e.child == first {
			t.Fatal("the dead child answers")
		}
		if _, err := os.Stat("/proc/" + strconv.Itoa(first.cmd.Process.Pid)); err == nil {
			t.Error("the dead child is still in the process table")
		}
	}
}

// A child ends when its parent's end of the pipe closes, idle or busy.
func TestChildEndsWithParent(t *testing.T) {
	for _, busy := range []bool{false, true} {
		e, err := OpenEspeak(EspeakOptions{})
		if fault.Is(err, fault.MissingProgram) {
			t.Skip("espeak-ng is not installed (make setup installs it)")
		}
		if err != nil {
			t.Fatal(err)
		}
		c := e.child
		if busy {
			long := bytes.Repeat([]byte("word after word "), 1000)
			if err := writeJSON(c.in, frameSpeak, wireSpeak{Voice: "en-us", Text: string(long), Speed: 165, Pitch: 50}); err != nil {
				t.Fatal(err)
			}
		}
		c.in.Close()
		if busy {
			c.out.Close() // as when the parent dies
		}
		<-c.gone
		e.Close()
	}
}

func TestChildEnvironment(t *testing.T) {
	got := childEnvironment([]string{"HOME=/h", "OPENAI_API_KEY=secret", "PATH=/bin", "ESPEAK_DATA_PATH=/d", "broken"})
	if len(got) != 2 || got[0] != "HOME=/h" || got[1] != "ESPEAK_DATA_PATH=/d" {
		t.Errorf("%q", got)
	}
}

func TestPhoneName(t *testing.T) {
	for raw, want := range map[[8]byte]string{
		{'a', 0, 'x'}:             "a",
		{}:                        "",
		{'t', 0xca, 0x83, 0, 'z'}: "tʃ",
		{'a', 'b', 'c', 'd', 'e', 'f', 'g', 0xca}: "abcdefg",
	} {
		if got := phoneName(raw); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
}
