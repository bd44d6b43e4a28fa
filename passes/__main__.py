"""`python -m passes` is the `passes` command."""

from __future__ import annotations

from .cli import main

main()
