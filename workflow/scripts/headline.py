"""The points of README.md: the claims of the abstract, as the shipped networks answer them."""

import itertools
import re
import textwrap

import equal_macs
import pandas as pd
import rivals
import same_network
from markdown_tables import markdown
from shipped_numbers import TABLES
from verdicts import CELLS, CLAIM_OF, claims_table, place

from robustprune.analysis.claims import NOT_RUN, over_all_initializations, over_all_widths
from robustprune.analysis.headings import HEADINGS
from robustprune.analysis.read import NETWORK
from robustprune.analysis.verdicts.decision import NO, TOO_FEW, UNDECIDED, YES
from robustprune.study.roles import METHOD_UNDER_STUDY

OVER_WIDTHS = CLAIM_OF[over_all_widths]
OF_ALL = (CLAIM_OF[over_all_initializations], OVER_WIDTHS)
"""Claims whose verdicts on all methods are counted; results/reference/FINDINGS.md has the others."""
JUDGED = (YES, NO, UNDECIDED, TOO_FEW)


def headline() -> str:
    """Verdicts on the method under study, what did not hold first, and what else the reader must know of it."""
    everything = claims_table()
    table = everything[everything["budget"] == "epochs"]
    own = table[table["method"] == METHOD_UNDER_STUDY]
    several = len(table.groupby([*NETWORK, "budget"])) > 1
    rows = [["the abstract claims", "verdict", "what was found"]]
    for answer in itertools.chain(*HEADINGS.values()):
        for claim, found in own[own["verdict"] == answer].groupby("claim", sort=False):
            rows.append([_lowered(claim), CELLS.get(answer, answer), _places(found, several)])
    points = [same_network.in_short(), rivals.in_short(), *equal_macs.in_short()]
    points.append("**All methods** (open: not decided)**:** " + "; ".join(_shared(table, several)) + ".")
    return "\n".join([markdown(*rows), "", *(_filled(f"- {point}") for point in points)])


def _places(rows: pd.DataFrame, several: bool) -> str:
    """Return the numbers of a claim on each network, which is named where there are several."""
    points = []
    for row in rows.to_dict("records"):
        strength = re.compile(r"(?<= against )(\w+) \S+")  # a baseline's strength says little here
        numbers = strength.sub(r"`\1`", f"{row['evidence']}, n = {row['n']}") if row["evidence"] else ""
        points.append(f"on {place(row)}: {numbers}".rstrip(": ") if several else numbers)
    return "; ".join(points)


def _shared(table: pd.DataFrame, several: bool) -> list[str]:
    """Return for each claim of OF_ALL and network with baselines how many methods have which verdict."""
    lines = []
    for claim, rows in table[table["claim"].isin(OF_ALL)].groupby("claim", sort=False):
        counts = []
        for _, group in rows.groupby([*NETWORK, "budget"], sort=False):
            judged = group[group["verdict"].isin(JUDGED)]
            if judged["method"].nunique() > 1:
                yes, no = (int((judged["verdict"] == answer).sum()) for answer in (YES, NO))
                count = f"{yes} yes, {no} no, {len(judged) - yes - no} open"
                count += f", {not_run} not run" if (not_run := int((group["verdict"] == NOT_RUN).sum())) else ""
                if claim == OVER_WIDTHS:
                    count += f" (from width 1 up: {_from_width_1(group.iloc[0])})"
                counts.append(f"{count} on {place(group.iloc[0])}" if several else count)
        if counts:
            lines.append(f"{_lowered(claim)}: {', '.join(counts)}")
    return lines


def _from_width_1(first: pd.Series) -> str:
    """Return how many methods of a network have which verdict over the widths from 1 up."""
    table = pd.read_csv(TABLES / "scorecard.csv")
    same = [*NETWORK, "budget"]
    own = table[(table[same] == first[same]).all(axis=1)]
    judged = own.loc[own["equivalent_from_width_1"].isin(JUDGED), "equivalent_from_width_1"]
    yes, no = (int((judged == answer).sum()) for answer in (YES, NO))
    return f"{yes} yes, {no} no, {len(judged) - yes - no} open"


def _lowered(text: str) -> str:
    return text[0].lower() + text[1:]


def _filled(text: str) -> str:
    """Lines of at most 120 characters, broken neither before "%" nor inside "n = 3" and intervals."""
    tied = re.sub(r" (?=%|=|[^\[]*\])|(?<==) ", "\u00a0", text)
    lines = textwrap.fill(tied, 120, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return lines.replace("\u00a0", " ")
