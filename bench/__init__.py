"""Repeatable measurements: `python -m bench NAME`. See README.md in this folder."""
