package main

import (
	"cmp"
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
			rule := proxyRule{one, filter.Tier, filter.Port, max(filter.Port, filter.EndPort), selector.IsWildcard(), nil}
			peers := slices.Values(selector.GetSelectionsAt(of.GetPolicySelectors()))
			switch {
			case filter.PortName == "":
				rule.peers = map[identity.NumericIdentity]uint16{}
				for peer := range peers {
					rule.peers[peer] = 0
				}
			case ingress:
				port := owner{who}.GetIngressNamedPort(filter.PortName, filter.U8Proto)
				if port == 0 {
					continue
				}
				rule.first, rule.last = port, port
				rule.peers = map[identity.NumericIdentity]uint16{}
				for peer := range peers {
					rule.peers[peer] = 0
				}
			default:
				rule.everybody = false
				rule.peers = maps.Collect(of.SelectorPolicy.GetEgressNamedPorts(filter.PortName, filter.U8Proto, peers))
			}
			found = append(found, rule)
		}
	}
	slices.SortFunc(found, func(a, b proxyRule) int { return cmp.Compare(b.GetPrecedence(), a.GetPrecedence()) })
	return found
}

// allows says what the proxy does with a connection of TCP: of the rules about its port and its peer any that matches
// decides, the higher precedence first (npds.proto). One with requests matches those alone, and what is no HTTP the
// proxy refuses.
func (p proxyPolicy) allows(peer identity.NumericIdentity, f flow) bool {
	if f.Request == nil {
		return false
	}
	passed := types.Tier(0)
	for _, one := range p {
		switch {
		case one.tier < passed || !one.isAbout(peer, f.Port):
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
