"""Normal forms and signs under hypotheses, function by function: against numbers at points, and facts derived by hand."""

import random
from fractions import Fraction

import pytest
import sympy as sp
from sympy import E, FiniteSet, IndexedBase, Integer, Interval, S, Symbol, cosh, sinh, tanh

from lossmath.claims import counterexample as refute
from lossmath.claims import normal_form as normal
from lossmath.claims.hypotheses import Distribution, Hypotheses, Label, OneHot, Real
from lossmath.claims.normal_form import Domain
from lossmath.claims.quantities import *

DELTA = KroneckerDelta
A, B, C = sp.symbols("A B C", positive=True)
X, Y = sp.symbols("X Y", real=True)
T = Symbol("T", nonnegative=True)
POLES = oo, -oo, sp.zoo
HALF = Rational(1, 2)
GROUP = IndexedBase("g", shape=(K,), integer=True)  # a map from the classes to the classes, or to the inputs
WEIGHTS = IndexedBase("w", shape=(N,), real=True)  # one for each observation
SHARES = IndexedBase("h", shape=(M,), real=True)  # one for each input
TABLE = IndexedBase("d", shape=(K, K), real=True)
ANY, POSITIVE = Distribution(p), Distribution(q, positive=True)
POWERS = Distribution(r, positive=True)
Z, LABEL = Real(z), Label(y)
OPEN, CLOSED = [x > 0, x < 1], [x >= 0, x <= 1]


def domain(*given, strict=False):
    return Domain(Hypotheses(given), strict)


def points(given, count=3):
    """A few points for 2, 3 and 5 classes, 1, 2 and 4 observations."""
    rng = random.Random(1)
    for classes in (2, 3, 5):
        yield from refute.points(Hypotheses(given), {K: classes, N: classes - 1, M: 3}, rng, count)


def moved(point, where):
    """The point in the stand-ins of a domain."""
    values = {}
    for symbol, value in point.values.items():
        parameter = where._scalars.get(symbol, symbol)
        if symbol in where._scalars and parameter.free_symbols:
            (w,) = parameter.free_symbols
            value = Fraction(str(sp.solve(parameter - Rational(str(value)), w)[0]))
            values[w] = value
        else:
            values[where._bases.get(symbol, symbol)] = value
    return refute.Point(point.sizes, values)


def agree(one, other, tolerance=1e-30):
    return abs(one - other) <= tolerance * (1 + abs(one))


# Expressions that need no context


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (x**3, x**3),
        (gradient(x**3 * u, x), 3 * x**2 * u),
        (u + x * gradient(x**3, x), u + 3 * x**3),
        (Derivative(x**4, (x, 2), evaluate=False), 12 * x**2),
        (Derivative(x**4 * u**3, (x, 2), u, evaluate=False), 36 * x**2 * u**2),
        (gradient(u * gradient(x**3 * u, x), u), 6 * x**2 * u),
        (exp(gradient(x**2, x)), exp(2 * x)),
    ],
)
def test_derivatives_are_worked_out(expr, expected):
    assert normal.differentiate(expr) == expected


def test_a_derivative_of_a_sum_has_indices_of_its_own():
    summed = total(x**2 * z[k], k)
    slope = normal.differentiate(gradient(summed, x))
    assert slope.bound_symbols != summed.bound_symbols and slope.dummy_eq(total(2 * x * z[k], k))
    twice = normal.differentiate(Derivative(total(exp(x * z[k]), k) ** 2, (x, 2), evaluate=False))
    for point in points([Real(x), Z], 1):
        terms = [(float(one), float(other)) for one in point.values[z] for other in point.values[z]]
        assert refute.evaluate(twice.subs(x, 0), point) == pytest.approx(
            sum((one + other) ** 2 for one, other in terms)
        )


def test_what_has_factors_is_factored():
    assert normal.factored(x**2 - u**2) == (x - u) * (x + u)
    assert normal.factored(1 / x + 1 / u) == (u + x) / (u * x)
    assert normal.factored(x**12 - 1).is_Mul
    assert normal.factored(A ** Rational(1, 12) * x**2 - A ** Rational(1, 12)).is_Mul


@pytest.mark.parametrize("power", [13, -13, Rational(1, 13), Rational(13, 2)])
def test_enormous_degrees_are_not_factored(power):
    expr = A**power * x - A**power
    assert normal.factored(expr) == expr


def test_long_expressions_are_not_factored(monkeypatch):
    def product(terms, extra):  # (1 + x) times a sum, multiplied out; to factor it takes minutes
        terms = [*sp.symbols(f"b:{terms - 1}"), extra]
        return sp.Add(*terms, *(x * term for term in terms))

    monkeypatch.setattr(sp, "factor", lambda expr: x)
    short, long = product(133, exp(Symbol("b"))), product(134, Symbol("b"))
    assert (short.count_ops(), long.count_ops()) == (400, 401)
    assert normal.factored(short) == x and normal.factored(long) == long


def test_the_indices_of_normal_forms_are_named_by_level_and_number():
    one = normal.canonical_index(3, 1)
    assert one is normal.canonical_index(3, 1) and one.is_integer and one.name == "c3_1"
    assert normal.LEVELS[one] == 3
    assert len({one, normal.canonical_index(3, 0), normal.canonical_index(1, 3), normal.canonical_index(1, 1)}) == 4


def test_free_deltas_are_those_whose_indices_no_sum_binds():
    inside = total(DELTA(k, i) * z[k] + DELTA(i, y) * total(DELTA(j, y) + DELTA(j, k), j), k)
    norm = maximum_norm(Vector("v", lambda c: DELTA(i, n)))
    assert normal.free_deltas(DELTA(a, y) * inside + norm + x) == [DELTA(a, y), DELTA(i, y)]
    assert normal.free_deltas(Sum(x, (k, 1, DELTA(i, j)))) == []
    many = [DELTA(one, other) for one, other in ((a, i), (a, j), (a, k), (i, j), (i, k), (j, k))]
    assert normal.free_deltas(sum(many[::-1])) == many == sorted(many, key=sp.default_sort_key)


D, D2 = DELTA(i, y), DELTA(j, y)


@pytest.mark.parametrize(
    ("product", "expected"),
    [
        (D * exp(D * x), D * exp(x)),
        (D * (x + D) * log(2 + D), D * (x + 1) * log(3)),
        ((1 - D) * exp(D * x + u), (1 - D) * exp(u)),
        ((1 - D) * (x + D) * log(2 + D), (1 - D) * x * log(2)),
        (D * (1 - D) * exp(D2 * x), 0),
        (D * D2 * exp(D * x + D2 * u), D * D2 * exp(x + u)),
        (D * (1 - D2) * exp(D * x + D2 * u), D * (1 - D2) * exp(x)),
        (D2 * exp(D * x) * log(2 + D2), D2 * exp(D * x) * log(3)),
        (x * exp(D * x), x * exp(D * x)),
    ],
)
def test_factors_that_are_deltas_say_what_the_others_are(product, expected):
    assert normal.picked(product) == expected


SUMMED = total(z[k], k)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ((x + 1) * (x - u), x**2 - x * u + x - u),
        (exp(SUMMED), exp(SUMMED)),
        (exp(x + SUMMED) * (1 + u), exp(x) * exp(SUMMED) + u * exp(x) * exp(SUMMED)),
        (x * (exp(x) * (1 + exp(SUMMED + x)) - exp(x)), x * exp(2 * x) * exp(SUMMED)),
        (exp(SUMMED) * (exp(2 * SUMMED) + exp(-SUMMED)), exp(3 * SUMMED) + 1),
        (log(A * exp(x + SUMMED)), log(A) + x + SUMMED),
        (log(X * exp(SUMMED)), log(X) + SUMMED),
        (exp(x * (u + 1)), exp(x * u) * exp(x)),
    ],
)
def test_exponentials_of_sums_are_kept_whole(expr, expected):
    assert normal.expand(expr) == expected


