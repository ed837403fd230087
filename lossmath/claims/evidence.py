"""What the verbs leave behind: small records that travel with the outputs of the cell that ran them.

In a notebook, to prove, check or refute a claim, or to judge one by an experiment, publishes one record under a MIME
type of its own. It is kept, and lost, with the cell's other outputs, so it cannot outlive them. The ledger is
computed from these records and from nothing else. Outside a notebook nothing is published.
"""

from __future__ import annotations

import base64
import pickle
import re
import sys
from dataclasses import fields, is_dataclass
from uuid import uuid4

import sympy as sp
from sympy.printing.str import StrPrinter

from lossmath.claims.quantities import Entry, K, Quantity, Vector, count_axes

MIME = "application/vnd.lossmath.evidence+json"
OUTCOMES = ("supported", "not supported", "no difference seen")


def in_notebook() -> bool:
    """Whether a notebook runs this: whether there is somebody to publish to."""
    IPython = sys.modules.get("IPython")
    return hasattr(IPython and IPython.get_ipython(), "kernel")


def publish(record: dict) -> None:
    """Attach a record to the outputs of the running cell, if there is one."""
    if in_notebook():
        from IPython.display import display

        # as what `myst_nb.glue` keeps without displaying it: no page shows it
        kept = {"scrapbook": {"name": str(uuid4()), "mime_prefix": "application/"}}
        display({MIME: record}, raw=True, metadata=kept)


FOUND = {  # what the record of a verb says beside the claim
    # the proof itself goes along, so that its mutants can be examined in other processes
    "prove": lambda it: {"rules": it.rules, "lemmas": it.lemmas, "proof": pack(it)},
    "check": lambda it: {"cases": it.cases, "residual": it.residual, "device": it.device, "shown": it._said()},
    "refute": lambda it: {"counterexample": str(it), "shown": it._repr_markdown_()},
}


def leave(verb: str, found):
    """What a verb found about a claim, after a record of it is left in the notebook, if there is one."""
    if in_notebook():
        publish({"verb": verb, **describe(found.claim), **FOUND[verb](found)})
    return found


def judged(claim: str, measured: str, differences: list[dict]) -> None:
    """An experiment was made about an empirical claim.

    Each difference says what was `compared`, the `verdict` in a word, what was `seen`, and the `range` with intervals.
    """
    if not differences:
        raise ValueError(f"{claim}: a verdict rests on a difference, and there is none")
    words = {one["verdict"] for one in differences}
    outcome = words.pop() if len(words) == 1 and words <= {*OUTCOMES} else "it depends"
    publish({"verb": "judge", "claim": claim, "outcome": outcome, "measured": measured, "differences": differences})


def pack(proof) -> str:
    """A proof as text."""
    return base64.b64encode(pickle.dumps(proof)).decode()


def unpack(text: str):
    """The proof that `pack` made text of: of this book's own cells, since to unpickle is to run what is in it."""
    return pickle.loads(base64.b64decode(text))


# Text that says all of a claim


def describe(claim) -> dict:
    """A claim in full, with the definitions of its quantities, and as LaTeX."""
    sides = (side for left, _, right in claim.statements for side in (left, right))
    return in_full(claim) | {"definitions": define(*sides), "latex": claim._repr_latex_()}


def in_full(claim) -> dict:
    """A claim as text that says all of it: statements, hypotheses, equality, and what the vectors' names stand for."""
    printer = _Exact(str(name) for name in claim.hypotheses.declared)
    text = printer.doprint
    said = {
        "claim": claim.id,
        "statements": [f"{text(left)} {relation} {text(right)}" for left, relation, right in claim.statements],
        "given": [_hypothesis(given, text) for given in claim.hypotheses.given],
        "equality": [f"{text(one)} = {text(other)}" for one, other in claim.equality.items()],
    }
    return said | {"where": printer.formulas()}


class _Exact(StrPrinter):
    """SymPy's notation, in which what is printed alike is alike: a vector's name stands for one formula only."""

    def __init__(self, taken=()):
        super().__init__()
        self.taken = set(taken)
        self.vectors, self.names = [], {}

    def _print(self, expr, **kwargs):
        if not isinstance(expr, Vector):
            return super()._print(expr, **kwargs)
        if expr not in self.names:
            name = re.sub(r"\\(operatorname|left|right)", "", expr.args[0].name)
            name = re.sub(r"[\\{}]", "", re.sub(r"\\(\w+)\{", r"\1_", name)).replace("__", "_")
            while name in self.taken:
                name += "'"
            self.taken.add(name)
            self.vectors.append(expr)
            self.names[expr] = name
        return self.names[expr]

    def formulas(self):
        """What the vectors' names stand for."""
        said = []
        for vector in self.vectors:  # more of them, as their formulas are printed
            taken = {symbol.name for symbol in vector.args[1].atoms(sp.Symbol)}
            indices = [name for name in "kjilmn" if name not in taken][: len(vector.indices)]
            body = self.doprint(vector.at([sp.Symbol(name, integer=True) for name in indices]))
            said.append(f"{self.names[vector]}[{', '.join(indices)}] = {body}")
        return said


def _hypothesis(given, text):
    if not is_dataclass(given):
        return text(given)
    said = []
    for field in fields(given):
        value = getattr(given, field.name)
        if isinstance(value, sp.IndexedBase) and value.shape != (K,):
            said.append(f"{value}[{', '.join(map(str, value.shape))}]")
        elif value != field.default:
            said.append(text(value) if isinstance(value, sp.Basic) else f"{field.name}={value}")
    return f"{type(given).__name__}({', '.join(said)})"


def define(*parts) -> dict[str, str]:
    """What the named quantities in some expressions stand for, each for arguments u, v, w, ..."""
    found = {}
    for node in sp.preorder_traversal(sp.Tuple(*parts)):
        if isinstance(node, Quantity) and not isinstance(node, Entry):
            general = type(node)(*map(_placeholder, node.args, "uvwst"))
            definition = general.definition()
            found |= {_Exact().doprint(general): _Exact().doprint(definition)} | define(definition)
    return dict(sorted(found.items()))


def _placeholder(arg, name):
    if axes := count_axes(arg):
        return sp.IndexedBase(name, shape=(K,) * axes, real=True)
    return sp.Symbol(name, integer=True) if arg.is_integer else sp.Symbol(name, real=True)
