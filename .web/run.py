"""Runs a cell as a notebook does, in the browser."""

import json
import sys
import traceback

from pyodide.code import eval_code

from lossmath.claims import Proof
from lossmath.claims.counterexample import Counterexample

sys.stdout.reconfigure(line_buffering=True)  # so that a line is seen when it is printed


def run(code, say):
    """Show what the cell shows, or why it fails; return what was proved and refuted on the way, as JSON."""
    seen = []

    def display(*values):
        sys.stdout.flush()
        for value in values:
            seen.append(value)
            say(*form_of(value))

    space = {"__name__": "__main__", "display": display}
    try:
        value = eval_code(code, space, filename="<cell>")
        if value is not None:
            display(value)
    except BaseException as error:
        sys.stdout.flush()
        say("error", explain(error))
    seen += space.values()
    proved = (id for one in seen if isinstance(one, Proof) for id in (*one.lemmas, one.claim.id))
    refuted = (one.claim.id for one in seen if isinstance(one, Counterexample))
    return json.dumps({"proved": [*dict.fromkeys(proved)], "refuted": [*dict.fromkeys(refuted)]})


def form_of(value):
    """The form that a notebook would choose, and the text."""
    for name in ("_repr_markdown_", "_repr_latex_"):
        if (text := getattr(value, name, lambda: None)()) is not None:
            return "markdown", text
    return "print", repr(value)


def explain(error):
    """The line of the cell that failed, and the error; what happened inside the package does not help here."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<cell>"]
    where = f"Line {lines[-1]}: " if lines else ""
    return where + "".join(traceback.format_exception_only(error)).strip()
