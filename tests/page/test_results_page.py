"""The file of the results page: whole, small, well formed, with every table and verdict, and nothing from outside."""

import io
import itertools
import json
import re
from html import unescape
from html.parser import HTMLParser

import made_up_depths
import pandas as pd
import pytest
from made_up_depths import networks
from made_up_page import FIGURES, MISSING, small, whole
from made_up_study import made_up, store
from PIL import Image

from robustprune.analysis.claims import NOT_RUN
from robustprune.analysis.figures import draw_figure
from robustprune.analysis.tables import write_tables
from robustprune.analysis.verdicts.decision import NOT_APPLICABLE
from robustprune.cli import main
from robustprune.page.figures import _pixels, _vectors
from robustprune.page.sections import SECTIONS
from robustprune.page.sheets import read_sheet
from robustprune.page.write import write_page
from robustprune.study.roles import METHOD_UNDER_STUDY

MOST = 6 * 1024**2
SHORT_ROW = '{"title": "", "caption": "", "text": true, "sections": [{"heading": "", "columns": ["a", "b"], '
SHORT_ROW += '"rows": [["1"]], "cells": [""]}]}'
VOID = {"meta", "link", "br", "img", "input", "hr", "path"}


class Page(HTMLParser):
    """What a page holds; raises AssertionError for tags that do not close in order."""

    def __init__(self, path):
        super().__init__()
        self.open, self.ids, self.addresses, self.tags, self.text = [], [], [], [], []
        self.source = path.read_text()
        self.feed(self.source)
        assert not self.open, f"not closed: {self.open}"
        self.words = " ".join(" ".join(self.text).split())

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append((tag, given))
        self.ids += [given["id"]] if "id" in given else []
        self.addresses += [given[name] for name in ("src", "href", "srcset", "action", "poster") if name in given]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open
            assert self.open.pop() == tag, f"</{tag}> closes another tag, line {self.getpos()[0]}"

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.text.append(data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def full(folder):
    return Page(whole(folder))


@pytest.fixture(scope="module")
def tiny(folder):
    return Page(small(folder / "tiny"))


@pytest.fixture(params=["full", "tiny"])
def page(request):
    return request.getfixturevalue(request.param)


def test_the_page_is_well_formed(page):
    assert page.source.startswith("<!doctype html>")
    assert len(page.ids) == len(set(page.ids)), sorted(page.ids)
    inner = {address[1:] for address in page.addresses if address.startswith("#")}
    assert inner <= set(page.ids)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels.count(1) == 1
    assert all(deeper - level <= 1 for level, deeper in itertools.pairwise(levels))


def test_the_page_asks_for_nothing_from_outside(page):
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert not [tag for tag, _ in page.tags if tag in ("iframe", "object", "embed", "base")]
    style = re.search(r"<style>(.*?)</style>", page.source, re.S)[1]
    assert "url(" not in style
    assert "@import" not in style


def test_the_page_is_small_enough(page):
    assert len(page.source.encode()) <= MOST


def test_no_text_is_a_missing_number(page):
    assert not re.findall(r"\b(?:nan|NaN|NaT|inf)\b", page.words)
    assert not re.findall(r">\s*(?:None|undefined|null)\s*<", page.source)


def test_every_section_is_there_or_says_why_it_is_empty(page):
    names = [section.ID for section in SECTIONS if section.ID != "comparison"]
    assert [name for name in page.ids if name in names] == names
    for name in names:
        part = re.search(rf'<section id="{name}".*?</section>', page.source, re.S)[0]
        assert re.search(r"<table|<figure|class=\"empty\"|<dl>", part), name


def test_the_small_page_says_what_it_lacks(tiny):
    for text in (
        f"No verdicts: the table claims has no row of {METHOD_UNDER_STUDY}",
        "No figure start_matters",
        "Nothing to explore: no network of these results has the standard start (width 1, He normal)",
        "kept.parquet, which says which units each network kept, is not there",
        "None: every cell that was asked for has run",
    ):
        assert text in tiny.words, text
    assert "vegaEmbed" not in tiny.source


def test_every_table_is_there_with_every_row(full, folder):
    """Cell for cell, search included."""
    found = 0
    for path in [*folder.glob("study/tables/*.json"), *folder.glob("study/search/tables/*.json")]:
        sheet = read_sheet(path)
        assert sheet.title in full.words
        for section in sheet.sections:
            assert section.heading in full.words
            for row in section.rows:
                assert " ".join(" ".join(row).replace("**", "").split()) in full.words, path.name
                found += 1
    assert found > 50


def test_a_table_without_rows_is_one_line(full, folder):
    sheets = [read_sheet(path) for path in folder.glob("study/tables/*.json")]
    empty = [sheet.title for sheet in sheets if not sheet.rows]
    assert empty
    for title in empty:
        assert f"{title}: no rows in these results." in full.words
    assert " 0 rows" not in full.words


def test_every_verdict_is_there_with_its_evidence(full, folder):
    claims = pd.read_csv(folder / "study" / "tables" / "claims.csv", keep_default_na=False)
    assert set(claims["method"]) == {METHOD_UNDER_STUDY, "vib"}
    for row in claims.to_dict("records"):
        known = f"{row['claim']} {row['method']} {row['strength']} {row['verdict']} {row['evidence']}"
        assert " ".join(known.split()) in full.words, known
        if row["method"] == METHOD_UNDER_STUDY and row["verdict"] in (NOT_RUN, NOT_APPLICABLE):
            lines = re.findall(rf"{row['verdict'].capitalize()} ?, .*?: [^.]*\.", full.words)
            assert row["claim"].lower() in " ".join(lines)
        elif row["method"] == METHOD_UNDER_STUDY:
            assert " ".join(f"{row['claim']} {row['verdict']} {row['evidence']}".split()) in full.words


@pytest.mark.parametrize(("height", "dots"), [(1000, (1000, 1000)), (5000, (600, 3000))])
def test_a_tall_picture_is_embedded_with_a_dot_for_a_pixel(tmp_path, height, dots):
    Image.new("RGB", (1000, height), "navy").save(tmp_path / "tall.png")
    content, _, size = _pixels(tmp_path / "tall.png")
    assert size == (600, round(0.6 * height))
    assert Image.open(io.BytesIO(content)).size == dots


def test_vectors_lose_only_what_nobody_sees(tmp_path):
    text = '<svg viewBox="0 0 72 36">\n%s<path d="M 1.23%s 20 \nL 0.5 -3.9%s" transform="scale(0.015625)"/>\n</svg>'
    drawing = tmp_path / "drawing.svg"
    drawing.write_text(text % ("  ", "4567", "99"))
    content, _, size = _vectors(drawing)
    assert size == (96, 48)
    assert content.decode() == text % ("", "", "9")


def test_every_figure_is_embedded_with_its_command(full, folder):
    pictures = [given for tag, given in full.tags if tag == "img"]
    assert len(pictures) == len(FIGURES)
    assert sum(given["src"].startswith("data:image/svg+xml;base64,") for given in pictures) == 1  # the headline
    assert all(given["alt"] and int(given["width"]) > 300 for given in pictures)
    for name in FIGURES:
        assert f"robustprune figure {name} --source {folder}/study --output {folder}/study/figures" in full.words


def test_failed_and_missing_cells_stand_with_reason_and_command(full, folder):
    key = "mnist/lenet_300_100-full/vib/a/orthogonal/width-2"
    command = f"robustprune train --config {folder}/study/config.yaml --cell"
    assert f"{key} study failed 1 of 3 out of memory & <time> {command} {key}" in full.words
    assert f"{key} study collapsed 1 of 3 above half of chance {command} {key}" in full.words
    assert f"{MISSING} study missing - not run {command} {MISSING}" in full.words


def test_every_cell_has_its_commit_and_command(full, folder):
    """Cells without a configuration beside them can be shown."""
    key = "mnist/lenet_300_100-full/vib/a/he_normal/width-1"
    command = f"robustprune train --config {folder}/study/config.yaml --cell {key}"
    assert f"{key} study 3 101.0-50.0-20.0 1,001 1.60 0123456789 - {command}" in full.words
    searched = "mnist/lenet_300_100-full/magnitude/a/he_normal/width-1"
    assert f"not recorded - robustprune show {searched} --source {folder}/study/search" in full.words


def test_every_row_of_a_method_leads_to_its_cells(full):
    cells = set(re.findall(r'<th scope="row">(mnist/[^<]+)</th>', full.source))
    links = [given for tag, given in full.tags if tag == "a" and "data-cells" in given]
    assert len(links) > 40
    assert {given["data-part"] for given in links} == {"study", "search"}
    for begins in (given["data-cells"] for given in links):
        assert any(cell.startswith(begins) for cell in cells), begins


def test_seeds_and_versions_stand_in_the_last_section(full):
    last = full.words.split("Where the numbers come from")[-1]
    assert "0123456789abcdef (18)" in last
    assert "not recorded (36)" in last
    assert re.search(r"robustprune [\d.]+, altair [\d.]+", last)


def test_the_answer_of_a_comparison_is_shown(tmp_path):
    store(tmp_path, made_up(("bernoulli",), (1.0,), ("he_normal",)))
    words = ["--source", str(tmp_path), "--reference", str(tmp_path), "--output", str(tmp_path / "check")]
    main(["check", *words])
    output = tmp_path / "page.html"
    command = ["page", "--part", "study", str(tmp_path), "-", "-", "--output", str(output)]
    assert main([*command, "--check", str(tmp_path / "check")]) == 0
    page = Page(output)
    assert "Compared with the reference" in page.words
    assert "consistent with the reference: yes" in page.words
    assert sum(tag == "img" for tag, _ in page.tags) == 1
    assert main(command) == 0
    assert "Compared with the reference" not in Page(output).words


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (("study", "-", "-"), "every part needs a name of its own"),
        (("other", "-", "-"), "nowhere/runs.csv: no such file"),
    ],
)
def test_wrong_parts_are_one_line(folder, tiny, capsys, second, message):
    name, *rest = second
    words = ["--part", "study", str(folder / "tiny"), "-", "-", "--part", name, "nowhere", *rest]
    assert main(["page", *words, "--output", str(folder / "never.html")]) == 2
    assert message in capsys.readouterr().err
    assert not (folder / "never.html").exists()


