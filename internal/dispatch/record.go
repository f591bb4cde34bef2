package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/task"
)

const (
	tasksBucket = "tasks"
	// maxRecord keeps a record under the 1 MiB that NATS allows a message by default.
	maxRecord = 1<<20 - 4096
	// plainRecord is the size up to which packing a record is not worth its time.
	plainRecord = 4096
	// maxUnpacked guards the reader against a record that swells without end.
	maxUnpacked = 64 << 20
	// casTries bounds a compare-and-set loop. Each round lost means that another writer
	// won one, and a task has hardly more writers than there are workers.
	casTries = 200
)

// errSame is returned by a change function that finds nothing to change.
var errSame = errors.New("nothing to change")

// records reads and writes tasks in a bucket.
type records struct {
	kv  KV
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func openRecords(ctx context.Context, s Store) (*records, error) {
	kv, err := s.Bucket(ctx, tasksBucket)
	if err != nil {
		return nil, err
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, fmt.Errorf("compressor: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnpacked))
	if err != nil {
		return nil, fmt.Errorf("decompressor: %w", err)
	}
	return &records{kv: kv, enc: enc, dec: dec}, nil
}

// encode gives the stored form: JSON, packed when it is long. A JSON object begins with
// '{' and a zstd frame never does, which tells them apart.
func (r *records) encode(t task.Task) ([]byte, error) {
	b, err := json.Marshal(t)
	if err != nil {
		return nil, fault.New(fault.Internal, "", "internal error").WithCause(fmt.Errorf("task record: %w", err))
	}
	if len(b) > plainRecord {
		b = r.enc.EncodeAll(b, nil)
	}
	if len(b) > maxRecord {
		return nil, fault.New(fault.TooLong, "", "the task has grown too large to be kept").
			WithHint("Split the video into shorter ones.")
	}
	return b, nil
}

func (r *records) decode(b []byte) (task.Task, error) {
	var t task.Task
	if len(b) > 0 && b[0] != '{' {
		var err error
		if b, err = r.dec.DecodeAll(b, nil); err != nil {
			return t, fault.New(fault.Internal, "", "a stored task cannot be read").WithCause(err)
		}
	}
	if err := json.Unmarshal(b, &t); err != nil {
		return t, fault.New(fault.Internal, "", "a stored task cannot be read").WithCause(err)
	}
	return t, nil
}

func (r *records) get(ctx context.Context, id task.ID) (task.Task, uint64, error) {
	b, rev, err := r.kv.Get(ctx, string(id))
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			err = fault.New(fault.NotFound, "taskID", "there is no such task")
		}
		return task.Task{}, 0, err
	}
	t, err := r.decode(b)
	return t, rev, err
}

func (r *records) create(ctx context.Context, t task.Task) (uint64, error) {
	b, err := r.encode(t)
	if err != nil {
		return 0, err
	}
	rev, err := r.kv.Create(ctx, string(t.ID), b)
	if fault.Is(err, fault.Unavailable) {
		// The answer was lost, not always the write. Nobody else knows this identifier, so a
		// record under it is ours.
		if _, got, e := r.kv.Get(ctx, string(t.ID)); e == nil {
			return got, nil
		}
	}
	return rev, err
}

// change applies f to the record of id until the compare-and-set is won, and gives the
// task as it then stands. f's own error ends it and is returned; errSame ends it without one
// and without a write.
func (r *records) change(ctx context.Context, id task.ID, f func(task.Task) (task.Task, error)) (task.Task, uint64, error) {
	for try := range casTries {
		t, rev, err := r.get(ctx, id)
		if err != nil {
			return t, rev, err
		}
		next, err := f(t)
		if errors.Is(err, errSame) {
			return t, rev, nil
		}
		if err != nil {
			return t, rev, err
		}
		b, err := r.encode(next)
		if err != nil {
			return t, rev, err
		}
		rev, err = r.kv.Update(ctx, string(id), b, rev)
		if err == nil {
			return next, rev, nil
		}
		if !fault.Is(err, fault.Conflict) {
			return t, rev, err
		}
		// Losing means that somebody else moved on; a short uneven pause parts the rivals.
		if err := pause(ctx, time.Duration(rand.Int64N(int64(1+min(try, 20))))*time.Millisecond); err != nil { //nolint:gosec // chance, no secret
			return t, rev, err
		}
	}
	return task.Task{}, 0, fault.New(fault.Unavailable, "", "the task's record is too busy")
}

// pause waits for d or for ctx, whose error it returns.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
