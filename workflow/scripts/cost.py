"""Table of results/reference/FINDINGS.md: what training the method costs, in arithmetic, seconds and error."""

import pandas as pd
from by_start import shown_networks
from markdown_tables import markdown
from shipped_numbers import NETWORKS, TABLES, WIDTHS

from robustprune.analysis.columns import with_interval
from robustprune.analysis.pairing import of_shared_seeds
from robustprune.analysis.read import SERIES
from robustprune.analysis.select import of_standard_initialization
from robustprune.analysis.statistics import paired_difference
from robustprune.study.roles import METHOD_UNDER_STUDY, UNPRUNED


def beside_dense() -> str:
    """What training the method costs against dense training from the same start."""
    shares = pd.read_csv(TABLES / "training_cost.csv").set_index([*SERIES, "width"])
    rows = [["share of dense training", *(f"width {width:g}" for width in WIDTHS)]]
    for network, title in NETWORKS.items():
        series = (*network, METHOD_UNDER_STUDY)
        strength = shares.loc[series].index[0][0]
        for column, name in (("macs_percent", "multiply-accumulates"), ("seconds_percent", "seconds")):
            keys = [(*series, strength, width) for width in WIDTHS]
            found = [shares.loc[key, column] if key in shares.index else float("nan") for key in keys]
            rows.append([f"{title}, {name}", *("-" if pd.isna(share) else f"{share:.0f} %" for share in found)])
        rows.append([f"{title}, test error minus that of dense training (points)", *_minus_dense(network)])
    return markdown(*rows)


def _minus_dense(network: tuple[str, str, str]) -> list[str]:
    """The method's test error minus that of dense training from each starting size, paired by seed."""
    runs = of_standard_initialization(shown_networks(network))
    found = []
    for width in WIDTHS:
        cells = [
            runs[(runs["method"] == method) & (runs["width"] == width)] for method in (METHOD_UNDER_STUDY, UNPRUNED)
        ]
        difference = paired_difference(*(cell["error_test_percent"] for cell in of_shared_seeds(*cells)))
        found.append(f"{with_interval(difference.columns('d'), 'd', '+.2f')} (n = {difference.n})")
    return found
