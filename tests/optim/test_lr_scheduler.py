"""Learning rates of every scheduler, equal to PyTorch's to the last bit; warnings, states and errors."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch

import flambeau

LIBRARIES = (torch, flambeau)


def optimizer_of(library: Any, kind: str = "SGD", **options: Any) -> Any:
    first, second = (library.nn.Parameter(library.zeros(1)) for _ in range(2))
    if kind == "SGD":
        options.setdefault("momentum", 0.9)
    groups = [{"params": [first]}, {"params": [second], "lr": 0.5}]
    return getattr(library.optim, kind)(groups, lr=0.1, **options)


class Halving:
    """A callable with state of its own."""

    def __init__(self, factor: float = 0.5) -> None:
        self.factor = factor

    def __call__(self, epoch: int) -> float:
        return self.factor**epoch


Make = Callable[[Any, Any], Any]

SCHEDULERS: dict[str, Make] = {
    "StepLR": lambda s, o: s.StepLR(o, 3, 0.5),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [2, 5, 5, 9], 0.3),
    "ConstantLR": lambda s, o: s.ConstantLR(o, 0.3, 4),
    "LinearLR": lambda s, o: s.LinearLR(o, 0.2, 0.9, 6),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, 7, 2.0),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 5, 0.01),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.01),
    "CosineAnnealingWarmRestarts-1": lambda s, o: s.CosineAnnealingWarmRestarts(o, 4),
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda epoch: 0.9**epoch),
    "LambdaLR-each": lambda s, o: s.LambdaLR(o, [Halving(), lambda epoch: 1 / (1 + epoch)]),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda epoch: 1 - 0.01 * epoch),
    "CyclicLR": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 3, 2),
    "CyclicLR-triangular2": lambda s, o: s.CyclicLR(o, [0.01, 0.02], [0.1, 0.3], 3, mode="triangular2"),
    "CyclicLR-exp_range": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 3, mode="exp_range", gamma=0.9),
    "CyclicLR-own": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 3, scale_fn=Halving(0.7), cycle_momentum=False),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, 0.3, total_steps=15),
    "OneCycleLR-linear": lambda s, o: s.OneCycleLR(
        o, [0.3, 0.1], epochs=3, steps_per_epoch=5, anneal_strategy="linear"
    ),
    "OneCycleLR-three": lambda s, o: s.OneCycleLR(o, 0.3, total_steps=15, three_phase=True, pct_start=0.4),
    "SequentialLR": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, total_iters=4), s.CosineAnnealingLR(o, 8), s.ExponentialLR(o, 0.9)], [4, 9]
    ),
    "ChainedScheduler": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 3), s.ExponentialLR(o, 0.9)]),
}


def note(optimizer: Any, scheduler: Any) -> list[Any]:
    return [
        [group["lr"] for group in optimizer.param_groups],
        [group.get("momentum", group.get("betas")) for group in optimizer.param_groups],
        list(scheduler.get_last_lr()),
        getattr(scheduler, "last_epoch", None),
    ]


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("name", SCHEDULERS)
def test_sequence(name: str, kind: str) -> None:
    sequences = []
    for library in LIBRARIES:
        optimizer = optimizer_of(library, kind)
        scheduler = SCHEDULERS[name](library.optim.lr_scheduler, optimizer)
        sequence = [note(optimizer, scheduler)]
        for _ in range(14):
            optimizer.step()
            with warnings.catch_warnings():
                warnings.simplefilter("error" if "Sequential" not in name else "ignore")
                scheduler.step()
            sequence.append(note(optimizer, scheduler))
        sequences.append(sequence)
    assert sequences[1] == sequences[0]


@pytest.mark.parametrize("name", SCHEDULERS)
def test_resuming(name: str) -> None:
    lr_scheduler = flambeau.optim.lr_scheduler
    optimizer = optimizer_of(flambeau)
    scheduler = SCHEDULERS[name](lr_scheduler, optimizer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(5):
            optimizer.step()
            scheduler.step()
        saved = pickle.loads(pickle.dumps((optimizer.state_dict(), scheduler.state_dict())))
        other = optimizer_of(flambeau)
        resumed = SCHEDULERS[name](lr_scheduler, other)
        other.load_state_dict(saved[0])
        resumed.load_state_dict(saved[1])
        for _ in range(6):
            for o, s in ((optimizer, scheduler), (other, resumed)):
                o.step()
                s.step()
    assert note(optimizer, scheduler) == note(other, resumed)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_state_dict_holds_what_pytorchs_holds(name: str) -> None:
    keys = []
    for library in LIBRARIES:
        scheduler = SCHEDULERS[name](library.optim.lr_scheduler, optimizer_of(library))
        keys.append(sorted(scheduler.state_dict()))
    assert keys[1] == keys[0]


def test_given_epoch_uses_the_closed_form() -> None:
    for name in (
        "StepLR",
        "MultiStepLR",
        "ConstantLR",
        "LinearLR",
        "ExponentialLR",
        "PolynomialLR",
        "CosineAnnealingLR",
    ):
        sequences = []
        for library in LIBRARIES:
            optimizer = optimizer_of(library)
            scheduler = SCHEDULERS[name](library.optim.lr_scheduler, optimizer)
            optimizer.step()
            values = []
            for epoch in (3, 1, 6):
                with pytest.warns(UserWarning, match="The epoch parameter in `scheduler.step\\(\\)` was not necessary"):
                    scheduler.step(epoch)
                values.append(note(optimizer, scheduler))
            sequences.append(values)
        assert sequences[1] == sequences[0]


def test_warm_restarts_between_epochs() -> None:
    sequences = []
    for library in LIBRARIES:
        optimizer = optimizer_of(library)
        scheduler = library.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 3, 2)
        values = []
        for epoch in (0.0, 0.5, 2.9, 3.1, 8.4, 9.5, 20):
            scheduler.step(epoch)
            values.append(note(optimizer, scheduler))
        sequences.append(values)
    assert sequences[1] == sequences[0]


@pytest.mark.parametrize(
    "options",
    [
        {}, {"mode": "max", "patience": 1}, {"patience": 0, "cooldown": 2}, {"threshold_mode": "abs", "threshold": 0.2},
        {"patience": 0, "min_lr": [0.02, 0.3]}, {"mode": "max", "threshold_mode": "abs", "patience": 1},
    ],
    ids=str,
)  # fmt: skip
def test_plateau(options: dict[str, Any]) -> None:
    metrics = [1.0, 0.9, 0.95, 0.95, 0.96, 0.2, 0.3, 0.3, 0.3, 0.3, 0.1] * 3
    sequences = []
    for library in LIBRARIES:
        optimizer = optimizer_of(library)
        scheduler = library.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **{"patience": 2, **options})
        sequence = []
        for metric in metrics:
            scheduler.step(library.tensor(metric, dtype=library.float64))
            sequence.append(
                (*note(optimizer, scheduler), scheduler.best, scheduler.num_bad_epochs, scheduler.in_cooldown)
            )
        fresh = library.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
        fresh.load_state_dict(scheduler.state_dict())
        sequence.append((fresh.best, fresh.mode, sorted(scheduler.state_dict())))
        sequences.append(sequence)
    assert sequences[1] == sequences[0]


def test_warning_about_the_order_of_steps() -> None:
    optimizer = optimizer_of(flambeau)
    scheduler = flambeau.optim.lr_scheduler.StepLR(optimizer, 2)
    with pytest.warns(UserWarning, match="Detected call of `lr_scheduler.step\\(\\)` before `optimizer.step\\(\\)`"):
        scheduler.step()
    optimizer = optimizer_of(flambeau)
    scheduler = flambeau.optim.lr_scheduler.StepLR(optimizer, 2)
    optimizer.step = lambda: None
    with pytest.warns(UserWarning, match="`optimizer.step\\(\\)` has been overridden"):
        scheduler.step()


def test_get_lr_outside_step_warns() -> None:
    scheduler = flambeau.optim.lr_scheduler.ExponentialLR(optimizer_of(flambeau), 0.5)
    with pytest.warns(UserWarning, match="please use `get_last_lr\\(\\)`"):
        assert scheduler.get_lr() == [0.05, 0.25]


def test_old_style_subclass() -> None:
    sequences = []
    for library in LIBRARIES:

        class Warm(library.optim.lr_scheduler._LRScheduler):  # type: ignore[name-defined, misc]
            def __init__(self, optimizer: Any, total: int, after: Any = None, last_epoch: int = -1) -> None:
                self.total = total
                self.after = after
                super().__init__(optimizer, last_epoch)

            def get_lr(self) -> list[float]:
                if self.last_epoch > self.total and self.after is not None:
                    self.after.step()
                    return self.after.get_last_lr()
                return [base * (self.last_epoch + 1) / (self.total + 1) for base in self.base_lrs]

        optimizer = optimizer_of(library)
        scheduler = Warm(optimizer, 3, library.optim.lr_scheduler.StepLR(optimizer, 2))
        values = []
        for _ in range(9):
            optimizer.zero_grad()
            optimizer.step()
            scheduler.step()
            values.append(note(optimizer, scheduler))
        sequences.append(values)
    assert sequences[1] == sequences[0]


def test_resuming_by_last_epoch() -> None:
    values = []
    for library in LIBRARIES:
        scheduler = library.optim.lr_scheduler
        optimizer = optimizer_of(library)
        with pytest.raises(KeyError) as error:
            scheduler.StepLR(optimizer, 3, last_epoch=4)
        scheduler.StepLR(optimizer, 3)
        resumed = scheduler.StepLR(optimizer, 3, last_epoch=4)
        cosine = scheduler.CosineAnnealingLR(optimizer, 5, last_epoch=2)
        values.append([str(error.value), note(optimizer, resumed), note(optimizer, cosine)])
    assert values[1] == values[0]


def test_tensor_learning_rates_change_in_place() -> None:
    p = flambeau.nn.Parameter(flambeau.zeros(1))
    lr = flambeau.tensor(0.5)
    optimizer = flambeau.optim.SGD([p], lr=lr)
    scheduler = flambeau.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is lr and float(lr) == 0.25


ERRORS: list[tuple[str, Callable[[Any, Any], Any]]] = [
    ("optimizer", lambda s, o: s.StepLR(3, 3)),
    ("constant", lambda s, o: s.ConstantLR(o, 2.0)),
    ("linear start", lambda s, o: s.LinearLR(o, 0.0)),
    ("linear end", lambda s, o: s.LinearLR(o, 0.5, 2.0)),
    ("lambdas", lambda s, o: s.LambdaLR(o, [abs])),
    ("multiplicative", lambda s, o: s.MultiplicativeLR(o, [3, 4])),
    ("restarts", lambda s, o: s.CosineAnnealingWarmRestarts(o, 0)),
    ("restarts mult", lambda s, o: s.CosineAnnealingWarmRestarts(o, 1, 0)),
    ("restarts epoch", lambda s, o: s.CosineAnnealingWarmRestarts(o, 1).step(-1)),
    ("plateau factor", lambda s, o: s.ReduceLROnPlateau(o, factor=1.0)),
    ("plateau mode", lambda s, o: s.ReduceLROnPlateau(o, mode="other")),
    ("plateau threshold", lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="other")),
    ("plateau min_lr", lambda s, o: s.ReduceLROnPlateau(o, min_lr=[0.1])),
    ("cyclic mode", lambda s, o: s.CyclicLR(o, 0.1, 0.2, mode="other")),
    ("cyclic lrs", lambda s, o: s.CyclicLR(o, [0.1], 0.2)),
    ("one cycle", lambda s, o: s.OneCycleLR(o, 0.1)),
    ("one cycle steps", lambda s, o: s.OneCycleLR(o, 0.1, total_steps=-3)),
    ("one cycle strategy", lambda s, o: s.OneCycleLR(o, 0.1, total_steps=3, anneal_strategy="other")),
    ("one cycle pct", lambda s, o: s.OneCycleLR(o, 0.1, total_steps=3, pct_start=2)),
    ("sequential empty", lambda s, o: s.SequentialLR(o, [], [])),
    ("sequential milestones", lambda s, o: s.SequentialLR(o, [s.StepLR(o, 2)], [3])),
    ("sequential plateau", lambda s, o: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], [])),
    ("chained empty", lambda s, o: s.ChainedScheduler([])),
    ("chained plateau", lambda s, o: s.ChainedScheduler([s.StepLR(o, 2), s.ReduceLROnPlateau(o)])),
]


@pytest.mark.parametrize(("name", "make"), ERRORS, ids=[name for name, _ in ERRORS])
def test_errors(name: str, make: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(Exception) as expected:
        make(torch.optim.lr_scheduler, optimizer_of(torch))
    with pytest.raises(expected.type) as actual:
        make(flambeau.optim.lr_scheduler, optimizer_of(flambeau))
    assert str(actual.value) == str(expected.value)


def test_too_many_steps_of_one_cycle() -> None:
    optimizer = optimizer_of(flambeau)
    scheduler = flambeau.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=2)
    optimizer.step()
    scheduler.step()
    scheduler.step()
    with pytest.raises(ValueError, match="Tried to step 3 times. The specified number of total steps is 2"):
        scheduler.step()


def test_cyclic_momentum_needs_a_momentum() -> None:
    p = flambeau.nn.Parameter(flambeau.zeros(1))
    with pytest.raises(ValueError, match="optimizer must support momentum or beta1"):
        flambeau.optim.lr_scheduler.CyclicLR(flambeau.optim.Adagrad([p]), 0.1, 0.2)


def test_public_place() -> None:
    for name in flambeau.optim.lr_scheduler.__all__:
        assert getattr(flambeau.optim.lr_scheduler, name).__module__ == "flambeau.optim.lr_scheduler"
