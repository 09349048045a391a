"""Tables of benchmarks/README.md from the shipped run of `make bench`."""

import json
import re

from markdown_tables import markdown
from shipped_numbers import REFERENCE

TARGET = "target: "
PUBLIC = "times cheaper than public"
OVER_FLOOR = re.compile(r"(\w+): LeNet-300-100 dense step over its floor, R=5")


def _rows() -> dict[str, dict]:
    """The entries of the run by name, in its order."""
    return {row["name"]: row for row in json.loads((REFERENCE / "bench.json").read_text())}


def _value(row: dict) -> str:
    unit = " s" if row["unit"] == "s" else ""
    digits = 0 if row["value"] >= 20 else 2
    return f"{row['value']:.{digits}f}{unit} +- {row['spread']:.{digits}f}"


def _entries(chosen: list[dict]) -> str:
    verdicts = {None: "", True: "yes", False: "**no**"}
    lines = [[r["name"].removeprefix(TARGET), _value(r), r["bound"] or "", verdicts[r["holds"]]] for r in chosen]
    return markdown(["entry", "value", "bound", "holds"], *lines)


def targets() -> str:
    """Every ratio that has a bound, and what was measured beside them."""
    rows = list(_rows().values())
    first = next(place for place, row in enumerate(rows) if row["name"].startswith(TARGET))
    return _entries([row for row in rows[first:] if "public" not in row["name"]])


def public_programs() -> str:
    """Whole pruned networks against the loops of two public programs."""
    return _entries([row for row in _rows().values() if PUBLIC in row["name"]])


def methods() -> str:
    """Every method's step over its floor, dense training and the method first, then by cost."""
    rows = _rows()
    cost = {found[1]: rows[name]["value"] for name in rows if (found := OVER_FLOOR.fullmatch(name))}
    order = sorted(cost, key=lambda method: (method != "dense", method != "bernoulli", cost[method]))
    lines = []
    for method in order:
        cells = []
        for title in ("LeNet-300-100", "LeNet-5"):
            for size in ("dense", "pruned"):
                step = f"{method}: {title} {size} step"
                milliseconds = rows[f"{step}, R=5"]["value"]
                cells.append(f"{_value(rows[f'{step} over its floor, R=5'])} ({milliseconds:.3g} ms)")
        lines.append([f"`{method}`", *cells])
    return markdown(["method", "LeNet-300-100", "200-110-60", "LeNet-5", "10-18-100-60"], *lines)
