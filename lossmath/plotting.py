"""The book's one figure style.

Figures are SVG on a transparent ground, in tones that read on light and on dark pages, with colours that colour-blind readers
tell apart (Okabe and Ito, 2008). The same quantity has the same colour in every figure.
"""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

INK = "#767676"  # text and axes: contrast 4.5 on white, 4.1 on the dark page
COLOURS = {
    "cross-entropy": "#2a7fc4",
    "divergence": "#d55e00",
    "entropy": "#1a9d78",
    "label smoothing": "#c46a9f",
    "focal": "#c98a00",
    "gradient": "#8a6fd1",
    "reference": INK,
}

STYLE = {
    "figure.figsize": (6.4, 3.8),
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "savefig.transparent": True,
    "savefig.bbox": "tight",
    "svg.fonttype": "path",
    "svg.hashsalt": "lossmath",  # the same figure is the same file
    "font.size": 12,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.edgecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 2.2,
    "legend.frameon": False,
}


def use_style():
    """Set the style for this session, and SVG for figures in a notebook."""
    mpl.rcParams.update(STYLE)
    try:
        from IPython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:
        return
    if get_ipython() is not None:
        set_matplotlib_formats("svg", metadata={"Date": None})


def axes(title, xlabel, ylabel, **limits):
    """A figure with one pair of axes in the style of the book."""
    _, ax = plt.subplots()
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel, **limits)
    return ax


PLACES = {"right": (6, 0, "left"), "left": (-6, 0, "right"), "above": (0, 10, "center"), "below": (0, -10, "center")}


def line(ax, x, y, quantity, label=None, at=-1, place="right", **kwargs):
    """A curve in the colour of its quantity, with its label beside its point number `at`."""
    ax.plot(x, y, color=COLOURS[quantity], **kwargs)
    if label is not None:
        note(ax, label, (x[at], y[at]), quantity, place)


def note(ax, text, point, quantity, place="right", mark=False):
    """A label in the colour of a quantity beside a point, which is marked if asked."""
    dx, dy, ha = PLACES[place]
    colour = COLOURS[quantity]
    if mark:
        ax.plot(*point, "o", color=colour, markersize=6)
    ax.annotate(text, point, (dx, dy), textcoords="offset points", color=colour, ha=ha, va="center")


def simplices(panels, truth, title):
    """Level lines of functions of a distribution over three classes, each on its triangle, around the truth.

    `panels` holds, for each triangle, the quantity, the function (of points, along the last axis) and the levels.
    """
    weights = np.array([(a, b, 60 - a - b) for a in range(61) for b in range(61 - a)], dtype=float)
    points = (weights + 0.05) / (weights + 0.05).sum(-1, keepdims=True)
    figure, all_axes = plt.subplots(1, len(panels), figsize=(6.6, 3.5))
    figure.subplots_adjust(left=0, right=1, bottom=0, top=0.93, wspace=0.05)
    figure.suptitle(title, fontsize=12, x=0.02, ha="left")
    for ax, (quantity, function, levels) in zip(all_axes, panels):
        colour = COLOURS[quantity]
        ax.set(aspect="equal", xlim=(-0.12, 1.12), ylim=(-0.14, 1.02))
        ax.axis("off")
        ax.annotate(quantity, (-0.1, 0.8), color=colour)
        ax.plot(*_plane(np.eye(3)[[0, 1, 2, 0]]), color=INK, linewidth=1)
        for number, (x, y) in enumerate(zip(*_plane(np.eye(3)))):
            ax.annotate(f"$q_{number + 1} = 1$", (x, y + (0.04 if y else -0.1)), ha="center", color=INK)
        lines = ax.tricontour(*_plane(points), function(points), levels=levels, colors=[colour], linewidths=1.4)
        ax.clabel(lines, fmt="%.2f", fontsize=9)
        note(ax, "$p$", _plane(truth), "reference", mark=True)


def _plane(points):
    """The plane coordinates of distributions over three classes, in a triangle of side 1."""
    return points[..., 1] + points[..., 2] / 2, points[..., 2] * np.sqrt(3) / 2


use_style()
