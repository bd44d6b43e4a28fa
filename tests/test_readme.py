"""The README promises commands, files and pictures: each is there."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from passes.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
CODE = re.findall(r"`([^`\n]+)`", README)
COMMANDS = sorted({words for words in CODE if words.startswith("passes ")})
TARGETS = sorted({words for line in README.splitlines() for words in re.findall(r"\bmake ([a-z]+)\b", line)})


@pytest.mark.parametrize("written", COMMANDS)
def test_every_command_exists(written: str) -> None:
    words = [word for word in written.split()[1:] if not word.startswith("-") and word != "shop"]
    command: click.Command = main
    while isinstance(command, click.Group) and words:
        found = command.commands.get(words.pop(0))
        assert found, f"there is no `{written}`"
        command = found


def test_the_readme_names_commands() -> None:
    assert len(COMMANDS) > 10


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_of_make_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("path", re.findall(r'(?:\]\(|src=")((?!http)[^)"]+)', README))
def test_every_link_and_picture_leads_somewhere(path: str) -> None:
    assert (ROOT / path).is_file()
