"""LaTeX tables fit a page, with every row once and in order. TeX is not needed: characters are counted."""

import re

import pandas as pd
import pytest
from conftest import REPOSITORY

from robustprune.analysis.latex import floats
from robustprune.analysis.latex_text import pieces, stacked, wrapped
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.tables import write_tables

ACROSS, DOWN, SIZE, LEAST = 487, 690, 8, 5
"""Points of a page's text, of the text of tables, and of text that can be read."""
NARROW = dict.fromkeys(" .,;:'!|il", 2.4) | dict.fromkeys("()[]fjrst-", 3.3)
"""Points of narrow characters; others have 4.3, about those of a digit."""
FLOAT = re.compile(r"\\begin\{(table|sidewaystable)\}(.*?)\\end\{\1\}", re.DOTALL)
INTERVAL = "139,343 [139,245, 139,442]"


def plain(text):
    text = re.sub(r"\\textbf\{(.*?)\}", r"\1", text).replace("{}", "").replace("$", "")
    return re.sub(r"\\([&%#_{}])", r"\1", text)


def cells(body):
    """Rows of a float, headings left out, each cell with its lines joined; and the lines of LaTeX, headings too."""
    top, rows = re.search(r"\\toprule\n(.*)\\midrule\n(.*)\\bottomrule", body, re.DOTALL).groups()
    lines = [re.sub(r" \\\\(\[2pt\])?$", "", line).split(" & ") for line in (top + rows).splitlines()]
    ends = r" \\[2pt]" if r"\\[2pt]" in rows else r" \\"
    found = []
    for row in rows.split(f"{ends}\n")[:-1]:
        columns = zip(*(line.removesuffix(r" \\").split(" & ") for line in row.split("\n")), strict=True)
        found.append([" ".join(plain(line) for line in column if line) for column in columns])
    return found, [[plain(cell) for cell in line] for line in lines]


def checked(text):
    """Assert that every float fits its page, in both directions, and is found by a label; return the rows of each."""
    found = FLOAT.findall(text)
    assert found
    for kind, body in found:
        across, down = (ACROSS, DOWN) if kind == "table" else (DOWN, ACROSS)
        _, lines = cells(body)
        columns = zip(*lines, strict=True)
        width = 6 * len(lines[0]) + sum(max(sum(NARROW.get(c, 4.3) for c in line) for line in col) for col in columns)
        scale = min(1, across / width)
        assert scale * SIZE >= LEAST
        assert r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}" in body
        caption = re.search(r"\\caption\[\{.*?\}\]\{(.*)\}\n\\label", body)[1]
        gaps = 2 * body.count(r"\\[2pt]")
        assert scale * (9.5 * len(lines) + gaps) + 12 * (len(caption) * 4.9 / across + 1) <= down
    labels = re.findall(r"\\label\{(.*?)\}", text)
    assert len(set(labels)) == len(labels) == len(found)
    return [cells(body)[0] for _, body in found]


def joined(text):
    """A cell without the spaces at which its lines may end."""
    return re.sub(r"\s", "", text.replace("**", ""))


def same(shown, rows):
    assert [[joined(cell) for cell in row] for part in shown for row in part] == [[*map(joined, row)] for row in rows]


@pytest.mark.parametrize(
    "name", ["claims", "equivalence", "main_comparison", "published_settings", "scorecard", "training_cost"]
)
def test_shipped_tables_fit_a_page(tmp_path, name, monkeypatch):
    sheets = {}
    latex = Sheet.latex
    monkeypatch.setattr(Sheet, "latex", lambda sheet, label: sheets.setdefault(label, sheet) and latex(sheet, label))
    write_tables(REPOSITORY / "results" / "reference", tmp_path, names=[name])
    ((label, sheet),) = sheets.items()
    text = (tmp_path / f"{name}.tex").read_text()
    same(checked(text), [row for _, rows in sheet.sections for row in rows.astype(str).to_numpy().tolist()])
    first = (
        [label] if len(sheet.sections) == 1 else [f"{label}-{number}" for number in range(1, len(sheet.sections) + 1)]
    )
    assert {f"tab:{name}" for name in first} <= set(re.findall(r"\\label\{(.*?)\}", text))