def test_an_exponential_of_a_sum_is_no_product():
    assert not normal.expand(exp(SUMMED + x) * (u + 1)).has(sp.Product)
    # one name for the same power, whatever stands beside it
    assert normal.expand(Abs(exp(x + SUMMED) - exp(x) * exp(SUMMED) * (1 + u))) == exp(x) * exp(SUMMED) * Abs(u)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (log(A * B**2), log(A) + 2 * log(B)),
        (log(A**X / B), X * log(A) - log(B)),
        (log(X * A), log(X) + log(A)),
        (log(X * Y), log(X * Y)),
        (log(A * B + A), log(A) + log(1 + B)),
        (log(log(A * B) * C), log(C) + log(log(A) + log(B))),
        ((A * B) ** X, A**X * B**X),
        (A ** log(B * C), A ** (log(B) + log(C))),
        ((A**2 + A) ** X, A**X * (1 + A) ** X),
        (1 / (X**2 - 1), 1 / ((X - 1) * (X + 1))),
        ((X**2 - 1) ** 2, (X**2 - 1) ** 2),
        (log(A * B) ** X, (log(A) + log(B)) ** X),
    ],
)
def test_logarithms_and_powers_are_split_where_signs_allow_it(expr, expected):
    assert normal.split_logs(expr) == expected


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (log(A), A - 1),
        (-log(A), 1 / A - 1),
        (log(A) - log(B), A / B - 1),
        (X + log(A), A * exp(X) - 1),
        (2 * X - log(A + B) + log(A), exp(2 * X) * A / (A + B) - 1),
        (2 * log(A), 2 * log(A)),
        (log(A) + 2 * log(B), log(A) + 2 * log(B)),
        (log(A) + X * log(B), log(A) + X * log(B)),
        (log(A) * log(B), log(A) * log(B)),
        (X - 1, X - 1),
    ],
)
def test_logarithms_are_rid_of_by_exponentials(expr, expected):
    assert sp.expand(normal.exponentiated(expr) - expected) == 0
    assert (normal.exponentiated(expr) == expr) == (expr == expected)


def test_samples_lie_in_the_domains_of_the_variables():
    whole, *many = sp.symbols("n:11", integer=True, nonnegative=True)
    down = Symbol("d", nonpositive=True)
    for scale, value in zip((1, 1, 10, Rational(1, 10)), normal.sampled(A), strict=True):
        assert 0 < value <= 4 * scale
    points = [*normal.sampled(A + 10**3 * down), *normal.sampled(down)]
    assert len(points) == 8 and all(value < 0 for value in points)
    assert {*map(float, normal.sampled(whole))} <= {*range(6)}
    # ten of them are the digits of one number
    number = sum(10**place * one for place, one in enumerate(many))
    assert {digit for value in normal.sampled(number) for digit in f"{int(value):010}"} == {*"012345"}
    signs = [sp.sign(value) for one in sp.symbols("X:9", real=True) for value in normal.sampled(one)]
    assert {*signs} == {1, -1}
    assert [float(value) for value in normal.sampled(Integer(3))] == [3] * 4
    assert [*normal.sampled(sp.sqrt(-A))] == []
    assert all(0 < abs(value - sp.pi) < 1e-18 for value in normal.sampled(sp.pi))


def test_samples_are_the_same_every_time():
    assert [*normal.sampled(A + B * X)] == [*normal.sampled(A + B * X)]
    # 1 + the numerators that Python's generator draws from 0 to 399 when it starts at 0
    rng = random.Random(0)
    drawn = [Rational(1 + rng.randrange(400), 100) for _ in range(4)]
    values = [float(value) for value in normal.sampled(A)]
    assert values == pytest.approx([float(d * scale) for d, scale in zip(drawn, (1, 1, 10, Rational(1, 10)))])


W, V = LambertW(A), LambertW(B)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (exp(W), A / W),
        (exp(-W), W / A),
        (exp(2 * W), A**2 / W**2),
        (exp(W / 2), exp(W / 2)),
        (exp(W + X), A * exp(X) / W),
        (exp(W - 3 * V + 2 * X), A / W * V**3 / B**3 * exp(2 * X)),
        (exp(X * (W + 1)), exp(X * W + X)),
        (exp(2 * (W + X)), A**2 / W**2 * exp(2 * X)),
        (W + exp(X), W + exp(X)),
    ],
)
def test_an_exponential_of_w_is_released(expr, expected):
    assert normal.released(expr) == expected


def test_what_holds_no_w_is_not_touched():
    expr = exp(X * (Y + 1))
    assert normal.released(expr) is expr


@pytest.mark.parametrize(
    ("power", "above"),
    [
        ((1 + A) ** B, True),
        ((1 + A) ** -B, False),
        ((1 / (1 + A)) ** B, False),
        ((1 / (1 + A)) ** -B, True),
        (exp(A), True),
        (exp(-A), False),
        (sp.sqrt(1 + A), True),
    ],
)
def test_a_power_on_one_side_of_one_gets_a_parameter(power, above):
    bounded = normal.bounded(power)
    (w,) = bounded.free_symbols
    assert w.is_positive and w not in power.free_symbols
    assert bounded == (1 + w if above else 1 / (1 + w))
    # one parameter for the same power, wherever it stands
    assert len(normal.bounded(power * X + log(2 + power)).free_symbols) == 2
    assert len(normal.bounded(power * X + log(2 + (3 + A) ** B)).free_symbols) == 3


@pytest.mark.parametrize(
    "expr",
    [
        A**B,
        X**B,
        (1 + A) ** X,
        (1 + A) ** 2,
        (1 + A) ** -1,
        (1 + A) ** Symbol("e", nonzero=True, real=True),
        exp(X),
        X + 1,
    ],
)
def test_a_power_of_unknown_side_is_left_alone(expr):
    assert normal.bounded(expr) == expr


def test_a_difference_is_what_must_be_zero_or_not_negative():
    assert normal.difference(x, "==", u) == x - u == normal.difference(x, ">=", u)
    assert normal.difference(x, "<=", u) == u - x


# Stand-ins and parameters


def test_stand_ins_carry_what_the_hypotheses_say():
    given = ANY, POSITIVE, Z, Label(GROUP), LABEL, Real(x)
    for strict in (False, True):
        where = domain(*given, strict=strict)
        one, other, real, group = (where._bases[base] for base in (p, q, z, GROUP))
        assert (one[k].is_positive, one[k].is_nonnegative) == ((None, True) if strict else (True, True))
        assert other[k].is_positive and real[k].is_real and real[k].is_nonnegative is None
        assert group[k].is_integer and group[k].is_positive is None
        assert [base.label.name for base in (one, other, real, group)] == ["p", "q", "z", "g"]
        assert {base.shape for base in where._bases.values()} == {(K,)} and len(where._bases) == 4
        assert not {*where._bases} & {*where._bases.values()}
        assert where._rows == {one, other}
    assert not domain(*given).strict


