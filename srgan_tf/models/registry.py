"""Every architecture by the name that commands know it by."""

from srgan_tf.models.bsrn import BSRN
from srgan_tf.models.dat import DAT
from srgan_tf.models.discriminators import SRGANDiscriminator, VGG128Discriminator
from srgan_tf.models.drcn import DRCN
from srgan_tf.models.edsr import EDSR
from srgan_tf.models.espcn import ESPCN
from srgan_tf.models.esrgan_plus import ESRGANPlus
from srgan_tf.models.frvsr import FRVSR
from srgan_tf.models.fsrcnn import FSRCNN
from srgan_tf.models.mobile import MobileSR
from srgan_tf.models.msrresnet import MSRResNet
from srgan_tf.models.omnisr import OmniSR
from srgan_tf.models.patchgan import PatchDiscriminator
from srgan_tf.models.plksr import PLKSR
from srgan_tf.models.raisr import RAISR
from srgan_tf.models.rcan import RCAN
from srgan_tf.models.rdn import RDN
from srgan_tf.models.recurrent_span import RecurrentSPAN
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

GENERATORS = {
    "bsrn": BSRN,
    "dat": DAT,
    "drcn": DRCN,
    "edsr": EDSR,
    "espcn": ESPCN,
    "esrgan_plus": ESRGANPlus,
    "fsrcnn": FSRCNN,
    "mobile": MobileSR,
    "msrresnet": MSRResNet,
    "omnisr": OmniSR,
    "plksr": PLKSR,
    "raisr": RAISR,
    "rcan": RCAN,
    "rdn": RDN,
    "rrdb": RRDB,
    "span": SPAN,
    "srcnn": SRCNN,
    "srresnet": SRResNet,
    "srvgg": SRVGG,
    "swinir": SwinIR,
    "vdsr": VDSR,
}
# Those over time, whose contract is another: ClipGenerator.
CLIP_GENERATORS = {
    "frvsr": FRVSR,
    "recurrent_span": RecurrentSPAN,
    "vespcn": VESPCN,
}
DISCRIMINATORS = {
    "patchgan": PatchDiscriminator,
    "srgan": SRGANDiscriminator,
    "unet": UNetDiscriminator,
    "vgg128": VGG128Discriminator,
}
# That of networks over time, which sees clips.
CLIP_DISCRIMINATORS = {"spatiotemporal": SpatioTemporalDiscriminator}
ARCHITECTURES = {**GENERATORS, **CLIP_GENERATORS, **DISCRIMINATORS, **CLIP_DISCRIMINATORS}
