"""What this book asks of Sphinx beyond its settings.

Strict: every warning fails the build, each time, without a flag.
Fresh: a chapter runs again when what its cells import has changed, and not otherwise.
Readable by a screen reader: the role that Sphinx gives to references is one that browsers no longer know.
"""

import hashlib
import os
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from sphinx.errors import ConfigError


def digest(*folders, also=()):
    """A hash of all files in the folders and of some text besides."""
    parts = [*also]
    for folder in folders:
        files = sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        parts += [f"{p.relative_to(folder).as_posix()} {p.read_bytes()!r}" for p in files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def begin(app, config):
    # The cache compares a page's cells only, so each state of what they import has a cache of its own.
    # Sphinx sees the path change and reads every page again.
    package = find_spec("lossmath")
    if package is None:
        raise ConfigError("lossmath is not installed: python -m pip install -r requirements.txt")
    versions = [version(name) for name in ("torch", "sympy", "mpmath", "numpy", "matplotlib")]
    pins = Path(app.srcdir, "requirements.txt").read_text("utf-8")
    devices = [os.environ.get(name, "") for name in ("LOSSMATH_DEVICE", "LOSSMATH_GRID", "CUDA_VISIBLE_DEVICES")]
    devices += sorted(map(str, Path("/dev").glob("nvidia[0-9]*")))
    key = digest(*map(Path, package.submodule_search_locations), also=[sys.version, *versions, pins, *devices])
    config.nb_execution_cache_path = str(Path(app.outdir).parent / ".jupyter_cache" / key)
    looks = [Path(__file__).parent, *(Path(app.srcdir, p) for p in config.html_static_path)]
    texts = (Path(app.srcdir, name) for name in ("_toc.yml", "book/claims.toml"))
    config.book_build_inputs = digest(*looks, also=[text.read_text("utf-8") for text in texts if text.exists()])

    # Sphinx does not read an unchanged page again, and so would warn about it once only. Unless the last
    # build ended clean, forget what it read; the cells' outputs still come from the cache.
    clean = Path(app.doctreedir, "clean")
    if not clean.exists():
        Path(app.doctreedir, "environment.pickle").unlink(missing_ok=True)
    clean.unlink(missing_ok=True)


def end(app, exception):
    if exception is None and app._warncount == 0:
        Path(app.doctreedir, "clean").touch()


def name_citations(app, pagename, templatename, context, doctree):
    context["body"] = context.get("body", "").replace('role="doc-biblioentry"', 'role="listitem"')


def setup(app):
    app.keep_going = True  # with it, Sphinx shows every warning and then exits with 1
    app.add_config_value("book_build_inputs", "", "env")  # a change of it reads every page again
    app.connect("config-inited", begin)
    app.connect("html-page-context", name_citations)
    app.connect("build-finished", end, priority=999)  # after whatever may still warn
