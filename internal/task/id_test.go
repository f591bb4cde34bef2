package task_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/task"
)

func TestNewID(t *testing.T) {
	form := regexp.MustCompile(`^20261122_11_00_00_[0-9]{18}$`)
	zone := time.FixedZone("", 3600)
	seen := map[task.ID]bool{}
	for range 1000 {
		id := task.NewID(epoch.In(zone).Add(-time.Hour))
		if !form.MatchString(string(id)) {
			t.Fatalf("id = %s", id)
		}
		if seen[id] {
			t.Fatalf("%s came twice", id)
		}
		seen[id] = true
		if !id.Time().Equal(epoch.Add(-time.Hour)) {
			t.Fatalf("Time() = %v", id.Time())
		}
	}
}

func TestParseID(t *testing.T) {
	for s, ok := range map[string]bool{
		"20230423_11_23_05_1027912345678901":    true,
		"20230423_11_23_05_102791234567890":     false, // 15 digits: it could be guessed
		"20230423_11_23_05_10279":               false,
		"20230423_11_23_65_1027912345678901":    false,
		"20231323_11_23_05_1027912345678901":    false,
		"20230423_11_23_05_10279123456789/..":   false,
		"20230423_11_23_05_10279 2345678901":    false,
		"20230423_11_23_05_١٢٣٤٥٦٧٨":            false,
		"":                                      false,
		"20230423_11_23_05.5_10279123456789012": false,
	} {
		id, err := task.ParseID(s)
		if ok != (err == nil) || (err != nil && !fault.Is(err, fault.NotFound)) {
			t.Errorf("ParseID(%q) = %q, %v", s, id, err)
		}
	}
	if !task.ID("x").Time().IsZero() {
		t.Error("no identifier, but a time")
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("20230423_11_23_05_1027912345678901")
	f.Add("20230423_11_23_05_")
	f.Add("20230423_11_23_05,5_1027912345678901")
	form := regexp.MustCompile(`^[0-9]{8}_[0-9]{2}_[0-9]{2}_[0-9]{2}_[0-9]{16,32}$`)
	f.Fuzz(func(t *testing.T, s string) {
		id, err := task.ParseID(s)
		if err != nil {
			return
		}
		if string(id) != s || !form.MatchString(s) {
			t.Errorf("accepted %q as %q", s, id)
		}
		if id.Time().IsZero() && s[:4] != "0001" {
			t.Errorf("%q has no time", s)
		}
	})
}
