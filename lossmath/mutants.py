"""Claims changed in one place, each of which must be refuted, or proved to be still true: checks that can fail.

A mutant of a proved claim has one sign flipped, one term dropped or doubled, one factor dropped, two arguments exchanged,
ε for ε/K or the other way round, γ shifted, an inequality turned round, or one hypothesis dropped. If the check could not tell
a claim from such a neighbour, a passing check would say little.
"""

from __future__ import annotations

import random
import signal
import threading
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, lru_cache
from types import NoneType

import sympy as sp
from sympy import Add, Derivative, IndexedBase, KroneckerDelta, Limit, Mul, Pow, Sum
from sympy.core.relational import Relational

from lossmath import check, evidence, limits, normal, refute
from lossmath.claims import Claim, Derivation, Proof, tangent
from lossmath.hypotheses import Distribution, Hypotheses, Label, OneHot, Real
from lossmath.normal import Domain, difference
from lossmath.proof import Instance, ProofError, substitute
from lossmath.proof import prove as rule_of_proof
from lossmath.symbolic import (
    K,
    M,
    N,
    Quantity,
    Vector,
    epsilon,
    gamma,
    k,
    t,
    u,
    unfold,
    written,
)

# A few points of each size; what they leave alive meets the whole search of `refute`.
SIZES = ({K: 3, N: 2, M: 2}, {K: 2, N: 3, M: 2}, {K: 5, N: 3, M: 2})
POINTS = 60
STEPS = 240  # of the prover, on one proof
PATIENCE = 8  # seconds, for a single step that SymPy does not come back from; a proof of so many steps takes less
MOST = 4  # mutants of one statement, spread over all that there are
FATES = ("refuted", "still true", "survived")


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
        return f"{self.claim.id}, {self.change}: {'; '.join(said['statements'])}, given {', '.join(said['given'])}{where}"


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
        (0,) if isinstance(expr, (Sum, Derivative, Limit)) else (1,) if isinstance(expr, Vector) else range(len(expr.args))
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


