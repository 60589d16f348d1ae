"""The page's graphics card, by one of the test's own: what is compared, when the processor takes over, whom it is for.

tools/check_web.py --webgpu does it with LiteRT.js on WebGPU.
"""

import functools
import http.server
import threading

import pytest
from serving.browser import BROWSER, DRIVER, browsing

import srgan_tf.page

pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="needs a browser: apt-get install chromium chromium-driver")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page, without models."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=srgan_tf.page.__path__[0])
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with browsing(tmp_path_factory.mktemp("downloads")) as browser:
            browser.open(f"http://127.0.0.1:{server.server_port}/")
            yield browser
        server.shutdown()


CARD = """
  const { onGraphicsCard } = await import(`./graphics.js?${Math.random()}`); // which knows no model yet
  const { waits, flat, fails, thrown, lost, silent, error, part, none, absent, force, damaged, hangs } = arguments[0];
  const runs = [], said = [];
  const extra = arguments[0].off === "none" ? NaN : arguments[0].off ?? 0.4;
  const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
  let device_ends = null, turns = 0;
  const device = { lost: new Promise((done) => { device_ends = done; }), pushErrorScope: () => {},
    popErrorScope: async () => (error ? { message: "Binding size is too large.\\nMore." } : null) };
  const compiled = (name, wait, make) => async () => ({
    whole: !part,
    delete: () => runs.push(`${name} ends`),
    run: async (image) => {
      runs.push(name);
      await pause(wait);
      return make(image);
    },
  });
  const unfit = () => Promise.reject(new Error("static-sized tensors alone"));
  const onCard = none ? unfit : compiled("card", waits?.[0] ?? 0, (image) => {
    turns++;
    if (turns === hangs) return new Promise(() => {});
    if (turns === fails) throw thrown ?? new Error("no memory");
    if (turns === lost) {
      device_ends({ message: silent ? "" : "Driver reset." });
      return new Promise(() => {});
    }
    if (turns === damaged) return new Float32Array(6).fill(NaN);
    return Float32Array.from(image, (value, at) => value + 2 + (at === 3 && turns === 1 ? extra : 0) / 255);
  });
  const onProcessor = compiled("processor", waits?.[1] ?? 0, (image) => Float32Array.from(image, (value) => value + 2));
  const model = { file: "a", graphics: waits && !force ? "trial" : "force" };
  const { run } = onGraphicsCard(absent ? undefined : device, model, { height: 1, width: 2 }, { onCard, onProcessor },
    (one) => said.push(one), hangs && 400);
  const made = [];
  let threw = "";
  try {
    for (const tile of [0, 1, 2]) {
      made.push([...await run(Float32Array.from({ length: 6 }, (_, at) => tile + (flat ? 0 : at) / 8))][0]);
    }
  } catch (error) {
    threw = error.message;
  }
  return { threw, runs, made, said: said.map(({ message }) => message), refused: said.some(({ refused }) => refused) };
"""
CHECKED = ["card", "processor", "card", "processor"]


@pytest.mark.parametrize(("faults", "runs", "words"), [
    ({}, [*CHECKED, "processor ends", "card", "card"], "both make the same of it"),
    ({"flat": True}, [*CHECKED, "card", "processor", "card", "processor"], "both make the same of it"),
    ({"off": 0.6}, ["card", "processor", "card ends", "processor", "processor"], "its result differs"),
    ({"off": "none"}, ["card", "processor", "card ends", "processor", "processor"], "its result differs"),
    ({"waits": [150, 0]}, [*CHECKED, "card ends", "processor", "processor"], "it takes 0."),
    ({"waits": [150, 0], "force": True}, [*CHECKED, "processor ends", "card", "card"], "both make the same of it"),
    ({"waits": [0, 150]}, [*CHECKED, "processor ends", "card", "card"], "both make the same of it"),
    ({"fails": 1}, ["card", "card ends", *3 * ["processor"]], "it failed (no memory)"),
    ({"fails": 3}, [*CHECKED, "processor ends", "card", "card ends", *2 * ["processor"]], "it failed (no memory)"),
    ({"fails": 1, "thrown": 5312}, ["card", "card ends", *3 * ["processor"]], "it failed (5312)"),
    ({"damaged": 4}, [*CHECKED, "processor ends", "card", "card", "processor", "card ends"], "its result differs"),
    ({"lost": 1, "silent": True}, ["card", "card ends", *3 * ["processor"]], "it was lost. The processor"),
    ({"lost": 4}, [*CHECKED, "processor ends", "card", "card", "card ends", "processor"], "it was lost (Driver reset)"),
    ({"error": True}, ["card", "card ends", *3 * ["processor"]], "it failed (Binding size is too large)"),
    ({"part": True}, ["card ends", *3 * ["processor"]], "it cannot run this model"),
    ({"absent": True}, 3 * ["processor"], "the browser gives no access to it")])
def test_a_graphics_card_is_compared_with_the_processor_which_takes_over_where_it_fails(page, faults, runs, words):
    found = page.run(CARD, faults)
    assert found["runs"] == runs
    assert found["made"] == [2, 3, 4]  # no tile is lost
    assert words in found["said"][-1]
    assert found["refused"] == ("both" not in words)


def test_a_model_that_cannot_be_compiled_is_left_to_another_worker(page):
    """An exception that goes through LiteRT.js can leave it with a lock, on which the processor would wait for ever."""
    found = page.run(CARD, {"none": True})
    assert (found["runs"], found["made"], found["threw"]) == ([], [], "static-sized tensors alone")
    assert found["refused"]  # as the engine waits for


