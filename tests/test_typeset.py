"""How formulas become MathML."""

import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from math_core import LatexError

sys.path.insert(0, str(Path(__file__).parent.parent / "book" / "_ext"))

from typeset import typeset


def tree(tex, display=False):
    return ET.fromstring(typeset(tex, display))


def fences(tex):
    """Which of the parentheses grow."""
    return [sign.get("stretchy") != "false" for sign in tree(tex).iter("mo") if sign.text in ("(", ")")]


def test_a_formula_carries_its_tex():
    tex = r"\mathrm{CE}(p \,\|\, q) < \widetilde{p}_k"
    assert tree(tex).find("semantics/annotation").text == tex
    assert tree(tex).get("display") is None and tree(tex, display=True).get("display") == "block"


@pytest.mark.parametrize("tex", [r"\nosuch", r"\frac{1}", r"\left( x", r"x^2^3", r"\begin{aligned} a"])
def test_what_is_not_understood_is_an_error(tex):
    with pytest.raises(LatexError):
        typeset(tex, display=True)


@pytest.mark.parametrize(
    ("tex", "grow"),
    [
        (r"\log\left(x\right)", [False] * 2),
        (r"\left(q_y^2 + \left(1 - x\right)\right)", [False] * 4),
        (r"\left(\frac{x}{y} + \left(1 - x\right)\right)", [True, False, False, True]),
        (r"\left(\sum_k q_k\right)", [True] * 2),
        (r"(\frac{x}{y})", [False] * 2),
    ],
)
def test_parentheses_grow_around_what_is_high_and_not_around_what_is_low(tex, grow):
    assert fences(tex) == grow


def test_lines_are_aligned_and_no_ampersand_is_left():
    shown = tree("\\begin{aligned}\na &= b && \\text{why} \\\\\n&\\geq c\n\\end{aligned}", display=True)
    rows = [[cell.find("*") is not None for cell in row.findall("mtd")] for row in shown.iter("mtr")]
    assert rows[0] == [True, True, False, True] and rows[1][:2] == [False, True]
    assert "&" not in "".join(part.text or "" for part in shown.find("semantics/mtable").iter())
    assert len([*tree(r"a = b \\ c = d", display=True).iter("mtr")]) == 2


def test_words_in_a_formula_may_hold_a_formula():
    shown = tree(r"x = 1 \text{if $\|P\|_\infty = 1$, or so}")
    assert [part.text.replace("\u00a0", " ") for part in shown.iter("mtext")] == ["if ", ", or so"]
    assert not [part for part in shown.find("semantics/mrow").iter() if "$" in (part.text or "")]


def test_an_environment_that_numbers_its_lines_leaves_that_to_sphinx():
    text = typeset("\\begin{align}\na &= b \\\\\nc &= d\n\\end{align}", display=True)
    assert "(1)" not in text and text.count("<mtr>") == 2


@pytest.mark.parametrize(
    ("tex", "display", "capped"),
    [
        (r"x^{y^z}", False, 0),
        (r"x^{y^{z^t}}", False, 1),
        (r"\frac{e^{z_y}}{x}", False, 1),
        (r"\frac{e^{z_y}}{x}", True, 0),
        (r"\frac{\frac{1}{2}}{3}", True, 0),
        (r"\begin{aligned} \frac{e^{z_y}}{x} &= 1 \end{aligned}", True, 0),
    ],
)
def test_scripts_of_scripts_stay_legible(tex, display, capped):
    assert [part.get("scriptlevel") for part in tree(tex, display).iter()].count("2") == capped


def test_what_has_grown_is_marked_for_the_style_sheet():
    for tex, grown in ((r"\left(\frac{x}{y}\right)", 2), (r"\left(x\right)", 0), (r"(\frac{x}{y})", 0)):
        assert len(tree(tex).findall(".//mo[@class='grown']")) == grown


def test_no_space_stands_between_a_parenthesis_and_a_comma():
    for tex, spaces in ((r"c\,\left(x\right) ,", [None]), (r"\left(\frac{x}{y}\right) y", ["0.1667em"])):
        assert [sign.get("rspace") for sign in tree(tex).iter("mo") if sign.text == ")"] == spaces
