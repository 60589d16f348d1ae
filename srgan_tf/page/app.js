/* The list of images and clips, the settings and the buttons. */
import { describe, isClip } from "./clip.js";
import { clear, showBefore, showBoth } from "./compare.js";
import * as engine from "./engine.js";
import * as graphics from "./graphics_choice.js";
import { download, saved, zipped } from "./saving.js";
import { isWhole } from "./whole_files.js";

const $ = (id) => document.getElementById(id);
const items = []; // {file, clip, image, animated, row, state: "waiting", "working", "done" or "failed", message, result}
let models = [], shown = null, going = false;

/* What is shown. */
function say(text) {
  $("error").hidden = !text;
  $("error").textContent = text;
  if (text) $("error").scrollIntoView({ block: "nearest" });
}

function refresh() {
  const done = items.filter((item) => item.state === "done").length;
  const left = items.filter(({ state }) => state === "waiting" || state === "failed").length;
  document.body.dataset.state = !items.length ? "empty" : going ? "working" : "ready";
  const hidden = {
    progress: !going, cancel: !going, start: going || !left || !models.length, save: shown?.state !== "done",
    all: going || done < 2, clear: going, more: !items.length, list: items.length < 2, settings: !items.length,
  };
  const focused = document.activeElement;
  for (const [id, hide] of Object.entries(hidden)) $(id).hidden = hide;
  for (const id of ["model", "times"]) $(id).disabled = going;
  if (models.length) graphics.show(chosen(), going);
  $("format").parentElement.hidden = Boolean(shown?.clip); // a clip keeps its own
  $("start").textContent = left > 1 ? `Upscale ${left} ${items.some(({ clip }) => clip) ? "files" : "images"}` : "Upscale";
  if (focused && focused !== document.body && !focused.offsetParent) {  // it was hidden: focus goes to what follows
    focusFirst($("download"), $("cancel"), $("start"), $("add"), $("choose"));
  }
  for (const item of items) mark(item);
  $("facts").textContent = shown ? facts(shown) : "";
}

const focusFirst = (...elements) => elements.find((element) => element?.offsetParent)?.focus();

const WORDS = { waiting: "", working: "working", done: "done", failed: "failed" };
function mark(item) {
  item.row.dataset.state = item.state;
  item.row.querySelector(".state").textContent = WORDS[item.state];
  item.row.querySelector(".pick").setAttribute("aria-current", item === shown);
}

function facts({ state, message, result, file, clip, animated }) {
  if (state === "failed") return message;
  const first = animated ? "; of this animation the first image alone" : "";
  if (state !== "done") return `${file.name}, ${size(file.size)}${clip ? `, ${described(clip)}` : first}`;
  const { from, width, height, blob, seconds, preview } = result;
  const kind = clip ? `${result.clip.frames} frames, ${result.clip.ending.toUpperCase()}` : "PNG";
  const more = clip ? `, ${sound(clip)}; its first frame is shown` : `${preview ? "; shown reduced, the file is whole" : ""}${first}`;
  return `${from.width} × ${from.height} → ${width} × ${height}, ${kind} of ${size(blob.size)}, ${duration(seconds)}${more}`;
}

const sound = ({ sounds }) => (sounds ? "with its sound" : "without sound");
const described = (clip) =>
  `${clip.width} × ${clip.height}, ${clip.frames} frames in ${duration(clip.seconds)}, ${sound(clip)}`;

function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))}\u00a0kB` : `${(bytes / 1e6).toFixed(1)}\u00a0MB`;
}

function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)}\u00a0s`;
  return seconds < 100 ? `${Math.round(seconds)}\u00a0s` : `${Math.round(seconds / 60)}\u00a0min`;
}

async function show(item) {
  shown = item;
  refresh();
  if (!item) return clear();
  const { result, image } = item;
  if (result) await showBoth(image, result.preview ?? result.blob, result.width, result.height);
  else await showBefore(image);
}

/* The list. */
async function take(files) {
  say("");
  const refused = [];
  for (const file of files) {
    try {
      if (isClip(file)) insert(file, await describe(file));
      else insert(file, null, await checked(file));
    } catch (error) {
      refused.push(`${file.name || "The image"}: ${error.message}`);
    }
  }
  if (refused.length) say(refused.join("\n"));
  const next = items.find((item) => item.state === "waiting");
  if (next && !going) await show(next);
  else refresh();
  if (items.length && !document.activeElement?.offsetParent) $("start").focus({ preventScroll: !$("error").hidden });
}

