import math

import mpmath
import pytest
import statements
import sympy as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lossmath.claims import Claim, Distribution, Label, OneHot, Real, check
from lossmath.claims import counterexample as refute
from lossmath.claims.check import CheckError, choose_device, evaluate, sample
from lossmath.claims.hypotheses import Hypotheses
from lossmath.claims.quantities import *
from lossmath.claims.quantities import written

P, Q = Distribution(p), Distribution(q, positive=True)
SPLIT = Claim("kl-split", (kl_divergence(p, q), "==", -entropy(p) + cross_entropy(p, q)), given=[P, Q])


def test_it_reports_what_it_did():
    result = SPLIT.check(cases=321)
    assert result.cases == 321 and result.device == "cpu" or torch.cuda.is_available()
    assert 0 < result.residual < 1e-15
    assert "321 random points with 2 ≤ K ≤ 1000" in repr(result) and "321" in result._repr_markdown_()


def test_the_same_seed_is_the_same_check():
    assert SPLIT.check(seed=5).residual == SPLIT.check(seed=5).residual != SPLIT.check(seed=6).residual


@pytest.mark.parametrize("error", [1e-3, 1e-6, 1e-9, 1e-12])
@pytest.mark.parametrize("relation", ["==", ">="])
def test_a_small_error_is_found(error, relation):
    off = kl_divergence(p, q) - Rational(str(error))
    with pytest.raises(CheckError, match="kl-off fails on"):
        Claim("kl-off", (off, relation, cross_entropy(p, q) - entropy(p)), given=[P, Q]).check()


def test_an_error_in_the_last_digits_of_a_factor_is_found():
    with pytest.raises(CheckError):
        Claim("factor", ((1 + Rational(1, 10**12)) * entropy(p), "==", entropy(p)), given=[P]).check()


@pytest.mark.parametrize("name", statements.TRUE)
def test_torch_and_multiple_precision_agree(name, monkeypatch):
    """Two evaluations that share no code, at the same short points; derivatives by autograd and by differences."""
    import random

    claim = statements.TRUE[name]().claim
    sizes = {K: 3, N: 2, M: 2}
    for point in refute.points(claim.hypotheses, sizes, random.Random(1), 3):
        values = refute.tensors([point], claim.hypotheses)
        for left, _, right in claim.statements:
            for side in (left, right):
                try:
                    expected = float(refute.evaluate(side, point))
                except refute.Undefined:
                    continue
                value, size = check.Evaluation(values, sizes)(side)
                assert value.item() == pytest.approx(expected, abs=1e-14 * (1 + size.item() + abs(expected)))


@pytest.mark.parametrize(
    ("function", "reference"),
    [
        (exp, mpmath.exp), (log, mpmath.log), (sinh, mpmath.sinh), (sp.cosh, mpmath.cosh), (sp.tanh, mpmath.tanh),
        (LambertW, mpmath.lambertw), (Abs, abs), (lambda e: e**3, lambda e: e**3), (lambda e: e**gamma, lambda e: e**0.25),
        (lambda e: 1 / e, lambda e: 1 / e), (lambda e: x * e, lambda e: mpmath.mpf(2.5) * e),
    ],
)  # fmt: skip
def test_the_size_of_the_terms_is_what_their_roundings_may_do(function, reference):
    # to first order, f(x + 1) moves by f'(x + 1) times what the sum moves by, and by the rounding of f itself
    values = {x: torch.tensor([2.5], dtype=torch.float64), gamma: torch.tensor([0.25], dtype=torch.float64)}
    value, size = check.Evaluation(values, {})(function(x + 1))
    exact = float(reference(mpmath.mpf(3.5)))
    slope = (
        1 if function is sp.tanh else float(abs(mpmath.diff(reference, 3.5)))
    )  # that of tanh is taken for 1, its largest
    bound = 3.5 * slope + abs(exact)
    assert value.item() == pytest.approx(exact, rel=1e-14) and bound / 2 <= size.item() <= 3 * bound


@given(st.integers(0, 2**32), st.sampled_from(check.SIZES))
@settings(max_examples=25)
def test_samples_obey_their_hypotheses(seed, sizes):
    given = [P, Q, Label(i), Label(labels), Real(z), x > 0, x < 1, gamma >= 1, epsilon >= 0, epsilon <= 1, u <= -2]
    values = sample(Hypotheses(given), sizes, 60, torch.Generator().manual_seed(seed))
    assert (values[p] >= 0).all() and (values[q] > 0).all()
    for dist in (p, q):
        torch.testing.assert_close(values[dist].sum(-1), torch.ones(60, dtype=torch.float64), rtol=1e-13, atol=0)
    assert ((values[x] > 0) & (values[x] < 1)).all() and (values[gamma] >= 1).all() and (values[u] <= -2).all()
    assert ((values[epsilon] >= 0) & (values[epsilon] <= 1)).all()
    assert 1 <= values[i].min() <= values[i].max() <= sizes[K] and values[labels].shape == (60, sizes[N])


