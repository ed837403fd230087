"""What hypotheses declare, what they refuse, and what is in the language of claims."""

import pytest
import sympy as sp
from sympy import FiniteSet, IndexedBase, Interval

from lossmath.claims import Claim
from lossmath.claims.hypotheses import Distribution, Hypotheses, Label, OneHot, Real
from lossmath.claims.quantities import *

P, Q = Distribution(p), Distribution(q, positive=True)
KINDS = "distributions", "onehots", "labels", "reals", "intervals"


def real(name, shape=(K,), **facts):
    return IndexedBase(name, shape=shape, **facts)


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        ([P], {"distributions": {p: False}}),
        ([Q, Distribution(conditional)], {"distributions": {q: True, conditional: False}}),
        ([OneHot(p, y)], {"onehots": {p: y}, "labels": {y: K}}),
        ([Label(y), Label(n, N), Label(a, M)], {"labels": {y: K, n: N, a: M}}),
        ([Label(labels), Label(inputs, M)], {"labels": {labels: K, inputs: M}}),
        ([Real(z), Real(scores)], {"reals": {z: None, scores: None}}),
        ([Real(x)], {"intervals": {x: Interval(-oo, oo)}}),
        ([x >= 2], {"intervals": {x: Interval(2, oo)}}),
        ([x > 2], {"intervals": {x: Interval.open(2, oo)}}),
        ([x <= 2], {"intervals": {x: Interval(-oo, 2)}}),
        ([x < sqrt(2)], {"intervals": {x: Interval.open(-oo, sqrt(2))}}),
        ([sp.Ge(2, x, evaluate=False)], {"intervals": {x: Interval(-oo, 2)}}),
        ([sp.Gt(2, x, evaluate=False)], {"intervals": {x: Interval.open(-oo, 2)}}),
        ([sp.Le(2, x, evaluate=False)], {"intervals": {x: Interval(2, oo)}}),
        ([sp.Lt(2, x, evaluate=False)], {"intervals": {x: Interval.open(2, oo)}}),
        ([x >= 0, u > 1, x < 1], {"intervals": {x: Interval.Ropen(0, 1), u: Interval.open(1, oo)}}),
        ([x >= 0, x > 0, x <= 3, x <= sp.pi / 2], {"intervals": {x: Interval.Lopen(0, sp.pi / 2)}}),
        ([Real(x), sp.And(x >= 1, u < 0, x <= 1)], {"intervals": {x: FiniteSet(1), u: Interval.open(-oo, 0)}}),
        ([], {}),
    ],
)
def test_each_hypothesis_declares_its_symbols_and_nothing_else(given, kinds):
    hypotheses = Hypotheses(given)
    assert {kind: getattr(hypotheses, kind) for kind in KINDS} == {kind: kinds.get(kind, {}) for kind in KINDS}
    assert hypotheses.declared == {symbol for kind in kinds.values() for symbol in kind} and hypotheses.given == tuple(
        given
    )


