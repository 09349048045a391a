"""Files found by name: in the package, in the plug-in folder, and every way such a file can be wrong."""

import inspect
import pickle
import subprocess
import sys

import pytest

from robustprune import registry
from robustprune.errors import StudyError
from robustprune.methods.parts.base import Method
from robustprune.methods.parts.registry import find_method
from robustprune.networks.architecture import Architecture, architecture
from robustprune.study.config import validate_study

DENSE = "from robustprune.methods.parts.base import Method\n\n\nclass Mine(Method):\n    pass\n"


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """Write a plug-in: plugins("methods/mine.py", text); commands are run from the folder that holds plugins/."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(registry.VARIABLE, registry.DEFAULT)

    def write(name, text="", folder="plugins"):
        path = tmp_path / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def refused(call, *arguments) -> str:
    with pytest.raises(StudyError) as caught:
        call(*arguments)
    return str(caught.value)


def test_names_are_those_of_the_files_and_nothing_is_imported(plugins):
    for name in ("mine.py", "_shared.py", "parts/inner.py", "Bad-Name.py", "notes.txt"):
        plugins(f"methods/{name}", "raise RuntimeError('imported')")
    assert {"mine", "vib", "dense"} <= set(registry.names("method"))
    assert not {"_shared", "inner", "parts", "Bad-Name", "notes", "__init__"} & set(registry.names("method"))
    assert registry.names("dataset") == ["digits", "emnist_digits", "fashion_mnist", "kmnist", "mnist"]
    assert "ticket" in registry.names("start")
    assert registry.names("architecture")[:1] == ["lenet5"]
    program = "import sys; from robustprune import registry; registry.names('method'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_known_agrees_with_names(plugins):
    plugins("methods/mine.py")
    for kind in registry.FOLDERS:
        assert all(registry.known(kind, name) for name in registry.names(kind))
    for name in ("", "_shared", "__init__", "../methods/vib", "parts/base", "Bad-Name"):
        assert not registry.known("method", name)


def test_a_plug_in_is_a_module_with_a_stable_name(plugins):
    path = plugins("methods/mine.py", DENSE)
    found = find_method("mine")
    assert found.__module__ == registry.module_of("method", "mine") == "robustprune_plugins.methods.mine"
    assert pickle.loads(pickle.dumps(found)) is found
    assert "class Mine(Method)" in inspect.getsource(found)
    assert registry.path_of("method", "mine").resolve() == path == registry.plug_in_file(found.__module__).resolve()
    assert registry.path_of("method", "vib").parent.name == "methods"
    assert registry.module_of("start", "ticket") == "robustprune.starts.ticket"
    assert registry.plug_in_file("robustprune.methods.vib") is None


def test_the_plug_ins_of_a_cell_are_named(plugins):
    files = [plugins(f"{name}.py") for name in ("methods/mine", "starts/early", "architectures/own")]
    named = {pair: registry.plug_ins_of(*pair) for pair in (("mine", "own"), ("early", "lenet5"), ("vib", "lenet5"))}
    assert [path.resolve() for path in named["mine", "own"]] == [files[0], files[2]]
    assert [path.resolve() for path in named["early", "lenet5"]] == [files[1]]
    assert named["vib", "lenet5"] == registry.plug_ins_of("a_foreign_program", "lenet5") == []


def test_a_plug_in_may_import_another(plugins):
    plugins("methods/_shared.py", "NUMBER = 7\n")
    plugins("methods/first.py", DENSE)
    plugins(
        "methods/second.py",
        "from robustprune_plugins.methods._shared import NUMBER\nfrom .first import Mine\n\n\n"
        "class Second(Mine):\n    number = NUMBER\n",
    )
    assert find_method("second").number == 7
    assert issubclass(find_method("second"), find_method("first"))


def test_another_folder_holds_other_plug_ins(plugins):
    plugins("methods/mine.py", DENSE)
    plugins("methods/mine.py", DENSE.replace("pass", "here = True"), folder="elsewhere")
    assert not hasattr(find_method("mine"), "here")
    registry.use("elsewhere")
    assert find_method("mine").here
    registry.use("plugins")
    assert not hasattr(find_method("mine"), "here")


def study(**values):
    grid = {"dataset": "digits", "architecture": "lenet_300_100", "methods": {"mine": ["a"]}}
    return {"strengths": {"mine": {"a": {}}}, "study": [grid], **values}


def test_the_configuration_names_the_folder(plugins):
    plugins("methods/mine.py", DENSE, folder="own/files")
    config = validate_study(study(plugins="own/files"), "x")
    assert config.model_dump(mode="json")["plugins"] == "own/files"
    assert registry.known("method", "mine")
    program = "from robustprune import registry; print(registry.known('method', 'mine'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "True\n"  # programs started from here find the same files
    validate_study(study(), "x")  # the default folder may be missing
    assert not registry.known("method", "mine")
    assert refused(validate_study, study(plugins="nowhere"), "x") == (
        "x: plugins: nowhere: no such folder; relative paths start where the command is run"
    )
    assert "x: plugins: Input should be a valid string" in refused(validate_study, study(plugins=3), "x")


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("methods/vib.py", "methods/vib.py"),
        ("methods/ticket.py", "starts/ticket.py"),
        ("starts/vib.py", "methods/vib.py"),
        ("datasets/mnist.py", "data/sets/mnist.py"),
        ("architectures/lenet5.py", "networks/architectures/lenet5.py"),
    ],
)
def test_a_name_of_the_package_is_refused_with_both_paths(plugins, name, other):
    plugins(name)
    message = refused(registry.use, "plugins")
    assert f"plugins/{name}: the name" in message
    assert str(registry.PACKAGE / other) in message
    kind = next(kind for kind in registry.FOLDERS if f"{kind}s" == name.split("/")[0])
    assert refused(registry.path_of, kind, name.split("/")[1][:-3]) == message


WRONG_METHODS = {
    "empty": ("", "methods/mine.py: holds no subclass of Method; a method is one class of that kind"),
    "imported only": (
        "from robustprune.methods.parts.base import Method\n",
        "methods/mine.py: holds no subclass of Method",
    ),
    "helper only": (DENSE.replace("Mine", "_Mine"), "methods/mine.py: holds no subclass of Method"),
    "two": (
        DENSE + "\n\nclass Other(Method):\n    pass\n",
        "methods/mine.py: holds Mine and Other; keep one method per file",
    ),
    "method and base": (
        DENSE + "\n\nclass Whole(Mine):\n    pass\n",
        "methods/mine.py: holds Mine and Whole; keep one method per file, and begin the names of helpers and base "
        "classes with _",
    ),
    "abstract": (
        "from robustprune.methods.parts.criterion import Criterion\n\n\nclass Mine(Criterion):\n    pass\n",
        "methods/mine.py: class Mine does not define scores",
    ),
    "not there": (
        "import torchh\n",
        "methods/mine.py, line 1: cannot be imported: ModuleNotFoundError: No module named",
    ),
    "name": ("\n\nx = y\n", "methods/mine.py, line 3: cannot be imported: NameError: name 'y' is not defined"),
    "syntax": ("\nclass Mine(:\n", "methods/mine.py, line 2: cannot be imported: SyntaxError: invalid syntax"),
    "exit": ("import sys\nsys.exit(3)\n", "methods/mine.py, line 2: cannot be imported: SystemExit: 3"),
    "bytes": (b"\xff", "methods/mine.py"),
}


@pytest.mark.parametrize("kind", WRONG_METHODS)
def test_a_file_without_a_method_says_so(plugins, kind):
    text, message = WRONG_METHODS[kind]
    path = plugins("methods/mine.py")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = refused(find_method, "mine")
    assert f"plugins/{message}" in found
    assert len(found.splitlines()) == 1


def test_the_innermost_plug_in_is_named(plugins):
    plugins("methods/_shared.py", "\n1 / 0\n")
    plugins("methods/mine.py", "from ._shared import x\n")
    assert "plugins/methods/_shared.py, line 2: cannot be imported: ZeroDivisionError" in refused(find_method, "mine")


def test_an_own_base_class_in_the_file_is_no_second_method(plugins):
    plugins("methods/mine.py", DENSE.replace("Mine", "_Mine") + "\n\nclass Whole(_Mine):\n    pass\n")
    assert find_method("mine").__name__ == "Whole"
    assert issubclass(find_method("mine"), Method)


def test_unknown_names_say_the_nearest_and_where_a_file_would_be_looked_for(plugins):
    message = refused(find_method, "bernouli")
    assert message.startswith("unknown method 'bernouli'; did you mean 'bernoulli'?")
    assert message.endswith("; plugins/methods/bernouli.py would add it")
    plugins("methods/Bad-Name.py")
    assert "plugins/methods/Bad-Name.py: rename the file" in refused(registry.path_of, "method", "Bad-Name")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "plugins/architectures/own.py: holds no ARCHITECTURE; expected ARCHITECTURE = Architecture(...)"),
        ("ARCHITECTURE = 3", "plugins/architectures/own.py: ARCHITECTURE is of type int; expected ARCHITECTURE ="),
    ],
)
def test_a_file_without_an_architecture_says_so(plugins, text, message):
    plugins("architectures/own.py", text)
    assert message in refused(architecture, "own")
    assert message in refused(registry.object_of, "architecture", "own", Architecture)
