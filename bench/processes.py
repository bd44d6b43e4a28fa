"""What a running server uses, read from /proc: processor time and memory of a process and its descendants."""

from __future__ import annotations

import os
from pathlib import Path

KB = 1024
PROC = Path("/proc")


def family(pid: int) -> list[int]:
    """The process and all below it."""
    found, unseen = [], [pid]
    while unseen:
        each = unseen.pop()
        found.append(each)
        for task in (PROC / str(each) / "task").glob("*/children"):
            unseen += [int(child) for child in task.read_text().split()]
    return found


def pss(pid: int) -> float:
    """MiB: memory of its own and its share of what processes have in common."""
    return sum(_field(PROC / str(each) / "smaps_rollup", "Pss:") for each in family(pid)) / KB


def rss(pid: int) -> float:
    """MiB resident, by process added up."""
    return sum(_field(PROC / str(each) / "status", "VmRSS:") for each in family(pid)) / KB


def cpu_seconds(pid: int) -> float:
    ticks = 0
    for each in family(pid):
        fields = (PROC / str(each) / "stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def open_files(pid: int) -> int:
    return sum(len(list((PROC / str(each) / "fd").iterdir())) for each in family(pid))


def _field(path: Path, name: str) -> int:
    return next((int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(name)), 0)
