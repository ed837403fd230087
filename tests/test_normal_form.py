"""Normal forms under hypotheses: against numbers at points, and facts derived by hand."""

import random
from fractions import Fraction

import mpmath
import pytest
import sympy as sp
from sympy import E, IndexedBase, Integer, cosh, sinh, tanh

from lossmath.claims import normal_form
from lossmath.claims.errors import ProofError
from lossmath.claims.evaluation import evaluate_exactly
from lossmath.claims.hypotheses import Distribution, Hypotheses, Label, OneHot, Real
from lossmath.claims.normal_form import (
    Context,
    expand,
    expand_lambertw,
    factor,
    find_difference,
    find_free,
    find_strict,
    normalise,
    prepare,
    reduce_deltas,
    split_logs,
)
from lossmath.claims.notation import show_normal_form
from lossmath.claims.quantities import *
from lossmath.claims.sampling import Point, draw_points

DELTA = KroneckerDelta
A, B, C = sp.symbols("A B C", positive=True)
X, Y = sp.symbols("X Y", real=True)
GROUP = IndexedBase("g", shape=(K,), integer=True)  # a map from the classes to the classes, or to the inputs
WEIGHTS = IndexedBase("w", shape=(N,), real=True)  # one for each observation
SHARES = IndexedBase("h", shape=(M,), real=True)  # one for each input
TABLE = IndexedBase("d", shape=(K, K), real=True)
ANY, POSITIVE = Distribution(p), Distribution(q, positive=True)
POWERS = Distribution(r, positive=True)
Z, LABEL = Real(z), Label(y)
OPEN, CLOSED = [x > 0, x < 1], [x >= 0, x <= 1]


def context(*given, strict=False):
    return Context(Hypotheses(given), strict)


def form(where, expr):
    return normalise(where, prepare(where, expr))


def points(given, count=3):
    """A few points for 2, 3 and 5 classes, 1, 2 and 4 observations."""
    for classes in (2, 3, 5):
        sizes = {K: classes, N: classes - 1, M: 3}
        yield from draw_points(Hypotheses(given), sizes, random.Random(1), count)


def move(point, where):
    """The point in the stand-ins of a context."""
    values = {}
    for symbol, value in point.values.items():
        parameter = where.scalars.get(symbol, symbol)
        if symbol in where.scalars and parameter.free_symbols:
            (w,) = parameter.free_symbols
            values[w] = Fraction(str(sp.solve(parameter - Rational(str(value)), w)[0]))
        else:
            values[where.bases.get(symbol, symbol)] = value
    return Point(point.sizes, values)


# Expressions that need no context


def test_what_has_factors_is_factored():
    assert factor(x**2 - u**2) == (x - u) * (x + u)
    assert factor(1 / x + 1 / u) == (u + x) / (u * x)
    assert factor(x**12 - 1).is_Mul
    assert factor(A ** Rational(1, 12) * x**2 - A ** Rational(1, 12)).is_Mul


@pytest.mark.parametrize("power", [13, -13, Rational(1, 13), Rational(13, 2)])
def test_enormous_degrees_are_not_factored(power):
    expr = A**power * x - A**power
    assert factor(expr) == expr


def test_long_expressions_are_not_factored(monkeypatch):
    def product(terms):  # (1 + x) times a sum, multiplied out; to factor it takes minutes
        variables = sp.symbols(f"long:{terms}")
        return sp.Add(*variables, *(x * one for one in variables))

    monkeypatch.setattr(sp, "factor", lambda expr: x)
    short, long = product(133), product(135)
    assert short.count_ops() <= normal_form.LARGE < long.count_ops()
    assert factor(short) == x and factor(long) == long


