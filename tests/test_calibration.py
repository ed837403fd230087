import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from lossmath.calibration import (
    bin_index,
    brier_score,
    expected_calibration_error,
    fit_temperature,
    reliability,
)

# a temperature at a bound is told; the tests of the warning itself look for it
AT_A_BOUND = pytest.mark.filterwarnings("ignore:the best temperature is at the bound")
BINS = st.integers(1, 60) | st.sampled_from([100, 1000, 2**20 + 7, 2**24])
DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


@st.composite
def near_edges(draw, bins, dtype=torch.float64):
    """A value on an edge k / bins as a float has it, or a few floats next to it, or anywhere in [0, 1]."""
    if draw(st.booleans()):
        value = torch.tensor(draw(st.floats(0, 1)), dtype=dtype)
    else:
        value = torch.tensor(draw(st.integers(0, bins)) / bins, dtype=dtype)
        for _ in range(draw(st.integers(0, 2))):
            value = torch.nextafter(value, torch.tensor(draw(st.sampled_from([0.0, 1.0])), dtype=dtype))
    return value.item()


def exact_bin(value, bins):
    """The definition: the m for which m / M < value <= (m + 1) / M, and the first bin for 0."""
    return max(0, math.ceil(Fraction(value) * bins) - 1)


@pytest.mark.parametrize("dtype", DTYPES)
@given(st.data(), BINS)
def test_the_bin_is_that_of_the_exact_fraction(dtype, data, bins):
    # torch has no nextafter for the short formats
    source = dtype if dtype in (torch.float32, torch.float64) else torch.float32
    values = torch.tensor(data.draw(st.lists(near_edges(bins, source), min_size=1, max_size=20)), dtype=dtype)
    assert bin_index(values, bins).tolist() == [exact_bin(value, bins) for value in values.tolist()]


def test_rounded_edges_and_rounded_products_would_differ():
    # 29 / 41 and 0.07 * 100: the float lies beyond, and its product rounds onto the integer
    for bins in (41, 49, 82, 100):
        for k in range(bins + 1):
            for value in (k / bins, math.nextafter(k / bins, 2), math.nextafter(k / bins, -1)):
                if 0 <= value <= 1:
                    assert bin_index(torch.tensor([value], dtype=torch.float64), bins).item() == exact_bin(value, bins)
    value, bins = math.nextafter(1 / 49, 1), 49
    assert value * bins == 1 and Fraction(value) * bins > 1  # so that the tests above would see a plain product
    assert bin_index(torch.tensor([value], dtype=torch.float64), bins).item() == 1


@st.composite
def predictions(draw, dtype=torch.float64):
    """Distributions over classes with confidences on and next to edges, and labels."""
    bins, classes, cases = draw(st.integers(1, 20)), draw(st.integers(2, 5)), draw(st.integers(1, 12))
    rows = []
    for _ in range(cases):
        top = draw(near_edges(bins))
        rest = draw(st.lists(st.integers(0, 4), min_size=classes - 1, max_size=classes - 1))
        share = [(1 - top) * n / sum(rest) if sum(rest) else (1 - top) / (classes - 1) for n in rest]
        rows.append(draw(st.permutations([top, *share])))
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=cases, max_size=cases))
    return torch.tensor(rows, dtype=dtype), torch.tensor(labels), bins


def gaps(values, events, bins):
    """For each bin: the number of values in it, and the gap of their means, in fractions."""
    found = [[] for _ in range(bins)]
    for value, event in zip(values, events):
        found[exact_bin(value, bins)].append(int(event) - Fraction(value))
    return [(len(bin), abs(sum(bin)) / len(bin)) for bin in found if bin]


@given(predictions())
def test_the_errors_are_those_of_the_reference_in_fractions(drawn):
    q, y, bins = drawn
    rows, labels = q.tolist(), y.tolist()
    correct = [row.index(max(row)) == label for row, label in zip(rows, labels)]
    found = gaps(map(max, rows), correct, bins)
    expected = sum(count * gap for count, gap in found) / len(rows)
    assert expected_calibration_error(q, y, bins).item() == pytest.approx(float(expected), abs=1e-13)

    first = [min(row[0], 1.0) for row in rows]  # as the probability of a label 1
    binary = gaps(first, y == 0, bins)
    expected = sum(count * gap for count, gap in binary) / len(rows)
    got = expected_calibration_error(torch.tensor(first, dtype=q.dtype), (y == 0).to(torch.uint8), bins).item()
    assert got == pytest.approx(float(expected), abs=1e-13)

    brier = sum((Fraction(x) - (k == label)) ** 2 for row, label in zip(rows, labels) for k, x in enumerate(row))
    assert brier_score(q, y).item() == pytest.approx(float(brier / len(rows)), abs=1e-13)


