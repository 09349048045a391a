"""README and guides: links resolve, commands exist, and the numbers are those of the shipped results."""

import re

import pandas as pd
import pytest
from conftest import REPOSITORY

from robustprune.cli import build_parser

DOCUMENTS = [REPOSITORY / "README.md", REPOSITORY / "config" / "README.md", REPOSITORY / "results/reference/README.md"]
COMMANDS = next(action for action in build_parser()._actions if action.dest == "command").choices


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_commands_and_files_exist(path):
    text = path.read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target:
            assert (path.parent / target).exists(), target
    for command in re.findall(r"robustprune ([a-z]+)\b(?! is)", text):
        assert command in COMMANDS or command in {"study"}, command
    for target in re.findall(r"(?<![a-z])make ([a-z][a-z-]*)", text):
        assert re.search(rf"^{target}:", (REPOSITORY / "Makefile").read_text(), re.M), target
    made_by_the_reader = re.findall(r"^`([\w./]+)`:\n\n```", text, re.M)
    for file in re.findall(r"config/\w+\.yaml", text):
        assert (REPOSITORY / file).exists() or file in made_by_the_reader, file


def claims_block() -> str:
    """The claims of the shipped results as the README shows them."""
    table = pd.read_csv(REPOSITORY / "results" / "reference" / "claims.csv")
    lines = ["| claim | found | bound | holds | networks |", "|---|---|---|---|---|"]
    for _, row in table.iterrows():
        holds = "yes" if row.holds else "**no**"
        lines.append(f"| {row.claim} | {row.value:,.5g} | {row.bound} | {holds} | {row.n} |")
    return "\n".join(lines)


def test_readme_shows_the_shipped_claims():
    text = (REPOSITORY / "README.md").read_text()
    shown = text.split("<!-- claims:begin -->")[1].split("<!-- claims:end -->")[0]
    assert claims_block() in shown
