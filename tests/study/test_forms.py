"""The forms of config/knobs.yaml on LeNet-5: one number for all slots, and ratios between slots (protocol B2)."""

import pytest
import torch
import yaml
from conftest import REPOSITORY
from pydantic import ValidationError

from robustprune.methods.parts.prices import Reference, complexity_prices
from robustprune.networks.architecture import architecture
from robustprune.study.search import Knob, Search

KNOBS = yaml.safe_load((REPOSITORY / "config" / "knobs.yaml").read_text())
LENET5 = architecture("lenet5")
SLOTS = [slot.name for slot in LENET5.slots]
PUBLISHED = {"l0_hc": (10, 0.5, 0.1, 10), "beta_bernoulli": (40, 16, 1, 1), "vib": (576 / 24, 64 / 8, 1, 1)}
"""Ratios of docs/baselines.md; the penalty of vib has the factors 24 and 8 itself."""


def complexity():
    """Prices of a unit of each slot in the whole network: half by its share of the MACs, half of the parameters."""
    units = LENET5.units()
    expected = {slot: torch.tensor([float(count)], dtype=torch.float64) for slot, count in units.items()}
    prices = complexity_prices(LENET5, expected, Reference.of(LENET5, units), nu=1.0, s=0.5)
    return [prices[slot].item() for slot in SLOTS]


def ratios(method):
    given = KNOBS[method]["sep"]["settings"]["ratios"]
    assert set(given) <= set(SLOTS)
    return [given.get(slot, 1.0) for slot in SLOTS]


def test_complexity_prices_by_hand():
    """MACs 2,293,000 and parameters 431,080; a filter of conv1 costs 94,400 and 1,276, and so on."""
    by_hand = [(94_400, 1_276), (32_000, 501), (500, 500), (810, 811)]
    assert complexity() == pytest.approx([m / 2 / 2_293_000 + p / 2 / 431_080 for m, p in by_hand])


@pytest.mark.parametrize("method", [name for name, forms in KNOBS.items() if "sep" in forms])
def test_ratios_are_published_or_those_of_complexity_prices(method):
    expected = PUBLISHED.get(method) or complexity()
    assert ratios(method) == [float(f"{value / min(expected):.3g}") for value in expected]


def test_forms_differ_in_their_ratios_only():
    for method, forms in KNOBS.items():
        base = next(iter(forms.values()))
        for name in ("one", "sep"):
            if name in forms:
                settings = {key: value for key, value in forms[name].get("settings", {}).items() if key != "ratios"}
                assert forms[name]["knob"] == base["knob"]
                assert settings == base.get("settings", {}), (method, name)
        assert "ratios" not in forms.get("one", {}).get("settings", {})


def test_every_method_of_lenet5_has_a_form_without_numbers_of_its_own():
    """The search of LeNet-5 takes no form that is not `one`, `sep`, the price by complexity or a share to keep."""
    study = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())
    searches = [search for search in study["search"] if search["architecture"] == "lenet5"]
    forms = {form for search in searches for named in search["methods"].values() for form in named}
    assert forms == {"one", "sep", "nu", "keep"}


@pytest.mark.parametrize("place", [Knob, Search])
def test_a_search_needs_images_for_its_validation(place):
    given = {"knob": "price", "range": [1e-4, 1e-3]}
    if place is Search:
        given = {"dataset": "digits", "architecture": "lenet5", "methods": {"vib": ["kappa"]}}
        given["targets"] = {"x": {"params": 9}}
    place.model_validate(given | {"training": {"images": "tuning"}})
    with pytest.raises(ValidationError, match="validation images"):
        place.model_validate(given | {"training": {"images": "all"}})
