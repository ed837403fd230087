"""The figures show the numbers they are given, in the place, the order and the colour that a reader takes them for."""

import io
import sys
from itertools import combinations

import IPython
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import same_color, to_rgb
from matplotlib_inline import backend_inline

from lossmath import plotting
from lossmath.calibration import Reliability
from lossmath.experiments import Difference
from lossmath.plotting import COLOURS, INK


@pytest.fixture(autouse=True)
def no_figure_is_left():
    yield
    plt.close("all")


def texts(ax):
    """The notes in some axes: where each points to, and its colour."""
    return {note.get_text(): (note.xy, note.get_color()) for note in ax.texts if hasattr(note, "xy")}


def named(ax):
    return ax.get_title(), ax.get_xlabel(), ax.get_ylabel()


def test_the_style_is_set_and_outside_a_notebook_nothing_else_is(monkeypatch):
    asked = []
    monkeypatch.setattr(
        backend_inline, "set_matplotlib_formats", lambda *form, **options: asked.append((form, options))
    )
    monkeypatch.setitem(mpl.rcParams, "svg.hashsalt", None)
    plotting.use_style()
    assert mpl.rcParams["svg.hashsalt"] == "lossmath" and not asked
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    plotting.use_style()
    assert asked == [(("svg",), {"metadata": {"Date": None}})]  # a date would make each build another file
    monkeypatch.setitem(sys.modules, "IPython", None)  # not installed
    plotting.use_style()
    assert len(asked) == 1


def test_axes_are_named_and_limited():
    ax = plotting.axes("a title", "x", "y", xlim=(1, 3))
    assert named(ax) == ("", "x", "y") and ax.get_title(loc="left") == "a title" and ax.get_xlim() == (1, 3)


@pytest.mark.parametrize(
    ("place", "side", "dx", "dy"),
    [("right", "left", 1, 0), ("left", "right", -1, 0), ("above", "center", 0, 1), ("below", "center", 0, -1)],
)
def test_a_note_stands_on_its_side_of_the_point(place, side, dx, dy):
    ax = plotting.axes("", "", "")
    plotting.note(ax, "here", (2, 3), "focal", place)
    (note,) = ax.texts
    assert note.get_text() == "here" and note.xy == (2, 3) and note.get_color() == COLOURS["focal"]
    assert note.get_ha() == side and note.get_va() == "center"
    assert tuple(np.sign(note.xyann)) == (dx, dy) and note.anncoords == "offset points"
    assert not ax.lines
    plotting.note(ax, "there", (2, 3), "focal", place, mark=True)
    assert ax.lines[0].get_xydata().tolist() == [[2, 3]] and ax.lines[0].get_marker() == "o"
    assert ax.lines[0].get_color() == COLOURS["focal"]


def test_a_line_has_the_colour_of_its_quantity_and_its_label_at_a_point():
    ax = plotting.axes("", "", "")
    plotting.line(ax, [0, 1, 2], [3, 5, 9], "entropy", linestyle="dashed")
    plotting.line(ax, [0, 1, 2], [3, 5, 9], "focal", label="last")
    plotting.line(ax, [0, 1, 2], [3, 5, 9], "gradient", label="first", at=0, place="left")
    assert [line.get_color() for line in ax.lines] == [COLOURS[name] for name in ("entropy", "focal", "gradient")]
    assert ax.lines[0].get_xydata().tolist() == [[0, 3], [1, 5], [2, 9]] and ax.lines[0].get_linestyle() == "--"
    assert texts(ax) == {"last": ((2, 9), COLOURS["focal"]), "first": ((0, 3), COLOURS["gradient"])}
    assert [note.get_ha() for note in ax.texts] == ["left", "right"]


def in_the_plane(distribution):
    """A distribution over three classes as a point: the mean of the corners of a triangle of side 1, weighted."""
    return np.asarray(distribution) @ np.array([[0, 0], [1, 0], [0.5, np.sqrt(0.75)]])


