"""A bare upstream ClusterNetworkPolicy becomes a document of ours once somebody says where it applies."""

from __future__ import annotations

from msgspec.structs import replace

from edict.errors import DocumentError
from edict.policy._convert import UPSTREAM_KIND, UPSTREAM_VERSION, Parsed, is_upstream, subject_of, to_document
from edict.policy._yaml import Node, Plain, read
from edict.policy.codes import Code
from edict.policy.documents import FederatedNetworkPolicy, Placement
from edict.policy.model import API_VERSION
from edict.policy.origin import Origin, Where
from edict.policy.validate import validate

_FROM_SERVER = frozenset({"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"})
"""Metadata that an API server writes; ``kubectl get -o yaml`` prints it and it means nothing here."""
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def is_bare_upstream(data: bytes | str, source: str) -> bool:
    """Tell whether a file holds exactly one document and that is an upstream ClusterNetworkPolicy."""
    nodes = read(data, source)
    return len(nodes) == 1 and is_upstream(nodes[0].value)


def wrap_upstream(data: bytes | str, source: str, placement: Placement, controls: tuple[str, ...] = ()) -> Parsed:
    """Wrap a bare upstream manifest; its ``spec`` is taken unchanged.

    Returns:
        The document that is to be signed, with the places of its fields in the manifest.

    Raises:
        DocumentError: the file is no single ClusterNetworkPolicy of ``v1alpha2``, or is not valid.
    """
    nodes = read(data, source)
    if len(nodes) != 1 or not is_upstream(nodes[0].value):
        raise DocumentError(
            Code.UNKNOWN_KIND,
            f"the file is not one {UPSTREAM_KIND}",
            where=Where(file=source),
            remedy=f"give a file with one {UPSTREAM_KIND} of {UPSTREAM_VERSION}",
        )
    return wrap_node(nodes[0], placement, controls)


def wrap_node(node: Node, placement: Placement, controls: tuple[str, ...] = ()) -> Parsed:
    """Wrap one document of a file, of which ``is_upstream`` says that it is such a manifest.

    Raises:
        DocumentError: it is not of ``v1alpha2``, or is not valid.
    """
    origin, value = node.origin, node.value
    assert isinstance(value, dict)  # noqa: S101 - is_upstream has said so
    subject = subject_of(value)
    if value["apiVersion"] != UPSTREAM_VERSION:
        raise DocumentError(
            Code.UNKNOWN_KIND,
            f"the apiVersion {value['apiVersion']!r} is not the one Edict speaks",
            where=origin.where(subject, "apiVersion"),
            remedy=f"convert the manifest to {UPSTREAM_VERSION}",
        )
    if "spec" not in value:
        raise DocumentError(
            Code.MISSING_FIELD, "the field spec is missing", where=origin.where(subject, ""), remedy="add spec"
        )
    parsed = to_document(Node(_wrapped(value), _Manifest(origin.source, origin.lines)))
    unplaced = parsed.document
    assert isinstance(unplaced, FederatedNetworkPolicy)  # noqa: S101 - _wrapped has just set the kind
    document = replace(unplaced, spec=replace(unplaced.spec, placement=placement, controls=controls))
    validate(document, parsed.origin)
    return Parsed(document, parsed.origin)


def _wrapped(value: dict[str, Plain]) -> dict[str, Plain]:
    """Return our document around the upstream one; the types judge what it lacks or has too much of."""
    spec: Plain = {"placement": {"clusterSelector": {}}, "policy": value["spec"]}
    rest = {key: value[key] for key in value if key not in {"spec", "status", "metadata"}}
    wrapped = rest | {"apiVersion": API_VERSION, "kind": FederatedNetworkPolicy.__name__, "spec": spec}
    if "metadata" in value:
        wrapped["metadata"] = _metadata(value["metadata"])
    return wrapped


def _metadata(metadata: Plain) -> Plain:
    if not isinstance(metadata, dict):
        return metadata
    kept = {key: value for key, value in metadata.items() if key not in _FROM_SERVER}
    annotations = kept.get("annotations")
    if isinstance(annotations, dict):
        kept["annotations"] = {key: value for key, value in annotations.items() if key != _LAST_APPLIED}
    return kept


class _Manifest(Origin):
    """The upstream manifest: its kind, and the paths that the fields have in it."""

    __slots__ = ()

    def written(self, path: str) -> str:
        """Return the path without what wrapping put around it."""
        return path.replace("spec.policy", "spec", 1)

    def where(self, subject: str, path: str) -> Where:
        """Return the printed place: ``ClusterNetworkPolicy deny-egress spec.tier policy.yaml:7``."""
        name = subject.partition(" ")[2]
        return Origin.where(self, f"{UPSTREAM_KIND} {name}".strip(), self.written(path))