@pytest.mark.parametrize(("tile", "runs", "made"), [
    (1, ["card"], []), (4, [*CHECKED, "processor ends", "card", "card"], [2, 3])])
def test_a_graphics_card_that_never_answers_is_left_with_its_worker(page, tile, runs, made):
    found = page.run(CARD, {"hangs": tile})
    assert (found["runs"], found["made"]) == (runs, made)
    assert found["threw"] == "it did not answer for 1\N{NO-BREAK SPACE}s"
    assert found["refused"]
    assert found["said"][-1] == f"The graphics card is not used: {found['threw']}. The processor computes."


JOBS = """
  const [first, second] = arguments, workers = [];
  globalThis.Worker = class {
    constructor() { workers.push(this); }
    terminate() { this.ended = true; }
    async postMessage({ model: { graphics } }) {
      const [kind, more] = graphics ? first : ["done"];
      await null;
      if (more) this.onmessage({ data: { kind: "graphics", message: "It failed.", refused: more === "refused" } });
      this.onmessage({ data: { kind, message: "Aborted", by: graphics } });
    }
  };
  const engine = await import(`./engine.js?${Math.random()}`);
  const job = (graphics) => engine.upscale(null, "upscale", { graphics }, 4, () => {})
    .then(({ by }) => by, ({ message }) => message);
  const made = [await job(first ? "trial" : ""), ...second ? [await job(second === "card" ? "trial" : "")] : []];
  const ended = workers.map(({ ended }) => Boolean(ended));
  engine.renew();
  return { made, ended, left: workers.filter(({ ended }) => !ended).length };
"""


@pytest.mark.parametrize(("first", "second", "made", "ended"), [
    (None, "processor", ["", ""], [False]),
    (["done", "used"], "card", ["trial", "trial"], [False]),
    (["done", "refused"], "processor", ["trial", ""], [True, False]),  # which frees the memory of the graphics card
    (["failed", "refused"], "", [""], [True, False]),  # LiteRT.js was unusable
    (["failed", "used"], "", ["Aborted"], [False])])
def test_what_the_graphics_card_leaves_behind_does_not_stay(page, first, second, made, ended):
    found = page.run(JOBS, first, second)
    assert (found["made"], found["ended"]) == (made, ended)
    assert found["left"] == 0  # another device was chosen: at once


LOADING = """
  let answers = false;
  globalThis.Worker = class {
    terminate() {}
    async postMessage({ kind }) {
      await null;
      if (answers) this.onmessage({ data: { kind: kind === "prepare" ? "ready" : "done" } });
    }
  };
  const engine = await import(`./engine.js?${Math.random()}`), said = [];
  const tell = (promise) => promise.then(() => said.push("done"), (error) => said.push(error && error.message));
  const begun = [() => engine.prepare({}), () => engine.upscale(null, "upscale", {}, 4, () => {})];
  const running = [];
  for (const begin of arguments[0] ? begun : begun.reverse()) {
    running.push(tell(begin()));
    await new Promise((done) => setTimeout(done));
  }
  engine.cancel();
  await Promise.all(running);
  answers = true;
  await tell(engine.upscale(null, "upscale", {}, 4, () => {}));
  return said;
"""


@pytest.mark.parametrize(("loading_first", "said"), [(True, [None, None, "done"]), (False, ["done", None, "done"])])
def test_a_job_that_is_begun_and_cancelled_while_the_runtime_loads(page, loading_first, said):
    assert page.run(LOADING, loading_first) == said


CHOICE = """
  const [software, quantization, force, place] = arguments;
  history.replaceState(null, "", force ? "?webgpu=force" : "?");
  const adapter = software === null ? null : { info: { isFallbackAdapter: software } };
  const gpu = software === "no WebGPU" ? undefined : { requestAdapter: async () => adapter };
  Object.defineProperty(navigator, "gpu", { configurable: true, value: gpu });
  const choice = await import(`./graphics_choice.js?${Math.random()}`), box = document.getElementById("device");
  const float = { quantization: "float16", place }, model = { quantization, place };
  await choice.find([float, model]);
  box.value = "card";
  choice.choose();
  choice.show(model, false);
  const { hidden } = box.parentElement, note = document.getElementById("device_note").innerText;
  const found = [hidden, box.disabled, box.value, choice.wish(model)];
  choice.told({ message: "It is slow.", refused: true });
  choice.show(float, false);
  choice.forget();
  choice.show(float, false);
  const empty = getComputedStyle(document.getElementById(box.getAttribute("aria-describedby")));
  return [...found, choice.wish(float), note, empty.display === "block" && empty.position === "absolute"];
"""


@pytest.mark.parametrize(("software", "quantization", "force", "shown"), [
    ("no WebGPU", "float16", True, [True, True, "processor", ""]),
    (None, "float16", False, [True, True, "processor", ""]),
    (True, "float16", False, [True, True, "processor", ""]),
    (True, "none", True, [False, False, "card", "force"]),
    (False, "none", False, [False, False, "card", "trial"]),
    (False, "int8", False, [False, True, "processor", ""]),
    (False, "server", False, [True, True, "processor", ""]),
    (False, "dynamic", True, [False, True, "processor", ""])])
def test_who_is_offered_the_graphics_card(page, software, quantization, force, shown):
    page.run("document.body.dataset.state = 'ready'; document.getElementById('settings').hidden = false")
    place = "server" if quantization == "server" else None  # of all models
    found = page.run(CHOICE, software, "float16" if place else quantization, force, place)
    assert found[:4] == shown
    assert found[4] == ""  # it was refused
    assert bool(found[5]) == (shown[:2] == [False, True])
    assert found[6]  # for screen readers it is there before its first text is, and takes no room
