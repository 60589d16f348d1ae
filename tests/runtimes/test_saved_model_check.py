"""A SavedModel that can do more than compute is refused by name before anything of it runs."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from srgan_tf.inference import Upscaler
from srgan_tf.runtimes import open_runtime
from srgan_tf.runtimes.saved_model_check import check_saved_model

IMAGE = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)


class Doubling(tf.Module):
    """Nearest-neighbour upscaling by 2 times a variable, with something done on the way."""

    def __init__(self, aside=lambda: ()):
        self.gain, self.aside = tf.Variable(1.0), aside

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, "image")], autograph=False)
    def serve(self, image):
        with tf.control_dependencies(self.aside()):
            larger = tf.repeat(tf.repeat(tf.cast(image, tf.float32) * self.gain, 2, 1), 2, 2)
        return {"upscaled": tf.cast(larger, tf.uint8)}


def save(path: Path, aside=lambda: ()) -> Path:
    module = Doubling(aside)
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.serve})
    return path


def edited(path: Path, change) -> Path:
    """The SavedModel with its first graph changed in place."""
    proto = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    change(proto.meta_graphs[0])
    (path / "saved_model.pb").write_bytes(proto.SerializeToString())
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return save(tmp_path_factory.mktemp("plain") / "model")


@pytest.fixture
def copy(plain, tmp_path):
    return Path(shutil.copytree(plain, tmp_path / "copy"))


def refusal(path) -> str:
    with pytest.raises(ValueError, match="does more than compute") as caught:
        open_runtime(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert "--trust_model" in str(caught.value)
    return str(caught.value)


def test_ordinary_models_pass(plain):
    assert np.array_equal(Upscaler(plain)(IMAGE), IMAGE.repeat(2, 0).repeat(2, 1))


def test_keras_and_version_1_pass(tmp_path):
    import keras

    network = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(12, 3, padding="same"),
                                keras.layers.BatchNormalization(), keras.layers.PReLU(shared_axes=[1, 2])])
    network.export(str(tmp_path / "keras"), verbose=False)
    check_saved_model(tmp_path / "keras")
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        image = tf.compat.v1.placeholder(tf.float32, [None, None, None, 3])
        weight = tf.compat.v1.get_variable("weight", [3])
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.saved_model.simple_save(session, str(tmp_path / "v1"), {"x": image}, {"y": image * weight})
    check_saved_model(tmp_path / "v1")


def table_from_file():
    table = tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64)
    return [tf.raw_ops.InitializeTableFromTextFileV2(
        table_handle=table, filename="/etc/passwd", key_index=-2, value_index=-1, vocab_size=-1, delimiter="\t")]


ASIDE = {
    "ReadFile": lambda: [tf.io.read_file("/etc/hostname")],
    "WriteFile": lambda: [tf.raw_ops.WriteFile(filename="written", contents="x")],
    "MatchingFiles": lambda: [tf.io.matching_files("/home/*")],
    "EagerPyFunc": lambda: [tf.py_function(lambda: open("written", "w").close(), [], [])],
    "PyFuncStateless": lambda: [tf.numpy_function(lambda: np.float32(1), [], tf.float32, stateful=False)],
    "SaveV2": lambda: [tf.raw_ops.SaveV2(prefix="written", tensor_names=["a"], shape_and_slices=[""], tensors=[1.0])],
    "RestoreV2": lambda: tf.raw_ops.RestoreV2(prefix="/tmp/x", tensor_names=["a"], shape_and_slices=[""],
                                              dtypes=[tf.float32]),
    "TextLineDataset": lambda: [tf.data.TextLineDataset("/etc/hostname").reduce(0, lambda n, _: n + 1)],
    "ImmutableConst": lambda: [tf.raw_ops.ImmutableConst(
        dtype=tf.uint8, shape=[4], memory_region_name="/etc/hostname")],
    "PrintV2": lambda: [tf.raw_ops.PrintV2(input="x", output_stream="file:///tmp/x", end="")],
    "InitializeTableFromTextFileV2": table_from_file,
    "DebugIdentityV2": lambda: [tf.raw_ops.DebugIdentityV2(
        input=1.0, tfdbg_context_id="", op_name="", output_slot=0, tensor_debug_mode=1,
        debug_urls=["file:///tmp/x"], circular_buffer_size=0, tfdbg_run_id="")],
    "DecodeProtoV2": lambda: [tf.raw_ops.DecodeProtoV2(
        bytes="", message_type="a", field_names=["b"], output_types=[tf.int32],
        descriptor_source="/etc/hostname").sizes],
    "CollectiveReduceV2": lambda: [tf.raw_ops.CollectiveReduceV2(
        input=1.0, group_size=1, group_key=1, instance_key=1, ordering_token=[], merge_op="Add", final_op="Id")],
}


@pytest.mark.parametrize("operation", ASIDE)
def test_operations_that_do_more_than_compute(tmp_path, monkeypatch, operation):
    monkeypatch.chdir(tmp_path)
    path = save(tmp_path / "model", ASIDE[operation])
    assert operation in refusal(path)
    assert not (tmp_path / "written").exists()


def test_trust_is_the_callers(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    path = save(tmp_path / "model", ASIDE["ReadFile"])
    assert Upscaler(path, trust_model=True).scale == 2
    tf.io.write_file("in/a.png", tf.io.encode_png(IMAGE))
    done = command("upscale", "in/a.png", f"--model={path}")
    assert done.status == 2
    assert "ReadFile can read or write files" in done.err
    assert len(done.err.splitlines()) == 1
    assert command("upscale", "in/a.png", f"--model={path}", "--trust_model").status == 0


def rename(meta):
    next(node for function in meta.graph_def.library.function for node in function.node_def
         if node.op == "Mul").op = "StrangersOp"


def other_host(meta):
    meta.graph_def.node[0].device = "/job:worker/replica:0/task:0"


def asset(meta):
    meta.asset_file_def.add(filename="../../etc/passwd").tensor_info.name = "x:0"


def saver_function(meta, operation: str):
    return next(function for function in meta.graph_def.library.function
                if any(node.op == operation for node in function.node_def))


def save_at_load(meta):
    """What restores the variables is the function that saves."""
    meta.saver_def.restore_op_name = meta.saver_def.save_tensor_name.split(":")[0]


def save_at_start(meta):
    meta.collection_def["saved_model_main_op"].node_list.value.append(meta.saver_def.save_tensor_name)


def save_in_signature(meta):
    signature = meta.signature_def["serving_default"]
    signature.outputs["other"].CopyFrom(signature.outputs["upscaled"])
    signature.outputs["other"].name = meta.saver_def.save_tensor_name


def save_by_object(meta):
    meta.object_graph_def.concrete_functions[saver_function(meta, "SaveV2").signature.name].Clear()


def save_in_place_of_another(meta):
    saver_function(meta, "SaveV2").attr["api_implements"].s = b"serve"


def other_file(meta):
    """The saver restores from a constant, as a checkpoint elsewhere would be read."""
    call = next(node for node in meta.graph_def.node if node.name == meta.saver_def.restore_op_name)
    constant = meta.graph_def.node.add(name="elsewhere", op="Const")
    constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto("/home/other/model"))
    constant.attr["dtype"].type = tf.string.as_datatype_enum
    call.input[0] = "elsewhere"


def other_file_inside(meta):
    function = saver_function(meta, "RestoreV2")
    node = next(node for node in function.node_def if node.op == "RestoreV2")
    node.input[0] = node.input[1]


@pytest.mark.parametrize(("change", "said"), [
    (rename, "StrangersOp is unknown to TensorFlow"), (other_host, "another host"), (asset, "asset"),
    (save_at_load, "SaveV2 can read or write files when the variables are restored"),
    (save_at_start, "SaveV2 .*when the model is loaded"), (save_in_signature, "SaveV2 .*loaded or run"),
    (save_by_object, "SaveV2 .*loaded or run"), (save_in_place_of_another, "in place of another"),
    (other_file, "RestoreV2 .*restored"), (other_file_inside, "RestoreV2 .*restored"),
], ids=lambda value: getattr(value, "__name__", ""))
def test_ways_around(copy, change, said):
    assert re.search(said, refusal(edited(copy, change)))


def test_cases_start_from_a_model_that_passes(copy):
    check_saved_model(edited(copy, lambda meta: None))


def test_mutated_files_end_in_a_line(copy):
    """Parsing alone, so hundreds are cheap: a model or a ValueError of one line."""
    original = (copy / "saved_model.pb").read_bytes()
    random, refused = np.random.default_rng(0), 0
    for _ in range(200):
        data = bytearray(original)
        for place in random.integers(0, len(data), random.integers(1, 9)):
            data[place] ^= random.integers(1, 256)
        (copy / "saved_model.pb").write_bytes(data)
        try:
            check_saved_model(copy)
        except ValueError as error:
            refused += 1
            assert "\n" not in str(error)  # noqa: PT017
    assert refused > 50
