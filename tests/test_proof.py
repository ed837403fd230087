"""The prover accepts what is true and nothing else. The statements were written by somebody who had not seen it."""

import pytest
import statements

from lossmath import refute
from lossmath.claims import (
    Distribution,
    ProofError,
)
from lossmath.symbolic import *

P, Q = Distribution(p), Distribution(q, positive=True)


@pytest.fixture
def rules_alone(monkeypatch):
    """The prover without its guard: the rules themselves must not be fooled."""
    monkeypatch.setattr(refute, "doubt", lambda claim: None)


@pytest.mark.parametrize("name", statements.FALSE)
def test_false_statements_are_not_proved(name, rules_alone):
    with pytest.raises((ProofError, ValueError)):
        statements.FALSE[name]().prove()


@pytest.mark.parametrize("name", statements.FALSE_EQUALITY)
def test_false_cases_of_equality_are_not_proved(name, rules_alone):
    with pytest.raises(ProofError):
        statements.FALSE_EQUALITY[name]().prove()


@pytest.mark.parametrize("name", statements.UNDER)
def test_statements_with_a_hypothesis_dropped_are_not_proved(name, rules_alone):
    _, claim = statements.UNDER[name]
    with pytest.raises((ProofError, ValueError)):
        claim().prove()


@pytest.mark.parametrize("name", statements.FOOLED_BY)
def test_a_plausible_reason_does_not_prove_a_false_statement(name, rules_alone):
    with pytest.raises((ProofError, ValueError)):
        statements.FOOLED_BY[name]()


@pytest.mark.parametrize("name", statements.TRUE)
def test_true_statements_are_proved(name):
    proof = statements.TRUE[name]()
    assert proof.rules
    assert proof.claim.check(cases=100).residual < 1e-14
