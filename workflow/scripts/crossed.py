"""Table of results/reference/FINDINGS.md: starting sizes crossed with initializations."""

from by_start import shown_networks, size_and_error
from markdown_tables import markdown

from robustprune.analysis.select import STANDARD_INITIALIZATION
from robustprune.analysis.verdicts.over_starts import STANDARD_WIDTH


def sizes_and_errors() -> str:
    """Return a row per method and initialization that has other widths than the standard one: params kept and test
    error from each width that all of these have."""
    runs = shown_networks()
    crossed = runs[(runs["initialization"] != STANDARD_INITIALIZATION) & (runs["width"] != STANDARD_WIDTH)]
    chosen = runs[runs["method"].isin(crossed["method"])]
    widths = sorted({STANDARD_WIDTH, *crossed["width"]})
    rows = [["method", "initialization", *(f"width {width:g}" for width in widths)]]
    for method, own in chosen.groupby("method", sort=False):
        for initialization in (STANDARD_INITIALIZATION, *sorted(crossed["initialization"].unique())):
            there = own[own["initialization"] == initialization]
            cells = [size_and_error(there[there["width"] == width]) for width in widths]
            rows.append([f"`{method}`", f"`{initialization}`", *cells])
    return markdown(*rows)
