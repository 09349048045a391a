"""The results page in headless Chromium: every control works, by keyboard too, at two widths, light and dark.

Playwright drives the Chromium of the system; axe-core comes with the package axe-playwright-python. Both are
dependencies of the extra `dev`. Without a Chromium these tests are skipped.
"""

import shutil
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from made_up_page import small, whole

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (extra dev)")
axe = pytest.importorskip("axe_playwright_python", reason="axe-core is not installed (extra dev)")
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=f"no Chromium here (looked for {', '.join(NAMES)})")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
QUIET = (*QUIET, "--disable-component-update", "--disable-sync")
AXE = Path(axe.__file__).with_name("axe.min.js").read_text()
BAD = ("serious", "critical")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    return {"whole": whole(folder / "whole"), "small": small(folder / "small")}


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield started
        started.close()


@contextmanager
def opened(browser, address, width=1440, scheme="light"):
    """A page that is loaded; at the end it must have asked for nothing else and have no error in its console."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, errors, asked = context.new_page(), [], []
    page.set_default_timeout(120_000)
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    if page.locator("#explorer-chart").count():
        page.wait_for_selector("#explorer-chart svg")
    try:
        yield page
        assert not errors
        assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [address]
    finally:
        context.close()


@pytest.fixture
def page(browser, pages):
    with opened(browser, pages["whole"].as_uri()) as page:
        yield page


@pytest.mark.parametrize("name", ["whole", "small"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1440])
def test_axe_finds_nothing_serious_and_nothing_hangs_over(browser, pages, name, width, scheme):
    with opened(browser, pages[name].as_uri(), width, scheme) as page:
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate(AXE)
        found = page.evaluate("axe.run(document)")
        assert len(found["passes"]) > 10
        bad = [(one["id"], one["nodes"][0]["html"]) for one in found["violations"] if one["impact"] in BAD]
        assert not bad


def test_dark_is_dark(browser, pages):
    for scheme, dark in (("light", False), ("dark", True)):
        with opened(browser, pages["whole"].as_uri(), scheme=scheme) as page:
            colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
            channels = [int(number) for number in colour.removeprefix("rgb(").removesuffix(")").split(",")]
            assert (max(channels) < 80) == dark


def test_the_page_works_over_http(browser, pages):
    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(pages["whole"].parent)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with opened(browser, f"http://127.0.0.1:{server.server_port}/page.html") as page:
            assert marks(page) > 0
    finally:
        server.shutdown()
        server.server_close()


def marks(page):
    """The number of markers in the chart: of means and of single networks."""
    return page.locator("#explorer-chart .mark-symbol path").count()


def listed(page):
    """The networks that the list below the chart names: text of its cells, row by row."""
    rows = page.locator("#explorer-networks tbody tr")
    return [row.locator("td").all_text_contents() for row in rows.all()]


def test_the_explorer_shows_what_is_chosen(page):
    """Study: three methods of one strength with three seeds at the standard start; search: two methods."""
    assert page.locator("#explorer-status").inner_text() == "3 strengths of 3 methods"
    assert marks(page) == 3 + 9
    assert len(listed(page)) == 9
    page.locator("select[name=part]").select_option("search")
    assert page.locator("#explorer-status").inner_text() == "2 strengths of 2 methods"
    assert {row[0] for row in listed(page)} == {"bernoulli", "magnitude"}
    assert not page.get_by_role("checkbox", name="vib").is_visible()
    assert page.get_by_role("checkbox", name="magnitude").is_visible()


def test_every_choice_of_the_explorer_can_be_made(page):
    controls = page.locator("#explorer-controls select")
    assert controls.count() == 5
    for control in controls.all():
        for option in control.locator("option").all():
            control.select_option(option.get_attribute("value"))
            assert marks(page) > 0
            assert page.locator("#explorer-chart svg").get_attribute("class") == "marks"


def test_the_size_can_be_macs(page):
    before = page.locator("#explorer-measure").inner_text()
    page.get_by_label("size in").select_option("macs")
    assert (before, page.locator("#explorer-measure").inner_text()[:8]) == ("params kept", "multiply")
    texts = page.locator("#explorer-chart .role-axis-label text").all_text_contents()
    assert "100" in texts  # MACs of every made-up network


def test_methods_can_be_left_out(page):
    page.get_by_role("checkbox", name="vib").uncheck()
    assert marks(page) == 2 + 6
    assert {row[0] for row in listed(page)} == {"bernoulli", "dense"}
    page.get_by_role("button", name="No method").click()
    assert (marks(page), listed(page)) == (0, [])
    page.get_by_role("button", name="All methods").click()
    assert marks(page) == 3 + 9


def test_intervals_and_single_networks_can_be_hidden(page):
    rules = page.locator("#explorer-chart .mark-rule.role-mark line")
    assert rules.count() == 6  # of three means, along both axes
    page.get_by_label("intervals of the means").uncheck()
    assert rules.count() == 0
    page.get_by_label("single networks").uncheck()
    assert marks(page) == 3


def test_large_errors_are_left_out_until_asked_for(browser, pages):
    """The data of the page are edited: one method errs by 60 %."""
    text = pages["whole"].read_text().replace('"error":[1.6,', '"error":[60,', 1)
    edited = pages["whole"].with_name("edited.html")
    edited.write_text(text)
    with opened(browser, edited.as_uri()) as page:
        assert "1 that err more than 25 % are left out" in page.locator("#explorer-status").inner_text()
        before = marks(page)
        page.get_by_label("also errors above 25 %").check()
        assert page.locator("#explorer-status").inner_text() == "3 strengths of 3 methods"
        assert marks(page) == before + 1


def test_pointing_at_a_network_says_what_it_is(page):
    page.get_by_role("button", name="No method").click()
    page.get_by_role("checkbox", name="vib").check()
    chart = page.locator("#explorer-chart")
    chart.scroll_into_view_if_needed()
    chart.locator(".mark-symbol path").first.hover(force=True)  # a single network: these lie below the means
    shown = page.locator("#vg-tooltip-element").inner_text()
    for text in (
        "vib",
        "seed",
        "units kept",
        "MACs per image",
        "test error",
        "--cell mnist/lenet_300_100-full/vib/a/he_normal/width-1",
    ):
        assert text in shown, shown


def column(page, table, place):
    rows = table.locator("tbody tr:not([hidden])").all()
    return [row.locator("th, td").nth(place).inner_text() for row in rows]


def test_a_heading_sorts_its_table_by_mouse_and_by_keyboard(page):
    table = page.locator("#cells")
    button = table.get_by_role("button", name="params kept (mean)")
    button.click()
    sizes = [int(text.replace(",", "")) for text in column(page, table, 4)]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 2
    button.focus()
    page.keyboard.press("Enter")
    assert [int(text.replace(",", "")) for text in column(page, table, 4)] == sizes[::-1]
    assert table.locator("th[aria-sort=descending]").inner_text().startswith("params kept")


def test_missing_numbers_are_last_in_both_directions(page):
    table = page.locator("#failures table")
    page.evaluate("document.querySelector('#failures tbody tr td:nth-child(4)').textContent = '-'")
    button = table.get_by_role("button", name="networks")
    for _ in range(2):
        button.click()
        assert column(page, table, 3)[-2:] == ["-", "-"]


def test_a_search_hides_other_rows_and_counts(page):
    field = page.get_by_label("Search in: Cells", exact=True)
    field.fill("VIB width-2")
    cells = column(page, page.locator("#cells"), 0)
    assert len(cells) == 2
    assert all("/vib/" in cell and cell.endswith("width-2") for cell in cells)
    assert page.locator("label.search", has=field).locator("output").inner_text() == "2 of 20 rows"
    field.fill("")
    assert len(column(page, page.locator("#cells"), 0)) == 20


def test_a_row_leads_to_its_cells_by_keyboard(page):
    page.locator("#table-study-scorecard a[data-cells]").first.focus()
    page.keyboard.press("Enter")
    cells = column(page, page.locator("#cells"), 0)
    assert len(cells) == 6
    assert all("/bernoulli/a/" in cell for cell in cells)
    assert page.evaluate("document.activeElement.type") == "search"


def test_the_first_key_leads_past_the_header(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_tables_are_whole_without_scripts(browser, pages):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(pages["whole"].as_uri())
    assert page.locator("#cells tbody tr").count() == 20
    assert "needs scripts" in page.locator("#explorer-status").inner_text()
    context.close()
