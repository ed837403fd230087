"""The built book in Chromium, as a reader meets it. Run with `-m site`, after a build.

A missing site or browser fails these tests: whoever asks for them wants to know.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import sync_playwright

pytestmark = pytest.mark.site

ROOT = Path(__file__).parent.parent
SITE = ROOT / "_build" / "html"
PAGES = re.findall(r"(?:root|file): (\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run"
    " --disable-background-networking --disable-component-update --disable-sync"
).split()

# Text that a reader sees, code aside, in which TeX was left as it was written.
RAW_TEX = r"""() => {
    const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
        const node = walker.currentNode;
        const read = !node.parentElement.closest("pre, code, script, style, noscript, annotation");
        if (read && /\$|\\[a-zA-Z()[\]]/.test(node.data)) found.push(node.data);
    }
    return found;
}"""

# Elements of the article that stick out of the window and cannot be scrolled into it.
STICKS_OUT = """() => [...document.querySelectorAll("article *")].filter(element => {
    if (element.getBoundingClientRect().right <= innerWidth + 1) return false;
    for (let parent = element.parentElement; parent; parent = parent.parentElement)
        if (["auto", "scroll"].includes(getComputedStyle(parent).overflowX)) return false;
    return true;
}).map(element => element.outerHTML.slice(0, 100))"""

# All signs of a page's formulas in one place, where Chromium can be asked for their fonts.
SIGNS = """() => {
    const place = document.createElementNS("http://www.w3.org/1998/Math/MathML", "math");
    place.id = "signs";
    const signs = document.querySelectorAll("article math :is(mi, mo, mn, mtext)");
    const once = new Map([...signs].map(sign => [sign.tagName + sign.textContent, sign]));
    for (const sign of once.values()) place.append(sign.cloneNode(true));
    document.body.append(place);
    return once.size;
}"""

# Where a line ends between a formula and the comma or full stop after it.
TORN = """() => [...document.querySelectorAll("article span.math")].filter(formula => {
    const after = formula.nextSibling;
    if (!after || after.nodeType !== Node.TEXT_NODE || !/^[.,;:)]/.test(after.data)) return false;
    const range = document.createRange();
    range.setStart(after, 0);
    range.setEnd(after, 1);
    return range.getBoundingClientRect().left < formula.getBoundingClientRect().left;
}).map(formula => formula.outerHTML)"""

COPIED = """part => {
    getSelection().selectAllChildren(part);
    const event = new ClipboardEvent("copy", { clipboardData: new DataTransfer(), bubbles: true, cancelable: true });
    part.dispatchEvent(event);
    return event.clipboardData.getData("text/plain");
}"""

IMAGES = """() => [...document.querySelectorAll("article img")].map(image => {
    const { backgroundColor, filter } = getComputedStyle(image);
    return { src: image.src, alt: image.alt.trim(), width: image.naturalWidth, backgroundColor, filter };
})"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module", params=["server", "files"])
def address(request):
    """Where the site is: at a server, or in the file system."""
    if not (SITE / "index.html").is_file():
        pytest.fail("There is no built book in _build/html: run `jupyter-book build .` first.")
    if request.param == "files":
        yield f"{SITE.as_uri()}/"
        return
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=SITE)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser():
    path = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
    if path is None:
        pytest.fail("There is no Chromium on this machine.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.mark.parametrize("width", [1280, 390], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_page(address, browser, name, scheme, width):
    wrong = []
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 844})
    page = context.new_page()
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
    page.on("request", lambda asked: None if asked.url.startswith((address, "data:")) else wrong.append(asked.url))
    page.goto(f"{address}{name}.html", wait_until="networkidle")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme

    assert page.evaluate(RAW_TEX) == []
    assert page.evaluate(TORN) == []
    if "$" in (ROOT / f"{name}.md").read_text(encoding="utf-8"):
        assert page.locator(".math math").count() > 0
    assert page.locator(".math:not(:has(math)), merror, [mathcolor]").all_inner_texts() == []

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(STICKS_OUT) == []
    for image in page.evaluate(IMAGES):
        assert image["width"] > 0 and image["alt"], image
        assert (image["backgroundColor"], image["filter"]) == ("rgba(0, 0, 0, 0)", "none"), image

    context.close()
    assert wrong == []


@pytest.fixture
def page(browser):
    page = browser.new_page()
    yield page
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_formulas_are_drawn_in_their_own_font(address, page, name):
    page.goto(f"{address}{name}.html")
    signs = page.evaluate(SIGNS)
    tool = page.context.new_cdp_session(page)
    root = tool.send("DOM.getDocument")["root"]["nodeId"]
    node = tool.send("DOM.querySelector", {"nodeId": root, "selector": "#signs"})["nodeId"]
    tool.send("CSS.enable")
    fonts = tool.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    assert sum(font["glyphCount"] for font in fonts) >= signs
    assert [
        font for font in fonts if not (font["isCustomFont"] and "NewComputerModernMath" in font["familyName"])
    ] == []


