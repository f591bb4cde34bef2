package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/twinsync/twinsync/internal/account"
	"github.com/twinsync/twinsync/internal/app"
)

// keysCmd is `twinsync keys`. It works beside a running service and without one.
type keysCmd struct {
	Create keysCreateCmd `cmd:"" help:"Make a key for a customer and show it once."`
	List   keysListCmd   `cmd:"" help:"List keys."`
	Rotate keysRotateCmd `cmd:"" help:"Replace a key by a new one."`
	Revoke keysRevokeCmd `cmd:"" help:"End a key at once."`
}

// keysFlags say where the keys are.
type keysFlags struct {
	Data string `help:"Data folder of the service." placeholder:"DIR"`
	NATS string `name:"nats" help:"NATS cluster that the service uses, when it uses one." placeholder:"URL"`
	JSON bool   `help:"Print JSON."`
}

func (f keysFlags) speaksJSON() bool         { return f.JSON }
func (f keysFlags) request() app.KeysRequest { return app.KeysRequest{Data: f.Data, NATS: f.NATS} }

type keysCreateCmd struct {
	Customer    string `help:"Short name of the customer: a-z, 0-9 and -." required:"" placeholder:"NAME"`
	AcceptTerms bool   `help:"The customer accepts the terms; the service records who said so."`
	keysFlags
}

// Run makes a key.
func (c *keysCreateCmd) Run(ctx context.Context, t terminal) error {
	key, secret, err := app.CreateKey(ctx, c.request(), c.Customer, c.AcceptTerms)
	if err != nil {
		return err
	}
	return c.print(t, key, secret)
}

// print shows a new key: the only time that its secret can be seen.
func (f keysFlags) print(t terminal, key account.Key, secret string) error {
	if f.JSON {
		return printJSON(t.out, map[string]any{"key": secret, "id": key.ID, "customer": key.Customer})
	}
	fmt.Fprintln(t.out, secret)
	fmt.Fprintf(t.err, "Key %s of %s. It is shown only now; keep it safe.\n", key.ID, key.Customer)
	return nil
}

type keysListCmd struct {
	Customer string `help:"Only this customer's." placeholder:"NAME"`
	keysFlags
}

// Run lists keys.
func (c *keysListCmd) Run(ctx context.Context, t terminal) error {
	keys, err := app.ListKeys(ctx, c.request(), c.Customer)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(t.out, map[string]any{"keys": keys})
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tCUSTOMER\tBEGINS WITH\tCREATED\tWORKS")
	for _, k := range keys {
		works := "yes"
		if !k.Live(time.Now()) {
			works = "no"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.ID, k.Customer, k.Hint, k.CreatedAt.Format(time.DateTime), works)
	}
	return w.Flush()
}

type keysRotateCmd struct {
	ID      string        `arg:"" help:"Identifier of the key, as 'keys list' prints it."`
	Overlap time.Duration `help:"How long the old key goes on working." default:"0s"`
	keysFlags
}

// Run replaces a key.
func (c *keysRotateCmd) Run(ctx context.Context, t terminal) error {
	key, secret, err := app.RotateKey(ctx, c.request(), c.ID, c.Overlap)
	if err != nil {
		return err
	}
	return c.print(t, key, secret)
}

type keysRevokeCmd struct {
	ID string `arg:"" help:"Identifier of the key, as 'keys list' prints it."`
	keysFlags
}

// Run ends a key.
func (c *keysRevokeCmd) Run(ctx context.Context, t terminal) error {
	key, err := app.RevokeKey(ctx, c.request(), c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(t.out, map[string]any{"id": key.ID, "customer": key.Customer, "revoked": true})
	}
	fmt.Fprintf(t.out, "key %s of %s is revoked\n", key.ID, key.Customer)
	return nil
}
