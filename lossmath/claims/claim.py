"""Claims and derivations: what a reader states, proves, checks and refutes."""

from __future__ import annotations

import random

import sympy as sp
from sympy import Equality, GreaterThan, LessThan
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFalse, BooleanTrue

from lossmath.claims import check, counterexample, evidence, limits, rules
from lossmath.claims.errors import ProofError
from lossmath.claims.hypotheses import Distribution, Hypotheses, Label, OneHot, Real
from lossmath.claims.notation import SIGNS, latex
from lossmath.claims.quantities import IndexedBase, K, M, N, Quantity, Vector, count_axes, unfold
from lossmath.claims.reasons import Chain, Instance, tangent
from lossmath.claims.sampling import draw_points

__all__ = [
    "Claim", "Definition", "Derivation", "Distribution", "Label", "OneHot", "Proof", "ProofError", "Real", "tangent",
]  # fmt: skip


TRIED = ({K: 2, N: 1, M: 1}, False), ({K: 3, N: 2, M: 2}, False), ({K: 3, N: 2, M: 2}, True)  # points, wide or not
RELATIONS = {Equality: "==", LessThan: "<=", GreaterThan: ">="}


def read_statement(id, statement, hypotheses):
    """(left, relation, right) of a statement: of such a tuple, or of `a >= b`, `a <= b`, `Eq(a, b)` in SymPy.

    It is in the language of claims, under the hypotheses, or raises.
    """
    if isinstance(statement, (bool, BooleanTrue, BooleanFalse)):
        raise ValueError(
            f"{id}: SymPy says {statement} of a statement before it can be proved or refuted; "
            'write it as (left, relation, right), as in (a, "==", b)'
        )
    if isinstance(statement, Relational):
        statement = statement.lhs, RELATIONS.get(type(statement), statement.rel_op), statement.rhs
    if not isinstance(statement, tuple) or len(statement) != 3:
        raise TypeError(
            f"{id}: a statement is a >= b, a <= b, Eq(a, b), or (left, relation, right) "
            f'as in (a, "==", b); got {statement!r}'
        )
    left, relation, right = statement
    if relation not in SIGNS:
        raise ValueError(f'{id}: the relation is one of "==", "<=", ">=", got {relation!r}')
    left, _, right = statement = sp.sympify(left), relation, sp.sympify(right)
    for side in (left, right):
        if not isinstance(side, sp.Expr):
            raise TypeError(f"{id}: a side of a statement is an expression, got {side!r}")
    if limits.is_limit(statement):
        limits.validate(statement, hypotheses)
    else:
        hypotheses.validate(left)
        hypotheses.validate(right)
    return statement


def explain_failure(claim, error):
    """Which of two is the case: the statement that was not proved is false, or it is open, and what to try then."""
    if limits.is_limit(claim.statements[0]):
        return f"{claim.id}: {error}"
    rng = random.Random(0)
    points = [point for sizes, wide in TRIED for point in draw_points(claim.hypotheses, sizes, rng, 40, wide)]
    if (found := counterexample.confirm_any(claim, points)) is not None:
        return f"{claim.id} is false: {found} (the prover: {error})"
    ways = "a Derivation" if claim.statements[0][1] == "==" else "tangent(...), proof.at(...) of a lemma, a Derivation"
    return f"{claim.id} is open: {error}; no counterexample among {len(points)} points; ways to try, as `by`: {ways}"


def _relation(statement, sign="&"):
    left, relation, right = statement
    return f"{latex(left)} {sign}{SIGNS[relation]} {latex(right)}"


def _display(lines):
    return "$$\n\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}\n$$"


class Definition:
    """A named quantity and what it stands for."""

    def __init__(self, quantity):
        if not isinstance(quantity, Quantity):
            raise TypeError(f"a named quantity such as entropy(p) is expected, got {quantity!r}")
        self.quantity = quantity

    def __repr__(self):
        return f"{self.quantity} := {unfold(self.quantity)}"

    def _repr_latex_(self):
        return f"$$\n{latex(self.quantity)} := {latex(unfold(self.quantity))}\n$$"


