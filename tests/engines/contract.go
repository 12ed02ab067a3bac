// The contract of all engines: one world a line on standard input, one answer a line on standard output.
package main

import "encoding/json"

// A world is one cluster with all that its plugin is told, and what is to be asked of it.
type world struct {
	// Objects are the plugin's own, and any NetworkPolicy or ClusterNetworkPolicy beside them, known by their kind.
	Objects         []json.RawMessage `json:"objects"`
	NetworkPolicies []json.RawMessage `json:"networkPolicies"`
	Namespaces      []namespace       `json:"namespaces"`
	// ServiceAccounts are needed for their labels alone: those that pods name are there anyway.
	ServiceAccounts []serviceAccount `json:"serviceAccounts"`
	Pods            []pod            `json:"pods"`
	Nodes           []node           `json:"nodes"`
	// Names are the domain names that an address outside the cluster was found by.
	Names map[string][]string `json:"names"`
	// Options are the plugin's own, by the names that it gives them; those of the world before are forgotten.
	Options map[string]string `json:"options"`
	Flows   []flow            `json:"flows"`
}

// A namespace of a cluster; the empty cluster is the local one.
type namespace struct {
	Name    string            `json:"name"`
	Labels  map[string]string `json:"labels"`
	Cluster string            `json:"cluster"`
}

type serviceAccount struct {
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	Labels    map[string]string `json:"labels"`
}

// A pod has one or more addresses. One of another cluster is known as the mesh makes it known: it is a peer, never a
// subject, and an address like any other where the plugin has no mesh. One with its node's network is nobody's.
type pod struct {
	Namespace      string            `json:"namespace"`
	Name           string            `json:"name"`
	Labels         map[string]string `json:"labels"`
	IPs            []string          `json:"ips"`
	ServiceAccount string            `json:"serviceAccount"`
	Ports          []containerPort   `json:"ports"`
	Cluster        string            `json:"cluster"`
	HostNetwork    bool              `json:"hostNetwork"`
}

// A containerPort has a name; Protocol is TCP, UDP or SCTP.
type containerPort struct {
	Name     string `json:"name"`
	Protocol string `json:"protocol"`
	Port     uint16 `json:"port"`
}

// A node; Local is the one that the pods run on.
type node struct {
	Name      string            `json:"name"`
	Labels    map[string]string `json:"labels"`
	Addresses []string          `json:"addresses"`
	Local     bool              `json:"local"`
}

// A flow goes from an address to an address; a pod is known by its own. Protocol is IP's number of it, Port is the
// destination port, or the type of ICMP, which alone has a Code.
type flow struct {
	From     string `json:"from"`
	To       string `json:"to"`
	Protocol uint8  `json:"protocol"`
	Port     uint16 `json:"port"`
	Code     uint8  `json:"code"`
	// Request is what a connection of TCP is for, where that is HTTP; else what is spoken is not HTTP.
	Request *request `json:"request,omitempty"`
}

// A request of HTTP; the path with its query.
type request struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Host   string `json:"host"`
}

// A verdict says per direction whether the flow is allowed; null where the engine has no subject at that end.
type verdict struct {
	Egress  *bool `json:"egress"`
	Ingress *bool `json:"ingress"`
}

type rejection struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

type answer struct {
	Verdicts []verdict   `json:"verdicts"`
	Rejected []rejection `json:"rejected"`
	Error    string      `json:"error,omitempty"`
}
