"""The table `depth_optimum`: the depth that the price asks for, from unpruned networks, beside the depth kept."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from robustprune.analysis.captions import caption
from robustprune.analysis.columns import WIDTH, Each, Number, Text
from robustprune.analysis.layers.kept import NONE
from robustprune.analysis.layers.sections import CO_ADAPTATION, counted, finds_its_depth, uniform_price, with_sections
from robustprune.analysis.read import NETWORK
from robustprune.analysis.resampling import SEED
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import LEAST, known_values
from robustprune.study.cells import AXES
from robustprune.study.roles import UNPRUNED

RESAMPLES = 5000
START = ["dataset", "architecture", "initialization", "width"]
BY = [*NETWORK, "method", "strength", "initialization", "width", "depth"]
COLUMNS = [
    *(*BY, "price", "sections_start", "optimum", "optimum_low", "optimum_high", "share", "depths_tried"),
    *("kept", "kept_mean", "at_optimum", "n"),
]
SHOWN = [
    *(Text("method"), Text("strength"), Number("price", "price", "g"), Text("initialization"), WIDTH),
    Each("price-optimal depth", lambda row: optimum_text(row)),
    *(Number("share", "resamples at it (%)", ".0f"), Text("depths_tried", "depths trained unpruned")),
    *(Text("depth", "starting depth"), Text("kept", "sections kept (networks)")),
    *(Text("at_optimum", "networks at the optimum"), Text("n")),
]


class Optimum(NamedTuple):
    """The price-optimal number of sections, its bootstrap interval, and the share of resamples at it in percent.

    low, high and share are NaN with fewer than LEAST networks at a depth.
    """

    sections: float
    low: float
    high: float
    share: float


NOT_KNOWN = Optimum(np.nan, np.nan, np.nan, np.nan)


def optimum(losses: Mapping[int, np.ndarray], price: float, confidence: float = 0.95) -> Optimum:
    """Return argmin over d of the mean of losses[d] + price d, of networks of d sections without pruning.

    losses: number of sections -> training cross-entropy [n] of each network. Networks are resampled within each depth.
    Of equal sums the smaller depth counts.
    """
    depths = sorted(losses)
    samples = [known_values(losses[depth]) for depth in depths]
    if np.isnan(price) or not depths or not all(map(len, samples)):
        return NOT_KNOWN
    costs = price * np.array(depths)
    best = depths[int(np.argmin([sample.mean() for sample in samples] + costs))]
    if min(map(len, samples)) < LEAST:
        return NOT_KNOWN._replace(sections=float(best))
    random = np.random.default_rng(SEED)
    drawn = [sample[random.integers(0, len(sample), (RESAMPLES, len(sample)))].mean(1) for sample in samples]
    found = np.array(depths)[np.argmin(np.stack(drawn, 1) + costs, 1)]
    low, high = np.quantile(found, [(1 - confidence) / 2, (1 + confidence) / 2], method="inverted_cdf")
    return Optimum(float(best), float(low), float(high), float(100 * np.mean(found == best)))


def optimum_text(row: Mapping) -> str:
    """Return "2 [1, 2]", without the interval where it is unknown."""
    if np.isnan(row["optimum"]):
        return "-"
    ends = "" if np.isnan(row["optimum_low"]) else f" [{row['optimum_low']:.0f}, {row['optimum_high']:.0f}]"
    return f"{row['optimum']:.0f}{ends}"


def dense_losses(runs: pd.DataFrame, history: pd.DataFrame | None) -> dict[tuple, dict[int, np.ndarray]]:
    """Return the training cross-entropy of unpruned networks, by START and by number of sections.

    It is the mean over the steps of the last epoch. A network counts once although several tracks ask for it.
    """
    dense = with_sections(runs[(runs["method"] == UNPRUNED) & (runs["status"] == "ok")])
    if history is None or not len(dense):
        return {}
    last = history.sort_values("epoch", kind="stable").drop_duplicates([*AXES, "replicate"], keep="last")
    network = [*AXES, "replicate"]
    joined = dense[[*network, "sections_start"]].merge(last[[*network, "train_loss"]], on=network)
    joined = joined.drop_duplicates([*START, "depth", "replicate"])
    found: dict[tuple, dict[int, np.ndarray]] = {}
    for (*start, count), own in joined.groupby([*START, "sections_start"], sort=True):
        found.setdefault(tuple(start), {})[int(count)] = own["train_loss"].to_numpy(float)
    return found


def optimum_rows(runs: pd.DataFrame, history: pd.DataFrame | None, confidence: float) -> pd.DataFrame:
    """Return a row per start of every strength with one price for all sections, on track layers."""
    losses = dense_losses(runs, history)
    rows = [dict(zip(BY, key, strict=True)) | row for key, row in _rows(runs, losses, confidence)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(runs: pd.DataFrame, losses: Mapping[tuple, dict], confidence: float) -> Iterator[tuple[tuple, dict]]:
    found: dict[tuple, Optimum] = {}
    for key, own in with_sections(runs[runs["track"] == "layers"]).groupby(BY, sort=False):
        price = uniform_price(own)
        if not finds_its_depth(own) or np.isnan(price) or not own["depth"].iloc[0]:
            continue
        start = tuple(own[START].iloc[0])
        own_losses = losses.get(start, {})
        if (*start, price) not in found:
            found[*start, price] = optimum(own_losses, price, confidence)
        best = found[*start, price]
        kept = own["kept"].dropna()
        yield (
            key,
            {
                "price": price,
                "sections_start": own["sections_start"].iloc[0],
                **dict(zip(("optimum", "optimum_low", "optimum_high", "share"), best, strict=True)),
                "depths_tried": ", ".join(map(str, own_losses)) or None,
                "kept": counted(kept),
                "kept_mean": kept.mean(),
                "at_optimum": None if np.isnan(best.sections) else int((kept == best.sections).sum()),
                "n": len(kept),
            },
        )


def depth_optimum(runs: pd.DataFrame, confidence: float, history: pd.DataFrame | None = None) -> Sheet:
    """Return the rows as a sheet. history: the epochs of the networks, for their training cross-entropy."""
    table = optimum_rows(runs, history, confidence)
    text = caption(
        "Price-optimal depth: the number of sections d with the least CE(d) + c d, where CE(d) is the mean training "
        "cross-entropy, in the last epoch, of networks trained with d sections and without pruning, from the same "
        f"initialization, and c the price of a section. In brackets: {confidence:.0%} bootstrap interval over the "
        "networks of each depth. Only depths that were trained without pruning can be optimal. A start with fewer "
        "sections cannot reach it.",
        CO_ADAPTATION,
        "A dash: no unpruned network started from that initialization.",
        "n: networks with numbers.",
        "" if len(table) else f"{NONE} Or none of them has one price for all sections.",
    )
    return Sheet.of(table, SHOWN, "Is the depth kept the one that the price asks for?", text)