def test_the_same_seed_draws_the_same_points_of_every_kind():
    given = [
        P,
        Q,
        OneHot(r, y),
        Label(i),
        Label(labels),
        Real(z),
        Real(scores),
        Real(t),
        x > 0,
        x < 1,
        gamma >= 1,
        u <= -2,
    ]
    first, again = (sample(Hypotheses(given), check.SIZES[1], 60, torch.Generator().manual_seed(3)) for _ in range(2))
    assert all(torch.equal(first[symbol], again[symbol]) for symbol in Hypotheses(given).declared)


def test_samples_reach_the_corners():
    values = sample(Hypotheses([P, x > 0, x < 1, gamma >= 1]), {K: 3}, 500, torch.Generator().manual_seed(0))
    assert (values[p] == 1).any() and (values[p] == 0).any() and ((values[p] - 1 / 3).abs() < 1e-12).all(-1).any()
    assert values[x].min() < 1e-9 and (1 - values[x]).min() < 1e-9 and (values[gamma] == 1).any()


def test_one_hot_samples_match_their_label():
    values = sample(Hypotheses([OneHot(p, y)]), {K: 4}, 50, torch.Generator().manual_seed(0))
    assert (values[p].argmax(-1) + 1 == values[y]).all() and (values[p].sum(-1) == 1).all()


@pytest.mark.parametrize("place", [p, uniform(), smooth_labels(p, epsilon)], ids=["p", "U", "smoothed"])
def test_where_equality_is_claimed_it_is_checked(place):
    given = [P, Q, epsilon > 0, epsilon <= 1]
    claim = Claim("gap", (kl_divergence(place, q), ">=", 0), given=given, equality={q: place})
    assert claim.check(cases=200).residual < 1e-14
    with pytest.raises(CheckError, match="gap"):
        claim.near_miss((kl_divergence(place, q) + Rational(1, 10**6), ">=", 0), equality={q: place}).check()


def test_where_equality_of_numbers_is_claimed_it_is_checked():
    claim = Claim("tangent", (exp(x), ">=", 1 + x), given=[Real(x)], equality={x: 0})
    assert claim.check().residual < 1e-14
    with pytest.raises(CheckError):
        claim.near_miss(equality={x: Rational(1, 100)}).check()


def test_cases_that_rounding_has_emptied_are_not_counted():
    claim = Claim("odds", (log(1 - sigmoid(x)), "==", -softplus(x)), given=[Real(x)])
    assert 500 < claim.check(cases=1000).cases < 1000
    with pytest.raises(CheckError, match="rounding leaves nothing"):
        Claim("lost", (log(1 - sigmoid(x)), "==", -softplus(x)), given=[x >= 60]).check()


def test_nan_is_not_a_pass():
    with pytest.raises(CheckError, match="nan"):
        Claim("log", (log(x), "<=", x), given=[x < -1]).check()


@pytest.mark.parametrize("cases", [0, 4, -3, 10.0, "many"])
def test_too_few_cases_are_refused(cases):
    with pytest.raises(ValueError, match=r"at least 5 .* got"):
        SPLIT.check(cases=cases)


def test_a_device_that_does_not_exist_is_named(monkeypatch):
    for name in ("tpu9", "cuda:99"):
        with pytest.raises(ValueError, match=f"{name}.*there is cpu"):
            SPLIT.check(device=name)
    monkeypatch.setenv("LOSSMATH_DEVICE", "abacus")
    with pytest.raises(ValueError, match="abacus"):
        SPLIT.check()
    monkeypatch.setenv("LOSSMATH_DEVICE", "cpu")
    assert choose_device() == torch.device("cpu") and choose_device("cpu") == torch.device("cpu")


def test_evaluate_names_what_is_missing_or_does_not_fit():
    with pytest.raises(ValueError, match="needs a value for q, got p"):
        evaluate(kl_divergence(p, q), {p: [0.5, 0.5]})
    with pytest.raises(ValueError, match="q has K = 3, another value has K = 2"):
        evaluate(kl_divergence(p, q), {p: [0.5, 0.5], q: [0.2, 0.3, 0.5]})
    with pytest.raises(ValueError, match="shape"):
        evaluate(entropy(p), {p: 0.5})


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


