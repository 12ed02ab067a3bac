"""The page itself: a table of constructs by dialect, then what each dialect says for itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from docs.reference.fidelity.answers import Answer, Answers, Asked, told
from docs.reference.fidelity.clusters import AGENT_NAMESPACE, standard
from docs.reference.fidelity.constructs import Section, constructs, sections
from edict.policy.fidelity import Fidelity
from edict_agent.translate import Dialect, Facts
from edict_agent.translate.codes import Reason

PAGE = Path(__file__).parents[1] / "fidelity.md"
_ERRORS = "errors.md#agent-translating-applying-keeping"
_NAMED = 6
"""So many constructs are listed by name; of more only their number is."""
_HEAD = """\
# Fidelity: what each plugin can say

What a cluster makes of each construct of the language, by dialect. The translators write this page themselves:
`python -m docs.reference.fidelity` translates the smallest policy that shows each construct
([constructs.yaml](fidelity/constructs.yaml)) for a known cluster and writes down what comes back. What the words
promise stands in [fidelity](../concepts/fidelity.md), what a policy means in [semantics](../concepts/semantics.md).

| answer | what a cluster does |
|---|---|
| exact | enforces the policy: every verdict is the policy's |
| approximate (stricter) | refuses the policy as a whole, unless it says `onInexact: Stricter` |
| approximate (stricter), enforced | the same, and the policy says so: it may deny more than it should, never less |
| unsupported | refuses the policy as a whole; its previous version stays |

What could only be said looser is `unsupported`. Where an Accept and a Deny fare differently, both are said. **†** marks
an answer that another fact of the cluster, or one that is not known, would change; the dialect's own section says
which, and what refuses everything. Cilium's own filters of labels are not marked: they concern every label but a
namespace's name.
"""
_CLUSTERS = """\
## The clusters that are asked

All that counts is known of them, and what is not among the options has the plugin's default. The agent runs in
`{agent}`.

