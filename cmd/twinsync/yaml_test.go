package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/twinsync/twinsync/internal/config"
	"github.com/twinsync/twinsync/internal/testmedia"
)

// TestExampleIsTheManual: the example names every setting of serve and worker, and no other. That
// its values are the defaults, TestSettings says.
func TestExampleIsTheManual(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testmedia.Root(t), "docs", "twinsync.example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	read, err := loadYAML(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	missing := map[string]bool{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[config.Config]()) {
		if !f.Anonymous {
			missing[f.Tag.Get("name")] = true
		}
	}
	for name := range read.(flatFile) {
		if !missing[name] {
			t.Errorf("the example names %s, which is no setting of serve and worker", name)
		}
		delete(missing, name)
	}
	for name := range missing {
		t.Errorf("the example does not name %s", name)
	}
}

// TestKindsOfSettings: every kind of value reads the same from the file and from the environment.
func TestKindsOfSettings(t *testing.T) {
	type settings struct {
		Retention time.Duration
		MaxFile   config.Size
		Networks  []string
		Workers   int
		Listen    string
		Welcome   bool
	}
	serve := func(args ...string) (settings, error) {
		c, err := parse(t, append([]string{"serve"}, args...)...)
		s := settings{c.Serve.Retention, c.Serve.MaxFile, nil, c.Serve.Workers, c.Serve.Listen, c.Serve.Welcome}
		for _, n := range c.Serve.AllowNetwork {
			s.Networks = append(s.Networks, n.String())
		}
		return s, err
	}
	want := settings{36 * time.Hour, 3 << 20, []string{"10.0.0.0/8", "fd00::/8"}, 2, ":8", true}
	for _, text := range []string{
		"retention: 36h\nmax-file: 3MiB\nallow-network: [10.0.0.0/8, 'fd00::/8']\nworkers: 2\nlisten: ':8'\nwelcome: true\n",
		"allow-network:\n- 10.0.0.0/8\n- fd00::/8\nretention: 36h\nmax-file: 3145728\nworkers: '2'\nlisten: :8\nwelcome: yes\n",
		"retention: 36h\nmax-file: 3MiB\nallow-network: 10.0.0.0/8,fd00::/8\nworkers: 2\nlisten: ':8'\nwelcome: true\n",
	} {
		got, err := serve("--config", write(t, "t.yaml", []byte(text)))
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%s\n%v (-want +got):\n%s", text, err, d)
		}
	}
	file := write(t, "t.yaml", []byte("retention: 1h\nmax-file: 1\nallow-network: [10.9.9.9]\nworkers: 9\nlisten: ':9'\nwelcome: false\n"))
	for name, value := range map[string]string{
		"RETENTION": "36h", "MAX_FILE": "3MiB", "ALLOW_NETWORK": "10.0.0.0/8,fd00::/8", "WORKERS": "2", "LISTEN": ":8", "WELCOME": "true",
	} {
		t.Setenv("TWINSYNC_"+name, value)
	}
	got, err := serve("--config", file)
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("the environment: %v (-want +got):\n%s", err, d)
	}
}

// TestLists: an item of a list is one value whatever stands in it, and a single value takes no list.
func TestLists(t *testing.T) {
	got, err := parse(t, "swap", "--video=v", "--out=o", "--config", write(t, "t.yaml", []byte("image: ['a,b.jpg', 7]\n")))
	if d := cmp.Diff([]string{"a,b.jpg", "7"}, got.Swap.Image); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	for text, words := range map[string]string{
		"listen: [':1', ':2']":              "listen: must be one value",
		"allow-network: [10.0.0.0/8, home]": `"home" is no network`,
	} {
		_, err := parse(t, "serve", "--config", write(t, "t.yaml", []byte(text)))
		if err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "config.") {
			t.Errorf("%s: %v, want %q", text, err, words)
		}
	}
}
