"""Operations that programs define: the same definitions in PyTorch and here, with the same values, gradients and errors."""

import importlib

import numpy as np
import pytest
import torch

import flambeau
from flambeau.surface import lookup

BOTH = [torch, flambeau]
NUMBERS = np.random.default_rng(0).standard_normal((3, 2)).astype(np.float32)


def operations(library):
    """``torch.ops``: without ``flambeau run``, the package's folder has that name."""
    return library.ops if library is torch else importlib.import_module("flambeau.surface.ops")


def defined(library, name):
    """An operation with a kernel in NumPy, and its gradient."""

    def kernel(x, k=2.0):
        return library.from_numpy(np.sin(x.detach().numpy() * k))

    kernel.__annotations__ = {"x": library.Tensor, "k": float, "return": library.Tensor}
    operation = library.library.custom_op(f"tests_{name}::sine", kernel, mutates_args=())

    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])
        ctx.k = inputs[1]

    def backward(ctx, grad):
        return grad * ctx.k * (ctx.saved_tensors[0] * ctx.k).cos(), None

    operation.register_autograd(backward, setup_context=setup_context)
    operation.register_fake(lambda x, k=2.0: library.empty_like(x))
    return operation


def test_values_and_gradients():
    results = []
    for library in BOTH:
        operation = defined(library, "gradient")
        x = library.tensor(NUMBERS, requires_grad=True)
        y = operation(x, k=3.0)
        y.square().sum().backward()
        results.append((y.detach().numpy(), x.grad.numpy(), type(y.grad_fn).__name__))
        assert repr(operation) == "<CustomOpDef(tests_gradient::sine)>"
        assert str(operations(library).tests_gradient.sine.default) == "tests_gradient.sine.default"
        assert library.allclose(operation(x), (x * 2).sin()) and not operation(x.detach()).requires_grad
    theirs, ours = results
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-5)
    assert ours[2] == theirs[2]


def test_without_a_gradient_backward_says_so():
    for library in BOTH:

        def kernel(x):
            return x.detach() * 2

        kernel.__annotations__ = {"x": library.Tensor, "return": library.Tensor}
        operation = library.library.custom_op("tests_none::twice", kernel, mutates_args=())
        result = operation(library.ones(2, requires_grad=True))
        assert result.requires_grad
        with pytest.raises(RuntimeError, match="Trying to backward through tests_none.twice.default but no autograd formula"):
            result.sum().backward()


def test_writing_to_an_argument():
    for library in BOTH:

        def kernel(x, amount):
            x.add_(amount)

        kernel.__annotations__ = {"x": library.Tensor, "amount": int, "return": None}
        operation = library.library.custom_op("tests_write::increase", kernel, mutates_args={"x"})
        x = library.zeros(2)
        assert operation(x, 3) is None and x.tolist() == [3, 3]
        assert str(operation._opoverload._schema) == "tests_write::increase(Tensor(a0!) x, SymInt amount) -> ()"


def test_what_does_not_fit_is_refused_in_the_same_words():
    messages = []
    for library in BOTH:
        operation = defined(library, "errors")
        said = []
        for call in (
            lambda operation=operation: operation(),
            lambda operation=operation: operation("a"),
            lambda library=library, operation=operation: operation(library.ones(2), k="b"),
        ):
            with pytest.raises(RuntimeError) as caught:
                call()
            said.append(str(caught.value).splitlines()[0].partition(" Declaration")[0])
        with pytest.raises(ValueError, match="Parameter x must have a type annotation"):
            library.library.custom_op("tests_errors::plain", lambda x: x, mutates_args=())
        messages.append(said)
    assert messages[0] == messages[1]


SIGNATURES = {
    "Tensor x, Tensor? y, Tensor[] z": lambda t: ([t.Tensor, t.Tensor | None, list[t.Tensor]], t.Tensor),
    "SymInt a, float b, bool c, str d": lambda t: ([int, float, bool, str], t.Tensor),
    "SymInt[] a, float? b, ScalarType c": lambda t: ([list[int], float | None, t.dtype], tuple[t.Tensor, t.Tensor]),
    "Device a": lambda t: ([t.device], int),
}


@pytest.mark.parametrize("text", SIGNATURES)
def test_schemas_follow_from_annotations(text):
    found = []
    for library in BOTH:
        kinds, result = SIGNATURES[text](library)
        names = [part.split()[1] for part in text.split(", ")]
        space = {}
        exec(f"def function({', '.join(names)}): ...", space)
        space["function"].__annotations__ = dict(zip(names, kinds)) | {"return": result}
        found.append(library.library.infer_schema(space["function"], mutates_args=()))
    assert found[0] == found[1] and found[1].startswith(f"({text})")


