"""Tables of docs/layers.md, from the study of networks with sections that is shipped beside the reference."""

from collections import Counter
from itertools import groupby

import pandas as pd
from markdown_tables import markdown
from shipped_numbers import REFERENCE, shipped_table

from robustprune.analysis.columns import number, with_interval
from robustprune.analysis.labels import initialization_title
from robustprune.analysis.layers.hypotheses import FAILED, HELD, NOT_RUN, UNDECIDED
from robustprune.analysis.layers.joint import GATED
from robustprune.analysis.layers.optimum import dense_losses, optimum, optimum_text
from robustprune.analysis.read import read_every_long, read_every_run
from robustprune.analysis.statistics import mean_interval
from robustprune.analysis.verdicts.decision import YES
from robustprune.study.roles import METHOD_UNDER_STUDY, UNPRUNED

RESULTS = REFERENCE / "layers"
NETWORK = "mlp_residual"
"""The network that was trained at every depth."""
OF_REMEDIES = "layer_c3e_2"
"""The strength at which remedies against sections that adapt to each other were tried."""
SHOWN = 2
"""Parts with the same answer that the row of a hypothesis names."""
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
    """Return how many parts have each answer, and the first parts of every answer; of yes only where all are yes."""
    parts = [part.rpartition(": ") for part in evidence.split("; ")]
    counts = Counter(answer for _, _, answer in parts)
    shown = [", ".join(f"{count} {answer}" for answer, count in counts.items())]
    for answer in counts:
        if answer != YES or len(counts) == 1:
            about = [about for about, _, own in parts if own == answer]
            more = [f"{len(about) - SHOWN} more"] if len(about) > SHOWN else []
            shown.append(f"{answer}: {'; '.join([*about[:SHOWN], *more])}")
    return ". ".join(shown)


def depth_kept() -> str:
    """Return how many sections are left from every starting depth, and the depth that the price asks for."""
    table = _without_remedies()
    optima = shipped_table("layers", "depth_optimum")
    optima = optima[optima["method"] == METHOD_UNDER_STUDY].groupby(["architecture", "strength", "initialization"])
    depths = sorted(table["depth"].unique())
    rows = [["network", "price", "initialization", *(f"from {depth}" for depth in depths), "price asks for"]]
    streams = table.groupby("architecture")["sections_start"].max() // table.groupby("architecture")["depth"].max()
    for key, own in table.groupby(["architecture", "strength", "initialization"], sort=False):
        kept = dict(zip(own["depth"], own["kept"], strict=True))
        count = f", {streams[key[0]]} per depth" if streams[key[0]] > 1 else ""
        start = [f"`{key[0]}`{count}", f"{own['price'].iloc[0]:g}", initialization_title(key[2])]
        rows.append([*start, *(kept.get(depth, "-") for depth in depths), _optimum(optima, key)])
    return markdown(*rows)


def _optimum(optima: "pd.api.typing.DataFrameGroupBy", key: tuple[str, str, str]) -> str:
    """Return the depth that the price asks for with its interval, as `1 [1, 2]`."""
    if key not in optima.groups:
        return "-"
    return optimum_text(optima.get_group(key).iloc[0])


def optimum_by_epoch() -> str:
    """Return the depth that each price asks for when the cross-entropy is that of an epoch before the last."""
    runs, history, own = read_every_run(RESULTS), read_every_long(RESULTS / "history.parquet"), _without_remedies()
    own = own[own["architecture"] == NETWORK]
    dense = runs[(runs["architecture"] == NETWORK) & (runs["method"] == UNPRUNED)]
    epochs = range(1, int(history["epoch"].max()) + 1)
    losses = {epoch: dense_losses(dense, history[history["epoch"] == epoch]) for epoch in epochs}
    rows = [["price", "initialization", "sections asked for (epochs)"]]
    for (price, initialization), _ in own.groupby(["price", "initialization"], sort=False):
        found = {}
        for epoch in epochs:
            (of_start,) = [counts for start, counts in losses[epoch].items() if initialization in start]
            found[epoch] = int(optimum(of_start, price).sections)
        spans = [list(span) for _, span in groupby(epochs, found.get)]
        shown = [f"{found[span[0]]} ({'-'.join(dict.fromkeys([str(span[0]), str(span[-1])]))})" for span in spans]
        rows.append([f"{price:g}", initialization_title(initialization), ", ".join(shown)])
    return markdown(*rows)


def remedies() -> str:
    """Return the sections left and the validation error under every remedy, from every starting depth it was tried.

    The last column pairs networks of one seed and starting depth with and without the remedy.
    """
    table = _sections_gated()
    table = table[table["strength"].isin(REMEDIES) & (table["initialization"] == "he_normal")]
    depths = sorted(table.loc[table["strength"] != OF_REMEDIES, "depth"].unique())
    runs = read_every_run(RESULTS)
    runs = runs[(runs["track"] == "layers") & (runs["method"] == METHOD_UNDER_STUDY) & runs["strength"].isin(REMEDIES)]
    runs = runs[(runs["initialization"] == "he_normal") & runs["depth"].isin(depths)]
    errors = runs.pivot(index=["depth", "seed"], columns="strength", values="error_valid_percent")
    columns = [f"sections left from {depth}; validation error (%)" for depth in depths]
    rows = [["remedy", *columns, "mean of the errors", "difference (points)"]]
    for strength, name in REMEDIES.items():
        own = table[(table["strength"] == strength) & table["depth"].isin(depths)].set_index("depth")
        found = [f"{own.loc[depth, 'kept']}; {own.loc[depth, 'error_valid']:.2f}" for depth in depths]
        change = mean_interval(errors[strength] - errors[OF_REMEDIES]).columns("change")
        changed = "" if strength == OF_REMEDIES else with_interval(change, "change", "+.2f")
        rows.append([name, *found, f"{own['error_valid'].mean():.2f}", changed])
    return markdown(*rows)


def _sections_gated() -> pd.DataFrame:
    """Return the rows of the method on track layers."""
    table = shipped_table("layers", "depth_kept")
    return table[(table["track"] == "layers") & (table["method"] == METHOD_UNDER_STUDY)]


def _without_remedies() -> pd.DataFrame:
    """Return those rows whose strength is no remedy."""
    table = _sections_gated()
    return table[~table["strength"].isin(list(REMEDIES)[1:])]


def joint() -> str:
    """Return units alone, layers alone and both at one bound on the validation error: the chosen strength of each."""
    table = shipped_table("layers", "joint")
    table = table[table["chosen"]]
    columns = ["params", "MACs", "sections left (networks)", "units in a section", "one image (ms)"]
    columns += ["training MACs (% of dense)", "test error (%)"]
    rows = [["starting depth", "gated", "strength", *columns]]
    for row in table.to_dict("records"):
        sizes = [with_interval(row, "params", ",.0f"), with_interval(row, "macs", ",.0f"), row["kept"]]
        shown = [row["depth"], GATED[row["track"]], f"`{row['method']}/{row['strength']}`", *sizes]
        measured = [number(row["inner_width"], ".1f"), number(row["latency_ms"], ".3f")]
        measured += [with_interval(row, "train_macs_percent", ".1f"), with_interval(row, "error", ".2f")]
        rows.append([*shown, *measured])
    return markdown(*rows)
