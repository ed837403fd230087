"""The ledger cannot lie: each way to make it say more than was done is tried, and caught."""

import copy
import json
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import chapters  # noqa: E402
import ledger  # noqa: E402
import mutate  # noqa: E402
from chapters import MIME  # noqa: E402

from lossmath.claims import evidence, mutation  # noqa: E402
from lossmath.claims.errors import NotRefuted  # noqa: E402

# A chapter in the small, cell by cell.
START = "from lossmath.claims import *"
LEMMA = 'lemma = Claim("log-tangent", (t * log(t / u), ">=", t - u), given=[t >= 0, u > 0], equality={t: u})'
PROVE_LEMMA = "tangent_proof = lemma.prove(by=tangent(t, at=u)); lemma.check()"
MISS_LEMMA = 'lemma.near_miss((log(t / u), ">=", t - u), given=[t > 0, u > 0]).refute()'
GIVEN = "given = [Distribution(p), Distribution(q, positive=True)]"
GIBBS = 'gibbs = Claim("gibbs", (kl_divergence(p, q), ">=", 0), given=given, equality={q: p})'
PROVE = "positive = gibbs.prove(by=tangent_proof.at({t: p[k], u: q[k]}, over=k))"
CHECK = "gibbs.check()"
MISS = 'gibbs.near_miss((kl_divergence(p, q), "==", 0)).refute()'
CELLS = [START, LEMMA, PROVE_LEMMA, MISS_LEMMA, GIVEN, GIBBS, PROVE, CHECK, MISS]
CONTRACT = """
[definitions]
"kl_divergence(u, v)" = "Sum(log(u[k]/v[k])*u[k], (k, 1, K))"

[claims.log-tangent]
kind = "lemma"
chapter = "small"
statements = ["t*log(t/u) >= t - u"]
given = ["t >= 0", "u > 0"]
equality = ["t = u"]

[claims.gibbs]
kind = "inequality"
chapter = "small"
statements = ["kl_divergence(p, q) >= 0"]
given = ["Distribution(p)", "Distribution(q, positive=True)"]
equality = ["q = p"]
"""
EMPIRICAL = '\n[claims.calibrates]\nkind = "empirical"\nchapter = "small"\n'


def run(*cells, page="book/small"):
    """What the cells leave, when a notebook runs them."""
    code, left = [], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evidence, "in_notebook", lambda: True)
        patch.setattr(evidence, "publish", lambda record: left.append({"data": {MIME: json.loads(json.dumps(record))}}))
        names = {}
        for cell in cells:
            exec(cell, names)
            code.append({"outputs": left.copy()})
            left.clear()
    return list(chapters.evidence(page, SimpleNamespace(cells=code)))


def without(*left_out, **replaced):
    """The chapter without some cells."""
    return [replaced.get(cell, cell) for cell in CELLS if cell not in left_out]


def wrong(cells=None, contract=CONTRACT, evidence=()):
    return ledger.verify(tomllib.loads(contract), [*(run(*cells) if cells else ()), *evidence])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    records = run(*CELLS)
    return [*records, *mutate.examined(records, tmp_path_factory.mktemp("mutants"))]


def test_a_chapter_that_does_all_it_owes_is_in_order(whole):
    assert ledger.verify(tomllib.loads(CONTRACT), whole) == []
    lemma, gibbs = ledger.rows(tomllib.loads(CONTRACT), whole)
    assert (gibbs["status"], gibbs["rests_on"], lemma["carries"]) == ("proved", ["log-tangent"], ["gibbs"])
    assert (lemma["address"], gibbs["address"]) == ("book/small.html#log-tangent-proof", "book/small.html#gibbs")
    assert gibbs["check"]["cases"] == 1000 and gibbs["check"]["device"]
    assert "K = 2" in gibbs["near_misses"][0]["counterexample"]
    assert gibbs["mutants"]["made"] == gibbs["mutants"]["refuted"] + gibbs["mutants"]["still true"] > 5


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (without(PROVE), "gibbs: no proof in the chapter small"),
        (without(PROVE_LEMMA, PROVE), "log-tangent: no proof in the chapter small"),
        (without(CHECK), "gibbs: no check in the chapter small"),
        (without(MISS), "gibbs: no refuted near miss in the chapter small"),
        (without(), "gibbs: no mutants in the chapter small"),
    ],
    ids=["no proof", "no proof of a lemma", "no check", "no near miss", "no mutants"],
)
def test_a_deleted_call_is_named(cells, said):
    assert said in wrong(cells)


