package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/infer"
	"github.com/twinsync/twinsync/internal/app"
	"github.com/twinsync/twinsync/internal/config"
)

// modelsCmd is `twinsync models`.
type modelsCmd struct {
	List   modelsListCmd   `cmd:"" help:"List the networks that are inside the program and those that were added."`
	Show   modelsShowCmd   `cmd:"" help:"Print the card of a network: also a start for a card of your own."`
	Add    modelsAddCmd    `cmd:"" help:"Add a network whose file you have."`
	Pull   modelsPullCmd   `cmd:"" help:"Add a network and download its file."`
	Check  modelsCheckCmd  `cmd:"" help:"Look whether a network is what its card says, and computes."`
	Remove modelsRemoveCmd `cmd:"" help:"Remove a network that was added."`
}

// modelsFlags are those of all commands about networks.
type modelsFlags struct {
	storeFlags
	JSON bool `help:"Print JSON."`
}

func (f modelsFlags) speaksJSON() bool { return f.JSON }

type modelsListCmd struct {
	All  bool   `help:"Also the published networks that are known and not added."`
	Kind string `help:"Only this kind: ${enum}." enum:"any,swapper,enhancer,occluder,parser,recogniser,converter,detector,landmarker,lip-sync,voice" default:"any"`
	modelsFlags
}

