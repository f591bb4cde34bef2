package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twinsync/twinsync/internal/config"
)

// TokenEnv names the variable in which a worker process finds the token of the service's engine:
// arguments can be read by everybody on the machine.
const TokenEnv = "TWINSYNC_ENGINE_TOKEN" //nolint:gosec // the variable's name, no token

// Rests between starts of a worker process that keeps dying.
const (
	firstRest = 200 * time.Millisecond
	lastRest  = 15 * time.Second
	// healthy is how long a process must have lived for its death to count as the first.
	healthy = time.Minute
	// stopTime is how long a process may take to give its segment back.
	stopTime = 8 * time.Second
)

// crew keeps the worker processes of this machine running. They are the same binary, so a crash in
// a codec or a network kills one segment, not the service.
type crew struct {
	service *service
	count   int
	args    []string
	env     []string
}

func (s *service) newCrew() *crew {
	url, token := s.cfg.NATS, ""
	if s.engine != nil {
		url, token = s.engine.Address()
	}
	return &crew{
		service: s, count: s.cfg.WorkerCount(),
		args: workerArgs(s.cfg),
		env:  append(append(os.Environ(), s.cfg.Environ()...), TokenEnv+"="+token, "TWINSYNC_NATS="+url),
	}
}

// workerArgs hands the settings that a worker needs to a process of its own, without the address of
// the engine: that may hold a password.
func workerArgs(c config.Config) []string {
	args := []string{
		"worker", "--attached", "--data=" + c.Data, "--blob=" + c.Blob,
		"--samples=" + c.Samples, "--device=" + c.Device, "--log-level=" + c.LogLevel,
		fmt.Sprintf("--max-file=%d", c.MaxFile), "--fetch-timeout=" + c.FetchTimeout.String(),
		"--max-length=" + c.MaxLength.String(), fmt.Sprintf("--max-pixels=%d", c.MaxPixels),
	}
	if c.Models != "" {
		args = append(args, "--models="+c.Models)
	}
	if c.ModelsCommercialOnly {
		args = append(args, "--models-commercial-only")
	}
	for _, n := range c.AllowNetwork {
		args = append(args, "--allow-network="+n.String())
	}
	return args
}

// run keeps all processes going until ctx ends and waits for them.
func (c *crew) run(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("the program's own file: %w", err)
	}
	var wg sync.WaitGroup
	for n := range c.count {
		wg.Go(func() { c.keep(ctx, self, n+1) })
	}
	wg.Wait()
	return nil
}

// keep starts one worker process again whenever it ends.
func (c *crew) keep(ctx context.Context, self string, n int) {
	log := c.service.log
	rest := firstRest
	for ctx.Err() == nil {
		id := fmt.Sprintf("worker-%d-%s", n, strings.ToLower(rand.Text()[:10]))
		begin := time.Now()
		err := c.once(ctx, self, id)
		if ctx.Err() != nil {
			return
		}
		log.Warn("a worker process ended; its segment is given to another", "worker", id, "error", err)
		if err := c.service.dispatch.ReleaseWorker(ctx, id); err != nil {
			log.Warn("its lease has to run out", "worker", id, "error", err)
		}
		if time.Since(begin) > healthy {
			rest = firstRest
		}
		select {
		case <-time.After(rest):
		case <-ctx.Done():
		}
		rest = min(2*rest, lastRest)
	}
}

// once runs one process until it ends. Its standard input stays open as long as the service
// lives: at its end the process knows that it is alone and ends too.
func (c *crew) once(ctx context.Context, self, id string) error {
	cmd := exec.CommandContext(ctx, self, slices.Concat(c.args, []string{"--id=" + id})...)
	cmd.Env = c.env
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	life, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	cmd.Cancel = life.Close
	cmd.WaitDelay = stopTime
	apart(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	yield(cmd.Process.Pid)
	c.service.log.Debug("worker process started", "worker", id, "pid", cmd.Process.Pid)
	err = cmd.Wait()
	if err == nil {
		err = errors.New("it ended by itself")
	}
	return err
}
