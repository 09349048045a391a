"""The trade-off explorer."""

import json
from typing import Any

from markupsafe import Markup

from robustprune.analysis.figures.tradeoff import WORTHLESS
from robustprune.analysis.select import STANDARD_START
from robustprune.page.explorer.chart import chart
from robustprune.page.explorer.looks import looks_of
from robustprune.page.explorer.points import CHOICES, explorer_points
from robustprune.page.explorer.scripts import vega
from robustprune.page.figures import figure
from robustprune.page.render import render, source
from robustprune.page.study import Study

ID, TITLE = "explorer", "Size against error"
FIGURES = ("error_by_params", "error_by_macs")
LABELS = {"part": "results", "network": "network", "track": "track", "budget": "methods compared"}


def show(study: Study) -> Markup:
    """Return the chart with its controls and data; without points, the reason."""
    means, networks = explorer_points(study)
    looks = looks_of(sorted({row["method"] for row in means}))
    content: dict[str, Any] = {"means": _columns(means), "networks": _columns(networks), "choices": CHOICES}
    content |= {"commands": {part.name: part.command("{cell}") for part in study.parts}}
    return render(
        "explorer.html",
        labels=LABELS,
        looks=looks,
        worthless=f"{WORTHLESS:g}",
        start=STANDARD_START,
        data=_script(content) if means else None,
        chart=_script(chart(looks)) if means else None,
        vega=vega() if means else "",
        script=source("explorer.js"),
        figures=[(name, found) for part in study.parts for name in FIGURES if (found := figure(part, name, study))],
    )


def _columns(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the rows as name -> values, null where a row lacks it. Texts are {"values": distinct ones, "codes": places
    among these}: most are there many times, and rows of names and texts took three times the bytes."""
    columns: dict[str, Any] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        if any(isinstance(value, str) for value in values):
            distinct = list(dict.fromkeys(values))
            places = {value: place for place, value in enumerate(distinct)}
            columns[name] = {"values": distinct, "codes": [places[value] for value in values]}
        else:
            columns[name] = values
    return columns


def _script(values: object) -> Markup:
    """Return JSON that a script element may hold; raises ValueError for NaN and infinities."""
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))
