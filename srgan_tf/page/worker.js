"use strict";
/* A classic worker, not a module: LiteRT.js loads its own script by importScripts, which modules do not have. */
const job = import("./job.js");

onmessage = async ({ data }) => {
  const report = (kind, more, transfer) => postMessage({ kind, ...more }, transfer ?? []);
  try {
    const { prepare, upscale } = await job, { upscaleClip } = data.kind === "clip" ? await import("./clip.js") : {};
    await { prepare, upscale, clip: upscaleClip }[data.kind](data, report);
  } catch (error) {
    report("failed", { message: error?.message || String(error) });
  }
};
