package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"syscall"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/memblob"   // mem://
	_ "gocloud.dev/blob/s3blob"    // s3://
	"gocloud.dev/gcerrors"

	"github.com/twinsync/twinsync/fault"
)

// cloud is a bucket behind gocloud.dev/blob.
type cloud struct{ bucket *blob.Bucket }

func openCloud(ctx context.Context, u *url.URL) (*cloud, error) {
	b, err := blob.OpenBucket(ctx, u.String())
	if err != nil {
		return nil, fault.New(fault.InvalidAddress, "blobs", "the store cannot be opened").
			WithHint("Check the address and the credentials in the environment.").WithCause(err)
	}
	return &cloud{b}, nil
}

func (c *cloud) put(ctx context.Context, key string, r io.Reader) error {
	// Ending the writer's context before closing it is how an upload is given up.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := c.bucket.NewWriter(ctx, key, &blob.WriterOptions{ContentType: TypeOf(key)})
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		cancel()
		_ = w.Close() // reports the cancellation
		return err
	}
	return w.Close()
}

func (c *cloud) stat(ctx context.Context, key string) (Attrs, error) {
	a, err := c.bucket.Attributes(ctx, key)
	if err != nil {
		return Attrs{}, err
	}
	x := Attrs{Size: a.Size, ContentType: TypeOf(key), ModTime: a.ModTime, ETag: a.ETag}
	if x.ETag == "" || x.ETag[0] != '"' {
		x.ETag = fmt.Sprintf(`"%x-%x"`, a.ModTime.UnixNano(), a.Size)
	}
	return x, nil
}

func (c *cloud) open(ctx context.Context, key string) (*Reader, error) {
	a, err := c.stat(ctx, key)
	if err != nil {
		return nil, err
	}
	return &Reader{&ranged{ctx: ctx, bucket: c.bucket, key: key, size: a.Size}, a}, nil
}

func (c *cloud) fetch(ctx context.Context, key, file string) error {
	r, err := c.bucket.NewReader(ctx, key, nil)
	if err != nil {
		return err
	}
	return errors.Join(save(r, r.Size(), file), r.Close())
}

func (c *cloud) remove(ctx context.Context, key string) error {
	err := c.bucket.Delete(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil
	}
	return err
}

func (c *cloud) removeAll(ctx context.Context, prefix string) error {
	it := c.bucket.List(&blob.ListOptions{Prefix: prefix + "/"})
	for {
		o, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := c.remove(ctx, o.Key); err != nil {
			return err
		}
	}
}

func (c *cloud) close() error { return c.bucket.Close() }

// ranged reads an object from where Seek last pointed, with one request for each stretch.
type ranged struct {
	ctx    context.Context
	bucket *blob.Bucket
	key    string
	size   int64
	at     int64
	r      *blob.Reader // nil until something is read
}

func (r *ranged) Read(p []byte) (int, error) {
	if r.at >= r.size {
		return 0, io.EOF
	}
	if r.r == nil {
		var err error
		if r.r, err = r.bucket.NewRangeReader(r.ctx, r.key, r.at, -1, nil); err != nil {
			return 0, coded(err, r.key)
		}
	}
	n, err := r.r.Read(p)
	r.at += int64(n)
	if errors.Is(err, io.EOF) && r.at < r.size {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (r *ranged) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return r.at, fault.New(fault.InvalidField, "", "a place before the beginning of %s", r.key)
	}
	if offset == r.at {
		return r.at, nil
	}
	r.at = offset
	return r.at, r.Close()
}

func (r *ranged) Close() error {
	if r.r == nil {
		return nil
	}
	open := r.r
	r.r = nil
	return open.Close()
}

// absent makes a name that cannot exist, because a file stands where a folder would be, one that
// does not.
func absent(err error) error {
	if errors.Is(err, syscall.ENOTDIR) {
		return fs.ErrNotExist
	}
	return err
}

// coded gives errors their codes.
func coded(err error, key string) error {
	var f *fault.Error
	switch {
	case err == nil || errors.As(err, &f):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.NotFound, "", "there is no stored file %s", key).WithCause(err)
	case errors.Is(err, fs.ErrExist):
		return fault.New(fault.Conflict, "", "a file is there already").WithCause(err)
	case fault.From(err).Code != fault.Internal:
		return fault.From(err)
	}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		return fault.New(fault.NotFound, "", "there is no stored file %s", key).WithCause(err)
	case gcerrors.PermissionDenied:
		return fault.New(fault.NotWritable, "", "the store refuses the credentials").WithCause(err)
	case gcerrors.Canceled:
		return fault.New(fault.Canceled, "", "canceled").WithCause(err)
	}
	return fault.New(fault.Unavailable, "", "the store does not answer").WithCause(err)
}
