"""The upscaler that the flags of `upscale` ask for."""

import math

from srgan_tf.config import STRENGTHS, UpscaleConfig
from srgan_tf.hub import ModelRef
from srgan_tf.hub.light import default_model
from srgan_tf.inference.color_matching import matches_color
from srgan_tf.inference.upscaler import Upscaler
from srgan_tf.tokens import token_in


def bicubic_scale(config: UpscaleConfig) -> int:
    """The scale of the model bicubic, which has none of its own."""
    return math.ceil(config.scale) or 4


def model_of(config: UpscaleConfig) -> str:
    """The model of those who name none; one of the two between which --sharpness or --denoise lies."""
    between = [STRENGTHS[name].models[0] for name in config.strengths()]
    return between[0] if between else default_model(config.precision != "" or config.runtime != "tensorflow")


def configured_upscaler(config: UpscaleConfig, model: ModelRef) -> Upscaler:
    """Opens the model, or the network between two for --sharpness and --denoise."""
    network = model
    for name, strength in config.strengths().items():
        from srgan_tf.inference.strength import generator_between

        network = generator_between(name, strength, config.runtime, config.precision)
    return Upscaler(network, tile=config.tile, overlap=config.overlap, scale=bicubic_scale(config),
                    threads=config.threads, runtime=config.runtime, precision=config.precision,
                    self_ensemble=config.self_ensemble, match_color=matches_color(config),
                    trust_model=config.trust_model, server_timeout=config.server_timeout,
                    server_retries=config.server_retries, server_requests=config.server_requests,
                    server_token=token_in(config.server_token_file))
