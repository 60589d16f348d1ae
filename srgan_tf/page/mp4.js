/* MP4 and QuickTime files (ISO/IEC 14496-12) as clips: `readMp4`, and `Mp4Writer` for the result, whose sound tracks are
   those of the clip but for where their chunks lie.

   A clip: {file, writer, encoders, ending, kind, record, colorSpace, rotation, timescale, packets, length, sounds, parts}:
   length in seconds, sounds a number of tracks, parts what the writer copies. Packets, in the order of decoding:
   {at, size, key, time, duration, hidden}, times in units of the timescale, as they are presented. */
import { ByteWindow, Spill, joined, letters, number, text } from "./byte_window.js";
import { ENCODERS, colours } from "./codecs.js";

const KINDS = { avc1: "avc", avc3: "avc", hvc1: "hevc", hev1: "hevc", vp09: "vp9", vp08: "vp8", av01: "av1" };
const RECORDS = { avc: "avcC", hevc: "hvcC", av1: "av1C" };
const VISUAL = 86; // bytes of a VisualSampleEntry before its boxes

function* boxes(view, at = 0, end = view.byteLength) {
  while (at + 8 <= end) {
    let size = view.getUint32(at), head = 8;
    if (size === 1) [size, head] = [Number(view.getBigUint64(at + 8)), 16];
    const stop = size ? Math.min(at + size, end) : end;
    yield { type: text(view, at + 4, 4), start: at, body: at + head, stop };
    if (stop < at + head) return;
    at = stop;
  }
}

/** The box at a path of types below a place, as a DataView of its body; null where there is none. */
function find(view, ...path) {
  for (const type of path) {
    const found = [...boxes(view)].find((box) => box.type === type);
    if (!found) return null;
    view = part(view, found.body, found.stop);
  }
  return view;
}

const part = (view, start, stop) => new DataView(view.buffer, view.byteOffset + start, stop - start);
const copied = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();

/** Reads what a file says of its tracks. Throws an Error whose message follows the file's name. */
export async function readMp4(file) {
  const { moov, brand } = await movie(new ByteWindow(file));
  const tracks = [...boxes(moov)].filter(({ type }) => type === "trak").map(({ body, stop }) => part(moov, body, stop));
  const of = (type) => tracks.filter((track) => text(find(track, "mdia", "hdlr"), 8, 4) === type);
  const [video] = of("vide"), sounds = of("soun");
  if (!video) throw new Error("it has no video.");
  const entry = find(video, "mdia", "minf", "stbl", "stsd"), name = text(entry, 12, 4), kind = KINDS[name];
  if (!kind) throw new Error(`this page does not read its codec, ${name}.`);
  const described = part(entry, 8 + VISUAL, entry.byteLength), record = RECORDS[kind] && find(described, RECORDS[kind]);
  const timescale = clock(find(video, "mdia", "mdhd")), packets = presented(moov, video, samples(video));
  const last = packets.reduce((most, { at, size }) => Math.max(most, at + size), 0);
  if (last > file.size) throw new Error("it was cut off: its end is missing.");
  const header = find(video, "tkhd"), matrix = header.getUint8(0) ? 52 : 40;
  const turned = Math.atan2(header.getInt32(matrix + 4), header.getInt32(matrix)) / Math.PI * 180;
  return {
    file, writer: Mp4Writer, encoders: ENCODERS.mp4, ending: brand === "qt  " ? "mov" : "mp4", kind, timescale, packets,
    record: record && copied(record), colorSpace: said(find(described, "colr")), sounds: sounds.length,
    rotation: (Math.round(turned / 90) * 90 + 360) % 360,
    length: packets.reduce((most, one) => (one.hidden ? most : Math.max(most, one.time + one.duration)), 0) / timescale,
    parts: { moov, video, sounds, brand },
  };
}

/** A colr box. */
function said(view) {
  const known = view && ["nclx", "nclc"].includes(text(view, 0, 4));
  if (!known) return colours();
  return colours(...[4, 6, 8].map((at) => view.getUint16(at)), view.byteLength > 10 ? view.getUint8(10) > 127 : null);
}

