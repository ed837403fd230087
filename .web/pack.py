"""One archive of what the prover imports: the standard library, SymPy and mpmath, compiled here."""

import ast
import importlib.util
import marshal
import warnings
import zipfile
from pathlib import Path

STDLIB = "/lib/python314.zip"
PACKAGES = "/packages"
DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
# What no function imports that a claim could call.
LEFT_OUT = (
    *(f"sympy/{name}/" for name in ("categories", "crypto", "diffgeom", "holonomic", "liealgebras", "stats")),
    *(f"sympy/physics/{name}/" for name in ("biomechanics", "continuum_mechanics", "control", "hep", "mechanics")),
    *(f"sympy/physics/{name}/" for name in ("optics", "quantum", "vector")),
    *(f"sympy/parsing/{name}/" for name in ("autolev", "c", "fortran", "latex")),
    *(f"{name}/" for name in ("_pyrepl", "ensurepip", "idlelib", "multiprocessing", "pydoc_data", "turtledemo")),
    *(f"{name}/" for name in ("unittest", "venv", "wsgiref", "xml", "xmlrpc")),
    *(f"{name}.py" for name in ("doctest", "ftplib", "imaplib", "mailbox", "optparse", "pdb", "pickletools", "pydoc")),
    *(f"{name}.py" for name in ("smtplib", "tarfile")),
)


def sources():
    """(name, text) of each module."""
    with zipfile.ZipFile(STDLIB) as archive:
        yield from ((name, archive.read(name)) for name in archive.namelist())
    for package in ("sympy", "mpmath"):
        for path in Path(PACKAGES, package).rglob("*.py"):
            yield path.relative_to(PACKAGES).as_posix(), path.read_bytes()


def is_wanted(name):
    apart = {"tests", "benchmarks", "test"}.isdisjoint(name.split("/"))
    return apart and name.endswith(".py") and not name.startswith(LEFT_OUT)


def without_lines(code):
    """A code object that does not know the lines it came from: a fifth of its size."""
    units = len(code.co_code) // 2
    nowhere = bytes(0xF8 | min(8, units - done) - 1 for done in range(0, units, 8))
    constants = (without_lines(one) if isinstance(one, type(code)) else one for one in code.co_consts)
    return code.replace(co_linetable=nowhere, co_consts=tuple(constants))


def compiled(name, text):
    """A module as Python keeps it, not to be compared with a source; docstrings left out, assertions kept."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:] or [ast.copy_location(ast.Pass(), node.body[0])]
    code = without_lines(compile(tree, name, "exec", dont_inherit=True))
    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + marshal.dumps(code)


def pack(target="/tmp/python.zip"):
    """An archive, in the memory where Pyodide has its files; not compressed, as the whole is, later and better."""
    warnings.simplefilter("ignore", SyntaxWarning)  # which are SymPy's affair
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in sorted(sources()):
            if is_wanted(name):
                archive.writestr(zipfile.ZipInfo(name + "c"), compiled(name, text))
    return target
