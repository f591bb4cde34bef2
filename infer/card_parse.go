package infer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"

	"github.com/twinsync/twinsync/fault"
)

// MaxCard is the longest card in bytes.
const MaxCard = 64 << 10

// maxCardDepth is more than any card nests; hostile files nest deeper to exhaust the stack.
const maxCardDepth = 12

// ParseCard reads a card, fills in what it leaves out and validates it.
//
// Errors are fault.InvalidField (fault.TooLarge over MaxCard, fault.Empty) whose param is the field's
// path, such as inputs[1].std; what the YAML itself has wrong is told with its line.
func ParseCard(b []byte) (ModelCard, error) {
	card, err := parseCard(b)
	if err != nil {
		return ModelCard{}, err
	}
	return card, card.Validate()
}

func parseCard(b []byte) (ModelCard, error) {
	if len(b) > MaxCard {
		return ModelCard{}, fault.New(fault.TooLarge, "card", "a model card is at most %d bytes long, this is %d", MaxCard, len(b)).
			WithHint("Is this the card, or the network itself?")
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	var root yaml.Node
	if err := d.Decode(&root); errors.Is(err, io.EOF) {
		return ModelCard{}, fault.New(fault.Empty, "card", "the model card is empty")
	} else if err != nil {
		return ModelCard{}, badYAML(err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return ModelCard{}, fault.New(fault.InvalidField, "card", "a model card is one YAML document, this file holds more")
	}
	if err := strict(root.Content[0], reflect.TypeFor[ModelCard](), "", 0); err != nil {
		return ModelCard{}, err
	}
	card := ModelCard{Template: Template{Scale: 1}, Blend: -1}
	if err := root.Decode(&card); err != nil {
		return ModelCard{}, badYAML(err)
	}
	if card.Blend == -1 {
		if card.Blend = 0; card.Kind == Enhancer {
			card.Blend = defaultBlend
		}
	}
	return card, nil
}

// defaultBlend is what the field uses: a fully enhanced face looks painted.
const defaultBlend = 80

// strict refuses what no field of the type is for: a mistyped name would otherwise change nothing, silently.
func strict(n *yaml.Node, t reflect.Type, path string, depth int) error {
	wrong := func(n *yaml.Node, text string, args ...any) error {
		return fault.New(fault.InvalidField, strings.TrimPrefix(path, "."), "%s (line %d)", fmt.Sprintf(text, args...), n.Line)
	}
	switch {
	case depth > maxCardDepth:
		return wrong(n, "is nested too deeply")
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return wrong(n, "anchors and aliases are not used in cards")
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		if n.Kind != yaml.MappingNode {
			return wrong(n, "must have fields of its own: %s", strings.Join(fieldNames(t), ", "))
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			field, ok := fieldOf(t, key.Value)
			if !ok {
				return fault.New(fault.InvalidField, strings.TrimPrefix(path+"."+printable(key.Value), "."), "there is no such field (line %d)", key.Line).
					WithHint("The fields here are %s.", strings.Join(fieldNames(t), ", "))
			}
			if err := strict(value, field.Type, path+"."+key.Value, depth+1); err != nil {
				return err
			}
		}
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			return wrong(n, "must be a list")
		}
		for i, item := range n.Content {
			if err := strict(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i), depth+1); err != nil {
				return err
			}
		}
	case reflect.Array:
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode && t.Elem().Kind() != reflect.Array {
				return wrong(item, "must hold plain numbers")
			}
		}
		if n.Kind == yaml.SequenceNode && len(n.Content) != t.Len() {
			return wrong(n, "must hold %d numbers, not %d", t.Len(), len(n.Content))
		}
	default:
		if n.Kind != yaml.ScalarNode {
			return wrong(n, "must be one value")
		}
		if want := scalarWanted(t.Kind(), n.Tag); want != "" {
			return wrong(n, "is %q, must be %s", short(n.Value), want)
		}
	}
	return nil
}

// scalarWanted says what a value of a YAML tag should have been for a kind of field, "" if it is that.
func scalarWanted(kind reflect.Kind, tag string) string {
	switch {
	case (kind == reflect.Int || kind == reflect.Int64) && tag != "!!int":
		return "a whole number"
	case kind == reflect.Float64 && tag != "!!int" && tag != "!!float":
		return "a number"
	case kind == reflect.Bool && tag != "!!bool":
		return "true or false"
	}
	return ""
}

// printable is text of a card for an error: without what a terminal would obey.
func printable(s string) string {
	quoted := strconv.Quote(short(s))
	return quoted[1 : len(quoted)-1]
}

func fieldOf(t reflect.Type, name string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if key, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); key == name {
			return t.Field(i), true
		}
	}
	return reflect.StructField{}, false
}

func fieldNames(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
	}
	return names
}

// goType is the part of yaml's messages that only programmers understand.
var goType = regexp.MustCompile(` into \S+$`)

// badYAML tells what the YAML reader says, without words about Go.
func badYAML(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if e := (*yaml.TypeError)(nil); errors.As(err, &e) && len(e.Errors) > 0 {
		text = goType.ReplaceAllString(e.Errors[0], "")
		text = strings.Replace(text, "cannot unmarshal", "this field cannot be", 1)
		text = strings.Map(func(r rune) rune {
			if unicode.IsPrint(r) {
				return r
			}
			return '·' // it may quote the card
		}, text)
	}
	return fault.New(fault.InvalidField, "card", "%s", text).WithHint("Cards are YAML; docs/4-models.md shows one.").WithCause(err)
}
