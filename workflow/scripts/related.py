"""Tables of docs/related.md, from what the studies beside the reference were shown by."""

from markdown_tables import markdown
from shipped_numbers import shipped_table

from robustprune.analysis.columns import number, with_interval
from robustprune.analysis.labels import network_title

EVERYTHING = "all"
IMBALANCE_OF = ("bernoulli", "magnitude", "random")
"""Methods whose units the table of docs/related.md 1 shows; that of the package has those of cafo too."""


def balls() -> str:
    """Pruning within balls: a row per run, and the verdict over all radii."""
    table = shipped_table("mars", "ball")
    rows = [["run", "params kept", "test error (%)", "radius beside the distance moved", "changed", "as expected"]]
    for row in table[table["slot"] == EVERYTHING].itertuples():
        found = dict(row._asdict())
        shown = [_text(getattr(row, name)) for name in ("beside_median", "changed", "as_expected")]
        run = "**all radii (H9)**" if row.run == EVERYTHING else row.run
        rows.append([run, with_interval(found, "units", ",.0f"), with_interval(found, "error", ".2f"), *shown])
    return markdown(*rows)


def fine_tuning() -> str:
    """Fine-tuning within balls: the comparisons that answer the two questions."""
    table = shipped_table("mars", "finetune")
    rows = [["network", "question", "source", "images", "radius", "gain (points)", "contrast (points)", "answer"]]
    for row in table[table["contrast"].notna()].itertuples():
        first = isinstance(row.helps_few, str)
        asked = "helps most with few images (H7)" if first else "pruned need a larger radius (H8)"
        answer = row.helps_few if first else row.needs_more
        title = network_title(row.dataset, row.architecture, row.track)
        found = [with_interval(row._asdict(), name, "+.2f") for name in ("gain", "contrast")]
        rows.append([title, asked, _text(row.source), row.images, number(row.radius, "g"), *found, answer])
    return markdown(*rows)


def imbalances() -> str:
    """AUCs of what a unit had at the start, kept against removed: a row per slot and the verdict of each cell."""
    table = shipped_table("related", "imbalance")
    table = table[table["method"].isin(IMBALANCE_OF)]
    columns = ["kept (%)", "AUC of the imbalance", "of outgoing weights", "does not predict (H15)", "n"]
    rows = [["network", "method", "width", "slot", *columns]]
    for row in table.to_dict("records"):
        title = network_title(row["dataset"], row["architecture"])
        aucs = [with_interval(row, name, ".2f") for name in ("imbalance", "norm_out")]
        shown = [number(row["kept_percent"], ".0f"), *aucs]
        slot = "**all (H15)**" if row["slot"] == EVERYTHING else row["slot"]
        rows.append([title, f"`{row['method']}`", f"{row['width']:g}", slot, *shown, row["does_not_predict"], row["n"]])
    return markdown(*rows)


def label_free() -> str:
    """Units predicted without labels beside those that the method keeps, and the verdicts."""
    table = shipped_table("related", "label_free")
    columns = ["kept", "predicted", "kept over predicted, beside the fitted cell", "elasticity predicted", "kept"]
    rows = [["network", "width", "slot", *columns, "follow the data (H11)", "follow the start (H12)", "n"]]
    for row in table.to_dict("records"):
        title = network_title(row["dataset"], row["architecture"]) + (" (fitted)" if row["fitted"] == "yes" else "")
        shown = [with_interval(row, name, ".0f") for name in ("kept", "predicted")]
        shown += [with_interval(row, name, ".2f") for name in ("ratio", "elasticity_predicted", "elasticity_kept")]
        answers = [_text(row[name]) for name in ("follows_data", "follows_start")]
        slot = "**all**" if row["slot"] == EVERYTHING else row["slot"]
        rows.append([title, f"{row['width']:g}", slot, *shown, *answers, row["n"]])
    return markdown(*rows)


def smallest_widths() -> str:
    """Smallest fitting widths and kept widths by number of images, and the verdicts."""
    table = shipped_table("smallest_width", "smallest_width")
    columns = ["images", "steps", "hidden units", "params", "training error (%)", "slope", "of random labels"]
    columns += ["grows slower (H13)", "needed for all labels, extrapolated", "fewer than needed (H14)", "n", "not ok"]
    rows = [["series", *columns]]
    for row in table.to_dict("records"):
        count, steps, not_ok = (number(row[name], ",.0f") for name in ("examples", "steps", "not_ok"))
        found = [with_interval(row, "units", ".0f"), number(row["params"], ",.0f")]
        found += [with_interval(row, name, ".2f") for name in ("error_train", "slope", "slope_random")]
        needed = [with_interval(row, "needed", ".0f"), _text(row["fewer"])]
        rows.append([row["series"], count, steps, *found, _text(row["slower"]), *needed, row["n"], not_ok])
    return markdown(*rows)


def local_predictors() -> str:
    """Test errors of the predictors by block, and the agreement of the units that they keep with the method's."""
    table = shipped_table("related", "cafo_blocks")
    columns = ["features", "error before (%)", "kept", "error after (%)", "Jaccard index", "above chance"]
    rows = [["network", "strength", "block or slot", *columns, "agrees (H10)", "n"]]
    for row in table.to_dict("records"):
        found = [number(row["features_start"], ",.0f"), with_interval(row, "error_start", ".1f")]
        found += [number(row["features_kept"], ",.0f"), with_interval(row, "error_kept", ".1f")]
        found += [with_interval(row, name, ".2f") for name in ("jaccard", "above_chance")]
        title = network_title(row["dataset"], row["architecture"])
        slot = "**all**" if row["slot"] == EVERYTHING else row["slot"]
        rows.append([title, f"`{row['strength']}`", slot, *found, _text(row["agrees"]), row["n"]])
    return markdown(*rows)


def _text(value: object) -> str:
    return value if isinstance(value, str) else "-"
