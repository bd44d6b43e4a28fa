"""Proofs that take minutes: run by hand or at night, each a command that prints its figures and fails loudly."""
