"""Make paper/main.typ into a PDF: Typst reads the tables (JSON) and figures (SVG) of the pipeline, from a folder of
copies, so that any results can be shown. What has not been made is named in the paper."""

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import typst
import yaml

from robustprune.analysis.verdicts import equal_size, over_starts
from robustprune.study.training_settings import TrainingSettings

SOURCES = Path(__file__).resolve().parents[2] / "paper"
MAIN = ("study", "sweep")
"""The study and its search; other parts are studies beside it."""


def main() -> None:
    """Stage what the paper reads, and compile it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", nargs=3, action="append", required=True, metavar=("NAME", "TABLES", "FIGURES"))
    parser.add_argument("--source", type=Path, required=True, help="folder with the runs.csv of the study")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    parts = {name: (Path(tables), Path(figures)) for name, tables, figures in arguments.part}
    with tempfile.TemporaryDirectory() as name:
        staged = stage(Path(name) / "paper", parts, arguments.source)
        document = typst.compile(staged / "main.typ", root=staged)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_bytes(document)
    print(arguments.output)


def stage(folder: Path, parts: dict[str, tuple[Path, Path]], source: Path) -> Path:
    """Copy the paper's sources and, of every part, its figures and the tables that have rows; return the folder.

    parts: name -> folders of tables and of figures. source: folder with the runs.csv of the study.
    """
    shutil.copytree(SOURCES, folder)
    index: dict = {"made": made_from(source), "protocol": protocol(source), "tables": {}, "figures": {}}
    index["shipped"] = (source / "FINDINGS.md").exists()  # sentences on results are about these alone
    index["beside"] = [name for name in parts if name not in MAIN]
    for name, (tables, figures) in parts.items():
        filled = [path for path in tables.glob("*.json") if _has_rows(path)]
        for kind, paths in (("tables", filled), ("figures", figures.glob("*.svg"))):
            copied = _copied(paths, folder / kind / name)
            index[kind] |= {f"{name}/{path.stem}": True for path in copied}
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def _has_rows(table: Path) -> bool:
    return any(section["rows"] for section in json.loads(table.read_text())["sections"])


def _copied(paths: Iterable[Path], folder: Path) -> list[Path]:
    folder.mkdir(parents=True)
    return [Path(shutil.copy(path, folder)) for path in sorted(paths)]


def made_from(source: Path) -> dict[str, str]:
    """Return what the paper says about the results: counts, versions, devices, commits."""
    runs = pd.read_csv(source / "runs.csv")
    missing = source / "missing.csv"
    commits = runs["git_commit"].dropna().unique() if "git_commit" in runs else []
    return {
        "networks": f"{len(runs):,}",
        "of them not ok": f"{(runs['status'] != 'ok').sum():,}",
        "cells of config.yaml without results": f"{len(pd.read_csv(missing)) if missing.exists() else 0:,}",
        "torch": ", ".join(sorted(map(str, runs["torch_version"].dropna().unique()))),
        "device": ", ".join(sorted(map(str, runs["device"].dropna().unique()))),
        "commits": ", ".join(str(commit)[:10] for commit in commits) or "not recorded",
    }


def protocol(source: Path) -> dict[str, str]:
    """Return the protocol of the study in numbers: what its config.yaml says, and the margins of the verdicts."""
    config = yaml.safe_load((source / "config.yaml").read_text()) if (source / "config.yaml").exists() else {}
    training = TrainingSettings.model_validate(config.get("training", {}))
    targets = {name: goal for grid in config.get("search", []) for name, goal in grid["targets"].items()}
    lenet5 = over_starts.SIZE_MARGINS["lenet5"]
    return {
        "epochs, batch size": f"{training.epochs}, {training.batch_size}",
        "optimizer": f"{training.optimizer}, learning rate {training.learning_rate:g}",
        "schedule": f"all rates times {training.decay_factor:g} after {training.decay_at:.0%} of training",
        "L2 penalty λ": f"{training.l2:g}",
        "operating points": ", ".join(f"{name}: {_goal(goal)}" for name, goal in targets.items()) or "none",
        "margin of size": f"{over_starts.SIZE_MARGIN:.0%} of the parameters ({lenet5:.0%} on LeNet-5)",
        "margin of units": f"{over_starts.SLOT_MARGIN:.0%} of the units of every slot",
        "margin of error": f"{over_starts.ERROR_MARGIN:g} points over starts, {equal_size.MARGIN:g} at equal size",
    }


def _goal(goal: dict) -> str:
    words = {
        "params": "{:,} parameters",
        "macs": "{:,} MACs",
        "above_dense": "{:g} points above dense validation error",
    }
    return ", ".join(words.get(name, name + " {}").format(value) for name, value in goal.items())


if __name__ == "__main__":
    main()
