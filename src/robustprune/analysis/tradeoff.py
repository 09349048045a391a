"""The trade-off of every method: what each strength keeps, and at what error."""

import pandas as pd

from robustprune.analysis.robustness import mean_units
from robustprune.analysis.sheet import Sheet, by_network, number, with_interval
from robustprune.analysis.source import NETWORK, SERIES, compared, standard, variant_of
from robustprune.analysis.statistics import mean_interval

MEASURES = {"params": "params_kept", "macs": "macs_kept"}
COLUMNS = [
    *(*NETWORK, "method", "strength", "variant", "epochs", "units_kept"),
    *("params", "params_low", "params_high", "params_percent", "macs", "macs_low", "macs_high", "macs_percent"),
    *("error", "error_low", "error_high", "error_valid", "n", "not_ok"),
]


def points(runs: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """One row per method and strength at the standard start: means and intervals of params, MACs and test error.

    Collapsed networks enter the means; diverged and failed ones have no numbers and show in `not_ok`. Of the controls
    only the floor without a search is there.
    """
    rows = []
    for key, group in compared(standard(runs)).groupby(SERIES, sort=False):
        row = dict(zip(SERIES, key, strict=True)) | {"variant": variant_of(group).iloc[0]}
        row |= {"epochs": int(group["epochs"].iloc[0]), "units_kept": mean_units(group["units_kept"])}
        for name, column in {**MEASURES, "error": "error_test_percent"}.items():
            found = mean_interval(group[column].astype(float), confidence)
            row |= {**found.columns(name), "n": found.n}
        for name in MEASURES:
            row[f"{name}_percent"] = 100 * row[name] / group[f"{name}_dense"].iloc[0]
        row["error_valid"] = group["error_valid_percent"].astype(float).mean()
        rows.append({**row, "not_ok": int((group["status"] != "ok").sum())})
    return pd.DataFrame(rows, columns=COLUMNS)


def tradeoff(runs: pd.DataFrame, confidence: float) -> Sheet:
    """The points as a table, largest networks first within a method, with its page."""
    table = points(runs, confidence)
    table = table.sort_values([*NETWORK, "method", "params"], ascending=[True] * 4 + [False], kind="stable")
    caption = (
        "Every strength of every method at the standard start (width 1, He normal). Brackets: Student's t interval at "
        f"level {confidence:.0%} over n seeds. Error: last-epoch test error; validation error where images were held "
        "out. Percentages: of the starting network. Not ok: collapsed, diverged or failed networks; collapsed ones are "
        "in the means."
    )
    return Sheet(table, "What is kept, and at what error", by_network(table, _readable), caption)


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    shown = table[["method", "strength", "epochs"]].copy()
    shown["units kept (mean)"] = table["units_kept"]
    for name, title in (("params", "params"), ("macs", "MACs")):
        shown[title] = [with_interval(row, name, ",.0f") for _, row in table.iterrows()]
        shown[f"{title} (%)"] = [f"{value:.1f}" for value in table[f"{name}_percent"]]
    shown["test error (%)"] = [with_interval(row, "error", ".2f") for _, row in table.iterrows()]
    shown["validation error (%)"] = [number(value, ".2f") for value in table["error_valid"]]
    shown["n"], shown["not ok"] = table["n"], table["not_ok"]
    return shown