def test_deltas_that_are_free_are_those_whose_indices_no_sum_binds():
    inside = total(DELTA(k, i) * z[k] + DELTA(i, y) * total(DELTA(j, y) + DELTA(j, k), j), k)
    norm = maximum_norm(Vector("v", lambda c: DELTA(i, n)))
    assert find_free(DELTA(a, y) * inside + norm + x, KroneckerDelta) == [DELTA(a, y), DELTA(i, y)]
    assert find_free(Sum(x, (k, 1, DELTA(i, j))), KroneckerDelta) == []
    every = total(z[j], j)
    moduli = Abs(every) + total(Abs(z[k] - every) * Abs(1 + every), k) + maximum_norm(Vector("v", lambda c: Abs(z[c])))
    assert find_free(moduli + Abs(Abs(x) - 1), Abs) == sorted(
        [Abs(every), Abs(1 + every), Abs(Abs(x) - 1)], key=sp.default_sort_key
    )
    many = [DELTA(one, other) for one, other in ((a, i), (a, j), (a, k), (i, j), (i, k), (j, k))]
    assert find_free(sum(many[::-1]), KroneckerDelta) == many == sorted(many, key=sp.default_sort_key)


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
    assert reduce_deltas(product) == expected


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ((x + 1) * (x - u), x**2 - x * u + x - u),
        (exp(x * (u + 1)), exp(x * u) * exp(x)),
        (log(A * exp(x)), log(A) + x),
        (exp(x) * (exp(2 * x) + exp(-x)), exp(3 * x) + 1),
    ],
)
def test_products_and_exponentials_of_sums_are_multiplied_out(expr, expected):
    assert expand(context(), expr) == expected


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
    assert split_logs(expr) == expected


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
        (exp(X * (W + 1)), exp(X * (W + 1))),
        (exp(2 * (W + X)), A**2 / W**2 * exp(2 * X)),
        (W + exp(X), W + exp(X)),
    ],
)
def test_an_exponential_of_w_is_what_w_means(expr, expected):
    assert expand_lambertw(expr) == expected


def test_what_holds_no_w_is_not_touched():
    expr = exp(X * (Y + 1))
    assert expand_lambertw(expr) is expr


def test_a_difference_is_what_must_be_zero_or_not_negative():
    assert find_difference(x, "==", u) == x - u == find_difference(x, ">=", u)
    assert find_difference(x, "<=", u) == u - x


# Stand-ins and parameters


def test_stand_ins_carry_what_the_hypotheses_say():
    given = ANY, POSITIVE, Z, Label(GROUP), LABEL, Real(x)
    for strict in (False, True):
        where = context(*given, strict=strict)
        one, other, real, group = (where.bases[base] for base in (p, q, z, GROUP))
        assert (one[k].is_positive, one[k].is_nonnegative) == ((None, True) if strict else (True, True))
        assert other[k].is_positive and real[k].is_real and real[k].is_nonnegative is None
        assert group[k].is_integer and group[k].is_positive is None
        assert [base.label.name for base in (one, other, real, group)] == ["p", "q", "z", "g"]
        assert {base.shape for base in where.bases.values()} == {(K,)} and len(where.bases) == 4
        assert not {*where.bases} & {*where.bases.values()}
        assert where.rows == {one, other}
    assert not context(*given).strict


# hypotheses, whether strict; the values at w = 1, at w = 3 and as w grows; and the value at w = 0, if w may be 0
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
    parameter = context(*given, strict=strict).scalars[x]
    (w,) = parameter.free_symbols
    assert (parameter.subs(w, 1), parameter.subs(w, 3), sp.limit(parameter, w, oo)) == (one, three, far)
    assert w.name == "x" and w.is_nonnegative
    if end is None:
        assert w.is_positive
    else:
        assert w.is_positive is None and parameter.subs(w, 0) == end


def test_a_parameter_of_any_number_and_of_one_number():
    w = context(Real(x)).scalars[x]
    assert w.is_Dummy and w.is_real and w.is_nonnegative is None and w.name == "x"
    assert context(Real(x), x >= 3, x <= 3).scalars == {x: 3}


# Normal forms


def test_an_expression_is_prepared():
    where = context(ANY, OneHot(q, y), Label(labels), Real(x))
    mine, classes = where.bases[p], where.bases[labels]
    assert prepare(where, 1) == Integer(1) and prepare(where, x) == x
    assert prepare(where, p[y] * q[i]) == mine[y] * DELTA(i, y)
    assert prepare(where, gradient(x**2 * p[y], x)) == 2 * x * mine[y]
    assert prepare(where, DELTA(labels[n], k)) == DELTA(classes[n], k)
    assert prepare(where, p[labels[n]]) == mine[classes[n]]
    prepared = prepare(where, entropy(p))
    (index,) = prepared.atoms(sp.Sum).pop().bound_symbols
    assert index != k and prepared.xreplace({index: k}) == -total(mine[k] * log(mine[k]), k)
    # the slope of a modulus is worked out before the entries lose their signs
    assert prepare(where, gradient(Abs(p[y]), p[y])) == sp.sign(mine[y]) == 1
    assert prepare(context(ANY, LABEL, strict=True), gradient(Abs(p[y]), p[y])).has(sp.sign)


