"""The frameworks that ``spec.controls`` may name, and the shape of their ids: ``FRAMEWORK:ID``.

A misspelt id is found by no auditor. What is not listed here is a warning, never an error: an organisation may have
a catalogue of its own. An enhancement in parentheses is written with a dot, as OSCAL does: ``NIST-800-53:SC-7.5``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from edict.policy._shape import nearest
from edict.policy.checks import Finding, PolicySource
from edict.policy.codes import Code

NSA_CISA = (
    "audit-logging",
    "authentication",
    "authorization",
    "cloud-metadata",
    "control-plane-hardening",
    "default-deny",
    "encryption",
    "namespaces",
    "network-policies",
    "network-separation",
    "pod-security",
    "resource-policies",
    "secrets",
    "threat-detection",
    "upgrading",
    "worker-node-segmentation",
)
"""Words for the sections of the NSA and CISA Kubernetes Hardening Guide 1.2, which numbers none of them."""


class Framework(Struct, frozen=True):
    """One framework.

    ``ids`` is a pattern of a whole id, ``example`` one id that matches it; ``words`` are all ids where they are listed.
    """

    name: str
    title: str
    ids: str
    example: str
    words: tuple[str, ...] = ()


FRAMEWORKS: tuple[Framework, ...] = (
    Framework("ATTACK", "MITRE ATT&CK", r"T\d{4}(\.\d{3})?|TA\d{4}|M\d{4}", "T1046"),
    Framework("BSI", "BSI IT-Grundschutz", r"[A-Z]{3,4}(\.\d{1,2}){1,3}(\.A\d{1,2})?", "APP.4.4.A18"),
    Framework("CIS", "CIS Kubernetes Benchmark", r"\d{1,2}\.\d{1,2}\.\d{1,2}", "5.3.2"),
    Framework("CIS-CONTROLS", "CIS Critical Security Controls", r"(1[0-8]|[1-9])\.\d{1,2}", "12.2"),
    Framework("HIPAA", "HIPAA Security Rule", r"164\.3\d{2}(\.[0-9a-z]{1,3}){0,3}", "164.312.e.1"),
    Framework("ISO-27001", "ISO/IEC 27001 Annex A", r"A?\.?\d{1,2}\.\d{1,2}(\.\d{1,2})?", "A.8.22"),
    Framework("NIST-800-190", "NIST SP 800-190", r"[34]\.\d(\.\d)?", "4.3.3"),
    Framework(
        "NIST-800-53",
        "NIST SP 800-53",
        r"(AC|AT|AU|CA|CM|CP|IA|IR|MA|MP|PE|PL|PM|PS|PT|RA|SA|SC|SI|SR)-\d{1,2}(\.\d{1,2})?",
        "SC-7",
    ),
    Framework("NIST-CSF", "NIST Cybersecurity Framework", r"(GV|ID|PR|DE|RS|RC)\.[A-Z]{2}-\d{1,2}", "PR.IR-01"),
    Framework(
        "NSA-CISA", "NSA and CISA Kubernetes Hardening Guide", "|".join(NSA_CISA), "network-separation", NSA_CISA
    ),
    Framework("OWASP-K8S", "OWASP Kubernetes Top Ten", r"K(0[1-9]|10)", "K07"),
    Framework("OWASP-LLM", "OWASP Top 10 for LLM Applications", r"LLM(0[1-9]|10)", "LLM06"),
    Framework("PCI-DSS", "PCI DSS", r"(1[0-2]|[1-9])(\.\d{1,2}){1,3}", "1.3.1"),
    Framework("SOC2", "AICPA Trust Services Criteria", r"(CC[1-9]|A1|C1|PI1|P[1-8])\.\d{1,2}", "CC6.6"),
)
_BY_NAME = {framework.name: framework for framework in FRAMEWORKS}


def unknown_frameworks(policy: PolicySource) -> Iterator[Finding]:
    """Yield a warning for each of ``spec.controls`` whose framework is not known, or has no id of that shape."""
    for index, control in enumerate(policy.document.spec.controls):
        name, _, id_ = control.partition(":")
        trouble = _unknown_framework(name) if name not in _BY_NAME else _unknown_id(_BY_NAME[name], id_)
        if trouble is not None:
            where = policy.where(f"spec.controls[{index}]")
            yield Finding(f"EDICT{Code.FRAMEWORK:04d}", where, *trouble)


def _unknown_framework(name: str) -> tuple[str, str]:
    guess = nearest(name, list(_BY_NAME))
    remedy = f"write {guess}" if guess else f"use one of {', '.join(_BY_NAME)}"
    return f"the framework {name} is not known", remedy


def _unknown_id(framework: Framework, id_: str) -> tuple[str, str] | None:
    if re.fullmatch(framework.ids, id_, re.ASCII):
        return None
    guess = nearest(id_, framework.words)
    if guess:
        remedy = f"write {framework.name}:{guess}"
    elif framework.words:
        remedy = f"use one of {', '.join(framework.words)}"
    else:
        remedy = f"write it like {framework.name}:{framework.example}"
    return f"{framework.title} has no {id_}", remedy
