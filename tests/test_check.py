import mpmath
import pytest
import statements
import sympy as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lossmath import check, refute
from lossmath.check import CheckError, choose_device, evaluate, sample
from lossmath.claims import Claim, Distribution, Label, OneHot, Real
from lossmath.hypotheses import Hypotheses
from lossmath.symbolic import *

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
    slope = 1 if function is sp.tanh else float(abs(mpmath.diff(reference, 3.5)))  # that of tanh is taken for 1, its largest
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
    given = [P, Q, OneHot(r, y), Label(i), Label(labels), Real(z), Real(scores), Real(t), x > 0, x < 1, gamma >= 1, u <= -2]
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
