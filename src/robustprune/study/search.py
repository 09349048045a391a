"""The search for operating points: which setting of each method is searched, over which range, for which targets."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from robustprune.errors import StudyError, nearest
from robustprune.study.names import ArchitectureName, Budget, DatasetName, Depth, StrengthKey, Track
from robustprune.study.strict import Strict

DIGITS = 3
"""Significant digits of a searched value: its key then says it completely."""


def _form_key(key: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", key):
        raise ValueError(f"name {key!r}: expected a small letter, then small letters, digits and _ only")
    return key


FormKey = Annotated[str, AfterValidator(_form_key)]


def _check_images(training: Mapping[str, Any]) -> None:
    """Raise ValueError for training images other than those that leave some for the validation of a search."""
    if training.get("images", "tuning") != "tuning":
        raise ValueError(f"training: images: {training['images']}, but a search needs validation images; leave it out")
    if "budget" in training:
        raise ValueError("training: budget: each budget has a search of its own; name it in `budget` of the search")


def check_range(ends: tuple[float, float]) -> None:
    """Raise ValueError for ends that are no range of a knob, or that have more digits than a searched value."""
    low, high = ends
    if not 0 < low < high < math.inf:
        raise ValueError(f"range: expected [smallest, largest], both above 0 and finite, found {list(ends)}")
    if ends != (rounded(low), rounded(high)):
        raise ValueError(
            f"range: expected at most {DIGITS} significant digits, as searched values have, found {list(ends)}; round "
            f"it to {[rounded(low), rounded(high)]}"
        )


class Knob(Strict):
    """The one setting of a method that trades size for error, and its other settings."""

    knob: str = Field(min_length=1, description="the setting that is searched")
    range: tuple[float, float] = Field(description="smallest and largest value of the knob, above 0")
    settings: dict[str, Any] = Field({}, description="the method's other settings")
    training: dict[str, Any] = Field({}, description="overrides of the training settings of search and grid")
    variant: str = Field("", description="name of the variant of the method that this form is; none: the method itself")

    @model_validator(mode="after")
    def _valid(self) -> "Knob":
        check_range(self.range)
        _check_images(self.training)
        if self.knob in self.settings:
            raise ValueError(f"settings: {self.knob} is the knob; its value is searched")
        return self


KnobTable = dict[str, dict[FormKey, Knob]]
"""method -> name of a form -> its knob. A method has several forms where other settings differ too."""


class Target(Strict):
    """What an operating point must meet: a number of parameters, or validation error above that of dense training."""

    params: float | None = Field(None, gt=0, description="geometric mean of the parameters kept")
    above_dense: float | None = Field(None, gt=0, description="percentage points above dense validation error")

    @model_validator(mode="after")
    def _one(self) -> "Target":
        if (self.params is None) == (self.above_dense is None):
            raise ValueError("give exactly one of params and above_dense")
        return self


class Search(Strict):
    """The search on one network: a sweep over each method's range, rounds that close in on the targets, one check."""

    dataset: DatasetName
    architecture: ArchitectureName
    track: Track = "full"
    depth: Depth | None = Field(
        None,
        description="sections per stream of the networks that are searched, for architectures that are made at any "
        "depth; the points count for every starting depth",
    )
    methods: dict[str, Annotated[tuple[FormKey, ...], Field(min_length=1)]] = Field(
        min_length=1, description="method -> the forms to search"
    )
    targets: dict[FormKey, Target] = Field(min_length=1, description="name of a target -> what is to be met")
    targets_of: dict[FormKey, tuple[FormKey, ...]] = Field(
        {}, description="form -> the names of its targets; a form that is not named here has all of them"
    )
    sweep: int = Field(5, ge=2, description="values at first, equally spaced on a logarithmic scale")
    rounds: int = Field(3, ge=0, description="at most so many rounds of one more value per target")
    replicates: int = Field(3, ge=1, description="networks per value")
    dense_replicates: int = Field(10, ge=1, description="dense networks, for targets above dense")
    first_replicate: int = Field(100, ge=0, description="seeds are those of replicates from here up")
    training: dict[str, Any] = Field({}, description="overrides of the study's training settings")
    budget: Budget = Field("epochs", description="what ends training; each has operating points of its own")

    @model_validator(mode="after")
    def _valid(self) -> "Search":
        _check_images(self.training)
        return self

    def targets_for(self, form: str) -> dict[str, Target]:
        """Return the targets of a form, by name."""
        return {name: self.targets[name] for name in self.targets_of.get(form, self.targets)}

    @property
    def network(self) -> tuple[str, str, str]:
        """Data set, architecture and track."""
        return self.dataset, self.architecture, self.track

    @property
    def axes(self) -> dict[str, str]:
        """The network as the fields of a cell or an operating point."""
        return dict(zip(("dataset", "architecture", "track"), self.network, strict=True))

    @property
    def name(self) -> str:
        """The search's name and folder, e.g. mnist/lenet_300_100-full, with -macs where MACs are the budget."""
        suffix = "" if self.budget == "epochs" else f"-{self.budget}"
        return f"{self.dataset}/{self.architecture}-{self.track}{suffix}"


