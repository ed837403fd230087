"""Values worked out by hand, in fractions, in multiple precision and in torch."""

import math
import random
import subprocess
import sys
import types
from fractions import Fraction

import mpmath
import numpy
import pytest
import statements
import sympy as sp
import torch

from lossmath.claims.errors import Undefined
from lossmath.claims.evaluation import agree, evaluate, evaluate_exactly, evaluate_in_torch, value_of
from lossmath.claims.limits import is_limit
from lossmath.claims.quantities import *
from lossmath.claims.sampling import Point, draw_points, to_tensors


def named(value):
    """The name of a case; a function's would be another one in each process."""
    return "value" if isinstance(value, types.FunctionType) else str(value)


HALF = Fraction(1, 2)
ROWS = (Fraction(1), Fraction(2)), (Fraction(3), Fraction(4)), (Fraction(5), Fraction(-7))
PLACE = {
    x: Fraction(2), u: Fraction(-5), t: Fraction(0), s: HALF, v: mpmath.inf, y: Fraction(2), i: Fraction(1),
    p: (Fraction(0), Fraction(1)), z: (Fraction(3), Fraction(-7)), scores: ROWS,
    labels: (Fraction(2), Fraction(1), Fraction(2)),
}  # fmt: skip
AT = Point({K: 2, N: 3}, PLACE)
BASE, CLASS = sp.IndexedBase(sp.Dummy("x"), shape=(K,), real=True), sp.Dummy("k", integer=True)

