"""`check`: torch screens, mpmath judges."""

import math
import random
import subprocess
import sys

import pytest
import statements
import torch

from lossmath.claims import Claim, Distribution, Label, OneHot, Real, check
from lossmath.claims.check import Check, choose_device
from lossmath.claims.errors import CheckError
from lossmath.claims.quantities import *
from lossmath.claims.sampling import draw_points

P, Q = Distribution(p), Distribution(q, positive=True)
SPLIT = Claim("kl-split", (kl_divergence(p, q), "==", -entropy(p) + cross_entropy(p, q)), given=[P, Q])


def test_it_reports_what_it_did():
    result = SPLIT.check(cases=321)
    assert result.cases == 321 and (result.device == "cpu" or torch.cuda.is_available())
    # gaps are relative to the two sides, no longer to the size of the terms, of which they were 1e-15 at most
    assert 0 < result.residual < 1e-14 and 21 <= result.judged < 60
    said = f"at 321 random points with 2 ≤ K ≤ 1000: the largest relative gap is {result.residual:.1e}; "
    said += f"{result.judged} of the points were judged with 60 digits"
    assert said in repr(result) and said in result._repr_markdown_()


def test_the_same_seed_is_the_same_check():
    first, again, other = (SPLIT.check(cases=100, seed=seed).residual for seed in (5, 5, 6))
    assert first == again != other


@pytest.mark.parametrize("error", [1e-3, 1e-6, 1e-9, 1e-12, 1e-20])
@pytest.mark.parametrize("relation", ["==", ">="])
def test_a_small_error_is_found(error, relation):
    off = kl_divergence(p, q) - Rational(str(error))
    with pytest.raises(CheckError, match="kl-off fails at K = 2"):
        Claim("kl-off", (off, relation, cross_entropy(p, q) - entropy(p)), given=[P, Q]).check()


def test_an_error_in_the_last_digits_of_a_factor_is_found():
    with pytest.raises(CheckError):
        Claim("factor", ((1 + Rational(1, 10**12)) * entropy(p), "==", entropy(p)), given=[P]).check()


def test_an_error_that_only_some_points_show_is_found_by_torch_and_confirmed():
    bump = Rational(1, 10**6) * exp(-((x - 17) ** 2))
    with pytest.raises(CheckError, match=r"bump fails at x = 1[4-9]"):
        Claim("bump", (x + bump, "==", x), given=[x >= 0]).check()
    with pytest.raises(CheckError, match=r"many fails at K = 1000, p = \(.*, \.\.\., .*\): the left side is 6"):
        Claim("many", (entropy(p), "<=", 6), given=[P]).check()


# all of them pass with fewer cases in test_rules.py
@pytest.mark.parametrize("name", [name for number, name in enumerate(statements.TRUE) if number % 40 == 0])
def test_a_true_statement_passes(name):
    result = statements.TRUE[name]().claim.check(cases=200)  # raises where it is false
    assert result.cases == 200 if result.residual is not None else result.limits


@pytest.mark.parametrize("name", [name for number, name in enumerate(statements.FALSE) if number % 10 == 0])
def test_a_false_statement_does_not_pass(name):
    with pytest.raises(CheckError, match=name):
        statements.FALSE[name]().check(cases=400)


@pytest.mark.parametrize(
    "place", [p, uniform(), smooth_labels(p, epsilon), softmax(z)], ids=["p", "U", "smoothed", "softmax"]
)
def test_where_equality_is_claimed_it_is_checked(place):
    given = [P, Q, epsilon > 0, epsilon <= 1, Real(z)]
    claim = Claim("gap", (kl_divergence(place, q), ">=", 0), given=given, equality={q: place})
    assert claim.check(cases=40).cases == 40
    with pytest.raises(CheckError, match=r"gap fails at .* which is not == 0"):
        claim.near_miss((kl_divergence(place, q) + Rational(1, 10**6), ">=", 0), equality={q: place}).check(cases=40)


def test_where_equality_of_numbers_is_claimed_it_is_checked():
    claim = Claim("tangent", (exp(x), ">=", 1 + x), given=[Real(x)], equality={x: 0})
    assert claim.check().cases == 1000
    with pytest.raises(CheckError, match="not =="):
        claim.near_miss(equality={x: Rational(1, 100)}).check()


def test_equality_that_the_hypotheses_exclude_is_not_looked_at():
    claim = Claim("gap", (x**2, ">=", 0), given=[x >= 1], equality={x: 0})
    assert claim.check(cases=40).cases == 40