// Run lists networks.
func (c *modelsListCmd) Run(t terminal) error {
	added, err := app.ListModels(c.request(), c.All)
	if err != nil {
		return err
	}
	cards := []infer.Listed{}
	for _, l := range added {
		if c.Kind == "any" || string(l.Card.Kind) == c.Kind {
			cards = append(cards, l)
		}
	}
	if c.JSON {
		return printJSON(t.out, map[string]any{"models": infer.Catalog(), "cards": cards})
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tKIND\tSTATE\tSIZE\tLICENCE\tCOMMERCIAL USE")
	if c.Kind == "any" {
		for _, m := range infer.Catalog() {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\tyes\n", m.Name, m.Purpose, infer.StateEmbedded, megabytes(int64(m.Size)), m.Licence)
		}
	}
	for _, l := range cards {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", l.Name, l.Card.Kind, l.State, megabytes(cardSize(l.Card)), l.Card.Licence.ID, l.Card.Licence.Commercial)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, l := range cards {
		if l.Problem != "" {
			fmt.Fprintf(t.out, "%s: %s\n", l.Name, l.Problem)
		}
	}
	if !c.All {
		fmt.Fprintln(t.err, "twinsync models list --all shows the published networks that can be added.")
	}
	return nil
}

// cardSize is the bytes of all files, 0 where one is not known.
func cardSize(c infer.ModelCard) int64 {
	total := int64(0)
	for _, f := range c.Files {
		if f.Size == 0 {
			return 0
		}
		total += f.Size
	}
	return total
}

func megabytes(n int64) string {
	if n == 0 {
		return "?"
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

type modelsShowCmd struct {
	Name string `arg:"" help:"A network that was added, or a published one."`
	modelsFlags
}

// Run prints a card: the one in use, or else the published one.
func (c *modelsShowCmd) Run(t terminal) error {
	text, card, err := app.ModelCardText(c.request(), c.Name)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(t.out, card)
	}
	_, err = t.out.Write(text)
	return err
}

// newModelFlags are those of commands that add a network.
type newModelFlags struct {
	Card          string `arg:"" help:"Name of a published card, or path of one."`
	Name          string `help:"What the network is called here; otherwise as its card says." placeholder:"NAME"`
	SHA256        string `name:"sha256" help:"Digest that the network's file must have; otherwise the card's." placeholder:"DIGEST"`
	AcceptLicence string `help:"Accept the licence of this identifier; needed where commercial use is not known to be allowed." placeholder:"LICENCE"`
	Replace       bool   `help:"Replace a network of this name."`
}

func (f newModelFlags) model() app.NewModel {
	return app.NewModel{Card: f.Card, Name: f.Name, SHA256: f.SHA256, AcceptLicence: f.AcceptLicence, Replace: f.Replace}
}

type modelsAddCmd struct {
	newModelFlags
	File []string `help:"The network's file, under any name; repeat for side files, under their names." placeholder:"FILE" sep:"none"`
	modelsFlags
}

// Run adds a network.
func (c *modelsAddCmd) Run(ctx context.Context, t terminal) error {
	m := c.model()
	m.Files = c.File
	in, err := app.AddModel(ctx, c.request(), m)
	if err != nil {
		return err
	}
	return printAdded(t, in, c.JSON)
}

// printAdded tells what has been added and what is next.
func printAdded(t terminal, in infer.Installed, asJSON bool) error {
	if asJSON {
		return printJSON(t.out, map[string]any{"name": in.Card.Name, "card": in.Card, "record": in.Record, "missing": in.Missing})
	}
	fmt.Fprintf(t.out, "%s added (%s, licence %s)\n", in.Card.Name, in.Card.Kind, in.Card.Licence.ID)
	for _, f := range in.Card.Files {
		if f.SHA256 != "" {
			fmt.Fprintf(t.out, "  %s  SHA-256 %s\n", f.Name, f.SHA256)
		}
	}
	if len(in.Missing) > 0 {
		fmt.Fprintf(t.out, "Still missing: %s. Run twinsync models pull %s, or add it again with --replace --file.\n", strings.Join(in.Missing, ", "), in.Card.Name)
		return nil
	}
	for _, need := range in.Card.Needs() {
		fmt.Fprintf(t.out, "It needs %s too: %s\n", need, infer.Obtain(need))
	}
	fmt.Fprintf(t.out, "See that it works: twinsync models check %s\n", in.Card.Name)
	return nil
}

type modelsPullCmd struct {
	newModelFlags
	AllowNetwork []config.Network `help:"Network that may also be downloaded from, at any port; may repeat." placeholder:"CIDR"`
	modelsFlags
}

// Run downloads a network.
func (c *modelsPullCmd) Run(ctx context.Context, t terminal) error {
	req := c.request()
	for _, n := range c.AllowNetwork {
		req.AllowNetworks = append(req.AllowNetworks, n.Prefix)
	}
	show := downloadLine(t, c.JSON)
	in, err := app.PullModel(ctx, req, c.model(), show.step)
	show.end()
	if err != nil {
		return err
	}
	return printAdded(t, in, c.JSON)
}

// downloads shows how far a download is, on a terminal only.
type downloads struct {
	t     terminal
	quiet bool
	shown int64 // megabytes
	drawn bool
}

func downloadLine(t terminal, quiet bool) *downloads {
	f, ok := t.err.(*os.File)
	return &downloads{t: t, quiet: quiet || !ok || !term.IsTerminal(int(f.Fd()))}
}

func (d *downloads) step(at app.Download) {
	mb := at.Done / 1e6
	if d.quiet || mb == d.shown {
		return
	}
	d.shown, d.drawn = mb, true
	of := ""
	if at.Size > 0 {
		of = " of " + megabytes(at.Size)
	}
	fmt.Fprintf(d.t.err, "\r%s: %d MB%s ", at.File, mb, of)
}

func (d *downloads) end() {
	if d.drawn {
		fmt.Fprintln(d.t.err)
	}
}

type modelsCheckCmd struct {
	Card     string `arg:"" help:"A network that was added, or the path of a card."`
	File     string `help:"The network's file, for a card that was not added." placeholder:"FILE"`
	Compute  bool   `help:"Compute once." default:"true" negatable:""`
	Provider string `help:"What to compute on: ${enum}." enum:"auto,cuda,coreml,directml,cpu" default:"auto"`
	modelsFlags
}

// Run checks a network. What is wrong with it becomes the command's error.
func (c *modelsCheckCmd) Run(ctx context.Context, t terminal) error {
	req := c.request()
	req.Provider = c.Provider
	steps, err := app.CheckModel(ctx, req, c.Card, c.File, c.Compute)
	if err != nil {
		return err
	}
	type line struct {
		Step string `json:"step"`
		OK   bool   `json:"ok"`
		Text string `json:"text,omitempty"`
	}
	var lines []line
	var first error
	wrong := 0
	for _, s := range steps {
		l := line{Step: s.What, OK: s.Err == nil}
		if s.Err != nil {
			l.Text = fault.From(s.Err).Public()
			wrong++
			if first == nil {
				first = s.Err
			}
		}
		lines = append(lines, l)
	}
	if c.JSON {
		if err := printJSON(t.out, map[string]any{"name": c.Card, "ok": wrong == 0, "steps": lines}); err != nil {
			return err
		}
	} else {
		for _, l := range lines {
			if l.OK {
				fmt.Fprintln(t.out, "ok     ", l.Step)
			} else {
				fmt.Fprintf(t.out, "WRONG   %s: %s\n", l.Step, l.Text)
			}
		}
	}
	if first == nil {
		return nil
	}
	return fault.New(fault.Unsupported, "", "%d of %d checks are wrong; the first: %s", wrong, len(lines), fault.From(first).Public()).WithCause(first)
}

type modelsRemoveCmd struct {
	Name string `arg:"" help:"A network that was added."`
	modelsFlags
}

// Run removes a network.
func (c *modelsRemoveCmd) Run(t terminal) error {
	if err := app.RemoveModel(c.request(), c.Name); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(t.out, map[string]any{"name": c.Name, "removed": true})
	}
	fmt.Fprintf(t.out, "%s removed\n", c.Name)
	return nil
}
