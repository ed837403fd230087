"""What counts as a proof. Nothing outside this file can turn a statement into a theorem.

A statement `left (==, <=, >=) right` is proved, for every K >= 2, by one of these rules:

1. Normal form. The difference of the two sides is zero once derivatives are worked out, logarithms of products are split,
   sums are expanded term by term, factors that do not depend on the index are moved out, Kronecker deltas are summed, and
   the hypotheses sum_k p_k = 1 and sum_k 1 = K are used.
2. Sign. Every variable is written in a parameter that carries its domain (a q in (0, 1) as 1/(1+w) with w > 0, a γ > 1 as
   1+w); then the sign of the difference, or of every term of its sum, follows from SymPy's assumptions.
3. Tangent. f(a) = 0, f'(a) = 0 and f'' >= 0 on an interval that holds a: then f >= 0 there, and f > 0 off a if f'' > 0.
4. Lemmas. The difference is a sum of proved differences, each instantiated within its hypotheses, multiplied by something
   that is not negative and summed over k, plus a remainder that is zero (rule 1) or not negative (rule 2).
5. Derivation. A chain of lines, each of which is proved, from the left side to the right side.

Before any rule is tried, every logarithm, power and quotient in the statement must be shown to be defined on the whole
interior of the domain. Closed ends follow by continuity (see `lossmath.hypotheses`). After a rule has succeeded, the
statement is still evaluated at random points in multiple precision (`lossmath.refute`), as a guard against SymPy itself.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import permutations

import sympy as sp
from sympy import (
    Abs, Add, Dummy, Indexed, IndexedBase, Integer, KroneckerDelta, Mul, Pow, Rational, Sum, Symbol, exp, log, oo,
)  # fmt: skip

from lossmath.hypotheses import SIZES, SMOOTH, Distribution, Hypotheses, Label, OneHot
from lossmath.symbolic import K, M, N, Vector, latex, one_hot, unfold


SIGNS = {"==": "=", "<=": r"\leq", ">=": r"\geq"}


class ProofError(Exception):
    """The statement was not proved. The message says what was left over."""


@dataclass(frozen=True)
class Tangent:
    """Rule 3: in the variable `x`, at the point `at`."""

    x: Symbol
    at: sp.Expr


def tangent(x, at):
    """Prove by the tangent rule in x: at `at` the difference and its slope are zero, and it is convex."""
    return Tangent(x, sp.sympify(at))


@dataclass(frozen=True)
class Instance:
    """Rule 4: a proved statement at given values, multiplied by `times` and summed over `over`."""

    lemma: object  # a lossmath.claims.Proof
    statement: tuple
    values: dict
    times: sp.Expr
    over: Symbol | None


@dataclass
class Record:
    """How a statement was proved: the rules used, the lemmas used, and the steps to show, in Markdown."""

    rules: list[str] = field(default_factory=list)
    lemmas: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)

    def use(self, *rules, lemma=None):
        self.rules += [rule for rule in rules if rule not in self.rules]
        if lemma is not None and lemma not in self.lemmas:
            self.lemmas.append(lemma)

    def show(self, step):
        self.steps.append(step)


# Expressions that need no context


def freshen(expr):
    """`expr` with an index of its own for each sum, so that no index is captured."""
    if not expr.has(Sum):
        return expr
    args = [freshen(arg) for arg in expr.args]
    if not isinstance(expr, Sum):
        return expr.func(*args)
    names = {index: Dummy(index.name, integer=True) for index, _, _ in expr.limits}
    return Sum(args[0].xreplace(names), *((names[index], lower, upper) for index, lower, upper in expr.limits))


def differentiate(expr):
    """`expr` with every derivative worked out."""
    if not expr.has(sp.Derivative):
        return expr
    args = [differentiate(arg) for arg in expr.args]
    if not isinstance(expr, sp.Derivative):
        return expr.func(*args)
    result = args[0]
    for variable, count in expr.variable_count:
        result = freshen(result.diff(variable, count))
    return result


def factored(expr):
    """`expr` as one quotient in factors, unless that would mean polynomials of enormous degree."""
    numbers = set().union(*(power.exp.atoms(sp.Rational) for power in expr.atoms(Pow)))
    if expr.count_ops() > 400 or any(max(abs(number.p), number.q) > 12 for number in numbers):
        return expr
    return sp.factor(sp.together(expr))


def split_logs(expr):
    """`expr` with logarithms of products and powers written as sums, where signs allow it."""

    def split(argument):
        argument = split_logs(argument)
        return sp.expand_log(log(factored(argument)))

    def power(base, exponent):
        if exponent.is_Integer:
            return Pow(base, exponent)
        return sp.expand_power_base(Pow(factored(split_logs(base)), split_logs(exponent)))

    return expr.replace(log, split).replace(Pow, power)


def exponentiated(expr):
    """exp(expr) - 1, which has the sign of `expr`, if that rids it of its logarithms."""
    terms = [term.as_coeff_Mul() for term in Add.make_args(expr)]
    logs = [coefficient for coefficient, rest in terms if isinstance(rest, log)]
    if not logs or {*map(abs, logs)} != {1} or any(rest.has(log) and not isinstance(rest, log) for _, rest in terms):
        return expr
    return sp.expand(exp(expr)) - 1


def sampled(expr):
    """Values of `expr` at a few points of its variables' domains: a cheap reason to give up, never one to accept."""
    rng = random.Random(0)
    variables = sorted(expr.free_symbols, key=sp.default_sort_key)
    for scale in (1, 1, 10, Rational(1, 10)):
        point = {}
        for variable in variables:
            value = rng.randint(0, 5) if variable.is_integer else Rational(rng.randint(1, 400), 100) * scale
            point[variable] = -value if variable.is_nonpositive or (variable.is_nonnegative is None and rng.random() < 0.5) else value
        value = expr.xreplace(point).evalf(20)
        if value.is_Float or value.is_Integer:
            yield value


