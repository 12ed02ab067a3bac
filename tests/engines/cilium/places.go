package main

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/cilium/cilium/pkg/identity"
	"github.com/cilium/cilium/pkg/labels"
	"github.com/cilium/cilium/pkg/option"
	"github.com/cilium/cilium/pkg/policy"
	"github.com/cilium/cilium/pkg/policy/api"
	"github.com/cilium/cilium/pkg/policy/types"
	ciliumtypes "github.com/cilium/cilium/pkg/types"
)

// A namedPortMap is what Cilium's ipcache keeps of the ports that pods give names to.
type namedPortMap interface {
	ciliumtypes.NamedPortMultiMap
	Update(of identity.NumericIdentity, old, now ciliumtypes.NamedPortMap) bool
}

// places knows the identity of every address, as Cilium's ipcache would: that of a pod by its labels, that of a node,
// and outside the cluster that of the longest prefix that some rule names, with the domain names that rules look for.
type places struct {
	identities identity.IdentityMap
	pods       map[string]*subject
	others     map[string]identity.NumericIdentity
	prefixes   []netip.Prefix
	selectors  []*api.FQDNSelector
	names      map[string][]string
	namedPorts namedPortMap
	outside    identity.NumericIdentity
}

func newPlaces(w *world, rules types.PolicyEntries) (*places, error) {
	p := &places{
		identities: identity.ListReservedIdentities(),
		pods:       map[string]*subject{},
		others:     map[string]identity.NumericIdentity{},
		prefixes:   policy.GetCIDRPrefixes(rules),
		selectors:  domainSelectors(rules),
		names:      w.Names,
		namedPorts: ciliumtypes.NewNamedPortMultiMap(),
		outside:    identity.MinLocalIdentity,
	}
	slices.SortFunc(p.prefixes, func(a, b netip.Prefix) int { return b.Bits() - a.Bits() })
	if err := p.addPods(w); err != nil {
		return nil, err
	}
	if err := p.addNodes(w); err != nil {
		return nil, err
	}
	for _, f := range w.Flows {
		p.addOutside(f.From)
		p.addOutside(f.To)
	}
	return p, nil
}

func domainSelectors(rules types.PolicyEntries) (found []*api.FQDNSelector) {
	known := map[string]bool{}
	for _, rule := range rules {
		for _, peer := range rule.L3 {
			if selector, ok := peer.GetFQDNSelector(); ok && !known[selector.SelectorKey()] {
				known[selector.SelectorKey()] = true
				found = append(found, selector)
			}
		}
	}
	return found
}

func (p *places) addOutside(ip string) {
	address, err := netip.ParseAddr(ip)
	if err != nil || p.pods[ip] != nil || p.others[ip] != 0 {
		return
	}
	own := labels.GetCIDRLabels(p.longest(address))
	own.MergeLabels(p.domains(ip))
	if len(own) == 1 {
		p.others[ip] = identity.GetWorldIdentityFromIP(address)
		return
	}
	p.others[ip] = p.outside
	p.identities[p.outside] = own.LabelArray()
	p.outside++
}

// domains returns the labels of the domain selectors that found an address.
func (p *places) domains(ip string) labels.Labels {
	found := labels.Labels{}
	for _, selector := range p.selectors {
		for _, name := range p.names[ip] {
			if pattern, err := selector.ToRegex(); err == nil && pattern.MatchString(name+".") {
				label := selector.IdentityLabel()
				found[label.Key] = label
			}
		}
	}
	return found
}

// longest returns the longest prefix that holds the address; the empty one when no rule names any.
func (p *places) longest(address netip.Addr) netip.Prefix {
	for _, prefix := range p.prefixes {
		if prefix.Contains(address) {
			return prefix
		}
	}
	return netip.PrefixFrom(address, 0).Masked()
}

func (p *places) identityOf(ip string) (identity.NumericIdentity, error) {
	if found := p.pods[ip]; found != nil {
		return found.identity.ID, nil
	}
	if found := p.others[ip]; found != 0 {
		return found, nil
	}
	return 0, fmt.Errorf("no such place as %s", ip)
}

// addNodes gives nodes the identities of Cilium's node manager (pkg/node/manager): one for all of them, unless labels
// or addresses of nodes may be selected.
func (p *places) addNodes(w *world) error {
	next := identity.IdentityScopeRemoteNode + identity.MinAllocatorLocalIdentity
	for _, one := range w.Nodes {
		for _, ip := range one.Addresses {
			address, err := netip.ParseAddr(ip)
			if err != nil {
				return err
			}
			own := p.nodeLabels(one, address)
			switch {
			case one.Local:
				merged := labels.NewFrom(p.identities[identity.ReservedIdentityHost].Labels())
				merged.MergeLabels(own)
				p.identities[identity.ReservedIdentityHost] = merged.LabelArray()
				p.others[ip] = identity.ReservedIdentityHost
			case option.Config.PolicyCIDRMatchesNodes() || option.Config.PerNodeLabelsEnabled():
				p.others[ip] = next
				p.identities[next] = own.LabelArray()
				next++
			default:
				p.others[ip] = identity.ReservedIdentityRemoteNode
			}
		}
	}
	return nil
}