W, LOG, INF = 0.9585863567287029, math.log(2.5), math.inf  # W exp(W) = 2.5
AT = {
    x: 2.5, u: -4.0, gamma: 0.25, t: 0.0, s: 1.0, y: 2, i: 1, n: 3, p: [0.0, 1.0], q: [0.25, 0.75], z: [3.0, -7.0],
    scores: [[1.0, 2.0], [3.0, 4.0], [5.0, -6.0]], labels: [2, 1, 2],
}  # fmt: skip
WHERE = {K: 2, N: 3}
ZERO = x - Rational(5, 2)  # a difference of equals: 0, known to 5 roundings


@pytest.mark.parametrize(
    ("expr", "value", "size"),
    [
        # a symbol is exact; a number is off by one rounding of itself, a sum or a product by that of its value besides
        (x, 2.5, 0), (sp.Integer(-3), -3, 3), (sp.pi, math.pi, math.pi), (K, 2, 2), (x + u, -1.5, 6.5), (x * u, -10, 10),
        (x * u * gamma, -2.5, 5), (-x, -2.5, 5), ((x + u) * gamma, -0.375, 2), ((x + u) * (x + gamma), -4.125, 26.125),
        (p[y], 1, 0), (z[i], 3, 0), (scores[n, y], -6, 0), (z[labels[n]], -7, 0), (KroneckerDelta(y, labels[n]), 1, 0),
        (KroneckerDelta(y, i), 0, 0), (ZERO, 0, 7.5),
        # functions: the slope times what the argument is off by, and the rounding of the value
        (Abs(u), 4, 0), (Abs(x + u), 1.5, 6.5), (exp(x), math.exp(2.5), math.exp(2.5)),
        (exp(x + u), math.exp(-1.5), 7.5 * math.exp(-1.5)),
        (log(x), LOG, LOG), (log(gamma), -math.log(4), math.log(4)), (log(x + x * u + 10), LOG, LOG + 42.5 / 2.5),
        (sinh(u), math.sinh(-4), math.sinh(4)),
        (sinh(x + u), math.sinh(-1.5), 6.5 * math.cosh(1.5) + math.sinh(1.5)),
        (sp.cosh(x + u), math.cosh(1.5), 7.5 * math.cosh(1.5)),
        (sp.tanh(x + u), math.tanh(-1.5), 6.5 + math.tanh(1.5)), (LambertW(x), W, W), (LambertW(x + x * u + 10), W, 18 * W),
        # powers: a number as exponent is off too
        (x**2, 6.25, 6.25 * (1 + 2 * LOG)), (1 / x, 0.4, 0.4 * (1 + LOG)), (x**gamma, 2.5**0.25, 2.5**0.25),
        (gamma**x, 0.25**2.5, 0.25**2.5), (gamma ** (x + u), 8, 8 * (1 + 6.5 * math.log(4))),
        ((x + u + 4) ** gamma, 2.5**0.25, 2.5**0.25 * (1 + 14.5 / 10)),
        ((x + u) ** 2, 2.25, 2.25 * (1 + 2 * 6.5 / 1.5 + 2 * math.log(1.5))),
        # next to 0, a power less than 1 may be anything
        (ZERO**2, 0, 0), (sqrt(ZERO), 0, INF), (ZERO**gamma, 0, INF), (1 / ZERO, INF, INF), (ZERO**s, 0, 0), (ZERO**t, 1, 0),
        (sqrt(t), 0, 0), (t**s, 0, 0), (sqrt(ZERO) + x, 2.5, INF), (total(sqrt(ZERO) * z[k], k), 0, INF),
        # sums over indices
        (total(z[k], k), -4, 10), (total(x, k), 5, 5), (total(x, n, N), 7.5, 7.5), (total(p[k] * z[k], k), -7, 14),
        (total(total(scores[n, k], k), n, N), 9, (3 + 7 + 11) + (3 + 7 + 1)), (Sum(scores[n, k], (k, 1, K), (n, 1, N)), 9, 32),
        (Sum(scores[n, k], (n, 1, N), (k, 1, K)), 9, (9 + 12) + (9 + 0)), (total(z[labels[n]], n, N), -11, 17),
        (total(KroneckerDelta(k, y) * z[k], k), -7, 14), (total(x, k) * total(z[k], k), -20, 5 * 4 + 2.5 * 0 + 5 * 10 + 20),
        (maximum_norm(z), 7, 0), (maximum_norm(Vector("v", lambda c: x)), 2.5, 0),
        (maximum_norm(Vector("v", lambda c: z[c] + x)), 5.5, 9.5),
        (total(maximum_norm(Vector("v", lambda c: scores[n, c])), n, N), 2 + 4 + 6, 12),
        # zero times a logarithm of zero, and of a number below
        (t * log(t), 0, 0), (total(p[k] * log(p[k]), k), 0, 0), (t * log(u), 0, 0), (x * t * log(t), 0, 0),
        (t * (x + log(t)), 0, 0), (t / ZERO, math.nan, INF),
        # derivatives: the size of SymPy's, and the rounding
        (gradient(x**2, x), 5, 2 * 2.5 + 5 + 5), (gradient(x * u, u), 2.5, 2.5), (gradient(Abs(u), u), -1, 1),
        (gradient(z[i] * z[y] * x, z[y]), 7.5, 3 * 7.5),
        (gradient(total(z[k] ** 2, k), z[i]), 6, None), (sp.Derivative(x**3 * u**2, x, u, evaluate=False), -150, None),
        (sp.Derivative(x**4, (x, 3), evaluate=False), 60, None), (total(gradient(z[i] ** 2, z[k]), k), 6, None),
        (gradient(total(scores[j, i] * scores[j, y], j, N), scores[n, y]), 5, None), (gradient(u, x), 0, 0),
        (gradient(z[y], x) + x, 2.5, 2.5),
        (total(gradient(z[i] * z[y], z[k]) * z[k], k), -42, None), (sp.Derivative(u * x, (x, 2), evaluate=False), 0, 0),
    ],
    ids=str,
)  # fmt: skip
def test_an_expression_has_its_value_and_the_size_that_its_roundings_add_up_to(expr, value, size):
    # two points, so that the axis of the batch is seen: the other has the same values
    kinds = {symbol: torch.int64 if symbol in (y, i, n, labels) else torch.float64 for symbol in AT}
    values = {symbol: torch.tensor([entry, entry], dtype=kinds[symbol]) for symbol, entry in AT.items()}
    found = check.Evaluation(values, WHERE)(expr)
    assert [one.shape for one in found] == [(2,), (2,)] and found[0].dtype == found[1].dtype == torch.float64
    assert found[0].tolist() == pytest.approx([value] * 2, rel=1e-12, nan_ok=True)
    assert size is None or found[1].tolist() == pytest.approx([size] * 2, rel=1e-12)


