"""Table of results/reference/FINDINGS.md: sizes and errors of every method over starting sizes and initializations."""

import pandas as pd
from markdown_tables import markdown
from shipped_numbers import NETWORKS, REFERENCE, WIDTHS, of_network

from robustprune.analysis.columns import with_interval
from robustprune.analysis.read import read_detailed_runs
from robustprune.analysis.select import STANDARD_INITIALIZATION, of_one_budget, studied
from robustprune.analysis.statistics import mean_interval, size_interval
from robustprune.study.roles import METHOD_UNDER_STUDY, UNPRUNED

SHOWN = next(iter(NETWORKS))
"""The data set, architecture and track of the tables over starts."""


def in_shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of SHOWN."""
    return of_network(table, SHOWN)


def shown_networks(network: tuple[str, str, str] = SHOWN, *, variants: bool = False) -> pd.DataFrame:
    """Return the shipped networks of one of NETWORKS at operating points and unpruned ones, at equal epochs."""
    return of_one_budget(of_network(studied(read_detailed_runs(REFERENCE), variants=variants), network))


def sizes_and_errors() -> str:
    """Every method at its operating point: params kept and test error from each width, a table per network."""
    return "\n\n".join(_table(network, title) for network, title in NETWORKS.items())


def _table(network: tuple[str, str, str], title: str) -> str:
    runs = shown_networks(network)
    widths = [width for width in WIDTHS if width in set(runs["width"])]
    rows = [[title, *(f"width {width:g}" for width in widths), "initializations at width 1"]]
    others = [method for method in runs["method"].unique() if method not in (METHOD_UNDER_STUDY, UNPRUNED)]
    for method in (METHOD_UNDER_STUDY, *sorted(others), UNPRUNED):
        own = runs[runs["method"] == method]
        standard = own[own["initialization"] == STANDARD_INITIALIZATION]
        cells = [size_and_error(standard[standard["width"] == width]) for width in widths]
        rows.append([f"`{method}`", *cells, over_initializations(own[own["width"] == 1])])
    return markdown(*rows)


def size_and_error(networks: pd.DataFrame) -> str:
    """Return the mean size and error of networks with intervals and n, and how many are not ok."""
    if networks.empty:
        return "not run"
    size, error = size_interval(networks["params_kept"]), mean_interval(networks["error_test_percent"])
    found = size.columns("size") | error.columns("error")
    shown = f"{with_interval(found, 'size', ',.0f')}; {with_interval(found, 'error', '.2f')} %"
    return f"{shown} (n = {size.n}{_lost(networks)})"


def _lost(networks: pd.DataFrame) -> str:
    """Return how many networks are not ok, "" for none."""
    counts = networks.loc[networks["status"] != "ok", "status"].value_counts()
    return "".join(f", {count} {status}" for status, count in counts.items())


def over_initializations(networks: pd.DataFrame) -> str:
    """The range of means over initializations, and their number."""
    means = networks.groupby("initialization")[["params_kept", "error_test_percent"]].mean()
    if len(means) < 2:
        return "not run"
    size, error = means["params_kept"], means["error_test_percent"]
    shown = f"{size.min():,.0f} to {size.max():,.0f}; {error.min():.2f} to {error.max():.2f} %"
    return f"{shown} ({len(means)}{_lost(networks)})"