def test_libraries_of_schemas():
    for library in BOTH:
        own = library.library.Library("tests_own", "DEF")
        assert own.define("times(Tensor x, int k=3) -> Tensor") == "times"
        own.impl("times", lambda x, k=3: x * k, "CompositeImplicitAutograd")
        x = library.ones(2, requires_grad=True)
        operations(library).tests_own.times(x, k=4).sum().backward()
        assert x.grad.tolist() == [4, 4] and operations(library).tests_own.times.default(x).tolist() == [3, 3]
        with pytest.raises(RuntimeError, match="multiple times"):
            own.define("times(Tensor x, int k=3) -> Tensor")
        library.library.define("tests_own::plus", "(Tensor x, *, float[] w) -> Tensor", lib=own)
        library.library.impl("tests_own::plus", "cpu", lambda x, *, w: x + sum(w), lib=own)
        assert operations(library).tests_own.plus(library.ones(1), w=[1.0, 2.0]).tolist() == [4]
        with pytest.raises(NotImplementedError, match="Could not run 'tests_own::nothing'"):
            own.define("nothing(Tensor x) -> Tensor")
            operations(library).tests_own.nothing(library.ones(1))
        with pytest.raises(AttributeError, match="'_OpNamespace' 'tests_own' object has no attribute 'missing'"):
            operations(library).tests_own.missing  # noqa: B018
        with pytest.raises(ValueError, match="Unsupported kind"):
            library.library.Library("tests_own", "OTHER")


def test_operations_for_triton_work_without_it():
    """PyTorch's need the package of that name, so they are no oracle here."""

    def doubled(x: flambeau.Tensor) -> flambeau.Tensor:
        return flambeau.library.wrap_triton(lambda y: y)(x) * 2

    doubled.__annotations__ = {"x": flambeau.Tensor, "return": flambeau.Tensor}
    operation = flambeau.library.triton_op("tests_triton::doubled", doubled, mutates_args={})
    np.testing.assert_array_equal(operation(flambeau.tensor(NUMBERS)).numpy(), NUMBERS * 2)
    assert repr(operation) == "<CustomOpDef(tests_triton::doubled)>"


def tensor_operation(library, namespace, schema):
    """A namespace's :class:`Library` with an operation, and what is then in ``torch.ops``."""
    defined = library.library.Library(namespace, "DEF")
    defined.define(schema)
    return defined, getattr(operations(library), namespace)


def test_kernels_for_autograd_are_asked_unless_below():
    for library in BOTH:
        defined, space = tensor_operation(library, "tests_autograd_key", "sine(Tensor x) -> Tensor")
        asked = []

        def with_history(x, library=library, space=space, asked=asked):
            asked.append(x.requires_grad)
            below = importlib.import_module(f"{library.__name__}._C")._AutoDispatchBelowAutograd
            with below():
                inner = space.sine(x)
            assert not inner.requires_grad
            return inner + x * x

        defined.impl("sine", with_history, "AutogradCPU")
        defined.impl("sine", lambda x: x.sin(), "CPU")
        defined.impl("sine", lambda x: x, "AutogradCUDA")
        x = library.tensor(NUMBERS, requires_grad=True)
        space.sine(x).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), 2 * NUMBERS)
        space.sine(x.detach())
        with library.inference_mode():
            np.testing.assert_allclose(space.sine(library.tensor(NUMBERS)).numpy(), np.sin(NUMBERS), rtol=1e-6)
        assert asked == [True, False]


def test_overloads_are_chosen_by_what_is_given():
    for library in BOTH:
        defined, space = tensor_operation(library, "tests_overloads", "double.out(Tensor x, Tensor! out) -> ()")
        defined.define("double(Tensor x) -> Tensor")
        defined.impl("double.out", lambda x, out: out.copy_(x * 2) is None or None, "CPU")
        defined.impl("double", lambda x: x * 2, "CPU")
        out = library.zeros(3, 2)
        assert space.double(library.tensor(NUMBERS), out) is None
        for result in (out, space.double(library.tensor(NUMBERS)), space.double.default(library.tensor(NUMBERS))):
            np.testing.assert_array_equal(result.numpy(), NUMBERS * 2)
        with pytest.raises(RuntimeError, match="failed to match any schema"):
            space.double(library.tensor(NUMBERS), other=out)