def test_each_point_of_a_batch_has_a_value_of_its_own():
    values = {
        x: doubles(1, 2),
        z: doubles([1, 2], [3, 4]),
        y: torch.tensor([1, 2]),
        scores: doubles([[1, 2]], [[3, 4]]),
    }
    evaluation = check.Evaluation(values, {K: 2, N: 1})
    assert evaluation.batch == 2 and evaluation.device == torch.device("cpu")
    for expr, expected in {
        x: [1, 2], z[y]: [1, 4], total(z[k] * x, k): [3, 14], total(total(scores[n, k] * z[k], k), n, N): [5, 25], K: [2, 2],
        gradient(total(z[k] ** 2, k) * x, z[y]): [2, 16], gradient(x**3, x): [3, 12], maximum_norm(z): [2, 4],
        total(gradient(total(z[j] ** 2, j), z[k]) * z[k], k): [10, 50],
    }.items():  # fmt: skip
        assert evaluation(expr)[0].tolist() == expected
    assert evaluation(maximum_norm(Vector("v", lambda c: z[c] + x)))[1].tolist() == [2 + 1, 4 + 2]
    assert evaluation(total(z[k], k))[1].tolist() == [1 + 2, 3 + 4]


@pytest.mark.parametrize(
    ("vector", "rows"),
    [
        (p, [[0, 1], [0.5, 0.5]]), (uniform(), [[0.5, 0.5]] * 2), (Vector("v", lambda c: x), [[2.5] * 2, [1] * 2]),
        (smooth_labels(p, epsilon), [[0.125, 0.875], [0.5, 0.5]]),
        (Vector("v", lambda c: total(p[k] * z[k] * z[c], k)), [[2, 4], [4.5, 0]]),
        (one_hot(y), [[0, 1], [1, 0]]),
        (Vector("v", lambda c: p[c] * log(p[c]) / log(2)), [[0, 0], [-0.5, -0.5]]),
    ],
    ids=str,
)  # fmt: skip
def test_the_rows_of_a_vector(vector, rows):
    values = {x: doubles(2.5, 1), epsilon: doubles(0.25, 0.5), y: torch.tensor([2, 1])}
    values |= {p: doubles([0, 1], [0.5, 0.5]), z: doubles([1, 2], [3, 0])}
    found = check.Evaluation(values, {K: 2}).rows(vector)
    torch.testing.assert_close(found, doubles(*rows), rtol=1e-15, atol=0)


@pytest.mark.parametrize(
    "expr", [total(gradient(z[k] * x, x), k), total(sp.Derivative(z[i] ** 2, z[k], z[i], evaluate=False), k)], ids=str
)
def test_a_derivative_of_what_holds_the_index_of_a_sum_is_refused(expr):
    values = {x: doubles(1), z: doubles([1, 2]), i: torch.tensor([1])}
    with pytest.raises(ValueError, match="what is differentiated must not contain the index of a sum around it"):
        check.Evaluation(values, {K: 2})(expr)


