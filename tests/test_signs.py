"""Signs and zeros under hypotheses: against numbers at points, facts derived by hand, forms made wrong on purpose."""

import random
from fractions import Fraction

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import IndexedBase, Integer, S, cosh, sinh, tanh

from lossmath.claims import normal_form, signs
from lossmath.claims.errors import ProofError, Undefined
from lossmath.claims.evaluation import evaluate_exactly
from lossmath.claims.hypotheses import Distribution, Hypotheses, Label, OneHot, Real
from lossmath.claims.normal_form import Context
from lossmath.claims.quantities import *
from lossmath.claims.sampling import Point, draw_points
from lossmath.claims.signs import UNKNOWN, is_nonnegative, is_positive, is_zero, parametrise_powers, sign

DELTA, HALF = KroneckerDelta, Rational(1, 2)
D, D2 = DELTA(i, y), DELTA(j, y)
ANY, POSITIVE = Distribution(p), Distribution(q, positive=True)
OTHER, Z, LABEL, CLASS = Distribution(r, positive=True), Real(z), Label(y), Label(i)
OPEN = [x > 0, x < 1]
GROUP = IndexedBase("g", shape=(K,), integer=True)  # a map from the classes to the classes
WEIGHTS = IndexedBase("w", shape=(N,), real=True)  # one for each observation

# Plain variables
A, B = sp.symbols("A B", positive=True)
T, V = sp.symbols("T V", nonnegative=True)
F = sp.Symbol("F", negative=True)
G = sp.Symbol("G", nonpositive=True)
X, Y = sp.symbols("X Y", real=True)
COUNT = sp.Symbol("n", integer=True, nonnegative=True)


def context(*given, strict=False):
    return Context(Hypotheses(given), strict)


def points(given, count=3):
    """A few points for 2, 3 and 5 classes, 1, 2 and 4 observations."""
    for classes in (2, 3, 5):
        sizes = {K: classes, N: classes - 1, M: 3}
        yield from draw_points(Hypotheses(given), sizes, random.Random(1), count)


# The signs of expressions in plain variables


@pytest.mark.parametrize(
    ("expr", "interval"),
    [
        (Integer(3), (1, 1)), (Integer(0), (0, 0)), (-HALF, (-1, -1)), (sqrt(2) - 1, (1, 1)), (3 - sp.pi, (-1, -1)),
        (exp(-1) - HALF, (-1, -1)), (sp.pi**2 - 10, (-1, -1)), (sp.pi**-2 - Rational(1, 10), (1, 1)),
        (log(2) - HALF, (1, 1)),
        (sqrt(5 + 2 * sqrt(6)) - sqrt(2) - sqrt(3), UNKNOWN),  # which is 0
        (sqrt(exp(900) + 1) - exp(450), UNKNOWN), (exp(450) - sqrt(exp(900) + 1), UNKNOWN),  # of which the first is > 0
        (exp(355) * (sqrt(7) + sqrt(18) - sqrt(25 + 2 * sqrt(126))), UNKNOWN),  # which is 0
        (sqrt(-1 - sqrt(2)), UNKNOWN),
        (A, (1, 1)), (T, (0, 1)), (F, (-1, -1)), (G, (-1, 0)), (X, UNKNOWN), (COUNT, (0, 1)),
        (A + B, (1, 1)), (A + T, (1, 1)), (T + V, (0, 1)), (F + G, (-1, -1)), (G - T, (-1, 0)), (T - A, UNKNOWN),
        (T + 1, (1, 1)), (G - 1, (-1, -1)), (A + X, UNKNOWN), (A + B + G, UNKNOWN),
        (A * B, (1, 1)), (-A * B, (-1, -1)), (A * T, (0, 1)), (-T * A, (-1, 0)), (T * G, (-1, 0)), (F * G, (0, 1)),
        (F * G * F, (-1, 0)), (A * X, UNKNOWN), (T * X, UNKNOWN), (F * F * B, (1, 1)),
        (X**2, (0, 1)), (X**3, UNKNOWN), (F**3, (-1, -1)), (F**2, (1, 1)), (G**2, (0, 1)), (G**3, (-1, 0)),
        (1 / A, (1, 1)), (1 / F, (-1, -1)), (F**-2, (1, 1)), (F**-3, (-1, -1)),
        (1 / T, UNKNOWN), (T**-2, UNKNOWN), (1 / G, UNKNOWN), (1 / X, UNKNOWN), (X**-2, UNKNOWN),  # there may be a pole
        (A**X, (1, 1)), (A**-B, (1, 1)), (T**A, (0, 1)), (sqrt(T), (0, 1)), (T**V, UNKNOWN), (T**X, UNKNOWN),
        (T ** Rational(-1, 2), UNKNOWN), (X**A, UNKNOWN), (F**A, UNKNOWN), (sqrt(F), UNKNOWN), (F**X, UNKNOWN),
        (exp(X), (1, 1)), (-exp(X), (-1, -1)), (Abs(X), (0, 1)), (-Abs(X), (-1, 0)), (Abs(X) + 1, (1, 1)),
        (Abs(log(A + B) - log(B)), (1, 1)), (1 / Abs(X), UNKNOWN),
        (log(1 + A), (1, 1)), (log(1 + T), (0, 1)), (log(1 / (1 + A)), (-1, -1)), (log(A), UNKNOWN), (log(X), UNKNOWN),
        (log(A + B) - log(B), (1, 1)), (log(B) - log(A + B), (-1, -1)), (log(B + T) - log(B), (0, 1)),
        (log(A) - log(B), UNKNOWN), (log(1 + exp(X)) - X, (1, 1)), (X - log(1 + exp(X)), (-1, -1)),
        (log(2 + A) - log(1 + A) - 1, UNKNOWN), (log(A + B) * X - log(B), UNKNOWN),
        (tanh(A), UNKNOWN), (LambertW(A), UNKNOWN), (sp.sign(A - B), UNKNOWN),
    ],
)  # fmt: skip
def test_the_interval_of_a_sign(expr, interval):
    assert sign(expr) == interval