RATIONAL = [
    (K + 10 * N, 32), (Rational(1, 3), "1/3"), (Rational(-2, 7) * x, "-4/7"), (x**u, "1/32"), (u**3, -125),
    (u**-1, "-1/5"),
    (t**t, 1), (t**2, 0), (u**t, 1), (x**K, 4), (u - x, -7), (u * x * 3, -30), (Abs(u * x), 10), (sp.sign(u), -1),
    (sp.sign(t), 0), (sp.sign(x), 1), (sp.sign(u) * sp.sign(x), -1), (sp.S.One, 1), (sp.S.Half, "1/2"), (-x, -2),
    (p[1], 0), (p[y], 1), (z[i], 3), (z[labels[2]], 3), (scores[3, y], -7), (scores[y, i], 3),
    (KroneckerDelta(i, y), 0), (KroneckerDelta(y, labels[3]), 1), (KroneckerDelta(y, y), 1), (KroneckerDelta(1, i), 1),
    (total(z[k], k), -4), (total(x, k), 4), (total(total(scores[n, k], k), n, N), 8),
    (Sum(scores[n, k] * z[k], (n, 1, N), (k, 1, K)), 34), (Sum(scores[n, k] * z[k], (k, 1, K), (n, 1, N)), 34),
    (total(KroneckerDelta(k, labels[n]) * scores[n, k], k).xreplace({n: i}), 2),
    (maximum_norm(z), 7), (maximum_norm(p) * x, 2), (total(maximum_norm(Vector("v", lambda c: z[c] - z[k])), k), 20),
    # 0 times a logarithm that has no value is 0, however deep it stands
    (t * log(t), 0), (t * log(u), 0), (t * total(log(p[k]), k), 0), (t * (x + log(t)) ** 2, 0),
    (t * maximum_norm(Vector("v", lambda c: log(p[c]))), 0), (x + t * (1 + log(t)), 2), (entropy(p), 0),
    (p[1] * x * log(t) * log(x), 0), ((1 - x * s) * log(1 - x * s), 0),
]  # fmt: skip
# An index as a number is not in the language, but what an expression with one says is clear.
COUNTED = [
    (labels[3], 2), (total(k, k), 3), (total(n**2, n, N), 14), (total(1 / k, k), "3/2"), (total(total(k, k), k), 6),
    (Sum(k * n, (k, 1, K), (n, 1, N)), 18), (Sum(k / n, (k, 1, K), (n, 1, N)), "11/2"),
    (Sum(scores[n, k] * k, (n, 1, N), (k, 1, K)), 7), (maximum_norm(Vector("v", lambda c: c)), 2),
    (total(maximum_norm(Vector("v", lambda c: z[c] - k)), k), 8 + 9),
]  # fmt: skip
SLOPES = [
    (gradient(x**2, x), 4), (gradient(x * t, t), 2), (gradient(z[1] * z[2] ** 2, z[y]), 2 * 3 * -7),
    (gradient(total(z[k] ** 2, k), z[i]), 6), (total(gradient(z[i] ** 2, z[k]), k), 6), (gradient(u, x), 0),
    (gradient(scores[3, 1] * scores[3, 2], scores[3, y]), 5), (gradient(scores[1, 2] ** 2, scores[i, y]), 4),
    (Derivative(x**4, (x, 3), evaluate=False), 48), (Derivative(x**2 * u**2, x, u, evaluate=False), -40),
    (Derivative(x**3 * u**2, (x, 2), u, evaluate=False), 12 * -10), (x * gradient(x * u, x) + gradient(u**2, u), -20),
    (gradient(Abs(u), u), -1), (gradient(total(total(n * scores[n, k] ** 2, k), n, N), scores[2, y]), 2 * 2 * 4),
    # what is differentiated may hold the index of a sum around it
    (total(gradient(z[k] * x, x), k), -4), (total(Derivative(z[i] ** 2, z[k], z[i], evaluate=False), k), 2),
]  # fmt: skip
REAL = [
    (exp(x), lambda: mpmath.exp(2)), (log(1 / x), lambda: -mpmath.log(2)), (sp.pi * x, lambda: 2 * mpmath.pi),
    (sp.E, lambda: mpmath.e), (sp.E**2, lambda: mpmath.exp(2)), (sinh(x), lambda: mpmath.sinh(2)),
    (sp.cosh(x), lambda: mpmath.cosh(2)), (sp.tanh(u), lambda: mpmath.tanh(-5)),
    (log(2) * 3, lambda: 3 * mpmath.log(2)),
    (LambertW(1 / x), lambda: mpmath.lambertw(mpmath.mpf(1) / 2)), (sqrt(x), lambda: mpmath.sqrt(2)),
    (sqrt(t), lambda: 0), (softmax(z)[i], lambda: 1 / (1 + mpmath.exp(-10))), (x ** log(x), lambda: 2 ** mpmath.log(2)),
    (cross_entropy(p, softmax(z)), lambda: mpmath.log1p(mpmath.exp(10))), (exp(x) ** 2, lambda: mpmath.exp(4)),
    (x ** Rational(-1, 3), lambda: 1 / mpmath.cbrt(2)), (x * log(x) * u, lambda: -10 * mpmath.log(2)),
    (x**s, lambda: mpmath.sqrt(2)), (maximum_norm(Vector("v", lambda c: log(3 + c) - 1)), lambda: mpmath.log(5) - 1),
    (gradient(exp(x), x), lambda: mpmath.exp(2)), (gradient(log(x), x), lambda: HALF),
    (gradient(t * log(x), t), lambda: mpmath.log(2)),
    # of the entries, 1/3 is a fraction and 1/3 - log 2 is not
    (maximum_norm(Vector("v", lambda c: Rational(1, 3) - log(1 + p[c]))), lambda: mpmath.log(2) - mpmath.mpf(1) / 3),
    (gradient(x**-2, x), lambda: mpmath.mpf("-0.25")), (gradient(softplus(x), x), lambda: 1 / (1 + mpmath.exp(-2))),
    (Derivative(log(x), (x, 2), evaluate=False), lambda: mpmath.mpf("-0.25")),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "expected"), RATIONAL + COUNTED, ids=named)
def test_rational_values_are_exact(expr, expected):
    found = evaluate_exactly(expr, AT)
    assert type(found) is Fraction and found == Fraction(expected)


@pytest.mark.parametrize(("expr", "reference"), [*REAL, *((e, lambda v=v: v) for e, v in SLOPES)], ids=named)
def test_values_have_more_than_fifty_digits(expr, reference):
    with mpmath.workdps(70):
        assert abs(evaluate_exactly(expr, AT) - mpmath.convert(reference())) < mpmath.mpf(10) ** -54


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


