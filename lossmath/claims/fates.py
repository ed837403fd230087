"""What becomes of a claim that was changed: a counterexample, a proof that it is still true, or neither.

Everything here is a search; what it finds is confirmed by `lossmath.claims.counterexample` and `lossmath.claims.rules`, as always.
"""

from __future__ import annotations

import random
import signal
import threading
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import replace
from fractions import Fraction
from functools import cache, lru_cache
from itertools import product

import sympy as sp
from sympy import Add, Derivative, IndexedBase, Mul, Pow, Sum

from lossmath.claims import check, limits
from lossmath.claims import counterexample as refute
from lossmath.claims import normal_form as normal
from lossmath.claims.claim import Claim, Proof, tangent
from lossmath.claims.errors import NotRefuted, ProofError, Undefined
from lossmath.claims.hypotheses import Distribution, Hypotheses

from lossmath.claims.quantities import K, M, MaximumNorm, N, Quantity, k, t, u, unfold, written
from lossmath.claims.rules import Instance, Tangent, substitute
from lossmath.claims.rules import prove as rule_of_proof

# A few points of each size; what they leave alive meets the whole search of `refute`.
SIZES = ({K: 3, N: 2, M: 2}, {K: 2, N: 3, M: 2}, {K: 5, N: 3, M: 2})
POINTS = 60
STEPS = 1000  # of the prover, on one proof
PATIENCE = 6  # seconds, for a single step that SymPy does not come back from; a proof of so many steps takes less
FATES = ("refuted", "still true", "survived")


def restated(claim, statement):
    """The claim with another statement in place of its own; None if it says nothing, as with an undeclared symbol."""
    changed = copy(claim)
    try:
        left, _, right = statement = claim._statement(statement)
    except (ValueError, TypeError):
        return None
    changed.statements, changed.equality = (statement,), {}
    nowhere = any(power.base.is_zero for side in (left, right) for power in unfold(side).atoms(Pow))
    return None if nowhere else changed


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
    domain = domain_of(claim.hypotheses)
    sides = [
        statement[0].args[0] if limits.is_limit(statement) else side
        for statement in claim.statements
        for side in statement[::2]
    ]
    doubtful = [
        side for side in dict.fromkeys(sides) if side.is_finite is not False and domain.undefined(side) is not None
    ]
    parts = [part for side in doubtful for part in _functions(side)]
    poles = [
        one.base
        for side in doubtful
        for one in unfold(side).atoms(Pow)
        if one.exp.is_negative and _is_real(one.base, claim)
    ]
    signs = {}
    for _, points, _ in _points(claim, equality):
        for point in points:
            for part in parts:
                try:
                    refute.evaluate(part, point)
                except Undefined as error:
                    return f"{point}: no value, {error}"
                except KeyError:  # a quantity inside a sum or a vector, with an index that has no value of its own
                    continue
            for pole in poles:
                with suppress(Undefined):
                    signs[pole, refute.evaluate(pole, point) > 0] = point
                if (pole, True) in signs and (pole, False) in signs:
                    return f"between {signs[pole, True]} and {signs[pole, False]}: no value, since {pole} is zero"
    return None


def _is_real(expr, claim):
    """Whether an expression is a continuous function of real variables, each in an interval."""
    return expr.free_symbols and expr.free_symbols <= claim.hypotheses.intervals.keys()


def _functions(side):
    """What must have a value: the side, and each quantity in it, which might cancel.

    For a slope it is the function, since a difference quotient may reach over an end.
    """
    quantities = sorted(side.atoms(Quantity), key=str)
    slopes = [written(node.expr) for node in written(side).atoms(Derivative)]
    return [part for part in slopes if not part.atoms(Sum)] if slopes else [side, *quantities]


