/* An image from its file to the file of its result. At any time there is one decoded copy of the image, and of the result
   only a row of tiles; what is finished lies compressed in a Blob. */
import { Upscaling } from "./bands.js";
import { PngStream } from "./png_stream.js";
import { Preview } from "./preview.js";

/** Loads the runtime and a model before they are needed. */
export async function prepare({ model }, report) {
  const { load, read } = await import("./model.js");
  await Promise.all([load(model), read(model)]);
  report("ready");
}

/**
 * @param file of the image
 * @param model an entry of models.json
 * @param times how many times larger the result is: the model's scale, or less
 */
export async function upscale({ file, model, times }, report) {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error("This browser cannot read the image.");
  });
  let straight = null;
  try {
    const drawn = reader(bitmap), kind = kindOf(bitmap, drawn);
    if (kind.alpha) straight = await straightReader(file);
    const upscaling = new Upscaling(bitmap, kind, model, times), { width, height, channels, total } = upscaling;
    const png = new PngStream(width, height, channels), preview = Preview.of(width, height, channels);
    let done = 0;
    report("started", { total, width, height });
    await upscaling.run(straight?.read ?? drawn, async (rows) => {
      await preview?.add(rows);
      await png.add(rows);
    }, () => report("progress", { done: ++done, total }), (said) => report("graphics", said));
    report("done", { blob: await png.finish(), preview: await preview?.finish(), width, height });
  } finally {
    bitmap.close();
    straight?.close();
  }
}

/** A function: x, y, width, height -> RGBA bytes of that part of a bitmap. */
export function reader(bitmap) {
  let canvas = null, context = null;
  return (x, y, width, height) => {
    if (canvas?.width !== width || canvas.height !== height) {
      canvas = new OffscreenCanvas(width, height);
      context = canvas.getContext("2d", { willReadFrequently: true });
    }
    context.clearRect(0, 0, width, height);
    context.drawImage(bitmap, -x, -y);
    return context.getImageData(0, 0, width, height).data;
  };
}

/**
 * As `reader`, for what is transparent: a canvas holds colour multiplied by alpha, rounded, and loses some of it, a texture
 * does not. Gives {read, close}, for browsers have few WebGL contexts; null where there is none.
 */
async function straightReader(file) {
  const gl = new OffscreenCanvas(1, 1).getContext("webgl");
  if (!gl) return null;
  const bitmap = await createImageBitmap(file, { premultiplyAlpha: "none" });
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  const read = async (x, y, width, height) => {
    const part = await createImageBitmap(bitmap, x, y, width, height, { premultiplyAlpha: "none" });
    const pixels = new Uint8Array(4 * width * height);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, part);
    part.close();
    const texture = gl.getParameter(gl.TEXTURE_BINDING_2D);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    return pixels;
  };
  const close = () => {
    bitmap.close();
    gl.getExtension("WEBGL_lose_context")?.loseContext();
  };
  return { read, close };
}

/** Whether an image is grey all over, and whether anything of it is transparent. */
function kindOf({ width, height }, pixels) {
  const kind = { grey: true, alpha: false }, side = 512;
  for (let y = 0; y < height; y += side) {
    for (let x = 0; x < width; x += side) {
      const part = pixels(x, y, Math.min(side, width - x), Math.min(side, height - y));
      for (let at = 0; at < part.length; at += 4) {
        if (part[at] !== part[at + 1] || part[at] !== part[at + 2]) kind.grey = false;
        if (part[at + 3] !== 255) kind.alpha = true;
      }
      if (!kind.grey && kind.alpha) return kind;
    }
  }
  return kind;
}
