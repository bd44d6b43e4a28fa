"""Figures: what was measured, beside what it is compared with and what it should be.

A bench hands its figures to a `Report`, which prints them as a table, keeps them as JSON in `bench/results/` and
says how much of the machine others used meanwhile. `write` makes docs/figures.md of the newest results, and the
README's table of that page. A figure that was not measured is not there; nothing is carried over from an earlier run
of the same bench.
"""

from __future__ import annotations

import json
import os
import platform
import re
import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
PAGE = ROOT / "docs" / "figures.md"
README = ROOT / "README.md"
BEGIN, END = "<!-- by `python -m bench figures` -->\n", "<!-- the end of it -->\n"
BUSY_SHARE = 0.15


@dataclass(frozen=True)
class Goal:
    """What a value should be: at least or at most `target`; `stretch` is better still."""

    is_least: bool
    target: float
    stretch: float | None = None
    unit: str = ""

    def __str__(self) -> str:
        return self._written(self.target)

    @property
    def stretch_written(self) -> str:
        return self._written(self.stretch) if self.stretch is not None else ""

    def verdict(self, value: float) -> str:
        if self.stretch is not None and self._holds(value, self.stretch):
            return "stretch"
        return "reached" if self._holds(value, self.target) else "missed"

    def _holds(self, value: float, bound: float) -> bool:
        return value >= bound if self.is_least else value <= bound

    def _written(self, bound: float) -> str:
        return f"{'≥' if self.is_least else '≤'} {bound:g}{self.unit}"


def least(target: float, stretch: float | None = None, unit: str = "") -> Goal:
    return Goal(True, target, stretch, unit)


def most(target: float, stretch: float | None = None, unit: str = "") -> Goal:
    return Goal(False, target, stretch, unit)


@dataclass(frozen=True)
class Figure:
    """`value` is what the goal speaks of (a ratio, a time); `figure` and `anchor` say it in words."""

    number: str
    what: str
    figure: str
    anchor: str = ""
    value: float = 0.0
    goal: Goal | None = None

    @property
    def verdict(self) -> str:
        return self.goal.verdict(self.value) if self.goal else ""

    @property
    def row(self) -> list[str]:
        goal = self.goal
        value = f"{_short(self.value)}{goal.unit}" if goal else ""
        bounds = [str(goal), goal.stretch_written] if goal else ["", ""]
        return [self.number, self.what, self.figure, self.anchor, value, *bounds, self.verdict]


HEADS = ("goal", "what", "figure", "compared with", "value", "target", "stretch", "verdict")


@dataclass
class Report:
    """The figures of one run. Make it when the bench begins: it watches the machine from then on."""

    name: str
    quick: bool = False
    figures: list[Figure] = field(default_factory=list)
    series: dict[str, Any] = field(default_factory=dict)
    _began: float = field(default_factory=time.time)
    _cpu: tuple[float, float] = field(default_factory=lambda: (_machine_seconds(), _own_seconds()))

    def add(
        self, number: str, what: str, figure: str, anchor: str = "", value: float = 0.0, goal: Goal | None = None
    ) -> None:
        self.figures.append(Figure(number, what, figure, anchor, value, goal))
        print(f"  {number:4} {what}: {figure}" + (f"  [{anchor}] {_short(value)}" if goal else ""), flush=True)

    def close(self) -> None:
        """Print the table and keep the results."""
        others = self._share_of_others()
        table = Table(*HEADS, title=f"{self.name}: {_machine()}; others used {others:.0%} of it meanwhile")
        for figure in self.figures:
            table.add_row(*figure.row)
        Console(width=max(100, min(200, Console().width))).print(table)
        kept = {
            "name": self.name,
            "at": int(self._began),
            "seconds": round(time.time() - self._began),
            "quick": self.quick,
            "others": round(others, 3),
            "machine": _machine(),
            "figures": [asdict(figure) for figure in self.figures],
            "series": self.series,
        }
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{self.name}.json").write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")

    def _share_of_others(self) -> float:
        """Processes that a bench started count as its own once they have ended."""
        busy, own = _machine_seconds() - self._cpu[0], _own_seconds() - self._cpu[1]
        whole = (time.time() - self._began) * (os.cpu_count() or 1)
        return max(0.0, busy - own) / whole


def write(page: Path = PAGE, readme: Path = README) -> None:
    """docs/figures.md from the newest results of every bench, and the README's table from it."""
    found = [json.loads(path.read_text("utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    kept = [result for result in found if result["figures"]]
    lines = [_HEAD]
    for result in sorted(kept, key=lambda result: _order(result["figures"])):
        lines += _section(result)
    page.parent.mkdir(exist_ok=True)
    text = "\n".join(lines) + "\n"
    page.write_text(text, "utf-8")
    readme.write_text(with_key_figures(readme.read_text("utf-8"), text), "utf-8")


def with_key_figures(readme: str, page: str) -> str:
    """The README with one line for each numbered goal of the page: what misses it, if anything does."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + _key_figures(page) + END + after


def _key_figures(page: str) -> str:
    rows: dict[int, list[str]] = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) != len(HEADS) or not re.fullmatch(r"G\d+", cells[0]) or not cells[-1]:
            continue
        number = int(cells[0][1:])
        if number not in rows or (cells[-1] == "missed") > (rows[number][-1] == "missed"):
            rows[number] = cells
    kept = [place for place, head in enumerate(HEADS) if head != "stretch"]
    lines = [[HEADS[place] for place in kept], ["---"] * len(kept)]
    lines += [[rows[number][place] for place in kept] for number in sorted(rows)]
    return "\n" + "".join("| " + " | ".join(cells) + " |\n" for cells in lines) + "\n"


def _section(result: Mapping[str, Any]) -> list[str]:
    day = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(result["at"]))
    busy = " **The machine was busy: read ratios, not rates.**" if result["others"] > BUSY_SHARE else ""
    quick = " A quick run, shorter than it should be." if result["quick"] else ""
    others = f"others used {result['others']:.0%} of the machine meanwhile.{busy}{quick}"
    said = f"`python -m bench {result['name']}`, {result['machine']}, {day}, {result['seconds']} s; {others}"
    lines = [f"## {result['name']}", "", said, ""]
    lines += ["| " + " | ".join(HEADS) + " |", "|" + " --- |" * len(HEADS)]
    for each in result["figures"]:
        figure = Figure(**{**each, "goal": Goal(**each["goal"]) if each["goal"] else None})
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in figure.row) + " |")
    pictures = [f"![{name}]({name}.png)" for name in result["series"] if (PAGE.parent / f"{name}.png").exists()]
    return [*lines, "", *pictures, *([""] if pictures else [])]


def _order(figures: Sequence[Mapping[str, Any]]) -> tuple[str, int]:
    """By the first goal a bench speaks of: G before D, by number."""
    first = next((each["number"] for each in figures if each["number"]), "Z99")
    return ("0" if first[0] == "G" else first[0], int("".join(c for c in first if c.isdigit()) or 0))


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _machine() -> str:
    return f"{os.cpu_count()} cores, Python {platform.python_version()}"


def _machine_seconds() -> float:
    """Processor time that anybody used since the machine started."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle = ticks[3] + ticks[4]
    return (sum(ticks) - idle) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


_HEAD = """# Figures

Measured by `python -m bench` (see bench/README.md) and written here by `python -m bench figures`. Most are ratios to
something measured in the same minutes on the same machine, in turn, as medians over rounds: they hold on other
machines too, while rates and times are those of a small machine with two cores. "reached" means the target,
"stretch" the harder one; what is missed stays here until it is not.
"""