LEAVES = st.sampled_from(
    [A, B, T, V, F, G, X, Y, COUNT, *map(Integer, (-2, -1, 1, 2, 3)), HALF, Rational(-3, 2), sqrt(2), sp.pi, exp(-1)]
)
POWERS = st.sampled_from([*map(Integer, (-3, -2, -1, 2, 3, 4)), HALF, -HALF, Rational(3, 2), A, -B, T, G, X])


def _grow(inner):
    tame = inner.filter(lambda u: not u.has(exp) and all(power.exp.is_number for power in u.atoms(sp.Pow)))
    return st.one_of(
        st.builds(sp.Add, inner, inner),
        st.builds(sp.Add, inner, inner.map(lambda u: -u)),
        st.builds(sp.Mul, inner, inner),
        st.builds(sp.Pow, inner, POWERS),
        tame.map(exp),
        inner.map(Abs),
        inner.filter(lambda u: u != 0).map(log),
        st.builds(lambda u, v: log(u) - log(v), *[inner.filter(lambda u: u != 0)] * 2),
    )


EXPRESSIONS = st.recursive(LEAVES, _grow, max_leaves=5)
SIDES = ((A, 1), (B, 1), (F, -1), (T, 1), (V, 1), (G, -1), (X, 0), (Y, 0))


@st.composite
def plain_points(draw):
    values = {COUNT: draw(st.integers(0, 4))}
    for variable, side in SIDES:
        size = draw(st.sampled_from("1/9 1/3 1/2 1 3/2 3".split()))
        values[variable] = Rational(size) * (side or draw(st.sampled_from((-1, 1))))
        if not (variable.is_positive or variable.is_negative) and draw(st.integers(0, 4)) == 0:
            values[variable] = Integer(0)
    return {variable: sp.Rational(value) for variable, value in values.items()}


@given(EXPRESSIONS, st.lists(plain_points(), min_size=3, max_size=3))
@settings(max_examples=300)
def test_the_true_sign_lies_in_the_interval(expr, places):
    _assert_sound(expr, places, sign(expr))


def _assert_sound(expr, places, interval):
    low, high = interval
    assert -1 <= low <= high <= 1
    for place in places:
        try:
            value = evaluate_exactly(expr, Point({}, {w: Fraction(v.p, v.q) for w, v in place.items()}))
        except Undefined:
            continue
        if isinstance(value, Fraction) or abs(value) > 1e-40:
            assert low <= (value > 0) - (value < 0) <= high, (expr, place)


