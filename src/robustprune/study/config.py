"""Typed configuration of a study: every key of config/*.yaml, validated before any job starts."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    model_validator,
)

from robustprune import registry
from robustprune.errors import StudyError, nearest
from robustprune.files import write_text
from robustprune.study.data_settings import DataSettings
from robustprune.study.grid import Grid
from robustprune.study.names import DeviceName, FolderName, StrengthKey
from robustprune.study.points import OPERATING_POINT, OperatingPoint, points_path
from robustprune.study.programs import Programs, check_knobs, form_of_program
from robustprune.study.search import KnobTable, Search, check_search
from robustprune.study.smallest_width import SmallestWidth
from robustprune.study.strict import Strict
from robustprune.study.training_settings import TrainingSettings
from robustprune.study.yaml_files import line_of, read_yaml


def _split(value: Any) -> Any:
    """Return the names of `a,b`, as `snakemake --config parts=a,b` gives them; any other value as it is."""
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


Parts = Annotated[tuple[str, ...], BeforeValidator(_split, json_schema_input_type=tuple[str, ...] | str)]


def _or_file(kind: type, schema: Any) -> BeforeValidator:
    """Return a validator that replaces a path by the content of that YAML file, so that studies can share it."""

    def read(value: Any) -> Any:
        return read_yaml(Path(value), kind) if isinstance(value, str) else value

    return BeforeValidator(read, json_schema_input_type=schema | str)


StrengthTable = dict[str, dict[StrengthKey, dict[str, Any]]]
Strengths = Annotated[StrengthTable, _or_file(dict, StrengthTable)]


Knobs = Annotated[KnobTable, _or_file(dict, KnobTable)]


OperatingPoints = Annotated[tuple[OperatingPoint, ...], _or_file(list, tuple[OperatingPoint, ...])]


class StudyConfig(Strict):
    """A whole study: the content of one `snakemake --configfile` file."""

    root: FolderName = Field("results", description="folder of this study's runs, tables, figures and report")
    plugins: str = Field(
        registry.DEFAULT, description="folder of methods, starts, architectures and datasets of your own, a file each"
    )
    results: Literal["auto", "runs", "partial", "reference"] = Field(
        "auto",
        description="source of tables and figures: runs, all of the user's; partial, the existing ones (no cell is "
        "trained); reference, the shipped results; auto, runs where there are any",
    )
    data: DataSettings = DataSettings()
    training: TrainingSettings = TrainingSettings()
    threads: int = Field(1, ge=1, description="CPU threads per cell")
    device: DeviceName = Field("cpu", description="torch device of the training jobs: cpu, cuda or cuda:<number>")
    confidence: float = Field(0.95, gt=0, lt=1, description="level of every interval")
    parts: Parts = Field((), description="parts of the study to run, a list or one text with commas; none: all")
    seeds: int | None = Field(None, ge=1, description="networks per cell in every grid, instead of `replicates`")
    strengths: Strengths = Field(
        {}, description="method -> strength key -> the method's settings, or the path of a YAML file that holds this"
    )
    operating_points: OperatingPoints = Field(
        (), description="the strengths that `operating_point` stands for, or the path of the file that holds them"
    )
    foreign: Programs = Field(
        {},
        description="foreign programs -> knob and range. A program whose entry is null, and every program of a list "
        "of names, writes record.json itself",
    )
    knobs: Knobs = Field({}, description="method -> form -> knob, for the search; or the path of a YAML file with it")
    search: tuple[Search, ...] = Field((), description="searches for operating points, one per network")
    study: tuple[Grid, ...] = Field((), description="the grids; their cells are trained")
    unit_values: bool = Field(
        False, description="whether to measure what each kept unit is worth, in networks of methods with a `price`"
    )
    probes: bool = Field(
        False,
        description="whether to read the gates of `bernoulli` while it trains, in cells with removal_at: never and "
        "noise_free_last: 0; such a cell cannot be resumed",
    )
    related: bool = Field(
        False, description="whether to measure what the tables of docs/related.md show, in pruned networks"
    )
    smallest_width: SmallestWidth | None = Field(
        None,
        description="searches for the smallest width that fits images and labels, without pruning",
    )
    compare_with: FolderName | None = Field(
        None, description="folder of collected tables with which the results are compared, e.g. results/reference"
    )

    @model_validator(mode="after")
    def _something_to_do(self) -> "StudyConfig":
        if not self.study and not self.search:
            raise ValueError("study: expected at least one grid (see config/README.md)")
        known = {grid.part for grid in self.study}
        for part in self.parts:
            if part not in known:
                raise ValueError(f"parts: unknown part {part!r}{nearest(part, known)}")
        for search in self.search:
            for method in set(search.methods) & set(self.foreign) - set(self.knobs):
                self.knobs[method] = form_of_program(method, self.foreign[method])
        check_search(self.search, self.knobs)
        return self

    @property
    def grids(self) -> tuple[Grid, ...]:
        """The grids of the selected parts, with the number of seeds that is asked for."""
        chosen = tuple(grid for grid in self.study if not self.parts or grid.part in self.parts)
        seeds = {} if self.seeds is None else {"replicates": self.seeds}
        return tuple(grid.model_copy(update=seeds) for grid in chosen)

    def searched(self, grid: Grid) -> Search | None:
        """Return the search whose operating points a grid can name, or None."""
        wanted = (grid.searched_network, grid.training.get("budget", self.training.budget))
        return next((search for search in self.search if (search.network, search.budget) == wanted), None)

    @model_validator(mode="after")
    def _strengths_exist(self) -> "StudyConfig":
        for number, grid in enumerate(self.study):
            search = self.searched(grid)
            for method, keys in grid.methods.items():
                forms = search.methods.get(method, ()) if search else ()
                targets = (
                    [key for form in forms for name in search.targets_for(form) for key in (name, f"{form}_{name}")]
                    if search
                    else []
                )
                known = [*self.strengths.get(method, {}), *targets]
                if not known and OPERATING_POINT not in keys:
                    budgets = {own.budget for own in self.search if own.network == grid.searched_network}
                    wanted = grid.training.get("budget", self.training.budget)
                    if budgets and wanted not in budgets:
                        raise ValueError(
                            f"study.{number}.methods: {method!r} has no entry under strengths, and this network is "
                            f"searched for the budget {', '.join(sorted(budgets))} only; add a search with budget: "
                            f"{wanted}"
                        )
                    hint = nearest(method, self.strengths)
                    raise ValueError(f"study.{number}.methods: {method!r} has no entry under strengths{hint}")
                for key in keys:
                    if key != OPERATING_POINT and key not in known:
                        raise ValueError(
                            f"study.{number}.methods.{method}: unknown strength {key!r}{nearest(key, known)}"
                        )
        return self

    @model_validator(mode="after")
    def _knobs_are_set(self) -> "StudyConfig":
        check_knobs(self.foreign, self.strengths)
        return self


def describe(error: ValidationError, source: str, file: Path | None = None) -> StudyError:
    """Return a pydantic error as a StudyError with one line per problem, naming the source and the key.

    file: the YAML file of the values, if there is one; its lines are named, too.
    """
    lines = []
    problems = error.errors()
    wrong = {problem["loc"][:end] for problem in problems for end in range(len(problem["loc"]))}
    named = {problem["loc"][:-1] for problem in problems if not problem["type"].endswith("_type")}
    for problem in problems:
        if problem["type"] == "too_short" and problem["loc"] in wrong:
            continue  # pydantic counts only entries that are right
        if problem["type"] == "dict_type" and problem["loc"][:-1] in named:
            continue  # of a number or a mapping: what is wrong with the number is said
        key = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "too_short" and problem["ctx"]["actual_length"] == 0:
            message = "is empty: expected at least one entry"
        elif problem["type"] in ("tuple_type", "list_type"):
            message = f"expected a list, found {problem['input']!r}"
        line = line_of(file, problem["loc"]) if file else None
        lines.append(f"{source}: {key + ': ' if key else ''}{message}{f' (line {line})' if line else ''}")
    return StudyError("\n".join(lines))


def validate_study(values: dict[str, Any], source: str, file: Path | None = None) -> StudyConfig:
    """Validate a merged configuration and set its plug-in folder.

    file: the YAML file of the values, if there is one. Raises StudyError naming `source`, key, and line in the file.
    """
    folder = values.get("plugins", registry.DEFAULT)
    try:
        if isinstance(folder, str):  # any other type fails the validation below
            registry.use(folder)
    except StudyError as error:
        raise StudyError(f"{source}: {error}") from None
    try:
        config = StudyConfig.model_validate(values)
        if config.search and not config.operating_points and points_path(config.root).exists():
            source, file = str(points_path(config.root)), None  # errors from here on are of this file
            config = StudyConfig.model_validate(values | {"operating_points": source})
    except ValidationError as error:
        raise describe(error, source, file) from None
    return config


def save_study(config: StudyConfig, path: Path) -> None:
    """Write a validated study as YAML, so that commands can be run again by hand."""
    write_text(path, yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True))


def load_study(path: Path | str) -> StudyConfig:
    """Read and validate a YAML file; raises StudyError for any error in it.

    Its plug-in folder becomes that of the process. A study that was loaded before with another one needs a process of
    its own.
    """
    path = Path(path)
    try:
        values = read_yaml(path)
    except ValueError as error:
        raise StudyError(str(error)) from None
    return validate_study(values, str(path), path)
