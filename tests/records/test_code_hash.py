"""The hash of code: the same under every Python version, blind to prose, and it follows imports."""

import ast
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

from robustprune.errors import StudyError
from robustprune.records import code_hash
from robustprune.records.code_hash import NO_NUMBERS, PACKAGE, source_files, source_hash, training_hash
from robustprune.records.syntax import canonical

FIXTURE = Path(__file__).with_name("every_syntax.txt")
# python 3.11.7, 3.12.1 and 3.13.0 give this number
PINNED = "9efd28a9e750a77b33a17e16c3d631acb3950817f8a2a7c331c5669d3cf658e0"
PROGRAM = """
import ast, hashlib, sys
from robustprune.records.syntax import canonical
assert not {"numpy", "torch", "pydantic"} & set(sys.modules)
print(hashlib.sha256(canonical(ast.parse(sys.stdin.buffer.read())).encode()).hexdigest())
"""


def hash_of(source: str) -> str:
    return hashlib.sha256(canonical(ast.parse(source)).encode()).hexdigest()


def test_every_syntax_has_one_hash_in_every_version_of_python():
    """The walk needs the standard library only; run PROGRAM under another interpreter to compare."""
    environment = {"PYTHONPATH": str(REPOSITORY / "src")}
    command = [sys.executable, "-S", "-c", PROGRAM]
    done = subprocess.run(command, input=FIXTURE.read_bytes(), env=environment, capture_output=True, check=True)
    assert done.stdout.decode().strip() == PINNED


def test_prose_and_layout_do_not_count():
    plain = "X = 1\nclass A:\n    def f(self, x):\n        return f'{x} units of {self!r}'\n    def g(self): pass\n"
    prose = (
        '"""Module."""\n# a comment\nX = (  # another\n    1\n)\n"""What X is."""\n\n\nclass A:\n    """A class."""\n\n'
        '    def f(self, x):\n        """A function."""\n        return (f"{x} units " f"of {self!r}")\n\n'
        '    def g(self):\n        """Nothing."""\n'
    )
    assert hash_of(plain) == hash_of(prose)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = a + b", "x = a - b"),
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 'a'", "x = b'a'"),
        ("x = None", "x"),
        ("x = f'{a}b'", "x = f'{a}c'"),
        ("x = f'{a!r}'", "x = f'{a!s}'"),
        ("x = f'{a:3}'", "x = f'{a:4}'"),
        ("def f(a, *, b): pass", "def f(a, b): pass"),
        ("def f(a, /, b): pass", "def f(a, b): pass"),
        ("{**a}", "{a: a}"),
        ("x: int = 1", "x: float = 1"),
        ("return_ = yielded('text')", "return_ = yielded('other text')"),
        ("if a:\n    b\nelse:\n    c", "if a:\n    b\n    c"),
        ("a[1:2]", "a[1::2]"),
        ("from . import a", "from .. import a"),
    ],
)
def test_code_counts(one, other):
    assert hash_of(one) != hash_of(other)


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the package whose files may be edited."""
    target = tmp_path / "robustprune"
    shutil.copytree(PACKAGE, target, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("robustprune.records.code_hash.PACKAGE", target)
    return target


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_training_hash_covers_the_engine_one_method_and_one_architecture():
    def names(method):
        roots = ["robustprune.engine.running", f"robustprune.methods.{method}"]
        return {path.relative_to(PACKAGE).as_posix() for path in source_files(*roots, leave_out=NO_NUMBERS)}

    needed = {"engine/training.py", "engine/compaction.py", "methods/magnitude.py", "methods/parts/schedule.py"}
    assert needed | {"networks/layers.py", "study/config.py", "data/datasets.py"} <= names("magnitude")
    assert not {"methods/bernoulli.py", "methods/dense.py", "starts/parts/control.py", "cli.py"} & names("magnitude")
    assert not any(name.startswith(("analysis/", "gathering/")) or name in NO_NUMBERS for name in names("magnitude"))
    assert all((PACKAGE / name).is_file() for name in NO_NUMBERS)
    hashes = [("magnitude", "lenet5"), ("bernoulli", "lenet5"), ("magnitude", "lenet_300_100"), ("ticket", "lenet5")]
    assert len({training_hash(method, architecture=name) for method, name in hashes}) == 4


def test_source_hash_follows_edited_code(copy):
    def hashes():
        cells = [("bernoulli", "lenet5"), ("magnitude", "lenet5"), ("magnitude", "lenet_300_100")]
        return [training_hash(method, architecture=name) for method, name in cells] + [
            source_hash("robustprune.analysis.figures")
        ]

    before = hashes()
    for name in ("engine/training.py", "methods/bernoulli.py", "analysis/figures/style.py"):
        edit(copy / name, '"""', '"""Reworded: ')
        with (copy / name).open("a") as opened:
            opened.write("# a comment\n")
    edit(copy / "engine" / "progress.py", "unit=", "unit_scale=True, unit=")
    assert hashes() == before
    with (copy / "methods" / "bernoulli.py").open("a") as opened:
        opened.write("EDITED = True\n")
    one = hashes()
    assert [new == old for new, old in zip(one, before, strict=True)] == [False, True, True, True]
    edit(copy / "networks" / "architectures" / "lenet5.py", '"conv2", 50', '"conv2", 51')
    two = hashes()
    assert [new == old for new, old in zip(two, one, strict=True)] == [False, False, True, True]
    with (copy / "engine" / "training.py").open("a") as opened:
        opened.write("EDITED = True\n")
    assert [new == old for new, old in zip(hashes(), two, strict=True)] == [False, False, False, True]


def test_files_are_parsed_once(copy, monkeypatch):
    """A study of 1,000 cells asks 1,000 times: nothing is read again until a file changes."""
    parsed = []
    parse = code_hash.ast.parse
    monkeypatch.setattr("robustprune.records.code_hash.ast.parse", lambda text: parsed.append(text) or parse(text))
    first = training_hash("vib", architecture="lenet5")
    assert len(parsed) > 30
    parsed.clear()
    assert {training_hash("vib", architecture="lenet5") for _ in range(20)} == {first}
    training_hash("sbp", architecture="lenet5")
    assert len(parsed) <= 2  # the other method's own files
    parsed.clear()
    edit(copy / "engine" / "batches.py", '"""', '"""Reworded: ')
    assert training_hash("vib", architecture="lenet5") == first
    assert len(parsed) == 1


def test_files_outside_the_package_count_with_their_neighbours(tmp_path):
    """A user's own method: its file, what lies beside it, and what it takes from the package."""
    folder = tmp_path / "plugins"
    (folder / "deeper").mkdir(parents=True)
    (folder / "deeper" / "__init__.py").write_text("")
    (folder / "deeper" / "more.py").write_text("from . import last\nfrom ..own import x\n")
    (folder / "deeper" / "last.py").write_text("A = 1\n")
    (folder / "helper.py").write_text("import numpy\nfrom deeper import more\n")
    own = folder / "own.py"
    own.write_text("from helper import x\nfrom robustprune.methods.parts.criterion import Criterion\n")
    names = {path.name for path in source_files(files=[own])}
    assert {"own.py", "helper.py", "more.py", "last.py", "criterion.py", "schedule.py", "base.py"} <= names
    assert "magnitude.py" not in names
    first = training_hash("own", architecture="lenet5", files=[own])
    assert first != training_hash("own", architecture="lenet5")
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert training_hash("own", architecture="lenet5", files=[tmp_path / "elsewhere" / "own.py"]) == first
    edit(folder / "deeper" / "last.py", "1", "2")
    assert training_hash("own", architecture="lenet5", files=[own]) != first


