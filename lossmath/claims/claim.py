"""Claims and derivations: what a reader states, proves, checks and refutes."""

from __future__ import annotations

import sympy as sp

from lossmath.claims import evidence, limits, rules
from lossmath.claims.errors import ProofError
from lossmath.claims.hypotheses import Distribution, Hypotheses, Label, OneHot, Real
from lossmath.claims.notation import SIGNS, latex
from lossmath.claims.quantities import IndexedBase, K, Quantity, Vector, unfold
from lossmath.claims.reasons import Instance, tangent

__all__ = [
    "Claim",
    "Definition",
    "Derivation",
    "Distribution",
    "Label",
    "OneHot",
    "Proof",
    "ProofError",
    "Real",
    "tangent",
]


def _relation(statement):
    left, relation, right = statement
    return f"{latex(left)} &{SIGNS[relation]} {latex(right)}"


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

    Parameters
    ----------
    id : str
        The stable name of the claim, such as "kl-split".
    *statements : (left, relation, right)
        Each relation is "==", "<=" or ">="; a claim of several statements is their conjunction.
    given : list of hypotheses
        What each symbol is: `Distribution`, `OneHot`, `Label`, `Real`, or inequalities such as `gamma >= 1`.
    equality : dict, optional
        For the inequalities in which q occurs, {q: p} adds that equality holds where q = p and nowhere else.

    Raises
    ------
    ValueError
        A relation that is none of the three, a symbol that is not declared, an index out of its range, hypotheses that
        exclude each other.
    TypeError
        Something that is no statement or no hypothesis.

    Examples
    --------
    >>> from lossmath.claims import *
    >>> claim = Claim("bernoulli", ((1 - x) ** gamma, ">=", 1 - gamma * x), given=[x >= 0, x <= 1, gamma >= 1])
    >>> claim.prove(by=tangent(x, at=0)).rules
    ['tangent']
    """

    def __init__(self, id, *statements, given, equality=None):
        if not isinstance(id, str) or not id:
            raise TypeError(f"a claim's id is a non-empty string, got {id!r}")
        if not statements:
            raise ValueError(f"{id}: a claim states something; give at least one (left, relation, right)")
        self.id = id
        self.hypotheses = Hypotheses(given)
        self.statements = tuple(self._statement(statement) for statement in statements)
        self.equality = dict(equality or {})
        for symbol, place in self.equality.items():
            if symbol not in self.hypotheses.declared:
                raise ValueError(f"{id}: equality={self.equality} speaks of {symbol}, which is not declared")
            if not isinstance(place, (IndexedBase, Vector)):
                self.hypotheses.validate(sp.sympify(place))
        if self.equality and not any(map(self.equality_of, self.statements)):
            raise ValueError(
                f"{id}: equality={self.equality} is said of inequalities in its symbols, and there is none"
            )

    def _statement(self, statement):
        if not isinstance(statement, tuple) or len(statement) != 3:
            raise TypeError(f'{self.id}: a statement is (left, relation, right), as in (a, "==", b); got {statement!r}')
        left, relation, right = statement
        if relation not in SIGNS:
            raise ValueError(f'{self.id}: the relation is one of "==", "<=", ">=", got {relation!r}')
        sides = [sp.sympify(side) for side in (left, right)]
        for side in sides:
            if not isinstance(side, sp.Expr):
                raise TypeError(f"{self.id}: a side of a statement is an expression, got {side!r}")
        statement = sides[0], relation, sides[1]
        if limits.is_limit(statement):
            limits.validate(statement, self.hypotheses)
        else:
            self.hypotheses.validate(sides[0])
            self.hypotheses.validate(sides[1])
        return statement

    def equality_of(self, statement):
        """Where equality is claimed for one statement: what `equality` says, if it is an inequality in that symbol."""
        left, relation, right = statement
        said = relation != "==" and any(unfold(left - right).has(symbol) for symbol in self.equality)
        return self.equality if said else {}

    def near_miss(self, *statements, given=None, equality=None):
        """A claim close to this one, to be refuted: other statements, or the same under other hypotheses."""
        given = self.hypotheses.given if given is None else given
        return Claim(self.id, *(statements or self.statements), given=given, equality=equality)

    def prove(self, by=None):
        """Prove every statement, for every K; return the `Proof`, or raise `ProofError` with what was left over.

        `by` says how: None (normal form, or sign), `tangent(x, at=a)`, an instance `proof.at(...)` of a proved claim, a
        list of such instances, or a `Derivation`. For a claim of several statements it may be a tuple with one for each.
        """
        ways = by if isinstance(by, tuple) else (by,) * len(self.statements)
        if len(ways) != len(self.statements):
            raise ValueError(f"{self.id}: {len(self.statements)} statements, but {len(ways)} ways to prove them")
        records = []
        for (left, relation, right), way in zip(self.statements, ways):
            if isinstance(way, Derivation):
                way = way.chain
            try:
                equality = self.equality_of((left, relation, right))
                records.append(rules.prove((left, relation, right), self.hypotheses, way, equality))
            except ProofError as error:
                raise ProofError(f"{self.id}: {error}") from None
        self._guard()
        ways = [way.way(line) if isinstance(way, Derivation) else way for line, way in zip(self.statements, ways)]
        return evidence.proved(Proof(self, records, ways))

    def _guard(self):
        """Evaluate the proved claim in multiple precision: an independent look at what SymPy said."""
        from lossmath.claims import counterexample as refute

        if (doubt := refute.doubt(self)) is not None:
            raise ProofError(f"{self.id}: the rules accepted it, yet at {doubt}")

    def check(self, cases=1000, seed=0, device=None):
        """Evaluate the claim's own expressions in torch (float64) at random points; see `lossmath.claims.check.check`."""
        from lossmath.claims.check import check

        return evidence.checked(check(self, cases=cases, seed=seed, device=device))

    def refute(self, seed=0):
        """Find a counterexample that can be verified by hand; see `lossmath.claims.counterexample.refute`."""
        from lossmath.claims.counterexample import refute

        return evidence.refuted(refute(self, seed=seed))

    def _lines(self):
        return [_relation(statement) for statement in self.statements]

    @property
    def counts_classes(self):
        """Whether a statement speaks of classes at all."""
        return any(unfold(side).has(K, IndexedBase) for left, _, right in self.statements for side in (left, right))

    def __repr__(self):
        said = "; ".join(f"{left} {relation} {right}" for left, relation, right in self.statements)
        return f"Claim({self.id!r}: {said})"

    def _repr_latex_(self):
        lines = self._lines()
        if self.equality:
            lines.append(
                "&"
                + ", ".join(
                    rf"\text{{with equality only at }} {latex(a)} = {latex(b)}" for a, b in self.equality.items()
                )
            )
        return _display([*lines, rf"&\text{{given }} {self.hypotheses.latex()}"])


