import io
import math
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot, relu

from lossmath import experiments
from lossmath.experiments import (
    CE,
    Difference,
    Finding,
    Grid,
    Loss,
    Split,
    Table,
    Task,
    choose_grid,
    compare,
    digits,
    distil,
    focal,
    margins,
    measure,
    mixture,
    noisy,
    project,
    smoothing,
    spread,
    train,
    verdict,
    verdicts,
)

LOSSES = CE, smoothing(0.1), smoothing(0.4), focal(0.5), focal(3)


def small(seeds=3):
    return mixture(seeds, train=40, valid=30, test=50, classes=3, features=4)


def test_a_loss_is_that_of_each_case_with_labels_shared_by_a_batch():
    torch.manual_seed(0)
    z, y = torch.randn(2, 3, 7, 5, dtype=torch.float64), torch.randint(5, (3, 7))
    q = z[1, 2].softmax(-1)
    for loss in (*LOSSES, Loss(0.1, 3)):
        p = loss.epsilon / 5 + (1 - loss.epsilon) * one_hot(y[2], 5).double()
        expected = -(p * (1 - q) ** loss.gamma * q.log()).sum(-1)
        torch.testing.assert_close(loss(z, y)[1, 2], expected, rtol=1e-12, atol=1e-14)


def test_margins_are_leads_over_the_other_classes():
    assert margins(torch.tensor([[80.0, 0.0], [-80.0, 0.0]]), torch.tensor([0, 0])).tolist() == [80, -80]
    z, y = (
        torch.randn(2, 3, 7, 5, generator=torch.Generator().manual_seed(0)),
        torch.arange(7) % 5,
    )  # a batch shares labels
    others = torch.stack(
        [torch.cat([z[..., n, : y[n]], z[..., n, y[n] + 1 :]], -1).logsumexp(-1) for n in range(7)], -1
    )
    torch.testing.assert_close(margins(z, y), z[..., torch.arange(7), y] - others)


def one_by_one(task, loss, noise, seed, steps, hidden):
    """One model trained by itself, with torch's own loss and optimiser, on what the experiment says that it sees."""
    first, bias, second, offset = (
        w[seed].double().requires_grad_()
        for w in experiments.initial(seed + 1, task.train.inputs.shape[-1], hidden, task.classes)
    )
    inputs = task.train.inputs[seed]
    everything = torch.cat([task.train.labels, task.valid.labels, task.test.labels], 1)
    labels = noisy(everything, [noise], task.classes)[0, seed, : len(inputs)]
    generator = torch.Generator().manual_seed(seed)
    order = torch.cat([torch.randperm(len(inputs), generator=generator) for _ in range(steps)])
    optimiser = torch.optim.SGD([first, bias, second, offset], lr=0.1, momentum=0.9)
    for step in range(steps):
        picked = order[step * 10 : step * 10 + 10]
        logits = relu(inputs[picked] @ first + bias) @ second + offset
        each = cross_entropy(logits, labels[picked], label_smoothing=loss.epsilon, reduction="none")
        if loss.gamma:
            each = (1 - (-each).exp()) ** loss.gamma * each
        optimiser.zero_grad()
        each.mean().backward()
        optimiser.step()
    return (relu(task.test.inputs[seed] @ first + bias) @ second + offset).detach()


def double(task):
    return task._replace(
        **{
            name: getattr(task, name)._replace(inputs=getattr(task, name).inputs.double())
            for name in ("train", "valid", "test")
        }
    )


def test_trained_at_once_is_trained_one_by_one(monkeypatch):
    task = double(small())
    start = experiments.initial
    monkeypatch.setattr(experiments, "initial", lambda *sizes: [w.double() for w in start(*sizes)])
    runs = train(task, LOSSES, (0.0, 0.5), (3, 12), hidden=6, batch=10)
    monkeypatch.undo()
    for loss in LOSSES:
        logits = runs.logits(loss)
        assert logits.shape == (2, 2, 3, 50, 3)
        for n, noise in enumerate((0.0, 0.5)):
            for seed in range(3):
                for k, steps in enumerate((3, 12)):
                    alone = one_by_one(task, loss, noise, seed, steps, 6)
                    torch.testing.assert_close(logits[k, n, seed], alone, rtol=1e-7, atol=1e-7)  # 0.1 is a float32


def test_a_run_is_the_same_again_and_a_seed_does_not_depend_on_the_others():
    first, again = (train(small(), LOSSES, (0.0, 0.3), (20,), hidden=6, batch=10) for _ in range(2))
    more = train(small(5), (focal(3), CE), (0.3,), (20,), hidden=6, batch=10)
    for loss in LOSSES:
        assert torch.equal(first.logits(loss), again.logits(loss))
    torch.testing.assert_close(more.logits(CE)[:, 0, :3], first.logits(CE)[:, 1], rtol=1e-3, atol=1e-4)
    assert torch.equal(more.labels()[0, :3], first.labels()[1])


