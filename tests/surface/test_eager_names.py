"""Names that PyTorch has for its compilers and devices, with what they mean where there are none."""

import copy
import gc
import importlib

import numpy as np
import pytest
import torch

import flambeau

BOTH = [torch, flambeau]
NUMBERS = np.arange(6, dtype=np.float32).reshape(3, 2)


def module(library, name):
    return importlib.import_module(f"{library.__name__}.{name}")


def outcomes(calls):
    """What calls give, or the type of what they raise and the beginning of its message."""
    for library in BOTH:
        found = []
        for call in calls:
            try:
                found.append(call(library))
            except Exception as error:
                found.append((type(error).__name__, str(error)[:40]))
        yield found


def same(*calls):
    theirs, ours = outcomes(calls)
    for number, (their, our) in enumerate(zip(theirs, ours)):
        assert type(their).__name__ == type(our).__name__ and str(their) == str(our), (number, their, our)


def test_assertions_of_values():
    def demand(library, value, *message):
        return library._assert_async(library.tensor(value), *message)

    same(
        lambda library: demand(library, 0), lambda library: demand(library, 0.0, "no"), lambda library: demand(library, [True]),
        lambda library: demand(library, [1, 1]), lambda library: demand(library, []), lambda library: library._assert_async(3),
        lambda library: library._assert_async(library.ones(2, device="meta")),
    )  # fmt: skip


def test_numbers_that_may_be_symbols():
    same(
        lambda library: (library.sym_int(2.7), library.sym_int(-2.7), library.sym_float(3), library.sym_not(True)),
        lambda library: (library.sym_max(1, 2.0), library.sym_max(3, 2.0), library.sym_min(1, 2), library.sym_min(1, 2.0)),
        lambda library: (library.sym_ite(True, 1, 2), library.sym_sum([1, 2])),
    )


def test_queues_of_a_processor():
    def stream(library):
        return library.Stream(device="cpu")

    def event(library):
        return library.Event(device="cpu")

    same(
        lambda library: (repr(stream(library)), repr(event(library)), repr(library.Event(enable_timing=True))),
        lambda library: (stream(library).query(), stream(library).synchronize(), stream(library).wait_event(event(library))),
        lambda library: stream(library).wait_stream(stream(library)), lambda library: stream(library).record_event(),
        lambda library: (str(stream(library).device), stream(library).device_index, stream(library).device_type),
        lambda library: (stream(library) == library.Stream(), hash(stream(library)) == hash(library.Stream())),
        lambda library: event(library).record(), lambda library: (event(library).query(), event(library).synchronize()),
        lambda library: event(library).wait(), lambda library: event(library).elapsed_time(event(library)),
        lambda library: stream(library).__enter__(),
    )  # fmt: skip
    assert flambeau.get_device_module().__name__.endswith("cpu") and flambeau.get_device_module("cuda") is flambeau.cuda


def test_conditions():
    def cond(library, pred, *rest):
        x = library.tensor(NUMBERS)
        return library.cond(pred(x), *(rest or (lambda x: x + 1, lambda x: x - 1, (x,)))).tolist()

    same(
        lambda library: cond(library, lambda x: x.sum() > 3), lambda library: cond(library, lambda x: x.sum() > 30),
        lambda library: cond(library, lambda x: True), lambda library: cond(library, lambda x: x > 3),
        lambda library: cond(library, lambda x: "yes"), lambda library: cond(library, lambda x: x.sum() > 3, 3, abs),
        lambda library: cond(library, lambda x: x.sum() > 3, lambda x: x, lambda x: x, library.ones(2)),
    )  # fmt: skip
    x = flambeau.tensor(NUMBERS, requires_grad=True)
    flambeau.cond(x.sum() > 3, lambda x: x * x, lambda x: x, (x,)).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), 2 * NUMBERS)


def test_loops():
    def loop(library, body):
        x = library.tensor(NUMBERS)
        found = module(library, "_higher_order_ops").while_loop(lambda i, x: i < 3, body, (library.tensor(0), x))
        return [value.tolist() for value in found]

    def scan(library, dim, reverse):
        x = library.tensor(NUMBERS)
        start = library.zeros(x.select(dim, 0).shape)
        carry, found = module(library, "_higher_order_ops").scan(lambda c, x: (c + x, c * x), start, x, dim=dim, reverse=reverse)
        return carry.tolist(), found.tolist()

    def running(library, dim, reverse, mode="generic"):
        scanned = module(library, "_higher_order_ops").associative_scan
        x = library.tensor(NUMBERS) + 1
        return scanned(lambda a, b: a * b, x, dim, reverse=reverse, combine_mode=mode).tolist()

    same(
        lambda library: loop(library, lambda i, x: (i + 1, x * 2)),
        lambda library: scan(library, 0, False), lambda library: scan(library, 1, True),
        lambda library: running(library, 0, False), lambda library: running(library, 1, True),
        lambda library: running(library, 0, False, "pointwise"),
    )  # fmt: skip
    x = flambeau.tensor(NUMBERS)
    of_each = module(flambeau, "_higher_order_ops").map
    apart = of_each(lambda x, y: {"product": x["of"] * y}, {"of": x}, flambeau.tensor([1.0, 2.0]))
    np.testing.assert_array_equal(apart["product"].numpy(), NUMBERS * [1, 2])
    with pytest.raises(RuntimeError, match="same number of elements"):
        loop(flambeau, lambda i, x: i + 1)


