/* Whether an image file has its end. Browsers show what there is of a file that was cut off, without a word. */

/** @param file a File or Blob. @returns false where it was cut off; true for formats that are not known here. */
export async function isWhole(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const starts = (...values) => values.every((value, at) => bytes[at] === value);
  if (starts(0xff, 0xd8)) return jpegEnds(bytes);
  if (starts(137, 80, 78, 71)) return pngEnds(bytes);
  if (starts(82, 73, 70, 70)) return new DataView(bytes.buffer).getUint32(4, true) + 8 <= bytes.length;
  return true;
}

/** Segments are passed over, for they may hold a small JPEG file of their own; within a scan, 255 is followed by 0. */
function jpegEnds(bytes) {
  for (let at = 2; at + 1 < bytes.length;) {
    if (bytes[at] !== 0xff) at++;
    else if (bytes[at + 1] === 0xd9) return true;
    else if (bytes[at + 1] === 0xff) at++;
    else if (bytes[at + 1] === 0 || (bytes[at + 1] >= 0xd0 && bytes[at + 1] <= 0xd8)) at += 2;
    else at += 2 + (bytes[at + 2] << 8 | bytes[at + 3]);
  }
  return false;
}

function pngEnds(bytes) {
  const view = new DataView(bytes.buffer);
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    if (view.getUint32(at + 4) === 0x49454e44) return true; // IEND
  }
  return false;
}
