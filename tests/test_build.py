"""`jupyter-book build .` with the book's own settings: strict, fresh, and in need of nobody else.

Each test builds pages of its own in a scratch folder, beside a stand-in for the package.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import chapters  # noqa: E402

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
MIME = "application/vnd.lossmath.evidence+json"


class Book:
    """A small book with the settings of the real one."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("_config.yml", "requirements.txt"):
            shutil.copy(ROOT / name, folder)
        for name in ("_ext", "_static", "_templates"):
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

    def build(self, **environment):
        """The exit status and what was printed."""
        run = subprocess.run(
            [JUPYTER_BOOK, "build", "."],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(self.folder), "LOSSMATH_REPOSITORY": ""} | environment,
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
    book.write("book/index.md", cell(f"import os\n\n{{name: os.environ[name] for name in {[*chapters.ENVIRONMENT]}}}"))
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
        ("# A page\n\nOf $\\nosuch{x}$.\n", "this formula cannot be typeset"),
        (cell("from IPython.display import Math\n\nMath(r'\\nosuch')"), "this formula cannot be typeset"),
    ],
    ids=["failing cell", "Python warning", "Sphinx warning", "reference", "link", "citation", "formula", "output"],
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


def test_the_icons_come_as_a_font_only(built):
    script = built.folder / "_build/html/_static/scripts/fontawesome.js"
    assert script.stat().st_size < 1000 and list((built.folder / "_build/html/_static").rglob("fa-*.woff2"))


def test_the_chapters_run_in_an_environment_of_their_own(built):
    shown = BeautifulSoup(built.page(), "html.parser").select(".cell_output")[-1].text
    assert ast.literal_eval(shown.strip()) == {
        name: os.environ.get(name, value) for name, value in chapters.ENVIRONMENT.items()
    }
    names = "OMP_NUM_THREADS OMP_WAIT_POLICY PYTHONHASHSEED SYMPY_CACHE_SIZE TQDM_DISABLE"
    assert sorted(chapters.ENVIRONMENT) == names.split()


def test_pages_ask_no_third_party_for_anything(built):
    for name in ("index", "other"):
        page = BeautifulSoup(built.page(name), "html.parser")
        asked = [tag.get("src") for tag in page.select("script[src], img[src], iframe[src], source[src]")]
        asked += [tag["href"] for tag in page.select("link[href]")]
        assert asked
        assert [address for address in asked if re.match(r"(https?:)?//", address)] == []


def test_formulas_are_typeset_in_the_page_without_a_script(built):
    page = BeautifulSoup(built.page(), "html.parser")
    assert str(page.select_one("article math msup")) == "<msup><mi>x</mi><mn>2</mn></msup>"
    assert not [script for script in page.select("script[src]") if "math" in script["src"].lower()]
    assert not [*(built.folder / "_build/html").rglob("*[mM]ath[jJ]ax*")]


def test_no_script_holds_up_the_page(built):
    scripts = BeautifulSoup(built.page(), "html.parser").select("head script")
    inline = [script.text for script in scripts if not script.has_attr("src") and script.get("type") != "module"]
    assert ["localStorage" in text or "fonts.load" in text for text in inline] == [True] * 2  # a few lines
    assert all(script.has_attr("defer") for script in scripts if script.has_attr("src"))


FORMULAS = r"""
# Formulas

(place)=
## A place

$$
a = b
$$ (one)

By {eq}`one`, and so ($p$, $q$), as in [$p$](#place), it is $p$-like.

```{code-cell} python
from IPython.display import Markdown, Math, display

display(Math(r"\frac{1}{2}"), Markdown("It is $x_1$.\n\n$$\ny\n$$"))
```
"""


def test_formulas_are_numbered_referred_to_linked_and_kept_with_what_follows_them(book):
    book.write("book/index.md", PAGE + FORMULAS)
    status, printed = book.build()
    assert status == 0, printed
    page = BeautifulSoup(book.page(), "html.parser").select_one("article")
    for tag in page.select("annotation"):
        tag.decompose()
    (number,) = page.select(".eqno")
    assert "(1)" in number.text and number.parent["id"] == "equation-one"
    assert "(1)" in [a.text for a in page.select('a[href="#equation-one"]')]
    assert [whole.text for whole in page.select(".together")] == ["x2.", "(p,", "q),", "p,", "p-like", "x1."]
    assert page.select_one("a:has(math)")["title"] == "A place"
    output = page.select(".cell_output")[-1]
    assert output.select_one("mfrac") and output.select_one("p msub") and output.select_one("math[display=block] mi")


