"""Limits of functions of one real variable: computed by SymPy, and watched as the variable approaches.

SymPy's `limit` may err (of f(m) exp((γ+1) m), whose limit is γ + 1, it says ∞), so a limit is believed only if the values,
in multiple precision and over hundreds of orders of magnitude, approach it.
"""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import product

import mpmath
import sympy as sp
from sympy import Dummy, Limit, oo

from lossmath.claims.errors import ProofError
from lossmath.claims.hypotheses import SIZES, Hypotheses
from lossmath.claims.quantities import K, M, N, unfold

NEAR = 0.02  # the distance that may be left at the end of the way
LESS = 0.75  # and its share of the distance halfway: 1/log x halves there, the distance to a wrong limit stays
NEAR_IN_FLOAT64 = 0.06  # where the way may be as short as 15 orders of magnitude
GRID = (*range(1, 16), *range(20, 301, 10))  # orders of magnitude that float64 can go


def is_limit(statement):
    return isinstance(statement[0], Limit)


def validate(statement, hypotheses: Hypotheses):
    """Raise ValueError unless the statement is `(limit(f, x, a), "==", value)` in real symbols, `value` free of x or ±oo."""
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


def compute(statement, hypotheses: Hypotheses):
    """Raise ProofError unless SymPy finds the stated limit, for parameters inside their intervals and at closed ends."""
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
        try:
            found = sp.limit(unfold(expr).xreplace(put), put[x], point, str(side))
        except NotImplementedError as error:
            raise ProofError(f"SymPy finds no limit of {expr}: {error}") from None
        stated = unfold(value).xreplace(put)
        if found != stated and sp.simplify(found - stated) != 0:
            raise ProofError(
                f"the limit of {expr} is {found.xreplace({new: old for old, new in put.items()})}, not {value}"
            )


def _parts(symbol, interval):
    """Stand-ins that carry the domain: one for the inside of the interval, and its closed ends."""
    if isinstance(interval, sp.FiniteSet):
        return list(interval)
    low, high = interval.inf, interval.sup
    parts = [end for end, is_open in ((low, interval.left_open), (high, interval.right_open)) if not is_open]
    if low == -oo and high == oo:
        return [Dummy(symbol.name, real=True)]
    if high == oo:
        return [low + Dummy(symbol.name, positive=True), *parts]
    if low == -oo:
        return [high - Dummy(symbol.name, positive=True), *parts]
    return [low + (high - low) / (1 + Dummy(symbol.name, positive=True)), *parts]


# Numbers


def place(statement, interval, step):
    """The place on the way to the point, `step` orders of magnitude from where the variable starts or from the point."""
    point, side = statement[0].args[2:]
    if point.is_finite:
        return Fraction(str(sp.nsimplify(point))) + (1 if str(side) == "+" else -1) * Fraction(1, 10**step)
    start = interval.inf if point == oo else interval.sup
    return (Fraction(str(start)) if start.is_Rational else 0) + (1 if point == oo else -1) * 10**step


def distance(value, to, stated):
    """How far a value is from a limit: |f - L| / (1 + |L|), and 1/(1 + f) from ∞ if f > 0. `to` is the value of `stated`."""
    if stated in (oo, -oo):
        ahead = value if stated == oo else -value
        return 1 / (1 + ahead * (ahead > 0))
    return abs(value - to) / (1 + abs(to))


def far(statement, hypotheses, values, sizes):
    """In multiple precision: (x, f(x), L) far along the way if f does not come nearer to L there, else None."""
    from lossmath.claims import counterexample as refute

    (expr, x, _, _), value = statement[0].args, statement[2]
    away = None
    for steps in (300, 3000):  # with small parameters, the way is long
        with mpmath.workdps(refute.DIGITS + 2 * steps):
            to = mpmath.mpf(float(value)) if value in (oo, -oo) else refute.value(value, values, sizes)
            at = [place(statement, hypotheses.intervals[x], step) for step in (steps // 2, steps)]
            found = [refute.value(expr, values | {x: place_}, sizes) for place_ in at]
            halfway, end = (distance(one, to, value) for one in found)
        if end <= NEAR and (end <= LESS * halfway or end < mpmath.mpf(10) ** -20):
            return None
        away = away or (at[1], found[1], to)
        if end > 0.98 * halfway:  # it comes no nearer at all
            break
    return away


def confirm(statement, hypotheses):
    """Raise ProofError unless the values approach the limit at a few points with short numbers."""
    from lossmath.claims import counterexample as refute

    for point in refute.points(hypotheses, {K: 2, N: 1, M: 1}, random.Random(0), 6):
        if (found := far(statement, hypotheses, point.values, point.sizes)) is not None:
            raise ProofError(
                f"SymPy finds this limit, yet at {point} the values do not approach it, but come to {found[1]}"
            )


def seen(statement, hypotheses, cases, generator, device):
    """In torch float64: (the distance left at the end, how many orders of magnitude were gone), at the worst case.

    Parameters are drawn within 5 of a finite end of their interval, as limits are not uniform in them. Raises ArithmeticError with
    the case if the distance does not shrink.
    """
    import torch

    from lossmath.claims import check

    (expr, x, point, _), value = statement[0].args, statement[2]
    draws = {
        symbol: _moderate(interval, torch.rand(cases, generator=generator, dtype=torch.float64))
        for symbol, interval in hypotheses.intervals.items()
    }
    places = {step: float(place(statement, hypotheses.intervals[x], step)) for step in GRID}
    steps = [step for step, at in places.items() if at != float(point)]
    way = torch.tensor([places[step] for step in steps], dtype=torch.float64)
    values = {symbol: draw.repeat_interleave(len(way)) for symbol, draw in draws.items()}
    values[x] = way.repeat(cases)
    values = {symbol: draw.to(device) for symbol, draw in values.items()}
    found, size = check.Evaluation(values, {})(expr)
    to, _ = check.Evaluation(values, {})(value)
    left = distance(found, to, value).reshape(cases, -1).cpu()
    blind = ~(size * check.EPSILON < 0.01 * (1 + found.abs())) | ~found.isfinite()
    # where rounding begins to matter, the way ends
    ends = (blind.reshape(cases, -1).cumsum(1) == 0).sum(1) - 1
    worst, shortest = 0.0, steps[-1]
    for case, end in enumerate(ends.tolist()):
        halfway = max((number for number in range(end) if 2 * steps[number] <= steps[end]), default=None)
        if halfway is None:
            raise ArithmeticError(f"rounding leaves nothing of {expr} in float64")
        near, before = left[case, end].item(), left[case, halfway].item()
        if not (near <= NEAR_IN_FLOAT64 and (near <= LESS * before or near < 1e-12)):
            at = ", ".join(f"{symbol} = {draw[case].item():.6g}" for symbol, draw in draws.items() if symbol != x)
            raise ArithmeticError(
                f"at {at or 'every point'} and {x} = {way[end]:.3g}, the limit is still {near:.3g} away"
            )
        worst, shortest = max(worst, near), min(shortest, steps[end])
    return worst, shortest


def _moderate(interval, share):
    low, high = float(interval.inf), float(interval.sup)
    if low == -oo and high == oo:
        return 6 * share - 3
    if high == oo:
        return low + 0.25 + 4.75 * share
    if low == -oo:
        return high - 0.25 - 4.75 * share
    return low + (high - low) * (0.1 + 0.8 * share)
