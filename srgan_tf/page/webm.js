/* WebM and Matroska files (RFC 9559) as clips: `readWebm`, and `WebmWriter` for the result, whose sound tracks are those of
   the clip. A clip is described in mp4.js; its timescale is that of the file's ticks. */
import { ByteWindow, Spill, joined, letters, number, text } from "./byte_window.js";
import { ENCODERS, colours } from "./codecs.js";

const ID = {
  EBML: 0x1a45dfa3, EBMLVersion: 0x4286, EBMLReadVersion: 0x42f7, EBMLMaxIDLength: 0x42f2, EBMLMaxSizeLength: 0x42f3,
  DocType: 0x4282, DocTypeVersion: 0x4287, DocTypeReadVersion: 0x4285, Segment: 0x18538067, Info: 0x1549a966,
  TimestampScale: 0x2ad7b1, Duration: 0x4489,
  MuxingApp: 0x4d80, WritingApp: 0x5741, Tracks: 0x1654ae6b, TrackEntry: 0xae, TrackNumber: 0xd7, TrackUID: 0x73c5,
  TrackType: 0x83, FlagLacing: 0x9c, CodecID: 0x86, CodecPrivate: 0x63a2, DefaultDuration: 0x23e383,
  ContentEncodings: 0x6d80, Video: 0xe0, PixelWidth: 0xb0, PixelHeight: 0xba, Colour: 0x55b0, MatrixCoefficients: 0x55b1,
  Range: 0x55b9, TransferCharacteristics: 0x55ba, Primaries: 0x55bb, Cluster: 0x1f43b675, Timestamp: 0xe7,
  SimpleBlock: 0xa3, BlockGroup: 0xa0, Block: 0xa1, ReferenceBlock: 0xfb, BlockDuration: 0x9b, Cues: 0x1c53bb6b,
  CuePoint: 0xbb, CueTime: 0xb3, CueTrackPositions: 0xb7, CueTrack: 0xf7, CueClusterPosition: 0xf1,
};
const NAMES = Object.fromEntries(Object.entries(ID).map(([name, id]) => [id, name]));
const KINDS = { V_VP8: "vp8", V_VP9: "vp9", V_AV1: "av1", "V_MPEG4/ISO/AVC": "avc", "V_MPEGH/ISO/HEVC": "hevc" };
const VIDEO = 1, SOUND = 2; // TrackType

/** An element's header: {name, head, size}; size is null where it is not known, as of what is recorded live. */
function header(view, at) {
  const wide = Math.clz32(view.getUint8(at)) - 23;
  if (wide > 4) throw new Error("it is damaged.");
  let id = 0;
  for (let one = 0; one < wide; one++) id = id * 256 + view.getUint8(at + one);
  const [size, length] = variable(view, at + wide);
  return { name: NAMES[id] ?? "", head: wide + length, size };
}

/** A number of variable length, and how many bytes it takes; null where all its bits are set. */
function variable(view, at) {
  const length = Math.clz32(view.getUint8(at)) - 23;
  if (length > 8) throw new Error("it is damaged.");
  let value = view.getUint8(at) & (255 >> length), ones = value === 255 >> length;
  for (let one = 1; one < length; one++) {
    ones &&= view.getUint8(at + one) === 255;
    value = value * 256 + view.getUint8(at + one);
  }
  return [ones ? null : value, length];
}

function* elements(view, at = 0, end = view.byteLength) {
  while (at + 2 <= end) {
    const { name, head, size } = header(view, at), body = at + head, stop = body + (size ?? 0);
    yield { name, start: at, body, stop };
    at = stop;
  }
}

/** What lies in an element: numbers, text or bytes by name, the last of each. */
function fields(view) {
  const found = {};
  for (const { name, body, stop } of elements(view)) {
    found[name] = new DataView(view.buffer, view.byteOffset + body, stop - body);
  }
  return found;
}

const whole = (view) => {
  let value = 0;
  for (let at = 0; at < (view?.byteLength ?? 0); at++) value = value * 256 + view.getUint8(at);
  return value;
};
const real = (view) => (view.byteLength === 4 ? view.getFloat32(0) : view.getFloat64(0));
const copied = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();

/** Reads what a file says of its tracks, and where its packets lie. Throws an Error whose message follows its name. */
export async function readWebm(file) {
  const bytes = new ByteWindow(file), found = { type: "", scale: 1e6, duration: 0, tracks: [], blocks: [], cluster: 0 };
  const enter = new Set(["Segment", "Cluster", "Tracks", "BlockGroup"]);
  for (let at = 0; at + 2 <= file.size;) {
    const { name, head, size } = header(await bytes.view(at, 12), 0), body = at + head;
    if (body + (size ?? 0) > file.size) throw new Error("it was cut off, or is damaged.");
    await READ[name]?.(found, bytes, { at, body, size });
    at = enter.has(name) || size === null ? body : body + size;
  }
  return clip(file, found);
}

