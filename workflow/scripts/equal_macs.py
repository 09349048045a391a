"""What the shipped networks keep and err where every method may spend the MACs of dense training."""

import pandas as pd
from by_start import in_shown
from shipped_numbers import REFERENCE

from robustprune.analysis.columns import number, with_interval
from robustprune.analysis.read import read_detailed_runs
from robustprune.analysis.select import standard, studied
from robustprune.analysis.statistics import mean_interval
from robustprune.study.roles import UNPRUNED


def in_short() -> list[str]:
    """Return one sentence with the test error and size of every method at the standard start, the smallest error first,
    with its epochs, beside its error in equal epochs; none where no network was trained to that budget."""
    runs = in_shown(standard(studied(read_detailed_runs(REFERENCE))))
    shown = []
    for method, own in runs.groupby("method"):
        more, equal = (own[own["budget"] == budget] for budget in ("macs", "epochs"))
        if more.empty:
            continue
        error, size = mean_interval(more["error_test_percent"]), mean_interval(more["params_kept"])
        params = "" if method == UNPRUNED else f" at {number(size.mean, ',.0f')} params"
        text = f"`{method}` {with_interval(error.columns('error'), 'error', '.2f')} %{params}, {_epochs(more)}"
        if len(equal):
            text += f" ({number(equal['error_test_percent'].mean(), '.2f')} % after {_epochs(equal)})"
        shown.append((error.mean, f"{text}, n = {error.n}"))
    texts = "; ".join(text for _, text in sorted(shown))
    return [f"**Within the MACs of dense training, at most five times the epochs:** {texts}."] if shown else []


def _epochs(networks: pd.DataFrame) -> str:
    return f"{networks['epochs'].mean():.0f} epochs"