/** The movie box and the major brand. */
async function movie(bytes) {
  let moov = null, brand = "qt  ";
  for (let at = 0; at + 8 <= bytes.size;) {
    const view = await bytes.view(at, 16), type = text(view, 4, 4);
    let size = view.getUint32(0);
    if (size === 1) size = Number(view.getBigUint64(8));
    if (size < 8) break; // to the end of the file
    if (type === "ftyp") brand = text(await bytes.view(at, 12), 8, 4);
    if (type === "moof") throw new Error("it is a fragmented MP4 file, which this page does not read.");
    if (type === "moov") moov = part(new DataView((await bytes.bytes(at, size)).buffer), 8, size);
    at += size;
  }
  if (!moov) throw new Error("it was cut off, or is no MP4 file: it has no list of its frames.");
  return { moov, brand };
}

const clock = (header) => header.getUint32(header.getUint8(0) ? 20 : 12);

/** Entries of `width` bytes of a table: each as numbers of 32 bits. */
function rows(view, columns) {
  if (!view) return [];
  const count = view.getUint32(4);
  return Array.from({ length: count }, (_, row) =>
    Array.from({ length: columns }, (__, column) => view.getUint32(8 + 4 * (row * columns + column))));
}

const spread = (table) => table.flatMap(([count, value]) => Array(count).fill(value));

/** Where the chunks of a track begin, and how many samples each has. */
function chunks(stbl) {
  const long = find(stbl, "co64"), short = find(stbl, "stco");
  const starts = long ? rows(long, 2).map(([high, low]) => high * 2 ** 32 + low) : rows(short, 1).map(([at]) => at);
  const runs = rows(find(stbl, "stsc"), 3);
  let run = 0;
  return starts.map((at, chunk) => {
    while (run + 1 < runs.length && runs[run + 1][0] <= chunk + 1) run++;
    return { at, count: runs[run][1] };
  });
}

/** The samples of a track, in the order of decoding; `time` is that of its own clock. */
function samples(track) {
  const stbl = find(track, "mdia", "minf", "stbl"), sizes = find(stbl, "stsz");
  const constant = sizes.getUint32(4), count = sizes.getUint32(8);
  const durations = spread(rows(find(stbl, "stts"), 2)), offsets = spread(rows(find(stbl, "ctts"), 2));
  const sync = find(stbl, "stss"), keys = new Set(rows(sync, 1).flat());
  const found = [];
  let time = 0;
  for (const chunk of chunks(stbl)) {
    let { at } = chunk;
    for (let one = 0; one < chunk.count && found.length < count; one++) {
      const place = found.length, size = constant || sizes.getUint32(12 + 4 * place), duration = durations[place] ?? 0;
      const shift = (offsets[place] ?? 0) | 0; // signed in version 1, and small in version 0
      found.push({ at, size, duration, key: !sync || keys.has(place + 1), time: time + shift });
      at += size;
      time += duration;
    }
  }
  if (!found.length) throw new Error("it has no frames.");
  return found;
}

/** Times as they are presented: by the track's edit list, which may delay it or cut its beginning and end. */
function presented(moov, track, found) {
  const list = find(track, "edts", "elst");
  if (!list) return found;
  const long = list.getUint8(0), stride = long ? 20 : 12;
  const scale = clock(find(track, "mdia", "mdhd")) / clock(find(moov, "mvhd"));
  let delay = 0, edit = null;
  for (let row = 0; row < list.getUint32(4); row++) {
    const at = 8 + row * stride;
    const duration = long ? Number(list.getBigUint64(at)) : list.getUint32(at);
    const start = long ? Number(list.getBigInt64(at + 8)) : list.getInt32(at + 4);
    if (start >= 0 && edit) throw new Error("it is cut together by an edit list, which this page does not read.");
    if (start >= 0) edit = { start, stop: start + ((duration || Infinity) - 1) * scale };
    else delay += Math.round(duration * scale);
  }
  if (!edit) return found;
  return found.map(({ time, ...rest }) => (
    { ...rest, time: time - edit.start + delay, hidden: time < edit.start || time >= edit.stop }));
}