class Proof:
    """A proved claim: the rules and lemmas that were used, and a base for further proofs."""

    def __init__(self, claim, records, ways=()):
        self.claim = claim
        self.records = records
        self.ways = tuple(ways)  # as given to `prove`, one for each statement
        self.rules = list(dict.fromkeys(rule for record in records for rule in record.rules))
        self.lemmas = list(dict.fromkeys(lemma for record in records for lemma in record.lemmas))

    def at(self, values=None, times=1, over=None, statement=0):
        """This claim at given values, as a reason for another: {x: q[k]} puts q_k for x and {p: U} the vector U for p.

        It is multiplied by `times`, which must not be negative, and summed over the class index `over`, if there is one.
        `statement` picks one of several.
        """
        return Instance(self, self.claim.statements[statement], dict(values or {}), sp.sympify(times), over)

    def __repr__(self):
        return f"Proof of {self.claim.id} for every K, by {', '.join(self.rules + self.lemmas)}"

    def _repr_markdown_(self):
        text = []
        for statement, record in zip(self.claim._lines(), self.records):
            text += [_display([statement]), "\n".join(f"- {step}" for step in record.steps)]
        every = r" for every $K \geq 2$" if self.claim.counts_classes else ""
        rules = f"rule{'s' * (len(self.rules) > 1)}: {', '.join(self.rules)}"
        return "\n\n".join([*text, f"∎ **Proved**{every} ({rules})."])


class Derivation:
    r"""A chain of equalities and inequalities, each line of which is proved when it is added.

    >>> from lossmath.claims import *
    >>> chain = Derivation(kl_divergence(p, q), given=[Distribution(p), Distribution(q, positive=True)])
    >>> chain = chain.eq(expectation(p, lambda k: log(p[k] / q[k])), "definition")
    >>> chain = chain.eq(-entropy(p) + cross_entropy(p, q), "logarithm of a quotient")
    """

    def __init__(self, start, given):
        self.hypotheses = Hypotheses(given)
        self.hypotheses.validate(sp.sympify(start))
        self.chain = rules.Chain(sp.sympify(start), self.hypotheses)
        self._ways = []

    def eq(self, expr, reason, by=None):
        """Add the line `= expr`."""
        return self._add("==", expr, reason, by)

    def ge(self, expr, reason, by=None):
        """Add the line `>= expr`."""
        return self._add(">=", expr, reason, by)

    def le(self, expr, reason, by=None):
        """Add the line `<= expr`."""
        return self._add("<=", expr, reason, by)

    @property
    def statements(self):
        """The lines as statements, each about the one before: a claim of these is proved `by` the derivation."""
        return self.chain.statements

    def way(self, statement):
        """How a line was proved; of any other statement, this derivation."""
        return self._ways[self.statements.index(statement)] if statement in self.statements else self

    def _add(self, relation, expr, reason, by):
        expr = sp.sympify(expr)
        self.hypotheses.validate(expr)
        self.chain.add(relation, expr, reason, by)
        self._ways.append(by)
        return self

    def __repr__(self):
        return "\n".join(
            [str(self.chain.start), *(f"{rel} {expr}    ({why})" for rel, expr, why, _ in self.chain.lines)]
        )

    def _repr_latex_(self):
        lines = [f"&{latex(self.chain.start)}"]
        lines += [rf"&{SIGNS[rel]} {latex(expr)} && \text{{{why}}}" for rel, expr, why, _ in self.chain.lines]
        return _display(lines)
