"""The figures to play with: still, they show what Python computes; in Chromium, JavaScript computes the same."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from bs4 import BeautifulSoup
from test_pages import cells
from test_site import SITE, address, browser  # noqa: F401  (fixtures)

from lossmath import explore
from lossmath.claims import *
from lossmath.explore import Explore, Panel

BOOK = Path(__file__).parent.parent / "book"
PAGES = [path.stem for path in sorted(BOOK.glob("*.md")) if "Explore(" in path.read_text("utf-8")]
BELL = Panel("height", "place", (x, -2, 2), (0, 1), {"focal": exp(-(x**2) / c), "entropy": (x / 2, 0 * x)}, mark=1 / c)
FIGURE = Explore(
    {c: ("width <c>", 1.0, 3.0, 2.0), K: ("classes", 2, 9, 3)},
    [BELL, Panel("none", "x", (x, 0, 1), (0, 1), {"focal": K * x})],
    "A & B",
)


def parts(figure):
    return BeautifulSoup(figure._repr_html_(), "html.parser")


def test_the_pages_have_such_figures():
    assert {"label_smoothing", "focal_loss"} <= {*PAGES}


def test_a_still_figure_shows_the_curves():
    frame = parts(FIGURE).select_one(".panels > svg > svg")
    path = frame.select("path")[0]["d"].removeprefix("M")
    drawn = np.array([point.split() for point in path.split("L")], float) / [explore.WIDE, explore.TALL]
    place, height = drawn[:, 0] * 4 - 2, 1 - drawn[:, 1]
    assert len(drawn) > 100 and [place[0], place[-1]] == pytest.approx([-2, 2], abs=1e-3)
    assert height == pytest.approx(np.exp(-(place**2) / 2), abs=2e-3)


def test_a_dot_is_where_its_curve_passes_the_mark():
    assert BELL.dots({c: 2}) == {"focal": (0.5, pytest.approx(np.exp(-0.125))), "entropy": (0.5, 0)}
    assert BELL.say({c: 2}) == "height at place = 0.500: focal 0.882, entropy 0.000"
    assert [*BELL.dots({c: 0.8})] == ["focal"]  # at 1.25, beyond the end of the other
    circles = parts(FIGURE).select(".panels > svg > svg")[0].select("circle")
    assert float(circles[0]["cx"]) == pytest.approx(explore.WIDE * 2.5 / 4, abs=0.06)
    assert float(circles[0]["cy"]) == pytest.approx(explore.TALL * (1 - np.exp(-0.125)), abs=0.06)


def test_without_a_mark_there_is_no_dot_and_nothing_is_said():
    panel = FIGURE.panels[1]
    assert panel.dots({K: 3}) == {} and panel.say({K: 3}) == ""


def test_a_figure_can_be_read_and_worked_without_seeing_it():
    page = parts(FIGURE)
    assert page.select_one("[role=img]")["aria-label"] == "A & B"
    assert page.output.text == BELL.say({c: 2})
    sliders = {label.get_text(" ", strip=True): label.input for label in page.select("label")}
    assert list(sliders) == ["width <c> 2", "classes 3"]
    steps = [[float(one[key]) for key in ("min", "max", "value", "step")] for one in sliders.values()]
    assert steps == [[1, 3, 2, 0.01], [2, 9, 3, 1]]
    assert [span.text.strip() for span in page.select("figcaption > span")] == ["focal", "entropy"]


def test_what_has_no_value_is_an_error_that_names_it():
    with pytest.raises(ValueError, match=r"gamma in .*: what is neither a slider nor drawn over"):
        Explore({c: ("c", 0, 1, 0)}, [Panel("", "", (x, 0, 1), (0, 1), {"focal": x * gamma})], "")._repr_html_()
    with pytest.raises(NotImplementedError, match="LambertW"):
        explore.javascript(LambertW(x), [x])


def test_no_number_is_minus_zero():
    assert [explore.decimal(number) for number in (-1e-9, -0.0005001, 2)] == ["0.000", "−0.001", "2.000"]


def figure_of(chapter):
    """The figure of a chapter: its cell, after those lines of the cells before it that its names come from."""
    found = [code for _, code in cells((BOOK / f"{chapter}.md").read_text("utf-8"))]
    code = [ast.parse(cell).body for cell in found]
    number = next(n for n, cell in enumerate(found) if "Explore(" in cell)
    *kept, last = code[number]
    needed, names = names_in(code[number]), {}
    for line in reversed([line for cell in code[:number] for line in cell]):
        if {"*", *needed} & made_by(line):
            needed |= names_in([line])
            kept = [line, *kept]
    exec(compile(ast.Module(kept, []), chapter, "exec"), names)
    return eval(compile(ast.Expression(last.value), chapter, "eval"), names)


def names_in(lines):
    return {node.id for line in lines for node in ast.walk(line) if isinstance(node, ast.Name)}


def made_by(line):
    """The names that a line of code makes."""
    match line:
        case ast.FunctionDef():
            return {line.name}
        case ast.Import() | ast.ImportFrom():
            return {one.asname or one.name for one in line.names}
        case ast.Assign():
            return names_in(line.targets)
    return set()


@pytest.fixture
def page(browser):  # noqa: F811
    context = browser.new_context()
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


@pytest.mark.site
@pytest.mark.parametrize("chapter", PAGES)
def test_javascript_computes_what_sympy_does(address, page, chapter):  # noqa: F811
    page.goto(f"{address}book/{chapter}.html")
    figure, rng = figure_of(chapter), np.random.default_rng(0)
    compared = 0
    for number, panel in enumerate(figure.panels):
        for curve, pair in enumerate(panel.expressions().values()):
            for _ in range(20):
                at = {one: type(low)(rng.uniform(low, high)) for one, (_, low, high, _) in figure.sliders.items()}
                place = rng.uniform(*panel.over[1:])
                ours = [sp.sympify(one).subs(at | {panel.over[0]: place}).evalf(30) for one in pair]
                call = "([n, m, args]) => document.querySelector('figure.explore').panels[n].curves[m](...args)"
                theirs = page.evaluate(call, [number, curve, [place, *at.values()]])
                assert theirs == pytest.approx([float(one) for one in ours], rel=1e-9, abs=1e-12)
                compared += 1
    assert compared >= 80


@pytest.mark.site
@pytest.mark.parametrize("chapter", PAGES)
def test_the_script_is_fetched_in_view_and_draws_what_python_drew(address, page, chapter):  # noqa: F811
    def drawn():
        lines = page.locator("figure.explore svg svg path").evaluate_all("all => all.map(one => one.getAttribute('d'))")
        said = page.locator("figure.explore output").inner_text()
        return [[float(number) for number in re.findall(r"[-\d.]+", line)] for line in lines], said

    asked = []
    page.on("request", lambda request: asked.append(request.url.split("/")[-1].split("?")[0]))
    page.goto(f"{address}book/{chapter}.html", wait_until="networkidle")
    (lines, said), slider = drawn(), page.locator("figure.explore input").first
    assert "explore.js" not in asked and not slider.is_visible()
    page.locator("figure.explore").scroll_into_view_if_needed()
    slider.wait_for()
    assert asked.count("explore.js") == 1
    after, told = drawn()
    assert told == said and after == [pytest.approx(line, abs=0.11) for line in lines]

    slider.focus()
    page.keyboard.press("ArrowRight")
    moved, told = drawn()
    assert moved != after and told != said
    figure, value = figure_of(chapter), slider.input_value()
    at = {one: start for one, (*_, start) in figure.sliders.items()} | {next(iter(figure.sliders)): float(value)}
    assert told == "; ".join(filter(None, (panel.say(at) for panel in figure.panels)))


@pytest.mark.site
@pytest.mark.parametrize("chapter", PAGES)
def test_in_print_and_without_scripts_the_figure_is_still(address, browser, chapter):  # noqa: F811
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}book/{chapter}.html")
    assert page.locator("figure.explore svg").first.is_visible() and page.locator("figure.explore output").is_visible()
    assert not page.locator("figure.explore input").first.is_visible()
    context.close()
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}book/{chapter}.html")
    page.locator("figure.explore").scroll_into_view_if_needed()
    page.locator("figure.explore input").first.wait_for()
    page.emulate_media(media="print")
    assert not page.locator("figure.explore input").first.is_visible()
    assert page.locator("figure.explore label span").first.is_visible()  # with which value it was printed
    context.close()
