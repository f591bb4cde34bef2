package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/twinsync/twinsync/infer"
)

// modelsCmd is `twinsync models`.
type modelsCmd struct {
	List modelsListCmd `cmd:"" help:"List the embedded networks with their licences."`
}

type modelsListCmd struct {
	JSON bool `help:"Print JSON."`
}

// Run lists the embedded networks.
func (c *modelsListCmd) Run(t terminal) error {
	if c.JSON {
		return printJSON(t.out, map[string]any{"models": infer.Catalog()})
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tLICENCE\tSIZE\tFROM\tSHA-256")
	for _, m := range infer.Catalog() {
		fmt.Fprintf(w, "%s\t%s\t%.1f MB\t%s\t%s\n", m.Name, m.Licence, float64(m.Size)/1e6, m.Source, m.SHA256)
	}
	return w.Flush()
}
