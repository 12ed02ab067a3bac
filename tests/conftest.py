"""What all tests share: the real parts, and no silent skips where nothing may be.

``EDICT_NO_SKIPS=1`` (set by `make test` and `make test-all`) fails the run when any test was skipped, with the reasons:
a machine that can run everything has to, so that a part that stopped building is not taken for a pass. What no run on
this machine could have had (EDICT9007: a part of the operating system) is listed and does not fail it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from tests.env._errors import NOT_FOR_THIS_MACHINE

pytest_plugins = ["tests.env.fixtures"]

settings.register_profile("edict", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("edict")
"""A loaded machine is slow, and that is no finding."""


LANES = {
    "clusters": ("e2e", "env", "integration/agent", "integration/test_"),
    "hubs": ("attacks/agent", "attacks/etcd", "attacks/network", "integration/hub"),
    "commands": ("deploy", "integration/cli"),
}
"""Folders whose tests start real parts: what is alike runs one after the other, so that it is not its own weather."""


class Lanes(LoadScopeScheduling):
    """Gives each lane to one worker of xdist, and to whoever is free the tests that only compute, file by file."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = file.removeprefix("tests/")
        return next((lane for lane, folders in LANES.items() if folder.startswith(folders)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Lanes:
    """Choose who runs what under ``-n``, whatever ``--dist`` says."""
    return Lanes(config, log)


@pytest.fixture(autouse=True)
def _logging_stays_as_it_was() -> Iterator[None]:
    """A test that configures logging binds it to its own captured output, which is closed after it."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def _was_possible(reason: str) -> bool:
    return f"[{NOT_FOR_THIS_MACHINE}]" not in reason


class NoSkips:
    """A pytest plugin that turns a run with skipped tests into a failed one."""

    def __init__(self) -> None:
        """Start with nothing skipped."""
        self.skipped: dict[str, str] = {}

    def _note(self, report: pytest.CollectReport | pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):  # an expected failure was run
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.skipped[report.nodeid] = reason.removeprefix("Skipped: ")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that was skipped, or whose fixture was."""
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that was skipped as a whole."""
        self._note(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run; pytest's own exit codes of 1 and above stay."""
        if any(map(_was_possible, self.skipped.values())) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List what was skipped, above pytest's closing line."""
        if self.skipped:
            fails = any(map(_was_possible, self.skipped.values()))
            verdict = "the run fails" if fails else "this machine cannot run it"
            terminalreporter.section(f"skipped, and EDICT_NO_SKIPS is set: {verdict}", red=fails)
            for nodeid, reason in self.skipped.items():
                terminalreporter.line(f"{nodeid}: {reason}")


def pytest_configure(config: pytest.Config) -> None:
    """Install `NoSkips` when asked to; under xdist the workers' reports reach the one of the controller."""
    if os.environ.get("EDICT_NO_SKIPS") == "1":
        config.pluginmanager.register(NoSkips(), "edict-no-skips")