def test_grouped_products():
    numbers = np.random.default_rng(0).standard_normal((16, 16)).astype(np.float32)

    def product(library, a, b, offs=(4, 4, 16), dtype="float32", **options):
        given = [library.tensor(np.resize(numbers, shape)).to(getattr(library, dtype)) for shape in (a, b)]
        ends = None if offs is None else library.tensor(offs, dtype=options.pop("of", library.int32))
        return library.nn.functional.grouped_mm(*given, offs=ends, **options)

    cases = [((16, 8), (3, 8, 16)), ((3, 4, 8), (8, 16)), ((8, 16), (16, 8))]
    for dtype in ("float32", "bfloat16", "float16"):
        for a, b in [*cases, ((3, 4, 8), (3, 8, 16))]:
            offs = None if len(a) == len(b) == 3 else (4, 4, 16)
            theirs, ours = (product(library, a, b, offs, dtype) for library in BOTH)
            assert ours.shape == theirs.shape and str(ours.dtype) == str(theirs.dtype)
            tolerance = {"float32": 1e-5, "float16": 2e-3, "bfloat16": 2e-2}[dtype]
            np.testing.assert_allclose(ours.float().numpy(), theirs.float().numpy(), tolerance, tolerance)
    a, b = cases[0]
    same(
        lambda library: product(library, a, b, dtype="float64"), lambda library: product(library, a, b, None),
        lambda library: product(library, a, b, (4, 16)), lambda library: product(library, a, b, of=library.int64),
        lambda library: product(library, a, b, bias=library.ones(16)), lambda library: product(library, (16,), b),
        lambda library: product(library, a, (3, 12, 16)), lambda library: product(library, a, b, out_dtype=library.bfloat16),
    )  # fmt: skip
    x = flambeau.tensor(numbers[:, :8], requires_grad=True)
    y = flambeau.tensor(np.resize(numbers, (3, 8, 16)), requires_grad=True)
    flambeau.nn.functional.grouped_mm(x, y, offs=flambeau.tensor([4, 4, 10], dtype=flambeau.int32)).sum().backward()
    assert x.grad[10:].abs().sum() == 0 and y.grad[1].abs().sum() == 0
    np.testing.assert_allclose(x.grad[4:10].numpy(), np.tile(y.detach().numpy()[2].sum(1), (6, 1)), rtol=1e-5)


def test_products_of_small_integers():
    def product(library, a, b, kind="int8"):
        x, y = library.arange(12, dtype=getattr(library, kind)), library.arange(12, dtype=library.int8)
        return library._int_mm(x.reshape(a), y.reshape(b)).tolist()

    same(
        lambda library: product(library, (3, 4), (4, 3)), lambda library: product(library, (3, 4), (4, 3), "int32"),
        lambda library: product(library, (12,), (4, 3)), lambda library: product(library, (3, 4), (3, 4)),
    )  # fmt: skip


def test_dictionaries_of_tensors():
    for library in BOTH:
        weak = module(library, "utils.weak")
        a, b = library.ones(2), library.ones(2)
        kept = weak.WeakIdKeyDictionary({a: 1})
        kept[b] = 2
        assert (kept[a], kept[b], len(kept), a in kept, library.ones(2) in kept, 3 in kept) == (1, 2, 2, True, False, False)
        assert sorted(kept.values()) == [1, 2] and {id(key) for key in kept} == {id(a), id(b)} and kept == kept.copy()
        assert copy.deepcopy(kept)[a] == 1 and weak.TensorWeakRef(a)() is a
        assert weak.WeakIdRef(a) == weak.WeakIdRef(a) and not weak.WeakIdRef(a) == weak.WeakIdRef(b)
        reference = weak.TensorWeakRef(b)
        del b
        gc.collect()
        assert reference() is None and len(kept) == 1 and list(kept) == [a]
        with pytest.raises(KeyError):
            kept[library.ones(2)]


def test_named_dtypes_may_be_listed_as_safe():
    for library in BOTH:
        library.serialization.add_safe_globals([library.int4])
        assert library.int4 in library.serialization.get_safe_globals()
        library.serialization.clear_safe_globals()


@pytest.mark.parametrize("out", ["(2, 4), dtype=torch.int32", "(0,), dtype=torch.int32", "(2, 4), dtype=torch.float32"])
def test_products_of_bytes_are_put_where_they_fit(out):
    def run(library):
        target = eval(f"torch.empty({out})", {"torch": library})
        try:
            result = library._int_mm(library.ones(2, 3, dtype=library.int8), library.ones(3, 4, dtype=library.int8), out=target)
        except RuntimeError:
            return "refused"
        return result is target, target.tolist()

    assert run(flambeau) == run(torch)
