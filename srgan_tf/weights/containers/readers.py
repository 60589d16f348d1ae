"""What reads a file's bytes, by its ending."""

from srgan_tf.weights.containers.safetensors import read_safetensors
from srgan_tf.weights.containers.torch_files import read_torch

READERS = {".pth": read_torch, ".pt": read_torch, ".safetensors": read_safetensors}
