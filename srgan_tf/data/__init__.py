"""Training data: images from a catalog of sources, decoded once, then random aligned crops without end.

    catalog.open_source  ->  store.build_store  ->  pipeline.crops
    where images are       decoded pairs, mapped  uint8 batches, drawn from seed and step

    synthesis makes LR of each crop where --degradation asks for more than the stored one (degradation/).

    preparation.prepare writes the decoded pairs as records, which build_store maps as they lie.

A pair is an HR image uint8 [sH,sW,3] and its LR image uint8 [H,W,3], RGB, s the scale. LR comes from
the source, or is made of whole images by MATLAB's reduction; augmentation runs in the TensorFlow graph. Names load
when they are first used: the catalog needs no TensorFlow.
"""

from srgan_tf import lazy

_HOMES = {
    "Pair": "pairs",
    "SOURCES": "catalog",
    "Source": "pairs",
    "Store": "store",
    "bicubic_downsample": "degradation",
    "build_store": "store",
    "crops": "pipeline",
    "open_source": "catalog",
    "open_sources": "catalog",
    "open_synthesis": "synthesis",
    "prepare": "preparation",
}
__all__ = [*_HOMES]
__getattr__, __dir__ = lazy.names(__name__, _HOMES)