/** What is kept of each element. */
const READ = {
  EBML: async (found, bytes, { body, size }) => {
    const { DocType } = fields(await bytes.view(body, size));
    found.type = DocType ? text(DocType, 0, DocType.byteLength).replace(/\0/g, "") : "webm";
  },
  Info: async (found, bytes, { body, size }) => {
    const { TimestampScale, Duration } = fields(await bytes.view(body, size));
    if (TimestampScale) found.scale = whole(TimestampScale);
    if (Duration) found.duration = real(Duration);
  },
  TrackEntry: async (found, bytes, { at, body, size }) => {
    const entry = await bytes.bytes(at, body - at + size), view = new DataView(entry.buffer, body - at);
    found.tracks.push({ entry, ...fields(view) });
  },
  Timestamp: async (found, bytes, { body, size }) => {
    found.cluster = whole(await bytes.view(body, size));
  },
  BlockGroup: async (found, bytes, { at, body, size }) => {
    const { BlockDuration, ReferenceBlock } = fields(await bytes.view(body, size));
    found.group = { at, stop: body + size, key: !ReferenceBlock, duration: whole(BlockDuration) };
  },
  Block: async (found, bytes, element) => keep(found, bytes, element, found.group),
  SimpleBlock: async (found, bytes, element) => {
    const { at, body, size } = element, stop = body + size;
    await keep(found, bytes, element, { at, stop, duration: 0, key: null });
  },
};

/** A block: where its element and its time lie, for those that are copied, and where its frame does. */
async function keep(found, bytes, { body, size }, { at, stop, key, duration }) {
  const view = await bytes.view(body, Math.min(size, 12)), [track, length] = variable(view, 0);
  found.blocks.push({ track, start: at, stop, timeAt: body + length, time: found.cluster + view.getInt16(length),
    at: body + length + 3, size: size - length - 3, key: key ?? (view.getUint8(length + 2) & 128) > 0, duration });
}

function clip(file, found) {
  const of = (type) => found.tracks.filter(({ TrackType }) => whole(TrackType) === type);
  const [video] = of(VIDEO), sounds = of(SOUND);
  if (!video) throw new Error("it has no video.");
  const name = text(video.CodecID, 0, video.CodecID.byteLength).replace(/\0/g, ""), kind = KINDS[name];
  if (!kind || video.ContentEncodings) throw new Error(`this page does not read its codec, ${name}.`);
  const own = whole(video.TrackNumber), packets = found.blocks.filter(({ track }) => track === own);
  if (!packets.length) throw new Error("it has no frames.");
  const times = packets.map(({ time }) => time).sort((one, other) => one - other);
  const step = video.DefaultDuration ? whole(video.DefaultDuration) / found.scale
    : (times.at(-1) - times[0]) / Math.max(1, times.length - 1);
  const after = new Map(times.map((time, place) => [time, (times[place + 1] ?? time + Math.round(step)) - time]));
  for (const packet of packets) packet.duration ||= after.get(packet.time);
  return {
    file, writer: WebmWriter, encoders: ENCODERS.matroska, ending: found.type === "webm" ? "webm" : "mkv", kind, packets,
    record: video.CodecPrivate ? copied(video.CodecPrivate) : null, colorSpace: said(video.Video), rotation: 0,
    timescale: 1e9 / found.scale, length: (times.at(-1) + step) * found.scale / 1e9, sounds: sounds.length,
    parts: { ...found, video, sounds },
  };
}

/** The Colour element of a Video element. */
function said(view) {
  const { Colour } = view ? fields(view) : {};
  if (!Colour) return colours();
  const found = fields(Colour), range = whole(found.Range);
  return colours(...["Primaries", "TransferCharacteristics", "MatrixCoefficients"].map((name) => whole(found[name])),
    [null, false, true][range] ?? null);
}

/* Writing. */
function element(name, ...contents) {
  const body = joined(contents), id = ID[name];
  return joined([number(id, Math.ceil((32 - Math.clz32(id)) / 8)), joined([Uint8Array.of(1), number(body.length, 7)]), body]);
}

const numbered = (name, value) => element(name, number(value, 8));

function decimal(name, value) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return element(name, bytes);
}

