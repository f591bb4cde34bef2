package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// service is a running `twinsync serve` of the bench's own.
type service struct {
	cmd   *exec.Cmd
	base  string
	data  string
	ready time.Duration
	log   bytes.Buffer
}

// startLimit is when a service that is not ready is given up.
const startLimit = 20 * time.Second

// serve starts a service on free ports with the given folder of samples and waits until it is ready.
func (b *bench) serve(ctx context.Context, name, samples string) (*service, error) {
	ports, err := freePorts(ctx, 2)
	if err != nil {
		return nil, err
	}
	s := &service{base: "http://" + ports[0], data: filepath.Join(b.dir, name)}
	s.cmd = exec.CommandContext(ctx, b.self, "serve", "--listen", ports[0], "--results-listen", ports[1], "--data", s.data, "--samples", samples)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(os.Interrupt) }
	s.cmd.WaitDelay = startLimit
	begin := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/readyz", nil)
		if err != nil {
			return nil, err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				s.ready = time.Since(begin)
				return s, nil
			}
		}
		if time.Since(begin) > startLimit || ctx.Err() != nil {
			return nil, errors.Join(fmt.Errorf("the service is not ready: %s", s.log.String()), s.stop())
		}
		<-tick.C
	}
}

// stop ends the service as Ctrl-C does.
func (s *service) stop() error {
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("the service: %w: %s", err, s.log.String())
	}
	return nil
}

// key makes a customer's key beside the running service.
func (b *bench) key(ctx context.Context, s *service) (string, error) {
	out, err := exec.CommandContext(ctx, b.self, "keys", "create", "--customer", "bench", "--accept-terms", "--data", s.data, "--json").Output()
	if err != nil {
		return "", fmt.Errorf("keys create: %w", err)
	}
	var k struct {
		Key string `json:"key"`
	}
	return k.Key, json.Unmarshal(out, &k)
}

func freePorts(ctx context.Context, n int) ([]string, error) {
	var ports []string
	for range n {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }() // all at the end, so that no port is given twice
		ports = append(ports, l.Addr().String())
	}
	return ports, nil
}

// start measures from the start of the process to its readiness.
func (b *bench) start(ctx context.Context, r *Result) error {
	var times []float64
	for i := range b.Runs {
		s, err := b.serve(ctx, fmt.Sprintf("start-%d", i), filepath.Dir(b.Video))
		if err != nil {
			return err
		}
		times = append(times, float64(s.ready.Microseconds())/1000)
		if err := s.stop(); err != nil {
			return err
		}
	}
	r.ReadyMS = median(times)
	return nil
}

const (
	postRate    = 100
	postSeconds = 10
)

// post measures requests at a fixed rate, whatever the answers take, while a long task renders.
func (b *bench) post(ctx context.Context, r *Result) error {
	samples := filepath.Join(b.dir, "samples")
	if err := os.MkdirAll(samples, 0o700); err != nil {
		return err
	}
	long, err := b.load(ctx, longTimes*loadSeconds)
	if err != nil {
		return err
	}
	photo := "photo" + filepath.Ext(b.Image)
	for from, to := range map[string]string{long: "clip.mp4", b.Image: photo} {
		if err := copyFile(from, filepath.Join(samples, to)); err != nil {
			return err
		}
	}
	s, err := b.serve(ctx, "post", samples)
	if err != nil {
		return err
	}
	key, err := b.key(ctx, s)
	if err != nil {
		return errors.Join(err, s.stop())
	}
	form := url.Values{"image_url": {s.base + "/samples/" + photo}, "video_url": {s.base + "/samples/clip.mp4"}, "key": {key}}
	if err := s.renderFirst(ctx, form); err != nil {
		return errors.Join(err, s.stop())
	}
	times, refused := s.fire(ctx, form)
	slices.Sort(times)
	r.PostCount, r.PostRefused = len(times), refused
	r.PostP50, r.PostP99 = times[len(times)/2], times[len(times)*99/100]
	return s.stop()
}

// renderFirst submits a task and waits until it is being worked on.
func (s *service) renderFirst(ctx context.Context, form url.Values) error {
	var a struct {
		TaskID string `json:"task_id"`
		Msg    string `json:"msg"`
		Status int    `json:"status_code"`
	}
	ask := func(method, address string, body io.Reader) error {
		req, err := http.NewRequestWithContext(ctx, method, address, body)
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		return json.NewDecoder(resp.Body).Decode(&a)
	}
	if err := ask(http.MethodPost, s.base+"/faceswap_video", strings.NewReader(form.Encode())); err != nil {
		return err
	}
	if a.TaskID == "" {
		return fmt.Errorf("the task was refused: %s", a.Msg)
	}
	id := a.TaskID
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); time.Since(begin) < startLimit; <-tick.C {
		if err := ask(http.MethodGet, s.base+"/faceswap_video?taskID="+id, nil); err != nil {
			return err
		}
		if a.Status == 102 {
			return nil
		}
	}
	return fmt.Errorf("the task is not started: %s", a.Msg)
}

// fire sends requests at the rate and returns their times in milliseconds, each from the moment it
// was due, so that a stall counts for every request that it holds up.
func (s *service) fire(ctx context.Context, form url.Values) (times []float64, refused int) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: postRate}}
	body := form.Encode()
	var mu sync.Mutex
	var wg sync.WaitGroup
	begin := time.Now()
	for i := range postRate * postSeconds {
		due := begin.Add(time.Duration(i) * time.Second / postRate)
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			return times, refused
		}
		wg.Go(func() {
			ok := false
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/faceswap_video", strings.NewReader(body))
			if err == nil {
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				var resp *http.Response
				if resp, err = client.Do(req); err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
					ok = resp.StatusCode == http.StatusOK
				}
			}
			took := float64(time.Since(due).Microseconds()) / 1000
			mu.Lock()
			defer mu.Unlock()
			times = append(times, took)
			if !ok {
				refused++
			}
		})
	}
	wg.Wait()
	client.CloseIdleConnections()
	return times, refused
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
