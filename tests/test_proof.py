"""The prover accepts what is true and nothing else. The statements were written by somebody who had not seen it."""

import pytest
import statements
import sympy as sp

from lossmath import refute
from lossmath.claims import (
    Claim,
    Derivation,
    Distribution,
    Label,
    OneHot,
    ProofError,
    Real,
    tangent,
)
from lossmath.symbolic import *

P, Q = Distribution(p), Distribution(q, positive=True)


@pytest.fixture
def rules_alone(monkeypatch):
    """The prover without its guard: the rules themselves must not be fooled."""
    monkeypatch.setattr(refute, "doubt", lambda claim: None)


@pytest.mark.parametrize("name", statements.FALSE)
def test_false_statements_are_not_proved(name, rules_alone):
    with pytest.raises((ProofError, ValueError)):
        statements.FALSE[name]().prove()


@pytest.mark.parametrize("name", statements.FALSE_EQUALITY)
def test_false_cases_of_equality_are_not_proved(name, rules_alone):
    with pytest.raises(ProofError):
        statements.FALSE_EQUALITY[name]().prove()


@pytest.mark.parametrize("name", statements.UNDER)
def test_statements_with_a_hypothesis_dropped_are_not_proved(name, rules_alone):
    _, claim = statements.UNDER[name]
    with pytest.raises((ProofError, ValueError)):
        claim().prove()


@pytest.mark.parametrize("name", statements.FOOLED_BY)
def test_a_plausible_reason_does_not_prove_a_false_statement(name, rules_alone):
    with pytest.raises((ProofError, ValueError)):
        statements.FOOLED_BY[name]()


@pytest.mark.parametrize("name", statements.TRUE)
def test_true_statements_are_proved(name):
    proof = statements.TRUE[name]()
    assert proof.rules
    assert proof.claim.check(cases=100).residual < 1e-14


BELOW_TANGENT = (1 - x) ** gamma, ">=", 1 - gamma * x
POWERS = [x >= 0, x <= 1, gamma >= 1]


def bernoulli():
    return Claim("bernoulli", BELOW_TANGENT, given=POWERS).prove(by=tangent(x, at=0))


def log_tangent():
    claim = Claim("log-tangent", (t * log(t / u), ">=", t - u), given=[t >= 0, u > 0], equality={t: u})
    return claim.prove(by=tangent(t, at=u))


def gibbs():
    claim = Claim("gibbs", (kl_divergence(p, q), ">=", 0), given=[P, Q], equality={q: p})
    return claim.prove(by=log_tangent().at({t: p[k], u: q[k]}, over=k))


def mass():
    return Claim("mass", (total(p[k], k), "==", 1), given=[P]).prove()


def same():
    return Derivation(x, given=[x > 0]).eq(x, "the same")


