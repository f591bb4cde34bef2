package fetch

import "net/netip"

// This file answers one question: does this address lie on the open internet?
//
// IPv4 is a list of what does not: the IANA special-purpose registry (RFC 6890
// and its additions), multicast, the reserved class and one address that clouds
// use for machine metadata although it looks public.
//
// IPv6 is the other way round: only 2000::/3, the one block that is handed out
// as global unicast (RFC 4291 section 2.4 and the IANA registry), is open, less
// the special blocks inside it. So loopback ::1, unique local fc00::/7 (RFC
// 4193), link-local fe80::/10, site-local fec0::/10 (RFC 3879), multicast
// ff00::/8, discard 100::/64 (RFC 6666), segment identifiers 5f00::/16 (RFC
// 9602) and all that is unassigned is refused without being named.
//
// IPv4 hides inside IPv6 in these ways:
//
//	::ffff:a.b.c.d       v4-mapped (RFC 4291 2.5.5.2): judged as the IPv4 it is
//	64:ff9b::a.b.c.d     NAT64, well known (RFC 6052): judged as the IPv4 it is,
//	                     because networks without IPv4 reach public hosts by it
//	64:ff9b:1::/48       NAT64, local use (RFC 8215): refused
//	::a.b.c.d            v4-compatible (RFC 4291 2.5.5.1, deprecated): refused
//	::ffff:0:a.b.c.d     v4-translated (RFC 2765, RFC 7915): refused
//	2002::/16            6to4 (RFC 3056, RFC 7526): refused
//	2001::/32            Teredo (RFC 4380): refused
//	x:0:5efe:a.b.c.d,    ISATAP interface identifier under any prefix
//	x:200:5efe:a.b.c.d   (RFC 5214 6.1): refused

// closed4 are the IPv4 networks that are not the open internet.
func closed4() []netip.Prefix {
	return []netip.Prefix{
		prefix4(0, 0, 0, 0, 8),        // this network, RFC 1122 3.2.1.3
		prefix4(10, 0, 0, 0, 8),       // private, RFC 1918
		prefix4(100, 64, 0, 0, 10),    // carrier-grade NAT, RFC 6598; holds 100.100.100.200 (metadata)
		prefix4(127, 0, 0, 0, 8),      // loopback, RFC 1122
		prefix4(168, 63, 129, 16, 32), // a cloud's machine metadata and health service
		prefix4(169, 254, 0, 0, 16),   // link-local, RFC 3927; holds 169.254.169.254 (metadata)
		prefix4(172, 16, 0, 0, 12),    // private, RFC 1918
		prefix4(192, 0, 0, 0, 24),     // protocol assignments, RFC 6890; holds 192.0.0.192 (metadata)
		prefix4(192, 0, 2, 0, 24),     // documentation, RFC 5737
		prefix4(192, 88, 99, 0, 24),   // 6to4 relays, RFC 7526
		prefix4(192, 168, 0, 0, 16),   // private, RFC 1918
		prefix4(198, 18, 0, 0, 15),    // benchmarking, RFC 2544
		prefix4(198, 51, 100, 0, 24),  // documentation, RFC 5737
		prefix4(203, 0, 113, 0, 24),   // documentation, RFC 5737
		prefix4(224, 0, 0, 0, 4),      // multicast, RFC 5771
		prefix4(240, 0, 0, 0, 4),      // reserved, RFC 1112; holds the broadcast 255.255.255.255, RFC 919
	}
}

// closed6 are the parts of 2000::/3 that are not the open internet.
func closed6() []netip.Prefix {
	return []netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01}), 23),             // protocol assignments, RFC 2928; holds Teredo and ORCHID
		netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8}), 32), // documentation, RFC 3849
		netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x02}), 16),             // 6to4
		netip.PrefixFrom(netip.AddrFrom16([16]byte{0x3f, 0xff}), 20),             // documentation, RFC 9637
	}
}

func prefix4(a, b, c, d byte, bits int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{a, b, c, d}), bits)
}

// Open reports whether ip lies on the open internet. The zone is ignored; the
// zero Addr is not open.
func Open(ip netip.Addr) bool {
	ip = ip.WithZone("").Unmap()
	if ip.Is4() {
		return !contains(closed4(), ip)
	}
	if !ip.Is6() {
		return false
	}
	b := ip.As16()
	nat64 := netip.PrefixFrom(netip.AddrFrom16([16]byte{0x00, 0x64, 0xff, 0x9b}), 96)
	if nat64.Contains(ip) {
		return Open(netip.AddrFrom4([4]byte(b[12:])))
	}
	if b[0]>>5 != 1 { // outside 2000::/3
		return false
	}
	isatap := (b[8] == 0 || b[8] == 2) && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
	return !isatap && !contains(closed6(), ip)
}

// contains reports whether one of the networks holds ip. Zones are ignored and
// v4-mapped addresses count as IPv4: netip.Prefix.Contains alone would say no.
func contains(networks []netip.Prefix, ip netip.Addr) bool {
	ip = ip.WithZone("").Unmap()
	for _, n := range networks {
		if n.Contains(ip) {
			return true
		}
	}
	return false
}
