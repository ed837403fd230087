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
5. Maximum. ‖V‖_∞ is |V_i| for some class i, and at least |V_i| for every class i.
6. Limit. SymPy finds it, and the values in multiple precision approach it (`lossmath.claims.limits`).
7. Derivation. A chain of lines, each of which is proved, from the left side to the right side; or one of its lines.

Before any rule is tried, every logarithm, power, quotient and slope in the statement must be shown to be defined on the whole
domain, closed ends included; only f log(f w) with f >= 0 and w > 0 is read as its limit 0 where f vanishes. The rules then work
inside the domain, and closed ends follow by continuity. After a rule has succeeded, the
statement is still evaluated at random points in multiple precision (`lossmath.claims.counterexample`), as a guard against SymPy itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy as sp
from sympy import Dummy, Indexed, IndexedBase, Pow, Sum, Symbol, oo

from lossmath.claims import limits
from lossmath.claims.errors import ProofError
from lossmath.claims.hypotheses import SMOOTH, Hypotheses, Label
from lossmath.claims.normal_form import difference, domain_of
from lossmath.claims.notation import SIGNS, latex
from lossmath.claims.quantities import K, MaximumNorm, Vector, differentiate, freshen, one_hot, unfold


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


def prove(left, relation, right, hypotheses, by=None, equality=None):
    """Prove one statement and return the Record of it, or raise ProofError."""
    domain, record = domain_of(hypotheses), Record()
    if limits.is_limit((left, relation, right)):
        _by_limit(left, relation, right, by, domain, record)
        return record
    for side in (left, right):
        if (part := domain.undefined(side)) is not None:
            raise ProofError(f"it was not shown that {part} is defined under the hypotheses")
    delta = domain.prepare(difference(left, relation, right))
    if by is None:
        tight = _by_normal_form(left, relation, right, delta, domain, record)
    elif isinstance(by, Tangent):
        tight = _by_tangent(delta, relation, by, domain, record, equality)
    elif isinstance(by, Chain):
        tight = _by_chain(left, relation, right, by, domain, record)
    else:
        instances = [by] if isinstance(by, Instance) else by
        if not isinstance(instances, (list, tuple)) or not all(isinstance(one, Instance) for one in instances):
            raise TypeError(
                f"by is None, tangent(x, at=...), proof.at(...) or a list of these, or a derivation; got {by!r}"
            )
        tight = _by_lemmas(delta, relation, instances, domain, record, equality)
    for used in sorted(domain.used):
        record.show(f"${used}$, by hypothesis")
    if equality:
        _exactly_at(equality, difference(left, relation, right), tight, domain)
        ((one, other),) = equality.items()
        record.show(f"equality at ${latex(one)} = {latex(other)}$ and nowhere else")
    return record


def _by_normal_form(left, relation, right, delta, domain, record):
    normal = domain.normal(delta)
    record.use("normal form")
    if domain.zero(normal):
        record.show(f"both sides have the normal form ${latex(domain.shown(right))}$")
    elif delta.has(MaximumNorm):
        _by_maximum(difference(left, relation, right), relation, domain.hypotheses, record)
    else:
        if relation == "==":
            raise ProofError(
                f"the difference of the two sides does not reduce to 0; left over is {domain.shown(delta)}"
            )
        if not domain.nonnegative(normal) and not domain.termwise(delta):
            raise ProofError(
                f"the sign of the difference does not follow from the hypotheses; it is {domain.shown(delta)}"
            )
        record.use("sign")
        record.show(
            rf"the difference, by its signs, is ${latex(domain.shown(difference(left, relation, right)))} \geq 0$"
        )


def _by_maximum(delta, relation, hypotheses, record):
    """A is at most and at least B; ‖V‖_∞ is replaced by what it is or what it exceeds."""
    delta = differentiate(freshen(unfold(delta)))
    norms, label, more = delta.atoms(MaximumNorm), _index(), Dummy("w")
    if len(norms) > 1:
        raise ProofError("the rule for the maximum norm takes one of them at a time")
    (norm,) = norms
    # it is some entry: prove it for all; it is at least an entry: put that entry and more
    ways = [(norm.at(label), Label(label), "is the modulus of one of its entries, and the statement holds for each")]
    for other, size in hypotheses.labels.items():
        if isinstance(other, Symbol) and size == K:
            said = rf"is at least ${latex(norm.at(other))}$"
            ways.append((norm.at(other) + more, more >= 0, said))
    for side in (delta, -delta) if relation == "==" else (delta,):
        for value, given, said in ways:
            domain = domain_of(Hypotheses((*hypotheses.given, given)))
            if domain.nonnegative(domain.normal(domain.prepare(side.xreplace({norm: value})))):
                record.show(f"${latex(norm)}$ {said}")
                break
        else:
            raise ProofError(f"the rule for the maximum norm leaves open whether {side} >= 0")
    record.use("maximum")


