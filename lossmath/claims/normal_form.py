"""Rule 1: the normal form of an expression whose symbols obey hypotheses. A trusted file.

Derivatives are worked out, logarithms of products split, sums expanded term by term, factors that do not depend on the
index moved out, Kronecker deltas summed, and the hypotheses Σ_k p_k = 1 and Σ_k 1 = K used. What SymPy does on the way
(expand, factor, expand_log) need not be trusted: `lossmath.claims.signs` believes a normal form only where it agrees
with the expression that it was made of, at random rational points.
"""

from functools import cache, lru_cache
from itertools import permutations
from math import comb

import sympy as sp
from sympy import Add, Dummy, Indexed, IndexedBase, Integer, KroneckerDelta, LambertW, Mul, Pow, Sum, exp, log, oo

from lossmath.claims.errors import ProofError
from lossmath.claims.hypotheses import SIZES, Hypotheses
from lossmath.claims.quantities import MaximumNorm, differentiate, freshen, unfold

WORK = 100_000  # the most operations in what is expanded for one proof
LARGE = 400  # operations from which on an expression is not factored
TERMS = 2000  # the most that a power of a sum is multiplied out to
HIGH = 12  # the largest number in an exponent of what is factored: beyond, polynomials are of enormous degree


class Context:
    """Stand-ins for the symbols of hypotheses, which carry their domains.

    With `strict`, variables reach the closed ends of their domains; without, they are inside, and what is then shown of
    continuous functions (an identity, or >=) holds at the ends too. That something is > 0 or defined is shown strictly.
    """

    def __init__(self, hypotheses: Hypotheses, strict: bool = False, intervals: dict | None = None):
        self.hypotheses = hypotheses
        self.strict = strict
        self.used: set[str] = set()  # hypotheses that a normal form used, to name in the proof
        self.variables: dict = {}  # what stands for its entries and sums
        self.work = 0
        self.sizes = {size: least + Dummy(str(size), integer=True, nonnegative=True) for size, least in SIZES.items()}
        self.bases = {base: self._stand_in(base) for base in hypotheses.declared if isinstance(base, IndexedBase)}
        self.rows = {self.bases[base] for base in hypotheses.distributions}  # each sums to 1 over its last index
        intervals = hypotheses.intervals if intervals is None else intervals
        self.scalars = {x: parametrise(x, interval, strict) for x, interval in intervals.items()}

    def _stand_in(self, base):
        """A base that carries its domain, with a name that nothing else has."""
        fact = "integer" if base in self.hypotheses.labels else "real"
        if base in self.hypotheses.distributions:
            fact = "nonnegative" if self.strict and not self.hypotheses.distributions[base] else "positive"
        return IndexedBase(Dummy(base.label.name, **{fact: True}), shape=base.shape)

    def spend(self, expr):
        """Count the operations in `expr` as work; raise ProofError if there has been too much for one proof."""
        self.work += 1 + sum(1 for _ in sp.preorder_traversal(expr))
        if self.work > WORK:
            raise ProofError(f"gave up after {WORK} operations")


def parametrise(x, interval, strict):
    """`x` written in a parameter that carries its domain: one in (0, 1) as 1 - 1/(1 + w) with w > 0."""
    if isinstance(interval, sp.FiniteSet):
        return next(iter(interval))
    low, high = interval.start, interval.end
    if low is -oo and high is oo:
        return Dummy(x.name, real=True)
    closed_low, closed_high = strict and not interval.left_open, strict and not interval.right_open
    w = Dummy(x.name, **{"nonnegative" if closed_low or closed_high else "positive": True})
    if low is -oo or high is oo:
        return low + w if high is oo else high - w
    return high - (high - low) / (1 + w) if closed_low else low + (high - low) / (1 + w)


@lru_cache(maxsize=512)
def find_strict(context, inside=None):
    """Strict contexts that together cover the domain with its closed ends, those of the variable `inside` left out.

    An interval that is closed at both ends is its half-open part and its end.
    """
    if context.strict:
        return [context]
    parts = [{}]
    for x, interval in context.hypotheses.intervals.items():
        options = [interval]
        if isinstance(interval, sp.Interval) and x == inside:
            options = [interval.interior]
        elif isinstance(interval, sp.Interval) and interval.is_closed and interval.measure.is_finite:
            options = [sp.Interval.Ropen(interval.inf, interval.sup), sp.FiniteSet(interval.sup)]
        parts = [{**part, x: option} for part in parts for option in options]
    return [Context(context.hypotheses, True, part) for part in parts]


