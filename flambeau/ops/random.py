"""Random tensors, composed of Philox bits and arithmetic. Numbers that are parameters of distributions are looked at when they
are given, tensors when they are computed."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from operator import index
from typing import Any

from ..core.composite import composite
from ..core.meta import is_meta, recording_on_meta
from ..core.modes import without_history
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph import primitives as p
from ..graph.checks import Check
from ..graph.dtypes import C_NAMES, TYPE_NAMES, dtype, get_default_dtype
from ..graph.dtypes import dtype as dtype_type
from ..graph.limits import finfo, iinfo
from ..graph.meta import on_meta
from ..graph.notices import warn
from ..graph.shapes import Size, broadcast_shapes
from ..graph.trace import record
from ..random import Generator, default_generator
from .assignment import overwrite, overwritten_by
from .choice import where
from .conversion import check_floating, converted
from .counting import searchsorted
from .creation import finished
from .dispatch import checked, no_slope, with_history
from .elementwise import differentiated, gradient_class
from .from_data import from_array
from .memory_order import alike
from .operation import operation, titled
from .scans import cumsum
from .sorting import topk
from .views import sizes_of

_PROBABILITY = Check(RuntimeError, "Expected p_in >= 0 && p_in <= 1 to be true, but got false.")
_DEVIATION = Check(RuntimeError, "normal expects all elements of std >= 0.0")
_WEIGHTS = Check(RuntimeError, "probability tensor contains either `inf`, `nan` or element < 0")
_NOTHING_LIKELY = Check(RuntimeError, "invalid multinomial distribution (sum of probabilities <= 0)")


def check_continuous(distribution: str, d: dtype, specified: str) -> None:
    """``RuntimeError`` for a dtype whose numbers are not those of a continuous distribution."""
    if d.category < 2:
        raise RuntimeError(
            f"{distribution} distribution is a continuous probability distribution. dtype must be a floating point but you "
            f"specified {specified}"
        )


def check_positive(name: str, what: str, value: float) -> None:
    """``RuntimeError`` unless a parameter exceeds zero."""
    if not value > 0:
        raise RuntimeError(f"{name} expects {what} > 0.0, but found {what}={value:g}")


def check_deviation(std: float) -> None:
    """``RuntimeError`` for a negative standard deviation."""
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")


def checked_deviations(std: Tensor) -> Tensor:
    """Standard deviations; negative ones raise ``RuntimeError`` when numbers are drawn."""
    return checked(std, std.detach() >= 0, _DEVIATION)


def check_chance(chance: float) -> None:
    """``RuntimeError`` for a number that is no probability."""
    if not 0 <= chance <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={chance:g}")


def checked_chances(chance: Tensor) -> Tensor:
    """Probabilities; what is none raises ``RuntimeError`` when numbers are drawn."""
    check_floating("bernoulli_tensor_cpu_p_", chance.dtype)
    plain: Any = chance.detach()
    return checked(plain, (plain >= 0) & (plain <= 1), _PROBABILITY)


def check_interval(low: float, high: float, d: dtype) -> None:
    """``RuntimeError`` unless numbers of the floating-point dtype can be drawn evenly from [low, high)."""
    limits = finfo(d)
    for what, value in (("from", low), ("to", high)):
        if not limits.min <= value <= limits.max:
            raise RuntimeError(f"{what} is out of bounds for {C_NAMES[d]}")
    if low > high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}")
    if high - low > limits.max:
        raise RuntimeError(
            f"uniform_ expects to-from <= std::numeric_limits<{TYPE_NAMES[d]}>::max(), but found to={high:g} and "
            f"from={low:g} which result in to-from to exceed the limit"
        )


def check_integers(low: int, high: int, d: dtype) -> None:
    """``RuntimeError`` unless integers from ``low`` to ``high`` - 1 can be drawn, and the dtype has them."""
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    least, most = (0, 1) if d.kind == "bool" else (finfo(d).min, finfo(d).max) if d.kind == "float" else _limits(d)
    for what, value in (("from", low), ("to - 1", high - 1)):
        if not least <= value <= most:
            raise RuntimeError(f"{what} is out of bounds for {C_NAMES[d]}")
        if d.kind == "float" and abs(value) > precise(d):
            bits = precise(d).bit_length() - 1
            warn(
                f"{what} is out of bounds [-(2^{bits}), 2^{bits}]. Due to precision limitations {C_NAMES[d]} can support "
                "discrete uniform distribution only within this range. This warning will become an error in version 1.7 "
                "release, please fix the code in advance"
            )


def precise(d: dtype) -> int:
    """The integer up to which a floating-point dtype has all of them."""
    return 2 * math.floor(1 / finfo(d).eps)


def _limits(d: dtype) -> tuple[int, int]:
    limits = iinfo(d)
    return limits.min, limits.max


def _where_it_is(fill: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function that fills a tensor, so that nothing is drawn for one that has no values."""

    @wraps(fill)
    def filled(self: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
        if is_meta(self) and not recording_on_meta():
            return on_meta(fill, self, *arguments, **keywords)
        return fill(self, *arguments, **keywords)

    return filled


def bits(shape: Size, d: dtype_type, generator: Generator | None) -> Tensor:
    """Random bits: int32 or int64 of any value."""
    if recording_on_meta():  # nothing is drawn
        return bits_at(shape, d, 0, 0)
    return bits_at(shape, d, *(generator or default_generator).draw(shape.numel()))


def bits_at(shape: Size, d: dtype_type, seed: int, offset: int) -> Tensor:
    """The random bits of the counters from ``offset`` on."""
    return Tensor._from_node(record(p.RANDOM_BITS, (shape, d), (seed, None), (offset, None)))


def uniform(shape: Size, d: dtype_type, generator: Generator | None) -> Tensor:
    """Numbers evenly from [0, 1): multiples of 2**-24 (2**-53 for float64)."""
    words = bits(shape, dtypes.int64 if d is dtypes.float64 else dtypes.int32, generator)
    return composite(_uniform_values, d, words)[0]  # type: ignore[no-any-return]


def _uniform_values(d: dtype_type, words: Tensor) -> tuple[Tensor]:
    if d is dtypes.float64:
        return (converted((words >> 11) & ((1 << 53) - 1), d) * 2.0**-53,)
    number = converted((words >> 8) & ((1 << 24) - 1), dtypes.float32) * 2.0**-24
    return (number if d is dtypes.float32 else _half_open(number, d),)


def _half_open(number: Tensor, d: dtype_type) -> Tensor:
    """Rounded to a half type without reaching 1."""
    places = 11 if d is dtypes.float16 else 8
    return converted((number * 2.0**places).floor() * 2.0**-places, d)


def normal_numbers(shape: Size, d: dtype_type, generator: Generator | None) -> Tensor:
    """Standard normal numbers (Box and Muller, 1958: radius from one half of the bits, angle from the other)."""
    words = [bits(shape, dtypes.int64, generator) for _ in range(2 if d is dtypes.float64 else 1)]
    return composite(_normal_values, d, *words)[0]  # type: ignore[no-any-return]


def _normal_values(d: dtype_type, words: Tensor, other: Tensor | None = None) -> tuple[Tensor]:
    if other is not None:
        first = converted((words >> 11) & ((1 << 53) - 1), d) * 2.0**-53
        second = converted((other >> 11) & ((1 << 53) - 1), d) * 2.0**-53
        smallest = 2.0**-53
    else:
        first = converted((words >> 40) & ((1 << 24) - 1), dtypes.float32) * 2.0**-24
        second = converted((words >> 8) & ((1 << 24) - 1), dtypes.float32) * 2.0**-24
        smallest = 2.0**-24
    radius = ((first + smallest).log() * -2.0).sqrt()
    result = radius * (second * (2 * math.pi)).cos()
    return (result if d is result.dtype else converted(result, d),)


def _floating(name: str, d: dtype_type | None) -> dtype_type:
    d = d or get_default_dtype()
    check_floating(name, d)
    return d


@operation(method=False, out="resized")
def rand(*size: Any, generator: Generator | None = None, dtype: Any = None, layout: Any = None,
         device: Any = None, requires_grad: bool = False, pin_memory: bool = False) -> Tensor:  # fmt: skip
    """Numbers evenly from [0, 1)."""
    made = uniform(Size(sizes_of(size)), _floating("check_uniform_bounds", dtype), generator)
    return finished(made, requires_grad, device)


@operation(method=False, out="resized")
def randn(*size: Any, generator: Generator | None = None, dtype: Any = None, layout: Any = None,
          device: Any = None, requires_grad: bool = False, pin_memory: bool = False) -> Tensor:  # fmt: skip
    """Standard normal numbers."""
    made = normal_numbers(Size(sizes_of(size)), _floating("normal_kernel_cpu", dtype), generator)
    return finished(made, requires_grad, device)


def integers(low: int, high: int, shape: Size, d: dtype_type, generator: Generator | None) -> Tensor:
    """Integers from ``low`` to ``high`` - 1."""
    check_integers(low, high, d)
    span = high - low
    if span <= 1 << 32:
        words = bits(shape, dtypes.int64, generator)
        number = (words >> 1) & ((1 << 62) - 1)
    else:
        number = bits(shape, dtypes.int64, generator) & ((1 << 63) - 1)
    return converted(number % span + low, d)


@operation(method=False, out="resized")
def randint(*arguments: Any, low: Any = None, high: Any = None, size: Any = None, generator: Generator | None = None,
            dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: bool = False,
            requires_grad: bool = False) -> Tensor:  # fmt: skip
    """``randint([low,] high, size)``: integers from ``low`` (0) to ``high`` - 1, int64 unless a dtype is given."""
    rest = list(arguments)
    if size is None and rest:
        size = rest.pop()
    if high is None and rest:
        high = rest.pop()
    if low is None and rest:
        low = rest.pop()
    if size is None or high is None or rest:
        raise TypeError(f"randint() expects ([low,] high, size), but got {len(arguments)} arguments by position")
    d = dtype or dtypes.int64
    made = integers(0 if low is None else index(low), index(high), Size(sizes_of((size,))), d, generator)
    return finished(made, requires_grad, device)


def _like(name: str, function: Any) -> Any:
    def like(input: Tensor, *, generator: Generator | None = None, dtype: Any = None, layout: Any = None,
             device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
             memory_format: Any = None) -> Tensor:  # fmt: skip
        options = {"generator": generator, "dtype": dtype or input.dtype, "device": device}
        made = alike(input, lambda sizes: function(sizes, **options), memory_format, device)
        return made.requires_grad_() if requires_grad else made

    return operation(method=False)(titled(like, name, f"``{name[:-5]}`` with the sizes and dtype of ``input``."))


@operation(method=False, out="resized")
def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, layout: Any = None,
             device: Any = None, requires_grad: bool = False, pin_memory: bool = False) -> Tensor:  # fmt: skip
    """0, …, n - 1 in random order."""
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    dtype = dtype or dtypes.int64
    if dtype.kind == "float" and n > precise(dtype) + 1:
        raise RuntimeError(f"n cannot be greater than {precise(dtype) + 1} for {TYPE_NAMES[dtype]} type.")
    if n > 0 and dtype.kind != "float":
        check_integers(0, n, dtype)
    order = (generator or default_generator).numpy().permutation(n)
    made = converted(from_array(order), dtype)
    return finished(made, requires_grad, device)