BASES = [1 + A, 1 / (1 + A), A / (A + B), 1 + T, T / (1 + T), A, -1 - A, -1 / (1 + A), X, 1 + X**2, sp.Integer(2), HALF]
EXPONENTS = [B, -B, T, F, G, X, COUNT, HALF, -HALF, Integer(3)]
SINGLE = st.builds(sp.Pow, st.sampled_from([*BASES, sp.E]), st.sampled_from(EXPONENTS))


@given(SINGLE, SINGLE, st.sampled_from([A, -T, X, Integer(1)]), st.lists(plain_points(), min_size=3, max_size=3))
@settings(max_examples=200)
def test_a_power_in_a_parameter_takes_every_value_that_it_takes(one, other, rest, places):
    for expr in (one - 1, 1 - one, one * rest - other, (1 - one) * (1 - other)):
        _assert_sound(expr, places, sign(normal_form.factor(parametrise_powers(expr))))


@pytest.mark.parametrize(
    ("power", "above"),
    [
        ((1 + A) ** B, True), ((1 + A) ** -B, False), ((1 / (1 + A)) ** B, False), ((1 / (1 + A)) ** -B, True),
        (exp(A), True), (exp(-A), False), (sqrt(1 + A), True), (2**B, True),
    ],
)  # fmt: skip
def test_a_power_on_one_side_of_one_gets_a_parameter(power, above):
    bounded = parametrise_powers(power)
    (w,) = bounded.free_symbols
    assert w.is_positive and w not in power.free_symbols
    assert bounded == (1 + w if above else 1 / (1 + w))
    # one parameter for the same power, wherever it stands, and another for another
    assert len(parametrise_powers(power * X + log(2 + power)).free_symbols) == 2
    assert len(parametrise_powers(power * X + log(2 + (3 + A) ** B)).free_symbols) == 3


@pytest.mark.parametrize(
    "expr",
    [
        A**B, X**B, (1 + A) ** X, (1 + A) ** 2, (1 + A) ** -1, (1 + A) ** T, exp(X), exp(T), X + 1, (1 + T) ** A,
        (-A - 1) ** COUNT, (-A - 1) ** B, (-1 / (1 + A)) ** B, sqrt(-A - 1), (-T) ** B, (T / (1 + T)) ** B,
        (-HALF) ** COUNT,
    ],
)  # fmt: skip
def test_a_power_of_unknown_side_is_left_alone(expr):
    assert parametrise_powers(expr) == expr


# What is zero

