package pipeline

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAbreast: two rows of steps run at the same time, and end together.
func TestAbreast(t *testing.T) {
	photo, video := errors.New("photo"), errors.New("video")
	a, b := make(chan bool), make(chan bool)
	meetA := func(context.Context, *work) error { a <- true; <-b; return nil }
	meetB := func(context.Context, *work) error { <-a; b <- true; return nil }
	say := func(text string) step {
		return func(_ context.Context, w *work) error {
			w.warn(text)
			w.free = append(w.free, func() error { return nil })
			return nil
		}
	}
	fail := func(err error) step { return func(context.Context, *work) error { return err } }
	wait := func(ctx context.Context, _ *work) error { <-ctx.Done(); return ctx.Err() }

	w := &work{}
	other, err := abreast(t.Context(), w, []step{say("one"), meetA}, []step{say("two"), meetB, func(_ context.Context, w *work) error {
		w.fetched.Keep = "kept"
		return nil
	}})
	if err != nil || other.fetched.Keep != "kept" || w.fetched.Keep != "" || len(w.free) != 2 {
		t.Errorf("%v, %+v, %d to free", err, other, len(w.free))
	}
	if d := cmp.Diff([]string{"one", "two"}, w.warnings); d != "" {
		t.Error(d)
	}

	w = &work{}
	if _, err := abreast(t.Context(), w, []step{fail(photo)}, []step{say("two"), wait}); !errors.Is(err, photo) {
		t.Errorf("%v: the first row's error ends the second", err)
	}
	if len(w.warnings) != 0 || len(w.free) > 1 {
		t.Errorf("warnings %q, %d to free", w.warnings, len(w.free))
	}
	if _, err := abreast(t.Context(), &work{}, []step{say("one")}, []step{fail(video)}); !errors.Is(err, video) {
		t.Errorf("%v, want the second row's error", err)
	}
	if _, err := abreast(t.Context(), &work{}, []step{fail(photo)}, []step{fail(video)}); !errors.Is(err, photo) {
		t.Errorf("%v, want the first row's error", err)
	}

	// A panic comes out in the caller's goroutine, where it is caught, after both rows have ended.
	crash := func(context.Context, *work) error { panic("burst") }
	for name, rows := range map[string][2][]step{"first": {{crash}, {wait}}, "second": {{say("one")}, {crash}}} {
		func() {
			defer func() {
				if p, ok := recover().(string); !ok || !strings.Contains(p, "burst") {
					t.Errorf("%s row: panic %q", name, p)
				}
			}()
			_, _ = abreast(t.Context(), &work{}, rows[0], rows[1])
		}()
	}
}
