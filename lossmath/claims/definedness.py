"""Where an expression has a value, on the whole domain, closed ends included. A trusted file.

Logarithms, powers, quotients and slopes are looked at; only f log(f w) with f >= 0 and w > 0 is read as its limit, 0,
where f vanishes.
"""

from collections.abc import Iterator
from functools import lru_cache

import sympy as sp
from sympy import Abs, Add, Dummy, Indexed, IndexedBase, Integer, KroneckerDelta, LambertW, Mul, Pow, Sum, log

from lossmath.claims.errors import ProofError
from lossmath.claims.hypotheses import SMOOTH
from lossmath.claims.normal_form import Context, find_strict, prepare
from lossmath.claims.quantities import MaximumNorm, Quantity, Vector, differentiate, freshen, unfold
from lossmath.claims.signs import is_nonnegative, is_positive
from lossmath.claims.witness import is_zero_at_points

ATOMS = sp.Atom, Indexed, IndexedBase, Vector, KroneckerDelta  # what has a value, whatever its parts are


@lru_cache(maxsize=4096)
def find_undefined(context: Context, expr: sp.Expr, closed: bool = True) -> sp.Expr | None:
    """A part of an expression that was not shown to be defined on the whole domain, ends included if `closed`; or None.

    It is read as it is written, names and all: once it is unfolded, SymPy may have cancelled a pole.
    """
    found = (_find(one, sp.sympify(expr), ()) for one in (find_strict(context) if closed else [context]))
    return next((part for part in found if part is not None), None)


def require_value(context: Context, expr: sp.Expr, where: str, closed: bool = True) -> None:
    """Raise ProofError unless an expression was shown to be defined on the whole domain; `where` is for the message."""
    if (part := find_undefined(context, expr, closed)) is not None:
        raise ProofError(f"it was not shown that {part} is defined {where}")


def is_above_zero(context: Context, expr: sp.Expr, inside: sp.Symbol | None = None) -> bool:
    """`expr` is > 0 on the whole domain, closed ends included, those of the variable `inside` left out."""
    return all(is_positive(strict, expr) for strict in find_strict(context, inside))


def _find(context, expr, weights):
    """The same in one context. `weights` multiply the expression."""
    for part, its_weights in _parts(expr, weights):
        if (found := _find(context, part, its_weights)) is not None:
            return found
    return None if _has_value(context, expr, weights) else expr


def _parts(expr, weights) -> Iterator[tuple]:
    """What must be defined for `expr` to be, each with what it is multiplied by."""
    if isinstance(expr, ATOMS):
        return
    if isinstance(expr, Quantity):
        yield from ((arg, ()) for arg in expr.args)
        yield expr.definition(), weights
    elif isinstance(expr, MaximumNorm):
        yield expr.at(Dummy("k", integer=True)), ()
    elif isinstance(expr, Sum):
        expr = freshen(expr)  # in a sum over y, p_y is not one-hot at the label y
        yield expr.function, weights
    elif isinstance(expr, sp.Derivative):
        yield from ((step, ()) for step in _slopes(expr))
    elif isinstance(expr, Mul):
        for arg in expr.args:
            yield arg, (*weights, *(other for other in expr.args if other is not arg))
    else:
        yield from ((arg, weights if isinstance(expr, Add) else ()) for arg in expr.args)


def _slopes(expr):
    """What is differentiated, and every slope on the way."""
    yield expr.expr
    step = unfold(expr.expr)
    yield step
    for variable, count in expr.variable_count:
        for _ in range(count):
            step = differentiate(freshen(step)).diff(variable)
            yield step


def _has_value(context, expr, weights):
    """Whether `expr` is defined where its parts are."""
    if isinstance(expr, sp.sign):  # the slope of a modulus, which has none at 0
        return any(is_positive(context, side) for side in (expr.args[0], -expr.args[0]))
    if isinstance(expr, LambertW):
        return is_positive(context, expr.args[0])
    if isinstance(expr, log):
        return is_positive(context, expr.args[0]) or any(_vanishes_with(context, expr.args[0], one) for one in weights)
    if isinstance(expr, Pow):
        return _has_power(context, *expr.args)
    return isinstance(expr, (*ATOMS, Quantity, MaximumNorm, sp.Derivative, *SMOOTH, Abs))


def _has_power(context, base, exponent):
    if exponent.is_Integer:
        return exponent >= 0 or is_positive(context, base) or is_positive(context, -base)
    return is_positive(context, base) or (is_nonnegative(context, base) and is_positive(context, exponent))


def _vanishes_with(context, u, weight):
    """u = f w with f the weight (or what a power of it with a positive exponent is of), u >= 0 and w > 0.

    A weight δ is 0 or 1, so that only u at δ = 1 matters.
    """
    if not is_nonnegative(Context(context.hypotheses), u):  # inside, so that it is not negative at the ends either
        return False
    u, weight = prepare(context, u), prepare(context, weight)
    base = weight.base if isinstance(weight, Pow) and weight.exp.is_positive else weight
    if isinstance(base, KroneckerDelta):
        return is_positive(context, u.xreplace({base: Integer(1)}))
    multiples = ((f, sp.cancel(sp.together(u / f))) for f in (weight, base))
    return any(
        is_positive(context, w) and _find(context, w, ()) is None and is_zero_at_points(context, f * w - u)
        for f, w in multiples
    )
