"""What all tests share: the real parts, and no silent skips where nothing may be.

``EDICT_NO_SKIPS=1`` (set by `make test` and `make test-all`) fails the run when any test was skipped, with the reasons:
a machine that can run everything has to, so that a part that stopped building is not taken for a pass.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.env.fixtures"]

settings.register_profile("edict", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("edict")
"""A loaded machine is slow, and that is no finding."""


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
        if self.skipped and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List what was skipped, above pytest's closing line."""
        if self.skipped:
            terminalreporter.section("skipped, and EDICT_NO_SKIPS is set: the run fails", red=True)
            for nodeid, reason in self.skipped.items():
                terminalreporter.line(f"{nodeid}: {reason}")


def pytest_configure(config: pytest.Config) -> None:
    """Install `NoSkips` when asked to; under xdist the workers' reports reach the one of the controller."""
    if os.environ.get("EDICT_NO_SKIPS") == "1":
        config.pluginmanager.register(NoSkips(), "edict-no-skips")
