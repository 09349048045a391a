"""Variants of a method beside the method itself, at several strengths: a change is judged at equal size."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from robustprune.analysis.captions import AT_STANDARD, NOT_OK, SIZES, N, brackets, caption
from robustprune.analysis.columns import Interval, Number, Text
from robustprune.analysis.equal_size import UNKNOWN
from robustprune.analysis.labels import is_keep_probability
from robustprune.analysis.moments import before_the_rate_falls, undetermined_at, while_gates_are_drawn
from robustprune.analysis.read import CELL, NETWORK, settings_of
from robustprune.analysis.select import compared, standard
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns, mean_interval, size_interval
from robustprune.analysis.verdicts.effect import Effect, weighted
from robustprune.analysis.verdicts.equal_size import AtSize, difference_at, local_slope
from robustprune.analysis.verdicts.over_starts import logarithms

ALL = "all"
"""The strength of a row that pools those of a variant."""
GROUP = [*NETWORK, "method", "budget"]
SHARES = ["undetermined_before", "undetermined", "cheap", "clearly_cheap", "macs"]
USED = ["variant", "strength", "replicate", "seed", "params_kept", "error_train_percent", "status"]
OUTSIDE = float(np.log(1.25))
"""So far, in log size, the method's curve is continued beyond its strengths."""
COLUMNS = [
    *(*GROUP, "variant", "strength", *interval_columns("params"), "error_of", *interval_columns("error")),
    *("moved_percent", *interval_columns("difference"), *interval_columns("train")),
    *(*(f"{name}_percent" for name in SHARES), "n", "not_ok"),
]
SHOWN = [
    *(Text("method"), Text("variant"), Text("strength"), Interval("params", "params", ",.0f")),
    *(Interval("error", "error (%)", ".2f"), Number("moved_percent", "method moved by (%)", "+.0f")),
    Interval("difference", "difference at equal size (points)", "+.3f"),
    Interval("train", "training error (%)", ".2f"),
    Number("undetermined_before_percent", "undetermined before the fall (%)", ".0f"),
    Number("undetermined_percent", "undetermined at the end (%)", ".0f"),
    Number("cheap_percent", "units worth less than c (%)", ".0f"),
    *(Number("clearly_cheap_percent", "clearly less (%)", ".0f"), Number("macs_percent", "training MACs (%)", ".1f")),
    *(Text("n"), Text("not_ok", "not ok")),
]


def variants(
    runs: pd.DataFrame, confidence: float, history: pd.DataFrame | None = None, values: pd.DataFrame | None = None
) -> Sheet:
    """Return a row per strength of every method that has variants, and a row per variant that pools its strengths.

    history: rows of history.parquet. values: the worth of every kept unit (experiments/unit_values.py). Columns that
    need one of them are "-" without it.
    """
    runs = standard(compared(runs)).assign(budget=lambda rows: rows["budget"].fillna("epochs"))
    runs = runs[~runs["start_of"].notna()]
    rows = []
    for key, own in runs.groupby(GROUP, sort=False):
        if (own["variant"] != "").any() and (own["variant"] == "").any():
            shares = _shares(own, history, values)
            rows += [dict(zip(GROUP, key, strict=True)) | row for row in _rows(own, shares, confidence)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        AT_STANDARD,
        "A variant differs in what its name says; variant -: the method itself. Error: of the validation images where "
        "some were held out, else of the test images; training error: of the images that a network trained on. "
        "Difference: the error of the variant minus that of the method, which is moved to the variant's size along its "
        "own curve between two strengths, paired by seed; moved by: how far. Without one where the method has one "
        f"strength, or where the variant's size lies more than {np.expm1(OUTSIDE):.0%} outside the sizes of the "
        "method's strengths. All: mean over the strengths that have one.",
        brackets(confidence, SIZES),
        "Undetermined: share of keep probabilities inside (0.05, 0.95), in the last epoch before the learning rate "
        "falls or gates are rounded, and at the end. Units worth less than c: share of kept units whose removal alone "
        "raises the mean cross-entropy of training images by less than the price; clearly: by two standard errors. "
        "Training MACs: % of dense training.",
        N,
        NOT_OK,
        "" if len(table) else "No method ran in variants.",
    )
    return Sheet.of(table, SHOWN, "Variants of methods", text, by=NETWORK, sparse=True)