ZERO = {
    "nothing": ([Z], S.Zero, True),
    "something": ([Z, LABEL], z[y], False),
    "hardly-anything": ([], S(10) ** -20, False),
    "labels-meet": ([Z, LABEL, CLASS], D * (z[i] - z[y]), True),
    "labels-may-meet": ([Z, LABEL, CLASS], D * z[y], False),
    "labels-may-differ": ([Z, LABEL, CLASS], z[i] - z[y], False),
    "all-but-the-diagonal": ([Z, LABEL, CLASS], (1 - D) * (z[i] - z[y]), False),
    "three-labels": ([LABEL, CLASS, Label(j)], D * D2 * (1 - DELTA(i, j)), True),
    "two-of-three-labels": ([LABEL, CLASS, Label(j)], D * D2 - D, False),
    "three-of-three-labels": ([LABEL, CLASS, Label(j)], (1 - D) * (1 - D2) * (1 - DELTA(i, j)), False),
    "own-group": ([Label(GROUP), Z, LABEL], DELTA(y, GROUP[y]) * (z[y] - z[GROUP[y]]), True),
    "other-group": ([Label(GROUP), LABEL, CLASS], DELTA(GROUP[y], i) - DELTA(GROUP[i], y), False),
    "group-of-a-group": ([Label(GROUP), LABEL, CLASS], D * (DELTA(GROUP[y], i) - DELTA(GROUP[i], y)), True),
    "groups-of-one-label": ([Label(GROUP), LABEL, CLASS], D * (1 - DELTA(GROUP[y], GROUP[i])), True),
    "groups-of-two-labels": ([Label(GROUP), LABEL, CLASS], (1 - D) * (1 - DELTA(GROUP[y], GROUP[i])), False),
    "cancels": ([POSITIVE, OTHER], total((q[k] ** 2 - r[k] ** 2) / (q[k] + r[k]), k), True),
    "cancels-to-one": ([POSITIVE, OTHER], total((q[k] ** 2 - r[k] ** 2) / (q[k] + r[k]), k) + 1, False),
    "cancels-with-mass": ([POSITIVE, OTHER], total((q[k] ** 2 + q[k] * r[k]) / (q[k] + r[k]), k) - 1, True),
    "halves": ([POSITIVE, OTHER], total(q[k] / (q[k] + r[k]) + r[k] / (q[k] + r[k]), k) - K, True),
    "no-halves": ([POSITIVE, OTHER], total(q[k] / (q[k] + r[k]) - r[k] / (q[k] + r[k]), k), False),
    "norms": ([Z], maximum_norm(Vector("v", lambda c: z[c] + 1)) - maximum_norm(Vector("w", lambda c: z[c] + 1)), True),
    "other-norms": ([Z], maximum_norm(z) - maximum_norm(Vector("v", lambda c: z[c] + 2)), False),
    "lambert": ([x > 0], LambertW(x) * exp(LambertW(x)) - x, True),
    "lambert-of-another": ([x > 0, u > 0], LambertW(x) * exp(LambertW(u)) - x, False),
    "hyperbolic": ([Real(x)], tanh(x) * cosh(x) - sinh(x), True),
    "hyperbolic-square": ([Real(x)], cosh(x) ** 2 - sinh(x) ** 2 - 1, True),
    "odds": ([Real(x)], sigmoid(x) - exp(x) * sigmoid(-x), True),
    "interval": ([x > 2, x < 3], Abs(x - 2) + Abs(x - 3) - 1, True),
    "past-the-interval": ([x > 2, x < 9], Abs(x - 2) + Abs(x - 3) - 1, False),
    "modulus-of-a-logarithm": ([POSITIVE, LABEL], Abs(log(q[y])) + log(q[y]), True),
    "modulus-of-what-is-left": ([ANY, LABEL], Abs(p[y] - 1) + p[y] - 1, True),
    "modulus-in-a-sum": ([POSITIVE], total(Abs(log(q[k])), k) + total(log(q[k]), k), True),
    "modulus-of-any": ([Z, LABEL], Abs(z[y]) - z[y], False),
    "root-of-a-square": ([x > -1], sqrt(x**2 + 2 * x + 1) - x - 1, True),
    "root-of-any-square": ([Real(x)], sqrt(x**2 - 4 * x + 4) - x + 2, False),
    "powers": ([x > 0, Real(gamma)], x**gamma * x - x ** (gamma + 1), True),
    "logarithms": ([x > 0, u > 0], log(x**2 + x * u) - log(x) - log(x + u), True),
    "sums": ([Z], total(total(z[i] - z[j], j), i), True),
    "mean": ([ANY, Z], total(p[k] * (z[k] - total(p[j] * z[j], j)), k), True),
    "weights": ([ANY, Z], total(p[k] * (z[k] - total(z[j], j) / K), k), False),
    "one-hot": ([OneHot(p, y), CLASS], p[i] ** 2 - p[i], True),
    "two-one-hots": ([OneHot(p, y), OneHot(r, j)], total(p[k] * r[k], k) - DELTA(y, j), True),
    "slope": ([Real(x), x > 0], gradient(x**3, x) - 3 * x**2, True),
    "wrong-slope": ([Real(x)], gradient(x**3, x) - 2 * x**2, False),
    "slopes-of-entries": ([Z, CLASS, LABEL], gradient(total(z[k] ** 2, k), z[i]) - 2 * z[i], True),
    "slope-at-a-group": ([Z, Label(GROUP), CLASS, LABEL], gradient(z[GROUP[i]], z[y]) - DELTA(GROUP[i], y), True),
    "slope-at-the-wrong-label": ([Z, Label(GROUP), CLASS, LABEL], gradient(z[GROUP[i]], z[y]) - D, False),
}  # fmt: skip


