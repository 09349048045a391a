"""Published results and settings of the methods beside those of this study.

results.csv: published networks with their source; status "verified" means read there, "figure" read off a figure of it,
"unverified" from memory.
settings.csv: published training settings, and templates of this study's settings, which are filled in from the records.
"""

from importlib.resources import files

import numpy as np
import pandas as pd

from robustprune.analysis.captions import AT_STANDARD, SIZES, N, brackets, caption
from robustprune.analysis.columns import Interval, Number, Text, most_known
from robustprune.analysis.read import NETWORK, used
from robustprune.analysis.robustness import mean_units
from robustprune.analysis.select import STANDARD_START, standard, without
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns, mean_interval, size_interval
from robustprune.networks.architecture import architecture, architecture_names
from robustprune.networks.size import macs, parameters
from robustprune.records.record import split_units

RESULT_COLUMNS = [
    *(*NETWORK, "method", "published_name", "published_units", "published_params", "published_error_percent", "status"),
    *("source", "remark", "strength", "epochs", "units_kept"),
    *(*interval_columns("params_kept"), *interval_columns("error_test_percent"), "n"),
]
RESULTS_SHOWN = [
    *(Text("method"), Text("published_name", "published as"), Text("published_units", "units")),
    *(
        Number("published_params", "params", ",.0f"),
        Number("published_error_percent", "error (%)", "g"),
        Text("status"),
    ),
    *(Text("strength", "our strength"), Text("epochs"), Text("units_kept", "our units (mean)")),
    *(Number("params_kept", "our params", ",.0f"), Interval("error_test_percent", "our error (%)", ".2f")),
    *(Text("n"), Text("source")),
]
SETTING_COLUMNS = ["method", "setting", "published", "status", "ours"]
DATASET = "mnist"


def read_published(name: str) -> pd.DataFrame:
    """Read results.csv or settings.csv; cells that are no numbers are text."""
    with files(__package__).joinpath(f"{name}.csv").open() as opened:
        return pd.read_csv(opened, keep_default_na=False)


def published_results(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return the published networks of the study's architectures beside the nearest strength of the same method.

    Nearest by the ratio of mean params; the test error is not used for the choice.
    """
    published = read_published("results")
    published = published[published["architecture"].isin(architecture_names()) & (published["method"] != "")]
    there = runs[(runs["dataset"] == DATASET) & (runs["variant"] == "") & runs["params_kept"].notna()]
    ours = standard(there)
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
    text = caption(
        "Published networks (params counted from the printed units, biases included) beside this study's strength of "
        "the same method whose mean params are nearest.",
        AT_STANDARD,
        brackets(confidence, SIZES),
        "Ours: last-epoch test error; peers often print the best test error of all epochs. Verified: the number was "
        "read in the source named; figure: read off a figure of it; unverified: from memory.",
        N,
        f"Without a published result for these networks: {', '.join(missing)}." if missing else "",
        without(there, ours, STANDARD_START),
    )
    return Sheet.of(table, RESULTS_SHOWN, "Published results and ours", text)


def params_of(name: str, units: str) -> int:
    """Return the parameters of a network with these hyphen-joined unit counts, compacted or not."""
    return parameters(architecture(name), _by_slot(name, units))


def macs_of(name: str, units: str) -> int:
    """Return the multiply-accumulates for one image of a network with these hyphen-joined unit counts."""
    return macs(architecture(name), _by_slot(name, units))


def _by_slot(name: str, units: str) -> dict[str, int]:
    return dict(zip((slot.name for slot in architecture(name).slots), split_units(units), strict=True))


def _theirs(entry: dict, size: int) -> dict:
    names = {"name": "published_name", "units_kept": "published_units", "error_test_percent": "published_error_percent"}
    kept = {new: entry[old] for old, new in names.items()}
    return {**kept, "published_params": size, **{name: entry[name] for name in ("status", "source", "remark")}}


def _nearest(group: pd.DataFrame, size: int, confidence: float) -> dict:
    means = group.groupby("strength")["params_kept"].mean()
    strength = (np.log(means) - np.log(size)).abs().idxmin()
    chosen = group[group["strength"] == strength]
    ours = {
        "strength": strength,
        "epochs": int(chosen["epochs"].iloc[0]),
        "units_kept": mean_units(chosen["units_kept"]),
    }
    ours |= size_interval(chosen["params_kept"], confidence).columns("params_kept")
    ours |= mean_interval(chosen["error_test_percent"], confidence).columns("error_test_percent")
    return {**ours, "n": most_known(ours)}


def published_settings(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return the training settings of each method's authors and of this study; ours are read from the records."""
    published = read_published("settings")
    rows = []
    for method, group in published.groupby("method", sort=False):
        ways = used(runs[runs["method"] == method])
        for entry in group.to_dict("records") if ways else ():
            ours = sorted({entry["ours"].format(training=training, settings=own) for training, own in ways})
            rows.append({**entry, "ours": " or ".join(ours)})
    table = pd.DataFrame(rows, columns=SETTING_COLUMNS)
    text = (
        "How the authors trained and how this study does, which gives every method the same epochs, optimiser and "
        "data; phases (pre-training, warm-up of the penalty, fine-tuning) count inside them. Verified: read in "
        "the paper's code or text; unverified: from memory or not known."
    )
    shown = [Text(name) for name in SETTING_COLUMNS[1:]]
    return Sheet.of(table, shown, "Published settings and ours", text, by=["method"], heading=str, text=True)
