"""Claims changed in one place, and what becomes of each: checks that can fail.

A mutant of a proved claim has one sign flipped, one term dropped or doubled, one factor dropped, two arguments
exchanged, ε for ε/K, γ shifted, an inequality turned round, or one hypothesis dropped. If a check could not tell a
claim from such a neighbour, to pass it would say little. A change that only weakens an inequality, by something whose
sign is known, is passed over. A mutant is *refuted* by a point where it is false or has no value, and *still true* if
the rules prove it; one for which neither a counterexample nor a proof was found is *undecided*.
"""

import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, islice

import sympy as sp
from sympy import Add, Derivative, IndexedBase, KroneckerDelta, Limit, Mul, Pow, Sum
from sympy.core.relational import Relational

from lossmath.claims import evidence, limits, rules
from lossmath.claims.claim import Claim, Proof
from lossmath.claims.counterexample import find_counterexample, refute
from lossmath.claims.definedness import find_undefined
from lossmath.claims.errors import NotRefuted, ProofError, Undefined
from lossmath.claims.evaluation import evaluate_exactly
from lossmath.claims.hypotheses import Distribution, Hypotheses, Label, OneHot, Real
from lossmath.claims.normal_form import Context, find_difference
from lossmath.claims.quantities import K, M, N, Quantity, Vector, epsilon, gamma, unfold
from lossmath.claims.sampling import draw_points

MOST = 6  # mutants of one statement, spread over all the places where it can be changed
SIZES = ({K: 3, N: 2, M: 2}, {K: 2, N: 3, M: 2}, {K: 5, N: 3, M: 2})
POINTS = 60  # of each size
TURNED = {">=": "<=", "<=": ">=", "==": "=="}
FATES = ("refuted", "still true", "undecided")


class Survived(Exception):
    """A mutant of an identity is undecided; those of inequalities and limits may be."""


@dataclass(frozen=True)
class Mutant:
    """A claim with one change; what became of it, one of `FATES`; and the reason."""

    claim: Claim
    change: str
    fate: str = ""
    reason: str = ""

    def __str__(self) -> str:
        said = evidence.in_full(self.claim)
        given = ", ".join(said["given"] + said["where"])
        return f"{self.claim.id}, {self.change}: {'; '.join(said['statements'])}, given {given}"

    def record(self) -> dict:
        """The mutant in words, for the ledger."""
        return {"change": self.change, "fate": self.fate, "mutant": str(self), "reason": self.reason}


# Changes


def edit(expr: sp.Expr, leave: frozenset = frozenset()) -> Iterator[tuple[str, sp.Expr]]:
    """Every (change, expression) that differs in one place; a vector changes at one of its places, none in `leave`."""
    if isinstance(expr, Add):
        yield from _edit_terms(expr)
    elif not expr.is_zero:
        yield "a sign flipped", -expr
        yield "a factor doubled", 2 * expr
    yield from _edit_inside(expr, set(leave))


def _edit_terms(expr):
    for term in expr.args:
        rest = expr - term
        yield "a sign flipped", rest - term
        yield "a factor doubled", rest + 2 * term
        yield "a term dropped", rest


def _edit_inside(expr, done):
    """The changes short of flipping or doubling all of it."""
    yield from _edit_node(expr)
    if expr in done or isinstance(expr, (sp.Indexed, IndexedBase, KroneckerDelta)):
        return
    if isinstance(expr, Vector):
        done.add(expr)
    body = 0 if isinstance(expr, (Sum, Derivative, Limit)) else 1 if isinstance(expr, Vector) else None
    for place, part in enumerate(expr.args):
        if body in (None, place) and isinstance(part, sp.Expr) and not isinstance(part, IndexedBase):
            for change, new in [*(_edit_terms(part) if isinstance(part, Add) else ()), *_edit_inside(part, done)]:
                yield change, expr.func(*expr.args[:place], new, *expr.args[place + 1 :])


def _edit_node(expr):
    if isinstance(expr, Mul):
        yield from (("a factor dropped", expr / factor) for factor in expr.args if not factor.is_number)
    if isinstance(expr, Pow) and not expr.exp.is_number:
        yield "an exponent shifted", Pow(expr.base, expr.exp + 1)
    if isinstance(expr, Quantity) and len(expr.args) == 2:
        one, other = expr.args
        if isinstance(one, (IndexedBase, Vector)) and isinstance(other, (IndexedBase, Vector)):
            yield "arguments exchanged", expr.func(other, one)
    if expr == epsilon:
        yield "ε/K for ε", epsilon / K
    if expr == gamma:
        yield "γ shifted", gamma + 1


def weaken(given: tuple) -> Iterator[tuple[str, list]]:
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


