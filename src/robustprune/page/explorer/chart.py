"""The chart of the explorer as a Vega-Lite specification; the controls of the page set its parameters."""

from typing import Any

import altair as alt

from robustprune.analysis.figures.scales import TICKS
from robustprune.analysis.figures.tradeoff import WORTHLESS
from robustprune.page.explorer.points import CHOICES

HEIGHT = 440
X_TICKS = [digit * 10**power for power in range(1, 13) for digit in (1, 2, 5)]
Y_TICKS = [digit * power / 10 for power in (1, 10, 100) for digit in TICKS[3]]
OF_CHOICE = " && ".join(f"datum.{name} === {name}" for name in CHOICES)
OF_CHOICE += f" && indexof(methods, datum.method) >= 0 && (worthless || datum.error <= {WORTHLESS:g})"
"""The condition of Vega on a point that the reader has asked for."""


def chart(looks: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """Return the specification, without its data sets `means` and `networks` (explorer.points).

    looks: method -> colour and path. Parameters: those of CHOICES, `methods` (a list), `measure` ("params" or "macs"),
    and the switches `intervals`, `singles` and `worthless`.
    """
    methods = list(looks)
    colour = alt.Color("method:N", legend=None).scale(domain=methods, range=[look[0] for look in looks.values()])
    shape = alt.Shape("method:N", legend=None).scale(domain=methods, range=[look[1] for look in looks.values()])
    x_axis = alt.Axis(values=X_TICKS, format="~s", grid=True, labelOverlap="greedy", title=None, tickSize=4)
    y_axis = alt.Axis(values=Y_TICKS, format="~g", grid=True, labelOverlap="greedy", title=None, tickSize=4)
    x = alt.X("x:Q").scale(type="log", nice=False, padding=18).axis(x_axis)
    y = alt.Y("error:Q").scale(type="log", nice=False, padding=18).axis(y_axis)

    def points(data: str) -> alt.Chart:
        return alt.Chart(alt.NamedData(data)).transform_filter(OF_CHOICE).transform_calculate(x="datum[measure]")

    means, networks = points("means"), points("networks")
    bounded = means.transform_calculate(x_from="datum[measure + '_from']", x_to="datum[measure + '_to']")
    bounded = bounded.transform_filter("intervals && isValid(datum.error_from)")
    shared = [alt.Tooltip("method:N"), alt.Tooltip("strength:N")]
    of_mean = [alt.Tooltip("units:N", title="units kept, mean"), alt.Tooltip("params_text:N", title="params kept")]
    of_mean += [alt.Tooltip("macs_text:N", title="MACs per image"), alt.Tooltip("error_text:N", title="test error, %")]
    of_mean += [alt.Tooltip("n:N", title="networks")]
    of_network = [alt.Tooltip("seed:N"), alt.Tooltip("units:N", title="units kept")]
    of_network += [alt.Tooltip("params:Q", title="params kept", format=",")]
    of_network += [alt.Tooltip("macs:Q", title="MACs per image", format=",")]
    of_network += [alt.Tooltip("error:Q", title="test error, %"), alt.Tooltip("status:N"), alt.Tooltip("command:N")]
    layers = [
        means.mark_line(opacity=0.55, strokeWidth=1.5, aria=False).encode(x, y, colour, detail="series:N", order="x:Q"),
        bounded.mark_rule(opacity=0.7, aria=False).encode(x, alt.Y("error_from:Q"), colour, y2="error_to:Q"),
        bounded.mark_rule(opacity=0.7, aria=False).encode(alt.X("x_from:Q"), y, colour, x2="x_to:Q"),
        networks.transform_filter("singles")
        .mark_point(filled=True, size=34, opacity=0.45, aria=False)
        .encode(x, y, colour, shape, tooltip=shared + of_network),
        means.mark_point(filled=True, size=95, opacity=1, stroke="white", strokeWidth=0.7, aria=False).encode(
            x, y, colour, shape, tooltip=shared + of_mean
        ),
    ]
    layered = alt.layer(*layers).properties(width="container", height=HEIGHT, background="white")
    layered = layered.add_params(*(alt.param(name=name, value="") for name in (*CHOICES, "measure")))
    layered = layered.add_params(*(alt.param(name=name, value=True) for name in ("intervals", "singles")))
    layered = layered.add_params(alt.param(name="worthless", value=False), alt.param(name="methods", value=methods))
    return layered.configure_view(stroke="#888").configure_axis(labelFontSize=12).to_dict()