def _rows(own: pd.DataFrame, shares: pd.DataFrame, confidence: float) -> Iterator[dict]:
    """Yield the rows of one method, itself first."""
    known = own.loc[own["error_test_percent"].notna(), "error_valid_percent"]  # a diverged network has no error
    validated = len(known) > 0 and known.notna().all()
    error_of = "validation" if validated else "test"
    own = own[USED].assign(error=own[f"error_{'valid' if validated else 'test'}_percent"].astype(float))
    base = [_at_size(networks) for networks in _by_size(own[own["variant"] == ""]).values()]
    for variant, rows in sorted(own.groupby("variant"), key=lambda pair: str(pair[0])):
        differences = []
        for strength, networks in _by_size(rows).items():
            params = size_interval(networks["params_kept"].astype(float), confidence)
            row = {"variant": variant or "-", "strength": strength, **params.columns("params"), "error_of": error_of}
            row |= mean_interval(networks["error"], confidence).columns("error")
            row |= mean_interval(networks["error_train_percent"], confidence).columns("train")
            if variant:
                difference, row["moved_percent"] = _difference(networks, base)
                row |= difference.estimate(confidence).columns("difference")
                differences += [] if np.isnan(difference.value) else [difference]
            part = shares.loc[networks.index].mean()
            row |= {f"{name}_percent": 100 * part[name] for name in SHARES}
            yield {**row, "n": params.n, "not_ok": int((networks["status"] != "ok").sum())}
        if variant and len(differences) > 1:
            # the strengths share their seeds, so the error of their mean is at most the mean of their errors
            pooled = weighted(np.full(len(differences), 1 / len(differences)), differences)
            error = float(np.mean([one.error for one in differences]))
            freedom = min(one.freedom for one in differences)
            pooled = Effect(pooled.value, error, freedom, pooled.n)
            row = {"variant": variant, "strength": ALL, "error_of": error_of}
            row["not_ok"] = int((rows["status"] != "ok").sum())
            yield {**row, **pooled.estimate(confidence).columns("difference"), "n": pooled.n}


def _by_size(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return strength -> its networks by replicate, the largest first."""
    parts = {str(name): part.sort_values("replicate") for name, part in rows.groupby("strength")}
    return dict(sorted(parts.items(), key=lambda pair: -pair[1]["params_kept"].mean()))


def _difference(networks: pd.DataFrame, base: Sequence[AtSize]) -> tuple[Effect, float]:
    """Return the error of a variant minus that of the method, at the variant's mean size, and how far the error of the
    method, at the nearest of the strengths `base`, was moved for it (%). UNKNOWN outside the method's own curve."""
    own = _at_size(networks)
    size = float(np.nanmean(own.log_size)) if (~np.isnan(own.log_size)).any() else np.nan
    sizes = [float(np.nanmean(one.log_size)) for one in base]
    if len(base) < 2 or not min(sizes) - OUTSIDE <= size <= max(sizes) + OUTSIDE:
        return UNKNOWN, np.nan
    nearest = int(np.argmin(np.abs(np.array(sizes) - size)))
    try:
        slope = local_slope([one.log_size for one in base], [one.error for one in base], size)
    except ValueError:  # all strengths of the method keep the same size
        return UNKNOWN, np.nan
    moved = 100 * float(np.expm1(size - sizes[nearest]))
    return difference_at(size, replace(own, slope=slope), replace(base[nearest], slope=slope)), moved


def _at_size(networks: pd.DataFrame) -> AtSize:
    sizes, errors = logarithms(networks["params_kept"]), networks["error"].to_numpy(float)
    return AtSize(networks["seed"].to_numpy(), sizes, errors, UNKNOWN)


def _shares(own: pd.DataFrame, history: pd.DataFrame | None, values: pd.DataFrame | None) -> pd.DataFrame:
    """Return SHARES of every network, indexed as `own`."""
    shares = pd.DataFrame(np.nan, index=own.index, columns=SHARES)
    shares["macs"] = (own["train_macs"] / own["train_macs_dense"]).astype(float)
    if is_keep_probability(own["method"].iloc[0]):
        shares["undetermined"] = own["undetermined_fraction"].astype(float)
        if history is not None and own["budget"].iloc[0] == "epochs":
            for _, alike in own.groupby(["variant", "strength"]):  # a variant may train for longer
                epoch = min(before_the_rate_falls(alike), while_gates_are_drawn(alike))
                shares.loc[alike.index, "undetermined_before"] = undetermined_at(epoch, alike, history)
    if values is not None and len(values):
        # with a pi the objective has no price
        price = settings_of(own).map(lambda settings: None if settings.get("pi") else settings.get("price"))
        price = price.where(own["status"] == "ok")
        priced = own.assign(price=pd.to_numeric(price, errors="coerce"))[[*CELL, "replicate", "price"]]
        joined = values.merge(priced.reset_index(names="row"), on=[*CELL, "replicate"]).dropna(subset="price")
        cheap = joined["value"] < joined["price"]
        clearly = joined["value"] + 2 * joined["error"] < joined["price"]
        shares.loc[joined["row"].unique(), "cheap"] = cheap.groupby(joined["row"]).mean()
        shares.loc[joined["row"].unique(), "clearly_cheap"] = clearly.groupby(joined["row"]).mean()
    return shares