def test_a_small_table_stands_upright_in_one_line_a_row():
    rows = [["vib", "5"], ["**sbp**", "[1, 2]"], ["[a", "*"]]
    text = floats(["method", "n & more"], rows, "Small: here", "What it shows.", "small", text=False)
    same(checked(text), rows)
    assert text.startswith("\\begin{table}\n\\caption[{Small: here}]{Small: here. What it shows.}\n\\label{tab:small}")
    assert "method & n \\& more \\\\\n\\midrule\nvib & 5 \\\\\n\\textbf{sbp} & [1, 2] \\\\\n{}[a & *" in text
    assert "\\begin{tabular}{lr}" in text


def test_intervals_lie_below_the_means_of_a_wide_table():
    rows = [["vib", *[INTERVAL] * 6], ["sbp", *[f"**{INTERVAL}**"] * 5, "1 [1, 2]"]]
    text = floats(["method", *["params"] * 6], rows, "Wide", "", "wide", text=False)
    same(checked(text), rows)
    assert text.startswith("\\begin{table}")
    assert "vib & 139,343 & " in text
    assert " & [139,245, 139,442] & " in text
    assert r" & \textbf{[139,245, 139,442]} & " in text
    assert " & 1 \\\\\n" in text, "one interval below its mean, all of the column below theirs"


def test_a_very_wide_table_lies_sideways():
    rows = [["vib", *[INTERVAL] * 9]] * 3
    text = floats(["method", *[f"column {number}" for number in range(9)]], rows, "Wide", "", "wide", text=False)
    same(checked(text), rows)
    assert text.startswith("\\begin{sidewaystable}")


@pytest.mark.parametrize("columns", [2, 8, 12])
def test_many_rows_are_several_tables_of_their_own_labels(columns):
    rows = [[f"row {number}", *[INTERVAL] * (columns - 1)] for number in range(150)]
    text = floats(["name", *["params"] * (columns - 1)], rows, "Long: here", "word " * 150, "long", text=False)
    shown = checked(text)
    same(shown, rows)
    assert re.findall(r"label\{(.*?)\}", text)[:3] == ["tab:long", "tab:long-part-2", "tab:long-part-3"]
    assert text.count("word word") == 75
    assert f"Long: here (2 of {len(shown)}, continued from Table~\\ref{{tab:long}})." in text
    assert len(shown[-1]) > len(shown[0]) / 2, "parts of about the same height"


def test_sentences_have_lines():
    rows = [["lambda_" * 6, "word " * 60, "yes"]] * 40
    text = floats(["key", "evidence", "verdict"], rows, "Prose", "", "prose", text=True)
    same(checked(text), rows)
    assert "\\begin{tabular}{lll}" in text


def test_words_of_a_table_of_numbers_stand_left():
    rows = [["vib", "1.5", "undecided", "-"], ["sbp", "<0.001", "-", "+1 [0, 2]"]]
    text = floats(["method", "p", "verdict", "difference"], rows, "Title", "", "name", text=False)
    assert "\\begin{tabular}{lrlr}" in text


def test_where_lines_end():
    assert pieces("1.5 [1, 2] % (n = 5)") == ["1.5 ", "[1, 2] % ", "(n = 5)"]
    assert pieces("+0.1 [0, 0.2] points") == ["+0.1 ", "[0, 0.2] points"]
    assert pieces("c_3p19e_4") == ["c_3p19e_4"]
    assert pieces("**generalized_dropout**") == ["**generalized_**", "**dropout**"]
    assert wrapped(pieces("**one two three**"), 45) == ["**one two**", "**three**"]
    assert stacked(pieces("1.5 [1, 2]"), 500) == ["1.5", "[1, 2]"]
    assert stacked(pieces("one two"), 500) == ["one two"]


def test_a_table_without_rows_is_written():
    assert "\\midrule" in floats(["a", "b"], [], "Empty", "", "empty", text=False)
    parts = [(name, pd.DataFrame({"a": [name]})) for name in ("one", "two")]
    assert re.findall(r"label\{(.*?)\}", Sheet(None, "Title", parts, "").latex("name")) == ["tab:name-1", "tab:name-2"]
