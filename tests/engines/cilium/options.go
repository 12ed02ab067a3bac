package main

import (
	"fmt"
	"strconv"
	"strings"

	cmtypes "github.com/cilium/cilium/pkg/clustermesh/types"
	"github.com/cilium/cilium/pkg/labelsfilter"
	"github.com/cilium/cilium/pkg/option"
	"github.com/cilium/cilium/pkg/policy"
)

const (
	clusterName         = "cluster-name"
	clusterID           = "cluster-id"
	defaultLocalCluster = "policy-default-local-cluster"
)

// defaults are what Cilium's own command line would set, save for ClusterNetworkPolicy, which is off there.
var defaults = map[string]string{
	clusterName:                          "default",
	clusterID:                            "0",
	defaultLocalCluster:                  "true",
	option.EnableK8sClusterNetworkPolicy: "true",
	option.EnableNodeSelectorLabels:      "false",
	option.EnableNonDefaultDenyPolicies:  "true",
	option.EnableL7Proxy:                 "true",
	option.EnableICMPRules:               "true",
	option.EnableSCTPName:                "false",
	option.EnableExtendedIPProtocols:     "false",
	option.PolicyCIDRMatchMode:           "",
	option.AllowLocalhost:                option.AllowLocalhostAlways,
}

// configure sets what no world changes.
func configure() {
	option.Config.EnableIPv4 = true
	option.Config.EnableIPv6 = true
	policy.SetPolicyEnabled(option.DefaultEnforcement)
	if err := labelsfilter.ParseLabelPrefixCfg(logger, nil, nil, ""); err != nil {
		panic(fmt.Sprintf("label filter: %v", err))
	}
}

// choose sets every option anew, to that of a world or else to the default. It returns the name of the cluster that
// selectors mean when they name none: the empty one is any.
func choose(given map[string]string) (local string, err error) {
	for name := range given {
		if _, known := defaults[name]; !known {
			return "", fmt.Errorf("the option %s is not known here", name)
		}
	}
	text := func(name string) string {
		if value, ok := given[name]; ok {
			return value
		}
		return defaults[name]
	}
	flag := func(name string) bool {
		value, wrong := strconv.ParseBool(text(name))
		if wrong != nil {
			err = fmt.Errorf("the option %s is %q", name, text(name))
		}
		return value
	}
	number, wrong := strconv.ParseUint(text(clusterID), 10, 32)
	if wrong != nil {
		return "", wrong
	}
	c := option.Config
	c.ClusterName, c.ClusterID = text(clusterName), uint32(number)
	c.EnableK8sClusterNetworkPolicy = flag(option.EnableK8sClusterNetworkPolicy)
	c.EnableNodeSelectorLabels = flag(option.EnableNodeSelectorLabels)
	c.EnableNonDefaultDenyPolicies = flag(option.EnableNonDefaultDenyPolicies)
	c.EnableL7Proxy = flag(option.EnableL7Proxy)
	c.EnableICMPRules = flag(option.EnableICMPRules)
	c.EnableSCTP = flag(option.EnableSCTPName)
	c.EnableExtendedIPProtocols = flag(option.EnableExtendedIPProtocols)
	c.UnsafeDaemonConfigOption.AllowLocalhost = text(option.AllowLocalhost)
	c.PolicyCIDRMatchMode = strings.FieldsFunc(text(option.PolicyCIDRMatchMode), func(r rune) bool {
		return r == ',' || r == ' '
	})
	scope := cmtypes.PolicyConfig{PolicyDefaultLocalCluster: flag(defaultLocalCluster)}
	return cmtypes.LocalClusterNameForPolicies(scope, c.ClusterName), err
}
