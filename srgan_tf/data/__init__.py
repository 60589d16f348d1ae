"""Training data: pictures from a catalog of sources, decoded once, then random aligned crops without end.

    catalog.open_source  ->  store.build_store  ->  pipeline.crops
    where pictures are       decoded pairs, mapped  uint8 batches, drawn from seed and step

A pair is an HR picture uint8 [sH,sW,3] and its LR picture uint8 [H,W,3], RGB, s the scale. Degradations and
augmentation run in the TensorFlow graph.
"""

from srgan_tf.data.catalog import SOURCES, Pair, Source, open_source, open_sources
from srgan_tf.data.degradation import bicubic_downsample
from srgan_tf.data.pipeline import crops
from srgan_tf.data.store import Store, build_store

__all__ = ["SOURCES", "Pair", "Source", "Store", "bicubic_downsample", "build_store", "crops", "open_source",
           "open_sources"]