def test_sizes_that_are_infinite_stay_so_and_zero_of_nothing_is_nothing():
    nan = math.nan
    pairs = [(1, 2, 3), (INF, nan, INF), (nan, INF, INF), (INF, 1, INF), (0, 0, 0)]
    one, other, expected = (doubles(*column) for column in zip(*pairs))
    assert check._more(one, other).tolist() == expected.tolist()
    assert check._quotient(doubles(0, 3, 1, 0.5), doubles(0, 2, 0, 2)).tolist() == [0, 1.5, INF, 0.25]
    assert check._times(doubles(INF, 3, INF, 0.5), doubles(0, 2, 1, 3)).tolist() == [0, 6, INF, 1.5]


@pytest.mark.parametrize("number", ["1e-300", "1e-12", "0.001", "0.5", "1", "2.5", "100", "1e10", "1e300"])
def test_the_branch_of_positive_numbers_of_w_has_all_its_digits_and_its_slope(number):
    u = doubles(float(number)).requires_grad_()
    found = check._lambert(u)
    with mpmath.workdps(40):
        expected = mpmath.lambertw(mpmath.mpf(float(number)))
        slope = expected / (float(number) * (1 + expected))
    assert found.item() == pytest.approx(float(expected), rel=4e-15)
    assert torch.autograd.grad(found.sum(), u)[0].item() == pytest.approx(float(slope), rel=1e-12)


def test_each_sum_and_each_maximum_has_an_axis():
    nested = total(total(scores[n, k], k), n, N)
    for expr, depth in [
        (x, 0), (total(z[k], k), 1), (nested, 2), (Sum(k * n, (k, 1, K), (n, 1, N)), 2), (nested + total(z[k], k), 2),
        (maximum_norm(z), 1), (maximum_norm(softmax(z)), 2), (total(z[k], k) * total(z[k], k), 1),
        (nested * maximum_norm(z), 2),
    ]:  # fmt: skip
        assert check._depth(written(expr)) == depth


@pytest.mark.parametrize(
    ("expr", "values", "expected"),
    [
        (entropy(p), {p: [0.5, 0.5]}, math.log(2)), (p[y], {p: [0.25, 0.75], y: 2}, 0.75), (exp(x), {x: 1}, math.e),
        (total(z[labels[n]], n, N), {z: [1, 10], labels: [2, 2, 1]}, 21), (x * K, {x: 3, p: [0.5, 0.5]}, 6),
        (sp.Integer(3), {}, 3),
        (scores[n, y], {scores: torch.tensor([[1.5, 2.5]]), n: 1, y: 2}, 2.5), (exp(1), {}, math.e),
    ],
)  # fmt: skip
def test_an_expression_is_evaluated_at_one_point(expr, values, expected):
    found = evaluate(expr, values)
    assert found.shape == () and found.dtype == torch.float64 and found.item() == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("expr", "values", "said"),
    [
        (kl_divergence(p, q), {p: [0.5, 0.5]}, "kl_divergence(p, q) needs a value for q, got p"),
        (x, {}, "x needs a value for x, got none"), (x + u, {u: 1, p: [1]}, "u + x needs a value for x, got u, p"),
        (x * K, {x: 1}, "K*x needs a value for K, got x"),
        (entropy(p), {p: 0.5}, "p has the shape (K,), got a value of shape ()"),
        (x, {x: [1, 2]}, "x has the shape (), got a value of shape (2,)"),
        (scores[1, 1], {scores: [1, 2]}, "z has the shape (N, K), got a value of shape (2,)"),
        (p[1], {p: [0.5, 0.5], scores: [[1, 2, 3]]}, "z has K = 3, another value has K = 2"),
    ],
)  # fmt: skip
def test_what_is_missing_at_one_point_is_named(expr, values, said):
    with pytest.raises(ValueError) as raised:
        evaluate(expr, values)
    assert str(raised.value) == said