@pytest.mark.parametrize(
    ("statement", "given", "by", "said"),
    [
        ((log(x), "<=", x), [x >= -1], None, r"log\(x\) is defined"),
        ((x**2, "==", x), [x > 0], None, r"left over is x\*\*2 - x"),
        ((x**2, ">=", x), [x > 0], None, r"sign of the difference .* x\*\*2 - x"),
        ((maximum_norm(p) * maximum_norm(z), ">=", maximum_norm(p) - 1), [P, Real(z)], None, "one of them at a time"),
        ((maximum_norm(p), ">=", Rational(1, 2)), [P], None, r"open whether maximum_norm\(p\) - 1/2 >= 0"),
        ((x, "==", x), [x > 0], lambda: tangent(x, at=1), "not identities"),
        ((p[y], ">=", 0), [P, Label(y)], lambda: tangent(p[y], at=1), r"a real variable .* got p\[y\] at 1"),
        ((x**2, ">=", 0), [x > 0], lambda: tangent(x, at=x), "without it, got x at x"),
        ((Abs(x), ">=", x), [Real(x)], lambda: tangent(x, at=0), r"Abs\(x\) may have a kink"),
        ((exp(x), ">=", 1 + x), [x > 1], lambda: tangent(x, at=0), r"x = 0 lies in Interval.open\(1, oo\)"),
        ((exp(x), ">=", 1 + x), [x < -1], lambda: tangent(x, at=0), r"x = 0 lies in Interval.open\(-oo, -1\)"),
        ((exp(x), ">=", x), [Real(x)], lambda: tangent(x, at=0), "at x = 0, f = 1 does not"),
        ((exp(x), ">=", 1 + 2 * x), [Real(x)], lambda: tangent(x, at=0), "at x = 0, f' = -1 does not"),
        ((x**3, ">=", 0), [Real(x)], lambda: tangent(x, at=0), r"f'' = 6\*x was not shown to be >= 0"),
        ((total(p[k], k) * x, "==", x + u), [P, x > 0, u > 0], lambda: mass().at(times=x), "add up .* left over is -u"),
        ((BELOW_TANGENT[0], ">=", u - gamma * x), [*POWERS, u >= 0], lambda: bernoulli().at(), "unknown sign, 1 - u"),
        ((BELOW_TANGENT[0], "==", BELOW_TANGENT[2]), POWERS, lambda: bernoulli().at(), "from the inequality bernoulli"),
        (BELOW_TANGENT, [*POWERS, u > 0], lambda: bernoulli().at({u: 1}), "bernoulli says nothing of u"),
        (BELOW_TANGENT, [*POWERS, Real(u)], lambda: bernoulli().at(times=u), "multiplier u is not negative"),
        ((u, ">=", 0), [u >= 0], lambda: log_tangent().at({t: u, u: u}), r"u lies in .*oo\), as log-tangent assumes"),
        ((u, ">=", 0), [u >= 0, u <= 1], lambda: bernoulli().at({x: u, gamma: u}), r"u lies in Interval\(1, oo\), as bern"),
        ((u, ">=", 0), [u >= 0, u < 2], lambda: bernoulli().at({x: u, gamma: 1}), r"u lies in Interval\(0, 1\), as bern"),
        ((total(z[k], k), "==", 1), [Real(z)], lambda: mass().at({p: z}), "entries of z are >= 0, as mass assumes"),
        ((kl_divergence(p, p), ">=", 0), [P], lambda: gibbs().at({q: p}), "entries of p are > 0, as gibbs assumes"),
        ((x, "==", x), [P, x > 0], lambda: mass().at({p: Vector("v", lambda c: 2 * p[c])}), "entries of v sum to 1, as mass"),
        ((p[y], "==", 1), [P, Label(y)],
         lambda: Claim("sure", (p[y], "==", 1), given=[OneHot(p, y)]).prove().at(), "p is one-hot at y, as sure assumes"),
        ((x, ">=", 0), [x > 0, Label(n, N), P],
         lambda: Claim("entry", (p[y], ">=", 0), given=[P, Label(y)]).prove().at({y: n}), r"indexed over \(N,\)"),
        ((x, ">=", x), [Real(x)], same, "assumes x > 0, which the claim does not"),
        ((x + 1, ">=", x), [x > 0], same, r"starts at x, the claim at x \+ 1"),
        ((x, ">=", x - 1), [x > 0], same, "ends at x, the claim at x - 1"),
        ((x, "<=", x), [x > 0], lambda: Derivation(x, given=[x > 0]).ge(x, "the same"), "proves >=, the claim states <="),
        ((limit(x, x, 1), "==", 2), [x > 0, x < 1], None, "the limit of x is 1, not 2"),
    ],
)  # fmt: skip
def test_what_was_not_shown_is_named(statement, given, by, said, rules_alone):
    with pytest.raises((ProofError, ValueError), match=said):
        Claim("claim", statement, given=given).prove(by=by and by())


@pytest.mark.parametrize(
    ("statement", "equality", "said"),
    [
        ((x**2, ">=", 0), {x: 1}, "at {x: 1} the two sides were not shown to be equal"),
        ((x**2 + u**2, ">=", 0), {x: 0, u: 0}, "at one place.* got {x: 0, u: 0}"),
        ((x**2 * (x - 1) ** 2, ">=", 0), {x: 0}, "equality holds only at {x: 0}"),
    ],
)
def test_a_case_of_equality_that_was_not_shown_is_named(statement, equality, said, rules_alone):
    with pytest.raises(ProofError, match=f"claim: .*{said}"):
        Claim("claim", statement, given=[Real(x), Real(u)], equality=equality).prove()


