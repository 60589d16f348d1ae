"""Files of tensors by name, whatever network they are of.

    pickles  ->  torch_files       .pth and .pt, PyTorch's
    safetensors                    .safetensors
    numbers, unwrapping            bytes to numbers; which of the dicts in a file is the network
"""

from srgan_tf.weights.containers.safetensors import read_safetensors, write_safetensors
from srgan_tf.weights.containers.torch_files import read_torch

READERS = {".pth": read_torch, ".pt": read_torch, ".safetensors": read_safetensors}

__all__ = ["READERS", "read_safetensors", "read_torch", "write_safetensors"]
