package app

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/twinsync/twinsync/fault"
	"github.com/twinsync/twinsync/internal/account"
	"github.com/twinsync/twinsync/internal/config"
	"github.com/twinsync/twinsync/internal/dispatch/jetstream"
	"github.com/twinsync/twinsync/internal/server"
)

// KeysRequest says where keys are kept.
type KeysRequest struct {
	Data string // data folder of the service
	NATS string // of a cluster, when the service uses one
}

// withKeys runs do with the keys of a running service, through its control socket, or else with the
// store itself.
func withKeys(ctx context.Context, req KeysRequest, do func(server.KeyKeeper) error) (err error) {
	cfg := config.Default()
	cfg.Data = req.Data
	dir, err := dataFolder(cfg)
	if err != nil {
		return err
	}
	running, err := server.DialControl(ctx, dir)
	if err == nil {
		return do(running)
	}
	if !fault.Is(err, fault.Unavailable) {
		return err
	}
	store, end, err := openStore(ctx, dir, req.NATS)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	bucket, err := store.Bucket(ctx, accountsBucket)
	if err != nil {
		return err
	}
	accounts, err := account.New(account.Config{Store: bucket})
	if err != nil {
		return err
	}
	return do(accounts)
}

// openStore opens the records while no service runs.
func openStore(ctx context.Context, dir, nats string) (*jetstream.Store, func() error, error) {
	log := slog.New(slog.DiscardHandler)
	if nats != "" {
		store, err := jetstream.Open(ctx, jetstream.Options{URL: nats, Name: "keys", Log: log})
		if err != nil {
			return nil, nil, err
		}
		return store, store.Close, nil
	}
	engine, err := jetstream.StartEmbedded(filepath.Join(dir, "nats"), jetstream.EmbeddedOptions{Log: log})
	if err != nil {
		return nil, nil, err
	}
	store, err := engine.Open(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, engine.Close())
	}
	return store, func() error { return errors.Join(store.Close(), engine.Close()) }, nil
}

// CreateKey makes a key for a customer who accepts the terms. The secret is shown once.
func CreateKey(ctx context.Context, req KeysRequest, customer string, acceptTerms bool) (key account.Key, secret string, err error) {
	err = withKeys(ctx, req, func(k server.KeyKeeper) (err error) {
		key, secret, err = k.CreateKey(ctx, account.NewKey{Customer: customer, By: accepter(), AcceptTerms: acceptTerms})
		return err
	})
	return key, secret, err
}

// ListKeys lists the keys of a customer, or all.
func ListKeys(ctx context.Context, req KeysRequest, customer string) (keys []account.Key, err error) {
	err = withKeys(ctx, req, func(k server.KeyKeeper) (err error) {
		keys, err = k.Keys(ctx, customer)
		return err
	})
	return keys, err
}

// RevokeKey ends a key at once.
func RevokeKey(ctx context.Context, req KeysRequest, id string) (key account.Key, err error) {
	err = withKeys(ctx, req, func(k server.KeyKeeper) (err error) {
		key, err = k.Revoke(ctx, id, accepter())
		return err
	})
	return key, err
}

// RotateKey replaces a key; the old one goes on working for the overlap.
func RotateKey(ctx context.Context, req KeysRequest, id string, overlap time.Duration) (key account.Key, secret string, err error) {
	err = withKeys(ctx, req, func(k server.KeyKeeper) (err error) {
		key, secret, err = k.Rotate(ctx, id, accepter(), overlap)
		return err
	})
	return key, secret, err
}
