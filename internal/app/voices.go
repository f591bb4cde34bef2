package app

import (
	"github.com/twinsync/twinsync/speech"
)

// OpenSpeakers gives the voices that are there to use. Nothing is started before it is needed. Close it.
func OpenSpeakers() *speech.Speakers {
	return speech.NewSpeakers(speech.EspeakDriver(speech.EspeakOptions{}))
}
