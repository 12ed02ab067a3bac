package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	policyv1alpha2 "sigs.k8s.io/network-policy-api/apis/v1alpha2"
)

type stores struct{ networkPolicies, clusterNetworkPolicies cache.Indexer }

// add takes one object in, if the engine can say what it means.
func (s stores) add(top head, raw json.RawMessage) error {
	switch top.Kind {
	case "NetworkPolicy":
		var sent, object networkingv1.NetworkPolicy
		if err := strictly(raw, &sent); err != nil {
			return err
		}
		complete(&sent)
		wire, err := sent.Marshal()
		if err != nil {
			return err
		}
		if err := object.Unmarshal(wire); err != nil {
			return err
		}
		return s.networkPolicies.Add(&object)
	case "ClusterNetworkPolicy":
		var object policyv1alpha2.ClusterNetworkPolicy
		if err := strictly(raw, &object); err != nil {
			return err
		}
		if object.APIVersion != policyv1alpha2.GroupVersion.String() {
			return fmt.Errorf("%s is watched, not %q", policyv1alpha2.GroupVersion, object.APIVersion)
		}
		if err := check(&object.Spec); err != nil {
			return err
		}
		return s.clusterNetworkPolicies.Add(&object)
	default:
		return fmt.Errorf("no objects of kind %q are watched", top.Kind)
	}
}

func strictly(raw json.RawMessage, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// complete sets what the API server would set.
func complete(object *networkingv1.NetworkPolicy) {
	if len(object.Spec.PolicyTypes) == 0 {
		object.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
		if len(object.Spec.Egress) > 0 {
			object.Spec.PolicyTypes = append(object.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
		}
	}
	protocol := func(ports []networkingv1.NetworkPolicyPort) {
		tcp := corev1.ProtocolTCP
		for i := range ports {
			if ports[i].Protocol == nil {
				ports[i].Protocol = &tcp
			}
		}
	}
	for _, rule := range object.Spec.Ingress {
		protocol(rule.Ports)
	}
	for _, rule := range object.Spec.Egress {
		protocol(rule.Ports)
	}
}

// check finds what the engine would silently not match.
func check(spec *policyv1alpha2.ClusterNetworkPolicySpec) error {
	chosen := []*metav1.LabelSelector{spec.Subject.Namespaces}
	pods := func(one *policyv1alpha2.NamespacedPod) {
		if one != nil {
			chosen = append(chosen, &one.NamespaceSelector, &one.PodSelector)
		}
	}
	pods(spec.Subject.Pods)
	for _, rule := range spec.Ingress {
		for _, peer := range rule.From {
			chosen = append(chosen, peer.Namespaces)
			pods(peer.Pods)
		}
	}
	for _, rule := range spec.Egress {
		for _, peer := range rule.To {
			chosen = append(chosen, peer.Namespaces, peer.Nodes)
			pods(peer.Pods)
			for _, network := range peer.Networks {
				if _, err := netip.ParsePrefix(string(network)); err != nil {
					return err
				}
			}
		}
	}
	for _, selector := range chosen {
		if _, err := metav1.LabelSelectorAsSelector(selector); err != nil {
			return err
		}
	}
	return nil
}
