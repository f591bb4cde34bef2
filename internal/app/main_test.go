package app

import (
	"os"
	"testing"

	"github.com/twinsync/twinsync/speech/speechtest"
)

func TestMain(m *testing.M) { os.Exit(speechtest.Main(m)) }
