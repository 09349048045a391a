"""The points of README.md: the claims of the abstract, as the shipped networks answer them."""

import itertools
import re
import textwrap

import equal_macs
import pandas as pd
import rivals
import same_network
from by_start import in_shown
from markdown_tables import markdown
from shipped_numbers import TABLES
from verdicts import CELLS, CLAIM_OF, claims_table, place

from robustprune.analysis.claims import NOT_RUN, early, over_all_initializations, over_all_widths
from robustprune.analysis.headings import HEADINGS
from robustprune.analysis.read import NETWORK
from robustprune.analysis.verdicts.decision import NO, NOT_APPLICABLE, TOO_FEW, UNDECIDED, YES
from robustprune.study.roles import METHOD_UNDER_STUDY

OVER_WIDTHS = CLAIM_OF[over_all_widths]
OF_ALL = (CLAIM_OF[over_all_initializations], OVER_WIDTHS)
"""Claims whose verdicts on all methods are counted; results/reference/FINDINGS.md has the others."""
JUDGED = (YES, NO, UNDECIDED, TOO_FEW)


def headline() -> str:
    """Verdicts on the method under study, what did not hold first, and what else the reader must know of it."""
    everything = claims_table()
    table = everything[everything["budget"] == "epochs"]
    points = [*rivals.elsewhere(), same_network.in_short(), rivals.in_short(), *equal_macs.in_short()]
    points.append("**All methods** (MNIST; open: not decided)**:** " + "; ".join(_shared(table)) + ".")
    of_the_method = _verdicts(table[table["method"] == METHOD_UNDER_STUDY])
    return "\n".join([of_the_method, "", *(_filled(f"- {point}") for point in points)])


def _verdicts(own: pd.DataFrame) -> str:
    """Return a row per claim with its verdict on each network, those of by_start.SHOWN first and with numbers."""
    first = in_shown(own).index
    own = own.assign(title=_titles(own)).loc[[*first, *own.index.drop(first)]]
    titles = list(dict.fromkeys(own["title"]))
    given = own.pivot(index="claim", columns="title", values="verdict")
    rows = [["the abstract claims", *(titles if len(titles) > 1 else ["verdict"]), "what was found"]]
    rows[0][-1] += f", {titles[0]}" if len(titles) > 1 else ""
    shown = own[own["title"] == titles[0]].set_index("claim")
    for answer in itertools.chain(*HEADINGS.values()):
        for claim, row in shown[shown["verdict"] == answer].iterrows():
            answers = (given.loc[claim, title] for title in titles)
            rows.append([_lowered(claim), *(CELLS.get(one, one) for one in answers), _numbers(row)])
    return markdown(*rows)


def _titles(own: pd.DataFrame) -> list[str]:
    """Return the network of every row, with the strength where a network has several."""
    several = own.groupby(NETWORK)["strength"].transform("nunique") > 1
    return [
        place(row) + (f", `{row['strength']}`" if more else "")
        for row, more in zip(own.to_dict("records"), several, strict=True)
    ]


def _numbers(row: pd.Series) -> str:
    strength = re.compile(r"(?<= against )(\w+) \S+")  # a baseline's strength says little here
    return strength.sub(r"`\1`", f"{row['evidence']}, n = {row['n']}") if row["evidence"] else ""


def _shared(table: pd.DataFrame) -> list[str]:
    """Return for each claim of OF_ALL how many methods have which verdict on by_start.SHOWN."""
    lines = []
    for claim, rows in in_shown(table[table["claim"].isin(OF_ALL)]).groupby("claim", sort=False):
        judged = rows[rows["verdict"].isin(JUDGED)]
        yes, no = (int((judged["verdict"] == answer).sum()) for answer in (YES, NO))
        told = int((judged["method"].isin(_criteria(table)) & (judged["verdict"] == NO)).sum())
        criteria = f" ({told} are told what to keep)" if told and claim == OVER_WIDTHS else ""
        line = f"{_lowered(str(claim))}: {yes} yes, {no} no{criteria}, {len(judged) - yes - no} open"
        line += f", {not_run} not run" if (not_run := int((rows["verdict"] == NOT_RUN).sum())) else ""
        if claim == OVER_WIDTHS:
            line += f" (from width 1 up: {_from_width_1(rows.iloc[0])})"
        lines.append(line)
    return lines


def _criteria(table: pd.DataFrame) -> list[str]:
    """Return the methods that are not asked when their units leave, because a schedule says it."""
    asked = table["claim"] == CLAIM_OF[early]
    return list(table[asked & (table["verdict"] == NOT_APPLICABLE)]["method"])


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