def tensors(point):
    return {
        symbol: torch.tensor(
            [[[float(e) for e in row] if isinstance(row, tuple) else float(row) for row in value]]
            if isinstance(value, tuple) else [float(value)],
            dtype=torch.int64 if symbol in (y, i, labels) else torch.float64,
        )
        for symbol, value in point.values.items()
    }  # fmt: skip


@pytest.mark.parametrize(
    ("expr", "reference"),
    [*((e, lambda v=v: Fraction(v)) for e, v in RATIONAL + SLOPES), *REAL],
    ids=named,
)
def test_torch_finds_the_same_values(expr, reference):
    found = evaluate_in_torch(expr, tensors(AT), AT.sizes)
    assert found.shape == (1,) and found.dtype == torch.float64
    assert found.item() == pytest.approx(float(mpmath.convert(reference())), rel=1e-14, abs=1e-15)


def test_each_point_of_a_batch_has_a_value_of_its_own():
    values = {
        x: doubles(1, 2),
        z: doubles([1, 2], [3, 4]),
        y: torch.tensor([1, 2]),
        scores: doubles([[1, 2]], [[3, 4]]),
    }
    for expr, expected in {
        x: [1, 2], z[y]: [1, 4], total(z[k] * x, k): [3, 14], total(total(scores[n, k] * z[k], k), n, N): [5, 25],
        gradient(total(z[k] ** 2, k) * x, z[y]): [2, 16], gradient(x**3, x): [3, 12], maximum_norm(z): [2, 4],
        total(gradient(total(z[j] ** 2, j), z[k]) * z[k], k): [10, 50], KroneckerDelta(y, 2): [0, 1],
        (x - 1) * log(x - 1): [0, 0], K + 0 * x: [2, 2], sp.Integer(3): [3, 3],
    }.items():  # fmt: skip
        assert evaluate_in_torch(expr, values, {K: 2, N: 1}).tolist() == expected, expr
    assert evaluate_in_torch(sp.Integer(3), {}, {}).tolist() == [3]


@pytest.mark.parametrize(
    "expr", [e for e, _ in RATIONAL + SLOPES + REAL if e.has(x, z, p, scores, y) and not e.has(sp.LambertW)], ids=named
)
def test_all_that_torch_makes_is_on_the_device_of_the_values(expr):
    # on the device "meta" a tensor has a shape and no numbers; one of the CPU beside it is an error
    values = {symbol: value.to("meta") for symbol, value in tensors(AT).items()}
    found = evaluate_in_torch(expr, values, AT.sizes)
    assert (found.device.type, found.shape, found.dtype) == ("meta", (1,), torch.float64)


def test_where_float64_has_no_number_there_is_none():
    values = {x: doubles(-1, 0, 2, 1e4)}
    assert str(evaluate_in_torch(log(x), values, {}).tolist()[:2]) == "[nan, -inf]"
    assert evaluate_in_torch(exp(x), values, {})[3].item() == math.inf
    assert evaluate_in_torch(sqrt(x), values, {}).isnan().tolist() == [True, False, False, False]
    assert evaluate_in_torch(x * log(x), values, {}).isnan().tolist() == [True, False, False, False]


@pytest.mark.parametrize("number", ["1e-300", "1e-12", "0.001", "0.5", "1", "2.5", "100", "1e10", "1e300"])
def test_the_branch_of_positive_numbers_of_w_has_all_its_digits_and_its_slope(number):
    values = {x: doubles(float(number))}
    with mpmath.workdps(40):
        expected = mpmath.lambertw(mpmath.mpf(float(number)))
        slope = expected / (float(number) * (1 + expected))
    assert evaluate_in_torch(LambertW(x), values, {}).item() == pytest.approx(float(expected), rel=4e-15)
    assert evaluate_in_torch(gradient(LambertW(x), x), values, {}).item() == pytest.approx(float(slope), rel=1e-12)


