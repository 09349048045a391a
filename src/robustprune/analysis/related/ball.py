"""Pruning within a ball around the initial weights: from which radius on does it change what is kept?"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from robustprune.analysis.captions import SIZES, brackets, caption
from robustprune.analysis.columns import Interval, Number, Text
from robustprune.analysis.kept import Kept
from robustprune.analysis.measured import measured
from robustprune.analysis.pairing import of_shared_seeds
from robustprune.analysis.read import CELL, NETWORK, WITHOUT_NUMBERS, slots
from robustprune.analysis.related.ball_runs import FREE, OTHER, with_balls
from robustprune.analysis.related.nothing import NONE
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import Estimate, interval_columns, mean_interval, paired_difference, size_interval
from robustprune.analysis.verdicts.agreement import jaccard
from robustprune.analysis.verdicts.decision import (
    NO,
    NOT_APPLICABLE,
    OWN_LEVEL,
    TOO_FEW,
    UNDECIDED,
    YES,
    Comparison,
    all_yes,
    equivalent,
)
from robustprune.analysis.verdicts.effect import mean_of
from robustprune.analysis.verdicts.over_starts import logarithms
from robustprune.networks.architecture import architecture
from robustprune.records.record import split_units

ALL = "all"
SIZE, AGREEMENT = 0.1, 0.05
"""Margins of "no change": of the size, relative; of the Jaccard index (docs/protocol.md, B28)."""
OTHERS = "Runs of other settings or other training are named by these, and compared among themselves."
BELOW, ABOVE, BETWEEN = "below", "above", "between"
ESTIMATES = ("error", "units", "moved_kept", "moved_left", "share_kept", "boundary", "jaccard", "difference")
COLUMNS = [
    *(*NETWORK, "run", "radius", "slot", *(name for one in ESTIMATES for name in interval_columns(one))),
    *("beside_median", "changed", "as_expected", "n"),
]
SHOWN = [
    *(Text("run"), Number("radius", "radius", "g"), Text("slot"), Interval("error", "test error (%)", ".2f")),
    *(Interval("units", "units (all: params)", ",.0f"), Interval("moved_kept", "moved by survivors", ".2f")),
    *(
        Interval("moved_left", "moved when they left", ".2f"),
        Interval("share_kept", "survivors, share of length", ".3f"),
    ),
    *(Interval("boundary", "at the boundary (%)", ".0f"), Interval("jaccard", "Jaccard with free", ".2f")),
    *(Interval("difference", "minus nudged", "+.2f"), Text("beside_median", "radius beside the median moved")),
    *(Text("changed"), Text("as_expected", "as expected"), Text("n")),
]


def ball(runs: pd.DataFrame, confidence: float, moved: pd.DataFrame | None = None, kept: Kept | None = None) -> Sheet:
    """Return rows per run with a relative ball, by slot and for all slots; the last row of a group has its verdict.

    A network has several groups where runs differ in more than the ball; their runs are named by what differs. moved:
    the table of experiments/related/moved.py. kept: kept units of every network.
    """
    known = with_balls(runs)
    rows: list[dict] = []
    for (*key, group), own in known.groupby([*NETWORK, "group"], sort=False):
        network = dict(zip(NETWORK, key, strict=True))
        distances = measured(moved, ("layer", "state", "median", "median_share", "at_boundary"), own)
        for row in _rows(own, distances, kept or {}, confidence):
            rows.append(network | row | {"run": f"{row['run']}, {group}" if group else row["run"]})
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        "The method with weights that may not leave a ball around their initial values (norm mars: a ball for each "
        "row, its radius as a share of the row's initial length), and without (free). Nudged: free with one setting "
        "changed by a thousandth, to see how much the kept units depend on nothing. Moved: median over rows of the "
        "absolute row sum of the change, over the columns left; of survivors at the end, of others when they left. "
        "Radius beside the median: of the share of length that survivors of the free run moved, in every hidden slot. "
        "Changed, as expected: docs/protocol.md, B28.",
        OTHERS if len(known) and known["group"].any() else "",
        brackets(confidence, SIZES),
        _without_numbers(known),
        "" if len(table) else f"{NONE} Or no cell has a ball with a norm (config/mars.yaml).",
    )
    return Sheet.of(table, SHOWN, "Pruning within balls around the initial weights", text, by=NETWORK, sparse=True)


def _rows(own: pd.DataFrame, distances: pd.DataFrame, kept: Kept, confidence: float) -> Iterator[dict]:
    """Yield the rows of one group: of every run a row per slot and one of all slots, then the verdict of all runs."""
    arch = architecture(own["architecture"].iloc[0])
    hidden = [slot.name for slot in arch.slots if slot.hidden]
    layers = {slot: writer.name for slot in hidden if (writer := arch.writer(slot)) is not None}
    free = own[own["run"] == FREE]
    alike = {slot: _jaccards(own[own["run"] == OTHER], free, kept, slot) for slot in hidden}
    medians = [_of(distances, free, layers[slot], "kept")["median_share"].mean() for slot in hidden]
    verdicts, sides = [], []
    for run, networks in own.groupby("run", sort=False):
        radius = float(networks["radius"].iloc[0])
        of_run = _empty() | {"run": run, "radius": radius, "n": len(_numbered(networks))}
        answers = []
        for slot in hidden:
            agreement = None if run == FREE else _jaccards(networks, free, kept, slot)
            row = of_run | {"slot": slot} | _of_slot(networks, distances, slot, layers[slot], confidence)
            if agreement is not None:
                row |= mean_interval(agreement, confidence).columns("jaccard")
            if agreement is not None and run != OTHER:
                others = alike[slot].reindex(agreement.index)
                row |= paired_difference(agreement, others, confidence).columns("difference")
                answers.append(_agrees_less(paired_difference(agreement, others, OWN_LEVEL)))
            yield row
        row = of_run | {"slot": ALL}
        row |= mean_interval(networks["error_test_percent"], confidence).columns("error")
        row |= size_interval(networks["params_kept"], confidence).columns("units")
        if run not in (FREE, OTHER):
            side = beside(radius, medians)
            sides.append(side)
            changed = together([*answers, _other_size(networks, free)])
            verdicts.append(expected(side, changed))
            row |= {"beside_median": side, "changed": changed, "as_expected": verdicts[-1]}
        yield row
    if verdicts:
        last = {"run": ALL, "slot": ALL, "beside_median": ", ".join(dict.fromkeys(sides)), "n": len(_numbered(free))}
        yield _empty() | last | {"as_expected": all_yes(verdicts)}


def _of_slot(networks: pd.DataFrame, distances: pd.DataFrame, slot: str, layer: str, confidence: float) -> dict:
    """Return the units that one run keeps in a slot, and how far the rows of its layer moved."""
    place = slots(networks["architecture"].iloc[0]).index(slot)
    units = [split_units(text)[place] for text in networks["units_kept"].dropna()]
    row = size_interval(units, confidence).columns("units")
    for state in ("kept", "left"):
        row |= mean_interval(_of(distances, networks, layer, state)["median"], confidence).columns(f"moved_{state}")
    kept = _of(distances, networks, layer, "kept")
    row |= mean_interval(kept["median_share"], confidence).columns("share_kept")
    return row | mean_interval(kept["at_boundary"], confidence).columns("boundary")


def _of(distances: pd.DataFrame, networks: pd.DataFrame, layer: str, state: str) -> pd.DataFrame:
    """Return the distances of one layer and state of the networks of one cell."""
    cell = networks[CELL].drop_duplicates()
    found = distances[(distances["layer"] == layer) & (distances["state"] == state)]
    return found.merge(cell, on=CELL).astype({"median": float, "median_share": float, "at_boundary": float})


def _jaccards(networks: pd.DataFrame, free: pd.DataFrame, kept: Kept, slot: str) -> pd.Series:
    """Return seed -> the Jaccard index of a slot's kept units with those of the free run, NaN where unknown.

    Seeds of which a network diverged or failed are left out: what it kept is arbitrary.
    """
    found = {}
    pairs = of_shared_seeds(_numbered(networks), _numbered(free))
    for seed, row, other in zip(pairs[0].index, *(cell.to_dict("records") for cell in pairs), strict=True):
        first, second = (kept.get((one["key"], one["replicate"]), {}).get(slot) for one in (row, other))
        total = split_units(row["units_start"])[slots(row["architecture"]).index(slot)]
        known = first is not None and second is not None
        flags = [np.isin(np.arange(total), units) for units in (first, second)] if known else ()
        found[seed] = jaccard(*flags) if known else np.nan
    return pd.Series(found, dtype=float)


def _agrees_less(difference: Estimate) -> str:
    """Decide whether units agree less with the free run than those of the nudged run do."""
    if np.isnan(difference.low):
        return TOO_FEW
    return YES if difference.high < 0 else NO if difference.low > -AGREEMENT else UNDECIDED


def _other_size(networks: pd.DataFrame, free: pd.DataFrame) -> str:
    """Decide whether the size differs from that of the free run, paired by seed."""
    own, other = (logarithms(cell["params_kept"]) for cell in of_shared_seeds(networks, free))
    change = own - other
    compared = Comparison("params", FREE, mean_of(change), float(np.log1p(SIZE)), int(np.isnan(change).sum()))
    answer = str(equivalent([compared]))
    return {YES: NO, NO: YES}.get(answer, answer)


def together(answers: Sequence[str]) -> str:
    """Decide whether anything changed: yes where one says yes, no where all say no."""
    return next((answer for answer in (YES, TOO_FEW, UNDECIDED) if answer in answers), NO)


def beside(radius: float, medians: Sequence[float]) -> str:
    """Return on which side of the medians of all slots a radius lies."""
    return BELOW if all(radius < one for one in medians) else ABOVE if all(radius > one for one in medians) else BETWEEN


def expected(side: str, changed: str) -> str:
    """Decide whether a radius below the medians changed what is kept, or one above them did not."""
    if side == BETWEEN:
        return NOT_APPLICABLE
    if changed in (TOO_FEW, UNDECIDED):
        return changed
    return YES if (changed == YES) == (side == BELOW) else NO


def _numbered(networks: pd.DataFrame) -> pd.DataFrame:
    return networks[~networks["status"].isin(WITHOUT_NUMBERS)]


def _without_numbers(networks: pd.DataFrame) -> str:
    """Return the sentence on networks that the numbers leave out, "" without any."""
    count = len(networks) - len(_numbered(networks))
    return f"Networks that diverged or failed, which are in no number: {count}." if count else ""


def _empty() -> dict:
    texts = dict.fromkeys(("beside_median", "changed", "as_expected"))
    return {name: np.nan for one in ESTIMATES for name in interval_columns(one)} | texts | {"radius": np.nan}
