"""What event files say of values: a summary for each kind of them, as a message."""

from __future__ import annotations

import io
import json
import wave
from typing import Any

import numpy as np

from ...core.tensor import Tensor
from ...graph.dtypes import int16
from . import _messages as m
from ._convert_np import make_np
from ._messages import HistogramProto, Summary, SummaryMetadata, TensorProto, TensorShapeProto
from ._pictures import as_bytes, convert_to_HWC, make_image, make_video, prepare_video

#: How tensors of each dtype are written: TensorFlow's number for it, and the field.
_DTYPES = {
    "float16": (19, "half_val"), "bfloat16": (14, "half_val"), "float32": (m.DT_FLOAT, "float_val"),
    "float64": (m.DT_DOUBLE, "double_val"), "int8": (6, "int_val"), "uint8": (4, "uint32_val"), "int16": (5, "int_val"),
    "int32": (3, "int_val"), "int64": (9, "int64_val"), "bool": (10, "bool_val"), "complex64": (8, "scomplex_val"),
    "complex128": (18, "dcomplex_val"),
}  # fmt: skip

_MOST_THRESHOLDS = 127


def scalar(
    name: str, tensor: Any, collections: Any = None, new_style: bool = False, double_precision: bool = False
) -> Summary:
    """One number: as float32, or with ``new_style`` as a tensor, which may be of float64."""
    array = make_np(tensor).squeeze()
    if array.ndim:
        raise AssertionError(
            f"Tensor should contain one element (0 dimensions). Was given size: {array.size} and {array.ndim} dimensions."
        )
    value = float(array)
    if not new_style:
        return Summary.of(name, simple_value=value)
    if double_precision:
        number = TensorProto(dtype=m.DT_DOUBLE, double_val=[value])
    else:
        number = TensorProto(dtype=m.DT_FLOAT, float_val=[value])
    return Summary.of(name, tensor=number, metadata=SummaryMetadata.of("scalars"))


def tensor_proto(tag: str, tensor: Tensor) -> Summary:
    """A tensor with its dtype and shape."""
    if tensor.numel() * tensor.itemsize >= 1 << 31:
        raise ValueError("tensor is bigger than protocol buffer's hard limit of 2GB in size")
    if tensor.dtype.name not in _DTYPES:
        raise ValueError(f"{tag} has unsupported tensor dtype {tensor.dtype}")
    number, field = _DTYPES[tensor.dtype.name]
    flat = tensor.detach().flatten()
    if field == "half_val":  # the bits
        values = flat.view(int16).numpy().view(np.uint16)
    else:
        values = (flat.view_as_real().flatten() if tensor.dtype.is_complex else flat).numpy()
    proto = TensorProto(dtype=number, tensor_shape=TensorShapeProto.of(tuple(tensor.shape)), **{field: values})
    return Summary.of(tag, metadata=SummaryMetadata.of("tensor"), tensor=proto)


def histogram_raw(
    name: str, min: float, max: float, num: float, sum: float, sum_squares: float, bucket_limits: Any, bucket_counts: Any
) -> Summary:
    """A histogram that was counted already; each bucket has its upper limit."""
    counted = HistogramProto(
        min=min, max=max, num=num, sum=sum, sum_squares=sum_squares, bucket_limit=bucket_limits, bucket=bucket_counts
    )
    return Summary.of(name, histo=counted)


def histogram(name: str, values: Any, bins: Any, max_bins: int | None = None) -> Summary:
    """How many values fall into each bin; ``bins`` is what ``numpy.histogram`` takes."""
    return Summary.of(name, histo=make_histogram(make_np(values).astype(float), bins, max_bins))


def make_histogram(values: np.ndarray, bins: Any, max_bins: int | None = None) -> HistogramProto:
    """The message for a histogram: the bins from the first to the last that is not empty, and an empty one before them."""
    if values.size == 0:
        raise ValueError("The input has no element.")
    values = values.reshape(-1)
    counts, limits = np.histogram(values, bins=bins)
    if max_bins is not None and len(counts) > max_bins:
        each = len(counts) // max_bins
        if len(counts) % each:
            counts = np.pad(counts, (0, each - len(counts) % each))
        counts = counts.reshape(-1, each).sum(axis=-1)
        limits = np.append(limits[:-1:each], limits[-1])
    (filled,) = np.nonzero(counts)
    if not len(filled):
        raise ValueError("The histogram is empty, please file a bug report.")
    start, end = filled[0], filled[-1] + 1
    return HistogramProto(
        min=values.min(), max=values.max(), num=len(values), sum=values.sum(), sum_squares=values.dot(values),
        bucket_limit=limits[start : end + 1], bucket=np.concatenate([[0], counts])[start : end + 1],
    )  # fmt: skip