def softmaxes(*shape, seed=0, scale=2.0):
    generator = torch.Generator().manual_seed(seed)
    q = (scale * torch.randn(*shape, generator=generator, dtype=torch.float64)).softmax(-1)
    return q, torch.randint(shape[-1], shape[:-1], generator=generator)


def test_equal_to_scikit_learn_away_from_the_edges():
    from sklearn.calibration import calibration_curve
    from sklearn.metrics import brier_score_loss

    q, y = softmaxes(500, 2)
    accuracy, confidence = calibration_curve(y, q[:, 1], n_bins=10)
    # the gap in each bin, weighted by how many fell in it
    count = np.histogram(q[:, 1], bins=10, range=(0, 1))[0]
    theirs = (np.abs(accuracy - confidence) * count[count > 0]).sum() / 500
    assert expected_calibration_error(q[:, 1], y, 10).item() == pytest.approx(theirs, abs=1e-13)
    seen = reliability(q[:, 1], y.to(torch.uint8), 10)
    np.testing.assert_allclose(seen.accuracy[seen.count > 0], accuracy, atol=1e-13)
    np.testing.assert_allclose(seen.confidence[seen.count > 0], confidence, atol=1e-13)

    top, predicted = q.max(-1)
    accuracy, confidence = calibration_curve(predicted == y, top, n_bins=10)
    seen = reliability(q, y, 10)
    filled = seen.count > 0
    np.testing.assert_allclose(seen.accuracy[filled], accuracy, atol=1e-13)
    np.testing.assert_allclose(seen.confidence[filled], confidence, atol=1e-13)

    assert brier_score(q, y).item() == pytest.approx(2 * brier_score_loss(y, q[:, 1]), abs=1e-13)
    assert brier_score(q[:, 1], y).item() == pytest.approx(brier_score_loss(y, q[:, 1]), abs=1e-13)


@AT_A_BOUND
def test_a_batch_is_its_members_and_shares_labels():
    q, y = softmaxes(3, 2, 50, 4)
    for measure in (expected_calibration_error, brier_score, fit_temperature):
        values = q.log() if measure is fit_temperature else q
        whole, shared = measure(values, y), measure(values, y[0])
        assert whole.shape == (3, 2) and whole.dtype == torch.float64
        for i in range(3):
            for j in range(2):
                assert whole[i, j].item() == pytest.approx(measure(values[i, j], y[i, j]).item(), rel=1e-10)
                assert shared[i, j].item() == pytest.approx(measure(values[i, j], y[0, j]).item(), rel=1e-10)


def test_reliability_on_a_case_by_hand():
    q = torch.tensor([[0.55, 0.45], [0.4, 0.6], [0.9, 0.1], [0.5, 0.5]])
    seen = reliability(q, torch.tensor([0, 0, 0, 1]), 2)
    assert seen.count.tolist() == [1, 3]  # 0.5 is in (0, 1/2]; of equal probabilities the first is the prediction
    assert seen.accuracy.tolist() == pytest.approx([0, 2 / 3])
    assert seen.confidence.tolist() == pytest.approx([0.5, 2.05 / 3])
    empty = reliability(q, torch.tensor([0, 0, 0, 1]), 100)
    assert empty.count.sum() == 4 and empty.accuracy[0].isnan()


def test_a_frequency_that_is_right_has_no_error():
    q = torch.tensor([[0.75, 0.25]]).expand(4, 2)
    y = torch.tensor([0, 0, 0, 1])
    assert expected_calibration_error(q, y) == expected_calibration_error(q[:, 0], 1 - y) == 0
    assert expected_calibration_error(q, 1 - y) == 0.5


LOGITS = st.lists(st.lists(st.floats(-30, 30), min_size=3, max_size=3), min_size=2, max_size=8)


