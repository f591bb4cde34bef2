package config

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
)

// Network is an IP network, written 10.1.2.0/24, or one address, written 10.1.2.3.
type Network struct{ netip.Prefix }

// UnmarshalText reads a network.
func (n *Network) UnmarshalText(b []byte) error {
	s := strings.TrimSpace(string(b))
	if ip, err := netip.ParseAddr(s); err == nil && ip.Zone() == "" {
		ip = ip.Unmap()
		n.Prefix = netip.PrefixFrom(ip, ip.BitLen())
		return nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return fmt.Errorf("%q is no network: write one as 10.1.2.0/24", s)
	}
	n.Prefix = p.Masked()
	return nil
}

// Size is a number of bytes, written as 1048576, 500MB (a million each) or 2GiB.
type Size int64

// units in the order in which they are tried: the longest ending first.
func units() []struct {
	name string
	of   int64
} {
	return []struct {
		name string
		of   int64
	}{
		{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
		{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
	}
}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(b []byte) error {
	text := strings.TrimSpace(string(b))
	number, of := text, int64(1)
	for _, u := range units() {
		if n, ok := strings.CutSuffix(text, u.name); ok {
			number, of = strings.TrimSpace(n), u.of
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/of {
		return fmt.Errorf("%q is no size: write one as 500MB or 2GiB", text)
	}
	*s = Size(n * of)
	return nil
}

// String is a size as it is read, in the largest binary unit that leaves no rest.
func (s Size) String() string {
	for i := 3; i >= 0; i-- {
		if u := units()[i]; s != 0 && int64(s)%u.of == 0 {
			return strconv.FormatInt(int64(s)/u.of, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}