/* Writing. */
function box(type, ...contents) {
  const body = joined(contents);
  return joined([number(8 + body.length), letters(type), body]);
}

const table = (type, entries) =>
  box(type, number(0), number(entries.length), ...entries.flat().map((value) => number(value)));

function runs(values) {
  const found = [];
  for (const value of values) {
    if (found.at(-1)?.[1] === value) found.at(-1)[0]++;
    else found.push([1, value]);
  }
  return found;
}

export class Mp4Writer {
  /** Takes the clip, the size of the frames, and what the encoder says of its stream: a VideoDecoderConfig. */
  constructor(clip, width, height, { codec, description }) {
    Object.assign(this, { clip, width, height, codec, description, samples: [], spill: new Spill() });
  }

  /** Takes the next frame as it was encoded. */
  add(data, time, duration, key) {
    this.samples.push({ size: data.length, time, duration, key });
    this.spill.add(data);
  }

  /** The file: moov is first, then runs of frames, each with the sound that belongs to it. */
  async finish() {
    const { clip } = this, { sounds, brand } = clip.parts, placed = [];
    const pieces = this.pieces();
    for (const sound of sounds) pieces.push(...soundPieces(sound));
    pieces.sort((one, other) => one.seconds - other.seconds);
    const ftyp = box("ftyp", letters(brand), number(512), letters(brand === "qt  " ? "qt  " : "isomiso2mp41"));
    const head = this.head(pieces, 0).length + ftyp.length + 16;
    let at = head;
    for (const piece of pieces) {
      placed.push({ ...piece, place: at });
      at += piece.size;
    }
    const data = [], frames = this.spill.whole();
    for (const { from, start, size } of placed) {
      const slice = (from === "video" ? frames : clip.file).slice(start, start + size);
      data.push(from === "video" ? slice : await slice.arrayBuffer());
    }
    const mdat = joined([number(1), letters("mdat"), number(at - head + 16, 8)]);
    const type = clip.ending === "mov" ? "video/quicktime" : "video/mp4";
    return new Blob([ftyp, this.head(placed), mdat, ...data], { type });
  }

  /** Runs of frames of about half a second, as they lie in what was encoded. */
  pieces() {
    const found = [];
    let start = 0;
    for (const { size, time } of this.samples) {
      const seconds = time / this.clip.timescale, last = found.at(-1);
      if (!last || seconds >= last.seconds + 0.5) found.push({ from: "video", seconds, start, size, count: 1 });
      else {
        last.size += size;
        last.count++;
      }
      start += size;
    }
    return found;
  }

  head(pieces) {
    const { moov, sounds } = this.clip.parts;
    const places = (from) => pieces.filter((piece) => piece.from === from).map(({ place }) => place ?? 0);
    return box("moov", whole(moov, "mvhd"), this.track(pieces.filter(({ from }) => from === "video")),
      ...sounds.map((sound) => box("trak", patched(sound, places(sound)))));
  }

  track(pieces) {
    const { video, moov } = this.clip.parts, first = this.samples[0].time, header = whole(video, "tkhd");
    const view = new DataView(header.buffer), matrix = view.getUint8(8) ? 60 : 48;
    [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000].forEach((value, at) => view.setUint32(matrix + 4 * at, value));
    [this.width, this.height].forEach((length, at) => view.setUint32(matrix + 36 + 4 * at, length * 65536));
    const media = find(video, "mdia"), scale = clock(find(moov, "mvhd")) / this.clip.timescale;
    const total = this.samples.at(-1).time + this.samples.at(-1).duration - first;
    const edits = first <= 0 ? [] : [box("edts", table("elst", [
      [Math.round(first * scale), 2 ** 32 - 1, 65536], [Math.round(total * scale), 0, 65536]]))];
    return box("trak", header, ...edits, box("mdia", whole(media, "mdhd"), whole(media, "hdlr"), box("minf",
      whole(find(media, "minf"), "vmhd"), whole(find(media, "minf"), "dinf"), this.tables(pieces))));
  }

