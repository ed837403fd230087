"""Figures to play with: curves of a claim's own expressions, which follow sliders where a page of the book is read.

What a cell returns is a still figure, with the sliders at their starts. Beside it stand the same expressions in
JavaScript, as SymPy prints them, with which `book/_static/explore.js` draws the curves anew.

>>> from lossmath.claims import *
>>> panel = Panel("loss, in nats", "q", (x, 0, 1), (0, 3), {"focal": -((1 - x) ** gamma) * log(x)}, mark=Rational(1, 2))
>>> panel.say({gamma: 3})
'loss, in nats at q = 0.500: focal 0.087'
>>> figure = Explore({gamma: ("focusing γ", 0.0, 5.0, 3.0)}, [panel], "The loss falls to 0.")
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from itertools import pairwise

import sympy as sp

from lossmath.claims.quantities import unfold
from lossmath.plotting import COLOURS

POINTS = 150  # of a curve, less one
EDGE = 1e-6  # how far inside, as in explore.js
LEFT, TOP, WIDE, TALL = 34, 26, 236, 164  # the frame of a panel, in a picture of 280 by 230
SVG = (
    '<svg viewBox="0 0 280 230"><path class="frame" d="M34 26v164h236"/>{texts}'
    '<svg x="34" y="26" width="236" height="164">{curves}</svg></svg>'
)
TEXT = '<text x="{:g}" y="{:g}" text-anchor="{}">{}</text>'
CURVE = '<path d="M{line}" stroke="{colour}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colour}"/>'
SLIDER = '<label>{} <input type="range" min="{}" max="{}" value="{}" step="{}"> <span>{:g}</span></label>'
FIGURE = (
    '<figure class="explore"><div class="panels" role="img" aria-label="{alt}">{pictures}</div>'
    "<figcaption>{key}<output>{said}</output>"
    '<div class="sliders">{sliders}</div></figcaption>'
    "<script>document.currentScript.parentElement.panels = [{script}];</script></figure>"
)


@dataclass(frozen=True)
class Panel:
    """Curves in one frame.

    Parameters
    ----------
    title, xlabel : str
        What the vertical and the horizontal axis show.
    over : (symbol, float, float)
        What the curves are drawn over, which are also the limits of the horizontal axis.
    ylim : (float, float)
        The limits of the vertical axis.
    curves : dict
        By quantity, as in `lossmath.plotting.COLOURS`: an expression, or two, for the horizontal and the vertical
        place.
    mark : expression, optional
        The horizontal place at which each curve carries a dot, whose height is told in words.
    """

    title: str
    xlabel: str
    over: tuple
    ylim: tuple
    curves: dict
    mark: sp.Expr | None = None

    def expressions(self) -> dict[str, tuple[sp.Expr, sp.Expr]]:
        """The horizontal and the vertical place of each curve, in symbols only."""
        pairs = {name: one if isinstance(one, tuple) else (self.over[0], one) for name, one in self.curves.items()}
        return {name: tuple(unfold(sp.sympify(one)).doit() for one in pair) for name, pair in pairs.items()}

    def functions(self, at: dict) -> dict[str, Callable]:
        """Each curve as a function of the symbol drawn over, with the sliders `at` their values."""
        pairs = self.expressions().items()
        return {name: sp.lambdify(self.over[0], [one.subs(at) for one in pair], "math") for name, pair in pairs}

    def dots(self, at: dict) -> dict[str, tuple[float, float]]:
        """The dot of each curve that passes the mark."""
        if self.mark is None:
            return {}
        mark, found = float(unfold(sp.sympify(self.mark)).doit().subs(at)), {}
        for name, function in self.functions(at).items():
            for low, high in pairwise(places(self.over)):
                if (function(low)[0] - mark) * (function(high)[0] - mark) <= 0:
                    for _ in range(50):
                        middle = (low + high) / 2
                        same = (function(low)[0] - mark) * (function(middle)[0] - mark) > 0
                        low, high = (middle, high) if same else (low, middle)
                    found[name] = mark, function(high)[1]
        return found

    def say(self, at: dict) -> str:
        """The dots in words."""
        dots = self.dots(at)
        heights = ", ".join(f"{name} {decimal(y)}" for name, (_, y) in dots.items())
        return f"{self.title} at {self.xlabel} = {decimal(next(iter(dots.values()))[0])}: {heights}" if dots else ""

    def draw(self, at: dict) -> str:
        """The panel as SVG."""
        (_, left, right), (bottom, top), dots = self.over, self.ylim, self.dots(at)
        texts = [(LEFT, TOP - 10, "start", self.title), (LEFT + WIDE / 2, TOP + TALL + 34, "middle", self.xlabel)]
        for part in (0, 0.5, 1):
            texts.append((LEFT + part * WIDE, TOP + TALL + 15, "middle", f"{left + part * (right - left):g}"))
            texts.append((LEFT - 5, TOP + TALL * (1 - part) + 4, "end", f"{bottom + part * (top - bottom):g}"))

        def spot(x, y):
            return (x - left) / (right - left) * WIDE, (top - y) / (top - bottom) * TALL

        curves = []
        for name, function in self.functions(at).items():
            line = "L".join("{:.1f} {:.1f}".format(*spot(*function(place))) for place in places(self.over))
            x, y = spot(*dots[name]) if name in dots else (-9, -9)
            curves.append(CURVE.format(line=line, colour=COLOURS[name], x=x, y=y))
        texts = [TEXT.format(*place, escape(said).replace("-", "−")) for *place, said in texts]
        return SVG.format(texts="".join(texts), curves="".join(curves))

    def script(self, sliders) -> str:
        """The panel as a JavaScript object, with its formulas as functions of the symbol drawn over and the sliders."""
        over = self.over[0]
        told = {"title": self.title, "xlabel": self.xlabel, "xlim": self.over[1:], "ylim": self.ylim, "points": POINTS}
        told |= {"names": [*self.curves]}
        curves = ", ".join(javascript(sp.Tuple(*pair), [over, *sliders]) for pair in self.expressions().values())
        mark = "null" if self.mark is None else javascript(self.mark, sliders)
        return f"{{...{json.dumps(told, ensure_ascii=False)}, curves: [{curves}], mark: {mark}}}"


@dataclass(frozen=True)
class Explore:
    """A figure with sliders.

    Parameters
    ----------
    sliders : dict
        For each symbol its label, the least, the greatest and the first value; if these are int, all steps are whole.
    panels : list of Panel
    alt : str
        What is to be seen, for those who do not see it.
    """

    sliders: dict
    panels: list[Panel]
    alt: str

    def _repr_html_(self):
        at = {symbol: start for symbol, (*_, start) in self.sliders.items()}
        names = dict.fromkeys(name for panel in self.panels for name in panel.curves)
        key = (f'<span><i style="background:{COLOURS[name]}"></i> {escape(name)}</span> ' for name in names)
        return FIGURE.format(
            script=", ".join(panel.script(self.sliders) for panel in self.panels),
            alt=escape(self.alt),
            pictures="".join(panel.draw(at) for panel in self.panels),
            key="".join(key),
            said=escape("; ".join(filter(None, (panel.say(at) for panel in self.panels)))),
            sliders="".join(map(slider, self.sliders.values())),
        )


def places(over) -> list[float]:
    """Where curves are drawn: just inside the limits, on which a formula may have no value."""
    _, low, high = over
    return [low + (high - low) * min(max(n / POINTS, EDGE), 1 - EDGE) for n in range(POINTS + 1)]


def javascript(expr: sp.Expr, symbols) -> str:
    """An expression, or several, as a JavaScript function of the symbols, in their order."""
    expr = unfold(sp.sympify(expr)).doit()
    if unknown := expr.free_symbols - {*symbols}:
        names = ", ".join(sorted(map(str, unknown)))
        raise ValueError(f"{names} in {expr}: what is neither a slider nor drawn over has no value")
    code = f"[{', '.join(map(sp.jscode, expr))}]" if isinstance(expr, sp.Tuple) else sp.jscode(expr)
    return f"({', '.join(map(str, symbols))}) => {code}"


def slider(setting) -> str:
    """A labelled slider."""
    label, low, high, start = setting
    whole = all(isinstance(value, int) for value in setting[1:])
    step = 1 if whole else 10.0 ** math.floor(math.log10((high - low) / 40))
    return SLIDER.format(escape(label), low, high, start, step, start)


def decimal(number: float) -> str:
    """A number with three decimals, which is never -0.000."""
    return f"{round(number, 3) + 0:.3f}".replace("-", "−")