def _by_limit(left, relation, right, by, domain, record):
    if by is not None:
        raise TypeError(f"a limit is proved by the rule for limits alone; got {by!r}")
    expr, x, point, _ = left.args
    for part in (expr, right):
        if part not in (oo, -oo) and (found := domain.undefined(part)) is not None:
            raise ProofError(f"it was not shown that {found} is defined under the hypotheses")
    limits.compute((left, relation, right), domain.hypotheses)
    limits.confirm((left, relation, right), domain.hypotheses)
    record.use("limit")
    record.show(
        f"SymPy finds this limit; in multiple precision, ${latex(expr)}$ comes ever nearer to it over 300 orders of magnitude"
    )


def _by_tangent(delta, relation, by, domain, record, equality):
    x, a = by.x, by.at
    domain.hypotheses.validate(a)
    if relation == "==":
        raise ProofError("the tangent rule proves inequalities, not identities")
    if x not in domain.hypotheses.intervals or a.has(x):
        raise ProofError(f"the tangent rule needs a real variable of the claim and a point without it, got {x} at {a}")
    for node in sp.preorder_traversal(delta):
        if node.has(x) and node.args and not isinstance(node, (*SMOOTH, sp.Tuple)):
            raise ProofError(f"{domain.named(node)} may have a kink")
    interval = domain.hypotheses.intervals[x]
    for end, room in ((interval.inf, a - interval.inf), (interval.sup, interval.sup - a)):
        if end.is_finite and not domain.nonnegative(domain.normal(room)):
            raise ProofError(f"it was not shown that {x} = {a} lies in {interval}")
    for power in delta.atoms(Pow):  # sqrt((x - 1)**2) has a kink, and no slope there
        if power.base.has(x) and not power.exp.is_Integer and not domain.above(power.base, x):
            raise ProofError(f"{domain.named(power)} may have a kink")
    slope, bend = delta.diff(x), delta.diff(x, 2)
    for name, value in (("f", delta), ("f'", slope)):
        at = value.xreplace({x: a})
        if at.has(sp.nan, sp.zoo, oo, -oo) or not domain.zero(domain.normal(at)):
            raise ProofError(f"at {x} = {a}, {name} = {domain.named(at)} does not reduce to 0")
    normal = domain.normal(bend)
    if not domain.nonnegative(normal):
        raise ProofError(f"f'' = {domain.named(bend)} was not shown to be >= 0")
    record.use("tangent")
    at = f"zero at ${latex(x)} = {latex(a)}$"
    record.show(f"the difference, $f({latex(x)}) = {latex(delta)}$, is {at}")
    record.show(f"its slope, $f'({latex(x)}) = {latex(sp.factor(slope))}$, is {at}")
    record.show(rf"it is convex, $f''({latex(x)}) = {latex(sp.factor(bend))} \geq 0$, so it lies above its tangent")
    # strictly convex in x, whatever the others are, their closed ends included: then equality at a only
    return [(x, a, None)] if equality and domain.above(bend, x) else None


def _by_lemmas(delta, relation, instances, domain, record, equality):
    rest, tight = delta, []
    for instance in instances:
        gain, points, shown = _instantiate(instance, relation, domain, equality)
        rest = rest - gain
        tight += points
        record.use("lemma", lemma=instance.lemma.claim.id)
        record.show(f"`{instance.lemma.claim.id}` says: {shown}")
    left_over, rest = rest, domain.normal(rest)
    if not domain.zero(rest):
        if relation == "==":
            raise ProofError(f"the lemmas do not add up to the difference; left over is {domain.shown(left_over)}")
        if not domain.nonnegative(rest) and not domain.termwise(left_over):
            raise ProofError(f"the lemmas leave a remainder of unknown sign, {domain.shown(left_over)}")
        record.use("sign")
    return tight