@pytest.mark.parametrize("name", [name for number, name in enumerate(statements.TRUE) if number % 4 == 0])
def test_torch_and_multiple_precision_agree(name):
    """At the same short points; derivatives by automatic differentiation and by differences."""
    claim, sizes = statements.TRUE[name]().claim, {K: 3, N: 2, M: 2}
    points = draw_points(claim.hypotheses, sizes, random.Random(1), 3)
    values = to_tensors(points, claim.hypotheses)
    for statement in claim.statements:
        for side in () if is_limit(statement) else statement[::2]:
            found = evaluate_in_torch(side, values, sizes).expand(3).tolist()
            for point, value in zip(points, found):
                try:
                    expected = float(mpmath.convert(evaluate_exactly(side, point)))
                except Undefined:
                    continue
                assert value == pytest.approx(expected, rel=1e-12, abs=1e-13)


@pytest.mark.parametrize(
    ("expr", "said"),
    [
        (log(t), "log(t) at 0.0"), (log(u), "log(u) at -5.0"), (1 / t, "1/t at 0.0"), (sqrt(u), "sqrt(u) at -5.0"),
        (LambertW(t), "LambertW(t) at 0.0"), (LambertW(u), "LambertW(u) at -5.0"), (v, "v is +inf"),
        (sp.sin(x), "sin(x) (sin) has no evaluation"), (x * log(t), "log(t) at 0.0"), (x ** (1 / t), "1/t at 0.0"),
        (u ** Rational(-1, 3), "u**(-1/3) at -5.0"), (log(x) * log(t), "log(t) at 0.0"), (u**s, "u**s at -5.0"),
        (t / t**2 * log(x), "1/t at 0.0"), (t * (log(x) + 1 / t) + 1, "1/t at 0.0"),
        (t ** Rational(-1, 2), "1/sqrt(t) at 0.0"),
        (total(log(p[k]), k), "log(p[_k]) at 0.0"), (exp(log(x)) + log(t), "log(t) at 0.0"),
        (u * log(u), "log(u) at -5.0"),
        (LambertW(x, -1), "LambertW(x, -1) (LambertW) has no evaluation"),
        (Sum(x, (k, 2, K)), "Sum(x, (_k, 2, K)) (Sum) has no evaluation"),
        (sp.EulerGamma, "EulerGamma (EulerGamma) has no evaluation"),
    ],
)  # fmt: skip
def test_what_has_no_value_is_named(expr, said):
    with pytest.raises(Undefined) as raised:
        evaluate_exactly(expr, AT)
    assert str(raised.value) == said


def test_a_difference_quotient_that_reaches_over_an_end_has_no_value():
    with pytest.raises(Undefined, match=r"log\(t\) at -[\d.]+e-"):  # the step is as small as the digits allow
        evaluate_exactly(gradient(log(t), t), AT)


def test_zero_is_told_from_what_is_small():
    third = Point({}, {x: Fraction(1, 3), u: Fraction(1, 3) - Fraction(1, 10**80)})
    rest = 1 - 2 * x - u  # not 0 but 1e-80; and 1 - 3 x is 0 exactly, though 1/3 has no last digit
    assert evaluate_exactly((1 - 3 * x) * log(1 - 3 * x), third) == 0 and evaluate_exactly(rest, third) == Fraction(
        1, 10**80
    )
    assert evaluate_exactly(log(rest), third) == pytest.approx(-80 * mpmath.log(10))


def test_a_power_that_would_be_too_long_for_a_fraction_is_rounded():
    found = evaluate_exactly((1 + x) ** (10**9), Point({}, {x: Fraction(1, 10**9)}))
    assert isinstance(found, mpmath.mpf) and float(found) == pytest.approx(math.e, rel=1e-8)
    # exp(10^4) is whole as far as its digits go, and is never written out
    assert evaluate_exactly(Rational(1, 2) ** exp(x), Point({}, {x: Fraction(10**4)})) < 1e-300
    assert evaluate_exactly((1 + x) ** 1000, Point({}, {x: Fraction(1)})) == 2**1000


