"""Variants of a method beside the method itself, at several strengths: a change is judged at equal size."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from robustprune.analysis.captions import AT_STANDARD, NOT_OK, SIZES, N, brackets, caption
from robustprune.analysis.columns import Interval, Number, Text
from robustprune.analysis.equal_size import UNKNOWN
from robustprune.analysis.labels import heading_of_budget, is_keep_probability
from robustprune.analysis.moments import before_the_rate_falls, undetermined_at, while_gates_are_drawn
from robustprune.analysis.read import NETWORK
from robustprune.analysis.select import compared, standard
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns, mean_interval, size_interval
from robustprune.analysis.unit_worth import worth_less
from robustprune.analysis.verdicts.effect import Effect, weighted
from robustprune.analysis.verdicts.equal_size import AtSize, difference_at, local_slope
from robustprune.analysis.verdicts.over_starts import logarithms
from robustprune.study.search import form_of_key

ITSELF = "-"
"""The method itself among its variants."""
ALL = "all"
"""The strength of a row that pools those of a variant."""
NOT_SEARCHED = "not searched"
"""The form of strengths that no search named, beside forms that one did."""
GROUP = [*NETWORK, "method", "budget"]
SHARES = ["undetermined_before", "undetermined", "cheap", "clearly_cheap", "macs"]
USED = ["variant", "strength", "replicate", "seed", "params_kept", "error_train_percent", "status"]
OUTSIDE = float(np.log(1.25))
"""So far, in log size, the method's curve is continued beyond its strengths."""
COLUMNS = [
    *(*GROUP, "variant", "strength", "against", *interval_columns("params"), "error_of", *interval_columns("error")),
    *("moved_percent", *interval_columns("difference"), *interval_columns("train")),
    *(*(f"{name}_percent" for name in SHARES), "n", "not_ok"),
]
SHOWN = [
    *(Text("method"), Text("variant"), Text("strength"), Text("against", "against form")),
    Interval("params", "params", ",.0f"),
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

    Forms of a method (docs/protocol.md, B2) have a curve each, and a variant has rows of its own for each.

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
        "strength whose networks are all ok, or where the variant's size lies more than "
        f"{np.expm1(OUTSIDE):.0%} outside the sizes of these strengths. All: mean over the strengths that have one.",
        "Against form: a variant of one form of the method is compared with that form, any other with each form."
        if table["against"].notna().any()
        else "",
        brackets(confidence, SIZES),
        "Undetermined: share of keep probabilities inside (0.05, 0.95), in the last epoch before the learning rate "
        "falls or gates are rounded, and at the end. Units worth less than c: share of kept units whose removal alone "
        "raises the mean cross-entropy of training images by less than the price of their slot; clearly: by two "
        "standard errors. Training MACs: % of dense training.",
        N,
        NOT_OK,
        "" if len(table) else "No method ran in variants.",
    )
    return Sheet.of(
        table, SHOWN, "Variants of methods", text, by=[*NETWORK, "budget"], heading=heading_of_budget, sparse=True
    )


def form_of(strength: str, variant: str) -> str:
    """Return the form of a strength, or that of the strength that a variant changes; "" for one that was not searched.

    A variant that is a form of its own has its own strengths: "nu_2e_1" is of the form nu.
    """
    return form_of_key(strength.removesuffix(f"_{variant}")) or ""


def _rows(own: pd.DataFrame, shares: pd.DataFrame, confidence: float) -> Iterator[dict]:
    """Yield the rows of one method, itself first."""
    known = own.loc[own["error_test_percent"].notna(), "error_valid_percent"]  # a diverged network has no error
    validated = len(known) > 0 and known.notna().all()
    error_of = "validation" if validated else "test"
    error = own[f"error_{'valid' if validated else 'test'}_percent"].astype(float)
    forms = [form_of(*names) for names in zip(own["strength"], own["variant"], strict=True)]
    own = own[USED].assign(error=error, form=forms)
    curves = _curves(own[own["variant"] == ""])
    for (variant, form), rows in own.groupby(["variant", "form"]):
        sizes = _by_size(rows)
        measured = {name: _measured(networks, shares, confidence) for name, networks in sizes.items()}
        named = {"variant": variant or ITSELF, "error_of": error_of}
        if not variant:
            yield from (named | {"strength": strength} | row for strength, row in measured.items())
            continue
        measured[ALL] = {"not_ok": _not_ok(rows)}
        for against in [form] if form in curves else curves:
            named["against"] = (against or NOT_SEARCHED) if len(curves) > 1 else None
            for strength, row in _compared(sizes, curves[against], confidence):
                yield named | {"strength": strength} | measured[strength] | row


def _curves(itself: pd.DataFrame) -> dict[str, list[AtSize]]:
    """Return form -> the strengths of the method itself whose networks are all ok: the curve of that form."""
    return {
        str(form): [_at_size(networks) for networks in _by_size(rows).values() if _not_ok(networks) == 0]
        for form, rows in itself.groupby("form")
    }


def _measured(networks: pd.DataFrame, shares: pd.DataFrame, confidence: float) -> dict:
    """Return the numbers of one strength."""
    params = size_interval(networks["params_kept"].astype(float), confidence)
    row = {**params.columns("params"), "n": params.n, "not_ok": _not_ok(networks)}
    row |= mean_interval(networks["error"], confidence).columns("error")
    row |= mean_interval(networks["error_train_percent"], confidence).columns("train")
    part = shares.loc[networks.index].mean()
    return row | {f"{name}_percent": 100 * part[name] for name in SHARES}


def _compared(
    sizes: Mapping[str, pd.DataFrame], curve: Sequence[AtSize], confidence: float
) -> Iterator[tuple[str, dict]]:
    """Yield the strengths of a variant with their differences from a curve of the method, then ALL with their mean."""
    known = []
    for strength, networks in sizes.items():
        difference, moved = _difference(networks, curve)
        known += [] if np.isnan(difference.value) else [difference]
        yield strength, {"moved_percent": moved, **difference.estimate(confidence).columns("difference")}
    if len(known) > 1:
        pooled = _pooled(known)
        yield ALL, {**pooled.estimate(confidence).columns("difference"), "n": pooled.n}


def _pooled(differences: Sequence[Effect]) -> Effect:
    """Return the mean over strengths. They share their seeds, so its error is at most the mean of their errors."""
    mean = weighted(np.full(len(differences), 1 / len(differences)), differences)
    error = float(np.mean([one.error for one in differences]))
    return Effect(mean.value, error, min(one.freedom for one in differences), mean.n)


def _not_ok(networks: pd.DataFrame) -> int:
    return int((networks["status"] != "ok").sum())


def _by_size(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return strength -> its networks by replicate, the largest first, those without sizes last."""
    parts = {str(name): part.sort_values("replicate") for name, part in rows.groupby("strength")}
    return dict(sorted(parts.items(), key=lambda pair: -np.nan_to_num(pair[1]["params_kept"].mean())))


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
        shares.update(worth_less(own, values))
    return shares