def _instantiate(instance, relation, domain, equality):
    """What the instance adds, prepared; where it is tight, as (one, other, index), if that is asked; and how to show it."""
    lemma, (left, kind, right) = instance.lemma.claim, instance.statement
    if relation == "==" and kind != "==":
        raise ProofError(f"an identity does not follow from the inequality {lemma.id}")
    if unknown := instance.values.keys() - lemma.hypotheses.declared:
        raise ProofError(f"{lemma.id} says nothing of {', '.join(map(str, unknown))}")
    values = {symbol: instance.values.get(symbol, symbol) for symbol in lemma.hypotheses.declared}
    gain = instance.times * substitute(difference(left, kind, right), values)
    given, index = domain.hypotheses.given, instance.over
    size = K if index is None else domain.hypotheses.labels.get(index) or _range(index, freshen(gain))
    if index is not None and index not in domain.hypotheses.labels:
        given = (*given, Label(index, size))  # the index of the sum is a label like any other
    inside = domain_of(Hypotheses(given))
    inside.hypotheses.validate(gain)
    put_in = [sp.sympify(value) for value in values.values() if not isinstance(value, IndexedBase)]
    said = [value for value in (instance.times, *put_in) if not isinstance(value, (Symbol, Vector))]
    entries = [value[tuple(_index() for _ in value.indices)] for value in put_in if isinstance(value, Vector)]
    for part in said:
        inside.hypotheses.validate(part)
    for part in (*said, *entries, substitute(left, values), substitute(right, values)):
        if (found := inside.undefined(part)) is not None:
            raise ProofError(f"it was not shown that {found} is defined in the instance of {lemma.id}")
    _verify(lemma.hypotheses, values, inside, lemma.id)
    times = inside.prepare(instance.times)
    if kind != "==" and not inside.nonnegative(inside.normal(times)) and not inside.termwise(times):
        raise ProofError(f"it was not shown that the multiplier {instance.times} is not negative")
    points = []
    if equality and inside.above(times):
        for one, other in lemma.equality_of(instance.statement).items():
            c = _index() if isinstance(one, IndexedBase) else index
            points.append((_entry(values[one], c), substitute(_entry(other, c), values), c))
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
        value, c = values[base], _index()
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
        low, high = (interval.inf, interval.left_open), (interval.sup, interval.right_open)
        for (end, is_open), room in ((low, value - interval.inf), (high, interval.sup - value)):
            if end.is_finite:
                room = inside.prepare(room)
                if not (inside.above(room) if is_open else inside.nonnegative(inside.normal(room))):
                    refuse(f"{value} lies in {interval}")


def _index():
    """An index that occurs nowhere else."""
    return Dummy("k", integer=True)


def _entry(value, index):
    return value[index] if isinstance(value, (IndexedBase, Vector)) else sp.sympify(value)


def substitute(expr, values):
    """`expr`, unfolded, with symbols and whole vectors replaced at once."""
    marks = {symbol: Dummy() for symbol in values if isinstance(symbol, Symbol)}
    # derivatives first: what is put in for u may contain the variable of the derivative
    expr = differentiate(freshen(unfold(sp.sympify(expr)))).xreplace(marks)
    expr = expr.replace(
        lambda node: isinstance(node, Indexed) and node.base in values,
        lambda node: values[node.base][node.indices if len(node.indices) > 1 else node.indices[0]],
    )
    return unfold(expr.xreplace({mark: sp.sympify(values[symbol]) for symbol, mark in marks.items()}))


def _exactly_at(equality, delta, tight, domain):
    """The difference is zero where `equality` says, and nowhere else."""
    here = substitute(delta, equality)
    if domain.undefined(here) is not None or not domain.zero(domain.normal(domain.prepare(here))):
        raise ProofError(f"at {equality} the two sides were not shown to be equal")
    if len(equality) != 1:
        raise ProofError(f"equality is stated at one place, such as {{q: p}}; got {equality}")
    ((one, other),) = equality.items()
    for left, right, index in tight or ():
        # where the proof is tight, left = right for each index; this must say the same as what is stated
        if isinstance(one, IndexedBase) == (index is not None):
            c = index if index is not None else _index()
            stated, proved = domain.prepare(_entry(one, c) - _entry(other, c)), domain.prepare(left - right)
            if stated != 0 and proved != 0:
                ratio = sp.cancel(sp.together(stated / proved))
                if domain.above(ratio) or domain.above(-ratio):
                    return
    raise ProofError(f"it was not shown that equality holds only at {equality}")


@dataclass
class Chain:
    """Rule 7: proved lines from `start`, as (relation, expression, reason, Record)."""

    start: sp.Expr
    hypotheses: Hypotheses
    lines: list = field(default_factory=list)

    @property
    def end(self):
        return self.lines[-1][1] if self.lines else self.start

    @property
    def statements(self):
        """The lines as statements, each about the one before."""
        ends = [self.start, *(expr for _, expr, _, _ in self.lines)]
        return tuple((left, relation, right) for left, right, (relation, *_) in zip(ends, ends[1:], self.lines))

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
    if (left, relation, right) in chain.statements:
        line = chain.lines[chain.statements.index((left, relation, right))][-1]
        record.rules, record.lemmas, record.steps = [*line.rules], [*line.lemmas], [*line.steps]
        return
    if chain.relation not in ("==", relation):
        raise ProofError(f"the derivation proves {chain.relation}, the claim states {relation}")
    for name, one, other in (("starts", chain.start, left), ("ends", chain.end, right)):
        if not domain.zero(domain.normal(domain.prepare(one - other))):
            raise ProofError(f"the derivation {name} at {one}, the claim at {other}")
    record.use("derivation")
    for *_, line in chain.lines:
        record.use(*line.rules)
        for lemma in line.lemmas:
            record.use(lemma=lemma)