@pytest.mark.parametrize(
    ("claim", "key"),
    [
        (GIBBS.replace(", equality={q: p}", ""), "equality"),
        (GIBBS.replace('">=", 0', '">=", -1').replace(", equality={q: p}", ""), "statements"),
        (
            GIBBS.replace("given=given", "given=[Distribution(p, positive=True), Distribution(q, positive=True)]"),
            "given",
        ),
    ],
    ids=["without its case of equality", "weaker", "with a stronger hypothesis"],
)
def test_a_weaker_statement_under_the_same_id_is_named(claim, key):
    cells = [claim if cell == GIBBS else cell for cell in without()]
    if "-1" in claim:
        cells = [cell.replace("q[k]}, over=k", "q[k]}, over=k, times=1") for cell in cells]
    assert any(f"gibbs: book/small: prove of another statement under this id: {key}" in said for said in wrong(cells))


def test_another_statement_under_one_id_is_named_wherever_it_is_proved(whole):
    again = run(*without(MISS, CHECK), page="book/other")
    assert ledger.verify(tomllib.loads(CONTRACT), [*whole, *again]) == []  # proved again, as it stands
    entry = ledger.rows(tomllib.loads(CONTRACT), [*whole, *again])[1]
    assert entry["proved_again"] == ["book/other"]
    other = run(START, 'Claim("gibbs", (x**2, ">=", 0), given=[Real(x)]).prove()', page="book/other")
    said = ledger.verify(tomllib.loads(CONTRACT), [*whole, *other])
    assert said[0].startswith("gibbs: book/other: prove of another statement under this id")


def test_what_a_vector_or_a_quantity_stands_for_is_part_of_the_statement(whole):
    claim = (
        'Claim("a", (total(smooth_labels(p, epsilon)[k], k), "==", 1), given=[Distribution(p), Real(epsilon)]).prove()'
    )
    (record,) = run(START, claim)
    assert record["statements"] == ["Sum(widetilde_p[k], (k, 1, K)) == 1"]
    assert record["where"] == ["widetilde_p[k] = (1 - epsilon)*p[k] + epsilon/K"]
    contract = CONTRACT.replace("log(u[k]/v[k])*u[k]", "log(u[k]/v[k])")
    assert any(
        '"kl_divergence(u, v)" = "Sum(log(u[k]/v[k])*u[k]' in said for said in wrong(contract=contract, evidence=whole)
    )


def test_two_vectors_of_one_name_are_told_apart():
    twice = "(smooth_labels(p, epsilon)[i], '==', smooth_labels(p, epsilon)[i] + 0 * smooth_labels(q, epsilon)[i])"
    claim = f"Claim('a', {twice.replace('0 *', '')}, given=[Distribution(p), Distribution(q), Label(i), Real(epsilon)])"
    names = {}
    exec(START, names)
    said = evidence.describe(eval(claim, names))
    assert said["statements"] == ["widetilde_p[i] == widetilde_p[i] + widetilde_p'[i]"]
    assert said["where"][0] != said["where"][1]


def test_a_check_of_no_case_fails_in_the_cell_and_in_the_ledger(whole):
    with pytest.raises(ValueError, match="cases is a whole number"):
        run(START, GIVEN, GIBBS, "gibbs.check(cases=0)")
    forged = [record | {"cases": 0} if record["verb"] == "check" else record for record in whole]
    assert "gibbs: checked at no case" in wrong(evidence=forged)


def test_to_refute_something_true_fails_in_the_cell_and_in_the_ledger(whole):
    with pytest.raises(NotRefuted):
        run(START, 'Claim("square", (x**2, ">=", 0), given=[Real(x)]).refute()')
    stated = next(record for record in whole if record["verb"] == "prove" and record["claim"] == "gibbs")
    forged = stated | {"verb": "refute", "counterexample": "", "shown": ""}
    assert "gibbs: book/small: it is refuted, as the contract states it" in wrong(evidence=[*whole, forged])


def test_a_renamed_id_is_named_twice():
    said = wrong([cell.replace('"gibbs"', '"gibs"') for cell in without()])
    assert "gibbs: no proof in the chapter small" in said
    assert any(
        one.startswith("gibs: book/small has evidence for it, and the contract has no such claim") for one in said
    )
    said = wrong(without(), CONTRACT.replace("claims.gibbs", "claims.gibs"))
    assert "gibs: no proof in the chapter small" in said


def test_a_row_can_be_pasted_from_what_an_unknown_claim_says(whole):
    contract = CONTRACT[: CONTRACT.index("[claims.gibbs]")]
    (said,) = wrong(contract=contract, evidence=whole)
    pasted = contract + said.split("its row would be\n")[1]
    assert ledger.verify(tomllib.loads(pasted), whole) == []


def test_two_rows_with_one_id_do_not_parse():
    with pytest.raises(tomllib.TOMLDecodeError):
        tomllib.loads(CONTRACT + CONTRACT[CONTRACT.index("[claims.gibbs]") :])


