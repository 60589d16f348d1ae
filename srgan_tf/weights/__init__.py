"""Foreign weights: PyTorch's files, read without PyTorch, .safetensors, and ncnn's .param and .bin.

    containers                          what a file says, as arrays by name; nothing in it is imported, made or called
    rrdb, edsr, ...  ->  families       which network, and its weights into a model and back; a file a network
    foreign                             a model made of a file, and a file made of a model

Only numpy is needed but by `foreign`, which builds the models.
"""

from srgan_tf import lazy

_HOMES = {
    **dict.fromkeys(("FAMILIES", "Checkpoint", "check", "fill", "read_checkpoint", "state_dict"), "families"),
    **dict.fromkeys(("READERS", "kind_of", "write_safetensors"), "containers"),
    **dict.fromkeys(("load_foreign", "save_weights"), "foreign"),
}
__getattr__, __dir__ = lazy.names(__name__, _HOMES)
