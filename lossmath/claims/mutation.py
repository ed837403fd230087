"""Claims changed in one place, each of which must be refuted, or proved to be still true: checks that can fail.

A mutant of a proved claim has one sign flipped, one term dropped or doubled, one factor dropped, two arguments exchanged,
ε for ε/K or the other way round, γ shifted, an inequality turned round, or one hypothesis dropped. If the check could not tell
a claim from such a neighbour, a passing check would say little.
"""

from __future__ import annotations

import base64
import pickle
from dataclasses import dataclass, replace
from itertools import islice

import sympy as sp
from sympy import Add, Derivative, IndexedBase, KroneckerDelta, Limit, Mul, Pow, Sum
from sympy.core.relational import Relational

from lossmath.claims import evidence, limits
from lossmath.claims.claim import Claim
from lossmath.claims.fates import FATES, fate, restated
from lossmath.claims.hypotheses import Distribution, Label, OneHot, Real
from lossmath.claims.quantities import K, Quantity, Vector, epsilon, gamma, unfold

MOST = 8  # mutants of one statement, spread over all that there are


class Survived(Exception):
    """A mutant of an identity was neither refuted nor proved."""


@dataclass(frozen=True)
class Mutant:
    """A claim with one change, and what became of it: "refuted", "still true" or "survived", with a reason."""

    claim: Claim
    change: str
    fate: str = ""
    reason: str = ""

    def __str__(self):
        said = evidence.in_full(self.claim)
        where = "".join(f", {name}" for name in said["where"])
        return (
            f"{self.claim.id}, {self.change}: {'; '.join(said['statements'])}, given {', '.join(said['given'])}{where}"
        )


# Changes


def edits(expr, done=()):
    """Every (change, expression) that differs from `expr` in one place; in a vector's formula, in one of its places only.

    `done` are the vectors to leave alone.
    """
    if isinstance(expr, Add):
        yield from _terms(expr)
    elif not expr.is_zero:
        yield "a sign flipped", -expr
        yield "a factor doubled", 2 * expr
    yield from _inner(expr, set(done))


def _terms(expr):
    for term in expr.args:
        rest = expr - term
        yield "a sign flipped", rest - term
        yield "a factor doubled", rest + 2 * term
        yield "a term dropped", rest


def _inner(expr, done):
    """The changes inside an expression, short of flipping or doubling all of it."""
    if isinstance(expr, Mul):
        for factor in expr.args:
            if not factor.is_number:
                yield "a factor dropped", expr / factor
    if isinstance(expr, Pow) and not expr.exp.is_number:
        yield "an exponent shifted", Pow(expr.base, expr.exp + 1)
    if (
        isinstance(expr, Quantity)
        and len(expr.args) == 2
        and all(isinstance(arg, (IndexedBase, Vector)) for arg in expr.args)
    ):
        yield "arguments exchanged", expr.func(*reversed(expr.args))
    if expr == epsilon:
        yield "ε/K for ε", epsilon / K
    if expr == gamma:
        yield "γ shifted", gamma + 1
    if isinstance(expr, (sp.Indexed, IndexedBase, KroneckerDelta)) or expr in done:
        return
    if isinstance(expr, Vector):
        done.add(expr)
    places = (
        (0,)
        if isinstance(expr, (Sum, Derivative, Limit))
        else (1,)
        if isinstance(expr, Vector)
        else range(len(expr.args))
    )
    for place in places:
        part = expr.args[place]
        if isinstance(part, sp.Expr) and not isinstance(part, IndexedBase):
            for change, new in [*(_terms(part) if isinstance(part, Add) else ()), *_inner(part, done)]:
                constant = isinstance(expr, Derivative) and not _holds(new, expr.variables[0])
                yield change, sp.Integer(0) if constant else expr.func(*expr.args[:place], new, *expr.args[place + 1 :])


def _holds(expr, variable):
    return unfold(expr).has(variable.base if isinstance(variable, sp.Indexed) else variable)


TURNED = {">=": "<=", "<=": ">="}