def test_imports_that_cannot_be_followed_are_refused_and_unused_ones_left_out(tmp_path):
    own = tmp_path / "own.py"
    own.write_text("from robustprune.methods import *\n")
    with pytest.raises(StudyError, match=r"`from robustprune.methods import \*`: import the names one by one"):
        source_files(files=[own])
    own.write_text("from robustprune.networks.size import *\nimport helper.deep as h\n")
    assert {"own.py", "size.py", "architecture.py"} <= {path.name for path in source_files(files=[own])}
    own.write_text(
        "import typing\nif typing.TYPE_CHECKING:\n    import robustprune.engine.training\nelse:\n    import b\n"
    )
    (tmp_path / "b.py").write_text("")
    assert [path.name for path in source_files(files=[own])] == ["b.py", "own.py"]
    own.write_text("def f(:\n")
    with pytest.raises(StudyError, match=r"own.py: not a Python file: "):
        source_files(files=[own])


@pytest.mark.parametrize(
    "face",
    [
        "HOMES = {'Criterion': 'robustprune.methods.parts.criterion'}\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
        "    from robustprune.methods.parts.criterion import Criterion as Criterion\n",
    ],
)
def test_a_name_that_the_package_offers_is_followed_to_its_home(copy, tmp_path, face):
    (copy / "__init__.py").write_text(face)
    own = tmp_path / "own.py"
    own.write_text("from robustprune import Criterion\n")
    names = {path.name for path in source_files(files=[own])}
    assert {"criterion.py", "schedule.py", "own.py"} <= names
    assert copy / "__init__.py" not in source_files(files=[own])