# hypotheses, whether strict; the values at w = 1, w = 3 and as w grows; whether w = 0 is one of them, and the value there
PARAMETERS = [
    ([x > 2], False, 3, 5, oo, None),
    ([x > 2], True, 3, 5, oo, None),
    ([x >= 2], False, 3, 5, oo, None),
    ([x >= 2], True, 3, 5, oo, 2),
    ([x < 2], False, 1, -1, -oo, None),
    ([x < 2], True, 1, -1, -oo, None),
    ([x <= 2], False, 1, -1, -oo, None),
    ([x <= 2], True, 1, -1, -oo, 2),
    ([x > 1, x < 5], False, 3, 2, 1, None),
    ([x > 1, x < 5], True, 3, 2, 1, None),
    ([x >= 1, x <= 5], False, 3, 2, 1, None),
    ([x > 1, x <= 5], False, 3, 2, 1, None),
    ([x >= 1, x < 5], False, 3, 2, 1, None),
    ([x > 1, x <= 5], True, 3, 2, 1, 5),
    ([x >= 1, x < 5], True, 3, 4, 5, 1),
]


@pytest.mark.parametrize(("given", "strict", "one", "three", "far", "end"), PARAMETERS)
def test_a_parameter_runs_over_the_interval(given, strict, one, three, far, end):
    parameter = domain(*given, strict=strict)._scalars[x]
    (w,) = parameter.free_symbols
    assert (parameter.subs(w, 1), parameter.subs(w, 3), sp.limit(parameter, w, oo)) == (one, three, far)
    assert w.name == "x" and w.is_nonnegative
    if end is None:
        assert w.is_positive
    else:
        assert w.is_positive is None and parameter.subs(w, 0) == end


def test_a_parameter_of_any_number_and_of_one_number():
    w = domain(Real(x))._scalars[x]
    assert w.is_Dummy and w.is_real and w.is_nonnegative is None and w.name == "x"
    assert domain(Real(x), x >= 3, x <= 3)._scalars == {x: 3}


# Normal forms


def test_an_expression_is_prepared():
    where = domain(ANY, OneHot(q, y), Label(labels), Real(x))
    mine, classes = where._bases[p], where._bases[labels]
    assert where.prepare(1) == Integer(1) and where.prepare(x) == x
    assert where.prepare(p[y] * q[i]) == mine[y] * DELTA(i, y)
    assert where.prepare(gradient(x**2 * p[y], x)) == 2 * x * mine[y]
    assert where.prepare(DELTA(labels[n], k)) == DELTA(classes[n], k)
    assert where.prepare(p[labels[n]]) == mine[classes[n]]
    prepared = where.prepare(entropy(p))
    (index,) = prepared.atoms(sp.Sum).pop().bound_symbols
    assert index != k and prepared.xreplace({index: k}) == -total(mine[k] * log(mine[k]), k)
    # the slope of a modulus is worked out before the entries lose their signs
    assert where.prepare(gradient(Abs(p[y]), p[y])) == sp.sign(mine[y]) == 1
    assert domain(ANY, LABEL, strict=True).prepare(gradient(Abs(p[y]), p[y])).has(sp.sign)


def test_a_normal_form_is_of_parameters():
    where = domain(x > 2, LABEL, Z)
    (w,) = where._scalars[x].free_symbols
    assert where.normal(x**2) == w**2 + 4 * w + 4
    assert where.normal(where.prepare(total(x * z[k], k))).has(w)
    assert not where.normal(where.prepare(total(x * z[k], k))).has(x)


