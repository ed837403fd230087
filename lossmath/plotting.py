"""The book's one figure style.

Figures are SVG on a transparent ground, in tones that read on light and on dark pages, with colours that colour-blind
readers tell apart (Okabe and Ito, 2008). The same quantity has the same colour in every figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

if TYPE_CHECKING:
    from lossmath.experiments import Difference

INK = "#767676"  # text and axes: contrast 4.5 on white, 4.1 on the dark page
COLOURS = {
    "cross-entropy": "#2a7fc4",
    "divergence": "#d55e00",
    "entropy": "#1a9d78",
    "label smoothing": "#c46a9f",
    "focal": "#c98a00",
    "generalised": "#b0533a",
    "Poly-1": "#6b8e23",
    "confidence penalty": "#2f95a5",
    "gradient": "#8a6fd1",
    "reference": INK,
}

STYLE = {
    "figure.figsize": (6.4, 3.8),
    **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), "none"),
    "savefig.transparent": True,
    "savefig.bbox": "tight",
    "svg.fonttype": "path",
    "svg.hashsalt": "lossmath",  # the same figure is the same file
    **dict.fromkeys(("font.size", "axes.titlesize", "figure.titlesize", "figure.labelsize"), 12),
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.titlecolor", "axes.edgecolor"), INK),
    **dict.fromkeys(("xtick.color", "ytick.color"), INK),
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 2.2,
}


def use_style() -> None:
    """Set the style for this session, and SVG for figures in a notebook."""
    mpl.rcParams.update(STYLE)
    try:
        from IPython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:
        return
    if get_ipython() is not None:
        set_matplotlib_formats("svg", metadata={"Date": None})


def axes(title: str, xlabel: str, ylabel: str, **limits) -> Axes:
    """A figure with one pair of axes in the style of the book."""
    _, ax = plt.subplots()
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel, **limits)
    return ax


PLACES = {"right": (9, 0, "left"), "left": (-9, 0, "right"), "above": (0, 10, "center"), "below": (0, -10, "center")}


def line(ax: Axes, x, y, quantity: str, label: str | None = None, at=-1, place="right", **kwargs) -> None:
    """A curve in the colour of its quantity, with its label beside its point number `at`."""
    ax.plot(x, y, color=COLOURS[quantity], **kwargs)
    if label is not None:
        note(ax, label, (x[at], y[at]), quantity, place)


def note(ax: Axes, text: str, point: tuple, quantity: str, place="right", mark=False) -> None:
    """A label in the colour of a quantity beside a point, which is marked if asked."""
    dx, dy, ha = PLACES[place]
    colour = COLOURS[quantity]
    if mark:
        ax.plot(*point, "o", color=colour)
    ax.annotate(text, point, (dx, dy), textcoords="offset points", color=colour, ha=ha, va="center")


def simplices(panels: list[tuple[str, Callable, list]], truth: np.ndarray, title: str) -> None:
    """Level lines of functions of a distribution over three classes, each on its triangle, around the truth.

    `panels` holds, for each triangle, the quantity, the function (of points, along the last axis) and the levels.
    """
    weights = 0.05 + np.array([(a, b, 60 - a - b) for a in range(61) for b in range(61 - a)])
    points = weights / weights.sum(1, keepdims=True)
    for ax, (quantity, function, levels) in zip(_triangles([(name, name) for name, *_ in panels], title), panels):
        colour = COLOURS[quantity]
        lines = ax.tricontour(*_plane(points), function(points), levels=levels, colors=[colour], linewidths=1.4)
        tops = [path.vertices[path.vertices[:, 1].argmax()] for path in lines.get_paths()]
        ax.clabel(lines, fmt="%.2f", fontsize=9, manual=tops)  # where no label meets the truth's
        note(ax, "$p$", _plane(truth), "reference", mark=True)


def paths(panels: dict[str, np.ndarray], quantity: str, title: str) -> None:
    """Paths of distributions over three classes, each panel on its triangle, from a dot to the end of its line.

    A panel holds an array whose axes are the points of a path, the paths, and the three classes.
    """
    for ax, points in zip(_triangles([(name, quantity) for name in panels], title), panels.values()):
        ax.plot(*_plane(points), color=COLOURS[quantity], linewidth=1.4)
        ax.plot(*_plane(points[0]), "o", color=COLOURS[quantity], markersize=3.5)


def _triangles(names: list[tuple[str, str]], title: str) -> list[Axes]:
    """Triangles side by side, each with its name in the colour of a quantity."""
    corners = np.eye(3)
    figure, all_axes = plt.subplots(1, len(names), figsize=(6.6, 3.5))
    figure.subplots_adjust(left=0, right=1, bottom=0, top=0.93, wspace=0.05)
    figure.suptitle(title, x=0.02, ha="left")
    for ax, (name, quantity) in zip(all_axes, names):
        ax.set(aspect="equal", xlim=(-0.12, 1.12), ylim=(-0.14, 1.02))
        ax.axis("off")
        ax.annotate(name, (-0.1, 0.8), color=COLOURS[quantity])
        ax.plot(*_plane(corners[[0, 1, 2, 0]]), color=INK, linewidth=1)
        for number, (x, y) in enumerate(zip(*_plane(corners))):
            ax.annotate(f"$q_{number + 1} = 1$", (x, y + (0.04 if y else -0.1)), ha="center", color=INK)
    return list(all_axes)


def row(titles: Iterable[str], title: str, xlabel: str, ylabel: str, height=2.9, **limits) -> list[Axes]:
    """A figure with axes side by side that share their scales."""
    size = {"figsize": (6.8, height), "layout": "constrained"}
    figure, (all_axes,) = plt.subplots(1, len(titles), sharex=True, sharey=True, squeeze=False, **size)
    figure.suptitle(title, x=0.01, ha="left")
    figure.supxlabel(xlabel)
    for ax, name in zip(all_axes, titles):
        ax.set(**limits)
        ax.set_title(name, fontsize=10)
    all_axes[0].set_ylabel(ylabel)
    return list(all_axes)


def diagrams(panels: dict[str, dict[str, tuple]], title: str, least: int = 20) -> None:
    """Reliability diagrams: accuracy over confidence, for each panel a dictionary from quantities to reliabilities.

    A dot is a bin with `least` cases or more, and its area grows with them.
    """
    limits = {"xlim": (0, 1), "ylim": (0, 1), "aspect": "equal"}
    for ax, curves in zip(row(panels, title, "confidence", "accuracy", 3.4, **limits), panels.values()):
        ax.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="dotted")
        for n, (quantity, (confidence, accuracy, count)) in enumerate(curves.items()):
            full = count >= least
            x, y, size = confidence[full], accuracy[full], 6 + 150 * count[full] / count.sum()
            ax.plot(x, y, color=COLOURS[quantity], linewidth=1, alpha=0.6)
            ax.scatter(x, y, s=size, color=COLOURS[quantity], linewidth=0)
            ax.annotate(quantity, (0.03, 0.93 - 0.08 * n), color=COLOURS[quantity], fontsize=10)


LESS, MORE = "#1a9d78", "#d55e00"


def maps(panels: dict[str, Difference], title: str, scale: float = 1, digits: int = 1) -> None:
    """Differences over two axes, one for each panel: their means, times `scale`.

    Green where the interval lies below 0, orange where it lies above, stronger where the mean is further off.
    """
    (down, rows), (across, columns) = next(iter(panels.values())).axes.items()
    furthest = max(float(difference.mean.abs().max()) for difference in panels.values())
    all_axes = row(panels, title, across, down, 0.9 + 0.4 * len(rows), xlim=(0, len(columns)), ylim=(0, len(rows)))
    for ax, difference in zip(all_axes, panels.values()):
        for ticks, values in ((ax.set_xticks, columns), (ax.set_yticks, rows)):
            names = [value if isinstance(value, str) else f"{value:g}" for value in values]
            ticks(np.arange(len(values)) + 0.5, names)
        ax.tick_params(length=0)
        look = {"ha": "center", "va": "center", "fontsize": min(9, 144 / len(columns) / len(panels))}
        for (y, x), outcome in np.ndenumerate(difference.outcomes.numpy()):
            mean = float(difference.mean[y, x])
            if outcome:
                strength = 0.3 + 0.7 * abs(mean) / furthest
                colour = strength * np.array(mpl.colors.to_rgb(LESS if outcome < 0 else MORE)) + 1 - strength
                ax.add_patch(plt.Rectangle((x + 0.02, y + 0.03), 0.96, 0.94, color=colour, linewidth=0))
            text = f"{scale * mean:+.{digits}f}".replace("-", "−")
            ax.annotate(text, (x + 0.5, y + 0.5), color="#111" if outcome else INK, **look)


def _plane(points):
    """The plane coordinates of distributions over three classes, in a triangle of side 1."""
    return points[..., 1] + points[..., 2] / 2, points[..., 2] * np.sqrt(3) / 2


use_style()
