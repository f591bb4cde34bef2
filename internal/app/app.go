// Package app wires the packages for each subcommand and holds no logic of its own beyond
// that: what a command does is one function here.
package app

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker.
var version = ""

// Version names the build.
func Version() string {
	v := version
	if info, ok := debug.ReadBuildInfo(); v == "" && ok {
		v = info.Main.Version
	}
	return fmt.Sprintf("twinsync %s (%s, %s/%s)", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
