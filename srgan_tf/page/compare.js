/* Before and after, one view of both, parted by a line. Coordinates are CSS pixels of the stage; the image's own size is
   that of the result.

   Both are drawn on a canvas from bitmaps that are closed when others are shown: of <img> elements, Chromium keeps the
   decoded pixels long after they were replaced, about 6 MiB for each result of 1280 x 800. */

const MOST = 12e6; // pixels of a bitmap; a larger image is shown reduced
const $ = (id) => document.getElementById(id);
const stage = $("stage"), divider = $("divider"), canvas = $("view"), context = canvas.getContext("2d");
const EMPTY = { blob: null, bitmap: null, width: 1, height: 1 };
let before = EMPTY, after = EMPTY, turn = 0, frame = 0, room = 0;
export const view = { width: 1, height: 1, scale: 1, x: 0, y: 0, line: 50, most: 8, compared: false };

const own = () => 1 / devicePixelRatio; // a pixel of the image on a pixel of the screen

/** A file with its bitmap and its own size; the bitmap is null where there is no file, or none that can be read. */
async function decoded(blob) {
  const whole = blob && await createImageBitmap(blob).catch(() => null); // what is wrong is said elsewhere
  if (!whole) return EMPTY;
  const { width, height } = whole, share = Math.sqrt(MOST / (width * height));
  if (share >= 1) return { blob, bitmap: whole, width, height };
  const size = { resizeWidth: Math.ceil(width * share), resizeHeight: Math.ceil(height * share), resizeQuality: "medium" };
  const bitmap = await createImageBitmap(whole, size);
  whole.close();
  return { blob, bitmap, width, height };
}

/** Replaces both sides. Returns false where others were asked for meanwhile. */
async function put(...blobs) {
  const mine = ++turn, former = [before, after];
  const made = await Promise.all(blobs.map((blob) => blob && former.find((one) => one.blob === blob) || decoded(blob)));
  const wanted = mine === turn, [kept, left] = wanted ? [made, [before, after]] : [[before, after], made];
  for (const one of left) if (!kept.includes(one)) one.bitmap?.close();
  if (wanted) [before, after] = made;
  return wanted;
}

/** Shows an image that has no result yet. */
export async function showBefore(file) {
  if (!await put(file, null)) return;
  Object.assign(view, { width: before.width, height: before.height, compared: false, most: 8 });
  fit();
}

/**
 * Shows an image and its result.
 *
 * @param shown the file of the result, or of a preview of it
 * @param width, height of the result
 */
export async function showBoth(file, shown, width, height) {
  if (!await put(file, shown)) return;
  const preview = after.width / width;
  Object.assign(view, { width, height, compared: true, most: 8 * preview });
  view.scale = Math.max(least(), Math.min(1, preview) * own());
  view.x = (stage.clientWidth - width * view.scale) / 2;
  view.y = (stage.clientHeight - height * view.scale) / 2;
  compare(50);
}

export async function clear() {
  await put(null, null);
  draw();
}

function least() {
  return Math.min(stage.clientWidth / view.width, stage.clientHeight / view.height, Math.max(own(), 1) * view.most);
}

function draw() {
  room = least();
  const inside = (offset, room, length) => length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, offset));
  view.x = inside(view.x, stage.clientWidth, view.width * view.scale);
  view.y = inside(view.y, stage.clientHeight, view.height * view.scale);
  $("before").style.clipPath = view.compared ? `inset(0 ${100 - view.line}% 0 0)` : "";
  $("after").style.clipPath = view.compared ? `inset(0 0 0 ${view.line}%)` : "";
  divider.style.left = `${view.line}%`;
  divider.setAttribute("aria-valuenow", Math.round(view.line));
  $("zoom").textContent = `${Math.round(100 * view.scale / own())} %`;
  stage.classList.toggle("compared", view.compared);
  frame ||= requestAnimationFrame(paint);
}

/** Draws what is seen of both sides, each on its side of the line. */
function paint() {
  frame = 0;
  const size = [stage.clientWidth, stage.clientHeight].map((length) => Math.round(length * devicePixelRatio));
  if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
  context.clearRect(0, 0, ...size);
  const line = view.compared ? size[0] * view.line / 100 : size[0];
  drawSide(before.bitmap, 0, line, true);
  drawSide(after.bitmap, line, size[0], view.scale <= 3 * own());
}

function drawSide(bitmap, left, right, smooth) {
  if (!bitmap || left >= right) return;
  context.save();
  context.beginPath();
  context.rect(left, 0, right - left, canvas.height);
  context.clip();
  context.imageSmoothingEnabled = smooth;
  context.imageSmoothingQuality = "medium";
  const { x, y, scale, width, height } = view;
  context.drawImage(bitmap, ...[x, y, width * scale, height * scale].map((length) => length * devicePixelRatio));
  context.restore();
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
  const fitted = view.scale <= room * 1.001; // it was seen whole
  view.scale = fitted ? least() : Math.max(view.scale, least());
  draw();
}).observe(stage);
