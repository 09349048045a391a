"""Whether a cell of an earlier call of train-many has all that it would have now."""

from functools import cache
from pathlib import Path

from robustprune.engine.worker import Job
from robustprune.errors import StudyError
from robustprune.experiments.reading import tables_of
from robustprune.gathering.record_checks import checked_record
from robustprune.gathering.same_data import data_digest
from robustprune.networks.archive import read_archive
from robustprune.records.record import RECORD_NAME, Record, read_record
from robustprune.starts.parts.registry import code_hash
from robustprune.study.config import StudyConfig

_hash_of = cache(code_hash)  # once per method and architecture, not once per cell


def has_results(job: Job, config: StudyConfig) -> bool:
    """Return whether a job's folder holds whole results of its cell, by this code and data, and its source before it.

    Damaged results count as none: the cell is trained again.
    """
    path, cell = job.folder / RECORD_NAME, job.cell
    if not path.exists():
        return False
    try:
        record = checked_record(path, cell)
        weights = job.light or all(network.weights for network in read_archive(job.folder).values())
    except StudyError:
        return False
    made = record.provenance
    source = _hash_of(cell.method, cell.architecture)
    data = data_digest(cell.dataset, config.data, path)
    same = (record.config_hash, made.source_hash, made.data_digest or "") == (cell.config_hash, source, data)
    tables = all((job.folder / f"{name}.parquet").exists() for name in tables_of(config, cell))
    return same and weights and tables and not _older_than_source(record, job)


def _older_than_source(record: Record, job: Job) -> bool:
    """Return whether the networks that a control started from have been trained again since."""
    if job.cell.source_key is None:
        return False
    source = read_record(Path(job.runs, job.cell.source_key, RECORD_NAME))
    return record.provenance.started < source.provenance.started
