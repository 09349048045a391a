"""Tables and sentences of README.md, config/README.md, benchmarks/README.md, docs/related.md and
results/reference/FINDINGS.md from the shipped results, and the power table of docs/protocol.md (`make findings`).

A document marks where a block belongs: `<!-- NAME:begin -->` and `<!-- NAME:end -->`, NAME a key of BLOCKS. The text
between the two markers is replaced; everything else is written by people.
"""

import re
from pathlib import Path

import next_study
import pandas as pd
import related
import speed
import verdicts
from headline import headline
from markdown_tables import markdown
from shipped_numbers import NETWORKS, REFERENCE, REPOSITORY, TABLES, TUNE_TABLES, equal_error, tradeoff

from robustprune.analysis.columns import with_interval
from robustprune.analysis.read import SERIES, read_detailed_runs
from robustprune.analysis.select import standard
from robustprune.analysis.statistics import mean_interval, paired_difference
from robustprune.analysis.verdicts.power import power_table
from robustprune.gathering.plan import cell_seconds, planned_cells, read_timings
from robustprune.study.config import load_study
from robustprune.study.roles import METHOD_UNDER_STUDY

DOCUMENTS = [
    REPOSITORY / name
    for name in (
        "README.md",
        "config/README.md",
        "docs/protocol.md",
        "docs/related.md",
        "benchmarks/README.md",
        "results/reference/FINDINGS.md",
    )
]
WIDTHS = (0.5, 1, 2, 4, 8)
STUDIES = {
    "smoke": "every part of the pipeline on scikit-learn's 8 x 8 digits; no download",
    "quick": "cells of the shipped study with three seeds, and whether they are consistent with it",
    "settings": "gate rates of four methods on the tuning split: which of them the search takes",
    "ablations": "one-factor changes of the method at three prices, on the tuning split",
    "probes": "the method's gates read while it trains: false removals, certified sets, estimators",
    "layers": "the depth that the method finds from several starting depths; units and sections together",
    "related": "three related systems: initial imbalance, sizes without labels, local predictors of random blocks",
    "smallest_width": "the smallest width that fits N images, beside the width that is kept; 14 searches more",
    "mars": "balls around starting weights: during pruning, and in fine-tuning of pruned and dense networks",
    "config": "the study: a search for operating points, then every method over starting sizes and initializations",
}
"""Files in config/, and what each is."""


def progress() -> str:
    """How much of the study has run, how it ended, and how long it took."""
    runs = pd.read_csv(REFERENCE / "runs.csv")
    cells = len(runs.groupby([*SERIES, "initialization", "width"]))
    missing = len(pd.read_csv(REFERENCE / "missing.csv"))
    ended = ", ".join(f"{n} {status}" for status, n in runs["status"].value_counts().items())
    rest = f"; `results/reference/missing.csv` lists the other {missing}" if missing else ""
    measured, planned = runs["train_seconds"].sum() / 3600, core_hours(REFERENCE / "config.yaml")[0]
    return (
        f"{cells} of the study's {cells + missing} cells have run: {len(runs)} networks ({ended}){rest}.\n"
        f"Training took {measured:.1f} core-hours with two cells side by side on two cores. For one cell at a time\n"
        f"`robustprune plan` estimates {planned:.1f} core-hours, by the shipped bench of a slower machine."
    )


def core_hours(path: Path) -> tuple[float, int, int]:
    """Hours of one core that `robustprune plan` estimates for a configuration, its cells, and those of unknown time."""
    timings = read_timings(REFERENCE / "bench.json")
    cells = planned_cells(load_study(path)).values()
    seconds = [cell_seconds(cell, timings) for cell in cells]
    known = [value for value in seconds if value is not None]
    return sum(known) / 3600, len(seconds), len(seconds) - len(known)


def times() -> str:
    """Every shipped configuration, its size, and what `robustprune plan` estimates for it."""
    rows = []
    for name, what in STUDIES.items():
        hours, cells, unknown = core_hours(REPOSITORY / "config" / f"{name}.yaml")
        time = f"{60 * hours:.0f} min" if hours < 2 else f"{hours:.0f} h"
        time += f" (and {unknown} cells of unknown time)" if unknown else ""
        rows.append([f"`{name}.yaml`", what, cells, "less than 1 min" if time == "0 min" else time])
    return markdown(["file", "what it is", "cells", "time of one core (`robustprune plan`)"], *rows)