def test_a_proof_that_rests_on_what_was_not_proved_there_is_named(whole):
    left = [record for record in whole if not (record["verb"] == "prove" and record["claim"] == "log-tangent")]
    assert any(
        "gibbs: book/small: its proof rests on log-tangent, which that page does not prove" in said
        for said in wrong(evidence=left)
    )


def test_proofs_in_a_circle_are_named(whole):
    forged = copy.deepcopy(whole)
    next(record for record in forged if record["verb"] == "prove")["lemmas"] = ["gibbs"]
    assert any("the proofs go round in a circle" in said for said in wrong(evidence=forged))


def judged(*words):
    found = [
        {"compared": f"noise {n}", "verdict": word, "seen": ["as said in 3 of 4 regimes"], "range": "-0.1 to 0.1"}
        for n, word in enumerate(words)
    ]
    return ["from lossmath.claims.evidence import judged", f"judged('calibrates', 'calibration error', {found!r})"]


def test_an_empirical_claim_owes_one_verdict(whole):
    contract = CONTRACT + EMPIRICAL
    assert wrong(contract=contract, evidence=whole) == ["calibrates: 0 verdicts of experiments; it owes one"]
    verdict = run(*judged("supported"))
    assert wrong(contract=contract, evidence=[*whole, *verdict]) == []
    assert wrong(contract=contract, evidence=[*whole, *verdict, *verdict]) == [
        "calibrates: 2 verdicts of experiments; it owes one"
    ]
    assert ledger.rows(tomllib.loads(contract), [*whole, *verdict])[2]["status"] == "supported"
    wrong_kind = [record | {"claim": "gibbs"} for record in verdict]
    assert any(said.startswith("gibbs: a verdict") for said in wrong(evidence=[*whole, *wrong_kind]))


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        (["supported"], "supported"),
        (["not supported", "not supported"], "not supported"),
        (["supported", "no difference seen"], "it depends"),
        (["depends on steps"], "it depends"),
    ],
)
def test_the_outcome_of_an_experiment_is_that_of_all_its_differences(words, outcome):
    (record,) = run(*judged(*words))
    assert record["outcome"] == outcome and len(record["differences"]) == len(words)


def test_a_verdict_without_a_difference_is_none():
    with pytest.raises(ValueError, match="calibrates: a verdict rests on a difference"):
        run(*judged())


def test_outside_a_notebook_nothing_is_left(capsys):
    names = {}
    for cell in (START, LEMMA, PROVE_LEMMA):
        exec(cell, names)
    assert capsys.readouterr().out == ""


def test_the_build_looks_for_what_the_verbs_publish():
    assert MIME == evidence.MIME


# The book's own contract, page and graph


def test_the_books_contract_is_whole():
    contract = ledger.contract_of(ROOT / "book" / "claims.toml")
    for id, claim in contract["claims"].items():
        assert claim["kind"] in ledger.KINDS, id
        text = (ROOT / "book" / f"{claim['chapter']}.md").read_text("utf-8")
        assert text.count(f"\n({id})=\n") == 1 or claim["kind"] == "lemma", id
        assert claim["says"] and (claim["kind"] == "empirical" or (claim["statements"] and claim["given"])), id


def page(contract, records):
    """The parts of the ledger's page, each as one line."""
    parts = ledger.page_of(ledger.rows(tomllib.loads(contract), records))
    return {name: " ".join(text.split()) for name, text in parts.items()}


def test_the_page_shows_what_was_done(whole):
    shown = page(CONTRACT + EMPIRICAL, [*whole, *run(*judged("not supported"))])
    for said in (
        "2 claims were proved",
        "2000 random points",
        "2 near misses",
        "none left undecided",
        "1 claim about behaviour",
        "| [`gibbs`](#ledger-gibbs) | inequality | proved | 1000 | 1 |",
    ):
        assert said in shown["summary"], said
    for said in (
        "(ledger-gibbs)=",
        'href="../book/small.html#gibbs-proof"',
        "in {doc}`/book/small`",
        "Not supported",
        "resting on [`log-tangent`]",
        "Carries [`gibbs`]",
    ):
        assert said in shown["claims"], said


def test_a_lemma_that_is_not_checked_is_not_said_to_be(whole):
    left = [record for record in whole if (record["claim"], record["verb"]) != ("log-tangent", "check")]
    assert ledger.verify(tomllib.loads(CONTRACT), left) == []
    summary = page(CONTRACT, left)["summary"]
    assert "2 claims were proved" in summary and "Of these, 1 was checked, at 1000 random points" in summary
    assert "lemmas, which owe a proof only" in summary
    assert "lemmas, which" not in page(CONTRACT, whole)["summary"]


