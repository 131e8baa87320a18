"""Whether attention layers may, for inference, give what PyTorch's fast path for them gives."""

_is_fastpath_enabled: bool = True


def get_fastpath_enabled() -> bool:
    """Whether results are those of the fast path where its conditions hold: zeros at places of padding, for one."""
    return _is_fastpath_enabled


def set_fastpath_enabled(value: bool) -> None:
    """Allow the fast path, or not."""
    global _is_fastpath_enabled
    _is_fastpath_enabled = value
