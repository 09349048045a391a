"""Rules of removal: how many of the units that a rule asks for are open at the end, where none is removed."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd
from scipy import stats

from robustprune.analysis.captions import brackets, caption
from robustprune.analysis.columns import Each, Interval, Number, Row, Text
from robustprune.analysis.measured import measured
from robustprune.analysis.probes.rows import NONE, READ, share
from robustprune.analysis.read import CELL, NETWORK
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import LEAST, interval_columns
from robustprune.analysis.verdicts.decision import NO, OWN_LEVEL, TOO_FEW, UNDECIDED, YES

MOST = 1.0
"""Percent of a rule's removals that may be false (docs/protocol.md B22)."""
CLOSED = "closed"
"""The row of a unit whose gate is closed at the end."""
RULE_TITLES = {
    "mean_0p02": "mean of an epoch at most 0.02, positive slope (the method)",
    "mean_0p01": "the same with 0.01",
    "mean_0p05": "the same with 0.05",
    "mean_0p1": "the same with 0.1",
    "mean_0p2": "the same with 0.2",
    "mean_0p02_any_slope": "mean at most 0.02, any slope",
    "mean_0p02_100_steps": "mean of 100 steps at most 0.02, positive slope",
    "mean_0p1_100_steps": "mean of 100 steps at most 0.1, positive slope",
    "visit": "0 after one step",
    "end_0p02": "below 0.02 at the end of an epoch",
    "end_0p5": "below 1/2 at the end of an epoch",
}
"""The rules of experiments/probes/removals.py, the method's first."""
ALL = "all"
THIRDS = ("first", "middle", "last")
"""Thirds of training, by the epoch in which a rule first asks for a unit."""


def of_third(third: str, row: Row) -> str:
    """Return how many of the units that a rule asks for in a third of training are open at the end."""
    return f"{row[f'false_{third}']:.0f} of {row[f'asked_{third}']:,.0f}"


COLUMNS = [
    *(*CELL, "rule", "slot", "asked", "false", *interval_columns("false_percent"), "most_percent", "below"),
    *("worth", "known", "epoch", "closed_percent", "n"),
    *(f"{what}_{third}" for third in THIRDS for what in ("asked", "false")),
    *("measured", "worth_median", "worth_high", "worth_c", "worth_c_noise"),
]
SHOWN = [
    *(Text("strength"), Text("title", "rule"), Text("slot"), Number("asked", "units asked for", ",.0f")),
    *(Number("false", "open at the end", ",.0f"), Interval("false_percent", "false (%)", ".2f")),
    *(Number("most_percent", "at most (%)", ".2f"), Text("below", f"below {MOST:g} %")),
    *(Each("of them worth c", lambda row: _worth(row)), Number("epoch", "mean epoch", ".1f")),
    *(Each(f"false in the {third} third", partial(of_third, third)) for third in THIRDS),
    *(
        Number("closed_percent", "of the closed units found (%)", ".1f"),
        Number("measured", "asked for, measured", ",.0f"),
    ),
    *(Number("worth_median", "their worth / c: median", ".2f"), Number("worth_high", "95 % below", ".2f")),
    *(Number("worth_c", "of them worth more than c", ".0f"), Number("worth_c_noise", "under noise", ".0f"), Text("n")),
]


def false_removals(
    runs: pd.DataFrame,
    confidence: float,
    removals: pd.DataFrame | None = None,
    gate_values: pd.DataFrame | None = None,
) -> Sheet:
    """Return a row per rule and slot of every probed cell. removals, gate_values: tables of the probes."""
    asked = measured(removals, ("replicate", "slot", "unit", "rule", "epoch", "theta_end"), runs)
    key = [*CELL, "replicate", "slot", "unit"]
    if gate_values is not None:
        values = gate_values[[*key, "price", "value_rounded", "value_noise"]]
        asked = asked.merge(values, on=key, how="left")
    else:
        asked = asked.assign(**dict.fromkeys(("price", "value_rounded", "value_noise"), float("nan")))
    asked = asked.assign(pays=_pays(asked))
    rows = []
    for cell, own in asked.groupby(CELL, sort=False):
        rows += [dict(zip(CELL, cell, strict=True)) | row for row in _rows(own, confidence)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        "Rules of removal, applied on paper.",
        READ,
        "False: of the units that a rule asks for, those that are open at the end. At most: upper end of the 95 % "
        "interval; without any false removal that of a binomial share, units taken as independent. Of them worth c: "
        "those whose removal alone from the final rounded network costs more than the price, and how many were "
        "measured, of a sample of every slot. False in a third of training: of the units that the rule first asks for "
        "there. Of the closed units found: share of the units closed at the end that the rule asked for before the "
        "last epoch. Worth: the rise of the mean cross-entropy at the end of training when the gate closes, in the "
        "network with rounded gates, or under the gate noise, of the units that the rule asks for and that were "
        "measured. The method's rule is the first.",
        brackets(confidence),
        "" if len(table) else NONE,
    )
    table = table.assign(title=table["rule"].map(RULE_TITLES))
    return Sheet.of(table, SHOWN, "False removals by rule", text, by=NETWORK)