def bounded(expr):
    """`expr` with each power of a base on one side of 1 written in a parameter: u^γ in (0, 1) as 1/(1+w), w > 0."""

    def power(base, exponent):
        excess = factored(base - 1)
        if exponent.is_Integer or not exponent.is_nonzero or not (excess.is_positive or excess.is_negative):
            return Pow(base, exponent)
        if exponent.is_positive is None and exponent.is_negative is None:
            return Pow(base, exponent)
        above = 1 + Dummy("w", positive=True)
        return above if bool(excess.is_positive) == bool(exponent.is_positive) else 1 / above

    def exponential(exponent):
        return power(sp.E, exponent)

    parameters = {}
    for node in expr.atoms(Pow, exp):
        value = exponential(node.args[0]) if isinstance(node, exp) else power(*node.args)
        if value != node:
            parameters[node] = value
    return expr.xreplace(parameters)


def _lettered(expr):
    """A normal form with the letters of the book for the indices of its sums."""
    if not expr.has(Sum):
        return expr
    args = [_lettered(arg) for arg in expr.args]
    if not isinstance(expr, Sum):
        return expr.func(*args)
    letters = {K: "jki", N: "n", M: "a"}
    names = {
        index: Symbol(letters[size][min(int(index.name[1]), len(letters[size])) - 1], integer=True) for index, _, size in expr.limits
    }
    return Sum(args[0].xreplace(names), *((names[index], lower, upper) for index, lower, upper in expr.limits))


def difference(left, relation, right):
    """What must be zero (for ==) or not negative (for <= and >=)."""
    return right - left if relation == "<=" else left - right


# Expressions under hypotheses