@pytest.mark.parametrize(
    "expr", [exp(-exp(x)), sp.sinh(exp(x)), sp.cosh(exp(x)), 3 ** exp(x), Rational(1, 2) ** exp(x)]
)
def test_an_exponent_of_astronomical_size_has_no_value_rather_than_no_end(expr):
    assert mpmath.isfinite(evaluate_exactly(expr, Point({}, {x: Fraction(9)})))
    with pytest.raises(Undefined, match="more than 20000 bits"):
        evaluate_exactly(exp(expr), Point({}, {x: Fraction(10**9)}))


def test_a_power_with_a_large_exponent_has_all_its_digits():
    for base, exponent in ((1 + 1 / x, x), (3, exp(50 + 1 / x))):
        with mpmath.workdps(400):
            exact = value_of(exp(exponent * log(base)), {x: Fraction(10) ** 40}, {})
        found = evaluate_exactly(sp.Pow(base, exponent), Point({}, {x: Fraction(10) ** 40}))
        assert abs(found / exact - 1) < mpmath.mpf(10) ** -55


def test_a_value_has_the_digits_that_are_asked_for():
    with mpmath.workdps(200):
        assert abs(value_of(log(x), {x: Fraction(3)}, {}) - mpmath.log(3)) < mpmath.mpf(10) ** -195
        assert abs(value_of(sp.pi / 3, {}, {}) - mpmath.pi / 3) < mpmath.mpf(10) ** -195
        assert abs(value_of(x ** Rational(1, 3), {x: Fraction(3)}, {}) - mpmath.cbrt(3)) < mpmath.mpf(10) ** -195


def test_things_of_the_same_name_are_told_apart():
    here = Point({K: 2, N: 2}, {x: Fraction(5), inputs: (Fraction(7), Fraction(8)), n: Fraction(1)})
    assert evaluate_exactly(x * 100 + inputs[n] + total(total(n, n, N), n, N), here) == 513
    one, other = sp.Dummy("k", integer=True), sp.Dummy("k", integer=True)
    here = Point({K: 2}, {one: Fraction(1), other: Fraction(2), BASE: (Fraction(3), Fraction(4))})
    assert evaluate_exactly(BASE[one] + 10 * BASE[other] + 100 * KroneckerDelta(one, other), here) == 43
    assert evaluate_exactly(total(BASE[k] * KroneckerDelta(k, other), k), here) == 4
    assert evaluate_exactly(Vector("v", lambda c: BASE[c] + KroneckerDelta(c, one))[other], here) == 4


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (x + u, -3, True), ((x + u) ** 2, x**2 + 2 * x * u + u**2, True), (x, x + Rational(1, 10**90), False),
        (exp(x) * exp(u), exp(x + u), True), (exp(x), exp(x) + Rational(1, 10**48), False), (exp(x), exp(x + u), False),
        (exp(x), exp(x) + Rational(1, 10**52), True), (log(x**2), 2 * log(x), True), (x, exp(log(x)), True),
        (gradient(log(x), x), 1 / x, True), (gradient(log(x), x), 1 / x + Rational(1, 10**48), False),
        (Derivative(exp(x * u), x, u, evaluate=False), exp(x * u) * (1 + x * u), True), (entropy(p), t, True),
        (sp.cosh(20 * x) + sinh(20 * x) - exp(20 * x), t, True), (sp.cosh(20 * x) - sinh(20 * x), exp(-20 * x), True),
        (10**60 * x, 10**60 * x + 1, False), (10**60 * exp(x), 10**60 * exp(x) + 1, True),
        (gradient(total(log(exp(z[k]) + 1), k), z[i]), 1 / (1 + exp(-z[i])), True),
    ],
)  # fmt: skip
def test_two_sides_agree_exactly_or_to_fifty_digits(left, right, same):
    assert agree(left, sp.sympify(right), AT) is same and agree(sp.sympify(right), left, AT) is same


def test_a_side_without_value_agrees_with_nothing():
    with pytest.raises(Undefined):
        agree(log(t), log(t), AT)