  tables(pieces) {
    const { samples: list } = this, times = list.map(({ time }) => time).sort((one, other) => one - other);
    const durations = times.map((time, at) => (at + 1 < times.length ? times[at + 1] - time : list.at(-1).duration));
    const delays = list.map(({ time }, at) => time - times[at]); // of encoders that reorder frames
    const keys = list.flatMap(({ key }, at) => (key ? [[at + 1]] : []));
    let next = 1;
    const counts = runs(pieces.map(({ count }) => count)).map(([times, count]) => [(next += times) - times, count, 1]);
    return box("stbl", box("stsd", number(0), number(1), this.entry()), table("stts", runs(durations)),
      ...delays.some(Boolean) ? [box("ctts", number(1, 1), number(0, 3), table("ctts", runs(delays)).subarray(12))] : [],
      table("stss", keys), table("stsc", counts),
      box("stsz", number(0), number(0), number(list.length), ...list.map(({ size }) => number(size))),
      box("co64", number(0), number(pieces.length), ...pieces.map(({ place }) => number(place ?? 0, 8))));
  }

  entry() {
    const { width, height, codec } = this, avc = codec.startsWith("avc1");
    const config = avc ? box("avcC", new Uint8Array(this.description))
      : box("vpcC", number(1, 1), number(0, 3), Uint8Array.of(0, 51, 0x82, 1, 1, 1, 0, 0));
    const name = new Uint8Array(32);
    return box(avc ? "avc1" : "vp09", number(0, 6), number(1, 2), number(0, 16), number(width, 2), number(height, 2),
      number(0x480000), number(0x480000), number(0), number(1, 2), name, number(24, 2), number(65535, 2), config,
      box("colr", letters("nclx"), number(1, 2), number(1, 2), number(1, 2), number(0, 1)));
  }
}

function whole(view, type) {
  const found = [...boxes(view)].find((one) => one.type === type);
  return found ? copied(part(view, found.start, found.stop)) : new Uint8Array(0);
}

/** The chunks of a sound track. Its samples are not listed: each number of PCM is one. */
function soundPieces(track) {
  const rate = clock(find(track, "mdia", "mdhd")), stbl = find(track, "mdia", "minf", "stbl"), sizes = find(stbl, "stsz");
  const entry = find(stbl, "stsd"), pcm = entry.getUint16(32) * entry.getUint16(34) / 8; // channels, bits
  const constant = sizes.getUint32(4) === 1 ? pcm : sizes.getUint32(4); // QuickTime writes 1 for PCM of any size
  const durations = rows(find(stbl, "stts"), 2);
  let sample = 0, time = 0, run = 0, left = durations[0]?.[0] ?? 0;
  return chunks(stbl).map(({ at, count }) => {
    const piece = { from: track, seconds: time / rate, start: at, size: constant * count };
    for (let one = 0; !constant && one < count; one++) piece.size += sizes.getUint32(12 + 4 * (sample + one));
    sample += count;
    for (let rest = count; rest && run < durations.length;) {
      const taken = Math.min(rest, left);
      time += taken * durations[run][1];
      rest -= taken;
      left -= taken;
      if (!left) left = durations[++run]?.[0] ?? 0;
    }
    return piece;
  });
}

/** A track's boxes, with new places of its chunks. */
function patched(view, places) {
  return joined([...boxes(view)].map(({ type, start, body, stop }) => {
    if (type === "tref") return new Uint8Array(0); // the tracks that it names are not copied
    if (type === "stco" || type === "co64") {
      return box("co64", number(0), number(places.length), ...places.map((place) => number(place, 8)));
    }
    const inside = ["mdia", "minf", "stbl"].includes(type);
    return inside ? box(type, patched(part(view, body, stop), places)) : copied(part(view, start, stop));
  }));
}
