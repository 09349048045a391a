"""Table of results/reference/FINDINGS.md: how much size and error of every method depend on the start."""

import pandas as pd
from markdown_tables import markdown
from shipped_numbers import NETWORKS, TABLES

from robustprune.analysis.columns import with_interval
from robustprune.analysis.read import SERIES


def by_method() -> str:
    """Every method of the study: size and error at its operating point, and how much they depend on the start."""
    seed, width, initialization = (
        pd.read_csv(TABLES / f"sensitivity_{axis}.csv").set_index(SERIES)
        for axis in ("seed", "width", "initialization")
    )
    main = pd.read_csv(TABLES / "main_comparison.csv").set_index(SERIES)
    columns = ["params kept", "test error (%)", "elasticity (widths)", "from width 1", "steepest"]
    columns += ["errors over widths (%)", "over seeds (%)", "over initializations (%)"]
    tables = []
    for network, title in NETWORKS.items():
        own = seed.loc[[key for key in seed.index if key[: len(network)] == network]]
        rows = [[title, *columns]]
        for key in sorted(own.index, key=lambda key: main.loc[key, "params"]):
            start = upwards = steepest = errors = weights = "not run"
            if key in width.index:
                row = width.loc[key]
                start = f"{with_interval(row, 'elasticity', '.3f')} ({row.widths.replace(' ', ', ')})"
                upwards = "not run" if pd.isna(row.elasticity_up) else with_interval(row, "elasticity_up", ".3f")
                steepest, errors = f"{row.steepest:.2f}", f"{row.error_smallest:.2f} to {row.error_largest:.2f}"
            if key in initialization.index:
                row = initialization.loc[key]
                weights = f"{row.variation_shared_percent:.1f} (of {row.shared:.0f})"
                if row.initializations > row.shared:
                    weights += f", {row.variation_percent:.1f} (of {row.initializations:.0f})"
            variation = with_interval(own.loc[key], "variation_percent", ".1f")
            seeds = "one network" if variation == "-" else variation
            found = [with_interval(main.loc[key], "params", ",.0f"), with_interval(main.loc[key], "error", ".2f")]
            rows.append([f"`{'/'.join(key[-2:])}`", *found, start, upwards, steepest, errors, seeds, weights])
        tables.append(markdown(*rows))
    return "\n\n".join(tables)
