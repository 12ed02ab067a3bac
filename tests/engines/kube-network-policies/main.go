// The evaluator of kube-network-policies over worlds of ours: a reference of the specification of NetworkPolicy and
// ClusterNetworkPolicy v1alpha2, apart from any plugin. It sees what the API server would give it (NetworkPolicies
// defaulted, as protobuf carries them). Pods of other clusters are addresses, service accounts nothing.
//
// Where version 1.1.1 departs from the specification, seen by asking it:
//   - A pod that some NetworkPolicy selects never reaches the Baseline tier in the direction in which none isolates it
//     (EvaluatePolicyDirection then says Accept, not Next). This is mended here, unless the option `as-is` is `true`.
//   - A peer without any field matches nothing, where a Deny or Pass should fail closed and deny all.
//   - A rule without peers matches nothing; the specification has no such rule.
//   - Of two policies of one priority that of the lower name goes first; the specification leaves that open.
//   - A domain name in a Deny or Pass is matched like one in an Accept, where the specification wants Accept alone.
//   - A network that does not parse is skipped, and a selector that does not parse selects nothing: such objects are
//     rejected here, as are unknown fields, since it has no validation of its own.
//
// As the specification has it: no match in a tier goes on to the next, the end of the last one allows; networks match
// pods and nodes too; nodes match by their internal and external addresses; `*.` matches any depth, never the name
// itself; protocols other than TCP, UDP and SCTP match only rules that name no protocols.
package main

import (
	"io"

	"k8s.io/klog/v2"
)

func main() {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	serve(func() engine { return &upstream{} })
}
