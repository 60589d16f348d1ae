/* Results as files of other formats, and many as one. */
import { crc32 } from "./png_stream.js";

const ENDINGS = { "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp" };
const QUALITY = 0.95;
const SIDES = { "image/jpeg": 65500, "image/webp": 16383 }; // pixels; Chromium cuts off what is beyond
const MOST = 80e6; // pixels that are held decoded, twice, to write another format

export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

/** A result in a format: {blob, name}. JPEG has no transparency: it becomes white. */
export async function saved(item, type) {
  const { blob, width, height, times, clip } = item.result;
  const name = `${item.file.name.replace(/\.[^.]*$/, "") || "image"}_x${times}`;
  if (clip) return { blob, name: `${name}.${clip.ending}` };
  if (type === "image/png") return { blob, name: `${name}.png` };
  const tooLarge = new Error(`${width} × ${height} pixels are too many for this browser to write them as `
    + `${ENDINGS[type].toUpperCase()}: choose PNG, or a smaller size.`);
  if (width * height > MOST) throw tooLarge;
  if (Math.max(width, height) > SIDES[type]) {
    throw new Error(`${width} × ${height} pixels are more than ${ENDINGS[type].toUpperCase()} holds, `
      + `${SIDES[type]} a side: choose PNG, or a smaller size.`);
  }
  try {
    const bitmap = await createImageBitmap(blob), canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { alpha: type !== "image/jpeg" });
    if (type === "image/jpeg") {
      context.fillStyle = "#fff";
      context.fillRect(0, 0, width, height);
    }
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    const made = await canvas.convertToBlob({ type, quality: QUALITY });
    if (made.type !== type) throw new Error(`This browser does not write ${ENDINGS[type].toUpperCase()} files.`);
    return { blob: made, name: `${name}.${ENDINGS[type]}` };
  } catch (error) {
    throw error.message?.startsWith("This browser") ? error : tooLarge;
  }
}

/** A ZIP file of files that are compressed already: entries of {blob, name}. */
export async function zipped(entries) {
  const parts = [], directory = [], names = new Set();
  let offset = 0;
  for (const { blob, name } of entries) {
    const bytes = new TextEncoder().encode(unused(name, names));
    const crc = await sum(blob);
    const fields = (view, at) => {
      view.setUint16(at, 20, true); // version 2.0
      view.setUint16(at + 2, 0x800, true); // the name is UTF-8
      view.setUint32(at + 6, 0x210000, true); // 1980-01-01, 0:00
      view.setUint32(at + 10, crc, true);
      view.setUint32(at + 14, blob.size, true);
      view.setUint32(at + 18, blob.size, true);
      view.setUint16(at + 22, bytes.length, true);
    };
    const local = new DataView(new ArrayBuffer(30)), central = new DataView(new ArrayBuffer(46));
    local.setUint32(0, 0x04034b50, true);
    fields(local, 4);
    central.setUint32(0, 0x02014b50, true);
    central.setUint16(4, 20, true);
    fields(central, 6);
    central.setUint32(42, offset, true);
    parts.push(local.buffer, bytes, blob);
    directory.push(central.buffer, bytes);
    offset += 30 + bytes.length + blob.size;
  }
  const listed = new Blob(directory), end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, entries.length, true);
  end.setUint16(10, entries.length, true);
  end.setUint32(12, listed.size, true);
  end.setUint32(16, offset, true);
  if (offset + listed.size >= 2 ** 32) throw new Error("All results are more than a ZIP file holds: download them one by one.");
  return new Blob([...parts, listed, end.buffer], { type: "application/zip" });
}

function unused(name, names) {
  const [, stem, ending] = name.match(/^(.*)(\.[^.]*)$/);
  let found = name;
  for (let number = 2; names.has(found); number++) found = `${stem}_${number}${ending}`;
  names.add(found);
  return found;
}

async function sum(blob) {
  let crc = 0;
  for (let at = 0; at < blob.size; at += 1 << 22) {
    crc = crc32(new Uint8Array(await blob.slice(at, at + (1 << 22)).arrayBuffer()), crc);
  }
  return crc;
}
