"""What counts as a proof. A trusted file; nothing outside it can turn a statement into a theorem.

A statement `left (==, <=, >=) right` is proved, for every K >= 2, by one of these rules:

1. Normal form. The difference of the two sides is zero: `lossmath.claims.normal_form`.
2. Sign. The difference is not negative: every variable is written in a parameter that carries its domain, and the sign
   of the difference, or of every term of its sum, follows from the signs of its parts: `lossmath.claims.signs`.
3. Tangent. f(a) = 0, f'(a) = 0 and f'' >= 0 on an interval that holds a: then f >= 0 there, and f > 0 off a if f'' > 0.
4. Lemmas. The difference is a sum of proved differences, each instantiated within its hypotheses, multiplied by
   something that is not negative and summed over k, plus a remainder that is zero or not negative (rules 1 and 2).
5. Maximum. ‖V‖_∞ is |V_i| for some class i, and at least |V_i| for every class i.
6. Limit. It is computed by SymPy and watched in multiple precision, not proved: `lossmath.claims.limits`.
7. Derivation. A chain of lines, each of which is proved, from the left side to the right side; or one of its lines.

Before any rule is tried, every logarithm, power, quotient and slope in the statement must be shown to be defined on the
whole domain, closed ends included (`lossmath.claims.definedness`). The rules then work inside the domain, and closed
ends follow by continuity. Where equality is claimed at one place and nowhere else, closed ends are closed.
"""

import sympy as sp
from sympy import Dummy, Indexed, IndexedBase, KroneckerDelta, Sum, Symbol

from lossmath.claims import limits
from lossmath.claims.definedness import find_undefined, is_above_zero, require_value
from lossmath.claims.errors import ProofError
from lossmath.claims.hypotheses import Distribution, Hypotheses, Label
from lossmath.claims.normal_form import Context, find_difference
from lossmath.claims.notation import latex, show_instance, show_normal_form, show_tangent
from lossmath.claims.quantities import K, MaximumNorm, Vector, differentiate, freshen, substitute, unfold
from lossmath.claims.reasons import Chain, Record, Tangent, read_instances
from lossmath.claims.signs import is_nonnegative, is_positive, is_zero
from lossmath.claims.witness import is_zero_at_points


def prove(statement: tuple, hypotheses: Hypotheses, by=None, equality: dict | None = None) -> Record:
    """Prove one statement and return the Record of it, or raise ProofError."""
    context, record = Context(hypotheses), Record()
    if limits.is_limit(statement):
        limits.prove(statement, by, context, record)
        return record
    for side in statement[::2]:
        require_value(context, side, "under the hypotheses")
    if by is None:
        tight = _prove_plainly(statement, context, record)
    elif isinstance(by, Tangent):
        tight = _prove_by_tangent(statement, by, context, record, equality)
    elif isinstance(by, Chain):
        tight = _prove_by_chain(statement, by, context, record)
    else:
        tight = _prove_by_lemmas(statement, read_instances(by), context, record, equality)
    for used in sorted(context.used):
        record.show(f"${used}$, by hypothesis")
    if equality:
        _require_equality(equality, find_difference(*statement), tight, context)
        ((one, other),) = equality.items()
        record.show(f"equality at ${latex(one)} = {latex(other)}$ and nowhere else")
    return record


# Rules 1 and 2


def _prove_plainly(statement, context, record):
    relation, delta = statement[1], find_difference(*statement)
    record.use("normal form")
    if is_zero(context, delta):
        record.show(f"both sides have the normal form ${latex(show_normal_form(context, statement[2]))}$")
        return
    if unfold(delta).has(MaximumNorm):
        _prove_by_maximum(delta, relation, context.hypotheses, record)
        return
    form = show_normal_form(context, delta)
    if relation == "==":
        raise ProofError(f"the difference of the two sides does not reduce to 0; left over is {form}")
    if not is_nonnegative(context, delta):
        raise ProofError(f"the sign of the difference does not follow from the hypotheses; it is {form}")
    record.use("sign")
    record.show(rf"the difference, by its signs, is ${latex(form)} \geq 0$")


