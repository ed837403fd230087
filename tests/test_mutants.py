"""Mutants: that each kind of change is made, and that what becomes of them is told truly."""

import base64
import pickle

import pytest
import sympy as sp
from sympy import Derivative

from lossmath.claims import Claim, Distribution, Label, OneHot, Real, fates, tangent
from lossmath.claims import mutation as module
from lossmath.claims.counterexample import NotRefuted
from lossmath.claims.fates import FATES, fate
from lossmath.claims.mutation import Mutant, Survived, edits, examine, mutants, parts, settle, weakened
from lossmath.claims.quantities import (
    K,
    Rational,
    cross_entropy,
    entropy,
    epsilon,
    gamma,
    i,
    k,
    kl_divergence,
    limit,
    log,
    one_hot,
    p,
    q,
    smooth_labels,
    t,
    total,
    u,
    x,
    y,
    z,
)


@pytest.fixture(autouse=True)
def all_of_them(monkeypatch):
    """Every mutant, and time for each."""
    monkeypatch.setattr(module, "MOST", 1000)


GIVEN = [Distribution(p), Distribution(q, positive=True)]


def changes(expr):
    return set(edits(expr))


def test_signs_terms_and_factors():
    found = changes(x - 3 * t)
    for change in [
        ("a sign flipped", -x - 3 * t),
        ("a sign flipped", x + 3 * t),
        ("a factor doubled", 2 * x - 3 * t),
        ("a factor doubled", x - 6 * t),
        ("a term dropped", x),
        ("a term dropped", -3 * t),
    ]:
        assert change in found, change
    assert ("a factor dropped", x) in changes(x * log(t))
    assert ("a factor dropped", 1 / t) in changes(x / t)
    assert ("a factor dropped", total(p[k], k)) in changes(total(p[k] * log(p[k]), k))
    assert ("a sign flipped", log(1 + x)) in changes(log(1 - x))


def test_arguments_parameters_and_exponents():
    assert ("arguments exchanged", kl_divergence(q, p)) in changes(kl_divergence(p, q))
    assert ("ε/K for ε", x * epsilon / K) in changes(x * epsilon)
    assert ("a factor dropped", epsilon) in changes(epsilon / K)
    assert ("γ shifted", (gamma + 1) * x) in changes(gamma * x)
    assert ("an exponent shifted", x ** (gamma + 1)) in changes(x**gamma)
    assert all(new != entropy(p) for _, new in edits(entropy(p)))


def test_a_vector_is_changed_in_one_of_its_places():
    tilde = smooth_labels(p, epsilon)
    once = [new for _, new in edits(cross_entropy(tilde, q))]
    assert len(once) > 5
    twice = [new for _, new in edits(cross_entropy(tilde, q) * entropy(tilde))]
    assert len([new for new in twice if new.has(tilde)]) == len(twice)
    assert len(list(edits(cross_entropy(tilde, q), done={tilde}))) < len(once)


def test_what_does_not_hold_the_variable_has_no_slope():
    found = changes(Derivative(t * x + 1, x))
    assert {("a factor dropped", sp.Integer(0)), ("a factor dropped", Derivative(x + 1, x))} <= found
    assert {("a term dropped", Derivative(t * x, x)), ("a term dropped", sp.Integer(0))} <= found
    squares = total(z[k] ** 2, k)
    found = changes(Derivative(t * squares, z[i]))
    assert {("a factor dropped", sp.Integer(0)), ("a factor dropped", Derivative(squares, z[i]))} <= found


def test_hypotheses_are_dropped():
    found = dict(weakened([*GIVEN, OneHot(p, y), Label(i), epsilon >= 0, epsilon <= 1, gamma >= 1]))
    assert found.keys() == {
        "p need not be a distribution",
        "q need not be a distribution",
        "q may have zeros",
        "p need not be one-hot",
        "without epsilon >= 0",
        "without epsilon <= 1",
        "without gamma >= 1",
    }
    assert found["without gamma >= 1"][-1] == Real(gamma)
    assert found["p need not be one-hot"][-2:] == [Distribution(p), Label(y)]
    assert Real(epsilon) not in found["without epsilon >= 0"]


