"""docs/tutorial/tutorial.md from tutorial.py beside it: its text, its code and what the code prints (`make tutorial`).

The pictures that the text shows are copied from where the code saves them.
"""

import contextlib
import io
import re
import shutil
from pathlib import Path

import matplotlib

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "tutorial"
CELL = re.compile(r"^# %%(?P<kind> \[markdown\])?\n(?P<text>.*?)(?=^# %%|\Z)", re.M | re.S)
NOTE = "<!-- made from tutorial.py by `make tutorial` -->\n"
PICTURE = re.compile(r"\]\((\w+\.png)\)")


def rendered(source: str) -> str:
    """Run the cells in order in one namespace, in the current folder; return the page."""
    matplotlib.use("Agg")
    names: dict = {"__name__": "__main__"}
    parts = [NOTE]
    for cell in CELL.finditer(source):
        text = cell["text"].strip()
        if cell["kind"]:
            parts.append(re.sub(r"^# ?", "", text, flags=re.M) + "\n")
            continue
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(text, "tutorial.py", "exec"), names)
        parts.append(f"```python\n{text}\n```\n")
        if output := printed.getvalue().rstrip():
            parts.append(f"```text\n{output}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    page = rendered((FOLDER / "tutorial.py").read_text())
    for name in PICTURE.findall(page):
        shutil.copy(Path("results/tutorial") / name, FOLDER / name)
    (FOLDER / "tutorial.md").write_text(page)
