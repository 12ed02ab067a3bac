"""By what key a selector finds a label in Cilium, where it finds it at all (:mod:`edict.policy.cilium_labels`)."""

from __future__ import annotations

from collections.abc import Iterable

from edict.policy.cilium_labels import NAMESPACE_LABELS, POD_NAMESPACE, is_identity_label, is_own_label
from edict.policy.lockout import NAMESPACE_NAME
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError

NAMESPACE = f"k8s:{POD_NAMESPACE}"
"""The name of a pod's namespace; every pod's identity has it and no other identity does."""
CLUSTER = "k8s:io.cilium.k8s.policy.cluster"
SERVICE_ACCOUNT = "k8s:io.cilium.k8s.policy.serviceaccount"
_MAX_NAME = 63
_MAX_PREFIX = 253
_FILTER_OPTIONS = ("labels", "label-prefix-file")


def namespace_key(key: str, facts: Facts) -> str:
    """Return the key by which Cilium finds a label of a namespace.

    Raises:
        InexactError: it cannot.
    """
    if key == NAMESPACE_NAME:
        return NAMESPACE
    return _source_key(NAMESPACE_LABELS + key, key, facts)


def pod_key(key: str, facts: Facts) -> str:
    """Return the key by which Cilium finds a label of a pod.

    Raises:
        InexactError: it cannot.
    """
    if is_own_label(key):
        raise InexactError(Reason.LABEL, f"Cilium gives the label {key} a value of its own", "use another label")
    return _source_key(key, key, facts)


def _source_key(full: str, key: str, facts: Facts) -> str:
    for option in _FILTER_OPTIONS:
        if facts.options.get(option, "").strip():
            raise InexactError(
                Reason.PLUGIN_OPTION,
                f"Cilium's option {option} decides which labels count, and {key} may be left out",
                f"select namespaces by {NAMESPACE_NAME}",
            )
    if not is_identity_label(full):
        raise InexactError(
            Reason.LABEL,
            f"the label {key} is no part of identity in Cilium, so that a selector on it matches wrongly",
            "use a label of your own",
        )
    prefix, slash, name = full.rpartition("/")
    if len(prefix) > _MAX_PREFIX or (not slash and len(name) > _MAX_NAME):
        raise InexactError(
            Reason.LABEL,
            f"the label {key} is too long for Cilium, which puts {NAMESPACE_LABELS} before it",
            "use a shorter label, or one with a short prefix",
        )
    return f"k8s:{full}"


def check_accounts(names: Iterable[str]) -> None:
    """Refuse a service account by a name that is no label's value, as which Cilium knows it.

    Raises:
        InexactError: a name is too long.
    """
    for name in names:
        if len(name) > _MAX_NAME:
            raise InexactError(
                Reason.LABEL,
                f"the service account {name} has a longer name than the {_MAX_NAME} characters of a label's value, "
                "as which Cilium knows it",
                "select the pods by their labels",
            )
