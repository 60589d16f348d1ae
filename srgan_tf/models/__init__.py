"""The networks: generators that upscale images, discriminators, and VGG19's features.

Stated once for all of them: tensors are NHWC, float32, RGB in [0, 1]; a generator takes any height and width and
returns a float32 image `scale` times larger that is not clipped. Modules here import keras and numpy, never
TensorFlow, and run on any Keras backend.

BUILD.md says what a new architecture consists of.
"""

from srgan_tf.models.bsrn import BSRN
from srgan_tf.models.clip_generator import ClipGenerator
from srgan_tf.models.dat import DAT
from srgan_tf.models.discriminators import Discriminator, SRGANDiscriminator, VGG128Discriminator
from srgan_tf.models.drcn import DRCN
from srgan_tf.models.edsr import EDSR
from srgan_tf.models.espcn import ESPCN
from srgan_tf.models.esrgan_plus import ESRGANPlus
from srgan_tf.models.frvsr import FRVSR
from srgan_tf.models.fsrcnn import FSRCNN
from srgan_tf.models.generator import Generator
from srgan_tf.models.interpolation import interpolate
from srgan_tf.models.keras_files import load_keras, save_model
from srgan_tf.models.mobile import MobileSR
from srgan_tf.models.msrresnet import MSRResNet
from srgan_tf.models.omnisr import OmniSR
from srgan_tf.models.patchgan import PatchDiscriminator
from srgan_tf.models.plksr import PLKSR
from srgan_tf.models.raisr import RAISR
from srgan_tf.models.rcan import RCAN
from srgan_tf.models.rdn import RDN
from srgan_tf.models.recurrent_span import RecurrentSPAN
from srgan_tf.models.registry import CLIP_DISCRIMINATORS, CLIP_GENERATORS, DISCRIMINATORS, GENERATORS
from srgan_tf.models.rrdb import RRDB
from srgan_tf.models.span import SPAN
from srgan_tf.models.spatiotemporal import SpatioTemporalDiscriminator
from srgan_tf.models.srcnn import SRCNN
from srgan_tf.models.srresnet import SRResNet
from srgan_tf.models.srvgg import SRVGG
from srgan_tf.models.swinir import SwinIR
from srgan_tf.models.unet import UNetDiscriminator
from srgan_tf.models.vdsr import VDSR
from srgan_tf.models.vespcn import VESPCN
from srgan_tf.models.vgg import VGG19Features

__all__ = [
    "BSRN",
    "CLIP_DISCRIMINATORS",
    "CLIP_GENERATORS",
    "DAT",
    "DISCRIMINATORS",
    "DRCN",
    "EDSR",
    "ESPCN",
    "FRVSR",
    "FSRCNN",
    "GENERATORS",
    "PLKSR",
    "RAISR",
    "RCAN",
    "RDN",
    "RRDB",
    "SPAN",
    "SRCNN",
    "SRVGG",
    "VDSR",
    "VESPCN",
    "ClipGenerator",
    "Discriminator",
    "ESRGANPlus",
    "Generator",
    "MSRResNet",
    "MobileSR",
    "OmniSR",
    "PatchDiscriminator",
    "RecurrentSPAN",
    "SRGANDiscriminator",
    "SRResNet",
    "SpatioTemporalDiscriminator",
    "SwinIR",
    "UNetDiscriminator",
    "VGG19Features",
    "VGG128Discriminator",
    "interpolate",
    "load_keras",
    "save_model",
]
