"""What is offered for trying on a page, and the prover in Chromium, as a reader meets it.

The tests marked `site` are of the built book, with the runtime that the README's third line assembles.
"""

import json
import re
import sys
import threading
import tomllib
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect
from test_build import Book, book, cell  # noqa: F401
from test_site import ROOT, SITE, Quiet, browser  # noqa: F401

sys.path.insert(0, str(ROOT / "book" / "_ext"))

import try_it

LIMIT = 12e6  # bytes
MINUTES = 60_000
expect.set_options(timeout=2 * MINUTES)


def programs(*cells):
    return try_it.programs(nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)]))


def setting(*cells):
    """What the last of some cells needs of those before."""
    before, _, own = programs(*cells)[len(cells) - 1].rpartition("\n# this cell\n")
    assert own.strip() == cells[-1]
    return before.splitlines()[1:]


@pytest.mark.parametrize(
    ("cells", "needed"),
    [
        (["a = 1\nb = 2", "a"], ["a = 1"]),
        (["a = 1", "b = a + 1", "c = 3", "b"], ["a = 1", "b = a + 1"]),
        (["a = 1", "a = 2", "a"], ["a = 2"]),
        (["a = 1", "a += 1", "a"], ["a = 1", "a += 1"]),
        (["a = 1", "for n in b:\n    a = n", "a"], ["a = 1", "for n in b:", "    a = n"]),
        (["a = 1", "lambda a: a"], []),
        (["a = 1", "[a for a in (1, 2)]"], []),
        (["a = 1", "lambda b: a"], ["a = 1"]),
        (["a = 1", "a = 3\na"], []),
        (["from sympy import *", "x"], ["from sympy import *"]),
        (["import math, cmath", "math.pi"], ["import math, cmath"]),
        (["s = D(p)", "s.eq(q)\ns.prove()", "s.ge(r)", "s"], ["s = D(p)", "s.eq(q)", "s.ge(r)"]),
        (["s = {}", "s[p] = 1", "s.t = 2", "s"], ["s = {}", "s[p] = 1", "s.t = 2"]),
        (["a = (\n    1)\nprint(a)", "a"], ["a = (", "    1)"]),
    ],
)
def test_a_cell_takes_along_what_it_needs(cells, needed):
    assert setting(*cells) == needed


def test_a_function_takes_along_what_it_reads_when_it_is_called():
    assert setting("a = 1", "def f():\n    return a", "f()") == ["a = 1", "def f():", "    return a"]


@pytest.mark.parametrize(
    "cells",
    [
        ["import torch\ntorch.ones(2)"],
        ["import numpy as np", "np.ones(2)"],
        ["from lossmath.plotting import axes\naxes()"],
        ["from lossmath import losses", "losses.entropy(1)"],
        ["import torch", "z = torch.ones(2)", "z.sum()"],
        ["from lossmath.experiments import *\nchoose_grid()"],
        ["from lossmath.experiments import *", "choose_grid()"],
        ["from lossmath.claims import *"],
        ["claim.check()"],
    ],
)
def test_what_does_not_run_in_a_browser_is_not_offered(cells):
    assert len(cells) - 1 not in programs(*cells)


def test_a_check_and_an_import_for_later_are_spared():
    (program,) = programs("import numpy as np\ndisplay(claim.prove())\nclaim.check()").values()
    said = "  # not in a browser; it ran when the book was built\n"
    assert program == f"# import numpy as np{said}display(claim.prove())\n# claim.check(){said}"


FILES = {name: {"name": f"{name}-1", "bytes": 1, "sha256": ""} for name in ("script", "style", "python")}


def test_a_build_offers_cells_only_with_the_runtime(book):  # noqa: F811
    book.write("book/index.md", cell("answer = 41\nanswer"))
    book.write("lossmath/claims/__init__.py", "")
    assert book.build()[0] == 0
    assert "try-it" not in book.page() and not (book.folder / "_build/html/runtime").exists()

    book.write("_build/runtime/runtime.json", json.dumps({"versions": {}, "files": FILES}))
    book.write("_build/runtime/try-it.js", "")
    status, printed = book.build()
    assert status == 0 and "Executed notebook" not in printed
    assert book.page().count('class="try-it"') == 2
    assert 'data-script="script-1"' in book.page() and 'data-cells="book/index.json"' in book.page()
    assert "try-it" not in book.page("other")
    offered = json.loads((book.folder / "_build/html/runtime/book/index.json").read_text())
    assert [*offered["cells"].values()] == ["import lossmath\n\nlossmath.ANSWER\n", "answer = 41\nanswer\n"]
    assert (book.folder / "_build/html/runtime" / offered["lossmath"]["name"]).is_file()

    book.write("_build/runtime/runtime.json", json.dumps({"versions": {"sympy": "1.0"}, "files": FILES}))
    status, printed = book.build()
    assert status == 1 and "the runtime in _build has sympy 1.0" in printed

    (book.folder / "_build/runtime/runtime.json").unlink()
    assert book.build()[0] == 0
    assert "try-it" not in book.page() and not (book.folder / "_build/html/runtime").exists()