def drawn(*given, sizes=None, cases=4000):
    return sample(Hypotheses(given), sizes or {K: 3, N: 2, M: 2}, cases, torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("given", "low", "high", "ends"),
    [
        ([x > 0, x < 1], 0, 1, ""), ([x >= 0, x < 1], 0, 1, "low"), ([x > 0, x <= 1], 0, 1, "high"),
        ([x >= 0, x <= 1], 0, 1, "low high"),
        ([x >= 3], 3, INF, "low"), ([x > 3], 3, INF, ""), ([x <= -3], -INF, -3, "high"), ([x < -3], -INF, -3, ""),
        ([x > -5, x < 5], -5, 5, ""),
        ([x >= 2, x <= 6], 2, 6, "low high"),
    ],
)  # fmt: skip
def test_numbers_are_drawn_over_their_interval_close_to_its_ends_and_at_those_that_are_closed(given, low, high, ends):
    values = drawn(*given)[x]
    assert values.dtype == torch.float64 and values.shape == (4000,)
    for name, end, away in (("low", low, values - low), ("high", high, high - values)):
        if not math.isinf(end):
            assert (away >= 0).all() and (0.1 < (away == 0).double().mean() < 0.25) == (name in ends), name
            assert name in ends or (away > 0).all()
            near = away[(away > 0) & (away < 1e-3 * min(high - low, 1))]
            assert len(near) > 200 and near.min() < 1e-9 * min(high - low, 1) and (near > 1e-6).any()
    middle = values[(values != low) & (values != high)]
    if math.isinf(high - low):
        away = (middle - (high if math.isinf(low) else low)).abs()
        assert away.max() == 50 and (away == 1).any() == (not ends)
        assert 0.5 < away[away > 0.01].median() < 2 and (away > 5).double().mean() > 0.05
    else:
        quarters = torch.histc((middle - low) / (high - low), 4, 0, 1)
        assert (quarters > 300).all()  # a third of them lies anywhere, at least
    if (low, high, ends) == (0, 1, ""):
        assert (values == 0.5).sum() < 10


def test_what_rounding_puts_on_an_open_end_is_moved_inside():
    for given, middle in [
        ([x > 10**6, x < 10**6 + 1], 10**6 + 0.5),
        ([x > 10**6], 10**6 + 1),
        ([x < -(10**6)], -(10**6) - 1),
    ]:
        values = drawn(*given)[x]
        assert (values.abs() > 10**6).all() and (values.abs() != 10**6 + 1).any() and (values == middle).any()
    assert (drawn(x > 10**6, x < 10**6 + 1)[x] < 10**6 + 1).all()


def test_real_numbers_are_drawn_at_zero_small_and_large():
    values = drawn(Real(x))[x].abs()
    shares = [(values == 0), (0 < values) & (values < 0.01), (0.01 < values) & (values < 5), (values > 20)]
    ranges = [(0.1, 0.2), (0.15, 0.2), (0.4, 0.6), (0.05, 0.15)]
    assert all(low < share.double().mean() < high for share, (low, high) in zip(shares, ranges))
    assert 60 < values.max() < 200


def test_vectors_are_drawn_on_several_scales():
    values = drawn(Real(z), Real(scores))
    assert values[z].shape == (4000, 3) and values[scores].shape == (4000, 2, 3) and values[z].dtype == torch.float64
    for base in (z, scores):
        spread = values[base].reshape(4000, -1).abs().amax(-1)
        assert (
            0.2 < (spread < 0.4).double().mean() < 0.4
            and (spread > 20).double().mean() > 0.15
            and 80 < spread.max() < 200
        )


def test_labels_are_drawn_from_their_range_and_one_hot_at_theirs():
    values = drawn(Label(i), Label(n, N), Label(labels), OneHot(r, y))
    assert {symbol: sorted(set(value.flatten().tolist())) for symbol, value in values.items()} == {
        i: [1, 2, 3], n: [1, 2], labels: [1, 2, 3], y: [1, 2, 3], r: [0, 1]
    }  # fmt: skip
    assert values[labels].shape == (4000, 2) and values[r].shape == (4000, 3) and values[r].dtype == torch.float64
    assert (values[r].argmax(-1) + 1 == values[y]).all() and not values[i].dtype.is_floating_point


def test_distributions_are_drawn_flat_peaked_and_without_mass_on_some_classes():
    values = drawn(P, Q, Distribution(conditional))
    assert values[conditional].shape == (4000, 2, 3) and values[p].dtype == torch.float64
    for base in (p, q, conditional):
        torch.testing.assert_close(values[base].sum(-1), torch.ones(values[base].shape[:-1], dtype=torch.float64))
    flat = (values[q] - 1 / 3).abs().amax(-1)
    assert (
        0.15 < (flat < 1e-12).double().mean() < 0.25 and 0.15 < ((flat > 1e-12) & (flat < 1e-2)).double().mean() < 0.25
    )
    assert (values[q] > 0).all() and 0.1 < (values[q].amax(-1) > 0.99).double().mean() < 0.3 and values[q].min() < 1e-8
    missing = [(values[p] == 0).sum(-1) == count for count in range(4)]
    # of the fifth that is flat, no class lacks mass; of the others, a half has all, and a quarter has one class alone
    assert [share.double().mean().item() for share in missing] == pytest.approx([0.65, 0.1, 0.25, 0], abs=0.03)
    assert ((values[conditional] == 0).sum(-1) == 2).double().mean() > 0.2