@AT_A_BOUND
@settings(max_examples=40)
@given(LOGITS, st.data())
@example([[2.0, 0.0, 0.0], [0.0, 3.0, 0.0]], None)
def test_the_temperature_is_the_minimum(rows, data):
    labels = [0, 2] if data is None else data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)))
    z, y = torch.tensor(rows, dtype=torch.float64), torch.tensor(labels)
    assume((z - z.gather(1, y[:, None])).abs().max() > 1e-3)
    found = fit_temperature(z, y).item()

    def slope(b):  # of the negative log-likelihood in b = 1 / T, from the definition
        with mpmath.workdps(60):
            total = mpmath.mpf(0)
            for row, label in zip(rows, labels):
                weights = [mpmath.exp(b * (mpmath.mpf(value) - max(row))) for value in row]
                total += mpmath.fdot(weights, row) / mpmath.fsum(weights) - mpmath.mpf(row[label])
            return total

    b = mpmath.mpf(1) / mpmath.mpf(found)
    noise = mpmath.mpf(10) ** -14 * float(z.abs().max())  # what rounding leaves of a slope that vanishes
    assert slope(b * (1 - 1e-9)) <= noise or found >= 1e3 * (1 - 1e-12)
    assert slope(b * (1 + 1e-9)) >= -noise or found <= 1e-3 * (1 + 1e-12)


def test_the_temperature_of_labels_that_are_drawn_from_the_model_is_one():
    q, _ = softmaxes(200_000, 5)
    y = torch.multinomial(q, 1, generator=torch.Generator().manual_seed(1))[:, 0]
    assert fit_temperature(q.log(), y).item() == pytest.approx(1, abs=0.02)
    assert fit_temperature(3 * q.log(), y).item() == pytest.approx(3 * fit_temperature(q.log(), y).item(), rel=1e-9)


def test_the_temperature_at_its_bounds():
    z = torch.tensor([[2.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    right, wrong = torch.tensor([0, 1], dtype=torch.uint8), torch.tensor([1, 0], dtype=torch.int16)
    for scale in (1e-200, 1.0, 1e4, 1e307):  # no square of a logit need be a number
        with pytest.warns(UserWarning, match="bound 0.001 .every label has the largest logit"):
            assert fit_temperature(scale * z, right).item() == pytest.approx(1e-3)  # the surer the better
        with pytest.warns(UserWarning, match="bound 4 .logits no better than none"):
            assert fit_temperature(scale * z, wrong, bounds=(0.5, 4)).item() == pytest.approx(4)
    with pytest.warns(UserWarning, match="bound 1000 "):
        assert (
            fit_temperature(torch.tensor([[1e308, -1e308], [1.0, 2.0]], dtype=torch.float64), torch.ones(2).long())
            == 1e3
        )
    for bounds, nearest in (((1e-3, 1e3), 1), ((2, 4), 2), ((0.25, 0.5), 0.5)):  # nothing depends on it: no warning
        assert fit_temperature(torch.ones(2, 3), torch.tensor([1, 0]), bounds=bounds).item() == pytest.approx(nearest)


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e160])
def test_the_temperature_scales_with_the_logits(scale):
    # two right and one wrong by a lead of 3: 2 / 3 = sigmoid(3 / T)
    z, y = torch.tensor([[3.0, 0.0]] * 3, dtype=torch.float64), torch.tensor([0, 1, 0])
    expected = 3 / math.log(2)
    bounds = scale / 1e3, scale * 1e3
    assert fit_temperature(z * scale, y, bounds).item() / scale == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_that_exceeds_one_by_rounding_leaves_the_errors_in_their_range(dtype):
    excess = 1 + torch.finfo(dtype).eps ** 0.5 * 0.9
    q, y = torch.tensor([[excess, 0.0]], dtype=dtype), torch.tensor([1])
    assert expected_calibration_error(q, y) == 1 and brier_score(q, y) == 2
    assert expected_calibration_error(q[:, 0], 1 - y) == brier_score(q[:, 0], 1 - y) == 1
    assert reliability(q, y).confidence.nan_to_num(0).max() == 1


@AT_A_BOUND
@settings(max_examples=40)
@given(LOGITS, st.data(), st.tuples(st.floats(0.05, 20), st.floats(0.05, 20)).map(sorted))
def test_with_bounds_the_temperature_is_the_one_without_brought_within_them(rows, data, bounds):
    # the likelihood has one maximum, so that on either side of it the nearer bound is the best
    labels = data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)))
    z, y = torch.tensor(rows, dtype=torch.float64), torch.tensor(labels)
    assume((z - z.gather(1, y[:, None])).abs().max() > 1e-3)
    assert fit_temperature(z, y, tuple(bounds)).item() == pytest.approx(
        fit_temperature(z, y).clamp(*bounds).item(), rel=1e-6
    )


