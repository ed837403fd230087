"""Witnesses: what SymPy made of an expression agrees with it, exactly, at random rational points.

They can only refuse: nothing is proved because they agree. Where values are not rational, they agree to 50 digits.
"""

import random
from fractions import Fraction

import sympy as sp

from lossmath.claims.errors import Undefined
from lossmath.claims.evaluation import agree, evaluate_exactly
from lossmath.claims.hypotheses import SIZES
from lossmath.claims.normal_form import Context, prepare
from lossmath.claims.quantities import K, M, N
from lossmath.claims.sampling import Point

POINTS = ({K: 2, N: 1, M: 2}, {K: 3, N: 2, M: 1}, {K: 4, N: 3, M: 2})  # one random point of each size


def _agree(one, other, draw):
    """Whether two expressions agree at a random point of each size."""
    rng = random.Random(0)
    try:
        return one == other or all(agree(one, other, draw(sizes, rng)) for sizes in POINTS)
    except Undefined:
        return False


def is_witnessed(context: Context, expr: sp.Expr, prepared: sp.Expr, form: sp.Expr) -> bool:
    """Whether `form`, made of `expr`, is equal to it at a random point of each size."""
    moved = prepared.xreplace(context.scalars)
    source = expr if expr.has(sp.Derivative) else moved  # slopes are worked out anew, by differences
    indices = [symbol for symbol in source.free_symbols if symbol.is_integer and symbol not in SIZES]
    return _agree(source, form, lambda sizes, rng: _draw(context, sizes, rng, sorted(indices, key=sp.default_sort_key)))


def is_zero_at_points(context: Context, expr: sp.Expr) -> bool:
    """Whether `expr` is zero at a random point of each size."""
    return is_witnessed(context, expr, prepare(context, expr), sp.Integer(0))


def _draw(context, sizes, rng, indices):
    """A random point inside the domain, for the symbols of the claim and for their stand-ins."""
    hypotheses = context.hypotheses

    def draw(symbol, shape):
        if shape:
            row = tuple(draw(symbol, shape[1:]) for _ in range(sizes[shape[0]]))
            normed = symbol in hypotheses.distributions and len(shape) == 1
            return tuple(one / sum(row) for one in row) if normed else row
        if symbol in hypotheses.labels:
            return Fraction(rng.randint(1, sizes[hypotheses.labels[symbol]]))
        return _draw_number(rng, symbol in hypotheses.distributions)

    values = {index: Fraction(rng.randint(1, min(sizes.values()))) for index in indices}
    values |= {symbol: draw(symbol, getattr(symbol, "shape", ())) for symbol in (*hypotheses.labels, *context.bases)}
    values |= {mine: values[base] for base, mine in context.bases.items()}
    for base, label in hypotheses.onehots.items():
        values[base] = tuple(Fraction(int(values[label] == c)) for c in range(1, sizes[K] + 1))
    for x, value in context.scalars.items():
        put = {w: _draw_number(rng, w.is_nonnegative) for w in value.free_symbols}
        values |= put | {x: evaluate_exactly(value, Point(sizes, put))}
    return Point(sizes, values)


def _draw_number(rng, positive, whole=False):
    number = Fraction(rng.randint(1, 60), 1 if whole else rng.randint(11, 29))
    return number if positive or rng.random() < 0.5 else -number


def is_witnessed_plainly(plain: sp.Expr, form: sp.Expr) -> bool:
    """The same for an expression in variables that carry their sign."""
    variables = sorted(plain.free_symbols, key=sp.default_sort_key)
    return _agree(
        plain,
        form,
        lambda sizes, rng: Point({}, {w: _draw_number(rng, w.is_nonnegative, w.is_integer) for w in variables}),
    )
