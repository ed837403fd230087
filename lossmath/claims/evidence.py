"""What the verbs leave behind: small records that travel with the outputs of the cell that ran them.

In a notebook, proving, checking and refuting a claim each publish one record, under a MIME type of its own that no page shows. It is kept, and lost, with the cell's other outputs, so it cannot outlive them. The book's ledger is computed from
these records and from nothing else. Outside a notebook nothing is published.
"""

from __future__ import annotations

import base64
import pickle
import re
import sys
from dataclasses import fields, is_dataclass

import sympy as sp
from sympy.printing.str import StrPrinter

from lossmath.claims.quantities import Entry, K, Quantity, Vector

MIME = "application/vnd.lossmath.evidence+json"
proofs = []  # the proofs of this notebook


def in_notebook():
    """Whether a notebook runs this: whether there is somebody to publish to."""
    IPython = sys.modules.get("IPython")
    return hasattr(IPython and IPython.get_ipython(), "kernel")


def publish(record):
    """Attach a record to the outputs of the running cell, if there is one."""
    if in_notebook():
        from IPython.display import display

        display({MIME: record}, raw=True)


# Text that says all of a claim


class _Exact(StrPrinter):
    """SymPy's notation, in which what is printed alike is alike: a vector's name stands for one formula only."""

    def __init__(self, taken=()):
        super().__init__()
        self.taken = set(taken)
        self.names = {}  # of the vectors, in the order in which they were met

    def _print(self, expr, **kwargs):
        if not isinstance(expr, Vector):
            return super()._print(expr, **kwargs)
        if expr not in self.names:
            name = re.sub(r"\\(operatorname|left|right)", "", expr.args[0].name)
            name = re.sub(r"\\(\w+)\{", r"\1_", name).replace("__", "_").translate(str.maketrans("", "", "\\{}"))
            while name in self.taken:
                name += "'"
            self.taken.add(name)
            self.names[expr] = name
        return self.names[expr]

    def formulas(self):
        """What the vectors' names stand for."""
        said = {}
        while left := [vector for vector in self.names if vector not in said]:
            for vector in left:
                taken = {symbol.name for symbol in vector.args[1].atoms(sp.Symbol)}
                indices = [name for name in "kjilmn" if name not in taken][: len(vector.indices)]
                body = self.doprint(vector.at([sp.Symbol(name, integer=True) for name in indices]))
                said[vector] = f"{self.names[vector]}[{', '.join(indices)}] = {body}"
        return list(said.values())


def _hypothesis(given, text):
    if not is_dataclass(given):
        return text(given)
    said = [(field, getattr(given, field.name)) for field in fields(given)]
    return f"{type(given).__name__}({', '.join(_argument(field, value, text) for field, value in said if value != field.default)})"


def _argument(field, value, text):
    if isinstance(value, sp.IndexedBase) and value.shape != (K,):
        return f"{value}[{', '.join(map(str, value.shape))}]"
    return text(value) if isinstance(value, sp.Basic) else f"{field.name}={value}"


def _definitions(claim):
    """What the named quantities of a claim stand for, each for arguments u, v, w, ..."""
    found = {}
    for part in (part for statement in claim.statements for part in statement if isinstance(part, sp.Basic)):
        for node in sp.preorder_traversal(part):
            if isinstance(node, Quantity):
                _define(node, found)
    return dict(sorted(found.items()))


def _define(node, found):
    general = type(node)(*map(_placeholder, node.args, "uvwst"))
    name = exact(general)
    if name not in found and not isinstance(node, Entry):
        definition = general.definition()
        found[name] = exact(definition)
        for inner in sp.preorder_traversal(definition):
            if isinstance(inner, Quantity):
                _define(inner, found)


def _placeholder(arg, name):
    if isinstance(arg, (sp.IndexedBase, Vector)):
        axes = arg.shape if isinstance(arg, sp.IndexedBase) else (K, K)[: len(arg.indices)]
        return sp.IndexedBase(name, shape=axes, real=True)
    return sp.Symbol(name, integer=True) if arg.is_integer else sp.Symbol(name, real=True)


def exact(expr):
    """An expression as text."""
    return _Exact().doprint(expr)


def in_full(claim):
    """A claim as text that says all of it: statements, hypotheses, cases of equality, and what the vectors' names stand for."""
    printer = _Exact(str(name) for name in claim.hypotheses.declared)
    text = printer.doprint
    said = {
        "claim": claim.id,
        "statements": [
            " ".join(part if isinstance(part, str) else text(part) for part in parts) for parts in claim.statements
        ],
        "given": [_hypothesis(given, text) for given in claim.hypotheses.given],
        "equality": [f"{text(one)} = {text(other)}" for one, other in claim.equality.items()],
    }
    return said | {"where": printer.formulas()}


def describe(claim):
    """A claim in full, with the definitions of its quantities, and as LaTeX."""
    return in_full(claim) | {"definitions": _definitions(claim), "latex": claim._repr_latex_()}


# One record for each verb


def proved(proof):
    """A claim was proved."""
    if in_notebook():
        proofs.append(proof)
        packed = base64.b64encode(pickle.dumps(proof)).decode()
        publish(
            {"verb": "prove", **describe(proof.claim), "rules": proof.rules, "lemmas": proof.lemmas, "proof": packed}
        )
    return proof


def checked(check):
    """A claim was checked."""
    if in_notebook():
        found = {"cases": check.cases, "residual": check.residual, "device": check.device, "shown": check._said()}
        publish({"verb": "check", **describe(check.claim), **found})
    return check


def refuted(counterexample):
    """A false claim was refuted."""
    if in_notebook():
        publish(
            {
                "verb": "refute",
                **describe(counterexample.claim),
                "counterexample": str(counterexample),
                "shown": counterexample._repr_markdown_(),
            }
        )
    return counterexample


OUTCOMES = ("supported", "not supported", "no difference seen")


def judged(claim, measured, differences):
    """An experiment was made about an empirical claim.

    `differences` maps what was compared with what to (the verdict in a word, what was seen, the range with its intervals).
    """
    if not differences:
        raise ValueError(f"{claim}: a verdict rests on a difference, and there is none")
    words = {word for word, _, _ in differences.values()}
    outcome = words.pop() if len(words) == 1 and words <= {*OUTCOMES} else "it depends"
    found = [
        {"compared": name, "verdict": word, "seen": list(seen), "range": spread}
        for name, (word, seen, spread) in differences.items()
    ]
    publish({"verb": "judge", "claim": claim, "outcome": outcome, "measured": measured, "differences": found})
