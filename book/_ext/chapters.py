"""Runs the chapters, several at a time, before Sphinx reads them; and keeps what they ran for whoever asks.

Strict: every warning fails the build, each time, without a flag. Sphinx warns about a page only when it reads it, so
every page is read again unless nothing has changed since a build without warnings. A chapter runs again when its cells
or what they import has changed, and not otherwise. What its cells left behind for the ledger is read from its executed
notebook; no page shows it.
"""

import hashlib
import json
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from docutils import nodes
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import create_nb_reader
from repository import installing
from sphinx.errors import ConfigError, ExtensionError
from sphinx.util import logging

MIME = "application/vnd.lossmath.evidence+json"  # as in lossmath/claims/evidence.py
ANCHORS = {"prove": "proof", "check": "check", "refute": "false", "judge": "verdict"}
# SymPy makes many small objects, and few of them are garbage.
COLLECT_RARELY = "import gc; gc.set_threshold(100_000, 20, 20)"
ENVIRONMENT = {  # of the chapters, and of the processes that examine mutants
    "OMP_NUM_THREADS": "1",  # one core for each, so that they do not wait for each other
    "OMP_WAIT_POLICY": "passive",  # and where they wait, they sleep
    "PYTHONHASHSEED": "0",  # the same sums in the same order in every build
    "TQDM_DISABLE": "1",  # nobody watches
    "SYMPY_CACHE_SIZE": "20000",  # SymPy forgets all but 1000 results, which the next line of a proof asks for again
}
logger = logging.getLogger(__name__)


def begin(app, config):
    """Choose the cache, which compares cells only: each state of what they import has one of its own."""
    package = find_spec("lossmath")
    if package is None:
        raise ConfigError("lossmath is not installed: python -m pip install -r requirements.txt")
    versions = [version(name) for name in ("torch", "sympy", "mpmath", "numpy", "matplotlib")]
    devices = [os.environ.get(name, "") for name in ("LOSSMATH_DEVICE", "LOSSMATH_GRID", "CUDA_VISIBLE_DEVICES")]
    parts = [sys.version, *versions, *devices, *map(str, sorted(Path("/dev").glob("nvidia[0-9]*")))]
    sources = sorted(path for folder in package.submodule_search_locations for path in Path(folder).rglob("*.py"))
    parts += [path.read_text("utf-8") for path in (Path(app.srcdir, "requirements.txt"), *sources)]
    key = digest(parts)
    config.nb_execution_cache_path = str(Path(app.outdir).parent / ".jupyter_cache" / key)
    looks = [path for path in Path(app.srcdir, "book").rglob("*.*") if path.suffix != ".pyc"]
    looks += [Path(app.srcdir, "_toc.yml"), *Path(app.outdir).parent.glob("runtime/runtime.json")]
    seen = [f"{path} {path.read_bytes()!r}" for path in sorted(looks)]
    app.state = digest([key, os.environ.get("LOSSMATH_REPOSITORY", ""), *seen])
    clean = Path(app.doctreedir, "clean")
    if not clean.exists() or clean.read_text("utf-8") != app.state:
        Path(app.doctreedir, "environment.pickle").unlink(missing_ok=True)  # what Sphinx remembers of the pages
    clean.unlink(missing_ok=True)


def end(app, exception):
    if exception is None and app._warncount == 0:
        Path(app.doctreedir, "clean").write_text(app.state, "utf-8")


def digest(parts):
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def execute(app, env, added, changed, removed):
    """Run every chapter that is not in the cache, as many at a time as there are cores, and two at least."""
    settings = env.mystnb_config
    cache = get_cache(settings.execution_cache_path)
    notebooks = {page: notebook for page in sorted(env.found_docs) if (notebook := read(env, page))}

    def run(page):
        return single_nb_execution(
            deepcopy(notebooks[page]),
            cwd=str(Path(env.doc2path(page)).parent),
            timeout=settings.execution_timeout,
            allow_errors=False,
            force_raise_errors=True,  # whatever a cell's tags say
            skip_cells_with_tag="",
            coalesce_streams=True,  # which come in pieces, as it happens
            extra_arguments=[f"--IPKernelApp.exec_lines={COLLECT_RARELY}"],
            shutdown_kernel="immediate",  # it has nothing left to say, and needs seconds to say it
        )

    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # The last chapters stand on all the others and take longest: begun first, they leave the short to fill the cores.
    last_first = reversed(list(env.config.external_site_map))
    stale = [page for page in last_first if page in notebooks and not merged(cache, notebooks[page])]
    failed = []
    with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 0)) as pool:
        for page, result in zip(stale, pool.map(run, stale)):
            if result.err is not None:
                failed.append(f"{env.doc2path(page)}: a cell failed\n{result.exc_string}")
                continue
            bundle = CacheBundleIn(result.nb, env.doc2path(page))
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
            logger.info("%s: Executed notebook in %.2f seconds", env.doc2path(page), result.time)
    if failed:
        raise ExtensionError("\n".join(failed))

    app.executed = {page: merged(cache, notebook) for page, notebook in notebooks.items()}
    app.evidence = [record for page in app.executed for record in evidence(page, app.executed[page])]
    return []


def read(env, page):
    """The page as a notebook, or None if it is not one."""
    path = Path(env.doc2path(page))
    text = path.read_text("utf-8")
    reader = create_nb_reader(str(path), env.myst_config, env.mystnb_config, text)
    return reader and reader.read(text)


def merged(cache, notebook):
    """The notebook with what its cells put out, or None if the cache does not hold that."""
    try:
        # with the metadata that its cells have now, at which the cache does not look
        return cache.merge_match_into_notebook(notebook, cell_meta=())[1]
    except KeyError:
        return None


def evidence(page, notebook):
    """The records that the cells of a notebook left, with their page, the place of their cell and their name."""
    numbers = Counter()
    for place, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if record := output.get("data", {}).get(MIME):
                name = f"{record['claim']}-{ANCHORS.get(record['verb'], record['verb'])}"
                numbers[name] += 1
                if record["verb"] == "refute" or numbers[name] > 1:
                    name += f"-{numbers[name]}"
                yield {**record, "page": page, "cell": place, "anchor": name}


def name_cells(app, doctree):
    """Give the cells that prove, check and refute addresses."""
    for node in doctree.findall(nodes.container):
        place = (app.env.docname, node.get("cell_index"))
        if node.get("nb_element") == "cell_code":
            node["ids"] += dict.fromkeys(one["anchor"] for one in app.evidence if (one["page"], one["cell"]) == place)


def finish(app, pagename, templatename, context, doctree):
    """Offer the executed notebook to the theme's download button: without evidence, and the same in every build."""
    # a role that browsers no longer know
    context["body"] = context.get("body", "").replace('role="doc-biblioentry"', 'role="listitem"')
    if pagename in app.executed:
        notebook = installing(app, deepcopy(app.executed[pagename]))
        for number, cell in enumerate(notebook.cells, 1):
            cell["id"] = f"cell-{number}"
            if "outputs" in cell:
                cell["outputs"] = [output for output in cell["outputs"] if MIME not in output.get("data", {})]
        copy = Path(app.outdir, "_sources", f"{pagename}.ipynb")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False), "utf-8")
        context["ipynb_source"] = f"{pagename}.ipynb"


def setup(app):
    app.keep_going = True  # with it, Sphinx shows every warning and then exits with 1
    app.connect("config-inited", begin)
    app.connect("build-finished", end, priority=999)  # after whatever may still warn
    app.connect("env-get-outdated", execute)
    app.connect("doctree-read", name_cells)
    app.connect("html-page-context", finish)
