"""Table of results/reference/FINDINGS.md: each method with one setting of its own changed, at the same strength."""

import json
from collections.abc import Mapping

import pandas as pd
from markdown_tables import markdown
from shipped_numbers import REFERENCE

from robustprune.analysis.columns import with_interval
from robustprune.analysis.read import NETWORK, read_detailed_runs
from robustprune.analysis.select import standard, studied
from robustprune.analysis.statistics import mean_interval, paired_difference, size_interval
from robustprune.analysis.variants import form_of
from robustprune.analysis.verdicts.effect import in_percent
from robustprune.analysis.verdicts.over_starts import logarithms


def changed() -> str:
    """Return a row per method and changed setting: size, change of size, test error and its change, paired by seed.

    A variant is compared within its form and budget. One that is a form of its own has another strength, and no row.
    """
    runs = standard(studied(read_detailed_runs(REFERENCE), variants=True))
    runs = runs.assign(form=[form_of(*names) for names in zip(runs["strength"], runs["variant"], strict=True)])
    rows = [["method", "setting", "params kept", "change of size (%)", "test error (%)", "change (points)", "n"]]
    for (method, *_), own in runs.groupby(["method", "form", *NETWORK, "budget"], sort=False):
        itself = own[own["variant"] == ""]
        changes = own[own["variant"] != ""] if len(itself) else itself
        for _, networks in changes.groupby("strength", sort=False):
            rows.append([f"`{method}`", _setting(networks, itself), *_numbers(networks, itself)])
    return markdown(*rows)


def _setting(networks: pd.DataFrame, itself: pd.DataFrame) -> str:
    """Return the settings in which a variant differs from the method, with both values."""
    given, before = (json.loads(own["settings"].iloc[0]) for own in (networks, itself))
    names = [name for name in given if given[name] != before.get(name)]
    return ", ".join(f"`{name}` {_value(given, name)} (study: {_value(before, name)})" for name in names)


def _value(settings: Mapping, name: str) -> str:
    value = settings.get(name)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _numbers(networks: pd.DataFrame, itself: pd.DataFrame) -> list[str]:
    """Return the numbers of a row."""
    same = itself.set_index("seed").reindex(networks["seed"])
    size, error = size_interval(networks["params_kept"]), mean_interval(networks["error_test_percent"])
    grown = paired_difference(logarithms(networks["params_kept"]), logarithms(same["params_kept"]))
    found = size.columns("size") | error.columns("error") | in_percent(grown).columns("grown")
    errors = (one["error_test_percent"].to_numpy(float) for one in (networks, same))
    found |= paired_difference(*errors).columns("worse")
    collapsed = int((networks["status"] == "collapsed").sum())
    count = f"{size.n}, {collapsed} collapsed" if collapsed else f"{size.n}"
    shown = [("size", ",.0f"), ("grown", "+.0f"), ("error", ".2f"), ("worse", "+.2f")]
    return [*(with_interval(found, name, form) for name, form in shown), count]
