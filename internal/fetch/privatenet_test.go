package fetch

import (
	"net/netip"
	"testing"
)

func TestOpen(t *testing.T) {
	for _, c := range []struct {
		ip   string
		open bool
		what string
	}{
		{"93.184.216.34", true, "a public host"},
		{"1.1.1.1", true, "a public host"},
		{"9.255.255.255", true, "before private"},
		{"11.0.0.0", true, "after private"},
		{"100.63.255.255", true, "before carrier-grade NAT"},
		{"100.128.0.0", true, "after carrier-grade NAT"},
		{"172.15.255.255", true, "before private"},
		{"172.32.0.0", true, "after private"},
		{"192.0.1.0", true, "after protocol assignments"},
		{"192.167.255.255", true, "before private"},
		{"192.169.0.0", true, "after private"},
		{"198.17.255.255", true, "before benchmarking"},
		{"198.20.0.0", true, "after benchmarking"},
		{"223.255.255.255", true, "before multicast"},
		{"168.63.129.15", true, "before metadata"},

		{"0.0.0.0", false, "unspecified"},
		{"0.1.2.3", false, "this network"},
		{"10.0.0.0", false, "private"},
		{"10.255.255.255", false, "private"},
		{"100.64.0.0", false, "carrier-grade NAT"},
		{"100.100.100.200", false, "metadata"},
		{"100.127.255.255", false, "carrier-grade NAT"},
		{"127.0.0.1", false, "loopback"},
		{"127.255.255.255", false, "loopback"},
		{"168.63.129.16", false, "metadata"},
		{"169.254.0.1", false, "link-local"},
		{"169.254.169.254", false, "metadata"},
		{"172.16.0.0", false, "private"},
		{"172.31.255.255", false, "private"},
		{"192.0.0.1", false, "protocol assignments"},
		{"192.0.0.192", false, "metadata"},
		{"192.0.2.1", false, "documentation"},
		{"192.88.99.1", false, "6to4 relay"},
		{"192.168.0.0", false, "private"},
		{"192.168.255.255", false, "private"},
		{"198.18.0.0", false, "benchmarking"},
		{"198.19.255.255", false, "benchmarking"},
		{"198.51.100.7", false, "documentation"},
		{"203.0.113.7", false, "documentation"},
		{"224.0.0.1", false, "multicast"},
		{"239.255.255.255", false, "multicast"},
		{"240.0.0.1", false, "reserved"},
		{"255.255.255.255", false, "broadcast"},

		{"2606:4700:4700::1111", true, "a public host"},
		{"2a00:1450:4001:800::200e", true, "a public host"},
		{"2001:200::1", true, "after protocol assignments"},
		{"2003::1", true, "after 6to4"},
		{"3fff:1000::1", true, "after documentation"},
		{"2606:4700::5eff:0:1", true, "not quite ISATAP"},

		{"::", false, "unspecified"},
		{"::1", false, "loopback"},
		{"fe80::1", false, "link-local"},
		{"fe80::1%eth0", false, "link-local with a zone"},
		{"febf::1", false, "link-local"},
		{"fec0::1", false, "site-local"},
		{"fc00::1", false, "unique local"},
		{"fd00:ec2::254", false, "unique local, metadata"},
		{"ff02::1", false, "multicast"},
		{"100::1", false, "discard"},
		{"2001:db8::1", false, "documentation"},
		{"3fff::1", false, "documentation"},
		{"5f00::1", false, "segment identifiers"},
		{"2001:10::1", false, "ORCHID"},
		{"2001:20::1", false, "ORCHIDv2"},
		{"4000::1", false, "unassigned"},
		{"1fff::1", false, "unassigned"},

		{"::ffff:127.0.0.1", false, "v4-mapped loopback"},
		{"::ffff:10.0.0.1", false, "v4-mapped private"},
		{"::ffff:169.254.169.254", false, "v4-mapped metadata"},
		{"::ffff:93.184.216.34", true, "v4-mapped public"},
		{"::127.0.0.1", false, "v4-compatible loopback"},
		{"::93.184.216.34", false, "v4-compatible public: deprecated"},
		{"::ffff:0:127.0.0.1", false, "v4-translated"},
		{"2002:7f00:1::", false, "6to4 loopback"},
		{"2002:a00:1::1", false, "6to4 private"},
		{"2002:5db8:d822::1", false, "6to4 public: deprecated"},
		{"64:ff9b::127.0.0.1", false, "NAT64 loopback"},
		{"64:ff9b::10.1.2.3", false, "NAT64 private"},
		{"64:ff9b::169.254.169.254", false, "NAT64 metadata"},
		{"64:ff9b::93.184.216.34", true, "NAT64 public: how IPv6-only networks reach it"},
		{"64:ff9b:1::127.0.0.1", false, "NAT64 local use"},
		{"64:ff9b:1:fffe::5db8:d822", false, "NAT64 local use"},
		{"64:ff9b:0:1::1", false, "beside NAT64"},
		{"2001:0:4136:e378:8000:63bf:80ff:fffe", false, "Teredo"},
		{"2606:4700::5efe:7f00:1", false, "ISATAP loopback under a public prefix"},
		{"2606:4700::200:5efe:a00:1", false, "ISATAP private, universal bit set"},
		{"fe80::5efe:192.168.0.1", false, "ISATAP, link-local"},
	} {
		if got := Open(netip.MustParseAddr(c.ip)); got != c.open {
			t.Errorf("Open(%s) = %v; it is %s", c.ip, got, c.what)
		}
	}
	if Open(netip.Addr{}) {
		t.Error("the zero address is open")
	}
}

func TestContainsSeesThroughZonesAndMapping(t *testing.T) {
	networks := []netip.Prefix{netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("127.0.0.0/8")}
	for _, ip := range []string{"fe80::1%lo", "::ffff:127.0.0.9", "127.0.0.9"} {
		if !contains(networks, netip.MustParseAddr(ip)) {
			t.Errorf("%s is not found in its network", ip)
		}
	}
}
