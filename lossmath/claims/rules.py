"""What counts as a proof. A trusted file; nothing outside it can turn a statement into a theorem.

A statement `left (==, <=, >=) right` is proved, for every K >= 2, by one of these rules:

1. Normal form. The difference of the two sides is zero: `lossmath.claims.normal_form`.
2. Sign. The difference is not negative: every variable is written in a parameter that carries its domain, and the sign
   of the difference, or of every term of its sum, follows from the signs of its parts: `lossmath.claims.signs`.
3. Tangent. f(a) = 0, f'(a) = 0 and f'' >= 0 on an interval that holds a: then f >= 0 there, and f > 0 off a if f'' > 0.
4. Lemmas. The difference is a sum of proved differences, each instantiated within its hypotheses, multiplied by
   something that is not negative and summed over k, plus a remainder that is zero or not negative (rules 1 and 2).
5. Maximum. ‖V‖_∞ is |V_i| for some class i, and at least |V_i| for every class i.
6. Limit. SymPy finds it, and the values in multiple precision approach it: `lossmath.claims.limits`. It is computed and
   watched, not proved.
7. Derivation. A chain of lines, each of which is proved, from the left side to the right side; or one of its lines.

Before any rule is tried, every logarithm, power, quotient and slope in the statement must be shown to be defined on the
whole domain, closed ends included (`lossmath.claims.definedness`). The rules then work inside the domain, and closed
ends follow by continuity. Where equality is claimed at one place and nowhere else, closed ends are closed.
"""

import sympy as sp
from sympy import Dummy, Indexed, IndexedBase, Pow, Sum, Symbol, oo

from lossmath.claims import limits
from lossmath.claims.definedness import find_undefined, is_above_zero
from lossmath.claims.errors import ProofError
from lossmath.claims.hypotheses import SMOOTH, Hypotheses, Label
from lossmath.claims.normal_form import Context, factor, find_difference, prepare
from lossmath.claims.notation import SIGNS, latex, show_normal_form
from lossmath.claims.quantities import K, MaximumNorm, Vector, differentiate, freshen, one_hot, substitute, unfold
from lossmath.claims.reasons import Chain, Instance, Record, Tangent
from lossmath.claims.signs import is_nonnegative, is_positive, is_zero
from lossmath.claims.witness import is_zero_at_points


def prove(statement: tuple, hypotheses: Hypotheses, by=None, equality: dict | None = None) -> Record:
    """Prove one statement and return the Record of it, or raise ProofError."""
    context, record = Context(hypotheses), Record()
    if limits.is_limit(statement):
        _prove_limit(statement, by, context, record)
        return record
    for side in statement[::2]:
        _require_value(context, side, "under the hypotheses")
    if by is None:
        tight = _prove_plainly(statement, context, record)
    elif isinstance(by, Tangent):
        tight = _prove_by_tangent(statement, by, context, record, equality)
    elif isinstance(by, Chain):
        tight = _prove_by_chain(statement, by, context, record)
    else:
        instances = [by] if isinstance(by, Instance) else by
        if not isinstance(instances, (list, tuple)) or not all(isinstance(one, Instance) for one in instances):
            raise TypeError(
                f"by is None, tangent(x, at=...), proof.at(...) or a list of these, or a derivation; got {by!r}"
            )
        tight = _prove_by_lemmas(statement, instances, context, record, equality)
    for used in sorted(context.used):
        record.show(f"${used}$, by hypothesis")
    if equality:
        _require_equality(equality, find_difference(*statement), tight, context)
        ((one, other),) = equality.items()
        record.show(f"equality at ${latex(one)} = {latex(other)}$ and nowhere else")
    return record


def _require_value(context, expr, where, closed=True):
    if (part := find_undefined(context, expr, closed)) is not None:
        raise ProofError(f"it was not shown that {part} is defined {where}")


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
    if statement[1] == "==":
        raise ProofError("the tangent rule proves inequalities, not identities")
    if x not in context.hypotheses.intervals or a.has(x):
        raise ProofError(f"the tangent rule needs a real variable of the claim and a point without it, got {x} at {a}")
    f = differentiate(freshen(unfold(find_difference(*statement))))
    _require_smooth(context, f, x)
    interval = context.hypotheses.intervals[x]
    for end, room in ((interval.inf, a - interval.inf), (interval.sup, interval.sup - a)):
        if end.is_finite and not is_nonnegative(context, room):
            raise ProofError(f"it was not shown that {x} = {a} lies in {interval}")
    slope, bend = f.diff(x), f.diff(x, 2)
    for order, value in ((1, slope), (2, bend)):  # not on SymPy's word
        if not is_zero_at_points(context, sp.Derivative(f, (x, order), evaluate=False) - value):
            raise ProofError(f"the derivative of order {order} of {f} was not shown to be {value}")
    for name, value in (("f", f), ("f'", slope)):
        at = value.xreplace({x: a})
        if at.has(sp.nan, sp.zoo, oo, -oo) or not is_zero(context, at):
            raise ProofError(f"at {x} = {a}, {name} = {at} does not reduce to 0")
    # strictly convex in x, whatever the others are, their closed ends included: then equality at a only
    strictly = equality and is_above_zero(context, bend, x)
    if not strictly and not is_nonnegative(context, bend):
        raise ProofError(f"f'' = {bend} was not shown to be >= 0")
    record.use("tangent")
    at, sign, said = f"zero at ${latex(x)} = {latex(a)}$", ">" if strictly else r"\geq", "strictly " * bool(strictly)
    record.show(f"the difference, $f({latex(x)}) = {latex(f)}$, is {at}")
    record.show(f"its slope, $f'({latex(x)}) = {latex(factor(slope))}$, is {at}")
    bend = rf"$f''({latex(x)}) = {latex(factor(bend))} {sign} 0$"
    record.show(f"it is {said}convex, {bend}, so it lies above its tangent")
    return [(x, a, None)] if strictly else None


