package main

import (
	"cmp"
	"iter"
	"maps"
	"regexp"
	"slices"

	"github.com/cilium/cilium/pkg/identity"
	"github.com/cilium/cilium/pkg/policy"
	"github.com/cilium/cilium/pkg/policy/api"
	"github.com/cilium/cilium/pkg/policy/types"
	"github.com/cilium/cilium/pkg/u8proto"
)

// A proxyRule is one of those about TCP that Cilium's proxy is given (pkg/envoy/model.go). It is about some peers, all
// where everybody is true, each with its own ports where the destination names them.
type proxyRule struct {
	*policy.PerSelectorPolicy
	tier        types.Tier
	first, last uint16
	everybody   bool
	peers       map[identity.NumericIdentity]uint16
}

// A proxyPolicy has the rules of one direction, those of the highest precedence first.
type proxyPolicy []proxyRule

// proxyPolicyOf must be asked before the policy is ready, for then its peers are forgotten.
func proxyPolicyOf(of *policy.EndpointPolicy, who *subject, ingress bool) (found proxyPolicy) {
	given := of.SelectorPolicy.L4Policy.Egress
	if ingress {
		given = of.SelectorPolicy.L4Policy.Ingress
	}
	for filter := range given.Filters() {
		if filter.U8Proto != u8proto.ANY && filter.U8Proto != u8proto.TCP {
			continue
		}
		for selector, one := range filter.PerSelectorPolicies {
			rule := proxyRule{
				PerSelectorPolicy: one,
				tier:              filter.Tier,
				first:             filter.Port,
				last:              max(filter.Port, filter.EndPort),
				everybody:         selector.IsWildcard(),
				peers:             map[identity.NumericIdentity]uint16{},
			}
			peers := selector.GetSelectionsAt(of.GetPolicySelectors())
			for _, peer := range peers {
				rule.peers[peer] = 0
			}
			if name := filter.PortName; name != "" && ingress {
				rule.first = owner{who}.GetIngressNamedPort(name, u8proto.TCP)
				rule.last = rule.first
			} else if name != "" {
				ports := of.SelectorPolicy.GetEgressNamedPorts(name, u8proto.TCP, slices.Values(peers))
				rule.everybody, rule.peers = false, maps.Collect(iter.Seq2[identity.NumericIdentity, uint16](ports))
			}
			if filter.PortName != "" && ingress && rule.first == 0 {
				continue
			}
			found = append(found, rule)
		}
	}
	slices.SortFunc(found, func(a, b proxyRule) int { return cmp.Compare(b.GetPrecedence(), a.GetPrecedence()) })
	return found
}

// allows says what happens to a connection of TCP that is sent to a proxy: of the rules about its port and its peer any
// that matches decides, the higher precedence first (npds.proto). One with requests matches those alone, and what is no
// HTTP the proxy refuses. Where no rule there has requests it is the DNS proxy, which asks for nothing more.
func (p proxyPolicy) allows(peer identity.NumericIdentity, f flow) bool {
	about := slices.DeleteFunc(slices.Clone(p), func(one proxyRule) bool { return !one.isAbout(peer, f.Port) })
	if !slices.ContainsFunc(about, func(one proxyRule) bool { return one.HasL7Rules() && len(one.HTTP) > 0 }) {
		return true
	}
	passed := types.Tier(0)
	for _, one := range about {
		switch {
		case one.tier < passed || f.Request == nil:
		case one.IsPass():
			passed = one.tier + 1
		case one.IsDeny():
			return false
		case !one.HasL7Rules() || slices.ContainsFunc(one.HTTP, f.Request.matches):
			return true
		}
	}
	return false
}

func (r *proxyRule) isAbout(peer identity.NumericIdentity, port uint16) bool {
	named, known := r.peers[peer]
	if named != 0 {
		return port == named
	}
	return (r.everybody || known) && (r.first == 0 || (r.first <= port && port <= r.last))
}

// matches tells whether a request is what a rule means; expressions match the whole of a header.
func (r *request) matches(rule api.PortRuleHTTP) bool {
	return matchesWhole(rule.Method, r.Method) && matchesWhole(rule.Path, r.Path) && matchesWhole(rule.Host, r.Host)
}

func matchesWhole(pattern, text string) bool {
	return pattern == "" || regexp.MustCompile(`^(?:`+pattern+`)$`).MatchString(text)
}