FORMS = {
    "ones": ([], total(1, k), K),
    "observations": ([], total(1, n, N), N),
    "inputs": ([], total(total(1, n, N), a, M), M * N),
    "constant": ([Real(x)], total(x, k), K * x),
    "mass": ([ANY], total(p[k], k), 1),
    "mass-twice": ([ANY, POSITIVE], total(total(p[i] * q[j], j), i), 1),
    "mass-and-count": ([ANY], total(total(p[k], k), n, N), N),
    "mass-of-a-row": ([Distribution(conditional), Label(a, M)], total(conditional[a, k], k), 1),
    "mass-of-rows": ([Distribution(conditional)], total(total(conditional[a, k], k), a, M), M),
    "mass-over-observations": ([Distribution(WEIGHTS)], total(WEIGHTS[n], n, N), 1),
    "across-rows": (
        [Distribution(conditional), Label(GROUP, M)],
        total(conditional[GROUP[k], k], k),
        total(conditional[GROUP[j], j], j),
    ),
    "column": ([Distribution(conditional), LABEL], total(conditional[a, y], a, M), total(conditional[a, y], a, M)),
    "any-vector": ([Z], total(z[k], k), total(z[j], j)),
    "mean": ([ANY, Z], total(p[k] * z[k], k), total(p[j] * z[j], j)),
    "square-of-mass": ([ANY], total(p[k] ** 2, k), total(p[j] ** 2, j)),
    "picked": ([Z, LABEL], total(DELTA(k, y) * z[k], k), z[y]),
    "picked-observation": ([Real(WEIGHTS), Label(n, N)], total(DELTA(i, n) * WEIGHTS[i], i, N), WEIGHTS[n]),
    "left-out": ([Z, LABEL], total((1 - DELTA(k, y)) * z[k], k), total(z[j], j) - z[y]),
    "of-a-delta": ([Z, LABEL], total(exp(DELTA(k, y)) * z[k], k), total(z[j], j) + E * z[y] - z[y]),
    "two-labels": ([LABEL, Label(i)], total(DELTA(k, y) * DELTA(k, i), k), DELTA(i, y)),
    "outer-delta": ([LABEL, Label(i), Z], total(DELTA(i, y) * z[k], k), DELTA(i, y) * total(z[j], j)),
    "trace": ([], total(total(DELTA(i, j), j), i), K),
    "diagonal": ([Z], total(total(DELTA(i, j) * z[i] * z[j], j), i), total(z[j] ** 2, j)),
    "off-the-diagonal": (
        [Z],
        total(total((1 - DELTA(i, j)) * z[i] * z[j], j), i),
        total(z[j], j) ** 2 - total(z[j] ** 2, j),
    ),
    "own-group": ([Label(GROUP)], total(DELTA(k, GROUP[k]), k), total(DELTA(j, GROUP[j]), j)),
    "group": ([Label(GROUP), LABEL, Z], total(DELTA(k, GROUP[y]) * z[k], k), z[GROUP[y]]),
    "product-of-sums": ([Z], total(total(z[i] * z[j], j), i), total(z[j], j) ** 2),
    "weight-apart": ([ANY, POSITIVE, Z], total(total(p[i] * q[j] * z[j], j), i), total(q[j] * z[j], j)),
    "pairs": (
        [Z],
        total(total((z[i] - z[j]) ** 2, j), i),
        2 * K * total(z[j] ** 2, j) - 2 * total(z[j], j) ** 2,
    ),
    "softmax": ([Z], total(softmax(z)[k], k), 1),
    "log-softmax": ([Z, LABEL], log(softmax(z)[y]), z[y] - log(total(exp(z[j]), j))),
    "divergence": ([ANY, POSITIVE], kl_divergence(p, q), total(p[j] * log(p[j]), j) - total(p[j] * log(q[j]), j)),
    "one-hot": ([OneHot(p, y), Z], total(p[k] * z[k], k), z[y]),
    "one-hot-entropy": ([OneHot(p, y)], entropy(p), 0),
    "one-hot-square": ([OneHot(p, y), Label(i)], p[i] ** 2, DELTA(i, y)),
    "uniform": ([], entropy(uniform()), log(K)),
    "slope": ([Z, Label(i)], gradient(total(z[k] ** 2, k), z[i]), 2 * z[i]),
    "modulus-of-a-probability": ([ANY, LABEL], Abs(p[y]), p[y]),
    "modulus-of-a-logarithm": ([POSITIVE, LABEL], Abs(log(q[y])), -log(q[y])),
    "modulus-of-what-is-left": ([ANY, LABEL], Abs(1 - p[y]), 1 - p[y]),
    "delta-outside": ([LABEL, Label(i), Z], D * exp(D * z[y]) * (2 + D), 3 * D * exp(z[y])),
    "delta-of-bound-indices": ([POSITIVE], total(log(total(DELTA(i, j) * q[j], j)), i), total(log(q[j]), j)),
    "delta-of-bound-indices-swapped": ([POSITIVE], total(log(total(DELTA(i, j) * q[i], i)), j), total(log(q[j]), j)),
    "modulus-of-any": ([Z, LABEL], Abs(z[y]), Abs(z[y])),
    "lambert": ([POSITIVE, LABEL], exp(2 * LambertW(q[y])), q[y] ** 2 / LambertW(q[y]) ** 2),
    "norm": ([Z, Real(x)], x * (1 + maximum_norm(z)), x + x * maximum_norm(z)),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_normal_form_is_the_one_derived_by_hand(name):
    given, expr, expected = FORMS[name]
    assert domain(*given).shown(expr) == expected


JOINT = {
    "two-indices": ([Z, POSITIVE], total(total(q[i] * exp(z[i] * z[j]), j), i)),
    "three-indices": ([Z, Real(TABLE), POSITIVE], total(total(total(TABLE[i, j] * TABLE[j, k] * q[k], k), j), i)),
    "two-ranges": ([Real(scores), Real(WEIGHTS), Z], total(total(exp(WEIGHTS[n] * scores[n, k]) * z[k], k), n, N)),
    "nested": ([Z, POSITIVE], total(q[k] * log(total(q[j] * exp(z[j] - z[k]), j)), k)),
    "nested-deltas": ([Z, LABEL], total(exp(total((1 - DELTA(j, k)) * z[j], j) / 10) * DELTA(k, y) * z[k], k)),
    "delta-inside": ([Z, LABEL], total(exp(DELTA(k, y) * z[k]) + log(2 + DELTA(k, y)), k)),
    "sum-with-outer-index": ([Z, Real(TABLE)], total(z[i] * total(TABLE[i, j] * z[j], j), i)),
    "same-name-twice": ([ANY, Z], total(p[k] * total(p[k] * z[k], k), k)),
    "power": ([POSITIVE, Real(gamma), LABEL], total((1 - q[k]) ** 2 * log(q[k] ** gamma / q[y]), k)),
    "focal": ([ANY, POSITIVE, gamma > 1], focal_loss(p, q, gamma)),
    "interval": ([*OPEN, u > 2], log(x * (u - 2)) ** 2 + Abs(log(x)) + Abs(x - 1)),
    "data": ([Label(inputs, M), Label(labels), Distribution(conditional, positive=True)], dataset_loss(conditional)),
    "group-sizes": ([Label(labels), Z], total(total(DELTA(labels[n], k), n, N) ** 2 * z[k], k)),
    "modulus-of-a-sum": (
        [Z, POSITIVE],
        Abs(total(q[k] * z[k], k)) + Abs(total(q[k] ** 2, k)) + Abs(-total(exp(z[k]), k)),
    ),
    "slope-of-softmax": ([Z, LABEL, Label(i)], gradient(softmax(z)[y], z[i])),
    "curvature": ([Z, Label(i), LABEL], gradient(gradient(log(total(exp(z[k]), k)), z[i]), z[y])),
    "softmax-of-rows": ([Real(scores)], total(total(softmax(scores)[n, k], k), n, N)),
    "exponentials": ([Z, Real(x)], exp(total(z[k], k) / 9 - x) * (x + exp(x))),
    "divided": ([POSITIVE, POWERS], total((q[k] - r[k]) ** 2 / (q[k] + r[k]), k)),
    "norm": ([Z, ANY], total(p[k], k) * maximum_norm(Vector("v", lambda c: z[c] - p[c])) ** 2),
    "norm-of-a-sum": ([Z], total(maximum_norm(Vector("v", lambda c: z[c] - z[k] * total(z[j], j))), k)),
    "hyperbolic": ([Real(x), Real(u)], sinh(x) * (tanh(u) + cosh(x * (1 + u) / 2))),
}


@pytest.mark.parametrize("name", [*JOINT, *FORMS])
def test_a_normal_form_has_the_values_of_the_expression(name):
    given, expr = (JOINT.get(name) or FORMS[name])[:2]
    where = domain(*given)
    form = where.normal(where.prepare(expr))
    slack = 1e-12 if expr.has(Derivative) else 1e-30  # of difference quotients
    for point in points(given, 2):
        assert agree(refute.evaluate(expr, point), refute.evaluate(form, moved(point, where)), slack)


@pytest.mark.parametrize(
    ("given", "one", "other"),
    [
        ([Z], total(total(z[i] * exp(z[i] * z[j]), j), i), total(total(z[a] * exp(z[k] * z[a]), a), k)),
        ([Real(TABLE)], total(total(TABLE[i, j] * TABLE[j, j], j), i), total(total(TABLE[k, i] * TABLE[i, i], k), i)),
        ([Real(scores)], total(total(exp(scores[n, k]) ** 2, k), n, N), total(total(exp(scores[n, k]) ** 2, n, N), k)),
        ([Z], total(log(total(exp(z[j] * z[k]), j)), k), total(log(total(exp(z[j] * z[k]), k)), j)),
    ],
)
def test_the_same_sum_written_otherwise_has_the_same_normal_form(given, one, other):
    where = domain(*given)
    first, second = (where.normal(where.prepare(expr)) for expr in (one, other))
    assert first == second
    bound = {index for node in first.atoms(sp.Sum) for index in node.bound_symbols}
    assert bound <= normal.LEVELS.keys()


def test_the_indices_of_nested_sums_are_of_different_levels():
    where = domain(Z)
    form = where.normal(
        where.prepare(total(z[i] * log(total(exp(z[j] * z[i]) * log(total(exp(z[k] * z[j]), k)), j)), i))
    )
    assert sorted(normal.LEVELS[index] for node in form.atoms(sp.Sum) for index in node.bound_symbols) == [1, 2, 3]


def test_a_hypothesis_that_is_used_is_named():
    for given, expr, used in (
        ([ANY, POSITIVE], total(p[k], k), {r"\sum_{k} p_{k} = 1"}),
        ([ANY, POSITIVE], total(total(p[i] * q[j], j), i), {r"\sum_{k} p_{k} = 1", r"\sum_{k} q_{k} = 1"}),
        ([ANY, POSITIVE], total(p[k] * q[k], k) + total(p[k] ** 2, k) + total(1, k), set()),
        ([Distribution(conditional), Label(a, M)], total(conditional[a, k], k), {r"\sum_{k} q_{k} = 1"}),
    ):
        where = domain(*given)
        where.normal(where.prepare(expr))
        assert where.used == used


def test_an_index_has_a_letter_that_means_nothing_else():
    where = domain(Real(z), Label(j), Label(k))
    double = where.shown(total(total(exp(z[i] * z[y]), i), y))
    assert len({index.name for index in double.bound_symbols}) == 2
    values = {z: (Fraction(1), Fraction(-1)), j: Fraction(2), k: Fraction(1)}
    expected = 2 * E + 2 / E  # of the products 1, -1, -1, 1
    assert abs(refute.evaluate(double, refute.Point({K: 2, N: 1, M: 1}, values)) - expected) < 1e-12
    beside = where.shown(z[j] * z[k] * total(z[y], y))
    assert not {index.name for node in beside.atoms(sp.Sum) for index in node.bound_symbols} & {"j", "k"}


def test_what_is_shown_is_in_the_symbols_of_the_claim():
    where = domain(POSITIVE, Z, Real(scores), Real(SHARES), *OPEN, Label(y))
    nested = total(z[i] * log(total(exp(z[j] * z[i]) * log(total(exp(z[k] * z[j]), k)), j)), i)
    assert where.shown(x * (x + total(q[i] ** 2, i))) == x**2 + x * total(q[j] ** 2, j)
    shown = where.shown(nested)
    assert shown == total(z[i] * log(total(exp(z[k] * z[i]) * log(total(exp(z[j] * z[k]), j)), k)), i)
    assert where.shown(total(log(total(exp(scores[i, a]), a)), i, N)) == total(log(total(exp(scores[n, j]), j)), n, N)
    assert where.shown(total(exp(SHARES[i]), i, M)) == total(exp(SHARES[a]), a, M)
    deeper = where.shown(total(log(total(exp(z[i] * z[j]) * nested, j)), i))
    assert {index.name for node in deeper.atoms(sp.Sum) for index in node.bound_symbols} <= {"i", "j", "k"}
    # what is shown is not remembered of the domain, in which x is a parameter
    assert where._scalars[x] != x and where.positive(where.normal(1 - x))
    assert where.named(where.prepare(q[y] + total(z[k], k)).replace(sp.Sum, lambda *_: S.Zero)) == q[y]


def test_sums_of_a_normal_form_and_of_a_prepared_expression_have_letters():
    where = domain(Z)
    assert where.named(where.prepare(total(z[i], i))) == total(z[j], j)
    assert where.named(where.prepare(z[y])) == z[y]


# Labels that coincide or not


def test_the_cases_are_the_ways_in_which_labels_coincide():
    where = domain(*map(Label, (i, j, k, y)))
    assert where._cases(x + u) == [x + u]
    assert where._cases(x * DELTA(i, j)) == [0, x]
    three = DELTA(i, j) + 2 * DELTA(j, k) + 4 * DELTA(i, k)
    assert sorted(where._cases(three)) == [0, 1, 2, 4, 7]
    pairs = [DELTA(i, j), DELTA(i, k), DELTA(i, y), DELTA(j, k), DELTA(j, y), DELTA(k, y)]
    four = where._cases(sum(2**number * delta for number, delta in enumerate(pairs)))
    # the partitions of four labels: all apart, one pair, two pairs, three alike, all alike
    assert sorted(four) == sorted([0, 1, 2, 4, 8, 16, 32, 1 + 32, 2 + 16, 4 + 8, 11, 21, 38, 56, 63])


def test_in_a_case_the_labels_are_one():
    where = domain(Label(i), Label(j), Label(GROUP), Z)
    mine, group = where._bases[z], where._bases[GROUP]
    assert where._cases(DELTA(i, j) * mine[i] - mine[j]) in ([-mine[j], 0], [-mine[i], 0])
    apart, same = where._cases(DELTA(i, group[i]) * (mine[group[i]] + 2 * mine[j]))
    assert apart == 0 and same == mine[i] + 2 * mine[j]
    apart, same = where._cases(DELTA(j, group[i]) * mine[group[i]])
    assert apart == 0 and same in (mine[j], mine[group[i]])
    # of what is left, the normal form is taken
    (apart, same) = where._cases(DELTA(i, j) * exp(mine[i]) * (exp(-mine[j]) + 1))
    assert apart == 0 and same in (1 + exp(mine[i]), 1 + exp(mine[j]))


ZERO = {
    "nothing": ([Z], 0, True),
    "something": ([Z, LABEL], z[y], False),
    "labels-meet": ([Z, LABEL, Label(i)], D * (z[i] - z[y]), True),
    "labels-may-meet": ([Z, LABEL, Label(i)], D * z[y], False),
    "labels-may-differ": ([Z, LABEL, Label(i)], z[i] - z[y], False),
    "all-but-the-diagonal": ([Z, LABEL, Label(i)], (1 - D) * (z[i] - z[y]), False),
    "three-labels": ([LABEL, Label(i), Label(j)], D * D2 * (1 - DELTA(i, j)), True),
    "two-of-three-labels": ([LABEL, Label(i), Label(j)], D * D2 - D, False),
    "own-group": ([Label(GROUP), Z, LABEL], DELTA(y, GROUP[y]) * (z[y] - z[GROUP[y]]), True),
    "cancels": ([POSITIVE, POWERS], total((q[k] ** 2 - r[k] ** 2) / (q[k] + r[k]), k), True),
    "cancels-to-one": ([POSITIVE, POWERS], total((q[k] ** 2 - r[k] ** 2) / (q[k] + r[k]), k) + 1, False),
    "cancels-with-mass": ([POSITIVE, POWERS], total((q[k] ** 2 + q[k] * r[k]) / (q[k] + r[k]), k) - 1, True),
    "halves": ([POSITIVE, POWERS], total(q[k] / (q[k] + r[k]) + r[k] / (q[k] + r[k]), k) - K, True),
    "no-halves": ([POSITIVE, POWERS], total(q[k] / (q[k] + r[k]) - r[k] / (q[k] + r[k]), k), False),
    "norms": ([Z], maximum_norm(Vector("v", lambda c: z[c] + 1)) - maximum_norm(Vector("w", lambda c: z[c] + 1)), True),
    "other-norms": (
        [Z],
        maximum_norm(Vector("v", lambda c: z[c] + 1)) - maximum_norm(Vector("v", lambda c: z[c] + 2)),
        False,
    ),
    "lambert": ([x > 0], LambertW(x) * exp(LambertW(x)) - x, True),
    "hyperbolic": ([Real(x)], tanh(x) * cosh(x) - sinh(x), True),
    "odds": ([Real(x)], sigmoid(x) - exp(x) * sigmoid(-x), True),
    "interval": ([x > 2, x < 3], Abs(x - 2) + Abs(x - 3) - 1, True),
    "powers": ([x > 0, Real(gamma)], x**gamma * x - x ** (gamma + 1), True),
    "sums": ([Z], total(total(z[i] - z[j], j), i), True),
    "mean": ([ANY, Z], total(p[k] * (z[k] - total(p[j] * z[j], j)), k), True),
    "weights": ([ANY, Z], total(p[k] * (z[k] - total(z[j], j) / K), k), False),
}


@pytest.mark.parametrize("name", ZERO)
def test_what_is_zero_is_found_to_be(name):
    given, expr, answer = ZERO[name]
    where = domain(*given)
    assert where.zero(where.normal(where.prepare(expr))) == answer
    seen = {agree(refute.evaluate(expr, point), 0) for point in points(given, 4)}
    assert seen == {True} if answer else False in seen


@pytest.mark.parametrize(
    ("expr", "answer"),
    [
        (Integer(0), True),
        (S(10) ** -13, False),
        (A - B, False),
        ((A**2 - B**2) / (A + B) - A + B, True),
        (log(A * B) - log(A) - log(B), True),
        (log(A**2 + A * B) - log(A) - log(A + B), True),
        (cosh(X) ** 2 - sinh(X) ** 2 - 1, True),
        (tanh(X) - (exp(2 * X) - 1) / (exp(2 * X) + 1), True),
        (cosh(X) - 1, False),
        (1 / (1 + exp(-X)) + 1 / (1 + exp(X)) - 1, True),
        (sp.sqrt(A**2 + 2 * A + 1) - A - 1, True),
        (sp.nan, False),
        (sp.zoo + A, False),
        *((exp(X * pole) * (A + 1) - A * exp(X * pole) - exp(X * pole), False) for pole in POLES),  # they would cancel
    ],
)
def test_an_expression_in_variables_is_zero(expr, answer):
    assert Domain._is_zero(expr) is answer


def test_a_simplification_that_the_values_contradict_is_not_believed(monkeypatch):
    monkeypatch.setattr(sp, "simplify", lambda expr: S.Zero)
    assert not Domain._is_zero((A - B) / 10**6) and Domain._is_zero((A - B) / 10**14)
    monkeypatch.setattr(sp, "simplify", lambda expr: S.One)
    assert not Domain._is_zero((A - B) / 10**14)


def test_only_short_expressions_are_simplified(monkeypatch):
    monkeypatch.setattr(sp, "simplify", lambda expr: S.Zero)
    terms = [one / 10**20 for one in sp.symbols("b:50", positive=True)]
    short, long = sp.Add(*terms), sp.Add(*terms[:-1], exp(Symbol("b", positive=True)) / 10**20)
    assert (short.count_ops(), long.count_ops()) == (99, 100)
    assert Domain._is_zero(short) and not Domain._is_zero(long)


# Plain variables


def test_entries_become_variables_of_known_sign():
    where = domain(ANY, POSITIVE, Z, Distribution(WEIGHTS), Distribution(SHARES, positive=True), strict=True)
    entry = {base: where._plain(mine[k], False) for base, mine in where._bases.items()}
    assert entry[p].is_nonnegative and entry[p].is_positive is None
    assert entry[q].is_positive and sp.simplify(1 - entry[q]).is_positive  # another class has some too
    assert entry[z].is_real and entry[z].is_nonnegative is None
    assert entry[WEIGHTS].is_nonnegative and entry[WEIGHTS].is_positive is None
    assert entry[SHARES].is_positive and sp.simplify(1 - entry[SHARES]).is_positive is None  # there may be one input
    assert where._plain(where._bases[p][k], False) == entry[p] != where._plain(where._bases[p][j], False)
    assert all(next(iter(value.free_symbols)).name == f"_{base}[k]" for base, value in entry.items())


def test_sizes_become_numbers_from_their_least_value():
    where = domain()
    for size, least in ((K, 2), (N, 1), (M, 1)):
        plain = where._plain(size, False)
        (more,) = plain.free_symbols
        assert plain == least + more and more.is_integer and more.is_nonnegative and more.is_positive is None
        assert more.name == size.name


def test_whole_sums_become_variables_of_known_sign():
    where = domain(ANY, POSITIVE, Z, LABEL)
    mine = where._bases
    for body, sign in (
        (mine[q][k] * log(mine[q][k]), "negative"),
        (exp(mine[z][k]), "positive"),
        (mine[z][k] ** 2, "nonnegative"),
        (-(mine[z][k] ** 2), "nonpositive"),
    ):
        plain = where._plain(total(body, k), False)
        facts = {"positive", "negative", "nonnegative", "nonpositive"}
        assert {fact for fact in facts if plain.assumptions0.get(fact)} == {sign} | {
            "positive": {"nonnegative"}, "negative": {"nonpositive"}
        }.get(sign, set())  # fmt: skip
        assert plain.is_Dummy and plain.is_real and plain.name == "sum"
    plain = where._plain(total(mine[z][k], k), False)
    assert plain.is_real and plain.is_nonnegative is None and plain.is_nonpositive is None
    assert where._plain(total(mine[z][k], k), False) == plain != where._plain(total(mine[z][k] + 1, k), False)


def test_the_term_of_a_label_is_split_off_its_sum():
    where = domain(Z, Real(WEIGHTS), LABEL, Label(n, N), Label(i))
    mine, weights = where._bases[z], where._bases[WEIGHTS]
    summed = total(exp(mine[k]), k)
    plain = where._plain(summed - exp(mine[y]), True)
    (rest,) = plain.free_symbols
    assert plain == rest and rest.is_positive and rest.name == "rest"
    (rest,) = where._plain(total(exp(weights[k]), k, N) - exp(weights[n]), True).free_symbols
    assert rest.is_nonnegative and rest.is_positive is None  # of one observation
    (rest,) = where._plain(total(-exp(weights[k]), k, N) + exp(weights[n]), True).free_symbols
    assert rest.is_nonpositive and rest.is_negative is None
    (rest,) = where._plain(total(mine[k], k) - mine[y], True).free_symbols
    assert rest.is_real and rest.is_nonnegative is None and rest.is_nonpositive is None
    # whole, if not asked for, with no label or with two of them
    for expr, split in (
        (summed - exp(mine[y]), False),
        (summed - exp(weights[n]), True),
        (summed - exp(mine[y]) - exp(mine[i]), True),
        (total(total(exp(mine[k] * mine[j]), j), k) - exp(mine[y]), True),
    ):
        assert {symbol.name for symbol in where._plain(expr, split).free_symbols} & {"sum", "rest"} == {"sum"}


def test_other_functions_become_variables_of_known_sign():
    where = domain(Z, ANY, LABEL)
    norm = where.prepare(maximum_norm(Vector("v", lambda c: z[c] * 2)))
    again = where.prepare(maximum_norm(Vector("w", lambda c: z[c] * 2)))
    plain = where._plain(norm, False)
    assert plain.is_nonnegative and plain.is_positive is None and plain.name == str(norm)
    assert where._plain(again, False) == plain != where._plain(where.prepare(maximum_norm(z)), False)
    w = where._plain(LambertW(where._bases[p][y]), False)
    assert w.is_Dummy and w.is_positive and w != where._plain(LambertW(where._bases[z][y]), False)
    assert where._plain(LambertW(where._bases[p][y]), False) == w


def test_the_outermost_parts_of_a_kind_are_found():
    inner = log(A)
    assert Domain._outer(log(B + inner) + X * log(C), log) == {log(B + inner), log(C)}
    assert Domain._outer(X + 1, log) == set() and Domain._outer(inner, log) == {inner}


def test_a_sign_is_weakened():
    weak = [Domain._weak({sign: True}) for sign in ("positive", "negative", "nonnegative", "nonpositive")]
    assert weak == [{"nonnegative": True}, {"nonpositive": True}, {"nonnegative": True}, {"nonpositive": True}]
    assert Domain._weak({}) == {}


# Signs. The answer is ">", ">=" or None

SIGNS = {
    "probability": ([ANY, LABEL], p[y], ">"),
    "probability-below-half": ([ANY, LABEL], HALF - p[y], None),
    "probability-below-one": ([ANY, LABEL], 1 - p[y], ">"),
    "share-of-one-observation": ([Distribution(WEIGHTS), Label(n, N)], 1 - WEIGHTS[n], None),
    "number": ([Z, LABEL], z[y], None),
    "square": ([Z, LABEL], z[y] ** 2, ">="),
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
    "power": ([*OPEN, gamma > 0], 1 - x**gamma, ">"),
    "power-of-any-rate": ([*OPEN, Real(gamma)], 1 - x**gamma, None),
    "power-above": ([x > 1, gamma > 0], x**gamma - 1, ">"),
    "power-with-weight": ([*OPEN, gamma > 1], gamma * (gamma - 1) * (1 - x) ** (gamma - 2), ">"),
    "decay": ([x > 0], 1 - exp(-x), ">"),
    "growth": ([x > 0], exp(x) - 1, ">"),
    "logarithm": ([x > 1], log(x), ">"),
    "ratio-of-logarithms": ([x > 0, u > 0], log(x + u) - log(x), ">"),
    "softplus": ([Real(x)], softplus(x), ">"),
    "hyperbolic": ([x > 0], sinh(x), ">"),
    "hyperbolic-square": ([Real(x)], cosh(x) ** 2 - sinh(x) ** 2, ">"),
    "modulus": ([Real(x)], Abs(x) - x, ">="),
    "modulus-and-one": ([Real(x)], Abs(x) - x + 1, ">"),
    "modulus-reversed": ([Real(x)], x - Abs(x), None),
    "two-moduli": ([Real(x), Real(u)], Abs(x) + Abs(u) - x - u, ">="),
    "modulus-of-a-sum-exceeded": ([Z], total(z[k], k) - Abs(total(z[k], k)), None),
    "modulus-of-a-sum-below": ([Z], total(Abs(z[k]), k) - Abs(total(z[k], k)), ">="),
    "modulus-of-a-sum-above": ([Z], Abs(total(z[k], k)) - total(Abs(z[k]), k), None),
    "entropy": ([ANY], entropy(p), ">"),
    "cross-entropy": ([ANY, POSITIVE], cross_entropy(p, q), ">"),
    "divergence": ([ANY, POSITIVE], kl_divergence(p, q), None),
    "gini": ([ANY], total(p[k] * (1 - p[k]), k), ">"),
    "gini-written-out": ([ANY], 1 - total(p[k] ** 2, k), ">"),
    "collision": ([ANY], total(p[k] ** 2, k) - 1, None),
    "others": ([Z, LABEL], total(exp(z[k]), k) - exp(z[y]), ">"),
    "other-observations": ([Real(WEIGHTS), Label(n, N)], total(exp(WEIGHTS[k]), k, N) - exp(WEIGHTS[n]), ">="),
    "others-of-two": ([Z, LABEL, Label(i)], total(exp(z[k]), k) - exp(z[y]) - exp(z[i]), None),
    "softmax": ([Z, LABEL], softmax(z)[y], ">"),
    "softmax-below-one": ([Z, LABEL], 1 - softmax(z)[y], ">"),
    "loss": ([Z, LABEL], log(total(exp(z[k]), k)) - z[y], ">"),
    "labels": ([LABEL, Label(i)], 1 - D, ">="),
    "labels-and-one": ([LABEL, Label(i)], 1 + D, ">"),
    "label-and-more": ([LABEL, Label(i)], D - HALF, None),
    "norm": ([Z], maximum_norm(z), ">="),
    "norm-and-more": ([Z], maximum_norm(z) + 1, ">"),
    "lambert": ([x > 0], LambertW(x), ">"),
    "smoothed": ([ANY, LABEL, epsilon > 0, epsilon <= 1], smooth_labels(p, epsilon)[y], ">"),
    "nothing": ([Real(x)], S.Zero, ">="),
    "unreal": ([x > 0], sp.sqrt(-x), None),
}


@pytest.mark.parametrize("name", SIGNS)
def test_signs_follow_from_the_hypotheses(name):
    given, expr, sign = SIGNS[name]
    where = domain(*given)
    form = where.normal(where.prepare(expr))
    assert (where.nonnegative(form), where.positive(form)) == (sign is not None, sign == ">")
    assert sign is None or not where.nonnegative(where.normal(where.prepare(-expr))) or expr == 0
    if name != "unreal":
        values = [refute.evaluate(expr, point) for point in points(given, 3) if not _at_an_end(point, given)]
        assert all({">": value > 0, ">=": value >= -1e-30, None: True}[sign] for value in values)


def _at_an_end(point, given):
    return any(point.values[base].__contains__(0) for base in Hypotheses(given).distributions if len(base.shape) == 1)


CLOSED_SIGNS = {
    "probability": ([ANY, LABEL], p[y], ">="),
    "positive-probability": ([POSITIVE, LABEL], q[y], ">"),
    "positive-probability-below-one": ([POSITIVE, LABEL], 1 - q[y], ">"),
    "end": ([x >= 1], x - 1, ">="),
    "open-end": ([x > 1], x - 1, ">"),
    "upper-end": ([x <= 1], 1 - x, ">="),
    "lower-end": ([x >= 0, x < 1], x, ">="),
    "far-end": ([x >= 0, x < 1], 1 - x, ">"),
    "one-number": ([x >= 1, x <= 1], x - 1, ">="),
}


@pytest.mark.parametrize("name", CLOSED_SIGNS)
def test_strictly_a_closed_end_is_reached(name):
    given, expr, sign = CLOSED_SIGNS[name]
    where = domain(*given, strict=True)
    form = where.normal(where.prepare(expr))
    assert (where.nonnegative(form), where.positive(form)) == (True, sign == ">")


def test_a_sign_is_read_off_before_squares_are_multiplied_out():
    where = domain(Z, LABEL, Label(i), x > 2)
    for expr, answer in (
        ((z[y] - z[i]) ** 2, True),
        (exp(z[y]) * (x - 2) * (z[y] - x * z[i]) ** 2, True),
        (z[y] - z[i], False),
        ((x - 3) * (z[y] - z[i]) ** 2, False),
        (total((z[k] - z[y]) ** 2, k), True),
        (D, False),  # a delta is for the normal form
    ):
        assert where.termwise(where.prepare(expr)) is answer


@pytest.mark.parametrize(
    ("plain", "question", "answer"),
    [
        (A, "is_positive", True),
        (A - B, "is_nonnegative", False),
        (-A, "is_nonnegative", False),
        (sp.sqrt(-1 - A), "is_nonnegative", False),
        (X**2, "is_nonnegative", True),
        (X**2, "is_positive", False),
        (X**2 - 2 * X + 1, "is_nonnegative", True),
        (log(A * B + A) - log(A), "is_positive", True),
        (1 / A - 1 / (A + 1), "is_positive", True),
        (1 - (1 / (1 + A)) ** B, "is_positive", True),
        ((1 + A) ** B - 1, "is_positive", True),
        (log(A + B) - log(B), "is_positive", True),
        (cosh(X) ** 2 - sinh(X) ** 2, "is_positive", True),
        (Abs(X) - X, "is_nonnegative", True),
        (Abs(X) - X, "is_positive", False),
        (A * Abs(X) + X, "is_nonnegative", False),
        (Abs(X), "is_positive", False),
        (Abs(T - 1) + T * (1 / A - 1 / (A + 1)), "is_nonnegative", True),
        ((1 / A - 1 / (A + 1)) / 10**14, "is_positive", True),
        (1 - tanh(X) ** 2, "is_positive", True),
        (cosh(X) ** 2 - 1, "is_nonnegative", True),
        *((exp(X * pole) * A - (A + 1) * exp(X * pole) + exp(X * pole) + 1, "is_positive", False) for pole in POLES),
        (Abs(X) + X + 1, "is_positive", True),
        ((1 - exp(-A)) * (1 - (1 + B) ** (-A)), "is_positive", True),
        (log(1 / (1 + A)) * (1 - exp(B)), "is_positive", True),
        (sp.nan, "is_nonnegative", False),
        (sp.zoo, "is_nonnegative", False),
        (oo, "is_nonnegative", False),
        (-oo, "is_nonnegative", False),
    ],
)
def test_the_question_on_plain_variables_is_settled(plain, question, answer):
    assert domain()._settled(plain, question) is answer


def test_a_form_that_the_values_contradict_is_not_believed(monkeypatch):
    monkeypatch.setattr(normal, "factored", lambda expr: S.One)
    assert not domain()._settled((A - 5) / 10**3, "is_nonnegative")
    assert domain()._settled((A - 5) / 10**14, "is_nonnegative")


def test_hyperbolic_functions_alone_are_simplified_as_such(monkeypatch):
    where = domain()
    hyperbolic = sinh(A) - A, cosh(A) - 1 - A**2 / 9, A - tanh(A)
    assert not any(where._settled(expr, "is_positive") for expr in hyperbolic)
    monkeypatch.setattr(sp, "trigsimp", lambda expr: S.One)
    assert all(where._settled(expr, "is_positive") for expr in hyperbolic)
    assert not where._settled(exp(A) - 1 - A, "is_positive")


def test_the_sign_of_a_product_is_that_of_its_factors():
    where = domain()
    for product, answer in (
        (-2 * log(1 / (1 + A)) * (1 + X**2), True),
        (2 * log(1 / (1 + A)) * (1 + X**2), False),
        (3 * (1 - exp(-A)) * (exp(B) - 1), True),
        (-3 * (1 - exp(-A)) * (1 - exp(B)), True),
        (3 * (1 - exp(-A)) * X, False),
        (A, False),
        (-2 * A, False),
    ):
        assert where._signs(product, "is_positive") == answer


# Sums that are gathered into one


def test_the_sums_over_the_classes_are_gathered_into_one():
    given = ANY, POSITIVE, Z, Real(x), Real(WEIGHTS), Distribution(conditional)
    where = domain(*given)
    outside = total(WEIGHTS[n], n, N) ** 2 * x + x**2
    expr = where.normal(where.prepare(total(p[k] * z[k], k) + x * total(z[j] ** 2, j) + outside))
    forms = [*where._gathered(expr)]
    assert len(forms) == 4 and forms[0] == expr
    assert [len([s for s in form.atoms(sp.Sum) if s.limits[0][2] == K]) for form in forms] == [2, 1, 1, 1]
    assert [isinstance(form, sp.Sum) for form in forms] == [False, False, True, True]
    for point in points(given, 4):
        at = moved(point, where)
        values = [refute.evaluate(form, at) for form in forms]
        assert all(agree(value, values[0]) for value in values)
    assert len([*where._gathered(expr, joined=True)]) == 2
    limits = [limit for form in forms for one in form.atoms(sp.Sum) for limit in one.limits]
    assert all(index.is_integer and lower == 1 and upper in (K, N) for index, lower, upper in limits)


def test_what_is_one_sum_already_is_joined():
    where = domain(ANY, Z)
    mine = where._bases[z]
    one = where.normal(total(mine[k], k) + total(mine[k] ** 2, k))
    (joined,) = where._gathered(one, joined=True)
    assert joined.function == mine[joined.bound_symbols[0]] + mine[joined.bound_symbols[0]] ** 2
    first, second = where._gathered(one)
    assert first == one and second.dummy_eq(joined)
    for expr in (x, total(mine[k], k) ** 2, total(mine[k], k) * total(mine[k] ** 2, k), total(log(x), n, N)):
        assert [*where._gathered(expr)] == [expr] and [*where._gathered(expr, joined=True)] == []
    # no distribution to join the terms outside
    alone = domain(Z)
    assert len([*alone._gathered(total(alone._bases[z][k], k) + x)]) == 2
    assert [*alone._gathered(total(alone._bases[z][k], k) + x, joined=True)] == []


# Where an expression is defined

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
]