def test_the_models_of_a_seed_start_alike():
    runs = train(small(), LOSSES, (0.0, 0.5), (1,), hidden=6, batch=10, rate=0.0)
    for weight in runs.weights:
        assert (weight == weight[:, :1, :1]).all()
        if weight.std() > 0:
            assert not torch.equal(weight[0, 0, 0, 0], weight[0, 0, 0, 1])


def test_training_learns_the_digits():
    runs = train(digits(2), (CE,), (0.0,), (150,))
    assert measure(runs.logits(CE), runs.labels())["error rate"].max() < 0.1
    assert [len(split.inputs[0]) for split in runs.task[2:]] == [600, 300, 897]


def test_the_parts_of_the_digits_do_not_overlap():
    from sklearn.datasets import load_digits

    x, y = (torch.tensor(part) for part in load_digits(return_X_y=True))
    task = digits(2)
    for seed in range(2):
        rows = torch.cat([split.inputs[seed] for split in task[2:]]).double()
        expected = ((x - x.mean()) / x.std()).float().double()
        assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, expected.tolist()))
        assert sorted(torch.cat([split.labels[seed] for split in task[2:]]).tolist()) == sorted(y.tolist())
    assert not torch.equal(task.train.labels[0], task.train.labels[1])


def test_the_posterior_of_the_mixture_is_bayes_rule_and_what_is_drawn():
    task = mixture(1, train=10, valid=10, test=40_000, classes=3, features=2)
    truth, labels = task.test.truth[0], task.test.labels[0]
    assert measure(truth.log(), labels)["calibration error"] < 0.01
    bayes = (truth * -truth.log()).sum(-1).mean()
    assert -truth.gather(1, labels[:, None]).log().mean() == pytest.approx(bayes.item(), abs=0.02)
    runs = experiments.Runs(task, [CE], (0.0, 0.5), [1], None)
    assert torch.equal(runs.truth()[0], task.test.truth)
    assert measure(runs.truth().log(), runs.labels())["calibration error"].max() < 0.01


def test_noise_is_nested_and_as_frequent_as_said():
    labels = torch.zeros(4, 5000, dtype=torch.int64)
    drawn = noisy(labels, (0.0, 0.2, 0.6, 1.0), 5)
    assert torch.equal(drawn[0], labels)
    wrong = drawn != 0
    assert (wrong[1] <= wrong[2]).all() and torch.equal(drawn[1][wrong[1]], drawn[2][wrong[1]])
    for noise, share in zip((0.2, 0.6, 1.0), wrong[1:].double().mean((1, 2))):
        assert share == pytest.approx(noise * 4 / 5, abs=0.015)
    assert one_hot(drawn[3].flatten()).double().mean(0).tolist() == pytest.approx([0.2] * 5, abs=0.015)
    assert (drawn[3, 0] != drawn[3, 1]).any()


def test_a_student_that_can_learn_its_teacher():
    task = small()
    teachers = train(task, (CE, smoothing(0.4)), (0.0, 0.5), (60,), hidden=6, batch=10)
    students = distil(teachers, (CE, smoothing(0.4)), (1.0, 4.0), steps=300, hidden=16, batch=10, rate=0.05)
    for loss in students.losses:
        taught, teacher = students.logits(loss, "train"), teachers.logits(loss, "train")[-1]
        assert taught.shape == (2, 2, 3, 40, 3)
        for k, heat in enumerate((1.0, 4.0)):
            near = ((taught[k] / heat).softmax(-1) - (teacher / heat).softmax(-1)).abs().mean()
            other = ((taught[k] / heat).softmax(-1) - (taught[1 - k] / heat).softmax(-1)).abs().mean()
            assert near < 0.05, (loss, heat, near, other)