Q, Y = torch.tensor([[0.25, 0.75], [0.5, 0.5]]), torch.tensor([0, 1])
SHAPES = "probabilities (..., N, C) and labels (..., N) are expected"
SUMS = "rows that sum to one are expected; one is off by"


@pytest.mark.parametrize("measure", [expected_calibration_error, brier_score, reliability])
@pytest.mark.parametrize(
    ("q", "y", "error", "said"),
    [
        (
            Q.long(),
            Y,
            TypeError,
            "probabilities is a tensor of dtype float64, float32, bfloat16 or float16, got torch.int64",
        ),
        (
            [[0.5, 0.5]],
            Y,
            TypeError,
            "probabilities is a tensor of dtype float64, float32, bfloat16 or float16, got list",
        ),
        (Q, Y.float(), TypeError, "labels holds class indices, of an integer dtype; got torch.float32"),
        (Q, [0, 1], TypeError, "labels holds class indices, of an integer dtype; got list"),
        (Q, torch.tensor([0]), ValueError, f"{SHAPES}, got (2, 2) and (1,)"),
        (Q, torch.tensor(0), ValueError, f"{SHAPES}, got (2, 2) and ()"),
        (Q[0], torch.tensor([0]), ValueError, f"{SHAPES}, got (2,) and (1,)"),
        (Q[0], torch.tensor([0, 2]), ValueError, "labels from 0 to 1 are expected, got 0 to 2"),
        (5 * Q[0], Y, ValueError, "probabilities of at most 1 are expected, got 3.75 (are these logits?)"),
        (-Q[0], Y, ValueError, "probabilities of at least 0 are expected, got -0.75"),
        (Q, torch.zeros(3, 2, dtype=torch.int64), ValueError, "labels (3, 2) cannot be shared by probabilities (2, 2)"),
        (Q.expand(4, 3, 2, 2), torch.tensor([0, 2]), ValueError, "labels from 0 to 1 are expected, got 0 to 2"),
        (Q[:, :1], Y, ValueError, "probabilities of at least one case and two classes are expected, got (2, 1)"),
        (Q[:0], Y[:0], ValueError, "probabilities of at least one case and two classes are expected, got (0, 2)"),
        (Q, torch.tensor([0, 2]), ValueError, "labels from 0 to 1 are expected, got 0 to 2"),
        (Q, torch.tensor([-1, 0]), ValueError, "labels from 0 to 1 are expected, got -1 to 0"),
        (
            torch.tensor([[math.nan, 1.0], [0.5, 0.5]]),
            Y,
            ValueError,
            "probabilities of at least 0 are expected, got NaN",
        ),
        (
            torch.tensor([[-0.25, 1.25], [0.5, 0.5]]),
            Y,
            ValueError,
            "probabilities of at least 0 are expected, got -0.25",
        ),
        (torch.tensor([[0.25, 0.25], [0.5, 0.5]]), Y, ValueError, f"{SUMS} 0.5 (are these logits?)"),
        (torch.tensor([[math.inf, 0.0], [0.5, 0.5]]), Y, ValueError, f"{SUMS} inf (are these logits?)"),
    ],
)
def test_bad_input_is_named(measure, q, y, error, said):
    with pytest.raises(error) as caught:
        measure(q, y)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("n_bins", "error", "said"),
    [
        (0, ValueError, "n_bins from 1 to 16777216 is expected, got 0"),
        (-1, ValueError, "n_bins from 1 to 16777216 is expected, got -1"),
        (2**24 + 1, ValueError, "n_bins from 1 to 16777216 is expected, got 16777217"),
        (15.0, TypeError, "n_bins is a whole number; got 15.0"),
        (True, TypeError, "n_bins is a whole number; got True"),
    ],
)
def test_bad_numbers_of_bins_are_named(n_bins, error, said):
    with pytest.raises(error) as caught:
        expected_calibration_error(Q, Y, n_bins)
    assert str(caught.value) == said


