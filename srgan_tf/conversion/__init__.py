"""Other people's weights: .pth and .pt files of PyTorch and .safetensors, read without PyTorch.

    pickles  ->  torch_files       what a file says; nothing in it is imported, made or called
    numbers  ->  safetensors
    containers                     which of the dicts in it is the network
    rrdb, edsr, ...  ->  checkpoints    which network, and its weights into a model and back; a file a network

Only numpy is needed. The models are handed in; models/files.py builds them.
"""

from srgan_tf.conversion.checkpoints import (
    FAMILIES,
    READERS,
    Checkpoint,
    check,
    fill,
    read_checkpoint,
    state_dict,
)
from srgan_tf.conversion.safetensors import write_safetensors

__all__ = ["FAMILIES", "READERS", "Checkpoint", "check", "fill", "read_checkpoint", "state_dict", "write_safetensors"]