class Domain:
    """Decides identities and signs for symbols that obey `hypotheses`.

    With `strict`, variables reach the closed ends of their domains; without, they are inside, and what is then shown of
    continuous functions (an identity, or >=) holds at the ends too. That something is > 0 or defined is shown strictly.
    """

    def __init__(self, hypotheses: Hypotheses, strict: bool = False):
        self.hypotheses = hypotheses
        self.strict = strict
        self.used: set[str] = set()  # hypotheses that a normal form used, to name in the proof
        self._entries: dict[Indexed, sp.Expr] = {}
        self._sums: dict[tuple, sp.Expr] = {}
        self._known: dict[tuple, bool] = {}
        self._closed: dict[Symbol | None, list[Domain]] = {}
        self._sizes = {size: least + Dummy(str(size), integer=True, nonnegative=True) for size, least in SIZES.items()}
        self._bases = {
            base: IndexedBase(
                base.label.name, shape=base.shape, **{"nonnegative" if strict and not positive else "positive": True}
            )
            for base, positive in hypotheses.distributions.items()
        }
        self._scalars = {x: self._parameter(x, interval) for x, interval in hypotheses.intervals.items()}

    def _parameter(self, x, interval):
        if isinstance(interval, sp.FiniteSet):
            return next(iter(interval))
        low, high = interval.start, interval.end
        closed_low, closed_high = self.strict and not interval.left_open, self.strict and not interval.right_open
        sign = "nonnegative" if (closed_low if high is oo else closed_high) else "positive"
        if low is -oo and high is oo:
            return Dummy(x.name, real=True)
        if high is oo:
            return low + Dummy(x.name, **{sign: True})
        if low is -oo:
            return high - Dummy(x.name, **{sign: True})
        if closed_low:
            return high - (high - low) / (1 + Dummy(x.name, nonnegative=True))
        return low + (high - low) / (1 + Dummy(x.name, **{sign: True}))

    # From a statement to a normal form

    def prepare(self, expr):
        """`expr` unfolded, with derivatives worked out and one-hot distributions put in; scalars are still symbols."""
        expr = differentiate(freshen(unfold(sp.sympify(expr))))
        for base, label in self.hypotheses.onehots.items():
            expr = expr.replace(
                lambda node, base=base: isinstance(node, Indexed) and node.base == base,
                lambda node, label=label: KroneckerDelta(node.indices[0], label),
            )
        return expr.xreplace(self._bases)

    def normal(self, expr):
        """The normal form of a prepared expression."""
        return self._normal(freshen(expr.xreplace(self._scalars)))

    def shown(self, expr):
        """The normal form of `expr` for a reader: in the symbols of the claim, with indices k, j, n for those of its sums."""
        domain = Domain(self.hypotheses)
        domain._scalars = {}
        return _lettered(domain.normal(domain.prepare(expr)))

    def _normal(self, expr):
        if isinstance(expr, Sum):
            return self._sum(self._normal(expr.function), dict((index, size) for index, _, size in expr.limits))
        if isinstance(expr, (Indexed, KroneckerDelta)) or not expr.args:
            return expr
        expr = expr.func(*map(self._normal, expr.args))
        if isinstance(expr, Abs):  # the definition of the modulus
            (inside,) = expr.args
            return inside if self.nonnegative(inside) else -inside if self.nonnegative(-inside) else expr
        return sp.expand(split_logs(expr))

    def _sum(self, body, sizes):
        """The sum of `body` over the indices in `sizes`."""
        if not sizes:
            return self._normal(body)
        return sp.expand(Add(*(self._sum_term(term, sizes) for term in Add.make_args(sp.expand(split_logs(body))))))

    def _sum_term(self, term, sizes):
        factors, sizes = [], dict(sizes)
        for factor in Mul.make_args(term):
            if isinstance(factor, Sum) and factor.free_symbols & sizes.keys():  # a sum within the sum: exchange them
                inner = freshen(factor)
                sizes |= {index: size for index, _, size in inner.limits}
                factors += Mul.make_args(inner.function)
            else:
                factors.append(factor)
        term = Mul(*factors)
        for delta in term.atoms(KroneckerDelta):
            for index, other in (delta.args, delta.args[::-1]):
                if index not in sizes:
                    continue
                if delta in Mul.make_args(term):  # the sum of δ_{kb} f(k) is f(b)
                    rest = {i: size for i, size in sizes.items() if i != index}
                    return self._sum((term / delta).xreplace({index: other}), rest)
                # f(δ) = f(0) + δ (f(1) - f(0)), as δ is 0 or 1
                off, on = term.xreplace({delta: Integer(0)}), term.xreplace({delta: Integer(1)})
                return self._sum(off + delta * (on - off), sizes)
        return self._separate(list(Mul.make_args(term)), sizes)

    def _separate(self, factors, sizes):
        """The sum of a product: factors that share no index are summed apart."""
        for index, size in sizes.items():
            touching = [f for f in factors if index in f.free_symbols]
            rest = {i: other for i, other in sizes.items() if i != index}
            if not touching:
                return size * self._separate(factors, rest)
            if len(touching) == 1 and self._sums_to_one(touching[0], index):
                self.used.add(rf"\sum_{{k}} {touching[0].base.label}_k = 1")
                return self._separate([f for f in factors if f is not touching[0]], rest)
        groups = []  # of (indices, factors)
        for factor in factors:
            indices = factor.free_symbols & sizes.keys()
            joined = [factor]
            for group in [g for g in groups if g[0] & indices]:
                groups.remove(group)
                indices, joined = indices | group[0], group[1] + joined
            groups.append((indices, joined))
        return Mul(*(self._canonical(Mul(*fs), {i: sizes[i] for i in ids}) if ids else Mul(*fs) for ids, fs in groups))

    def _sums_to_one(self, factor, index):
        return (
            isinstance(factor, Indexed)
            and factor.base in self._bases.values()
            and factor.indices[-1] == index
            and index not in {*factor.indices[:-1]}
        )

    @staticmethod
    def _canonical(body, sizes):
        """The sum, with names for its indices that depend only on its form."""
        level = 1 + max((int(b.name[1:].split("_")[0]) for s in body.atoms(Sum) for b in s.bound_symbols), default=0)
        names = [Symbol(f"c{level}_{m}", integer=True) for m in range(len(sizes))]
        ordered = sorted(sizes, key=lambda index: sizes[index].name)
        forms = []
        for permuted in permutations(ordered):
            if [sizes[index] for index in permuted] == [sizes[index] for index in ordered]:
                renamed = body.xreplace(dict(zip(permuted, names)))
                forms.append(Sum(renamed, *((name, 1, sizes[index]) for name, index in zip(names, permuted))))
        return min(forms, key=sp.default_sort_key)

    # From a normal form to an expression in plain variables

    def _cases(self, expr, distinct=frozenset()):
        """The forms of a normal form when two labels coincide and when they do not; `distinct` holds pairs that do not."""
        expr = expr.xreplace({delta: Integer(0) for delta in expr.atoms(KroneckerDelta) if frozenset(delta.args) in distinct})
        deltas = sorted(expr.atoms(KroneckerDelta), key=sp.default_sort_key)
        if not deltas:
            return [expr]
        one, other = deltas[0].args
        apart = self._cases(expr, distinct | {frozenset((one, other))})
        moved = {frozenset(label.xreplace({one: other}) for label in pair) for pair in distinct}
        if any(len(pair) == 1 for pair in moved):  # they cannot coincide
            return apart
        return apart + self._cases(self._normal(freshen(expr.xreplace({one: other}))), frozenset(moved))

    def _plain(self, expr, split):
        """A normal form with every entry and every sum replaced by a variable of known sign."""
        sums = {s: self._sum_variable(s, expr, split) for s in self._outer(expr, Sum)}
        expr = expr.xreplace(sums)
        entries = {entry: self._entry(entry) for entry in expr.atoms(Indexed)}
        return expr.xreplace(entries).xreplace(self._sizes)

    @staticmethod
    def _outer(expr, kind):
        if isinstance(expr, kind):
            return {expr}
        return set().union(*(Domain._outer(arg, kind) for arg in expr.args))

    def _entry(self, entry):
        if entry not in self._entries:
            name = str(entry)
            if entry.base not in self._bases.values():
                value = Dummy(name, real=True)
            elif entry.is_positive:  # with at least two classes, q_k > 0 for each gives q_k < 1
                value = 1 / (1 + Dummy(name, positive=True))
            else:
                value = Dummy(name, nonnegative=True)
            self._entries[entry] = value
        return self._entries[entry]

    def _sum_variable(self, total, context, split):
        index, _, size = total.limits[0]
        if split and len(total.limits) == 1:
            outside = context.xreplace({s: Dummy() for s in self._outer(context, Sum)}).atoms(Indexed)
            labels = {label for entry in outside for label in entry.indices}
            picked = [c for c in labels if self._inside(total.function.xreplace({index: c}), c, outside)]
            if len(picked) == 1:  # the sum is one term and the others, of which K >= 2 leaves at least one
                label = picked[0]
                sign = self._sign(total.function) if SIZES[size] > 1 else self._weak(self._sign(total.function))
                rest = self._sums.setdefault((total, label), Dummy("rest", real=True, **sign))
                return rest + self._plain(total.function.xreplace({index: label}), False)
        return self._sums.setdefault((total, None), Dummy("sum", real=True, **self._sign(total.function)))

    @staticmethod
    def _inside(term, label, outside):
        entries = {entry for entry in term.atoms(Indexed) if label in entry.indices}
        return bool(entries) and entries <= outside

    @staticmethod
    def _weak(sign):
        return {{"positive": "nonnegative", "negative": "nonpositive"}.get(key, key): True for key in sign}

    def _sign(self, expr):
        for key, test, value in (
            ("positive", self.positive, expr),
            ("negative", self.positive, -expr),
            ("nonnegative", self.nonnegative, expr),
            ("nonpositive", self.nonnegative, -expr),
        ):
            if test(value):
                return {key: True}
        return {}

    # Decisions on normal forms

    def zero(self, expr):
        """Rule 1 on a normal form."""
        return all(self._is_zero(self._plain(case, False)) for case in self._cases(expr))

    @staticmethod
    def _is_zero(expr):
        if expr.has(sp.nan, sp.zoo, oo, -oo) or any(abs(value) > 1e-12 for value in sampled(expr)):
            return False
        expr = expr.rewrite([sp.sinh, sp.cosh, sp.tanh], exp)
        if expr == 0 or (expr := sp.expand(split_logs(expr))) == 0:
            return True
        numerator, _ = sp.fraction(sp.together(expr))
        if sp.expand(split_logs(numerator)) == 0:
            return True
        return expr.count_ops() < 100 and sp.simplify(expr) == 0

    def nonnegative(self, expr):
        """Rule 2 on a normal form: it is >= 0 on the whole domain."""
        return self._has_sign(expr, "is_nonnegative")

    def termwise(self, expr):
        """Rule 2 on a prepared expression as it is written, before squares are multiplied out."""
        return not expr.has(KroneckerDelta) and self.nonnegative(freshen(expr.xreplace(self._scalars)))

    def positive(self, expr):
        """Rule 2 on a normal form: it is > 0 on the whole domain."""
        return self._has_sign(expr, "is_positive")

    def _has_sign(self, expr, question):
        if (expr, question) not in self._known:
            self._known[expr, question] = all(
                any(self._answers(form, question) for form in self._gathered(case)) for case in self._cases(expr)
            )
        return self._known[expr, question]

    def _answers(self, expr, question):
        for split in (False, True):
            plain = self._plain(expr, split)
            if plain.has(sp.nan, sp.zoo, oo, -oo) or plain.is_real is False:
                return False
            if any(value < -1e-12 for value in sampled(plain)):
                if not expr.has(Sum):
                    return False
                continue
            for form in (
                lambda e: e,
                factored,
                lambda e: sp.expand(split_logs(e)),
                lambda e: factored(sp.expand(split_logs(sp.together(e)))),
                lambda e: factored(bounded(e)),
                exponentiated,
                lambda e: sp.trigsimp(e) if e.has(sp.sinh, sp.cosh, sp.tanh) else e,
            ):
                if getattr(form(plain), question):
                    return True
            if not expr.has(Sum):
                break
        return False

    def _gathered(self, expr):
        """The normal form, and the same with its sums over the classes gathered into one.

        The terms outside the sums are multiplied by sum_k p_k = 1 to join them.
        """
        yield expr
        index, inside, outside = Dummy("k", integer=True), Integer(0), Integer(0)
        for term in Add.make_args(expr):
            sums = [f for f in Mul.make_args(term) if isinstance(f, Sum) and len(f.limits) == 1 and f.limits[0][2] == K]
            if len(sums) == 1:
                inside += (term / sums[0]) * sums[0].function.xreplace({sums[0].limits[0][0]: index})
            else:
                outside += term
        if inside == 0:
            return
        yield Sum(inside, (index, 1, K)) + outside
        if outside != 0:
            for base in self._bases.values():
                if base.shape == (K,):
                    yield Sum(inside + outside * base[index], (index, 1, K))

    def undefined(self, expr, weights=()):
        """A part of a prepared expression that was not shown to be defined on the whole domain, ends included; or None.

        `weights` multiply it. Where a weight f vanishes, f log(f w) with w > 0 is read as its limit, 0.
        """
        if isinstance(expr, (Indexed, KroneckerDelta)) or not expr.args:
            return None
        if isinstance(expr, Sum):
            return self.undefined(expr.function, weights)
        if isinstance(expr, Mul):
            inside = [(arg, (*weights, *(other for other in expr.args if other is not arg))) for arg in expr.args]
        else:
            inside = [(arg, weights if isinstance(expr, Add) else ()) for arg in expr.args]
        for part, around in inside:
            if (found := self.undefined(part, around)) is not None:
                return found
        if isinstance(expr, sp.sign):  # the slope of a modulus, which has none at 0
            return None if self.above(expr.args[0]) or self.above(-expr.args[0]) else expr
        if isinstance(expr, log):
            (u,) = expr.args
            vanishing = [f.base if isinstance(f, Pow) and f.exp.is_positive else f for f in weights]
            return None if self.above(u) or any(self._vanishes_with(u, f) for f in vanishing) else expr
        if isinstance(expr, Pow):
            base, exponent = expr.args
            if exponent.is_Integer:
                return None if exponent >= 0 or self.above(base) or self.above(-base) else expr
            if self.above(base):
                return None
            defined = self.nonnegative(self.normal(base)) and self.above(exponent)
            return None if defined else expr
        return None

    def above(self, expr, inside=None):
        """A prepared expression is > 0 on the whole domain, closed ends included (but for those of `inside`)."""
        return all(domain.positive(domain.normal(expr.xreplace(domain._bases_of(self)))) for domain in self.closed(inside))

    def _vanishes_with(self, u, f):
        """u = f w with w > 0 for a factor f; a δ is 0 or 1, so only u at δ = 1 matters."""
        if isinstance(f, KroneckerDelta):
            return self.above(u.xreplace({f: Integer(1)}))
        ratio = sp.cancel(sp.together(u / f))
        return not ratio.has(f) and self.above(ratio)

    def closed(self, inside=None):
        """Strict domains that together cover the domain with its closed ends, those of the variable `inside` left out."""
        if inside not in self._closed:
            self._closed[inside] = strict_domains(self.hypotheses, inside)
        return self._closed[inside]

    def _bases_of(self, other):
        """This domain's stand-ins in place of those of `other`."""
        return {mine: self._bases[base] for base, mine in other._bases.items()}


