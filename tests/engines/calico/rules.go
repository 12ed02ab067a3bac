package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/projectcalico/calico/felix/proto"
	"github.com/projectcalico/calico/felix/rules"
)

var protocols = map[string]uint8{"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58, "sctp": 132, "udplite": 136}

// A packet is the first of a flow, with its addresses read.
type packet struct {
	source, destination netip.Addr
	version             int
	protocol            uint8
	port                int32
	code                int32
}

func newPacket(f flow) (packet, error) {
	source, err := netip.ParseAddr(f.From)
	if err != nil {
		return packet{}, err
	}
	destination, err := netip.ParseAddr(f.To)
	version := 4
	if source.Is6() {
		version = 6
	}
	return packet{source, destination, version, f.Protocol, int32(f.Port), int32(f.Code)}, err
}

// ruleLists are the rules of a policy or a profile, made ready when they are first asked for.
type ruleLists struct {
	inbound, outbound []*proto.Rule
	ready             map[[2]int][]rule
}

func newRuleLists(inbound, outbound []*proto.Rule) *ruleLists {
	return &ruleLists{inbound, outbound, map[[2]int][]rule{}}
}

func (l *ruleLists) of(ingress bool, version int) []rule {
	given, key := l.outbound, [2]int{0, version}
	if ingress {
		given, key = l.inbound, [2]int{1, version}
	}
	found, ok := l.ready[key]
	if !ok {
		for _, one := range given {
			// The data plane first drops what is of the other address family.
			if filtered := rules.FilterRuleToIPVersion(uint8(version), one); filtered != nil {
				found = append(found, newRule(filtered))
			}
		}
		l.ready[key] = found
	}
	return found
}

// A rule is a calculated one of one IP version, with its networks read.
type rule struct {
	*proto.Rule
	action                                   string
	unknown                                  error
	sources, notSources, targets, notTargets []netip.Prefix
}

func newRule(given *proto.Rule) rule {
	return rule{
		Rule:       given,
		action:     strings.ToLower(given.Action),
		unknown:    refuseUnknown(given),
		sources:    prefixes(given.SrcNet),
		notSources: prefixes(given.NotSrcNet),
		targets:    prefixes(given.DstNet),
		notTargets: prefixes(given.NotDstNet),
	}
}

func prefixes(nets []string) (read []netip.Prefix) {
	for _, net := range nets {
		read = append(read, netip.MustParsePrefix(net))
	}
	return read
}

// refuseUnknown refuses what a flow does not say: the port that it comes from, and the service that it is for.
func refuseUnknown(rule *proto.Rule) error {
	named := len(rule.SrcNamedPortIpSetIds) + len(rule.NotSrcNamedPortIpSetIds) + len(rule.DstIpPortSetIds)
	if named+len(rule.SrcPorts)+len(rule.NotSrcPorts) > 0 {
		return fmt.Errorf("the rule asks for what is not evaluated here: %v", rule)
	}
	return nil
}

// matches reads a calculated rule as the data plane does (felix/rules/policy.go).
func (r *rule) matches(sets ipSets, p packet) bool {
	return matchesProtocol(r.Protocol, p) &&
		(r.NotProtocol == nil || !matchesProtocol(r.NotProtocol, p)) &&
		sets.side(p.source, r.sources, r.notSources, r.SrcIpSetIds, r.NotSrcIpSetIds) &&
		sets.side(p.destination, r.targets, r.notTargets, r.DstIpSetIds, r.NotDstIpSetIds) &&
		r.matchesPorts(sets, p) && r.matchesIcmp(p)
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

// matchesPorts asks for one of the ports, be they numbers or names of pods' ports, and none of the excepted.
func (r *rule) matchesPorts(sets ipSets, p packet) bool {
	within := func(one *proto.PortRange) bool { return one.First <= p.port && p.port <= one.Last }
	named := func(id string) bool { return sets[id].holdsPort(p) }
	wanted := len(r.DstPorts)+len(r.DstNamedPortIpSetIds) > 0
	return (!wanted || slices.ContainsFunc(r.DstPorts, within) || slices.ContainsFunc(r.DstNamedPortIpSetIds, named)) &&
		!slices.ContainsFunc(r.NotDstPorts, within) && !slices.ContainsFunc(r.NotDstNamedPortIpSetIds, named)
}

func (r *rule) matchesIcmp(p packet) bool {
	switch icmp := r.Icmp.(type) {
	case *proto.Rule_IcmpType:
		if icmp.IcmpType != p.port {
			return false
		}
	case *proto.Rule_IcmpTypeCode:
		if icmp.IcmpTypeCode.Type != p.port || icmp.IcmpTypeCode.Code != p.code {
			return false
		}
	}
	switch icmp := r.NotIcmp.(type) {
	case *proto.Rule_NotIcmpType:
		return icmp.NotIcmpType != p.port
	case *proto.Rule_NotIcmpTypeCode:
		return icmp.NotIcmpTypeCode.Type != p.port || icmp.NotIcmpTypeCode.Code != p.code
	default:
		return true
	}
}
