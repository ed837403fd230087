import doctest

import pytest
import sympy as sp

import lossmath.claims
from lossmath.claims import (
    Claim,
    Definition,
    Derivation,
    Distribution,
    Label,
    OneHot,
    ProofError,
    Real,
    tangent,
)
from lossmath.claims.hypotheses import Hypotheses
from lossmath.claims.notation import latex
from lossmath.claims.quantities import *

P, Q = Distribution(p), Distribution(q, positive=True)
BERNOULLI = ((1 - x) ** gamma, ">=", 1 - gamma * x)
CLOSED = [x >= 0, x <= 1]


@pytest.mark.parametrize(
    ("statement", "given", "error", "said"),
    [
        ((entropy(p), "==", entropy(q)), [P], ValueError, "the symbol q is not declared"),
        ((x, ">=", 0), [], ValueError, "the symbol x is not declared.*declared are none"),
        ((x, ">=", u), [x > 0, P], ValueError, "the symbol u is not declared.*declared are p, x"),
        ((p[k], ">=", 0), [P], ValueError, "the symbol k is not declared"),
        ((x, ">", 0), [x > 0], ValueError, 'one of "==", "<=", ">=", got \'>\''),
        ((x, "=", 0), [x > 0], ValueError, "got '='"),
        ((x, "<=", 1), [x > 2, x < 1], ValueError, "exclude each other"),
        ((x, "<=", 1), [x > 1, x < 1], ValueError, "exclude each other"),
        ((x, "<=", 1), [sp.false], ValueError, "exclude each other"),
        ((p[k], "<=", 1), [P, Distribution(p, positive=True), Label(k)], ValueError, "declared twice"),
        ((x, "<=", 1), [Real(x), Label(x)], ValueError, "declared twice"),
        ((x, "<=", 1), ["x > 0"], TypeError, "a hypothesis is Distribution, OneHot, Label, Real, or .* got 'x > 0'"),
        ((x, "<=", 1), [Distribution(x)], TypeError, "Distribution.*cannot be said of x, a Symbol"),
        ((x, "<=", 1), [OneHot(p, "y")], TypeError, "OneHot.*cannot be said of 'y', a str"),
        ((x, "<=", 1), [OneHot(conditional, y)], ValueError, r"OneHot.*the shape \(K,\), got \(M, K\)"),
        ((x, "<=", 1), [Label(y, x)], ValueError, "Label.*one of K, N, M, got x"),
        ((x, "<=", 1), [Real(sp.IndexedBase("w", real=True))], ValueError, "Real.*w has no shape"),
        ((x, "<=", 1), [x > 0, Real(x)], ValueError, "x is declared twice: Real"),
        ((y, "<=", 1), [Label(y), y > 0], ValueError, "y is declared twice: y > 0"),
        ((x, "<=", 1), [x > 0.5], ValueError, "0.5.* is rounded; .* exact"),
        ((x * 0.5, "<=", 1), [x > 0], ValueError, "0.5.* is rounded; .* exact"),
        ((sp.Symbol("g"), "<=", 1), [Real(sp.Symbol("g"))], ValueError, "g must be a real"),
        (
            (z[k] + scores[n, k], "<=", 1),
            [Real(z), Real(scores), Label(k), Label(n, N)],
            ValueError,
            "two things are named z",
        ),
        ((KroneckerDelta(k, n), "==", 1), [Label(k), Label(n, N)], ValueError, "indices of different ranges"),
        ((labels[n], ">=", 1), [Label(labels), Label(n, N)], ValueError, r"the label y\[n\] stands where a number"),
        ((conditional[k, k], "<=", 1), [Real(conditional), Label(k)], ValueError, r"over \(K, K\).* is \(M, K\)"),
        ((gradient(maximum_norm(z), z[k]), "<=", 1), [Real(z), Label(k)], ValueError, "kinks"),
        ((LambertW(x, -1), "<=", 1), [x > 0], ValueError, "branch of positive numbers"),
        ((x, "<=", 1), [x > u, Real(u)], ValueError, "between a real symbol and a number"),
        ((total(p[k], k, N), "==", 1), [P], ValueError, r"the shape of p is \(K,\)"),
        ((sp.Sum(p[k], (k, 1, K - 1)), "<=", 1), [P], ValueError, "a sum runs from 1 to K, N or M"),
        ((sp.sin(x), "<=", 1), [Real(x)], ValueError, "not in the language"),
        ((sp.I * x, "<=", 1), [Real(x)], ValueError, "not a real number"),
        ((p[1], "<=", 1), [P], ValueError, "the index 1"),
        ((sp.Symbol("g", positive=True), ">=", 0), [sp.Symbol("g", positive=True) < 3], ValueError, "sign of its own"),
        ((k, ">=", 1), [Label(k)], ValueError, "stands where a number is expected"),
        ((softmax(z), "==", 1), [Real(z)], ValueError, "index it"),
        ((p[k] == 1, "==", 1), [P, Label(k)], TypeError, "a side of a statement is an expression"),
        ((gradient(total(p[k], k), K), "==", 1), [P], ValueError, "no derivative in it"),
        ((sp.Derivative(x**2, (x, n)), ">=", 0), [x > 0, Label(n)], ValueError, "of a whole order, got n"),
        ("x >= 0", [x > 0], TypeError, "a statement is"),
        ((x, ">="), [x > 0], TypeError, "a statement is"),
    ],
)
def test_a_malformed_claim_says_what_is_wrong(statement, given, error, said):
    with pytest.raises(error, match=said):
        Claim("malformed", statement, given=given)


