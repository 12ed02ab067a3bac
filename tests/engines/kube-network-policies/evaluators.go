package main

import (
	"context"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"sigs.k8s.io/kube-network-policies/pkg/api"
	"sigs.k8s.io/kube-network-policies/pkg/network"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

type (
	egressOnly  struct{ api.PolicyEvaluator }
	ingressOnly struct{ api.PolicyEvaluator }
)

func (egressOnly) EvaluateIngress(context.Context, *network.Packet, *api.PodInfo, *api.PodInfo) (api.Verdict, error) {
	return api.VerdictNext, nil
}

func (ingressOnly) EvaluateEgress(context.Context, *network.Packet, *api.PodInfo, *api.PodInfo) (api.Verdict, error) {
	return api.VerdictNext, nil
}

// perDirection asks NetworkPolicies only about pods that one of them isolates in the direction, and leaves the others
// to the tier behind.
type perDirection struct {
	api.PolicyEvaluator
	lister networkinglisters.NetworkPolicyLister
}

func (d *perDirection) EvaluateIngress(
	ctx context.Context, p *network.Packet, source, destination *api.PodInfo,
) (api.Verdict, error) {
	if isolated, err := d.isolates(networkingv1.PolicyTypeIngress, destination); !isolated || err != nil {
		return api.VerdictNext, err
	}
	return d.PolicyEvaluator.EvaluateIngress(ctx, p, source, destination)
}

func (d *perDirection) EvaluateEgress(
	ctx context.Context, p *network.Packet, source, destination *api.PodInfo,
) (api.Verdict, error) {
	if isolated, err := d.isolates(networkingv1.PolicyTypeEgress, source); !isolated || err != nil {
		return api.VerdictNext, err
	}
	return d.PolicyEvaluator.EvaluateEgress(ctx, p, source, destination)
}

func (d *perDirection) isolates(direction networkingv1.PolicyType, pod *api.PodInfo) (bool, error) {
	if pod == nil {
		return false, nil
	}
	policies, err := d.lister.NetworkPolicies(pod.Namespace.Name).List(labels.Everything())
	return slices.ContainsFunc(policies, func(one *networkingv1.NetworkPolicy) bool {
		return slices.Contains(one.Spec.PolicyTypes, direction) &&
			networkpolicy.MatchesSelector(&one.Spec.PodSelector, pod.Labels)
	}), err
}