export class WebmWriter {
  /** Takes the clip, the size of the frames, and what the encoder says of its stream: a VideoDecoderConfig. */
  constructor(clip, width, height, { codec }) {
    Object.assign(this, { clip, width, height, codec, samples: [], spill: new Spill() });
  }

  /** Takes the next frame as it was encoded. */
  add(data, time, duration, key) {
    this.samples.push({ size: data.length, time, duration, key });
    this.spill.add(data);
  }

  /** The file: cues, by which players seek, come first. */
  async finish() {
    const { type, scale, duration } = this.clip.parts, clusters = this.clusters(), data = [];
    const last = this.samples.at(-1), total = Math.max(duration, last.time + last.duration);
    const head = [element("Info", numbered("TimestampScale", scale), decimal("Duration", total),
      element("MuxingApp", letters("srgan_tf")), element("WritingApp", letters("srgan_tf"))), this.tracks()];
    for (const cluster of clusters) data.push(await this.cluster(cluster));
    let place = head.reduce((sum, { length }) => sum + length, 0) + this.cues(clusters.map(() => [0, 0])).length;
    const places = clusters.map(({ time }, at) => {
      const here = place;
      place += data[at].size;
      return [time, here];
    });
    const body = [...head, this.cues(places)], size = joined([Uint8Array.of(1), number(place, 7)]);
    const mime = this.clip.ending === "webm" ? "video/webm" : "video/x-matroska";
    return new Blob([ebml(type), number(ID.Segment), size, ...body, ...data], { type: mime });
  }

  tracks() {
    const { video, sounds } = this.clip.parts;
    const colour = element("Colour", ...["MatrixCoefficients", "Range", "TransferCharacteristics", "Primaries"].map(
      (name) => numbered(name, 1)));
    const entry = element("TrackEntry", numbered("TrackNumber", whole(video.TrackNumber)), numbered("TrackType", VIDEO),
      numbered("TrackUID", whole(video.TrackNumber)), numbered("FlagLacing", 0),
      element("CodecID", letters(this.codec === "vp8" ? "V_VP8" : "V_VP9")),
      ...video.DefaultDuration ? [numbered("DefaultDuration", whole(video.DefaultDuration))] : [],
      element("Video", numbered("PixelWidth", this.width), numbered("PixelHeight", this.height), colour));
    return element("Tracks", entry, ...sounds.map((sound) => sound.entry));
  }

  /** What lies in each cluster: one begins at each key frame, or where its times would not fit 16 bits. */
  clusters() {
    let start = 0;
    const { blocks, sounds } = this.clip.parts, copied = new Set(sounds.map(({ TrackNumber }) => whole(TrackNumber)));
    const frames = this.samples.map(
      (sample) => ({ ...sample, video: true, start: (start += sample.size) - sample.size }));
    const all = [...frames, ...blocks.filter(({ track }) => copied.has(track))], found = [];
    all.sort((one, other) => one.time - other.time);
    for (const packet of all) {
      const last = found.at(-1);
      const opens = packet.video && packet.key && last?.packets.some(({ video }) => video);
      if (!last || opens || packet.time - last.time > 30000) {
        found.push({ time: Math.max(0, packet.time), packets: [] });
      }
      found.at(-1).packets.push(packet);
    }
    return found;
  }

  async cluster({ time, packets }) {
    const track = number(whole(this.clip.parts.video.TrackNumber) + 0x10000000), frames = this.spill.whole();
    const parts = await Promise.all(packets.map(async (packet) => {
      const from = packet.video ? frames.slice(packet.start, packet.start + packet.size)
        : this.clip.file.slice(packet.start, packet.stop);
      const bytes = new Uint8Array(await from.arrayBuffer()), ticks = number(packet.time - time, 2);
      if (packet.video) return element("SimpleBlock", track, ticks, Uint8Array.of(packet.key ? 128 : 0), bytes);
      bytes.set(ticks, packet.timeAt - packet.start);
      return bytes;
    }));
    return new Blob([element("Cluster", numbered("Timestamp", time), ...parts)]);
  }

  cues(places) {
    const track = numbered("CueTrack", whole(this.clip.parts.video.TrackNumber));
    return element("Cues", ...places.map(([time, place]) => element("CuePoint", numbered("CueTime", time),
      element("CueTrackPositions", track, numbered("CueClusterPosition", place)))));
  }
}

const ebml = (type) => element("EBML", ...["EBMLVersion", "EBMLReadVersion"].map((name) => numbered(name, 1)),
  numbered("EBMLMaxIDLength", 4), numbered("EBMLMaxSizeLength", 8), element("DocType", letters(type)),
  numbered("DocTypeVersion", 4), numbered("DocTypeReadVersion", 2));
