"""What there is, and whether it is valid."""

import argparse

from robustprune.errors import StudyError


def methods(arguments: argparse.Namespace) -> None:
    from robustprune import registry

    print("\n".join(sorted(registry.names("method") + registry.names("start"))))


def check_record(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.record_checks import checked_record

    for path in arguments.records:
        record = checked_record(path)
        print(f"{path}: valid, {len(record.replicates)} replicates")


def check_method(arguments: argparse.Namespace) -> None:
    import json
    import tempfile

    from robustprune.data.datasets import load
    from robustprune.engine.contract import check_contract
    from robustprune.study.data_settings import DataSettings

    try:
        settings = json.loads(arguments.settings)
    except json.JSONDecodeError as error:
        raise StudyError(f"--settings: expected JSON such as '{{\"price\": 0.001}}' ({error})") from None
    with tempfile.TemporaryDirectory() as folder:
        data = load("digits", DataSettings(directory=folder))
    for line in check_contract(arguments.method, settings, arguments.track, arguments.architectures, data):
        print(line, flush=True)
    print(f"{arguments.method} keeps the contract")


def schema(arguments: argparse.Namespace) -> None:
    from robustprune.records.schemas import write_schemas

    for path in write_schemas(arguments.output):
        print(path)
