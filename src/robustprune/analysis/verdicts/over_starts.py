"""Comparisons of one method's networks over widths and over initializations: log size, test error, every slot."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from robustprune.analysis.read import settings_of, slots
from robustprune.analysis.select import STANDARD_INITIALIZATION
from robustprune.analysis.verdicts.decision import Comparison, Verdict, equivalent
from robustprune.analysis.verdicts.effect import Effect, deviations, difference
from robustprune.records.record import split_units
from robustprune.study.roles import UNPRUNED

SIZE_MARGINS = {"lenet5": 0.25, "lenet5_residual": 0.25}
SIZE_MARGIN = 0.10
"""Largest relative change of the params kept, of networks that SIZE_MARGINS does not list."""
SLOT_MARGIN = 0.15
ERROR_MARGIN = 0.15
"""Percentage points of test error."""
STANDARD_WIDTH = 1.0
SIZE, ERROR = "params", "error"
COMPARED = ["architecture", "width", "initialization", "params_kept", "error_test_percent", "units_kept"]
Compare = Callable[[Sequence[np.ndarray]], list[Effect]]


def size_margin(architecture: str) -> float:
    """Return the largest relative change of the params kept that counts as none."""
    return SIZE_MARGINS.get(architecture, SIZE_MARGIN)


def over_widths(runs: pd.DataFrame, *, least: float = 0.0) -> list[Comparison]:
    """Compare the networks of each width, from `least` up, with those of width 1, from the standard initialization.

    runs: rows of one method and strength. Sizes and units are compared in logarithms, with margin log(1 + m), so that
    1 + m and 1 / (1 + m) are the largest changes that count as none. Empty without width 1 and a second width.
    """
    runs = runs[COMPARED][(runs["initialization"] == STANDARD_INITIALIZATION) & (runs["width"] >= least)]
    widths = sorted(set(runs["width"]) - {STANDARD_WIDTH})
    if not widths or STANDARD_WIDTH not in set(runs["width"]):
        return []
    starts = [STANDARD_WIDTH, *widths]
    parts = [runs[runs["width"] == width] for width in starts]

    def against_first(samples: Sequence[np.ndarray]) -> list[Effect]:
        return [difference(sample, samples[0]) for sample in samples[1:]]

    lost = [_lost(part) + _lost(parts[0]) for part in parts[1:]]
    return list(_compared(parts, [f"width {width:g}" for width in widths], lost, against_first))


def over_initializations(runs: pd.DataFrame) -> list[Comparison]:
    """Compare the networks of each initialization at width 1 with the mean over initializations, in the same way."""
    runs = runs[COMPARED][runs["width"] == STANDARD_WIDTH]
    names = list(dict.fromkeys(runs["initialization"]))
    if len(names) < 2:
        return []
    parts = [runs[runs["initialization"] == name] for name in names]
    return list(_compared(parts, names, [_lost(runs)] * len(names), deviations))


def _compared(
    parts: Sequence[pd.DataFrame], names: Sequence[str], lost: Sequence[int], compare: Compare
) -> Iterator[Comparison]:
    """Yield the comparisons of every quantity: `compare` returns an effect for each of `names`."""
    architecture = parts[0]["architecture"].iloc[0]
    names_of_slots, size = slots(architecture), np.log1p(size_margin(architecture))
    quantities = [
        (SIZE, size, [logarithms(part["params_kept"]) for part in parts]),
        (ERROR, ERROR_MARGIN, [part["error_test_percent"].to_numpy(float) for part in parts]),
    ]
    units = [units_of_slots(part, len(names_of_slots)) for part in parts]
    for place, slot in enumerate(names_of_slots):
        quantities.append((slot, np.log1p(SLOT_MARGIN), [logarithms(count[:, place]) for count in units]))
    for what, margin, samples in quantities:
        for name, effect, unknown in zip(names, compare(samples), lost, strict=True):
            yield Comparison(what, name, effect, float(margin), unknown)


def _lost(part: pd.DataFrame) -> int:
    """Return the number of networks without a size or without an error: those that diverged or failed."""
    return int((part["params_kept"].isna() | part["error_test_percent"].isna()).sum())


def logarithms(values: pd.Series | np.ndarray) -> np.ndarray:
    """Return the logarithms of sizes [n]; NaN for unknown ones and for networks that keep nothing."""
    data = np.asarray(values, dtype=float)
    return np.log(np.where(data > 0, data, np.nan))


def units_of_slots(part: pd.DataFrame, count: int) -> np.ndarray:
    """Return the units kept [n, slots], NaN for a network without numbers."""
    unknown = [np.nan] * count
    return np.array([split_units(text) if isinstance(text, str) else unknown for text in part["units_kept"]], float)


def by_part(comparisons: Sequence[Comparison]) -> dict[str, list[Comparison]]:
    """Return the comparisons of "size", "units" (of every slot) and "error"."""
    named = {SIZE: "size", ERROR: "error"}
    return {
        part: [one for one in comparisons if named.get(one.what, "units") == part]
        for part in ("size", "units", "error")
    }


def judged(comparisons: Sequence[Comparison]) -> dict[str, Verdict]:
    """Return the verdicts "all", "size", "units" (of every slot) and "error" of the comparisons of one axis."""
    parts = {"all": comparisons, **by_part(comparisons)}
    return {name: equivalent(own, family=len(comparisons)) for name, own in parts.items()}


def sized_by_itself(runs: pd.DataFrame) -> bool:
    """Return whether the size of a method's networks could depend on the start.

    It cannot where nothing is pruned, and where the settings give the params to keep or the units of every slot.
    """
    given = [settings.get("target_params") or settings.get("units") for settings in settings_of(runs)]
    return runs["method"].iloc[0] != UNPRUNED and not any(given)
