// Package config is what an operator can set: every setting has one name, from
// which the command line makes a flag (--results-listen), an environment variable
// (TWINSYNC_RESULTS_LISTEN) and a line of a YAML file (results-listen:).
// docs/twinsync.example.yaml is the manual; a test of the command line holds it to
// this package.
//
// It promises that a Config that passes Validate can be run, as far as the words
// alone can tell.
package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
)

// Config is the settings of serve and worker. Its tags are read by kong when it is
// embedded into a command; the defaults stand there and in [Default], and a test
// holds them together.
type Config struct {
	Listen           string `name:"listen" default:"127.0.0.1:51916" placeholder:"ADDR" help:"Address of the API; :51916 listens on all interfaces."`
	ResultsListen    string `name:"results-listen" default:"127.0.0.1:41748" placeholder:"ADDR" help:"Address of the results; may be the API's own."`
	PublicResultsURL string `name:"public-results-url" placeholder:"URL" help:"Address under which clients reach the results; otherwise the host that the client used."`
	Data             string `name:"data" placeholder:"DIR" help:"Data folder; otherwise twinsync in the user's data folder."`
	Samples          string `name:"samples" placeholder:"DIR" help:"Folder served under /samples/."`

	Models               string `name:"models" placeholder:"DIR" help:"Folder of added networks (twinsync models); otherwise models in the data folder."`
	ModelsCommercialOnly bool   `name:"models-commercial-only" help:"Use only added networks whose licence allows commercial use."`

	Engine     string `name:"engine" default:"mesh" placeholder:"NAME" help:"What makes the pictures: mesh, or onnx, which runs an added network."`
	Model      string `name:"model" placeholder:"NAME" help:"With onnx: the network that swaps."`
	Enhancer   string `name:"enhancer" placeholder:"NAME" help:"With onnx: a network that makes the swapped face sharper."`
	Occluder   string `name:"occluder" placeholder:"NAME" help:"With onnx: a network that finds what lies in front of the face."`
	Parser     string `name:"parser" placeholder:"NAME" help:"With onnx: a network that finds the parts of the face."`
	PixelBoost int    `name:"pixel-boost" default:"0" placeholder:"N" help:"With onnx: side in pixels at which the face is swapped; 0 is the network's own."`

	Voices

	AllowNetwork []Network `name:"allow-network" placeholder:"CIDR" help:"Network that files may also be read from, at any port; may repeat."`

	NATS      string        `name:"nats" placeholder:"URL" help:"NATS cluster to use; otherwise one inside the process."`
	Blob      string        `name:"blob" placeholder:"URL" help:"Store of files: s3://, gs:// or azblob://; otherwise the data folder."`
	Workers   int           `name:"workers" default:"0" placeholder:"N" help:"Worker processes; 0 chooses by the number of cores."`
	Device    string        `name:"device" default:"auto" placeholder:"NAME" help:"Where networks run: auto, cpu, cuda, coreml or directml."`
	Retention time.Duration `name:"retention" default:"720h" placeholder:"TIME" help:"How long tasks and results are kept; 0 for ever."`

	MaxFile           Size          `name:"max-file" default:"2GiB" placeholder:"SIZE" help:"Largest file that is downloaded."`
	FetchTimeout      time.Duration `name:"fetch-timeout" default:"30m" placeholder:"TIME" help:"Longest download."`
	MaxLength         time.Duration `name:"max-length" default:"1h" placeholder:"TIME" help:"Longest video."`
	MaxPixels         int           `name:"max-pixels" default:"40000000" placeholder:"N" help:"Largest picture or frame in pixels."`
	MaxBody           Size          `name:"max-body" default:"256KiB" placeholder:"SIZE" help:"Largest request body."`
	MaxRequests       int           `name:"max-requests" default:"512" placeholder:"N" help:"Requests served at the same time, and as many downloads of results."`
	RequestsPerMinute int           `name:"requests-per-minute" default:"12000" placeholder:"N" help:"Requests per minute of one key, where the key has no limit of its own."`
	TasksInFlight     int           `name:"tasks-in-flight" default:"10000" placeholder:"N" help:"Waiting and running tasks of one key, where the key has no limit of its own."`

	LogLevel string `name:"log-level" default:"info" placeholder:"LEVEL" help:"What is logged: debug, info, warn or error."`
}

// Default is the settings of an installation that nobody has configured: it
// answers only on the loopback and reads only from the internet.
func Default() Config {
	return Config{
		Listen:            "127.0.0.1:51916",
		ResultsListen:     "127.0.0.1:41748",
		Engine:            "mesh",
		Voices:            Voices{TranslateAPI: OpenAIChat},
		Device:            "auto",
		Retention:         30 * 24 * time.Hour,
		MaxFile:           2 << 30,
		FetchTimeout:      30 * time.Minute,
		MaxLength:         time.Hour,
		MaxPixels:         40_000_000, // a little over 8K
		MaxBody:           256 << 10,
		MaxRequests:       512,
		RequestsPerMinute: 12_000,
		TasksInFlight:     10_000,
		LogLevel:          "info",
	}
}

