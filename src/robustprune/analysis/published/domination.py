"""Which published networks does the method's own trade-off curve dominate: error and params both at most theirs?"""

import pandas as pd

from robustprune.analysis.published import DATASET, params_of, read_published
from robustprune.analysis.robustness import mean_units
from robustprune.analysis.sheet import Sheet, by_network, number, with_interval
from robustprune.analysis.source import METHOD_UNDER_STUDY, NETWORK, standard
from robustprune.analysis.statistics import mean_interval
from robustprune.networks.architecture import ARCHITECTURES

COLUMNS = [
    *(*NETWORK, "published_name", "published_units", "published_params", "published_error_percent", "status"),
    *("strength", "epochs", "units_kept", "params", "params_low", "params_high", "error", "error_low", "error_high"),
    *("n", "networks_dominating", "dominated"),
]


def domination(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Every published network beside the strength, of those with no more mean params, that errs least in the mean."""
    ours = standard(runs)
    ours = ours[(ours["dataset"] == DATASET) & (ours["method"] == METHOD_UNDER_STUDY)]
    published = read_published("results")
    published = published[published["architecture"].isin(ARCHITECTURES)]
    rows = []
    for key, group in ours.groupby(NETWORK, sort=False):
        rivals = published[(published["architecture"] == key[1]) & (published["track"] == key[2])]
        for entry in rivals.to_dict("records"):
            theirs = {
                "published_name": entry["name"],
                "published_units": entry["units_kept"],
                "published_params": params_of(entry["architecture"], entry["units_kept"]),
                "published_error_percent": float(entry["error_test_percent"]),
                "status": entry["status"],
            }
            rows.append(dict(zip(NETWORK, key, strict=True)) | theirs | _best(group, theirs, confidence))
    table = pd.DataFrame(rows, columns=COLUMNS)
    caption = (
        f"Published networks against the trade-off curve of {METHOD_UNDER_STUDY} at the standard start: of its "
        "strengths with no more mean params than the published network, the one of smallest mean test error (last "
        "epoch; the choice among strengths is made here, after the fact). Dominated: yes where the upper ends of both "
        "intervals "
        f"(Student's t, level {confidence:.0%}, n seeds) are at most theirs, in the mean where only the means are. "
        "Published errors are mostly the best of all epochs of one network; status as in published.csv."
    )
    return Sheet(table, "Published networks dominated", by_network(table, _readable), caption)


def _best(group: pd.DataFrame, theirs: dict, confidence: float) -> dict:
    means = group.groupby("strength")[["params_kept", "error_test_percent"]].mean()
    fitting = means[means["params_kept"] <= theirs["published_params"]]
    if fitting["error_test_percent"].isna().all():
        return {"n": 0, "networks_dominating": 0, "dominated": "no strength as small"}
    strength = fitting["error_test_percent"].idxmin()
    own = group[group["strength"] == strength]
    params, error = (mean_interval(own[name].astype(float), confidence) for name in means)
    both = (own["params_kept"] <= theirs["published_params"]) & (
        own["error_test_percent"] <= theirs["published_error_percent"]
    )
    within = error.high <= theirs["published_error_percent"] and params.high <= theirs["published_params"]
    in_the_mean = error.mean <= theirs["published_error_percent"]
    return {
        "strength": strength,
        "epochs": int(own["epochs"].iloc[0]),
        "units_kept": mean_units(own["units_kept"]),
        **params.columns("params"),
        **error.columns("error"),
        "n": error.n,
        "networks_dominating": int(both.sum()),
        "dominated": "yes" if within else "in the mean" if in_the_mean else "no",
    }


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    shown = pd.DataFrame({"published": table["published_name"], "units": table["published_units"]})
    shown["params"] = [f"{value:,}" for value in table["published_params"]]
    shown["error (%)"] = [f"{value:g}" for value in table["published_error_percent"]]
    shown["status"], shown["dominated"] = table["status"], table["dominated"]
    shown["our strength"] = table["strength"].fillna("-")
    shown["epochs"] = [number(value, ".0f") for value in table["epochs"]]
    shown["our params"] = [with_interval(row, "params", ",.0f") for _, row in table.iterrows()]
    shown["our error (%)"] = [with_interval(row, "error", ".2f") for _, row in table.iterrows()]
    shown["networks"] = [f"{row.networks_dominating} of {row.n}" for row in table.itertuples()]
    return shown
