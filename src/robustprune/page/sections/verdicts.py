"""Verdicts on the claims of the paper's abstract, and the scorecard of all methods."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from robustprune.analysis.claims_table import of_reconstructions
from robustprune.analysis.headings import HEADINGS
from robustprune.analysis.labels import heading_of_budget
from robustprune.analysis.read import NETWORK
from robustprune.analysis.verdicts.decision import NOT_APPLICABLE, SHORT
from robustprune.page.render import render
from robustprune.page.study import Study
from robustprune.study.roles import METHOD_UNDER_STUDY

ID, TITLE = "verdicts", "What was found"
TABLES = ("claims", "scorecard")
WORDS = SHORT | {NOT_APPLICABLE: "-"}
UNASKED = ("Not run", "Not applicable")
"""Headings of claims that have a line and no card."""
MARKS = {answer: heading.lower().replace(" ", "-") for heading, answers in HEADINGS.items() for answer in answers}
"""Verdict -> the class that colours it."""


def show(study: Study) -> Markup:
    """Return the verdicts of the method under study, those of all methods, and the scorecard."""
    path = study.main.tables / "claims.csv" if study.main.tables else None
    claims = pd.read_csv(path, keep_default_na=False) if path and path.exists() else pd.DataFrame()
    claims = claims[claims["variant"] == ""] if len(claims) and "claim" in claims else pd.DataFrame()
    own = claims[claims["method"] == METHOD_UNDER_STUDY] if len(claims) else claims
    found = [
        (heading, MARKS[answers[0]], own[own["verdict"].isin(answers)].to_dict("records"))
        for heading, answers in HEADINGS.items()
        if len(own) and own["verdict"].isin(answers).any()
    ]
    return render(
        "verdicts.html",
        method=METHOD_UNDER_STUDY,
        found=[
            (heading, mark, [_told(row) for row in rows]) for heading, mark, rows in found if heading not in UNASKED
        ],
        unasked=[(heading, _by_network(rows)) for heading, _, rows in found if heading in UNASKED],
        matrices=_matrices(claims),
        sheets=[(study.main, name, study.main.sheets.get(name), name == "scorecard") for name in reversed(TABLES)],
    )


def _by_network(rows: list[dict[Any, Any]]) -> list[tuple[str, str]]:
    """Return each network with its claims, in one line."""
    claims: dict[str, list[str]] = {}
    for row in map(_told, rows):
        claims.setdefault(row["network"], []).append(row["claim"].lower())
    return [(network, "; ".join(dict.fromkeys(names))) for network, names in claims.items()]


def _told(row: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return a verdict with the network it is about."""
    network = heading_of_budget(*(row[name] for name in (*NETWORK, "budget")))
    return {**row, "network": network, "held": of_reconstructions(row)}


def _matrices(claims: pd.DataFrame) -> list[dict[str, Any]]:
    """Return for each network and budget the verdict of every method on every claim, with its class."""
    matrices = []
    for key, rows in claims.groupby([*NETWORK, "budget"], sort=False) if len(claims) else ():
        titles, methods = list(dict.fromkeys(rows["claim"])), []
        for (method, strength), own in rows.groupby(["method", "strength"], sort=False):
            given = own.set_index("claim")["verdict"]
            answers = [(WORDS.get(given[title], given[title]), MARKS[given[title]]) for title in titles]
            methods.append((method, strength, answers))
        matrices.append({"title": heading_of_budget(*map(str, key)), "claims": titles, "methods": methods})
    return matrices
