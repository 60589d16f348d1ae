"""The few messages that a gRPC client of TensorFlow Serving needs, without TensorFlow.

tensorflow-serving-api's own messages import TensorFlow. These are described here by their field numbers
(tensorflow_serving/apis/*.proto, tensorflow/core/framework/*.proto), in a pool of their own; tests hold them against
the originals.
"""

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2

PACKAGE = "srgan_tf.wire"
UINT8, STRING = 4, 7  # values of tensorflow.DataType
# Message: {field: (number, type)}; "*type" repeats, "%type" is a map from strings.
MESSAGES = {
    "Dim": {"size": (1, "int64")},
    "Shape": {"dim": (2, "*Dim"), "unknown_rank": (3, "bool")},
    "Tensor": {"dtype": (1, "int32"), "shape": (2, "Shape"), "content": (4, "bytes"), "ints": (7, "*int32"),
               "strings": (8, "*bytes")},
    "ModelSpec": {"name": (1, "string"), "version": (2, "google.protobuf.Int64Value"), "signature_name": (3, "string"),
                  "version_label": (4, "string")},
    "PredictRequest": {"model_spec": (1, "ModelSpec"), "inputs": (2, "%Tensor")},
    "PredictResponse": {"outputs": (1, "%Tensor"), "model_spec": (2, "ModelSpec")},
    "MetadataRequest": {"model_spec": (1, "ModelSpec"), "metadata_field": (2, "*string")},
    "MetadataResponse": {"model_spec": (1, "ModelSpec"), "metadata": (2, "%google.protobuf.Any")},
    "TensorInfo": {"name": (1, "string"), "dtype": (2, "int32"), "shape": (3, "Shape")},
    "Signature": {"inputs": (1, "%TensorInfo"), "outputs": (2, "%TensorInfo"), "method_name": (3, "string")},
    "Signatures": {"signature_def": (1, "%Signature")},
}
_FIELD = descriptor_pb2.FieldDescriptorProto


def _describe(message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str) -> None:
    """Adds one field to a message."""
    field = message.field.add(name=name, number=number, label=_FIELD.LABEL_OPTIONAL)
    if kind[0] in "*%":
        field.label = _FIELD.LABEL_REPEATED
    plain = kind.lstrip("*%")
    if kind[0] == "%":
        entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        _describe(entry, "key", 1, "string")
        _describe(entry, "value", 2, plain)
        plain = f"{PACKAGE}.{message.name}.{entry.name}"
    scalar = getattr(_FIELD, f"TYPE_{plain.upper()}", None)
    if scalar:
        field.type = scalar
    else:
        field.type, field.type_name = _FIELD.TYPE_MESSAGE, "." + (plain if "." in plain else f"{PACKAGE}.{plain}")


def _classes() -> dict[str, type]:
    file = descriptor_pb2.FileDescriptorProto(name="srgan_tf/wire.proto", package=PACKAGE, syntax="proto3")
    pool = descriptor_pool.DescriptorPool()
    for known in (any_pb2, wrappers_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
        file.dependency.append(known.DESCRIPTOR.name)
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _describe(message, field, number, kind)
    pool.AddSerializedFile(file.SerializeToString())
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in MESSAGES}


classes = _classes()