# From a statement to its normal form


def find_difference(left, relation, right):
    """What must be zero (for ==) or not negative (for <= and >=)."""
    return right - left if relation == "<=" else left - right


def prepare(context, expr):
    """`expr` unfolded, derivatives worked out, with stand-ins for its vectors; scalars are still symbols."""
    # derivatives first: a stand-in that is never negative would hide the kink of a modulus
    expr = differentiate(freshen(unfold(sp.sympify(expr))))

    def put_in(entry):
        label = context.hypotheses.onehots.get(entry.base)
        return context.bases[entry.base][entry.indices] if label is None else KroneckerDelta(entry.indices[0], label)

    return expr.replace(lambda node: isinstance(node, Indexed) and node.base in context.bases, put_in)


def normalise(context, expr):
    """The normal form of a prepared expression."""
    return reduce(context, freshen(expr.xreplace(context.scalars)))


def reduce(context, expr):
    """The normal form of an expression in stand-ins."""
    if isinstance(expr, Sum):
        body = reduce(context, expr.function)
        return _sum(context, body, {index: size for index, _, size in expr.limits})
    if isinstance(expr, (Indexed, KroneckerDelta, MaximumNorm)) or not expr.args:
        return expr
    expr = reduce_deltas(expr) if expr.is_Mul else expr
    expr = expr.func(*(reduce(context, arg) for arg in expr.args))
    return expand(context, expand_lambertw(expr.rewrite([sp.sinh, sp.cosh, sp.tanh], exp)))


def expand(context, expr):
    """`expr` multiplied out, with logarithms of products and powers as sums, where signs allow it."""
    expr = split_logs(expr)
    for power in expr.atoms(Pow):
        of_a_sum = power.base.is_Add and power.exp.is_Integer
        if of_a_sum and comb(abs(power.exp) + len(power.base.args), abs(power.exp)) > TERMS:
            raise ProofError(f"gave up on multiplying out {power}")
    context.spend(expr)
    expr = sp.expand(expr)
    if expr.has(sp.Product):  # in which the index is bound, as in a sum; no rule knows it
        raise ProofError("gave up on the exponential of a sum over an index")
    context.spend(expr)
    return expr


@lru_cache(maxsize=4096)
def split_logs(expr):
    """`expr` with logarithms of products and powers written as sums, where signs allow it."""

    def split(argument):
        return sp.expand_log(log(factor(split_logs(argument))))

    def power(base, exponent):
        if exponent.is_Integer:
            return Pow(factor(base) if exponent < 0 else base, exponent)
        return sp.expand_power_base(Pow(factor(split_logs(base)), split_logs(exponent)))

    return expr.replace(exp, lambda exponent: exp(factor(exponent))).replace(log, split).replace(Pow, power)


@lru_cache(maxsize=4096)
def factor(expr):
    """`expr` as one quotient in factors, unless that would mean polynomials of enormous degree."""
    numbers = set().union(*(power.exp.atoms(sp.Rational) for power in expr.atoms(Pow, exp)))
    if expr.count_ops() > LARGE or any(max(abs(number.p), number.q) > HIGH for number in numbers):
        return expr
    return sp.factor(expr)


def expand_lambertw(expr):
    """`expr` with exp(W(u)) written as u / W(u), which is what W means."""

    def release(exponent):
        n, w = exponent.as_coeff_Mul()
        return (w.args[0] / w) ** n if isinstance(w, LambertW) and n.is_Integer else exp(exponent)

    return sp.expand_power_exp(expr).replace(exp, release) if expr.has(LambertW) else expr


# Kronecker deltas


