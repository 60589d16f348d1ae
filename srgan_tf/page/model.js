/* A .tflite file of free height and width, run by LiteRT.js. Images are Float32Array [H,W,3] in 0..1. */
import { onGraphicsCard } from "./graphics.js";
import { Tensor, getWebGpuDevice, loadAndCompile, loadLiteRt } from "./litert/core.js";

let runtime = null; // the promise of LiteRT.js
let content = { url: "", bytes: null }; // of the model that was read last
let opened = { key: "", model: null }; // what was compiled last

/** Loads LiteRT.js, with threads where the browser allows them. Returns how many. */
export function load({ graphics }) {
  runtime ??= loadAny().then((threads) => {
    if (!graphics) getWebGpuDevice()?.destroy(); // LiteRT.js asks for one in any case, which would keep a graphics card awake
    return threads;
  });
  return runtime;
}

async function loadAny() {
  if (self.crossOriginIsolated) {
    try {
      await loadBuild({ threads: true });
      return Math.max(1, Math.min(8, navigator.hardwareConcurrency || 1));
    } catch (error) {
      console.info("no threads:", error.message);
    }
  }
  await loadBuild({});
  return 1;
}

/** One of the builds of LiteRT.js, whose script would look for its other files beside the worker's. */
function loadBuild(options) {
  const folder = new URL("litert/wasm/", import.meta.url).href;
  self.Module = { locateFile: (file) => folder + file };
  if (options.threads) self.Module.mainScriptUrlOrBlob = `${folder}litert_wasm_threaded_internal.js`;
  return loadLiteRt(folder, options);
}

/** The bytes of a model's file. */
export async function read(model) {
  const url = new URL(model.file, import.meta.url).href;
  if (content.url !== url) {
    const answer = await fetch(url).catch(() => {
      throw new Error(`The model ${model.title} cannot be loaded: there is no network, and the browser has not kept it.`);
    });
    if (!answer.ok) throw new Error(`The model ${model.title} cannot be loaded: the site answers ${answer.status}.`);
    content = { url, bytes: await answer.arrayBuffer() };
  }
  return content.bytes;
}

/**
 * A model for tiles of one size.
 *
 * @param model an entry of models.json
 * @param height, width of its input
 * @param tell takes what is to be said of the graphics card: {message, refused}
 * @returns a function: Float32Array [H,W,3] in 0..1 -> Float32Array [sH,sW,3], neither rounded nor clipped
 */
export async function open(model, height, width, tell) {
  const threads = await load(model);
  const key = `${model.file} ${height} ${width} ${model.graphics}`;
  if (opened.key !== key) {
    opened.model?.delete();
    opened = { key: "", model: null };
    const sized = withSize(await read(model), height, width, model.scale);
    const shape = [1, height, width, 3], bytes = model.io === "uint8";
    const onProcessor = () => compile(sized, shape, bytes, { accelerator: "wasm", cpuOptions: { numThreads: threads } });
    const onCard = () => compile(sized, shape, bytes, { accelerator: "webgpu", gpuOptions: { precision: "fp32" } });
    const compiled = !model.graphics ? await onProcessor()
      : onGraphicsCard(getWebGpuDevice(), model, { height, width }, { onCard, onProcessor }, tell);
    opened = { key, model: compiled };
  }
  return opened.model.run;
}

/** {run, delete, whole} of a .tflite file of fixed size; `whole` says whether the accelerator runs all of it. */
async function compile(file, shape, bytes, options) {
  const compiled = await loadAndCompile(file, options);
  const run = async (image) => {
    const input = new Tensor(bytes ? levels(image) : image, shape);
    let output = null;
    try {
      [output] = await compiled.run(input);
      const made = await output.data();
      return bytes ? Float32Array.from(made, (level) => level / 255) : made;
    } finally {
      output?.delete();
      input.delete();
    }
  };
  return { run, delete: () => compiled.delete(), whole: compiled.isFullyAccelerated };
}

function levels(image) {
  return Uint8Array.from(image, (value) => Math.floor(Math.min(1, Math.max(0, value)) * 255 + 0.5));
}

/* Where the fields of tables lie in a .tflite file (schema.fbs): their places in a FlatBuffer's vtable. */
const SUBGRAPHS = 8, TENSORS = 4, INPUTS = 6, OUTPUTS = 8, SHAPE = 4, SHAPE_SIGNATURE = 18;

/**
 * A copy of a .tflite file whose input and output have fixed sizes: LiteRT.js refuses free ones. What lies between them
 * is sized by the runtime itself.
 */
export function withSize(bytes, height, width, scale) {
  const copy = bytes.slice(0), view = new DataView(copy);
  const follow = (place) => place + view.getUint32(place, true);
  const vector = (table, slot) => {
    const slots = table - view.getInt32(table, true);
    const offset = slot < view.getUint16(slots, true) ? view.getUint16(slots + slot, true) : 0;
    return offset ? follow(table + offset) : 0;
  };
  const graph = follow(vector(follow(0), SUBGRAPHS) + 4);
  const tensors = vector(graph, TENSORS);
  for (const [slot, times] of [[INPUTS, 1], [OUTPUTS, scale]]) {
    const tensor = follow(tensors + 4 + 4 * view.getInt32(vector(graph, slot) + 4, true));
    for (const shape of [vector(tensor, SHAPE), vector(tensor, SHAPE_SIGNATURE)]) {
      if (!shape) continue;
      if (view.getUint32(shape, true) !== 4) throw new Error("The model does not take one image [1,H,W,3].");
      view.setInt32(shape + 8, height * times, true);
      view.setInt32(shape + 12, width * times, true);
    }
  }
  return new Uint8Array(copy);
}
