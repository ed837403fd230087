"""Limits of functions of one real variable: computed by SymPy, and watched as the variable approaches.

SymPy's `limit` may err (of f(m) exp((γ+1) m), whose limit is γ + 1, it says ∞), so a limit is believed only if the
values, in multiple precision and over hundreds of orders of magnitude, approach it.
"""

import random
from collections import defaultdict
from fractions import Fraction
from itertools import product
from typing import NamedTuple

import mpmath
import sympy as sp
from mpmath import mpf
from sympy import Dummy, Limit, oo

from lossmath.claims.definedness import require_value
from lossmath.claims.errors import ProofError, Undefined
from lossmath.claims.evaluation import DIGITS, value_of
from lossmath.claims.hypotheses import SIZES, Hypotheses
from lossmath.claims.normal_form import Context, factor, parametrise
from lossmath.claims.notation import latex
from lossmath.claims.quantities import unfold
from lossmath.claims.reasons import Record
from lossmath.claims.sampling import Point, draw_points
from lossmath.claims.signs import sign

NEAR = 0.02  # the distance that may be left at the end of the way
LESS = 0.75  # and its share of the distance halfway: 1/log x halves there, the distance to a wrong limit stays


def is_limit(statement) -> bool:
    """Whether the statement is `(limit(f, x, a), "==", value)`."""
    return isinstance(statement[0], Limit)


def validate(statement, hypotheses: Hypotheses) -> None:
    """Raise ValueError unless the statement is `(limit(f, x, a), "==", value)` in real symbols."""
    (expr, x, point, side), relation, value = statement[0].args, statement[1], statement[2]
    if relation != "==":
        raise ValueError(f"a limit is stated with ==, got {relation}")
    for part in (expr, value) if value not in (oo, -oo) else (expr,):
        hypotheses.validate(part)
        plain = unfold(part)
        found = plain.atoms(sp.Indexed, sp.Sum, sp.KroneckerDelta, sp.Derivative) or SIZES.keys() & plain.free_symbols
        if found:
            raise ValueError(f"a limit is of real symbols; {part} holds {min(found, key=str)}")
    interval = hypotheses.intervals.get(x)
    if not isinstance(interval, sp.Interval) or value.has(x):
        raise ValueError(f"a limit needs a real variable of the claim, and a value without it; got {x} and {value}")
    low, high, below = interval.inf, interval.sup, str(side) == "-"
    if point.free_symbols or not (low < point <= high if below else low <= point < high):
        raise ValueError(f"{x} in {interval} does not approach {point} from {'below' if below else 'above'}")


def prove(statement, by, context: Context, record: Record) -> None:
    """Rule 6: compute a limit and watch the values approach it, or raise ProofError."""
    if by is not None:
        raise TypeError(f"a limit is proved by the rule for limits alone; got {by!r}")
    expr = statement[0].args[0]
    for part in (expr, statement[2]):
        require_value(context, part, "under the hypotheses")
    compute(statement, context.hypotheses)
    confirm(statement, context.hypotheses)
    record.use("limit")
    said = "is within 0.02 of it after 300 orders of magnitude or more, and nearer than halfway"
    record.show(f"SymPy finds this limit; in multiple precision, ${latex(expr)}$ {said}")


def compute(statement, hypotheses: Hypotheses) -> None:
    """Raise ProofError unless SymPy finds the stated limit, for parameters in their intervals and at closed ends.

    SymPy takes it that no coefficient is zero, so one of unknown sign is also left out.
    """
    (expr, x, point, side), value = statement[0].args, statement[2]
    options = {}
    for symbol, interval in hypotheses.intervals.items():
        if symbol == x:
            variable = Dummy(x.name, positive=True) if interval.inf >= 0 else Dummy(x.name, real=True)
            options[x] = [variable]
        elif expr.has(symbol) or value.has(symbol):
            options[symbol] = _parts(symbol, interval)
    for choice in product(*options.values()):
        put = dict(zip(options, choice))
        function, stated = (unfold(part).xreplace(put) for part in (expr, value))
        outer, inner = function.as_independent(put[x], as_Add=False) if stated.is_finite else (1, function)
        for form in (function, *(outer * one for one in _drop_coefficients(inner, put[x]))):
            try:
                found = sp.limit(form, put[x], point, str(side))
            except NotImplementedError as error:
                raise ProofError(f"SymPy finds no limit of {expr}: {error}") from None
            if found != stated and sp.simplify(found - stated) != 0:
                found = found.xreplace({new: old for old, new in put.items()})
                special = "" if form is function else ", where a coefficient is zero,"
                raise ProofError(f"the limit of {expr}{special} is {found}, not {value}")