def _proved(claim, proof, statement, known):
    """By what the changed claim is proved, or None."""
    if _closes(proof.claim.hypotheses, claim.hypotheses) and _is_continuous(claim):
        return "proved by continuity"
    rules = []
    for number, (left, relation, right) in enumerate(claim.statements):
        for way in _ways(claim, proof, number, number if statement is None else statement, known):
            try:
                with _patience():
                    rules += rule_of_proof(left, relation, right, claim.hypotheses, way).rules
                break
            except (ProofError, ValueError, TypeError, _TooLong):
                continue
        else:
            return None
    return None if refute.doubt(claim) else "proved by " + ", ".join(dict.fromkeys(rules))


def _closes(own, weaker):
    """Whether the weaker hypotheses add nothing but zeros to a distribution."""
    lost, new = set(own.given) - set(weaker.given), set(weaker.given) - set(own.given)
    return bool(new) and new == {replace(one, positive=False) for one in lost if isinstance(one, Distribution)}


def _is_continuous(claim):
    """Whether all that is stated of distributions has values at their zeros too: then it holds there, as it does beside them."""
    domain = domain_of(claim.hypotheses)
    sides = [side for statement in claim.statements if not limits.is_limit(statement) for side in statement[::2]]
    return all(domain.undefined(side) is None for side in sides)


def _left_over(statement, instances):
    """What is still to be shown not negative, once these instances are used."""
    rest = difference(*statement)
    for instance in instances:
        values = {symbol: instance.values.get(symbol, symbol) for symbol in instance.lemma.claim.hypotheses.declared}
        gain = instance.times * substitute(difference(*instance.statement), values)
        rest -= gain if instance.over is None else Sum(gain, (instance.over, 1, K))
    return rest


def _may_hold(claim, expr):
    """Whether an expression is not negative at a few points that obey the hypotheses; to try that is much quicker than to prove it."""
    stated = restated(claim, (expr, ">=", sp.Integer(0)))
    return stated is not None and _fails(stated, {}) is None


def _ways(claim, proof, number, own, known):
    """Ways to prove a changed statement that may work: the original's, its own sign, other claims, tangents to logarithms."""
    statement = claim.statements[number]
    if statement[1] == "==":
        yield None
        yield from (way for way in proof.ways[own : own + 1] if isinstance(way, (Instance, list)))
        return
    own_way = proof.ways[own] if proof.ways else None
    if isinstance(own_way, Tangent):
        yield own_way
    tried = []
    for ways in (_own_ways(claim, proof, own), _known_ways(claim, proof, own, known)):
        begun = len(tried)
        for way in ways:
            if way is None:
                yield way
            elif way not in tried and _may_hold(claim, _left_over(statement, way)):
                tried.append(way)
                yield way
        for base in ([], *tried)[begun and begun + 1 :]:
            for tangents in _tangents(claim, _left_over(statement, base)):
                if _may_hold(claim, _left_over(statement, base + tangents)):
                    yield base + tangents


def _own_ways(claim, proof, own):
    """The original; the sign; what the original was proved by; and where a norm is 1, that it is."""
    yield [proof.at(statement=own)]
    yield None
    way = proof.ways[own] if proof.ways else None
    if isinstance(way, list):
        yield way
    while isinstance(way, Instance):  # what the original rests on, and that in turn
        yield [way]
        below = way.lemma.ways[way.lemma.claim.statements.index(way.statement)] if way.lemma.ways else None
        if not isinstance(below, Instance) or below.over is not None or way.over is not None:
            break
        values = {
            symbol: substitute(below.values.get(symbol, symbol), way.values)
            for symbol in below.lemma.claim.hypotheses.declared
        }
        way = Instance(below.lemma, below.statement, values, way.times * substitute(below.times, way.values), None)
    for left, relation, right in claim.statements:
        delta = unfold(difference(left, relation, right)).expand()
        for norm in sorted(delta.atoms(MaximumNorm), key=str):
            one = Claim("norm", (norm, "==", sp.Integer(1)), given=claim.hypotheses.given)
            with suppress(ProofError):
                yield [Proof(one, [rule_of_proof(*one.statements[0], one.hypotheses)]).at(times=delta.coeff(norm))]


