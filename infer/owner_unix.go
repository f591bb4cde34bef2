//go:build unix

package infer

import (
	"os"
	"syscall"
)

// ownFile reports whether the file belongs to this user or root and nobody else may
// write it.
func ownFile(path string) bool {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o022 != 0 {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && (stat.Uid == 0 || int(stat.Uid) == os.Geteuid())
}
