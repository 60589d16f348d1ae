import re

import contracts
import numpy as np
import pytest

from srgan_tf.config import TrainConfig
from srgan_tf.losses import PerceptualLoss, charbonnier, l1, mse, parse_terms, total_loss
from srgan_tf.losses.terms import INFORMED, LOSSES

HR, SR = contracts.images(8, 8, seed=1), contracts.images(8, 8, seed=2)


def test_the_help_has_every_loss():
    text = TrainConfig.__dataclass_fields__["losses"].metadata["help"]
    named = {loss: re.search(rf"\b{name}\b", text) for name, loss in {**LOSSES, **INFORMED}.items()}
    named[l1] = re.search(r"\bl1\b", text)  # pixel is another name of it
    assert all(named.values()), named


def test_names_weights_and_functions():
    terms = parse_terms("pixel:0.01, mse : 2e-3,charbonnier")
    assert [term.name for term in terms] == ["pixel", "mse", "charbonnier"]
    assert [term.weight for term in terms] == [0.01, 0.002, 1.0]
    assert [term.fn for term in terms] == [l1, mse, charbonnier]


@pytest.mark.parametrize("text", ["", "  "])
def test_no_terms(text):
    assert parse_terms(text) == ()
    total, values = total_loss((), HR, SR)
    assert float(total) == 0
    assert values == {}


def test_vgg_terms():
    terms = parse_terms("vgg22,l1,vgg22_mse:1,vgg12_relu,vgg31_relu_mse:0.5", vgg_weights="random")
    names = ["vgg22", "l1", "vgg22_mse", "vgg12_relu", "vgg31_relu_mse"]
    assert [term.name for term in terms] == names
    (shared,) = {term.fn for term in terms if term.name != "l1"}
    assert isinstance(shared, PerceptualLoss)
    assert shared.features.layer_names == ("conv2_2", "conv1_2", "conv3_1")
    total, values = total_loss(terms, HR, SR)
    assert list(values) == names
    assert float(total) == pytest.approx(sum(term.weight * float(values[term.name]) for term in terms), rel=1e-6)


def test_what_a_term_needs_is_handed_to_it():
    terms = parse_terms("ldl:2,l1,features")
    assert [term.needs for term in terms] == [("average",), (), ("real_maps", "fake_maps")]
    total, values = total_loss(terms, HR, SR, average=SR, real_maps=[HR], fake_maps=[SR])
    assert float(values["features"]) == pytest.approx(float(values["l1"]))
    assert float(total) == pytest.approx(2 * float(values["ldl"]) + 2 * float(values["l1"]), rel=1e-6)


def test_terms_of_a_teacher():
    """Each compares with its own reference: exchanging HR and the teacher's images exchanges the values."""
    teacher = contracts.images(8, 8, seed=3)
    terms = parse_terms("l1:1,vgg12:0.5,teacher:2,teacher_mse:3,teacher_vgg12:0.25", vgg_weights="random")
    assert [term.of_teacher for term in terms] == [False, False, True, True, True]
    total, values = total_loss(terms, HR, SR, teacher=teacher)
    _, swapped = total_loss(terms, teacher, SR, teacher=HR)
    assert float(values["teacher"]) == pytest.approx(np.abs(teacher - SR).mean(), rel=1e-5)
    assert float(values["teacher_mse"]) == pytest.approx(np.square(teacher - SR).mean(), rel=1e-5)
    assert float(values["teacher"]) == pytest.approx(float(swapped["l1"]), rel=1e-6)
    assert float(values["teacher_vgg12"]) == pytest.approx(float(swapped["vgg12"]), rel=1e-6)
    assert float(values["vgg12"]) == pytest.approx(float(swapped["teacher_vgg12"]), rel=1e-6)
    assert float(total) == pytest.approx(sum(term.weight * float(values[term.name]) for term in terms), rel=1e-6)


def test_total_loss():
    terms = parse_terms("l1:0.5,mse:3,vgg11:0.01", vgg_weights="random")
    total, values = total_loss(terms, HR, SR)
    assert list(values) == ["l1", "mse", "vgg11"]
    assert float(values["mse"]) == pytest.approx(((HR - SR) ** 2).mean(), rel=1e-5)
    expected = 0.5 * values["l1"] + 3 * values["mse"] + 0.01 * values["vgg11"]
    assert total.dtype == "float32"
    np.testing.assert_allclose(total, expected, rtol=1e-6)
    assert float(values["vgg11"]) > 0


@pytest.mark.parametrize(("text", "said"), [
    ("l2", "unknown loss 'l2'; known: charbonnier, color, features, flow, focal_frequency, grid, "),
    ("teacher_ldl", "unknown loss 'teacher_ldl'"),
    ("teacher,teacher", "each loss may be given once; got 'teacher' 2 times"),
    ("charbonier:1", "Did you mean 'charbonnier'?"),
    ("vgg55", "unknown loss 'vgg55'"),
    ("vgg13", "unknown loss 'vgg13'"),
    ("vgg54_mse_relu", "unknown loss 'vgg54_mse_relu'"),
    ("l1,,mse", "unknown loss ''"),
    ("l1:", "weight of loss 'l1' must be a number of at least 0, as in l1:0.01; got 'l1:'"),
    ("l1:much", "weight of loss 'l1' must be a number"),
    ("l1:-1", "weight of loss 'l1' must be a number"),
    ("mse:nan", "weight of loss 'mse' must be a number"),
    ("mse:inf", "weight of loss 'mse' must be a number"),
    ("l1:1:2", "weight of loss 'l1' must be a number"),
    ("l1,mse,l1:2", "each loss may be given once; got 'l1' 2 times in 'l1,mse,l1:2'"),
])
def test_what_cannot_be_read(text, said):
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        parse_terms(text)
    assert "\n" not in str(caught.value)


def test_a_bad_term_is_named_before_anything_is_downloaded():
    with pytest.raises(ValueError, match="unknown loss 'l3'"):
        parse_terms("vgg54,l3", vgg_weights="imagenet")


def test_missing_vgg_weights(tmp_path):
    with pytest.raises(ValueError, match=r"no such file.*--vgg_weights=FILE"):
        parse_terms("vgg54", vgg_weights=str(tmp_path / "absent.h5"))
