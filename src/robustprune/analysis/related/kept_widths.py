"""Hidden units that the method under study keeps of a network with one hidden layer, by the number of images.

"The same strength" has two readings (docs/related.md 4): the same price c, or the same hyper-prior, ln gamma = c N.
"""

import json

import numpy as np
import pandas as pd

from robustprune.analysis.read import NETWORK, settings_of
from robustprune.analysis.select import standard
from robustprune.records.record import split_units
from robustprune.study.roles import METHOD_UNDER_STUDY
from robustprune.study.smallest_width import SHALLOW

SAME_PRICE, SAME_PRIOR = "kept, same price", "kept, same hyper-prior"
READINGS = (SAME_PRICE, SAME_PRIOR)
ALL_IMAGES = 60_000
"""The number of images at which the readings agree, and the kept width is judged (docs/protocol.md, B27)."""
COLUMNS = [*NETWORK, "reading", "examples", "steps", "status", "kept", "params", "error_train", "error_test"]


def kept_widths(runs: pd.DataFrame) -> pd.DataFrame:
    """Return a row per network and reading of "the same strength", relative to the cell with ALL_IMAGES; without that
    cell there is no row. `kept`, `params` and errors are NaN in networks without numbers.

    Networks of track full and the standard start whose training names its number of images and whose method has one
    price.
    """
    of_method = (runs["method"] == METHOD_UNDER_STUDY) & (runs["track"] == "full")
    shallow = runs[(runs["architecture"] == SHALLOW) & of_method]
    rows = []
    for row, settings in zip(standard(shallow).to_dict("records"), settings_of(standard(shallow)), strict=True):
        training = json.loads(row["training"]) if isinstance(row["training"], str) else {}
        examples, price = training.get("examples"), settings.get("price")
        if examples is None or not isinstance(price, int | float):
            continue
        kept = split_units(row["units_kept"])[-1] if isinstance(row["units_kept"], str) else np.nan
        steps = examples // training["batch_size"] * training["epochs"]
        own = {"examples": examples, "price": price, "steps": steps, "status": row["status"], "kept": kept}
        own |= {
            "params": row["params_kept"],
            "error_train": row["error_train_percent"],
            "error_test": row["error_test_percent"],
        }
        rows.append({name: row[name] for name in NETWORK} | own)
    known = pd.DataFrame(rows, columns=[*NETWORK, "examples", "price", *COLUMNS[COLUMNS.index("steps") :]])
    found = [_read_as(reading, own) for _, own in known.groupby(NETWORK) for reading in READINGS]
    return pd.concat(found, ignore_index=True)[COLUMNS] if found else pd.DataFrame(columns=COLUMNS)


def _read_as(reading: str, known: pd.DataFrame) -> pd.DataFrame:
    """Return the networks of one data set that have the same strength, in one reading, as that of ALL_IMAGES."""
    strength = known["price"] * (known["examples"] if reading == SAME_PRIOR else 1)
    reference = strength[known["examples"] == ALL_IMAGES]
    if not len(reference):
        return known.iloc[:0].assign(reading=reading)
    return known[np.isclose(strength, reference.iloc[0], rtol=1e-3)].assign(reading=reading)
