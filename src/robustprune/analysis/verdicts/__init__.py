"""Verdicts on collected numbers, by the rules that docs/protocol.md fixes before the runs."""