def robustness() -> str:
    """Every method of the study: size and error at its operating point, and how much they depend on the start."""
    seed, width, initialization = (
        pd.read_csv(TABLES / f"sensitivity_{axis}.csv").set_index(SERIES)
        for axis in ("seed", "width", "initialization")
    )
    main = pd.read_csv(TABLES / "main_comparison.csv").set_index(SERIES)
    columns = ["params kept", "test error (%)", "elasticity (widths)", "from width 1", "steepest"]
    columns += ["errors over widths (%)", "over seeds (%)", "over initializations (%)"]
    tables = []
    for architecture, (title, _) in NETWORKS.items():
        own = seed[seed.index.get_level_values("architecture") == architecture]
        rows = [[title, *columns]]
        for key in sorted(own.index, key=lambda key: main.loc[key, "params"]):
            start = upwards = steepest = errors = weights = "not run"
            if key in width.index:
                row = width.loc[key]
                start = f"{with_interval(row, 'elasticity', '.3f')} ({row.widths.replace(' ', ', ')})"
                upwards = "not run" if pd.isna(row.elasticity_up) else with_interval(row, "elasticity_up", ".3f")
                steepest, errors = f"{row.steepest:.2f}", f"{row.error_smallest:.2f} to {row.error_largest:.2f}"
            if key in initialization.index:
                row = initialization.loc[key]
                weights = f"{row.variation_shared_percent:.1f} (of {row.shared:.0f})"
                if row.initializations > row.shared:
                    weights += f", {row.variation_percent:.1f} (of {row.initializations:.0f})"
            variation = with_interval(own.loc[key], "variation_percent", ".1f")
            seeds = "one network" if variation == "-" else variation
            found = [with_interval(main.loc[key], "params", ",.0f"), with_interval(main.loc[key], "error", ".2f")]
            rows.append([f"`{'/'.join(key[-2:])}`", *found, start, upwards, steepest, errors, seeds, weights])
        tables.append(markdown(*rows))
    return "\n\n".join(tables)


def own_strengths() -> str:
    """The method's own trade-off, longer training, and its fixed prior against the hyper-prior, paired by seed."""
    cells = pd.read_csv(TABLES / "robustness_width.csv").merge(
        pd.read_csv(TABLES / "training_cost.csv")[[*SERIES, "width", "epochs", "macs_percent"]], on=[*SERIES, "width"]
    )
    cells = cells[(cells["method"] == METHOD_UNDER_STUDY) & (cells["width"] == 1)]
    runs = standard(read_detailed_runs(REFERENCE))
    runs = runs[runs["method"] == METHOD_UNDER_STUDY]
    open_gates = runs.groupby(["architecture", "strength"])["undetermined_fraction"].mean()
    tables = []
    for architecture, (title, _) in NETWORKS.items():
        columns = ["epochs", "params kept", "test error (%)", "training MACs (% of dense)", "undetermined (%)", "n"]
        rows = [[f"{title}, strength", *columns]]
        own = cells[cells["architecture"] == architecture].sort_values(
            ["epochs", "params_kept"], ascending=[True, False]
        )
        for _, row in own.iterrows():
            found = [with_interval(row, "params_kept", ",.0f"), with_interval(row, "error_test_percent", ".2f")]
            undetermined = f"{100 * open_gates[architecture, row.strength]:.1f}"
            rows.append([f"`{row.strength}`", row.epochs, *found, f"{row.macs_percent:.0f}", undetermined, row.n])
        tables.append(markdown(*rows))
    strengths = runs.set_index("replicate").groupby("strength")
    flat, fixed = strengths.get_group("c3e_4"), strengths.get_group("fixed_prior_c3e_4")
    size = mean_interval(100 * (fixed["params_kept"] / flat["params_kept"] - 1))
    error = paired_difference(fixed["error_test_percent"], flat["error_test_percent"])
    tables.append(
        "Fixed prior minus hyper-prior (`fixed_prior_c3e_4`, `c3e_4`), paired by seed: "
        f"{size.mean:+.1f} % [{size.low:+.1f}, {size.high:+.1f}] of the params, "
        f"{error.mean:+.2f} [{error.low:+.2f}, {error.high:+.2f}] points of error (n = {error.n})."
    )
    return "\n\n".join(tables)


def grid_of_strengths() -> str:
    """What the choice from a grid of strengths costs each method, on the tuning split."""
    header = ["LeNet-300-100", "params, chosen strength", "params, interpolated", "interpolated, times the method's"]
    rows = []
    for row in equal_error().itertuples():
        name = f"`{row.Index}`{' (a)' if row.collapsed else ''}"
        rows.append([name, f"{row.chosen:,.0f}", f"{row.at_bound:,.0f}", f"{row.ratio:.1f}"])
    return markdown(header, *rows)


