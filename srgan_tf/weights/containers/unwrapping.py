"""From what a checkpoint holds to the state_dict within: parameters by name, each once.

Trainers put dicts around a network's parameters and prefixes before their names, and keep scores, counters and
optimizers beside them. Only tensors are looked at, and only one dict of them is taken.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from srgan_tf.errors import UserError

# What a network is called, as the key of a dict or as the first part of names; moving averages first, and what names a
# generator before what may name anything.
NETWORKS = (
    "params_ema", "params-ema", "generator_ema", "netG_ema", "net_g_ema", "model_ema", "ema_model", "state_dict_ema",
    "ema",
    "params", "generator", "netG", "net_g", "model_g", "gen", "G",
    "state_dict", "model_state_dict", "model", "net", "network", "weights",
)
# Parts of names that wrappers add: DataParallel, torch.compile.
WRAPPERS = ("module", "_orig_mod")
# Parts of the keys of what is no network.
OTHERS = ("optim", "sched")
# Names of single numbers that trainers count or average by, beside the parameters.
COUNTERS = ("n_averaged", "num_updates", "decay", "initted", "step", "steps", "step_counter", "global_step", "iter")
DEPTH = 5


class Contents(NamedTuple):
    """What a file holds.

    Attributes:
        saved: what was saved: tensors by name, or dicts around them and things beside them.
        tensor: class of the tensors in it; each has a `shape`.
        arrays: from some of the tensors by name to arrays by name.
    """

    saved: Any
    tensor: type
    arrays: Callable[[dict[str, Any]], dict[str, np.ndarray]]

    def states(self) -> Iterator[dict[str, Any]]:
        """See `candidates`."""
        return candidates(self.saved, self.tensor)

    def first(self) -> dict[str, np.ndarray]:
        """The arrays of the likeliest dict of tensors."""
        return self.arrays(next(self.states()))


def candidates(saved: Any, tensor: type) -> Iterator[dict[str, Any]]:
    """The dicts of tensors that may be the network, the likeliest first.

    Args:
        saved: what was saved: the dict itself, or dicts around it.
        tensor: class of the tensors in it. Everything else is passed over.

    Returns:
        At least one dict. The first has the names as they are, without WRAPPERS; those after it without one more part
        that all names have, or that names a network. COUNTERS are left out.

    Raises:
        ValueError: there is no dict of tensors, or there are several; or a name occurs twice, with and without a
            wrapper's part.
    """
    state = _find_state(saved, tensor)
    unwrapped: dict[str, Any] = {}
    for name, value in state.items():
        if not isinstance(value, tensor):
            continue
        plain = ".".join(part for part in name.split(".") if part not in WRAPPERS)
        if plain in unwrapped:
            raise UserError(f"{plain[:80]!r} is there twice, with and without {' or '.join(WRAPPERS)!r} before it")
        unwrapped[plain] = value
    if any("." in name for name in unwrapped):
        unwrapped = {name: value for name, value in unwrapped.items() if name not in COUNTERS}
    yield from _without_prefixes(unwrapped, DEPTH)


def _find_state(saved: Any, tensor: type) -> Mapping[str, Any]:
    """The innermost dict of tensors."""
    for _ in range(DEPTH):
        if not isinstance(saved, Mapping) or not saved:
            kind = "an empty dict" if isinstance(saved, Mapping) else f"a {type(saved).__name__}"
            raise UserError(f"holds {kind}; expected tensors by name")
        named = [name for name in NETWORKS if isinstance(saved.get(name), Mapping)]
        if named:
            saved = saved[named[0]]
        elif any("." in name for name in _tensors(saved, tensor)):
            break
        else:
            inner = _inner(saved, tensor)
            if not inner:
                break
            saved = inner
    if not _tensors(saved, tensor):
        name, value = next(iter(saved.items()))
        raise UserError(f"{str(name)[:80]!r} is a {type(value).__name__}, not a tensor; a state_dict was expected, "
                        "bare or within dicts")
    return saved


def _inner(saved: Mapping, tensor: type) -> Mapping | None:
    """The dict within that holds tensors, or the only dict within."""
    dicts = {str(name): value for name, value in saved.items() if isinstance(value, Mapping) and value
             and not any(word in str(name).lower() for word in OTHERS)}
    distinct = {id(value): value for value in dicts.values()}
    holders = {key for key, value in distinct.items() if _tensors(value, tensor)}
    if len(holders) > 1:
        names = ", ".join(name[:40] for name, value in dicts.items() if id(value) in holders)[:200]
        raise UserError(f"holds several dicts of tensors, {names}, and their names do not tell which is the "
                        "generator; save that one alone")
    chosen = holders or (set(distinct) if len(distinct) == 1 else ())
    return distinct[next(iter(chosen))] if chosen else None


def _tensors(saved: Mapping, tensor: type) -> list[str]:
    """Names of the tensors right in the dict."""
    return [name for name, value in saved.items() if isinstance(name, str) and isinstance(value, tensor)]


def _without_prefixes(state: dict[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    yield state
    groups: dict[str, dict[str, Any]] = {}
    for name, value in state.items():
        first, _, rest = name.partition(".")
        groups.setdefault(first, {})[rest] = value
    known = [name for name in NETWORKS if name in groups]
    for name in known or (groups if len(groups) == 1 else ()):
        if depth and all(groups[name]):
            yield from _without_prefixes(groups[name], depth - 1)
