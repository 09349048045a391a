"""Tables of results/reference/FINDINGS.md: other reconstructions of the method, and other prices of a unit."""

import pandas as pd
from by_start import in_shown, over_initializations, shown_networks, size_and_error
from markdown_tables import markdown
from shipped_numbers import TABLES, WIDTHS
from verdicts import CELLS, CLAIM_OF

from robustprune.analysis.claims import NOT_RUN, as_accurate, over_all_initializations, over_all_widths
from robustprune.analysis.claims_table import RECONSTRUCTIONS
from robustprune.analysis.claims_table import claims as claims_of
from robustprune.analysis.select import of_standard_initialization
from robustprune.study.roles import METHOD_UNDER_STUDY

ITSELF = "the method"
CONFIDENCE = 0.95
"""Of the tables that the documents cite."""
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
    ran = {variant: runs for variant in RECONSTRUCTIONS if len(runs := own[own["variant"] == variant])}
    shown = {}
    for variant, runs in ran.items():
        shown[variant or ITSELF] = (runs, claims[claims["variant"] == variant])
        if not variant and len(ran) > 1:
            shared = _of_shared_starts(ran)
            shown[f"{ITSELF}, from the starts that all have"] = (shared, claims_of(shared, CONFIDENCE).table)
    for title, (runs, judged) in shown.items():
        standard = of_standard_initialization(runs)
        cells = [size_and_error(standard[standard["width"] == width]) for width in WIDTHS]
        verdicts = judged.set_index("claim")["verdict"]
        answers = [
            "-" if verdicts[one] == NOT_RUN else CELLS.get(verdicts[one], verdicts[one]) for one in asked.values()
        ]
        rows.append([title, *cells, over_initializations(runs[runs["width"] == 1]), *answers])
    return markdown(*rows)


def _of_shared_starts(ran: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the networks of the method from the starts that all its reconstructions have."""
    starts = [set(zip(runs["initialization"], runs["width"], strict=True)) for runs in ran.values()]
    shared = set.intersection(*starts)
    own = ran[""]
    return own[[start in shared for start in zip(own["initialization"], own["width"], strict=True)]]


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
