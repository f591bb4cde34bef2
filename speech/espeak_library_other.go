//go:build !linux && !darwin

package speech

import "runtime"

// espeakLibrary cannot be loaded here.
type espeakLibrary struct {
	version string
	rate    int
}

func openLibrary(wireOpen) (*espeakLibrary, error) {
	return nil, &wireRefusal{refusedLibrary, "espeak-ng is not driven on " + runtime.GOOS}
}

func (*espeakLibrary) say(wireSpeak, func([]int16, []espeakEvent) error) error { return nil }
func (*espeakLibrary) phonemes(wirePhonemes) ([]string, error)                 { return nil, nil }
func (*espeakLibrary) voices(bool) []libraryVoice                              { return nil }
