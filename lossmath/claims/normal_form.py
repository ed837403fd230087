"""Normal forms and signs of expressions whose symbols obey hypotheses: rules 1 and 2 of `lossmath.claims.rules`."""

from __future__ import annotations

import random
from copy import copy
from functools import cache, lru_cache
from itertools import chain, count, permutations

import sympy as sp
from sympy import (
    Abs,
    Add,
    Dummy,
    Indexed,
    IndexedBase,
    Integer,
    KroneckerDelta,
    LambertW,
    Mul,
    Pow,
    Rational,
    Sum,
    Symbol,
    exp,
    log,
    oo,
)  # fmt: skip

from lossmath.claims.hypotheses import SIZES, SMOOTH, Hypotheses
from lossmath.claims.quantities import K, M, MaximumNorm, N, Quantity, Vector, differentiate, freshen, unfold

# Expressions that need no context


@lru_cache(maxsize=4096)
def factored(expr):
    """`expr` as one quotient in factors, unless that would mean polynomials of enormous degree."""
    numbers = set().union(*(power.exp.atoms(sp.Rational) for power in expr.atoms(Pow)))
    if expr.count_ops() > 400 or any(max(abs(number.p), number.q) > 12 for number in numbers):
        return expr
    return sp.factor(expr)


LEVELS: dict[Dummy, int] = {}


@cache
def canonical_index(level, number):
    """The index number `number` of a sum in normal form that holds sums of lower levels; nothing else is named like it."""
    index = Dummy(f"c{level}_{number}", integer=True)
    LEVELS[index] = level
    return index


def free_deltas(expr, bound=frozenset()):
    """The Kronecker deltas of `expr` whose indices are not those of a sum within it, in a fixed order."""
    found = set()

    def walk(node, bound):
        if isinstance(node, KroneckerDelta):
            if not node.free_symbols & bound:
                found.add(node)
            return
        if isinstance(node, MaximumNorm):
            return
        inner = bound | set(node.bound_symbols) if isinstance(node, Sum) else bound
        for arg in node.args[:1] if isinstance(node, Sum) else node.args:
            walk(arg, inner)

    walk(expr, bound)
    return sorted(found, key=sp.default_sort_key)


def picked(product):
    """A product, with what its factors δ and 1 - δ say of the δ in the others: δ f(δ) = δ f(1), (1 - δ) f(δ) = (1 - δ) f(0)."""
    for delta in free_deltas(product):
        for factor, value in ((delta, Integer(1)), (1 - delta, Integer(0))):
            if factor in product.args:
                product = factor * Mul(*(other.xreplace({delta: value}) for other in product.args if other != factor))
                break
        if not product.is_Mul:
            break
    return product


def expand(expr):
    """SymPy's expand, but for the exponential of a sum, which it would write as a product over the index."""
    stands, kept = {}, {}
    for node in expr.atoms(exp):
        summed = Add(*(term for term in Add.make_args(node.args[0]) if term.has(Sum)))
        if summed != 0:
            stand_in = next((d for d, power in kept.items() if power == exp(summed)), Dummy("power", positive=True))
            kept[stand_in] = exp(summed)
            stands[node] = exp(node.args[0] - summed) * stand_in
    return sp.expand(expr.xreplace(stands)).xreplace(kept)


@lru_cache(maxsize=4096)
def split_logs(expr):
    """`expr` with logarithms of products and powers written as sums, where signs allow it."""

    def split(argument):
        argument = split_logs(argument)
        return sp.expand_log(log(factored(argument)))

    def power(base, exponent):
        if exponent.is_Integer:
            return Pow(factored(base) if exponent < 0 else base, exponent)
        return sp.expand_power_base(Pow(factored(split_logs(base)), split_logs(exponent)))

    return expr.replace(log, split).replace(Pow, power)


def exponentiated(expr):
    """exp(expr) - 1, which has the sign of `expr`, if that rids it of its logarithms."""
    terms = [term.as_coeff_Mul() for term in Add.make_args(expr)]
    logs = [coefficient for coefficient, rest in terms if isinstance(rest, log)]
    if not logs or {*map(abs, logs)} != {1} or any(rest.has(log) and not isinstance(rest, log) for _, rest in terms):
        return expr
    return expand(exp(expr)) - 1


