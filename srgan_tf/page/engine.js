/* The worker, which does one job at a time. Cancelling ends it, for LiteRT.js cannot be interrupted; the next job starts
   another one. */

let worker = null, current = null, prepared = Promise.resolve();
let stale = false, able = false; // whether the worker is to be replaced; whether it has the graphics card

function start() {
  worker = new Worker(new URL("worker.js", import.meta.url));
  worker.onmessage = ({ data }) => {
    if (data.kind === "failed") finish((job) => job.failed(new Error(data.message)));
    else if (data.kind === "done" || data.kind === "ready") finish((job) => job.done(data));
    else current?.report(data);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    const reason = event.message || "the browser ended it, perhaps for want of memory";
    stop();
    finish((job) => job.failed(new Error(`The computation broke off: ${reason}.`)));
  };
}

function finish(tell) {
  const job = current;
  current = null;
  if (job) tell(job);
}

function stop() {
  worker?.terminate();
  worker = null;
  stale = false;
}

/** Ends the worker, with all that it holds of memory and of the graphics card: at once, or where it is busy, before the
    next job. */
export function renew() {
  if (current) stale = true;
  else stop();
}

function run(message, report) {
  if (current) throw new Error("one job at a time");
  const wanted = Boolean(message.model.graphics);
  if (stale || wanted !== able) stop();
  if (!worker) {
    able = wanted;
    start();
  }
  return new Promise((done, failed) => {
    current = { done, failed, report };
    worker.postMessage(message);
  });
}

/** Loads the runtime and a model before they are needed. Rejects with null if that is cancelled. */
export async function prepare(model) {
  if (current) return; // which loads them
  prepared = run({ kind: "prepare", model }, () => {});
  await prepared;
}

/**
 * Upscales a file.
 *
 * @param kind "upscale" for an image, "clip" for a clip
 * @param model an entry of models.json, and its `graphics`: as `wish` in graphics_choice.js gives it
 * @param report called with {kind: "started", total, width, height}, {kind: "progress", done, total} and {kind: "graphics",
 *   message, refused}
 * @returns {blob, preview, width, height}; rejects with null if it is cancelled
 */
export async function upscale(file, kind, model, times, report) {
  const former = prepared;
  prepared = Promise.resolve();
  await former.catch((error) => {
    if (!error) throw error;  // cancelled; what else went wrong will be said of the job
  });
  let refused = false;
  return run({ kind, file, model, times }, (said) => {
    refused ||= Boolean(said.refused);
    report(said);
  }).catch((error) => {
    if (!error || !refused) throw error; // cancelled, or the graphics card is not the cause
    return run({ kind, file, model: { ...model, graphics: "" }, times }, report); // LiteRT.js may be unusable
  });
}

/** Ends the job there is. */
export function cancel() {
  if (!current) return;
  stop();
  finish((job) => job.failed(null));
}