def test_bad_values_and_temperatures_are_named():
    for value in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match=r"^values from 0 to 1 are expected$"):
            bin_index(torch.tensor([value]))
    with pytest.raises(TypeError, match=r"^values is a tensor of .* got torch.int64$"):
        bin_index(torch.tensor([1]))
    with pytest.raises(TypeError, match=r"^logits is a tensor of .* got torch.int64$"):
        fit_temperature(Q.long(), Y)
    with pytest.raises(ValueError, match=r"^logits .* and labels .*got"):
        fit_temperature(Q, Y[:1])
    with pytest.raises(ValueError, match=r"^finite logits are expected$"):
        fit_temperature(torch.tensor([[math.inf, 0.0]]), torch.tensor([0]))
    for bounds in ((0, 1), (2, 1), (1, math.inf)):
        with pytest.raises(ValueError) as caught:
            fit_temperature(Q, Y, bounds)
        assert str(caught.value) == f"bounds 0 < low <= high are expected, got {bounds}"


@pytest.mark.parametrize("dtype", DTYPES)
def test_rounding_of_a_softmax_is_not_an_error(dtype):
    q = torch.randn(100, 1000, generator=torch.Generator().manual_seed(0)).to(dtype).softmax(-1)
    assert 0 <= expected_calibration_error(q, torch.zeros(100, dtype=torch.int64)) <= 1
    sure = torch.eye(3, dtype=dtype)
    assert expected_calibration_error(sure, torch.arange(3)) == 0


def test_what_rounding_leaves_is_up_to_the_square_root_of_epsilon():
    # 2^-26 is that of float64, and 1 + 2^-26 is a float64
    assert bin_index(torch.tensor([1 + 2**-26], dtype=torch.float64)).item() == 14
    with pytest.raises(ValueError, match="from 0 to 1"):
        bin_index(torch.tensor([1 + 2**-25], dtype=torch.float64))
    labels = torch.tensor([0])
    assert brier_score(torch.tensor([[0.5, 0.5 + 2**-26]], dtype=torch.float64), labels).item() == pytest.approx(0.5)
    for excess in (2**-25, -(2**-25)):
        with pytest.raises(ValueError, match="off by 3e-08"):
            brier_score(torch.tensor([[0.5, 0.5 + excess]], dtype=torch.float64), labels)


def test_there_are_fifteen_bins_if_nothing_is_said():
    # 0.87 and 0.88 are in one of 15 bins, (13/15, 14/15], as are 0.12 and 0.13; in 16 they are apart
    q = torch.tensor([[0.87, 0.13], [0.88, 0.12]], dtype=torch.float64)
    y = torch.tensor([0, 1])
    assert bin_index(q[:, 0]).tolist() == [13, 13]
    seen = reliability(q, y)
    assert seen.count.tolist() == [0] * 13 + [2, 0] and seen.count.dtype == torch.int64
    # in the bin one event, and values whose mean is 0.875
    assert expected_calibration_error(q, y).item() == pytest.approx(0.375)


@AT_A_BOUND
@pytest.mark.parametrize("temperature", [0.02, 0.5, 1, 30])
def test_few_steps_find_the_temperature(temperature, monkeypatch):
    q, _ = softmaxes(2000, 4)
    y = torch.multinomial(q, 1, generator=torch.Generator().manual_seed(1))[:, 0]
    z = temperature * q.log()
    beyond = (
        torch.stack([z, z, z]),
        torch.stack([y, z.argmax(-1), z.argmin(-1)]),
    )  # the others are at the bounds, at once
    asked, softmax = [], torch.Tensor.softmax
    monkeypatch.setattr(torch.Tensor, "softmax", lambda *args: asked.append(args) or softmax(*args))
    assert fit_temperature(z, y).item() == pytest.approx(temperature, rel=0.1)
    assert len(asked) <= 15  # two for the bounds
    assert fit_temperature(*beyond).tolist() == pytest.approx([temperature, 1e-3, 1e3], rel=0.1)
    assert len(asked) <= 30
