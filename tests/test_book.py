"""The chapters as their readers meet them: each claim stated, proved, checked and refuted, in short cells."""

import re
from pathlib import Path

import pytest

BOOK = Path(__file__).parent.parent / "book"
CHAPTERS = {
    "label_smoothing": (
        "smoothed-target smoothing-split uniform-pull smoothing-optimum smoothing-gradient smoothing-margin-form"
    ).split(),
    "focal_loss": (
        "focal-definition focal-margin-form focal-downweights keeps-fitting focal-keeps-fitting focal-not-proper "
        "focal-keeps-order"
    ).split(),
    "entropy_bound": (
        "bernoulli focal-bound holder focal-chain entropy-raises-entropy log-entropy focal-bound-every-gamma "
        "focal-bound-sharp bound-is-not-the-loss two-directions"
    ).split(),
    "objectives": (
        "gradient-weight generalised-between generalised-optimum poly-one-optimum focal-modest-when-sure"
    ).split(),
    "objectives_beyond": (
        "brier-proper weighted-optimum logit-adjustment noisy-labels forward-correction backward-correction "
        "margin-penalty distillation smoothed-entropy temperature-gradient temperature-convex temperature-entropy "
        "jensen-shannon"
    ).split(),
    "accuracy": [],
    "cross_entropy": "kl-split gibbs same-minimiser one-hot-loss dataset-loss softmax-gradient margin-form".split(),
}
EMPIRICAL = {
    "calibration": (
        "smoothing-calibrates focal-calibrates smoothing-tempered focal-tempered focal-way-back focal-entropy "
        "smoothing-generalises focal-generalises smoothing-clusters smoothing-distils-worse"
    ).split(),
    "objectives_measured": "objectives-lean objectives-calibrate objectives-generalise".split(),
}


def cells(chapter):
    """The code cells of a chapter, without their metadata."""
    text = (BOOK / f"{chapter}.md").read_text("utf-8")
    found = re.findall(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(r"\A---\n.*?^---\n", "", cell, flags=re.MULTILINE | re.DOTALL) for cell in found]


@pytest.mark.parametrize(("chapter", "claim"), [(chapter, claim) for chapter, ids in CHAPTERS.items() for claim in ids])
def test_a_claim_has_its_place_its_proof_its_check_and_its_near_misses(chapter, claim):
    text = (BOOK / f"{chapter}.md").read_text("utf-8")
    assert text.count(f"\n({claim})=\n") == 1
    code = "\n".join(cells(chapter))
    (name,) = re.findall(rf'^(\w+) = Claim\(\s*"{claim}"', code, re.MULTILINE)
    for verb in (r"\.prove\(", r"\.check\((cases=\d+)?\)", r"\.near_miss\((?s:(?!near_miss).)*\)\.refute\(\)"):
        assert re.search(rf"\b{name}{verb}", code), f"{claim}: no {name}{verb}"


def test_the_claims_stand_in_the_order_of_the_article():
    for chapter, ids in (CHAPTERS | EMPIRICAL).items():
        text = (BOOK / f"{chapter}.md").read_text("utf-8")
        places = [text.index(f"\n({claim})=\n") for claim in ids]
        assert places == sorted(places)


@pytest.mark.parametrize(
    ("chapter", "claim"), [(chapter, claim) for chapter, ids in EMPIRICAL.items() for claim in ids]
)
def test_an_empirical_claim_has_its_place_and_is_judged_once(chapter, claim):
    text = (BOOK / f"{chapter}.md").read_text("utf-8")
    assert text.count(f"\n({claim})=\n") == 1
    (cell,) = (cell for cell in cells(chapter) if f'"{claim}"' in cell)
    assert "judge(" in cell and cell.count(f'"{claim}"') == 1


@pytest.mark.parametrize("chapter", EMPIRICAL)
def test_no_verdict_is_typed_by_hand(chapter):
    for cell in cells(chapter):
        assert not re.search(r"supported|no difference|it depends", cell), cell