def test_a_page_has_a_description_one_search_box_and_ways_on(built):
    page = BeautifulSoup(built.page(), "html.parser")
    assert page.select_one("meta[name=description]")["content"]
    assert len(page.select("input[type=search]")) == 1
    assert [a["href"] for a in page.select("a[href*=github], a[href*=mybinder], a[href*=colab]")] == []
    source = page.select_one("a[href$='.md'][href*=_sources]")["href"]
    assert (built.folder / "_build/html/book" / source).read_text("utf-8") == (
        built.folder / "book/index.md"
    ).read_text("utf-8")
    ways = {name: page.select_one(f"a.{name}") for name in ("left-prev", "right-next")}
    assert ways["left-prev"] is None and ways["right-next"]["href"] == "other.html"
    notebook = page.select_one("a[href$='.ipynb']")["href"]
    assert "forty-one" in (built.folder / "_build/html/book" / notebook).read_text(encoding="utf-8")


def test_with_the_repository_a_page_is_edited_and_launched(book):
    status, printed = book.build(LOSSMATH_REPOSITORY="https://github.com/owner/name/tree/trunk")
    assert status == 0, printed
    links = {a.text.strip(): a["href"] for a in BeautifulSoup(book.page(), "html.parser").select("a[href^=https]")}
    assert links["Suggest edit"] == "https://github.com/owner/name/edit/trunk/book/index.md"
    assert links["Binder"].endswith("/owner/name/notebooks?urlpath=lab/tree/book/index.ipynb")
    assert links["Colab"].endswith("/owner/name/blob/notebooks/book/index.ipynb")
    offered = json.loads((book.folder / "_build/html/_sources/book/index.ipynb").read_text(encoding="utf-8"))
    assert "git+https://github.com/owner/name@trunk" in offered["cells"][0]["source"]
    assert "mybinder" not in book.page("other")  # which does not run

    # without it, the same build has neither, and executes nothing again
    status, printed = book.build()
    assert status == 0 and EXECUTED not in printed, printed
    assert "github.com/owner" not in book.page()
    assert "git+" not in (book.folder / "_build/html/_sources/book/index.ipynb").read_text(encoding="utf-8")


def test_a_name_in_backticks_leads_to_its_claim(book):
    book.write("book/claims.toml", CLAIMS)
    book.write("book/index.md", claims(LEFT))
    book.write("book/other.md", TEXT.format(text="See `true`, not `false`."))
    status, printed = book.build()
    assert status == 0, printed
    links = BeautifulSoup(book.page("other"), "html.parser").select("article a:has(> code)")
    assert [(a.text, a["href"]) for a in links] == [("true", "index.html#true")]


def test_a_change_of_the_text_executes_nothing(book):
    assert book.build()[0] == 0
    book.write("book/index.md", PAGE.replace("A formula,", "Another formula,"))
    status, printed = book.build()
    assert status == 0, printed
    assert EXECUTED not in printed
    assert "Another formula," in book.page() and "forty-one" in book.page()


def test_chapters_run_at_the_same_time(book):
    # each waits for the other
    meet = """\
import pathlib, time

pathlib.Path("{own}").touch()
while not pathlib.Path("{other}").exists():
    time.sleep(0.1)
"""
    book.write("book/index.md", cell(meet.format(own="one", other="two")))
    other = cell(meet.format(own="two", other="one")).replace("{doc}`other`", "{doc}`index`")
    book.write("book/other.md", f"{other}\n```{{bibliography}}\n```\n")
    status, printed = book.build()
    assert status == 0, printed
    assert printed.count(EXECUTED) == 2


def test_every_chapter_that_fails_is_named(book):
    book.write("book/index.md", cell("1 / 0"))
    book.write("book/other.md", cell("nowhere").replace("{doc}`other`", "{doc}`index`"))
    status, printed = book.build()
    assert status != 0
    assert "ZeroDivisionError" in printed and "NameError" in printed


def test_no_tag_lets_a_cell_fail(book):
    book.write("book/index.md", cell(":tags: [raises-exception]\n\n1 / 0"))
    status, printed = book.build()
    assert status != 0
    assert "ZeroDivisionError" in printed


# What a claim's cells leave behind, as the verbs leave it, for a package that is only a stand-in.
CLAIM = {"claim": "true", "statements": ["1 == 1"], "given": ["Real(x)"], "latex": "$1 = 1$"}
LEFT = [
    CLAIM | {"verb": "prove", "rules": ["normal form"], "lemmas": [], "definitions": {}},
    CLAIM | {"verb": "check", "cases": 7, "residual": 0.0, "device": "cpu", "shown": "at 7 points"},
    CLAIM | {"verb": "refute", "statements": ["1 == 2"], "counterexample": "1 is not 2", "shown": "$1 = 2$"},
    CLAIM
    | {"verb": "mutate", "mutants": [{"change": "a sign flipped", "fate": "refuted", "mutant": "", "reason": ""}]},
]
CLAIMS = """\
[claims.true]
kind = "identity"
chapter = "index"
says = "One is one."
statements = ["1 == 1"]
given = ["Real(x)"]
"""