ENDLESS = sp.sin(1) ** 2 + sp.cos(1) ** 2 - 1  # which is 0, as SymPy cannot see
TWICE = "{} is declared twice: {} comes after another hypothesis about it"


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ([Distribution(x)], TypeError, "Distribution(base=x, positive=False): cannot be said of x, a Symbol"),
        ([OneHot(x, y)], TypeError, "OneHot(base=x, label=y): cannot be said of x, a Symbol"),
        ([OneHot(p, labels)], TypeError, "OneHot(base=p, label=y): cannot be said of y, a IndexedBase"),
        ([Label("y")], TypeError, "Label(symbol='y', size=K): cannot be said of 'y', a str"),
        ([Real(2)], TypeError, "Real(symbol=2): cannot be said of 2, a int"),
        ([OneHot(conditional, y)], ValueError,
         "OneHot(base=q, label=y): a one-hot distribution has the shape (K,), got (M, K)"),
        ([Real(IndexedBase("w"))], ValueError, "Real(symbol=w): w has no shape; give it one, such as shape=(K,)"),
        ([Label(y, x)], ValueError, "Label(symbol=y, size=x): the size of a label's range is one of K, N, M, got x"),
        ([P, Real(p)], ValueError, TWICE.format("p", "Real(symbol=p)")),
        ([OneHot(p, y), OneHot(q, y)], ValueError, TWICE.format("y", "OneHot(base=q, label=y)")),
        ([Label(y), Label(y, N)], ValueError, TWICE.format("y", "Label(symbol=y, size=N)")),
        ([Real(z), Distribution(z)], ValueError, TWICE.format("z", "Distribution(base=z, positive=False)")),
        ([Real(K)], ValueError, TWICE.format("K", "Real(symbol=K)")),
        ([x > 0, Real(x)], ValueError, TWICE.format("x", "Real(symbol=x)")),
        ([Label(y), y > 0], ValueError, TWICE.format("y", "y > 0")),
        ([x > u], ValueError, "an inequality between a real symbol and a number is expected, got x > u"),
        ([x + 1 > 0], ValueError, "an inequality between a real symbol and a number is expected, got x + 1 > 0"),
        ([K > 2], ValueError, "an inequality between a real symbol and a number is expected, got K > 2"),
        ([sp.Lt(x, oo, evaluate=False)], ValueError,
         "an inequality between a real symbol and a number is expected, got x < oo"),
        ([x > 0.5], ValueError,
         "x > 0.5: 0.500000000000000 is rounded; write an exact number, such as Rational(1, 10)"),
        ([P, x > 2, u > 0, x < 1], ValueError, "the hypotheses on x exclude each other: x > 2, x < 1"),
        ([x > ENDLESS, u > 0, x < 1], ValueError,
         "SymPy cannot compare the ends of x > -1 + cos(1)**2 + sin(1)**2, x < 1"),
        ([sp.And(x > 0, x > u)], ValueError, "an inequality between a real symbol and a number is expected, got x > u"),
        ([x > 0, sp.false], ValueError,
         "a hypothesis is false whatever the symbols are: the hypotheses exclude each other"),
        ([sp.Eq(x, 1)], TypeError,
         "a hypothesis is Distribution, OneHot, Label, Real, or an inequality such as gamma >= 1; got Eq(x, 1)"),
    ],
)  # fmt: skip
def test_what_is_no_hypothesis_or_contradicts_another_is_named(given, error, said):
    with pytest.raises(error) as raised:
        Hypotheses(given)
    assert str(raised.value) == said


ALL = Hypotheses([P, Distribution(conditional), OneHot(r, y), Label(i), Label(n, N), Label(labels), Label(inputs, M),
                  Real(z), x > 0, Real(u)])  # fmt: skip


