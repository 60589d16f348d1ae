/* A model on the graphics card (WebGPU), which is compared before it is trusted: the first tile of each size is computed by
   the processor too. Where the two differ, where the graphics card fails, is lost or is the slower one, the processor
   computes the tile at hand and all that follow. */

import { finite } from "./channels.js";

const MOST = 0.5 / 255; // difference of a number in 0..1: half a grey level
const VARIED = 0.2; // a tile of one colour proves little: the next one is compared as well
const SHORT = 1000; // milliseconds: a shorter run is timed once more, for the first one is slower
const PATIENCE = 120_000; // milliseconds for a tile, the model's compilation with it: a driver can hang
const PAUSE = 100; // milliseconds in which the browser says that a graphics card was lost
const KINDS = ["validation", "out-of-memory", "internal"]; // of errors that WebGPU does not throw

const compared = new Set(), timed = new Set(), refused = new Set(); // sizes of a model; models; models

/**
 * A model for tiles of one size.
 *
 * @param device a GPUDevice; undefined where the browser gives none
 * @param model an entry of models.json; its `graphics` is "trial", or "force": however slow it is
 * @param size {height, width} of a tile
 * @param compile {onCard, onProcessor}: each gives a promise of {run, delete, whole}, `run` as that of `open` in model.js,
 *   `whole` whether all operations run where they should
 * @param tell takes {message, refused}: one line on what computes
 * @param patience milliseconds that the graphics card may take for a tile
 * @returns {run, delete}; `run` rejects where LiteRT.js is not to be used any more, after it told so
 */
export function onGraphicsCard(device, model, { height, width }, compile, tell, patience = PATIENCE) {
  const key = `${model.file} ${height} ${width}`;
  let card = null, processor = null, broken = null;

  const endCard = () => {
    card?.delete();
    card = null;
  };
  const endProcessor = () => {
    processor?.delete();
    processor = null;
  };

  const byCard = (image) => guarded(device, async () => {
    card ??= await compile.onCard().catch((error) => {
      console.info("graphics card:", error);
      broken = error;
    });
    if (!card?.whole) throw new Error("it cannot run this model");
    return card.run(image);
  }, patience).catch((error) => {
    if (error.silent) broken = error;
    throw error;
  });

  /** What the processor makes of the first tile, if the graphics card does so too, and sooner. */
  const compare = async (image, made) => {
    processor ??= await compile.onProcessor();
    const right = await timing(() => processor.run(image));
    if (!alike(made, right.made)) return { ...right, fault: "its result differs from the processor's" };
    if (varied(image)) compared.add(key);
    if (timed.has(model.file)) return right;
    timed.add(model.file);
    const second = await timing(() => byCard(image)); // the first run compiles
    const own = right.milliseconds < SHORT ? await timing(() => processor.run(image)) : right;
    const took = `${seconds(second)} for a tile of ${width} × ${height} pixels, the processor ${seconds(own)}`;
    if (second.milliseconds > own.milliseconds && model.graphics !== "force") return { ...right, fault: `it takes ${took}` };
    tell({ message: `The graphics card takes ${took}; both make the same of it.`, refused: false });
    return right;
  };

  const run = async (image) => {
    let right = null, fault = "";
    if (!refused.has(model.file)) {
      try {
        const made = await byCard(image);
        if (compared.has(key) && finite(made)) return made;
        right = await compare(image, made);
        fault = right.fault;
      } catch (error) {
        fault = error.message;
      }
      if (fault) {
        refused.add(model.file);
        tell({ message: `The graphics card is not used: ${fault}. The processor computes.`, refused: true });
        if (broken) throw broken; // LiteRT.js may still hold a lock, on which the processor would wait for ever
        endCard();
      } else if (compared.has(key)) {
        endProcessor();
      }
    }
    if (right) return right.made;
    processor ??= await compile.onProcessor();
    return processor.run(image);
  };
  return { run, delete: () => [endCard, endProcessor].forEach((end) => end()) };
}

/**
 * What `work` gives; throws an Error if the device is lost meanwhile, or WebGPU found fault with something; one that is
 * `silent` if neither comes within `patience` milliseconds.
 */
async function guarded(device, work, patience) {
  if (!device) throw new Error("the browser gives no access to it");
  const lost = device.lost.then(({ message }) => Promise.reject(new Error(`it was lost${because(message)}`)));
  lost.catch(() => {}); // later: whoever uses it then is told
  for (const kind of KINDS) device.pushErrorScope(kind);
  let made = null, failure = null, alarm = 0;
  const late = new Promise((done, fail) => {
    const silence = new Error(`it did not answer for ${Math.ceil(patience / 1000)}\u00a0s`);
    alarm = setTimeout(() => fail(Object.assign(silence, { silent: true })), patience);
  });
  try {
    made = await Promise.race([lost, late, work()]);
  } catch (error) {
    if (error.silent) throw error; // it would say nothing of errors either
    failure = error instanceof Error ? error : new Error(String(error)); // numbers, of C++
  } finally {
    clearTimeout(alarm);
  }
  const errors = await Promise.all(KINDS.map(() => device.popErrorScope().catch(() => null)));
  failure ??= errors.find(Boolean);
  if (!failure) return made;
  await Promise.race([lost, new Promise((done) => setTimeout(done, PAUSE))]); // that may be why
  throw failure.message.startsWith("it ") ? failure : new Error(`it failed${because(failure.message)}`);
}

function because(text) {
  const brief = text.trim().split("\n")[0].replace(/\.$/, "").slice(0, 120);
  return brief && ` (${brief})`;
}

async function timing(work) {
  const start = performance.now(), made = await work();
  return { made, milliseconds: performance.now() - start };
}

const seconds = ({ milliseconds }) => `${Number((milliseconds / 1000).toPrecision(2))}\u00a0s`;

function alike(made, right) {
  return made.length === right.length && made.every((value, at) => Math.abs(value - right[at]) <= MOST);
}

function varied(image) {
  let least = Infinity, most = -Infinity;
  for (const value of image) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return most - least >= VARIED;
}