def strict_domains(hypotheses, inside=None):
    """Domains that take closed ends as they are; an interval closed at both ends is its half-open part and its end."""
    parts = [{}]
    for x, interval in hypotheses.intervals.items():
        if isinstance(interval, sp.Interval):
            options = [interval]
            if x == inside:
                options = [interval.interior]
            elif interval.inf.is_finite and interval.sup.is_finite and not (interval.left_open or interval.right_open):
                options = [sp.Interval.Ropen(interval.inf, interval.sup), sp.FiniteSet(interval.sup)]
            parts = [{**part, x: option} for part in parts for option in options]
    domains = []
    for part in parts:
        narrowed = Hypotheses(hypotheses.given)
        narrowed.intervals.update(part)
        domains.append(Domain(narrowed, strict=True))
    return domains


# The rules


def prove(left, relation, right, hypotheses, by=None, equality=None):
    """Prove one statement and return the Record of it, or raise ProofError."""
    domain, record = Domain(hypotheses), Record()
    for side in (left, right):
        if (part := domain.undefined(domain.prepare(side))) is not None:
            raise ProofError(f"it was not shown that {part} is defined under the hypotheses")
    delta = domain.prepare(difference(left, relation, right))
    if by is None:
        tight = _by_normal_form(left, relation, right, delta, domain, record)
    elif isinstance(by, Tangent):
        tight = _by_tangent(delta, relation, by, domain, record)
    elif isinstance(by, Chain):
        tight = _by_chain(left, relation, right, by, domain, record)
    else:
        instances = [by] if isinstance(by, Instance) else by
        if not isinstance(instances, (list, tuple)) or not all(isinstance(one, Instance) for one in instances):
            raise TypeError(f"by is None, tangent(x, at=...), proof.at(...) or a list of these, or a derivation; got {by!r}")
        tight = _by_lemmas(delta, relation, instances, domain, record)
    for used in sorted(domain.used):
        record.show(f"${used}$, by hypothesis")
    if equality:
        _exactly_at(equality, difference(left, relation, right), tight, domain)
        record.show("equality at " + ", ".join(f"${latex(a)} = {latex(b)}$" for a, b in equality.items()) + " and nowhere else")
    return record