| dialect | facts |
|---|---|
{rows}
"""


def page() -> str:
    """Return the whole page."""
    parts = [_HEAD, _clusters(), *(_section(section) for section in sections()), *(_dialect(one) for one in Dialect)]
    codes = sorted({answer.code for one in Dialect for answer in _every_answer(one) if answer.code})
    parts.append("\n".join(f"[{code}]: {_ERRORS}" for code in codes) + "\n")
    return "\n".join(parts)


def _every_answer(dialect: Dialect) -> Iterator[Answer]:
    for some in (told(dialect).standard, *told(dialect).others.values()):
        yield from some.values()


def _clusters() -> str:
    rows = "\n".join(f"| [`{dialect}`](#{dialect}) | {_facts(standard(dialect))} |" for dialect in Dialect)
    return _CLUSTERS.format(agent=AGENT_NAMESPACE, rows=rows)


def _facts(facts: Facts) -> str:
    said = {
        "plugin": facts.plugin,
        "cniVersion": facts.plugin_version,
        "podCIDRs": _listed(facts.pod_cidrs or ()),
        "nodeCIDRs": _listed(facts.node_cidrs or ()),
        "clusterName": facts.cluster_name,
        "options": ", ".join(f"{option}: {value}" for option, value in sorted(facts.options.items())),
        "egressPeers": _listed(facts.egress_peers or ()),
        "namespaces": _listed(facts.namespaces or ()),
    }
    return ", ".join(f"`{name}: {value}`" for name, value in said.items() if value)


def _section(section: Section) -> str:
    head = [f"## {section.title}", ""]
    if section.about:
        head += [section.about, ""]
    head += [_row("construct", *(f"[{dialect}](#{dialect})" for dialect in Dialect)), _line(1 + len(Dialect))]
    rows = (_row(one.name, *(_cell(dialect, one.name) for dialect in Dialect)) for one in section.constructs)
    return "\n".join([*head, *rows]) + "\n"


def _cell(dialect: Dialect, construct: str) -> str:
    asked = [Asked(construct, action) for action, _ in constructs()[construct]]
    said = {one: _verdict(told(dialect).standard[one]) + " †" * (one in _moving(dialect)) for one in asked}
    if len(set(said.values())) == 1:
        return said[asked[0]]
    return "<br>".join(f"{one.action}: {verdict}" for one, verdict in said.items())


def _verdict(answer: Answer) -> str:
    word: str = answer.fidelity
    if answer.fidelity is Fidelity.APPROXIMATE:
        word = f"{answer.fidelity} ({answer.direction})" + ("" if answer.refused else ", enforced")
    return f"{word} [{answer.code}]" if answer.code else word


@lru_cache
def _moving(dialect: Dialect) -> frozenset[Asked]:
    """Return what is marked: what another fact changes, unless that refuses everything."""
    own, all_others = told(dialect).standard, told(dialect).others
    counting = [some for what, some in all_others.items() if what not in told(dialect).filters and not _refusal(some)]
    return frozenset(one for one in own if any(some[one].verdict != own[one].verdict for some in counting))


def _refusal(some: Answers) -> Answer | None:
    """Return the answer where it is the same refusal, whatever is asked."""
    distinct = {(answer.code, answer.reason) for answer in some.values() if not _is_documents(answer)}
    first = next(answer for answer in some.values() if not _is_documents(answer))
    return first if len(distinct) == 1 and first.fidelity is Fidelity.UNSUPPORTED else None


def _is_documents(answer: Answer) -> bool:
    """Tell whether a policy is refused before the cluster counts: it is only observed, or it ties with another."""
    return answer.code in {Reason.OBSERVE.code, Reason.TIE.code}


def _dialect(dialect: Dialect) -> str:
    parts = [f"## {dialect}", ""]
    parts += ["What is not exact, why, and what to write instead.", ""]
    parts += [_row("code", "reason", "try", "constructs"), _line(4), *_reasons(told(dialect).standard)]
    parts += ["", "What another fact changes.", "", _row("fact", "answer", "constructs"), _line(3), *_moves(dialect)]
    return "\n".join(parts) + "\n"


def _reasons(some: Answers) -> Iterator[str]:
    found: dict[tuple[str, str, str], list[Asked]] = {}
    for asked, answer in some.items():
        if answer.code:
            found.setdefault((answer.code, answer.reason, answer.remedy), []).append(asked)
    for (code, reason, remedy), asked_so in sorted(found.items(), key=lambda one: one[0]):
        yield _row(f"[{code}]", reason, remedy, _names(asked_so))


def _moves(dialect: Dialect) -> Iterator[str]:
    own = told(dialect).standard
    for what, some in told(dialect).others.items():
        refusal = _refusal(some)
        if refusal is not None:
            yield _row(what, f"{_verdict(refusal)}: {refusal.reason}", "all")
            continue
        found: dict[str, list[Asked]] = {}
        for asked, answer in some.items():
            if answer.verdict != own[asked].verdict:
                found.setdefault(_verdict(answer), []).append(asked)
        if not found:
            yield _row(what, "the same", "all")
        for verdict, asked_so in found.items():
            yield _row(what, verdict + _because([some[asked].reason for asked in asked_so]), _names(asked_so))


def _because(reasons: list[str]) -> str:
    if not any(reasons):
        return ""
    return f"{':' if len(set(reasons)) == 1 else ', such as:'} {reasons[0]}"


def _names(asked: list[Asked]) -> str:
    """Return the constructs, without the action where each is there; of many only how many of which section."""
    names: dict[str, list[str]] = {}
    for one in asked:
        names.setdefault(one.construct, []).append(one.action)
    if len(names) <= _NAMED:
        return "<br>".join(
            name if len(actions) == len(constructs()[name]) else f"{name} ({', '.join(actions)})"
            for name, actions in names.items()
        )
    counts = {section.title: sum(one.name in names for one in section.constructs) for section in sections()}
    return "<br>".join(f"{count} of [{title}]({_anchor(title)})" for title, count in counts.items() if count)


def _anchor(title: str) -> str:
    return f"#{title.lower().replace(',', '').replace(' ', '-')}"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _line(columns: int) -> str:
    return "|" + "---|" * columns


def _listed(values: Iterable[str]) -> str:
    return f"[{', '.join(values)}]" if values else ""
