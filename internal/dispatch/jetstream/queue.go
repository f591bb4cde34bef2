package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/dispatch"
)

// queue is a work-queue stream with a subject and a durable consumer for each capability, because such a
// stream refuses consumers that overlap.
type queue struct {
	store *Store

	mu        sync.Mutex
	consumers map[string]jetstream.Consumer
}

func (q *queue) stream() string { return q.store.opts.Prefix + "-work" }

func (q *queue) subject(capability string) string { return q.stream() + "." + capability }

// prepare makes the stream unless it is there.
func (q *queue) prepare(ctx context.Context) error {
	_, err := q.store.js.Stream(ctx, q.stream())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = q.store.js.CreateStream(ctx, jetstream.StreamConfig{
			Name: q.stream(), Subjects: []string{q.subject("*")}, Retention: jetstream.WorkQueuePolicy,
			Storage: jetstream.FileStorage, Replicas: q.store.opts.Replicas,
		})
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			err = nil // another process was quicker
		}
	}
	return mapped(err)
}

func (q *queue) consumer(ctx context.Context, capability string) (jetstream.Consumer, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c := q.consumers[capability]; c != nil {
		return c, nil
	}
	// MaxDeliver has no limit: beyond one the server would keep a hint and say nothing. Attempts are
	// counted in the record.
	c, err := q.store.js.CreateOrUpdateConsumer(ctx, q.stream(), jetstream.ConsumerConfig{
		Durable: capability, FilterSubject: q.subject(capability), AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: ackWait, MaxDeliver: -1, MaxAckPending: 10000,
	})
	if err != nil {
		return nil, mapped(err)
	}
	q.consumers[capability] = c
	return c, nil
}

// forget makes the stream and the consumer anew: somebody may have removed them, and hints are
// there to be lost.
func (q *queue) forget(ctx context.Context, capability string) error {
	q.mu.Lock()
	delete(q.consumers, capability)
	q.mu.Unlock()
	return q.prepare(ctx)
}

func (q *queue) Offer(ctx context.Context, capability string, h dispatch.Hint) error {
	if err := dispatch.ValidName(capability); err != nil {
		return err
	}
	b, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("hint: %w", err)
	}
	_, err = q.store.js.Publish(ctx, q.subject(capability), b)
	if errors.Is(err, jetstream.ErrNoStreamResponse) {
		if err = q.forget(ctx, capability); err == nil {
			_, err = q.store.js.Publish(ctx, q.subject(capability), b)
		}
	}
	return mapped(err)
}

func (q *queue) Take(ctx context.Context, capability string) (dispatch.Delivery, error) {
	if err := dispatch.ValidName(capability); err != nil {
		return nil, err
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c, err := q.consumer(ctx, capability)
		if err != nil {
			return nil, err
		}
		m, err := next(ctx, c)
		switch {
		case ctx.Err() != nil:
			if err == nil {
				err = m.Nak() // came in the very moment; another shall have it
			}
			return nil, errors.Join(ctx.Err(), ignoreClosed(err))
		case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
			continue // nothing came within pullWait
		case errors.Is(err, jetstream.ErrConsumerDeleted), errors.Is(err, jetstream.ErrConsumerNotFound),
			errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, nats.ErrNoResponders):
			return nil, errors.Join(mapped(err), q.forget(ctx, capability))
		case err != nil:
			return nil, mapped(err)
		}
		d := &delivery{msg: m}
		if err := json.Unmarshal(m.Data(), &d.hint); err != nil {
			q.store.log.Error("hint cannot be read", "error", err)
			if err := m.Term(); err != nil {
				return nil, mapped(err)
			}
			continue
		}
		return d, nil
	}
}

// next waits up to pullWait for a message.
func next(ctx context.Context, c jetstream.Consumer) (jetstream.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, pullWait)
	defer cancel()
	m, err := c.Next(jetstream.FetchContext(ctx))
	if end, _ := ctx.Deadline(); err != nil && !time.Now().Before(end) {
		return nil, context.DeadlineExceeded // in whatever words the client says it
	}
	return m, err
}

type delivery struct {
	msg  jetstream.Msg
	hint dispatch.Hint
}

func (d *delivery) Hint() dispatch.Hint { return d.hint }

func (d *delivery) Done(ctx context.Context) error { return mapped(d.msg.DoubleAck(ctx)) }

func (d *delivery) Return(_ context.Context, delay time.Duration) error {
	if delay <= 0 {
		return mapped(d.msg.Nak())
	}
	return mapped(d.msg.NakWithDelay(delay))
}

func ignoreClosed(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

func missing(key string) error {
	return fault.New(fault.NotFound, "", "there is no record %s", key)
}

func sorted(set map[string]bool) []string {
	keys := slices.AppendSeq(make([]string, 0, len(set)), maps.Keys(set))
	slices.Sort(keys)
	return keys
}

// mapped gives errors of the client their codes. That the caller gave up stays what it is; a
// deadline that passed means that the server did not answer in time.
func mapped(err error) error {
	var f *fault.Error
	var api *jetstream.APIError
	switch {
	case err == nil, errors.As(err, &f), errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &api) && api.Code == 400 && strings.Contains(api.Description, "maximum"),
		errors.Is(err, nats.ErrMaxPayload):
		return fault.New(fault.TooLarge, "", "the record is larger than the engine allows").WithCause(err)
	case errors.As(err, &api) && (api.ErrorCode == errNoSpace || strings.Contains(api.Description, "no space left")):
		return fault.New(fault.DiskFull, "", "the engine's disk is full").
			WithHint("Free some space or choose another data folder.").WithCause(err)
	}
	return fault.New(fault.Unavailable, "", "the task engine does not answer").WithCause(err)
}

// errNoSpace is the server's JSStorageResourcesExceededErr.
const errNoSpace jetstream.ErrorCode = 10047

// refused tells why a connection could not be made.
func refused(err error) error {
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
		return fault.New(fault.InvalidField, "nats", "the NATS server refuses the credentials").WithCause(err)
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout):
		return fault.New(fault.Unreachable, "nats", "no NATS server answers at this address").
			WithHint("Check the address and that the server runs.").WithCause(err)
	}
	return fault.New(fault.Unreachable, "nats", "the NATS server cannot be reached").
		WithHint("Check the address, the certificates and that the server runs.").WithCause(err)
}
