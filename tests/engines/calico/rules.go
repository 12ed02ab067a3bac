package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/projectcalico/calico/felix/proto"
	"github.com/projectcalico/calico/felix/rules"
)

var protocols = map[string]uint8{"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58, "sctp": 132}

// A packet is the first of a flow, with its addresses read.
type packet struct {
	source, destination netip.Addr
	protocol            uint8
	port                int32
}

func newPacket(f flow) (packet, error) {
	source, err := netip.ParseAddr(f.From)
	if err != nil {
		return packet{}, err
	}
	destination, err := netip.ParseAddr(f.To)
	return packet{source, destination, f.Protocol, int32(f.Port)}, err
}

// ipSets are the members of the selectors that rules refer to.
type ipSets map[string][]netip.Prefix

func (s ipSets) add(id string, members []string) {
	for _, member := range members {
		if address, err := netip.ParseAddr(member); err == nil {
			s[id] = append(s[id], netip.PrefixFrom(address, address.BitLen()))
		} else {
			s[id] = append(s[id], netip.MustParsePrefix(member))
		}
	}
}

// matches reads a calculated rule as the data plane does (felix/rules/policy.go), which first drops what is of the
// other address family; Calico's checker of its application layer does not know IP versions and ICMP types.
func (s ipSets) matches(given *proto.Rule, p packet) (bool, error) {
	if err := refuseUnknown(given); err != nil {
		return false, err
	}
	version := uint8(4)
	if p.source.Is6() {
		version = 6
	}
	rule := rules.FilterRuleToIPVersion(version, given)
	return rule != nil &&
		s.side(p.source, rule.SrcNet, rule.NotSrcNet, rule.SrcIpSetIds, rule.NotSrcIpSetIds) &&
		s.side(p.destination, rule.DstNet, rule.NotDstNet, rule.DstIpSetIds, rule.NotDstIpSetIds) &&
		matchesProtocol(rule.Protocol, p) && matchesPorts(rule.DstPorts, p) && matchesIcmp(rule, p), nil
}

func refuseUnknown(rule *proto.Rule) error {
	named := len(rule.SrcNamedPortIpSetIds) + len(rule.DstNamedPortIpSetIds) + len(rule.DstIpPortSetIds)
	negated := len(rule.NotSrcPorts) + len(rule.NotDstPorts) + len(rule.SrcPorts)
	if named+negated > 0 || rule.NotProtocol != nil || rule.NotIcmp != nil || rule.HttpMatch != nil {
		return fmt.Errorf("the rule asks for what is not evaluated here: %v", rule)
	}
	return nil
}

// side asks for one of the nets, none of the excepted, every set, and none of the excepted sets.
func (s ipSets) side(address netip.Addr, nets, notNets, sets, notSets []string) bool {
	within := func(net string) bool { return netip.MustParsePrefix(net).Contains(address) }
	member := func(id string) bool {
		return slices.ContainsFunc(s[id], func(one netip.Prefix) bool { return one.Contains(address) })
	}
	outside := func(id string) bool { return !member(id) }
	return (len(nets) == 0 || slices.ContainsFunc(nets, within)) && !slices.ContainsFunc(notNets, within) &&
		!slices.ContainsFunc(sets, outside) && !slices.ContainsFunc(notSets, member)
}

func matchesProtocol(protocol *proto.Protocol, p packet) bool {
	switch asked := protocol.GetNumberOrName().(type) {
	case *proto.Protocol_Number:
		return asked.Number == int32(p.protocol)
	case *proto.Protocol_Name:
		return protocols[strings.ToLower(asked.Name)] == p.protocol
	default:
		return true
	}
}

func matchesPorts(ranges []*proto.PortRange, p packet) bool {
	within := func(one *proto.PortRange) bool { return one.First <= p.port && p.port <= one.Last }
	return len(ranges) == 0 || slices.ContainsFunc(ranges, within)
}

func matchesIcmp(rule *proto.Rule, p packet) bool {
	switch icmp := rule.Icmp.(type) {
	case *proto.Rule_IcmpType:
		return icmp.IcmpType == p.port
	case *proto.Rule_IcmpTypeCode:
		return icmp.IcmpTypeCode.Type == p.port && icmp.IcmpTypeCode.Code == 0
	default:
		return true
	}
}
