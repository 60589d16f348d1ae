/* What tools/check_web.py --peer measures: one image by UpscalerJS, on the backend of TensorFlow.js that ?BACKEND names. */
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import x4 from "@upscalerjs/esrgan-slim/4x";
import Upscaler from "upscaler";

const upscaler = new Upscaler({ model: { ...x4, path: new URL("model.json", location.href).pathname } });

/** Seconds for an RGB image of noise, height by width; and what computed it. */
setWasmPaths("/");
globalThis.upscaled = async (height, width) => {
  await tf.setBackend(location.search.slice(1) || "wasm");
  const image = tf.randomUniform([1, height, width, 3], 0, 255);
  const start = performance.now();
  const made = await upscaler.upscale(image, { output: "tensor" });
  await made.data();
  tf.dispose([image, made]);
  return { seconds: (performance.now() - start) / 1000, backend: tf.getBackend(), megapixels: 16 * height * width / 1e6 };
};
