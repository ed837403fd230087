"""Where an expression has a value, closed ends included; 0 log 0 is read as its limit."""

import random

import pytest
import sympy as sp
from sympy import cosh, sinh, tanh

from lossmath.claims.definedness import find_undefined, is_above_zero
from lossmath.claims.evaluation import evaluate_exactly
from lossmath.claims.hypotheses import Distribution, Hypotheses, Label, OneHot, Real
from lossmath.claims.normal_form import Context
from lossmath.claims.quantities import *
from lossmath.claims.sampling import draw_points

DELTA, HALF = KroneckerDelta, Rational(1, 2)
D = DELTA(i, y)
ANY, POSITIVE = Distribution(p), Distribution(q, positive=True)
Z, LABEL = Real(z), Label(y)
CLOSED, UNIT = [x >= 0, x <= 1], [u >= 0, u <= 1]


def context(*given, strict=False):
    return Context(Hypotheses(given), strict)


SIN = sp.sin(x)
DEFINED = [
    ([x > 0], log(x), None),
    ([x >= 0], log(x), log(x)),
    ([Real(x)], log(x), log(x)),
    ([Real(x)], log(x**2 + 1), None),
    ([x >= 0], x * log(x), None),
    ([x >= 0], x**2 * log(x), None),
    ([x >= 0], sp.sqrt(x) * log(x), None),
    ([x >= 0, gamma > 0], x**gamma * log(x), log(x)),
    ([x >= 0], x * log(2 * x), None),
    ([x >= 0, u > 0], x * log(x / u), None),
    ([x >= 0, u >= 0], x * log(x * u), log(x * u)),
    ([x >= 0], x * log(x**2), log(x**2)),
    ([x >= 0], x * (log(x) + 1), None),
    ([x >= 0], x * (1 + u * log(x)), None),
    ([x >= 0], x * cosh(log(x) + 1), log(x)),
    ([x >= 0], x * log(x) ** 2, log(x)),
    ([x >= 0], log(x) ** 2, log(x)),
    ([Real(x)], x * log(x), log(x)),
    ([x <= 0], x * log(x), log(x)),
    (CLOSED, (1 - x) * log(1 - x), None),
    (CLOSED, (1 - x) * log(x), log(x)),
    (CLOSED, x * log(1 - x), log(1 - x)),
    (CLOSED, log(1 + x) + log(2 - x), None),
    (CLOSED, log(x * (1 - x)), log(x * (1 - x))),
    ([x > 0], 1 / x, None),
    ([x < 0], 1 / x, None),
    ([x < 0], x**-3, None),
    ([x >= 0], 1 / x, 1 / x),
    ([x <= 0], x**-2, x**-2),
    ([Real(x)], 1 / (1 + x**2), None),
    ([Real(x)], x**3, None),
    ([x >= 0], sp.sqrt(x), None),
    ([Real(x)], sp.sqrt(x), sp.sqrt(x)),
    ([Real(x)], sp.sqrt(x**2), None),
    ([x > 0, Real(gamma)], x**gamma, None),
    ([x >= 0, gamma > 0], x**gamma, None),
    ([x >= 0, gamma >= 0], x**gamma, x**gamma),
    ([x >= 0, gamma < 0], x**gamma, x**gamma),
    ([Real(x), gamma > 0], x**gamma, x**gamma),
    ([Real(x), Real(u)], Abs(x) + sinh(x) * cosh(u) * tanh(x) + exp(u), None),
    ([Real(x)], SIN, SIN),
    ([Real(x)], exp(SIN), SIN),
    ([x > 0], LambertW(x), None),
    ([x >= 0], LambertW(x), LambertW(x)),
    ([x > 0], sp.sign(x), None),
    ([x < 0], sp.sign(x), None),
    ([Real(x)], sp.sign(x), sp.sign(x)),
    ([x > 0], gradient(Abs(x), x), None),
    ([Real(x)], gradient(Abs(x) * x, x), sp.sign(x)),
    ([Real(x), Real(u)], gradient(log(x) + u, u), log(x)),
    ([Real(x), Real(u)], gradient(softplus(u) / x, u), 1 / x),
    ([Real(x), Real(u)], Derivative(Abs(x) * u, x, (u, 2), evaluate=False), sp.sign(x)),
    ([x > 0, Real(u)], Derivative(log(x) * u, x, (u, 2), evaluate=False), None),
    ([x >= 0], gradient(x * log(x), x), log(x)),
    ([x >= 0], gradient(sp.sqrt(x) * x, x), None),
    ([x >= 0], Derivative(sp.sqrt(x) * x, (x, 2), evaluate=False), 1 / sp.sqrt(x)),
    ([x >= 0], x * gradient(u * log(x), u), log(x)),
    ([ANY], entropy(p), None),
    ([ANY, Distribution(r)], cross_entropy(p, r), log(r[k])),
    ([ANY, POSITIVE], kl_divergence(p, q), None),
    ([ANY], kl_divergence(q, p), 1 / p[k]),
    ([ANY, LABEL], p[y] * log(p[y]), None),
    ([ANY, LABEL, Label(i)], p[y] * log(p[i]), log(p[i])),
    ([ANY, Label(k)], p[k] * total(log(p[k]), k), log(p[k])),
    ([x >= 0, POSITIVE], x * total(log(x * q[k]), k), None),
    ([x >= 0, POSITIVE], x * total(q[k] * log(x), k), None),
    ([ANY, LABEL], p[y] * Vector("v", lambda c: log(p[c]))[y], None),
    ([ANY, LABEL], Vector("v", lambda c: log(p[c]))[y], log(p[y])),
    ([ANY, LABEL], p[y] * softplus(log(p[y])), log(p[y])),
    ([Real(x)], softplus(log(x)), log(x)),
    ([OneHot(p, y)], entropy(p), None),
    ([OneHot(p, y), POSITIVE, x > 0], total(p[k] * log(x * p[k]), k), None),
    ([OneHot(p, y), Real(x)], total(p[k] * log(x * p[k]), k), log(x * p[k])),
    ([Real(x)], maximum_norm(Vector("v", lambda c: log(x))), log(x)),
    ([ANY], maximum_norm(Vector("v", lambda c: log(p[c]))), log(p[k])),
    ([Z], maximum_norm(z), None),
    ([Z, LABEL], DELTA(i, y) * z[y] + K, None),
    ([LABEL, Label(i), x > 0], D * log(D * x), None),
    ([LABEL, Label(i), x >= 0], D * log(D * x), log(D * x)),
    ([LABEL, Label(i)], (1 - D) * log(1 - D), None),
    ([LABEL, Label(i)], (1 - D) * log(D), log(D)),
    ([ANY, POSITIVE], total(p[k] * log(p[k] * q[k]), k), None),
    ([ANY, POSITIVE, x > 1], total(p[k] ** x * log(p[k]), k), log(p[k])),
    ([ANY, Distribution(r)], total(p[k] * log(p[k] * r[k]), k), log(p[k] * r[k])),
    ([ANY, POSITIVE], log(total(p[k] * q[k], k)), None),
    ([ANY, Distribution(r)], log(total(p[k] * r[k], k)), log(total(p[k] * r[k], k))),
    ([*CLOSED, *UNIT], x * log(x) * log(u), log(u)),
    ([*CLOSED, *UNIT], x * u * log(x) * log(u), None),
    ([*CLOSED], exp(x * log(x)) + Abs(x * log(x)), None),
    ([*CLOSED], x**x, x**x),
    ([x > 0, x < 1], 1 / log(x), None),
    ([x > 0, x <= 1], 1 / log(x), 1 / log(x)),
    ([x >= 1], 1 / (1 + log(x)), None),
    ([LABEL, Label(i)], 1 / (1 - D), 1 / (1 - D)),
    ([LABEL, Label(i)], 1 / (1 + D), None),
    ([LABEL, Label(i), Z], (1 + D) ** z[i], None),
    ([Real(x)], (-1) ** K + x, (-1) ** K),
    ([Real(x)], (-2) ** x, (-2) ** x),
    ([Real(x)], 2**x + (1 + x**2) ** K, None),
    ([Real(x)], (x**3) ** Rational(1, 3), (x**3) ** Rational(1, 3)),
    ([x <= 0], (x**3) ** Rational(1, 3), (x**3) ** Rational(1, 3)),
    ([Real(x)], (x**2) ** Rational(1, 3), None),
    ([Real(x)], (x**2) ** -HALF, 1 / Abs(x)),
    ([Z], 1 / maximum_norm(z), 1 / maximum_norm(z)),
    ([x >= 0], gradient(x**3 * log(x), x), None),
    ([x >= 0, gamma > 1], gradient(x**gamma, x), 1 / x),
    ([x >= 0, x < 1], x * log(x - x * log(x)), log(x - x * log(x))),
    ([Real(x), LABEL], gradient(x * Vector("w", lambda c: 1 / x)[y] + u, u), 1 / x),
]