def _require_smooth(context, f, x):
    """As a function of x, f has no kink."""
    for node in sp.preorder_traversal(f):
        if node.has(x) and node.args and not isinstance(node, (*SMOOTH, sp.Tuple)):
            raise ProofError(f"{node} may have a kink")
    for power in f.atoms(Pow):  # sqrt((x - 1)**2) has a kink, and no slope there
        if power.base.has(x) and not power.exp.is_Integer and not is_above_zero(context, power.base, x):
            raise ProofError(f"{power} may have a kink")


# Rule 4


def _prove_by_lemmas(statement, instances, context, record, equality):
    rest, tight = find_difference(*statement), []
    for instance in instances:
        gain, points, shown = _instantiate(instance, statement[1], context, equality)
        rest = rest - gain
        tight += points
        record.use("lemma", lemma=instance.lemma.claim.id)
        record.show(f"`{instance.lemma.claim.id}` says: {shown}")
    if is_zero(context, rest):
        return tight
    if statement[1] == "==":
        left_over = show_normal_form(context, rest)
        raise ProofError(f"the lemmas do not add up to the difference; left over is {left_over}")
    if not is_nonnegative(context, rest):
        raise ProofError(f"the lemmas leave a remainder of unknown sign, {show_normal_form(context, rest)}")
    record.use("sign")
    return tight


def _instantiate(instance, relation, context, equality):
    """What the instance adds; where it is tight, as (one, other, index), if that is asked; and how to show it."""
    lemma, (left, kind, right) = instance.lemma.claim, instance.statement
    if relation == "==" and kind != "==":
        raise ProofError(f"an identity does not follow from the inequality {lemma.id}")
    if unknown := instance.values.keys() - lemma.hypotheses.declared:
        raise ProofError(f"{lemma.id} says nothing of {', '.join(map(str, unknown))}")
    values = {symbol: instance.values.get(symbol, symbol) for symbol in lemma.hypotheses.declared}
    for symbol, value in values.items():
        if _count_axes(symbol) != _count_axes(value):
            raise ValueError(f"{lemma.id} has {symbol} with {_count_axes(symbol)} indices, got {value}")
    left, right = substitute(left, values), substitute(right, values)
    gain, index = instance.times * find_difference(left, kind, right), instance.over
    inside, size = _enter(index, gain, context.hypotheses)
    _validate_instance(instance.times, values, inside, (gain, left, right), lemma.id, bool(equality))
    _verify(lemma.hypotheses, values, inside, lemma.id, is_above_zero if equality else is_positive)
    if kind != "==" and not is_nonnegative(inside, instance.times):
        raise ProofError(f"it was not shown that the multiplier {instance.times} is not negative")
    points = []
    if equality and is_above_zero(inside, instance.times):
        for one, other in lemma.equality_of(instance.statement).items():
            c = _index() if _count_axes(one) else index
            points.append((_entry(values[one], c), substitute(_entry(other, c), values), c))
    shown = f"${latex(left)} {SIGNS[kind]} {latex(right)}$"
    if instance.times != 1:
        shown += f", multiplied by ${latex(instance.times)}$"
    if index is not None:
        gain, shown = Sum(gain, (index, 1, size)), shown + f", summed over ${latex(index)}$"
        context.hypotheses.validate(gain)
    return gain, points, shown


def _enter(index, gain, hypotheses):
    """The context inside the sum over `index`, which is a label like any other there; and the size of its range."""
    if index in hypotheses.onehots.values():  # which is bound in the sum, and there nothing is one-hot at it
        raise ProofError(f"{index} is the label of a one-hot distribution; sum over another index")
    if index is None or index in hypotheses.labels:
        return Context(hypotheses), hypotheses.labels.get(index, K)
    entries = sorted(freshen(gain).atoms(Indexed), key=sp.default_sort_key)
    size = next((one.base.shape[one.indices.index(index)] for one in entries if index in one.indices), K)
    return Context(Hypotheses((*hypotheses.given, Label(index, size)))), size


