package main

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/cilium/cilium/pkg/identity"
	"github.com/cilium/cilium/pkg/k8s"
	corev1 "github.com/cilium/cilium/pkg/k8s/slim/k8s/api/core/v1"
	metav1 "github.com/cilium/cilium/pkg/k8s/slim/k8s/apis/meta/v1"
	"github.com/cilium/cilium/pkg/labels"
	"github.com/cilium/cilium/pkg/labelsfilter"
	"github.com/cilium/cilium/pkg/policy"
	"github.com/cilium/cilium/pkg/policy/api"
	"github.com/cilium/cilium/pkg/policy/types"
)

const firstPodIdentity = 1000

type subject struct{ identity *identity.Identity }

// places knows the identity of every address, as Cilium's ipcache would: that of a pod by its labels, that of a node,
// and outside the cluster that of the longest prefix that some rule names, with the domain names that rules look for.
type places struct {
	identities identity.IdentityMap
	pods       map[string]*subject
	outside    map[netip.Addr]identity.NumericIdentity
	nodes      map[string]bool
	prefixes   []netip.Prefix
	selectors  []*api.FQDNSelector
	names      map[string][]string
}

func newPlaces(w *world, rules types.PolicyEntries) *places {
	p := &places{
		identities: identity.ListReservedIdentities(),
		pods:       map[string]*subject{},
		outside:    map[netip.Addr]identity.NumericIdentity{},
		nodes:      map[string]bool{},
		prefixes:   policy.GetCIDRPrefixes(rules),
		selectors:  domainSelectors(rules),
		names:      w.Names,
	}
	slices.SortFunc(p.prefixes, func(a, b netip.Prefix) int { return b.Bits() - a.Bits() })
	p.addPods(w)
	for _, node := range w.Nodes {
		p.nodes[node] = true
	}
	for _, f := range w.Flows {
		p.addOutside(f.From)
		p.addOutside(f.To)
	}
	return p
}

func domainSelectors(rules types.PolicyEntries) (found []*api.FQDNSelector) {
	for _, rule := range rules {
		for _, peer := range rule.L3 {
			if selector, ok := peer.GetFQDNSelector(); ok {
				found = append(found, selector)
			}
		}
	}
	return found
}

func (p *places) addPods(w *world) {
	namespaces := map[string]map[string]string{}
	for _, one := range w.Namespaces {
		namespaces[one.Name] = one.Labels
	}
	known := map[string]*subject{}
	for _, one := range w.Pods {
		meta := metav1.ObjectMeta{Name: one.Name, Namespace: one.Namespace, Labels: one.Labels}
		space := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: one.Namespace, Labels: namespaces[one.Namespace]}}
		_, found := k8s.GetPodMetadata(logger, space, &corev1.Pod{ObjectMeta: meta})
		own, _ := labelsfilter.Filter(labels.Map2Labels(found, labels.LabelSourceK8s))
		key := string(own.SortedList())
		if known[key] == nil {
			id := identity.NewIdentity(identity.NumericIdentity(firstPodIdentity+len(known)), own)
			known[key] = &subject{id}
			p.identities[id.ID] = id.LabelArray
		}
		p.pods[one.IP] = known[key]
	}
}

func (p *places) addOutside(ip string) {
	address, err := netip.ParseAddr(ip)
	if err != nil || p.pods[ip] != nil || p.nodes[ip] || p.outside[address] != 0 {
		return
	}
	own := labels.GetCIDRLabels(p.longest(address))
	for _, selector := range p.selectors {
		for _, name := range p.names[ip] {
			if pattern, err := selector.ToRegex(); err == nil && pattern.MatchString(name+".") {
				label := selector.IdentityLabel()
				own[label.Key] = label
			}
		}
	}
	if len(own) == 1 {
		p.outside[address] = identity.GetWorldIdentityFromIP(address)
		return
	}
	id := identity.MinLocalIdentity + identity.NumericIdentity(len(p.outside))
	p.outside[address] = id
	p.identities[id] = own.LabelArray()
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
	if p.pods[ip] != nil {
		return p.pods[ip].identity.ID, nil
	}
	if p.nodes[ip] {
		return identity.ReservedIdentityRemoteNode, nil
	}
	address, err := netip.ParseAddr(ip)
	if err != nil {
		return 0, fmt.Errorf("no such place as %s", ip)
	}
	return p.outside[address], nil
}