class Claim:
    r"""One or several relations between expressions, under hypotheses, for every number of classes.

    >>> from lossmath.claims import *
    >>> claim = Claim("bernoulli", (1 - x) ** gamma >= 1 - gamma * x, given=[x >= 0, x <= 1, gamma >= 1])
    >>> claim.prove(by=tangent(x, at=0)).rules
    ['tangent']

    What is no statement or no hypothesis raises TypeError; one that cannot be meant (a symbol that is not declared, an
    index out of its range, hypotheses that exclude each other) ValueError.

    Parameters
    ----------
    id : str
        The stable name of the claim, such as "kl-split".
    *statements : relation of SymPy, or (left, relation, right)
        `a >= b`, `a <= b` or `Eq(a, b)`; or, with a relation "==", "<=" or ">=", what SymPy would evaluate on the spot.
        A claim of several statements is their conjunction.
    given : list of hypotheses
        What each symbol is: `Distribution`, `OneHot`, `Label`, `Real`, or inequalities such as `gamma >= 1`.
    equality : dict, optional
        For the inequalities in which q occurs, {q: p} adds that equality holds where q = p and nowhere else.
    """

    def __init__(self, id: str, *statements, given, equality: dict | None = None):
        if not isinstance(id, str) or not id:
            raise TypeError(f"a claim's id is a non-empty string, got {id!r}")
        if not statements:
            raise ValueError(f"{id}: a claim states something; give at least one (left, relation, right)")
        self.id = id
        self.hypotheses = Hypotheses(given)
        self.statements = tuple(read_statement(id, one, self.hypotheses) for one in statements)
        self.equality = dict(equality or {})
        if len(self.equality) > 1:
            raise ValueError(f"{id}: equality is stated at one place, such as {{q: p}}; got {equality}")
        for symbol, place in self.equality.items():
            if symbol not in self.hypotheses.declared:
                raise ValueError(f"{id}: equality={self.equality} speaks of {symbol}, which is not declared")
            if isinstance(symbol, IndexedBase) != isinstance(place, (IndexedBase, Vector)):
                raise TypeError(f"{id}: equality={self.equality} is of two numbers, or of two vectors")
            if not isinstance(place, (IndexedBase, Vector)):
                self.hypotheses.validate(sp.sympify(place))
        if self.equality and not any(map(self.equality_of, self.statements)):
            raise ValueError(f"{id}: equality={self.equality} is said of inequalities in its symbols; there is none")

    def equality_of(self, statement):
        """Where equality is claimed for a statement: what `equality` says, if it is an inequality in that symbol."""
        left, relation, right = statement
        said = relation != "==" and any(unfold(left - right).has(symbol) for symbol in self.equality)
        return self.equality if said else {}

    def near_miss(self, *statements, given=None, equality=None) -> Claim:
        """A claim close to this one, to be refuted: other statements, or the same under other hypotheses."""
        given = self.hypotheses.given if given is None else given
        return Claim(self.id, *(statements or self.statements), given=given, equality=equality)

    def prove(self, by=None) -> Proof:
        """Prove every statement, for every K; return the `Proof`, or raise `ProofError` with what was left over.

        `by` says how: None (normal form, or sign), `tangent(x, at=a)`, an instance `proof.at(...)` of a proved claim, a
        list of such instances, or a `Derivation`; for several statements it may be a tuple with one for each. The error
        says which of two is the case: that the claim is false, with a counterexample; or that it is open, with what was
        left over, how long a counterexample was looked for, and what to try.
        """
        ways = by if isinstance(by, tuple) else (by,) * len(self.statements)
        if len(ways) != len(self.statements):
            raise ValueError(f"{self.id}: {len(self.statements)} statements, but {len(ways)} ways to prove them")
        records = []
        for statement, way in zip(self.statements, ways):
            try:
                records.append(rules.prove(statement, self.hypotheses, way, self.equality_of(statement)))
            except ProofError as error:
                raise ProofError(explain_failure(self.near_miss(statement), error)) from None
        if (doubt := counterexample.doubt(self)) is not None:
            raise ProofError(f"{self.id}: the rules accepted it, yet at {doubt}")
        ways = [way.way(line) if isinstance(way, Derivation) else way for line, way in zip(self.statements, ways)]
        return evidence.leave("prove", Proof(self, records, ways))

    def check(self, cases: int = 1000, seed: int = 0, device=None) -> check.Check:
        """Evaluate the claim's own expressions in torch at random points; see `lossmath.claims.check.check`."""
        return evidence.leave("check", check.check(self, cases=cases, seed=seed, device=device))

    def refute(self, seed: int = 0) -> counterexample.Counterexample:
        """Find a counterexample that can be verified by hand; see `lossmath.claims.counterexample.refute`."""
        return evidence.leave("refute", counterexample.refute(self, seed=seed))

    @property
    def counts_classes(self):
        """Whether a statement speaks of classes at all."""
        return any(unfold(side).has(K, IndexedBase) for left, _, right in self.statements for side in (left, right))

    def __repr__(self):
        said = "; ".join(f"{left} {relation} {right}" for left, relation, right in self.statements)
        return f"Claim({self.id!r}: {said})"

    def _repr_latex_(self):
        lines = [_relation(statement) for statement in self.statements]
        lines += [rf"&\text{{with equality only at }} {latex(a)} = {latex(b)}" for a, b in self.equality.items()]
        return _display([*lines, rf"&\text{{given }} {self.hypotheses.latex()}"])