def test_a_claim_needs_an_id_and_a_statement():
    with pytest.raises(TypeError, match="got 7"):
        Claim(7, (x, ">=", 0), given=[x > 0])
    with pytest.raises(ValueError, match="states something"):
        Claim("empty", given=[x > 0])
    with pytest.raises(ValueError, match="there is none"):
        Claim("identity", (x, "==", x), given=[x > 0], equality={x: 0})


def test_a_case_of_equality_is_in_the_symbols_of_the_claim():
    with pytest.raises(ValueError, match="speaks of u, which is not declared"):
        Claim("square", (x**2, ">=", 0), given=[Real(x)], equality={u: 0})
    with pytest.raises(ValueError, match="the symbol u is not declared"):
        Claim("square", (x**2, ">=", 0), given=[Real(x)], equality={x: u})


def test_hypotheses_on_one_symbol_are_joined():
    assert Hypotheses([x > 0, x <= 3, x < 2]).intervals[x] == sp.Interval.open(0, 2)
    assert Hypotheses([sp.And(x >= 0, x <= 1)]).intervals[x] == sp.Interval(0, 1)
    assert Hypotheses([x >= 0]).intervals[x] == sp.Interval(0, oo) and Hypotheses([x < 0]).intervals[
        x
    ] == sp.Interval.open(-oo, 0)
    assert Hypotheses([sp.Le(0, x, evaluate=False), sp.Gt(2, x, evaluate=False)]).intervals[x] == sp.Interval.Ropen(
        0, 2
    )
    assert Hypotheses([Real(x), x > 1]).intervals[x] == sp.Interval.open(1, oo)


def test_a_proof_tells_its_rules_and_lemmas():
    lemma = Claim("bernoulli", BERNOULLI, given=[*CLOSED, gamma >= 1]).prove(by=tangent(x, at=0))
    assert (lemma.rules, lemma.lemmas) == (["tangent"], [])
    focal = -total(p[k] * (1 - q[k]) ** gamma * log(q[k]), k)
    bound = cross_entropy(p, q) + gamma * total(p[k] * q[k] * log(q[k]), k)
    claim = Claim("focal", (focal, ">=", bound), given=[P, Q, gamma >= 1])
    proof = claim.prove(by=lemma.at({x: q[k]}, times=-p[k] * log(q[k]), over=k))
    assert proof.lemmas == ["bernoulli"] and "lemma" in proof.rules
    assert "`bernoulli` says" in proof._repr_markdown_() and "for every $K" in proof._repr_markdown_()


def lines(*inside):
    return "$$\n\\begin{aligned}\n" + " \\\\\n".join(inside) + "\n\\end{aligned}\n$$"


def test_a_claim_is_shown_with_its_hypotheses_and_its_case_of_equality():
    claim = Claim("gap", (kl_divergence(p, q), ">=", 0), (entropy(p), "<=", log(K)), given=[P, Q], equality={q: p})
    relations = [
        rf"{latex(kl_divergence(p, q))} &\geq 0",
        rf"{latex(entropy(p))} &\leq {latex(log(K))}",
    ]
    given = r"&\text{given } p \text{ a distribution},\quad q \text{ a distribution} > 0"
    assert claim._repr_latex_() == lines(*relations, r"&\text{with equality only at } q = p", given)
    assert claim.near_miss()._repr_latex_() == lines(*relations, given)
    assert repr(claim) == "Claim('gap': kl_divergence(p, q) >= 0; entropy(p) <= log(K))"


