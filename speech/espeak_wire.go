package speech

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// How the driver and its child process talk, over the child's standard input and output: frames of one
// byte that says what it is, four bytes of length (little endian) and that many bytes.
//
//	driver → child   'o' wireOpen   'v' nothing       's' wireSpeak   'i' wirePhonemes
//	child → driver   'h' wireHello  'v' wireVoices    'a' samples, 16 bits, little endian
//	                 'p' []espeakEvent, in the order in which they are heard
//	                 'i' []string, a clause each
//	                 'd' nothing: the request is done   'x' wireRefusal: it is not, and why
const (
	frameOpen    = 'o'
	frameVoices  = 'v'
	frameSpeak   = 's'
	frameIPA     = 'i'
	frameHello   = 'h'
	frameSound   = 'a'
	frameEvents  = 'p'
	frameDone    = 'd'
	frameRefusal = 'x'
)

// wireLimit is the largest frame in bytes. A text of the allowed length and the list of all voices are far
// below it; sound travels in pieces.
const wireLimit = 1 << 20

// wireOpen names the library: the child's first frame.
type wireOpen struct {
	Library string `json:"library,omitempty"` // "" looks where it is usually installed
	Data    string `json:"data,omitempty"`    // folder of espeak-ng-data, "" is the library's own
}

// wireHello answers it.
type wireHello struct {
	Version string `json:"version"`
	Rate    int    `json:"rate"` // samples per second
}

// wireSpeak is a text to say.
type wireSpeak struct {
	Voice string `json:"voice"` // the library's own name, "de+f3"
	Text  string `json:"text"`
	Speed int    `json:"speed"` // words per minute, 80…450
	Pitch int    `json:"pitch"` // 0…100
}

// wirePhonemes asks for the phonemes of clauses.
type wirePhonemes struct {
	Voice   string   `json:"voice"`
	Clauses []string `json:"clauses"`
}

// wireVoices are the library's voices.
type wireVoices struct {
	Voices   []libraryVoice `json:"voices"`
	Variants []libraryVoice `json:"variants"` // timbres that any voice can take
}

// libraryVoice is one voice as the library lists it.
type libraryVoice struct {
	Name       string   `json:"name"`
	Languages  []string `json:"languages"`  // the library's codes, best first
	Identifier string   `json:"identifier"` // its file below the data folder
	Gender     uint8    `json:"gender"`     // 0 not said, 1 male, 2 female
}

// espeakEvent is something that the library says of its sound.
type espeakEvent struct {
	Kind     int32  `json:"k"` // eventWord, eventPhone, …
	Position int32  `json:"p"` // of the text, in characters from 1
	Length   int32  `json:"n"` // of a word, in characters
	Sample   int32  `json:"s"` // where it starts
	Name     string `json:"i"` // of a phone, IPA
}

// The library's kinds of events (espeak_EVENT_TYPE of speak_lib.h) that are used here.
const (
	eventWord  = 1
	eventPhone = 7
)

// wireRefusal says why a request was not done.
type wireRefusal struct {
	Reason string `json:"reason"` // one of the refused constants
	Detail string `json:"detail"` // for the log
}

// The reasons of the child.
const (
	refusedLibrary = "library" // not found, or not the library that it is named after
	refusedData    = "data"    // the library does not find its dictionaries
	refusedVoice   = "voice"
	refusedText    = "text"
	refusedRequest = "request"
)

// writeFrame sends one frame.
func writeFrame(w io.Writer, kind byte, payload []byte) error {
	if len(payload) > wireLimit {
		return fmt.Errorf("frame %q of %d bytes is over the limit", kind, len(payload))
	}
	frame := make([]byte, 5, 5+len(payload))
	frame[0] = kind
	binary.LittleEndian.PutUint32(frame[1:], uint32(len(payload)))
	_, err := w.Write(append(frame, payload...))
	return err
}

// writeJSON sends v as a frame.
func writeJSON(w io.Writer, kind byte, v any) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeFrame(w, kind, payload)
}

// readFrame receives one frame. io.EOF means that the other side closed between frames; a frame that is
// cut off or over the limit is another error.
func readFrame(r io.Reader) (kind byte, payload []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.LittleEndian.Uint32(head[1:])
	if n > wireLimit {
		return 0, nil, fmt.Errorf("frame %q of %d bytes is over the limit", head[0], n)
	}
	payload = make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, fmt.Errorf("frame %q is cut off: %w", head[0], io.ErrUnexpectedEOF)
	}
	return head[0], payload, nil
}
