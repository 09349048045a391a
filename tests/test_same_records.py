"""tests/same_records.py where a process dies, and what it calls a difference."""

import json
import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

import pytest
from record_differences import comparable, differences
from same_records import DIGITS, _submitted, report

CELL = {**DIGITS, "method": "dense", "strength": "dense"}


def test_a_dead_process_is_a_cell_without_a_result(tmp_path, capsys):
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        with pytest.raises(BrokenProcessPool):
            pool.submit(os._exit, 1).result()
        futures = [_submitted(pool, CELL, tmp_path, str(tmp_path)) for _ in "AB"]
        found, keys = report(CELL, futures, [tmp_path, tmp_path])
    assert [line.split(": ")[1:3] for line in found] == [["A", "BrokenProcessPool"], ["B", "BrokenProcessPool"]]
    assert keys == []
    assert "digits/lenet5-full/dense/dense" in (printed := capsys.readouterr().out)
    assert printed.rstrip().endswith("no result")


def test_a_record_differs_by_its_values_and_not_by_its_times(tmp_path):
    for letter, seconds, units in (("a", 1.0, "5-5"), ("b", 2.0, "5-5"), ("c", 1.0, "5-4")):
        (tmp_path / letter).mkdir()
        entry = {"train_seconds": seconds, "units_kept": units}
        (tmp_path / letter / "record.json").write_text(json.dumps({"provenance": seconds, "replicates": [entry]}))
    a, b, c = (tmp_path / letter for letter in "abc")
    assert comparable(a / "record.json") == comparable(b / "record.json")
    records = [line for line in differences(a, c) if line.startswith("record.json")]
    assert records == ["record.json: replicates[0].units_kept: '5-5' in A, '5-4' in B"]
    assert not [line for line in differences(a, b) if line.startswith("record.json")]
    assert not [line for line in differences(a, c, ["units_kept"]) if line.startswith("record.json")]