# What is drawn has no derivatives. They are named by what is a tensor: the mean, the deviation, both.
NormalBackward1, NormalBackward2, NormalBackward3 = (
    gradient_class(f"NormalBackward{number}", (no_slope, no_slope), ("mean", "std"), 2) for number in (1, 2, 3)
)


@operation(method=False, out=True)
def normal(mean: Any, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None,
           dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Normal numbers of the given means and deviations (numbers, or tensors that give the shape)."""
    if size is not None:
        shape = Size(sizes_of((size,)))
    else:
        shape = broadcast_shapes(*(t.shape for t in (mean, std) if isinstance(t, Tensor)))
    if isinstance(std, Tensor):
        deviation = checked_deviations(std)
    else:
        check_deviation(deviation := std)
    d = dtype or (
        mean.dtype if isinstance(mean, Tensor) else std.dtype if isinstance(std, Tensor) else get_default_dtype()
    )
    check_floating("normal_kernel_cpu", d)
    made = without_history(lambda: converted(normal_numbers(shape, d, generator) * deviation + mean, d))
    both = isinstance(mean, Tensor) and isinstance(std, Tensor)
    gradient = NormalBackward3 if both else NormalBackward1 if isinstance(mean, Tensor) else NormalBackward2
    return finished(with_history(made, gradient, [mean, std]), requires_grad, device)


def _chances(chance: Any) -> Any:
    if isinstance(chance, Tensor):
        return checked_chances(chance)
    check_chance(chance)
    return chance


@operation(out="resized")
@differentiated(no_slope)
def bernoulli(input: Tensor, p: Any = None, *, generator: Generator | None = None) -> Tensor:
    """1 with the probabilities given by ``input`` (or with probability ``p``), else 0."""
    return converted(uniform(input.shape, dtypes.float32, generator) < _chances(input if p is None else p), input.dtype)


@operation(function=False)
@_where_it_is
def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """1 with probability ``p`` (a number or tensor), else 0, in place."""
    made = converted(uniform(self.shape, dtypes.float32, generator) < _chances(p), self.dtype)
    return overwrite(self, made, overwritten_by("bernoulli_", 1 if isinstance(p, Tensor) else 2))


@operation(function=False)
@_where_it_is
def uniform_(
    self: Tensor, a: float = 0, b: float = 1, *, generator: Generator | None = None, **keywords: Any
) -> Tensor:
    """Numbers evenly from [from, to), in place."""
    low, high = keywords.get("from", a), keywords.get("to", b)
    d = _floating("check_uniform_bounds", self.dtype)
    check_interval(low, high, d)
    number = uniform(self.shape, d, generator)
    return overwrite(self, number * (high - low) + low, overwritten_by("uniform_"))


@operation(function=False)
@_where_it_is
def normal_(self: Tensor, mean: float = 0, std: float = 1, *, generator: Generator | None = None) -> Tensor:
    """Normal numbers, in place."""
    check_deviation(std)
    number = normal_numbers(self.shape, _floating("normal_kernel_cpu", self.dtype), generator)
    return overwrite(self, number * std + mean, overwritten_by("normal_"))


@operation(function=False)
@_where_it_is
def random_(self: Tensor, *limits: int, generator: Generator | None = None, **keywords: Any) -> Tensor:
    """Integers from [from, to), in place; up to the dtype's precision without limits."""
    d = self.dtype
    top = {"float32": 1 << 24, "float64": 1 << 53, "float16": 1 << 11, "bfloat16": 1 << 8, "bool": 2}.get(
        d.name, min(1 << (8 * d.itemsize - (1 if d.signed else 0)), (1 << 63) - 1)
    )
    low, high = (0, top) if not limits else (0, limits[0]) if len(limits) == 1 else limits
    low, high = keywords.get("from", low), keywords.get("to", high)
    overload = 2 if not limits and not keywords else 1 if len(limits) + len(keywords) == 1 else 0
    return overwrite(
        self, integers(index(low), index(high), self.shape, d, generator), overwritten_by("random_", overload)
    )


@operation(function=False)
@_where_it_is
def exponential_(self: Tensor, lambd: float = 1, *, generator: Generator | None = None) -> Tensor:
    """Exponentially distributed numbers of rate ``lambd``, in place."""
    check_continuous("Exponential", self.dtype, TYPE_NAMES[self.dtype])
    check_positive("exponential_", "lambda", lambd)
    made = (1 - uniform(self.shape, self.dtype, generator)).log() * (-1 / lambd)
    return overwrite(self, made, overwritten_by("exponential_"))


@operation(function=False)
@_where_it_is
def geometric_(self: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """Numbers of trials until the first success of probability ``p``, in place."""
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
    if self.dtype.kind == "bool":
        check_floating("geometric_cpu", self.dtype)
    number = (1 - uniform(self.shape, dtypes.float32, generator)).log() / math.log1p(-p)
    return overwrite(self, converted(number.ceil().clamp(min=1), self.dtype), overwritten_by("geometric_"))


@operation(function=False)
@_where_it_is
def cauchy_(self: Tensor, median: float = 0, sigma: float = 1, *, generator: Generator | None = None) -> Tensor:
    """Cauchy distributed numbers, in place."""
    check_continuous("Cauchy", self.dtype, C_NAMES[self.dtype])
    check_positive("cauchy_", "sigma", sigma)
    made = ((uniform(self.shape, self.dtype, generator) - 0.5) * math.pi).tan() * sigma + median
    return overwrite(self, made, overwritten_by("cauchy_"))


@operation(function=False)
@_where_it_is
def log_normal_(self: Tensor, mean: float = 1, std: float = 2, *, generator: Generator | None = None) -> Tensor:
    """exp of normal numbers, in place."""
    check_positive("log_normal_", "std", std)
    check_floating("log_normal_cpu", self.dtype)
    made = (normal_numbers(self.shape, self.dtype, generator) * std + mean).exp()
    return overwrite(self, made, overwritten_by("log_normal_"))


@operation(out="exact resized")
def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Indices drawn from each row with probabilities proportional to its elements (a vector counts as one row)."""
    sizes, d = input._output_meta(0)
    if len(sizes) not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if d.category < 2:
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {TYPE_NAMES[d]}")
    num_samples, count = index(num_samples), sizes[-1]
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > count:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    if count == 0:
        raise _NOTHING_LIKELY.exception(0, 0, 0, "")
    if num_samples == 1:
        words = bits(Size((*sizes[:-1], 1)), dtypes.int64, generator)
        return composite(_one_drawn, None, input, words)[0]  # type: ignore[no-any-return]
    weights, ends, total = _checked_weights(input.detach())
    if replacement:
        point = uniform(Size((*sizes[:-1], num_samples)), dtypes.float64, generator) * total
        return searchsorted(ends.narrow(-1, 0, count - 1), point, right=True)
    # The largest of u ** (1 / w) are a sample without replacement (Efraimidis and Spirakis, 2006).
    keys = uniform(sizes, dtypes.float64, generator).log() / weights
    return topk(where(weights > 0, keys, -math.inf), num_samples)[1]


def _checked_weights(weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The weights of elements, where each of them ends if they are laid in a row, and how long that is."""
    weights = checked(weights, weights.isfinite() & (weights >= 0), _WEIGHTS)
    ends = cumsum(weights, -1, dtype=dtypes.float64)
    total = ends.narrow(-1, weights.shape[-1] - 1, 1)
    return weights, ends, checked(total, total > 0, _NOTHING_LIKELY)


def _one_drawn(static: None, weights: Tensor, words: Tensor) -> tuple[Tensor]:
    """Where a point of the whole falls: how many elements end before it or at it."""
    _, ends, total = _checked_weights(weights)
    point = _uniform_values(dtypes.float64, words)[0] * total
    return ((ends.narrow(-1, 0, weights.shape[-1] - 1) <= point).sum(-1, keepdim=True),)


rand_like, randn_like = _like("rand_like", rand), _like("randn_like", randn)


@operation(method=False)
def randint_like(input: Tensor, *limits: Any, low: Any = None, high: Any = None, generator: Generator | None = None,
                 dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
                 pin_memory: bool = False, memory_format: Any = None) -> Tensor:  # fmt: skip
    """``randint`` with the sizes and dtype of ``input``."""
    options = {"low": low, "high": high, "generator": generator, "dtype": dtype or input.dtype, "device": device}
    made = alike(input, lambda sizes: randint(*limits, size=sizes, **options), memory_format, device)
    return made.requires_grad_() if requires_grad else made