def _worth(row: Row) -> str:
    """Return how many of the units that are open at the end are worth c, of those that were measured."""
    return f"{row['worth']:.0f} of {row['known']}" if row["known"] else "-"


def _pays(values: pd.DataFrame) -> pd.Series:
    """Return 1 where a gate is worth its price, 0 where it is not, NaN where it was not measured."""
    known = values["value_rounded"].notna()
    return (values["value_rounded"] > values["price"]).astype(float).where(known)


def _rows(own: pd.DataFrame, confidence: float) -> Iterator[dict]:
    """Yield the rows of one cell."""
    closed = own[own["rule"] == CLOSED]
    last = closed["epoch"].max()
    for rule in RULE_TITLES:
        of_rule = own[own["rule"] == rule]
        for slot in [ALL, *of_rule["slot"].unique()]:
            part = of_rule if slot == ALL else of_rule[of_rule["slot"] == slot]
            row = {"rule": rule, "slot": slot, **_row(part, confidence), **_found(part, closed, slot, last)}
            yield row | _by_third(part, last) | _worth_of_asked(part)


def _row(part: pd.DataFrame, confidence: float) -> dict:
    """Return what one rule asked for."""
    opened = part["theta_end"] > 0.5
    false, judged = (share(opened, part["replicate"], level) for level in (confidence, OWN_LEVEL))
    most = judged.high
    networks = part["replicate"].nunique()
    if networks >= LEAST and not opened.any():
        most = 100 * float(stats.beta.ppf((1 + OWN_LEVEL) / 2, 1, len(part)))
    pays = part.loc[opened, "pays"]
    below = YES if most <= MOST else NO if judged.low > MOST else UNDECIDED
    return {
        **{"asked": len(part), "false": int(opened.sum()), **false.columns("false_percent"), "most_percent": most},
        **{"below": TOO_FEW if pd.isna(most) else below, "worth": pays.sum() if pays.notna().any() else float("nan")},
        **{"known": int(pays.notna().sum()), "n": networks},
    }


def _found(part: pd.DataFrame, closed: pd.DataFrame, slot: str, last: float) -> dict:
    """Return when the rule asked for the units that end closed, and for how many of them before the last epoch."""
    right = part[(part["theta_end"] <= 0.5) & (part["epoch"] <= last - 1)]
    ending = len(closed) if slot == ALL else (closed["slot"] == slot).sum()
    return {"epoch": right["epoch"].mean(), "closed_percent": 100 * len(right) / ending if ending else float("nan")}


def _by_third(part: pd.DataFrame, last: float) -> dict:
    """Return the units that a rule first asks for in each third of the epochs, and those that are open at the end."""
    number = np.ceil(3 * part["epoch"] / last).clip(1, 3)
    found = {}
    for place, third in enumerate(THIRDS, start=1):
        own = part[number == place]
        found |= {f"asked_{third}": len(own), f"false_{third}": int((own["theta_end"] > 0.5).sum())}
    return found


def _worth_of_asked(part: pd.DataFrame) -> dict:
    """Return what the units that a rule asks for are worth at the end, in prices, of those that were measured."""
    rounded, noise = ((part[f"value_{way}"] / part["price"]).dropna() for way in ("rounded", "noise"))
    return {
        **{"measured": len(rounded), "worth_median": rounded.median(), "worth_high": rounded.quantile(0.95)},
        **{"worth_c": int((rounded > 1).sum()), "worth_c_noise": int((noise > 1).sum())},
    }
