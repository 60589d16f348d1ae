/* Two views of one place, parted by a line: choose both, zoom, move. Coordinates are CSS pixels of the stage.

   A view is {name, caption, image: a data URI, pixelated: whether its pixels are to be seen as squares}. */
function createSlider(root, changed = () => {}) {
  const find = (name) => root.querySelector("." + name);
  const stage = find("stage"), line = find("line"), divider = find("divider");
  const choice = { left: root.querySelector("#left"), right: root.querySelector("#right") };
  const caption = { left: find("captions").children[0], right: find("captions").children[1] };
  const place = { width: 1, height: 1, scale: 1, x: 0, y: 0, line: 50 };
  const fingers = new Map();
  let views = [], dragged = "", fitted = true;

  const own = () => 1 / devicePixelRatio; // the scale at which a pixel of the image is one of the screen
  const fitting = () => Math.min(stage.clientWidth / place.width, stage.clientHeight / place.height);
  const zoomed = () => place.scale > fitting() * 1.001;

  function draw() {
    const { clientWidth, clientHeight } = stage;
    const inside = (offset, room, length) =>
      length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, offset));
    place.x = inside(place.x, clientWidth, place.width * place.scale);
    place.y = inside(place.y, clientHeight, place.height * place.scale);
    for (const image of stage.querySelectorAll("img")) {
      image.style.width = place.width + "px";
      image.style.height = place.height + "px";
      image.style.transform = `translate(${place.x}px, ${place.y}px) scale(${place.scale})`;
    }
    find("left").style.clipPath = `inset(0 ${100 - place.line}% 0 0)`;
    find("right").style.clipPath = `inset(0 0 0 ${place.line}%)`;
    divider.style.left = place.line + "%";
    line.value = place.line;
    stage.classList.toggle("zoomed", zoomed());
    stage.classList.toggle("sharp", place.scale > 3 * own());
    find("percent").textContent = `${Math.round(100 * place.scale / own())} %`;
  }
  function fit() { place.scale = fitting(); fitted = true; draw(); }
  function zoom(factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
    const scale = Math.min(Math.max(place.scale * factor, fitting()), Math.max(8 * own(), fitting()));
    place.x = x - (x - place.x) * scale / place.scale;
    place.y = y - (y - place.y) * scale / place.scale;
    place.scale = scale;
    fitted = !zoomed();
    draw();
  }
  function toggle(x, y) {
    const target = fitting() < own() * 0.999 ? own() : 2 * fitting();
    if (zoomed()) fit(); else zoom(target / place.scale, x, y);
  }
  function move(percent) { place.line = Math.min(100, Math.max(0, percent)); draw(); }

  function show() {
    for (const side of ["left", "right"]) {
      const view = views[choice[side].value], layer = find("layer." + side);
      const image = layer.querySelector("img");
      image.src = view.image;
      image.alt = view.name;
      image.classList.toggle("pixelated", Boolean(view.pixelated));
      layer.querySelector(".tag").textContent = view.name;
      caption[side].textContent = view.caption;
    }
    changed();
  }
  function choose(side, index) { choice[side].value = index; show(); }
  function swap() {
    [choice.left.value, choice.right.value] = [choice.right.value, choice.left.value];
    show();
  }
  /* Takes other views of one size, in pixels; what is not said stays chosen. */
  function load(others, { width, height, left = choice.left.value, right = choice.right.value }) {
    views = others;
    for (const [side, index] of [["left", left], ["right", right]]) {
      choice[side].replaceChildren(...views.map((view, number) => new Option(view.name, number)));
      choice[side].value = index;
    }
    Object.assign(place, { width, height });
    root.style.setProperty("--ratio", Math.min(Math.max(width / height, 0.75), 2.5)); // bands beside what is longer
    show();
    fit();
  }

  const point = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  stage.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    stage.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, point(event));
    dragged = fingers.size > 1 ? "" : event.target === divider || !zoomed() ? "line" : "images";
    if (dragged === "line") move(100 * point(event)[0] / stage.clientWidth);
  });
  stage.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const [x, y] = point(event), [oldX, oldY] = fingers.get(event.pointerId);
    if (fingers.size === 2) {
      const [otherX, otherY] = [...fingers].find(([id]) => id !== event.pointerId)[1];
      const apart = (a, b) => Math.max(8, Math.hypot(a - otherX, b - otherY));
      zoom(apart(x, y) / apart(oldX, oldY), otherX, otherY);
    } else if (dragged === "line") move(100 * x / stage.clientWidth);
    else if (dragged === "images") { place.x += x - oldX; place.y += y - oldY; draw(); }
    fingers.set(event.pointerId, [x, y]);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    stage.addEventListener(name, (event) => fingers.delete(event.pointerId));
  }
  stage.addEventListener("dblclick", (event) => toggle(...point(event)));
  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return; // the page scrolls; touchpads say Ctrl when two fingers part
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.005)), ...point(event));
  }, { passive: false });
  stage.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") fit();
    else if (steps && zoomed()) { place.x -= 60 * steps[0]; place.y -= 60 * steps[1]; draw(); }
    else if (steps && steps[0]) move(place.line + 2 * steps[0]);
    else return;
    event.preventDefault();
  });
  root.addEventListener("keydown", (event) => {
    if (event.key === "x" && !event.ctrlKey && !event.metaKey && !event.altKey && event.target.tagName !== "SELECT") swap();
  });
  new ResizeObserver(() => { if (fitted || place.scale < fitting()) fit(); else draw(); }).observe(stage);
  line.addEventListener("keydown", (event) => { // its own steps are those of a finger, too small for a key
    const step = { ArrowLeft: -2, ArrowDown: -2, ArrowRight: 2, ArrowUp: 2 }[event.key];
    if (step) { event.preventDefault(); move(place.line + step); }
  });
  line.addEventListener("input", () => move(Number(line.value)));
  find("in").addEventListener("click", () => zoom(1.25));
  find("out").addEventListener("click", () => zoom(0.8));
  find("percent").addEventListener("click", () => toggle());
  find("swap").addEventListener("click", swap);
  for (const side of ["left", "right"]) choice[side].addEventListener("change", show);
  return { load, choose, place, chosen: (side) => Number(choice[side].value) };
}
