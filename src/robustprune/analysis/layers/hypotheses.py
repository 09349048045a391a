"""The table `layers_hypotheses`: H1 to H6 on sections, judged by the rules of docs/protocol.md, B23."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from robustprune.analysis.captions import caption
from robustprune.analysis.columns import Each, Text, strong
from robustprune.analysis.labels import network_title
from robustprune.analysis.layers.equivalence import (
    BY,
    DEPTHS,
    INITIALIZATIONS,
    MARGIN,
    equivalence_rows,
    groups_of,
    pooled,
)
from robustprune.analysis.layers.joint import joint_rows
from robustprune.analysis.layers.latency import correlations
from robustprune.analysis.layers.optimum import optimum_rows
from robustprune.analysis.layers.sections import CO_ADAPTATION, with_sections
from robustprune.analysis.pairing import of_shared_seeds
from robustprune.analysis.select import standard
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import LEAST
from robustprune.analysis.verdicts.decision import LEVEL, NO, YES, Comparison, Verdict, equivalent, not_above
from robustprune.analysis.verdicts.effect import Effect, difference, mean_of
from robustprune.analysis.verdicts.equal_size import MARGIN as NOT_WORSE
from robustprune.analysis.verdicts.over_starts import ERROR_MARGIN, logarithms
from robustprune.study.roles import METHOD_UNDER_STUDY

HELD, FAILED, UNDECIDED, NOT_RUN = "held", "did not hold", "undecided", "not run"
OPTIMUM_LEVEL = 0.95
"""Level of the interval of the price-optimal depth."""
PLACE = ["dataset", "architecture"]
COLUMNS = [*PLACE, "hypothesis", "statement", "outcome", "evidence"]
SHOWN = [
    *(Text("hypothesis"), Text("statement")),
    Each("outcome", lambda row: strong(row["outcome"]) if row["outcome"] == FAILED else row["outcome"]),
    Text("evidence"),
]


class Part(NamedTuple):
    """One answer that a hypothesis depends on (yes, no, or any other text), and what it is about."""

    answer: str
    about: str


class Given(NamedTuple):
    """What hypotheses are judged by, networks with a depth.

    own: those of METHOD_UNDER_STUDY. everything: these, its controls, unpruned networks and those of other methods.
    """

    own: pd.DataFrame
    everything: pd.DataFrame
    history: pd.DataFrame | None


def outcome(parts: Sequence[Part]) -> str:
    """Return held where every part is yes, did not hold where one is no, not run without parts, else undecided."""
    if not parts:
        return NOT_RUN
    if all(part.answer == YES for part in parts):
        return HELD
    return FAILED if any(part.answer == NO for part in parts) else UNDECIDED


def _equivalent_over(over: str) -> Callable[[Given], Iterator[Part]]:
    def parts(given: Given) -> Iterator[Part]:
        table = equivalence_rows(given.own[given.own["track"] == "layers"])
        for row in table[table["over"] == over].to_dict("records"):
            yield Part(row["verdict"], f"{row['strength']}: {row['difference']:+.2f} sections at {row['start']}")

    return parts


def _judged(
    compared: Sequence[tuple[Comparison, str]], decide: Callable[[Sequence[Comparison], float, int], Verdict]
) -> Iterator[Part]:
    """Yield the answer of each comparison; a "no" is judged at the simultaneous level of all of them."""
    for comparison, about in compared:
        yield Part(str(decide([comparison], LEVEL, len(compared))), about)


def _price_optimal(given: Given) -> Iterator[Part]:
    """From every start that has that many sections, the mean is within one section of the optimum's interval."""
    rows = optimum_rows(given.everything, given.history, OPTIMUM_LEVEL)
    rows = rows[(rows["method"] == METHOD_UNDER_STUDY) & rows["optimum"].notna()]
    networks = with_sections(given.own)
    compared = []
    for key, starts in rows.groupby(BY, sort=False):
        own = networks[(networks[BY] == pd.Series(dict(zip(BY, key, strict=True)))).all(axis=1)]
        spread, freedom = pooled(list(groups_of(own).values()))
        for row in starts[starts["sections_start"] >= starts["optimum"]].to_dict("records"):
            known = row["n"] >= LEAST and not np.isnan(row["optimum_low"])
            low, high = (row["optimum_low"], row["optimum_high"]) if known else (row["optimum"], row["optimum"])
            nearest = min(max(row["kept_mean"], low), high)
            error = spread / np.sqrt(row["n"]) if known else np.nan
            effect = Effect(row["kept_mean"] - nearest, float(error), float(freedom), row["n"])
            of_start = (own["depth"] == row["depth"]) & (own["initialization"] == row["initialization"])
            lost = int(own.loc[of_start, "kept"].isna().sum())
            start = f"depth {row['depth']}, {row['initialization']}"
            about = f"{row['strength']}, {start}: {row['kept_mean']:.2f} kept, {row['optimum']:.0f} asked for"
            compared.append((Comparison("sections", start, effect, MARGIN, lost), about))
    yield from _judged(compared, equivalent)


