"""Mutants: that each kind of change is made, and that what becomes of them is told truly."""

import pickle

import pytest
import sympy as sp

from lossmath.claims import *
from lossmath.claims import evidence, mutation
from lossmath.claims.errors import NotRefuted
from lossmath.claims.mutation import Mutant, Survived, decide, edit, examine, mutate, weaken

P, Q = Distribution(p), Distribution(q, positive=True)


def changes(expr):
    return set(edit(expr))


def statements(claim):
    return [mutant.claim.statements[0] for mutant in mutate(claim, 0)]


def told(proof, part=None):
    return {mutant.change: mutant for mutant in examine(proof, part)}


def settle(proof, *statement, part=0, given=None, change="changed"):
    """What becomes of the proved claim with another statement in place of one of its own: (its fate, the reason)."""
    found = decide(Mutant(proof.claim.near_miss(*statement, given=given), change), proof, part)
    return found and (found.fate, found.reason)


@pytest.fixture(scope="module")
def lemma():
    claim = Claim("log-tangent", (t * log(t / u), ">=", t - u), given=[t >= 0, u > 0], equality={t: u})
    return claim.prove(by=tangent(t, at=u))


@pytest.fixture(scope="module")
def gibbs(lemma):
    return Claim("gibbs", (kl_divergence(p, q), ">=", 0), given=[P, Q]).prove(by=lemma.at({t: p[k], u: q[k]}, over=k))


# Changes


def test_signs_terms_and_factors():
    assert changes(x - 3 * t) == {
        ("a sign flipped", -x - 3 * t),
        ("a sign flipped", x + 3 * t),
        ("a factor doubled", 2 * x - 3 * t),
        ("a factor doubled", x - 6 * t),
        ("a term dropped", x),
        ("a term dropped", -3 * t),
        ("a factor dropped", x - 3),
    }
    assert {("a sign flipped", -x), ("a factor doubled", 2 * x)} == changes(x)
    assert changes(sp.Integer(0)) == set()
    assert ("a factor dropped", x) in changes(x * log(t))
    assert ("a factor dropped", 1 / t) in changes(x / t)
    assert ("a factor dropped", 3 * x) not in changes(3 * x) and ("a factor dropped", x) not in changes(3 * x)
    assert ("a factor dropped", total(p[k], k)) in changes(total(p[k] * log(p[k]), k))
    assert ("a sign flipped", log(1 + x)) in changes(log(1 - x))
    assert ("a sign flipped", log(-x)) not in changes(log(x))  # of all of an expression, or of one term


def test_arguments_parameters_and_exponents():
    assert ("arguments exchanged", kl_divergence(q, p)) in changes(kl_divergence(p, q))
    assert ("arguments exchanged", cross_entropy(q, one_hot(y))) in changes(cross_entropy(one_hot(y), q))
    assert "arguments exchanged" not in {change for change, _ in edit(lead(z, y))}
    assert ("ε/K for ε", x * epsilon / K) in changes(x * epsilon)
    assert ("a factor dropped", epsilon) in changes(epsilon / K)
    assert ("γ shifted", (gamma + 1) * x) in changes(gamma * x)
    assert ("an exponent shifted", x ** (gamma + 1)) in changes(x**gamma)
    assert "an exponent shifted" not in {change for change, _ in edit(x**2)}
    assert all(new != entropy(p) for _, new in edit(entropy(p)))


def test_indices_and_what_a_sum_runs_over_are_left_alone():
    assert all(new.args[1:] == (gamma, 0, sp.Symbol("+")) for _, new in list(edit(limit(x + gamma, gamma, 0, "+")))[2:])
    for expr in (total(p[k] * KroneckerDelta(k, y), k), q[i]):
        for _, new in edit(expr):
            assert new.atoms(sp.Indexed, KroneckerDelta) <= expr.atoms(sp.Indexed, KroneckerDelta)
            assert [part.limits for part in new.atoms(Sum)] in ([], [((k, 1, K),)])


def test_a_vector_is_changed_in_one_of_its_places():
    tilde = smooth_labels(p, epsilon)
    once = [new for _, new in edit(cross_entropy(tilde, q))]
    assert len(once) > 5
    twice = [new for _, new in edit(cross_entropy(tilde, q) * entropy(tilde))]
    assert all(new.has(tilde) for new in twice)
    inside = [new for new in once if new.atoms(Vector) not in ({tilde}, set())]
    assert len([new for new in twice if len(new.atoms(Vector)) == 2]) == len(inside) > 5
    left = [new for _, new in edit(cross_entropy(tilde, q), leave={tilde})]
    assert 0 < len(left) < len(once) and all(new.has(tilde) for new in left)


