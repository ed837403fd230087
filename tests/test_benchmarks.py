"""The benchmarks report what they are given: errors, zeros, times and memory that are known beforehand."""

import sys
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import cross_entropy

from lossmath import benchmarks, losses

CPU = torch.device("cpu")
DRAWN = [(torch.tensor([1.0, 0.0, -1.0]), 1), (torch.tensor([0.5, 2.0]), 1)]


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_recipe_is_the_focal_loss_where_nothing_cancels():
    torch.manual_seed(0)
    z, y = torch.randn(6, 4, dtype=torch.float64), torch.randint(4, (6,))
    for gamma in (0.0, 0.5, 2.0):
        rows = losses.focal_loss(z, y, gamma, reduction="none")
        torch.testing.assert_close(benchmarks.recipe(z, y, gamma, "none"), rows)
        torch.testing.assert_close(benchmarks.recipe(z, y, gamma, "sum"), rows.sum())
        torch.testing.assert_close(benchmarks.recipe(z, y, gamma), rows.mean())


@pytest.mark.parametrize("installed", [True, False])
def test_whatever_is_compared_is_the_same_loss(monkeypatch, installed):
    def focal_loss(pred, target, alpha, gamma=2.0, reduction="none"):  # the signature of kornia's
        assert alpha is None
        return losses.focal_loss(pred, target, gamma, reduction=reduction)

    monkeypatch.setitem(sys.modules, "kornia", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "kornia.losses", SimpleNamespace(focal_loss=focal_loss) if installed else None)
    found = benchmarks.competitors()
    assert ("kornia" in found) == installed and {"lossmath", "torch (γ = 0)"} < found.keys()
    torch.manual_seed(0)
    z, y = torch.randn(6, 4, dtype=torch.float64), torch.randint(4, (6,))
    for name, function in found.items():
        for gamma in (0.0,) if "torch" in name else (0.0, 3.0):
            rows = losses.focal_loss(z, y, gamma, reduction="none")
            torch.testing.assert_close(function(z, y, gamma, "none"), rows)
            torch.testing.assert_close(function(z, y, gamma, "sum"), rows.sum())
            torch.testing.assert_close(function(z, y, gamma), rows.mean())


def test_the_cases_are_single_precision_of_every_size_with_leads_on_both_sides():
    drawn = list(benchmarks.cases())
    assert all(z.dtype is torch.float32 and 0 <= y < len(z) for z, y in drawn)
    assert {len(z) for z, _ in drawn} >= {2, 10, 1000}
    leads = [(z[y] - torch.cat([z[:y], z[y + 1 :]]).max()).item() for z, y in drawn]
    assert min(leads) < -1e4 and max(leads) > 1e3 and {-100.0, 0.0, 5.0, 17.0, 100.0} <= set(leads)
    assert any(z.isinf().any() for z, _ in drawn) and not any(z[y].isinf() for z, y in drawn)
    for classes in (2, 10, 1000):
        sizes = [z.abs().max().item() for z, _ in drawn if len(z) == classes]
        assert min(sizes) < 5 and max(sizes) > 5e3
    assert all(torch.equal(z, again) and y == label for (z, y), (again, label) in zip(drawn, benchmarks.cases()))


def test_the_table_of_errors_tells_wrong_values_false_zeros_and_missing_gradients(monkeypatch):
    def ours(z, y, gamma, reduction="mean"):
        return losses.focal_loss(z, y, gamma, reduction=reduction)

    monkeypatch.setattr(benchmarks, "cases", lambda: iter(DRAWN))
    monkeypatch.setattr(benchmarks, "GAMMAS", (0.0, 2.0))
    functions = {
        "exact": ours,
        "larger": lambda *args: 1.25 * ours(*args),
        "zero at 2": lambda z, y, gamma, reduction: ours(z, y, gamma, reduction) * (gamma == 0),
        "no slope": lambda z, y, gamma, reduction: ours(z, y, gamma, reduction) + (0 * z).sqrt().sum(),
        "torch (γ = 0)": lambda z, y, gamma, reduction: cross_entropy(z, y, reduction=reduction),
    }
    monkeypatch.setattr(benchmarks, "competitors", lambda: functions)
    header, rule, *rows = map(cells, benchmarks.accuracy(CPU))
    assert header == ["", "worst value", "worst gradient", "false zeros", "NaN gradients", "cases"]
    assert set("".join(rule)) == {"-"} and len(rule) == len(header)
    found = {name: numbers for name, *numbers in rows}
    assert found.keys() == functions.keys()
    for name in ("exact", "torch (γ = 0)"):
        assert float(found[name][0]) < 1e-6 and float(found[name][1]) < 1e-6 and found[name][2:4] == ["0", "0"]
    assert found["larger"] == ["2.5e-01", "2.5e-01", "0", "0", "4"]
    assert found["zero at 2"] == ["1.0e+00", "1.0e+00", "2", "0", "4"]
    assert found["no slope"][2:] == ["0", "4", "4"]
    assert found["torch (γ = 0)"][4] == "2"