def test_measures_are_their_definitions():
    z = torch.randn(2, 30, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = torch.randint(4, (30,), generator=torch.Generator().manual_seed(1))
    found = measure(z, y)
    for k in range(2):
        assert found["log-loss"][k].item() == pytest.approx(cross_entropy(z[k], y).item())
        assert found["error rate"][k].item() == pytest.approx((z[k].argmax(-1) != y).double().mean().item())
        entropy = torch.distributions.Categorical(logits=z[k]).entropy().mean()
        assert found["entropy"][k].item() == pytest.approx(entropy.item())


def test_spread_is_the_ratio_of_the_variances():
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(3, (200,), generator=generator)
    h = torch.randn(200, 5, generator=generator, dtype=torch.float64) + 3 * one_hot(y, 5)
    groups = [h[y == k] for k in range(3)]
    within = sum(((g - g.mean(0)) ** 2).sum() for g in groups)
    between = sum(len(g) * ((g.mean(0) - h.mean(0)) ** 2).sum() for g in groups)
    assert spread(h, y, 3).item() == pytest.approx((within / between).item())
    assert spread(7 * h + 2, y, 3).item() == pytest.approx((within / between).item())
    assert spread(torch.stack([h, h]), y, 3).shape == (2,)
    assert spread(h, y, 4).isfinite()  # a class of which there is no case


def test_the_plane_goes_through_the_templates():
    second = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    templates = second.T.repeat_interleave(2, 0)  # activations that are the templates of 0, 0, 1, 1, …
    clouds = project(templates, second, torch.arange(4).repeat_interleave(2), (0, 1, 3))
    points = torch.stack([cloud[0] for cloud in clouds])
    flat, full = torch.pdist(points), torch.pdist(second.T[[0, 1, 3]])
    torch.testing.assert_close(flat / flat.mean(), full / full.mean())  # no distance between them is lost


def test_an_interval_holds_the_mean_of_normal_differences_as_often_as_it_says():
    draws = torch.randn(3000, 20, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    found = compare(1 + draws, torch.ones(3000, 20), level=0.9, trial=range(3000))
    assert (found.outcomes == 0).double().mean() == pytest.approx(0.9, abs=0.04)  # 20 seeds: a little too narrow
    assert torch.equal(found.mean, ((1 + draws) - 1).mean(-1))
    again = compare(1 + draws, torch.ones(3000, 20), level=0.9, trial=range(3000))
    assert torch.equal(found.low, again.low)


def test_differences_are_paired():
    base = 100 * torch.randn(20, generator=torch.Generator().manual_seed(0))
    assert compare(base + 1, base).outcomes == 1
    assert compare(base - 1, base).outcomes == -1
    assert compare(base, base).outcomes == 0


@pytest.mark.parametrize(
    ("values", "level", "axes", "said"),
    [
        (torch.ones(2, 1), 0.9, {"noise": (0, 1)}, "two seeds"),
        (torch.full((2, 3), math.nan), 0.9, {"noise": (0, 1)}, "finite"),
        (torch.ones(2, 3), 1.0, {"noise": (0, 1)}, "level"),
        (torch.ones(2, 3), 0.9, {"noise": (0, 1, 2)}, "axes"),
        (torch.ones(2, 3), 0.9, {}, "axes"),
    ],
)
def test_bad_comparisons_are_named(values, level, axes, said):
    with pytest.raises(ValueError, match=said):
        compare(values, 0, level=level, **axes)


def made_up(outcomes):
    """A difference with these outcomes, over steps and noise."""
    mean = torch.tensor(outcomes, dtype=torch.float64)
    return Difference(mean, mean - 0.5, mean + 0.5, {"steps": (10, 20), "noise": (0.0, 0.3, 0.6)})


@pytest.mark.parametrize(
    ("outcomes", "word", "seen"),
    [
        ([[-1, -1, -1], [-1, -1, -1]], "supported", ["as said in 6 of 6 regimes"]),
        ([[1, 1, 1], [1, 1, 1]], "not supported", ["the opposite in 6 of 6 regimes"]),
        ([[0, 0, 0], [0, 0, 0]], "no difference seen", ["no difference seen in 6 of 6 regimes"]),
        (
            [[1, 0, 1], [1, 0, 1]],
            "not supported",
            ["the opposite in 4 of 6 regimes, most often at noise 0", "no difference seen in 2 of 6 regimes"],
        ),
        (
            [[1, 0, -1], [1, 0, -1]],
            "depends on noise",
            [
                "as said in 2 of 6 regimes, most often at noise 0.6",
                "the opposite in 2 of 6 regimes, most often at noise 0",
                "no difference seen in 2 of 6 regimes",
            ],
        ),
        (
            [[1, 1, 1], [-1, -1, -1]],
            "depends on steps",
            [
                "as said in 3 of 6 regimes, most often at steps 20",
                "the opposite in 3 of 6 regimes, most often at steps 10",
            ],
        ),
        (
            [[-1, -1, 0], [0, 0, 0]],
            "depends on steps and noise",
            ["as said in 2 of 6 regimes, most often at steps 10, noise 0", "no difference seen in 4 of 6 regimes"],
        ),
        # neither axis by itself accounts for anything
        (
            [[1, 0, -1], [-1, 0, 1]],
            "depends on steps",
            [
                "as said in 2 of 6 regimes, most often at steps 10",
                "the opposite in 2 of 6 regimes, most often at steps 10",
                "no difference seen in 2 of 6 regimes",
            ],
        ),
    ],
)
def test_the_verdict_follows_from_the_intervals(outcomes, word, seen):
    assert verdict(made_up(outcomes)) == (word, tuple(seen))


def test_an_interval_that_touches_zero_holds_it():
    zero, one = torch.zeros(1), torch.ones(1)
    assert verdict(Difference(one, zero, one, {"noise": (0,)})).word == "no difference seen"
    assert verdict(Difference(-one, -one, zero, {"noise": (0,)})).word == "no difference seen"
    assert verdict(Difference(-one, -one, -one / 2, {"noise": (0,)})).word == "supported"


def test_a_finding_shows_its_range_and_its_verdict():
    finding = Finding("an-id", "is better", "error", {"against CE": made_up([[2, 0, 1], [0, -3, 0]])}, unlike="size")
    claim, measured, judged, unlike = finding.row()
    assert claim == "[an-id](#an-id): “is better”" and unlike == "size"
    assert measured == "error<br>against CE: −3.000 [−3.500, −2.500] to +2.000 [+1.500, +2.500]"
    word, seen = verdict(finding.differences["against CE"])
    assert f"**{word}**" in judged and all(part in judged for part in seen)
    assert word in repr(finding)
    lines = verdicts(finding)._repr_markdown_().splitlines()
    assert len(lines) == 3 and all(line.count("|") == 5 for line in lines)
    assert repr(Table(["a", "b"], [[1, 2]])) == "a | b\n1 | 2"


@pytest.mark.parametrize(("epsilon", "gamma"), [(-0.1, 0), (1, 0), (0, -1), (math.nan, 0), (0, math.nan)])
def test_losses_that_are_none_are_refused(epsilon, gamma):
    with pytest.raises(ValueError):
        Loss(epsilon, gamma)


def test_a_loss_has_a_name_and_a_colour():
    named = [str(loss) for loss in (CE, smoothing(0.1), focal(3), Loss(0.1, 3))]
    assert named == ["CE", "ε = 0.1", "γ = 3", "ε = 0.1, γ = 3"]
    assert [loss.quantity for loss in (CE, smoothing(0.1), focal(3))] == ["cross-entropy", "label smoothing", "focal"]


def test_the_grid_is_the_one_asked_for(monkeypatch):
    monkeypatch.setenv("LOSSMATH_DEVICE", "cpu")
    monkeypatch.delenv("LOSSMATH_GRID", raising=False)
    assert choose_grid() is experiments.SMALL
    monkeypatch.setenv("LOSSMATH_GRID", "large")
    assert choose_grid() is experiments.LARGE
    monkeypatch.setenv("LOSSMATH_GRID", "huge")
    with pytest.raises(ValueError, match="huge"):
        choose_grid()
    for grid in (experiments.SMALL, experiments.LARGE):
        assert isinstance(grid, Grid) and grid.seeds >= 20 and {CE, smoothing(0.1), focal(3)} <= set(grid.losses)


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("screen", [Screen, io.StringIO])
def test_progress_is_shown_to_whoever_watches_and_is_then_gone(monkeypatch, screen):
    monkeypatch.setattr(sys, "stderr", screen())
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert list(experiments.progress(range(3), "training")) == [0, 1, 2]
    shown = sys.stderr.getvalue()
    if screen is Screen:
        assert "training" in shown and shown.rsplit("\r", 2)[1].strip() == ""
    else:
        assert shown == ""


@pytest.mark.parametrize("answers", [True, False])
def test_a_notebook_that_nobody_sees_shows_no_progress(monkeypatch, answers):
    kernel = SimpleNamespace(_allow_stdin=answers)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=kernel)))
    monkeypatch.setattr(sys, "stderr", Screen())
    assert experiments.watched() == answers


def test_importing_the_experiments_does_not_import_sympy():
    code = "import lossmath.experiments, lossmath.calibration, sys; sys.exit('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_types_of_a_task():
    task = small()
    assert isinstance(task, Task) and isinstance(task.train, Split)
    assert task.train.inputs.shape == (3, 40, 4) and task.test.truth.shape == (3, 50, 3)
    usual = mixture(1)
    assert [len(split.inputs[0]) for split in usual[2:]] == [600, 300, 1000]
    assert (
        usual.classes == 5
        and usual.train.inputs.shape[2] == 10
        and len(mixture(train=2, valid=2, test=2).train.inputs) == 20
    )