# Rule 3


def _prove_by_tangent(statement, by, context, record, equality):
    x, a = by.x, by.at
    context.hypotheses.validate(a)
    require_value(context, a, "under the hypotheses")
    if statement[1] == "==":
        raise ProofError("the tangent rule proves inequalities, not identities")
    if x not in context.hypotheses.intervals or a.has(x):
        raise ProofError(f"the tangent rule needs a real variable of the claim and a point without it, got {x} at {a}")
    interval = context.hypotheses.intervals[x]
    if not _lies_in(context, a, interval.closure, is_nonnegative):
        raise ProofError(f"it was not shown that {x} = {a} lies in {interval}")
    f = differentiate(freshen(unfold(find_difference(*statement))))
    slope, bend = _differentiate_twice(context, f, x)
    for name, value in (("f", f), ("f'", slope)):
        at = value.xreplace({x: a})
        if not is_zero(context, at):
            raise ProofError(f"at {x} = {a}, {name} = {at} does not reduce to 0")
    # strictly convex in x, whatever the others are, their closed ends included: then equality at a only
    strictly = equality and is_above_zero(context, bend, x)
    if not strictly and not is_nonnegative(context, bend):
        raise ProofError(f"f'' = {bend} was not shown to be >= 0")
    record.use("tangent")
    record.show(*show_tangent(x, a, f, slope, bend, strictly))
    return [(x, a, None)] if strictly else None


def _differentiate_twice(context, f, x):
    """The slope of f in x, and its own: inside the domain both are defined, so that f has no kink there."""
    if any(norm.has(x) for norm in f.atoms(MaximumNorm)):
        raise ProofError(f"{f} may have a kink: a maximum norm has kinks")
    for order in (1, 2):
        slope, value = sp.Derivative(f, (x, order), evaluate=False), f.diff(x, order)
        require_value(context, slope, f"inside the domain: {f} may have a kink", closed=False)
        if not is_zero_at_points(context, slope - value):  # not on SymPy's word
            raise ProofError(f"the derivative of order {order} of {f} was not shown to be {value}")
        yield value


def _lies_in(context, value, interval, is_above):
    """Whether a value was shown to lie in an interval, at its closed ends too; `is_above` says what is > 0."""
    rooms = (interval.inf, value - interval.inf), (interval.sup, interval.sup - value)
    return all((is_nonnegative if end in interval else is_above)(context, room) for end, room in rooms if end.is_finite)


# Rule 4


def _prove_by_lemmas(statement, instances, context, record, equality):
    rest, tight = find_difference(*statement), []
    for instance in instances:
        gain, points = _instantiate(instance, statement[1], context, record, equality)
        rest = rest - gain
        tight += points
    if is_zero(context, rest):
        return tight
    if statement[1] == "==":
        left_over = show_normal_form(context, rest)
        raise ProofError(f"the lemmas do not add up to the difference; left over is {left_over}")
    if not is_nonnegative(context, rest):
        raise ProofError(f"the lemmas leave a remainder of unknown sign, {show_normal_form(context, rest)}")
    record.use("sign")
    return tight


