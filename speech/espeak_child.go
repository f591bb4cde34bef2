package speech

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"runtime"
)

// EspeakChild is the hidden subcommand under which a program that uses OpenEspeak starts itself again.
const EspeakChild = "espeak-child"

func (r *wireRefusal) Error() string { return "espeak-ng refuses the " + r.Reason + ": " + r.Detail }

// ServeEspeak is that subcommand: it loads the installed espeak-ng library and answers an Espeak at the
// other end of in and out until in is closed. The library is under the GPL and is never linked; here it also
// cannot harm the program by a crash. It never returns while a request is under way after in was closed:
// it ends the process, so that no child outlives its parent.
func ServeEspeak(in io.Reader, out io.Writer) error {
	runtime.LockOSThread() // the library's callback comes on the thread that called it
	defer runtime.UnlockOSThread()
	frames := make(chan frame)
	busy := make(chan struct{}, 1) // holds a token from a request's arrival to its answer
	go func() {
		defer close(frames)
		for {
			kind, payload, err := readFrame(in)
			if err != nil {
				select {
				case busy <- struct{}{}: // idle: the loop below ends by itself
				default:
					os.Exit(1) // nobody waits for the answer any more
				}
				return
			}
			busy <- struct{}{}
			frames <- frame{kind, payload}
		}
	}()
	buffered := bufio.NewWriterSize(out, 1<<16)
	var library *espeakLibrary
	for f := range frames {
		err := answer(&library, f, buffered)
		var refusal *wireRefusal
		switch {
		case err == nil:
			err = writeFrame(buffered, frameDone, nil)
		case errors.As(err, &refusal):
			err = writeJSON(buffered, frameRefusal, refusal)
		}
		if err == nil {
			err = buffered.Flush()
		}
		<-busy
		if err != nil {
			return err
		}
	}
	return nil
}

// frame is one that was read.
type frame struct {
	kind    byte
	payload []byte
}

// answer does one request. A *wireRefusal leaves the child working.
func answer(library **espeakLibrary, f frame, out io.Writer) error {
	if f.kind == frameOpen {
		var o wireOpen
		if err := json.Unmarshal(f.payload, &o); err != nil || *library != nil {
			return &wireRefusal{refusedRequest, "open"}
		}
		l, err := openLibrary(o)
		if err != nil {
			return err
		}
		*library = l
		return writeJSON(out, frameHello, wireHello{l.version, l.rate})
	}
	l := *library
	if l == nil {
		return &wireRefusal{refusedRequest, "not open"}
	}
	switch f.kind {
	case frameVoices:
		return writeJSON(out, frameVoices, wireVoices{l.voices(false), l.voices(true)})
	case frameSpeak:
		var r wireSpeak
		if err := json.Unmarshal(f.payload, &r); err != nil {
			return &wireRefusal{refusedRequest, "speak"}
		}
		return l.say(r, func(samples []int16, events []espeakEvent) error { return send(out, samples, events) })
	}
	if f.kind == frameIPA {
		var r wirePhonemes
		if err := json.Unmarshal(f.payload, &r); err != nil {
			return &wireRefusal{refusedRequest, "phonemes"}
		}
		heard, err := l.phonemes(r)
		if err != nil {
			return err
		}
		return writeJSON(out, frameIPA, heard)
	}
	return &wireRefusal{refusedRequest, "unknown"}
}

// send passes on what the library said.
func send(out io.Writer, samples []int16, events []espeakEvent) error {
	if len(events) > 0 {
		if err := writeJSON(out, frameEvents, events); err != nil {
			return err
		}
	}
	if len(samples) == 0 {
		return nil
	}
	payload := make([]byte, 2*len(samples))
	for i, s := range samples {
		binary.LittleEndian.PutUint16(payload[2*i:], uint16(s))
	}
	return writeFrame(out, frameSound, payload)
}
