"""Systems without what Linux has (case B18), and another locale than UTF-8."""

import subprocess
import sys

from conftest import REPOSITORY

from robustprune.records.provenance import peak_memory_mib


def test_a_system_without_the_module_resource(monkeypatch):
    assert peak_memory_mib() > 1
    monkeypatch.setitem(sys.modules, "resource", None)  # its import then fails, as on Windows
    assert peak_memory_mib() is None


def test_text_is_utf_8_in_every_locale(tmp_path):
    """Under a locale of ASCII; Python 3.11 would use UTF-8 by itself unless told otherwise."""
    program = (
        "from pathlib import Path; from robustprune.files import read_text, write_text; path = Path('file.yaml');"
        "write_text(path, 'größe: ε\\n'); assert read_text(path) == 'größe: ε\\n'"
    )
    environment = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    environment["PYTHONPATH"] = str(REPOSITORY / "src")
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    command = [sys.executable, "program.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "file.yaml").read_bytes() == "größe: ε\n".encode()
