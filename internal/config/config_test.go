package config

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/fault"
)

var byText = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func TestDefaultIsValid(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
}

// TestFlags: an empty command line gives the defaults, and every setting is a flag with a help text.
func TestFlags(t *testing.T) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if !f.Anonymous && (f.Tag.Get("name") == "" || f.Tag.Get("help") == "") {
			t.Errorf("setting %s: name %q, help %q", f.Name, f.Tag.Get("name"), f.Tag.Get("help"))
		}
	}
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
		"engine":              func(c *Config) { c.Engine = "magic" },
		"model":               func(c *Config) { c.Engine = "onnx" },
		"enhancer":            func(c *Config) { c.Enhancer = "gfpgan_1.4" },
		"occluder":            func(c *Config) { c.Engine, c.Model, c.Occluder = "onnx", "a", "../b" },
		"parser":              func(c *Config) { c.Engine, c.Model, c.Parser = "onnx", "a", "/etc/passwd" },
		"pixel-boost":         func(c *Config) { c.PixelBoost = 256 },
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
