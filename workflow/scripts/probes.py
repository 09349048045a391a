"""Tables of docs/theory.md, from the study and from the probed networks that are shipped beside it."""

from collections.abc import Iterator

import pandas as pd
from markdown_tables import markdown
from shipped_numbers import TABLES, shipped_table

from robustprune.analysis.columns import number, with_interval
from robustprune.analysis.labels import ARCHITECTURES, network_title
from robustprune.analysis.probes.estimators import ALL_GATES
from robustprune.analysis.probes.false_removals import ALL, RULE_TITLES, THIRDS, of_third
from robustprune.analysis.undetermined import MOMENTS

STUDIED = {"lenet_300_100": "c3e_4", "lenet5": "c_lenet5"}
"""The strength of each network at which the method itself was probed; the other strengths are variants of it."""
SHOWN = (ALL_GATES, "open")
"""Kinds of gates in the table of estimators."""


def rules() -> str:
    """Return, for every rule of removal and network, the units that it asks for and those that are open at the end."""
    table = shipped_table("probes", "false_removals")
    table = table[table["slot"] == ALL]
    networks = [own.set_index("rule") for own in _of_method(table)]
    titles = [ARCHITECTURES[own["architecture"].iloc[0]] for own in networks]
    columns = [f"{title}: {what}" for title in titles for what in ("units", "open at the end", "at most (%)")]
    rows = [["rule", *columns]]
    for rule, title in RULE_TITLES.items():
        found = [part for own in networks for part in _asked(own.loc[rule])]
        rows.append([title, *found])
    return markdown(*rows)


def thirds() -> str:
    """Return the false removals of every rule by the third of training in which it first asks for a unit."""
    table = shipped_table("probes", "false_removals")
    networks = [own.set_index("rule") for own in _of_method(table[table["slot"] == ALL])]
    titles = [ARCHITECTURES[own["architecture"].iloc[0]] for own in networks]
    rows = [["rule", *(f"{title}: {third} third" for title in titles for third in THIRDS)]]
    for rule, title in RULE_TITLES.items():
        found = [of_third(third, own.loc[rule]) for own in networks for third in THIRDS]
        rows.append([title, *found])
    return markdown(*rows)


def variants() -> str:
    """Return the same of the method's own rule, for every variant that was probed."""
    table = shipped_table("probes", "false_removals")
    table = table[(table["slot"] == ALL) & (table["rule"] == next(iter(RULE_TITLES)))]
    columns = [
        "units",
        "open at the end",
        "at most (%)",
        "below the bound",
        "measured",
        "worth / c: median",
        "95 % below",
    ]
    rows = [["network", "variant", *columns, "worth more than c", "under noise", "n"]]
    for row in table.to_dict("records"):
        worth = [number(row[name], ".2f") for name in ("worth_median", "worth_high")]
        worth += [number(row[name], ".0f") for name in ("worth_c", "worth_c_noise")]
        start = [ARCHITECTURES[row["architecture"]], f"`{row['strength']}`", *_asked(row), row["below"]]
        rows.append([*start, f"{row['measured']:,}", *worth, row["n"]])
    return markdown(*rows)


def _asked(row: dict | pd.Series) -> list[str]:
    return [f"{row['asked']:,}", f"{row['false']:,}", number(row["most_percent"], ".2f")]


