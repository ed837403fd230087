"""The benchmarks report what they are given: the same losses, memory and errors that are known beforehand."""

import benchmarks
import pytest
import torch


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
    z, y = torch.tensor([[3.0, 0.0, 1.0]]), torch.tensor([0])

    def exact(z, y, gamma):
        own = z.double().log_softmax(1).gather(1, y[:, None])[:, 0]
        return (1 - own.exp()) ** gamma * -own

    functions = {
        "exact": exact,
        "larger": lambda *args: 1.25 * exact(*args),
        "zero": lambda *args: 0 * exact(*args),
        "no slope": lambda z, y, gamma: exact(z, y, gamma) + (0 * z).sqrt().sum(),
    }
    found = {name: rest for name, *rest in benchmarks.hard_errors(functions, z, y, 2.0)}
    assert found["exact"][0] < 1e-6 and found["exact"][1] < 1e-6 and found["exact"][2:] == [False, False]
    assert found["larger"][:2] == [pytest.approx(0.25, rel=1e-5)] * 2
    assert found["zero"][2] and found["no slope"][3]


def test_the_textbook_is_the_truth_where_it_has_digits():
    row = torch.randn(50).tolist()
    value, slope = benchmarks.textbook(row, 3, 2.0)
    exact, gradient = benchmarks.truth(row, [float(k == 3) for k in range(50)], 2.0)
    assert float(value) == pytest.approx(float(exact), rel=1e-14)
    assert [float(x) for x in slope] == pytest.approx([float(x) for x in gradient], rel=1e-12)
