// Cilium's own policy engine over worlds of ours: objects are parsed as its agent parses them, pods get the identity
// labels that it would give them, and verdicts are read from the policy map that it would load into the kernel.
//
// What it does not know: names that are asked for (the DNS proxy lets all pass), how the proxy reads what it is sent (it
// is told of requests, and its rules are applied as they are written down for it), the code of an ICMP packet (Cilium has none in its
// rules either), and protocols that the data path drops before any policy (SCTP without `enable-sctp`, GRE).
package main

import (
	"log/slog"

	"github.com/cilium/cilium/pkg/policy"
)

var logger = slog.New(slog.DiscardHandler)

func main() {
	configure()
	serve(func() engine {
		return &cilium{
			distilled: map[*subject]*policy.EndpointPolicy{},
			proxied:   map[*subject]map[bool]proxyPolicy{},
		}
	})
}