def image(tag: str, tensor: Any, rescale: float = 1, dataformats: str = "NCHW") -> Summary:
    """A picture, or several in a grid: uint8, or other numbers from 0 to 1."""
    return Summary.of(tag, image=make_image(as_bytes(convert_to_HWC(make_np(tensor), dataformats)), rescale=rescale))


def image_boxes(
    tag: str, tensor_image: Any, tensor_boxes: Any, rescale: float = 1, dataformats: str = "CHW", labels: Any = None
) -> Summary:
    """A picture with boxes (left, top, right, bottom), which may have labels."""
    picture = as_bytes(convert_to_HWC(make_np(tensor_image), dataformats))
    return Summary.of(tag, image=make_image(picture, rescale=rescale, rois=make_np(tensor_boxes), labels=labels))


def video(tag: str, tensor: Any, fps: float = 4) -> Summary:
    """Clips [n, time, channels, height, width], side by side."""
    return Summary.of(tag, image=make_video(as_bytes(prepare_video(make_np(tensor))), fps))


def audio(tag: str, tensor: Any, sample_rate: int = 44100) -> Summary:
    """A sound of one channel, from -1 to 1."""
    array = make_np(tensor).squeeze()
    if abs(array).max() > 1:
        print("warning: audio amplitude out of range, auto clipped.")
        array = array.clip(-1, 1)
    if array.ndim != 1:
        raise AssertionError("input tensor should be 1 dimensional.")
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(sample_rate)
        sound.writeframes((array * np.iinfo(np.int16).max).astype("<i2").tobytes())
    sound_proto = m.Audio(
        sample_rate=sample_rate, num_channels=1, length_frames=len(array), encoded_audio_string=file.getvalue(),
        content_type="audio/wav",
    )  # fmt: skip
    return Summary.of(tag, audio=sound_proto)


def text(tag: str, text: str) -> Summary:
    """A text, which TensorBoard reads as Markdown."""
    written = TensorProto(dtype=m.DT_STRING, string_val=[text.encode()], tensor_shape=TensorShapeProto.of((1,)))
    metadata = SummaryMetadata.of("text", m.TextPluginData())
    return Summary.of(tag + "/text_summary", metadata=metadata, tensor=written)


def custom_scalars(layout: dict[str, dict[str, Any]]) -> Summary:
    """How charts of scalars are arranged: category, title, and ["Multiline" or "Margin", tags]."""
    categories = []
    for category, charts in layout.items():
        made = []
        for title, (kind, tags, *_) in charts.items():
            if kind != "Margin":
                made.append(m.Chart(title=title, multiline=m.MultilineChartContent(tag=tags)))
                continue
            if len(tags) != 3:
                raise AssertionError("len(tags) != 3")
            value, lower, upper = tags
            series = m.Series(value=value, lower=lower, upper=upper)
            made.append(m.Chart(title=title, margin=m.MarginChartContent(series=[series])))
        categories.append(m.Category(title=category, chart=made))
    written = m.Layout(category=categories).SerializeToString()
    proto = TensorProto(dtype=m.DT_STRING, string_val=[written], tensor_shape=TensorShapeProto())
    return Summary.of("custom_scalars__config__", tensor=proto, metadata=SummaryMetadata.of("custom_scalars"))


def pr_curve_raw(
    tag: str, tp: Any, fp: Any, tn: Any, fn: Any, precision: Any, recall: Any, num_thresholds: int = 127,
    weights: Any = None,
) -> Summary:  # fmt: skip
    """Precision and recall that were computed already, at rising thresholds, with the counts they come from."""
    return _curve(tag, np.stack((tp, fp, tn, fn, precision, recall)), min(num_thresholds, _MOST_THRESHOLDS))


def pr_curve(tag: str, labels: Any, predictions: Any, num_thresholds: int = 127, weights: Any = None) -> Summary:
    """Precision and recall of predictions from 0 to 1, at thresholds between these."""
    thresholds = min(num_thresholds, _MOST_THRESHOLDS)
    return _curve(tag, compute_curve(labels, predictions, thresholds, weights), thresholds)


def _curve(tag: str, data: np.ndarray, thresholds: int) -> Summary:
    metadata = SummaryMetadata.of("pr_curves", m.PrCurvePluginData(num_thresholds=thresholds))
    proto = TensorProto(
        dtype=m.DT_FLOAT, float_val=data.reshape(-1), tensor_shape=TensorShapeProto.of(data.shape)
    )
    return Summary.of(tag, metadata=metadata, tensor=proto)


