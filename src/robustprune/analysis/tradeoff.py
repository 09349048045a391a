"""The trade-off of every method: kept size and error of each strength."""

import pandas as pd

from robustprune.analysis.captions import ERROR, NOT_OK, SIZES, N, brackets, caption
from robustprune.analysis.columns import Interval, Number, Text, most_known
from robustprune.analysis.labels import heading_of_budget
from robustprune.analysis.read import NETWORK, SERIES
from robustprune.analysis.robustness import mean_units
from robustprune.analysis.select import STANDARD_START, compared, standard, without
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns, mean_interval, size_interval
from robustprune.study.search import form_of_key

MEASURES = {"params": "params_kept", "macs": "macs_kept"}
COLUMNS = [
    *(*NETWORK, "method", "strength", "variant", "curve", "epochs", "units_kept"),
    *(*interval_columns("params"), "params_percent", *interval_columns("macs"), "macs_percent"),
    *(*interval_columns("error"), "error_valid", "n", "not_ok"),
]
PLACED = [*NETWORK, "budget", *COLUMNS[len(NETWORK) :]]
USED = [
    *("variant", "epochs", "units_kept", "params_kept", "params_dense", "macs_kept", "macs_dense"),
    *("error_test_percent", "error_valid_percent", "status"),
]
SHOWN = [
    *(Text("method"), Text("strength"), Text("epochs"), Text("units_kept", "units kept (mean)")),
    *(Interval("params", "params", ",.0f"), Number("params_percent", "params (%)", ".1f")),
    *(Interval("macs", "MACs", ",.0f"), Number("macs_percent", "MACs (%)", ".1f")),
    *(Interval("error", "test error (%)", ".2f"), Number("error_valid", "validation error (%)", ".2f")),
    *(Text("n"), Text("not_ok", "not ok")),
]


def points(runs: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return one row per method and strength at the standard start: means and intervals of params, MACs and error.

    Collapsed networks enter the means; diverged and failed ones have no numbers and count in `not_ok`. Controls are
    left out, except the floor without a search.
    """
    rows = []
    numbers = dict.fromkeys([*MEASURES.values(), "error_test_percent", "error_valid_percent"], float)
    chosen = compared(standard(runs))[[*SERIES, *USED]].astype(numbers)
    chosen = chosen.assign(curve=curves(chosen))
    for key, group in chosen.groupby(SERIES, sort=False):
        row = dict(zip(SERIES, key, strict=True)) | group[["variant", "curve"]].iloc[0].to_dict()
        row |= {"epochs": int(group["epochs"].iloc[0]), "units_kept": mean_units(group["units_kept"])}
        for name, column in MEASURES.items():
            row |= size_interval(group[column], confidence).columns(name)
        row |= mean_interval(group["error_test_percent"], confidence).columns("error")
        for name in MEASURES:
            row[f"{name}_percent"] = 100 * row[name] / group[f"{name}_dense"].iloc[0]
        row["error_valid"] = group["error_valid_percent"].mean()
        rows.append({**row, "n": most_known(row), "not_ok": int((group["status"] != "ok").sum())})
    return pd.DataFrame(rows, columns=COLUMNS)


def curves(chosen: pd.DataFrame) -> pd.Series:
    """Return the curve of the method that every network lies on: its variant, else, where a method has strengths of
    several forms, its form (docs/protocol.md, B2); "" for the only one."""
    forms = chosen["strength"].map(form_of_key).astype(object).where(chosen["variant"] == "")
    several = forms.groupby([chosen[name] for name in (*NETWORK, "method")]).transform("nunique") > 1
    return chosen["variant"].where(~several | forms.isna(), forms)


def tradeoff(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return the points of every budget as a sheet, largest networks first within a method."""
    budgets = runs["budget"].fillna("epochs")
    parts = [points(own, confidence).assign(budget=budget) for budget, own in runs.groupby(budgets, sort=False)]
    table = pd.concat(parts)[PLACED] if parts else pd.DataFrame(columns=PLACED)
    order = [*NETWORK, "budget", "method", "params"]
    table = table.sort_values(order, ascending=[True] * 5 + [False], kind="stable", ignore_index=True)
    text = caption(
        f"Every strength of every method at the standard start ({STANDARD_START}).",
        brackets(confidence, SIZES),
        f"{ERROR} Validation error: where images were held out. Percentages: of the starting network.",
        NOT_OK,
        N,
        without(compared(runs), table, STANDARD_START),
    )
    title = "What is kept, and at what error"
    return Sheet.of(table, SHOWN, title, text, by=[*NETWORK, "budget"], heading=heading_of_budget)