@pytest.mark.parametrize(
    "expr",
    [
        sp.Integer(2), Rational(1, 3), sp.pi, sp.E, K, N / M, x, x + u, x * u, x**u, exp(u), log(x), sinh(u),
         sp.cosh(u),
        sp.tanh(u), LambertW(x), Abs(u), sqrt(x), p[i], r[y], z[labels[n]], conditional[inputs[n], i],
         KroneckerDelta(i, y),
        KroneckerDelta(i, labels[n]), total(p[k], k), total(z[k] * x, k), total(total(conditional[a, k], k), a, M),
        total(p[labels[n]], n, N), Sum(conditional[a, k], (k, 1, K), (a, 1, M)), total(KroneckerDelta(k, labels[n]), k),
        gradient(x**2, x), gradient(total(p[k] ** 2, k), p[i]),
         sp.Derivative(x**3 * z[i], (x, 2), z[i], evaluate=False),
        total(gradient(z[i] ** 2, z[k]), k), entropy(p), softmax(z)[i], dataset_loss(conditional),
        empirical_cross_entropy(conditional),
        maximum_norm(z), maximum_norm(Vector("v", lambda c: x * z[c] - entropy(p))),
        total(maximum_norm(Vector("v", lambda c: z[c] - z[k])), k), gradient(x, x) * maximum_norm(softmax(z)),
        maximum_norm(Vector("v", lambda c: KroneckerDelta(c, y) * conditional[inputs[n], c])),
        Sum(p[k], (k, 1, K), (k, 1, N)),  # the inner sum binds its index
        Vector("v", lambda c: Sum(p[k], (k, 1, K), (k, 1, N)))[i],
        maximum_norm(Vector("v", lambda c: Sum(p[k], (k, 1, K), (k, 1, N)))),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_in_the_language_of_claims(expr):
    assert ALL.validate(sp.sympify(expr)) is None


SIGN = "{} carries a sign of its own; let the hypotheses say it, and declare it real only"
NOT_REAL = "{} must be a real (or whole) symbol of SymPy, such as those of lossmath.claims.quantities"
UNKNOWN = "the symbol {} is not declared: say what it is, with Distribution, OneHot, Label, Real or an "
UNKNOWN += "inequality; declared are {}"


@pytest.mark.parametrize(
    ("given", "expr", "said"),
    [
        ([], x, UNKNOWN.format("x", "none")),
        ([x > 0, P, Label(labels), Real(z), OneHot(r, y)], u, UNKNOWN.format("u", "p, r, x, y, y, z")),
        ([P], p[k], UNKNOWN.format("k", "p")),
        ([Label(k)], p[k], UNKNOWN.format("p", "k")),
        ([Label(n, N)], maximum_norm(z), UNKNOWN.format("z", "n")),
        ([Label(n, N)], KroneckerDelta(n, labels[n]), "the index y[n] is neither a label nor the index of a sum"),
        ([], uniform(), "U is a vector; index it, as in U[k]"),
        ([x > 0], x * 0.5, "0.500000000000000 is rounded; write an exact number, such as Rational(1, 10)"),
        ([x > 0], sp.I * x, "I is not a real number"),
        ([x > 0], oo, "oo is not a real number"),
        ([x > 0], sp.nan, "nan is not a real number"),
        ([Label(y)], y, "the index y stands where a number is expected"),
        ([], total(x, x, K), "the index _x stands where a number is expected"),
        ([Label(labels), Label(n, N)], labels[n], "the label y[n] stands where a number is expected"),
        ([Label(i), Label(n, N)], KroneckerDelta(i, n), "KroneckerDelta(i, n) compares indices of different ranges"),
        ([P], Sum(p[k], (k, 0, K)), "a sum runs from 1 to K, N or M; Sum(p[_k], (_k, 0, K)) runs from 0 to K"),
        ([P], Sum(p[k], (k, 1, K - 1)),
         "a sum runs from 1 to K, N or M; Sum(p[_k], (_k, 1, K - 1)) runs from 1 to K - 1"),
        ([P], Sum(p[k], (k, 1, K), (n, 1, 3)),
         "a sum runs from 1 to K, N or M; Sum(p[_k], (_k, 1, K), (_n, 1, 3)) runs from 1 to 3"),
        ([P], total(p[k], k, N), "p[_k] is indexed over (N,); the shape of p is (K,)"),
        ([P], total(p[k], k) + p[k], UNKNOWN.format("k", "p")),
        ([P], Sum(p[k], (k, 1, N), (k, 1, K)), "p[_k] is indexed over (N,); the shape of p is (K,)"),
        ([P], maximum_norm(Vector("v", lambda c: Sum(p[k], (k, 1, N), (k, 1, K)))),
         "p[_k] is indexed over (N,); the shape of p is (K,)"),
        ([Real(scores), Label(i), Label(n, N)], scores[i, n],
         "z[i, n] is indexed over (K, N); the shape of z is (N, K)"),
        ([Label(labels), Label(i), P], p[labels[i]], "y[i] is indexed over (K,); the shape of y is (N,)"),
        ([P], p[1], "the index 1 is neither a label nor the index of a sum"),
        ([P, Label(i)], p[i + 1], "the index i + 1 is neither a label nor the index of a sum"),
        ([P, Real(z), Label(i)], p[z[i]], "the index z[i] is neither a label nor the index of a sum"),
        ([P, x > 0], p[x], "the index x is not a label: declare it with Label(x)"),
        ([P], p[K], "the index K is not a label: declare it with Label(K)"),
        ([x > 0, Label(n)], sp.Derivative(x**2, (x, n)),
         "Derivative(x**2, (x, n)): a derivative is of a whole order, got n"),
        ([x > 0], gradient(x * K, K), "Derivative(K*x, K): K is a whole number, there is no derivative in it"),
        ([x > 0], gradient(x * u, u), UNKNOWN.format("u", "x")),
        ([x > 0], gradient(x * u, x), UNKNOWN.format("u", "x")),
        ([Label(y), P], gradient(p[y], y), "the index y stands where a number is expected"),
        ([x > 0, P], gradient(x * maximum_norm(p), x),
         "Derivative(x*maximum_norm(p), x): the maximum norm has kinks; there is no derivative of it in the language"),
        ([P], maximum_norm(Vector("v", lambda c: sp.sin(p[c]))), "sin(p[_k]) (sin) is not in the language of claims"),
        ([Label(n, N)], maximum_norm(Vector("v", lambda c: KroneckerDelta(c, n))),
         "KroneckerDelta(_k, n) compares indices of different ranges"),
        ([x > 0], LambertW(x, -1), "LambertW(x, -1): of W there is the branch of positive numbers only"),
        ([x > 0], sp.Max(x, 1), "Max(1, x) (Max) is not in the language of claims"),
        ([x > 0], exp(sp.sin(x)), "sin(x) (sin) is not in the language of claims"),
        ([x > 0, Real(real("x", real=True)), Label(k)], x + real("x", real=True)[k],
         "two things are named x; give one of them another name"),
        ([Real(real("k", integer=True))], total(real("k", integer=True)[k], k),
         "two things are named k; give one of them another name"),
        ([Real(z), Real(scores), Label(k), Label(n, N)], z[k] + scores[n, k],
         "two things are named z; give one of them another name"),
        ([Real(sp.Symbol("g"))], sp.Symbol("g"), NOT_REAL.format("g")),
        ([Real(real("w")), Label(k)], real("w")[k], NOT_REAL.format("w")),
        *(([Real(sp.Symbol("g", **{fact: True}))], sp.Symbol("g", **{fact: True}), SIGN.format("g"))
          for fact in ("positive", "negative", "nonnegative", "nonpositive")),
        ([Real(sp.Symbol("g", real=True, nonzero=True))], sp.Symbol("g", real=True, nonzero=True), SIGN.format("g")),
        ([Real(real("w", positive=True)), Label(k)], real("w", positive=True)[k], SIGN.format("w")),
    ],
)  # fmt: skip
def test_what_is_outside_the_language_of_claims_is_named(given, expr, said):
    with pytest.raises(ValueError) as raised:
        Hypotheses(given).validate(expr)
    assert str(raised.value) == said


def test_whole_numbers_are_real_and_two_names_with_other_assumptions_are_two():
    m = sp.Symbol("m", integer=True)
    assert Hypotheses([Real(m), Real(x), Label(inputs), Label(n, N), P]).validate(m + x + p[inputs[n]]) is None


def test_the_same_hypotheses_may_be_given_in_any_iterable():
    assert Hypotheses(h for h in [x > 0, P]).latex() == r"x > 0,\quad p \text{ a distribution}"


def test_both_sides_of_a_statement_are_in_the_language():
    for sides in ((x, u), (u, x)):
        with pytest.raises(ValueError, match="the symbol u is not declared"):
            Claim("undeclared", (sides[0], "==", sides[1]), given=[x > 0])


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ([P, Q], r"p \text{ a distribution},\quad q \text{ a distribution} > 0"),
        ([OneHot(p, y)], r"p = \delta_{y}"),
        ([Label(y)], r"y \in \{1, \dots, K\}"),
        ([Label(n, N)], r"n \in \{1, \dots, N\}"),
        ([Label(labels)], r"y \in \{1, \dots, K\}"),
        ([Real(z), Real(x)], r"z \text{ real},\quad x \text{ real}"),
        ([x >= 0, gamma < 1], r"x \geq 0,\quad \gamma < 1"),
    ],
)
def test_hypotheses_are_shown_as_they_were_given(given, shown):
    assert Hypotheses(given).latex() == shown


@pytest.mark.parametrize("assumption", ["even", "odd", "prime"])
def test_a_label_carries_no_assumption_that_tells_it_from_another(assumption):
    label = sp.Symbol("y", integer=True, **{assumption: True})
    with pytest.raises(ValueError, match="the label y carries an assumption of its own"):
        Hypotheses([Label(label), Distribution(p)]).validate(p[label])
