"""What every method keeps and errs within the MACs of dense training, beside the same in equal epochs."""

import pandas as pd

from robustprune.analysis.captions import AT_STANDARD, ERROR, SIZES, N, brackets, caption
from robustprune.analysis.columns import Interval, Number, Text
from robustprune.analysis.pairing import of_shared_seeds
from robustprune.analysis.read import NETWORK
from robustprune.analysis.select import rule_of_strengths, standard, studied
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns, mean_interval, paired_difference, size_interval
from robustprune.study.search import form_of_key

COLUMNS = [
    *(*NETWORK, "method", "strength", *interval_columns("params"), *interval_columns("error"), "epochs"),
    *("macs_percent", "params_before", *interval_columns("before"), "epochs_before", *interval_columns("change"), "n"),
]
SHOWN = [
    *(Text("method"), Text("strength"), Interval("params", "params kept", ",.0f")),
    *(Interval("error", "test error (%)", ".2f"), Number("epochs", "epochs", ".0f")),
    *(Number("macs_percent", "MACs spent (%)", ".0f"), Number("params_before", "params in equal epochs", ",.0f")),
    *(Interval("before", "test error in equal epochs (%)", ".2f"), Number("epochs_before", "equal epochs", ".0f")),
    *(Interval("change", "change of error (points)", "+.2f"), Text("n")),
]


def second_budget(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return a row per method that trained with MACs as its budget, smallest error first.

    runs: networks of both budgets. The change of the error is paired by seed.
    """
    at_start = studied(standard(runs))
    at_start = at_start.assign(budget=at_start["budget"].fillna("epochs"))
    of_epochs = at_start[at_start["budget"] == "epochs"]
    keys = [*NETWORK, "method", "strength"]
    rows = []
    for key, own in at_start[at_start["budget"] == "macs"].groupby(keys, sort=False):
        axes = dict(zip(keys, key, strict=True))
        before = of_epochs[(of_epochs[[*NETWORK, "method"]] == list(key[:-1])).all(axis=1)]
        if before["strength"].nunique() > 1:  # forms with operating points of their own, or strengths that a user named
            form = before["strength"].map(form_of_key) == form_of_key(axes["strength"])
            same = before["strength"] == axes["strength"]
            before = before[same if same.any() or before["strength"][form].nunique() > 1 else form]
        rows.append(axes | _row(own, before, confidence))
    table = pd.DataFrame(rows, columns=COLUMNS).sort_values([*NETWORK, "error"], kind="stable", ignore_index=True)
    text = caption(
        rule_of_strengths(runs),
        AT_STANDARD,
        "A method may spend the MACs that dense training spends, for at most five times its epochs; where the study "
        "searches operating points, this budget has its own. Change: test error minus that of the same method in equal "
        "epochs, paired by seed; sizes may differ. For dense training both budgets are the same training: its change "
        "is that of a repetition.",
        ERROR,
        brackets(confidence, SIZES),
        N if len(table) else "No network trained with MACs as its budget in these tables.",
    )
    return Sheet.of(table, SHOWN, "Within the MACs of dense training", text, by=NETWORK)


def _row(own: pd.DataFrame, before: pd.DataFrame, confidence: float) -> dict:
    """Return the numbers of one method at the second budget, and of its networks in equal epochs, if there are any."""
    row = size_interval(own["params_kept"], confidence).columns("params")
    row |= mean_interval(own["error_test_percent"], confidence).columns("error")
    row |= mean_interval(before["error_test_percent"], confidence).columns("before")
    row |= {"epochs": own["epochs"].mean(), "epochs_before": before["epochs"].mean()}
    row |= {"macs_percent": 100 * (own["train_macs"] / own["train_macs_dense"]).astype(float).mean()}
    row |= {"params_before": size_interval(before["params_kept"], confidence).mean}
    errors = (networks["error_test_percent"] for networks in of_shared_seeds(own, before))
    change = paired_difference(*errors, confidence)
    return row | change.columns("change") | {"n": int(own["error_test_percent"].notna().sum())}