def _drop_coefficients(expr, x):
    """The forms of `expr` as a function of x in which one coefficient that may be zero is zero."""
    if not expr.has(x):
        if expr.free_symbols and sign(factor(expr)) not in ((1, 1), (-1, -1)):
            yield sp.Integer(0)
        return
    coefficients = defaultdict(lambda: sp.Integer(0))
    for term in sp.Add.make_args(sp.expand(expr)) if expr.is_Add or expr.is_Mul else ():
        coefficient, rest = term.as_independent(x, as_Add=False)
        coefficients[rest] += coefficient
    for rest, coefficient in coefficients.items():
        yield from (expr - coefficient * rest for _ in _drop_coefficients(coefficient, x))
    for place, arg in enumerate(expr.args):
        if arg.has(x) or not coefficients:
            for new in _drop_coefficients(arg, x):
                yield expr.func(*expr.args[:place], new, *expr.args[place + 1 :])


def _parts(symbol, interval):
    """Stand-ins that carry the domain: one for the inside of the interval, and its closed ends."""
    if isinstance(interval, sp.FiniteSet):
        return list(interval)
    ends = (interval.inf, interval.left_open), (interval.sup, interval.right_open)
    return [parametrise(symbol, interval, strict=False), *(end for end, is_open in ends if not is_open)]


# Watching


class Watched(NamedTuple):
    """The end of the way towards a limit."""

    at: Fraction
    value: mpf  # there
    limit: mpf
    left: mpf  # the distance from the one to the other
    orders: int  # of magnitude that were gone
    near: bool


def place(statement, interval, step):
    """The place on the way to the point, so many orders of magnitude from its start or from the point."""
    point, side = statement[0].args[2:]
    if point.is_finite:
        return Fraction(str(sp.nsimplify(point))) + (1 if str(side) == "+" else -1) * Fraction(1, 10**step)
    start = interval.inf if point == oo else interval.sup
    return (Fraction(str(start)) if start.is_Rational else 0) + (1 if point == oo else -1) * 10**step


def distance(value, to, stated):
    """How far a value is from the limit `to`: |f - L| / (1 + |L|), and 1/(1 + f) from ∞ if f > 0."""
    if stated in (oo, -oo):
        ahead = value if stated == oo else -value
        return 1 / (1 + ahead * (ahead > 0))
    return abs(value - to) / (1 + abs(to))


def watch(statement, hypotheses: Hypotheses, point: Point) -> Watched:
    """Follow the function, with the parameters of the point, to where it should have come near to its limit."""
    (expr, x, _, _), stated = statement[0].args, statement[2]
    for orders in (300, 3000):  # with small parameters, the way is long
        with mpmath.workdps(DIGITS + 2 * orders):
            to = mpf(float(stated)) if stated in (oo, -oo) else value_of(stated, point.values, point.sizes)
            ways = [place(statement, hypotheses.intervals[x], steps) for steps in (orders // 2, orders)]
            found = [value_of(expr, point.values | {x: at}, point.sizes) for at in ways]
            *found, to = map(mpmath.convert, (*found, to))
            halfway, left = (distance(value, to, stated) for value in found)
            near = left <= NEAR and (left <= LESS * halfway or left < mpf(10) ** -20)
        watched = Watched(ways[1], found[1], to, left, orders, near)
        if near or left > 0.98 * halfway:  # it is there, or comes no nearer at all
            break
    return watched


def confirm(statement, hypotheses: Hypotheses) -> None:
    """Raise ProofError unless the values approach the limit at a few points with short numbers."""
    for point in draw_points(hypotheses, SIZES, random.Random(0), 6):
        try:
            watched = watch(statement, hypotheses, point)
        except Undefined as error:
            raise ProofError(f"SymPy finds this limit, yet at {point} the values cannot be watched: {error}") from None
        if not watched.near:
            raise ProofError(
                f"SymPy finds this limit, yet at {point} the values do not approach it, but come to {watched.value}"
            )