/** Whether an image is animated, as far as the browser says; throws an Error that says why an image is not taken. */
async function checked(file) {
  const unreadable = () => {
    throw new Error("this browser cannot read it as an image.");
  };
  if (!await isWhole(file).catch(unreadable)) throw new Error("it was cut off: its end is missing.");
  (await createImageBitmap(file, { resizeWidth: 8, resizeHeight: 8 }).catch(unreadable)).close();
  return isAnimated(file);
}

async function isAnimated(file) {
  if (file.type === "image/jpeg" || !globalThis.ImageDecoder) return false;
  if (!await ImageDecoder.isTypeSupported(file.type).catch(() => false)) return false;
  const decoder = new ImageDecoder({ data: file.stream(), type: file.type });
  await decoder.completed.catch(() => {});
  const { frameCount } = decoder.tracks.selectedTrack ?? {};
  decoder.close();
  return frameCount > 1;
}

function insert(file, clip = null, animated = false) {
  const row = document.createElement("li");
  row.innerHTML = `<button class="pick" type="button"><canvas width="96" height="96"></canvas><span class="name"></span>
    <span class="state"></span></button><button class="drop" type="button">&times;</button>`;
  row.querySelector(".name").textContent = file.name;
  row.querySelector(".drop").setAttribute("aria-label", `Remove ${file.name}`);
  const item = { file, clip, image: clip?.poster ?? file, animated, row, state: "waiting", message: "", result: null };
  row.querySelector(".pick").onclick = () => show(item);
  row.querySelector(".drop").onclick = () => remove(item);
  items.push(item);
  $("list").append(row);
  thumbnail(item);
}

let drawing = Promise.resolve(); // one at a time, so that one image is decoded at a time
function thumbnail({ image, row }) {
  drawing = drawing.then(async () => {
    const bitmap = await createImageBitmap(image, { resizeWidth: 96, resizeQuality: "medium" });
    row.querySelector("canvas").getContext("2d").drawImage(bitmap, 0, (96 - bitmap.height) / 2);
    bitmap.close();
  }).catch(() => {});
}

function remove(item) {
  if (item.state === "working") engine.cancel();  // the others continue
  const place = items.indexOf(item), focused = item.row.contains(document.activeElement);
  items.splice(place, 1);
  item.row.remove();
  const next = items[Math.min(place, items.length - 1)] ?? null;
  if (shown === item) show(next);
  else refresh();
  if (focused) focusFirst(next?.row.querySelector(".drop"), $("add"), $("choose"));
}

/* The work. */
async function work() {
  say("");
  going = true;
  for (const item of items) if (item.state === "failed") item.state = "waiting";
  let item;
  while (going && (item = items.find(({ state }) => state === "waiting"))) {
    item.state = "working";
    show(item);
    await upscale(item);
  }
  going = false;
  refresh();
}

async function upscale(item) {
  const model = chosen(), times = Number($("times").value), begun = performance.now();
  let first = 0;
  phase(`Reading ${item.file.name}`);
  const report = ({ kind, done, total, frames, width, height, ...said }) => {
    if (kind === "graphics") {
      graphics.told(said);
      refresh();
    }
    if (kind === "started") phase(`Upscaling to ${width} × ${height}`, 0);
    if (kind !== "progress") return;
    first ||= performance.now();  // the first tile costs more: it is not counted
    const left = done > 1 ? (performance.now() - first) / (done - 1) * (total - done) / 1000 : 0;
    const reached = frames ? `Frame ${Math.ceil(done * frames / total)} of ${frames}` : `${Math.round(100 * done / total)} %`;
    phase(`${reached}${left > 5 ? `, about ${duration(Math.max(10, left))} left` : ""}`, done / total);
  };
  try {
    const made = await engine.upscale(item.file, item.clip ? "clip" : "upscale",
      { ...model, graphics: graphics.wish(model) }, times, report);
    const from = { width: made.width / times, height: made.height / times };
    item.result = { ...made, from, times, seconds: (performance.now() - begun) / 1000 };
    item.state = "done";
  } catch (error) {
    item.state = error ? "failed" : "waiting";
    item.message = error?.message ?? "";
    if (error) say(`${item.file.name}: ${error.message}`);
  }
  if (items.includes(item) && item === shown) await show(item);
}