def test_the_level_lines_on_a_simplex_lie_where_the_function_has_these_levels():
    truth = np.array([0.5, 0.3, 0.2])
    panels = [
        ("cross-entropy", lambda q: -np.log(q) @ truth, [1.2, 1.5]),
        ("divergence", lambda q: np.square(q - truth).sum(-1), [0.05]),
    ]
    plotting.simplices(panels, truth, "two losses")
    figure = plt.gcf()
    assert figure.get_suptitle() == "two losses" and len(figure.axes) == 2
    for ax, (quantity, function, levels) in zip(figure.axes, panels):
        (contours,) = ax.collections
        assert contours.levels.tolist() == levels and same_color(contours.get_edgecolor()[0], COLOURS[quantity])
        places = np.column_stack([in_the_plane(np.eye(3)), np.ones(3)])
        for level, path in zip(levels, contours.get_paths()):
            q = np.column_stack([path.vertices, np.ones(len(path.vertices))]) @ np.linalg.inv(places)
            off = np.abs(function(q) / level - 1)
            assert len(q) > 20 and np.median(off) < 0.01 and off.max() < 0.1  # straight between the points of a grid
        triangle, point = ax.lines
        assert triangle.get_linewidth() < contours.get_linewidth()[0] < mpl.rcParams["lines.linewidth"]
        assert {text.get_text() for text in ax.texts if not hasattr(text, "xy")} == {f"{level:.2f}" for level in levels}
        outline = [in_the_plane(corner).tolist() for corner in np.eye(3)[[0, 1, 2, 0]]]
        np.testing.assert_allclose(triangle.get_xydata(), outline)
        assert triangle.get_color() == INK and point.get_color() == COLOURS["reference"]
        np.testing.assert_allclose(point.get_xydata(), [in_the_plane(truth)])
        found = texts(ax)
        assert found[quantity][1] == COLOURS[quantity]
        np.testing.assert_allclose(found["$p$"][0], in_the_plane(truth))
        for number, corner in enumerate(np.eye(3)):
            assert np.abs(found[f"$q_{number + 1} = 1$"][0] - in_the_plane(corner)).max() <= 0.1
        assert ax.get_aspect() == 1 and not ax.axison
        (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
        assert left < 0 < 1 < right and low < 0 < np.sqrt(0.75) < high


def test_the_level_lines_on_a_simplex_reach_its_edges():
    seen = []
    plotting.simplices([("focal", lambda q: seen.append(q) or q[:, 0], [0.5])] * 2, np.full(3, 1 / 3), "")
    q = seen[0]
    np.testing.assert_allclose(q.sum(-1), 1)
    assert (q > 0).all()  # where a logarithm is finite
    assert (q.min(0) < 0.001).all() and (q.max(0) > 0.998).all()


def test_paths_on_triangles_lead_from_a_dot_to_their_end():
    rng = np.random.default_rng(0)
    panels = {name: rng.dirichlet(np.ones(3), (4, 2)) for name in ("gamma 1", "gamma 3")}  # two paths of four points
    plotting.paths(panels, "focal", "two maps")
    assert plt.gcf().get_suptitle() == "two maps" and len(plt.gcf().axes) == 2
    for ax, (name, points) in zip(plt.gcf().axes, panels.items()):
        triangle, *lines, dots = ax.lines
        assert triangle.get_color() == INK and texts(ax)[name][1] == COLOURS["focal"]
        assert {line.get_color() for line in (*lines, dots)} == {COLOURS["focal"]} and len(lines) == 2
        for number, line in enumerate(lines):
            np.testing.assert_allclose(line.get_xydata(), [in_the_plane(point) for point in points[:, number]])
        np.testing.assert_allclose(dots.get_xydata(), [in_the_plane(point) for point in points[0]])
        assert (dots.get_marker(), dots.get_linestyle()) == ("o", "None")


def test_a_row_of_axes_shares_its_scales_and_its_names():
    first, second = plotting.row(["one", "two"], "both", "steps", "error", ylim=(0, 3))
    figure = first.figure
    assert (figure.get_suptitle(), figure.get_supxlabel()) == ("both", "steps")
    assert [ax.get_title(loc="left") for ax in (first, second)] == ["one", "two"]
    assert first.get_ylabel() == "error" and not second.get_ylabel()
    assert second.get_ylim() == (0, 3)
    first.set(xlim=(0, 7), ylim=(-1, 1))
    assert second.get_xlim() == (0, 7) and second.get_ylim() == (-1, 1)
    assert len(plotting.row(["alone"], "", "", "")) == 1


def difference(mean, margin=0.5, **axes):
    mean = torch.tensor(mean, dtype=torch.float64)
    return Difference(mean, mean - margin, mean + margin, axes)


def test_a_reliability_diagram_shows_accuracy_over_confidence_and_how_many_there_were():
    curve = Reliability(torch.tensor([0.2, 0.5, 0.9]), torch.tensor([0.1, 0.6, 0.8]), torch.tensor([20, 60, 120]))
    plotting.diagrams(
        {"noise 0": {"focal": curve}, "noise 0.4": {"focal": curve, "label smoothing": curve}}, "reliability"
    )
    first, second = plt.gcf().axes
    assert [ax.get_title(loc="left") for ax in (first, second)] == ["noise 0", "noise 0.4"]
    assert plt.gcf().get_suptitle() == "reliability"
    assert (plt.gcf().get_supxlabel(), first.get_ylabel()) == ("confidence", "accuracy")
    assert len(first.lines) == 2 and len(second.lines) == 3
    for ax in (first, second):
        assert ax.get_aspect() == 1 and ax.get_xlim() == ax.get_ylim() == (0, 1)
        diagonal, *lines = ax.lines
        assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]] and diagonal.get_color() == INK
        assert diagonal.get_linestyle() == ":"
        for line, dots, note in zip(lines, ax.collections, ax.texts, strict=True):
            colour = COLOURS[note.get_text()]
            np.testing.assert_allclose(line.get_xydata(), torch.stack(curve[:2], 1))
            np.testing.assert_allclose(dots.get_offsets(), torch.stack(curve[:2], 1))
            assert line.get_color() == note.get_color() == colour and same_color(dots.get_facecolor()[0], colour)
            # areas: 6 so that each is seen, and 1.5 for each hundredth of the cases, without an edge
            assert dots.get_sizes().tolist() == pytest.approx([21, 51, 96]) and not dots.get_linewidth().any()
            assert line.get_linewidth() == diagonal.get_linewidth() < mpl.rcParams["lines.linewidth"]
            assert 0 < line.get_alpha() < 1
            assert 0 < note.xy[0] < 0.1 and 0.5 < note.xy[1] < 1
    assert second.texts[0].xy[1] > second.texts[1].xy[1] + 0.05