def test_where_the_model_may_not_vanish_the_data_follow_it():
    claim = Claim("gibbs", (kl_divergence(p, q), ">=", 0), given=[P, Q], equality={p: q})
    for one in (claim, claim.near_miss(equality={q: p})):
        assert one.check(cases=40).cases == 40


def test_cases_that_float64_loses_are_judged():
    # in float64 1 - sigmoid(x) is 0 for x > 37; such cases were once left out, now each of them is judged
    claim = Claim("odds", (log(1 - sigmoid(x)), "==", -softplus(x)), given=[Real(x)])
    result = claim.check(cases=300)
    assert result.cases == 300 and result.judged > 30
    lost = claim.near_miss(given=[x >= 100]).check(cases=60)
    assert lost.judged == 60 and lost.residual == 0
    with pytest.raises(CheckError, match="odds fails at x"):
        claim.near_miss((log(1 - sigmoid(x)), "==", -softplus(x) + exp(-60)), given=[x >= 100]).check(cases=60)


def test_no_value_is_not_a_pass():
    with pytest.raises(CheckError, match=r"log fails at .*: log\(x\) at -"):
        Claim("log", (log(x), "<=", x), given=[x < -1]).check()
    # 3 times 0.1 is more than 0.3 in float64, which sees a logarithm of 5.6e-17 there
    with pytest.raises(CheckError, match=r"lost fails at .* x = 1/10: log\(3\*x - 3/10\) at 0.0"):
        Claim(
            "lost", (log(3 * x - Rational(3, 10)), "<=", 5), given=[x >= Rational(1, 10), x <= Rational(1, 10)]
        ).check()
    # a value that only float64 lost is no failure, and a derivative at a closed end is torch's to say
    assert Claim("large", (exp(x) / (1 + exp(x)), "==", sigmoid(x)), given=[x >= 1000]).check(cases=20).judged == 20
    assert Claim("slope", (gradient(x ** Rational(3, 2), x), ">=", 0), given=[x >= 0]).check(cases=100).cases == 100
    with pytest.raises(CheckError, match=r"slope fails at K = 2, N = 1, M = 1, x = 0: sqrt\(x\) at -"):
        Claim("slope", (gradient(sqrt(x), x), ">=", 0), given=[x >= 0]).check(cases=100)


@pytest.mark.parametrize("cases", [0, 4, -3, 10.0, "many"])
def test_too_few_cases_are_refused(cases):
    with pytest.raises(ValueError) as raised:
        SPLIT.check(cases=cases)
    assert str(raised.value) == f"cases is a whole number, at least 5 (one for each number of classes), got {cases!r}"


def test_a_device_that_does_not_exist_is_named(monkeypatch):
    for name in ("tpu9", "cuda:99"):
        with pytest.raises(ValueError, match=f"{name}.*there is cpu"):
            SPLIT.check(device=name)
    monkeypatch.setenv("LOSSMATH_DEVICE", "abacus")
    with pytest.raises(ValueError, match="abacus"):
        SPLIT.check()
    monkeypatch.setenv("LOSSMATH_DEVICE", "cpu")
    assert choose_device() == torch.device("cpu") and choose_device("cpu") == torch.device("cpu")


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


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        (Claim("wrong", (x, "<=", 1), given=[x >= 2, x <= 2]),
         "wrong fails at x = 2: the left side is 2, which is not <= 1"),
        (Claim("second", (x, "<=", 2), (x, "==", 3), given=[x >= 2, x <= 2]),
         "second fails at x = 2: the left side is 2, which is not == 3"),
        (Claim("nan", (log(x), "<=", 1), given=[x >= -2, x <= -2]),
         "nan fails at K = 2, N = 1, M = 1, x = -2: log(x) at -2.0"),
        (Claim("limit", (limit(x / u, x, oo), "==", 5), given=[x > 1, u >= 2, u <= 2]),
         "limit fails at x = 1e+300, u = 2: the left side is 5.0e+299, which is not == 5"),
    ],
)  # fmt: skip
def test_what_fails_is_told_with_its_case(claim, said):
    # the case is written as a counterexample is: what the statement speaks of, in exact numbers
    with pytest.raises(CheckError) as raised:
        claim.check(device="cpu")
    assert str(raised.value) == said


def test_the_numbers_of_ten_classes_are_told():
    with pytest.raises(CheckError) as raised:
        Claim("many", (entropy(p), "<=", log(9)), given=[P, Label(labels)]).check(device="cpu")
    case = str(raised.value)
    assert case.startswith("many fails at K = 10, p = (") and case.count(",") > 9 and "..." not in case


