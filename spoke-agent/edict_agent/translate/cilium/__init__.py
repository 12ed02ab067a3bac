"""The ``cilium`` dialect: CiliumClusterwideNetworkPolicies, where any Deny beats every Accept.

Read against Cilium 1.20.2 (``pkg/policy``, ``pkg/k8s/apis/cilium.io/utils``, ``pkg/labelsfilter``,
``pkg/fqdn/matchpattern``). What is rendered here is also what the dialect ``cilium-tiers`` says so: the other names
are for it.
"""

from edict_agent.translate.cilium._baseline import default_deny
from edict_agent.translate.cilium._fqdn import is_dns_alone
from edict_agent.translate.cilium._order import loses, remainder, requests_stand_before
from edict_agent.translate.cilium._peers import every_address, is_there
from edict_agent.translate.cilium._ports import protocol_groups
from edict_agent.translate.cilium._sections import Sections, check_rule, is_proxied
from edict_agent.translate.cilium._selectors import check_peer, check_subject, remote_selector
from edict_agent.translate.cilium._target import Cilium

__all__ = [
    "Cilium",
    "Sections",
    "check_peer",
    "check_rule",
    "check_subject",
    "default_deny",
    "every_address",
    "is_dns_alone",
    "is_proxied",
    "is_there",
    "loses",
    "protocol_groups",
    "remainder",
    "remote_selector",
    "requests_stand_before",
]
