"""What the shipped networks keep and err within the MACs of dense training, for results/reference/FINDINGS.md."""

import pandas as pd
from by_start import in_shown
from markdown_tables import markdown
from shipped_numbers import TABLES

from robustprune.analysis.columns import number, with_interval
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
    named = dict.fromkeys(name for name in (METHOD_UNDER_STUDY, UNPRUNED, *others[:1], *others[-1:]) if name in found)
    texts = [
        f"`{name}` {with_interval(found[name], 'error', '.2f')} % (n = {found[name]['n']}; "
        f"{number(found[name]['before'], '.2f')} % at equal epochs)"
        for name in named
    ]
    notes = [f"best and worst of {len(others)} baselines"] if len(others) > 1 else []
    notes += [f"`{UNPRUNED}` ran twice"] if UNPRUNED in named else []
    ending = f" ({'; '.join(notes)})" if notes else ""
    return [f"**Within the MACs of dense training:** {', '.join(texts)}{ending}."] if texts else []


def _table() -> pd.DataFrame:
    return in_shown(pd.read_csv(TABLES / "second_budget.csv"))
