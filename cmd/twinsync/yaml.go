package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// flatFile answers kong's question for a flag from a YAML file that has one line per
// flag. A key that no flag has is an error: it is a typing mistake.
type flatFile map[string]any

func loadYAML(r io.Reader) (kong.Resolver, error) {
	var f flatFile
	if err := yaml.NewDecoder(r).Decode(&f); err != nil && err != io.EOF {
		return nil, fmt.Errorf("config file: %w", err)
	}
	return f, nil
}

// Validate refuses keys that are no flag of any command.
func (f flatFile) Validate(app *kong.Application) error {
	known := map[string]bool{}
	var walk func(n *kong.Node)
	walk = func(n *kong.Node) {
		for _, flag := range n.Flags {
			known[flag.Name] = true
		}
		for _, child := range n.Children {
			walk(child)
		}
	}
	walk(app.Node)
	var wrong []string
	for key := range f {
		if !known[key] {
			wrong = append(wrong, key)
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return fmt.Errorf("config file: no such setting: %s", strings.Join(wrong, ", "))
	}
	return nil
}

// Resolve gives the file's value for a flag. Lists are joined as on the command line.
func (f flatFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	value, ok := f[flag.Name]
	if !ok || flag.Name == "config" {
		return nil, nil
	}
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil // the environment goes before the file
		}
	}
	if list, ok := value.([]any); ok {
		parts := make([]string, len(list))
		for i, item := range list {
			parts[i] = fmt.Sprint(item)
		}
		return strings.Join(parts, ","), nil
	}
	return fmt.Sprint(value), nil
}
