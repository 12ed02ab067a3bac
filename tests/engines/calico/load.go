package main

import (
	"encoding/json"
	"fmt"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apiv3 "github.com/projectcalico/calico/libcalico-go/lib/apis/v3"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/api"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/k8s/conversion"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/model"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/syncersv1/updateprocessors"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/watchersyncer"
	"github.com/projectcalico/calico/libcalico-go/lib/resources"
	validator "github.com/projectcalico/calico/libcalico-go/lib/validator/v3"
)

const (
	hostname = "node"
	uid      = "00000000-0000-4000-8000-000000000000"
)

// A loader turns what stands in a cluster into the updates that Calico's agent gets of it.
type loader struct {
	converter  conversion.Converter
	endpoints  conversion.WorkloadEndpointConverter
	processors map[string]watchersyncer.SyncerUpdateProcessor
	updates    []api.Update
}

func newLoader() *loader {
	return &loader{
		converter: conversion.NewConverter(),
		endpoints: conversion.NewWorkloadEndpointConverter(),
		processors: map[string]watchersyncer.SyncerUpdateProcessor{
			v3.KindTier:                       updateprocessors.NewTierUpdateProcessor(),
			v3.KindGlobalNetworkPolicy:        updateprocessors.NewGlobalNetworkPolicyUpdateProcessor(),
			v3.KindGlobalNetworkSet:           updateprocessors.NewGlobalNetworkSetUpdateProcessor(),
			v3.KindHostEndpoint:               updateprocessors.NewHostEndpointUpdateProcessor(),
			v3.KindProfile:                    updateprocessors.NewProfileUpdateProcessor(),
			apiv3.KindWorkloadEndpoint:        updateprocessors.NewWorkloadEndpointUpdateProcessor(),
			model.KindKubernetesNetworkPolicy: updateprocessors.NewNetworkPolicyUpdateProcessor(),
		},
	}
}

func (l *loader) load(w *world) ([]rejection, error) {
	if err := l.builtInTiers(); err != nil {
		return nil, err
	}
	rejected, err := w.every(l.object)
	if err != nil {
		return nil, err
	}
	for _, one := range w.Namespaces {
		if one.Cluster != "" {
			continue
		}
		meta := metav1.ObjectMeta{Name: one.Name, UID: uid, Labels: one.Labels}
		converted, err := l.converter.NamespaceToProfile(&corev1.Namespace{ObjectMeta: meta})
		if err != nil {
			return nil, err
		}
		if err := l.add(v3.KindProfile, converted); err != nil {
			return nil, err
		}
	}
	if err := l.serviceAccounts(w); err != nil {
		return nil, err
	}
	for _, one := range w.Pods {
		if one.Cluster != "" {
			continue
		}
		if err := l.pod(one); err != nil {
			return nil, err
		}
	}
	return rejected, nil
}

// serviceAccounts adds the profile of each account, whose labels pods inherit behind `pcsa.`, and the one that Calico
// gives to host endpoints which it makes itself.
func (l *loader) serviceAccounts(w *world) error {
	found := map[[2]string]map[string]string{}
	for _, one := range w.Pods {
		if one.ServiceAccount != "" && one.Cluster == "" {
			found[[2]string{one.Namespace, one.ServiceAccount}] = nil
		}
	}
	for _, one := range w.ServiceAccounts {
		found[[2]string{one.Namespace, one.Name}] = one.Labels
	}
	if err := l.add(v3.KindProfile, resources.DefaultAllowProfile()); err != nil {
		return err
	}
	for name, labels := range found {
		meta := metav1.ObjectMeta{Namespace: name[0], Name: name[1], UID: uid, Labels: labels}
		converted, err := l.converter.ServiceAccountToProfile(&corev1.ServiceAccount{ObjectMeta: meta})
		if err != nil {
			return err
		}
		if err := l.add(v3.KindProfile, converted); err != nil {
			return err
		}
	}
	return nil
}