def sweep() -> str:
    """What criteria and floors err at one share of the params."""
    points = tradeoff().set_index(["architecture", "method", "strength"])
    shares = ("60", "40", "20", "10", "05", "02")
    tables = []
    for architecture, (title, _) in NETWORKS.items():
        rows = [[f"{title}, share of params kept", *(f"{int(share)} %" for share in shares)]]
        for method in ("taylor", "magnitude", "random", "width_uniform"):
            key = "of_magnitude" if method == "width_uniform" else "keep"
            found = [points.loc[(architecture, method, f"{key}_{share}")] for share in shares]
            rows.append([f"`{method}`", *(with_interval(point, "error", ".2f") for point in found)])
        tables.append(markdown(*rows))
    return "\n\n".join(tables)


def controls() -> str:
    """Networks of the size that the method found, trained in other ways."""
    table = pd.read_csv(TUNE_TABLES / "controls.csv")
    tables = []
    for architecture, (title, source) in NETWORKS.items():
        own = table[(table["architecture"] == architecture) & (table["source"] == source)]
        rows = [[f"{title}, control of `{source}`", "epochs", "test error (%)", "minus the method's, paired (points)"]]
        rows[0].append("p (Holm)")
        for _, row in own.iterrows():
            difference, error = with_interval(row, "difference", "+.2f"), with_interval(row, "error", ".2f")
            rows.append([f"`{row.control.split('/')[0]}`", row.epochs, error, difference, f"{row.p_holm:.3f}"])
        tables.append(markdown(*rows))
    return "\n\n".join(tables)


def published() -> str:
    """Published networks beside ours, chosen without test errors."""
    table = pd.read_csv(TABLES / "domination.csv")
    columns = ["units", "params", "MACs", "error (%)", "status"]
    columns += ["our params", "our MACs", "our test error (%)", "at most theirs"]
    tables = []
    for architecture, (title, _) in NETWORKS.items():
        rows = [[f"{title}, published", *columns]]
        for _, row in table[table["architecture"] == architecture].iterrows():
            theirs = [f"{row.published_params:,}", f"{row.published_macs:,}", f"{row.published_error_percent:g}"]
            ours = [f"{row.params:,.0f}", f"{row.macs:,.0f}", with_interval(row, "error", ".2f"), row.at_most]
            rows.append([row.published_name, row.published_units, *theirs, row.published_status, *ours])
        tables.append(markdown(*rows))
    return "\n\n".join(tables)


def cost() -> str:
    """What training the method costs against dense training from the same start."""
    shares = pd.read_csv(TABLES / "training_cost.csv").set_index(["architecture", "method", "strength", "width"])
    rows = [["share of dense training", *(f"width {width:g}" for width in WIDTHS)]]
    for architecture, (title, series) in NETWORKS.items():
        for column, name in (("macs_percent", "multiply-accumulates"), ("seconds_percent", "seconds")):
            keys = [(architecture, *series.split("/"), width) for width in WIDTHS]
            found = [shares.loc[key, column] if key in shares.index else float("nan") for key in keys]
            rows.append([f"{title}, {name}", *("-" if pd.isna(share) else f"{share:.0f} %" for share in found)])
    return markdown(*rows)


def power() -> str:
    """How likely the verdicts of docs/protocol.md can be given, before any run of the core study."""
    rows = [["question", "n", "yes, no difference", "yes, half the margin", "no, twice the margin"]]
    for found in power_table():
        chances = (found.yes_without_difference, found.yes_at_half, found.no_at_twice)
        rows.append([found.question.title, found.n, *(f"{chance:.0f} %" for chance in chances)])
    return markdown(*rows)


BLOCKS = {
    "headline": headline,
    "times": times,
    "grid-of-strengths": grid_of_strengths,
    "claims-of-the-method": verdicts.of_the_method,
    "claims-of-all-methods": verdicts.of_all_methods,
    "progress": progress,
    "robustness": robustness,
    "own-strengths": own_strengths,
    "sweep": sweep,
    "controls": controls,
    "published": published,
    "cost": cost,
    "power": power,
    "next-study": next_study.so_far,
    "balls": related.balls,
    "fine-tuning": related.fine_tuning,
    "speed-targets": speed.targets,
    "speed-public-programs": speed.public_programs,
    "speed-methods": speed.methods,
}
MARKED = re.compile(r"(<!-- (?P<name>[a-z-]+):begin -->\n).*?(<!-- (?P=name):end -->)", re.DOTALL)


def filled(text: str) -> str:
    """The document with every marked table as the shipped results have it."""
    return MARKED.sub(lambda found: f"{found[1]}{BLOCKS[found['name']]()}\n{found[3]}", text)


if __name__ == "__main__":
    for path in DOCUMENTS:
        path.write_text(filled(path.read_text()))