def _validate_instance(times, values, inside, made, lemma, closed):
    """What was put in, and what came of it, is in the language of claims, and has values."""
    put_in = [sp.sympify(value) for value in values.values() if not isinstance(value, IndexedBase)]
    said = [value for value in (times, *put_in) if not isinstance(value, (Symbol, Vector))]
    entries = [value[tuple(_index() for _ in value.indices)] for value in put_in if isinstance(value, Vector)]
    for part in (made[0], *said):
        inside.hypotheses.validate(part)
    for part in (*said, *entries, *made[1:]):
        _require_value(inside, part, f"in the instance of {lemma}", closed)


def _verify(hypotheses, values, inside, lemma, is_above):
    """The instance obeys the hypotheses of the lemma; `is_above` says what is > 0."""

    def require(shown, what):
        if not shown:
            raise ProofError(f"it was not shown that {what}, as {lemma} assumes")

    for base, positive in hypotheses.distributions.items():
        _verify_distribution(base, positive, values[base], inside, require, is_above)
    for base, label in hypotheses.onehots.items():
        same = values[base] == one_hot(values[label]) or inside.hypotheses.onehots.get(values[base]) == values[label]
        require(same, f"{values[base]} is one-hot at {values[label]}")
    for label, size in hypotheses.labels.items():
        require(inside.hypotheses.labels.get(values[label]) == size, f"{values[label]} is a label from 1 to {size}")
    for symbol, interval in hypotheses.intervals.items():
        value = sp.sympify(values[symbol])
        for end, room in ((interval.inf, value - interval.inf), (interval.sup, interval.sup - value)):
            if end.is_finite:
                shown = is_nonnegative(inside, room) if interval.contains(end) else is_above(inside, room)
                require(shown, f"{value} lies in {interval}")


def _verify_distribution(base, positive, value, inside, require, is_above):
    own, c = inside.hypotheses.distributions.get(value), _index()
    if own is not None and own >= positive:
        return
    require(base.shape == (K,), f"the rows of {value} are distributions")
    shown = is_above(inside, value[c]) if positive else is_nonnegative(inside, value[c])
    require(shown, f"the entries of {value} are {'> 0' if positive else '>= 0'}")
    require(is_zero(inside, Sum(value[c], (c, 1, K)) - 1), f"the entries of {value} sum to 1")


def _index():
    """An index that occurs nowhere else."""
    return Dummy("k", integer=True)


def _count_axes(value):
    return len(value.indices if isinstance(value, Vector) else value.shape if isinstance(value, IndexedBase) else ())


def _entry(value, index):
    return value[index] if isinstance(value, (IndexedBase, Vector)) else sp.sympify(value)


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
    ways = [(norm.at(label), Label(label), "is the modulus of one of its entries, and the statement holds for each")]
    for other, size in hypotheses.labels.items():
        if isinstance(other, Symbol) and size == K:
            said = rf"is at least ${latex(norm.at(other))}$"
            ways.append((norm.at(other) + more, more >= 0, said))
    for side in (delta, -delta) if relation == "==" else (delta,):
        for value, given, said in ways:
            context = Context(Hypotheses((*hypotheses.given, given)))
            if is_nonnegative(context, side.xreplace({norm: value})):
                record.show(f"${latex(norm)}$ {said}")
                break
        else:
            raise ProofError(f"the rule for the maximum norm leaves open whether {side} >= 0")
    record.use("maximum")


# Rule 6


def _prove_limit(statement, by, context, record):
    if by is not None:
        raise TypeError(f"a limit is proved by the rule for limits alone; got {by!r}")
    expr = statement[0].args[0]
    for part in (expr, statement[2]):
        _require_value(context, part, "under the hypotheses")
    limits.compute(statement, context.hypotheses)
    limits.confirm(statement, context.hypotheses)
    record.use("limit")
    said = "is within 0.02 of it after 300 orders of magnitude or more, and nearer than halfway"
    record.show(f"SymPy finds this limit; in multiple precision, ${latex(expr)}$ {said}")


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
        record.use(*line.rules)
        for lemma in line.lemmas:
            record.use(lemma=lemma)


# Where equality holds


def _require_equality(equality, delta, tight, context):
    """The difference is zero where `equality` says, and nowhere else."""
    here = substitute(delta, equality)
    if find_undefined(context, here) is not None or not is_zero(context, here):
        raise ProofError(f"at {equality} the two sides were not shown to be equal")
    if len(equality) != 1:
        raise ProofError(f"equality is stated at one place, such as {{q: p}}; got {equality}")
    ((one, other),) = equality.items()
    for left, right, index in tight or ():
        # where the proof is tight, left = right for each index; this must say the same as what is stated
        if _count_axes(one) != (index is not None):  # a vector for a sum, a number for none
            continue
        stated, proved = _entry(one, index) - _entry(other, index), unfold(left - right)
        if prepare(context, stated) != 0 and prepare(context, proved) != 0:
            ratio = sp.cancel(sp.together(stated / proved))
            signed = is_above_zero(context, ratio) or is_above_zero(context, -ratio)
            if signed and is_zero_at_points(context, ratio * proved - stated):
                return
    raise ProofError(f"it was not shown that equality holds only at {equality}")
