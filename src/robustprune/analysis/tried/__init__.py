"""Other settings that were tried before the search, and which of them it takes (docs/protocol.md, B2).

before.csv: settings that were tried outside the study of settings, with the change of the validation error at equal
size in points, and methods of which none was tried. One-factor changes of the method under study without an interval
were tried before the protocol was written (docs/method.md, section 5), those with one decided its defaults
(results/reference/defaults). The settings of baselines are those that ran first (docs/protocol.md, B2).
"""

import json
from importlib.resources import files

import numpy as np
import pandas as pd

from robustprune.analysis.captions import AT_STANDARD, caption
from robustprune.analysis.columns import Each, Number, Row, Text, number
from robustprune.analysis.read import NETWORK
from robustprune.analysis.select import standard
from robustprune.analysis.sheet import Sheet
from robustprune.study.search import form_of_key, key_value

TARGETS = {"lenet_300_100": (26_000, 60_000), "lenet5": (11_000, 40_000)}
"""Sizes in params at which settings are compared: the targets of docs/protocol.md, B4, and a second size."""
AT_FIRST_TARGET = ("group_lasso", "bc_gnj", "bc_ghs")
"""Methods whose settings are compared at the first target alone: they were tried when the second was no longer run."""
FARTHEST = 1.5
"""Largest factor by which a target may lie outside the sizes of a setting."""
NONE = "none"
"""What stands for a setting where none was tried."""
OF_BEFORE = ("mnist", "lenet_300_100", "full")
COLUMNS = [
    *(*NETWORK, "method", "setting", "strengths", "smallest_params", "largest_params"),
    *("target_1", "error_1", "target_2", "error_2", "error", "outside", "chosen", "change", "tried", "n", "not_ok"),
]
SHOWN = [
    *(Text("method"), Text("setting"), Text("strengths")),
    Each("params, smallest to largest", lambda row: _sizes(row)),
    Each("validation error (%) at the first target", lambda row: _at(row, 1)),
    Each("at the second", lambda row: _at(row, 2)),
    *(Number("error", "mean", ".2f"), Number("outside", "outside by", ".2f"), Text("chosen")),
    *(Text("change", "change, tried elsewhere (points)"), Text("tried", "settings of the method")),
    *(Number("n", "n", ".0f"), Number("not_ok", "not ok", ".0f")),
]


def settings_tried(runs: pd.DataFrame, confidence: float, tried: pd.DataFrame | None = None) -> Sheet:
    """Return a row per method and setting, with its validation error at the target sizes, and the chosen setting.

    tried: the runs of the settings, where they are a study beside this one; None for those among `runs`. confidence is
    not used: two networks have no interval.
    """
    rows: list[dict] = []
    for (*network, method), own in _trials(runs if tried is None else tried).groupby([*NETWORK, "method"], sort=False):
        found = [_row(setting, group) for setting, group in own.groupby("form", sort=False)]
        axes = dict(zip([*NETWORK, "method"], (*network, method), strict=True))
        rows += [axes | row for row in _chosen(found)]
    there = set(runs[NETWORK].itertuples(index=False, name=None))
    before = read_before() if OF_BEFORE in there else pd.DataFrame()
    rows += [dict(zip(NETWORK, OF_BEFORE, strict=True)) | row for row in before.to_dict("records")]
    table = pd.DataFrame(rows, columns=COLUMNS)
    counted = (table["setting"] != NONE).groupby([table[name] for name in (*NETWORK, "method")])
    table["tried"] = counted.transform("sum")
    text = caption(
        "Settings beside the strength that were tried where nothing is published for this budget, each at two "
        "to four strengths, on the tuning split.",
        AT_STANDARD,
        "The validation error is interpolated on log size at the target sizes (at the first alone for "
        f"{', '.join(AT_FIRST_TARGET)}). Outside by: the largest factor by which "
        f"a target lies outside the sizes of a setting; above {FARTHEST:g} no error is given, and it is not chosen. "
        "Chosen: the lowest mean of the settings whose networks are all ok. Change: in validation error at equal size, "
        "of settings tried on the method before the protocol (five networks each, records not shipped) and when its "
        "defaults were decided (with intervals), of the settings of three baselines that ran first, against the chosen "
        "one, and of dense training with sgd. none: no setting beside the strength was tried. n: networks. Not ok: "
        "those that collapsed, diverged or failed.",
        "" if table["strengths"].notna().any() else "There are no runs of tried settings in these tables.",
    )
    return Sheet.of(table, SHOWN, "Settings that were tried", text, sparse=True)


