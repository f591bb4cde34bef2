//go:build linux || darwin

package speech

import (
	"errors"
	"fmt"
	"runtime"
	"unicode/utf8"
	"unsafe"

	"github.com/ebitengine/purego"
)

// espeakLibrary is the loaded library. It keeps one voice, one callback and its buffers for the whole
// process, so there is one of it in a process, used by one goroutine.
type espeakLibrary struct {
	version string
	rate    int // samples per second

	listVoices   func(spec *espeakSpec) **espeakVoice
	setVoice     func(name *byte) int32
	setParameter func(parameter, value, relative int32) int32
	toPhonemes   func(text **byte, mode, phonemes int32) *byte
	synth        func(text *byte, size uintptr, position uint32, kind int32, end, flags uint32, id *uint32, user uintptr) int32

	// heard takes what the callback brings while synth runs; an error stops the library.
	heard func(samples []int16, events []espeakEvent) error
	err   error
}

// espeakSpec and espeakVoice are espeak_VOICE of speak_lib.h.
type espeakSpec = espeakVoice
type espeakVoice struct {
	name, languages, identifier *byte
	gender                      uint8
	_, _, _                     uint8   // age, variant, reserved
	_                           int32   // score
	_                           uintptr // spare
}

// rawEvent is espeak_EVENT of speak_lib.h on 64 bits.
type rawEvent struct {
	kind             int32
	id               uint32
	position, length int32
	time, sample     int32
	user             uintptr
	name             [8]byte // to the first zero; what follows is left over from another event
}

// Parameters and flags of speak_lib.h.
const (
	outputSynchronous   = 2
	initPhonemeEvents   = 1 << 0
	initPhonemeIPA      = 1 << 1
	initDontExit        = 1 << 15
	parameterRate       = 1
	parameterPitch      = 3
	positionByCharacter = 1
	charsUTF8           = 1
	phonemesIPA         = 2
)

// libraryNames are where the library is looked for.
func libraryNames() []string {
	if runtime.GOOS == "darwin" {
		return []string{
			"/opt/homebrew/lib/libespeak-ng.1.dylib", "/opt/homebrew/lib/libespeak-ng.dylib", // Homebrew on Apple silicon
			"/usr/local/lib/libespeak-ng.1.dylib", "/usr/local/lib/libespeak-ng.dylib", // Homebrew on Intel
			"/opt/local/lib/libespeak-ng.dylib", // MacPorts
			"libespeak-ng.dylib",
		}
	}
	return []string{"libespeak-ng.so.1", "libespeak-ng.so"}
}

// openLibrary loads and starts the library. The error is a *wireRefusal.
func openLibrary(o wireOpen) (*espeakLibrary, error) {
	names := libraryNames()
	if o.Library != "" {
		names = []string{o.Library}
	}
	var handle uintptr
	var tried []error
	for _, name := range names {
		h, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL)
		if err == nil {
			handle = h
			break
		}
		tried = append(tried, err)
	}
	if handle == 0 {
		return nil, &wireRefusal{refusedLibrary, errors.Join(tried...).Error()}
	}
	l := new(espeakLibrary)
	var initialize func(output, buffer int32, path *byte, options int32) int32
	var info func(path **byte) *byte
	var setCallback func(callback uintptr)
	for name, f := range map[string]any{
		"espeak_Initialize": &initialize, "espeak_Info": &info, "espeak_SetSynthCallback": &setCallback,
		"espeak_ListVoices": &l.listVoices, "espeak_SetVoiceByName": &l.setVoice,
		"espeak_SetParameter": &l.setParameter, "espeak_Synth": &l.synth, "espeak_TextToPhonemes": &l.toPhonemes,
	} {
		symbol, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, &wireRefusal{refusedLibrary, err.Error()}
		}
		purego.RegisterFunc(f, symbol)
	}
	var data *byte
	if o.Data != "" {
		data = cString(o.Data)
	}
	l.rate = int(initialize(outputSynchronous, 0, data, initPhonemeEvents|initPhonemeIPA|initDontExit))
	if l.rate <= 0 {
		return nil, &wireRefusal{refusedData, fmt.Sprintf("espeak_Initialize: %d", l.rate)}
	}
	l.version = goString(info(nil))
	setCallback(purego.NewCallback(l.hear))
	return l, nil
}