def test_kernels_may_come_before_definitions_and_keep_histories():
    for library in BOTH:
        library.library.Library("tests_before", "IMPL", "CPU").impl("sine", lambda x: x.sin())
        defined, space = tensor_operation(library, "tests_before", "sine(Tensor x) -> Tensor")
        x = library.tensor(NUMBERS, requires_grad=True)
        if library is flambeau or not isinstance(defined, library.library.Library):
            space.sine(x).sum().backward()
            np.testing.assert_allclose(x.grad.numpy(), np.cos(NUMBERS), rtol=1e-5)
        with pytest.raises(RuntimeError, match="could not parse dispatch key: Nowhere"):
            defined.impl("sine", lambda x: x, "Nowhere")
    with pytest.raises(NotImplementedError, match="dispatch key AutocastCPU"):
        defined.impl("sine", lambda x: x, "AutocastCPU")


def test_operations_of_functions():
    for library in BOTH:
        operators = importlib.import_module(f"{library.__name__}._ops")
        keys = lookup("torch", "DispatchKey") if library is flambeau else library._C.DispatchKey
        below = importlib.import_module(f"{library.__name__}._C")._AutoDispatchBelowAutograd

        class Twice(operators.HigherOrderOperator):
            def __init__(self, name):
                super().__init__(name)

            def __call__(self, function, x):
                return super().__call__(function, x)

        twice = Twice("tests_twice")
        assert (str(twice), twice.name(), twice.namespace) == ("tests_twice", "tests_twice", "higher_order")
        x = library.ones(2, requires_grad=True)
        with pytest.raises(NotImplementedError, match="could not find kernel for HigherOrderOperator tests_twice"):
            twice(abs, x)
        twice.py_impl(keys.CompositeExplicitAutograd)(lambda function, x: "dense")
        with pytest.raises(NotImplementedError, match="AutogradCPU"):
            twice(abs, x)
        assert twice(abs, 1) == "dense"
        twice.py_autograd_impl(lambda function, x: "history")
        assert twice(abs, x) == twice(abs, [x]) == "history" and twice(abs, (1, 2)) == twice(abs, x.detach()) == "dense"
        with below():
            assert twice(abs, x) == "dense"
        passing = Twice("tests_passing")
        passing.fallthrough(keys.AutogradCPU)
        passing.py_impl(keys.CPU)(lambda function, x: "processor")
        assert passing(abs, x) == "processor" and passing.has_kernel_for_dispatch_key(keys.CPU)
        with pytest.raises(RuntimeError, match="override a python impl for DispatchKey.CPU"):
            passing.py_impl(keys.CPU)(abs)


def _with_rule(library):
    told = []

    @library.library.custom_op("tests_rules::scaled", mutates_args=())
    def scaled(x: library.Tensor, y: library.Tensor, k: int = 2, *, by: float = 1.0) -> library.Tensor:
        return x * y * k * by

    @library.library.register_vmap("tests_rules::scaled")
    def rule(info, in_dims, x, y, k=2, *, by=1.0):
        told.append((info.batch_size, in_dims, k))
        return scaled(x.movedim(in_dims[0], 0), y, k) * by * 10, 0

    def setup(ctx, inputs, keyword_only_inputs, output):
        told.append((len(inputs), keyword_only_inputs))
        ctx.by = keyword_only_inputs["by"]

    x, y = library.arange(6.0).reshape(2, 3), library.arange(3.0)
    vmap = library.func.vmap
    results = [vmap(scaled, (0, None))(x, y), vmap(lambda a: scaled(a, y, 3, by=0.5))(x), vmap(lambda a: a + scaled(y, y))(x)]
    results += [vmap(vmap(lambda a: scaled(a, library.tensor(3.0))))(x)]
    scaled.register_autograd(lambda ctx, grad: (grad * 7 * ctx.by, grad, None), setup_context=setup)
    x.requires_grad_()
    results += library.autograd.grad(scaled(x, y, by=2.0).sum(), x)
    results += library.autograd.grad(vmap(lambda a: scaled(a, y))(x).sum(), x)
    return [part.tolist() for part in results], told


def test_rules_for_batches_and_arguments_by_name():
    """A rule is told what was given, and where batches are; a gradient gets what has to be given by name by itself."""
    ours, theirs = _with_rule(flambeau), _with_rule(torch)
    assert ours == theirs
