"""What the shipped networks keep and err where every method may spend the MACs of dense training."""

import pandas as pd
from by_start import in_shown
from markdown_tables import markdown
from shipped_numbers import REFERENCE

from robustprune.analysis.columns import number, with_interval
from robustprune.analysis.read import read_detailed_runs
from robustprune.analysis.select import standard, studied
from robustprune.analysis.statistics import mean_interval, paired_difference, size_interval
from robustprune.study.roles import METHOD_UNDER_STUDY, UNPRUNED


def by_method() -> str:
    """Return a row per method, the smallest error first: what it keeps and errs at the standard start, its epochs, what
    it spends of the MACs, and its error in equal epochs with the paired difference."""
    rows = [
        ["method", "params kept", "test error (%)", "n", "epochs", "MACs spent (%)", "in equal epochs (%)", "change"]
    ]
    for method, (own, equal) in _by_method().items():
        size, error = size_interval(own["params_kept"]), mean_interval(own["error_test_percent"])
        found = size.columns("size") | error.columns("error") | _change(own, equal)
        params = "all" if method == UNPRUNED else with_interval(found, "size", ",.0f")
        spent = 100 * (own["train_macs"] / own["train_macs_dense"]).mean()
        before = number(equal["error_test_percent"].mean(), ".2f")
        shown = [with_interval(found, "error", ".2f"), error.n, f"{own['epochs'].mean():.0f}", number(spent, ".0f")]
        rows.append([f"`{method}`", params, *shown, before, with_interval(found, "change", "+.2f")])
    return markdown(*rows)


def in_short() -> list[str]:
    """Return one sentence with the errors of the method, of dense training and of the best and worst baseline; none
    where no network was trained to that budget."""
    found = _by_method()
    others = [name for name in found if name not in (METHOD_UNDER_STUDY, UNPRUNED)]
    named = dict.fromkeys(name for name in (METHOD_UNDER_STUDY, UNPRUNED, *others[:1], *others[-1:]) if name in found)
    texts = []
    for name in named:
        own, equal = found[name]
        error = mean_interval(own["error_test_percent"])
        text = f"`{name}` {with_interval(error.columns('error'), 'error', '.2f')} % (n = {error.n}"
        texts.append(f"{text}; {number(equal['error_test_percent'].mean(), '.2f')} % in equal epochs)")
    if not texts:
        return []
    ends = f" (of {len(others)} baselines the best and the worst)" if len(others) > 1 else ""
    return [f"**Within the MACs of dense training:** {', '.join(texts)}{ends}."]


def _by_method() -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Return method -> its networks at that budget and in equal epochs, at the standard start, smallest error first."""
    runs = in_shown(standard(studied(read_detailed_runs(REFERENCE))))
    more = runs[runs["budget"] == "macs"]
    order = more.groupby("method")["error_test_percent"].mean().sort_values().index
    equal = runs[runs["budget"] == "epochs"]
    return {name: (more[more["method"] == name], equal[equal["method"] == name]) for name in order}


def _change(own: pd.DataFrame, equal: pd.DataFrame) -> dict[str, float]:
    """Return the error at that budget minus that in equal epochs, paired by seed."""
    errors = [part.set_index("seed")["error_test_percent"] for part in (own, equal)]
    both = pd.concat(errors, axis=1, join="inner")
    return paired_difference(*(both.iloc[:, place] for place in (0, 1))).columns("change")