def test_the_memory_is_what_is_alive_at_once():
    z, y = torch.randn(1000, 10), torch.zeros(1000, dtype=torch.int64)
    # the exponentials are kept for the gradient, which is as large
    assert benchmarks.peak_memory(lambda z, y: z.exp().sum(), z, y) == pytest.approx(2 * z.nbytes, abs=100)
    # of three copies one after the other, two are alive at once
    assert benchmarks.peak_memory(lambda z, y: z.clone().clone().clone().sum(), z, y) == pytest.approx(
        2 * z.nbytes, abs=100
    )
    assert benchmarks.peak_memory(lambda z, y: z[0, 0] + 0.0 * y[0], z, y) < 1.1 * z.nbytes
    assert z.grad is None


@pytest.mark.parametrize(("seconds", "rounds"), [(0, 5), (50, 10)])
def test_times_are_taken_turn_by_turn_and_the_first_one_is_left_out(monkeypatch, seconds, rounds):
    now, called = [0.0], []
    monkeypatch.setattr(benchmarks, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    def lasting(name, duration):
        def function(z, y):
            assert z.grad is None  # a gradient that is there would be added to
            called.append(name)
            now[0] += duration
            return z.sum()

        return function

    functions = {"torch": lasting("torch", 2.0), "lossmath": lasting("lossmath", 3.0)}
    times = benchmarks.measure(functions, torch.zeros(2, 3), torch.zeros(2), seconds)
    assert times == {"torch": [2.0] * (rounds - 1), "lossmath": [3.0] * (rounds - 1)}
    assert called == ["torch", "lossmath"] * rounds


def test_the_table_of_times_compares_with_torch(monkeypatch):
    monkeypatch.setattr(benchmarks, "SHAPES", ((40, 3), (20, 30)))
    lasted = {"torch": [0.004, 0.002, 0.008], "lossmath": [0.001, 0.002, 0.016]}
    seen = []

    def measure(functions, z, y, seconds):
        seen.append((tuple(z.shape), tuple(y.shape), int(y.max()) < z.shape[1], seconds))
        z.requires_grad_()
        for name, function in functions.items():
            focal = losses.focal_loss(z, y, 2.0 * ("γ = 2" in name))
            torch.testing.assert_close(function(z, y), focal)
        return {name: lasted.get(name, [0.006]) for name in functions}

    monkeypatch.setattr(benchmarks, "measure", measure)
    header, rule, *rows = map(cells, benchmarks.speed(CPU, seconds=7))
    assert seen == [((40, 3), (40,), True, 7), ((20, 30), (20,), True, 7)]
    assert len(header) == len(rule) == 6 and set("".join(rule)) == {"-"}
    names = [name for _, name, *_ in rows]
    assert names[:3] == ["torch", "lossmath", "lossmath, γ = 2"] and len(rows) == 2 * len(set(names))
    assert not any("torch (γ = 0)" in name for name in names)
    assert rows[0][:5] == ["(40, 3)", "torch", "2.00", "1.00", "1.00"]
    assert rows[1][:5] == ["(40, 3)", "lossmath", "1.00", "0.50", "1.00"]  # of 1/4, 1 and 2
    assert rows[2][2:4] == ["6.00", "3.00"]
    z, y = torch.randn(20, 30), torch.zeros(20, dtype=torch.int64)
    (memory,) = (row[5] for row in rows if row[:2] == ["(20, 30)", "torch"])
    assert float(memory) == pytest.approx(benchmarks.peak_memory(cross_entropy, z, y) / z.nbytes, abs=0.01)


@pytest.mark.parametrize("installed", [True, False])
def test_both_tables_are_printed_and_what_was_not_measured_is_said(monkeypatch, capsys, installed):
    monkeypatch.setenv("LOSSMATH_DEVICE", "cpu")
    monkeypatch.setattr(benchmarks, "competitors", lambda: {"kornia": None} if installed else {})
    for name in ("accuracy", "speed"):
        monkeypatch.setattr(benchmarks, name, lambda device, name=name: iter([f"{name} on {device}", "more"]))
    benchmarks.main()
    first, *rest = capsys.readouterr().out.split("\n\n")
    assert first == f"torch {torch.__version__} on {torch.get_num_threads()} CPU thread(s)"
    said = [] if installed else ["kornia is not installed, and not measured."]
    assert rest == [*said, "accuracy on cpu\nmore", "speed on cpu\nmore", ""]