def test_no_formula_is_cut_by_its_own_box(address, page):
    page.goto(f"{address}book/calibration.html", wait_until="networkidle")
    assert page.locator("article .math").count() > 50
    page.evaluate("document.body.replaceChildren(...document.querySelectorAll('article .math'))")
    within = page.screenshot(animations="disabled")
    page.add_style_tag(content="div.math, span.math { overflow: visible !important; }")
    assert page.screenshot(animations="disabled") == within


def test_what_is_copied_holds_formulas_as_latex(address, page):
    page.goto(f"{address}book/focal_loss.html")
    assert "For a focusing parameter $\\gamma \\geq 0$," in page.locator("article p").evaluate_all(
        f"parts => parts.map({COPIED})"
    )
    display = page.locator("article div.math:has(mtable)").first.evaluate(COPIED)
    assert display.startswith("$$\n\\begin{aligned}") and display.endswith("\\end{aligned}\n$$")
    inside = page.locator("article p math").first.locator("mo, mi").first.evaluate(COPIED)
    assert inside.startswith("$") and inside.endswith("$")  # a part of a formula gives the whole


def test_what_is_folded_opens_for_a_link_and_in_print(address, page):
    page.goto(f"{address}book/focal_loss.html")
    folded = page.locator("article details")
    assert folded.count() > 5 and page.locator("article details[open]").count() == 0
    assert page.locator("details.proof summary").first.inner_text().startswith("How, in ")
    page.evaluate(
        "document.querySelectorAll('article details').forEach((part, k) => part.lastElementChild.id = `in-${k}`)"
    )
    page.evaluate("location.hash = '#in-3'")
    page.wait_for_function("document.querySelectorAll('article details')[3].open")
    assert page.locator("#in-3").is_visible() and page.locator("article details[open]").count() == 1
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("article details[open]").count() == folded.count()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("article details[open]").count() == 1
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_page_opened_at_what_is_folded_shows_it(address, page):
    """As from a search engine, or from another chapter."""
    page.goto(f"{address}book/cross_entropy.html")
    target = page.evaluate("[...document.querySelectorAll('article details [id]')].map(part => part.id)[0]")
    page.goto("about:blank")
    page.goto(f"{address}book/cross_entropy.html#{target}")
    assert page.locator(f"[id='{target}']").is_visible()


def test_icons_are_drawn(address, page):
    page.goto(f"{address}book/focal_loss.html")
    tool = page.context.new_cdp_session(page)
    tool.send("DOM.enable"), tool.send("CSS.enable")
    root = tool.send("DOM.getDocument")["root"]["nodeId"]
    for node in tool.send("DOM.querySelectorAll", {"nodeId": root, "selector": "i[class*=fa-]"})["nodeIds"]:
        fonts = tool.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
        assert all(font["isCustomFont"] for font in fonts)


@cache
def ids(page):
    """The places in a page that a link can lead to."""
    return {tag["id"] for tag in BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").find_all(id=True)}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    page = SITE / f"{name}.html"
    links = [a["href"] for a in BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").select("a[href]")]
    assert links
    for link in links:
        if re.match(r"[a-z]+:", link):
            continue
        path, fragment = map(unquote, urldefrag(link))
        target = (page.parent / path.split("?")[0]).resolve() if path else page
        assert target.is_file(), link
        if fragment:
            assert fragment in ids(target), link


def test_a_build_of_an_unchanged_tree_executes_nothing():
    jupyter_book = shutil.which("jupyter-book", path=Path(sys.executable).parent) or "jupyter-book"
    run = subprocess.run([jupyter_book, "build", "."], cwd=ROOT, capture_output=True, encoding="utf-8")
    assert run.returncode == 0, run.stderr
    assert "Executed notebook in" not in run.stdout + run.stderr
    assert "0 added, 0 changed, 0 removed" in run.stdout


def test_a_cold_build_elsewhere_gives_the_same_site(tmp_path):
    for name in ("_config.yml", "_toc.yml", "requirements.txt", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("book", "lossmath"):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        )
    shutil.copytree(ROOT / "_build" / "runtime", tmp_path / "_build" / "runtime")
    jupyter_book = shutil.which("jupyter-book", path=Path(sys.executable).parent) or "jupyter-book"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    run = subprocess.run(
        [jupyter_book, "build", "."], cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8"
    )
    assert run.returncode == 0, run.stderr
    built = tmp_path / "_build" / "html"
    # but for the index of the search, which is in the order in which pages were last read
    names = [path.relative_to(built) for path in built.rglob("*") if path.is_file() and path.name != "searchindex.js"]
    assert names

    def content(path):
        # Sphinx adds a checksum to the address of a file of a package if an earlier build has put it there
        return re.sub(rb"[?]v=[0-9a-f]{8}", b"", path.read_bytes()) if path.suffix == ".html" else path.read_bytes()

    assert [name for name in names if content(SITE / name) != content(built / name)] == []
