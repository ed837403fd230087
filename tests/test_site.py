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
        const read = !node.parentElement.closest("pre, code, script, style, noscript, mjx-container");
        if (read && /\$|\\[a-zA-Z()[\]]/.test(node.data)) found.push(node.data);
    }
    return found;
}"""

# Elements of the article that stick out of the window and cannot be scrolled into it.
STICKS_OUT = """() => [...document.querySelectorAll("article *")].filter(element => {
    if (element.closest("mjx-assistive-mml") || element.getBoundingClientRect().right <= innerWidth + 1) return false;
    for (let parent = element.parentElement; parent; parent = parent.parentElement)
        if (["auto", "scroll"].includes(getComputedStyle(parent).overflowX)) return false;
    return true;
}).map(element => element.outerHTML.slice(0, 100))"""

IMAGES = """() => [...document.querySelectorAll("article img")].map(image => {
    const { backgroundColor, filter } = getComputedStyle(image);
    return { src: image.src, alt: image.alt.trim(), width: image.naturalWidth, backgroundColor, filter };
})"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def address():
    if not (SITE / "index.html").is_file():
        pytest.fail("There is no built book in _build/html: run `jupyter-book build .` first.")
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

    page.evaluate("window.MathJax ? MathJax.startup.promise.then(() => null) : null")
    assert page.locator(".math:not(:has(mjx-container))").all_inner_texts() == []
    assert page.locator("mjx-merror, mjx-mtext[style*=red]").all_inner_texts() == []  # red: an unknown macro
    assert page.evaluate(RAW_TEX) == []
    if "$" in (ROOT / f"{name}.md").read_text(encoding="utf-8"):
        assert page.locator("mjx-container").count() > 0

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(STICKS_OUT) == []
    for image in page.evaluate(IMAGES):
        assert image["width"] > 0 and image["alt"], image
        assert (image["backgroundColor"], image["filter"]) == ("rgba(0, 0, 0, 0)", "none"), image

    context.close()
    assert wrong == []


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
