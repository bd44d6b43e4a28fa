"""The lists in docs/ that name tests name ones that exist, and every line names one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
APPLE = (ROOT / "docs" / "apple-checklist.md").read_text("utf-8")
GOOGLE = (ROOT / "docs" / "google-checklist.md").read_text("utf-8")
LINES = {"B": 22, "J": 29, "W": 28, "P": 14, "C": 4, "D": 2}
GOOGLE_LINES = 44


def test_every_line_of_the_apple_checklist_is_there() -> None:
    listed = re.findall(r"^\| ([A-Z]\d\d) \|", APPLE, re.MULTILINE)
    assert listed == [f"{part}{number:02d}" for part, most in LINES.items() for number in range(1, most + 1)]


def test_every_line_of_the_google_checklist_names_a_test() -> None:
    listed = re.findall(r"^\| (GW-\d\d) \|.*`test_\w+`", GOOGLE, re.MULTILINE)
    assert listed == [f"GW-{number:02d}" for number in range(1, GOOGLE_LINES + 1)]


@pytest.mark.parametrize("checklist", [APPLE, GOOGLE], ids=["apple", "google"])
def test_every_test_it_names_exists(checklist: str) -> None:
    tests = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    written = set(re.findall(r"^def (test_\w+)", tests, re.MULTILINE))
    named = set(re.findall(r"`(test_\w+)`", checklist))
    assert named - written == set()


def test_every_line_names_a_test() -> None:
    """The lines about pass.json share the two that stand above their table."""
    lines = re.findall(r"^\| [BWPCD]\d\d \|.*$", APPLE, re.MULTILINE)
    assert [line for line in lines if "`test_" not in line] == []


@pytest.mark.parametrize("rule", [f"{part}{number:02d}" for part in "BJ" for number in range(1, LINES[part] + 1)])
def test_every_rule_for_a_pass_has_a_broken_example(rule: str) -> None:
    examples = (ROOT / "tests" / "unit" / "test_passcheck.py").read_text("utf-8")
    assert re.search(rf"\b{rule}[EW]?\b", examples)
