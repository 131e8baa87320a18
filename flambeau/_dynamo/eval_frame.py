"""What ``compile`` makes of a module: one around it, with the names that PyTorch's has."""

from __future__ import annotations

from typing import Any

from ..nn.modules.module import Module
from ..surface import lookup


class OptimizedModule(Module):
    """A module around another, ``_orig_mod``: calls, attributes and ``training`` are that one's, hooks and states its own.

    So the keys of its ``state_dict()`` begin with ``_orig_mod.``, as those of files that were written of compiled modules.
    """

    _own = frozenset({"_orig_mod", "_torchdynamo_orig_callable", "dynamo_ctx", "forward", "get_compiler_config", "__dict__"})
    _initialized = False

    def __init__(self, mod: Module, dynamo_ctx: Any = None) -> None:
        object.__setattr__(self, "_orig_mod", mod)  # what is assigned from here on is looked for there
        super().__init__()
        self.__dict__["_initialized"] = True
        del self.__dict__["_orig_mod"]
        self._modules["_orig_mod"] = mod
        self._wrap(dynamo_ctx)

    def _wrap(self, dynamo_ctx: Any) -> None:
        mod: Any = self._modules["_orig_mod"]
        self.__dict__.update(dynamo_ctx=dynamo_ctx, forward=mod.__call__, _torchdynamo_orig_callable=mod.__call__)

    @property
    def training(self) -> bool:  # type: ignore[override]
        return self._orig_mod.training  # type: ignore[no-any-return]

    @training.setter
    def training(self, value: bool) -> None:
        self._orig_mod.training = value

    def __len__(self) -> int:
        return len(self._orig_mod)

    def __getattr__(self, name: str) -> Any:
        mod = self.__dict__.get("_modules", {}).get("_orig_mod")
        if mod is None:  # while it is made anew
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        return mod if name == "_orig_mod" else getattr(mod, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._own or hasattr(type(self), name):
            super().__setattr__(name, value)
        else:
            setattr(self._orig_mod, name, value)

    def __delattr__(self, name: str) -> None:
        if name in self._own or hasattr(type(self), name):
            super().__delattr__(name)
        else:
            delattr(self._orig_mod, name)

    def __dir__(self) -> list[str]:
        return sorted({*dir(self._orig_mod), *super().__dir__()})

    def __reduce__(self) -> Any:
        return type(self), (self._orig_mod, self.dynamo_ctx), self.__getstate__()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("forward", "_torchdynamo_orig_callable")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._wrap(self.dynamo_ctx)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    return lookup("torch._dynamo.eval_frame", name)
