"""The upscaler that the flags of `upscale` ask for."""

import math

from srgan_tf.config import UpscaleConfig
from srgan_tf.hub import ModelRef
from srgan_tf.inference.color_matching import matches_color
from srgan_tf.inference.upscaler import Upscaler
from srgan_tf.tokens import token_in


def bicubic_scale(config: UpscaleConfig) -> int:
    """The scale of the model bicubic, which has none of its own."""
    return math.ceil(config.scale) or 4


def configured_upscaler(config: UpscaleConfig, model: ModelRef) -> Upscaler:
    """Opens the model, or the network between two for --sharpness."""
    network = model
    if config.sharpness:
        from srgan_tf.inference.sharpness import generator_between

        network = generator_between(config.sharpness, config.runtime, config.precision)
    return Upscaler(network, tile=config.tile, overlap=config.overlap, scale=bicubic_scale(config),
                    threads=config.threads, runtime=config.runtime, precision=config.precision,
                    self_ensemble=config.self_ensemble, match_color=matches_color(config),
                    trust_model=config.trust_model, server_timeout=config.server_timeout,
                    server_retries=config.server_retries, server_requests=config.server_requests,
                    server_token=token_in(config.server_token_file))