def _known_ways(claim, proof, own, known):
    """The original twice, or at larger values; and the known claims, as they stand or at the entries of a distribution."""
    yield [proof.at(statement=own, times=2)]
    for symbol, more in product(sorted(proof.claim.hypotheses.intervals, key=str), (*claim.hypotheses.intervals, 1)):
        yield [proof.at({symbol: symbol + more}, statement=own)]
    vectors = sorted((base for base in claim.hypotheses.distributions if base.shape == (K,)), key=str)
    stated = [
        (other, place, other.claim.hypotheses.declared - claim.hypotheses.declared)
        for other in known
        for place, (_, relation, _) in enumerate(other.claim.statements)
        if relation != "=="
    ]
    yield from ([other.at(statement=place)] for other, place, missing in stated if not missing)
    for other, place, missing in stated:
        entries = len(missing) == 1 and missing <= other.claim.hypotheses.intervals.keys()
        for one, weight in product(vectors, vectors) if entries else ():
            yield [other.at({min(missing): one[k]}, times=weight[k], over=k, statement=place)]


def _tangents(claim, delta):
    """Instances of log v <= v - 1 and log v >= 1 - 1/v that bound the logarithms in `delta` from below.

    Of each logarithm by itself; then with those of equal or opposite factors taken as one, of a product or quotient.
    """
    factors, insides = {}, {}  # each for (a logarithm or its factor, the index of the sum)
    for term in Add.make_args(sp.expand_mul(_without_moduli(claim, unfold(delta)))):
        outer, sums = term.as_independent(Sum, as_Add=False)
        index = sums.variables[0] if isinstance(sums, Sum) else None
        inner = (sums.function * outer).xreplace({index: k}) if index is not None else term
        for part in Add.make_args(sp.expand_mul(inner)):
            for node in (factor for factor in Mul.make_args(part) if isinstance(factor, sp.log)):
                number, times = (part / node).as_coeff_Mul()
                over = k if index is not None else None
                factors[node.args[0], over] = factors.get((node.args[0], over), 0) + part / node
                insides[times, over] = insides.get((times, over), 1) * node.args[0] ** number
    one_by_one = [(times, inside, over) for (inside, over), times in factors.items()]
    together = [(times, inside, over) for (times, over), inside in insides.items()]
    for logs in dict.fromkeys((tuple(one_by_one), tuple(together))):
        found = []
        for times, inside, over in logs:
            for sign, bound in ((1, 1 / inside), (-1, inside)):
                if times != 0 and _may_hold(claim, sign * (times if over is None else Sum(times, (over, 1, K)))):
                    found.append(_log_tangent().at({t: 1, u: bound}, times=sign * times, over=over))
                    break
        if found:
            yield found


def _without_moduli(claim, expr):
    """With each |f| as f or -f, whichever may be right: a guess, for a way that is then tried."""
    return expr.replace(sp.Abs, lambda inside: inside if _may_hold(claim, inside) else -inside)


@cache
def _log_tangent():
    claim = Claim("log-tangent", (t * sp.log(t / u), ">=", t - u), given=[t >= 0, u > 0])
    return Proof(claim, [rule_of_proof(*claim.statements[0], claim.hypotheses, tangent(t, at=u))])


class _TooLong(BaseException):  # not an Exception, which SymPy may catch
    pass


@contextmanager
def _patience():
    """Raise _TooLong after STEPS steps of the prover, the same in every build; or if one of them takes for ever."""
    normal.forget()
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


def fate(claim, proof, statement=None, known=()):
    """What became of a changed claim, "refuted", "still true" or "survived", and the reason.

    `proof` is that of the claim before the change, `statement` the number of the one that was changed, or None if it was a
    hypothesis; `known` are proofs of other claims, to build on.
    """
    equality = proof.claim.equality
    if (reason := _fails(claim, equality) or _undefined(claim, equality)) is not None:
        return "refuted", reason
    if (reason := _proved(claim, proof, statement, known)) is not None:
        return "still true", reason
    try:
        return "refuted", str(refute.refute(claim, quick=True))
    except NotRefuted as error:
        return "survived", str(error)
