"""The slider of the pages in a real browser, on a desktop and on a phone."""

import pytest
from serving.browser import BROWSER, DRIVER, browsing

from srgan_tf.config.compare import Box
from srgan_tf.evaluation.comparison import Comparison, Result
from srgan_tf.evaluation.comparison_page import Subject, draw_comparison_page

pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="needs a browser: apt-get install chromium chromium-driver")
# For places of the line: where the thumb's centre is, and where the line is, in CSS pixels.
THUMB = """
const line = document.querySelector(".line"), divider = document.querySelector(".divider");
return [0, 20, 50, 100].map((percent) => {
  line.value = percent;
  line.dispatchEvent(new Event("input"));
  const room = line.getBoundingClientRect(), box = divider.getBoundingClientRect();
  const thumb = parseFloat(getComputedStyle(line).getPropertyValue("--thumb"));
  return [room.left + thumb / 2 + (room.width - thumb) * percent / 100, (box.left + box.right) / 2];
});
"""
SIDES = 'return ["left", "right"].map((side) => document.querySelector(`.layer.${side} img`).alt)'
LONG = "a_model_" + "with_a_long_name_" * 6


@pytest.fixture(scope="module")
def page(tmp_path_factory, photo):
    """A page of six results, three of them between two; one failed with a long line."""
    names = ["bicubic", "edsr_x4", LONG, "perceptual_x4", "sharpness 0.25", "sharpness 0.5"]
    results = [Result(name, photo // (index + 1), 4, 1.5, 1000, "Apache-2.0", f"--model={name}")
               for index, name in enumerate(names)]
    path = {0.0: "edsr_x4", 0.25: "sharpness 0.25", 0.5: "sharpness 0.5", 1.0: "perceptual_x4"}
    subject = Subject(f"{LONG}.jpg", photo, Box(64, 64, 30, 20))
    file = tmp_path_factory.mktemp("page") / "page.html"
    comparison = Comparison(4, results, {"other": "/".join([LONG] * 3)}, path)
    file.write_text(draw_comparison_page(subject, comparison))
    return file.as_uri()


def test_a_desktop(page, tmp_path):
    with browsing(tmp_path) as browser:
        browser.open(page)
        browser.wait("document.querySelector('.layer.left img').complete")
        assert browser.run(SIDES) == ["bicubic", "edsr_x4"]
        assert max(abs(thumb - line) for thumb, line in browser.run(THUMB)) < 0.1
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")

        strength = 'document.getElementById("strength")'
        browser.run(f"{strength}.value = 2; {strength}.dispatchEvent(new Event('input'))")
        assert browser.run(SIDES) == ["bicubic", "sharpness 0.5"]
        assert browser.run('return [sharpness.innerText, command.innerText]') == [
            "0.5", f"python -m srgan_tf.upscale {LONG}.jpg --model=sharpness 0.5"]
        browser.run("document.querySelectorAll('#results tbody button')[0].click()")
        assert browser.run(SIDES) == ["bicubic", "input"]
        assert browser.run("return command.parentElement.hidden")
        assert browser.run("return sharpness.innerText") == "move to show it on the right"

        browser.run("document.querySelector('.stage').focus()")
        browser.keys("x")
        assert browser.run(SIDES) == ["input", "bicubic"]
        place = "return [parseFloat(document.querySelector('.divider').style.left), stage.className]".replace(
            "stage.", "document.querySelector('.stage').")
        browser.keys("\ue012")  # left
        assert browser.run(place) == [98, "stage"]
        browser.run("document.querySelector('.line').focus()")
        browser.keys("\ue012\ue012\ue014")  # left, left, right
        assert browser.run(place)[0] == 96
        browser.run("document.querySelector('.stage').focus()")
        browser.keys("+++++++")
        assert "zoomed" in browser.run(place)[1]
        browser.keys("\ue012")
        assert browser.run(place)[0] == 96
        browser.keys("0")
        box = browser.run("const b = document.querySelector('.stage').getBoundingClientRect();"
                          "return [b.left, b.top, b.width, b.height]")
        middle = box[1] + box[3] / 2
        browser.drag((box[0] + box[2] / 2, middle), (box[0] + box[2] / 4, middle))
        assert abs(browser.run(place)[0] - 25) < 1
        assert [url for url in browser.requests() if not url.startswith("data:")] == [page]
        assert [entry for entry in browser.log("browser") if entry["level"] == "SEVERE"] == []


def test_a_phone(page, tmp_path):
    with browsing(tmp_path, 390, 844, phone=True) as phone:
        phone.open(page)
        assert phone.run("return [innerWidth, document.documentElement.scrollWidth]") == [390, 390]
        assert max(abs(thumb - line) for thumb, line in phone.run(THUMB)) < 0.1
        heights = phone.run("return [...document.querySelectorAll('.slider :is(select, button, .line), #strength')]"
                            ".map((element) => element.offsetHeight)")
        assert min(heights) >= 44
        stage = "document.querySelector('.stage').getBoundingClientRect()"
        left, top, width = phone.run(f"const b = {stage}; return [b.left, b.top, b.width]")
        phone.drag((left + width / 2, top + 60), (left + width / 4, top + 60), "touch")
        assert abs(phone.run("return parseFloat(document.querySelector('.divider').style.left)") - 25) < 2
