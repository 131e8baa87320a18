"""The messages of TensorBoard's event files, as far as they are written here: names and numbers are those of its protocols."""

from __future__ import annotations

from ._wire import Field, Message

#: Numbers that stand for a tensor's dtype.
DT_FLOAT, DT_DOUBLE, DT_STRING = 1, 2, 7


class Dim(Message):
    size = Field(1, "int")


class TensorShapeProto(Message):
    dim = Field(2, Dim, repeated=True)

    @classmethod
    def of(cls, sizes: tuple[int, ...]) -> TensorShapeProto:
        """The message for a shape."""
        return cls(dim=[Dim(size=size) for size in sizes])


class TensorProto(Message):
    dtype = Field(1, "int")
    tensor_shape = Field(2, TensorShapeProto)
    half_val = Field(13, "int", repeated=True)
    float_val = Field(5, "float", repeated=True)
    double_val = Field(6, "double", repeated=True)
    int_val = Field(7, "int", repeated=True)
    string_val = Field(8, "bytes", repeated=True)
    scomplex_val = Field(9, "float", repeated=True)
    int64_val = Field(10, "int", repeated=True)
    bool_val = Field(11, "int", repeated=True)
    dcomplex_val = Field(12, "double", repeated=True)
    uint32_val = Field(16, "int", repeated=True)


class HistogramProto(Message):
    min = Field(1, "double")
    max = Field(2, "double")
    num = Field(3, "double")
    sum = Field(4, "double")
    sum_squares = Field(5, "double")
    bucket_limit = Field(6, "double", repeated=True)
    bucket = Field(7, "double", repeated=True)


class PluginData(Message):
    plugin_name = Field(1, "string")
    content = Field(2, "bytes")


class SummaryMetadata(Message):
    plugin_data = Field(1, PluginData)
    display_name = Field(2, "string")
    summary_description = Field(3, "string")

    @classmethod
    def of(cls, plugin_name: str, content: Message | None = None, **values: str) -> SummaryMetadata:
        """What says which part of TensorBoard shows a value, with that part's own message."""
        data = PluginData(plugin_name=plugin_name, content=None if content is None else content.SerializeToString())
        return cls(plugin_data=data, **values)


class Image(Message):
    height = Field(1, "int")
    width = Field(2, "int")
    colorspace = Field(3, "int")
    encoded_image_string = Field(4, "bytes")


class Audio(Message):
    sample_rate = Field(1, "float")
    num_channels = Field(2, "int")
    length_frames = Field(3, "int")
    encoded_audio_string = Field(4, "bytes")
    content_type = Field(5, "string")


class Value(Message):
    tag = Field(1, "string")
    metadata = Field(9, SummaryMetadata)
    simple_value = Field(2, "float")
    image = Field(4, Image)
    histo = Field(5, HistogramProto)
    audio = Field(6, Audio)
    tensor = Field(8, TensorProto)


class Summary(Message):
    value = Field(1, Value, repeated=True)

    @classmethod
    def of(cls, tag: str, **values: Message | float) -> Summary:
        """The summary of one value."""
        return cls(value=[Value(tag=tag, **values)])


class SessionLog(Message):
    status = Field(1, "int")


class TaggedRunMetadata(Message):
    tag = Field(1, "string")
    run_metadata = Field(2, "bytes")


class Event(Message):
    wall_time = Field(1, "double")
    step = Field(2, "int")
    file_version = Field(3, "string")
    graph_def = Field(4, "bytes")
    summary = Field(5, Summary)
    session_log = Field(7, SessionLog)
    tagged_run_metadata = Field(8, TaggedRunMetadata)


# --- hyperparameters ------------------------------------------------------------------------------------------------------


class Scalar(Message):
    number_value = Field(2, "double")
    string_value = Field(3, "string")
    bool_value = Field(4, "int")


class ListValue(Message):
    values = Field(1, Scalar, repeated=True)


class HParamsEntry(Message):
    key = Field(1, "string")
    value = Field(2, Scalar)


class SessionStartInfo(Message):
    hparams = Field(1, HParamsEntry, repeated=True)


class SessionEndInfo(Message):
    status = Field(1, "int")


class HParamInfo(Message):
    name = Field(1, "string")
    type = Field(4, "int")
    domain_discrete = Field(5, ListValue)


class MetricName(Message):
    tag = Field(2, "string")


class MetricInfo(Message):
    name = Field(1, MetricName)


class Experiment(Message):
    hparam_infos = Field(4, HParamInfo, repeated=True)
    metric_infos = Field(5, MetricInfo, repeated=True)


class HParamsPluginData(Message):
    version = Field(1, "int")
    experiment = Field(2, Experiment)
    session_start_info = Field(3, SessionStartInfo)
    session_end_info = Field(4, SessionEndInfo)


# --- other parts of TensorBoard -------------------------------------------------------------------------------------------


class MultilineChartContent(Message):
    tag = Field(1, "string", repeated=True)


class Series(Message):
    value = Field(1, "string")
    lower = Field(2, "string")
    upper = Field(3, "string")


class MarginChartContent(Message):
    series = Field(1, Series, repeated=True)


class Chart(Message):
    title = Field(1, "string")
    multiline = Field(2, MultilineChartContent)
    margin = Field(3, MarginChartContent)


class Category(Message):
    title = Field(1, "string")
    chart = Field(2, Chart, repeated=True)


class Layout(Message):
    category = Field(2, Category, repeated=True)


class PrCurvePluginData(Message):
    version = Field(1, "int")
    num_thresholds = Field(2, "int")


class TextPluginData(Message):
    """Of its version 0 there is nothing to say."""


class MeshPluginData(Message):
    version = Field(1, "int")
    name = Field(2, "string")
    content_type = Field(3, "int")
    json_config = Field(5, "string")
    shape = Field(6, "int", repeated=True)
    components = Field(7, "int")


# --- graphs ---------------------------------------------------------------------------------------------------------------


class ShapeList(Message):
    shape = Field(7, TensorShapeProto, repeated=True)


class AttrValue(Message):
    list = Field(1, ShapeList)
    s = Field(2, "bytes")


class AttrEntry(Message):
    key = Field(1, "string")
    value = Field(2, AttrValue)


class NodeDef(Message):
    name = Field(1, "string")
    op = Field(2, "string")
    input = Field(3, "string", repeated=True)
    attr = Field(5, AttrEntry, repeated=True)


class VersionDef(Message):
    producer = Field(1, "int")


class GraphDef(Message):
    node = Field(1, NodeDef, repeated=True)
    versions = Field(4, VersionDef)


class DeviceStepStats(Message):
    device = Field(1, "string")


class StepStats(Message):
    dev_stats = Field(1, DeviceStepStats, repeated=True)


class RunMetadata(Message):
    step_stats = Field(1, StepStats)