def read_before() -> pd.DataFrame:
    """Read before.csv."""
    with files(__package__).joinpath("before.csv").open(encoding="utf-8") as opened:
        return pd.read_csv(opened)


def _trials(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the networks of settings with several strengths on the tuning split; `form` is the setting's name."""
    own = standard(runs)
    own = own.assign(form=own["strength"].map(form_of_key).astype(object))
    split = [json.loads(text).get("images") if isinstance(text, str) else None for text in own["training"]]
    own = own[(np.array(split, dtype=object) == "tuning") & own["form"].notna() & own["start_of"].isna()]
    strengths = own.groupby([*NETWORK, "method", "form"])["strength"].transform("nunique")
    return own[(strengths > 1) & own["architecture"].isin(list(TARGETS))]


def _row(setting: str, own: pd.DataFrame) -> dict:
    """Return the row of one setting, whose networks have several strengths."""
    groups = [group for _, group in own.groupby("strength", sort=False)]
    values = [key_value(setting, group["strength"].iloc[0]) for group in groups]
    sizes = np.array([np.log(group["params_kept"].astype(float)).mean() for group in groups])
    errors = np.array([group["error_valid_percent"].astype(float).mean() for group in groups])
    targets = TARGETS[own["architecture"].iloc[0]]
    if own["method"].iloc[0] in AT_FIRST_TARGET:
        targets = targets[:1]
    beyond = [max(np.min(sizes) - np.log(target), np.log(target) - np.max(sizes), 0.0) for target in targets]
    found = [
        error_at(sizes, errors, float(np.log(target))) if np.exp(far) <= FARTHEST else np.nan
        for target, far in zip(targets, beyond, strict=True)
    ]
    row = {"setting": setting, "strengths": ", ".join(f"{value:g}" for value in values), "n": len(own)}
    row |= {"smallest_params": np.exp(sizes.min()), "largest_params": np.exp(sizes.max())}
    for place, (target, error) in enumerate(zip(targets, found, strict=True), 1):
        row |= {f"target_{place}": target, f"error_{place}": error}
    row |= {"error": float(np.mean(found)), "outside": float(np.exp(max(beyond)))}
    return row | {"not_ok": int((own["status"] != "ok").sum())}


def error_at(sizes: np.ndarray, errors: np.ndarray, target: float) -> float:
    """Return the error at a log size, on the line through the two strengths nearest to it; NaN where they are alike.

    sizes, errors: mean log size and mean error of each strength [m].
    """
    first, *others = np.argsort(np.abs(sizes - target), kind="stable")
    second = next((place for place in others if sizes[place] != sizes[first]), first)
    if second == first or np.isnan(sizes[[first, second]]).any():
        return np.nan
    slope = (errors[second] - errors[first]) / (sizes[second] - sizes[first])
    return float(errors[first] + slope * (target - sizes[first]))


def _chosen(rows: list[dict]) -> list[dict]:
    """Return the rows of a method with the column `chosen`; none is chosen where no setting may be."""
    fit = [row for row in rows if not row["not_ok"] and not np.isnan(row["error"])]
    best = min(fit, key=lambda row: row["error"], default=None)
    return [row | {"chosen": "yes" if row is best else "no"} for row in rows]


def _sizes(row: Row) -> str:
    ends = [number(row[f"{end}_params"], ",.0f") for end in ("smallest", "largest")]
    return "-" if ends[0] == "-" else " to ".join(ends)


def _at(row: Row, place: int) -> str:
    error = number(row[f"error_{place}"], ".2f")
    return error if error == "-" else f"{error} ({row[f'target_{place}']:,.0f})"
