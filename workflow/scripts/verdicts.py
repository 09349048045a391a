"""What the abstract claims and the shipped networks show: blocks of results/reference/FINDINGS.md."""

from collections.abc import Mapping

import pandas as pd
from markdown_tables import markdown
from shipped_numbers import TABLES

from robustprune.analysis.claims import CLAIMS
from robustprune.analysis.claims_table import of_reconstructions
from robustprune.analysis.headings import HEADINGS
from robustprune.analysis.labels import budget_title, network_title
from robustprune.analysis.read import NETWORK
from robustprune.analysis.verdicts.decision import NO, NOT_APPLICABLE, SHORT
from robustprune.study.roles import METHOD_UNDER_STUDY

CLAIM_OF = {judge: claim for claim, judge in CLAIMS.items()}
"""The function that judges a claim -> the claim."""
CELLS = SHORT | {NOT_APPLICABLE: "-", NO: "**no**"}


def claims_table() -> pd.DataFrame:
    """Return the verdicts of every method, without those of reconstructions."""
    table = pd.read_csv(TABLES / "claims.csv", keep_default_na=False)
    return table[table["variant"] == ""]


def of_the_method() -> str:
    """The verdict of each claim on the method under study, with its numbers."""
    table = claims_table()
    own = table[table["method"] == METHOD_UNDER_STUDY]
    lines = []
    for heading, answers in HEADINGS.items():
        rows = own[own["verdict"].isin(answers)].to_dict("records")
        if rows:
            lines += [f"**{heading}**", "", *(f"- {_sentence(row)}" for row in rows), ""]
    return "\n".join(lines).rstrip()


def place(row: Mapping) -> str:
    """Return the network of a verdict, and the budget where it is not equal epochs."""
    name = network_title(row["dataset"], row["architecture"])
    return name if row["budget"] == "epochs" else f"{name} {budget_title(row['budget'])}"


def _sentence(row: dict) -> str:
    held = of_reconstructions(row)
    numbers = f": {row['evidence']}" if row["evidence"] else ""
    ending = f" In reconstructions: {held}." if held else ""
    return f"*{row['claim']}* ({place(row)}, `{row['strength']}`, n = {row['n']}){numbers}.{ending}"


def of_all_methods() -> str:
    """The verdicts of every method, a row each."""
    table, tables = claims_table(), []
    for _, own in table.groupby([*NETWORK, "budget"], sort=False):
        claims = list(dict.fromkeys(own["claim"]))
        title = place(own.iloc[0])
        rows = [[title, *claims]]
        for (method, strength), answers in own.groupby(["method", "strength"], sort=False):
            given = answers.set_index("claim")["verdict"]
            rows.append([f"`{method}/{strength}`", *(CELLS.get(given[claim], given[claim]) for claim in claims)])
        tables.append(markdown(*rows))
    return "\n\n".join(tables)
