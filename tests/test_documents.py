"""README and guides: links resolve, commands exist, and the numbers are those of the shipped results."""

import re

import pandas as pd
import pytest
from conftest import REPOSITORY

from robustprune.cli import build_parser

README = REPOSITORY / "README.md"
DOCUMENTS = [README, REPOSITORY / "config" / "README.md", REPOSITORY / "results/reference/README.md"]
COMMANDS = next(action for action in build_parser()._actions if action.dest == "command").choices


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_commands_and_files_exist(path):
    text = path.read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target:
            assert (path.parent / target).exists(), target
    for command in re.findall(r"robustprune ([a-z]+)\b(?! is)", text):
        assert command in COMMANDS or command in {"study"}, command
    for target in re.findall(r"(?<![a-z])make ([a-z][a-z-]*)", text):
        assert re.search(rf"^{target}:", (REPOSITORY / "Makefile").read_text(), re.M), target
    made_by_the_reader = re.findall(r"^`([\w./]+)`:\n\n```", text, re.M)
    for file in re.findall(r"config/\w+\.yaml", text):
        assert (REPOSITORY / file).exists() or file in made_by_the_reader, file


def markdown(*rows: list) -> list[str]:
    """Lines of a table; the first row is its header."""
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]


def claims_block() -> str:
    """The claims of the shipped results as the README shows them."""
    table = pd.read_csv(REPOSITORY / "results" / "reference" / "claims.csv")
    rows = [
        [row.claim, f"{row.value:,.5g}", row.bound, "yes" if row.holds else "**no**", row.n]
        for _, row in table.iterrows()
    ]
    return "\n".join(markdown(["claim", "found", "bound", "holds", "networks"], *rows))


def test_readme_shows_the_shipped_claims():
    text = README.read_text()
    shown = text.split("<!-- claims:begin -->")[1].split("<!-- claims:end -->")[0]
    assert claims_block() in shown


NETWORKS = {"lenet_300_100": ("LeNet-300-100", "bernoulli/c3e_4"), "lenet5": ("LeNet-5", "bernoulli/conv3e_3")}
"""Title, and the networks of the method whose controls the README shows."""


def sweep_block() -> str:
    """What the shipped sweep says about budgets and about the method's own networks, as the README shows it."""
    tables = REPOSITORY / "figures" / "tune" / "tables"
    points, controls = pd.read_csv(tables / "tradeoff.csv"), pd.read_csv(tables / "controls.csv")
    errors = points[points["track"] == "full"].set_index(["architecture", "method", "strength"])["error"]
    shares = ("60", "40", "20", "10", "05", "02")
    lines = []
    for architecture, (title, _) in NETWORKS.items():
        rows = [[f"{title}, share of params kept", *(f"{int(share)} %" for share in shares)]]
        for method in ("taylor", "magnitude", "random", "width_uniform"):
            key = "of_magnitude" if method == "width_uniform" else "keep"
            rows.append([f"`{method}`", *(f"{errors[architecture, method, f'{key}_{share}']:.2f}" for share in shares)])
        lines += [*markdown(*rows), ""]
    for architecture, (title, source) in NETWORKS.items():
        own = controls[(controls["architecture"] == architecture) & (controls["source"] == source)]
        rows = [[f"{title}, control of `{source}`", "epochs", "test error (%)", "minus the method's, paired (points)"]]
        for row in own.itertuples():
            difference = f"{row.difference:+.2f} [{row.difference_low:+.2f}, {row.difference_high:+.2f}]"
            rows.append([f"`{row.control.split('/')[0]}`", row.epochs, f"{row.error:.2f}", difference])
        lines += [*markdown(*rows), ""]
    return "\n".join(lines).strip()


def test_readme_shows_the_shipped_sweep():
    shown = README.read_text().split("<!-- sweep:begin -->")[1].split("<!-- sweep:end -->")[0]
    assert sweep_block() in shown


