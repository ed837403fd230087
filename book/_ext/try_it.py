"""Offers each cell that the prover can run in a browser for trying, if the runtime for it has been assembled.

Beside the cell stands a button; what it opens is the cell and what it needs of the cells before it, no more.
"""

import ast
import json
import re
import shutil
import symtable
import sys
import zipfile
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from sphinx.util import logging

logger = logging.getLogger(__name__)

# What can be imported in the browser.
THERE = re.compile(rf"(lossmath|(lossmath\.claims|mpmath|sympy|{'|'.join(sys.stdlib_module_names)})\b.*)$")
CHANGES = {"eq", "ge", "le", "append", "extend", "update"}  # methods that change what they are called on
CHECK = re.compile(r"(display\()?\w+\.check\([^()]*\)+")
BUTTON = '<p class="try-it"><button type="button" aria-expanded="false" data-cell="{}">Try it</button></p>'


class Line(NamedTuple):
    """A statement of a cell: its text, the names that it uses, and those that it defines or changes."""

    text: str
    uses: set
    defines: set
    imports: bool
    there: bool  # what it imports, in the browser


def _symbols(table, top=True):
    """(used, defined) names of a module, as Python tells them from those of its functions."""
    used, defined = set(), set()
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (top or symbol.is_global()):
            used.add(symbol.get_name())
        if top and (symbol.is_assigned() or symbol.is_imported()):
            defined.add(symbol.get_name())
    return used.union(*(_symbols(child, False)[0] for child in table.get_children())), defined


def _changed(node):
    """The name of what a part of a statement changes, or None."""
    method = isinstance(node, ast.Call) and getattr(node.func, "attr", None) in CHANGES
    if method or (isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store)):
        while not isinstance(node, ast.Name) and node is not None:
            node = getattr(node, "func" if isinstance(node, ast.Call) else "value", None)
        return node and node.id
    return None


def lines_of(code):
    """The statements of a cell."""
    whole = code.splitlines()
    for statement in ast.parse(code).body:
        start = min([statement.lineno, *(one.lineno for one in getattr(statement, "decorator_list", ()))])
        text = "\n".join(whole[start - 1 : statement.end_lineno])
        uses, defines = _symbols(symtable.symtable(text, "cell", "exec"))
        changes = {_changed(node) for node in ast.walk(statement)} - {None}
        if isinstance(statement, (ast.AugAssign, ast.For, ast.While, ast.If, ast.With, ast.Try)):
            changes |= defines  # perhaps, and perhaps not: so what they were before is needed
        imports = [node for node in ast.walk(statement) if isinstance(node, (ast.Import, ast.ImportFrom))]
        names = {f"{getattr(node, 'module', '')}.{one.name}".lstrip(".") for node in imports for one in node.names}
        yield Line(text, uses | changes, defines | changes, bool(imports), all(map(THERE.match, names)))


def needed(cell, earlier):
    """The lines before a cell without which it would not run, or not do the same."""
    wanted, kept = set(), []
    for number, line in enumerate(reversed([*earlier, *cell])):
        before = number >= len(cell)
        if not before or line.text.endswith("import *") or wanted & line.defines:
            wanted = wanted - line.defines | line.uses
            kept += [line] * before
    return kept[::-1]


def is_spared(line, cell):
    """Whether a line does not run in a browser, and the rest of its cell does without: a check, an import for later."""
    used = set().union(*(other.uses for other in cell if other is not line))
    unused = not line.there and not line.defines & used and not line.text.endswith("import *")
    return unused or bool(CHECK.fullmatch(line.text))


def programs(notebook):
    """{number of a cell: what is tried there} for a notebook."""
    earlier, found = [], {}
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            lines, code = [*lines_of(cell.source)], cell.source.strip()
            spared = [line for line in lines if is_spared(line, lines)]
            own = [line for line in lines if line not in spared]
            before = needed(own, earlier)
            if all(line.there for line in [*before, *own]) and not all(line.imports for line in own):
                for line in spared:
                    code = code.replace(line.text, f"# {line.text}  # not in a browser; it ran when the book was built")
                setting = "".join(f"{line.text}\n" for line in before)
                found[number] = f"# from the cells before\n{setting}\n# this cell\n{code}\n" if before else f"{code}\n"
            earlier += lines
    return found


def package():
    """The part of lossmath that the prover needs, as an archive that is the same whenever it is made."""
    (folder,) = find_spec("lossmath").submodule_search_locations
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted([Path(folder, "__init__.py"), *Path(folder, "claims").rglob("*.py")]):
            name = zipfile.ZipInfo(path.relative_to(Path(folder).parent).as_posix())
            archive.writestr(name, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return made.getvalue()


def find_runtime(app, config):
    about = Path(app.outdir).parent / "runtime" / "runtime.json"
    app.runtime = json.loads(about.read_text("utf-8")) if about.exists() else None
    for name, made in (app.runtime or {"versions": {}})["versions"].items():
        if made != (now := version(name)):
            logger.warning("the runtime in _build has %s %s, the build %s: assemble it again", name, made, now)


def add_buttons(app, doctree, page):
    if app.runtime and page in app.executed:
        there = programs(app.executed[page])
        for node in doctree.findall(nodes.container):
            if node.get("nb_element") == "cell_code" and node["cell_index"] in there:
                node.insert(1, nodes.raw("", BUTTON.format(node["cell_index"]), format="html"))


def add_script(app, page, template, context, doctree):
    if app.runtime and page in app.executed:
        about = {f"data-{part}": app.runtime["files"][part]["name"] for part in ("script", "style")}
        about["data-cells"] = f"{page}.json"
        app.add_js_file("try-it.js", loading_method="defer", **about)


def write(app, exception):
    """The runtime, lossmath of this build, and what is tried on each page, beside the site."""
    there = Path(app.outdir, "runtime")
    shutil.rmtree(there, ignore_errors=True)
    if exception or not app.runtime:
        return
    shutil.copytree(Path(app.outdir).parent / "runtime", there)
    shutil.move(there / "try-it.js", Path(app.outdir, "_static", "try-it.js"))
    archive = package()
    digest = sha256(archive).hexdigest()
    lossmath = {"name": f"lossmath-{digest[:12]}.zip", "bytes": len(archive), "sha256": digest}
    Path(there, lossmath["name"]).write_bytes(archive)
    for page, notebook in app.executed.items():
        about = there / f"{page}.json"
        about.parent.mkdir(parents=True, exist_ok=True)
        about.write_text(json.dumps({"lossmath": lossmath, "cells": programs(notebook)}, ensure_ascii=False), "utf-8")


def setup(app):
    app.connect("config-inited", find_runtime)
    app.connect("doctree-resolved", add_buttons)
    app.connect("html-page-context", add_script)
    app.connect("build-finished", write)
