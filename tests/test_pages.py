"""No silent holes: what a page may not do, since it would let something false or stale through the build."""

import ast
import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "book").glob("*.md"))
OPENS = re.compile(r"^(`{3,}|~{3,}|:{3,})\{code-cell\}.*?\n(.*?)^\1", re.MULTILINE | re.DOTALL)


def cells(text):
    """The code cells of a page, as (options, code)."""
    for fence in OPENS.finditer(text):
        options = re.match(r"---\n(.*?)^---\n|((?::[\w-]+:.*\n)+)", fence[2], re.MULTILINE | re.DOTALL)
        yield (options[0] if options else ""), fence[2][options.end() if options else 0 :]


def front_matter(text):
    found = re.match(r"---\n(.*?)^---\n", text, re.MULTILINE | re.DOTALL)
    return yaml.safe_load(found[1]) if found else {}


def failures_are_not_allowed(text):
    """No tag or setting that lets a cell fail, be skipped, or hide what it printed."""
    ways_out = r"raises-exception|skip-execution|allow_errors|execution_mode|execution_show_tb|stderr"
    ways_out += r"|remove-|hide-|:tags:|^tags:"
    for options, _ in cells(text):
        yield from re.findall(ways_out, options, re.MULTILINE)
    yield from (key for key in front_matter(text) if key not in ("jupytext", "kernelspec"))


def no_cell_leaves_python(text):
    """No shell command and no magic: their failures are not errors."""
    for _, code in cells(text):
        yield from re.findall(r"^\s*[!%].*", code, re.MULTILINE)


def no_cell_ends_in_a_bare_comparison(text):
    """A comparison that is False is only printed; nothing fails."""
    for _, code in cells(text):
        try:
            last = ast.parse(code).body[-1:]
        except SyntaxError:
            yield f"not Python: {code}"
            continue
        for line in last:
            if isinstance(line, ast.Expr) and isinstance(line.value, (ast.Compare, ast.BoolOp)):
                yield ast.unparse(line)
            if (
                isinstance(line, ast.Expr)
                and isinstance(line.value, ast.UnaryOp)
                and isinstance(line.value.op, ast.Not)
            ):
                yield ast.unparse(line)


def no_cell_swallows_a_failure(text):
    """No `except`, no `suppress`, no thread in which an exception is lost, no evidence that nothing was done for."""
    for _, code in cells(text):
        yield from re.findall(
            r"\bexcept\b|\bsuppress\b|\bThread\b|\bevidence\.publish\b|vnd\.lossmath|\bget_ipython\b", code
        )


def cells_are_short(text):
    """A dozen lines of code, as wide as a phone shows at most."""
    for _, code in cells(text):
        lines = code.rstrip().splitlines()
        if sum(bool(line.strip()) for line in lines) > 12 or len(lines) > 14:
            yield f"{len(lines)} lines: {lines[0]}"
        yield from (line for line in lines if len(line) > 66)


def pages_with_cells_are_executed(text):
    """Without the jupytext block and a kernel, a page is not executed, and its cells are shown as if they had been."""
    head = front_matter(text)
    if re.search(r"\{code-cell\}", text):
        if head.get("jupytext", {}).get("text_representation", {}).get("format_name") != "myst":
            yield "no jupytext block that says myst"
        if head.get("kernelspec", {}).get("name") != "python3":
            yield "no kernelspec python3"
        if len(list(cells(text))) != len(re.findall(r"\{code-cell\}", text)):
            yield "a cell inside something else, which is not executed"


RULES = [
    failures_are_not_allowed,
    no_cell_leaves_python,
    no_cell_ends_in_a_bare_comparison,
    no_cell_swallows_a_failure,
    cells_are_short,
    pages_with_cells_are_executed,
]
HEAD = (
    "---\njupytext:\n  text_representation:\n    format_name: myst\nkernelspec:\n  name: python3\n---\n\n# A page\n\n"
)