def test_a_report_tells_cases_classes_gap_and_limits():
    few = Claim("few", (x, "<=", 2), given=[x >= 2, x <= 2]).check(cases=5, device="cpu")
    said = "in torch float64 on cpu, at 5 random points: the largest relative gap is 0.0e+00"
    said += "; 3 of the points were judged with 60 digits"
    assert repr(few) == f"few checked {said}" and few._repr_markdown_() == f"✓ **Checked** {said}."
    limited = Claim("limits", (limit(1 / x, x, oo), "==", 0), (limit(exp(-x), x, oo), "==", 0), given=[x > 0])
    found = limited.check(cases=5, device="cpu")
    assert found.residual is None and found.cases == 5 and found.limits == ((1e-300, 300), (0.0, 300))
    said = "with 60 digits and more, after 300 orders of magnitude or more, the limit is within 1e-300"
    assert repr(found) == f"limits checked {said}"
    both = Check(SPLIT, 8, 0.125, "abacus", 7, ((0.01, 3000), (0.5, 300), (0.0, 300)))
    said = "with 2 ≤ K ≤ 1000: the largest relative gap is 1.2e-01; 7 of the points were judged with 60 digits; "
    said += "with 60 digits and more, after 300 orders of magnitude or more, the limit is within 0.5"
    assert repr(both) == f"kl-split checked in torch float64 on abacus, at 8 random points {said}"


def test_a_claim_of_a_limit_and_an_identity_is_checked_in_both():
    claim = Claim("both", (limit(1 / t, t, oo), "==", 0), (t * 2, "==", t + t), given=[t > 0])
    found = claim.check(cases=50)
    assert found.cases == 50 and len(found.limits) == 1 and found.residual == 0
    with pytest.raises(CheckError, match=r"both fails at t = .* not == 1"):
        claim.near_miss((limit(1 / t, t, oo), "==", 1), (t, "==", t)).check()
    with pytest.raises(CheckError, match=r"both fails at t = .* not == "):
        claim.near_miss((limit(1 / t, t, oo), "==", 0), (t, "==", 2 * t)).check()


def test_cases_are_shared_among_the_numbers_of_classes(monkeypatch):
    seen = []
    monkeypatch.setattr(check, "draw_points", lambda *args, **more: seen.append(args) or draw_points(*args, **more))
    for cases, counts in (
        (5, [1, 1, 1, 1, 1]),
        (100, [30, 30, 25, 11, 4]),
        (123, [40, 36, 30, 13, 4]),
        (7, [2, 2, 1, 1, 1]),
    ):
        seen.clear()
        assert Claim("few", (entropy(p), "<=", log(K)), given=[P]).check(cases=cases, device="cpu").cases == cases
        assert [count for *_, count in seen] == counts and [sizes for _, sizes, *_ in seen] == [*check.SIZES]


def test_every_fourth_case_is_put_where_equality_is_claimed_too(monkeypatch):
    seen, excesses = [], check.excesses
    monkeypatch.setattr(check, "excesses", lambda claim, *rest: seen.append((claim, *rest)) or excesses(claim, *rest))
    Claim("gibbs", (kl_divergence(p, q), ">=", 0), given=[P, Q], equality={q: p}).check(cases=100, device="cpu")
    tight = [(claim, points) for claim, points, _ in seen if claim.statements[0][1] == "=="]
    assert [len(points) for _, points in tight] == [8, 8, 7, 3]
    assert all(point.values[p] == point.values[q] for _, points in tight for point in points)


def test_a_one_hot_model_and_labels_are_drawn_and_checked():
    claim = Claim("label", (cross_entropy(r, q), "==", -log(q[y])), given=[OneHot(r, y), Q])
    assert claim.check(cases=100).cases == 100
    with pytest.raises(CheckError):
        claim.near_miss((cross_entropy(r, q), "==", -log(q[i])), given=[OneHot(r, y), Q, Label(i)]).check(cases=100)


def test_without_torch_it_says_what_is_missing():
    program = "import sys; sys.modules['torch'] = None\nfrom lossmath.claims import *\n"
    program += "Claim('one', (x, '==', x + 0), given=[Real(x)]).check()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "ModuleNotFoundError: `check` evaluates a claim in torch, which cannot be imported here" in done.stderr


def test_a_gap_of_float64_is_not_infinite():
    assert not math.isinf(Claim("large", (exp(x), ">=", x), given=[Real(x)]).check(cases=50).residual)
    assert random.Random(0).random() == 0.8444218515250481  # the generator that all points are drawn from
