package main

import (
	"encoding/json"
	"fmt"
	"math"
	"sync"

	"github.com/cilium/cilium/pkg/endpoint/regeneration"
	"github.com/cilium/cilium/pkg/identity/identitymanager"
	ipcache "github.com/cilium/cilium/pkg/ipcache/types"
	"github.com/cilium/cilium/pkg/k8s"
	v2 "github.com/cilium/cilium/pkg/k8s/apis/cilium.io/v2"
	networkingv1 "github.com/cilium/cilium/pkg/k8s/slim/k8s/api/networking/v1"
	"github.com/cilium/cilium/pkg/policy"
	"github.com/cilium/cilium/pkg/policy/types"
	"github.com/cilium/cilium/pkg/policy/utils"
	"github.com/cilium/cilium/pkg/u8proto"
)

type cilium struct {
	repository *policy.Repository
	places     *places
	distilled  map[*subject]*policy.EndpointPolicy
}

func (c *cilium) load(w *world) ([]rejection, error) {
	rules := map[ipcache.ResourceID]types.PolicyEntries{}
	var all types.PolicyEntries
	var rejected []rejection
	for _, raw := range w.Objects {
		var object v2.CiliumClusterwideNetworkPolicy
		if err := json.Unmarshal(raw, &object); err != nil {
			return nil, err
		}
		parsed, err := object.Parse(logger, localCluster)
		if err != nil {
			rejected = append(rejected, rejection{object.Name, err.Error()})
			continue
		}
		id := ipcache.NewResourceID(ipcache.ResourceKindCCNP, "", object.Name)
		rules[id] = utils.RulesToPolicyEntries(parsed)
		all = append(all, rules[id]...)
	}
	for _, raw := range w.NetworkPolicies {
		var object networkingv1.NetworkPolicy
		if err := json.Unmarshal(raw, &object); err != nil {
			return nil, err
		}
		parsed, err := k8s.ParseNetworkPolicy(logger, localCluster, &object)
		if err != nil {
			rejected = append(rejected, rejection{object.Name, err.Error()})
			continue
		}
		rules[ipcache.NewResourceID(ipcache.ResourceKindNetpol, object.Namespace, object.Name)] = parsed
		all = append(all, parsed...)
	}
	c.places = newPlaces(w, all)
	manager := identitymanager.NewIDManager(logger)
	c.repository = policy.NewPolicyRepository(logger, c.places.identities, nil, nil, manager, noMetrics{})
	wait := &sync.WaitGroup{}
	c.repository.GetSubjectSelectorCache().UpdateIdentities(c.places.identities, nil, wait)
	wait.Wait()
	for id, entries := range rules {
		c.repository.ReplaceByResource(entries, id)
	}
	return rejected, nil
}

func (c *cilium) allows(ingress bool, whose, other string, f flow) (bool, error) {
	if f.Port == 0 {
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
	entry, _, _ := distilled.Lookup(key.WithIdentity(peer).WithPortProto(u8proto.U8proto(f.Protocol), f.Port))
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
	distilled := selected.DistillPolicy(logger, owner{uint64(who.identity.ID)}, redirects)
	distilled.Ready()
	distilled.Detach(logger)
	selected.Supersede()
	c.distilled[who] = distilled
	return distilled, nil
}

// An owner is a pod as far as the engine must know it.
type owner struct{ id uint64 }

func (o owner) GetID() uint64                                      { return o.id }
func (o owner) GetIngressNamedPort(string, u8proto.U8proto) uint16 { return 0 }
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
