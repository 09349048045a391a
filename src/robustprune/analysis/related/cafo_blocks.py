"""Local predictors: errors by block, and whether they keep the units that the method under study keeps."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from robustprune.analysis.captions import NOT_OK, brackets, caption
from robustprune.analysis.columns import WIDTH, Interval, Number, Text
from robustprune.analysis.kept import Kept
from robustprune.analysis.measured import measured
from robustprune.analysis.read import CELL, NETWORK, WITHOUT_NUMBERS, slots
from robustprune.analysis.related.nothing import NONE
from robustprune.analysis.select import studied
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import Estimate, interval_columns, mean_interval
from robustprune.analysis.verdicts.agreement import above_chance, jaccard
from robustprune.analysis.verdicts.decision import NO, NOT_APPLICABLE, OWN_LEVEL, TOO_FEW, UNDECIDED, YES, all_yes
from robustprune.networks.architecture import architecture
from robustprune.records.record import split_units
from robustprune.study.related import LOCAL_PREDICTORS
from robustprune.study.roles import METHOD_UNDER_STUDY

NOTHING = 0.05
"""An agreement above chance of at most this is none (docs/protocol.md, B26)."""
SUM, ALL = "sum", "all"
START = [*NETWORK, "initialization", "width"]
ESTIMATES = ("error_start", "error_kept", "jaccard", "above_chance")
COLUMNS = [
    *(*CELL, "slot", "features_start", "features_kept", *(name for one in ESTIMATES for name in interval_columns(one))),
    *("against", "agrees", "n", "not_ok"),
]
SHOWN = [
    *(Text("strength"), Text("initialization"), WIDTH, Text("slot", "slot or block")),
    *(Number("features_start", "features at the start", ".0f"), Number("features_kept", "kept", ".0f")),
    *(Interval("error_start", "test error at the start (%)", ".2f"), Interval("error_kept", "pruned (%)", ".2f")),
    *(Text("against", f"against {METHOD_UNDER_STUDY}"), Interval("jaccard", "Jaccard", ".2f")),
    *(Interval("above_chance", "above chance", "+.2f"), Text("agrees", "agrees above chance")),
    *(Text("n"), Text("not_ok", "not ok")),
]


def cafo_blocks(
    runs: pd.DataFrame, confidence: float, blocks: pd.DataFrame | None = None, kept: Kept | None = None
) -> Sheet:
    """Return rows per cell of the method: by block its errors, by slot the agreement with the method under study.

    blocks: the table of experiments/related/cafo_blocks.py. kept: kept units of every network.
    """
    own = runs[runs["method"] == LOCAL_PREDICTORS]
    others = studied(runs) if len(runs) else runs
    others = others[(others["method"] == METHOD_UNDER_STUDY) & ~others["status"].isin(WITHOUT_NUMBERS)]
    found = measured(blocks, ("network", "slot", "features", "error_test"), own)
    rows: list[dict] = []
    for cell, networks in own.groupby(CELL, sort=False):
        axes = dict(zip(CELL, cell, strict=True)) | {"not_ok": int((networks["status"] != "ok").sum())}
        errors = found[(found[CELL] == pd.Series(dict(zip(CELL, cell, strict=True)))).all(axis=1)]
        rows += [axes | row for row in _errors(errors, confidence)]
        known = networks[~networks["status"].isin(WITHOUT_NUMBERS)]
        same = others[(others[START] == networks[START].iloc[0]).all(axis=1)]
        for strength, against in same.groupby("strength", sort=False):
            pairs = _pairs(known, against, kept or {})
            rows += [axes | {"against": strength} | row for row in _agreements(axes, pairs, confidence)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        "Errors: test error of the predictor of each block, fitted in closed form to what the block computes in the "
        "network with random weights, before and after pruning; sum: of the sum of their softmax scores. Agreement: "
        "Jaccard index of the units kept with those that the method under study kept from the same initial weights, "
        "and (J - E) / (1 - E) with E the index by chance; hidden slots have a verdict (docs/protocol.md, B26).",
        brackets(confidence),
        NOT_OK,
        "" if len(table) else f"{NONE} Or no cell of {LOCAL_PREDICTORS} ran.",
    )
    return Sheet.of(table, SHOWN, "Pruning by local predictors", text, by=NETWORK, sparse=True)


def _errors(found: pd.DataFrame, confidence: float) -> Iterator[dict]:
    """Yield a row per block of one cell."""
    for slot, part in found.groupby("slot", sort=False):
        row = {"slot": slot, "n": part["replicate"].nunique()}
        for network in ("start", "kept"):
            state = part[part["network"] == network]
            row |= {f"features_{network}": state["features"].mean()}
            row |= mean_interval(state["error_test"], confidence).columns(f"error_{network}")
        yield row


def _pairs(networks: pd.DataFrame, against: pd.DataFrame, kept: Kept) -> list[dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Return for every seed that both have, slot -> the units kept by either, bool [n]."""
    joined = networks.merge(against, on="seed", suffixes=("", "_other"))
    pairs = []
    for row in joined.to_dict("records"):
        first = kept.get((row["key"], row["replicate"]))
        second = kept.get((row["key_other"], row["replicate_other"]))
        if first is None or second is None:
            continue
        sizes = dict(zip(slots(row["architecture"]), split_units(row["units_start"]), strict=True))
        places = {slot: np.arange(count) for slot, count in sizes.items()}
        pairs.append({slot: (np.isin(at, first[slot]), np.isin(at, second[slot])) for slot, at in places.items()})
    return pairs


def _agreements(axes: dict, pairs: Sequence[dict], confidence: float) -> Iterator[dict]:
    """Yield a row per slot of one cell, and one of all hidden slots."""
    answers = []
    for slot in architecture(axes["architecture"]).slots:
        if not pairs:
            continue
        index = mean_interval([jaccard(*pair[slot.name]) for pair in pairs], confidence)
        differences = [above_chance(*pair[slot.name]) for pair in pairs]
        above = mean_interval(differences, confidence)
        row = {"slot": slot.name, **index.columns("jaccard"), **above.columns("above_chance"), "n": len(pairs)}
        if slot.hidden:
            answers.append(agrees(mean_interval(differences, OWN_LEVEL)))
            row["agrees"] = answers[-1]
        yield row
    if answers:
        yield {"slot": ALL, "agrees": all_yes(answers), "n": len(pairs)}


def agrees(above: Estimate) -> str:
    """Decide whether an agreement is above chance (docs/protocol.md, B26); NOT_APPLICABLE where it has no value."""
    if not above.n:
        return NOT_APPLICABLE
    if np.isnan(above.low):
        return TOO_FEW
    return YES if above.low > 0 else NO if above.high <= NOTHING else UNDECIDED
