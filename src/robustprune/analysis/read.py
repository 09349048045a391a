"""Read the collected tables of a study, the user's or the shipped reference."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from robustprune.errors import StudyError
from robustprune.networks.architecture import architecture as find_architecture
from robustprune.records.record import COLUMNS
from robustprune.study.cells import AXES

CELL = list(AXES)
NETWORK = ["dataset", "architecture", "track"]
SERIES = [*NETWORK, "method", "strength"]
STANDARD_INITIALIZATION = "he_normal"
METHOD_UNDER_STUDY = "bernoulli"
FLOORS = ("random", "width_uniform")
"""What every search must beat at the same size: units removed by lot, and networks made that size without a search."""


@dataclass(frozen=True)
class Source:
    """runs (one row per network, with details), history (per network and epoch) and gates (sampled trajectories)."""

    runs: pd.DataFrame
    history: pd.DataFrame
    gates: pd.DataFrame


def read_runs(path: Path) -> pd.DataFrame:
    """Read a runs.csv. Raises StudyError for a missing file or columns that are not the contract's."""
    try:
        runs = pd.read_csv(path)
    except FileNotFoundError:
        raise StudyError(f"{path}: no such file; make it with `robustprune collect`, or name the reference") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: not a readable CSV ({error}); make it again with `robustprune collect`") from None
    if list(runs.columns) != list(COLUMNS):
        wrong = sorted(set(COLUMNS).symmetric_difference(runs.columns)) or ["order"]
        raise StudyError(
            f"{path}: wrong columns ({', '.join(wrong)}); expected records.record.COLUMNS"
        )
    return runs


def read_detailed_runs(folder: Path) -> pd.DataFrame:
    """runs.csv of a folder with the columns of its details.csv beside them; raises StudyError as read_runs does."""
    runs, path = read_runs(folder / "runs.csv"), folder / "details.csv"
    if not path.exists():
        raise StudyError(f"{path}: no such file; make it with `robustprune collect`")
    details = pd.read_csv(path).drop(columns="status")
    return runs.merge(details, on=[*CELL, "replicate"], validate="one_to_one")


def missing_note(folder: Path) -> str:
    """What tables and figures made from a folder must say about cells without results (its missing.csv); often ""."""
    path = folder / "missing.csv"
    count = len(pd.read_csv(path)) if path.exists() else 0
    return "" if not count else f"Cells of this study without results yet: {count} (missing.csv)"


def read_source(folder: Path) -> Source:
    """Read the collected tables of a folder; raises StudyError naming a missing one."""
    tables = []
    for name in ("history.parquet", "gates.parquet"):
        path = folder / name
        if not path.exists():
            raise StudyError(f"{path}: no such file; make it with `robustprune collect`")
        tables.append(pd.read_parquet(path))
    return Source(read_detailed_runs(folder), *tables)


def standard(runs: pd.DataFrame) -> pd.DataFrame:
    """The networks of the standard start: width 1, He normal; all of them where there are none."""
    chosen = runs[(runs["initialization"] == STANDARD_INITIALIZATION) & (runs["width"] == 1)]
    return chosen if len(chosen) else runs


def studied(runs: pd.DataFrame) -> pd.DataFrame:
    """Of every method the networks of the strength whose start (initialization, width) the study varies most: its
    operating point. Of several alike all of them. Controls, whose sizes are another method's, are left out."""
    runs = runs[source_of(runs).isna()]
    if runs.empty:
        return runs
    by = [*NETWORK, "method"]
    starts = runs.groupby([*by, "strength"])[["initialization", "width"]].apply(
        lambda cells: len(cells.drop_duplicates())
    )
    most = starts[starts == starts.groupby(level=by).transform("max")]
    return runs[pd.MultiIndex.from_frame(runs[[*by, "strength"]]).isin(most.index)]


def compared(runs: pd.DataFrame) -> pd.DataFrame:
    """What a trade-off sets side by side: the networks that methods found, and the floors. Other controls, whose sizes
    are another method's, are left out."""
    return runs[source_of(runs).isna() | runs["method"].isin(FLOORS)]


def settings_of(runs: pd.DataFrame) -> pd.Series:
    """The method's settings of each network as a dictionary; an empty one where none are recorded."""
    texts = runs["settings"] if "settings" in runs else pd.Series(None, index=runs.index, dtype=object)
    return texts.map(lambda text: json.loads(text) if isinstance(text, str) else {})


def source_of(runs: pd.DataFrame) -> pd.Series:
    """For controls "method/strength" of the cell whose sizes they have (setting `of`), else None."""
    return settings_of(runs).map(lambda settings: settings.get("of"))


def variant_of(runs: pd.DataFrame) -> pd.Series:
    """ "fixed prior" for networks of the ablation without the hyper-prior, "" for all others."""
    return settings_of(runs).map(lambda settings: "fixed prior" if settings.get("prior") == "fixed" else "")


def slots(architecture: str) -> list[str]:
    """Slot names in the order of hyphen-joined unit counts."""
    return [slot.name for slot in find_architecture(architecture).slots]


def network_title(dataset: str, architecture: str, track: str) -> str:
    """Heading of one comparison, e.g. "LeNet-300-100 on MNIST, track full"; tracks are never mixed."""
    names = {"lenet_300_100": "LeNet-300-100", "lenet5": "LeNet-5"}
    datasets = {"mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "kmnist": "KMNIST"}
    datasets |= {"emnist_digits": "EMNIST digits", "digits": "8x8 digits"}
    return f"{names.get(architecture, architecture)} on {datasets.get(dataset, dataset)}, track {track}"
