package main

import (
	"context"
	"fmt"
	"net"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"sigs.k8s.io/kube-network-policies/pkg/api"
	"sigs.k8s.io/kube-network-policies/pkg/network"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
	tiers "sigs.k8s.io/kube-network-policies/plugins/npa-v1alpha2"
	policyv1alpha2 "sigs.k8s.io/network-policy-api/apis/v1alpha2"
	policyinformers "sigs.k8s.io/network-policy-api/pkg/client/informers/externalversions"
)

const hostname = "node"

var protocols = map[uint8]corev1.Protocol{6: corev1.ProtocolTCP, 17: corev1.ProtocolUDP, 132: corev1.ProtocolSCTP}

// upstream holds an engine for each direction, whose evaluators say nothing of the other one.
type upstream struct {
	pods            podsByAddress
	egress, ingress *networkpolicy.PolicyEngine
}

func (u *upstream) load(w *world) ([]rejection, error) {
	// The informers are never started: they are no more than stores here, and have no client.
	core := informers.NewSharedInformerFactory(nil, 0)
	policy := policyinformers.NewSharedInformerFactory(nil, 0)
	nodes := core.Core().V1().Nodes()
	networkPolicies := core.Networking().V1().NetworkPolicies()
	clusterNetworkPolicies := policy.Policy().V1alpha2().ClusterNetworkPolicies()
	given := stores{networkPolicies.Informer().GetIndexer(), clusterNetworkPolicies.Informer().GetIndexer()}
	rejected, err := w.every(given.add)
	if err != nil {
		return nil, err
	}
	for _, one := range w.Nodes {
		if err := nodes.Informer().GetIndexer().Add(nodeOf(one)); err != nil {
			return nil, err
		}
	}
	if u.pods, err = newPods(w); err != nil {
		return nil, err
	}
	between := api.PolicyEvaluator(networkpolicy.NewStandardNetworkPolicy(
		hostname, core.Core().V1().Namespaces(), core.Core().V1().Pods(), networkPolicies,
	))
	if w.Options["as-is"] != "true" {
		between = &perDirection{between, networkPolicies.Lister()}
	}
	tier := func(which policyv1alpha2.Tier) api.PolicyEvaluator {
		return tiers.NewClusterNetworkPolicy(which, clusterNetworkPolicies, domains(w.Names), nodes.Lister())
	}
	var egress, ingress []api.PolicyEvaluator
	for _, one := range []api.PolicyEvaluator{
		tier(policyv1alpha2.AdminTier), between, tier(policyv1alpha2.BaselineTier),
	} {
		egress, ingress = append(egress, egressOnly{one}), append(ingress, ingressOnly{one})
	}
	u.egress = networkpolicy.NewPolicyEngine(u.pods, egress)
	u.ingress = networkpolicy.NewPolicyEngine(u.pods, ingress)
	return rejected, nil
}

func (u *upstream) judges(address string) bool { return u.pods[address] != nil }

func (u *upstream) allows(ingress bool, _, _ string, f flow) (bool, error) {
	packet := network.Packet{SrcIP: net.ParseIP(f.From), DstIP: net.ParseIP(f.To), Proto: protocols[f.Protocol]}
	for _, address := range []string{f.From, f.To} {
		if net.ParseIP(address) == nil {
			return false, fmt.Errorf("no such place as %s", address)
		}
	}
	if packet.Proto != "" {
		packet.DstPort = int(f.Port)
	}
	if ingress {
		return u.ingress.EvaluatePacket(context.Background(), &packet)
	}
	return u.egress.EvaluatePacket(context.Background(), &packet)
}

// podsByAddress are the pods of the local cluster.
type podsByAddress map[string]*api.PodInfo

// GetPodInfoByIP makes the pods what the engine asks for them.
func (p podsByAddress) GetPodInfoByIP(address string) (*api.PodInfo, bool) {
	found := p[address]
	return found, found != nil
}

func newPods(w *world) (podsByAddress, error) {
	spaces, found := map[string]map[string]string{}, podsByAddress{}
	for _, one := range w.Namespaces {
		if one.Cluster == "" {
			spaces[one.Name] = one.Labels
		}
	}
	for _, one := range w.Pods {
		if one.Cluster != "" {
			continue
		}
		space, ok := spaces[one.Namespace]
		if !ok {
			return nil, fmt.Errorf("no namespace %s for the pod %s", one.Namespace, one.Name)
		}
		container := corev1.Container{}
		for _, port := range one.Ports {
			named := corev1.ContainerPort{
				Name: port.Name, ContainerPort: int32(port.Port), Protocol: corev1.Protocol(port.Protocol),
			}
			container.Ports = append(container.Ports, named)
		}
		meta := metav1.ObjectMeta{Name: one.Name, Namespace: one.Namespace, Labels: one.Labels}
		spec := corev1.PodSpec{NodeName: hostname, Containers: []corev1.Container{container}}
		for _, ip := range one.IPs {
			found[ip] = api.NewPodInfo(&corev1.Pod{ObjectMeta: meta, Spec: spec}, space, nil, "")
		}
	}
	return found, nil
}

func nodeOf(one node) *corev1.Node {
	found := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: one.Name, Labels: one.Labels}}
	for _, address := range one.Addresses {
		typed := corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: address}
		found.Status.Addresses = append(found.Status.Addresses, typed)
	}
	return found
}

// domains are the names that each address was found by; the engine's own cache of them fills from live DNS answers.
type domains map[string][]string

// ContainsIP tells whether an address was found by a name, or by any name under `*.`.
func (d domains) ContainsIP(domain string, ip net.IP) bool {
	for _, name := range d[ip.String()] {
		if name == domain || strings.HasPrefix(domain, "*.") && strings.HasSuffix(name, domain[1:]) {
			return true
		}
	}
	return false
}
