package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/twinsync/twinsync/internal/account"
)

const (
	firstCustomer = "me"
	firstKeyFile  = "first-key" // in the data folder, for its owner alone
)

// welcome makes the first customer's key, once, and prints how to begin.
func (s *service) welcome(ctx context.Context, w io.Writer) error {
	key, err := s.firstKey(ctx)
	if err != nil {
		return err
	}
	a := s.http.Addresses()
	api, results := base(a.API), base(a.Results)
	terms := account.Terms()
	fmt.Fprintf(w, `
%s

TwinSync is ready.

  API       %s
  results   %s
  your key  %s

By using this key you accept the terms above (version %s); the service has recorded that
%q did, for the customer %q. Paste this for a first video:

  curl -s %s/faceswap_video -d image_url=%s/samples/photo.jpg \
    -d video_url=%s/samples/clip.mp4 -d key=%s

or this, to have the person in the clip say something:

  curl -s %s/lipsync_video -d text="Good to see you." -d language=en \
    -d video_url=%s/samples/clip.mp4 -d key=%s

and ask for it with the task_id of the answer:

  curl -s "%s/faceswap_video?taskID=TASK_ID"

Ctrl-C stops the service; started again it goes on where it stood.
`, terms.Text, api, results, key, terms.Version, accepter(), firstCustomer, api, api, api, key, api, api, key, api)
	return nil
}

// firstKey is the key of the first customer: the one that is kept, or a new one when there is
// none or it does not work any more.
func (s *service) firstKey(ctx context.Context) (string, error) {
	path := filepath.Join(s.cfg.Data, firstKeyFile)
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if key := strings.TrimSpace(string(raw)); key != "" {
		if _, err := s.accounts.Authenticate(ctx, key); err == nil {
			return key, nil
		}
	}
	_, key, err := s.accounts.CreateKey(ctx, account.NewKey{Customer: firstCustomer, By: accepter(), AcceptTerms: true})
	if err != nil {
		return "", err
	}
	return key, writePrivate(path, key+"\n")
}

// writePrivate writes a file that only its owner can read; it is whole or not there.
func writePrivate(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".private-") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// base is the address under which a listener is reached from this machine.
func base(a netip.AddrPort) string {
	host := a.Addr()
	if host.IsUnspecified() {
		host = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return "http://" + net.JoinHostPort(host.String(), fmt.Sprint(a.Port()))
}

// accepter is who sits at this machine, for the record of the terms.
func accepter() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}
