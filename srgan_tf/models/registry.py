"""Every architecture by the name that commands know it by."""

from srgan_tf.models.discriminators import SRGANDiscriminator, VGG128Discriminator
from srgan_tf.models.edsr import EDSR
from srgan_tf.models.mobile import MobileSR
from srgan_tf.models.msrresnet import MSRResNet
from srgan_tf.models.patchgan import PatchDiscriminator
from srgan_tf.models.rcan import RCAN
from srgan_tf.models.rrdb import RRDB
from srgan_tf.models.srresnet import SRResNet
from srgan_tf.models.srvgg import SRVGG
from srgan_tf.models.unet import UNetDiscriminator

GENERATORS = {
    "edsr": EDSR,
    "mobile": MobileSR,
    "msrresnet": MSRResNet,
    "rcan": RCAN,
    "rrdb": RRDB,
    "srresnet": SRResNet,
    "srvgg": SRVGG,
}
DISCRIMINATORS = {
    "patchgan": PatchDiscriminator,
    "srgan": SRGANDiscriminator,
    "unet": UNetDiscriminator,
    "vgg128": VGG128Discriminator,
}
