"""How many of the kept units are worth less than their price (experiments/unit_values.py)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from robustprune.analysis.read import CELL, WITHOUT_NUMBERS, settings_of


def price_of_unit(settings: Mapping[str, Any], slot: str) -> float:
    """Return the price of a unit of a slot, in nats; NaN where the objective has none: by complexity, or with a pi."""
    price = None if settings.get("pi") else settings.get("price")
    if isinstance(price, Mapping):
        price = price.get(slot)
    ratios = settings.get("ratios") or {}
    return np.nan if price is None else price * ratios.get(slot, 1.0)


def worth_less(own: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """Return the shares of the kept units that are worth less than their price, and that are by two standard errors.

    own: networks with their settings. values: a row per kept unit. The columns are cheap and clearly_cheap, the index
    that of the networks of `own` whose units have values and a price. Collapsed networks count like any other.
    """
    known = own[~own["status"].isin(WITHOUT_NUMBERS)]
    networks = known[[*CELL, "replicate"]].assign(settings=settings_of(known)).reset_index(names="row")
    units = values.merge(networks, on=[*CELL, "replicate"])
    prices = [price_of_unit(*unit) for unit in zip(units["settings"], units["slot"], strict=True)]
    units = units.assign(price=np.array(prices, float)).dropna(subset="price")
    cheap = units["value"] < units["price"]
    clearly = units["value"] + 2 * units["error"] < units["price"]
    return pd.DataFrame({"cheap": cheap, "clearly_cheap": clearly}).groupby(units["row"]).mean()