def test_a_normal_form_is_of_parameters():
    where = context(x > 2, LABEL, Z)
    (w,) = where.scalars[x].free_symbols
    assert normalise(where, x**2) == w**2 + 4 * w + 4
    assert normalise(where, prepare(where, total(x * z[k], k))).has(w)
    assert not normalise(where, prepare(where, total(x * z[k], k))).has(x)


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
    assert show_normal_form(context(*given), expr) == expected


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
    where = context(*given)
    found = form(where, expr)
    slack = 1e-12 if expr.has(Derivative) else 1e-30  # of difference quotients
    for point in points(given, 2):
        one, other = map(mpmath.convert, (evaluate_exactly(expr, point), evaluate_exactly(found, move(point, where))))
        assert abs(one - other) <= slack * (1 + abs(one))


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
    where = context(*given)
    assert form(where, one) == form(where, other)


def test_nested_sums_have_indices_of_their_own():
    where = context(Z)
    nested = total(z[i] * log(total(exp(z[j] * z[i]) * log(total(exp(z[k] * z[j]), k)), j)), i)
    bound = [index for node in form(where, nested).atoms(Sum) for index in node.bound_symbols]
    assert len(bound) == 3 == len({*bound}) and not {*bound} & {i, j, k}


def test_a_hypothesis_that_is_used_is_named():
    for given, expr, used in (
        ([ANY, POSITIVE], total(p[k], k), {r"\sum_{k} p_{k} = 1"}),
        ([ANY, POSITIVE], total(total(p[i] * q[j], j), i), {r"\sum_{k} p_{k} = 1", r"\sum_{k} q_{k} = 1"}),
        ([ANY, POSITIVE], total(p[k] * q[k], k) + total(p[k] ** 2, k) + total(1, k), set()),
        ([Distribution(conditional), Label(a, M)], total(conditional[a, k], k), {r"\sum_{k} q_{k} = 1"}),
    ):
        where = context(*given)
        form(where, expr)
        assert where.used == used


# Closed ends


def test_domains_with_closed_ends_are_taken_apart():
    def parts(*given, inside=None):
        contexts = find_strict(context(*given), inside)
        assert all(part.strict and part.hypotheses.given == given for part in contexts)
        return [{symbol: run(value) for symbol, value in part.scalars.items()} for part in contexts]

    def run(parameter):
        """Where it starts, whether it reaches that, and where it goes; or the one value."""
        if not parameter.free_symbols:
            return parameter
        (w,) = parameter.free_symbols
        return parameter.subs(w, 0), not w.is_positive, sp.limit(parameter, w, oo)

    half = 0, True, 1
    assert parts(ANY) == [{}]
    assert parts(*CLOSED) == [{x: half}, {x: 1}]
    assert parts(*CLOSED, inside=x) == [{x: (1, False, 0)}] == parts(*OPEN)
    assert parts(x >= 0, x < 1) == [{x: half}] and parts(x > 0, x <= 1) == [{x: (1, True, 0)}]
    assert parts(x >= 0) == [{x: (0, True, oo)}] and parts(x <= 0) == [{x: (0, True, -oo)}]
    assert parts(x >= 0, inside=x) == [{x: (0, False, oo)}]
    assert parts(x >= 2, x <= 2) == [{x: 2}]
    both = parts(*CLOSED, u >= 0, u <= 1, t > 0)
    assert both == [{x: one, u: other, t: (0, False, oo)} for one in (half, 1) for other in (half, 1)]
    assert parts(*CLOSED, u >= 0, u <= 1, inside=u) == [{x: one, u: (1, False, 0)} for one in (half, 1)]
    where = context(*CLOSED)
    assert find_strict(where) is find_strict(where) and find_strict(where, x) is find_strict(where, x)


# Work


def test_work_is_counted_and_has_an_end(monkeypatch):
    where = context(Real(x), Real(u))
    form(where, (x + u) ** 2)
    spent = where.work
    assert 0 < spent < normal_form.WORK
    form(where, (x + u) ** 2)
    assert where.work == 2 * spent
    monkeypatch.setattr(normal_form, "WORK", spent - 1)
    for _ in range(2):
        with pytest.raises(ProofError) as raised:
            form(context(Real(x), Real(u)), (x + u) ** 2)
        assert str(raised.value) == f"gave up after {spent - 1} operations"
    monkeypatch.setattr(normal_form, "WORK", spent)
    form(context(Real(x), Real(u)), (x + u) ** 2)
