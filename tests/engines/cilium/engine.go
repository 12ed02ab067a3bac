package main

import (
	"encoding/json"
	"fmt"
	"math"
	"sync"

	"github.com/cilium/cilium/pkg/endpoint/regeneration"
	envoypolicy "github.com/cilium/cilium/pkg/envoy/policy"
	"github.com/cilium/cilium/pkg/identity/identitymanager"
	"github.com/cilium/cilium/pkg/policy"
	"github.com/cilium/cilium/pkg/policy/types"
	ciliumtypes "github.com/cilium/cilium/pkg/types"
	"github.com/cilium/cilium/pkg/u8proto"
)

type cilium struct {
	repository *policy.Repository
	places     *places
	distilled  map[*subject]*policy.EndpointPolicy
	proxied    map[*subject]map[bool]proxyPolicy
}

func (c *cilium) load(w *world) ([]rejection, error) {
	local, err := choose(w.Options)
	if err != nil {
		return nil, err
	}
	var sources []source
	var all types.PolicyEntries
	rejected, err := w.every(func(top head, raw json.RawMessage) error {
		parsed, err := parse(top, raw, local)
		if err == nil {
			sources = append(sources, parsed)
			all = append(all, parsed.rules...)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if c.places, err = newPlaces(w, all); err != nil {
		return nil, err
	}
	manager := identitymanager.NewIDManager(logger)
	requests := envoypolicy.NewEnvoyL7RulesTranslator(logger, nil)
	c.repository = policy.NewPolicyRepository(logger, c.places.identities, nil, requests, manager, noMetrics{})
	c.repository.SetNamedPortsGetter(c.places)
	wait := &sync.WaitGroup{}
	c.repository.GetSubjectSelectorCache().UpdateIdentities(c.places.identities, nil, wait)
	wait.Wait()
	for _, one := range sources {
		c.repository.ReplaceByResource(one.rules, one.id)
	}
	return rejected, nil
}

func (c *cilium) judges(address string) bool { return c.places.pods[address] != nil }

func (c *cilium) allows(ingress bool, whose, other string, f flow) (bool, error) {
	if hasPorts := f.Protocol == 6 || f.Protocol == 17 || f.Protocol == 132; hasPorts && f.Port == 0 {
		return false, fmt.Errorf("cilium cannot look up port 0")
	}
	distilled, err := c.distil(c.places.pods[whose])
	if err != nil {
		return false, err
	}
	peer, err := c.places.identityOf(other)
	if err != nil {
		return false, err
	}
	key := policy.EgressKey()
	if ingress {
		key = policy.IngressKey()
	}
	// All bits of the port count, as in the data path, of type 0 of ICMP too.
	asked := key.WithIdentity(peer).WithPortProtoPrefix(u8proto.U8proto(f.Protocol), f.Port, 16)
	entry, _, _ := distilled.Lookup(asked)
	if entry.IsAllow() && entry.IsRedirectEntry() && f.Protocol == 6 {
		return c.proxied[c.places.pods[whose]][ingress].allows(peer, f), nil
	}
	return entry.IsAllow(), nil
}

func (c *cilium) distil(who *subject) (*policy.EndpointPolicy, error) {
	if found, ok := c.distilled[who]; ok {
		return found, nil
	}
	selected, _, err := c.repository.ComputeSelectorPolicy(who.identity)
	if err != nil {
		return nil, err
	}
	redirects := map[string]uint16{policy.FallbackRedirectID: math.MaxUint16}
	distilled := selected.DistillPolicy(logger, owner{who}, redirects)
	if distilled.SelectorPolicy.L4Policy.HasEnvoyRedirect() {
		c.proxied[who] = map[bool]proxyPolicy{
			true:  proxyPolicyOf(distilled, who, true),
			false: proxyPolicyOf(distilled, who, false),
		}
	}
	distilled.Ready()
	distilled.Detach(logger)
	selected.Supersede()
	c.distilled[who] = distilled
	return distilled, nil
}

// GetNamedPorts makes the places what the repository asks for the ports that pods give names to.
func (p *places) GetNamedPorts() ciliumtypes.NamedPortMultiMap { return p.namedPorts }

// An owner is a pod as far as the engine must know it.
type owner struct{ *subject }

func (o owner) GetID() uint64 { return uint64(o.identity.ID) }
func (o owner) GetIngressNamedPort(name string, protocol u8proto.U8proto) uint16 {
	port, err := o.ports.GetNamedPort(name, protocol)
	if err != nil {
		return 0
	}
	return port
}
func (o owner) PolicyDebug(string, ...any)                         {}
func (o owner) IsHost() bool                                       { return false }
func (o owner) PreviousMapStateSizes() (none policy.MapStateSizes) { return none }
func (o owner) RegenerateIfAlive(*regeneration.ExternalRegenerationMetadata) <-chan bool {
	done := make(chan bool)
	close(done)
	return done
}

type noMetrics struct{}

func (noMetrics) AddRule(types.PolicyEntry) {}
func (noMetrics) DelRule(types.PolicyEntry) {}
