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

SOURCES = Path(__file__).resolve().parents[2] / "paper"


def main() -> None:
    """Stage what the paper reads, and compile it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", nargs=3, action="append", required=True, metavar=("NAME", "TABLES", "FIGURES"))
    parser.add_argument("--source", type=Path, required=True, help="folder with the runs.csv of the study")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    parts = {name: (Path(tables), Path(figures)) for name, tables, figures in arguments.part}
    with tempfile.TemporaryDirectory() as name:
        staged = stage(Path(name) / "paper", parts, made_from(arguments.source))
        document = typst.compile(staged / "main.typ", root=staged)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_bytes(document)
    print(arguments.output)


def stage(folder: Path, parts: dict[str, tuple[Path, Path]], made: dict[str, str]) -> Path:
    """Copy the paper's sources and, of every part, its tables and figures to a folder; return the folder.

    parts: name -> folders of tables and of figures. made: what the results were made from.
    """
    shutil.copytree(SOURCES, folder)
    index: dict = {"made": made, "tables": {}, "figures": {}}
    for name, (tables, figures) in parts.items():
        for kind, paths in (("tables", tables.glob("*.json")), ("figures", figures.glob("*.svg"))):
            copied = _copied(paths, folder / kind / name)
            index[kind] |= {f"{name}/{path.stem}": True for path in copied}
    (folder / "index.json").write_text(json.dumps(index))
    return folder


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
        "cells without results": f"{len(pd.read_csv(missing)) if missing.exists() else 0:,}",
        "torch": ", ".join(sorted(map(str, runs["torch_version"].dropna().unique()))),
        "device": ", ".join(sorted(map(str, runs["device"].dropna().unique()))),
        "commits": ", ".join(str(commit)[:10] for commit in commits) or "not recorded",
    }


if __name__ == "__main__":
    main()
