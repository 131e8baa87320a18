"""Attention of which scores are changed, and places left out, by functions of their numbers.

Such a function (``score_mod(score, b, h, q_idx, kv_idx)``, ``mask_mod(b, h, q_idx, kv_idx)``) is called once, with numbers of
elements of the batch, heads, queries and keys that broadcast to the scores' shape (B, H, L, S): it has to work element by
element, or look elements up by these numbers.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple, NoReturn, TypedDict

import flambeau

from ...core.tensor import Tensor
from ...graph.notices import warn, warn_once
from ...ops.softmax import safe_softmax

__all__ = [
    "AuxOutput", "AuxRequest", "BlockMask", "FlexKernelOptions", "and_masks", "create_block_mask", "create_mask",
    "flex_attention", "noop_mask", "or_masks",
]  # fmt: skip

_DEFAULT_SPARSE_BLOCK_SIZE = 128
_LARGE_SPARSE_BLOCK_SIZE = 1 << 30

Blocks = tuple[Tensor, Tensor]
"""For each row of blocks how many there are (…, rows), and their columns, these first (…, rows, columns)."""


class AuxRequest(NamedTuple):
    """What is wanted of attention besides its result."""

    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """The logarithms of sums of exponentials, and the largest scores, of each row (B, H, L); None if not wanted."""

    lse: Tensor | None = None
    max_scores: Tensor | None = None


class FlexKernelOptions(TypedDict, total=False):
    """How PyTorch's kernels are made, which says nothing here."""


# --- functions of numbers ---------------------------------------------------------------------------------------------


def noop_mask(batch: Tensor, head: Tensor, token_q: Tensor, token_kv: Tensor) -> Tensor:
    """A mask that leaves nothing out."""
    return batch.new_ones((), dtype=flambeau.bool)


def _combined(mask_mods: tuple[Any, ...], every: bool) -> Callable[..., Tensor]:
    if not all(callable(mask) for mask in mask_mods):
        raise RuntimeError(f"All inputs should be callable mask_mods: {mask_mods}")

    def combined(b: Tensor, h: Tensor, q_idx: Tensor, kv_idx: Tensor) -> Tensor:
        result = b.new_full((), every, dtype=flambeau.bool)
        for mask in mask_mods:
            seen = mask(b, h, q_idx, kv_idx)
            result = result & seen if every else result | seen
        return result

    return combined


