"""From what a checkpoint holds to the state_dict within: parameters by name, each once."""

from collections.abc import Mapping
from typing import Any

# Names under which trainers keep a network's parameters; the moving average first.
CONTAINERS = ("params_ema", "params", "state_dict", "model_state_dict", "generator", "model")
# Put before every name by torch.nn.DataParallel.
PREFIX = "module."
DEPTH = 4


def find_state(saved: Any) -> dict[str, Any]:
    """The innermost dict of parameters.

    Args:
        saved: what was saved: the dict itself, or dicts around it under the names of CONTAINERS.

    Returns:
        Values by name, without `module.` before it.

    Raises:
        ValueError: it is something else, or a name is there twice, with and without the prefix.
    """
    for _ in range(DEPTH):
        if not isinstance(saved, Mapping) or not saved:
            kind = "an empty dict" if isinstance(saved, Mapping) else f"a {type(saved).__name__}"
            raise ValueError(f"holds {kind}; expected tensors by name")
        inner = [name for name in CONTAINERS if isinstance(saved.get(name), Mapping)]
        if not inner:
            break
        saved = saved[inner[0]]
    state = {}
    for name, value in saved.items():
        name = str(name)
        while name.startswith(PREFIX):
            name = name.removeprefix(PREFIX)
        if name in state:
            raise ValueError(f"{name!r} is there twice, with and without {PREFIX!r} before it")
        state[name] = value
    return state


def require(state: Mapping[str, Any], kind: type) -> None:
    """Raises a ValueError that names the first entry which is not a tensor."""
    for name, value in state.items():
        if not isinstance(value, kind):
            raise ValueError(f"{name[:80]!r} is a {type(value).__name__}, not a tensor; a state_dict was expected, "
                             f"bare or under one of {', '.join(CONTAINERS)}")
