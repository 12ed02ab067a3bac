"""`edict translate` shows what a cluster would be given, and how exactly; it needs nothing but the files."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
import yaml

from edict_agent.translate import Dialect, Facts
from edict_cli.main import run
from edict_cli.store import files
from tests.unit.policy.documents import CLUSTER, UPSTREAM, changed

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "preview.md"
EXAMPLES = Path(__file__).parents[3] / "examples"
FACTS = "cniVersion: 1.20.2\npodCIDRs: [10.244.0.0/16]\nnodeCIDRs: [172.18.0.0/16]\nclusterName: fra1\n"
DENY = changed("10.0.0.0/8", "203.0.113.0/24")
NOT_ON_CALICO = changed("networks: [10.0.0.0/8]", "domainNames: [a.example]").replace("action: Deny", "action: Accept")


class Run:
    """The command in a folder of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.out = self.err = ""

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def __call__(
        self, *files: Path, dialect: str = "cilium", facts: str | None = FACTS, more: Sequence[str] = ()
    ) -> int:
        arguments = ["translate", "--dialect", dialect, *more]
        for path in files:
            arguments += ["-f", str(path)]
        if facts is not None:
            arguments += ["--facts", str(self.file("facts.txt", facts))]
        code = run(arguments)
        self.out, self.err = self._capsys.readouterr()
        assert "Traceback" not in self.err
        return code


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(tmp_path, capsys)


def test_an_exact_policy_is_printed_below_what_is_said_of_it(cli: Run) -> None:
    assert cli(cli.file("p.yaml", DENY)) == 0
    documents = [each for each in yaml.safe_load_all(cli.out) if each]
    names = [each["metadata"]["name"] for each in documents]
    assert names[0] == "edict.edict.built-in"
    assert any("deny-egress" in name for name in names)
    lines = cli.out.splitlines()
    above = lines.index("# preview/deny-egress egress[0]: exact")
    assert lines[above - 1] == "---"
    assert lines[above + 1].startswith("apiVersion: ")
    assert lines[0] == "# dialect cilium: 1 of 1 rules are exact"
    assert cli.err == ""


@pytest.mark.parametrize("dialect", list(Dialect))
def test_every_dialect_translates_without_a_cluster(cli: Run, dialect: Dialect) -> None:
    assert cli(cli.file("p.yaml", DENY), dialect=dialect.value, more=["-o", "json"]) in {0, 1}
    assert json.loads(cli.out)["dialect"] == dialect.value


def test_a_refused_policy_has_no_objects_and_says_why(cli: Run) -> None:
    assert cli(cli.file("p.yaml", NOT_ON_CALICO), dialect="calico") == 1
    assert all("deny-egress" not in each["metadata"]["name"] for each in yaml.safe_load_all(cli.out) if each)
    comments = [line for line in cli.out.splitlines() if line.startswith("# preview/deny-egress")]
    assert comments[0].startswith("# preview/deny-egress: refused as a whole EDICT0519: egress[0]: ")
    assert comments[1].startswith("# preview/deny-egress egress[0]: unsupported EDICT0519: ")
    assert " Try: " in comments[1]


def test_json_is_the_documented_object(cli: Run) -> None:
    good, bad = (
        cli.file("a.yaml", DENY),
        cli.file("b.yaml", NOT_ON_CALICO.replace("deny-egress", "names").replace("10", "11", 1)),
    )
    assert cli(good, bad, dialect="calico", more=["-o", "json", "--team", "payments"]) == 1
    data = json.loads(cli.out)
    assert list(data) == ["dialect", "objects", "rules"]
    assert data["dialect"] == "calico"
    assert {"apiVersion", "kind", "metadata", "spec"} <= set(data["objects"][0])
    assert data["rules"][0] == {
        "policy": "payments/deny-egress",
        "rule": "egress[0]",
        "fidelity": "exact",
        "direction": "",
        "code": "",
        "reason": "",
    }
    assert data["rules"][1]["policy"] == "payments/names"
    assert (data["rules"][1]["fidelity"], data["rules"][1]["code"]) == ("unsupported", "EDICT0519")
    assert data["rules"][1]["reason"]


def test_the_built_in_way_out_is_for_the_agents_namespace(cli: Run) -> None:
    path = cli.file("p.yaml", DENY)
    assert cli(path, more=["--agent-namespace", "agents"]) == 0
    assert "agents" in cli.out
    assert "edict-system" not in cli.out
    assert cli(path, more=["--agent-namespace", "Agents"]) == 2
    assert "--agent-namespace" in cli.err


def test_the_same_files_give_the_same_bytes_in_any_order(cli: Run) -> None:
    one, other = cli.file("a.yaml", DENY), cli.file("b.yaml", DENY.replace("deny-egress", "b").replace("10", "11", 1))
    cli(one, other)
    first = cli.out
    cli(other, one)
    assert cli.out == first


