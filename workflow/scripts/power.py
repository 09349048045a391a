"""Table of docs/protocol.md: how likely the verdicts can be given."""

from markdown_tables import markdown

from robustprune.analysis.verdicts.power import power_table


def of_verdicts() -> str:
    """How likely the verdicts of docs/protocol.md can be given, before any run of the core study."""
    rows = [["question", "n", "yes, no difference", "yes, half the margin", "no, twice the margin"]]
    for found in power_table():
        chances = (found.yes_without_difference, found.yes_at_half, found.no_at_twice)
        rows.append([found.question.title, found.n, *(f"{chance:.0f} %" for chance in chances)])
    return markdown(*rows)
