"""Templates of the page, filled in."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from robustprune.analysis.columns import STRONG

FOLDER = Path(__file__).parent / "templates"
"""Templates (.html), and the style sheet and scripts that the page holds as they are."""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["bold"] = _bold
    return environment


def _bold(text: str) -> Markup:
    """Return text of a table, escaped, with <strong> where it has two asterisks on either side."""
    return Markup(STRONG.sub(r"<strong>\1</strong>", str(escape(text))))


def render(template: str, **values: Any) -> Markup:
    """Return the HTML of a template of FOLDER; text in `values` is escaped, Markup is not."""
    return Markup(_environment().get_template(template).render(**values))


def source(name: str) -> Markup:
    """Return a style sheet or script of FOLDER."""
    return Markup((FOLDER / name).read_text(encoding="utf-8"))