// Validate checks every setting and names all that are wrong in one
// fault.InvalidField.
func (c Config) Validate() error {
	var all problems
	all.check("listen", listenAddress(c.Listen))
	all.check("results-listen", listenAddress(c.ResultsListen))
	if c.PublicResultsURL != "" {
		all.check("public-results-url", publicURL(c.PublicResultsURL))
	}
	c.checkEngine(&all)
	c.check(&all)
	for _, n := range c.AllowNetwork {
		if !n.IsValid() {
			all.add("allow-network", "is no network")
		}
	}
	if c.NATS != "" {
		all.check("nats", oneOfSchemes(c.NATS, "nats", "tls", "ws", "wss"))
	}
	if c.Blob != "" {
		all.check("blob", oneOfSchemes(c.Blob, "s3", "gs", "azblob", "file"))
	}
	all.atLeast("workers", c.Workers, 0)
	all.oneOf("device", c.Device, "auto", "cpu", "cuda", "coreml", "directml")
	if c.Retention < 0 {
		all.add("retention", "must not be negative")
	}
	if c.MaxFile < 1 {
		all.add("max-file", "must be at least 1 byte")
	}
	if c.FetchTimeout <= 0 {
		all.add("fetch-timeout", "must be longer than nothing")
	}
	if c.MaxLength <= 0 {
		all.add("max-length", "must be longer than nothing")
	}
	all.atLeast("max-pixels", c.MaxPixels, 1)
	if c.MaxBody < 1024 {
		all.add("max-body", "must be at least 1KiB")
	}
	all.atLeast("max-requests", c.MaxRequests, 1)
	all.atLeast("requests-per-minute", c.RequestsPerMinute, 1)
	all.atLeast("tasks-in-flight", c.TasksInFlight, 1)
	all.oneOf("log-level", c.LogLevel, "debug", "info", "warn", "error")
	return all.err()
}

// checkEngine checks the words; whether the networks are there is known when the service starts.
func (c Config) checkEngine(all *problems) {
	all.oneOf("engine", c.Engine, "mesh", "onnx")
	networks := map[string]string{"model": c.Model, "enhancer": c.Enhancer, "occluder": c.Occluder, "parser": c.Parser}
	for _, name := range slices.Sorted(maps.Keys(networks)) {
		switch {
		case networks[name] == "" && name == "model" && c.Engine == "onnx":
			all.add(name, "must name a network for the engine onnx")
		case networks[name] != "" && c.Engine == "mesh":
			all.add(name, "is for the engine onnx")
		case networks[name] != "":
			if err := infer.ValidModelName(name, networks[name]); err != nil {
				all.add(name, "%s", fault.From(err).Text)
			}
		}
	}
	all.atLeast("pixel-boost", c.PixelBoost, 0)
	if c.PixelBoost > 0 && c.Engine == "mesh" {
		all.add("pixel-boost", "is for the engine onnx")
	}
}

// DataDir is the data folder: the setting, or twinsync in the user's data folder
// (XDG Base Directory: $XDG_DATA_HOME, else ~/.local/share).
func (c Config) DataDir() (string, error) {
	if c.Data != "" {
		return filepath.Abs(c.Data)
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) { // relative ones must be ignored
		return filepath.Join(dir, "twinsync"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fault.New(fault.MissingField, "data", "no data folder is set, and this user has no home folder").
			WithHint("Set --data DIR.").WithCause(err)
	}
	return filepath.Join(home, ".local", "share", "twinsync"), nil
}

// ModelsDir is the folder of added networks: the setting, or models in the data folder.
func (c Config) ModelsDir() (string, error) {
	if c.Models != "" {
		return filepath.Abs(c.Models)
	}
	dir, err := c.DataDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "models"), nil
}

// Networks is AllowNetwork as prefixes.
func (c Config) Networks() []netip.Prefix {
	var all []netip.Prefix
	for _, n := range c.AllowNetwork {
		all = append(all, n.Prefix)
	}
	return all
}

// WorkerCount is Workers, or for 0 one worker for every four cores and at least one:
// a worker and its FFmpeg keep about that many busy.
func (c Config) WorkerCount() int {
	if c.Workers > 0 {
		return c.Workers
	}
	return max(1, runtime.NumCPU()/4)
}

func listenAddress(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return errors.New("must be HOST:PORT or :PORT")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n > 65535 {
		return fmt.Errorf("has the port %q, which is no number from 0 to 65535", port)
	}
	if strings.ContainsAny(host, "/ ") {
		return fmt.Errorf("has the host %q, which is none", host)
	}
	return nil
}

func publicURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errors.New("must be an http:// or https:// address")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("must have no user name, no ? and no #")
	}
	return nil
}

func oneOfSchemes(s string, schemes ...string) error {
	for _, one := range strings.Split(s, ",") { // NATS takes a list of servers
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil {
			return errors.New("is no address that can be read")
		}
		known := false
		for _, scheme := range schemes {
			known = known || u.Scheme == scheme
		}
		if !known {
			return fmt.Errorf("must start with %s://", strings.Join(schemes, ":// or "))
		}
	}
	return nil
}

// problems are the settings that are wrong.
type problems []*fault.Error

func (p *problems) add(name, text string, args ...any) {
	*p = append(*p, fault.New(fault.InvalidField, name, text, args...))
}

func (p *problems) check(name string, err error) {
	if err != nil {
		p.add(name, "%s", err.Error())
	}
}

func (p *problems) atLeast(name string, n, least int) {
	if n < least {
		p.add(name, "must be at least %d", least)
	}
}

func (p *problems) oneOf(name, value string, allowed ...string) {
	for _, a := range allowed {
		if a == value {
			return
		}
	}
	p.add(name, "is %q, must be one of %s", value, strings.Join(allowed, ", "))
}

func (p problems) err() error {
	switch len(p) {
	case 0:
		return nil
	case 1:
		return p[0]
	}
	var texts []string
	for _, e := range p {
		texts = append(texts, e.Public())
	}
	return fault.New(fault.InvalidField, "", "%d settings are wrong: %s", len(p), strings.Join(texts, "; "))
}