@pytest.mark.parametrize(("given", "expr", "part"), DEFINED)
def test_what_may_be_undefined_is_found(given, expr, part):
    found = domain(*given).undefined(expr)
    assert _same(found, part)


def _same(found, part):
    """Alike, but for the names of indices that sums bind."""
    if found is None or part is None or not part.has(sp.Indexed):
        return found == part
    indices = {index for entry in found.atoms(sp.Indexed) for index in entry.indices}
    return str(found).replace("_k", "k") == str(part) and all(index.is_integer for index in indices)


def test_what_was_found_undefined_is_remembered():
    where = domain(x >= 0)
    assert where.undefined(log(x)) == log(x) and where._defined == {log(x): log(x)}
    assert where.undefined(1) is None and where.undefined(x) is None


def test_weights_vanish_with_logarithms():
    where = domain(x >= 0, u > 0, Real(t), LABEL, Label(i), strict=True)
    for argument, weight, answer in (
        (x, x, True),
        (x * u, x, True),
        (x * exp(u), x, True),
        (x, x**2, True),
        (x, sp.sqrt(x), True),
        (x, 1 / x, False),
        (x, x**t, False),
        (x**2, x, False),
        (x + u, x, False),
        (x * t, x, False),
        (t, t, False),
        (-x, x, False),
        (x, -x, False),
        (D * u, D, True),
        (D * t, D, False),
        (D + u - 1, D, True),
        (D * x, D, False),
        (3 * HALF - D, D, True),
        (D - 3 * HALF, D, False),
        (u**2, u, False),
        (D, D**2, True),
    ):
        assert where._vanishes_with(argument, weight) is answer, (argument, weight)


