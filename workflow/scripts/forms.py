"""Tables of results/reference/FINDINGS.md: other reconstructions of the method, and other prices of a unit."""

import pandas as pd
from by_start import in_shown, over_initializations, shown_networks, size_and_error
from markdown_tables import markdown
from shipped_numbers import TABLES, WIDTHS
from verdicts import CELLS, CLAIM_OF

from robustprune.analysis.claims import as_accurate, over_all_initializations, over_all_widths
from robustprune.analysis.claims_table import RECONSTRUCTIONS
from robustprune.analysis.select import of_standard_initialization
from robustprune.study.roles import METHOD_UNDER_STUDY

PRICES = ("price by complexity", "price of width 1 held")
"""Variants in which a unit has another price."""


def reconstructions() -> str:
    """Return a row per reconstruction of the method: size and error from every start, and three verdicts."""
    own = shown_networks(variants=True)
    own = own[own["method"] == METHOD_UNDER_STUDY]
    claims = in_shown(pd.read_csv(TABLES / "claims.csv", keep_default_na=False))
    claims = claims[(claims["method"] == METHOD_UNDER_STUDY) & (claims["budget"] == "epochs")]
    asked = {
        "over widths": CLAIM_OF[over_all_widths],
        "over initializations": CLAIM_OF[over_all_initializations],
        "as accurate": CLAIM_OF[as_accurate],
    }
    rows = [["reconstruction", *(f"width {width:g}" for width in WIDTHS), "initializations at width 1", *asked]]
    for variant in RECONSTRUCTIONS:
        runs, verdicts = own[own["variant"] == variant], claims[claims["variant"] == variant].set_index("claim")
        if len(runs):
            standard = of_standard_initialization(runs)
            cells = [size_and_error(standard[standard["width"] == width]) for width in WIDTHS]
            answers = [CELLS.get(answer, answer) for answer in verdicts.loc[list(asked.values()), "verdict"]]
            title = variant or "the method"
            rows.append([title, *cells, over_initializations(runs[runs["width"] == 1]), *answers])
    return markdown(*rows)


def prices() -> str:
    """Return two rows per method with a second price: size and error from every width, with the usual price and with
    that one."""
    runs = of_standard_initialization(shown_networks(variants=True))
    other = runs[runs["variant"].isin(PRICES)]
    widths = sorted({*WIDTHS, *other["width"]})
    rows = [["method", "price", *(f"width {width:g}" for width in widths)]]
    for method, own in runs[runs["method"].isin(other["method"])].groupby("method", sort=False):
        for variant in ("", *PRICES):
            there = own[own["variant"] == variant]
            if len(there):
                cells = [size_and_error(there[there["width"] == width]) for width in widths]
                rows.append([f"`{method}`", variant.removeprefix("price ") or "of the study", *cells])
    return markdown(*rows)
