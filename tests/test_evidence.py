"""What the verbs publish in a notebook: where, and in which words."""

import sys
from types import SimpleNamespace

import IPython
import nbformat
import pytest
from myst_nb.ext.glue import extract_glue_data_cell

from lossmath.claims import Claim, Distribution, Label, OneHot, Real, evidence
from lossmath.claims.quantities import *

P, Q = Distribution(p), Distribution(q, positive=True)


@pytest.fixture
def published(monkeypatch):
    """What was displayed, in what seems to be a notebook."""
    shown = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=None))

    def display(data, raw, metadata):
        assert raw and list(data) == [evidence.MIME]
        shown.append((data[evidence.MIME], metadata))

    monkeypatch.setattr(IPython.display, "display", display)
    return shown


def test_only_a_notebook_is_somebody_to_publish_to(monkeypatch, published):
    assert evidence.in_notebook()
    monkeypatch.setattr(IPython, "get_ipython", lambda: None)
    assert not evidence.in_notebook()
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace())  # the IPython of a terminal
    assert not evidence.in_notebook()
    Claim("square", (x**2, ">=", 0), given=[Real(x)]).prove()
    monkeypatch.delitem(sys.modules, "IPython")
    assert not evidence.in_notebook()
    assert not published


def test_each_verb_publishes_the_claim_in_full_and_what_it_found(published):
    claim = Claim("bound", (entropy(p), ">=", 0), given=[P])
    proof, check, miss = claim.prove(), claim.check(cases=50), claim.near_miss((entropy(p), "==", 0)).refute()
    proved, checked, refuted = (record for record, _ in published)
    said = {
        "claim": "bound",
        "statements": ["entropy(p) >= 0"],
        "given": ["Distribution(p)"],
        "equality": [],
        "where": [],
        "definitions": {"entropy(u)": "-Sum(log(u[k])*u[k], (k, 1, K))"},
        "latex": claim._repr_latex_(),
    }
    packed = evidence.unpack(proved.pop("proof"))  # the build examines its mutants in another process
    assert repr(packed) == repr(proof) and str(packed.claim) == str(claim)
    assert proved == {"verb": "prove", **said, "rules": proof.rules, "lemmas": []}
    found = {"cases": 50, "residual": check.residual, "device": check.device, "shown": check._said()}
    assert checked == {"verb": "check", **said, **found}
    assert refuted["verb"] == "refute" and refuted["statements"] == ["entropy(p) == 0"]
    assert refuted["counterexample"] == str(miss) and refuted["shown"] == miss._repr_markdown_()


def test_what_is_published_is_kept_and_not_shown(published):
    """myst-nb takes out of a cell's outputs what its `glue` would, and warns of a name that comes twice."""
    claim = Claim("bound", (entropy(p), ">=", 0), given=[P])
    claim.prove(), claim.prove()
    outputs = [
        nbformat.v4.new_output("display_data", {evidence.MIME: record}, metadata=kept) for record, kept in published
    ]
    cell = nbformat.v4.new_code_cell(outputs=[*outputs, nbformat.v4.new_output("stream", text="seen")])
    names = [name for name, _ in extract_glue_data_cell(cell)]
    assert [output.output_type for output in cell.outputs] == ["stream"] and len({*names}) == 2


def test_a_vector_has_a_name_of_its_own_and_says_what_it_stands_for():
    ours, theirs = smooth_labels(p, epsilon), smooth_labels(q, epsilon)
    sides = (cross_entropy(vector, softmax(z)) for vector in (ours, theirs))
    claim = Claim("same", (next(sides), "==", next(sides)), given=[P, Q, Real(z), epsilon >= 0])
    said = evidence.in_full(claim)
    assert said["statements"] == ["cross_entropy(widetilde_p, softmax(z)) == cross_entropy(widetilde_p', softmax(z))"]
    assert said["where"] == [
        "widetilde_p[k] = (1 - epsilon)*p[k] + epsilon/K",
        "softmax(z)[k] = exp(z[k])/Sum(exp(z[_j]), (_j, 1, K))",
        "widetilde_p'[k] = (1 - epsilon)*q[k] + epsilon/K",
    ]
    assert said["equality"] == []