def test_a_single_number_is_always_drawn_and_without_symbols_there_are_cases_still():
    assert drawn(x >= Rational(1, 4), x <= Rational(1, 4), cases=7)[x].tolist() == [0.25] * 7
    assert [(len(value), value.dtype) for value in drawn(cases=7).values()] == [(7, torch.float64)]


def residuals(*statements, signed=False, **values):
    values = {{"x": x, "u": u}[name]: doubles(*value) for name, value in values.items()}
    found = check.residuals(Claim("some", *statements, given=[Real(x), Real(u)]), values, {K: 2}, signed=signed)
    return [part.tolist() for part in found]


def test_a_residual_is_what_a_statement_fails_by_over_the_size_of_its_terms():
    # x + u has the size |x| + |u|, and the sides have their values besides
    expected = [[0, 1 / 3, 1 / 3], [1, 2, 1], [1, 1, 2]]
    assert residuals((x, "==", u), x=[1, 2, 1], u=[1, 1, 2]) == [*expected, [0] * 3, [False] * 3]
    assert residuals((x, "<=", u), x=[1, 2, 1], u=[1, 1, 2])[0] == [0, 1 / 3, 0]
    assert residuals((x, ">=", u), x=[1, 2, 1], u=[1, 1, 2])[0] == [0, 0, 1 / 3]
    assert residuals((x, "<=", u), x=[1, 2, 1], u=[1, 1, 2], signed=True)[0] == [0, 1 / 3, -1 / 3]
    assert residuals((x + u, "<=", 1), x=[2, -1], u=[2, 0])[0] == [3 / (4 + 1 + 4 + 1), 0]
    worst = residuals((x, "<=", u), (2 * x, "<=", u), (x, "<=", 4), x=[2, 2, 9, 2], u=[1, 3, 9, 4])
    # 2x: the number is off by 2, times x, and the product by 2x
    assert worst == [
        [1 / 3, 1 / (8 + 4 + 3), 5 / (4 + 9 + 4), 0],
        [2, 4, 9, 2],
        [1, 3, 4, 4],
        [0, 1, 2, 0],
        [False] * 4,
    ]
    limited = residuals((limit(exp(x), x, -oo), "==", 0), (x, "<=", u), x=[2], u=[1])
    assert limited == [[1 / 3], [2], [1], [1], [False]]


def test_a_residual_is_blind_where_rounding_may_have_done_anything_and_nan_is_worst():
    found = residuals((sqrt(x - 1), ">=", 1), (x, "<=", u), x=[1, 5], u=[2, 2])
    assert found[4] == [True, False] and found[0] == [0, 3 / 7] and found[3] == [0, 1]
    found = residuals((x, "<=", u), (log(x), "<=", u), (x, "<=", u - 5), x=[-1, 2], u=[0, 3])
    assert (
        math.isnan(found[0][0])
        and found[3][0] == 1
        and found[0][1] == pytest.approx(4 / 17)
        and found[4] == [False] * 2
    )


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        (Claim("wrong", (x, "<=", 1), given=[x >= 2, x <= 2]),
         "wrong fails on cpu: with K = 2, {'x': 2.0}, the left side is 2, which is not <= 1; the residual is 2.5e-01 "
         "of the size of the terms"),
        (Claim("second", (x, "<=", 2), (x, "==", 3), given=[x >= 2, x <= 2]),
         "second fails on cpu: with K = 2, {'x': 2.0}, the left side is 2, which is not == 3; the residual is 1.2e-01 "
         "of the size of the terms"),
        (Claim("nan", (log(x), "<=", 1), given=[x >= -2, x <= -2]),
         "nan fails on cpu: with K = 2, {'x': -2.0}, the left side is nan, which is not <= 1; the residual is nan "
         "of the size of the terms"),
        (Claim("lost", (sqrt(x - 2), ">=", 0), given=[x >= 2, x <= 2]),
         "lost: with K = 2, rounding leaves nothing of any case in float64"),
        (Claim("limit", (limit(x / u, x, oo), "==", 5), given=[x > 1, u >= 2, u <= 2]),
         "limit fails on cpu: at u = 2 and x = 1e+300, the limit is still 8.33e+298 away"),
    ],
)  # fmt: skip
def test_what_fails_is_told_with_its_case(claim, said):
    with pytest.raises(CheckError) as raised:
        claim.check(device="cpu")
    assert str(raised.value) == said


def test_long_vectors_are_left_out_of_a_case():
    with pytest.raises(CheckError) as raised:
        Claim("many", (entropy(p), "<=", log(9)), given=[P, Label(labels)]).check(device="cpu")
    assert "with K = 10, {'p': '...', 'y': '...'}" in str(raised.value)
    assert check._short([1.0] * 8) == [1.0] * 8 and check._short([1.0] * 9) == "..." and check._short(0.5) == 0.5


