"""The README and CONTRIBUTING promise commands, files and pictures: each is there."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from bench import figures
from passes.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
CODE = re.findall(r"`([^`\n]+)`", README)
COMMANDS = sorted({words for words in CODE if words.startswith("passes ")})
PATH = r"(?:passes|tests|templates|setup)/[\w./*-]+"
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


def mapped() -> list[str]:
    """The paths in the map; what follows the first of a line lies in the same folder."""
    block = README.partition("## The map")[2].split("```")[1]
    found = []
    for line in block.strip().splitlines():
        first, *others = re.split(" {2,}", line)[0].removesuffix(" ...").split()
        found += [first, *(f"{first.rstrip('/').rpartition('/')[0]}/{other}".lstrip("/") for other in others)]
    return found


@pytest.mark.parametrize("path", mapped())
def test_the_map_names_what_there_is(path: str) -> None:
    assert list(ROOT.glob(path.replace("<look>", "cafe"))), f"there is no {path}"


def test_contributing_names_what_there_is() -> None:
    named = re.findall(r"`([^`\n]+)`", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    paths = [path for path in named if re.fullmatch(PATH, path)]
    assert len(paths) > 10
    assert not [path for path in paths if not list(ROOT.glob(path))]


def test_the_key_figures_are_those_of_the_page_of_figures() -> None:
    page = figures.PAGE.read_text("utf-8")
    assert figures.with_key_figures(README, page) == README, "run: python -m bench figures"


def test_the_key_figure_of_a_goal_is_one_that_misses_it() -> None:
    page = """
| G2 | slow \\| sure | 1/s | | 1 | ≥ 2 | | missed |
| G10 | first | 3/s | | 3 | ≥ 2 | ≥ 4 | reached |
| G10 | second | 1/s | | 1 | ≥ 2 | | missed |
| G10 | third | 0/s | | 0 | ≥ 2 | | missed |
| G11 | not a goal | 1/s | | | | | |
| D1 | elsewhere | 1/s | | 1 | ≥ 2 | | missed |
"""
    written = figures.with_key_figures(f"a\n{figures.BEGIN}old\n{figures.END}b\n", page)
    assert [line for line in written.splitlines() if line.startswith("| G")] == [
        "| G2 | slow \\| sure | 1/s |  | 1 | ≥ 2 | missed |",
        "| G10 | second | 1/s |  | 1 | ≥ 2 | missed |",
    ]
    assert written.startswith("a\n") and written.endswith(f"{figures.END}b\n") and "old" not in written
