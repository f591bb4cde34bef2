//go:build !unix

package speech

import "os/exec"

// killGroup: without process groups the program alone is killed.
func killGroup(cmd *exec.Cmd) { cmd.Cancel = func() error { return cmd.Process.Kill() } }

func endGroup(*exec.Cmd) {}
