/* A clip from its file to the file of its result, frame by frame, by WebCodecs. Container, times and sound are those of the
   clip; the frames are upscaled as images are, and encoded anew. In memory are a few frames, whatever the length. */
import { Upscaling } from "./bands.js";
import { decoderConfig } from "./codecs.js";
import { readMp4 } from "./mp4.js";
import { PngStream } from "./png_stream.js";
import { readWebm } from "./webm.js";
import { COLOURS, planar, unpacked } from "./yuv.js";

const SECONDS = 60, PIXELS = 4096 * 2304; // of what is taken, of the frames that are made
const BITS = 0.25, LEAST = 1e6; // of the result's stream: for each pixel, and each second at least
const AHEAD = 4; // packets and frames under way
const TURN = 2; // seconds from one key frame to the next
const HINT = "`srgan-tf upscale` leaves out what is damaged.";
const OPAQUE = { grey: false, alpha: false };
const NONE = "this browser has no WebCodecs here (they need HTTPS or localhost): `srgan-tf upscale` takes clips everywhere.";

export const isClip = ({ name, type }) => type.startsWith("video/") || /\.(mp4|m4v|mov|webm|mkv)$/i.test(name);

/** A clip, described as in mp4.js. Throws an Error whose message follows the file's name. */
async function read(file) {
  if (!self.VideoDecoder || !self.VideoEncoder) throw new Error(NONE);
  const start = new DataView(await file.slice(0, 12).arrayBuffer());
  if (start.byteLength < 12) throw new Error("it is no clip.");
  const known = start.getUint32(0) === 0x1a45dfa3 ? readWebm : BOXES.includes(start.getUint32(4)) ? readMp4 : null;
  if (!known) throw new Error("it is neither MP4, QuickTime, WebM nor Matroska: this page takes no other clips.");
  const clip = await known(file).catch((error) => {
    throw error instanceof RangeError || error instanceof TypeError ? new Error("it is damaged.") : error;
  });
  if (clip.length > SECONDS) {
    throw new Error(`it is ${Math.ceil(clip.length)} s long, and this page takes ${SECONDS} s at most: cut it, or use `
      + "`srgan-tf upscale`, which takes any length.");
  }
  return clip;
}
const BOXES = ["ftyp", "moov", "mdat", "wide", "free"].map(
  (name) => [...name].reduce((value, letter) => value * 256 + letter.charCodeAt(0), 0));

/** Its frames in the order in which they are shown: {frame: VideoFrame, time, duration}; who takes one closes it. */
async function* frames(clip) {
  const { file, packets, timescale } = clip, times = new Map(), ready = [];
  let failure = null, wake = () => {};
  const decoder = new VideoDecoder({
    output: (frame) => {
      ready.push(frame);
      wake();
    },
    error: (error) => {
      failure = error;
      wake();
    },
  });
  decoder.ondequeue = () => wake();
  const data = async ({ at, size }) => new Uint8Array(await file.slice(at, at + size).arrayBuffer());
  const something = () => new Promise((done) => {
    wake = done;
  });
  try {
    const config = decoderConfig(clip, await data(packets[0]));
    if (!(await VideoDecoder.isConfigSupported(config)).supported) {
      throw new Error(`this browser does not decode its codec, ${config.codec}.`);
    }
    decoder.configure(config);
    let flushed = false;
    const taken = function* () {
      if (failure) throw new Error(`this browser cannot decode it: ${failure.message} ${HINT}`);
      while (ready.length) {
        const frame = ready.shift(), packet = times.get(frame.timestamp);
        times.delete(frame.timestamp);
        if (!packet || packet.hidden) frame.close();
        else yield { frame, time: packet.time, duration: packet.duration };
      }
    };
    for (const packet of packets) {
      const timestamp = Math.round(packet.time / timescale * 1e6), bytes = await data(packet);
      yield* taken(); // an error closes the decoder
      times.set(timestamp, packet);
      decoder.decode(new EncodedVideoChunk({ type: packet.key ? "key" : "delta", timestamp, data: bytes }));
      while (decoder.decodeQueueSize > AHEAD) {
        await something();
        yield* taken();
      }
    }
    decoder.flush().then(() => {
      flushed = true;
      wake();
    }, (error) => {
      failure ??= error;
      wake();
    });
    while (!flushed) {
      yield* taken();
      if (!flushed && !ready.length && !failure) await something();
    }
    yield* taken();
  } finally {
    for (const frame of ready) frame.close();
    if (decoder.state !== "closed") decoder.close();
  }
}

const shownOf = ({ packets }) => packets.filter(({ hidden }) => !hidden).length;

/** A canvas that frames are drawn on, upright: {width, height, draw, pixels}. */
function upright({ displayWidth, displayHeight }, rotation) {
  const sideways = rotation % 180 !== 0;
  const [width, height] = sideways ? [displayHeight, displayWidth] : [displayWidth, displayHeight];
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  const draw = async (frame) => { // which it closes
    const image = await unpacked(frame), shown = image ? await createImageBitmap(image) : frame;
    context.setTransform(1, 0, 0, 1, width / 2, height / 2);
    context.rotate(rotation * Math.PI / 180);
    context.drawImage(shown, -displayWidth / 2, -displayHeight / 2, displayWidth, displayHeight);
    for (const one of new Set([shown, frame])) one.close();
  };
  return { canvas, width, height, draw, pixels: (x, y, wide, high) => context.getImageData(x, y, wide, high).data };
}

