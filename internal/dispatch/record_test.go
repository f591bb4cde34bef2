package dispatch

import (
	"context"
	"testing"
)

// noStore serves tests of the stored form, which touch no bucket.
type noStore struct{ Store }

func (noStore) Bucket(context.Context, string) (KV, error) { return nil, nil }

func testRecords(t testing.TB) *records {
	t.Helper()
	r, err := openRecords(t.Context(), noStore{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
