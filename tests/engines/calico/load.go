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
	rejected   []rejection
}

func newLoader() *loader {
	return &loader{
		converter: conversion.NewConverter(),
		endpoints: conversion.NewWorkloadEndpointConverter(),
		processors: map[string]watchersyncer.SyncerUpdateProcessor{
			v3.KindTier:                       updateprocessors.NewTierUpdateProcessor(),
			v3.KindGlobalNetworkPolicy:        updateprocessors.NewGlobalNetworkPolicyUpdateProcessor(),
			v3.KindProfile:                    updateprocessors.NewProfileUpdateProcessor(),
			apiv3.KindWorkloadEndpoint:        updateprocessors.NewWorkloadEndpointUpdateProcessor(),
			model.KindKubernetesNetworkPolicy: updateprocessors.NewNetworkPolicyUpdateProcessor(),
		},
	}
}

func (l *loader) load(w *world) error {
	if err := l.builtInTiers(); err != nil {
		return err
	}
	for _, raw := range w.Objects {
		if err := l.object(raw); err != nil {
			return err
		}
	}
	for _, raw := range w.NetworkPolicies {
		var object networkingv1.NetworkPolicy
		if err := json.Unmarshal(raw, &object); err != nil {
			return err
		}
		object.UID = uid
		converted, err := l.converter.K8sNetworkPolicyToCalico(&object)
		if err != nil {
			l.rejected = append(l.rejected, rejection{object.Name, err.Error()})
			continue
		}
		if err := l.add(model.KindKubernetesNetworkPolicy, converted); err != nil {
			return err
		}
	}
	for _, one := range w.Namespaces {
		meta := metav1.ObjectMeta{Name: one.Name, UID: uid, Labels: one.Labels}
		converted, err := l.converter.NamespaceToProfile(&corev1.Namespace{ObjectMeta: meta})
		if err != nil {
			return err
		}
		if err := l.add(v3.KindProfile, converted); err != nil {
			return err
		}
	}
	for _, one := range w.Pods {
		if err := l.pod(one); err != nil {
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

func (l *loader) object(raw json.RawMessage) error {
	var meta metav1.PartialObjectMetadata
	if err := json.Unmarshal(raw, &meta); err != nil {
		return err
	}
	var object any
	switch meta.Kind {
	case v3.KindTier:
		object = v3.NewTier()
	case v3.KindGlobalNetworkPolicy:
		object = v3.NewGlobalNetworkPolicy()
	default:
		return fmt.Errorf("objects of kind %s are not known here", meta.Kind)
	}
	if err := json.Unmarshal(raw, object); err != nil {
		return err
	}
	if err := validator.Validate(object); err != nil {
		l.rejected = append(l.rejected, rejection{meta.Name, err.Error()})
		return nil
	}
	return l.add(meta.Kind, &model.KVPair{Key: model.ResourceKey{Kind: meta.Kind, Name: meta.Name}, Value: object})
}

func (l *loader) pod(one pod) error {
	converted, err := l.endpoints.PodToWorkloadEndpoints(&corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: one.Name, Namespace: one.Namespace, UID: uid, Labels: one.Labels},
		Spec:       corev1.PodSpec{NodeName: hostname},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIP: one.IP, PodIPs: []corev1.PodIP{{IP: one.IP}}},
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
		if one.Value == nil {
			return fmt.Errorf("%s: Calico's syncer drops it", pair.Key)
		}
		l.updates = append(l.updates, api.Update{KVPair: *one, UpdateType: api.UpdateTypeKVNew})
	}
	return nil
}
