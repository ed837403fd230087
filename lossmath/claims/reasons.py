"""The reasons that are given for a statement, and the record of what showed it. None of them is believed as such."""

from dataclasses import dataclass, field

import sympy as sp
from sympy import Symbol

from lossmath.claims.hypotheses import Hypotheses


@dataclass(frozen=True)
class Tangent:
    """Rule 3: in the variable `x`, at the point `at`."""

    x: Symbol
    at: sp.Expr


def tangent(x: Symbol, at) -> Tangent:
    """Prove by the tangent rule in x: at `at` the difference and its slope are zero, and it is convex."""
    return Tangent(x, sp.sympify(at))


@dataclass(frozen=True)
class Instance:
    """Rule 4: a proved statement at given values, multiplied by `times` and summed over `over`."""

    lemma: object  # a lossmath.claims.claim.Proof
    statement: tuple
    values: dict
    times: sp.Expr
    over: Symbol | None


def read_instances(by) -> list[Instance]:
    """The instances of a reason that is neither a tangent nor a derivation; TypeError if it is none of all."""
    instances = [by] if isinstance(by, Instance) else by
    if not isinstance(instances, (list, tuple)) or not all(isinstance(one, Instance) for one in instances):
        raise TypeError(
            f"by is None, tangent(x, at=...), proof.at(...) or a list of these, or a derivation; got {by!r}"
        )
    return list(instances)


@dataclass
class Record:
    """How a statement was proved: the rules used, the lemmas used, and the steps to show, in Markdown."""

    rules: list[str] = field(default_factory=list)
    lemmas: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)

    def use(self, *rules: str, lemmas=()):
        self.rules += [rule for rule in rules if rule not in self.rules]
        self.lemmas += [lemma for lemma in lemmas if lemma not in self.lemmas]

    def show(self, *steps: str):
        self.steps += steps


@dataclass
class Chain:
    """Rule 7: proved lines from `start`, as (relation, expression, reason, Record)."""

    start: sp.Expr
    hypotheses: Hypotheses
    lines: list = field(default_factory=list)

    @property
    def statements(self):
        """The lines as statements, each about the one before. A claim of these is proved `by` the derivation."""
        ends = [self.start, *(expr for _, expr, _, _ in self.lines)]
        return tuple((left, relation, right) for left, right, (relation, *_) in zip(ends, ends[1:], self.lines))

    @property
    def relation(self):
        return next((relation for relation, *_ in self.lines if relation != "=="), "==")

    @property
    def end(self):
        return self.lines[-1][1] if self.lines else self.start
