"""Foreign programs in the configuration of a study."""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from robustprune.errors import nearest
from robustprune.study.search import Knob, check_range
from robustprune.study.strict import Strict


class Program(Strict):
    """A foreign program: the setting that its strengths vary, and the range of that setting."""

    knob: str | None = Field(None, min_length=1, description="the setting that trades size for error")
    range: tuple[float, float] | None = Field(None, description="smallest and largest value of the knob, above 0")

    @model_validator(mode="after")
    def _knob_has_a_range(self) -> "Program":
        if (self.knob is None) != (self.range is None):
            raise ValueError("give knob and range together, e.g. {knob: lambda, range: [1.0e-5, 1.0e-1]}, or neither")
        if self.range:
            check_range(self.range)
        return self


def _programs(value: Any) -> Any:
    """Validate names, which become folders and rules; turn a list into entries of programs that write record.json."""
    names = list(value) if isinstance(value, dict | list | tuple) else []
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise ValueError(f"name {name!r}: expected a small letter, then small letters, digits and _ only")
    return dict.fromkeys(names) if isinstance(value, list | tuple) else value


ProgramTable = dict[str, Program | None]
Programs = Annotated[ProgramTable, BeforeValidator(_programs, json_schema_input_type=ProgramTable | tuple[str, ...])]


def form_of_program(method: str, program: Program | None) -> dict[str, Knob]:
    """Return the one form in which a program is searched, by its knob's name; raises ValueError without a knob."""
    if program is None or program.knob is None or program.range is None:
        raise ValueError(
            f"foreign.{method}: the search needs knob and range, e.g. {{knob: lambda, range: [1.0e-5, 1.0e-1]}}; a "
            "program that writes record.json itself is not searched: name its strengths instead"
        )
    return {program.knob: Knob(knob=program.knob, range=program.range)}


def check_knobs(programs: Mapping[str, Program | None], strengths: Mapping[str, Mapping[str, dict[str, Any]]]) -> None:
    """Raise ValueError where a strength of a program does not set the program's knob to a number in its range."""
    for method, program in programs.items():
        if program and program.knob and program.range:
            for key, settings in strengths.get(method, {}).items():
                value = _number(program.knob, settings, f"strengths.{method}.{key}")
                smallest, largest = program.range
                if not smallest <= value <= largest:
                    raise ValueError(
                        f"strengths.{method}.{key}.{program.knob}: expected {smallest:g} to {largest:g} "
                        f"(foreign.{method}.range), found {value:g}"
                    )


def _number(knob: str, settings: Mapping[str, Any], where: str) -> float:
    if knob not in settings:
        hint = nearest(knob, settings) if settings else "; there are no settings"
        raise ValueError(f"{where}: the knob {knob!r} is not set{hint}")
    value = settings[knob]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{where}.{knob}: expected a number such as 1.0e-3 (for YAML 1e-3 is text), found {value!r}")
    return value