def test_what_does_not_hold_the_variable_has_the_slope_zero():
    found = {(change, new.doit()) for change, new in edit(Derivative(t * x + 1, x))}
    assert {("a factor dropped", 0), ("a factor dropped", 1), ("a term dropped", 0), ("a term dropped", t)} <= found
    squares = total(z[k] ** 2, k)
    assert ("a factor dropped", 0) in {(change, new.doit()) for change, new in edit(Derivative(t * squares, z[i]))}
    proof = Claim("a", (Derivative(t * x + 1, x), "==", t), given=[Real(x), Real(t)]).prove()
    assert settle(proof, (Derivative(t, x, evaluate=False), "==", t))[0] == "refuted"
    assert settle(proof, (Derivative(t, x, evaluate=False), "==", 0)) == ("still true", "proved by normal form")


def test_hypotheses_are_dropped():
    found = dict(weaken([P, Q, OneHot(r, y), Label(i), epsilon >= 0, epsilon <= 1, gamma >= 1]))
    assert found.keys() == {
        "p need not be a distribution",
        "q need not be a distribution",
        "q may have zeros",
        "r need not be one-hot",
        "without epsilon >= 0",
        "without epsilon <= 1",
        "without gamma >= 1",
    }
    assert found["q may have zeros"] == [
        P,
        OneHot(r, y),
        Label(i),
        epsilon >= 0,
        epsilon <= 1,
        gamma >= 1,
        Distribution(q),
    ]
    assert found["without gamma >= 1"][-1] == Real(gamma)
    assert found["r need not be one-hot"][-2:] == [Distribution(r), Label(y)]
    assert Real(epsilon) not in found["without epsilon >= 0"]


def test_the_first_mutants_of_a_statement_are_spread_over_its_places():
    left, right = sum((n * x**n for n in range(2, 12)), x), sum((n * t**n for n in range(2, 12)), t)
    claim = Claim("a", (left, "==", right), given=[Real(x), Real(t)])
    made = statements(claim)
    first = made[: mutation.MOST]
    assert len(made) > 50 and len(set(made)) == len(made)
    assert sum(one[0] != left for one in first) == sum(one[2] != right for one in first) == mutation.MOST / 2
    same = Claim("b", (left, "==", left + 0 * t), given=[Real(x), Real(t)]).prove()
    assert [one.claim.statements[0] for one in examine(same, 0)] == [
        one.claim.statements[0] for one in list(mutate(same.claim, 0))[: mutation.MOST]
    ]


def test_a_vector_on_both_sides_is_changed_on_one():
    tilde = smooth_labels(p, epsilon)
    claim = Claim("a", (cross_entropy(tilde, q), ">=", entropy(tilde)), given=[P, Q, epsilon >= 0, epsilon <= 1])
    sides = statements(claim)
    assert all(tilde in left.atoms(Vector) for left, _, _ in sides if left.atoms(Vector))
    assert any(tilde not in right.atoms(Vector) for _, _, right in sides)


def test_what_says_nothing_is_no_mutant():
    claim = Claim("a", (epsilon / K, ">=", 0), given=[epsilon >= 0])
    assert ("without epsilon >= 0", [Real(epsilon)]) in list(weaken(claim.hypotheses.given))
    made = statements(claim)
    assert made[0] == (epsilon / K, "<=", 0) and claim.statements[0] not in made
    assert not any(side.has(sp.zoo, sp.nan) for left, _, right in made for side in (left, right))
    power = Claim("c", ((1 - x) ** gamma, "<=", 1), given=[x >= 0, x < 1, gamma >= 0])
    assert not any(left.atoms(sp.Pow) and left.has(0**gamma) for left, _, _ in statements(power))
    fraction = Claim("b", (x / (1 - x + t), "==", x / (1 - x + t)), given=[x > 0, x < 1, t > 0])
    assert all(mutant.claim.hypotheses.declared == {x, t} for mutant in mutate(fraction, 0))


