package fetch

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/twinsync/twinsync/fault"
)

// MaxAddress is the longest address in bytes that is looked at. Signed cloud
// addresses run to about 2000.
const MaxAddress = 8192

// CheckLiteral judges what an address alone can tell, without asking the
// network; param names the field in the error. It refuses what is no http or
// https address, carries a user name or password, or names as its host a literal
// of a closed network that is not in allow, or a port other than 80 and 443 on
// a literal that is not in allow. A host that is a name passes: what it resolves
// to is judged when it is dialled.
//
// Errors: fault.MissingField, fault.InvalidAddress, fault.ForbiddenAddress.
func CheckLiteral(param, raw string, allow []netip.Prefix) error {
	_, err := parse(param, raw, allow)
	return err
}

func parse(param, raw string, allow []netip.Prefix) (*url.URL, error) {
	invalid := func(why string) *fault.Error {
		return fault.New(fault.InvalidAddress, param, "%s", why).
			WithHint("Give the full address of the file, starting with http:// or https://.")
	}
	if raw == "" {
		return nil, fault.New(fault.MissingField, param, "no address given").
			WithHint("Give the full address of the file, starting with http:// or https://.")
	}
	if len(raw) > MaxAddress {
		return nil, invalid("the address is longer than " + strconv.Itoa(MaxAddress) + " characters")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, invalid("this is no address that can be read").WithCause(stripURL(err))
	}
	// url.Parse lower-cases the scheme.
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, invalid("the address does not start with http:// or https://")
	}
	if u.Opaque != "" || u.Hostname() == "" {
		return nil, invalid("the address names no host")
	}
	if u.User != nil {
		return nil, invalid("the address carries a user name or password")
	}
	port, ok := portOf(u)
	if !ok {
		return nil, invalid("the address has a port that is no number from 1 to 65535")
	}
	u.Fragment, u.RawFragment = "", ""

	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	if err != nil {
		// What ends in a number is an IPv4 address in every browser (WHATWG URL,
		// 'ends in a number'), and 0x7f.1 or 2130706433 are loopback to some
		// resolvers: such spellings are never a file's address.
		if endsInNumber(host) {
			return nil, invalid("the address's host is a number that is no usual IP address")
		}
		return u, nil
	}
	if ip.Zone() != "" {
		return nil, invalid("the address names a network interface")
	}
	return u, judge(param, netip.AddrPortFrom(ip, port), allow)
}

// judge decides whether this installation may connect to an address.
func judge(param string, to netip.AddrPort, allow []netip.Prefix) error {
	if contains(allow, to.Addr()) {
		return nil
	}
	// The text never says what was found there, nor which rule refused it: that
	// would draw a map of the operator's network.
	if !Open(to.Addr()) {
		return fault.New(fault.ForbiddenAddress, param, "the address lies in a network that this service does not read from").
			WithHint("Use an address on the public internet; an operator can allow a network with --allow-network.")
	}
	if to.Port() != 80 && to.Port() != 443 {
		return fault.New(fault.ForbiddenAddress, param, "the address uses a port other than 80 and 443").
			WithHint("Serve the file on the usual port; an operator can allow a network with --allow-network.")
	}
	return nil
}

// portOf is the port that the address names, or its scheme's own.
func portOf(u *url.URL) (uint16, bool) {
	p := u.Port()
	if p == "" {
		if u.Scheme == "https" {
			return 443, true
		}
		return 80, true
	}
	n, err := strconv.ParseUint(p, 10, 16)
	return uint16(n), err == nil && n > 0
}

// endsInNumber reports whether the last label of a host is decimal or 0x….
func endsInNumber(host string) bool {
	host = strings.TrimSuffix(host, ".")
	last := strings.ToLower(host[strings.LastIndexByte(host, '.')+1:])
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}
