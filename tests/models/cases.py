"""Small models for the contracts."""

# A small instance of every generator; a new architecture adds its row.
CASES = {
    "bsrn": {"scale": 4, "features": 8, "blocks": 1, "reduction": 2},
    "dat": {"scale": 4, "features": 32, "depths": "2", "heads": "2", "window": "2-4", "expansion": 1},
    "drcn": {"scale": 4, "channels": 1, "features": 6, "recursions": 2},
    "edsr": {"scale": 4, "features": 6, "blocks": 2, "residual_scale": 0.5},
    "espcn": {"scale": 4, "channels": 1, "features": 6},
    "esrgan_plus": {"scale": 4, "features": 6, "growth_channels": 4, "blocks": 1, "residual_scale": 0.3},
    "fsrcnn": {"scale": 4, "channels": 1, "features": 6, "shrunk": 4, "mappings": 1},
    "mobile": {"scale": 4, "features": 6, "blocks": 1},
    "msrresnet": {"scale": 4, "features": 6, "blocks": 1},
    "omnisr": {"scale": 4, "features": 16, "groups": 1, "blocks": 1, "window": 4},
    "plksr": {"scale": 4, "features": 6, "blocks": 1, "kernel_size": 5, "large_features": 2, "norm_groups": 2},
    "raisr": {"scale": 4, "angles": 4, "strengths": 2, "coherences": 3, "filter_size": 5, "gradient_size": 3,
              "blending": True},
    "rcan": {"scale": 4, "features": 6, "groups": 1, "blocks": 1, "reduction": 2},
    "rdn": {"scale": 4, "features": 6, "growth_channels": 4, "blocks": 2, "convolutions": 2},
    "rrdb": {"scale": 4, "features": 6, "growth_channels": 4, "blocks": 1, "residual_scale": 0.3},
    "span": {"scale": 4, "features": 6, "blocks": 1, "folded": False},
    "srcnn": {"scale": 4, "channels": 1, "kernels": "9-1-5", "features": 6},
    "srresnet": {"scale": 4, "features": 6, "blocks": 1, "scalar_prelu": False},
    "srvgg": {"scale": 4, "features": 6, "convolutions": 1, "activation": "prelu"},
    "swinir": {"scale": 4, "features": 8, "depths": "2", "heads": "2", "window": 4},
    "vdsr": {"scale": 4, "channels": 1, "features": 6, "depth": 3},
}
# Other forms of them, for what depends on the form.
LUMA = [name for name, case in CASES.items() if "channels" in case]
UNSHUFFLED = [("rrdb", {**CASES["rrdb"], "scale": scale, "unshuffle": 4 // scale}) for scale in (1, 2)]
FOLDED = ("span", {**CASES["span"], "normalized": False, "folded": True})
REAL_PLKSR = ("plksr", {**CASES["plksr"], "activation": "mish", "norm": "group", "upsampler": "dysample"})
SHUFFLED_SWINIR = ("swinir", {**CASES["swinir"], "scale": 2, "unshuffle": 2, "depths": "2-1",
                              "upsampler": "nearest+conv", "connection": "3conv"})
FORMS = [*CASES.items(), UNSHUFFLED[1], FOLDED, REAL_PLKSR]
# Networks over time, whose contract is tests/models/test_clip_generators.py.
CLIP_CASES = {
    "frvsr": {"scale": 4, "features": 6, "blocks": 1, "skip": "bicubic", "flow_features": 2},
    "recurrent_span": {"scale": 4, "features": 6, "blocks": 1, "flow_features": 2},
    "vespcn": {"scale": 3, "features": 6, "layers": 3},
}