def test_a_proof_shows_its_statements_and_its_verdict_and_folds_its_steps():
    lemma = Claim("bernoulli", BERNOULLI, given=[*CLOSED, gamma >= 1]).prove(by=tangent(x, at=0))
    display, verdict, fold, steps, end = lemma._repr_markdown_().split("\n\n")
    assert display == lines(rf"{latex(BERNOULLI[0])} \geq {latex(BERNOULLI[2])}")
    assert verdict == "∎ `bernoulli` is **proved** (rule: tangent)."
    assert fold == '<details class="proof">\n<summary>How, in 3 steps</summary>' and end == "</details>"
    assert [step[:2] for step in steps.splitlines()] == ["- "] * 3
    signed = Claim("nonnegative", (entropy(p), ">=", 0), given=[P]).prove()
    said = r"∎ `nonnegative` is **proved** for every $K \geq 2$ (rules: normal form, sign)."
    assert said in signed._repr_markdown_().split("\n\n")
    assert repr(signed) == "Proof of nonnegative for every K, by normal form, sign"
    # what the mutants of a claim are proved by
    assert lemma.ways == (tangent(x, at=0),) and signed.ways == (None,)


def test_a_proof_is_shown_in_the_symbols_of_the_claim():
    claim = Claim(
        "gradient",
        (gradient(cross_entropy(p, softmax(z)), z[i]), "==", softmax(z)[i] - p[i]),
        given=[P, Real(z), Label(i)],
    )
    text = claim.prove()._repr_markdown_()
    assert r"$\sum_{k} p_{k} = 1$, by hypothesis" in text
    assert r"$\frac{e^{z_{i}}}{\sum_{j=1}^{K} e^{z_{j}}} - p_{i}$" in text


def test_what_was_not_proved_says_what_was_left():
    with pytest.raises(ProofError, match=r"the difference .* left over is 2\*Sum\(log\(p\[j\]\)"):
        Claim("kl", (kl_divergence(p, q), "==", entropy(p) + cross_entropy(p, q)), given=[P, Q]).prove()


def test_the_reason_must_be_one():
    claim = Claim("positive", (entropy(p), ">=", 0), given=[P])
    with pytest.raises(TypeError, match="by is None"):
        claim.prove(by="obviously")
    with pytest.raises(ValueError, match="1 statements, but 2 ways"):
        claim.prove(by=(None, None))


def test_the_guard_looks_again(monkeypatch):
    """Were the rules to accept a false claim, the evaluation in multiple precision would not."""
    monkeypatch.setattr(lossmath.claims.rules, "prove", lambda *args: lossmath.claims.rules.Record())
    with pytest.raises(ProofError, match=r"yet at K = 2.*left side is"):
        Claim("wrong", (entropy(p), ">=", log(K)), given=[P]).prove()


def test_the_guard_looks_for_undefined_points_and_other_cases_of_equality(monkeypatch):
    monkeypatch.setattr(lossmath.claims.rules, "prove", lambda *args: lossmath.claims.rules.Record())
    with pytest.raises(ProofError, match=r"yet at .*log"):
        Claim("undefined", (log(x), "<=", x - 1), given=[x >= 0]).prove()
    with pytest.raises(ProofError, match="equal there too"):
        Claim("elsewhere", (x * (x - 1), ">=", 0), given=[x >= 1], equality={x: 2}).prove()


@pytest.mark.parametrize("tower", [exp(exp(exp(exp(3)))), exp(exp(exp(exp(x)))), 3 ** (3 ** (3 ** (x + 3)))])
def test_what_the_guard_cannot_work_out_is_not_proved(tower):
    with pytest.raises(ProofError, match=r"accepted it, yet at .*more than 20000 bits|does not follow from"):
        Claim("tower", (tower, ">=", 0), given=[x > 0]).prove()


def derivation():
    chain = Derivation(kl_divergence(p, q), given=[P, Q])
    chain.eq(expectation(p, lambda c: log(p[c]) - log(q[c])), "logarithm of a quotient")
    return chain.eq(cross_entropy(p, q) - entropy(p), "definitions")


