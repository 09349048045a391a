"""What the methods' authors and others published, beside what this study did and found.

results.csv: networks as printed, with source and whether it was read there ("verified") or is remembered; settings.csv:
how they were trained, and a template of what this study does instead, filled in from the records.
"""

import json
from importlib.resources import files
from types import SimpleNamespace

import numpy as np
import pandas as pd

from robustprune.analysis.robustness import mean_units
from robustprune.analysis.sheet import Sheet, by_network, with_interval
from robustprune.analysis.source import NETWORK, standard
from robustprune.analysis.statistics import mean_interval
from robustprune.networks.architecture import architecture, architecture_names
from robustprune.networks.size import parameters
from robustprune.records.record import split_units

RESULT_COLUMNS = [
    *(*NETWORK, "method", "published_name", "published_units", "published_params", "published_error_percent", "status"),
    *("source", "remark", "strength", "epochs", "units_kept", "params_kept", "params_kept_low", "params_kept_high"),
    *("error_test_percent", "error_test_percent_low", "error_test_percent_high", "n"),
]
SETTING_COLUMNS = ["method", "setting", "published", "status", "ours"]
DATASET = "mnist"


def read_published(name: str) -> pd.DataFrame:
    """results or settings, as text where it is not a number."""
    with files(__package__).joinpath(f"{name}.csv").open() as opened:
        return pd.read_csv(opened, keep_default_na=False)


def published_results(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Every published network of the study's architectures beside the strength of the same method whose mean params
    are nearest to it (by ratio; the test error has no say in the choice)."""
    published = read_published("results")
    published = published[published["architecture"].isin(architecture_names()) & (published["method"] != "")]
    ours = standard(runs)
    ours = ours[(ours["dataset"] == DATASET) & ours["params_kept"].notna()]
    rows = []
    for key, group in ours.groupby([*NETWORK, "method"], sort=True):
        _, arch, track, method = key
        own = published[
            (published["architecture"] == arch) & (published["track"] == track) & (published["method"] == method)
        ]
        shared = dict(zip([*NETWORK, "method"], key, strict=True))
        for entry in own.to_dict("records"):
            size = params_of(arch, entry["units_kept"])
            rows.append({**shared, **_theirs(entry, size), **_nearest(group, size, confidence)})
    table = pd.DataFrame(rows, columns=RESULT_COLUMNS)
    missing = sorted(set(ours["method"]) - set(table["method"]) - {"dense"})
    caption = (
        "Published networks (params counted from the printed units, biases included) beside this study's strength of "
        "the same method whose mean params are nearest. Ours: mean over n seeds with Student's t interval at level "
        f"{confidence:.0%}, last-epoch test error; peers often print the best test error of all epochs. Verified: the "
        "number was read in the source named; unverified: from memory."
        + (f" Without a published result for these networks: {', '.join(missing)}." if missing else "")
    )
    return Sheet(table, "Published results and ours", by_network(table, _readable), caption)


def params_of(name: str, units: str) -> int:
    """Parameters of a network from hyphen-joined unit counts; a quadruple that was not compacted counts as printed."""
    network = architecture(name)
    counts = dict(zip((slot.name for slot in network.slots), split_units(units), strict=True))
    return parameters(network, counts)


def _theirs(entry: dict, size: int) -> dict:
    names = {"name": "published_name", "units_kept": "published_units", "error_test_percent": "published_error_percent"}
    kept = {new: entry[old] for old, new in names.items()}
    return {**kept, "published_params": size, **{name: entry[name] for name in ("status", "source", "remark")}}


def _nearest(group: pd.DataFrame, size: int, confidence: float) -> dict:
    means = group.groupby("strength")["params_kept"].mean()
    strength = (np.log(means) - np.log(size)).abs().idxmin()
    chosen = group[group["strength"] == strength]
    found = {
        "strength": strength,
        "epochs": int(chosen["epochs"].iloc[0]),
        "units_kept": mean_units(chosen["units_kept"]),
    }
    for column in ("params_kept", "error_test_percent"):
        found |= mean_interval(chosen[column], confidence).columns(column)
    return {**found, "n": len(chosen)}


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    shown = pd.DataFrame({"method": table["method"], "published as": table["published_name"]})
    shown["units"] = table["published_units"]
    shown["params"] = [f"{value:,}" for value in table["published_params"]]
    shown["error (%)"] = [f"{value:g}" for value in table["published_error_percent"]]
    shown["status"] = table["status"]
    shown["our strength"], shown["epochs"], shown["our units (mean)"] = (
        table[name] for name in ("strength", "epochs", "units_kept")
    )
    shown["our params"] = [f"{value:,.0f}" for value in table["params_kept"]]
    shown["our error (%)"] = [with_interval(row, "error_test_percent", ".2f") for _, row in table.iterrows()]
    shown["n"], shown["source"] = table["n"], table["source"]
    return shown


def published_settings(runs: pd.DataFrame, confidence: float) -> Sheet:
    """How each method of the study was trained by its authors and here; ours comes from the records."""
    published = read_published("settings")
    rows = []
    for method, group in published.groupby("method", sort=False):
        used = _used(runs[runs["method"] == method])
        if used:
            for entry in group.to_dict("records"):
                found = sorted({entry["ours"].format(training=training, settings=own) for training, own in used})
                rows.append({**entry, "ours": " or ".join(found)})
    table = pd.DataFrame(rows, columns=SETTING_COLUMNS)
    caption = (
        "How the authors trained and how this study does, which gives every method the same epochs, optimiser and "
        "data; phases (pre-training, warm-up of the penalty, fine-tuning) count inside them. Verified: read in "
        "the paper's code or text; unverified: from memory or not known."
    )
    sections = [(method, group.drop(columns="method")) for method, group in table.groupby("method", sort=False)]
    return Sheet(table, "Published settings and ours", sections, caption, text=True)


def _used(runs: pd.DataFrame) -> list[tuple[SimpleNamespace, SimpleNamespace]]:
    """The distinct (training, settings) of a method's records."""
    if not {"training", "settings"} <= set(runs.columns):
        return []
    found = []
    for training, settings in runs[["training", "settings"]].dropna().drop_duplicates().itertuples(index=False):
        training, settings = json.loads(training), json.loads(settings)
        if settings.get("gate_learning_rate", 0) is None:
            settings["gate_learning_rate"] = training["learning_rate"]
        found.append((SimpleNamespace(**training), SimpleNamespace(**settings)))
    return found