def _by_normal_form(left, relation, right, delta, domain, record):
    normal = domain.normal(delta)
    record.use("normal form")
    if domain.zero(normal):
        record.show(f"both sides have the normal form ${latex(domain.shown(right))}$")
    else:
        if relation == "==":
            raise ProofError(f"the difference of the two sides does not reduce to 0; left over is {normal}")
        if not domain.nonnegative(normal) and not domain.termwise(delta):
            raise ProofError(f"the sign of the difference does not follow from the hypotheses; left over is {normal}")
        record.use("sign")
        record.show(rf"the difference, by its signs, is ${latex(domain.shown(difference(left, relation, right)))} \geq 0$")


def _by_tangent(delta, relation, by, domain, record):
    x, a = by.x, by.at
    if relation == "==":
        raise ProofError("the tangent rule proves inequalities, not identities")
    if x not in domain.hypotheses.intervals or a.has(x):
        raise ProofError(f"the tangent rule needs a real variable of the claim and a point without it, got {x} at {a}")
    for node in sp.preorder_traversal(delta):
        if node.has(x) and node.args and not isinstance(node, (*SMOOTH, sp.Tuple)):
            raise ProofError(f"{node} may have a kink")
    interval = domain.hypotheses.intervals[x]
    for end, side in ((interval.inf, 1), (interval.sup, -1)):
        if end.is_finite and not domain.nonnegative(domain.normal(side * (a - end))):
            raise ProofError(f"it was not shown that {x} = {a} lies in {interval}")
    slope, bend = delta.diff(x), delta.diff(x, 2)
    for name, value in (("f", delta), ("f'", slope)):
        at = value.xreplace({x: a})
        if domain.undefined(at) is not None or not domain.zero(domain.normal(at)):
            raise ProofError(f"at {x} = {a}, {name} = {at} does not reduce to 0")
    normal = domain.normal(bend)
    if not domain.nonnegative(normal):
        raise ProofError(f"f'' = {bend} was not shown to be >= 0")
    record.use("tangent")
    at = f"zero at ${latex(x)} = {latex(a)}$"
    record.show(f"the difference, $f({latex(x)}) = {latex(delta)}$, is {at}")
    record.show(f"its slope, $f'({latex(x)}) = {latex(sp.factor(slope))}$, is {at}")
    record.show(rf"it is convex, $f''({latex(x)}) = {latex(sp.factor(bend))} \geq 0$, so it lies above its tangent")
    # strictly convex in x, whatever the others are, their closed ends included: then equality at a only
    return [(x, a, None)] if domain.above(bend, x) else None


