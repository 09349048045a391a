"""Sentences of results/reference/FINDINGS.md: how much of the study has run, and how it ended."""

import textwrap

import pandas as pd
import yaml
from shipped_numbers import REFERENCE, STUDY

from robustprune.study.config import load_study


def progress() -> str:
    """How much of the study has run, how it ended, and how long it took."""
    runs = pd.read_csv(REFERENCE / "runs.csv")
    missing = len(pd.read_csv(REFERENCE / "missing.csv"))
    ended = ", ".join(f"{n} {status}" for status, n in runs["status"].value_counts().items())
    rest = f"; `results/reference/missing.csv` lists the other {missing}" if missing else ""
    planned = dict.fromkeys(method for grid in load_study(STUDY).study for method in grid.methods)
    ran = {*runs["method"], *pd.read_csv(REFERENCE / "controls" / "runs.csv")["method"]}
    measured = runs["train_seconds"].sum() / 3600
    searched = pd.read_csv(REFERENCE / "search" / "runs.csv")
    lost = searched.loc[searched["status"] != "ok", ["method", "strength", "status"]].value_counts(sort=False)
    named = ", ".join(f"{n} {status} of `{method}/{strength}`" for (method, strength, status), n in lost.items())
    text = (
        f"{len(runs)} networks of {runs['key'].nunique()} cells ({ended}) are shipped{rest}. Training took "
        f"{measured:.1f} core-hours beside other work. The "
        f"search trained {len(searched)} networks more ({lost.sum()} not ok{': ' if named else ''}{named})."
    )
    points = yaml.safe_load((REFERENCE / "operating_points.yaml").read_text())
    sized = [point for point in points if point["target"] == "at_size"]
    unreached = {point["method"] for point in sized if point["strength"] is None}
    missed = [f"`{point['method']}`" for point in sized if point["strength"] and not point["confirmed"]]
    lacking = [f"`{name}`" for name in planned if name not in ran | unreached]
    if missed:
        text += f" The confirming run missed the size of {', '.join(missed)}."
    if unreached:
        names = ", ".join(f"`{name}`" for name in sorted(unreached))
        text += f" Of {names} no strength that the search tried keeps as few params."
    if lacking:
        text += f" Methods and controls of config/config.yaml that have not run: {', '.join(lacking)}."
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)