def page(code, options="", head=HEAD):
    return f"{head}Text.\n\n```{{code-cell}} ipython3\n{options}{code}\n```\n\nMore.\n"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_page_keeps_the_rules(path, rule):
    assert list(rule(path.read_text("utf-8"))) == [], rule.__doc__


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_page_keeps_the_rules(rule):
    alt = "---\nmystnb:\n  image:\n    alt: A picture.\n---\n"
    assert list(rule(page("x = 1\nassert x == 1\nx", alt))) == []
    assert list(rule("# Only text\n\nAn aside: !important, and 1 == 2.\n")) == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (failures_are_not_allowed, page("1 / 0", ":tags: [raises-exception]\n")),
        (failures_are_not_allowed, page("1 / 0", "---\ntags: [raises-exception]\n---\n")),
        (failures_are_not_allowed, page("1 / 0", "---\ntags: [skip-execution]\n---\n")),
        (failures_are_not_allowed, page("1 / 0", ":tags: [hide-cell, raises-exception]\n")),
        (failures_are_not_allowed, page("1 / 0", "---\nmystnb:\n  remove-stderr: true\n---\n")),
        (
            failures_are_not_allowed,
            page("1", head=HEAD.replace("kernelspec:", "execution:\n  allow_errors: true\nkernelspec:")),
        ),
        (
            failures_are_not_allowed,
            page("1", head=HEAD.replace("kernelspec:", "mystnb:\n  execution_mode: off\nkernelspec:")),
        ),
        (no_cell_leaves_python, page("!exit 1")),
        (no_cell_leaves_python, page("x = 1\n  !ls")),
        (no_cell_leaves_python, page("%%bash\nexit 1")),
        (no_cell_leaves_python, page("%run other.py")),
        (no_cell_ends_in_a_bare_comparison, page("x = 1\nx == 2")),
        (no_cell_ends_in_a_bare_comparison, page("x = 1\nx == 2  # here")),
        (no_cell_ends_in_a_bare_comparison, page("x = 1\n(x == 1) and x > 2")),
        (no_cell_ends_in_a_bare_comparison, page("not True")),
        (no_cell_ends_in_a_bare_comparison, page("x ==")),
        (no_cell_swallows_a_failure, page("try:\n    1 / 0\nexcept ZeroDivisionError:\n    pass")),
        (no_cell_swallows_a_failure, page("with suppress(Exception):\n    1 / 0")),
        (no_cell_swallows_a_failure, page("from lossmath.claims import evidence\nevidence.publish({})")),
        (cells_are_short, page("\n".join(f"x = {n}" for n in range(13)))),
        (cells_are_short, page("x = " + "1" * 63)),
        (pages_with_cells_are_executed, page("1", head="# A page\n\n")),
        (pages_with_cells_are_executed, page("1", head=HEAD.replace("kernelspec:\n  name: python3\n", ""))),
        (pages_with_cells_are_executed, HEAD + "- item\n\n  ```{code-cell} ipython3\n  1\n  ```\n"),
    ],
)
def test_each_rule_can_fail(rule, text):
    assert list(rule(text))


def committed_outputs(folder):
    """Notebooks with outputs, and outputs beside them."""
    for path in sorted(folder.rglob("*.ipynb")):
        if any(
            cell.get("outputs") or cell.get("execution_count") for cell in json.loads(path.read_text("utf-8"))["cells"]
        ):
            yield path
    yield from (path for path in sorted(folder.rglob("*")) if path.suffix in (".png", ".pkl", ".pt", ".npz"))


def test_no_outputs_are_committed():
    assert list(committed_outputs(ROOT / "book")) == []


def test_committed_outputs_are_seen(tmp_path):
    cell = {"cell_type": "code", "execution_count": None, "outputs": []}
    (tmp_path / "clean.ipynb").write_text(json.dumps({"cells": [cell]}))
    assert list(committed_outputs(tmp_path)) == []
    (tmp_path / "run.ipynb").write_text(json.dumps({"cells": [cell | {"outputs": [{"output_type": "stream"}]}]}))
    (tmp_path / "figure.png").write_text("")
    assert len(list(committed_outputs(tmp_path))) == 2


def rows(path):
    """The rows of the tables of a page that hold numbers."""
    return [line for line in path.read_text("utf-8").splitlines() if re.match(r"\| \(\d.*\d \|$", line)]


def test_the_times_that_a_chapter_quotes_are_those_of_the_readme():
    quoted = rows(ROOT / "book" / "accuracy.md")
    assert quoted and set(quoted) <= set(rows(ROOT / "README.md"))