@pytest.mark.parametrize("name", ZERO)
def test_what_is_zero_is_found_to_be(name):
    hypotheses, expr, answer = ZERO[name]
    assert is_zero(context(*hypotheses), expr) is answer
    values = [evaluate_exactly(expr, point) for point in points(hypotheses, 12)]
    assert all(abs(value) < 1e-40 for value in values) is answer


@pytest.mark.parametrize("pole", [oo, -oo, sp.zoo])
def test_nothing_is_believed_of_poles(pole):
    where = context(x > 0)
    for expr in (x + pole, pole, sp.nan, pole * x - pole):
        assert not (is_zero(where, expr) or is_nonnegative(where, expr) or is_positive(where, expr))


# Signs. The answer is ">", ">=" or None

SIGNS = {
    "probability": ([ANY, LABEL], p[y], ">"),
    "probability-below-half": ([ANY, LABEL], HALF - p[y], None),
    "probability-below-one": ([ANY, LABEL], 1 - p[y], ">"),
    "two-probabilities": ([ANY, LABEL, CLASS], 2 - p[y] - p[i], ">"),
    "two-probabilities-below-one": ([ANY, LABEL, CLASS], 1 - p[y] - p[i], None),
    "share-of-one-observation": ([Distribution(WEIGHTS), Label(n, N)], 1 - WEIGHTS[n], None),
    "number": ([Z, LABEL], z[y], None),
    "square": ([Z, LABEL], z[y] ** 2, ">="),
    "square-of-a-difference": ([Z, LABEL, CLASS], exp(z[y]) * (z[y] - 2 * z[i]) ** 2, ">="),
    "square-of-a-difference-of-no-sign": ([Z, LABEL, CLASS, Real(x)], x * (z[y] - z[i]) ** 2, None),
    "squares-of-differences": ([Z, LABEL], total((z[k] - z[y]) ** 2, k), ">="),
    "perfect-square": ([Real(x)], x**2 - 2 * x + 1, ">="),
    "odd-power": ([Real(x)], x**3, None),
    "exponential": ([Z, LABEL], exp(z[y]), ">"),
    "negative": ([Z, LABEL], -exp(z[y]), None),
    "classes": ([], K - 2, ">="),
    "classes-and-one": ([], K - Rational(3, 2), ">"),
    "three-classes": ([], K - 3, None),
    "observations": ([], N - 1, ">="),
    "inputs": ([], M - 1, ">="),
    "product": (OPEN, x * (1 - x), ">"),
    "product-reversed": (OPEN, x * (x - 1), None),
    "two-logarithms": (OPEN, log(x) * log(1 - x), ">"),
    "three-logarithms": (OPEN, -log(x) * log(1 - x) * log(x / 2), ">"),
    "three-logarithms-reversed": (OPEN, log(x) * log(1 - x) * log(x / 2), None),
    "quotients": ([x > 0], 1 / x - 1 / (x + 1), ">"),
    "power": ([*OPEN, gamma > 0], 1 - x**gamma, ">"),
    "power-of-any-rate": ([*OPEN, Real(gamma)], 1 - x**gamma, None),
    "power-above": ([x > 1, gamma > 0], x**gamma - 1, ">"),
    "power-with-weight": ([*OPEN, gamma > 1], gamma * (gamma - 1) * (1 - x) ** (gamma - 2), ">"),
    "power-of-a-negative": ([x > 0, x < HALF], (2 * x - 1) ** 3, None),
    "two-powers": ([x > 0, u > 0], (1 - exp(-x)) * (1 - (1 + u) ** -x), ">"),
    "growth": ([x > 0], exp(x) - 1, ">"),
    "growth-beyond-its-tangent": ([x > 0], exp(x) - 1 - x, None),
    "logarithm": ([x > 1], log(x), ">"),
    "ratio-of-logarithms": ([x > 0, u > 0], log(x + u) - log(x), ">"),
    "softplus": ([Real(x)], softplus(x) - x, ">"),
    "hyperbolic": ([x > 0], sinh(x), ">"),
    "hyperbolic-tangent": ([Real(x)], 1 - tanh(x) ** 2, ">"),
    "hyperbolic-one": ([Real(x)], cosh(x) - 1, ">="),
    "hyperbolic-growth": ([x > 0], cosh(x) - 1 - x**2 / 9, None),
    "modulus": ([Real(x)], Abs(x) - x, ">="),
    "modulus-and-one": ([Real(x)], Abs(x) + x + 1, ">"),
    "modulus-reversed": ([Real(x)], x - Abs(x), None),
    "modulus-with-a-weight": ([Real(x), u > 0], u * Abs(x) + x, None),
    "two-moduli": ([Real(x), Real(u)], Abs(x) + Abs(u) - x - u, ">="),
    "modulus-of-a-sum-exceeded": ([Z], total(z[k], k) - Abs(total(z[k], k)), None),
    "modulus-of-a-sum-below": ([Z], total(Abs(z[k]), k) - Abs(total(z[k], k)), ">="),
    "modulus-of-a-sum-above": ([Z], Abs(total(z[k], k)) - total(Abs(z[k]), k), None),
    "modulus-of-a-sum": ([Z], Abs(total(z[k], k)), ">="),
    "modulus-of-a-sum-and-one": ([Z], 1 + Abs(total(z[k], k)), ">"),
    "deviations": ([Z], total(Abs(K * z[k] - total(z[j], j)), k), ">="),
    "power-of-a-sum-of-negatives": (
        [ANY, POSITIVE, Z, Real(gamma)],
        (1 - total(p[k] * z[k] ** 2 * log(q[k]), k)) ** gamma,
        ">",
    ),
    "no-deviations": ([Z], -total(Abs(K * z[k] - total(z[j], j)), k), None),
    "entropy": ([ANY], entropy(p), ">"),
    "cross-entropy": ([ANY, POSITIVE], cross_entropy(p, q), ">"),
    "divergence": ([ANY, POSITIVE], kl_divergence(p, q), None),
    "gini": ([ANY], total(p[k] * (1 - p[k]), k), ">"),
    "gini-written-out": ([ANY], 1 - total(p[k] ** 2, k), ">"),
    "collision": ([ANY], total(p[k] ** 2, k) - 1, None),
    "sums-of-each-sign": ([Z, POSITIVE], total(exp(z[k]), k) - total(q[k] * log(q[k]), k) + total(z[k] ** 2, k), ">"),
    "sum-of-squares": ([Z], total(z[k] ** 2, k), ">="),
    "sum-of-negatives": ([Z], -total(z[k] ** 2, k), None),
    "sum-of-any": ([Z], total(z[k], k), None),
    "others": ([Z, LABEL], total(exp(z[k]), k) - exp(z[y]), ">"),
    "others-reversed": ([Z, LABEL], exp(z[y]) - total(exp(z[k]), k), None),
    "other-squares": ([Z, LABEL], total(z[k] ** 2, k) - z[y] ** 2, ">="),
    "other-observations": ([Real(WEIGHTS), Label(n, N)], total(exp(WEIGHTS[k]), k, N) - exp(WEIGHTS[n]), None),
    "others-of-two": ([Z, LABEL, CLASS], total(exp(z[k]), k) - exp(z[y]) - exp(z[i]), None),
    "others-of-any": ([Z, LABEL], total(z[k], k) - z[y], None),
    "softmax": ([Z, LABEL], softmax(z)[y], ">"),
    "softmax-below-one": ([Z, LABEL], 1 - softmax(z)[y], ">"),
    "loss": ([Z, LABEL], log(total(exp(z[k]), k)) - z[y], ">"),
    "labels": ([LABEL, CLASS], 1 - D, ">="),
    "labels-and-one": ([LABEL, CLASS], 1 + D, ">"),
    "label-and-more": ([LABEL, CLASS], D - HALF, None),
    "group": ([LABEL, CLASS, Label(GROUP)], DELTA(GROUP[y], GROUP[i]) - D, ">="),
    "group-reversed": ([LABEL, CLASS, Label(GROUP)], D - DELTA(GROUP[y], GROUP[i]), None),
    "norm": ([Z], maximum_norm(z), ">="),
    "norm-and-more": ([Z], maximum_norm(z) + 1, ">"),
    "lambert": ([x > 0], LambertW(x), ">"),
    "smoothed": ([ANY, LABEL, epsilon > 0, epsilon <= 1], smooth_labels(p, epsilon)[y], ">"),
    "slope": ([Real(x)], gradient(exp(x), x), ">"),
    "any-beside-rows": ([Distribution(conditional), Z], total(z[k], k) + 1, None),
    "irrational": ([x > 0], x + sqrt(2) - 1, ">"),
    "irrational-and-less": ([x > 0], x + sqrt(2) - sp.pi / 2, None),
    "nothing": ([Real(x)], S.Zero, ">="),
    "unreal": ([x > 0], sqrt(-x), None),
}