def sampled(expr):
    """Values of `expr` at a few points of its variables' domains: a cheap reason to give up, never one to accept."""
    rng = random.Random(0)
    variables = sorted(expr.free_symbols, key=sp.default_sort_key)
    for scale in (1, 1, 10, Rational(1, 10)):
        point = {}
        for variable in variables:
            value = Integer(rng.randint(0, 5)) if variable.is_integer else Rational(rng.randint(1, 400), 100) * scale
            point[variable] = (
                -value if variable.is_nonpositive or (variable.is_nonnegative is None and rng.random() < 0.5) else value
            )
        value = expr.xreplace(point).evalf(20)
        if value.is_Float or value.is_Integer:
            yield value


def released(expr):
    """`expr` with exp(W(u)) written as u / W(u), which is what W means."""

    def release(exponent):
        terms = [term.as_coeff_Mul() for term in Add.make_args(sp.expand(exponent))]
        known = [(n, w) for n, w in terms if isinstance(w, LambertW) and n.is_Integer]
        rest = exp(Add(*(n * term for n, term in terms if (n, term) not in known)))
        return rest * Mul(*((w.args[0] / w) ** n for n, w in known))

    return expr.replace(exp, release) if expr.has(LambertW) else expr


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


def _lettered(expr, taken=None):
    """A normal form with the letters of the book for the indices of its sums, other letters than those in use."""
    if not expr.has(Sum):
        return expr
    taken = {symbol.name for symbol in expr.free_symbols if symbol.is_Symbol} if taken is None else taken
    args = [_lettered(arg, taken) for arg in expr.args]
    if not isinstance(expr, Sum):
        return expr.func(*args)
    inside = {index.name for inner in args[0].atoms(Sum) for index in inner.bound_symbols}
    names = {}
    for index, _, size in expr.limits:
        letters = chain({K: "jki", N: "n", M: "a"}[size], (f"{size.name.lower()}_{number}" for number in count(1)))
        names[index] = Symbol(next(letter for letter in letters if letter not in taken | inside), integer=True)
        inside.add(names[index].name)
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
        self._defined: dict[sp.Expr, sp.Expr | None] = {}
        self._closed: dict[Symbol | None, list[Domain]] = {}
        self._sizes = {size: least + Dummy(str(size), integer=True, nonnegative=True) for size, least in SIZES.items()}
        self._bases = {base: self._stand_in(base) for base in hypotheses.declared if isinstance(base, IndexedBase)}
        self._rows = {self._bases[base] for base in hypotheses.distributions}  # each sums to 1 over its last index
        self._scalars = {x: self._parameter(x, interval) for x, interval in hypotheses.intervals.items()}

    def _stand_in(self, base):
        """A base that carries its domain, with a name that nothing else has."""
        if base in self.hypotheses.labels:
            facts = {"integer": True}
        elif base in self.hypotheses.distributions:
            closed = self.strict and not self.hypotheses.distributions[base]
            facts = {"nonnegative" if closed else "positive": True}
        else:
            facts = {"real": True}
        return IndexedBase(Dummy(base.label.name, **facts), shape=base.shape)

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
        # derivatives first: a stand-in that is never negative would hide the kink of a modulus
        expr = differentiate(freshen(unfold(sp.sympify(expr)))).replace(
            lambda node: isinstance(node, Indexed) and node.base in self._bases,
            lambda node: self._bases[node.base][node.indices],
        )
        labels = {self._bases[base]: label for base, label in self.hypotheses.onehots.items()}
        return expr.replace(
            lambda node: isinstance(node, Indexed) and node.base in labels,
            lambda node: KroneckerDelta(node.indices[0], labels[node.base]),
        )

    def normal(self, expr):
        """The normal form of a prepared expression."""
        return self._normal(freshen(expr.xreplace(self._scalars)))

    def shown(self, expr):
        """The normal form of `expr` for a reader: in the symbols of the claim, with indices k, j, n for those of its sums."""
        twin = copy(self)
        twin._scalars, twin._known = {}, {}
        return self.named(twin.normal(twin.prepare(expr)))

    def named(self, expr):
        """A prepared expression in the symbols of the claim."""
        named = {mine: base for base, mine in self._bases.items()}
        return _lettered(expr).replace(
            lambda node: isinstance(node, Indexed) and node.base in named, lambda node: named[node.base][node.indices]
        )

    def _normal(self, expr):
        if isinstance(expr, Sum):
            return self._sum(self._normal(expr.function), dict((index, size) for index, _, size in expr.limits))
        if isinstance(expr, (Indexed, KroneckerDelta, MaximumNorm)) or not expr.args:
            return expr
        expr = picked(expr) if expr.is_Mul else expr
        expr = released(expr.func(*map(self._normal, expr.args)))
        if isinstance(expr, Abs):  # the definition of the modulus
            (inside,) = expr.args
            return inside if self.nonnegative(inside) else -inside if self.nonnegative(-inside) else expr
        return expand(split_logs(expr))

    def _sum(self, body, sizes):
        """The sum of `body` over the indices in `sizes`."""
        if not sizes:
            return self._normal(body)
        return expand(Add(*(self._sum_term(term, sizes) for term in Add.make_args(expand(split_logs(body))))))

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
        for delta in free_deltas(term):
            for index, other in (delta.args, delta.args[::-1]):
                if index not in sizes or index in other.free_symbols:
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
                self.used.add(rf"\sum_{{k}} {touching[0].base.label.name}_{{k}} = 1")
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
            and factor.base in self._rows
            and factor.indices[-1] == index
            and not any(index in other.free_symbols for other in factor.indices[:-1])
        )

    @staticmethod
    def _canonical(body, sizes):
        """The sum, with names for its indices that depend only on its form."""
        level = 1 + max((LEVELS.get(index, 0) for inner in body.atoms(Sum) for index in inner.bound_symbols), default=0)
        names = [canonical_index(level, m) for m in range(len(sizes))]
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
        expr = expr.xreplace({delta: Integer(0) for delta in free_deltas(expr) if frozenset(delta.args) in distinct})
        deltas = free_deltas(expr)
        if not deltas:
            return [expr]
        one, other = deltas[0].args
        if one in other.free_symbols:  # an index and the label that it picks
            one, other = other, one
        apart = self._cases(expr, distinct | {frozenset((one, other))})
        moved = {frozenset(label.xreplace({one: other}) for label in pair) for pair in distinct}
        if any(len(pair) == 1 for pair in moved):  # they cannot coincide
            return apart
        return apart + self._cases(self._normal(freshen(expr.xreplace({one: other}))), frozenset(moved))

    def _plain(self, expr, split):
        """A normal form with every entry and every sum replaced by a variable of known sign."""
        sums = {s: self._sum_variable(s, expr, split) for s in self._outer(expr, Sum)}
        expr = expr.xreplace(sums)
        for kind, sign in ((LambertW, "positive"), (MaximumNorm, "nonnegative")):
            expr = expr.xreplace({node: self._variable(node, sign) for node in self._outer(expr, kind)})
        entries = {entry: self._entry(entry) for entry in expr.atoms(Indexed)}
        return expr.xreplace(entries).xreplace(self._sizes)

    def _variable(self, node, sign):
        key = (
            (MaximumNorm, *node.args[0].args[1:]) if isinstance(node, MaximumNorm) else node
        )  # whatever the vector's name
        return self._entries.setdefault(key, Dummy(str(node), **{sign: True}))

    @staticmethod
    def _outer(expr, kind):
        if isinstance(expr, kind):
            return {expr}
        return set().union(*(Domain._outer(arg, kind) for arg in expr.args))

    def _entry(self, entry):
        if entry not in self._entries:
            name = str(entry)
            if entry.base not in self._rows:
                value = Dummy(name, real=True)
            elif entry.is_positive and SIZES[entry.base.shape[-1]] > 1:  # another entry is > 0 too, so this one is < 1
                value = 1 / (1 + Dummy(name, positive=True))
            else:
                value = Dummy(name, **{"positive" if entry.is_positive else "nonnegative": True})
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
        return all(self._is_zero(self._plain(case, False)) or self._cancels(case) for case in self._cases(expr))

    def _cancels(self, expr):
        """One sum of quotients, in which numerators and denominators cancel."""
        joined = next(self._gathered(expr, joined=True), None)
        if joined is None or not any(power.exp == -1 and power.base.is_Add for power in joined.atoms(Pow)):
            return False
        body = factored(sp.expand_power_exp(joined.function))
        return self._is_zero(self._plain(self._normal(Sum(body, *joined.limits)), False))

    @staticmethod
    def _is_zero(expr):
        if expr.has(sp.nan, sp.zoo, oo, -oo) or any(abs(value) > 1e-12 for value in sampled(expr)):
            return False
        expr = expr.rewrite([sp.sinh, sp.cosh, sp.tanh], exp)
        if expr == 0 or (expr := expand(split_logs(expr))) == 0:
            return True
        numerator, _ = sp.fraction(sp.together(expr))
        if expand(split_logs(numerator)) == 0:
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
        for modulus in self._outer(expr, Abs):
            if modulus.has(Sum):  # it is the sum or its negative
                (inside,) = modulus.args
                forms = [self._normal(expr.xreplace({modulus: sign * inside})) for sign in (1, -1)]
                return all(self._has_sign(form, question) for form in forms)
        if (expr, question) not in self._known:
            self._known[expr, question] = all(
                any(self._answers(form, question) for form in self._gathered(case)) for case in self._cases(expr)
            )
        return self._known[expr, question]

    def _answers(self, expr, question):
        for split in (False, True):
            plain = self._plain(expr, split)
            if self._settled(plain, question):
                return True
            if not expr.has(Sum):
                break
        return False

    def _settled(self, plain, question):
        """SymPy answers the question on an expression in plain variables, in one of its forms."""
        if plain.has(sp.nan, sp.zoo, oo, -oo):
            return False
        if getattr(plain, question):
            return True
        if plain.is_real is False:
            return False
        inside = set().union(*(node.free_symbols for node in plain.atoms(Abs)))
        for variable in sorted(inside, key=sp.default_sort_key):
            if variable.is_nonnegative is None and variable.is_nonpositive is None:  # it is positive, negative or zero
                side = Dummy(variable.name, positive=True)
                return all(
                    self._settled(plain.xreplace({variable: case}), question) for case in (side, -side, Integer(0))
                )
        if any(value < -1e-12 for value in sampled(plain)):
            return False
        forms = (
            factored,
            lambda e: expand(split_logs(e)),
            lambda e: factored(expand(split_logs(sp.together(e)))),
            lambda e: factored(bounded(e)),
            exponentiated,
            lambda e: sp.trigsimp(e) if e.has(sp.sinh, sp.cosh, sp.tanh) else e,
        )
        return any(getattr(form(plain), question) for form in forms) or self._signs(factored(plain), question)

    def _signs(self, product, question):
        """The question on a product, asked of each of its factors."""
        number, factors = product.as_coeff_mul()
        if len(factors) < 2:
            return False
        for factor in factors:
            sign = next((sign for sign in (1, -1) if self._settled(sign * factor, question)), 0)
            if not sign:
                return False
            number *= sign
        return number > 0

    def _gathered(self, expr, joined=False):
        """The normal form, and the same with its sums over the classes gathered into one.

        The terms outside the sums are multiplied by sum_k p_k = 1 to join them. With `joined`, only if it then is one sum.
        """
        if not joined:
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
        if not joined or outside == 0:
            yield Sum(inside, (index, 1, K)) + outside
        if outside != 0:
            for base in sorted(self._rows, key=str):
                if base.shape == (K,):
                    yield Sum(inside + outside * base[index], (index, 1, K))

    def undefined(self, expr):
        """A part of an expression that was not shown to be defined on the whole domain, ends included; or None.

        It is read as it is written, names and all: once it is unfolded, SymPy may have cancelled a pole.
        """
        if expr not in self._defined:
            closed = (domain._undefined(sp.sympify(expr)) for domain in self.closed())
            self._defined[expr] = next((found for found in closed if found is not None), None)
        return self._defined[expr]

    def _undefined(self, expr, weights=()):
        """The same in a strict domain.

        `weights` multiply it. Where a weight f >= 0 vanishes, f log(f w) with w > 0 is read as its limit, 0.
        """
        if isinstance(expr, (Indexed, IndexedBase, Vector, KroneckerDelta)) or not expr.args:
            return None
        if isinstance(expr, Quantity):
            return self._first_undefined((*((arg, ()) for arg in expr.args), (expr.definition(), weights)))
        if isinstance(expr, MaximumNorm):
            return self._undefined(expr.at(Dummy("k", integer=True)))
        if isinstance(expr, Sum):
            return self._undefined(expr.function, [f for f in weights if not f.free_symbols & {*expr.bound_symbols}])
        if isinstance(expr, sp.Derivative):  # every slope on the way has a value
            steps = [expr.expr, unfold(expr.expr)]
            for variable, count in expr.variable_count:
                for _ in range(count):
                    steps.append(differentiate(freshen(steps[-1])).diff(variable))
            return self._first_undefined((step, ()) for step in steps)
        if isinstance(expr, Mul):
            inside = ((arg, (*weights, *(other for other in expr.args if other is not arg))) for arg in expr.args)
        else:
            inside = ((arg, weights if isinstance(expr, Add) else ()) for arg in expr.args)
        if (found := self._first_undefined(inside)) is not None:
            return found
        if isinstance(expr, sp.sign):  # the slope of a modulus, which has none at 0
            return None if self._strictly(expr.args[0]) or self._strictly(-expr.args[0]) else expr
        if isinstance(expr, LambertW):
            return None if self._strictly(expr.args[0]) else expr
        if isinstance(expr, log):
            (u,) = expr.args
            return None if self._strictly(u) or any(self._vanishes_with(u, f) for f in weights) else expr
        if isinstance(expr, Pow):
            base, exponent = expr.args
            if exponent.is_Integer:
                return None if exponent >= 0 or self._strictly(base) or self._strictly(-base) else expr
            if self._strictly(base):
                return None
            return None if self.nonnegative(self.normal(self.prepare(base))) and self._strictly(exponent) else expr
        return None if isinstance(expr, (*SMOOTH, Abs)) else expr

    def _first_undefined(self, parts):
        return next((found for part in parts if (found := self._undefined(*part)) is not None), None)

    def _strictly(self, expr):
        return self.positive(self.normal(self.prepare(expr)))

    def _vanishes_with(self, u, f):
        """u = f w with u >= 0 and w > 0; a factor δ is 0 or 1, so that only u at δ = 1 matters."""
        inside = domain_of(self.hypotheses)  # where u >= 0, it is at the ends too
        positive = inside.nonnegative(inside.normal(inside.prepare(u)))
        u, f = self.prepare(u), self.prepare(f)
        f = f.base if isinstance(f, Pow) and f.exp.is_positive else f
        if isinstance(f, KroneckerDelta):
            return self._strictly(u.xreplace({f: Integer(1)}))
        ratio = sp.cancel(sp.together(u / f))
        return not ratio.has(f) and self._strictly(ratio) and positive

    def above(self, expr, inside=None):
        """A prepared expression is > 0 on the whole domain, closed ends included (but for those of `inside`)."""
        return all(domain._strictly(self._moved(expr, domain)) for domain in self.closed(inside))

    def closed(self, inside=None):
        """Strict domains that together cover the domain with its closed ends, those of the variable `inside` left out."""
        if inside not in self._closed:
            self._closed[inside] = strict_domains(self.hypotheses, inside)
        return self._closed[inside]

    def _moved(self, expr, domain):
        """A prepared expression with the stand-ins of another domain."""
        moved = {mine: domain._bases[base] for base, mine in self._bases.items()}
        return expr.replace(
            lambda node: isinstance(node, Indexed) and node.base in moved, lambda node: moved[node.base][node.indices]
        )


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
    return [_domain(hypotheses.given, tuple((hypotheses.intervals | part).items()), True) for part in parts]


def domain_of(hypotheses):
    """The domain of some hypotheses, which remembers what was decided for other statements under the same."""
    domain = copy(_domain(hypotheses.given, tuple(hypotheses.intervals.items()), False))
    domain.used = set()
    return domain


@lru_cache(maxsize=256)
def _domain(given, intervals, strict):
    hypotheses = Hypotheses(given)
    hypotheses.intervals.update(intervals)
    return Domain(hypotheses, strict)


def forget():
    """Decide everything anew, so that the steps of a proof do not depend on what was proved before it."""
    _domain.cache_clear()
