# ruff: noqa: RUF001
"""Makes book/_static/math.woff2, the font of the formulas: a part of New Computer Modern Math, by Antonis Tsolomitis.

    python3 -m pip --python .venv install brotli==1.2.1 && .venv/bin/python .ci/math_font.py NewCMMath-Book.otf

The whole font is at https://ctan.org/pkg/newcomputermodern, under the GUST Font License. The part has the letters,
operators, arrows and accents of formulas, more than the book uses now, each with its larger sizes; and it is set as TeX
sets: the subscript of q stands as high as that of x. It is made once; neither the build nor the tests need this.
"""

import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

LETTERS = (
    range(0x391, 0x3F7),
    range(0x1D400, 0x1D468),
    range(0x1D49C, 0x1D4B6),
    range(0x1D538, 0x1D551),
    range(0x1D6E2, 0x1D71C),
)
OTHERS = (
    "ıȷℂℍℕℙℚℝℤℬℰℱℋℐℒℳℛℊℓℎℏℑℜ℘ℵ°¬±·×÷–—‘’“”†‡•…‖′″‴⁗⁄"
    "←↑→↓↔↕↗↘↙↖↦↩↪⇐⇑⇒⇓⇔⇌⟵⟶⟷⟸⟹⟺⟼"
    "∀∁∂∃∄∅∆∇∈∉∋∏∐∑−∓∔∕∖∗∘∙√∝∞∠∣∤∥∦∧∨∩∪∫∬∮∴∵∶∷∼∽≁≂≃≅≈≉≍≐≔≕≜≝≟≠≡≢≤≥≦≧≨≩≪≫≰≱≲≳≺≻≼≽"
    "⊂⊃⊄⊆⊇⊈⊊⊎⊓⊔⊕⊖⊗⊘⊙⊞⊢⊣⊤⊥⊧⊨⊲⊳⋀⋁⋂⋃⋄⋅⋆⋮⋯⋰⋱⌈⌉⌊⌋⎰⎱⏞⏟⟦⟧⟨⟩⟮⟯□■◦⩴⩽⩾⪯⪰⨁⨂"
    "ˆˇ˘˙˚˜¯´`¨\N{COMBINING GRAVE ACCENT}\N{COMBINING ACUTE ACCENT}\N{COMBINING CIRCUMFLEX ACCENT}"
    "\N{COMBINING TILDE}\N{COMBINING MACRON}\N{COMBINING OVERLINE}\N{COMBINING BREVE}\N{COMBINING DOT ABOVE}"
    "\N{COMBINING DIAERESIS}\N{COMBINING RING ABOVE}\N{COMBINING CARON}\N{COMBINING RIGHT ARROW ABOVE}"
)

font = TTFont(sys.argv[1])
options = Options(flavor="woff2", layout_features=[], notdef_outline=True, hinting=False)
options.name_IDs = [0, 1, 2, 3, 5]
options.desubroutinize = False
subsetter = Subsetter(options)
subsetter.populate(text=OTHERS, unicodes=[code for codes in (range(0x20, 0x7F), *LETTERS) for code in codes])
subsetter.subset(font)
constants = font["MATH"].table.MathConstants
constants.SubscriptShiftDown.Value = 150
constants.SubscriptBaselineDropMin.Value = 0
for record in font["name"].names:
    if record.nameID in (1, 3):
        record.string = f"{record.toUnicode()}, a part for lossmath"
font.flavor = "woff2"
font.save(Path(__file__).parent.parent / "book" / "_static" / "math.woff2")
