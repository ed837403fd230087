"""A chapter in JupyterLab, as the README says: a reader changes a number and runs all cells. Run with `-m site`."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import pytest
from playwright.sync_api import expect
from test_site import ROOT, browser  # noqa: F401

pytestmark = pytest.mark.site

CHAPTER = ROOT / "book" / "your_own_loss.md"
PATIENCE = 60  # seconds
expect.set_options(timeout=1000 * PATIENCE)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab with the settings of a newcomer, and the folder that it shows."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("book")
    jupyter = shutil.which("jupyter", path=Path(sys.executable).parent) or "jupyter"
    options = ["--no-browser", "--allow-root", "--ServerApp.port=0", "--LabApp.news_url=None"]
    places = {f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    places |= {f"JUPYTERLAB_{name}_DIR": str(home / name) for name in ("SETTINGS", "WORKSPACES")}
    environment = os.environ | places | {"PYTHONPATH": str(ROOT)}
    with (home / "log").open("w") as log:
        server = subprocess.Popen([jupyter, "lab", str(folder), *options], env=environment, stderr=log)
    try:
        late = time.monotonic() + PATIENCE
        while " is running at:" not in (said := (home / "log").read_text()):
            assert server.poll() is None and time.monotonic() < late, said
            time.sleep(0.1)
        (told,) = (home / "RUNTIME").glob("jpserver-*.json")
        found = json.loads(told.read_text())
        yield found, folder
    finally:
        server.terminate()
        server.wait(PATIENCE)


@pytest.fixture
def notebook(lab, browser, request):  # noqa: F811
    """The chapter, opened as a notebook, in a copy of its own."""
    server, folder = lab
    name = f"{request.node.name}.md"
    shutil.copy(CHAPTER, folder / name)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(f"{server['url']}lab/workspaces/{request.node.name}?token={server['token']}")
    page.locator(".jp-DirListing-item", has_text=name).click(button="right")
    page.locator(".lm-Menu-item", has_text="Open With").hover()
    page.locator(".lm-Menu-item").get_by_text("Notebook", exact=True).click()
    expect(page.locator(".jp-CodeCell")).to_have_count(CHAPTER.read_text("utf-8").count("```{code-cell}"))
    expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle")
    yield page
    page.close()


def change(page, old, new):
    """Change what stands once in the chapter."""
    cell = page.locator(".jp-CodeCell", has_text=old)
    page.locator(".jp-Notebook").hover()
    expect(cell).to_have_count(1)
    while not cell.locator(".cm-content").is_visible():  # what is out of sight is not drawn
        page.mouse.wheel(0, 400)
        page.wait_for_timeout(100)
    cell.locator(".cm-content").click()
    code = cell.locator(".cm-line").all_text_contents()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text("\n".join(code).replace(old, new))
    expect(page.locator(".jp-CodeCell", has_text=new)).to_have_count(1)


def run_all(page):
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.locator(".lm-Menu-item").get_by_text("Run All Cells", exact=True).click()


def failures(page):
    return page.locator('.jp-CodeCell [data-mime-type="application/vnd.jupyter.stderr"]')


def test_a_number_is_changed_and_all_cells_run(notebook, lab):
    change(notebook, "loss = 1 / x", "loss = 3 / x")
    run_all(notebook)
    cells = notebook.locator(".jp-CodeCell")
    ran = [re.compile(rf"\[{n}\]:") for n in range(1, cells.count() + 1)]
    expect(cells.locator(".jp-InputPrompt")).to_have_text(ran)
    assert failures(notebook).count() == 0
    assert cells.locator(".jp-OutputArea-output").count() == len(ran)
    drawn = cells.filter(has_text="for tenths in").locator(".jp-OutputArea-output").text_content()
    weights = [float(weight) for weight in re.findall(r"w = +(\S+)", drawn)]
    assert weights == pytest.approx([3 / (tenths / 10) for tenths in range(1, 11)], abs=0.005)

    # what is saved is the chapter, with that number in it
    notebook.keyboard.press("ControlOrMeta+s")
    expect(notebook.locator(".jp-DirtyIndicator, .jp-mod-dirty")).to_have_count(0)
    (saved,) = lab[1].glob("test_a_number*.md")
    body = [path.read_text("utf-8").split("\n---\n", 1)[1] for path in (CHAPTER, saved)]
    assert body[1] == body[0].replace("loss = 1 / x", "loss = 3 / x") != body[0]


def test_a_statement_made_false_is_told_with_a_counterexample(notebook):
    change(notebook, "t**3 / u**2 >= 3 * t", "t**3 / u**2 >= 4 * t")
    run_all(notebook)
    expect(failures(notebook)).to_have_count(1)
    said = failures(notebook).text_content()
    point = re.search(
        r"ProofError.* is false: t = (\S+), u = (\S+): the left side is (\S+), which is not >= (\S+)", said
    )
    t, u, left, right = map(Fraction, point.groups())
    assert t > 0 and u > 0 and left == t**3 / u**2 < right == 4 * t - 2 * u