def _by_lemmas(delta, relation, instances, domain, record):
    rest, tight = delta, []
    for instance in instances:
        gain, points, shown = _instantiate(instance, relation, domain)
        rest = rest - gain
        tight += points
        record.use("lemma", lemma=instance.lemma.claim.id)
        record.show(f"`{instance.lemma.claim.id}` says: {shown}")
    left_over, rest = rest, domain.normal(rest)
    if not domain.zero(rest):
        if relation == "==":
            raise ProofError(f"the lemmas do not add up to the difference; left over is {rest}")
        if not domain.nonnegative(rest) and not domain.termwise(left_over):
            raise ProofError(f"the lemmas leave a remainder of unknown sign, {rest}")
        record.use("sign")
    return tight


def _instantiate(instance, relation, domain):
    """What the instance adds, prepared; where it is tight, as (one, other, index); and how to show it."""
    lemma, (left, kind, right) = instance.lemma.claim, instance.statement
    if relation == "==" and kind != "==":
        raise ProofError(f"an identity does not follow from the inequality {lemma.id}")
    if unknown := instance.values.keys() - lemma.hypotheses.declared:
        raise ProofError(f"{lemma.id} says nothing of {', '.join(map(str, unknown))}")
    values = {symbol: instance.values.get(symbol, symbol) for symbol in lemma.hypotheses.declared}
    gain = instance.times * substitute(difference(left, kind, right), values)
    given, index = domain.hypotheses.given, instance.over
    size = K if index is None else _range(index, gain)
    if index is not None and index not in domain.hypotheses.labels:
        given = (*given, Label(index, size))  # the index of the sum is a label like any other
    inside = Domain(Hypotheses(given))
    inside.hypotheses.validate(gain)
    _verify(lemma.hypotheses, values, inside, lemma.id)
    times = inside.prepare(instance.times)
    if kind != "==" and not inside.nonnegative(inside.normal(times)):
        raise ProofError(f"it was not shown that the multiplier {instance.times} is not negative")
    if (part := inside.undefined(inside.prepare(gain))) is not None:
        raise ProofError(f"it was not shown that {part} is defined in the instance of {lemma.id}")
    points = []
    if lemma.equality and inside.above(inside.prepare(instance.times)):
        for one, other in lemma.equality.items():
            c = Dummy("k", integer=True) if isinstance(one, IndexedBase) else index
            points.append((_entry(values[one], c), _entry(values.get(other, other), c), c))
    shown = f"${latex(substitute(left, values))} {SIGNS[kind]} {latex(substitute(right, values))}$"
    if instance.times != 1:
        shown += f", multiplied by ${latex(instance.times)}$"
    if index is not None:
        gain = Sum(gain, (index, 1, size))
        shown += f", summed over ${latex(index)}$"
    return domain.prepare(gain), points, shown


