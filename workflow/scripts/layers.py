"""Tables of docs/layers.md, from the study of networks with sections that is shipped beside the reference."""

from collections import Counter

import pandas as pd
from markdown_tables import markdown
from shipped_numbers import shipped_table

from robustprune.analysis.columns import number, with_interval
from robustprune.analysis.labels import initialization_title
from robustprune.analysis.layers.hypotheses import FAILED, HELD, NOT_RUN, UNDECIDED
from robustprune.analysis.layers.joint import GATED
from robustprune.study.roles import METHOD_UNDER_STUDY

OF_REMEDIES = "layer_c3e_2"
"""The strength at which remedies against sections that adapt to each other were tried."""
SHOWN = 3
"""Parts of a hypothesis that its row names."""
REMEDIES = {
    OF_REMEDIES: "none",
    f"{OF_REMEDIES}_capped": "`theta_cap: 0.9`",
    f"{OF_REMEDIES}_slower": "`drift_layers: 3e-4`",
    f"{OF_REMEDIES}_pretrained": "`pretrain: 0.1`",
}


def hypotheses() -> str:
    """Return H1 to H6 with their outcomes, those that did not hold first, without networks on which one was not run."""
    table = shipped_table("layers", "layers_hypotheses")
    order = [FAILED, UNDECIDED, HELD]
    table = table[table["outcome"] != NOT_RUN]
    table = table.sort_values("outcome", key=lambda column: column.map(order.index), kind="stable")
    rows = [["", "hypothesis", "network", "outcome", "evidence"]]
    for row in table.itertuples():
        outcome = f"**{row.outcome}**" if row.outcome == FAILED else row.outcome
        rows.append([row.hypothesis, row.statement, f"`{row.architecture}`", outcome, _in_short(row.evidence)])
    return markdown(*rows)


def _in_short(evidence: str) -> str:
    """Return the numbers of answers, and the first parts with the answer that decides: no, else one that is no yes."""
    parts = [part.rpartition(": ") for part in evidence.split("; ")]
    counts = Counter(answer for _, _, answer in parts)
    deciding = min(counts, key=lambda answer: (answer != "no", answer == "yes"))
    about = [about for about, _, answer in parts if answer == deciding]
    more = f"; and {len(about) - SHOWN} more" if len(about) > SHOWN else ""
    answers = ", ".join(f"{count} {answer}" for answer, count in counts.items())
    return f"{answers}. {deciding}: {'; '.join(about[:SHOWN])}{more}"


def depth_kept() -> str:
    """Return how many sections are left from every starting depth, and the depth that the price asks for."""
    table = _sections_gated()
    table = table[~table["strength"].isin(list(REMEDIES)[1:])]
    optima = shipped_table("layers", "depth_optimum")
    optima = optima[optima["method"] == METHOD_UNDER_STUDY].groupby(["architecture", "strength", "initialization"])
    depths = sorted(table["depth"].unique())
    rows = [["network", "price", "initialization", *(f"from {depth}" for depth in depths), "price asks for"]]
    for key, own in table.groupby(["architecture", "strength", "initialization"], sort=False):
        kept = dict(zip(own["depth"], own["kept"], strict=True))
        start = [f"`{key[0]}`", f"{own['price'].iloc[0]:g}", initialization_title(key[2])]
        rows.append([*start, *(kept.get(depth, "-") for depth in depths), _optimum(optima, key)])
    return markdown(*rows)


def _optimum(optima: "pd.api.typing.DataFrameGroupBy", key: tuple[str, str, str]) -> str:
    """Return the depth that the price asks for with its interval, as `1 [1, 2]`."""
    if key not in optima.groups:
        return "-"
    row = optima.get_group(key).iloc[0]
    return with_interval(row, "optimum", ".0f")


def remedies() -> str:
    """Return the sections left and the validation error under every remedy, from every starting depth it was tried."""
    table = _sections_gated()
    table = table[table["strength"].isin(REMEDIES) & (table["initialization"] == "he_normal")]
    depths = sorted(table.loc[table["strength"] != OF_REMEDIES, "depth"].unique())
    rows = [
        ["remedy", *(f"sections left from {depth}; validation error (%)" for depth in depths), "mean of the errors"]
    ]
    for strength, name in REMEDIES.items():
        own = table[(table["strength"] == strength) & table["depth"].isin(depths)].set_index("depth")
        found = [f"{own.loc[depth, 'kept']}; {own.loc[depth, 'error_valid']:.2f}" for depth in depths]
        rows.append([name, *found, f"{own['error_valid'].mean():.2f}"])
    return markdown(*rows)


def _sections_gated() -> pd.DataFrame:
    """Return the rows of the method on track layers."""
    table = shipped_table("layers", "depth_kept")
    return table[(table["track"] == "layers") & (table["method"] == METHOD_UNDER_STUDY)]


def joint() -> str:
    """Return units alone, layers alone and both at one bound on the validation error: the chosen strength of each."""
    table = shipped_table("layers", "joint")
    table = table[table["chosen"]]
    columns = ["params", "MACs", "sections left (networks)", "units in a section", "one image (ms)", "test error (%)"]
    rows = [["starting depth", "gated", "strength", *columns]]
    for row in table.to_dict("records"):
        sizes = [with_interval(row, "params", ",.0f"), with_interval(row, "macs", ",.0f"), row["kept"]]
        shown = [row["depth"], GATED[row["track"]], f"`{row['method']}/{row['strength']}`", *sizes]
        measured = [number(row["inner_width"], ".1f"), number(row["latency_ms"], ".3f")]
        rows.append([*shown, *measured, with_interval(row, "error", ".2f")])
    return markdown(*rows)