def weakened(given):
    """Every (change, hypotheses) in which one hypothesis is dropped or made weaker."""
    for place, hypothesis in enumerate(given):
        rest = [*given[:place], *given[place + 1 :]]
        match hypothesis:
            case Distribution(base, positive):
                yield f"{base} need not be a distribution", [*rest, Real(base)]
                if positive:
                    yield f"{base} may have zeros", [*rest, Distribution(base)]
            case OneHot(base, label):
                yield f"{base} need not be one-hot", [*rest, Distribution(base), Label(label)]
            case Relational():
                (symbol,) = hypothesis.free_symbols
                others = any(isinstance(other, Relational) and symbol in other.free_symbols for other in rest)
                yield f"without {hypothesis}", rest if others else [*rest, Real(symbol)]


def parts(claim):
    """What can be changed: each statement, by its number, and the hypotheses, None."""
    return [*range(len(claim.statements)), None]


def changed(claim, part):
    """The mutants of a claim with a change in one part of it."""
    if part is None:
        return [Mutant(claim.near_miss(given=given), change) for change, given in weakened(claim.hypotheses.given)]
    left, relation, right = statement = claim.statements[part]
    edited = [("the inequality turned round", (left, TURNED[relation], right))] if relation in TURNED else []
    edited += [(change, (new, relation, right)) for change, new in edits(left, done=right.atoms(Vector))]
    edited += [(change, (left, relation, new)) for change, new in edits(right)]
    told = {new: change for change, new in reversed(edited) if new != statement}
    new, step = list(reversed(told)), -(-len(told) // MOST) or 1
    spread = (statement for first in range(step) for statement in new[first::step])
    found = (Mutant(mutant, told[one]) for one in spread if (mutant := restated(claim, one)) is not None)
    return list(islice(found, MOST))


# The verb


class Mutants:
    """What became of the mutants of some claims."""

    def __init__(self, fates):
        self.fates = fates  # {claim id: mutants}

    def count(self, id, fate=None):
        return sum(mutant.fate == fate for mutant in self.fates[id]) if fate else len(self.fates[id])

    def __repr__(self):
        rows = [f"{id}: {', '.join(f'{self.count(id, fate)} {fate}' for fate in FATES)}" for id in self.fates]
        return "\n".join(rows)

    def _repr_markdown_(self):
        head = ["| claim | mutants | refuted | still true | neither |", "|:---|---:|---:|---:|---:|"]
        counts = ([self.count(id), *(self.count(id, fate) for fate in FATES)] for id in self.fates)
        rows = [f"| `{id}` | {' | '.join(map(str, numbers))} |" for id, numbers in zip(self.fates, counts)]
        return "\n".join([*head, *rows])


def _is_identity(statement):
    return statement[1] == "==" and not limits.is_limit(statement)


def settle(proof, part, known=()):
    """The mutants of one part of a proved claim, with what became of each; `known` are proofs that may be used.

    Raises
    ------
    Survived
        If a mutant of an identity was neither refuted nor proved. Those of inequalities and limits are told.
    """
    found = []
    for mutant in changed(proof.claim, part):
        word, reason = fate(mutant.claim, proof, part, known)
        found.append(replace(mutant, fate=word, reason=reason))
        if word == "survived" and all(map(_is_identity, mutant.claim.statements)):
            raise Survived(f"{mutant}: {reason}")
    return found


def examine(packed, part, known):
    """As `settle`, for the build of the book, which does it in other processes: from records of proofs to one of mutants."""
    proof, *others = (pickle.loads(base64.b64decode(text)) for text in (packed, *known))
    return [
        {"change": one.change, "fate": one.fate, "mutant": str(one), "reason": one.reason}
        for one in settle(proof, part, others)
    ]


def mutants(*proofs):
    """Make the mutants of proved claims, and refute each or prove that it is still true. Raises `Survived` as `settle` does."""
    known = evidence.proofs or proofs
    fates = {}
    for proof in proofs:
        found = [mutant for part in parts(proof.claim) for mutant in settle(proof, part, known)]
        fates.setdefault(proof.claim.id, []).extend(found)
    return Mutants(fates)
