"""The door from a name to a model."""

from srgan_tf.hub.loading import find_model, load_generator, load_model, model_name

__all__ = ["find_model", "load_generator", "load_model", "model_name"]
