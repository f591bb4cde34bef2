//go:build race

package infer_test

const raceEnabled = true // the race detector's own memory is not the program's
