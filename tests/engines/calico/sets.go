package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// ipSets are the members of the selectors that rules refer to, by id.
type ipSets map[string]*ipSet

// An ipSet has addresses, networks, or addresses with a protocol and a port.
type ipSet struct {
	addresses map[netip.Addr]bool
	networks  []netip.Prefix
	ports     map[string]bool
}

func (s ipSets) add(id string, members []string) {
	set := s[id]
	if set == nil {
		set = &ipSet{addresses: map[netip.Addr]bool{}, ports: map[string]bool{}}
		s[id] = set
	}
	for _, member := range members {
		if strings.Contains(member, ",") {
			set.ports[member] = true
		} else if address, err := netip.ParseAddr(member); err == nil {
			set.addresses[address] = true
		} else if network := netip.MustParsePrefix(member); network.IsSingleIP() {
			set.addresses[network.Addr()] = true
		} else {
			set.networks = append(set.networks, network)
		}
	}
}

func (s *ipSet) holds(address netip.Addr) bool {
	if s == nil {
		return false
	}
	within := func(one netip.Prefix) bool { return one.Contains(address) }
	return s.addresses[address] || slices.ContainsFunc(s.networks, within)
}

func (s *ipSet) holdsPort(p packet) bool {
	if s == nil || len(s.ports) == 0 {
		return false
	}
	for name, number := range protocols {
		if number == p.protocol {
			return s.ports[fmt.Sprintf("%s,%s:%d", p.destination, name, p.port)]
		}
	}
	return false
}

// side asks for one of the nets, none of the excepted, every set, and none of the excepted sets.
func (s ipSets) side(address netip.Addr, nets, notNets []netip.Prefix, sets, notSets []string) bool {
	within := func(net netip.Prefix) bool { return net.Contains(address) }
	member := func(id string) bool { return s[id].holds(address) }
	outside := func(id string) bool { return !s[id].holds(address) }
	return (len(nets) == 0 || slices.ContainsFunc(nets, within)) && !slices.ContainsFunc(notNets, within) &&
		!slices.ContainsFunc(sets, outside) && !slices.ContainsFunc(notSets, member)
}