def published_block() -> str:
    """Which published networks the method's trade-off curve dominates, as the README shows it."""
    table = pd.read_csv(REPOSITORY / "figures" / "tables" / "domination.csv")
    columns = ["units", "params", "error (%)", "status", "dominated"]
    columns += ["our strength", "epochs", "params kept", "test error (%)"]
    lines = []
    for architecture, (title, _) in NETWORKS.items():
        rows = [[f"{title}, published", *columns]]
        for row in table[table["architecture"] == architecture].itertuples():
            theirs = [f"{row.published_params:,}", f"{row.published_error_percent:g}", row.status]
            ours = ["-"] * 4
            if row.n:
                error = f"{row.error:.2f} [{row.error_low:.2f}, {row.error_high:.2f}]"
                ours = [f"`{row.strength}`", f"{row.epochs:.0f}", f"{row.params:,.0f}", error]
            rows.append([row.published_name, row.published_units, *theirs, row.dominated, *ours])
        lines += [*markdown(*rows), ""]
    return "\n".join(lines).strip()


def test_readme_shows_the_published_networks():
    shown = README.read_text().split("<!-- published:begin -->")[1].split("<!-- published:end -->")[0]
    assert published_block() in shown


def cost_block() -> str:
    """What training the method costs against dense training from the same start, as the README shows it."""
    table = pd.read_csv(REPOSITORY / "figures" / "tables" / "training_cost.csv")
    shares = table.set_index(["architecture", "method", "strength", "width"])
    widths = (0.5, 1, 2, 4, 8)
    rows = [["share of dense training", *(f"width {width:g}" for width in widths)]]
    for architecture, (title, series) in NETWORKS.items():
        for column, name in (("macs_percent", "multiply-accumulates"), ("seconds_percent", "seconds")):
            keys = [(architecture, *series.split("/"), width) for width in widths]
            found = [shares.loc[key, column] if key in shares.index else float("nan") for key in keys]
            rows.append([f"{title}, {name}", *("-" if pd.isna(share) else f"{share:.0f} %" for share in found)])
    return "\n".join(markdown(*rows))


def test_readme_shows_the_shipped_costs():
    shown = README.read_text().split("<!-- cost:begin -->")[1].split("<!-- cost:end -->")[0]
    assert cost_block() in shown


SERIES = ["architecture", "track", "method", "strength"]


def slope(row: pd.Series, column: str) -> str:
    """An elasticity with its interval; one network at a width has none."""
    bounds = "" if pd.isna(row[f"{column}_low"]) else f" [{row[f'{column}_low']:.3f}, {row[f'{column}_high']:.3f}]"
    return f"{row[column]:.3f}{bounds}"


def study_block() -> str:
    """Robustness of every method at its operating point, as far as the shipped study has it, as the README shows it."""
    tables = REPOSITORY / "figures" / "tables"
    seed, width, initialization = (
        pd.read_csv(tables / f"sensitivity_{axis}.csv").set_index(SERIES)
        for axis in ("seed", "width", "initialization")
    )
    main = pd.read_csv(tables / "main_comparison.csv").set_index(SERIES)
    columns = ["params kept", "test error (%)", "elasticity (widths)", "from width 1", "steepest"]
    columns += ["errors over widths (%)", "over seeds (%)", "over initializations (%)"]
    lines = []
    for architecture, (title, _) in NETWORKS.items():
        own = seed[seed.index.get_level_values("architecture") == architecture]
        rows = [[title, *columns]]
        for key in sorted(own.index, key=lambda key: main.loc[key, "params"]):
            start = upwards = steepest = errors = weights = "not run yet"
            if key in width.index:
                row = width.loc[key]
                start = f"{slope(row, 'elasticity')} ({row.widths.replace(' ', ', ')})"
                upwards = "not run yet" if pd.isna(row.elasticity_up) else slope(row, "elasticity_up")
                steepest, errors = f"{row.steepest:.2f}", f"{row.error_smallest:.2f} to {row.error_largest:.2f}"
            if key in initialization.index:
                row = initialization.loc[key]
                weights = f"{row.variation_percent:.1f} (of {row.initializations})"
            variation = own.loc[key, "variation_percent"]
            seeds = "one network" if pd.isna(variation) else f"{variation:.1f}"
            found = [f"{main.loc[key, 'params']:,.0f}", f"{main.loc[key, 'error']:.2f}"]
            rows.append([f"`{key[2]}/{key[3]}`", *found, start, upwards, steepest, errors, seeds, weights])
        lines += [*markdown(*rows), ""]
    return "\n".join(lines).strip()


def test_readme_shows_the_shipped_study():
    shown = README.read_text().split("<!-- study:begin -->")[1].split("<!-- study:end -->")[0]
    assert study_block() in shown