# In Chromium


@pytest.fixture(scope="module")
def site():
    """The address of the built book, and the paths that were asked for."""
    if not (SITE / "runtime" / "runtime.json").is_file():
        pytest.fail("The built book has no prover: the README's third line assembles it.")
    asked = []

    class Recorded(Quiet):
        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Recorded, directory=SITE)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", asked
        server.shutdown()
        thread.join()


@pytest.fixture
def page(browser):  # noqa: F811
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(2 * MINUTES)
    yield page
    context.close()


def open_page(page, site, name):
    page.goto(f"{site[0]}book/{name}.html", wait_until="networkidle")
    page.evaluate("for (const part of document.querySelectorAll('article details')) part.open = true")


def try_cell(page, number):
    """Press a button; the panel that opens."""
    button = page.locator(f".try-it button[data-cell='{number}']")
    button.click()
    return page.locator(f".try-it:has(button[data-cell='{number}']) + .try-panel")


def press(panel, name):
    panel.get_by_role("button", name=name).click()


def run(panel, code=None):
    """Run what stands in a panel, or some code; its output."""
    if code is not None:
        write(panel, code)
    press(panel, "Run")
    expect(panel.get_by_role("button", name="Run")).to_be_enabled(timeout=3 * MINUTES)
    return panel.locator(".try-output")


def write(panel, code):
    panel.locator(".cm-content").click()
    panel.page.keyboard.press("Control+a")
    panel.page.keyboard.insert_text(code)


def cells(name):
    """What is tried on a page, by the number of its cell."""
    return json.loads((SITE / "runtime" / "book" / f"{name}.json").read_text("utf-8"))["cells"]


def cell_of(name, text):
    (number,) = (number for number, code in cells(name).items() if text in code.rpartition("# this cell")[2])
    return number


@pytest.fixture
def kl_split(page, site):
    """The cell that proves the first claim, opened."""
    open_page(page, site, "cross_entropy")
    return try_cell(page, cell_of("cross_entropy", "kl_split.prove()"))


@pytest.mark.site
def test_nothing_of_the_prover_is_fetched_before_a_click_and_little_after(page, site):
    asked = site[1]
    asked.clear()
    open_page(page, site, "cross_entropy")
    assert asked and not [path for path in asked if "runtime" in path]
    panel = try_cell(page, cell_of("cross_entropy", "kl_split.prove()"))
    assert "∎" in run(panel).inner_text()
    fetched = [SITE / path.lstrip("/") for path in asked if "runtime" in path]
    assert len(fetched) == len(set(fetched)) == 7
    assert sum(path.stat().st_size for path in fetched) <= LIMIT


CONTRACT = tomllib.loads((ROOT / "book" / "claims.toml").read_text("utf-8"))["claims"]
CHAPTERS = sorted({claim["chapter"] for claim in CONTRACT.values()})


@pytest.mark.site
@pytest.mark.parametrize("name", CHAPTERS)
def test_every_claim_is_proved_again_in_the_browser(page, site, name):
    open_page(page, site, name)
    marks = []
    for number in cells(name):
        output = run(try_cell(page, number))
        assert output.locator(".try-error").all_inner_texts() == []
        assert output.locator(".temml-error").all_inner_texts() == []
        marks += output.locator(".try-mark").all_inner_texts()
    done = {}
    for what in ("Proved", "Refuted"):
        said = (match[1] for mark in marks if (match := re.search(rf"{what} in this browser: (.*?)\.", mark)))
        done[what] = {id for ids in said for id in ids.split(", ")}
    due = {id for id, claim in CONTRACT.items() if claim["chapter"] == name and claim["kind"] != "empirical"}
    assert due <= done["Proved"]
    if any(CONTRACT[id]["kind"] != "lemma" for id in due):
        assert due & done["Refuted"]


@pytest.mark.site
def test_the_output_is_typeset_as_in_the_notebook(kl_split):
    output = run(kl_split)
    assert output.locator("math[display=block]").count() == 1
    assert "$" not in output.inner_text() and "**" not in output.inner_text()
    assert "Proved in this browser: kl-split." in output.inner_text()


