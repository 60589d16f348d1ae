"""Whose requests are refused: foreign names and foreign pages."""

import pytest

from srgan_tf.serving.guard import Guard


def refusal(hosts=("127.0.0.1",), origins=(), method="POST", **headers) -> str:
    headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Guard(None, hosts, origins)._reason({"method": method, "headers": headers})


@pytest.mark.parametrize("host", [
    "127.0.0.1:8501", "localhost", "LOCALHOST:8501", "[::1]:8501", "192.168.1.7", "gpu-box:8501", "gpu-box.local",
    "upscaler", "model.localhost:8501", "a.internal."])
def test_names_that_no_stranger_has(host):
    assert not refusal(host=host)


@pytest.mark.parametrize("host", [
    "evil.example", "evil.example:8501", "127.0.0.1.evil.example", "localhost.evil.example", "a@127.0.0.1",
    "[evil.com]", "1.2.3", "127.0.0.1:8501:2"])
def test_names_that_a_stranger_may_have(host):
    assert "--allowed_hosts" in refusal(host=host)


def test_further_names():
    for hosts in (["*"], ["up.example.org"], ["*.example.org"]):
        assert not refusal(hosts, host="up.example.org:80")
    assert refusal(["*.example.org"], host="example.org.evil.example")
    assert not refusal()  # HTTP/1.0 without one


@pytest.mark.parametrize(("headers", "refused"), [
    ({}, False),  # curl, TensorFlow Serving's clients
    ({"origin": "http://box:8501", "sec_fetch_site": "same-origin"}, False),
    ({"origin": "http://box"}, True),
    ({"origin": "https://evil.example", "sec_fetch_site": "cross-site"}, True),
    ({"origin": "null"}, True),
    ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"}, True),
    ({"sec_fetch_site": "same-site"}, True),
    ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}, True),  # a form of another site
    ({"sec_fetch_site": "none", "sec_fetch_mode": "navigate"}, False),
])
def test_pages(headers, refused):
    assert bool(refusal(host="box:8501", **headers)) == refused
    assert bool(refusal(origins=[headers.get("origin", "*")], host="box:8501", **headers)) is False


def test_a_link_to_the_page_works():
    assert not refusal(method="GET", host="box", sec_fetch_site="cross-site", sec_fetch_mode="navigate")
    assert refusal(method="GET", host="box", sec_fetch_site="cross-site", sec_fetch_mode="no-cors")
