"""The ways from a page into the repository: none without its address; with it, all of them lead where they say."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import yaml
from IPython.core.interactiveshell import InteractiveShell
from sphinx.errors import ConfigError

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import repository  # noqa: E402

PAGE = "book/focal_loss"


def configure(monkeypatch, address):
    """An app that was configured with an address, and its theme's options."""
    monkeypatch.setenv("LOSSMATH_REPOSITORY", address)
    app, config = SimpleNamespace(executed={PAGE: None}), SimpleNamespace(html_theme_options={})
    repository.find(app, config)
    return app, config.html_theme_options


def buttons(app, page):
    context = {"header_buttons": []}
    repository.offer_launchers(app, page, "page.html", context, None)
    return {button["text"]: button["url"] for group in context["header_buttons"] for button in group["buttons"]}


@pytest.mark.parametrize(
    ("address", "branch"),
    [
        ("https://github.com/owner/na-me", "main"),
        ("https://github.com/owner/na-me/", "main"),
        ("https://github.com/owner/na-me.git", "main"),
        ("https://github.com/owner/na-me/tree/a/trunk", "a/trunk"),
    ],
)
def test_an_address_is_read_as_the_browser_shows_it(monkeypatch, address, branch):
    app, options = configure(monkeypatch, address)
    assert app.repository == ("https://github.com/owner/na-me", "owner/na-me", branch)
    assert options["repository_url"] == "https://github.com/owner/na-me" and options["repository_branch"] == branch
    assert options["use_edit_page_button"] is options["use_repository_button"] is True


@pytest.mark.parametrize("address", ["github.com/owner/name", "https://github.com/owner", "https://example.org/a/b"])
def test_an_address_that_is_none_is_an_error_that_says_so(monkeypatch, address):
    with pytest.raises(ConfigError, match=f"such as https://github.com/owner/name, got '{address}'"):
        configure(monkeypatch, address)


def test_without_an_address_there_is_no_button_and_no_cell(monkeypatch):
    app, options = configure(monkeypatch, "")
    assert options == {} and buttons(app, PAGE) == {}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    assert [cell.source for cell in repository.installing(app, notebook).cells] == ["1"]


def test_only_a_page_that_runs_is_launched(monkeypatch):
    app, _ = configure(monkeypatch, "https://github.com/owner/name")
    assert buttons(app, "book/references") == {}
    assert list(buttons(app, PAGE)) == ["Binder", "Colab"]


def test_the_buttons_open_what_ci_puts_there(monkeypatch, tmp_path):
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "notebooks", tmp_path / ".ci")
    sources = tmp_path / "_build" / "html" / "_sources" / "book"
    sources.mkdir(parents=True)
    (sources / "focal_loss.ipynb").write_text("{}")
    (sources / "focal_loss.md").write_text("")
    told = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "owner/name", "GITHUB_SHA": "0123abc"}
    for _ in range(2):  # it can be run again
        subprocess.run(["bash", ".ci/notebooks"], cwd=tmp_path, env=os.environ | told, check=True)
    branch = tmp_path / "_build" / "notebooks"
    found = {path.relative_to(branch).as_posix() for path in branch.rglob("*") if path.is_file()}
    assert found == {"environment.yml", f"{PAGE}.ipynb"}

    app, _ = configure(monkeypatch, "https://github.com/owner/name/tree/trunk")
    for url in buttons(app, PAGE).values():
        assert re.search(r"/owner/name/(blob/)?notebooks[/?]", url)
        assert re.search(r"(/notebooks/|lab/tree/)(.*)", url)[2] in found
    needs = yaml.safe_load((branch / "environment.yml").read_text())["dependencies"]
    assert needs[-1]["pip"] == ["lossmath[claims,plots,experiments] @ git+https://github.com/owner/name@0123abc"]

    jobs = yaml.safe_load((ROOT / ".github/workflows/book.yml").read_text())["jobs"]
    assert jobs["build"]["env"]["LOSSMATH_REPOSITORY"].startswith("${{ github.server_url }}/${{ github.repository }}")
    assert {"run": "bash .ci/notebooks"} in jobs["build"]["steps"]
    assert re.search(r"git push .* notebooks$", jobs["notebooks"]["steps"][-1]["run"].strip())


@pytest.mark.parametrize("missing", [False, True], ids=["here", "on Colab"])
def test_the_first_cell_installs_what_is_missing_and_does_nothing_elsewhere(monkeypatch, missing):
    app, _ = configure(monkeypatch, "https://github.com/owner/name/tree/trunk")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    first, second = repository.installing(app, notebook).cells
    assert second.source == "1" and not json.loads(nbformat.writes(notebook))["cells"][0]["outputs"]

    asked, shell = [], InteractiveShell()
    shell.register_magic_function(asked.append, magic_name="pip")
    if missing:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    shell.run_cell(first.source).raise_error()
    wanted = 'install -q "lossmath[claims,plots,experiments] @ git+https://github.com/owner/name@trunk"'
    assert asked == ([wanted] if missing else [])