class Proof:
    """A proved claim: the rules and lemmas that were used, and a base for further proofs."""

    def __init__(self, claim, records, ways):
        self.claim = claim
        self.records = records
        self.ways = tuple(ways)  # as given to `prove`, one for each statement
        self.rules = list(dict.fromkeys(rule for record in records for rule in record.rules))
        self.lemmas = list(dict.fromkeys(lemma for record in records for lemma in record.lemmas))

    def at(self, values: dict | None = None, times=1, over=None, statement: int = 0) -> Instance:
        """This claim at given values, as a reason for another: {x: q[k]} puts q_k for x and {p: U} the vector U for p.

        It is multiplied by `times`, which must not be negative, and summed over the class index `over`, if there is
        one. `statement` picks one of several.
        """
        id, values = self.claim.id, {symbol: sp.sympify(value) for symbol, value in (values or {}).items()}
        if unknown := values.keys() - self.claim.hypotheses.declared:
            raise ValueError(f"{id} says nothing of {', '.join(map(str, unknown))}")
        for symbol, value in values.items():
            if count_axes(symbol) != count_axes(value):
                raise ValueError(f"{id} has {symbol} with {count_axes(symbol)} indices, got {value}")
        return Instance(self, self.claim.statements[statement], values, sp.sympify(times), over)

    def __repr__(self):
        return f"Proof of {self.claim.id} for every K, by {', '.join(self.rules + self.lemmas)}"

    def _repr_markdown_(self):
        steps = [(n, step) for n, record in enumerate(self.records, 1) for step in record.steps]
        lines = [_relation(statement, sign="") for statement in self.claim.statements]
        several = len(lines) > 1
        if several:
            lines = [rf"({n}) \quad & {line}" for n, line in enumerate(lines, 1)]
        every = r" for every $K \geq 2$" if self.claim.counts_classes else ""
        rules = f"rule{'s' * (len(self.rules) > 1)}: {', '.join(self.rules)}"
        watched = " Limits are computed by SymPy and watched, not proved." if "limit" in self.rules else ""
        verdict = f"∎ `{self.claim.id}` is **proved**{every} ({rules}).{watched}"
        how = "\n".join(f"- ({n}) {step}" if several else f"- {step}" for n, step in steps)
        summary = f"How, in {len(steps)} step{'s' * (len(steps) > 1)}"
        folded = f'<details class="proof">\n<summary>{summary}</summary>\n\n{how}\n\n</details>'
        return "\n\n".join([_display(lines), verdict, folded])


class Derivation(Chain):
    r"""A chain of equalities and inequalities, each line of which is proved when it is added.

    >>> from lossmath.claims import *
    >>> chain = Derivation(kl_divergence(p, q), given=[Distribution(p), Distribution(q, positive=True)])
    >>> chain = chain.eq(expectation(p, lambda k: log(p[k] / q[k])), "definition")
    >>> chain = chain.eq(-entropy(p) + cross_entropy(p, q), "logarithm of a quotient")
    """

    def __init__(self, start, given):
        super().__init__(sp.sympify(start), Hypotheses(given))
        self.hypotheses.validate(self.start)
        self._ways = []

    def eq(self, expr, reason: str, by=None) -> Derivation:
        """Add the line `= expr`."""
        return self._add("==", expr, reason, by)

    def ge(self, expr, reason: str, by=None) -> Derivation:
        """Add the line `>= expr`."""
        return self._add(">=", expr, reason, by)

    def le(self, expr, reason: str, by=None) -> Derivation:
        """Add the line `<= expr`."""
        return self._add("<=", expr, reason, by)

    def way(self, statement):
        """How a line was proved; of any other statement, this derivation."""
        return self._ways[self.statements.index(statement)] if statement in self.statements else self

    def _add(self, relation, expr, reason, by):
        expr = sp.sympify(expr)
        self.hypotheses.validate(expr)
        line = Claim("the line", (self.end, relation, expr), given=self.hypotheses.given)
        try:
            rules.prove_line(self, relation, expr, reason, by)
        except ProofError as error:
            raise ProofError(explain_failure(line, error)) from None
        self._ways.append(by)
        return self

    def __repr__(self):
        return "\n".join([str(self.start), *(f"{rel} {expr}    ({why})" for rel, expr, why, _ in self.lines)])

    def _repr_latex_(self):
        lines = [f"&{latex(self.start)}"]
        lines += [rf"&{SIGNS[rel]} {latex(expr)} && \text{{{why}}}" for rel, expr, why, _ in self.lines]
        return _display(lines)
