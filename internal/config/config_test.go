package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/fault"
)

var byText = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

// names are the settings as the struct's tags have them.
func names(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		name := f.Tag.Get("name")
		if name == "" || name != f.Tag.Get("yaml") || f.Tag.Get("help") == "" {
			t.Errorf("setting %s: name %q, yaml %q, help %q", f.Name, name, f.Tag.Get("yaml"), f.Tag.Get("help"))
		}
		all = append(all, name)
	}
	return all
}

func TestDefaultIsValid(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
}

// TestExampleIsTheManual: the example names every setting, and holds the defaults.
func TestExampleIsTheManual(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "twinsync.example.yaml")
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.AllowNetwork = []Network{}
	if d := cmp.Diff(want, got, byText); d != "" {
		t.Errorf("the example is not the default (-default +example):\n%s", d)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names(t) {
		if !strings.Contains(string(b), "\n"+name+": ") {
			t.Errorf("the example does not name %s", name)
		}
	}
}

// TestFlags: an empty command line gives the defaults, and every setting is a flag.
func TestFlags(t *testing.T) {
	parse := func(args ...string) (Config, error) {
		var cli struct {
			Config `embed:""`
		}
		p, err := kong.New(&cli, kong.DefaultEnvars("TWINSYNC"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Parse(args)
		return cli.Config, err
	}
	got, err := parse()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Default(), got, byText); d != "" {
		t.Errorf("no flags (-Default +kong):\n%s", d)
	}
	t.Setenv("TWINSYNC_RESULTS_LISTEN", ":9")
	got, err = parse("--listen=:1", "--allow-network=10.0.0.0/8", "--allow-network", "192.168.1.7", "--max-file=5MB", "--retention=0", "--data=x")
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Listen, want.ResultsListen, want.MaxFile, want.Retention, want.Data = ":1", ":9", 5e6, 0, "x"
	want.AllowNetwork = []Network{{netip.MustParsePrefix("10.0.0.0/8")}, {netip.MustParsePrefix("192.168.1.7/32")}}
	if d := cmp.Diff(want, got, byText); d != "" {
		t.Errorf("flags (-want +got):\n%s", d)
	}
	if _, err := parse("--allow-network=everything"); err == nil {
		t.Error("a network that is none is accepted")
	}
}

func TestParse(t *testing.T) {
	got, err := Parse([]byte("listen: ':8080'\nallow-network: [10.0.0.0/8, '::1']\nmax-file: 100MB\nretention: 48h\nworkers: 3\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Listen, want.MaxFile, want.Retention, want.Workers = ":8080", 100e6, 48*time.Hour, 3
	want.AllowNetwork = []Network{{netip.MustParsePrefix("10.0.0.0/8")}, {netip.MustParsePrefix("::1/128")}}
	if d := cmp.Diff(want, got, byText); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got, err := Parse(nil); err != nil || got.Listen != Default().Listen {
		t.Errorf("an empty file: %v", err)
	}
	for _, c := range []struct{ in, words string }{
		{"lissten: ':1'", "lissten"},
		{"listen: a\nlisten: b", "already defined"},
		{"workers: many", "line 1"},
		{"max-file: huge", "huge"},
		{"retention: 3 weeks", "3 weeks"},
		{"allow-network: [all]", "all"},
		{"allow-network: [10.0.0.0/33]", "10.0.0.0/33"},
		{"- a\n- b", "line 1"},
		{"listen: [", "line 1"},
		{"listen: a\n---\nlisten: b", "more than one"},
	} {
		_, err := Parse([]byte(c.in))
		if !fault.Is(err, fault.InvalidField) || !strings.Contains(err.Error(), c.words) {
			t.Errorf("Parse(%q) = %v, want it to name %q", c.in, err, c.words)
		}
		if err != nil && strings.Contains(fault.From(err).Public(), "config.") {
			t.Errorf("Parse(%q) = %q names a Go type", c.in, fault.From(err).Public())
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml")); !fault.Is(err, fault.NotFound) {
		t.Errorf("Load of no file = %v", err)
	}
}

func TestValidateNamesEverySetting(t *testing.T) {
	for name, wrong := range map[string]func(*Config){
		"listen":              func(c *Config) { c.Listen = "51916" },
		"results-listen":      func(c *Config) { c.ResultsListen = "127.0.0.1:99999" },
		"public-results-url":  func(c *Config) { c.PublicResultsURL = "video.example.com" },
		"allow-network":       func(c *Config) { c.AllowNetwork = []Network{{}} },
		"nats":                func(c *Config) { c.NATS = "http://a" },
		"blob":                func(c *Config) { c.Blob = "ftp://a" },
		"workers":             func(c *Config) { c.Workers = -1 },
		"device":              func(c *Config) { c.Device = "abacus" },
		"retention":           func(c *Config) { c.Retention = -1 },
		"max-file":            func(c *Config) { c.MaxFile = 0 },
		"fetch-timeout":       func(c *Config) { c.FetchTimeout = 0 },
		"max-length":          func(c *Config) { c.MaxLength = 0 },
		"max-pixels":          func(c *Config) { c.MaxPixels = 0 },
		"max-body":            func(c *Config) { c.MaxBody = 10 },
		"max-requests":        func(c *Config) { c.MaxRequests = 0 },
		"requests-per-minute": func(c *Config) { c.RequestsPerMinute = 0 },
		"tasks-in-flight":     func(c *Config) { c.TasksInFlight = 0 },
		"log-level":           func(c *Config) { c.LogLevel = "loud" },
	} {
		c := Default()
		wrong(&c)
		err := c.Validate()
		if !fault.Is(err, fault.InvalidField) || fault.From(err).Param != name {
			t.Errorf("%s: Validate() = %v", name, err)
		}
	}
	c := Default()
	c.Listen, c.Workers, c.Device = "", -1, ""
	err := c.Validate()
	for _, name := range []string{"3 settings", "listen: ", "workers: ", "device: "} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("Validate() = %v, want it to say %q", err, name)
		}
	}
}

func TestDataDir(t *testing.T) {
	t.Setenv("HOME", "/home/a")
	for _, c := range []struct{ data, xdg, want string }{
		{"", "", "/home/a/.local/share/twinsync"},
		{"", "/xdg", "/xdg/twinsync"},
		{"", "relative", "/home/a/.local/share/twinsync"},
		{"/srv/x", "/xdg", "/srv/x"},
	} {
		t.Setenv("XDG_DATA_HOME", c.xdg)
		if got, err := (Config{Data: c.data}).DataDir(); err != nil || got != c.want {
			t.Errorf("data %q, XDG_DATA_HOME %q: %q, %v, want %q", c.data, c.xdg, got, err, c.want)
		}
	}
}

func TestSize(t *testing.T) {
	for in, want := range map[string]Size{"0": 0, "17": 17, "17B": 17, "2KiB": 2048, "1MB": 1e6, "3 GiB": 3 << 30, "1TB": 1e12} {
		var s Size
		if err := s.UnmarshalText([]byte(in)); err != nil || s != want {
			t.Errorf("%q = %d, %v, want %d", in, s, err, want)
		}
		var again Size
		if err := again.UnmarshalText([]byte(s.String())); err != nil || again != s {
			t.Errorf("%q written as %q is read as %d, %v", in, s, again, err)
		}
	}
	for _, in := range []string{"", "GiB", "-1", "1.5GiB", "1XB", "9999999999TiB"} {
		if err := new(Size).UnmarshalText([]byte(in)); err == nil {
			t.Errorf("%q is accepted", in)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("listen: ':1'\nallow-network: [10.0.0.0/8]\nmax-file: 1GiB"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := Parse(b); err == nil {
			c.Validate() // must not panic
		}
	})
}
