"""Names of one folder found in another, as data sets and programs write them."""

from pathlib import Path

import pytest

from srgan_tf.imaging.name_matching import base_name, match_names
from srgan_tf.settings import check_pattern


@pytest.mark.parametrize(("name", "expected"), [
    ("0001x4.png", "0001"), ("0001x4m.png", "0001"), ("0001x4w.png", "0001"), ("0001x4d.png", "0001"),
    ("baby_SR.png", "baby"), ("baby-sr.png", "baby"), ("baby_x2_SR.png", "baby"), ("a-out.webp", "a"),
    ("img_001_SRF_4_LR.png", "img_001"), ("img_001_SRF_4_HR.png", "img_001"), ("comic_bicubic.tif", "comic"),
    ("img_001.png", "img_001"), ("0001.png", "0001"), ("x4.png", "x4"), ("_SR.png", "_SR"), ("0001x5.png", "0001x5"),
    ("super.png", "super"), ("flower.png", "flower"),
    ("baboon_rlt.png", "baboon"), ("a-4x.png", "a"), ("a_SwinIR.png", "a"),
    ("baby_ESRGAN_SRx4_DF2KOST_official-ff704c30.png", "baby"), ("a_RealESRGAN_x4plus.png", "a"),
    ("a_EDSR_Lx4_test.png", "a"),
    ("IMG-1_upscayl_4x_realesrgan-x4plus-anime.png", "IMG-1"), ("a_upscayl_4x.png", "a"), ("x_x4_msrresnet.png", "x"),
    ("miku(UpRGB)(noise_scale)(Level3)(x4.000000).png", "miku"), ("miku_waifu2x_art_scale.png", "miku"),
    ("a_scale_4.0x.png", "a"), ("a_hat.png", "a_hat"), ("a_HAT_SRx4.png", "a"), ("4x.png", "4x"), ("a24x.png", "a24x")])
def test_base_names(name, expected):
    assert base_name(Path("folder") / name) == expected


def paths(folder: str, *names: str) -> list[Path]:
    return [Path(folder, name) for name in names]


@pytest.mark.parametrize(("references", "others", "expected"), [
    (("a.png", "b.png"), ("b.jpg", "a.png"), ("a.png", "b.jpg")),
    (("0001.png", "0002.png"), ("0002x4.png", "0001x4.png"), ("0001x4.png", "0002x4.png")),
    (("baby_HR.png",), ("baby_SR.png", "bird_SR.png"), ("baby_SR.png",)),
    (("img_001_SRF_4_HR.png",), ("img_001_SRF_4_LR.png",), ("img_001_SRF_4_LR.png",)),
    (("a.png",), ("a_SR.png", "a.png"), ("a.png",)),  # the name itself goes before the base name
])
def test_matches(references, others, expected):
    assert match_names(paths("HR", *references), paths("SR", *others)) == paths("SR", *expected)


def test_no_image_of_that_name():
    with pytest.raises(ValueError, match=r"b.png: no image of that name in SR"):
        match_names(paths("HR", "a.png", "b.png"), paths("SR", "a.png", "c.png"))
    with pytest.raises(ValueError, match=r"a.png: no image of that name in an empty folder"):
        match_names(paths("HR", "a.png"), [])


@pytest.mark.parametrize("others", [("a.png", "a.jpg"), ("ax4.png", "a_SR.png")])
def test_more_than_one_image_of_that_name(others):
    with pytest.raises(ValueError, match=r"a.png: 2 images \(.*, .*\) of that name in SR"):
        match_names(paths("HR", "a.png"), paths("SR", *others))


@pytest.mark.parametrize(("references", "others", "expected"), [
    (("a.png", "b.png"), ("a-topaz-4.png", "b-topaz-4.png"), ("a-topaz-4.png", "b-topaz-4.png")),  # unknown, but one
    (("a.png", "ab.png"), ("mine_a.png", "mine_ab.png"), ("mine_a.png", "mine_ab.png")),
    (("fish.png", "fish_scale.png"), ("fish_x4.png", "fish_scale_x4.png"), ("fish_x4.png", "fish_scale_x4.png")),
    (("{a}.png",), ("{a} {new}.png",), ("{a} {new}.png",)),
])
def test_one_addition_for_all(references, others, expected):
    assert match_names(paths("HR", *references), paths("SR", *others)) == paths("SR", *expected)


@pytest.mark.parametrize(("references", "others", "message"), [
    (("a.png", "b.png"), ("a-one.png", "b-one.png", "a-two.png", "b-two.png"),
     r"a.png: 2 images \(a-one.png, a-two.png\)"),
    (("a.png", "b.png"), ("a-one.png", "b-two.png"), "a.png: no image of that name in SR"),
    (("an.png",), ("banana.png",), "an.png: no image of that name in SR"),  # not set off
])
def test_additions_that_do_not_decide(references, others, message):
    with pytest.raises(ValueError, match=message):
        match_names(paths("HR", *references), paths("SR", *others))


@pytest.mark.parametrize(("pattern", "expected"), [
    ("{name}_x4*", ("a_x4_0815.png", "ab_x4_1.png")), ("new [{name}].png", ("new [a].png", "new [ab].png")),
    ("{name}", ("a.png", "ab.png")), ("??? [{name}]", ("new [a].png", "new [ab].png"))])
def test_patterns(pattern, expected):
    others = paths("SR", "a.png", "ab.png", "a_x4_0815.png", "ab_x4_1.png", "new [a].png", "new [ab].png")
    assert match_names(paths("HR", "a.png", "ab.png"), others, pattern) == paths("SR", *expected)


def test_an_ambiguous_pattern_is_refused_by_name():
    with pytest.raises(ValueError, match=r"a.png: 2 images \(a_x4_1.png, a_x4_2.png\) of that name in SR; say so"):
        match_names(paths("HR", "a.png"), paths("SR", "a_x4_1.png", "a_x4_2.png"), "{name}_x4*", "; say so")


@pytest.mark.parametrize("pattern", ["*_x4", "{name}/x4"])
def test_patterns_that_name_no_reference(pattern):
    with pytest.raises(ValueError, match=r"--sr_pattern must hold \{name\}"):
        check_pattern(pattern, "--sr_pattern")
