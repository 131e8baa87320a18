"""``SummaryWriter``: event files that TensorBoard shows."""

from __future__ import annotations

import itertools
import os
import socket
import time
from datetime import datetime
from typing import Any

from . import _embedding, summary
from ._convert_np import make_np
from ._messages import Event, SessionLog, TaggedRunMetadata
from ._records import write_record

_files = itertools.count()
_START = 1


def _default_bins() -> list[float]:
    """Limits of bins, each a tenth further from zero than the one before."""
    limits = []
    limit = 1e-12
    while limit < 1e20:
        limits.append(limit)
        limit *= 1.1
    return [-limit for limit in reversed(limits)] + [0] + limits


class FileWriter:
    """An event file, in a directory that is made if need be.

    What is added is written when ``max_queue`` events have come, or some ``flush_secs`` seconds after it last was, and
    when the file is flushed or closed.
    """

    def __init__(self, log_dir: Any, max_queue: int = 10, flush_secs: float = 120, filename_suffix: str = "") -> None:
        self._directory = os.fspath(log_dir) if isinstance(log_dir, os.PathLike) else str(log_dir)
        self._max_queue = max_queue
        self._flush_secs = flush_secs
        self._suffix = filename_suffix
        self._open()

    def _open(self) -> None:
        os.makedirs(self._directory, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time()):010}.{socket.gethostname()}.{os.getpid()}.{next(_files)}"
        self._file = open(os.path.join(self._directory, name + self._suffix), "wb")
        self._pending = 0
        self._flushed = time.monotonic()
        self.add_event(Event(file_version="brain.Event:2"))
        self.flush()

    def get_logdir(self) -> str:
        """The directory of the file."""
        return self._directory

    def add_event(self, event: Any, step: Any = None, walltime: float | None = None) -> None:
        """Add an event, which gets the step, and the time unless another is given."""
        event.wall_time = time.time() if walltime is None else walltime
        if step is not None:
            event.step = int(step)
        write_record(self._file, event.SerializeToString())
        self._pending += 1
        if self._pending > self._max_queue or time.monotonic() - self._flushed >= self._flush_secs:
            self.flush()

    def add_summary(self, summary: Any, global_step: Any = None, walltime: float | None = None) -> None:
        """Add a summary as an event."""
        self.add_event(Event(summary=summary), global_step, walltime)

    def add_graph(self, graph_profile: Any, walltime: float | None = None) -> None:
        """Add a graph, and what is known of running it."""
        graph, stats = graph_profile
        self.add_event(Event(graph_def=graph.SerializeToString()), None, walltime)
        run = TaggedRunMetadata(tag="step1", run_metadata=stats.SerializeToString())
        self.add_event(Event(tagged_run_metadata=run), None, walltime)

    def flush(self) -> None:
        """Write what was added."""
        self._file.flush()
        self._pending = 0
        self._flushed = time.monotonic()

    def close(self) -> None:
        """Write what was added, and close the file."""
        self._file.close()

    def reopen(self) -> None:
        """Go on in a new file, if this one is closed."""
        if self._file.closed:
            self._open()