@pytest.mark.parametrize(
    ("prove", "rules", "lemmas", "steps"),
    [
        (lambda: mass(), ["normal form"], [], ["both sides have the normal form $1$", r"$\sum_{k} p_{k} = 1$, by hypothesis"]),
        (bernoulli, ["tangent"], [], [
            r"the difference, $f(x) = \gamma x + \left(1 - x\right)^{\gamma} - 1$, is zero at $x = 0$",
            r"its slope, $f'(x) = \frac{\gamma \left(x + \left(1 - x\right)^{\gamma} - 1\right)}{x - 1}$, is zero at $x = 0$",
            r"it is convex, $f''(x) = \frac{\gamma \left(1 - x\right)^{\gamma} \left(\gamma - 1\right)}{\left(x - 1\right)^{2}} \geq 0$, "
            "so it lies above its tangent",
        ]),
        (gibbs, ["lemma"], ["log-tangent"], [
            r"`log-tangent` says: $p_{k} \log{\left(\frac{p_{k}}{q_{k}} \right)} \geq p_{k} - q_{k}$, summed over $k$",
            r"$\sum_{k} p_{k} = 1$, by hypothesis",
            r"$\sum_{k} q_{k} = 1$, by hypothesis",
            "equality at $q = p$ and nowhere else",
        ]),
        (lambda: Claim("twice", (2 * BELOW_TANGENT[0], ">=", 2 * BELOW_TANGENT[2] - 1), given=POWERS)
         .prove(by=bernoulli().at(times=2)), ["lemma", "sign"], ["bernoulli"],
         [rf"`bernoulli` says: ${latex(BELOW_TANGENT[0])} \geq {latex(BELOW_TANGENT[2])}$, multiplied by $2$"]),
        (lambda: Claim("most", (maximum_norm(p), "<=", 1), given=[P]).prove(), ["normal form", "maximum"], [],
         [r"$\left\lVert p \right\rVert_\infty$ is the modulus of one of its entries, and the statement holds for each"]),
        (lambda: Claim("entry", (maximum_norm(p), ">=", p[y]), given=[P, Label(y)]).prove(), ["normal form", "maximum"], [],
         [r"$\left\lVert p \right\rVert_\infty$ is at least $\left|{p_{y}}\right|$"]),
        (lambda: Claim("up", (x + 1, ">=", x - 1), given=[x > 0])
         .prove(by=Derivation(x + 1, given=[x > 0]).ge(x, "1 > 0").ge(x - 1, "1 > 0")),
         ["derivation", "normal form", "sign"], [], []),
        (lambda: Claim("limit", (limit(x * log(x), x, 0, "+"), "==", 0), given=[x > 0, x < 1]).prove(), ["limit"], [],
         [r"SymPy finds this limit; in multiple precision, $x \log{\left(x \right)}$ comes ever nearer to it over 300 orders "
          "of magnitude"]),
        (lambda: Claim("sign", (entropy(p), ">=", 0), given=[P]).prove(), ["normal form", "sign"], [],
         [r"the difference, by its signs, is $- \sum_{j=1}^{K} p_{j} \log{\left(p_{j} \right)} \geq 0$"]),
    ],
    ids=["normal form", "tangent", "lemma", "multiplied", "most", "least", "derivation", "limit", "sign"],
)  # fmt: skip
def test_a_proof_says_by_which_steps(prove, rules, lemmas, steps):
    proof = prove()
    (record,) = proof.records
    assert (record.rules, record.lemmas, record.steps) == (rules, lemmas, steps)


def test_a_lemma_about_a_matrix_holds_for_another_matrix():
    def twice(matrix):
        return total(2 * matrix[n, k], k), "==", 2 * total(matrix[n, k], k)

    given = [Real(scores), Label(n, N)]
    powers = Vector("S", lambda n, c: exp(scores[n, c]))
    lemma = Claim("twice", twice(scores), given=given).prove()
    assert Claim("powers", twice(powers), given=given).prove(by=lemma.at({scores: powers})).lemmas == ["twice"]


def test_a_sum_of_a_function_of_a_delta_is_its_value_on_and_off_the_label():
    for function in (exp, lambda delta: 1 / (sp.Integer(2) + delta), lambda delta: log(1 + delta)):
        summed = total(function(sp.KroneckerDelta(k, y)) * z[k], k)
        apart = function(0) * (total(z[k], k) - z[y]) + function(1) * z[y]
        Claim("split", (summed, "==", apart), given=[Real(z), Label(y)]).prove()
        with pytest.raises(ProofError):
            Claim("off", (summed, "==", apart + z[y]), given=[Real(z), Label(y)]).prove()
