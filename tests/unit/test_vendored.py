"""Files of others are the ones that are named beside them, byte for byte."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("passes/static/vendor", "tests/vendor")


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_has_its_licence_and_its_hash(folder: str):
    here = ROOT / folder
    noted = set(re.findall(r"SHA-256: `([0-9a-f]{64})`", (here / "README.md").read_text("utf-8")))
    scripts = sorted(here.glob("*.js"))
    assert scripts and noted == {hashlib.sha256(script.read_bytes()).hexdigest() for script in scripts}
    for script in scripts:
        assert (here / f"{script.name.partition('.')[0]}.LICENSE.txt").is_file()
