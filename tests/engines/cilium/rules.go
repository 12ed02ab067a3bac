package main

import (
	"encoding/json"
	"errors"
	"fmt"

	policyv1alpha2 "sigs.k8s.io/network-policy-api/apis/v1alpha2"

	ipcache "github.com/cilium/cilium/pkg/ipcache/types"
	"github.com/cilium/cilium/pkg/k8s"
	v2 "github.com/cilium/cilium/pkg/k8s/apis/cilium.io/v2"
	networkingv1 "github.com/cilium/cilium/pkg/k8s/slim/k8s/api/networking/v1"
	"github.com/cilium/cilium/pkg/option"
	"github.com/cilium/cilium/pkg/policy/types"
	"github.com/cilium/cilium/pkg/policy/utils"
)

// A source is one object with its rules. The namespace of its id must be the object's own: Cilium looks for the rules
// of a pod under its namespace and under none.
type source struct {
	id    ipcache.ResourceID
	rules types.PolicyEntries
}

// parse reads one object as the watchers of Cilium's agent do (pkg/policy/k8s). An error is what the agent would log,
// and for a ClusterNetworkPolicy only log, before it goes on without the object.
func parse(top head, raw json.RawMessage, local string) (source, error) {
	switch top.Kind {
	case "CiliumClusterwideNetworkPolicy":
		var object v2.CiliumClusterwideNetworkPolicy
		if err := json.Unmarshal(raw, &object); err != nil {
			return source{}, err
		}
		parsed, err := object.Parse(logger, local)
		id := ipcache.NewResourceID(ipcache.ResourceKindCCNP, "", object.Name)
		return source{id, utils.RulesToPolicyEntries(parsed)}, err
	case "CiliumNetworkPolicy":
		var object v2.CiliumNetworkPolicy
		if err := json.Unmarshal(raw, &object); err != nil {
			return source{}, err
		}
		parsed, err := object.Parse(logger, local)
		id := ipcache.NewResourceID(ipcache.ResourceKindCNP, object.Namespace, object.Name)
		return source{id, utils.RulesToPolicyEntries(parsed)}, err
	case "ClusterNetworkPolicy":
		return parseClusterNetworkPolicy(raw, local)
	case "NetworkPolicy":
		var object networkingv1.NetworkPolicy
		if err := json.Unmarshal(raw, &object); err != nil {
			return source{}, err
		}
		parsed, err := k8s.ParseNetworkPolicy(logger, local, &object)
		return source{ipcache.NewResourceID(ipcache.ResourceKindNetpol, object.Namespace, object.Name), parsed}, err
	default:
		return source{}, fmt.Errorf("Cilium has no objects of kind %q", top.Kind)
	}
}

func parseClusterNetworkPolicy(raw json.RawMessage, local string) (source, error) {
	var object policyv1alpha2.ClusterNetworkPolicy
	if err := json.Unmarshal(raw, &object); err != nil {
		return source{}, err
	}
	if object.APIVersion != policyv1alpha2.GroupVersion.String() {
		return source{}, fmt.Errorf("Cilium watches %s, not %q", policyv1alpha2.GroupVersion, object.APIVersion)
	}
	if !option.Config.EnableK8sClusterNetworkPolicy {
		return source{}, errors.New("Cilium watches no ClusterNetworkPolicies unless it is told to")
	}
	parsed, err := k8s.ParseClusterNetworkPolicy(logger, local, &object)
	return source{ipcache.NewResourceID(ipcache.ResourceKindKCNP, object.Namespace, object.Name), parsed}, err
}