@pytest.mark.parametrize("name", SIGNS)
def test_signs_follow_from_the_hypotheses(name):
    hypotheses, expr, answer = SIGNS[name]
    where = context(*hypotheses)
    assert (is_nonnegative(where, expr), is_positive(where, expr)) == (answer is not None, answer == ">")
    assert (is_nonnegative(where, expr), is_positive(where, expr)) == (
        answer is not None,
        answer == ">",
    )  # as remembered
    assert answer is None or not is_nonnegative(where, -expr) or expr == 0
    if name != "unreal":
        values = [evaluate_exactly(expr, point) for point in points(hypotheses) if not _at_an_end(point, hypotheses)]
        assert all({">": value > 0, ">=": value >= -1e-30, None: True}[answer] for value in values)


def _at_an_end(point, hypotheses):
    return any(0 in point.values[base] for base in Hypotheses(hypotheses).distributions if len(base.shape) == 1)


CLOSED_SIGNS = {
    "probability": ([ANY, LABEL], p[y], ">="),
    "probability-below-one": ([ANY, LABEL], 1 - p[y], None),
    "some-probability": ([ANY], total(p[k], k), ">"),
    "weighted-exponentials": ([ANY, Z], total(p[k] * exp(z[k]), k), ">"),
    "weighted-squares": ([ANY, Z], total(p[k] * z[k] ** 2, k), ">="),
    "weighted-probabilities": ([ANY, Distribution(r)], total(p[k] * r[k], k), ">="),
    "weighted-positive-probabilities": ([ANY, POSITIVE], total(p[k] * q[k], k), ">"),
    "squares-of-probabilities": ([ANY], total(p[k] ** 2, k), ">="),  # > 0, but not for the sign of a term
    "weights-across-rows": (
        [Distribution(conditional), Label(GROUP, M)], total(conditional[GROUP[k], k], k), ">="
    ),
    "positive-probability": ([POSITIVE, LABEL], q[y], ">"),
    "positive-probability-below-one": ([POSITIVE, LABEL], 1 - q[y], ">"),
    "positive-share": ([Distribution(WEIGHTS, positive=True), Label(n, N)], 1 - WEIGHTS[n], None),
    "end": ([x >= 1], x - 1, ">="),
    "open-end": ([x > 1], x - 1, ">"),
    "upper-end": ([x <= 1], 1 - x, ">="),
    "lower-end": ([x >= 0, x < 1], x, ">="),
    "far-end": ([x >= 0, x < 1], 1 - x, ">"),
    "one-number": ([x >= 1, x <= 1], x - 1, ">="),
}  # fmt: skip