def test_a_mutant_says_what_was_changed():
    given = [P, Label(i), epsilon >= 0, epsilon <= 1]
    mutant = Mutant(Claim("a", (smooth_labels(p, epsilon)[i], ">=", 0), given=given), "a sign flipped", "refuted", "so")
    assert str(mutant).startswith("a, a sign flipped: widetilde_p[i] >= 0, given Distribution(p)")
    assert str(mutant).endswith(", widetilde_p[k] = (1 - epsilon)*p[k] + epsilon/K")
    assert mutant.record() == {"change": "a sign flipped", "fate": "refuted", "mutant": str(mutant), "reason": "so"}


# What becomes of them


def test_what_is_false_is_refuted_and_what_is_only_weaker_is_passed_over(lemma):
    found = examine(lemma, 0)
    assert {(mutant.change, mutant.fate) for mutant in found} >= {
        ("the inequality turned round", "refuted"), ("a sign flipped", "refuted"), ("a term dropped", "refuted")
    }  # fmt: skip
    assert (t * log(t / u), ">=", -t - u) in statements(lemma.claim)
    assert (t * log(t / u), ">=", -t - u) not in [mutant.claim.statements[0] for mutant in found]
    assert settle(lemma, (t * log(t / u), ">=", -t - u)) is None
    twice = 2 * t * log(t / u), ">=", 2 * t - 2 * u
    assert settle(lemma, twice, change="a factor doubled") is None and settle(lemma, twice) is not None
    assert settle(lemma, (t * log(t / u), ">=", t - u / 2))[0] == "refuted"


def test_what_follows_from_the_original_under_a_weaker_hypothesis_is_not_passed_over():
    proof = Claim("a", (x + t, ">=", t), given=[x >= 0, t >= 0]).prove()
    assert told(proof)["without t >= 0"].fate == "still true" and told(proof)["without x >= 0"].fate == "refuted"
    assert settle(proof, (x + t, "==", t + x)) == ("still true", "proved by normal form")


def test_a_hypothesis_that_is_not_needed_is_proved_away():
    statement = (entropy(p) - entropy(p) * epsilon, "==", (1 - epsilon) * entropy(p))
    found = told(Claim("a", statement, given=[P, epsilon <= 1]).prove())
    assert (found["without epsilon <= 1"].fate, found["without epsilon <= 1"].reason) == (
        "still true", "proved by normal form"
    )  # fmt: skip
    assert found["p need not be a distribution"].fate == "refuted"
    assert "no value" in found["p need not be a distribution"].reason


def test_what_the_original_was_proved_by_is_tried_again(lemma, gibbs):
    assert settle(lemma, given=[t >= 0, u > 0, Real(x)], part=None) == ("still true", "proved by tangent")
    found = settle(gibbs, given=[P, Q, gamma >= 0], part=None)
    assert found == ("still true", "proved by lemma")


def test_every_statement_is_proved_and_told_by_what():
    proof = Claim("a", (x**2, ">=", 0), (x + x, "==", 2 * x), given=[x >= 0]).prove()
    assert settle(proof, part=None, given=[Real(x)]) == ("still true", "proved by normal form, sign")
    below = Claim("c", (x**2, ">=", 0), (log(1 + x), "<=", x), given=[x >= 0]).prove(by=(None, tangent(x, at=0)))
    assert settle(below, (log(1 + 3 * x), "<=", 3 * x), part=1) == ("still true", "proved by tangent")
    assert settle(below, (log(1 + 3 * x), "<=", 3 * x), part=0)[0] == "undecided"
    proof = Claim("b", (x**2, ">=", 0), (x, ">=", -1), given=[x >= 0]).prove()
    assert settle(proof, part=None, given=[Real(x)])[0] == "refuted"


def test_what_a_claim_says_must_have_a_value():
    proof = Claim("b", (0, "<=", cross_entropy(p, q)), given=[P, Q]).prove()
    word, reason = settle(proof, part=None, given=[P, Distribution(q)])
    assert word == "refuted" and "no value" in reason
    both = cross_entropy(p, q) - (cross_entropy(p, q) - x)  # they cancel, and say nothing all the same
    found = told(Claim("c", (both, "==", x), given=[P, Q, Real(x)]).prove())["q may have zeros"]
    assert found.fate == "refuted" and "no value" in found.reason


