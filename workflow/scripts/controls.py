"""Controls of the method, for results/reference/FINDINGS.md."""

from markdown_tables import markdown
from shipped_numbers import shipped_table

from robustprune.analysis.columns import with_interval

WHAT = {
    "ticket": "the units kept, from their own initial weights",
    "scratch_e": "the units kept, from new weights",
    "scratch_b": "the units kept, from new weights, longer",
    "width_uniform": "as many params, every slot narrowed by one factor",
    "random_ticket": "as many units, others at random",
}


def against_the_method() -> str:
    """Networks of the sizes that the method found, trained anew: their error beside that of the pruned networks."""
    table = shipped_table("controls", "controls").sort_values("difference")
    rows = [["control", "what it trains", "epochs", "params", "test error (%)", "minus the method's, paired", "n"]]
    for row in table.to_dict("records"):
        name = row["control"].split("/")[0]
        error, difference = with_interval(row, "error", ".2f"), with_interval(row, "difference", "+.2f")
        rows.append([f"`{name}`", WHAT[name], row["epochs"], f"{row['params']:,.0f}", error, difference, row["n"]])
    return markdown(*rows)
