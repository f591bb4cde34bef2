package main

import (
	"context"
	"os"

	"github.com/twinsync/twinsync/internal/app"
	"github.com/twinsync/twinsync/internal/config"
)

// serveCmd is `twinsync serve`.
type serveCmd struct {
	config.Config
	Welcome bool `help:"Make a first customer's key and print how to begin."`
}

// Run serves until it is interrupted.
func (c *serveCmd) Run(ctx context.Context, t terminal) error {
	return app.Serve(ctx, app.ServeRequest{Config: c.Config, Welcome: c.Welcome, Out: t.out, Log: t.err})
}

// workerCmd is `twinsync worker`.
type workerCmd struct {
	config.Config
	ID       string `help:"Name of the worker, unique among all; made when it is not given." placeholder:"NAME"`
	Attached bool   `help:"End when standard input does: for workers that a service starts." hidden:""`
}

// Run works until it is interrupted.
func (c *workerCmd) Run(ctx context.Context, t terminal) error {
	req := app.WorkerRequest{Config: c.Config, ID: c.ID, Log: t.err}
	if c.Attached {
		req.Attached = os.Stdin
	}
	return app.Work(ctx, req)
}