@pytest.mark.parametrize("name", CLOSED_SIGNS)
def test_strictly_a_closed_end_is_reached(name):
    hypotheses, expr, answer = CLOSED_SIGNS[name]
    where = context(*hypotheses, strict=True)
    assert (is_nonnegative(where, expr), is_positive(where, expr)) == (answer is not None, answer == ">")


# Forms that are wrong are not believed

ANYTHING = [Real(x), Real(u)]


def test_a_wrong_expansion_is_not_believed(monkeypatch):
    monkeypatch.setattr(sp, "expand", lambda expr, **hints: S.Zero)
    assert not is_zero(context(*ANYTHING), x - u)
    assert is_zero(context(*ANYTHING), S.Zero)
    monkeypatch.setattr(sp, "expand", lambda expr, **hints: S.One)
    assert not is_nonnegative(context(*ANYTHING), x - u) and not is_positive(context(*ANYTHING), x - u)


@pytest.mark.parametrize("close", [Rational(1, 10**6), Rational(1, 10**40)])
def test_a_normal_form_that_is_nearly_right_is_not_believed(monkeypatch, close):
    right = signs.normalise
    monkeypatch.setattr(signs, "normalise", lambda where, expr: right(where, expr) + close)
    assert not is_zero(context(*ANYTHING), (x - u) ** 2 - x**2 + 2 * x * u - u**2 - close)
    # that it is >= 0 is read off the expression as it is written; of the normal form it would be > 0
    assert is_nonnegative(context(*ANYTHING), (x - u) ** 2) and not is_positive(context(*ANYTHING), (x - u) ** 2)


