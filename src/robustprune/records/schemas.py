"""JSON schemas of the two files that users write: the configuration and record.json."""

import json
from pathlib import Path

from pydantic import BaseModel

from robustprune.files import write_text
from robustprune.records.record import Record
from robustprune.study.config import StudyConfig

SCHEMAS: dict[str, type[BaseModel]] = {"config.schema.json": StudyConfig, "record.schema.json": Record}


def write_schemas(folder: Path) -> list[Path]:
    """Write both schemas into `folder`; a test compares the committed ones."""
    for name, model in SCHEMAS.items():
        write_text(folder / name, json.dumps(model.model_json_schema(), indent=1) + "\n")
    return [folder / name for name in SCHEMAS]
