"""The reference: whole, its examples true, and linked with the chapters and the claims."""

import doctest
import inspect
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup

import lossmath.calibration
import lossmath.claims
import lossmath.explore
import lossmath.losses

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import names  # noqa: E402

BUILT = ROOT / "_build" / "html" / "book"


@pytest.mark.parametrize("module", [lossmath.losses, lossmath.calibration, lossmath.explore])
def test_the_examples_give_what_they_say(module):
    failed, tried = doctest.testmod(module)
    assert tried >= 3 and not failed


@pytest.mark.parametrize("name", ["cross_entropy", "focal_loss", "sigmoid_focal_loss", "entropy", "kl_divergence"])
def test_a_loss_has_its_formula_and_an_example(name):
    text = inspect.getdoc(getattr(lossmath.losses, name))
    assert "\n.. math:: " in text and "\n>>> " in text


def app():
    """An app with a contract and some documented names."""
    entry = [("book/losses", "lossmath.losses.f", "function"), ("book/claims", "lossmath.claims.f", "function")]
    entry += [("book/losses", "lossmath.losses.g", "function"), ("book/losses", "lossmath.losses.g.shape", "attribute")]
    objects = {one[1]: SimpleNamespace(docname=one[0], node_id=one[1], objtype=one[2]) for one in entry}
    objects["lossmath.losses.deep.g"] = objects["lossmath.losses.g"]  # the same under another name
    claims = {"a-claim": {"chapter": "one", "kind": "identity"}, "a-lemma": {"chapter": "two", "kind": "lemma"}}
    domain = SimpleNamespace(objects=objects)
    return SimpleNamespace(contract={"claims": claims}, env=SimpleNamespace(get_domain=lambda name: domain))


@pytest.mark.parametrize(
    ("page", "text", "leads"),
    [
        ("index", "a-claim", ("book/one", "a-claim")),
        ("index", "a-lemma", ("book/two", "a-lemma-proof")),
        ("index", "losses.f", ("book/losses", "lossmath.losses.f")),
        ("index", "lossmath.claims.f", ("book/claims", "lossmath.claims.f")),
        ("index", "g", ("book/losses", "lossmath.losses.g")),
        ("index", "g(x, y=1)", ("book/losses", "lossmath.losses.g")),
        ("index", "g.shape", ("book/losses", "lossmath.losses.g.shape")),
        ("index", "f", None),  # which of two?
        ("book/claims", "f", ("book/claims", "lossmath.claims.f")),  # that of this page
        ("index", "shape", None),  # of what?
        ("index", "torch.g", None),
        ("index", "sses.g", None),
        ("index", "h", None),
        ("index", "", None),
    ],
)
def test_a_name_leads_to_its_entry_or_nowhere(page, text, leads):
    assert names.place(app(), page, text) == leads


def entries(page):
    return {
        tag["id"] for tag in BeautifulSoup((BUILT / f"{page}.html").read_text("utf-8"), "html.parser").select("dt[id]")
    }


@pytest.mark.site
@pytest.mark.parametrize(("page", "module"), [("losses", lossmath.losses), ("claims", lossmath.claims)])
def test_every_public_name_has_an_entry(page, module):
    public = {name: getattr(module, name) for name in module.__all__}
    made_here = [name for name, one in public.items() if getattr(one, "__module__", "").startswith("lossmath")]
    wanted = {f"{name}" for name in made_here if callable(public[name]) and hasattr(public[name], "__name__")}
    found = {id.split(".")[-1] for id in entries(page)}
    assert len(wanted) >= 9 and wanted <= found, wanted - found


@pytest.mark.site
def test_the_measures_of_calibration_have_entries():
    wanted = {name for name, one in vars(lossmath.calibration).items() if inspect.isfunction(one) and name[0] != "_"}
    wanted = {
        f"lossmath.calibration.{name}"
        for name in wanted
        if getattr(lossmath.calibration, name).__module__ == "lossmath.calibration"
    }
    assert len(wanted) >= 5 and wanted <= entries("losses")


@pytest.mark.site
def test_entries_name_their_claims_and_chapters_lead_to_entries():
    def links(page):
        text = BeautifulSoup((BUILT / f"{page}.html").read_text("utf-8"), "html.parser")
        return {(a.text, a["href"]) for a in text.select("article a:has(> code)")}

    claims = {(text, href) for text, href in links("losses") if re.fullmatch(r"\w+\.html#[a-z-]+", href)}
    assert ("margin-form", "cross_entropy.html#margin-form") in claims
    assert ("focal-margin-form", "focal_loss.html#focal-margin-form") in claims
    assert ("lossmath.losses", "losses.html#module-lossmath.losses") in links("accuracy")
    for page in ("cross_entropy", "label_smoothing"):
        assert ("losses.cross_entropy", "losses.html#lossmath.losses.cross_entropy") in links(page)
    assert ("smoothing-optimum", "#smoothing-optimum") in links("label_smoothing")