def test_a_function_has_a_value_where_its_slope_or_its_limit_is_taken():
    slope = Claim("a", (gradient(x**2, x), "==", 2 * x), given=[x > 0]).prove()
    word, reason = settle(slope, (gradient(log(-x - 1) + x, x), "==", 1 + 1 / (1 + x)))
    assert word == "refuted" and "no value" in reason
    positive = Claim("c", (x, ">=", 0), given=[x >= 0]).prove()
    edge = gradient(x ** Rational(3, 2), x) + log(exp(x) - x)  # to the left of 0 the power has no value
    assert settle(positive, (edge, ">=", -1))[0] == "undecided"
    base = Claim("b", (limit(x**gamma, x, 1, "-"), "==", 1), given=[x > 0, x < 1, gamma >= 0]).prove()
    word, reason = settle(base, (limit((1 - 2 * x) ** gamma, x, 0, "+"), "==", 1))  # of a negative number, for x > 1/2
    assert word == "refuted" and "no value" in reason
    assert settle(base, (limit(x**gamma, x, 0, "+"), "==", 1))[0] == "refuted"
    assert settle(base, (limit(x ** (gamma + 1), x, 1, "-"), "==", 1)) == ("still true", "proved by limit")


def test_what_is_true_beside_the_zeros_is_true_at_them_if_it_says_anything_there():
    claim = Claim("a", (entropy(q), ">=", -log(q[i]) * q[i]), given=[P, Q, Label(i)])
    found = told(claim.prove())["q may have zeros"]
    assert (found.fate, found.reason) == ("still true", "proved by normal form, sign")
    found = told(Claim("b", (cross_entropy(p, q), ">=", 0), given=[P, Q]).prove())
    assert found["q may have zeros"].fate == "refuted"  # where p_k > 0 and q_k = 0
    assert found["q need not be a distribution"].fate == "refuted"


def test_what_is_true_and_beyond_the_rules_is_undecided():
    proof = Claim("log-below", (log(1 + x), "<=", x), given=[x > 0]).prove(by=tangent(x, at=0))
    word, reason = settle(proof, (log(1 + x) ** 2, "<=", x))
    assert word == "undecided" and "proves nothing" in reason


def test_what_was_not_shown_to_say_anything_is_not_true(monkeypatch):
    monkeypatch.setattr(mutation, "_why_false", lambda claim: None)
    proof = Claim("b", (cross_entropy(p, q), ">=", 0), given=[P, Q]).prove()
    assert told(proof)["q may have zeros"].fate == "undecided"


def find_nothing(monkeypatch):
    """Whatever is tried finds nothing."""

    def search(claim, quick):
        raise NotRefuted("nothing found")

    monkeypatch.setattr(mutation, "refute", search)
    for name in ("_why_false", "_why_true"):
        monkeypatch.setattr(mutation, name, lambda *args: None)
    monkeypatch.setattr(mutation, "_is_weaker", lambda *args: False)


def test_a_mutant_of_an_identity_must_not_survive(monkeypatch):
    proof = Claim("kl-split", (kl_divergence(p, q), "==", cross_entropy(p, q) - entropy(p)), given=[P, Q]).prove()
    found = mutants(proof)
    fates = [mutant.fate for mutant in found.found["kl-split"]]
    made = len(fates)
    assert made == fates.count("refuted") > 5
    assert found._repr_markdown_().splitlines() == repr(found).splitlines() == [
        "| claim | mutants | refuted | still true | undecided |",
        "| :--- | ---: | ---: | ---: | ---: |",
        f"| `kl-split` | {made} | {made} | 0 | 0 |",
    ]  # fmt: skip
    find_nothing(monkeypatch)
    with pytest.raises(Survived, match=r"kl-split, a sign flipped.*nothing found"):
        mutants(proof)


def test_what_is_undecided_of_an_inequality_or_a_limit_is_counted(monkeypatch, lemma):
    close = Claim("close", (limit(x**2 + x, x, 0, "+"), "==", 0), given=[x > 0]).prove()
    find_nothing(monkeypatch)
    found = mutants(lemma, close)
    for id in ("log-tangent", "close"):
        fates = [mutant.fate for mutant in found.found[id]]
        assert fates.count("undecided") == len(fates) > 2
        assert f"| `{id}` | {len(fates)} | 0 | 0 | {len(fates)} |" in repr(found)


def test_a_proof_that_was_packed_has_the_same_mutants(lemma):
    packed = evidence.unpack(evidence.pack(lemma))
    assert [one.record() for one in examine(packed, None)] == [one.record() for one in examine(lemma, None)]
    assert pickle.loads(pickle.dumps(lemma)).ways == lemma.ways
