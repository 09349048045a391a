"""Results pages of made-up studies: a whole one with a search, a failed and a collapsed network, and a small one."""

import pandas as pd
from made_up_study import made_up, store

from robustprune.analysis.figures import draw_figure
from robustprune.analysis.tables import write_tables
from robustprune.page.write import write_page

FIGURES = ("start_matters", "kept_params_by_width", "training_macs_over_epochs")
MISSING = "mnist/lenet_300_100-full/vib/a/he_normal/width-4"


def whole(folder):
    """Return the page of a study of three methods, with its tables, some figures and a search."""
    runs, *rest = made_up(("bernoulli", "dense", "vib"), (0.5, 1.0, 2.0))
    last = runs.index[-2:]
    runs.loc[last, "status"] = rest[0].loc[last, "status"] = ["collapsed", "failed"]
    rest[0].loc[last, "reason"] = ["above half of chance", "out of memory & <time>"]
    runs.loc[last[1], ["units_kept", "params_kept", "macs_kept", "error_test_percent"]] = None
    runs.loc[runs["method"] == "vib", "git_commit"] = "0123456789abcdef"
    study, search = folder / "study", folder / "study" / "search"
    search.mkdir(parents=True)
    store(study, (runs, *rest))
    store(search, made_up(("bernoulli", "magnitude"), (1.0,), ("he_normal",)))
    pd.DataFrame([{"cell": MISSING, "reason": "not run"}]).to_csv(study / "missing.csv", index=False)
    (study / "config.yaml").write_text("study: []\n")
    write_tables(study, study / "tables")
    write_tables(search, search / "tables", names=["tradeoff"])
    for name in FIGURES:
        draw_figure(name, study, study / "figures")
    parts = [("study", study, study / "tables", study / "figures"), ("search", search, search / "tables", "-")]
    return write_page([tuple(map(str, part)) for part in parts], study / "page.html")


def small(folder):
    """Return the page of one cell that has neither the standard start nor tables nor figures."""
    folder.mkdir()
    store(folder, made_up(("bernoulli",), (2.0,), ("orthogonal",)))
    return write_page([("study", str(folder), "-", "-")], folder / "page.html")