@pytest.mark.parametrize("text", ["<p>nothing</p>", '{"title": "Claims", "caption": "", "text": true}', SHORT_ROW])
def test_a_file_that_is_no_table_is_named(folder, tiny, capsys, text):
    (folder / "odd").mkdir(exist_ok=True)
    (folder / "odd" / "claims.json").write_text(text)
    words = ["--part", "study", str(folder / "tiny"), str(folder / "odd"), "-", "--output", str(folder / "never.html")]
    assert main(["page", *words]) == 2
    expected = r"claims\.json: cannot be read \(.*make it again with `robustprune tables`"
    assert re.search(expected, capsys.readouterr().err)


def test_marked_words_of_a_table_are_bold(full, folder):
    """And nothing else of a table is markup."""
    sheets = [read_sheet(path) for path in folder.glob("study/tables/*.json")]
    cells = [cell for sheet in sheets for section in sheet.sections for row in section.rows for cell in row]
    marked = {word for cell in cells for word in re.findall(r"\*\*(.+?)\*\*", cell)}
    assert marked
    assert marked == {unescape(word) for word in re.findall(r"<strong>(.+?)</strong>", full.source)}


def test_networks_with_a_depth_stand_in_the_robustness_section_and_among_the_cells(tmp_path):
    deep = tmp_path / "layers"
    deep.mkdir()
    cells = pd.concat([networks(2, [1, 1, 2]), networks(4, [1, 2, 2])], ignore_index=True)
    made_up_depths.stored(deep, cells)
    write_tables(deep, deep / "tables", names=["depth_kept", "tradeoff"])
    draw_figure("depth_kept_by_start", deep, deep / "figures")
    study = tmp_path / "study"
    study.mkdir()
    store(study, made_up(("bernoulli",), (1.0,), ("he_normal",)))
    parts = [("study", study, "-", "-"), ("layers", deep, deep / "tables", deep / "figures")]
    page = write_page([tuple(map(str, part)) for part in parts], tmp_path / "page.html").read_text()
    robustness = page[page.index('id="robustness"') : page.index('id="pixels"')]
    assert "Over starting depths" in robustness
    assert "depth_kept_by_start" in robustness
    assert "Which depth is kept?" in robustness
    assert "Which depth is kept?" not in page[page.index('id="tables"') :]
    assert page.count("mlp_residual-layers/bernoulli/c3e_2/he_normal/width-1/depth-4") >= 1
    assert "<td>mnist/mlp_residual</td>" in page


def test_a_table_without_rows_is_not_shown_beside_the_same_one_with_rows(tmp_path):
    """A study has no trade-off of its own where its search has it."""
    parts = []
    for name, cells in (("study", 0), ("sweep", 1)):
        folder = tmp_path / name
        (folder / "tables").mkdir(parents=True)
        store(folder, made_up(("bernoulli",), (1.0,), ("he_normal",)))
        sheet = {"title": f"Ranks {name}", "caption": "", "text": False, "sections": []}
        if cells:
            sheet["sections"] = [{"heading": "all", "columns": ["method"], "rows": [["bernoulli"]], "cells": [""]}]
        for table in ("ranking", "inference_cost"):
            given = sheet if table == "ranking" else {**sheet, "sections": []}
            (folder / "tables" / f"{table}.json").write_text(json.dumps(given))
        parts.append((name, str(folder), str(folder / "tables"), "-"))
    page = write_page(parts, tmp_path / "page.html").read_text()
    assert "Ranks sweep <small>1 row</small>" in page
    assert page.count("Ranks study: no rows in these results.") == 1  # the table that nobody has