# Closed ends


def test_domains_with_closed_ends_are_taken_apart():
    def parts(*given, inside=None):
        domains = normal.strict_domains(Hypotheses(given), inside)
        assert all(part.strict and part.hypotheses.given == given for part in domains)
        return [{**part.hypotheses.intervals} for part in domains]

    half = Interval.Ropen(0, 1)
    assert parts(ANY) == [{}]
    assert parts(*CLOSED) == [{x: half}, {x: FiniteSet(1)}]
    assert parts(*CLOSED, inside=x) == [{x: Interval.open(0, 1)}] == parts(*OPEN)
    assert parts(x >= 0, x < 1) == [{x: half}] and parts(x > 0, x <= 1) == [{x: Interval.Lopen(0, 1)}]
    assert parts(x >= 0) == [{x: Interval(0, oo)}] and parts(x <= 0) == [{x: Interval(-oo, 0)}]
    assert parts(x >= 0, inside=x) == [{x: Interval.open(0, oo)}]
    assert parts(x >= 2, x <= 2) == [{x: FiniteSet(2)}]
    end = FiniteSet(1)
    both = parts(*CLOSED, u >= 0, u <= 1, *[t > 0])
    rest = {t: Interval.open(0, oo)}
    assert both == [{x: one, u: other, **rest} for one in (half, end) for other in (half, end)]
    assert parts(*CLOSED, u >= 0, u <= 1, inside=u) == [{x: one, u: Interval.open(0, 1)} for one in (half, end)]


