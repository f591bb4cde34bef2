package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// flatFile answers kong's question for a flag from a YAML file that has one line per
// flag. A key that no flag has is an error: it is a typing mistake. A key without a value sets
// nothing.
type flatFile map[string]any

func loadYAML(r io.Reader) (kong.Resolver, error) {
	d := yaml.NewDecoder(r)
	var root yaml.Node
	if err := d.Decode(&root); errors.Is(err, io.EOF) {
		return flatFile{}, nil
	} else if err != nil {
		return nil, fmt.Errorf("config file: %w", err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("config file: it holds more than one document")
	}
	if top := root.Content[0]; top.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("config file: line %d: a line is a setting and its value, as in listen: \":51916\"", top.Line)
	}
	var f map[string]any
	if err := root.Decode(&f); err != nil {
		return nil, fmt.Errorf("config file: %w", err)
	}
	for key, value := range f {
		if !plain(value) {
			return nil, fmt.Errorf("config file: %s: must be one value or a list of values", key)
		}
	}
	return flatFile(f), nil
}

// plain reports whether a value is what a flag can be: one word or number, or a list of them.
func plain(value any) bool {
	switch v := value.(type) {
	case map[string]any, map[any]any:
		return false
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool {
			_, list := item.([]any)
			return list || item == nil || !plain(item)
		})
	}
	return true
}

// Validate refuses keys that are no flag of any command.
func (f flatFile) Validate(app *kong.Application) error {
	known := map[string]bool{}
	var walk func(n *kong.Node)
	walk = func(n *kong.Node) {
		for _, flag := range n.Flags {
			known[flag.Name] = flag.Name != "config" && flag.Name != "help"
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

// Resolve gives the file's value for a flag, as the text that the command line would have.
func (f flatFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	value, ok := f[flag.Name]
	if !ok || value == nil {
		return nil, nil
	}
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil // the environment goes before the file
		}
	}
	list, ok := value.([]any)
	if !ok {
		return fmt.Sprint(value), nil
	}
	if !flag.IsSlice() {
		return nil, fmt.Errorf("config file: %s: must be one value", flag.Name)
	}
	texts, items := make([]string, len(list)), make([]any, len(list))
	for i, item := range list {
		texts[i] = fmt.Sprint(item)
		items[i] = texts[i]
	}
	if flag.Tag.Sep == -1 { // sep:"none": a comma is part of an item, and no one text holds them all
		return items, nil
	}
	return kong.JoinEscaped(texts, flag.Tag.Sep), nil
}
