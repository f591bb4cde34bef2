package server

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/twinsync/twinsync/internal/task"
)

// Addresses are the addresses of this installation: where its results and samples
// are, as clients see them. It holds words only and asks no network, so any
// process of the installation can have one.
type Addresses struct {
	API     netip.AddrPort // where the API really listens
	Results netip.AddrPort // where results are really served; may equal API
	Public  string         // --public-results-url, "" when not set
}

// Own is what an address of this installation names: a sample or a result.
type Own struct {
	Sample   string  // name in the folder of samples, "" for a result
	Customer string  // of a result
	Task     task.ID // of a result
}

// resultSuffix is how the contract's result addresses end.
const resultSuffix = ".mp4"

// ResultURL is the address of a result for a client that reached the API under
// host, the Host header of its request.
func (a Addresses) ResultURL(host, customer string, id task.ID) string {
	path := "/" + customer + "/" + string(id) + resultSuffix
	if a.Public != "" {
		return strings.TrimSuffix(a.Public, "/") + path
	}
	name, port := splitHost(host)
	if !plainHost(name) {
		name, port = a.API.Addr().String(), ""
		if a.API.Addr().IsUnspecified() {
			name = "127.0.0.1"
		}
	}
	if a.API == a.Results && host != "" && plainHost(name) {
		// One port serves both: it is the one the client used, whatever a proxy made of it.
		if port != "" {
			return "http://" + net.JoinHostPort(name, port) + path
		}
		return "http://" + bracket(name) + path
	}
	return "http://" + net.JoinHostPort(name, strconv.Itoa(int(a.Results.Port()))) + path
}

// Own resolves an address of this installation. host is the Host header of the
// request that brought the address: the client says itself that this name is ours,
// and all it can gain by lying is to be given what it could have asked for.
//
// Only exact hosts, ports and paths are ours; anything else is the network's.
func (a Addresses) Own(raw, host string) (Own, bool) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Opaque != "" || u.RawQuery != "" {
		return Own{}, false
	}
	if a.Public != "" {
		// A public address may have a path of its own before the customer's.
		if p, err := url.Parse(strings.TrimSuffix(a.Public, "/")); err == nil && u.Scheme == p.Scheme && sameHost(u, p) {
			if rest, ok := strings.CutPrefix(u.EscapedPath(), p.EscapedPath()+"/"); ok {
				if o, ok := resultPath("/" + rest); ok {
					return o, true
				}
			}
		}
	}
	if a.isAt(u, a.API, host, true) {
		if rest, ok := strings.CutPrefix(u.EscapedPath(), "/samples/"); ok && sampleName(rest) {
			return Own{Sample: rest}, true
		}
	}
	if a.isAt(u, a.Results, host, a.API == a.Results) {
		return resultPath(u.EscapedPath())
	}
	return Own{}, false
}

// isAt reports whether u leads to a listener of this process: its very address, a
// loopback or interface address when it listens on all, or the client's name for
// this service, with its port or, where same is set, just as the client wrote it.
func (a Addresses) isAt(u *url.URL, at netip.AddrPort, host string, same bool) bool {
	if name, port := splitHost(host); name != "" && strings.EqualFold(u.Hostname(), name) {
		if same && u.Port() == port {
			return true
		}
		if u.Scheme == "http" && portOf(u) == strconv.Itoa(int(at.Port())) {
			return true
		}
	}
	if u.Scheme != "http" || !at.IsValid() || portOf(u) != strconv.Itoa(int(at.Port())) {
		return false
	}
	name := u.Hostname()
	here := at.Addr().Unmap()
	if strings.EqualFold(name, "localhost") {
		return here.IsLoopback() || here.IsUnspecified()
	}
	ip, err := netip.ParseAddr(name)
	if err != nil || ip.Zone() != "" {
		return false
	}
	ip = ip.Unmap()
	if ip == here {
		return !ip.IsUnspecified()
	}
	return here.IsUnspecified() && (ip.IsLoopback() || isLocal(ip))
}

// isLocal reports whether an interface of this machine has the address.
func isLocal(ip netip.Addr) bool {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Unmap() == ip {
			return true
		}
	}
	return false
}

// resultPath reads /CUSTOMER/TASKID.mp4.
func resultPath(path string) (Own, bool) {
	customer, file, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	name, isMP4 := strings.CutSuffix(file, resultSuffix)
	if !ok || !isMP4 || customer == "" || !strings.HasPrefix(path, "/") {
		return Own{}, false
	}
	for _, c := range customer {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return Own{}, false
		}
	}
	id, err := task.ParseID(name)
	if err != nil {
		return Own{}, false
	}
	return Own{Customer: customer, Task: id}, true
}

// sampleName reports whether a name below /samples/ can be a sample's: a plain word
// that is not hidden.
func sampleName(name string) bool {
	if name == "" || len(name) > 100 || name[0] == '.' {
		return false
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("._-", c) {
			return false
		}
	}
	return true
}

func sameHost(u, v *url.URL) bool {
	return strings.EqualFold(u.Hostname(), v.Hostname()) && portOf(u) == portOf(v)
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

// splitHost takes a Host header apart; the port may be "".
func splitHost(host string) (name, port string) {
	if n, p, err := net.SplitHostPort(host); err == nil {
		return n, p
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), ""
}

// plainHost reports whether a name from a Host header may be put into an address.
func plainHost(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.Zone() == ""
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return true
}

func bracket(name string) string {
	if strings.Contains(name, ":") {
		return "[" + name + "]"
	}
	return name
}
