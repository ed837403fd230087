# ruff: noqa: RUF001
"""Makes the site's two fonts, which are parts of larger ones; once, as neither the build nor the tests need this.

    python3 -m pip --python .venv install brotli==1.2.1 && .venv/bin/python .ci/fonts.py NewCMMath-Book.otf

`math.css`, for formulas, holds a part of New Computer Modern Math by Antonis Tsolomitis, which is at
https://ctan.org/pkg/newcomputermodern under the GUST Font License: letters, operators, arrows and accents, more than
the book uses now, each with its larger sizes. It is set as TeX sets: the subscript of q stands as high as that of x,
and the lines of a norm as far apart. The other font takes the place of the theme's icons, Font Awesome Free (SIL Open
Font License), with those that the theme and its buttons can show.
"""

import sys
from base64 import b64encode
from io import BytesIO
from pathlib import Path

import pydata_sphinx_theme
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

STATIC = Path(__file__).parent.parent / "book" / "_static"
ICONS = "vendor/fontawesome/webfonts/fa-solid-900.woff2"
CODES = """2b f002 f00c f00d f010 f015 f019 f02d f02f f03a f042 f044 f04b f04c f053 f054 f057 f058 f059 f05a f062 f063
f064 f065 f066 f068 f06a f071 f075 f077 f078 f08e f0c1 f0c3 f0c5 f0c9 f0eb f0f3 f104 f105 f106 f107 f120 f121 f126 f135
f15b f185 f186 f188 f1c1 f2f9 f303 f5fc"""
CSS = """/* Made by .ci/fonts.py: a part of New Computer Modern Math, (C) Antonis Tsolomitis, GUST Font License.
   The font is in the sheet itself: so Firefox finds it in a file system too. */
@font-face { font-family: "Formulas"; """
LETTERS = (
    range(0x20, 0x7F),
    range(0x391, 0x3F7),  # Greek
    range(0x1D400, 0x1D468),  # bold, italic
    range(0x1D49C, 0x1D4B6),  # script
    range(0x1D538, 0x1D551),  # double-struck
    range(0x1D6E2, 0x1D71C),  # Greek, italic
)
OTHERS = (
    "äèéöüıȷℂℍℕℙℚℝℤℬℰℱℋℐℒℳℛℊℓℎℏℑℜ℘ℵ°¬±·×÷–—‘’“”†‡•…‖′″‴⁗⁄"
    "←↑→↓↔↕↗↘↙↖↦↩↪⇐⇑⇒⇓⇔⇌⟵⟶⟷⟸⟹⟺⟼"
    "∀∁∂∃∄∅∆∇∈∉∋∏∐∑−∓∔∕∖∗∘∙√∝∞∠∣∤∥∦∧∨∩∪∫∬∮∴∵∶∷∼≁≃≅≈≉≍≐≔≕≜≝≟≠≡≢≤≥≦≧≪≫≲≳≺≻≼≽"
    "⊂⊃⊄⊆⊇⊈⊊⊎⊕⊖⊗⊘⊙⊢⊣⊤⊥⊧⊨⋀⋁⋂⋃⋄⋅⋆⋮⋯⋰⋱⌈⌉⌊⌋⏞⏟⟦⟧⟨⟩□■◦⩴⩽⩾⪯⪰⨁⨂ˆˇ˘˙˚˜¯´`¨\u2061\u2062\u2063"
    "\N{COMBINING GRAVE ACCENT}\N{COMBINING ACUTE ACCENT}\N{COMBINING CIRCUMFLEX ACCENT}\N{COMBINING DIAERESIS}"
    "\N{COMBINING TILDE}\N{COMBINING MACRON}\N{COMBINING OVERLINE}\N{COMBINING BREVE}\N{COMBINING DOT ABOVE}"
    "\N{COMBINING RING ABOVE}\N{COMBINING CARON}\N{COMBINING RIGHT ARROW ABOVE}\N{NO-BREAK SPACE}"
)


def part(font, **which):
    options = Options(flavor="woff2", layout_features=[], notdef_outline=True, hinting=False, desubroutinize=True)
    subsetter = Subsetter(options)
    subsetter.populate(**which)
    subsetter.subset(font)
    for record in font["name"].names:
        if record.nameID in (1, 3):
            record.string = f"{record.toUnicode()}, a part for lossmath"
    font.flavor = "woff2"
    file = BytesIO()
    font.save(file)
    return file.getvalue()


formulas = TTFont(sys.argv[1])
for codes in formulas["cmap"].tables:
    if 0x2016 in codes.cmap:
        codes.cmap[0x2016] = codes.cmap[0x2225]
formulas["MATH"].table.MathConstants.SubscriptShiftDown.Value = 150
formulas["MATH"].table.MathConstants.SubscriptBaselineDropMin.Value = 0
drawn = part(formulas, text=OTHERS, unicodes=[code for codes in LETTERS for code in codes])
(STATIC / "math.css").write_text(CSS + f'src: url("data:font/woff2;base64,{b64encode(drawn).decode()}"); }}\n')
theme = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
(STATIC / ICONS).parent.mkdir(parents=True, exist_ok=True)
(STATIC / ICONS).write_bytes(part(TTFont(theme / ICONS), unicodes=[int(code, 16) for code in CODES.split()]))
