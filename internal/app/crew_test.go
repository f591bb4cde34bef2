package app

import (
	"strings"
	"testing"

	"github.com/twinsync/twinsync/internal/config"
)

// TestWorkersArgumentsHoldNoSecret: everybody on the machine can read a process's arguments, its
// owner alone the environment.
func TestWorkersArgumentsHoldNoSecret(t *testing.T) {
	c := config.Default()
	c.NATS = "nats://user:secret@10.1.2.3:4222"
	crew := (&service{cfg: c}).newCrew()
	if all := strings.Join(crew.args, " "); strings.Contains(all, "secret") {
		t.Errorf("arguments: %s", all)
	}
	if last := crew.env[len(crew.env)-1]; last != "TWINSYNC_NATS="+c.NATS {
		t.Errorf("the environment ends with %q", last)
	}
}