def test_a_limit_is_computed_and_not_said_to_be_proved():
    claim = 'near = Claim("near", (limit(x**2, x, 0, "+"), "==", 0), given=[x > 0]); near.prove(); near.check()'
    records = run(START, claim, 'near.near_miss((limit(x**2, x, 0, "+"), "==", 1)).refute()')
    mutant = {"change": "", "fate": "refuted", "mutant": "", "reason": ""}
    records.append({**records[0], "verb": "mutate", "mutants": [mutant]})
    contract = ledger.row(records[0])
    (entry,) = ledger.rows(tomllib.loads(f"[definitions]\n{contract}"), records)
    assert entry["status"] == "computed"
    said = "In 1 of them the limits are not proved, but computed by SymPy"
    assert said in page(f"[definitions]\n{contract}", records)["summary"]


def test_mutants_are_made_once_for_the_same_proofs(whole, tmp_path, monkeypatch):
    proofs = [record for record in whole if record["verb"] == "prove"]
    made = list(mutate.examined(proofs, tmp_path))
    assert {record["claim"] for record in made} == {"log-tangent", "gibbs"}
    assert all(mutant["fate"] in ("refuted", "still true") for record in made for mutant in record["mutants"])
    monkeypatch.setattr(mutate, "Parallel", None)
    assert list(mutate.examined(proofs, tmp_path)) == made
    forged = [record | {"proof": ""} for record in proofs]
    with pytest.raises(TypeError):  # with another proof, they are made again
        list(mutate.examined(forged, tmp_path))


def test_only_what_a_claims_own_chapter_proved_is_changed():
    contract = tomllib.loads(CONTRACT)["claims"]["gibbs"]
    assert ledger.at_home({"page": "book/small"}, contract) and not ledger.at_home({"page": "book/other"}, contract)


def test_a_surviving_mutant_of_an_identity_fails_the_build(monkeypatch):
    (record,) = run(START, 'Claim("a", (x + x, "==", 2 * x), given=[Real(x)]).prove()')

    def survive(proof, part):
        raise mutation.Survived(f"{proof.claim.id}, part {part}")

    monkeypatch.setattr(mutation, "examine", survive)
    with pytest.raises(mutate.ExtensionError, match="a mutant of an identity survived: a, part 0"):
        mutate._examine(record["proof"], 0)


def test_what_is_undecided_is_counted_and_listed(whole):
    (record,) = (one for one in whole if (one["verb"], one["claim"]) == ("mutate", "gibbs"))
    open_one = {**record["mutants"][0], "fate": "undecided", "mutant": "gibbs, changed: 1 >= 0"}
    left = [{**one, "mutants": [*one["mutants"], open_one]} if one is record else one for one in whole]
    _, gibbs = ledger.rows(tomllib.loads(CONTRACT), left)
    assert gibbs["status"] == "proved" and gibbs["mutants"]["undecided"] == 1
    assert open_one in gibbs["mutants"]["not refuted"]
    shown = page(CONTRACT, left)
    assert shown["claims"].count("Not refuted, not proved") == 1
    none = [{**one, "mutants": []} if one is record else one for one in whole]
    assert "gibbs: it has no mutants" in wrong(evidence=none)
    assert "q may have zeros" in {mutant["change"] for mutant in record["mutants"]}
    assert "and 1 left undecided" in shown["summary"] and f"| {gibbs['mutants']['made']} | 1 |" in shown["summary"]
    assert (
        ", 1 undecided." in shown["claims"] and "Not refuted, not proved: `gibbs, changed: 1 >= 0`" in shown["claims"]
    )


def entries(edges):
    return [
        {"id": id, "rests_on": lemmas, "status": "proved", "address": f"book/a.html#{id}"}
        for id, lemmas in edges.items()
    ]


def test_the_graph_draws_every_claim_as_a_link_below_what_it_rests_on():
    edges = {"a": [], "alone": [], "b": ["a"], "c": ["a", "b"]}
    drawn = ledger.draw(entries(edges))
    svg = ElementTree.fromstring(drawn[drawn.index("<svg") : drawn.index("<figcaption")])
    heights = {link.get("href").split("#")[1]: float(link[0].get("cy")) for link in svg.iter("a")}
    assert heights.keys() == edges.keys()
    assert heights["a"] < heights["b"] < heights["c"] < heights["alone"]
    assert len([path for path in svg.iter("path")]) == 3
    assert {arc.find("title").text for arc in svg.iter("path")} == {
        "b rests on a", "c rests on a", "c rests on b"
    }  # fmt: skip
    assert "Which claim rests on which" in svg.get("aria-label")
