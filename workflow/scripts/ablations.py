"""Tables of docs/ablations.md, from the cells of config/ablations.yaml that are shipped beside the reference."""

import pandas as pd
from markdown_tables import markdown
from shipped_numbers import REFERENCE, shipped_table

from robustprune.analysis.columns import number, with_interval
from robustprune.analysis.variants import ALL, ITSELF
from robustprune.analysis.verdicts.of_variants import deciding_row, fails, verdict_at_equal_size

NOISE = {
    ITSELF: "noise 1 (the method)",
    "noise_0p75": "noise 0.75",
    "noise_0p5": "noise 0.5",
    "noise_0p25": "noise 0.25",
    "no_noise": "noise 0",
    "averaged_over_100": "averaged over 100 steps",
}
"""Variants that change the noise of gates or of estimates -> what the table calls them."""


def progress() -> str:
    """Return how many cells of the configuration have run."""
    folder = REFERENCE / "ablations"
    ran = len(pd.read_csv(folder / "runs.csv", usecols=["key"])["key"].unique())
    missing = len(pd.read_csv(folder / "missing.csv"))
    rest = "; `results/reference/ablations/missing.csv` names the others" if missing else ""
    return f"{ran} of the {ran + missing} cells have run{rest}."


def on_mlp() -> str:
    """Return a row per variant on LeNet-300-100: its error at equal size beside that of the method, and the verdict."""
    table = shipped_table("ablations", "variants")
    table = table[table["architecture"] == "lenet_300_100"]
    columns = ["params", "error minus the method's (points)", "verdict", "training error (%)"]
    columns += ["undetermined before the rate falls (%)", "training MACs (%)", "strengths"]
    rows = [["variant", *columns]]
    for name, own in table.groupby("variant", sort=False):
        single = own[own["strength"] != ALL]
        found = deciding_row(own).to_dict()
        shown = [
            _range(single, "params", ",.0f"),
            with_interval(found, "difference", "+.3f"),
            verdict_at_equal_size(found),
        ]
        if name == ITSELF:
            shown[1:3] = ["-", "-"]
        shares = [
            _range(single, column, form) for column, form in (("train", ".2f"), ("undetermined_before_percent", ".0f"))
        ]
        strengths = f"{single['difference'].notna().sum() if name != ITSELF else len(single)} of {len(single)}"
        title = "**the method**" if name == ITSELF else f"`{name}`"
        rows.append([title, *shown, *shares, _range(single, "macs_percent", ".0f"), strengths])
    return markdown(*rows)


def on_lenet5() -> str:
    """Return a row per estimator on LeNet-5: size, error, networks that are not ok, and whether it fails."""
    table = shipped_table("ablations", "variants")
    table = table[(table["architecture"] == "lenet5") & (table["strength"] != ALL)]
    if not (table["variant"] == ITSELF).any():
        return "None of these cells has run."
    failed = fails(table)
    rows = [["estimator", "params", "validation error (%)", "training error (%)", "not ok", "n", "fails"]]
    for row in table.to_dict("records"):
        itself = row["variant"] == ITSELF
        shown = [with_interval(row, "params", ",.0f"), with_interval(row, "error", ".2f")]
        shown += [with_interval(row, "train", ".2f"), row["not_ok"], row["n"]]
        answer = "-" if itself else "yes" if failed[row["variant"]] else "no"
        rows.append(["`trapezoid` (the method)" if itself else f"`{row['variant']}`", *shown, answer])
    return markdown(*rows)


def noise_levels() -> str:
    """Return size, training and validation error of every noise level, and of averaged estimates, by price."""
    table = shipped_table("ablations", "variants")
    table = table[(table["architecture"] == "lenet_300_100") & (table["strength"] != ALL)]
    columns = [
        "strength",
        "params",
        "training error (%)",
        "validation error (%)",
        "undetermined before the rate falls (%)",
    ]
    rows = [["gates", *columns, "n"]]
    for name, title in NOISE.items():
        for row in table[table["variant"] == name].to_dict("records"):
            shown = [with_interval(row, "params", ",.0f"), with_interval(row, "train", ".2f")]
            shown += [with_interval(row, "error", ".2f"), number(row["undetermined_before_percent"], ".0f")]
            rows.append([title, f"`{row['strength'].removesuffix('_' + name)}`", *shown, row["n"]])
    return markdown(*rows)


def _range(rows: pd.DataFrame, column: str, form: str) -> str:
    """Return smallest and largest value of a column over the strengths."""
    known = rows[column].dropna()
    if not len(known):
        return "-"
    ends = list(dict.fromkeys(number(value, form) for value in (known.min(), known.max())))
    return " to ".join(ends)
