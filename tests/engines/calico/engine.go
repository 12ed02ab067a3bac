package main

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/projectcalico/calico/felix/calc"
	"github.com/projectcalico/calico/felix/config"
	"github.com/projectcalico/calico/felix/proto"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/api"
)

// calico holds what the calculation graph tells the data plane.
type calico struct {
	policies  map[string]*ruleLists
	profiles  map[string]*ruleLists
	endpoints map[string]endpoint
	sets      ipSets
}

// An endpoint is a pod's or a host's.
type endpoint struct {
	tiers    []*proto.TierInfo
	profiles []string
}

func newCalico() *calico {
	return &calico{
		policies:  map[string]*ruleLists{},
		profiles:  map[string]*ruleLists{},
		endpoints: map[string]endpoint{},
		sets:      ipSets{},
	}
}

func (c *calico) load(w *world) ([]rejection, error) {
	given := newLoader()
	rejected, err := given.load(w)
	if err != nil {
		return nil, err
	}
	settings := config.New()
	settings.FelixHostname = hostname
	events := calc.NewEventSequencer(settings)
	events.Callback = c.onEvent
	graph := calc.NewCalculationGraph(events, calc.NewLookupsCache(), settings, func() {})
	filter := calc.NewValidationFilter(graph, settings)
	filter.OnStatusUpdated(api.ResyncInProgress)
	filter.OnUpdates(given.updates)
	filter.OnStatusUpdated(api.InSync)
	graph.Flush()
	events.Flush()
	return rejected, nil
}

func (c *calico) onEvent(message any) {
	switch event := message.(type) {
	case *proto.ActivePolicyUpdate:
		c.policies[event.Id.Tier+"/"+event.Id.Name] = newRuleLists(event.Policy.InboundRules, event.Policy.OutboundRules)
	case *proto.ActiveProfileUpdate:
		c.profiles[event.Id.Name] = newRuleLists(event.Profile.InboundRules, event.Profile.OutboundRules)
	case *proto.WorkloadEndpointUpdate:
		for _, net := range append(event.Endpoint.Ipv4Nets, event.Endpoint.Ipv6Nets...) {
			address := netip.MustParsePrefix(net).Addr().String()
			c.endpoints[address] = endpoint{event.Endpoint.Tiers, event.Endpoint.ProfileIds}
		}
	case *proto.HostEndpointUpdate:
		for _, address := range append(event.Endpoint.ExpectedIpv4Addrs, event.Endpoint.ExpectedIpv6Addrs...) {
			c.endpoints[address] = endpoint{event.Endpoint.Tiers, event.Endpoint.ProfileIds}
		}
	case *proto.IPSetUpdate:
		c.sets.add(event.Id, event.Members)
	case *proto.IPSetDeltaUpdate:
		c.sets.add(event.Id, event.AddedMembers)
	}
}

func (c *calico) judges(address string) bool {
	_, found := c.endpoints[address]
	return found
}

// allows walks the tiers as the data plane's chains do (felix/rules/endpoints.go).
func (c *calico) allows(ingress bool, subject, other string, f flow) (bool, error) {
	endpoint := c.endpoints[subject]
	asked, err := newPacket(f)
	if err != nil {
		return false, err
	}
	for _, tier := range endpoint.tiers {
		names := tier.EgressPolicies
		if ingress {
			names = tier.IngressPolicies
		}
		if len(names) == 0 {
			continue
		}
		action, err := c.tier(ingress, tier.Name, names, asked)
		if err != nil {
			return false, err
		}
		if action == "" {
			action = strings.ToLower(tier.DefaultAction)
		}
		switch action {
		case "allow", "deny":
			return action == "allow", nil
		case "pass", "next-tier":
		default:
			return false, fmt.Errorf("Calico has no action %s", action)
		}
	}
	for _, name := range endpoint.profiles {
		if rules := c.profiles[name]; rules != nil {
			if action, err := c.first(rules.of(ingress, asked.version), asked); action != "" || err != nil {
				return action == "allow", err
			}
		}
	}
	return false, nil
}

// tier returns the action of the first rule that matches; the empty string when none does.
func (c *calico) tier(ingress bool, tier string, names []string, asked packet) (string, error) {
	for _, name := range names {
		policy := c.policies[tier+"/"+name]
		if policy == nil {
			return "", fmt.Errorf("Calico has no rules for %s", name)
		}
		if action, err := c.first(policy.of(ingress, asked.version), asked); action != "" || err != nil {
			return action, err
		}
	}
	return "", nil
}

func (c *calico) first(rules []rule, asked packet) (string, error) {
	for i := range rules {
		if rules[i].unknown != nil {
			return "", rules[i].unknown
		}
		if rules[i].action != "log" && rules[i].matches(c.sets, asked) {
			return rules[i].action, nil
		}
	}
	return "", nil
}