def test_a_report_tells_cases_classes_residual_and_limits():
    few = Claim("few", (x, "<=", 2), given=[x >= 2, x <= 2]).check(cases=5, device="cpu")
    where = "in torch float64 on cpu, at 5 random points"
    said = f"{where}: the worst residual is 0.0e+00 of the size of the terms (one rounding is 1.1e-16)"
    assert repr(few) == f"few checked {said}" and few._repr_markdown_() == f"✓ **Checked** {said}."
    limited = Claim("limits", (limit(1 / x, x, oo), "==", 0), (limit(exp(-x), x, oo), "==", 0), given=[x > 0])
    found = limited.check(cases=5, device="cpu")
    assert found.residual is None and found.cases == 5 and len(found.limits) == 2
    left, orders = max(left for left, _ in found.limits), min(orders for _, orders in found.limits)
    said = f"{where}: after {orders} orders of magnitude or more, the limit is within {left:.1g}"
    assert repr(found) == f"limits checked {said}"
    both = check.Check(SPLIT, 8, 0.125, "abacus", ((0.01, 300), (0.5, 12), (0.0, 40)))
    assert repr(both) == (
        "kl-split checked in torch float64 on abacus, at 8 random points with 2 ≤ K ≤ 1000: the worst residual is 1.2e-01 "
        "of the size of the terms (one rounding is 1.1e-16); after 12 orders of magnitude or more, the limit is within 0.5"
    )


def test_cases_are_shared_among_the_numbers_of_classes(monkeypatch):
    seen = []
    monkeypatch.setattr(check, "sample", lambda *args: seen.append(args) or sample(*args))
    for cases, counts in (
        (5, [1, 1, 1, 1, 1]),
        (100, [30, 30, 25, 11, 4]),
        (123, [40, 36, 30, 13, 4]),
        (7, [2, 2, 1, 1, 1]),
    ):
        seen.clear()
        assert Claim("few", (entropy(p), "<=", log(K)), given=[P]).check(cases=cases, device="cpu").cases == cases
        assert [count for *_, count, _ in seen] == counts and [sizes for _, sizes, *_ in seen] == [*check.SIZES]


def test_every_fourth_case_is_put_where_equality_is_claimed():
    for equality, given, moved, source in [
        ({q: p}, [Distribution(p, positive=True), Q], p, q), ({p: q}, [P, Q], p, q), ({q: p}, [P, Q], p, q),
        ({p: r}, [P, Distribution(r)], p, r),
        ({x: u**2}, [Real(x), Real(u)], x, None), ({q: uniform()}, [Q], q, None),
    ]:  # fmt: skip
        ((one, other),) = equality.items()
        side = x**2 if one is x else total(one[k] ** 2, k)
        claim = Claim("placed", (side, ">=", 0), (side, "==", side), given=given, equality=equality)
        before = sample(claim.hypotheses, WHERE, 9, torch.Generator().manual_seed(0))
        values = dict(before)
        tight = check._put_equality(claim, values, WHERE)
        assert tight.statements == ((side, "==", 0),)
        place = (
            before[source] if source else before[u] ** 2 if moved is x else torch.full((9, 2), 0.5, dtype=torch.float64)
        )
        expected = torch.where((torch.arange(9) % 4 == 0).reshape(9, *(1,) * (place.ndim - 1)), place, before[moved])
        torch.testing.assert_close(values[moved], expected)
        assert all(torch.equal(values[symbol], before[symbol]) for symbol in before if symbol is not moved)
    free = Claim("free", (x, "<=", x), given=[Real(x)])
    assert check._put_equality(free, {}, WHERE) is None


def test_where_the_model_may_not_vanish_the_data_follow_it():
    claim = Claim("gibbs", (kl_divergence(p, q), ">=", 0), given=[P, Q], equality={p: q})
    reverse = claim.near_miss(equality={q: p})
    for one in (claim, reverse):
        assert one.check(cases=40).cases == 40


def test_devices_are_chosen_by_argument_then_variable_then_the_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("LOSSMATH_DEVICE", raising=False)
    assert choose_device() == torch.device("cpu")
    monkeypatch.setenv("LOSSMATH_DEVICE", "abacus")
    assert choose_device("cpu") == torch.device("cpu")
    with pytest.raises(ValueError) as raised:
        choose_device()
    assert str(raised.value) == "no float64 on a device 'abacus'; there is cpu, cuda:0, cuda:1"
    assert check._name(torch.device("cpu")) == "cpu"


@pytest.mark.parametrize("cases", [4, 5.0])
def test_too_few_cases_are_told(cases):
    with pytest.raises(ValueError) as raised:
        SPLIT.check(cases=cases)
    assert str(raised.value) == f"cases is a whole number, at least 5 (one for each number of classes), got {cases!r}"