def mutate(claim):
    """The mutants of a claim: one statement changed, or all of them under weaker hypotheses."""
    seen = set()
    for number, statement in enumerate(claim.statements):
        left, relation, right = statement
        changed = [("the inequality turned round", (left, TURNED[relation], right))] if relation in TURNED else []
        changed += [(change, (new, relation, right)) for change, new in edits(left, done=right.atoms(Vector))]
        changed += [(change, (left, relation, new)) for change, new in edits(right)]
        told = {new: change for change, new in reversed(changed) if new != statement and new not in seen}
        seen |= told.keys()
        found = [Mutant(mutant, told[new]) for new in reversed(told) if (mutant := _changed(claim, new)) is not None]
        for mutant in found[:: -(-len(found) // MOST) or 1]:
            yield mutant, number
    for change, given in weakened(claim.hypotheses.given):
        yield Mutant(claim.near_miss(given=given), change), None


def _changed(claim, statement):
    """The claim with another statement in place of its own; None if it says nothing, as with an undeclared symbol."""
    changed = copy(claim)
    try:
        changed.statements, changed.equality = (claim._statement(statement),), {}
    except (ValueError, TypeError):
        return None
    nowhere = any(power.base.is_zero for side in statement[::2] for power in unfold(side).atoms(Pow))
    return None if nowhere else changed


# What becomes of them


def _points(claim, equality):
    """Points that obey the hypotheses, exactly and as tensors, some of them where equality was claimed."""
    return _drawn(claim.hypotheses.given, tuple(equality.items()))


@lru_cache(maxsize=64)
def _drawn(given, equality):
    hypotheses, rng = Hypotheses(given), random.Random(0)
    found = []
    for sizes in SIZES:
        points = list(refute.points(hypotheses, sizes, rng, POINTS))
        for one, other in equality:
            points[::3] = _placed(points[::3], one, other, hypotheses, sizes)
        found.append((sizes, points, refute.tensors(points, hypotheses)))
    return found


def _placed(points, one, other, hypotheses, sizes):
    """The points moved to where one = other, nearly, if the hypotheses allow it."""
    if isinstance(other, IndexedBase) and hypotheses.distributions.get(one):
        one, other = other, one
    if one not in hypotheses.distributions:
        return points
    rows = check.Evaluation(refute.tensors(points, hypotheses), sizes).rows(other).tolist()
    moved = []
    for point, row in zip(points, rows):
        *entries, _ = [Fraction(entry).limit_denominator(1000) for entry in row]
        values = (*entries, 1 - sum(entries))
        moved.append(replace(point, values=point.values | {one: values}) if min(values) > 0 else point)
    return moved


def _fails(claim, equality):
    """How the claim fails at one of a few points, or None."""
    approached = any(map(limits.is_limit, claim.statements))
    for sizes, points, values in _points(claim, equality):
        for point in points[: 8 if approached else 0]:
            if (found := refute.fails(claim, point)) is not None:
                return str(found)
        if all(map(limits.is_limit, claim.statements)):
            continue
        residual = check.residuals(claim, values, sizes)[0].nan_to_num(nan=0.0)
        for at in residual.argsort(descending=True)[:3].tolist():
            if residual[at] > 1e-9 and (found := refute.fails(claim, points[at])) is not None:
                return str(found)
    return None


def _undefined(claim, equality):
    """Where the claim says nothing, because a side has no value there, or None."""
    domain = Domain(claim.hypotheses)
    sides = [side for statement in claim.statements if not limits.is_limit(statement) for side in statement[::2]]
    doubtful = [part for side in sides if domain.undefined(side) is not None for part in _functions(side)]
    for _, points, _ in _points(claim, equality):
        for point in points:
            for side in doubtful:
                try:
                    refute.evaluate(side, point)
                except refute.Undefined as error:
                    return f"{point}: no value, {error}"
                except KeyError:  # a quantity inside a sum or a vector, with an index that has no value of its own
                    continue
    return None


def _functions(side):
    """What must have a value: the side, and each quantity in it, which might cancel.

    For a slope it is the function, since a difference quotient may reach over an end.
    """
    quantities = sorted(side.atoms(Quantity), key=str)
    slopes = [written(node.expr) for node in written(side).atoms(Derivative)]
    return [part for part in slopes if not part.atoms(Sum)] if slopes else [side, *quantities]


def _proved(claim, proof, statement):
    """By what the changed claim is proved, or None."""
    rules = []
    for number, (left, relation, right) in enumerate(claim.statements):
        for way in _ways(claim, proof, number, number if statement is None else statement):
            if not _may_work(claim, proof.claim.equality, (left, relation, right), way):
                continue
            try:
                rules += rule_of_proof(left, relation, right, claim.hypotheses, way).rules
                break
            except (ProofError, ValueError, TypeError):
                continue
        else:
            return None
    return None if refute.doubt(claim) else "proved by " + ", ".join(dict.fromkeys(rules))


def _may_work(claim, equality, statement, way):
    """Whether what a way leaves over is not negative at a few points; to try that is much quicker than to try the way."""
    instances = [way] if isinstance(way, Instance) else way
    if statement[1] == "==" or not isinstance(instances, list):
        return True
    gain = sp.Integer(0)
    for instance in instances:
        values = {symbol: instance.values.get(symbol, symbol) for symbol in instance.lemma.claim.hypotheses.declared}
        one = instance.times * substitute(difference(*instance.statement), values)
        gain += one if instance.over is None else Sum(one, (instance.over, 1, K))
    left_over = _changed(claim, (difference(*statement), ">=", gain))
    return left_over is not None and _fails(left_over, equality) is None


def _ways(claim, proof, number, own):
    """Ways to prove a changed statement: the original, log u <= u - 1, signs, the way of its original, the original shifted."""
    left, relation, right = claim.statements[number]
    bound, once = relation != "==", proof.at(statement=own)
    if bound:
        yield once
        for vector in sorted((left - right).atoms(Vector), key=str):
            if len(vector.indices) == 1:
                yield _log_tangent().at({t: 1, u: vector[k]}, times=vector[k], over=k)
    yield None
    if proof.ways and not isinstance(proof.ways[own], (Derivation, NoneType)):
        yield proof.ways[own]
    if not bound:
        return
    yield proof.at(statement=own, times=2)
    real = sorted(proof.claim.hypotheses.intervals, key=str)
    for symbol in real:
        for other in (*real, 1):
            yield proof.at({symbol: symbol + other}, statement=own)
    for inside in _logs(proof.claim.statements[own]):
        for times in (1, 2):
            yield [once, _log_tangent().at({t: 1, u: inside}, times=times)]


def _logs(statement):
    """What stands under the logarithms of a statement, those in sums aside."""
    left, _, right = statement
    found = unfold(left - right).replace(lambda node: isinstance(node, Sum), lambda node: sp.Integer(0))
    return sorted((node.args[0] for node in found.atoms(sp.log)), key=sp.default_sort_key)


@cache
def _log_tangent():
    claim = Claim("log-tangent", (t * sp.log(t / u), ">=", t - u), given=[t >= 0, u > 0])
    return Proof(claim, [rule_of_proof(*claim.statements[0], claim.hypotheses, tangent(t, at=u))])


class _TooLong(BaseException):  # not an Exception, which SymPy may catch
    pass


@contextmanager
def _patience():
    """Raise _TooLong after STEPS steps of the prover, the same in every build; or if one of them takes for ever."""
    factored, taken = normal.factored, 0

    def give_up(*_):
        raise _TooLong

    def counted(*args):
        nonlocal taken
        taken += 1
        return factored(*args) if taken <= STEPS else give_up()

    timed = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGVTALRM, give_up) if timed else None
    normal.factored = counted
    try:
        if timed:
            signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
        yield
    finally:
        normal.factored = factored
        if timed:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, before)


def fate(mutant, proof, statement=None):
    """The mutant with what became of it; `proof` is that of the claim it was made from, `statement` the number of its own."""
    claim, equality = mutant.claim, proof.claim.equality
    if (reason := _fails(claim, equality) or _undefined(claim, equality)) is not None:
        return replace(mutant, fate="refuted", reason=reason)
    try:
        with _patience():
            reason = _proved(claim, proof, statement)
    except _TooLong:
        reason = None
    if reason is not None:
        return replace(mutant, fate="still true", reason=reason)
    try:
        return replace(mutant, fate="refuted", reason=str(refute.refute(claim, quick=True)))
    except refute.NotRefuted as error:
        return replace(mutant, fate="survived", reason=str(error))


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


def mutants(*proofs):
    """Make the mutants of proved claims, and refute each or prove that it is still true.

    Without arguments: of all claims that this notebook has proved.

    Raises
    ------
    Survived
        If a mutant of an identity was neither refuted nor proved. Those of inequalities and limits are counted.
    """
    fates = {}
    for proof in proofs or evidence.proofs.values():
        found = [fate(mutant, proof, number) for mutant, number in mutate(proof.claim)]
        for mutant in found:
            if mutant.fate == "survived" and all(map(_is_identity, mutant.claim.statements)):
                raise Survived(f"{mutant}: {mutant.reason}")
        fates.setdefault(proof.claim.id, []).extend(found)
        evidence.mutated(proof.claim, found)
    return Mutants(fates)
