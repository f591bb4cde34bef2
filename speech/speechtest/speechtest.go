// Package speechtest lets tests open the built-in synthesiser, whose child process is the test's own program.
//
//	func TestMain(m *testing.M) { os.Exit(speechtest.Main(m)) }
//
//	func TestX(t *testing.T) { e := speechtest.Espeak(t) … }
package speechtest

import (
	"fmt"
	"os"
	"testing"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/speech"
)

// Main runs the tests, or, in a child process that speech.OpenEspeak started, the synthesiser.
func Main(m *testing.M) int {
	Child()
	return m.Run()
}

// Child serves the synthesiser and ends the process where it is such a child, and returns otherwise. A TestMain of
// one's own calls it first.
func Child() {
	if len(os.Args) != 2 || os.Args[1] != speech.EspeakChild {
		return
	}
	if err := speech.ServeEspeak(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Espeak opens the synthesiser for a test and closes it at its end. Where espeak-ng is not installed, the test
// says so and is skipped.
func Espeak(t testing.TB) *speech.Espeak {
	t.Helper()
	e, err := speech.OpenEspeak(speech.EspeakOptions{})
	if fault.Is(err, fault.MissingProgram) {
		t.Skipf("espeak-ng is not installed (make setup installs it): %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}
