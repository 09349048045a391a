"""JSON schemas of the two files that users write: the configuration and record.json."""

import json
from pathlib import Path

from pydantic import BaseModel

from robustprune.records.record import Record
from robustprune.study.config import StudyConfig

SCHEMAS: dict[str, type[BaseModel]] = {"config.schema.json": StudyConfig, "record.schema.json": Record}


def write_schemas(folder: Path) -> list[Path]:
    """Write both schemas into `folder`; a test compares the committed ones."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, model in SCHEMAS.items():
        (folder / name).write_text(json.dumps(model.model_json_schema(), indent=1) + "\n")
    return [folder / name for name in SCHEMAS]
