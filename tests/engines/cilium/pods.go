package main

import (
	"fmt"
	"net/netip"

	"github.com/cilium/cilium/pkg/identity"
	"github.com/cilium/cilium/pkg/k8s"
	ciliumio "github.com/cilium/cilium/pkg/k8s/apis/cilium.io"
	corev1 "github.com/cilium/cilium/pkg/k8s/slim/k8s/api/core/v1"
	metav1 "github.com/cilium/cilium/pkg/k8s/slim/k8s/apis/meta/v1"
	"github.com/cilium/cilium/pkg/labels"
	"github.com/cilium/cilium/pkg/labelsfilter"
	"github.com/cilium/cilium/pkg/option"
	ciliumtypes "github.com/cilium/cilium/pkg/types"
)

const firstPodIdentity = 1000

// A subject is all pods of one identity.
type subject struct {
	identity *identity.Identity
	ports    ciliumtypes.NamedPortMap
}

// addPods gives pods their identities (pkg/endpoint/metadata). Those of other clusters come by the mesh, with the
// labels that their own cluster gave them and numbers of that cluster.
func (p *places) addPods(w *world) error {
	clusters := map[string]uint32{"": option.Config.ClusterID}
	next := map[uint32]identity.NumericIdentity{}
	spaces := map[[2]string]map[string]string{}
	for _, one := range w.Namespaces {
		spaces[[2]string{one.Cluster, one.Name}] = one.Labels
	}
	known := map[string]*subject{}
	for _, one := range w.Pods {
		if one.Cluster == option.Config.ClusterName {
			return fmt.Errorf("the cluster of the pod %s is the local one: leave it empty", one.Name)
		}
		space, found := spaces[[2]string{one.Cluster, one.Namespace}]
		if !found {
			return fmt.Errorf("no namespace %s of cluster %q for the pod %s", one.Namespace, one.Cluster, one.Name)
		}
		own, ports, err := p.podLabels(one, space)
		if err != nil {
			return err
		}
		key := string(own.SortedList())
		if known[key] == nil {
			cluster, met := clusters[one.Cluster]
			if !met {
				cluster = uint32(len(clusters))
				if cluster >= option.Config.ClusterID {
					cluster++
				}
				clusters[one.Cluster] = cluster
			}
			number := identity.NumericIdentity(cluster<<identity.GetClusterIDShift()) + firstPodIdentity + next[cluster]
			next[cluster]++
			known[key] = &subject{identity.NewIdentity(number, own), ports}
			p.identities[number] = known[key].identity.LabelArray
			p.namedPorts.Update(number, nil, ports)
		}
		for _, ip := range one.IPs {
			if one.Cluster == "" {
				p.pods[ip] = known[key]
			} else {
				p.others[ip] = known[key].identity.ID
			}
		}
	}
	return nil
}

func (p *places) podLabels(one pod, space map[string]string) (labels.Labels, ciliumtypes.NamedPortMap, error) {
	container := corev1.Container{}
	for _, port := range one.Ports {
		named := corev1.ContainerPort{
			Name: port.Name, ContainerPort: int32(port.Port), Protocol: corev1.Protocol(port.Protocol),
		}
		container.Ports = append(container.Ports, named)
	}
	ports, found := k8s.GetPodMetadata(
		logger,
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: one.Namespace, Labels: space}},
		&corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: one.Name, Namespace: one.Namespace, Labels: one.Labels},
			Spec: corev1.PodSpec{
				ServiceAccountName: one.ServiceAccount,
				Containers:         []corev1.Container{container},
			},
		},
	)
	if one.Cluster != "" {
		found[ciliumio.PolicyLabelCluster] = one.Cluster
	}
	own, _ := labelsfilter.Filter(labels.Map2Labels(found, labels.LabelSourceK8s))
	for _, label := range k8s.NamedPortsIdentityLabels(ports) {
		own[label.Key] = label
	}
	return own, ports, p.addCIDRLabels(own, one)
}

// addCIDRLabels adds the longest prefix of each address, where networks may select pods (pkg/endpoint). In another
// cluster it is that of a cluster without any such rule.
func (p *places) addCIDRLabels(own labels.Labels, one pod) error {
	for _, ip := range one.IPs {
		address, err := netip.ParseAddr(ip)
		if err != nil {
			return err
		}
		if !option.Config.PolicyCIDRMatchesPods() {
			continue
		}
		label := labels.ParseLabel(fmt.Sprintf("cidr:%s", netip.PrefixFrom(address, 0).Masked()))
		if prefix := p.longest(address); prefix.Bits() > 0 && one.Cluster == "" {
			for _, each := range labels.GetCIDRLabels(prefix) {
				if each.Source == labels.LabelSourceCIDR {
					label = each
				}
			}
		}
		own[label.GetExtendedKey()] = label
	}
	return nil
}

// nodeLabels returns those of one address of a node; what the ipcache takes away again (resolveLabels) is left out.
func (p *places) nodeLabels(one node, address netip.Addr) labels.Labels {
	own := labels.NewFrom(labels.LabelRemoteNode)
	if one.Local {
		own = labels.NewFrom(labels.LabelHost)
	}
	if option.Config.PolicyCIDRMatchesNodes() {
		for _, label := range labels.GetCIDRLabels(netip.PrefixFrom(address, address.BitLen())) {
			if label.Source == labels.LabelSourceCIDR {
				own[label.Key] = label
			}
		}
		own.MergeLabels(p.domains(address.String()))
	}
	if option.Config.PerNodeLabelsEnabled() {
		filtered, _ := labelsfilter.FilterNodeLabels(labels.Map2Labels(one.Labels, labels.LabelSourceNode))
		own.MergeLabels(filtered)
		cluster := map[string]string{ciliumio.PolicyLabelCluster: option.Config.ClusterName}
		own.MergeLabels(labels.Map2Labels(cluster, labels.LabelSourceK8s))
	}
	return own
}