def test_a_name_without_latex():
    claim = Claim("a", (cross_entropy(one_hot(y), softmax(z)), ">=", 0), given=[Real(z), Label(y)])
    said = evidence.in_full(claim)
    assert said["statements"] == ["cross_entropy(delta_y, softmax(z)) >= 0"]


def test_a_matrix_of_scores_and_a_vector_named_like_a_symbol_are_told_apart():
    statements = (
        (dataset_loss(softmax(scores)), ">=", 0),
        (dataset_loss(conditional), ">=", 0),
        (maximum_norm(p), "<=", 1),
    )
    given = [P, Real(scores), Distribution(conditional), Label(inputs, M), Label(labels)]
    said = evidence.in_full(Claim("matrix", *statements, given=given))
    assert said["statements"] == ["dataset_loss(softmax(z)) >= 0", "dataset_loss(q') >= 0", "maximum_norm(p') <= 1"]
    assert said["where"] == [
        "softmax(z)[k, i] = exp(z[k, i])/Sum(exp(z[k, _j]), (_j, 1, K))",
        "q'[k, j] = q[x[k], j]",
        "p'[k] = p[k]",
    ]


@pytest.mark.parametrize(
    ("hypothesis", "text"),
    [
        (Distribution(p), "Distribution(p)"),
        (Distribution(q, positive=True), "Distribution(q, positive=True)"),
        (Distribution(conditional), "Distribution(q[M, K])"),
        (OneHot(p, y), "OneHot(p, y)"),
        (Label(y), "Label(y)"),
        (Label(n, N), "Label(n, N)"),
        (Label(inputs, M), "Label(x[N], M)"),
        (Real(scores), "Real(z[N, K])"),
        (x > 0, "x > 0"),
    ],
)
def test_a_hypothesis_is_written_as_it_was_given(hypothesis, text):
    assert evidence.in_full(Claim("one", (s**2, ">=", 0), given=[Real(s), hypothesis]))["given"] == ["Real(s)", text]


def test_a_case_of_equality_is_part_of_the_claim():
    said = evidence.in_full(Claim("tangent", (log(x), "<=", x - 1), given=[x > 0], equality={x: 1}))
    assert said["equality"] == ["x = 1"] and said["statements"] == ["log(x) <= x - 1"]


def test_the_definitions_are_those_of_all_quantities_and_of_those_within_them():
    both = focal_loss(p, one_hot(y), gamma) + lead(z, y), ">=", expectation(p, lambda c: p[c])
    given = [P, Real(z), Label(y), gamma >= 0]
    assert evidence.describe(Claim("all", both, given=given))["definitions"] == {
        "expectation(u, v)": "Sum(u[k]*v[k], (k, 1, K))",
        "focal_loss(u, v, w)": "-Sum((1 - v[k])**w*log(v[k])*u[k], (k, 1, K))",
        "lead(u, v)": "log(Sum((1 - KroneckerDelta(j, v))*exp(u[j]), (j, 1, K))) - u[v]",
    }


def test_a_definition_may_hold_further_quantities():
    class doubled(type(entropy(p))):
        def definition(self):
            return 2 * entropy(*self.args)

    assert evidence.define(doubled(q)) == {
        "doubled(u)": "2*entropy(u)", "entropy(u)": "-Sum(log(u[k])*u[k], (k, 1, K))"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        (["supported", "supported"], "supported"),
        (["not supported"], "not supported"),
        (["no difference seen"], "no difference seen"),
        (["supported", "not supported"], "it depends"),
        (["depends on noise"], "it depends"),
    ],
)
def test_the_outcome_of_an_experiment_is_the_verdict_that_all_comparisons_share(published, words, outcome):
    found = [
        {"compared": f"against {k}", "verdict": word, "seen": ["as said"], "range": "from 0 to 1"}
        for k, word in enumerate(words)
    ]
    evidence.judged("calibrates", "error", found)
    ((record, _),) = published
    assert record == {
        "verb": "judge", "claim": "calibrates", "outcome": outcome, "measured": "error", "differences": found
    }  # fmt: skip
    with pytest.raises(ValueError, match=r"calibrates.*difference"):
        evidence.judged("calibrates", "error", [])