def claims(records):
    """A page whose cell leaves these records, as `lossmath.claims.evidence.publish` does."""
    code = ["from IPython.display import display"]
    for number, record in enumerate(records):
        kept = {"scrapbook": {"name": f"record {number}", "mime_prefix": "application/"}}
        code.append(f"display({{{MIME!r}: {record!r}}}, raw=True, metadata={kept!r})")
    return cell("\n".join([*code, "'shown'"])).replace("# A page", "(true)=\n# A page")


def test_the_ledger_is_what_the_cells_of_this_build_did(book):
    book.write("book/claims.toml", CLAIMS)
    book.write("book/index.md", claims(LEFT))
    text = TEXT.format(text="<!-- ledger: summary -->\n\n<!-- ledger: graph -->\n\n<!-- ledger: claims -->")
    book.write("book/other.md", text)
    status, printed = book.build()
    assert status == 0, printed
    outputs = BeautifulSoup(book.page(), "html.parser").select(".cell_output")
    assert [output.text.strip() for output in outputs] == ["'shown'", "'forty-one'"][::-1]
    assert "Of these, 1 was checked, at 7 random points" in " ".join(
        BeautifulSoup(book.page("other"), "html.parser").text.split()
    )
    offered = json.loads((book.folder / "_build/html/_sources/book/index.ipynb").read_text(encoding="utf-8"))
    outputs = [output for one in offered["cells"] for output in one.get("outputs", [])]
    assert len(outputs) == 2 and not any(MIME in output["data"] for output in outputs)
    links = {a["href"] for a in BeautifulSoup(book.page("other"), "html.parser").select("svg a, li a")}
    assert {"../book/index.html#true", "../book/index.html#true-proof"} <= links
    assert BeautifulSoup(book.page(), "html.parser").find(id="true-proof")
    path = book.folder / "_build/html/ledger.json"
    written = path.read_text(encoding="utf-8")
    assert '"status": "proved"' in written

    # what is edited afterwards is written anew, and changes nothing
    path.write_text(written.replace("proved", "refuted"), encoding="utf-8")
    status, printed = book.build()
    assert status == 0 and EXECUTED not in printed
    assert path.read_text(encoding="utf-8") == written

    # without the call, red, and red again; with it, green without executing anything
    book.write("book/index.md", claims(LEFT[1:]))
    for _ in range(2):
        status, printed = book.build()
        assert status != 0
        assert "true: no proof in the chapter index" in printed
    book.write("book/index.md", claims(LEFT))
    status, printed = book.build()
    assert status == 0, printed
    assert EXECUTED not in printed

    # a contract that asks for more
    book.write("book/claims.toml", CLAIMS + CLAIMS.replace("claims.true", "claims.false"))
    status, printed = book.build()
    assert status != 0
    assert "false: no proof in the chapter index" in printed and "no label (false)=" in printed


def test_a_verdict_says_what_else_was_done_and_how_it_was_checked_is_folded_with_the_proof(book):
    proof = "∎ `true` is **proved**.\n\n<details>\n<summary>How</summary>\n\n- by itself\n\n</details>"
    shown = f"from IPython.display import Markdown\ndisplay(Markdown({proof!r}), Markdown('✓ **Checked** so.'))"
    book.write("book/claims.toml", CLAIMS)
    book.write("book/index.md", claims(LEFT).replace("\n'shown'", f"\n{shown}"))
    book.write("book/other.md", TEXT.format(text="<!-- ledger: claims -->"))
    status, printed = book.build()
    assert status == 0, printed
    output = BeautifulSoup(book.page(), "html.parser").select(".cell_output")[-1]
    said = "∎ true is proved. Checked at 7 points. 1 near miss and 1 of 1 mutant refuted. The ledger"
    assert [" ".join(part.text.split()) for part in output.select("p")] == [said, "by itself", "✓ Checked so."]
    assert [a["href"] for a in output.select("p a")] == ["#true", "other.html#ledger-true"]
    assert output.select("details p")[-1].text == "✓ Checked so."


def test_two_cold_builds_give_the_same_site(book):
    draw = "from matplotlib import pyplot as plt\n\nplt.plot([1, 2])\nplt.rcParams['svg.hashsalt'] = 'a'"
    book.write("book/index.md", cell(draw))

    def site():
        assert book.build()[0] == 0
        folder = book.folder / "_build"
        found = {path.relative_to(folder): path.read_bytes() for path in (folder / "html").rglob("*") if path.is_file()}
        shutil.rmtree(folder)
        return found

    one, other = site(), site()
    assert [name for name in one | other if one.get(name) != other.get(name)] == []


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
    needed = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    pinned = {pin.split("==")[0] for pin in pins()}
    assert {re.match(r"[a-z0-9-]+", line)[0] for line in needed} <= pinned | {"lossmath"}  # whose extras hold others