def test_folders_streams_and_upstream_manifests_are_read(cli: Run) -> None:
    cli.file("d/a.yaml", f"{DENY}---\n{CLUSTER}")
    cli.file("d/below/b.yml", UPSTREAM.replace("10.0.0.0/8", "203.0.113.0/24").replace("priority: 10", "priority: 11"))
    cli.file("d/.hidden/c.yaml", "nonsense: [")
    cli.file("d/readme.txt", "nonsense: [")
    assert cli(cli.folder / "d", more=["-o", "json"]) == 0
    assert [rule["policy"] for rule in json.loads(cli.out)["rules"]] == ["preview/deny-egress", "preview/from-upstream"]
    assert cli.err == f"{cli.folder / 'd'}: 1 document is no policy and is left out.\n"


def test_standard_input_is_a_file(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(DENY.encode())))
    assert cli(Path("-")) == 0


def test_what_yaml_readers_differ_in_is_quoted(cli: Run) -> None:
    text = DENY.replace("namespaces: {}", 'pods: {podSelector: {matchLabels: {a: "y", b: "1e3", c: "012"}}}')
    assert cli(cli.file("p.yaml", text), more=["-o", "yaml"]) == 0
    assert {'"y"', '"1e3"', '"012"'} <= set(cli.out.split())


@pytest.mark.parametrize("dialect", list(Dialect))
def test_yaml_and_json_hold_the_same_objects(cli: Run, dialect: Dialect) -> None:
    cli(EXAMPLES, dialect=dialect.value)
    shown = [each for each in yaml.safe_load_all(cli.out) if each]
    cli(EXAMPLES, dialect=dialect.value, more=["-o", "json"])
    assert shown == json.loads(cli.out)["objects"] != []


def test_a_document_cannot_end_a_comment(cli: Run) -> None:
    text = NOT_ON_CALICO.replace("a.example", '"a.example", "*.b.example"')
    assert cli(cli.file("p.yaml", text), dialect="calico") == 1
    for line in cli.out.split("---\n")[0].splitlines():
        assert line.startswith("# ")


def test_facts_that_would_help_are_named(cli: Run) -> None:
    path = cli.file("p.yaml", DENY)
    assert cli(path, facts=None) == 1
    told = "1 more rule is exact where the facts are known: podCIDRs, nodeCIDRs, cniVersion. Try: --facts FILE\n"
    assert sorted(cli.err.replace(",", "").replace(".", "").split()) == sorted(
        told.replace(",", "").replace(".", "").split()
    )
    assert cli(path, facts="cniVersion: 1.20.2\npodCIDRs: []\n") == 1
    assert "known: nodeCIDRs. Try" in cli.err
    assert cli(path, facts=FACTS.replace("10.244.0.0/16", "203.0.0.0/16")) == 1
    assert cli.err == "", "a known fact that is in the way is not asked for again"
    assert cli(cli.file("n.yaml", NOT_ON_CALICO), dialect="calico", facts=None) == 1
    assert cli.err == "", "no fact helps"


def test_facts_of_other_dialects_are_named_too(cli: Run) -> None:
    everything = changed("networks: [10.0.0.0/8]", 'networks: [0.0.0.0/0, "::/0"]').replace(
        "tier: Admin", "tier: Baseline"
    )
    path = cli.file("p.yaml", everything[: everything.index("        protocols:")])
    assert cli(path, dialect="network-policy", facts=None) == 1
    assert "known: namespaces. Try" in cli.err
    nodes = cli.file("n.yaml", changed("networks: [10.0.0.0/8]", "nodes: {}"))
    assert cli(nodes, dialect="cluster-network-policy", facts=None) == 1
    assert "known: egressPeers. Try" in cli.err


def test_the_names_of_facts_are_the_documented_ones() -> None:
    names = {field.encode_name for field in msgspec.structs.fields(Facts)}
    assert {"podCIDRs", "nodeCIDRs", "cniVersion", "options", "clusterName"} <= names


def test_the_guide_names_every_fact() -> None:
    example = GUIDE.read_text().partition("```yaml\n")[2].partition("```")[0]
    given = yaml.safe_load(example)
    assert set(given) == {field.encode_name for field in msgspec.structs.fields(Facts)}
    assert msgspec.convert(given, Facts)


def test_facts_may_be_json_and_options_plain_words(cli: Run) -> None:
    text = '{"cniVersion": "1.20.2", "podCIDRs": [], "nodeCIDRs": [], "options": {"enable-l7-proxy": true, "x": 1}}'
    assert cli(cli.file("p.yaml", DENY), facts=text) == 0


