"""The benchmarks report what they are given: the same losses, memory and errors that are known beforehand."""

import benchmarks
import pytest
import torch

from lossmath import losses
from lossmath.reference import truth


def test_what_is_compared_is_the_same_loss():
    z, y, p = benchmarks.draw((6, 4), torch.float64)
    for ours, theirs in [*benchmarks.pairs().values(), benchmarks.divergences()]:
        torch.testing.assert_close(ours(z, y, p), theirs(z, y, p))


def test_the_memory_is_what_is_alive_at_once():
    z, y, _ = benchmarks.draw((1000, 10))
    # the exponentials are kept for the gradient, which is as large
    assert benchmarks.peak_memory(lambda z, y: z.exp().sum(), z, y) == pytest.approx(2 * z.nbytes, abs=100)
    # of three copies one after the other, two are alive at once
    copies = benchmarks.peak_memory(lambda z, y: z.clone().clone().clone().sum(), z, y)
    assert copies == pytest.approx(2 * z.nbytes, abs=100)


def test_errors_are_relative_and_false_zeros_and_nan_gradients_are_seen():
    z, p = torch.tensor([[3.0, 0.0, 1.0], [9.0, 0.0, 0.0]]), torch.tensor([[1.0, 0.0, 0.0]] * 2)

    def exact(z):
        return benchmarks.recipe_for_mixtures(z.double(), p.double(), 2.0, "none")

    functions = {
        "larger": lambda z: 1.25 * exact(z),
        "zero": lambda z: 0 * exact(z),
        "no slope": lambda z: exact(z) + (0 * z).sqrt().sum(),
        "exact": exact,
    }
    found = benchmarks.errors(functions, z, p, 2.0)
    assert max(found["exact"][:3]) < 1e-6 and found["exact"][3:] == [0, 0]
    assert found["larger"][:3] == [pytest.approx(0.25, rel=1e-5)] * 3
    assert found["zero"] == [1.0, 1.0, 1.0, 2, 0] and found["no slope"][4] == 2


def test_components_count_where_the_last_loss_has_digits():
    z, p = torch.tensor([[20.0, 0.0, 0.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    functions = {
        "ours": lambda z: losses.focal_loss(z, p, 0.0, reduction="none"),
        "torch's": lambda z: benchmarks.F.cross_entropy(z, p, reduction="none"),
    }
    found = benchmarks.errors(functions, z, p, 0.0)
    assert found["torch's"][1] > 0.5 > 0.01 > found["torch's"][2]  # the label's slope is lost, the others are not
    assert max(found["ours"][:3]) < 1e-6


@pytest.mark.parametrize("lead", [0.0, 20.0])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_the_textbook_is_the_truth(lead, gamma):
    z, p = torch.randn(2, 50, dtype=torch.float64), torch.rand(2, 50, dtype=torch.float64).softmax(1)
    z[:, 3] += lead
    values, slopes = benchmarks.textbook(z, p, gamma)
    for row, q, value, slope in zip(z, p, values, slopes):
        exact, gradient = truth(row.tolist(), q.tolist(), gamma)
        assert float(value) == pytest.approx(float(exact), rel=1e-14)
        assert [float(x) for x in slope] == pytest.approx([float(x) for x in gradient], rel=1e-12)