def test_a_reliability_diagram_leaves_out_bins_with_few_cases():
    few = Reliability(torch.tensor([0.2, 0.5, 0.9]), torch.tensor([0.1, 0.6, 0.8]), torch.tensor([19, 20, 61]))
    plotting.diagrams({"one": {"focal": few}}, "")
    (ax,) = plt.gcf().axes
    assert len(ax.lines[1].get_xdata()) == len(ax.collections[0].get_offsets()) == 2
    assert ax.lines[1].get_xdata()[0] == pytest.approx(0.5)
    assert ax.collections[0].get_sizes().tolist() == pytest.approx([36, 97.5])  # shares of all cases


def test_a_map_colours_what_differs_and_says_every_mean():
    axes = {"steps": (20, 80), "noise": (0.0, 0.1, 0.4)}
    one = difference([[0.2, -1.0, 2.0], [-0.1, 0.0, -4.0]], **axes)
    plotting.maps({"one": one}, "")
    assert [note.get_text() for note in plt.gcf().axes[0].texts] == ["+0.2", "−1.0", "+2.0", "−0.1", "+0.0", "−4.0"]
    plotting.maps({"one": one, "none": difference([[0] * 3] * 2, **axes)}, "a map", scale=10, digits=2)
    first, second = plt.gcf().axes
    assert (
        plt.gcf().get_suptitle() == "a map" and plt.gcf().get_supxlabel() == "noise" and first.get_ylabel() == "steps"
    )
    assert first.get_title(loc="left") == "one" and second.get_title(loc="left") == "none"
    for ax in (first, second):
        assert ax.get_xlim() == (0, 3) and ax.get_ylim() == (0, 2)
        assert ax.get_xticks().tolist() == [0.5, 1.5, 2.5] and ax.get_yticks().tolist() == [0.5, 1.5]
        assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "0.1", "0.4"]
    assert [label.get_text() for label in first.get_yticklabels()] == ["20", "80"]
    said = {note.xy: note.get_text() for note in first.texts}
    assert said == {
        (0.5, 0.5): "+2.00", (1.5, 0.5): "−10.00", (2.5, 0.5): "+20.00",
        (0.5, 1.5): "−1.00", (1.5, 1.5): "+0.00", (2.5, 1.5): "−40.00",
    }  # fmt: skip
    assert all(note.get_ha() == note.get_va() == "center" for note in first.texts)
    squares = {(int(square.get_x()), int(square.get_y())): square for square in first.patches}
    assert squares.keys() == {(1, 0), (2, 0), (2, 1)} and not second.patches
    assert not any(
        tick.tick1line.get_markersize() for axis in (first.xaxis, first.yaxis) for tick in axis.get_major_ticks()
    )
    for square in squares.values():  # within its place
        assert square.get_linewidth() == 0
        (left, low), (right, high) = square.get_bbox().get_points()
        assert 0 < left % 1 < right % 1 < 1 and 0 < low % 1 < high % 1 < 1
    # the furthest has the full colour, and what is nearer to 0 is nearer to white, of the colour of its side
    full = {place: np.array(square.get_facecolor()[:3]) for place, square in squares.items()}
    np.testing.assert_allclose(full[2, 1], to_rgb(plotting.LESS))
    for place, colour, share in (((1, 0), plotting.LESS, 0.25), ((2, 0), plotting.MORE, 0.5)):
        strength = (1 - full[place]) / (1 - np.array(to_rgb(colour)))
        np.testing.assert_allclose(strength, 0.3 + 0.7 * share)
    assert {note.get_color() for note in second.texts} == {INK} != {first.texts[1].get_color()}