def or_masks(*mask_mods: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A mask of what any of the masks lets through."""
    or_mask = _combined(mask_mods, False)
    or_mask.__name__ = "or_mask"
    return or_mask


def and_masks(*mask_mods: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A mask of what all masks let through."""
    and_mask = _combined(mask_mods, True)
    and_mask.__name__ = "and_mask"
    return and_mask


def _sliced_mask_mod_error(batch: Tensor, head: Tensor, token_q: Tensor, token_kv: Tensor) -> NoReturn:
    raise RuntimeError(
        "Cannot use mask_mod from a sliced BlockMask. When you slice a BlockMask using [], the mask_mod attribute is reset. "
        "You must set it from the original BlockMask's mask_mod."
    )


def _numbers(*extents: int) -> list[Tensor]:
    """Numbers along each axis of a shape, which broadcast to it."""
    rank = len(extents)
    return [flambeau.arange(n).reshape([n if k == axis else 1 for k in range(rank)]) for axis, n in enumerate(extents)]


def create_mask(
    mod_fn: Callable[..., Tensor], B: int | None, H: int | None, Q_LEN: int, KV_LEN: int, device: Any = None  # noqa: N803
) -> Tensor:
    """Booleans (B, H, Q_LEN, KV_LEN): what a function of numbers lets through, or one of scores does not make minus infinity."""
    shape = (B or 1, H or 1, Q_LEN, KV_LEN)
    given = [p for p in inspect.signature(mod_fn).parameters.values() if p.default is p.empty]
    if len(given) not in (4, 5):
        raise AssertionError(f"Expected 4 or 5 positional args, got {len(given)}")
    if len(given) == 4:
        return mod_fn(*_numbers(*shape)).expand(shape)
    return mod_fn(flambeau.zeros(shape), *_numbers(*shape)).isneginf().logical_not().expand(shape)


# --- blocks -----------------------------------------------------------------------------------------------------------


def _dense_to_ordered(dense: Tensor) -> Blocks:
    counts = dense.to(flambeau.int32)
    columns = counts.argsort(dim=-1, descending=True, stable=True)
    return counts.sum(-1).to(flambeau.int32), columns.to(flambeau.int32)


def _ordered_to_dense(number: Tensor, columns: Tensor, extent: int) -> Tensor:
    """1 where there is a block, 0 elsewhere: int32 (…, rows, extent)."""
    there = flambeau.arange(columns.shape[-1]) < number.unsqueeze(-1)
    dense = flambeau.zeros(*columns.shape[:-1], extent + 1, dtype=flambeau.int32)
    dense = dense.scatter(-1, flambeau.where(there, columns, extent).to(flambeau.int64), 1)
    return dense[..., :extent].contiguous()


def _transposed(blocks: Blocks) -> Blocks:
    return _dense_to_ordered(_ordered_to_dense(*blocks, blocks[1].shape[-1]).transpose(-2, -1))


def _mask_of(
    blocks: list[Blocks], sizes: tuple[int, int], mask_mod: Callable[..., Tensor], lengths: tuple[int, int],
    compute_q_blocks: bool = True,
) -> BlockMask:  # fmt: skip
    """A mask of blocks where the function decides and, if they are told apart, of those that are full."""
    (number, columns), (full_number, full_columns), *_ = [*blocks, (None, None)]
    assert number is not None and columns is not None
    return BlockMask.from_kv_blocks(
        number, columns, full_number, full_columns, sizes, mask_mod, lengths, compute_q_blocks
    )


class BlockMask:
    """A mask as blocks of queries by keys: those where the function ``mask_mod`` decides, and those that are seen in full.

    ``seq_lengths`` are the numbers of queries and keys, ``BLOCK_SIZE`` those of a block.
    """

    def __init__(
        self, seq_lengths: tuple[int, int], kv_num_blocks: Tensor, kv_indices: Tensor, full_kv_num_blocks: Tensor | None,
        full_kv_indices: Tensor | None, q_num_blocks: Tensor | None, q_indices: Tensor | None,
        full_q_num_blocks: Tensor | None, full_q_indices: Tensor | None,
        BLOCK_SIZE: tuple[int, int] = (_DEFAULT_SPARSE_BLOCK_SIZE, _DEFAULT_SPARSE_BLOCK_SIZE),  # noqa: N803
        mask_mod: Callable[..., Tensor] = noop_mask,
    ) -> None:  # fmt: skip
        if kv_indices.dim() < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        for name, one, other in (("kv", full_kv_num_blocks, full_kv_indices), ("q", full_q_num_blocks, full_q_indices)):
            if (one is None) != (other is None):
                raise AssertionError(
                    f"full_{name}_num_blocks and full_{name}_indices must be both provided or omitted"
                )
        self.seq_lengths = seq_lengths
        self.kv_num_blocks = kv_num_blocks
        self.kv_indices = kv_indices
        self.full_kv_num_blocks = full_kv_num_blocks
        self.full_kv_indices = full_kv_indices
        self.q_num_blocks = q_num_blocks
        self.q_indices = q_indices
        self.full_q_num_blocks = full_q_num_blocks
        self.full_q_indices = full_q_indices
        self.BLOCK_SIZE = BLOCK_SIZE
        self.mask_mod = mask_mod

    @classmethod
    def from_kv_blocks(
        cls, kv_num_blocks: Tensor, kv_indices: Tensor, full_kv_num_blocks: Tensor | None = None,
        full_kv_indices: Tensor | None = None, BLOCK_SIZE: int | tuple[int, int] = _DEFAULT_SPARSE_BLOCK_SIZE,  # noqa: N803
        mask_mod: Callable[..., Tensor] | None = None, seq_lengths: tuple[int, int] | None = None,
        compute_q_blocks: bool = True,
    ) -> BlockMask:  # fmt: skip
        """From the blocks of each row, those of each column being found if ``compute_q_blocks``."""
        if kv_indices.dim() < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        sizes = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else BLOCK_SIZE
        some: Any = (None, None)
        full: Any = (None, None)
        if compute_q_blocks:
            some = _transposed((kv_num_blocks, kv_indices))
            if full_kv_num_blocks is not None and full_kv_indices is not None:
                full = _transposed((full_kv_num_blocks, full_kv_indices))
        if seq_lengths is None:
            seq_lengths = kv_indices.shape[-2] * sizes[0], kv_indices.shape[-1] * sizes[1]
        return cls(
            seq_lengths, kv_num_blocks, kv_indices, full_kv_num_blocks, full_kv_indices, some[0], some[1], full[0], full[1],
            sizes, mask_mod or noop_mask,
        )  # fmt: skip

    def _blocks(self) -> list[Blocks]:
        """Those where the function decides, and those that are full, if they are told apart."""
        full = self.full_kv_num_blocks, self.full_kv_indices
        more: Any = [] if full[0] is None else [full]
        return [(self.kv_num_blocks, self.kv_indices), *more]

    def _like(self, blocks: list[Blocks], mask_mod: Callable[..., Tensor], lengths: tuple[int, int]) -> BlockMask:
        return _mask_of(blocks, self.BLOCK_SIZE, mask_mod, lengths, self.q_indices is not None)

    def as_tuple(self, flatten: bool = True) -> tuple[Any, ...]:
        """Everything of it; PyTorch's order of writing gradients, of which there is none here, as None."""
        lengths, sizes = (self.seq_lengths, self.BLOCK_SIZE) if flatten else ((self.seq_lengths,), (self.BLOCK_SIZE,))
        return (
            *lengths, self.kv_num_blocks, self.kv_indices, self.full_kv_num_blocks, self.full_kv_indices, self.q_num_blocks,
            self.q_indices, self.full_q_num_blocks, self.full_q_indices, None, None, None, None, *sizes, self.mask_mod,
        )  # fmt: skip

    @property
    def shape(self) -> tuple[int, ...]:
        return (*self.kv_indices.shape[:-2], *self.seq_lengths)

    def __getitem__(self, index: Any) -> BlockMask:
        """The mask of some elements of the batch, heads and rows of blocks, whose function is to be set anew."""
        given = index if isinstance(index, tuple) else (index,)
        places = tuple(
            (slice(i + n, i + n + 1) if -n <= i < 0 else slice(i, i + 1)) if isinstance(i, int) else i
            for i, n in zip((*given, *[slice(None)] * 3)[:3], self.kv_num_blocks.shape[:3])
        )
        chosen = [(number[places], columns[places]) for number, columns in self._blocks()]
        return self._like(chosen, _sliced_mask_mod_error, self.seq_lengths)

    def _adjust(self, new_q_len: int, new_kv_len: int) -> BlockMask:
        """The upper left corner, for fewer queries and keys."""
        rows, extent = (-(-new // size) for new, size in zip((new_q_len, new_kv_len), self.BLOCK_SIZE, strict=True))
        kept = []
        for number, columns in self._blocks():
            columns = columns[:, :, :rows, :extent]
            number = number[:, :, :rows].clamp_max(extent)
            kept.append(((columns < number.unsqueeze(-1)).sum(-1).to(flambeau.int32), columns))
        return self._like(kept, self.mask_mod, (new_q_len, new_kv_len))

    def numel(self) -> int:
        """How many pairs of queries and keys there are, seen or not."""
        return math.prod(self.shape)

    def sparsity(self) -> float:
        """How many of the pairs are in blocks that are left out, in percent."""
        there = sum(int(number.sum()) for number, _ in self._blocks())
        return 100 * (1 - there * self.BLOCK_SIZE[0] * self.BLOCK_SIZE[1] / self.numel())

    def to_dense(self) -> Tensor:
        """1 for each block that is not left out, else 0 (…, rows, columns)."""
        first, *more = [_ordered_to_dense(number, columns, columns.shape[-1]) for number, columns in self._blocks()]
        return first | more[0] if more else first

    def to_string(self, grid_size: int | tuple[int, int] = (20, 20), limit: int = 4) -> str:
        """A picture of the blocks for up to ``limit`` elements of batch and heads, of ``grid_size`` characters at most."""
        dense = self.to_dense()
        *batch, rows, columns = dense.shape
        most = (grid_size, grid_size) if isinstance(grid_size, int) else grid_size
        down, across = (max(1, -(-extent // limit)) for extent, limit in zip((rows, columns), most, strict=True))
        pictures = []
        for number, place in enumerate(product(*map(range, batch))):
            if number == limit:
                pictures += [
                    "...",
                    "To print out more, set BlockMask.to_string(limit=N)",
                    "You can also index (BlockMask[batch, head]) to choose a specific batch or head",
                ]
                break
            here = dense[place].float()
            shares = [
                [float(here[r : r + down, c : c + across].mean()) for c in range(0, columns, across)]
                for r in range(0, rows, down)
            ]
            lines = ["".join(2 * ("█" if share == 1 else " " if share == 0 else "░") for share in line) for line in shares]
            pictures.append("\n".join([str(place), *lines, ""]))
        return "\n".join(pictures)

    def __str__(self) -> str:
        return f"BlockMask(shape={self.shape}, sparsity={self.sparsity():.2f}%, \n{self.to_string().strip()}\n)"

    def __repr__(self) -> str:
        names = [f"{full}{axis}_{what}" for axis in ("kv", "q") for full in ("", "full_") for what in ("num_blocks", "indices")]
        shapes = {name: getattr(self, name) for name in names}
        parts = {name: None if part is None else part.shape for name, part in shapes.items()}
        parts |= {"BLOCK_SIZE": self.BLOCK_SIZE, "shape": self.shape, "sparsity": f"{self.sparsity():.2f}%"}
        parts |= {"mask_mod": getattr(self.mask_mod, "__name__", self.mask_mod)}
        return "BlockMask(\n" + ",\n".join(f"    {name}={part}" for name, part in parts.items()) + "\n)"

    def to(self, device: Any) -> BlockMask:
        """The same, there being one device."""
        flambeau.device(device)
        return self


def create_block_mask(
    mask_mod: Callable[..., Tensor], B: int | None, H: int | None, Q_LEN: int, KV_LEN: int, device: Any = None,  # noqa: N803
    BLOCK_SIZE: int | tuple[int, int] = _DEFAULT_SPARSE_BLOCK_SIZE, _compile: bool = False,  # noqa: N803
    separate_full_blocks: bool = True,
) -> BlockMask:  # fmt: skip
    """The blocks of a mask (B, H, Q_LEN, KV_LEN) that a function of numbers lets through."""
    if _compile:
        warn("_compile flag on create_block_mask says nothing, and will be removed in the future.", DeprecationWarning)
    sizes = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else BLOCK_SIZE
    mask = create_mask(mask_mod, B, H, Q_LEN, KV_LEN, device)
    if mask.dtype is not flambeau.bool:
        raise AssertionError(f"mask.dtype must be torch.bool, got {mask.dtype}")
    mask = flambeau.nn.functional.pad(mask, (0, -KV_LEN % sizes[1], 0, -Q_LEN % sizes[0]))
    seen = mask.unflatten(-1, (-1, sizes[1])).unflatten(-3, (-1, sizes[0])).sum((-3, -1))
    everything = sizes[0] * sizes[1]
    blocks = [_dense_to_ordered((seen > 0) & (seen < everything) if separate_full_blocks else seen > 0)]
    blocks += [_dense_to_ordered(seen == everything)] if separate_full_blocks else []
    return _mask_of(blocks, sizes, mask_mod, (Q_LEN, KV_LEN))


# --- attention --------------------------------------------------------------------------------------------------------


def _check(query: Tensor, key: Tensor, value: Tensor, mask: BlockMask | None, enable_gqa: bool) -> None:
    if query.size(-1) != key.size(-1):
        raise ValueError(
            "Expect query and key/value to have the same embedding dimension but got "
            f"E={query.size(-1)} and E={key.size(-1)}."
        )
    if query.dim() != 4 or key.dim() != 4 or value.dim() != 4:
        raise NotImplementedError("NYI: query, key, and value must be 4D tensors")
    if not enable_gqa and query.size(-3) != key.size(-3):
        raise ValueError(
            "Expect query and key/value to have the same number of heads but got "
            f"Hq={query.size(-3)} and Hkv={key.size(-3)}. Try setting enable_gqa=True for GQA."
        )
    if enable_gqa and query.size(1) % key.size(1):
        raise ValueError(
            "Expect number of query heads to be a multiple of kv heads for GQA but got "
            f"Hq={query.size(1)} and Hkv={key.size(1)}."
        )
    if query.size(0) != key.size(0):
        if mask is None:
            raise ValueError(
                "Expect query and key/value to have the same batch size, or non-none block_mask, but got block_mask=None, "
                f"Bq={query.size(0)}, and Bkv={key.size(0)}."
            )
        if mask.kv_num_blocks.size(0) != query.size(0):
            raise ValueError(
                "Expect query and key/value to have the same batch size, or block_mask and query to have the same batch "
                f"size, but got Bq={query.size(0)}, Bkv={key.size(0)}, B_block_mask={mask.kv_num_blocks.size(0)}."
            )
    if mask is None or mask.BLOCK_SIZE == (_LARGE_SPARSE_BLOCK_SIZE, _LARGE_SPARSE_BLOCK_SIZE):
        return
    if mask.mask_mod is _sliced_mask_mod_error:
        raise RuntimeError("Cannot use mask_mod from a sliced BlockMask")
    lengths, wanted = (query.size(-2), key.size(-2)), mask.shape[-2:]
    if lengths != wanted:
        larger = lengths[0] > wanted[0] or lengths[1] > wanted[1]
        advice = (
            "As the block mask was created for a smaller length than you're using it for, you likely need to create a new "
            "block mask."
            if larger
            else "As the block mask was created for a larger length than you're using it for, you can either 1. create a new "
            "block mask with the correct length, or 2. 'adjust' the existing block mask to the correct length by calling "
            "block_mask._adjust(q_len, kv_len). This essentially 'crops' the block mask to the upper left corner, which does "
            "not work for all mask_mods!"
        )
        raise ValueError(
            f"block_mask was created for block_mask.shape={mask.shape} but got q_len={lengths[0]} and kv_len={lengths[1]}. "
            f"{advice}"
        )


def flex_attention(
    query: Tensor, key: Tensor, value: Tensor, score_mod: Callable[..., Tensor] | None = None,
    block_mask: BlockMask | None = None, scale: float | None = None, enable_gqa: bool = False, return_lse: bool = False,
    kernel_options: Any = None, *, return_aux: AuxRequest | None = None,
) -> Any:  # fmt: skip
    """``softmax(score_mod(query keyᵀ · scale)) value`` where the mask lets scores through, of (B, H, L, E), (B, H, S, E) and
    (B, H, S, Ev); a row that sees nothing gives zeros.

    With ``return_lse``, or as ``return_aux`` says, a pair of it and of what else is wanted. Gradients are those of the
    composition, through tensors that the functions look at, too.
    """
    _check(query, key, value, block_mask, enable_gqa)
    if return_lse:
        if return_aux is not None:
            raise ValueError(
                "Cannot specify both return_lse and return_aux. return_lse is deprecated, please use "
                "return_aux=AuxRequest(lse=True) instead."
            )
        warn_once(
            "return_lse is deprecated and will be removed in v2.10. Please use return_aux=AuxRequest(lse=True) instead.",
            FutureWarning,
        )
    factor = 1.0 / math.sqrt(max(query.size(-1), 1)) if scale is None else scale
    shape = (*query.shape[:3], key.size(-2))
    mask_mod = noop_mask if block_mask is None else block_mask.mask_mod
    seen = None if mask_mod is noop_mask else mask_mod(*_numbers(*shape)).expand(shape)
    if score_mod is None and not return_lse and return_aux is None:
        return flambeau.nn.functional.scaled_dot_product_attention(
            query, key, value, seen, scale=factor, enable_gqa=enable_gqa
        )
    groups = query.size(1) // key.size(1)
    key, value = (x.repeat_interleave(groups, 1) if groups > 1 else x for x in (key, value))
    work = flambeau.float64 if query.dtype is flambeau.float64 else flambeau.float32
    scores = query.to(work) @ key.to(work).transpose(-2, -1) * factor
    if score_mod is not None:
        scores = score_mod(scores, *_numbers(*shape)).to(work).expand(shape)
    if seen is not None:
        scores = flambeau.where(seen, scores, -math.inf)
    result = safe_softmax(scores, 3).to(query.dtype) @ value
    if return_lse:
        return result, scores.logsumexp(-1)
    if return_aux is None:
        return result
    return result, AuxOutput(
        scores.logsumexp(-1) if return_aux.lse else None, scores.amax(-1) if return_aux.max_scores else None
    )
