"""What the shipped networks keep and err within the MACs of dense training, for results/reference/FINDINGS.md."""

import pandas as pd
from by_start import in_shown
from markdown_tables import markdown
from shipped_numbers import TABLES

from robustprune.analysis.columns import number, range_of, with_interval
from robustprune.study.roles import METHOD_UNDER_STUDY, UNPRUNED


def by_method() -> str:
    """Return a row per method, the smallest error first."""
    here = ["params kept", "test error (%)", "n", "epochs", "MACs spent (%)"]
    rows = [["method", *here, "error in equal epochs (%)", "change"]]
    for row in _table().to_dict("records"):
        params = "all" if row["method"] == UNPRUNED else with_interval(row, "params", ",.0f")
        rest = [
            row["n"],
            number(row["epochs"], ".0f"),
            number(row["macs_percent"], ".0f"),
            number(row["before"], ".2f"),
        ]
        error, change = with_interval(row, "error", ".2f"), with_interval(row, "change", "+.2f")
        rows.append([f"`{row['method']}`", params, error, *rest, change])
    return markdown(*rows)


def in_short() -> list[str]:
    """Return one sentence with the errors of the method, of dense training and of the best and worst baseline; none
    where no network was trained to that budget."""
    found = {row["method"]: row for row in _table().to_dict("records")}
    others = [name for name in found if name not in (METHOD_UNDER_STUDY, UNPRUNED)]
    named = [found[name] for name in (METHOD_UNDER_STUDY, UNPRUNED) if name in found]
    texts = [
        f"`{row['method']}` {with_interval(row, 'error', '.2f')} % (equal epochs: {number(row['before'], '.2f')})"
        for row in named
    ]
    ends = [f"{found[name]['error']:.2f} of `{name}`" for name in dict.fromkeys([*others[:1], *others[-1:]])]
    texts += [f"{len(others)} baselines {' to '.join(ends)}"] if others else []
    counts = [row["n"] for row in found.values()]
    return (
        [f"**Within the MACs of dense training:** {', '.join(texts)} ({range_of(counts)} networks)."] if texts else []
    )


def _table() -> pd.DataFrame:
    return in_shown(pd.read_csv(TABLES / "second_budget.csv"))
