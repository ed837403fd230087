"""The prover accepts what is true and nothing else. The statements were written by somebody who had not seen it."""

import pytest
import statements
import sympy as sp

from lossmath.claims import (
    Claim,
    Derivation,
    Distribution,
    Label,
    OneHot,
    ProofError,
    Real,
    counterexample,
    rules,
    tangent,
)
from lossmath.claims import claim as claim_module
from lossmath.claims.hypotheses import Hypotheses
from lossmath.claims.notation import latex
from lossmath.claims.quantities import *
from lossmath.claims.reasons import Chain, Record

P, Q = Distribution(p), Distribution(q, positive=True)


@pytest.fixture
def rules_alone(monkeypatch):
    """The prover without its guard, and without a search where it fails: the rules themselves must not be fooled."""
    monkeypatch.setattr(counterexample, "doubt", lambda claim: None)
    monkeypatch.setattr(claim_module, "explain_failure", lambda claim, error: f"{claim.id}: {error}")


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
    proof.claim.check(cases=100)  # raises where the claim is false, or has no value


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
        ((Abs(x), ">=", x), [Real(x)], lambda: tangent(x, at=0), r"-x \+ Abs\(x\) may have a kink"),
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
        ((u, ">=", 0), [Real(u)], lambda: log_tangent().at({t: 1, u: 2 + u}),
         r"defined in the instance of log-tangent"),
        ((u, ">=", 0), [Real(u)], lambda: log_tangent().at({t: u, u: u}), r"u lies in .*oo\), as log-tangent assumes"),
        ((u, ">=", 0), [u >= 0, u <= 1], lambda: bernoulli().at({x: u, gamma: u}),
         r"u lies in Interval\(1, oo\), as bern"),
        ((u, ">=", 0), [u >= 0, u < 2], lambda: bernoulli().at({x: u, gamma: 1}),
         r"u lies in Interval\(0, 1\), as bern"),
        ((total(z[k], k), "==", 1), [Real(z)], lambda: mass().at({p: z}), "entries of z are >= 0, as mass assumes"),
        ((total(z[k], k), ">=", 0), [P, Real(z)], lambda: gibbs().at({p: z, q: z}),
         "entries of z are >= 0, as gibbs assumes"),
        ((x, ">=", 0), [P, x > 0], lambda: gibbs().at({q: one_hot(y)}), "the symbol y is not declared"),
        ((x, "==", x), [P, x > 0], lambda: mass().at({p: Vector("v", lambda c: 2 * p[c])}),
         "entries of v sum to 1, as mass"),
        ((p[y], "==", 1), [P, Label(y)],
         lambda: Claim("sure", (p[y], "==", 1), given=[OneHot(p, y)]).prove().at(),
          "p is one-hot at y, as sure assumes"),
        ((x, ">=", 0), [x > 0, Label(n, N), P],
         lambda: Claim("entry", (p[y], ">=", 0), given=[P, Label(y)]).prove().at({y: n}), r"indexed over \(N,\)"),
        ((x, ">=", x), [Real(x)], same, "assumes x > 0, which the claim does not"),
        ((x + 1, ">=", x), [x > 0], same, r"starts at x, the claim at x \+ 1"),
        ((x, ">=", x - 1), [x > 0], same, "ends at x, the claim at x - 1"),
        ((x, "<=", x), [x > 0], lambda: Derivation(x, given=[x > 0]).ge(x, "the same"),
         "proves >=, the claim states <="),
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
    with pytest.raises((ProofError, ValueError), match=f"claim: .*{said}"):
        Claim("claim", statement, given=[Real(x), Real(u)], equality=equality).prove()