def _range(index, expr):
    """The size of what `index` runs over in `expr`: the classes, unless it stands where something else is counted."""
    for entry in sorted(expr.atoms(Indexed), key=sp.default_sort_key):
        if index in entry.indices:
            return entry.base.shape[entry.indices.index(index)]
    return K


def _verify(hypotheses, values, inside, lemma):
    """The instance obeys the hypotheses of the lemma. What must be > 0 is verified with closed ends closed."""

    def refuse(what):
        raise ProofError(f"it was not shown that {what}, as {lemma} assumes")

    for base, positive in hypotheses.distributions.items():
        value, c = values[base], Dummy("k", integer=True)
        own = inside.hypotheses.distributions.get(value)
        if own is not None and own >= positive:
            continue
        if base.shape != (K,):
            refuse(f"the rows of {value} are distributions")
        prepared = inside.prepare(value[c])
        if not (inside.above(prepared) if positive else inside.nonnegative(inside.normal(prepared))):
            refuse(f"the entries of {value} are {'> 0' if positive else '>= 0'}")
        if not inside.zero(inside.normal(inside.prepare(Sum(value[c], (c, 1, K)) - 1))):
            refuse(f"the entries of {value} sum to 1")
    for base, label in hypotheses.onehots.items():
        if values[base] != one_hot(values[label]) and inside.hypotheses.onehots.get(values[base]) != values[label]:
            refuse(f"{values[base]} is one-hot at {values[label]}")
    for label, size in hypotheses.labels.items():
        if inside.hypotheses.labels.get(values[label]) != size:
            refuse(f"{values[label]} is a label from 1 to {size}")
    for symbol, interval in hypotheses.intervals.items():
        value = sp.sympify(values[symbol])
        if value in inside.hypotheses.intervals and inside.hypotheses.intervals[value].is_subset(interval):
            continue
        for end, side, is_open in ((interval.inf, 1, interval.left_open), (interval.sup, -1, interval.right_open)):
            if end.is_finite:
                room = inside.prepare(side * (value - end))
                if not (inside.above(room) if is_open else inside.nonnegative(inside.normal(room))):
                    refuse(f"{value} lies in {interval}")