function checkColours({ colorSpace: { transfer, primaries } }) {
  if (!["pq", "hlg"].includes(transfer) && primaries !== "bt2020") return;
  throw new Error("its colours are HDR or BT.2020, which this page would not keep: use `srgan-tf upscale`.");
}

/**
 * What is known of a clip before the work: {frames, seconds, width, height, sounds, poster}, the last an image file of its
 * first frame. Throws an Error whose message follows the file's name.
 */
export async function describe(file) {
  const clip = await read(file), shown = frames(clip);
  try {
    const { value } = await shown.next();
    if (!value) throw new Error("it has no frame that this browser decodes.");
    const { frame } = value, drawn = upright(frame, clip.rotation);
    checkColours(frame);
    await drawn.draw(frame);
    const { width, height, canvas } = drawn, poster = await canvas.convertToBlob();
    return { frames: shownOf(clip), seconds: clip.length, width, height, sounds: clip.sounds, poster };
  } finally {
    await shown.return();
  }
}

/** The encoder of the result, which writes to the clip's own container: {add, finish}. */
async function encoding(clip, width, height) {
  const rate = clip.packets.length / Math.max(clip.length, 0.1);
  const wish = { width, height, framerate: rate, bitrate: Math.max(LEAST, BITS * width * height * rate) };
  let config = null;
  for (const codec of clip.encoders) {
    const one = { ...wish, codec, latencyMode: "quality", ...codec.startsWith("avc1") ? { avc: { format: "avc" } } : {} };
    if (!config && (await VideoEncoder.isConfigSupported(one)).supported) config = one;
  }
  if (!config) throw new Error(`this browser does not encode clips of ${width} × ${height}: choose a smaller size.`);
  const times = new Map();
  let writer = null, failure = null, keyed = -Infinity, wake = () => {};
  const encoder = new VideoEncoder({
    output: (chunk, metadata) => {
      writer ??= new clip.writer(clip, width, height, metadata.decoderConfig);
      const data = new Uint8Array(chunk.byteLength), { time, duration } = times.get(chunk.timestamp);
      chunk.copyTo(data);
      writer.add(data, time, duration, chunk.type === "key");
    },
    error: (error) => {
      failure = error;
      wake();
    },
  });
  encoder.ondequeue = () => wake();
  encoder.configure(config);
  const check = () => {
    if (failure) throw new Error(`this browser cannot encode it: ${failure.message}`);
  };
  const add = async (data, time, duration) => {
    const seconds = time / clip.timescale, timestamp = Math.round(seconds * 1e6), keyFrame = seconds >= keyed + TURN;
    const size = { codedWidth: width, codedHeight: height }, said = { ...size, timestamp, colorSpace: COLOURS };
    const frame = new VideoFrame(data, { format: "I420", ...said });
    if (keyFrame) keyed = seconds;
    times.set(timestamp, { time, duration });
    check();
    encoder.encode(frame, { keyFrame });
    frame.close();
    while (encoder.encodeQueueSize > AHEAD && !failure) {
      await new Promise((done) => {
        wake = done;
      });
    }
  };
  const finish = async () => {
    check();
    await encoder.flush().catch((error) => {
      failure ??= error;
    });
    check();
    encoder.close();
    return writer.finish();
  };
  return { add, finish };
}

/** As `upscale` of job.js. `preview` is the first frame of the result. */
export async function upscaleClip({ file, model, times }, report) {
  const clip = await read(file), total = shownOf(clip);
  let drawn = null, upscaling = null, encoder = null, preview = null, done = 0;
  for await (const { frame, time, duration } of frames(clip)) {
    if (!drawn) {
      drawn = upright(frame, clip.rotation);
      upscaling = new Upscaling(drawn, OPAQUE, model, times);
      const { width, height } = upscaling;
      if (width * height > PIXELS) {
        frame.close();
        throw new Error(`${width} × ${height} is too large for clips in a browser: choose a smaller size.`);
      }
      encoder = await encoding(clip, width + width % 2, height + height % 2);
      report("started", { total: total * upscaling.total, frames: total, width, height });
    }
    await drawn.draw(frame);
    const { width, height } = upscaling, made = new Uint8Array(3 * width * height);
    let at = 0;
    await upscaling.run(drawn.pixels, (rows) => {
      made.set(rows, at);
      at += rows.length;
    }, () => report("progress", { done: ++done, total: total * upscaling.total, frames: total }),
    (said) => report("graphics", said));
    preview ??= await image(made, width, height);
    await encoder.add(planar(made, width, height), time, duration);
  }
  if (!encoder) throw new Error("it has no frame that this browser decodes.");
  const { width, height } = upscaling, { sounds, ending } = clip;
  report("done", { blob: await encoder.finish(), preview, width, height, clip: { frames: total, sounds, ending } });
}

async function image(pixels, width, height) {
  const png = new PngStream(width, height, 3);
  await png.add(pixels);
  return png.finish();
}
