// Cilium's own policy engine over worlds of ours: objects are parsed as its agent parses them, pods get the identity
// labels that it would give them, and verdicts are read from the policy map that it would load into the kernel.
package main

import (
	"fmt"
	"log/slog"

	cmtypes "github.com/cilium/cilium/pkg/clustermesh/types"
	"github.com/cilium/cilium/pkg/labelsfilter"
	"github.com/cilium/cilium/pkg/option"
	"github.com/cilium/cilium/pkg/policy"
)

const clusterName = "default"

var logger = slog.New(slog.DiscardHandler)

func main() {
	configure()
	serve(func() engine { return &cilium{distilled: map[*subject]*policy.EndpointPolicy{}} })
}

// configure sets what Cilium's own command line would set by default.
func configure() {
	option.Config.EnableIPv4 = true
	option.Config.EnableIPv6 = true
	option.Config.EnableNonDefaultDenyPolicies = true
	option.Config.EnableL7Proxy = true
	option.Config.EnableICMPRules = true
	option.Config.ClusterName = clusterName
	option.Config.UnsafeDaemonConfigOption.AllowLocalhost = option.AllowLocalhostAlways
	policy.SetPolicyEnabled(option.DefaultEnforcement)
	if err := labelsfilter.ParseLabelPrefixCfg(logger, nil, nil, ""); err != nil {
		panic(fmt.Sprintf("label filter: %v", err))
	}
}

// localCluster is what selectors are scoped to by default.
var localCluster = cmtypes.LocalClusterNameForPolicies(cmtypes.PolicyConfig{PolicyDefaultLocalCluster: true}, clusterName)