class SummaryWriter:
    """Writes numbers, histograms, pictures, texts … of a program into event files in ``log_dir``.

    Without ``log_dir``, that is ``runs/`` with the time, the host's name and ``comment``. With ``purge_step``, what earlier
    files in the directory say of this step and later ones is hidden.
    """

    def __init__(
        self, log_dir: Any = None, comment: str = "", purge_step: int | None = None, max_queue: int = 10,
        flush_secs: float = 120, filename_suffix: str = "",
    ) -> None:  # fmt: skip
        if not log_dir:
            started = datetime.now().strftime("%b%d_%H-%M-%S")
            log_dir = os.path.join("runs", f"{started}_{socket.gethostname()}{comment}")
        self.log_dir = log_dir
        self.purge_step = purge_step
        self.max_queue = max_queue
        self.flush_secs = flush_secs
        self.filename_suffix = filename_suffix
        self.file_writer: FileWriter | None = None
        self.all_writers: dict[str, FileWriter] | None = None
        self.default_bins = _default_bins()
        self._projector = ""
        self._get_file_writer()

    def _get_file_writer(self) -> FileWriter:
        """The file of this run, opened anew if it was closed."""
        if self.all_writers is None or self.file_writer is None:
            self.file_writer = self._new_writer(self.log_dir)
            self.all_writers = {self.file_writer.get_logdir(): self.file_writer}
            if self.purge_step is not None:
                self.file_writer.add_event(Event(step=self.purge_step, file_version="brain.Event:2"))
                self.file_writer.add_event(Event(step=self.purge_step, session_log=SessionLog(status=_START)))
                self.purge_step = None
        return self.file_writer

    def _new_writer(self, directory: Any) -> FileWriter:
        return FileWriter(directory, self.max_queue, self.flush_secs, self.filename_suffix)

    def _add(self, value: Any, step: Any = None, walltime: float | None = None) -> None:
        self._get_file_writer().add_summary(value, step, walltime)

    def get_logdir(self) -> Any:
        """The directory of the files."""
        return self.log_dir

    # --- numbers ----------------------------------------------------------------------------------------------------------

    def add_scalar(
        self, tag: str, scalar_value: Any, global_step: Any = None, walltime: float | None = None,
        new_style: bool = False, double_precision: bool = False,
    ) -> None:  # fmt: skip
        """A number at a step."""
        value = summary.scalar(tag, scalar_value, new_style=new_style, double_precision=double_precision)
        self._add(value, global_step, walltime)

    def add_scalars(
        self, main_tag: str, tag_scalar_dict: dict[str, Any], global_step: Any = None, walltime: float | None = None
    ) -> None:
        """Several numbers in one chart, each as a run of its own, in a directory below this one's."""
        walltime = time.time() if walltime is None else walltime
        main = self._get_file_writer().get_logdir()
        assert self.all_writers is not None
        for tag, value in tag_scalar_dict.items():
            directory = f"{main}/{main_tag.replace('/', '_')}_{tag}"
            if directory not in self.all_writers:
                self.all_writers[directory] = self._new_writer(directory)
            self.all_writers[directory].add_summary(summary.scalar(main_tag, value), global_step, walltime)

    def add_tensor(self, tag: str, tensor: Any, global_step: Any = None, walltime: float | None = None) -> None:
        """A tensor's values."""
        self._add(summary.tensor_proto(tag, tensor), global_step, walltime)

    def add_histogram(
        self, tag: str, values: Any, global_step: Any = None, bins: Any = "tensorflow", walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:  # fmt: skip
        """How values are distributed; ``bins`` is "tensorflow" (finer near zero) or what ``numpy.histogram`` takes."""
        if isinstance(bins, str) and bins == "tensorflow":
            bins = self.default_bins
        self._add(summary.histogram(tag, values, bins, max_bins=max_bins), global_step, walltime)

    def add_histogram_raw(
        self, tag: str, min: float, max: float, num: float, sum: float, sum_squares: float, bucket_limits: Any,
        bucket_counts: Any, global_step: Any = None, walltime: float | None = None,
    ) -> None:  # fmt: skip
        """A histogram that was counted already."""
        if len(bucket_limits) != len(bucket_counts):
            raise ValueError("len(bucket_limits) != len(bucket_counts), see the document.")
        counted = summary.histogram_raw(tag, min, max, num, sum, sum_squares, bucket_limits, bucket_counts)
        self._add(counted, global_step, walltime)

    def add_pr_curve(
        self, tag: str, labels: Any, predictions: Any, global_step: Any = None, num_thresholds: int = 127,
        weights: Any = None, walltime: float | None = None,
    ) -> None:  # fmt: skip
        """Precision and recall of predictions, from 0 to 1, of labels that are 0 or 1."""
        curve = summary.pr_curve(tag, make_np(labels), make_np(predictions), num_thresholds, weights)
        self._add(curve, global_step, walltime)

    def add_pr_curve_raw(
        self, tag: str, true_positive_counts: Any, false_positive_counts: Any, true_negative_counts: Any,
        false_negative_counts: Any, precision: Any, recall: Any, global_step: Any = None, num_thresholds: int = 127,
        weights: Any = None, walltime: float | None = None,
    ) -> None:  # fmt: skip
        """Precision and recall that were computed already, at each threshold."""
        counts = true_positive_counts, false_positive_counts, true_negative_counts, false_negative_counts
        curve = summary.pr_curve_raw(tag, *counts, precision, recall, num_thresholds, weights)
        self._add(curve, global_step, walltime)

    # --- pictures, sounds, texts ------------------------------------------------------------------------------------------

    def add_image(
        self, tag: str, img_tensor: Any, global_step: Any = None, walltime: float | None = None, dataformats: str = "CHW"
    ) -> None:
        """A picture: uint8, or other numbers from 0 to 1."""
        self._add(summary.image(tag, img_tensor, dataformats=dataformats), global_step, walltime)

    def add_images(
        self, tag: str, img_tensor: Any, global_step: Any = None, walltime: float | None = None, dataformats: str = "NCHW"
    ) -> None:
        """Several pictures in a grid."""
        self._add(summary.image(tag, img_tensor, dataformats=dataformats), global_step, walltime)

    def add_image_with_boxes(
        self, tag: str, img_tensor: Any, box_tensor: Any, global_step: Any = None, walltime: float | None = None,
        rescale: float = 1, dataformats: str = "CHW", labels: Any = None,
    ) -> None:  # fmt: skip
        """A picture with boxes (left, top, right, bottom) drawn into it."""
        if isinstance(labels, str):
            labels = [labels]
        if labels is not None and len(labels) != box_tensor.shape[0]:
            labels = None
        value = summary.image_boxes(tag, img_tensor, box_tensor, rescale, dataformats, labels)
        self._add(value, global_step, walltime)

    def add_figure(
        self, tag: str, figure: Any, global_step: Any = None, close: bool = True, walltime: float | None = None
    ) -> None:
        """A figure of Matplotlib's, or a list of them, as a picture."""
        from ._pictures import figure_to_image

        formats = "NCHW" if isinstance(figure, list) else "CHW"
        self.add_image(tag, figure_to_image(figure, close), global_step, walltime, dataformats=formats)

    def add_video(
        self, tag: str, vid_tensor: Any, global_step: Any = None, fps: float = 4, walltime: float | None = None
    ) -> None:
        """Clips [n, time, channels, height, width], as one animated picture."""
        self._add(summary.video(tag, vid_tensor, fps), global_step, walltime)

    def add_audio(
        self, tag: str, snd_tensor: Any, global_step: Any = None, sample_rate: int = 44100, walltime: float | None = None
    ) -> None:
        """A sound of one channel, from -1 to 1."""
        self._add(summary.audio(tag, snd_tensor, sample_rate=sample_rate), global_step, walltime)

    def add_text(self, tag: str, text_string: str, global_step: Any = None, walltime: float | None = None) -> None:
        """A text, which is shown as Markdown."""
        self._add(summary.text(tag, text_string), global_step, walltime)

    def add_mesh(
        self, tag: str, vertices: Any, colors: Any = None, faces: Any = None, config_dict: Any = None,
        global_step: Any = None, walltime: float | None = None,
    ) -> None:  # fmt: skip
        """Points in space [n, points, 3], with colours and faces."""
        self._add(summary.mesh(tag, vertices, colors, faces, config_dict), global_step, walltime)

    # --- programs and runs ------------------------------------------------------------------------------------------------

    def add_graph(
        self, model: Any, input_to_model: Any = None, verbose: bool = False, use_strict_trace: bool = True
    ) -> None:
        """What a network records for an input: primitives, and where they lie in its modules."""
        from ._graph import graph

        self._get_file_writer().add_graph(graph(model, input_to_model, verbose))

    def add_onnx_graph(self, prototxt: Any) -> None:
        """The graph in an ONNX file, which needs the package ``onnx``."""
        from ._graph import onnx_graph

        self._get_file_writer().add_graph(onnx_graph(prototxt))

    def add_hparams(
        self, hparam_dict: dict[str, Any], metric_dict: dict[str, Any],
        hparam_domain_discrete: dict[str, list[Any]] | None = None, run_name: str | None = None, global_step: Any = None,
    ) -> None:  # fmt: skip
        """Hyperparameters and what came of them, as a run of its own, in a directory below this one's."""
        if type(hparam_dict) is not dict or type(metric_dict) is not dict:
            raise TypeError("hparam_dict and metric_dict should be dictionary.")
        parts = summary.hparams(hparam_dict, metric_dict, hparam_domain_discrete)
        directory = os.path.join(self._get_file_writer().get_logdir(), run_name or str(time.time()))
        with SummaryWriter(log_dir=directory) as run:
            for part in parts:
                run._add(part, global_step)
            for tag, value in metric_dict.items():
                run.add_scalar(tag, value, global_step)

    def add_embedding(
        self, mat: Any, metadata: Any = None, label_img: Any = None, global_step: Any = None, tag: str = "default",
        metadata_header: list[str] | None = None,
    ) -> None:  # fmt: skip
        """Points [n, dimensions] for the projector, with labels and pictures [n, channels, height, width]."""
        points = make_np(mat)
        step = 0 if global_step is None else global_step
        main = self._get_file_writer().get_logdir()
        folder = f"{step:05}/{tag.replace('%', '%25').replace('/', '%2f').replace(chr(92), '%5c')}"
        path = os.path.join(main, folder)
        if os.path.isdir(path):
            print("warning: Embedding dir exists, did you set global_step for add_embedding()?")
        elif os.path.exists(path):
            raise NotADirectoryError(f"Path: `{path}` exists, but is a file. Cannot proceed.")
        os.makedirs(path, exist_ok=True)
        size = None
        if metadata is not None:
            if len(points) != len(metadata):
                raise AssertionError("#labels should equal with #data points")
            _embedding.write_labels(metadata, path, metadata_header)
        if label_img is not None:
            if len(points) != label_img.shape[0]:
                raise AssertionError("#images should equal with #data points")
            _embedding.write_sprite(label_img, path)
            size = (int(label_img.shape[3]), int(label_img.shape[2]))
        if points.ndim != 2:
            raise AssertionError("mat should be 2D, where mat.size(0) is the number of data points")
        _embedding.write_tensors(points, path)
        self._projector += _embedding.config_of(folder, step, tag, metadata is not None, size)
        with open(os.path.join(main, "projector_config.pbtxt"), "w", encoding="utf-8") as file:
            file.write(self._projector)

    def add_custom_scalars(self, layout: dict[str, dict[str, Any]]) -> None:
        """How charts are arranged: {category: {title: ["Multiline" or "Margin", tags]}}."""
        self._add(summary.custom_scalars(layout))

    def add_custom_scalars_multilinechart(
        self, tags: list[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """A chart of several scalars."""
        self.add_custom_scalars({category: {title: ["Multiline", tags]}})

    def add_custom_scalars_marginchart(
        self, tags: list[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """A chart of a scalar with a lower and an upper bound."""
        if len(tags) != 3:
            raise AssertionError(f"Expected 3 tags, got {len(tags)}.")
        self.add_custom_scalars({category: {title: ["Margin", tags]}})

    # --- files ------------------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what was added."""
        for writer in (self.all_writers or {}).values():
            writer.flush()

    def close(self) -> None:
        """Write what was added, and close the files; what is added later goes into a new one."""
        for writer in (self.all_writers or {}).values():
            writer.close()
        self.file_writer = self.all_writers = None

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


__all__ = ["FileWriter", "SummaryWriter"]
