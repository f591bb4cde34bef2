package main

import (
	"fmt"

	"github.com/twinsync/twinsync/internal/app"
)

// versionCmd is `twinsync version`.
type versionCmd struct{}

// Run prints the version of the program and of what it was built with.
func (versionCmd) Run(t terminal) error {
	_, err := fmt.Fprintln(t.out, app.Version())
	return err
}