def value_key(form: str, value: float) -> StrengthKey:
    """Return the strength key of a value of a form's knob: ("c", 2.7e-4) -> "c_2p7e_4"."""
    mantissa, exponent = f"{value:.{DIGITS - 1}e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".").replace(".", "p")
    return f"{form}_{mantissa}e{int(exponent)}".replace("-", "_")


def key_value(form: str, key: str) -> float | None:
    """Return the value that a strength key of this form stands for, the inverse of value_key; None for another key."""
    found = re.fullmatch(re.escape(form) + r"_(\d(?:p\d+)?)e(_?\d+)", key)
    return float(f"{found[1].replace('p', '.')}e{found[2].replace('_', '-')}") if found else None


def form_of_key(key: str) -> str | None:
    """Return the form that a searched strength key names: "c_2p7e_4" -> "c"; None for a key without a value."""
    found = re.fullmatch(r"(.+)_\d(?:p\d+)?e_?\d+", key)
    return found[1] if found else None


def rounded(value: float) -> float:
    """Return a value with the digits that its key has."""
    return float(f"{value:.{DIGITS - 1}e}")


def sweep_values(knob: Knob, count: int) -> list[float]:
    """Return the values of the sweep, from one end of the range to the other."""
    low, high = (math.log(end) for end in knob.range)
    return [rounded(math.exp(low + (high - low) * number / (count - 1))) for number in range(count)]


def form_and_value(knobs: KnobTable, method: str, key: str) -> tuple[str, float] | None:
    """Return the form and the value that a searched strength key stands for; None for a key of no form."""
    values = ((form, key_value(form, key)) for form in knobs.get(method, {}))
    return next(((form, value) for form, value in values if value is not None), None)


def check_search(searches: Iterable[Search], knobs: KnobTable) -> None:
    """Raise ValueError for a method or form without a knob, and for two searches on one network."""
    names: set[str] = set()
    for number, search in enumerate(searches):
        if search.name in names:
            raise ValueError(f"search.{number}: {search.name} is searched twice; join the two")
        names.add(search.name)
        _check_targets(search, f"search.{number}")
        for method, forms in search.methods.items():
            if method not in knobs:
                raise ValueError(
                    f"search.{number}.methods: {method!r} has no entry under knobs{nearest(method, knobs)}"
                )
            for form in forms:
                if form not in knobs[method]:
                    raise ValueError(
                        f"search.{number}.methods.{method}: unknown form {form!r}{nearest(form, knobs[method])}"
                    )


def _check_targets(search: Search, place: str) -> None:
    forms = [form for own in search.methods.values() for form in own]
    for form, targets in search.targets_of.items():
        if form not in forms:
            raise ValueError(f"{place}.targets_of: no method has a form {form!r} here{nearest(form, forms)}")
        for name in targets:
            if name not in search.targets:
                raise ValueError(f"{place}.targets_of.{form}: unknown target {name!r}{nearest(name, search.targets)}")


def target_of(key: str, forms: Mapping[str, Any], targets: Iterable[str]) -> tuple[str, str] | None:
    """Return form and target that a strength key of a grid names: "at_size" for the only form, else "<form>_at_size".

    None where the key names no target. Raises StudyError where a target is named and the form is not clear.
    """
    names = list(targets)
    if key in names:
        if len(forms) != 1:
            choices = ", ".join(f"{form}_{key}" for form in forms)
            raise StudyError(f"strength {key!r}: the method has several forms; name one of {choices}")
        return next(iter(forms)), key
    return next(((form, name) for form in forms for name in names if key == f"{form}_{name}"), None)
