"""Prints the conformance score after the run."""

from __future__ import annotations

import pytest

from tests.conformance.cases import function_cases, language_cases, not_yet


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Score per file, and what the open cases wait for."""
    passed = {
        report.nodeid.split("[", 1)[1].rstrip("]")
        for report in terminalreporter.getreports("passed")
        if "test_conformance.py::test_kinesis_dialect[" in report.nodeid and report.when == "call"
    }
    if not passed:
        return
    terminalreporter.section("conformance (kinesis dialect)")
    for name, cases in (("language.yaml", language_cases()), ("functions.yaml", function_cases())):
        good = sum(case.id in passed for case in cases)
        terminalreporter.write_line(f"{name}: {good} of {len(cases)} cases pass ({good / len(cases):.0%})")
    waiting: dict[str, int] = {}
    for feature in not_yet().values():
        waiting[feature] = waiting.get(feature, 0) + 1
    for feature, count in sorted(waiting.items()):
        terminalreporter.write_line(f"  notyet: {count:3d} waiting for {feature}")
