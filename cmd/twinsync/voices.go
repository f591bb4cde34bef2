package main

import (
	"os"

	"github.com/twinsync/twinsync/speech"
)

// espeakChildCmd is `twinsync espeak-child` (speech.EspeakChild), which the program starts of itself.
type espeakChildCmd struct{}

// Run answers until the program closes the connection.
func (espeakChildCmd) Run() error { return speech.ServeEspeak(os.Stdin, os.Stdout) }