@pytest.mark.parametrize(("given", "expr", "part"), DEFINED)
def test_what_may_be_undefined_is_found(given, expr, part):
    where = context(*given)
    assert _same(find_undefined(where, expr), part)
    assert _same(find_undefined(where, expr), part)  # as remembered


def _same(found, part):
    """Alike, but for the names of indices that sums bind."""
    if found is None or part is None or not part.has(sp.Indexed):
        return found == part
    indices = {index for entry in found.atoms(sp.Indexed) for index in entry.indices}
    return str(found).replace("_k", "k") == str(part) and all(index.is_integer for index in indices)


@pytest.mark.parametrize(
    ("given", "expr", "part"), [row for row in DEFINED if row[-1] is None and not row[1].has(Derivative)]
)
def test_what_was_found_defined_has_a_value_everywhere(given, expr, part):
    given = Hypotheses([*given, *_undeclared(given)])
    for wide in (False, True):
        for point in draw_points(given, {K: 3, N: 2, M: 2}, random.Random(1), 5, wide):
            evaluate_exactly(expr, point)


def _undeclared(given):
    """Symbols that the tests above leave without a hypothesis."""
    declared = Hypotheses(given).declared
    return [hypothesis for symbol, hypothesis in ((i, Label(i)), (u, Real(u))) if symbol not in declared]