def compute_curve(labels: Any, predictions: Any, num_thresholds: int = 127, weights: Any = None) -> np.ndarray:
    """True and false positives, true and false negatives, precision and recall at each threshold: [6, thresholds]."""
    weights = 1.0 if weights is None else weights
    buckets = np.floor(predictions * (num_thresholds - 1)).astype(np.int32)
    positive = labels.astype(np.float64)

    def at_least(weights: np.ndarray) -> np.ndarray:
        counts, _ = np.histogram(buckets, bins=num_thresholds, range=(0, num_thresholds - 1), weights=weights)
        return np.cumsum(counts[::-1])[::-1]

    tp, fp = at_least(positive * weights), at_least((1.0 - positive) * weights)
    tn, fn = fp[0] - fp, tp[0] - tp
    smallest = 1e-7
    return np.stack((tp, fp, tn, fn, tp / np.maximum(smallest, tp + fp), tp / np.maximum(smallest, tp + fn)))


def mesh(
    tag: str, vertices: Any, colors: Any, faces: Any, config_dict: Any, display_name: str | None = None,
    description: str | None = None,
) -> Summary:  # fmt: skip
    """Points in space [n, points, 3], with the colours of points and the corners of faces."""
    config = "{}" if config_dict is None else json.dumps(config_dict, sort_keys=True)
    given = [("VERTEX", 1, vertices), ("FACE", 2, faces), ("COLOR", 3, colors)]
    parts = [(name, kind, make_np(values)) for name, kind, values in given if values is not None]
    components = sum(1 << kind for _, kind, _ in parts)
    summaries = []
    for name, kind, values in parts:
        if values.ndim != 3:
            raise ValueError(f"Tensor shape should be of shape BxNx3, but got {values.shape}.")
        data = m.MeshPluginData(
            name=tag, content_type=kind, components=components, shape=values.shape, json_config=config
        )
        described = {"display_name": display_name, "summary_description": description}
        metadata = SummaryMetadata.of("mesh", data, **{name: said for name, said in described.items() if said is not None})
        shape = TensorShapeProto.of(values.shape)
        proto = TensorProto(dtype=m.DT_FLOAT, float_val=values.reshape(-1), tensor_shape=shape)
        summaries.append(m.Value(tag=f"{tag}_{name}", tensor=proto, metadata=metadata))
    return Summary(value=summaries)


# --- hyperparameters ------------------------------------------------------------------------------------------------------


def hparams(
    hparam_dict: dict[str, Any], metric_dict: dict[str, Any], hparam_domain_discrete: dict[str, list[Any]] | None = None
) -> tuple[Summary, Summary, Summary]:
    """What an experiment varies and measures, the values of this run, and that it has ended well."""
    domains = hparam_domain_discrete or {}
    given = {"hparam_dict": hparam_dict, "metric_dict": metric_dict, "hparam_domain_discrete": domains}
    for name, dictionary in given.items():
        if not isinstance(dictionary, dict):
            raise TypeError(f"parameter: {name} should be a dictionary, nothing logged.")
    for key, values in domains.items():
        known = key in hparam_dict and isinstance(values, list)
        if not known or not all(isinstance(value, type(hparam_dict[key])) for value in values):
            raise TypeError(
                f"parameter: hparam_domain_discrete[{key}] should be a list of same type as hparam_dict[{key}]."
            )
    entries, infos = [], []
    for key, value in hparam_dict.items():
        if value is None:
            continue
        if isinstance(value, Tensor):
            value = float(make_np(value).reshape(-1)[0])
        scalar, kind = _typed(value)
        entries.append(m.HParamsEntry(key=key, value=scalar))
        choices = [_typed(choice)[0] for choice in domains[key]] if key in domains else None
        infos.append(
            m.HParamInfo(name=key, type=kind, domain_discrete=None if choices is None else m.ListValue(values=choices))
        )
    metrics = [m.MetricInfo(name=m.MetricName(tag=key)) for key in metric_dict]
    return (
        _session("experiment", experiment=m.Experiment(hparam_infos=infos, metric_infos=metrics)),
        _session("session_start_info", session_start_info=m.SessionStartInfo(hparams=entries)),
        _session("session_end_info", session_end_info=m.SessionEndInfo(status=1)),
    )


def _typed(value: Any) -> tuple[m.Scalar, int]:
    """A hyperparameter's value, and the number of its type; truth values count as numbers, as in PyTorch's files."""
    if isinstance(value, int | float):
        return m.Scalar(number_value=value), 3
    if isinstance(value, str):
        return m.Scalar(string_value=value), 1
    raise ValueError("value should be one of int, float, str, bool, or torch.Tensor")


def _session(name: str, **content: Any) -> Summary:
    metadata = SummaryMetadata.of("hparams", m.HParamsPluginData(**content))
    return Summary.of(f"_hparams_/{name}", metadata=metadata)


__all__ = [
    "audio", "compute_curve", "custom_scalars", "histogram", "histogram_raw", "hparams", "image", "image_boxes",
    "make_histogram", "make_image", "mesh", "pr_curve", "pr_curve_raw", "scalar", "tensor_proto", "text", "video",
]  # fmt: skip