def test_the_closed_domains_are_remembered():
    where = domain(*CLOSED)
    assert where.closed() is where.closed() and len(where.closed()) == 2
    assert where.closed(x) is where.closed(x) and len(where.closed(x)) == 1


def test_positive_up_to_the_closed_ends():
    given = *CLOSED, u >= 0, ANY, POSITIVE, LABEL
    where = domain(*given)
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
        assert where.above(where.prepare(expr), inside) is answer, (expr, inside)
        assert inside or where.above(where.prepare(expr)) is answer


# What is remembered


def test_a_domain_remembers_what_was_decided_under_the_same_hypotheses():
    normal.forget()
    given = ANY, Real(x)
    one = normal.domain_of(Hypotheses(given))
    assert one.nonnegative(one.normal(x**2)) and one._known
    one.normal(one.prepare(total(p[k], k)))
    other = normal.domain_of(Hypotheses(given))
    assert other is not one and other._known is one._known and other._entries is one._entries
    assert one.used and other.used == set()
    assert not one.strict and not other.strict
    assert one.hypotheses.given == given
    (strict,) = normal.strict_domains(Hypotheses(given))
    assert strict.strict and strict._known is not one._known
    assert normal.domain_of(Hypotheses((ANY, x > 0)))._known is not one._known
    narrowed = Hypotheses((x > 0,))
    narrowed.intervals[x] = Interval.open(2, 3)
    inside = normal.domain_of(narrowed)
    assert inside.positive(inside.normal((x - 2) * (3 - x)))
    normal.forget()
    assert normal.domain_of(Hypotheses(given))._known is not one._known


def test_decisions_are_not_mixed_up():
    where = domain(Real(x))
    form = where.normal(x**2)
    assert where.nonnegative(form) and not where.positive(form)
    assert where._known == {(form, "is_nonnegative"): True, (form, "is_positive"): False}
    assert where.nonnegative(form) and not where.positive(form)
    # what is shown to a reader is decided on its own
    where.shown(x**2)
    assert len(where._known) == 2
