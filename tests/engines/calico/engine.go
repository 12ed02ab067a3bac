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
	policies  map[string]*proto.Policy
	profiles  map[string]*proto.Profile
	endpoints map[string]*proto.WorkloadEndpoint
	sets      ipSets
}

func newCalico() *calico {
	return &calico{
		policies:  map[string]*proto.Policy{},
		profiles:  map[string]*proto.Profile{},
		endpoints: map[string]*proto.WorkloadEndpoint{},
		sets:      ipSets{},
	}
}

func (c *calico) load(w *world) ([]rejection, error) {
	given := newLoader()
	if err := given.load(w); err != nil {
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
	return given.rejected, nil
}

func (c *calico) onEvent(message any) {
	switch event := message.(type) {
	case *proto.ActivePolicyUpdate:
		c.policies[event.Id.Tier+"/"+event.Id.Name] = event.Policy
	case *proto.ActiveProfileUpdate:
		c.profiles[event.Id.Name] = event.Profile
	case *proto.WorkloadEndpointUpdate:
		for _, net := range append(event.Endpoint.Ipv4Nets, event.Endpoint.Ipv6Nets...) {
			c.endpoints[netip.MustParsePrefix(net).Addr().String()] = event.Endpoint
		}
	case *proto.IPSetUpdate:
		c.sets.add(event.Id, event.Members)
	case *proto.IPSetDeltaUpdate:
		c.sets.add(event.Id, event.AddedMembers)
	}
}

// allows walks the tiers as the data plane's chains do (felix/rules/endpoints.go).
func (c *calico) allows(ingress bool, subject, other string, f flow) (bool, error) {
	endpoint := c.endpoints[subject]
	if endpoint == nil {
		return false, fmt.Errorf("Calico has no endpoint %s", subject)
	}
	asked, err := newPacket(f)
	if err != nil {
		return false, err
	}
	for _, tier := range endpoint.Tiers {
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
	for _, name := range endpoint.ProfileIds {
		rules := c.profiles[name].GetOutboundRules()
		if ingress {
			rules = c.profiles[name].GetInboundRules()
		}
		if action, err := c.first(rules, asked); action != "" || err != nil {
			return action == "allow", err
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
		rules := policy.OutboundRules
		if ingress {
			rules = policy.InboundRules
		}
		if action, err := c.first(rules, asked); action != "" || err != nil {
			return action, err
		}
	}
	return "", nil
}

func (c *calico) first(rules []*proto.Rule, asked packet) (string, error) {
	for _, rule := range rules {
		matched, err := c.sets.matches(rule, asked)
		if err != nil {
			return "", err
		}
		if action := strings.ToLower(rule.Action); matched && action != "log" {
			return action, nil
		}
	}
	return "", nil
}
