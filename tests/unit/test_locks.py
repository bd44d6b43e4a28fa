"""What is installed is what was resolved: locked with hashes, nothing missing, no address inside."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LOCKS = ["requirements-build.lock", "requirements.lock", "requirements-dev.lock"]


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def asked_for(lock: str) -> list[Requirement]:
    table = project()
    runtime = [
        *table["project"]["dependencies"],
        *chain.from_iterable(table["project"]["optional-dependencies"].values()),
    ]
    groups = table["dependency-groups"]
    asked = {
        "requirements-build.lock": [*groups["build"], *table["build-system"]["requires"]],
        "requirements.lock": runtime,
        "requirements-dev.lock": [*runtime, *groups["dev"]],
    }
    return [Requirement(line) for line in asked[lock]]


def entries(lock: str) -> Iterator[tuple[Requirement, str]]:
    """Each pinned requirement and the text of its hashes."""
    for entry in re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip()):
        line, _, hashes = entry.partition(" \\\n")
        yield Requirement(line), hashes


def pinned(lock: str, python: str) -> dict[str, Version]:
    """What the lock installs on Linux with that Python."""
    here = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": "linux",
        "platform_system": "Linux",
    }
    return {
        canonicalize_name(requirement.name): Version(str(requirement.specifier).removeprefix("=="))
        for requirement, _ in entries(lock)
        if requirement.marker is None or requirement.marker.evaluate(here)
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_names_versions_and_hashes_alone(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*-(?!-hash=sha256:)", text, re.MULTILINE)
    for requirement, hashes in entries(lock):
        assert [clause.operator for clause in requirement.specifier] == ["=="]
        assert re.fullmatch(r"(\s+--hash=sha256:[0-9a-f]{64}( \\)?)+", hashes), requirement.name


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_gives_what_the_project_asks_for(lock: str, python: str) -> None:
    locked = pinned(lock, python)
    unmet = [
        str(asked)
        for asked in asked_for(lock)
        if canonicalize_name(asked.name) not in locked or locked[canonicalize_name(asked.name)] not in asked.specifier
    ]
    assert not unmet, "run: make locks"


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_locks_agree(python: str) -> None:
    everything = pinned("requirements-dev.lock", python)
    for lock in LOCKS:
        for name, version in pinned(lock, python).items():
            assert everything.get(name, version) == version
