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
    "figure.titlesize": 12,
    "figure.labelsize": 12,
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
        ax.plot(*point, "o", color=colour)
    ax.annotate(text, point, (dx, dy), textcoords="offset points", color=colour, ha=ha, va="center")


def simplices(panels, truth, title):
    """Level lines of functions of a distribution over three classes, each on its triangle, around the truth.

    `panels` holds, for each triangle, the quantity, the function (of points, along the last axis) and the levels.
    """
    weights = 0.05 + np.array([(a, b, 60 - a - b) for a in range(61) for b in range(61 - a)])
    points = weights / weights.sum(1, keepdims=True)
    corners = np.eye(3)
    figure, all_axes = plt.subplots(1, len(panels), figsize=(6.6, 3.5))
    figure.subplots_adjust(left=0, right=1, bottom=0, top=0.93, wspace=0.05)
    figure.suptitle(title, x=0.02, ha="left")
    for ax, (quantity, function, levels) in zip(all_axes, panels):
        colour = COLOURS[quantity]
        ax.set(aspect="equal", xlim=(-0.12, 1.12), ylim=(-0.14, 1.02))
        ax.axis("off")
        ax.annotate(quantity, (-0.1, 0.8), color=colour)
        ax.plot(*_plane(corners[[0, 1, 2, 0]]), color=INK, linewidth=1)
        for number, (x, y) in enumerate(zip(*_plane(corners))):
            ax.annotate(f"$q_{number + 1} = 1$", (x, y + (0.04 if y else -0.1)), ha="center", color=INK)
        lines = ax.tricontour(*_plane(points), function(points), levels=levels, colors=[colour], linewidths=1.4)
        ax.clabel(lines, fmt="%.2f", fontsize=9)
        note(ax, "$p$", _plane(truth), "reference", mark=True)


def row(titles, title, xlabel, ylabel, height=2.9, sharex=True, **limits):
    """A figure with axes side by side that share their scales."""
    figure, (all_axes,) = plt.subplots(
        1, len(titles), figsize=(6.8, height), sharex=sharex, sharey=True, squeeze=False, layout="constrained"
    )
    figure.suptitle(title, x=0.01, ha="left")
    figure.supxlabel(xlabel)
    for ax, name in zip(all_axes, titles):
        ax.set(**limits)
        ax.set_title(name, fontsize=10)
    all_axes[0].set_ylabel(ylabel)
    return list(all_axes)


def mark(ax, values):
    """Ticks along x at these values and nowhere else."""
    ax.set_xticks(values, [f"{value:g}" for value in values])
    ax.minorticks_off()


def courses(differences, title, ylabel, scale=1):
    """Values over the training steps with their intervals, for each loss of a dictionary, at the least and at the most noise."""
    steps, noises = next(iter(differences.values())).axes.values()
    names = [f"noise {noises[n]:g}" for n in (0, -1)]
    for ax, n in zip(row(names, title, "training steps", ylabel, xscale="log"), (0, -1)):
        ax.axhline(0, color=INK, linewidth=1, linestyle="dotted")
        mark(ax, steps)
        for k, (loss, values) in enumerate(differences.items()):
            mean, low, high = (scale * part[:, n] for part in (values.mean, values.low, values.high))
            line(ax, steps, mean, loss.quantity)
            ax.fill_between(steps, low, high, color=COLOURS[loss.quantity], alpha=0.25, linewidth=0)
            if n == 0:
                ax.annotate(
                    loss.quantity, (0.03, 0.93 - 0.09 * k), xycoords="axes fraction", color=COLOURS[loss.quantity]
                )


def diagrams(panels, title):
    """Reliability diagrams: accuracy over confidence in each bin, for each panel a dictionary from quantities to reliabilities."""
    for ax, curves in zip(row(panels, title, "confidence", "accuracy", 3.4, xlim=(0, 1), ylim=(0, 1)), panels.values()):
        ax.set_aspect("equal")
        ax.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="dotted")
        for n, (quantity, (confidence, accuracy, count)) in enumerate(curves.items()):
            ax.plot(confidence, accuracy, color=COLOURS[quantity], linewidth=1, alpha=0.6)
            size = 6 + 150 * count / count.sum()
            ax.scatter(confidence, accuracy, s=size, color=COLOURS[quantity], linewidth=0)
            ax.annotate(quantity, (0.03, 0.93 - 0.08 * n), color=COLOURS[quantity], fontsize=10)


LESS, MORE = "#1a9d78", "#d55e00"


def maps(panels, title, scale=1, digits=1):
    """Differences over two axes, for each panel one: coloured where the interval excludes 0, stronger where it is further off.

    Green where it lies below 0, orange where above. The numbers are the means, times `scale`.
    """
    (down, rows), (across, columns) = next(iter(panels.values())).axes.items()
    furthest = max(float(difference.mean.abs().max()) for difference in panels.values())
    all_axes = row(panels, title, across, down, 0.9 + 0.4 * len(rows))
    for ax, difference in zip(all_axes, panels.values()):
        ax.set(xlim=(0, len(columns)), ylim=(0, len(rows)))
        ax.set_xticks(np.arange(len(columns)) + 0.5, [f"{value:g}" for value in columns])
        ax.set_yticks(np.arange(len(rows)) + 0.5, [f"{value:g}" for value in rows])
        ax.tick_params(length=0)
        for (y, x), outcome in np.ndenumerate(difference.outcomes.numpy()):
            mean = float(difference.mean[y, x])
            if outcome:
                strength = 0.3 + 0.7 * abs(mean) / furthest
                colour = strength * np.array(mpl.colors.to_rgb(LESS if outcome < 0 else MORE)) + 1 - strength
                ax.add_patch(plt.Rectangle((x + 0.02, y + 0.03), 0.96, 0.94, color=colour, linewidth=0))
            text = f"{scale * mean:+.{digits}f}".replace("-", "−")
            size = min(9, 36 / len(columns))
            ax.annotate(
                text, (x + 0.5, y + 0.5), ha="center", va="center", fontsize=size, color="#111" if outcome else INK
            )


def clouds(panels, names, title):
    """Points of a few classes in a plane: for each panel a list with the points (n, 2) of each class."""
    colours = COLOURS["entropy"], COLOURS["gradient"], COLOURS["divergence"]
    for ax, groups in zip(row(panels, title, "in units of the mean distance of the centres", "", 3.0), panels.values()):
        ax.set(aspect="equal", xmargin=0.15, ymargin=0.15)
        for points, name, colour in zip(groups, names, colours):
            ax.scatter(*points.T, s=5, color=colour, linewidth=0, alpha=0.6)
            centre = points.mean(0) / points.mean(0).norm()
            beyond = centre * ((points @ centre).max() + 0.22)
            ax.annotate(name, beyond, color=colour, ha="center", va="center", fontsize=14)


def _plane(points):
    """The plane coordinates of distributions over three classes, in a triangle of side 1."""
    return points[..., 1] + points[..., 2] / 2, points[..., 2] * np.sqrt(3) / 2


use_style()