@pytest.fixture(scope="module")
def lemma():
    claim = Claim("log-tangent", (t * log(t / u), ">=", t - u), given=[t >= 0, u > 0], equality={t: u})
    return claim.prove(by=tangent(t, at=u))


def settled(proof, known=()):
    return [mutant for part in parts(proof.claim) for mutant in settle(proof, part, known)]


def test_what_is_false_is_refuted_and_what_is_weaker_is_proved(lemma):
    told = {(mutant.change, mutant.fate) for mutant in settled(lemma)}
    assert ("the inequality turned round", "refuted") in told
    assert ("a sign flipped", "refuted") in told
    assert ("a sign flipped", "still true") in told  # t log(t/u) >= -t - u
    assert ("without u > 0", "refuted") in told  # where it has no value
    assert {found for _, found in told} == {"refuted", "still true"}


def test_they_are_counted_by_what_became_of_them(lemma):
    found = mutants(lemma)
    counts = [found.count("log-tangent", word) for word in FATES]
    assert sum(counts) == found.count("log-tangent") and min(counts[:2]) > 0 and counts[2] == 0
    assert found._repr_markdown_().endswith(f"| `log-tangent` | {sum(counts)} | {counts[0]} | {counts[1]} | 0 |")


def test_in_another_process_they_are_told_in_words(lemma):
    def packed(proof):
        return base64.b64encode(pickle.dumps(proof)).decode()

    square = Claim("square", (x**2 - 1, "==", (x - 1) * (x + 1)), given=[Real(x)]).prove()
    said = [(one.change, one.fate, str(one), one.reason) for one in settle(square, 0, [lemma])]
    found = examine(packed(square), 0, [packed(lemma)])
    assert len(said) > 5 and [tuple(one.values()) for one in found] == said
    assert {tuple(one) for one in found} == {("change", "fate", "mutant", "reason")}


def test_a_hypothesis_that_is_not_needed_is_proved_away():
    claim = Claim(
        "a",
        (entropy(p) - entropy(p) * epsilon, "==", (1 - epsilon) * entropy(p)),
        given=[Distribution(p), epsilon <= 1],
    )
    told = {mutant.change: mutant for mutant in settled(claim.prove())}
    assert told["without epsilon <= 1"].fate == "still true"
    assert told["without epsilon <= 1"].reason.startswith("proved by normal form")
    assert told["p need not be a distribution"].fate == "refuted"
    assert "no value" in told["p need not be a distribution"].reason


def test_a_quantity_without_a_value_is_told():
    given = [x > 0, x < 1, gamma >= 0]
    base = Claim("a", (limit(x**gamma, x, 1, "-"), "==", 1), given=given).prove()

    def told(statement):
        return fate(base.claim.near_miss(statement), base, 0)

    word, reason = told((limit((1 - 2 * x) ** gamma, x, 0, "+"), "==", 1))  # of a negative number, for x > 1/2
    assert word == "refuted" and "no value" in reason
    word, reason = told((limit(log(x) / (log(x) + 1), x, 0, "+"), "==", 1))  # at x = 1/e, where no point is drawn
    assert word == "refuted" and "no value, since log(x) + 1 is zero" in reason


def test_what_is_true_beside_the_zeros_is_true_at_them_if_it_says_anything_there():
    given = [Distribution(p), Distribution(q, positive=True)]
    claim = Claim("a", (entropy(q), ">=", -log(q[i]) * q[i]), given=[*given, Label(i)])
    told = {mutant.change: mutant for mutant in settled(claim.prove())}
    assert (told["q may have zeros"].fate, told["q may have zeros"].reason) == ("still true", "proved by continuity")
    claim = Claim("b", (cross_entropy(p, q), ">=", 0), given=given)
    told = {mutant.change: mutant for mutant in settled(claim.prove())}
    assert told["q may have zeros"].fate == "refuted"  # where p_k > 0 and q_k = 0