// hear is the library's callback. 0 goes on, 1 stops.
func (l *espeakLibrary) hear(wave *int16, n int32, events *rawEvent) uintptr {
	if l.err != nil {
		return 1
	}
	var heard []espeakEvent
	for e := events; e != nil && e.kind != 0; e = (*rawEvent)(unsafe.Add(unsafe.Pointer(e), unsafe.Sizeof(*e))) { //nolint:gosec // the library ends its list with a zero
		if e.kind == eventWord || e.kind == eventPhone {
			heard = append(heard, espeakEvent{e.kind, e.position, e.length, e.sample, ""})
			if e.kind == eventPhone {
				heard[len(heard)-1].Name = phoneName(e.name)
			}
		}
	}
	var samples []int16
	if wave != nil && n > 0 {
		samples = unsafe.Slice(wave, n) //nolint:gosec // n is the length that the library gives
	}
	if l.err = l.heard(samples, heard); l.err != nil {
		return 1
	}
	return 0
}

// phoneName is the text in an event: to the first zero, without a character that was cut off.
func phoneName(raw [8]byte) string {
	n := 0
	for n < len(raw) && raw[n] != 0 {
		n++
	}
	s := string(raw[:n])
	for len(s) > 0 && !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}

// say speaks and hands what is heard to heard.
func (l *espeakLibrary) say(r wireSpeak, heard func([]int16, []espeakEvent) error) error {
	if l.setVoice(cString(r.Voice)) != 0 {
		return &wireRefusal{refusedVoice, r.Voice}
	}
	l.setParameter(parameterRate, int32(r.Speed), 0)
	l.setParameter(parameterPitch, int32(r.Pitch), 0)
	l.heard, l.err = heard, nil
	text := append([]byte(r.Text), 0)
	code := l.synth(&text[0], uintptr(len(text)), 0, positionByCharacter, 0, charsUTF8, nil, 0)
	runtime.KeepAlive(text)
	if l.err != nil {
		return l.err
	}
	if code != 0 {
		return &wireRefusal{refusedText, fmt.Sprintf("espeak_Synth: %d", code)}
	}
	return nil
}

// phonemes gives each clause's phonemes in IPA, with stress, as espeak_TextToPhonemes has them.
func (l *espeakLibrary) phonemes(r wirePhonemes) ([]string, error) {
	if l.setVoice(cString(r.Voice)) != 0 {
		return nil, &wireRefusal{refusedVoice, r.Voice}
	}
	out := make([]string, len(r.Clauses))
	for i, clause := range r.Clauses {
		text := append([]byte(clause), 0)
		var pin runtime.Pinner
		pin.Pin(&text[0]) // the library is given the address of its address
		at := &text[0]
		pin.Pin(&at)
		for at != nil && len(out[i]) < 4*len(clause)+4096 { // it moves on by what it took for a clause, and ends with null
			if part := goString(l.toPhonemes(&at, charsUTF8, phonemesIPA)); part != "" {
				out[i] += part + " "
			}
		}
		pin.Unpin()
	}
	return out, nil
}

// voices lists the voices, or, with true, the variants of timbre.
func (l *espeakLibrary) voices(variants bool) []libraryVoice {
	var spec *espeakSpec
	if variants {
		spec = &espeakSpec{languages: cString("variant")}
	}
	list := l.listVoices(spec)
	var out []libraryVoice
	for p := list; p != nil && *p != nil; p = (**espeakVoice)(unsafe.Add(unsafe.Pointer(p), unsafe.Sizeof(*p))) { //nolint:gosec // ended by a null
		v := *p
		out = append(out, libraryVoice{Name: goString(v.name), Languages: languageList(v.languages), Identifier: goString(v.identifier), Gender: v.gender})
	}
	return out
}

// languageList reads a voice's languages: a byte of priority and a text each, ended by a zero for the byte.
func languageList(p *byte) []string {
	var out []string
	for p != nil && *p != 0 && len(out) < 16 {
		s := goString((*byte)(unsafe.Add(unsafe.Pointer(p), 1))) //nolint:gosec // within the list
		out = append(out, s)
		p = (*byte)(unsafe.Add(unsafe.Pointer(p), len(s)+2)) //nolint:gosec // behind the text and its zero
	}
	return out
}

// cString is s with a zero behind it.
func cString(s string) *byte { return &append([]byte(s), 0)[0] }

// goString is the text at p, at most 4096 bytes of it.
func goString(p *byte) string {
	if p == nil {
		return ""
	}
	n := 0
	for n < 4096 && *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 { //nolint:gosec // up to the text's zero
		n++
	}
	return string(unsafe.Slice(p, n)) //nolint:gosec // found above
}