@pytest.mark.parametrize(
    ("facts", "code", "where", "remedy"),
    [
        ("podCidrs: []", "0107", "podCidrs", "write podCIDRs"),
        ("cniVersion: 1.20.2\nnodes: 4", "0107", "nodes", "nodeCIDRs"),
        ("cniVersion: 1.20", "0109", "cniVersion", "quote the value"),
        ("podCIDRs: 10.0.0.0/8", "0109", "podCIDRs", "write a list"),
        ("cniVersion: x\npodCIDRs: [10.0.0.0/8, 10.0.0.0/33]", "0125", "podCIDRs[1]", "CIDR"),
        ("nodeCIDRs: [node]", "0125", "nodeCIDRs[0]", "CIDR"),
        ("options: [a]", "0109", "options", "mapping"),
        ("options: {a: {b: c}}", "0109", "options", "string"),
        ("cniVersion: a\ncniVersion: b", "0103", "facts.txt:2", "remove"),
        ("cniVersion: newest", "0109", "facts.txt:1", "1.20.2"),
        ("[]", "0109", "facts.txt:1", "mapping"),
        ("", "0110", "facts.txt", "one document"),
        ("a: [", "0101", "facts.txt:", "brackets"),
    ],
)
def test_facts_are_read_strictly(cli: Run, facts: str, code: str, where: str, remedy: str) -> None:
    assert cli(cli.file("p.yaml", DENY), facts=facts) == 2
    assert f"[EDICT{code}]" in cli.err
    assert where in cli.err.partition(") ")[0]
    assert "facts.txt" in cli.err
    assert remedy in cli.err.partition("Try: ")[2]
    assert cli.out == ""


def test_everything_that_is_wrong_is_said(cli: Run) -> None:
    broken = cli.file("a.yaml", changed("10.0.0.0/8", "10.0.0.1/8") + "---\n" + changed("tier: Admin", "teir: Admin"))
    again = cli.file("b.yaml", f"{DENY}---\n{DENY}")
    assert cli(broken, again) == 2
    assert [line.partition("]")[0] for line in cli.err.splitlines()] == [
        f"Error [EDICT{code}" for code in ("0125", "0107", "0151")
    ]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (["--team", "Not A Team"], "0619"),
        (["--dialect", "iptables"], "0601"),
        (["-o", "table"], "0601"),
        (["-f", "/no/such/file"], "0603"),
        (["--facts", "/no/such/file"], "0603"),
    ],
)
def test_a_command_line_that_cannot_be_used_is_an_error(cli: Run, more: list[str], code: str) -> None:
    facts = None if "--facts" in more else FACTS
    assert cli(cli.file("p.yaml", DENY), facts=facts, more=more) == 2
    assert f"[EDICT{code}]" in cli.err


def test_files_without_a_policy_are_an_error(cli: Run) -> None:
    assert cli(cli.file("c.yaml", CLUSTER)) == 2
    assert "[EDICT0618]" in cli.err
    (cli.folder / "empty").mkdir()
    assert cli(cli.folder / "empty") == 2
    assert "[EDICT0618]" in cli.err


def test_an_id_that_is_none_is_placed(cli: Run) -> None:
    long = DENY.replace("deny-egress", "a" * 60)
    assert cli(cli.file("p.yaml", long)) == 2
    assert "metadata.name" in cli.err
    assert "p.yaml:4)" in cli.err


def test_no_workspace_is_made_or_needed(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(DENY)
    command = "from edict_cli.main import run; raise SystemExit(run())"
    done = subprocess.run(
        [sys.executable, "-c", command, "translate", "-f", "p.yaml", "--dialect", "calico"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["p.yaml"]


@pytest.mark.parametrize(("dialect", "code"), [("calico", 2), ("cilium", 0), ("cluster-network-policy", 0)])
def test_facts_are_of_a_cluster_that_speaks_the_dialect(cli: Run, dialect: str, code: int) -> None:
    assert cli(cli.file("p.yaml", DENY), dialect=dialect, facts=f"plugin: cilium\n{FACTS}") == code
    assert ("the facts are of a cluster with cilium, which does not speak calico" in cli.err) == (code == 2)


def test_a_file_without_an_end_is_not_read_to_it(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST", 1000)
    assert cli(Path("/dev/zero")) == 2
    assert "EDICT0603" in cli.err


def test_what_is_said_of_a_whole_policy_is_not_said_of_each_rule_again(cli: Run) -> None:
    assert cli(cli.file("p.yaml", DENY), dialect="cilium", facts="cniVersion: 1.15.0\n") == 1
    said = [line for line in cli.out.splitlines() if line.startswith("# preview/")]
    assert [line.count("has no enableDefaultDeny") for line in said] == [1, *[0] * (len(said) - 1)]
    assert said[1].endswith("egress[0]: unsupported EDICT0523")