def _instantiate(instance, relation, context, record, equality):
    """What the instance adds; and where it is tight, as (one, other, index), if that is asked."""
    lemma, (left, kind, right), times = instance.lemma.claim, instance.statement, instance.times
    if relation == "==" and kind != "==":
        raise ProofError(f"an identity does not follow from the inequality {lemma.id}")
    values = {symbol: instance.values.get(symbol, symbol) for symbol in lemma.hypotheses.declared}
    left, right = substitute(left, values), substitute(right, values)
    inside, gain = _sum_over(instance.over, times * find_difference(left, kind, right), context.hypotheses)
    context.hypotheses.validate(gain)
    for part in (times, left, right, *_find_parts(values, inside.hypotheses)):
        require_value(inside, part, f"in the instance of {lemma.id}", closed=bool(equality))
    for what, shown in _assume(lemma.hypotheses, values, inside, is_above_zero if equality else is_positive):
        if not shown:
            raise ProofError(f"it was not shown that {what}, as {lemma.id} assumes")
    if kind != "==" and not is_nonnegative(inside, times):
        raise ProofError(f"it was not shown that the multiplier {times} is not negative")
    record.use("lemma", lemmas=[lemma.id])
    record.show(show_instance(instance, left, right))
    points = []
    if equality and is_above_zero(inside, times):
        for one, other in lemma.equality_of(instance.statement).items():
            c = _index() if isinstance(one, IndexedBase) else instance.over
            points.append((_entry(values[one], c), substitute(_entry(other, c), values), c))
    return gain, points


def _sum_over(index, gain, hypotheses):
    """The context inside the sum over `index`, which is a label like any other there; and the sum."""
    if index is None:
        return Context(hypotheses), gain
    if index in hypotheses.onehots.values():  # which is bound in the sum, and there nothing is one-hot at it
        raise ProofError(f"{index} is the label of a one-hot distribution; sum over another index")
    if index not in hypotheses.labels:
        entries = sorted(freshen(gain).atoms(Indexed), key=sp.default_sort_key)
        size = next((one.base.shape[one.indices.index(index)] for one in entries if index in one.indices), K)
        hypotheses = Hypotheses((*hypotheses.given, Label(index, size)))
    return Context(hypotheses), Sum(gain, (index, 1, hypotheses.labels[index]))


def _find_parts(values, hypotheses):
    """What was put in that must have a value: expressions in the language of claims, and entries of vectors."""
    for value in values.values():
        if isinstance(value, Vector):
            yield value[tuple(_index() for _ in value.indices)]
        elif not isinstance(value, (Symbol, IndexedBase)):
            hypotheses.validate(value)
            yield value


def _assume(hypotheses, values, inside, is_above):
    """What a lemma assumes of the values, each with whether it was shown; `is_above` says what is > 0."""
    for base, positive in hypotheses.distributions.items():
        *rows, c = (_index() for _ in base.shape)
        entry, what = values[base][(*rows, c)], f"the entries of {values[base]}"
        yield f"{what} are {'> 0' if positive else '>= 0'}", (is_above if positive else is_nonnegative)(inside, entry)
        yield f"{what} sum to 1", is_zero(inside, Sum(entry, (c, 1, base.shape[-1])) - 1)
    for base, label in hypotheses.onehots.items():
        c, label = _index(), values[label]
        yield f"{values[base]} is one-hot at {label}", is_zero(inside, values[base][c] - KroneckerDelta(c, label))
    for label, size in hypotheses.labels.items():
        yield f"{values[label]} is a label from 1 to {size}", inside.hypotheses.labels.get(values[label]) == size
    for symbol, interval in hypotheses.intervals.items():
        yield f"{values[symbol]} lies in {interval}", _lies_in(inside, values[symbol], interval, is_above)


def _index():
    """An index that occurs nowhere else."""
    return Dummy("k", integer=True)


def _entry(value, index):
    return value[index] if isinstance(value, (IndexedBase, Vector)) else value


# Rule 5