REGIMES = {"training steps": (20, 80, 320), "label noise": (0.0, 0.05, 0.1, 0.2, 0.3, 0.4)}
DIFFERENCE = difference((10 * np.sin(np.arange(18.0))).reshape(3, 6), **REGIMES)
CURVE = Reliability(torch.tensor([0.2, 0.5, 0.9]), torch.tensor([0.1, 0.6, 0.8]), torch.tensor([20, 60, 120]))
TITLE = "A title that is about as long as those in the book"
FIGURES = {  # each with its size in inches
    "simplices": (
        lambda: plotting.simplices(
            [(name, lambda q: -np.log(q).mean(-1), [1.5]) for name in ("label smoothing", "cross-entropy")],
            np.array([0.3, 0.3, 0.4]),
            TITLE,
        ),
        (6.6, 3.5),
    ),
    "paths": (
        lambda: plotting.paths(
            dict.fromkeys(("soft target", "label 1"), np.array([[[0.6, 0.2, 0.2]], [[0.3, 0.3, 0.4]]])),
            "gradient",
            TITLE,
        ),
        (6.6, 3.5),
    ),
    "row": (lambda: plotting.row(["label smoothing", "focal"], TITLE, "ε or γ", "calibration error"), (6.8, 2.9)),
    "diagrams": (
        lambda: plotting.diagrams(
            dict.fromkeys(("noise 0", "noise 0.4"), dict.fromkeys(list(COLOURS)[:5], CURVE)), TITLE
        ),
        (6.8, 3.4),
    ),
    "maps": (lambda: plotting.maps({"one": DIFFERENCE, "other": DIFFERENCE}, TITLE), (6.8, 2.1)),
}


def words(figure):
    """The texts that are drawn, but for those of ticks, with their boxes in pixels."""
    figure.canvas.draw()
    ticks = [tick for ax in figure.axes for axis in (ax.xaxis, ax.yaxis) for tick in axis.get_major_ticks()]
    apart = {text for tick in ticks for text in (tick.label1, tick.label2)}
    texts = [
        text for text in figure.findobj(mpl.text.Text) if text.get_text() and text.get_visible() and text not in apart
    ]
    return {text: text.get_window_extent() for text in texts}


