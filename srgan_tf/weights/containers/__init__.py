"""Files of tensors by name, whatever network they are of.

    pickles  ->  torch_files       PyTorch's
    safetensors                    .safetensors
    ncnn  ->  ncnn_graph           ncnn's .param and .bin: no names, but the graph
    kinds, readers                 what a file is, and what reads it
    numbers, unwrapping            bytes to numbers; which of the dicts in a file is the network

What a file is, its first bytes say; its name's ending is asked only where they do not.
"""

from srgan_tf import lazy

_HOMES = {
    "READERS": "readers",
    **dict.fromkeys(("kind_of", "ncnn_pair"), "kinds"),
    **dict.fromkeys(("read_safetensors", "write_safetensors"), "safetensors"),
    "read_torch": "torch_files",
}
__all__ = [*_HOMES]
__getattr__, __dir__ = lazy.names(__name__, _HOMES)