def _of_method(table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield the rows of the method itself on each network."""
    for architecture, strength in STUDIED.items():
        own = table[(table["architecture"] == architecture) & (table["strength"] == strength)]
        if len(own):
            yield own


def certified() -> str:
    """Return how removed units lie to the certified sets, by slot."""
    columns = [
        "units",
        "λ/κ",
        "vacuous",
        "κ S / c: median",
        "10 to 90 %",
        "S below c/κ (%)",
        "in A (%)",
        "extension (%)",
        "in A at the end (%)",
        "with largest κ (%)",
        "epochs until A",
    ]
    rows = [["network", "variant", "slot", *columns]]
    for row in shipped_table("probes", "certified").to_dict("records"):
        spread = f"{row['ratio_low']:,.0f} to {row['ratio_high']:,.0f}"
        found = [row[f"{name}_percent"] for name in ("below", "inside", "extended", "end", "end_max")]
        shares = [number(value, ".1f" if 0 < value < 1 else ".0f") for value in found]
        shares.append(number(row["epochs_later"], ".0f"))
        start = [ARCHITECTURES[row["architecture"]], f"`{row['strength']}`", row["slot"], f"{row['units']:,}"]
        rows.append(
            [*start, f"{row['theta_bound']:.0e}", row["vacuous"], f"{row['ratio_median']:,.0f}", spread, *shares]
        )
    return markdown(*rows)


def worth() -> str:
    """Return what gates are worth at the end beside their price, by slot of the method itself."""
    names = {
        "crossings": (".1f", "crossings of 1/2"),
        "undetermined": (".0f", "undetermined (%)"),
        "open_cheap_rounded": (".0f", "open, worth less than c (%)"),
        "open_clearly_rounded": (".0f", "clearly less (%)"),
        "open_cheap_noise": (".0f", "less, under noise (%)"),
        "open_clearly_noise": (".0f", "clearly less, under noise (%)"),
        "closed_worth_rounded": (".0f", "closed, worth more than c (%)"),
        "closed_clearly_rounded": (".0f", "clearly more (%)"),
    }
    rows = [["network", "slot", *(title for _, title in names.values()), "n"]]
    for own in _of_method(shipped_table("probes", "gate_worth")):
        for row in own.to_dict("records"):
            found = [with_interval(row, name, form) for name, (form, _) in names.items()]
            rows.append([ARCHITECTURES[row["architecture"]], row["slot"], *found, row["n"]])
    return markdown(*rows)


def ends() -> str:
    """Return what `trapezoid` and `fisher` make of open and of closed gates, for the method and both trainings."""
    columns = ["DL / c", "`trapezoid` / c", "`fisher`, open / c", "`fisher`, closed / c", "falls below θ ="]
    shares = ["held closed (%)", "settles inside (%)"]
    rows = [["network", "trained with", "slot", "units", *columns, *shares, "n"]]
    table = shipped_table("probes", "gate_ends")
    for architecture, strength in STUDIED.items():
        own = table[table["architecture"] == architecture]
        for name, estimator in ((strength, "trapezoid"), (f"{strength}_fisher", "fisher")):
            for row in own[own["strength"] == name].to_dict("records"):
                start = [ARCHITECTURES[architecture], f"`{estimator}`", row["slot"], f"{row['units']:,}"]
                shown = [number(row[name], "+,.1f") for name in ("exact", "trapezoid", "fisher_open", "fisher_closed")]
                last = [with_interval(row, name, ".0f") for name in ("closes", "settles")]
                rows.append([*start, *shown, number(row["turning"], ".2f"), *last, row["n"]])
    return markdown(*rows)


def undetermined() -> str:
    """Return the undetermined share of every slot at three moments, for the methods of the study with such gates."""
    return _shares(pd.read_csv(TABLES / "undetermined.csv"))


def undetermined_elsewhere() -> str:
    """Return the same of LeNet-5 where nothing is removed, and of other priors of the method."""
    probed, varied = (shipped_table(study, "undetermined") for study in ("probes", "ablations"))
    of_lenet5 = probed[probed["architecture"] == "lenet5"]
    of_priors = varied[(varied["architecture"] == "lenet_300_100") & varied["strength"].str.contains("prior")]
    return _shares(pd.concat([of_lenet5, of_priors]))


def _shares(table: pd.DataFrame) -> str:
    rows = [["network", "strength", "slot", *(title for title in MOMENTS.values()), "n"]]
    for row in table.to_dict("records"):
        network = network_title(row["dataset"], row["architecture"])
        start = [network, f"`{row['method']}/{row['strength']}`", row["slot"]]
        rows.append([*start, *(with_interval(row, name, ".0f") for name in MOMENTS), row["n"]])
    return markdown(*rows)


def estimators() -> str:
    """Return what each estimator makes of all gates and of the open ones after the first and the last epoch."""
    names = {"bias": ("+.2f", "bias / c"), "slope": (".2f", "slope"), "rank": (".2f", "rank correlation")}
    names["wrong"] = (".0f", "wrong side of the price (%)")
    rows = [["network", "epoch", "gates", "estimator", *(title for _, title in names.values()), "spread / c"]]
    for own in _of_method(shipped_table("probes", "estimators")):
        own = own[own["gates"].isin(SHOWN) & own["epoch"].isin([own["epoch"].min(), own["epoch"].max()])]
        for row in own.to_dict("records"):
            start = [ARCHITECTURES[row["architecture"]], f"{row['epoch']:.0f}", row["gates"], f"`{row['estimator']}`"]
            found = [with_interval(row, name, form) for name, (form, _) in names.items()]
            rows.append([*start, *found, number(row["spread"], ",.0f")])
    return markdown(*rows)
