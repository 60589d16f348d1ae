"""No code of a file runs, and nothing is allocated because a file says so."""

import os
import pickle
import sys

import numpy as np
import pytest
from weights import hostile
from weights.hostile import ints, state, storage, tensor

from srgan_tf.hub import load_model
from srgan_tf.weights.containers.torch_files import read_torch

FOUR = np.arange(4, dtype="<f4").tobytes()
EVENTS = []
WATCHED = {"os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "pickle.find_class", "socket.connect"}
sys.addaudithook(lambda event, _: EVENTS.append(event) if event in WATCHED else None)


class Call:
    """Pickles into a call."""

    def __init__(self, function, *arguments):
        self.called = function, arguments

    def __reduce__(self):
        return self.called


def refusal(data: bytes) -> str:
    """The one line with which the bytes are refused, without anything having been run."""
    EVENTS.clear()
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the callers look at the message
        read_torch(data)
    assert not EVENTS
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_plain_tensor_is_read():
    for form in (hostile.zipped, hostile.legacy):
        arrays = read_torch(form(state(tensor(offset=1, shape=ints(3), strides=ints(1))), s0=FOUR))
        np.testing.assert_array_equal(arrays["conv_first.weight"], [1, 2, 3])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(("function", "argument", "name"), [
    (os.system, "touch broken_in", "posix.system"), (eval, "open('broken_in', 'w')", "builtin"),
    (exec, "open('broken_in', 'w')", "builtin"), (__import__, "os", "builtin")])
def test_calls_are_refused_by_name(protocol, function, argument, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call = Call(function, argument)
    for saved in (call, {"conv_first.weight": call}, {"state_dict": {"a": [call]}}, {"params": {}, "hook": (call,)}):
        program = pickle.dumps(saved, protocol)
        # The last is no checkpoint at all: a bare pickle under the name .pth.
        for data in (hostile.zipped(program), hostile.legacy(program), program):
            line = refusal(data)
            assert "refused" in line
            assert name in line or name.replace("builtin", "__builtin__") in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("program", "said"), [
    (b"(S'touch broken_in'\nios\nsystem\n.", "INST"),
    (b"(cos\nsystem\nS'id'\no.", "os.system"),
    (b"(ctorch\nSize\nS'id'\no.", "OBJ"),
    (b"\x80\x02\x82\x01.", "EXT1"), (b"\x80\x02\x83\x01\x00.", "EXT2"), (b"\x80\x02\x84\x01\x00\x00\x00.", "EXT4"),
    (b"\x80\x02ctorch\nSize\n)\x81.", "NEWOBJ"), (b"\x80\x04ctorch\nSize\n)}\x92.", "NEWOBJ_EX"),
    (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "os.system"),
    (b"\x80\x04\x8c\x0ctorch._utils\x8c\x11__builtins__.eval\x93.", "torch._utils"),
    (b"ccollections\nOrderedDict.__init__\n.", "OrderedDict.__init__"),
    (b"ctorch\nFloatStorage\n)R.", "calls torch.FloatStorage"),
    (b"ctorch\nSize\n}b.", "state of a Global"), (b"]}b.", "state of a list"),
    (b"Pos.system\n.", "PERSID"), (b"\x80\x05\x97.", "NEXT_BUFFER"), (b"\x8b\xff\xff\xff\x7f.", "damaged"),
])
def test_instructions_that_tensors_do_not_need(program, said):
    for data in (hostile.zipped(program), hostile.legacy(program)):
        assert said in refusal(data)


@pytest.mark.parametrize(("value", "said"), [
    (tensor(storage(kind=b"cos\nsystem\n")), "os.system"),
    (tensor(storage(kind=b"ctorch\nSize\n")), "not a storage"),
    (tensor(storage("1")), "missing"), (tensor(storage("../../etc/passwd")), "missing"),
    (tensor(storage(count=5)), "numbers"), (tensor(storage(count=1 << 40)), "numbers"),
    (tensor(storage(count=-4)), "form"),
    (tensor(storage(extra=b"(K\x00K\x01K\x02t")), "unknown form"),
    (tensor(offset=1), "reaches beyond"), (tensor(offset=-1), "do not fit"), (tensor(offset=1 << 47), "reaches beyond"),
    (tensor(shape=ints(1 << 30, 1 << 30), strides=ints(0, 0)), "reaches beyond"),
    (tensor(shape=ints(5), strides=ints(0)), "reaches beyond"),
    (tensor(strides=ints(-2, 1)), "do not fit"), (tensor(strides=ints(3, 1)), "reaches beyond"),
    (tensor(strides=ints(2)), "do not fit"), (tensor(held=ints(0)), "damaged"), (tensor(shape=b"]"), "damaged"),
    (b"K\x01", "not a tensor"), (b"}", "not a tensor"), (b"(" * 100_000, "damaged"),
    (b")" + b"\x85" * 100_000, "not a tensor"),
])
def test_tensors_that_lie(value, said):
    assert said in refusal(hostile.zipped(state(value), s0=FOUR))


def test_names_that_come_twice():
    twice = b"\x80\x02}" + (hostile.text("a") + tensor() + b"s") * 2 + b"."
    assert "'a' occurs twice" in refusal(hostile.zipped(twice, s0=FOUR))
    both = b"\x80\x02}" + hostile.text("a") + tensor() + b"s" + hostile.text("module.a") + tensor() + b"s."
    assert "'a' is there twice" in refusal(hostile.zipped(both, s0=FOUR))


def test_a_dict_that_holds_itself():
    program = b"\x80\x02}q\x00" + hostile.text("model") + b"h\x00s."
    assert "'model' is a dict, not a tensor" in refusal(hostile.zipped(program))


def test_shared_numbers_do_not_multiply():
    entries = b"".join(hostile.text(str(index)) + b"h\x01" for index in range(300))
    value = hostile.text("first") + tensor(storage(count=1024), shape=ints(1024), strides=ints(1)) + b"q\x01s"
    program = b"\x80\x02}" + value + b"(" + entries + b"u."
    assert "share numbers" in refusal(hostile.zipped(program, s0=bytes(4096)))


def test_small_file_cannot_ask_for_a_large_network(tmp_path):
    """The sizes are those of the file's few tensors; the network they belong to would have 100 GiB."""
    width = 60_000
    shapes = {"body.0.weight": (width, 3, 1, 1), "body.2.weight": (1, 1, 1, 1), "body.4.weight": (12, 1, 1, 1)}
    program, storages = b"\x80\x02}", {}
    for number, (name, shape) in enumerate(shapes.items()):
        count = int(np.prod(shape))
        strides = ints(*(np.cumprod((1, *shape[:0:-1]))[::-1].tolist()))
        program += hostile.text(name) + tensor(storage(str(number), count), 0, ints(*shape), strides) + b"s"
        storages[f"s{number}"] = bytes(4 * count)
    path = tmp_path / "large.pth"
    path.write_bytes(hostile.zipped(program + b".", **storages))
    with pytest.raises(ValueError, match=r"body\.0\.weight.* must be floating-point numbers \[60000, 3, 3, 3\]"):
        load_model(path)
