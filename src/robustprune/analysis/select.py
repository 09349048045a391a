"""Selection of the networks that a table or figure shows, by the columns that say what the study asked for."""

import pandas as pd

from robustprune.analysis.labels import initialization_title, network_title
from robustprune.analysis.read import CELL, NETWORK, SERIES, settings_of
from robustprune.study.roles import UNPRUNED

STANDARD_INITIALIZATION = "he_normal"
STANDARD_START = f"width 1, {initialization_title(STANDARD_INITIALIZATION)}"
FROM_STANDARD = f"initialization {initialization_title(STANDARD_INITIALIZATION)}"
FLOORS = ("random", "width_uniform")
"""Baselines at the same size: units removed at random, and networks of that size without a search."""
SIZE_TARGET = ["measure", "target"]


def standard(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the networks of the standard start: width 1, He normal."""
    return runs[(runs["initialization"] == STANDARD_INITIALIZATION) & (runs["width"] == 1)]


def other_start(initialization: str, width: float) -> str:
    """Return a start as the end of a title, e.g. ", orthogonal, width 2"; nothing for the standard start."""
    if (initialization, width) == (STANDARD_INITIALIZATION, 1):
        return ""
    return f", {initialization_title(initialization)}, width {width:g}"


def of_standard_initialization(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the networks of every width that started from He normal."""
    return runs[runs["initialization"] == STANDARD_INITIALIZATION]


def without(runs: pd.DataFrame, chosen: pd.DataFrame, start: str) -> str:
    """Return the sentence of a caption on networks of `runs` that have no row in `chosen`, which shows one start."""
    left = set(chosen[NETWORK].itertuples(index=False, name=None))
    missing = [key for key in dict.fromkeys(runs[NETWORK].itertuples(index=False, name=None)) if key not in left]
    if not len(runs):
        return "There are no networks in these tables."
    return f"No network starts from {start}: {'; '.join(network_title(*key) for key in missing)}." if missing else ""


def studied(runs: pd.DataFrame, *, variants: bool = False) -> pd.DataFrame:
    """Return the networks at operating points, and the unpruned ones, without controls; of variants only if asked.

    Where the study asks for several points, those at equal size (at_size) are meant. For a data set, architecture,
    track and budget without operating points these are the networks of every strength.
    """
    runs = runs[runs["start_of"].isna() & (variants | (runs["variant"] == ""))]
    asked = runs["operating_point"].astype(bool)
    name = runs["point"].astype("str") if "point" in runs else pd.Series("", runs.index)
    at_size = asked & name.str.fullmatch(r"(.*_)?at_size")
    comparison = [*(runs[key] for key in NETWORK), runs["budget"].fillna("epochs")]
    sized, named = (flags.groupby(comparison).transform("any") for flags in (at_size, asked))
    chosen = at_size.where(sized, asked)
    return runs[~named | chosen | (runs["method"] == UNPRUNED)]


def of_one_budget(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the networks that trained for equal epochs; for a network of which none did, all."""
    equal_epochs = runs["budget"].isna() | (runs["budget"] == "epochs")
    return runs[equal_epochs | ~equal_epochs.groupby([runs[key] for key in NETWORK]).transform("any").astype(bool)]


def rule_of_strengths(runs: pd.DataFrame) -> str:
    """Return the sentence of a caption on the rule of `studied`."""
    named = runs.assign(budget=runs["budget"].fillna("epochs")).groupby([*NETWORK, "budget"])["operating_point"].any()
    if named.all() and len(named):
        return "Methods at their operating points."
    if not named.any():
        return "Methods at every strength, as the study names no operating points."
    return "Methods at their operating points; at every strength where the study names none for a network."


def compared(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the networks of a trade-off: those of methods and floors, without other controls."""
    return runs[runs["start_of"].isna() | runs["method"].isin(FLOORS)]


def nearest_to_standard(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one cell per method and strength: He normal if there is one, then the width nearest to 1."""
    cells = runs[CELL].drop_duplicates()
    order = cells.assign(other=cells["initialization"] != STANDARD_INITIALIZATION, far=(cells["width"] - 1).abs())
    return order.sort_values(["other", "far"], kind="stable").drop_duplicates(SERIES)[CELL]


def size_targets(runs: pd.DataFrame) -> pd.DataFrame:
    """Return measure and target of each network, from its settings or those of its source, else None."""
    settings = settings_of(runs)
    cells = list(zip(*(runs[name] for name in NETWORK), runs["method"] + "/" + runs["strength"], strict=True))
    known = dict(zip(cells, settings, strict=True))
    meant = [
        known.get((*cell[:-1], source), own)
        for cell, source, own in zip(cells, runs["start_of"], settings, strict=True)
    ]
    return pd.DataFrame([[given.get(name) for name in SIZE_TARGET] for given in meant], runs.index, SIZE_TARGET)