def test_other_claims_and_tangents_prove_what_is_weaker(lemma):
    positive = Claim("gibbs", (kl_divergence(p, q), ">=", 0), given=GIVEN).prove(
        by=lemma.at({t: p[k], u: q[k]}, over=k)
    )
    claim = Claim("a", (x * log(x), ">=", x - 1), given=[x > 0])
    proof = claim.prove(by=tangent(x, at=1))
    weaker = claim.near_miss((x * log(x) + (1 - x) * log(1 - x), ">=", -1), given=[x > 0, x < 1])
    assert fate(weaker, proof, 0)[0] == "still true"  # -x log x <= 1 - x, and the other way round
    other = Claim("b", (entropy(p), ">=", 0), given=GIVEN)
    more = other.near_miss((kl_divergence(p, q) + log(K), ">=", 0))
    assert fate(more, other.prove(), 0, [positive]) == ("still true", "proved by lemma, sign")


def test_an_inequality_is_tried_at_its_case_of_equality():
    target = smooth_labels(one_hot(y), epsilon)
    given = [Distribution(q, positive=True), Label(y), epsilon > 0, epsilon < Rational(1, 2)]
    claim = Claim("a", (cross_entropy(target, q), ">=", entropy(target)), given=given, equality={q: target})
    for _, points, _ in fates._points(claim, claim.equality):
        gaps = [fates.refute.evaluate(cross_entropy(target, q) - entropy(target), point) for point in points[:6]]
        assert max(gaps[0], gaps[3]) < 1e-5 < min(gaps[1], gaps[2])


def blind(monkeypatch):
    """Whatever is tried finds nothing."""

    def find_nothing(claim, quick):
        raise NotRefuted("nothing found")

    for name in ("_fails", "_undefined", "_proved"):
        monkeypatch.setattr(fates, name, lambda *args: None)
    monkeypatch.setattr(fates.refute, "refute", find_nothing)


def test_a_mutant_of_an_identity_must_not_survive(monkeypatch):
    proof = Claim("kl-split", (kl_divergence(p, q), "==", cross_entropy(p, q) - entropy(p)), given=GIVEN).prove()
    found = mutants(proof)
    assert found.count("kl-split") == found.count("kl-split", "refuted") > 5
    head, _, row = found._repr_markdown_().splitlines()
    assert head == "| claim | mutants | refuted | still true | neither |"
    assert row == f"| `kl-split` | {found.count('kl-split')} | {found.count('kl-split')} | 0 | 0 |"
    assert repr(found) == f"kl-split: {found.count('kl-split')} refuted, 0 still true, 0 survived"
    blind(monkeypatch)
    with pytest.raises(Survived, match="kl-split, a sign flipped.*nothing found"):
        mutants(proof)


def test_survivors_of_an_inequality_are_counted(monkeypatch, lemma):
    blind(monkeypatch)
    found = mutants(lemma)
    assert found.count("log-tangent", "survived") == found.count("log-tangent") > 5


def test_a_proof_has_so_many_steps_and_no_more(monkeypatch, lemma):
    monkeypatch.setattr(fates, "STEPS", 0)
    counted = fates.normal.factored
    assert "survived" in {mutant.fate for mutant in settled(lemma)}
    assert fates.normal.factored is counted


def test_a_mutant_says_what_was_changed():
    claim = Claim(
        "a", (smooth_labels(p, epsilon)[i], ">=", 0), given=[Distribution(p), Label(i), epsilon >= 0, epsilon <= 1]
    )
    said = str(Mutant(claim, "a sign flipped"))
    assert said.startswith("a, a sign flipped: widetilde_p[i] >= 0, given Distribution(p)")
    assert "widetilde_p[k] = (1 - epsilon)*p[k] + epsilon/K" in said
