"""The verdict table: the claims of the abstract, for the method under study and for every baseline."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from robustprune.analysis.captions import brackets, caption
from robustprune.analysis.claims import CLAIMS, GROUP, NOT_RUN, Others
from robustprune.analysis.columns import Each, Row, Text, strong
from robustprune.analysis.equal_size import curves_of, search_curves, searched_points
from robustprune.analysis.labels import heading_of_budget
from robustprune.analysis.read import NETWORK, of_cells
from robustprune.analysis.select import rule_of_strengths, standard, studied
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.verdicts.decision import ANSWERS, LEVEL, NO, NOT_APPLICABLE, YES
from robustprune.study.roles import METHOD_UNDER_STUDY, UNPRUNED

RECONSTRUCTIONS = ("", "normalized trapezoid", "gates per batch", "sgd")
"""Variants of the method under study that reconstruct the same abstract; "" is the method itself (B10)."""
COLUMNS = [*NETWORK, "budget", "claim", *GROUP, "verdict", "evidence", "holds", "fails", "reconstructions", "n"]
SHOWN = [
    Text("claim"),
    Each("method", lambda row: f"{row['method']} {row['strength']}"),
    Each("verdict", lambda row: strong(row["verdict"]) if row["verdict"] == NO else row["verdict"]),
    Text("evidence"),
    Each("in reconstructions", lambda row: of_reconstructions(row) or "-"),
    Text("n"),
]


def claims(
    runs: pd.DataFrame,
    confidence: float,
    history: pd.DataFrame | None = None,
    searched: pd.DataFrame | None = None,
) -> Sheet:
    """Return a row per claim and method, with its verdict and numbers, the method under study first.

    history: rows of history.parquet. searched: the detailed runs of the search, for errors at equal size. A claim that
    needs one of them is "not run" without it.
    """
    everything, points = runs, searched_points(runs)
    runs = studied(runs, variants=True)
    curves = search_curves(searched)
    # once, and not for every method: a study has a million rows of history
    history = None if history is None else of_cells(standard(history), standard(runs))
    rows: list[dict] = []
    for key, group in runs.groupby([*NETWORK, "budget"], sort=False):
        axes = dict(zip([*NETWORK, "budget"], key, strict=True))
        dense = group[(group["method"] == UNPRUNED) & (group["variant"] == "")]
        given = Others(points[points.index.isin(group.index)], curves_of(curves, group), dense, history, confidence)
        rows += [axes | row for row in _rows(group[group["method"] != UNPRUNED], given)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        rule_of_strengths(everything),
        "What the paper's abstract claims, asked of every method. The initialization and the starting size do not "
        "matter: size, units of every slot and test error are equivalent to those of the standard start (docs/protocol"
        ".md, B8); size, units and error have verdicts of their own, each with its largest difference. As accurate: "
        "not worse than any other method by 0.1 points at equal size (B9). More accurate: the error is smaller than "
        "that of every other method; no where a lead of 0.1 points over one of them is excluded; better than: by "
        "paired t tests, Holm-adjusted. All at level "
        f"{LEVEL:.0%}; the interval of a no is at the simultaneous level that decided it. Gates end at 0 or 1: at "
        "most 1 % of the gates left are undetermined before a schedule "
        "rounds or fixes them. Units leave early: 90 % of the units that a slot loses are gone in the first half of "
        "training; criteria, whose schedule says when, are not asked. Training is cheaper: in MACs, and no slower "
        "(B20).",
        brackets(confidence),
        "In reconstructions: the verdicts on those of the method under study that ran (B10). n: networks, where "
        "several samples are compared those of the smallest.",
        "" if len(table) else "No method ran at an operating point in these tables.",
    )
    shown = table[table["variant"] == ""]
    sheet = Sheet.of(shown, SHOWN, "Claims of the abstract", text, by=[*NETWORK, "budget"], heading=heading_of_budget)
    return replace(sheet, table=table)


def _rows(group: pd.DataFrame, others: Others) -> Iterator[dict]:
    """Yield the rows of one network and budget."""
    methods = {
        key: own
        for key, own in group.groupby(GROUP, sort=False)
        if key[2] == "" or (key[0] == METHOD_UNDER_STUDY and key[2] in RECONSTRUCTIONS)
    }
    asked = Counter((method, variant) for method, _, variant in methods)
    # of several strengths that a user named, none is the reconstruction (B10)
    counted = {key for key, own in methods.items() if asked[key[0], key[2]] == 1 or own["operating_point"].all()}
    for claim, judge in CLAIMS.items():
        rows = []
        for key, own in methods.items():
            answer = judge(own, others)
            n = int(standard(own)["error_test_percent"].notna().sum()) if answer.n is None else answer.n
            row = {"claim": claim, **dict(zip(GROUP, key, strict=True))}
            rows.append({**row, "verdict": answer.verdict, "evidence": answer.evidence, "n": n})
        of_variants = [
            row["verdict"] for row in rows if row["variant"] and tuple(row[name] for name in GROUP) in counted
        ]
        for row in sorted(rows, key=_place):
            if row["method"] == METHOD_UNDER_STUDY and not row["variant"]:
                ran = [answer for answer in (row["verdict"], *of_variants) if answer not in (NOT_RUN, NOT_APPLICABLE)]
                row |= {"holds": ran.count(YES), "fails": ran.count(NO), "reconstructions": len(ran)}
            yield row


def _place(row: Row) -> tuple:
    answers = [*ANSWERS, NOT_RUN]
    return row["method"] != METHOD_UNDER_STUDY, RECONSTRUCTIONS.index(row["variant"]), answers.index(row["verdict"])


def of_reconstructions(row: Row) -> str:
    """Return in how many reconstructions a claim holds, does not and is open; nothing where only one ran."""
    ran, holds, fails = (float(row[name] or 0) for name in ("reconstructions", "holds", "fails"))
    return f"{holds:.0f} yes, {fails:.0f} no, {ran - holds - fails:.0f} open of {ran:.0f}" if ran > 1 else ""