def _from_scratch(given: Given) -> Iterator[Part]:
    """Pruned minus from scratch, paired by seed, is not above the margin."""
    everything = given.everything
    start = [*PLACE, "track", "initialization", "width", "depth"]
    chosen = (everything["method"] == "scratch_e") & (everything["track"] == "layers")
    of_method = everything["start_of"].astype(str).str.startswith(f"{METHOD_UNDER_STUDY}/")
    compared = []
    for key, control in everything[chosen & of_method].groupby([*start, "start_of"], sort=False):
        axes = dict(zip([*start, "strength"], [*key[:-1], key[-1].partition("/")[2]], strict=True))
        source = given.own[(given.own[list(axes)] == pd.Series(axes)).all(axis=1)]
        pruned, scratch = (own["error_test_percent"].astype(float) for own in of_shared_seeds(source, control))
        paired = pruned - scratch
        about = f"{axes['strength']}, depth {axes['depth']}, {axes['initialization']}"
        comparison = Comparison("error", about, mean_of(paired), NOT_WORSE, int(paired.isna().sum()))
        compared.append((comparison, f"{about}: {paired.mean():+.2f} points"))
    yield from _judged(compared, not_above)


def _fewer_macs(given: Given) -> Iterator[Part]:
    """The chosen joint strength has fewer MACs than that of units alone and that of layers alone."""
    rows = joint_rows(given.everything, LEVEL)
    rows = rows[rows["method"] == METHOD_UNDER_STUDY]
    for depth, own in rows.groupby("depth", sort=True):
        by_track = own[own["chosen"]].set_index("track")["strength"]
        units = "full" if "full" in set(own["track"]) else "hidden"
        for track in (units, "layers"):
            if lacking := [name for name in ("joint", track) if name not in by_track]:
                yield Part(UNDECIDED, f"depth {depth}: no strength within the bound on track {' and '.join(lacking)}")
                continue
            first, second = (
                logarithms(_cell(given.own, depth, name, by_track[name])["macs_kept"]) for name in ("joint", track)
            )
            effect = difference(first, second)
            about = f"depth {depth}: joint {100 * np.expm1(effect.value):+.0f} % of MACs against {track}"
            yield Part(_negative(effect), about)


def _shallow_and_wide(given: Given) -> Iterator[Part]:
    """From r = 0 to the largest r at one nu: fewer sections, more units inside each, the error within its margin."""
    rows = joint_rows(given.everything, LEVEL)
    rows = rows[(rows["method"] == METHOD_UNDER_STUDY) & (rows["track"] == "joint") & rows["r"].notna()]
    networks, compared = with_sections(given.own), []
    for (depth, nu), own in rows.groupby(["depth", "nu"], sort=True):
        own = own.sort_values("r")
        if own["r"].iloc[0] != 0 or own["r"].iloc[-1] == 0:
            continue
        low, high = (_cell(networks, depth, "joint", own["strength"].iloc[place]) for place in (0, -1))
        about = f"depth {depth}, nu {nu:g}, r {own['r'].iloc[-1]:g} against 0"
        lost = sum(int(networks["kept"].isna().sum()) for networks in (low, high))
        spread, freedom = pooled([low["kept"].to_numpy(float), high["kept"].to_numpy(float)])
        change = difference(high["kept"], low["kept"])
        error = spread * np.sqrt(1 / high["kept"].count() + 1 / low["kept"].count()) if change.n >= LEAST else np.nan
        change = Effect(change.value, float(error), float(freedom), change.n)
        yield Part(_negative(change, lost), f"{about}: {change.value:+.2f} sections")
        narrower = difference(low["inner_width"], high["inner_width"])
        units = "no section left" if np.isnan(narrower.value) else f"{-narrower.value:+.1f} units in a section"
        yield Part(_negative(narrower, lost), f"{about}: {units}")
        errors = difference(high["error_test_percent"].astype(float), low["error_test_percent"].astype(float))
        comparison = Comparison("error", about, errors, ERROR_MARGIN, lost)
        compared.append((comparison, f"{about}: {errors.value:+.2f} points"))
    yield from _judged(compared, equivalent)


