"""Draws the series on standard input into FOLDER: `python plot.py FOLDER`. Runs in the environment of the peers."""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

folder = Path(sys.argv[1])
series = json.load(sys.stdin)


def save(figure, name):
    figure.tight_layout()
    figure.savefig(folder / f"{name}.png", dpi=80)


if "growth" in series:
    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    for name, points in series["growth"].items():
        members = sorted(map(int, points))
        axes.plot(members, [points[str(each)] for each in members], marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel="members", ylabel="microseconds", title="Cost by number of members")
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    save(figure, "growth")

if "soak" in series:
    figure, axes = pyplot.subplots(figsize=(8, 3))
    axes.plot([at for at, _ in series["soak"]], [weight for _, weight in series["soak"]])
    axes.set(ylim=(0, None), xlabel="minutes", ylabel="MiB", title="Memory of the whole service at work")
    axes.grid(True, alpha=0.3)
    save(figure, "soak")
