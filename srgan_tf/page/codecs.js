/* The names by which WebCodecs knows video codecs: RFC 6381, and the registrations of each codec. */

const two = (number) => String(number).padStart(2, "0");
const hex = (number) => number.toString(16).toUpperCase();

/** H.264, by its AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1). */
const avc = (record) => `avc1.${[...record.subarray(1, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;

/** HEVC, by its HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, annex E.3). */
function hevc(record) {
  const view = new DataView(record.buffer, record.byteOffset), first = record[1];
  let compatible = 0;
  for (let bit = 0; bit < 32; bit++) compatible = (compatible | (view.getUint32(2) >>> bit & 1) << (31 - bit)) >>> 0;
  const constraints = [...record.subarray(6, 12)];
  while (constraints.at(-1) === 0) constraints.pop();
  return ["hvc1", `${["", "A", "B", "C"][first >> 6]}${first & 31}`, hex(compatible),
    `${first & 32 ? "H" : "L"}${record[12]}`, ...constraints.map(hex)].join(".");
}

/** AV1, by its AV1CodecConfigurationRecord (AV1-ISOBMFF 2.3). */
const av1 = (record) => `av01.${record[1] >> 5}.${two(record[1] & 31)}${record[2] & 128 ? "H" : "M"}.`
  + two(record[2] & 64 ? (record[2] & 32 ? 12 : 10) : 8);

/** VP9, by the profile in its first frame (VP9 bitstream specification, 6.2). */
function vp9(frame) {
  const profile = frame[0] >> 5 & 1 | (frame[0] >> 4 & 1) << 1;
  return `vp09.${two(profile)}.51.${profile < 2 ? "08" : "10"}`;
}

const KINDS = { avc, hevc, av1, vp9: (record, frame) => vp9(frame), vp8: () => "vp8" };

/**
 * What a VideoDecoder is configured with.
 *
 * @param kind a key of KINDS
 * @param record the codec's configuration, Uint8Array, or null
 * @param colorSpace what the container says of it; without one, Chromium says BT.709 where a stream says nothing
 * @param frame the first packet
 */
export function decoderConfig({ kind, record, colorSpace }, frame) {
  const codec = KINDS[kind](record, frame);
  return { codec, colorSpace, ...["avc", "hevc", "av1"].includes(kind) ? { description: record } : {} };
}

/* By their numbers in Rec. ITU-T H.273. */
const PRIMARIES = { 1: "bt709", 5: "bt470bg", 6: "smpte170m", 9: "bt2020" };
const TRANSFERS = { 1: "bt709", 6: "smpte170m", 13: "iec61966-2-1", 16: "pq", 18: "hlg" };
const MATRICES = { 1: "bt709", 5: "bt470bg", 6: "smpte170m", 9: "bt2020-ncl" };

/** A VideoColorSpaceInit of H.273's numbers; null for what is not said. */
export const colours = (primaries, transfer, matrix, fullRange = null) => ({ primaries: PRIMARIES[primaries] ?? null,
  transfer: TRANSFERS[transfer] ?? null, matrix: MATRICES[matrix] ?? null, fullRange });

/** What VideoEncoders may be asked for: each is a codec of the container that writes it, the most usual first. */
export const ENCODERS = {
  mp4: ["avc1.640028", "avc1.640034", "avc1.4d0034", "avc1.42001f", "avc1.420034", "vp09.00.51.08"],
  matroska: ["vp09.00.51.08", "vp8"],
};