def _prove_by_maximum(delta, relation, hypotheses, record):
    """A is at most and at least B; ‖V‖_∞ is replaced by what it is or what it exceeds."""
    delta = differentiate(freshen(unfold(delta)))
    norms, label, more = delta.atoms(MaximumNorm), _index(), Dummy("w")
    if len(norms) > 1:
        raise ProofError("the rule for the maximum norm takes one of them at a time")
    (norm,) = norms
    if any(norm.free_symbols & {*total.bound_symbols} for total in delta.atoms(Sum)):
        raise ProofError(f"{norm} is another one for each term of a sum")
    # it is some entry: prove it for all; it is at least an entry: put that entry and more
    classes = [other for other, size in hypotheses.labels.items() if size == K and isinstance(other, Symbol)]
    ways = [(norm.at(label), Label(label), "is the modulus of one of its entries, and the statement holds for each")]
    ways += [(norm.at(one) + more, more >= 0, rf"is at least ${latex(norm.at(one))}$") for one in classes]
    for side in (delta, -delta) if relation == "==" else (delta,):
        for value, given, said in ways:
            context = Context(Hypotheses((*hypotheses.given, given)))
            if is_nonnegative(context, side.xreplace({norm: value})):
                record.show(f"${latex(norm)}$ {said}")
                break
        else:
            raise ProofError(f"the rule for the maximum norm leaves open whether {side} >= 0")
    record.use("maximum")


# Rule 7


def prove_line(chain: Chain, relation: str, expr: sp.Expr, reason: str, by=None) -> None:
    """Prove the line `relation expr`, and add it to the chain."""
    if relation != "==" and chain.relation not in ("==", relation):
        raise ValueError(f"a line {relation} cannot follow a line {chain.relation}: nothing follows for the ends")
    record = prove((chain.end, relation, expr), chain.hypotheses, by)
    chain.lines.append((relation, expr, reason, record))


def _prove_by_chain(statement, chain, context, record):
    left, relation, right = statement
    if missing := [h for h in chain.hypotheses.given if h not in context.hypotheses.given]:
        raise ProofError(f"the derivation assumes {missing[0]}, which the claim does not")
    if statement in chain.statements:
        line = chain.lines[chain.statements.index(statement)][-1]
        record.rules, record.lemmas, record.steps = [*line.rules], [*line.lemmas], [*line.steps]
        return
    if chain.relation not in ("==", relation):
        raise ProofError(f"the derivation proves {chain.relation}, the claim states {relation}")
    for name, one, other in (("starts", chain.start, left), ("ends", chain.end, right)):
        if not is_zero(context, one - other):
            raise ProofError(f"the derivation {name} at {one}, the claim at {other}")
    record.use("derivation")
    record.show(f"by the derivation, line by line: {'; '.join(reason for _, _, reason, _ in chain.lines)}")
    for *_, line in chain.lines:
        record.use(*line.rules, lemmas=line.lemmas)


# Where equality holds


def _require_equality(equality, delta, tight, context):
    """The difference is zero where `equality` says, and nowhere else."""
    here = substitute(delta, equality)
    if find_undefined(context, here) is not None or not is_zero(context, here):
        raise ProofError(f"at {equality} the two sides were not shown to be equal")
    ((one, other),) = equality.items()
    _require_place(context, one, other)
    for left, right, index in tight or ():
        # where the proof is tight, left = right for each index; this must say the same as what is stated
        if len(getattr(one, "shape", ())) != (index is not None):  # a vector for a sum, a number for none
            continue
        stated, proved = _entry(one, index) - _entry(other, index), unfold(left - right)
        ratio = sp.cancel(sp.together(stated / proved))
        signed = is_above_zero(context, ratio) or is_above_zero(context, -ratio)
        if signed and is_zero_at_points(context, ratio * proved - stated):
            return
    raise ProofError(f"it was not shown that equality holds only at {equality}")


def _require_place(context, one, other):
    """The place where equality is claimed has a value in the domain; a distribution that is > 0 may have its zeros."""
    for part in _find_parts({one: sp.sympify(other)}, context.hypotheses):
        require_value(context, part, "under the hypotheses")
    interval = context.hypotheses.intervals.get(one)
    if interval is not None and not _lies_in(context, other, interval, is_above_zero):
        raise ProofError(f"it was not shown that {one} = {other} lies in {interval}")
    if one in context.hypotheses.distributions:
        for what, shown in _assume(Hypotheses([Distribution(one)]), {one: other}, context, is_above_zero):
            if not shown:
                raise ProofError(f"it was not shown that {what}, which {one} = {other} needs")
