/* Before and after, one view of both, parted by a line. Coordinates are CSS pixels of the stage; the image's own size is
   that of the result. */

const $ = (id) => document.getElementById(id);
const stage = $("stage"), divider = $("divider");
const urls = { before: "", after: "" };
export const view = { width: 1, height: 1, scale: 1, x: 0, y: 0, line: 50, most: 8, compared: false };

const own = () => 1 / devicePixelRatio; // a pixel of the image on a pixel of the screen

/** Shows a file on one side, or nothing where there is none. Returns when it is decoded. */
async function put(side, blob) {
  if (urls[side]) URL.revokeObjectURL(urls[side]);
  urls[side] = blob ? URL.createObjectURL(blob) : "";
  const image = $(side).querySelector("img");
  image.hidden = !blob;
  if (!blob) return image.removeAttribute("src");
  image.src = urls[side];
  await image.decode().catch(() => {}); // another image was put there meanwhile, or it is said elsewhere
}

/** Shows an image that has no result yet. */
export async function showBefore(file) {
  put("after", null);
  await put("before", file);
  const image = $("before").querySelector("img");
  Object.assign(view, { width: image.naturalWidth || 1, height: image.naturalHeight || 1, compared: false, most: 8 });
  fit();
}

/**
 * Shows an image and its result.
 *
 * @param shown the file of the result, or of a preview of it
 * @param width, height of the result
 */
export async function showBoth(file, shown, width, height) {
  await Promise.all([put("before", file), put("after", shown)]);
  const preview = $("after").querySelector("img").naturalWidth / width || 1;
  Object.assign(view, { width, height, compared: true, most: 8 * preview });
  view.scale = Math.max(least(), Math.min(1, preview) * own());
  view.x = (stage.clientWidth - width * view.scale) / 2;
  view.y = (stage.clientHeight - height * view.scale) / 2;
  compare(50);
}

export function clear() {
  put("before", null);
  put("after", null);
}

function least() {
  return Math.min(stage.clientWidth / view.width, stage.clientHeight / view.height, Math.max(own(), 1) * view.most);
}

function draw() {
  const inside = (offset, room, length) => length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, offset));
  view.x = inside(view.x, stage.clientWidth, view.width * view.scale);
  view.y = inside(view.y, stage.clientHeight, view.height * view.scale);
  for (const side of ["before", "after"]) {
    const image = $(side).querySelector("img");
    image.style.width = `${view.width}px`;
    image.style.height = `${view.height}px`;
    image.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
  }
  $("after").classList.toggle("sharp", view.scale > 3 * own());
  $("before").style.clipPath = view.compared ? `inset(0 ${100 - view.line}% 0 0)` : "";
  $("after").style.clipPath = view.compared ? `inset(0 0 0 ${view.line}%)` : "";
  divider.style.left = `${view.line}%`;
  divider.setAttribute("aria-valuenow", Math.round(view.line));
  $("zoom").textContent = `${Math.round(100 * view.scale / own())} %`;
  stage.classList.toggle("compared", view.compared);
}

export function fit() {
  view.scale = least();
  draw();
}

function zoom(factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
  const scale = Math.min(Math.max(view.scale * factor, least()), Math.max(view.most * own(), least()));
  view.x = x - (x - view.x) * scale / view.scale;
  view.y = y - (y - view.y) * scale / view.scale;
  view.scale = scale;
  draw();
}

function toggle(x, y) {
  if (view.scale > least() * 1.001) fit();
  else zoom(own() / view.scale, x, y);
}

function compare(percent) {
  view.line = Math.min(100, Math.max(0, percent));
  draw();
}

const fingers = new Map();
let lining = false;
const place = (event) => {
  const box = stage.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

stage.addEventListener("pointerdown", (event) => {
  if (event.button || event.target.closest("#zooms")) return;
  stage.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, place(event));
  const whole = view.scale <= least() * 1.001; // nothing to move: the line follows the finger
  lining = view.compared && fingers.size === 1 && (event.target === divider || (whole && event.pointerType !== "mouse"));
});
stage.addEventListener("pointermove", (event) => {
  if (!fingers.has(event.pointerId)) return;
  const [x, y] = place(event), [oldX, oldY] = fingers.get(event.pointerId);
  if (fingers.size === 2) {
    const [otherX, otherY] = [...fingers].find(([id]) => id !== event.pointerId)[1];
    const apart = (a, b) => Math.max(8, Math.hypot(a - otherX, b - otherY));
    lining = false;
    zoom(apart(x, y) / apart(oldX, oldY), otherX, otherY);
  } else if (lining) compare(100 * x / stage.clientWidth);
  else {
    view.x += x - oldX;
    view.y += y - oldY;
    draw();
  }
  fingers.set(event.pointerId, [x, y]);
});
for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => fingers.delete(event.pointerId));
stage.addEventListener("dblclick", (event) => event.target.closest("#zooms") || toggle(...place(event)));
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), ...place(event));
}, { passive: false });

const MOVES = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -100, End: 100 };
stage.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("#zooms")) return;
  if (event.target === divider && STEPS[event.key]) compare(Math.round(view.line) + STEPS[event.key]);
  else if (event.key === "+" || event.key === "=") zoom(1.25);
  else if (event.key === "-") zoom(0.8);
  else if (event.key === "0") fit();
  else if (MOVES[event.key]) {
    view.x += MOVES[event.key][0];
    view.y += MOVES[event.key][1];
    draw();
  } else return;
  event.preventDefault();
});
$("in").onclick = () => zoom(1.25);
$("out").onclick = () => zoom(0.8);
$("zoom").onclick = () => toggle();
new ResizeObserver(() => {
  view.scale = Math.max(view.scale, least());
  draw();
}).observe(stage);
