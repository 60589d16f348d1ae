"""Loads and runs a SavedModel through TensorFlow's C API, in a process without Python's TensorFlow.

    python tools/run_saved_model_in_c.py exports/NAME/1 image.npy upscaled.npy

This is what TensorFlow Serving does, whose server is C++. The libraries are those in TensorFlow's wheel, and only
ctypes and NumPy are imported. The image is uint8 [N,H,W,3].
"""

import ctypes
import importlib.util
import re
import sys
from pathlib import Path

import numpy as np

UINT8 = 4  # TF_UINT8
Pointer = ctypes.c_void_p


class Output(ctypes.Structure):
    """TF_Output: an output of an operation."""

    _fields_ = (("operation", Pointer), ("index", ctypes.c_int))


def libraries() -> tuple[ctypes.CDLL, ctypes.CDLL]:
    """TensorFlow's two libraries, in which every function is declared to return a pointer unless said otherwise."""
    folder = Path(importlib.util.find_spec("tensorflow").origin).parent
    framework = ctypes.CDLL(str(folder / "libtensorflow_framework.so.2"), ctypes.RTLD_GLOBAL)
    core = ctypes.CDLL(str(folder / "libtensorflow_cc.so.2"), ctypes.RTLD_GLOBAL)
    for library, names in ((framework, ("TF_NewStatus", "TF_NewTensor", "TF_AllocateTensor", "TF_TensorData",
                                        "TF_NewBuffer")),
                           (core, ("TF_NewGraph", "TF_NewSessionOptions", "TF_LoadSessionFromSavedModel",
                                   "TF_GraphOperationByName"))):
        for name in names:
            getattr(library, name).restype = Pointer
    framework.TF_Message.restype = ctypes.c_char_p
    framework.TF_Dim.restype = ctypes.c_int64
    return framework, core


def check(framework: ctypes.CDLL, status: Pointer) -> None:
    """Ends the process with TensorFlow's message where the last call failed."""
    if framework.TF_GetCode(status):
        sys.exit(framework.TF_Message(status).decode())


def endpoints(folder: str) -> list[tuple[str, int]]:
    """Operation and index of serving_default's input and output, read from the file's bytes.

    saved_model.pb names them as serving_default_image:0 and StatefulPartitionedCall_N:0, and the C API hands the
    MetaGraphDef over as bytes too; a C++ server has the proto's classes for that.
    """
    content = Path(folder, "saved_model.pb").read_bytes()
    # SignatureDef: TensorInfo of the key `upscaled`, whose first field (tag 0x0a) is the tensor's name.
    name, index = re.search(rb"upscaled\x12.\x0a.(\w+):(\d+)", content, re.DOTALL).groups()
    return [("serving_default_image", 0), (name.decode(), int(index))]


def main(folder: str, source: str, target: str) -> None:
    """Runs the signature `serving_default` once."""
    framework, core = libraries()
    status, graph = Pointer(framework.TF_NewStatus()), Pointer(core.TF_NewGraph())
    options, tags = Pointer(core.TF_NewSessionOptions()), (ctypes.c_char_p * 1)(b"serve")
    session = Pointer(core.TF_LoadSessionFromSavedModel(options, None, folder.encode(), tags, 1, graph, None, status))
    check(framework, status)
    images = np.ascontiguousarray(np.load(source))
    assert images.dtype == np.uint8
    shape = (ctypes.c_int64 * 4)(*images.shape)
    given = Pointer(framework.TF_AllocateTensor(UINT8, shape, 4, ctypes.c_size_t(images.nbytes)))
    ctypes.memmove(framework.TF_TensorData(given), images.ctypes.data, images.nbytes)
    ends = [Output(core.TF_GraphOperationByName(graph, name.encode()), index) for name, index in endpoints(folder)]
    assert all(end.operation for end in ends), endpoints(folder)
    made = (Pointer * 1)()
    core.TF_SessionRun(session, None, ctypes.byref(ends[0]), (Pointer * 1)(given), 1, ctypes.byref(ends[1]), made, 1,
                       None, 0, None, status)
    check(framework, status)
    result = Pointer(made[0])
    size = [framework.TF_Dim(result, axis) for axis in range(4)]
    upscaled = np.ctypeslib.as_array(ctypes.cast(framework.TF_TensorData(result), ctypes.POINTER(ctypes.c_uint8)), size)
    np.save(target, upscaled)
    assert not {"tensorflow", "keras", "srgan_tf"} & set(sys.modules)
    print(f"{list(images.shape)} -> {size} by the C API alone")


if __name__ == "__main__":
    main(*sys.argv[1:])