@pytest.mark.site
def test_a_false_claim_meets_its_counterexample(kl_split):
    code = cells("cross_entropy")[cell_of("cross_entropy", "kl_split.prove()")]
    false = code.replace("- entropy(p)", "+ entropy(p)")
    assert false != code
    said = run(kl_split, false).inner_text()
    assert "ProofError: kl-split is false: K = 2, " in said and "Proved" not in said
    press(kl_split, "Reset")
    assert "∎" in run(kl_split).inner_text()


@pytest.mark.site
def test_a_check_says_that_it_needs_torch(kl_split):
    code = cells("cross_entropy")[cell_of("cross_entropy", "kl_split.prove()")]
    said = run(kl_split, code.replace("kl_split.prove()", "kl_split.check()")).inner_text()
    assert "ModuleNotFoundError" in said and "torch" in said


@pytest.mark.site
def test_an_endless_attempt_is_stopped(page, kl_split):
    write(kl_split, 'print("begun")\nwhile True: pass')
    press(kl_split, "Run")
    expect(kl_split.locator(".try-output")).to_have_text("begun")
    assert page.evaluate("new Promise((done) => setTimeout(done, 50, 'awake'))") == "awake"
    press(kl_split, "Stop")
    expect(kl_split.locator(".try-status")).to_have_text("Stopped")
    press(kl_split, "Reset")
    assert "∎" in run(kl_split).inner_text()


@pytest.mark.site
def test_what_was_fetched_once_serves_offline(page, site, kl_split):
    assert "∎" in run(kl_split).inner_text()
    write(kl_split, "while True: pass")
    press(kl_split, "Run")
    expect(kl_split.locator(".try-status")).to_have_text("Running")
    press(kl_split, "Stop")
    page.context.set_offline(True)
    site[1].clear()
    press(kl_split, "Reset")
    assert "∎" in run(kl_split).inner_text()
    assert site[1] == []


LISTEN = """import js
from pyodide.ffi import create_proxy
js.seen = js.Array.new()
note = lambda event: js.seen.push(event.effectiveDirective)
js.addEventListener("securitypolicyviolation", create_proxy(note))"""
FORBIDDEN = {  # each with what the frame's policy says of it
    "js.fetch('{http}')": "connect-src",
    "js.WebSocket.new('{ws}')": "connect-src",
    "js.EventSource.new('{http}')": "connect-src",
    "from pyodide.http import open_url\nopen_url('{http}')": "connect-src",
    "js.importScripts('{http}')": "script-src-elem",
    "js.importScripts('data:text/javascript,1')": "script-src-elem",
    "from pyodide.code import run_js\nrun_js('1')": "script-src",
}


@pytest.mark.site
def test_a_cell_reaches_neither_the_network_nor_what_is_stored(site, kl_split):
    address, asked = site
    addresses = {"http": f"{address}index.html", "ws": f"{address.replace('http', 'ws')}index.html"}
    assert run(kl_split, LISTEN).inner_text() == ""
    asked.clear()
    for code in FORBIDDEN:
        run(kl_split, "import js\n" + code.format(**addresses))
    seen = run(kl_split, "import js\nprint(js.seen.join(' '))").inner_text()
    assert sorted(seen.split()) == sorted(FORBIDDEN.values())
    assert asked == []
    assert "SecurityError" in run(kl_split, "import js\njs.indexedDB.open('here')").inner_text()
    assert "SecurityError" in run(kl_split, f"import js\njs.Worker.new('{addresses['http']}')").inner_text()
    assert "AttributeError" in run(kl_split, "import js\njs.caches").inner_text()


@pytest.mark.site
def test_what_a_cell_shows_stays_text(page, kl_split):
    code = r"""class Shown:
    def _repr_markdown_(self):
        tex = r"$\href{javascript:alert(1)}{x}$"
        return f"<img src=x onerror=alert(1)> {tex} <details><summary><b>a</b></summary></details>"
Shown()"""
    output = run(kl_split, code)
    assert output.locator("img, b, a, script").count() == 0
    assert "<img src=x" in output.inner_text()


@pytest.mark.site
def test_from_a_file_the_page_says_how_to_serve_it(page):
    page.goto(Path(SITE, "book", "cross_entropy.html").as_uri())
    expect(page.get_by_text("python3 -m http.server -d _build/html")).to_be_visible()
    assert page.locator(".try-it button:visible").count() == 0


@pytest.mark.site
def test_sympy_is_there_for_a_reader_who_knows_it(kl_split):
    asked = "import sympy\nt = sympy.Symbol('t')\nprint(sympy.simplify(sympy.sin(t)**2 + sympy.cos(t)**2))\n"
    asked += "print(sympy.lambdify(t, t**2, 'math')(3), sympy.solve(t**2 - 4), sympy.integrate(1 / t))"
    assert run(kl_split, asked).inner_text().split("\n") == ["1", "9 [-2, 2] log(t)"]
