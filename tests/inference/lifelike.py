"""Small generators with weights as if trained: every path is alive, and the output has the range of an image."""

import numpy as np
from models import cases

from srgan_tf.models import GENERATORS, Generator

# As wide as in the papers: there oneDNN's convolutions give the same sums whatever the image's size. With 6 or 16
# channels SRResNet's 9x9 convolutions differ by up to 1e-6 between sizes, which moves a grey level in 100,000 by one.
WIDE = {
    "bsrn": {"features": 64, "blocks": 1},
    "dat": {"features": 64, "depths": "4", "heads": "2", "window": "2-4", "expansion": 1},
    "drcn": {"features": 64, "recursions": 1},
    "edsr": {"features": 64, "blocks": 1},
    "espcn": {"features": 64},
    "esrgan_plus": {"features": 64, "growth_channels": 32, "blocks": 1},
    "fsrcnn": {"features": 64, "shrunk": 64, "mappings": 1},
    "mobile": {"features": 64, "blocks": 1},
    "msrresnet": {"features": 64, "blocks": 1},
    "omnisr": {"features": 64, "groups": 1, "window": 2},
    "plksr": {"features": 64, "blocks": 1, "kernel_size": 9, "large_features": 16},
    "raisr": {"blending": True},
    "rcan": {"features": 64, "groups": 1, "blocks": 1},
    "rdn": {"features": 64, "growth_channels": 64, "blocks": 1, "convolutions": 2},
    "rrdb": {"features": 64, "growth_channels": 32, "blocks": 1},
    "span": {"features": 64, "blocks": 1},
    "srcnn": {"features": 64},
    "srresnet": {"features": 64, "blocks": 1},
    "srvgg": {"features": 64, "convolutions": 1},
    "vdsr": {"features": 64, "depth": 3},
}
# An architecture without a row above is taken as in its contract, but wider.
CASES = {name: WIDE.get(name, {**case, "features": 64}) for name, case in cases.CASES.items()}

# Exported in every way that there is. Between them they have all the forms that exports rearrange; contracts.check_use
# exports each of the others once.
EXPORTED = ("edsr", "msrresnet", "rrdb", "srresnet")


def lifelike(name: str, scale: int = 4, seed: int = 0, **arguments: object) -> Generator:
    """A generator with He-normal kernels, random batch statistics and an output around mid-grey."""
    generator = GENERATORS[name](**CASES[name] | {"scale": scale} | arguments)
    random = np.random.default_rng(seed)
    for weight in generator.weights:
        if weight.name == "kernel":
            deviation = (2 / np.prod(weight.shape[:-1])) ** 0.5
            weight.assign(random.normal(0, deviation, weight.shape))
        else:
            weight.assign(weight.numpy() + 0.1 * random.random(weight.shape))
    if generator.closed_form:
        return generator  # its filters are applied to differences, so that the output is around the image's own values
    noise = random.random((1, 24, 24, 3), "float32")
    plain = np.asarray(generator(noise))
    generator.tail.kernel.assign(generator.tail.kernel.numpy() * 0.2 / plain.std())
    shift = 0.5 - np.asarray(generator(noise)).mean((0, 1, 2))
    generator.tail.bias.assign(generator.tail.bias.numpy() + np.resize(shift, generator.tail.bias.shape))
    return generator