def test_a_wrong_normal_form_of_a_sum_is_not_believed(monkeypatch):
    given = ANY, Z, LABEL, CLASS
    monkeypatch.setattr(signs, "normalise", lambda where, expr: S.Zero)
    assert not is_zero(context(*given), total(p[k] * z[k], k) - z[y]) and not is_zero(context(*given), z[i] - z[y])
    assert is_zero(context(*given), total((1 - D) * D * z[k], k))  # which it is
    monkeypatch.setattr(signs, "normalise", lambda where, expr: S.One)
    assert not is_positive(context(*given), total(p[k] * z[k], k) - z[y])


def test_a_wrong_factorisation_is_not_believed(monkeypatch):
    for expr in (x - u, x**2 - u, -1 - x**2, exp(x) - u):
        wrong = iter([Integer(2)])
        monkeypatch.setattr(signs, "factor", lambda expr, wrong=wrong: next(wrong, expr))
        assert not is_positive(context(*ANYTHING), expr)
        assert [*wrong] == []  # it was asked


def test_a_wrong_derivative_is_not_believed(monkeypatch):
    monkeypatch.setattr(normal_form, "differentiate", lambda expr: expr.replace(Derivative, lambda *_: x**2 + 1))
    where = context(*ANYTHING)
    assert not is_zero(where, gradient(x**3, x) - x**2 - 1) and not is_positive(where, gradient(-(x**3), x))
    assert is_zero(where, gradient(x**3 / 3 + x, x) - x**2 - 1) and is_positive(where, gradient(x**3 / 3 + x, x))


def test_a_form_without_a_value_is_not_believed(monkeypatch):
    monkeypatch.setattr(signs, "normalise", lambda where, expr: 1 + exp(sqrt(-1 - where.scalars[x] ** 2)))
    assert not is_positive(context(*ANYTHING), x)


# Work


def test_what_was_decided_is_remembered():
    where = context(*ANYTHING)
    assert is_nonnegative(where, (x + u) ** 2) and not is_positive(where, (x + u) ** 2)
    spent = where.work
    assert is_nonnegative(where, (x + u) ** 2) and not is_positive(where, (x + u) ** 2)
    assert 0 < where.work == spent


@pytest.mark.parametrize(
    ("given", "expr"),
    [
        ([Real(x)], exp(x**2 * Rational(10**7, 20000001)) - cosh(x)),
        ([x >= 0, x <= 1, gamma >= 1 - Rational(1, 10**6)], (1 - x) ** gamma - 1 + gamma * x),
    ],
)
def test_enormous_numbers_are_no_work(given, expr):
    for _ in range(2):
        where = context(*given)
        assert not is_nonnegative(where, expr) and where.work < 1000


def test_a_number_of_astronomical_size_is_not_enclosed():
    assert (sign(exp(exp(13))), sign(exp(exp(14)))) == ((1, 1), UNKNOWN)
    assert (sign(2 - sp.pi ** exp(13)), sign(2 - sp.pi ** exp(14))) == ((-1, -1), UNKNOWN)
    assert sign(exp(exp(exp(exp(3)))) - exp(exp(exp(exp(2))))) == UNKNOWN


def test_an_attempt_that_takes_too_much_gives_up(monkeypatch):
    monkeypatch.setattr(normal_form, "WORK", 20)
    cube = (x + u) ** 3
    zero = cube - x**3 - 3 * x**2 * u - 3 * x * u**2 - u**3  # what is not zero at a point is refused before any work
    for ask, expr in ((is_zero, zero), (is_nonnegative, cube * exp(u)), (is_positive, cube * exp(u))):
        with pytest.raises(ProofError, match="gave up after 20 operations"):
            ask(context(*ANYTHING), expr)


def test_a_power_of_a_sum_that_is_too_long_is_not_multiplied_out():
    with pytest.raises(ProofError, match="gave up on multiplying out"):
        is_nonnegative(context(x >= 0, u >= 0), (1 + x + u) ** 1000 - 1)