// builtInTiers adds the tiers that Calico makes itself, as up to 3.31.
func (l *loader) builtInTiers() error {
	deny, pass := v3.Deny, v3.Pass
	for _, one := range []struct {
		name   string
		order  float64
		action *v3.Action
	}{{"adminnetworkpolicy", 1000, &pass}, {"default", 1000000, &deny}, {"baselineadminnetworkpolicy", 10000000, &pass}} {
		tier := v3.NewTier()
		tier.Name = one.name
		tier.Spec = v3.TierSpec{Order: &one.order, DefaultAction: one.action}
		key := model.ResourceKey{Kind: v3.KindTier, Name: one.name}
		if err := l.add(v3.KindTier, &model.KVPair{Key: key, Value: tier}); err != nil {
			return err
		}
	}
	return nil
}

// object adds one object after the validation of Calico's API; a NetworkPolicy has passed that of Kubernetes.
func (l *loader) object(top head, raw json.RawMessage) error {
	var object any
	switch top.Kind {
	case v3.KindTier:
		object = v3.NewTier()
	case v3.KindGlobalNetworkPolicy:
		object = v3.NewGlobalNetworkPolicy()
	case v3.KindGlobalNetworkSet:
		object = v3.NewGlobalNetworkSet()
	case v3.KindHostEndpoint:
		object = v3.NewHostEndpoint()
	case "NetworkPolicy":
		return l.networkPolicy(raw)
	default:
		return fmt.Errorf("Calico has no objects of kind %q here", top.Kind)
	}
	if err := json.Unmarshal(raw, object); err != nil {
		return err
	}
	if err := validator.Validate(object); err != nil {
		return err
	}
	key := model.ResourceKey{Kind: top.Kind, Name: top.Metadata.Name}
	return l.add(top.Kind, &model.KVPair{Key: key, Value: object})
}

func (l *loader) networkPolicy(raw json.RawMessage) error {
	var object networkingv1.NetworkPolicy
	if err := json.Unmarshal(raw, &object); err != nil {
		return err
	}
	object.UID = uid
	converted, err := l.converter.K8sNetworkPolicyToCalico(&object)
	if err != nil {
		return err
	}
	return l.add(model.KindKubernetesNetworkPolicy, converted)
}

func (l *loader) pod(one pod) error {
	status := corev1.PodStatus{Phase: corev1.PodRunning}
	for _, ip := range one.IPs {
		status.PodIP = one.IPs[0]
		status.PodIPs = append(status.PodIPs, corev1.PodIP{IP: ip})
	}
	container := corev1.Container{}
	for _, port := range one.Ports {
		named := corev1.ContainerPort{
			Name: port.Name, ContainerPort: int32(port.Port), Protocol: corev1.Protocol(port.Protocol),
		}
		container.Ports = append(container.Ports, named)
	}
	converted, err := l.endpoints.PodToWorkloadEndpoints(&corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: one.Name, Namespace: one.Namespace, UID: uid, Labels: one.Labels},
		Spec: corev1.PodSpec{
			NodeName:           hostname,
			ServiceAccountName: one.ServiceAccount,
			Containers:         []corev1.Container{container},
		},
		Status: status,
	})
	if err != nil {
		return err
	}
	for _, endpoint := range converted {
		if err := l.add(apiv3.KindWorkloadEndpoint, endpoint); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) add(kind string, pair *model.KVPair) error {
	processed, err := l.processors[kind].Process(pair)
	if err != nil {
		return fmt.Errorf("%s: %w", pair.Key, err)
	}
	for _, one := range processed {
		if one.Value == nil && kind == v3.KindProfile {
			continue // labels of a profile that gives none
		}
		if one.Value == nil {
			return fmt.Errorf("%s: Calico's syncer drops it", pair.Key)
		}
		l.updates = append(l.updates, api.Update{KVPair: *one, UpdateType: api.UpdateTypeKVNew})
	}
	return nil
}