@pytest.mark.parametrize(
    ("expr", "values", "expected"),
    [
        (entropy(p), {p: [0.5, 0.5]}, math.log(2)), (p[y], {p: [0.25, 0.75], y: 2}, 0.75), (exp(x), {x: 1}, math.e),
        (total(z[labels[n]], n, N), {z: [1, 10], labels: [2, 2, 1]}, 21), (x * K, {x: 3, p: [0.5, 0.5]}, 6),
        (sp.Integer(3), {}, 3), (3, {}, 3), (exp(1), {}, math.e), (x, {x: Rational(1, 3)}, 1 / 3),
        (scores[n, y], {scores: torch.tensor([[1.5, 2.5]]), n: 1, y: 2}, 2.5), (x, {x: torch.tensor(2.5)}, 2.5),
        (dot(p, z), {p: numpy.array([0.25, 0.75]), z: (1, Fraction(1, 3))}, 0.5), (x, {x: numpy.float64(0.1)}, 0.1),
        (x + 1, {x: 1e-20}, 1.0), (log(1 + x), {x: 1e-20}, 1e-20), (z[i], {z: [1.0, math.inf], i: 1}, 1.0),
    ],
)  # fmt: skip
def test_an_expression_is_evaluated_at_one_point(expr, values, expected):
    found = evaluate(expr, values)
    assert type(found) is float and found == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("expr", "values", "said"),
    [
        (kl_divergence(p, q), {p: [0.5, 0.5]}, "kl_divergence(p, q) needs a value for q, got p"),
        (x, {}, "x needs a value for x, got none"), (x + u, {u: 1, p: [1]}, "u + x needs a value for x, got u, p"),
        (x * K, {x: 1}, "K*x needs a value for K, got x"),
        (entropy(p), {p: 0.5}, "p has the shape (K,), got 0.5"),
        (x, {x: [1, 2]}, "x has the shape (), got [1, 2]"),
        (scores[1, 1], {scores: [1, 2]}, "z has the shape (N, K), got [1, 2]"),
        (scores[1, 1], {scores: [[1, 2], [3]]}, "z has K = 1, another row or value has K = 2"),
        (p[1], {p: [0.5, 0.5], scores: [[1, 2, 3]]}, "z has K = 3, another row or value has K = 2"),
        (p[y], {p: [0.5, 0.5], y: 3}, "there is no entry 3 among 2"),
        (p[y], {p: [0.5, 0.5], y: 0}, "there is no entry 0 among 2"),
    ],
)  # fmt: skip
def test_what_is_missing_or_does_not_fit_at_one_point_is_named(expr, values, said):
    with pytest.raises(ValueError) as raised:
        evaluate(expr, values)
    assert str(raised.value) == said


def test_where_there_is_no_value_evaluate_says_why():
    with pytest.raises(Undefined, match=r"^log\(x\) at 0.0$"):
        evaluate(log(x), {x: 0})


WITHOUT = """
import sys
sys.modules["torch"] = sys.modules["numpy"] = None
from lossmath.claims import *
claim = Claim("gibbs", (kl_divergence(p, q), ">=", 0), given=[Distribution(p), Distribution(q, positive=True)])
log_tangent = Claim("log-tangent", (t * log(t / u), ">=", t - u), given=[t >= 0, u > 0]).prove(by=tangent(t, at=u))
print(claim.prove(by=log_tangent.at({t: p[k], u: q[k]}, over=k)))
print(repr(claim.near_miss((kl_divergence(p, q), ">=", entropy(p))).refute()))
print(round(evaluate(entropy(p), {p: [0.5, 0.5]}), 4))
try:
    claim.check()
except ModuleNotFoundError as error:
    print(error)
"""


def test_without_torch_and_numpy_claims_are_stated_proved_refuted_and_the_check_says_what_is_missing():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "Proof of gibbs for every K, by lemma, log-tangent",
        "gibbs refuted with K = 2, p = (1/2, 1/2), q = (1/2, 1/2): the left side is 0, which is not >= 0.69315",
        "0.6931",
        "`check` evaluates a claim in torch, which cannot be imported here: install it with `pip install torch`. "
        "`prove` and `refute` do without.",
    ]
