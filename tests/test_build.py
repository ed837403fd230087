"""`jupyter-book build .` with the book's own settings: strict, fresh, and in need of nobody else.

Each test builds pages of its own in a scratch folder, beside a stand-in for the package.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).parent.parent
JUPYTER_BOOK = shutil.which("jupyter-book", path=Path(sys.executable).parent) or "jupyter-book"

PAGE = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  name: python3
---

# A page

A formula, $x^2$. {cite:t}`someone` wrote on it; see {doc}`other`.

```{code-cell} python
import lossmath

lossmath.ANSWER
```
"""
TEXT = """\
# Another page

(here)=
## A section

{text}

```{{bibliography}}
```
"""
BIB = "@book{someone, author={Some One}, title={A book}, publisher={A publisher}, year={2000}}\n"
EXECUTED = "Executed notebook in"


class Book:
    """A small book with the settings of the real one."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("_config.yml", "requirements.txt"):
            shutil.copy(ROOT / name, folder)
        for name in ("_ext", "_static"):
            shutil.copytree(ROOT / "book" / name, folder / "book" / name)
        self.write("_toc.yml", "format: jb-book\nroot: book/index\nchapters:\n  - file: book/other\n")
        self.write("book/references.bib", BIB)
        self.write("book/index.md", PAGE)
        self.write("book/other.md", TEXT.format(text="Some text."))
        self.write("lossmath/__init__.py", "ANSWER = 'forty-one'\n")

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def build(self):
        """The exit status and what was printed."""
        run = subprocess.run(
            [JUPYTER_BOOK, "build", "."],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(self.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        return run.returncode, run.stdout

    def page(self, name="index"):
        return (self.folder / f"_build/html/book/{name}.html").read_text(encoding="utf-8")


@pytest.fixture
def book(tmp_path):
    return Book(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    book = Book(tmp_path_factory.mktemp("book"))
    status, printed = book.build()
    assert status == 0, printed
    return book


def cell(code):
    return f"{PAGE}\n```{{code-cell}} python\n{code}\n```\n"


@pytest.mark.parametrize(
    "page, said",
    [
        (cell("1 / 0"), "ZeroDivisionError"),
        (cell("import warnings; warnings.warn('careful')"), "stderr was found"),
        ("# A page\n\n```{nosuch}\n```\n", "Unknown directive"),
        ("# A page\n\n{py:func}`nowhere`\n", "py:func reference target not found"),
        ("# A page\n\n[text](#nowhere)\n", "target not found"),
        ("# A page\n\n{cite:t}`nobody`\n", 'could not find bibtex key "nobody"'),
    ],
    ids=["failing cell", "Python warning", "Sphinx warning", "reference", "link", "citation"],
)
def test_what_is_wrong_fails_the_build_twice(book, page, said):
    book.write("book/index.md", page)
    for _ in range(2):
        status, printed = book.build()
        assert status != 0, printed
        assert said in printed


def test_a_reference_broken_from_another_page_fails_the_build_twice(book):
    book.write("book/index.md", "# A page\n\nSee {ref}`here`.\n")
    assert book.build()[0] == 0
    book.write("book/other.md", TEXT.format(text="").replace("(here)=", "(there)="))
    for _ in range(2):
        status, printed = book.build()
        assert status != 0, printed
        assert "undefined label" in printed


def test_a_chapter_runs_again_when_what_it_imports_has_changed_and_not_otherwise(book):
    status, printed = book.build()
    assert status == 0, printed
    assert EXECUTED in printed
    assert "forty-one" in book.page()

    def rebuild(executes):
        status, printed = book.build()
        assert status == 0, printed
        assert (EXECUTED in printed) == executes, printed

    rebuild(executes=False)
    book.write("lossmath/__init__.py", "ANSWER = 'forty-two'\n")
    rebuild(executes=True)
    assert "forty-two" in book.page()
    book.write("lossmath/__init__.py", "ANSWER = 'forty-one'\n")
    rebuild(executes=False)
    assert "forty-one" in book.page()

    pins = (book.folder / "requirements.txt").read_text(encoding="utf-8")
    book.write("requirements.txt", pins + "# changed\n")
    rebuild(executes=True)
    book.write("requirements.txt", pins)
    rebuild(executes=False)


def test_a_failure_mended_is_green_and_the_page_that_was_right_is_not_run_again(book):
    assert book.build()[0] == 0
    book.write("book/other.md", TEXT.format(text="{cite:t}`nobody`"))
    assert book.build()[0] != 0
    book.write("book/other.md", TEXT.format(text="Mended."))
    status, printed = book.build()
    assert status == 0, printed
    assert EXECUTED not in printed
    assert "Mended." in book.page("other")


def test_pages_ask_no_third_party_for_anything(built):
    for name in ("index", "other"):
        page = BeautifulSoup(built.page(name), "html.parser")
        asked = [tag.get("src") for tag in page.select("script[src], img[src], iframe[src], source[src]")]
        asked += [tag["href"] for tag in page.select("link[href]")]
        assert asked
        assert [address for address in asked if re.match(r"(https?:)?//", address)] == []
    mathjax = BeautifulSoup(built.page(), "html.parser").select("script[src*=mathjax]")
    assert len(mathjax) == 1


def test_a_page_has_a_description_one_search_box_and_its_notebook(built):
    page = BeautifulSoup(built.page(), "html.parser")
    assert page.select_one("meta[name=description]")["content"]
    assert len(page.select("input[type=search]")) == 1
    notebook = page.select_one("a[href$='.ipynb']")["href"]
    assert "forty-one" in (built.folder / "_build/html/book" / notebook).read_text(encoding="utf-8")


def test_no_chapter_opts_out_of_strictness():
    chapters = sorted((ROOT / "book").glob("*.md"))
    assert chapters
    ways_out = re.compile(r"raises-exception|allow_errors|execution_mode|skip-execution|stderr|^!(?!\[)|^%%", re.M)
    for chapter in chapters:
        found = ways_out.findall(chapter.read_text(encoding="utf-8"))
        assert found == [], chapter.name


def pins():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line.split("  #")[0].rstrip() for line in lines if not line.startswith("#")]


def test_every_requirement_is_pinned_and_none_is_for_cuda():
    editable, *rest = pins()
    assert editable == "-e ."
    for pin in rest:
        assert re.fullmatch(r"[a-z0-9-]+==[0-9a-z.]+( ; .+)?", pin), pin
        assert not re.match(r"nvidia|cuda|triton", pin), pin


def test_whatever_the_package_the_book_and_the_tests_need_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *sum(project["optional-dependencies"].values(), [])]
    pinned = {pin.split("==")[0] for pin in pins()}
    assert {re.match(r"[a-z0-9-]+", line)[0] for line in needed} <= pinned