def mutate(claim: Claim, part: int | None) -> Iterator[Mutant]:
    """The claims with one change in one part of this one."""
    if part is None:
        yield from (Mutant(claim.near_miss(given=given), change) for change, given in weaken(claim.hypotheses.given))
        return
    left, relation, right = statement = claim.statements[part]
    edited = [("the inequality turned round", (left, TURNED[relation], right))]
    edited += [(change, (new, relation, right)) for change, new in edit(left, leave=right.atoms(Vector))]
    edited += [(change, (left, relation, new)) for change, new in edit(right)]
    changes = {new: change for change, new in reversed(edited) if new != statement}
    new, step = list(reversed(changes)), -(-len(changes) // MOST) or 1
    for one in (one for first in range(step) for one in new[first::step]):  # the first few lie everywhere
        if not any(power.base.is_zero for side in one[::2] for power in unfold(side).atoms(Pow)):
            with suppress(ValueError, TypeError):  # it may say nothing, as where a symbol is not declared
                yield Mutant(claim.near_miss(one), changes[one])


# What becomes of them


@lru_cache(maxsize=64)
def _points(given):
    return [draw_points(Hypotheses(given), sizes, random.Random(0), POINTS) for sizes in SIZES]


def _find_failure(claim):
    """A counterexample among the points, or None."""
    found = (find_counterexample(claim, points) for points in _points(claim.hypotheses.given))
    return next(filter(None, found), None)


def _why_false(claim):
    """Where the claim fails or says nothing, in words, or None."""
    if (found := _find_failure(claim)) is not None:
        return str(found)
    parts = [part for side in _doubtful(claim) for part in (side, *_functions(side))]
    for part in (part for part in parts if not unfold(part).has(Derivative)):  # whose quotient may reach over an end
        for point in chain(*_points(claim.hypotheses.given)):
            try:
                evaluate_exactly(part, point)
            except Undefined as error:
                return f"{point}: no value, {error}"
    return None


def _doubtful(claim):
    """The sides that were not shown to be defined."""
    context = Context(claim.hypotheses)
    sides = [side.args[0] if isinstance(side, Limit) else side for line in claim.statements for side in line[::2]]
    return [side for side in sides if find_undefined(context, side) is not None]


def _functions(expr):
    """Whatever else must have a value: quantities that might cancel, and the functions of which slopes are taken."""
    if isinstance(expr, Derivative):
        yield expr.expr
    elif not isinstance(expr, (Sum, Vector)):  # their indices have no values
        if isinstance(expr, Quantity):
            yield expr
        for arg in expr.args:
            yield from _functions(arg)


def _why_true(claim, proof, part):
    """By what the changed claim is proved, or None."""
    found = []
    for number, statement in enumerate(claim.statements):
        way = proof.ways[number if part is None else part]
        record = _prove(claim, statement, None) or (way and _prove(claim, statement, way))
        if not record:
            return None
        found += record.rules
    return "proved by " + ", ".join(dict.fromkeys(found))


def _prove(claim, statement, way):
    try:
        return rules.prove(statement, claim.hypotheses, way)
    except (ProofError, ValueError, TypeError):  # a way of another statement need not make sense here
        return None


def _is_weaker(mutant, proof, part):
    """A changed inequality follows from the original, or from twice that, by a remainder of known sign."""
    claim, times = mutant.claim, (1, 2) if mutant.change == "a factor doubled" else (1,)
    if part is None or claim.statements[0][1] == "==":
        return False
    new, old = find_difference(*claim.statements[0]), find_difference(*proof.claim.statements[part])
    follows = (claim.near_miss((new - number * old, ">=", 0)) for number in times)
    return any(_find_failure(one) is None and _prove(one, one.statements[0], None) for one in follows)


def decide(mutant: Mutant, proof: Proof, part: int | None) -> Mutant | None:
    """The mutant with what became of it and why; None if it only weakens the part of the proved claim it changes."""
    claim = mutant.claim
    if (reason := _why_false(claim)) is not None:
        return replace(mutant, fate="refuted", reason=reason)
    if _is_weaker(mutant, proof, part):
        return None
    if (reason := _why_true(claim, proof, part)) is not None:
        return replace(mutant, fate="still true", reason=reason)
    try:
        return replace(mutant, fate="refuted", reason=str(refute(claim, quick=True)))
    except NotRefuted as error:
        if all(line[1] == "==" and not limits.is_limit(line) for line in claim.statements):
            raise Survived(f"{mutant}: {error}") from None
        return replace(mutant, fate="undecided", reason=str(error))


def examine(proof: Proof, part: int | None) -> list[Mutant]:
    """The mutants of one part of a proved claim: a statement, by its number, or the hypotheses, None."""
    decided = (decide(mutant, proof, part) for mutant in mutate(proof.claim, part))
    return list(islice((mutant for mutant in decided if mutant is not None), MOST))


class Mutants:
    """What became of the mutants of some claims, {id: mutants}, as a table."""

    def __init__(self, found: dict[str, list[Mutant]]):
        self.found = found

    def __repr__(self) -> str:
        rows = [("claim", "mutants", *FATES), (":---", *("---:",) * 4)]
        fates = {id: [mutant.fate for mutant in found] for id, found in self.found.items()}
        rows += [(f"`{id}`", len(found), *map(found.count, FATES)) for id, found in fates.items()]
        return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)

    _repr_markdown_ = __repr__


def mutants(*proofs: Proof) -> Mutants:
    """Change proved claims in one place each time, and refute each or prove it; or raise `Survived`."""
    found = {}
    for proof in proofs:
        every = (*range(len(proof.claim.statements)), None)
        found[proof.claim.id] = [mutant for part in every for mutant in examine(proof, part)]
    return Mutants(found)
