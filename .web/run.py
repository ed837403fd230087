"""Runs a cell as a notebook does, in the browser, and says what there is to show."""

import json
import traceback

from pyodide.code import eval_code

FORMS = {"_repr_svg_": "svg", "_repr_markdown_": "markdown", "_repr_latex_": "markdown"}


def run(code: str) -> str:
    """What the last line of the code is worth, or why there is nothing, as JSON."""
    try:
        value = eval_code(code, {"__name__": "__main__"}, filename="<cell>")
        return json.dumps({"type": type(value).__name__} | show(value))
    except BaseException as error:
        return json.dumps({"type": type(error).__name__, "form": "error", "text": explain(error)})


def show(value):
    """The form that a notebook would choose."""
    if value is None:
        return {"form": "none", "text": ""}
    for name, form in FORMS.items():
        if (text := getattr(value, name, lambda: None)()) is not None:
            return {"form": form, "text": text}
    return {"form": "text", "text": repr(value)}


def explain(error):
    """The line of the cell that failed, and the error; what happened inside the package does not help here."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<cell>"]
    where = f"Line {lines[-1]}: " if lines else ""
    return where + "".join(traceback.format_exception_only(error)).strip()