def _entry(value, index):
    return value[index] if isinstance(value, (IndexedBase, Vector)) else sp.sympify(value)


def substitute(expr, values):
    """`expr`, unfolded, with symbols and whole vectors replaced at once."""
    marks = {symbol: Dummy(symbol.name, integer=symbol.is_integer) for symbol in values if isinstance(symbol, Symbol)}
    # derivatives first: what is put in for u may contain the variable of the derivative
    expr = differentiate(freshen(unfold(sp.sympify(expr)))).xreplace(marks)
    expr = expr.replace(
        lambda node: isinstance(node, Indexed) and node.base in values,
        lambda node: values[node.base][node.indices if len(node.indices) > 1 else node.indices[0]],
    )
    return unfold(expr.xreplace({mark: sp.sympify(values[symbol]) for symbol, mark in marks.items()}))


def _exactly_at(equality, delta, tight, domain):
    """The difference is zero where `equality` says, and nowhere else."""
    here = domain.prepare(substitute(delta, equality))
    if domain.undefined(here) is not None or not domain.zero(domain.normal(here)):
        raise ProofError(f"at {equality} the two sides were not shown to be equal")
    if len(equality) != 1:
        raise ProofError(f"equality is stated at one place, such as {{q: p}}; got {equality}")
    ((one, other),) = equality.items()
    for left, right, index in tight or ():
        # where the proof is tight, left = right for each index; this must say the same as what is stated
        if isinstance(one, IndexedBase) == (index is not None):
            c = index if index is not None else Dummy("k", integer=True)
            stated, proved = domain.prepare(_entry(one, c) - _entry(other, c)), domain.prepare(left - right)
            if stated != 0 and proved != 0:
                ratio = sp.cancel(sp.together(stated / proved))
                if domain.above(ratio) or domain.above(-ratio):
                    return
    raise ProofError(f"it was not shown that equality holds only at {equality}")


@dataclass
class Chain:
    """Rule 5: proved lines from `start`, as (relation, expression, reason, Record)."""

    start: sp.Expr
    hypotheses: Hypotheses
    lines: list = field(default_factory=list)

    @property
    def end(self):
        return self.lines[-1][1] if self.lines else self.start

    @property
    def relation(self):
        return next((relation for relation, *_ in self.lines if relation != "=="), "==")

    def add(self, relation, expr, reason, by):
        if relation != "==" and self.relation not in ("==", relation):
            raise ValueError(f"a line {relation} cannot follow a line {self.relation}: nothing follows for the ends")
        record = prove(self.end, relation, expr, self.hypotheses, by)
        self.lines.append((relation, expr, reason, record))


def _by_chain(left, relation, right, chain, domain, record):
    if missing := [h for h in chain.hypotheses.given if h not in domain.hypotheses.given]:
        raise ProofError(f"the derivation assumes {missing[0]}, which the claim does not")
    if relation == "==" and chain.relation != "==" or chain.relation not in ("==", relation):
        raise ProofError(f"the derivation proves {chain.relation}, the claim states {relation}")
    for name, one, other in (("starts", chain.start, left), ("ends", chain.end, right)):
        if not domain.zero(domain.normal(domain.prepare(one - other))):
            raise ProofError(f"the derivation {name} at {one}, the claim at {other}")
    record.use("derivation")
    for *_, line in chain.lines:
        record.use(*line.rules)
        for lemma in line.lemmas:
            record.use(lemma=lemma)
