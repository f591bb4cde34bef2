package app

import (
	"github.com/twinsync/twinsync/speech"
)

// OpenSpeakers gives the voices that are there to use. Nothing is started before it is needed. Close it.
func OpenSpeakers() *speech.Speakers {
	return speech.NewSpeakers(speech.EspeakDriver(speech.EspeakOptions{}))
}

// openReference gives the voice that says words so that they can be found in a sound: the one that knows when it says
// what. Close it.
func openReference() *speech.Speakers {
	return speech.NewSpeakers(speech.EspeakDriver(speech.EspeakOptions{}))
}