function phase(text, share) {
  const count = items.length > 1 ? `${items.findIndex(({ state }) => state === "working") + 1} of ${items.length}: ` : "";
  $("phase").textContent = count + text;
  const bar = document.querySelector("progress");
  if (share === undefined) bar.removeAttribute("value"); else bar.value = share;
}

function cancel() {
  going = false;
  engine.cancel();
}

/* Models. */
const chosen = () => models[$("model").selectedIndex];

function choose() {
  const { note, scale } = chosen();
  $("about").textContent = note ?? "";
  graphics.forget();
  const former = $("times").value, sizes = [scale, 3, 2, 1].filter((times, place) => !place || times < scale);
  $("times").replaceChildren(...sizes.map((times) =>
    new Option(times === 1 ? "as it is, restored" : `${times} times`, times, false, String(times) === former)));
  again();
}

/** Results were made with other settings: the images wait again. */
function again() {
  if (going) return;
  for (const item of items) if (item.state !== "working") Object.assign(item, { state: "waiting" });
  refresh();
}

async function loadModels() {
  const token = sessionStorage.getItem("token") ?? "";
  const asked = !$("sign").hidden;
  const answer = await fetch("models.json", { headers: token ? { Authorization: `Bearer ${token}` } : {} });
  $("sign").hidden = answer.status !== 401;
  if (answer.status === 401) {
    if (token) say("The server does not know this token.");
    $("token").focus();
    return;
  }
  const known = (await answer.json()).models, served = known[0].place === "server";
  models = served ? await (await import("./remote.js")).describeAll(known, token) : known;
  $("place").textContent = served ? "Images go to this server and nowhere else." : "On this device. Nothing is uploaded.";
  $("model").replaceChildren(...models.map(({ title }, place) => new Option(title, place)));
  choose();
  if (asked) focusFirst($("start"), $("choose")); // the form had it
}

/** Whether the browser has this site without a network; the worker makes it read runtime and model. */
async function keep() {
  if (!("serviceWorker" in navigator) || !models.length || models[0].place === "server") return;
  await navigator.serviceWorker.register("service-worker.js");
  await navigator.serviceWorker.ready;
  if (!self.crossOriginIsolated && !items.length && !sessionStorage.getItem("isolated")) {
    sessionStorage.setItem("isolated", "tried");  // once: the headers of the service worker allow threads
    return location.reload();
  }
  if (!navigator.serviceWorker.controller) return;
  await engine.prepare(models[0]);
  for (const { file } of models) if (!going) await (await fetch(file)).arrayBuffer();
  document.body.dataset.offline = "ready";
  $("place").textContent = "On this device. Nothing is uploaded. Works offline.";
}

/* What people do. */
$("sign").onsubmit = async (event) => {
  event.preventDefault();
  say("");
  sessionStorage.setItem("token", $("token").value.trim());
  await start();
};
$("choose").onclick = $("add").onclick = () => $("file").click();
$("file").onchange = async (event) => {
  const files = [...event.target.files];
  event.target.value = "";
  await take(files);
};
$("start").onclick = work;
$("cancel").onclick = cancel;
$("model").onchange = choose;
$("times").onchange = again;
$("device").onchange = () => {
  graphics.choose();
  refresh();
};
$("settings").onsubmit = (event) => event.preventDefault();
$("clear").onclick = () => {
  while (items.length) remove(items[0]);
  $("choose").focus();
};
const saving = async (make) => {
  say("");
  try {
    const { blob, name } = await make();
    download(blob, name);
  } catch (error) {
    say(error.message);
  }
};
$("download").onclick = () => saving(() => saved(shown, $("format").value));
$("all").onclick = () => saving(async () => {
  const entries = [];
  for (const item of items) if (item.state === "done") entries.push(await saved(item, $("format").value));
  return { blob: await zipped(entries), name: "upscaled.zip" };
});
addEventListener("keydown", (event) => { if (event.key === "Escape" && going) cancel(); });
addEventListener("paste", (event) => take([...event.clipboardData.files]));
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("over");
});
addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("over"); });
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  take([...event.dataTransfer.files]);
});
$("drop").onclick = (event) => { if (event.target.id !== "choose") $("file").click(); };

/** Whether there is a graphics card, which nothing waits for. */
async function offer() {
  await graphics.find(models);
  refresh();
}

const start = () => loadModels().then(() => Promise.all([offer(), keep()])).catch((error) => {
  if (error) say(`The page could not be loaded as a whole: ${error.message}`); // else it was cancelled
});
refresh();
start();
