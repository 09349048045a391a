"""What the shipped networks keep and err where every method may spend the MACs of dense training."""

from by_start import in_shown
from shipped_numbers import REFERENCE

from robustprune.analysis.columns import with_interval
from robustprune.analysis.read import read_detailed_runs
from robustprune.analysis.select import standard, studied
from robustprune.analysis.statistics import mean_interval, size_interval
from robustprune.study.roles import UNPRUNED


def in_short() -> list[str]:
    """Return one sentence with the size and test error of every method at the standard start, the smallest error first;
    none where no network was trained to that budget."""
    runs = in_shown(standard(studied(read_detailed_runs(REFERENCE))))
    shown = []
    for method, own in runs[runs["budget"] == "macs"].groupby("method"):
        size, error = size_interval(own["params_kept"]), mean_interval(own["error_test_percent"])
        found = size.columns("size") | error.columns("error")
        params = "" if method == UNPRUNED else f" at {with_interval(found, 'size', ',.0f').split()[0]} params"
        text = f"`{method}` {with_interval(found, 'error', '.2f')} %{params} (n = {error.n})"
        shown.append((error.mean, text))
    return [f"**At equal MACs of training:** {'; '.join(text for _, text in sorted(shown))}."] if shown else []