@pytest.mark.parametrize(
    ("prove", "rules", "lemmas", "steps"),
    [
        (lambda: mass(), ["normal form"], [], ["both sides have the normal form $1$",
         r"$\sum_{k} p_{k} = 1$, by hypothesis"]),
        (bernoulli, ["tangent"], [], [
            r"the difference, $f(x) = \gamma x + \left(1 - x\right)^{\gamma} - 1$, is zero at $x = 0$",
            r"its slope, $f'(x) = \frac{\gamma \left(x + \left(1 - x\right)^{\gamma} - 1\right)}{x - 1}$, "
            "is zero at $x = 0$",
            r"it is convex, $f''(x) = \frac{\gamma \left(1 - x\right)^{\gamma} \left(\gamma - 1\right)}"
            r"{\left(x - 1\right)^{2}} \geq 0$, so it lies above its tangent",
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
         [r"$\left\lVert p \right\rVert_\infty$ is the modulus of one of its entries, "
          "and the statement holds for each"]),
        (lambda: Claim("entry", (maximum_norm(p), ">=", p[y]), given=[P, Label(y)]).prove(),
         ["normal form", "maximum"], [],
         [r"$\left\lVert p \right\rVert_\infty$ is at least $\left|{p_{y}}\right|$"]),
        (lambda: Claim("up", (x + 1, ">=", x - 1), given=[x > 0])
         .prove(by=Derivation(x + 1, given=[x > 0]).ge(x, "1 > 0").ge(x - 1, "1 > 0")),
         ["derivation", "normal form", "sign"], [], ["by the derivation, line by line: 1 > 0; 1 > 0"]),
        (lambda: Claim("limit", (limit(x * log(x), x, 0, "+"), "==", 0), given=[x > 0, x < 1]).prove(), ["limit"], [],
         [r"SymPy finds this limit; in multiple precision, $x \log{\left(x \right)}$ is within 0.02 of it after "
          "300 orders of magnitude or more, and nearer than halfway"]),
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


def test_a_record_names_each_rule_and_each_lemma_once():
    record = Record()
    record.use("sign")
    record.use("lemma", "sign", lemmas=["b"])
    record.use(lemmas=["a"])
    record.use("lemma", lemmas=["b"])
    record.show("so")
    assert (record.rules, record.lemmas, record.steps) == (["sign", "lemma"], ["b", "a"], ["so"])


@pytest.mark.parametrize(
    ("expr", "values", "expected"),
    [
        (x + 2 * u, {x: u, u: x}, u + 2 * x), (x + k, {k: y, x: 3}, 3 + y), (p[k] / q[k], {p: q, q: p}, q[k] / p[k]),
        (p[y], {p: q, y: i}, q[i]), (p[y], {y: i}, p[i]), (scores[n, y], {scores: conditional}, conditional[n, y]),
        (scores[n, y], {scores: Vector("v", lambda a, c: a * p[c])}, n * p[y]),
        (p[k], {p: Vector("v", lambda c: z[c] ** c)}, z[k] ** k),
        (gradient(x**3, x), {x: u}, 3 * u**2), (gradient(x * u, u), {x: u**2, u: 5}, u**2), (x, {u: 3}, x),
         (7, {x: 1}, 7),
        (total(p[k] * x, k), {x: k, p: q}, total(q[j] * k, j)), (binary_entropy(x), {x: Rational(1, 2)}, log(2)),
        (x, {x: 1}, 1),
        (entropy(p), {p: one_hot(y)}, -total(KroneckerDelta(j, y) * log(KroneckerDelta(j, y)), j)),
        (x, {x: sigmoid(u)}, 1 / (1 + exp(-u))),
    ],
    ids=str,
)  # fmt: skip
def test_all_is_substituted_at_once_and_no_index_is_captured(expr, values, expected):
    found = rules.substitute(expr, values)
    for node in found.atoms(Sum):
        found = found.xreplace({node: Sum(node.function.xreplace({node.limits[0][0]: j}), (j, 1, node.limits[0][2]))})
    assert sp.expand_log(sp.simplify(found - expected), force=True) == 0 or found == expected


def cube():
    return Claim("cube", (u**3, ">=", 0), given=[u >= 0]).prove()


def square():
    return Claim("square", (t**2, ">=", 0), given=[Real(t)], equality={t: 0}).prove(by=tangent(t, at=0))


def shifted():
    return Claim("shifted", ((p[y] - u) ** 2, ">=", 0), given=[P, Label(y), Real(u)]).prove()


UNIT = Vector("v", lambda c: z[c] ** 2)
NOT_SHOWN = "claim: it was not shown that {}"


@pytest.mark.parametrize(
    ("statement", "given", "by", "said"),
    [
        ((x, ">=", log(x)), [x >= 0], lambda: None, NOT_SHOWN.format("log(x) is defined under the hypotheses")),
        ((log(x), "<=", x), [x >= 0], lambda: None, NOT_SHOWN.format("log(x) is defined under the hypotheses")),
        ((x, "<=", x - 1), [x > 0], lambda: None,
         "claim: the sign of the difference does not follow from the hypotheses; it is -1"),
        ((x, "==", x - 1), [x > 0], lambda: None,
         "claim: the difference of the two sides does not reduce to 0; left over is 1"),
        ((maximum_norm(p) + maximum_norm(z), ">=", 1), [P, Real(z)], lambda: None,
         "claim: the rule for the maximum norm takes one of them at a time"),
        # a label of observations is no class
        ((maximum_norm(z), ">=", 1), [Real(z), Label(n, N), Label(labels)], lambda: None,
         "claim: the rule for the maximum norm leaves open whether maximum_norm(z) - 1 >= 0"),
        ((maximum_norm(one_hot(y)), "==", 2), [Label(y)], lambda: None,
         r"claim: the rule for the maximum norm leaves open whether maximum_norm(\delta_{y}) - 2 >= 0"),
        ((maximum_norm(one_hot(y)), "==", Rational(1, 2)), [Label(y)], lambda: None,
         r"claim: the rule for the maximum norm leaves open whether 1/2 - maximum_norm(\delta_{y}) >= 0"),
        ((limit(log(x - 2), x, 4), "==", log(2)), [x > 1, x < 4], lambda: None,
         NOT_SHOWN.format("log(x - 2) is defined under the hypotheses")),
        ((limit(u + x, x, 0, "+"), "==", u), [x > 0, x < 1, Real(u)],
         lambda: tangent(x, at=0), "a limit is proved by the rule for limits alone; got Tangent(x=x, at=0)"),
        ((exp(x), "<=", 1 + x), [Real(x)], lambda: tangent(x, at=0), "claim: f'' = -exp(x) was not shown to be >= 0"),
        ((exp(x), "==", 1 + x), [Real(x)], lambda: tangent(x, at=0),
         "claim: the tangent rule proves inequalities, not identities"),
        ((exp(x), ">=", 1 + x), [Real(x), Real(u)], lambda: tangent(t, at=0),
         "claim: the tangent rule needs a real variable of the claim and a point without it, got t at 0"),
        ((exp(x), ">=", 1 + x), [Real(x)], lambda: tangent(x, at=x),
         "claim: the tangent rule needs a real variable of the claim and a point without it, got x at x"),
        ((exp(x), ">=", 1 + x), [Real(x), Real(u)], lambda: tangent(x, at=u),
         "claim: at x = u, f = -u + exp(u) - 1 does not reduce to 0"),
        ((exp(x), ">=", 1 + x), [x >= 0, x <= 2], lambda: tangent(x, at=3),
         NOT_SHOWN.format("x = 3 lies in Interval(0, 2)")),
        ((exp(x), ">=", 1 + x), [x >= 1, x <= 2], lambda: tangent(x, at=0),
         NOT_SHOWN.format("x = 0 lies in Interval(1, 2)")),
        ((Abs(x), ">=", 0), [Real(x)], lambda: tangent(x, at=0),
         NOT_SHOWN.format("sign(x) is defined inside the domain: Abs(x) may have a kink")),
        ((sqrt(x**2 - 2 * x + 1), ">=", 0), [Real(x)], lambda: tangent(x, at=1),
         NOT_SHOWN.format("1/sqrt(x**2 - 2*x + 1) is defined inside the domain: sqrt(x**2 - 2*x + 1) may have a kink")),
        ((maximum_norm(Vector("v", lambda c: x * z[c])), ">=", 0), [Real(x), Real(z)], lambda: tangent(x, at=0),
         "claim: maximum_norm(v) may have a kink: a maximum norm has kinks"),
        ((exp(x), ">=", 1 + x), [Real(x)], lambda: [square().at({t: x}), 3],
         "by is None, tangent(x, at=...), proof.at(...) or a list of these, or a derivation; got "
         "[Instance(lemma=Proof of square for every K, by tangent, "),
        ((x**2, "==", 0), [Real(x)], lambda: square().at({t: x}),
         "claim: an identity does not follow from the inequality square"),
        ((x**2, ">=", 1), [Real(x)], lambda: square().at({t: x}),
         "claim: the lemmas leave a remainder of unknown sign, -1"),
        ((total(p[k], k) * x, "==", x + 2), [P, x > 0], lambda: mass().at(times=x),
         "claim: the lemmas do not add up to the difference; left over is -2"),
        ((x**2, ">=", 0), [Real(x)], lambda: square().at({t: x, v: 3}), "square says nothing of v"),
        ((x**2, ">=", 0), [Real(x)], lambda: square().at({t: x}, times=-1),
         NOT_SHOWN.format("the multiplier -1 is not negative")),
        ((x**2, ">=", 0), [Real(x)], lambda: square().at({t: log(x)}),
         NOT_SHOWN.format("log(x) is defined in the instance of square")),
        ((x**2, ">=", 0), [Real(x)], lambda: square().at({t: 1}, times=1 / x**2),
         NOT_SHOWN.format("x**(-2) is defined in the instance of square")),
        ((x**3, ">=", 0), [Real(x)], lambda: cube().at({u: x}),
         NOT_SHOWN.format("x lies in Interval(0, oo), as cube assumes")),
        ((x**3, ">=", 0), [x >= -1], lambda: cube().at({u: x}),
         NOT_SHOWN.format("x lies in Interval(0, oo), as cube assumes")),
        ((x, ">=", 0), [Real(z), x > 0], lambda: mass().at({p: UNIT}),
         NOT_SHOWN.format("the entries of v sum to 1, as mass assumes")),
        ((x, ">=", 0), [P, x > 0, Label(y)], lambda: gibbs().at({p: one_hot(y), q: one_hot(y)}),
         NOT_SHOWN.format(r"the entries of \delta_{y} are > 0, as gibbs assumes")),
        ((x, ">=", 0), [Real(z), x > 0], lambda: mass().at({p: z}),
         NOT_SHOWN.format("the entries of z are >= 0, as mass assumes")),
        ((x, ">=", 0), [Real(scores), x > 0, Label(n, M), Distribution(conditional)],
         lambda: Claim("row", (total(conditional[n, k], k), "==", 1), given=[Distribution(conditional), Label(n, M)])
         .prove().at({conditional: Vector("v", lambda a, c: conditional[a, c] / 2)}),
         NOT_SHOWN.format("the entries of v sum to 1, as row assumes")),
        ((x, ">=", 0), [P, x > 0, Label(y), Label(i)],
         lambda: Claim("sure", (p[y], "==", 1), given=[OneHot(p, y)]).prove().at({p: one_hot(y), y: i}),
         NOT_SHOWN.format(r"\delta_{y} is one-hot at i, as sure assumes")),
        ((x, ">=", 0), [P, x > 0, Real(u)], lambda: shifted().at(), "the symbol y is not declared"),
        ((x, ">=", 0), [x > 0, Label(n, N), Label(a, N)],
         lambda: Claim("same", (KroneckerDelta(i, y), "<=", 1), given=[Label(i), Label(y)]).prove().at({i: n, y: a}),
         NOT_SHOWN.format("n is a label from 1 to K, as same assumes")),
    ],
)  # fmt: skip
def test_a_refusal_says_exactly_what_was_not_shown(statement, given, by, said, rules_alone):
    with pytest.raises((ProofError, ValueError, TypeError)) as raised:
        Claim("claim", statement, given=given).prove(by=by())
    assert str(raised.value).startswith(said)


@pytest.mark.parametrize(
    ("statement", "given", "by", "rules"),
    [
        ((maximum_norm(one_hot(y)), "==", 1), [Label(y)], lambda: None, ["normal form", "maximum"]),
        ((maximum_norm(z), ">=", 0), [Real(z)], lambda: None, ["normal form", "maximum"]),
        ((z[y], "<=", maximum_norm(z)), [Real(z), Label(y)], lambda: None, ["normal form", "maximum"]),
        ((2 * maximum_norm(p), "<=", 2), [P], lambda: None, ["normal form", "maximum"]),
        ((limit(x, x, oo), "==", oo), [x > 0], lambda: None, ["limit"]),
        ((exp(x), ">=", 1 + x), [x >= 0, x <= 1], lambda: tangent(x, at=0), ["tangent"]),
        ((exp(x - 1), ">=", x), [x >= 0, x <= 1], lambda: tangent(x, at=1), ["tangent"]),
        ((1 + x, "<=", exp(x)), [Real(x)], lambda: tangent(x, at=0), ["tangent"]),
        ((x**2, ">=", 2 * u * x - u**2), [Real(x), Real(u)], lambda: tangent(x, at=u), ["tangent"]),
        ((x**2 + u**2 + 1, ">=", 0), [Real(x), Real(u)], lambda: [square().at({t: x}), square().at({t: u})],
         ["lemma", "sign"]),
        ((0, "<=", 3 * x**2), [Real(x)], lambda: square().at({t: x}, times=3), ["lemma"]),
        ((total(z[k] ** 2, k), ">=", 0), [Real(z)], lambda: square().at({t: z[k]}, over=k), ["lemma"]),
        ((total(scores[n, y] ** 2, n, N), ">=", 0), [Real(scores), Label(y)],
         lambda: square().at({t: scores[n, y]}, over=n),
         ["lemma"]),
        ((total(z[i] ** 2, i), ">=", 0), [Real(z), Label(i)], lambda: square().at({t: z[i]}, over=i), ["lemma"]),
        ((x**6, ">=", 0), [Real(x)], lambda: cube().at({u: x**2}), ["lemma"]),
        ((N * x**2, ">=", 0), [Real(x), Label(n, N)], lambda: square().at({t: x}, over=n), ["lemma"]),
        ((x * total(conditional[a, k], k), "==", x), [Real(x), Distribution(conditional), Label(a, M)],
         lambda: Claim("row", (total(conditional[a, k], k), "==", 1), given=[Distribution(conditional), Label(a, M)])
         .prove().at(times=x), ["lemma"]),
        ((total(q[k], k), "==", 1), [Q], lambda: mass().at({p: q}), ["lemma"]),
        ((total(1 / K, k), "==", 1), [], lambda: mass().at({p: uniform()}), ["lemma"]),
        ((r[i], "==", 1), [OneHot(r, i)],
         lambda: Claim("sure", (p[y], "==", 1), given=[OneHot(p, y)]).prove().at({p: r, y: i}), ["lemma"]),
        ((one_hot(i)[i], "==", 1), [Label(i)],
         lambda: Claim("sure", (p[y], "==", 1), given=[OneHot(p, y)]).prove().at({p: one_hot(i), y: i}), ["lemma"]),
    ],
)  # fmt: skip
def test_what_follows_is_proved_by_its_rule(statement, given, by, rules):
    assert Claim("claim", statement, given=given).prove(by=by()).rules == rules


@pytest.mark.parametrize(
    ("statement", "equality", "by", "proved"),
    [
        ((exp(x), ">=", 1 + x), {x: 0}, lambda: tangent(x, at=0), True),
        ((x**4, ">=", 0), {x: 0}, lambda: tangent(x, at=0), False),
        ((exp(x), ">=", 1 + x), {x: 1}, lambda: tangent(x, at=0), False),
        ((x**2, ">=", 0), {x: 0}, lambda: square().at({t: x}), True),
        ((4 * (x - 1) ** 2, ">=", 0), {x: 1}, lambda: square().at({t: 2 * x - 2}), True),
        ((4 * (x - 1) ** 2, ">=", 0), {x: 1}, lambda: square().at({t: 2 - 2 * x}), True),
        ((u**2 * x**2, ">=", 0), {x: 0}, lambda: square().at({t: x}, times=u**2), False),
        (((x - u) ** 2, ">=", 0), {x: u}, lambda: square().at({t: x - u}), True),
        (((x - u) ** 2, ">=", 0), {u: x}, lambda: square().at({t: x - u}), True),
        (((x**2 - u) ** 2, ">=", 0), {u: x**2}, lambda: square().at({t: x**2 - u}), True),
        ((x**2 * u**2, ">=", 0), {x: 0}, lambda: square().at({t: x * u}), False),
    ],
)  # fmt: skip
def test_equality_is_claimed_where_the_proof_is_tight_and_nowhere_else(statement, equality, by, proved, rules_alone):
    claim = Claim("claim", statement, given=[Real(x), Real(u)], equality=equality)
    if proved:
        ((a, b),) = equality.items()
        assert claim.prove(by=by()).records[0].steps[-1] == f"equality at ${latex(a)} = {latex(b)}$ and nowhere else"
    else:
        with pytest.raises(ProofError):
            claim.prove(by=by())


def test_a_chain_goes_one_way_and_ends_at_its_last_line():
    chain = Chain(x, Hypotheses([x > 0]))
    assert (chain.end, chain.relation, chain.statements) == (x, "==", ())
    rules.prove_line(chain, "==", 2 * x - x, "the same", None)
    rules.prove_line(chain, ">=", x - 1, "less", None)
    rules.prove_line(chain, "==", x - 2 + 1, "the same", None)
    assert (chain.end, chain.relation) == (x - 1, ">=")
    assert chain.statements == ((x, "==", x), (x, ">=", x - 1), (x - 1, "==", x - 1))
    with pytest.raises(ValueError) as raised:
        rules.prove_line(chain, "<=", x, "more", None)
    assert (
        str(raised.value) == "a line <= cannot follow a line >=: nothing follows for the ends" and len(chain.lines) == 3
    )


@pytest.mark.parametrize(
    ("statement", "given", "said"),
    [
        ((x, ">=", x - 1), [Real(x)], "claim: the derivation assumes x > 0, which the claim does not"),
        ((x + 2, ">=", x - 1), [x > 0], "claim: the derivation starts at x + 1, the claim at x + 2"),
        ((x + 1, ">=", x - 2), [x > 0], "claim: the derivation ends at x - 1, the claim at x - 2"),
        ((x + 1, "<=", x - 1), [x > 0], "claim: the derivation proves >=, the claim states <="),
        ((x + 1, "==", x - 1), [x > 0], "claim: the derivation proves >=, the claim states =="),
    ],
)
def test_a_derivation_says_what_it_does_not_prove(statement, given, said, rules_alone):
    chain = Derivation(x + 1, given=[x > 0]).ge(x, "1 > 0").ge(x - 1, "1 > 0")
    with pytest.raises(ProofError) as raised:
        Claim("claim", statement, given=given).prove(by=chain)
    assert str(raised.value) == said


def test_a_derivation_hands_on_the_rules_and_lemmas_of_its_lines():
    chain = Derivation(x**2 + 1, given=[Real(x)]).ge(1, "a square", by=square().at({t: x})).ge(0, "1 > 0")
    record = Claim("claim", (x**2 + 1, ">=", 0), given=[Real(x)]).prove(by=chain).records[0]
    assert (record.rules, record.lemmas) == (["derivation", "lemma", "normal form", "sign"], ["square"])
    line = Claim("line", (x**2 + 1, ">=", 1), given=[Real(x)]).prove(by=chain).records[0]
    assert (line.rules, line.lemmas) == (["lemma"], ["square"]) and line.steps == ["`square` says: $x^{2} \\geq 0$"]
    line.rules.append("mine")
    assert chain.lines[0][-1].rules == ["lemma"]
