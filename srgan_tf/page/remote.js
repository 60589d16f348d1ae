/* A model on a server with TensorFlow Serving's REST API, whose signature `encoded` takes and gives image files: tiles go
   there as PNG, so that a request is small whatever the image is. */
import { PngStream } from "./png_stream.js";

const TRIES = 4, PAUSE = 1500; // of requests to a busy server, in milliseconds
const WORDS = { 401: "The server does not know this token", 413: "The server does not take so large an image", 503: "The server is busy",
  504: "The server did not finish in time" };
const OVERLAP = 16, ALIGNMENT = 4; // of models that do not say theirs, as in srgan_tf/runtimes/base.py

async function ask(url, options) {
  const answer = await fetch(url, options).catch(() => {
    throw new Error("The server cannot be reached. Is it still running?");
  });
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  const error = new Error(`${WORDS[answer.status] ?? "The server could not upscale this image"}: `
    + (said.error ?? `status ${answer.status}`));
  throw Object.assign(error, { busy: answer.status === 503 });
}

/** The entries of models.json, completed; those of models that take no image files are left out. */
export async function describeAll(models, token) {
  const all = await Promise.allSettled(models.map((model) => describe({ ...model, token })));
  const good = all.filter(({ status }) => status === "fulfilled").map(({ value }) => value);
  if (!good.length) throw all[0].reason;
  return good;
}

const identified = ({ token }) => (token ? { Authorization: `Bearer ${token}` } : {});

/** An entry of models.json, completed by what the server says of its model. */
async function describe(model) {
  const url = new URL(model.file, import.meta.url).href;
  const { metadata } = await ask(`${url}/metadata`, { headers: identified(model) });
  const found = metadata.signature_def.signature_def.encoded;
  if (!found) throw new Error("The model on this server takes no image files: export it again with the signature “encoded”.");
  const known = { ...model, url, input: Object.keys(found.inputs)[0], output: Object.keys(found.outputs)[0] };
  if (metadata.model_info) return { ...metadata.model_info, ...known };
  const trial = await pixelsOf(await predict(known, new Float32Array(16 * 16 * 3), 16, 16));
  return { scale: trial.width / 16, receptive_radius: OVERLAP, alignment: ALIGNMENT, ...known };
}

/** As `open` of model.js. */
export async function open(model, height, width) {
  return async (image) => {
    const { data } = await pixelsOf(await predict(model, image, height, width));
    const made = new Float32Array(data.length / 4 * 3);
    for (let at = 0; at < made.length; at++) made[at] = data[Math.floor(at / 3) * 4 + at % 3] / 255;
    return made;
  };
}

/** Sends one tile; gives the PNG that comes back, as base64. */
async function predict(model, image, height, width) {
  const png = new PngStream(width, height, 3);
  await png.add(Uint8Array.from(image, (value) => Math.floor(Math.min(1, Math.max(0, value)) * 255 + 0.5)));
  const body = JSON.stringify({ signature_name: "encoded", inputs: { [model.input]: [{ b64: await base64(await png.finish()) }] } });
  for (let attempt = 1; ; attempt++) {
    try {
      const { outputs } = await ask(`${model.url}:predict`, {
        method: "POST", body, headers: { "Content-Type": "application/json", ...identified(model) } });
      return (outputs.b64 ? outputs : outputs[0] ?? outputs[model.output][0]).b64;
    } catch (error) {
      if (!error.busy || attempt === TRIES) throw error;
      await new Promise((done) => setTimeout(done, PAUSE * attempt));
    }
  }
}

function base64(blob) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => failed(new Error("The image could not be read."));
    reader.readAsDataURL(blob);
  });
}

async function pixelsOf(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, context.canvas.width, context.canvas.height);
}