def _latency(given: Given) -> Iterator[Part]:
    """The rank correlation of latency with depth exceeds that with MACs."""
    found = correlations(standard(given.everything))
    if found is not None:
        about = f"{found.depth:.2f} with depth, {found.macs:.2f} with MACs, {found.cells} cells"
        answer = YES if found.low > 0 else NO if found.high < 0 else UNDECIDED
        yield Part(answer, about)


def _cell(networks: pd.DataFrame, depth: int, track: str, strength: str) -> pd.DataFrame:
    """Return the networks of the standard start of one cell of the method under study."""
    own = standard(networks)
    return own[(own["depth"] == depth) & (own["track"] == track) & (own["strength"] == strength)]


def _negative(effect: Effect, lost: int = 0) -> str:
    """Return yes where the interval lies below 0 and no network is without a number, no where it lies at or above 0."""
    low, high = effect.interval(LEVEL)
    return YES if high < 0 and not lost else NO if low >= 0 else UNDECIDED


HYPOTHESES: dict[str, tuple[str, Callable[[Given], Iterator[Part]]]] = {
    "H1": ("the depth kept does not depend on the starting depth", _equivalent_over(DEPTHS)),
    "H1b": ("the depth kept is the one that the price asks for", _price_optimal),
    "H2": ("the depth kept does not depend on the initialization", _equivalent_over(INITIALIZATIONS)),
    "H3": ("the pruned network errs no more than one of its shape from scratch", _from_scratch),
    "H4": ("units and layers together need fewer MACs than either alone", _fewer_macs),
    "H5": ("a price of sequence makes networks shallow and wide at about the same error", _shallow_and_wide),
    "H6": ("the latency of one image follows the depth kept more than the MACs", _latency),
}


def hypothesis_rows(runs: pd.DataFrame, history: pd.DataFrame | None) -> pd.DataFrame:
    """Return a row per hypothesis and network; `runs` are networks with a depth."""
    rows = []
    for key, everything in runs.groupby(PLACE, sort=True):
        everything = everything[everything["variant"] == ""]
        own = everything[everything["method"] == METHOD_UNDER_STUDY]
        given = Given(own, everything, history)
        for name, (statement, judge) in HYPOTHESES.items():
            parts = list(judge(given))
            evidence = "; ".join(f"{part.about}: {part.answer}" for part in parts) or "-"
            rows.append([*key, name, statement, outcome(parts), evidence])
    return pd.DataFrame(rows, columns=COLUMNS)


def layers_hypotheses(runs: pd.DataFrame, confidence: float, history: pd.DataFrame | None = None) -> Sheet:
    """Return the rows as a sheet; the levels of its intervals are those of the rules, whatever `confidence` is.

    history: the epochs of the networks, for the price-optimal depth.
    """
    table = hypothesis_rows(runs, history)
    text = caption(
        f"Hypotheses on {METHOD_UNDER_STUDY} with sections, written down before its runs, and judged by the rules of "
        "docs/protocol.md, B23: held where every part is yes, did not hold where one is no, else undecided. The parts "
        "are the evidence. Not run: no networks that it could be judged by.",
        CO_ADAPTATION,
        "" if len(table) else "There are no networks with sections in these tables.",
    )
    return Sheet.of(table, SHOWN, "Hypotheses on sections", text, by=PLACE, heading=network_title, text=True)