def find_free(expr, kind, bound=frozenset()):
    """The outermost nodes of a kind that hold no index of a sum or a norm around them, in a fixed order."""
    if isinstance(expr, kind):
        return [] if expr.free_symbols & bound else [expr]
    if isinstance(expr, MaximumNorm):
        return []
    if isinstance(expr, Sum):
        return find_free(expr.function, kind, bound | set(expr.bound_symbols))
    found = {node for arg in expr.args for node in find_free(arg, kind, bound)}
    return sorted(found, key=sp.default_sort_key)


def reduce_deltas(product):
    """A product, with what δ and 1 - δ say of the other factors: δ f(δ) = δ f(1), (1 - δ) f(δ) = (1 - δ) f(0)."""
    for delta in find_free(product, KroneckerDelta):
        for one, value in ((delta, Integer(1)), (1 - delta, Integer(0))):
            factors = Mul.make_args(product)
            if one in factors:
                product = one * Mul(*(other.xreplace({delta: value}) for other in factors if other != one))
    return product


# Sums


def _sum(context, body, sizes):
    """The sum of `body` over the indices in `sizes`."""
    if not sizes:
        return reduce(context, body)
    terms = Add.make_args(expand(context, body))
    return expand(context, Add(*(_sum_term(context, term, sizes) for term in terms)))


def _sum_term(context, term, sizes):
    for one in Mul.make_args(term):
        if isinstance(one, Sum) and one.free_symbols & sizes.keys():  # one sum over its indices and these
            inner = freshen(one)
            term, sizes = term / one * inner.function, sizes | {index: size for index, _, size in inner.limits}
    for delta in find_free(term, KroneckerDelta):
        for index, other in (delta.args, delta.args[::-1]):
            if index not in sizes or index in other.free_symbols:
                continue
            if delta in Mul.make_args(term):  # the sum of δ_{kb} f(k) is f(b)
                rest = {i: size for i, size in sizes.items() if i != index}
                return _sum(context, (term / delta).xreplace({index: other}), rest)
            # f(δ) = f(0) + δ (f(1) - f(0)), as δ is 0 or 1
            off, on = term.xreplace({delta: Integer(0)}), term.xreplace({delta: Integer(1)})
            return _sum(context, off + delta * (on - off), sizes)
    return _separate(context, list(Mul.make_args(term)), sizes)


def _separate(context, factors, sizes):
    """The sum of a product: factors that share no index are summed apart."""
    for index, size in sizes.items():
        touching = [one for one in factors if index in one.free_symbols]
        rest = {other: its for other, its in sizes.items() if other != index}
        if not touching:
            return size * _separate(context, factors, rest)
        if len(touching) == 1 and sums_to_one(context, touching[0], index):
            context.used.add(rf"\sum_{{k}} {touching[0].base.label.name}_{{k}} = 1")
            return _separate(context, [one for one in factors if one is not touching[0]], rest)
    groups = {}  # products, by the indices that they hold
    for one in factors:
        indices, joined = frozenset(one.free_symbols & sizes.keys()), one
        for other in [other for other in groups if other & indices]:
            indices, joined = indices | other, groups.pop(other) * joined
        groups[indices] = groups.get(indices, 1) * joined
    return Mul(*(_name_indices(body, {i: sizes[i] for i in ids}) if ids else body for ids, body in groups.items()))


def sums_to_one(context, expr, index):
    """Whether `expr` is an entry of a distribution, at `index` on the axis over which it sums to 1."""
    if not isinstance(expr, Indexed) or expr.base not in context.rows:
        return False
    *others, last = expr.indices
    return last == index and not any(index in other.free_symbols for other in others)


@cache
def _index(level, number):
    """The index number `number` of a sum that holds sums of lower levels; nothing else is named like it."""
    return Dummy(f"c{level}_{number}", integer=True)


def _level(expr):
    return max(map(_level, expr.args), default=0) + isinstance(expr, Sum)


def _name_indices(body, sizes):
    """The sum, with names for its indices that depend only on its form."""
    names = [_index(1 + _level(body), number) for number in range(len(sizes))]
    ranges = sorted(sizes.values(), key=str)
    limits = [(name, 1, size) for name, size in zip(names, ranges)]
    orders = (order for order in permutations(sizes) if [sizes[index] for index in order] == ranges)
    forms = (Sum(body.xreplace(dict(zip(order, names))), *limits) for order in orders)
    return min(forms, key=sp.default_sort_key)