@pytest.mark.parametrize(
    ("argument", "weight", "defined"),
    [
        (x, x, True), (x * u, x, True), (x * exp(u), x, True), (x, x**2, True), (x, sqrt(x), True), (x, x**t, False),
        (x**2, x, False), (x + u, t, True), (x * t, x, False), (t, t, False), (-x, x, False),
        (D * u, D, True), (D * t, D, False), (D + u - 1, D, False), (D * x, D, False), (D + u, 1, True),
        (3 * HALF - D, D, True), (D - 3 * HALF, D, False), (D, D**2, True), (x / (x + u), x, True),
        (x / (x + x**2), x, False), (x * (1 - exp(-u)), x, True), (x * (1 - exp(u)), x, False),
        (x, 1 + x, False),
    ],
)  # fmt: skip
def test_a_weight_vanishes_with_its_logarithm(argument, weight, defined):
    where = context(x >= 0, u > 0, Real(t), LABEL, Label(i))
    assert (find_undefined(where, sp.Mul(weight, log(argument), evaluate=False)) is None) is defined


def test_positive_up_to_the_closed_ends():
    given = *CLOSED, u >= 0, ANY, POSITIVE, LABEL
    where = context(*given)
    for expr, inside, answer in (
        (x, None, False),
        (x, x, True),
        (1 - x, None, False),
        (1 - x, x, True),
        (1 - x, u, False),
        (2 - x, None, True),
        (1 + x, None, True),
        (x * (1 - x) + u, None, False),
        (x * (1 - x) + u, x, True),
        (u, None, False),
        (u, u, True),
        (p[y], None, False),
        (q[y], None, True),
        (q[y] * (1 + u), None, True),
        (total(p[k], k), None, True),
    ):
        assert is_above_zero(where, expr, inside) is answer, (expr, inside)
        assert inside or is_above_zero(where, expr) is answer
