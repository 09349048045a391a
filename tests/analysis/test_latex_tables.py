"""LaTeX tables fit a page of 487 points, with every row once. TeX is not needed: characters are counted."""

import re

import pandas as pd
import pytest
from conftest import REPOSITORY

from robustprune.analysis.latex import numbers, prose
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.tables import write_tables

PAGE, TALL = 487, 690
FLOAT = re.compile(r"\\begin\{(table|sidewaystable)\}(.*?)\\end\{\1\}", re.DOTALL)
NESTED = re.compile(r"\\begin\{tabular\}\{@\{\}[lr]@\{\}\}(.*?)\\end\{tabular\}")


def cells_of(body):
    """Rows of a float, headings first: a list of lines for every cell."""
    table = re.search(r"\\toprule\n(.*)\n\\bottomrule", body, re.DOTALL)[1].replace("\\midrule\n", "")
    table = NESTED.sub(lambda found: found[1].replace(r"\\", "\0"), table)
    rows = [row.split(" & ") for row in table.removesuffix(r" \\[2pt]").split(" \\\\[2pt]\n")]
    return [[[plain(line) for line in cell.split("\0")] for cell in row] for row in rows]


def plain(text):
    text = re.sub(r"\\textbf\{(.*?)\}", r"\1", text).replace(r"\allowbreak{}", "").replace("{}", "")
    return re.sub(r"\\([&%$#_{}])", r"\1", text)


def check(text):
    """Every float fits its page in both directions, by digits of 4.25 points; return the rows of each table."""
    found = FLOAT.findall(text)
    assert found
    for kind, body in found:
        across, down = (PAGE, TALL) if kind == "table" else (TALL, PAGE)
        scale = float((re.findall(r"scalebox\{([0-9.]+)\}", body) or ["1"])[0])
        assert scale > 0.6, "text of less than 5 points"
        rows, widths = cells_of(body), [float(width) for width in re.findall(r"p\{([0-9.]+)pt\}", body)]
        columns = list(zip(*rows, strict=True))
        if not widths:
            widths = [4.25 * max(len(line) for cell in column for line in cell) for column in columns]
            heights = [9.5 * max(map(len, row)) for row in rows]
        else:
            heights = [
                9.5 * max(4.25 * len(" ".join(cell)) / width for cell, width in zip(row, widths, strict=True))
                for row in rows
            ]
        caption = re.search(r"caption\{(.*)\}\n\\label", body)[1]
        assert scale * (sum(widths) + 6 * len(widths)) <= across
        assert scale * (sum(heights) + 2 * len(heights)) + 12 * (len(caption) * 4.9 / across) <= down
    labels = re.findall(r"label\{(.*?)\}", text)
    assert len(set(labels)) == len(labels) == len(found)
    assert not re.search(r"\\\\\s*\[(?!2pt\])", text), "a bracket behind a line break is its argument"
    return [[[" ".join(cell) for cell in row] for row in cells_of(body)[1:]] for _, body in found]


@pytest.mark.parametrize(
    "name", ["claims", "equivalence", "main_comparison", "published_settings", "scorecard", "training_cost"]
)
def test_shipped_tables_fit_a_page(tmp_path, name):
    write_tables(REPOSITORY / "results" / "reference", tmp_path, names=[name])
    shown = [row for rows in check((tmp_path / f"{name}.tex").read_text()) for row in rows]
    page = (tmp_path / f"{name}.html").read_text()
    wanted = [
        [re.sub(r"<.*?>", "", cell) for cell in re.findall(r"<td>(.*?)</td>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    ]
    wanted = [[cell.replace("&lt;", "<").replace("&gt;", ">") for cell in row] for row in wanted if row]
    assert [[cell.replace("$", "") for cell in row] for row in shown] == wanted


def test_a_small_table_stands_upright_in_one_line_a_row():
    text = numbers(["method", "n"], [["vib", "5"], ["**sbp**", "[1, 2]"]], "Small: here. Much more.", "small")
    (rows,) = check(text)
    assert rows == [["vib", "5"], ["sbp", "[1, 2]"]]
    assert text.startswith("\\begin{table}")
    assert r"\textbf{sbp} & {}[1, 2]" in text
    assert "\\scalebox" not in text


def test_a_wide_table_puts_intervals_below_and_lies_sideways():
    interval = "**139,343 [139,245, 139,442]**"
    rows = [["method", *[interval] * 8]]
    text = numbers(["method", *[f"column {number}" for number in range(8)]], rows, "Wide: here.", "wide")
    check(text)
    assert text.startswith("\\begin{sidewaystable}")
    assert r"\textbf{139,343}\\{}\textbf{[139,245, 139,442]}".replace("{}", "") in text.replace("{}", "")


def test_many_rows_are_several_tables_of_their_own_labels():
    rows = [[f"row {number}", "1"] for number in range(150)]
    text = numbers(["name", "n"], rows, "Long: here. What it shows.", "long")
    assert [row for part in check(text) for row in part] == rows
    assert re.findall(r"label\{(.*?)\}", text)[:3] == ["tab:long", "tab:long-b", "tab:long-c"]
    assert text.count("What it shows") == 1
    assert "Long: here (continued)." in text


def test_sentences_share_the_width():
    rows = [["lambda_" * 6, "word " * 60, "yes"]] * 40
    text = prose(["key", "evidence", "verdict"], rows, "Prose: here.", "prose")
    assert sum(map(len, check(text))) == 40
    assert r"lambda\_\allowbreak{}" in text


def test_a_table_without_rows_is_written():
    assert "\\midrule" in numbers(["a"], [], "Empty: here.", "empty")
    assert "\\midrule" in prose(["a"], [], "Empty: here.", "empty")
    sheet = Sheet(
        pd.DataFrame(), "Title", [("one", pd.DataFrame({"a": ["1"]})), ("two", pd.DataFrame({"a": ["2"]}))], ""
    )
    assert re.findall(r"label\{(.*?)\}", sheet.latex("name")) == ["tab:name-1", "tab:name-2"]