@pytest.mark.parametrize("name", FIGURES)
def test_the_words_of_a_figure_can_be_read(name):
    draw, size = FIGURES[name]
    draw()
    figure = plt.gcf()
    assert figure.get_size_inches().tolist() == pytest.approx(size)
    boxes = words(figure)
    title = next(text for text in boxes if text.get_text() == TITLE)
    assert title.get_ha() == "left" and boxes[title].x0 < 0.13 * figure.bbox.width
    for text, box in boxes.items():
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1, text
    for one, other in combinations(boxes, 2):
        assert not boxes[one].padded(-1).overlaps(boxes[other]), (one, other)


def test_triangles_fill_the_figure_below_its_title_and_nothing_covers_their_sides():
    FIGURES["simplices"][0]()
    figure = plt.gcf()
    boxes = words(figure)
    title = next(text for text in boxes if text.get_text() == TITLE)
    first, second = (ax.get_window_extent() for ax in figure.axes)
    assert first.size == pytest.approx(second.size) and first.y0 == pytest.approx(second.y0)
    assert first.x0 == pytest.approx(0) and second.x1 == pytest.approx(figure.bbox.width)
    assert 0 < second.x0 - first.x1 < 0.05 * figure.bbox.width
    assert -1 < boxes[title].y0 - first.y1 < 0.1 * figure.bbox.height
    for ax, (left, below, width, height) in zip(figure.axes, (first.bounds, second.bounds)):
        sides = ax.transData.transform_path(ax.lines[0].get_path())
        frame = sides.get_extents()
        assert frame.width > 0.8 * width and frame.height > 0.7 * height
        for text in ax.texts:
            if text.get_text() != "$p$" and hasattr(text, "xy"):
                box = boxes[text]
                assert not sides.intersects_bbox(box, filled=True), text
                assert left <= box.x0 and box.x1 <= left + width and below <= box.y0 and box.y1 <= below + height
                if text.get_text().startswith("$q"):
                    corner = min(sides.vertices, key=lambda end: np.hypot(*(end - (box.p0 + box.p1) / 2)))
                    assert (box.x0 + box.x1) / 2 == pytest.approx(corner[0], abs=1)
                    assert min(abs(box.y0 - corner[1]), abs(box.y1 - corner[1])) < 0.07 * frame.height


def test_the_numbers_of_a_map_lie_in_their_squares():
    FIGURES["maps"][0]()
    boxes = words(plt.gcf())
    for ax in plt.gcf().axes:
        assert len(ax.texts) == 18
        for note in ax.texts:
            (left, low), (right, high) = ax.transData.transform(np.floor(note.xy) + np.array([[0], [1]]))
            box = boxes[note]
            assert left < box.x0 < box.x1 < right and low < box.y0 < box.y1 < high
            assert note.get_fontsize() == min(9, 144 / 6 / len(plt.gcf().axes))
    plotting.maps({"one": difference([[0.5]], a=[1], b=[2])}, "")
    assert plt.gcf().axes[0].texts[0].get_fontsize() == 9  # however much room there is


def test_what_a_map_compares_may_have_names():
    plotting.maps({"one": difference([[0.5], [1.0]], loss=["focal", "Poly-1"], noise=[0.0])}, "")
    (ax,) = plt.gcf().axes
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["focal", "Poly-1"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0"]


@pytest.mark.parametrize(("name", "size"), [("simplices", 9), ("row", 10), ("diagrams", 10)])
def test_what_belongs_to_a_panel_is_in_smaller_letters(name, size):
    FIGURES[name][0]()
    sizes = {text.get_fontsize() for text in words(plt.gcf())}
    assert sizes == {size, mpl.rcParams["font.size"]}


def test_the_same_figure_is_the_same_file():
    files = []
    for _ in range(2):
        FIGURES["maps"][0]()
        file = io.BytesIO()
        plt.savefig(file, format="svg", metadata={"Date": None})
        files.append(file.getvalue())
    assert files[0] == files[1] and files[0].startswith(b"<?xml")
