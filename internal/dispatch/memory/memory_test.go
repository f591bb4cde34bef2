package memory_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/twinsync/twinsync/internal/dispatch"
	"github.com/twinsync/twinsync/internal/dispatch/dispatchtest"
	"github.com/twinsync/twinsync/internal/dispatch/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	dispatchtest.Run(t, func(*testing.T) dispatch.Store { return memory.New() })
}