def test_a_derivation_proves_what_its_ends_say():
    claim = Claim("kl-split", (kl_divergence(p, q), "==", cross_entropy(p, q) - entropy(p)), given=[P, Q])
    assert claim.prove(by=derivation()).rules[0] == "derivation"
    ends = kl_divergence(p, q), expectation(p, lambda c: log(p[c]) - log(q[c])), cross_entropy(p, q) - entropy(p)
    reasons = ["logarithm of a quotient", "definitions"]
    shown = (rf"&= {latex(end)} && \text{{{reason}}}" for end, reason in zip(ends[1:], reasons))
    assert derivation()._repr_latex_() == lines(f"&{latex(ends[0])}", *shown)
    assert repr(derivation()).splitlines()[2] == f"== {ends[2]}    (definitions)"
    assert derivation().statements == ((ends[0], "==", ends[1]), (ends[1], "==", ends[2]))
    each = Claim("each-line", *derivation().statements, given=[P, Q]).prove(by=derivation())
    assert each.ways == (None, None) and each.rules == ["normal form"]


@pytest.mark.parametrize(
    ("statement", "given"),
    [
        ((kl_divergence(p, q), "==", cross_entropy(p, q)), [P, Q]),  # another end
        ((kl_divergence(q, p), "==", cross_entropy(p, q) - entropy(p)), [Distribution(p, positive=True), Q]),
        (
            (kl_divergence(p, q), "==", cross_entropy(p, q) - entropy(p)),
            [Real(p), Q],
        ),  # hypotheses that it does not have
    ],
)
def test_a_derivation_proves_nothing_else(statement, given):
    with pytest.raises(ProofError):
        Claim("other", statement, given=given).prove(by=derivation())


def test_a_line_that_does_not_follow_is_refused():
    with pytest.raises(ProofError, match="does not reduce to 0"):
        derivation().eq(cross_entropy(p, q), "wishful")
    with pytest.raises(ValueError, match="cannot follow"):
        Derivation(x, given=[x > 0]).ge(x - 1, "smaller").le(x, "larger")


def test_inequalities_in_a_derivation_go_one_way():
    chain = Derivation(x + 1, given=[x > 0]).ge(x, "1 > 0").eq(x, "the same")
    Claim("up", (x + 1, ">=", x), given=[x > 0]).prove(by=chain)
    with pytest.raises(ProofError, match="proves >="):
        Claim("same", (x + 1, "==", x), given=[x > 0]).prove(by=chain)
    chain = Derivation(BERNOULLI[0], given=[*CLOSED, gamma >= 1]).ge(BERNOULLI[2], "its tangent", by=tangent(x, at=0))
    assert Claim("line", *chain.statements, given=[*CLOSED, gamma >= 1]).prove(by=chain).ways == (tangent(x, at=0),)
    assert "tangent" in Claim("bernoulli", BERNOULLI, given=[*CLOSED, gamma >= 1]).prove(by=chain).rules
    for relation in ("==", ">=", "<="):  # which all follow from an identity
        Claim("square", (x * x, relation, x**2), given=[x > 0]).prove(
            by=Derivation(x * x, given=[x > 0]).eq(x**2, "the same")
        )


def test_a_near_miss_keeps_what_it_is_not_told_to_change():
    claim = Claim("bernoulli", BERNOULLI, given=[*CLOSED, gamma >= 1])
    miss = claim.near_miss(given=[*CLOSED, gamma > 0, gamma < 1])
    assert miss.statements == claim.statements and miss.id == claim.id
    assert miss.refute().statement == claim.statements[0]


def test_one_hot_is_said_of_a_distribution_and_its_label():
    with pytest.raises(ValueError, match="declared twice"):
        Claim("twice", (p[y], "==", 1), given=[OneHot(p, y), Label(y)])


def test_a_definition_is_of_a_named_quantity():
    assert str(Definition(entropy(p))).startswith("entropy(p) := -Sum")
    assert Definition(binary_entropy(x))._repr_latex_() == (
        "$$\n" + latex(binary_entropy(x)) + " := " + latex(unfold(binary_entropy(x))) + "\n$$"
    )
    with pytest.raises(TypeError, match="named quantity"):
        Definition(p[k])


def test_the_examples_of_the_docstrings():
    assert doctest.testmod(lossmath.claims.claim).failed == 0


def test_the_steps_of_several_statements_say_which_they_prove():
    claim = Claim("both", (entropy(p), ">=", 0), (kl_divergence(p, p), "==", 0), given=[P])
    display, _, _, steps, _ = claim.prove()._repr_markdown_().split("\n\n")
    one, other = (
        rf"({n}) \quad & {latex(left)} {sign} 0"
        for n, left, sign in ((1, entropy(p), r"\geq"), (2, kl_divergence(p, p), "="))
    )
    assert display == lines(one, other)
    assert [step[:5] for step in steps.splitlines()] == ["- (1)", "- (2)"]
