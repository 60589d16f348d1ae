"""`upscale clip.mp4`: what must be as it was, and what is larger."""

import io
import sys
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from srgan_tf.config.choices import VIDEO_CODECS
from srgan_tf.inference import Upscaler
from srgan_tf.inference.clips import ClipSettings, upscale_clip

av = pytest.importorskip("av")  # it needs Python 3.11

from video.made_clips import SMALL, chart, colours_of, decoded, make_clip, packets, patches, times  # noqa: E402

from srgan_tf.video import encoders  # noqa: E402
from srgan_tf.video.yuv import Colour  # noqa: E402

BICUBIC = ("--model=bicubic", "--scale=2")


def test_all_but_the_pixels_is_kept(command, tmp_path):
    """Of a clip with uneven times, sound, a turned display, pixels that are not square, chapters and a title."""
    chapters = [{"id": number, "start": 200 * number, "end": 200 * number + 200, "time_base": Fraction(1, 1000),
                 "metadata": {"title": f"part {number}"}} for number in range(2)]
    pts = [0, 40, 41, 90, 100, 180, 260, 390]
    source = make_clip(tmp_path / "clip.mp4", [chart(shift=shift) for shift in range(8)], pts, audio=True, title="Kept",
                       aspect=Fraction(12, 11), rotation=90, chapters=chapters)
    done = command("upscale", "clip.mp4", *BICUBIC)
    assert done.status == 0, done
    assert "upscaled/clip_x2.mp4: 64x48 -> 128x96, 8 frames in" in done.out
    target = tmp_path / "upscaled/clip_x2.mp4"
    assert times(target) == times(source) == [Fraction(time, 1000) for time in pts]
    assert packets(target, "audio") == packets(source, "audio")
    with av.open(str(target)) as container:
        track = container.streams.video[0]
        assert (track.codec_context.name, track.codec_context.pix_fmt, track.sample_aspect_ratio) == (
            "h264", "yuv420p", Fraction(12, 11))
        assert container.metadata["title"] == "Kept"
        assert [(chapter["start"] * chapter["time_base"], chapter["metadata"]["title"])
                for chapter in container.chapters()] == [(0, "part 0"), (Fraction(1, 5), "part 1")]
        assert next(container.decode(video=0)).rotation == 90
    head = target.read_bytes()
    assert head.index(b"moov") < head.index(b"mdat")  # it plays before it is loaded
    assert [path.name for path in (tmp_path / "upscaled").iterdir()] == ["clip_x2.mp4"]
    assert command("upscale", "clip.mp4", *BICUBIC, "--strip_metadata", "-o", "bare.mp4").status == 0
    with av.open(str(tmp_path / "bare.mp4")) as container:
        assert "title" not in container.metadata
        assert not container.chapters()


@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize("colour", [Colour(1, 1, 1, False), Colour(6, 6, 6, True), Colour(9, 9, 14, False)],
                         ids=["BT.709", "BT.601 in full range", "BT.2020"])
def test_colours(tmp_path, upscaler, colour, tagged):
    colour = colour if tagged else Colour(6, 1, 1, False)  # as players take a small clip that says nothing
    make_clip(tmp_path / "clip.mkv", [chart()], codec="ffv1", colour=colour, tagged=tagged)
    for codec in ("h264", "ffv1"):
        upscale_clip(upscaler, tmp_path / "clip.mkv", tmp_path / f"{codec}.mkv", ClipSettings(encoders.Wish(codec)))
        (frame,) = decoded(tmp_path / f"{codec}.mkv")
        assert (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range) == (
            *colour[:3], 1 + colour.full_range)
    (before,) = decoded(tmp_path / "clip.mkv")
    before.colorspace = colour.matrix
    assert np.abs(colours_of(frame, 2) - colours_of(before)).max() <= 2


def test_ten_bits_stay_ten_bits(tmp_path, upscaler):
    make_clip(tmp_path / "clip.mkv", [chart()] * 2, codec="ffv1", pixel_format="yuv420p10le")
    upscale_clip(upscaler, tmp_path / "clip.mkv", tmp_path / "out.mp4", ClipSettings())
    assert {(frame.format.name) for frame in decoded(tmp_path / "out.mp4")} == {"yuv420p10le"}
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"
    upscale_clip(upscaler, tmp_path / "clip.mkv", tmp_path / "out.mkv", ClipSettings(encoders.Wish("ffv1")))
    before, after = (decoded(tmp_path / name)[0] for name in ("clip.mkv", "out.mkv"))
    assert np.abs(colours_of(after, 2) - colours_of(before)).max() <= 0.6  # two roundings of a quarter level and more


def test_high_dynamic_range(tmp_path, upscaler, refused):
    colour = Colour(9, 9, 16, False)
    make_clip(tmp_path / "clip.mkv", [chart()], codec="ffv1", pixel_format="yuv420p10le", colour=colour)
    upscale_clip(upscaler, tmp_path / "clip.mkv", tmp_path / "out.mkv", ClipSettings())
    (frame,) = decoded(tmp_path / "out.mkv")
    assert (frame.colorspace, frame.color_primaries, frame.color_trc) == (9, 9, 16)
    line = refused("upscale", "clip.mkv", *BICUBIC, "--codec=h264", "--pixel_format=yuv420p")
    assert "clip.mkv is PQ (high dynamic range), which needs 10 bits" in line


@pytest.mark.parametrize(("arguments", "name", "size"), [
    (("--width=100",), "clip_100x75.mkv", (100, 76)), (("--max_side=96",), "clip_96x72.mkv", (96, 72)),
    (("--scale=1.5",), "clip_x1.5.mkv", (96, 72)),
    (("--scale=3", "--pixel_format=yuv444p"), "clip_x3.mkv", (192, 144))])
def test_sizes(tmp_path, command, arguments, name, size):
    """The model runs until a frame is large enough, and a reduction does the rest."""
    make_clip(tmp_path / "clip.mkv", [chart()] * 2, codec="ffv1")
    done = command("upscale", "clip.mkv", "--model=bicubic", *arguments)
    assert done.status == 0, done
    frame = decoded(tmp_path / "upscaled" / name)[1]
    assert (frame.width, frame.height) == size
    if size == (192, 144):
        assert np.abs(patches(frame.reformat(format="rgb24").to_ndarray(), 3) - patches(chart(), 1) * 255).max() < 10


def test_odd_sizes(tmp_path, command):
    image = np.linspace(0, 1, 35 * 33 * 3).reshape(35, 33, 3)
    make_clip(tmp_path / "clip.mkv", [image], codec="ffv1", pixel_format="yuv444p")
    assert command("upscale", "clip.mkv", "--model=bicubic", "--scale=3").status == 0
    (frame,) = decoded(tmp_path / "upscaled/clip_x3.mkv")
    assert (frame.width, frame.height) == (100, 106)
    rgb = frame.reformat(format="rgb24").to_ndarray().astype(int)
    assert np.abs(rgb[:, -1] - rgb[:, -2]).max() <= 4
    expected = Upscaler("bicubic", scale=3)((image * 255 + 0.5).astype(np.uint8))
    assert np.abs(rgb[:105, :99] - expected).mean() < 3


def test_interlaced_frames_become_whole_ones(tmp_path, command):
    field = np.zeros((48, 64, 3))
    field[::2] = 1
    make_clip(tmp_path / "clip.mp4", [field] * 3, options={"x264-params": "tff=1", "flags": "+ildct+ilme", "qp": "0"})
    done = command("upscale", "clip.mp4", *BICUBIC)
    assert "clip.mp4: interlaced: each pair of fields becomes one frame (yadif)" in done.out
    assert times(tmp_path / "upscaled/clip_x2.mp4") == times(tmp_path / "clip.mp4")
    grey = decoded(tmp_path / "upscaled/clip_x2.mp4")[1].reformat(format="gray").to_ndarray().astype(int)
    assert np.abs(np.diff(grey[20:-20], axis=0)).max() < 40  # the fields' comb was 235 levels high


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_lost_transparency_is_said(tmp_path, command, codec):
    """VP8 and VP9 have it in a layer of its own, of which the frames know nothing."""
    with av.open(str(tmp_path / "clip.webm"), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"auto-alt-ref": "0"})
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuva420p"
        frame = av.VideoFrame.from_ndarray(np.full((32, 32, 4), 100, np.uint8), format="rgba")
        frame = frame.reformat(format="yuva420p")
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    done = command("upscale", "clip.webm", *BICUBIC)
    assert done.status == 0, done
    assert "clip.webm: its transparency is not kept" in done.out


@pytest.mark.parametrize(("arguments", "first", "last"), [
    (("--start=0.08",), 2, 9), (("--end=0:00.2",), 0, 4), (("--start=0.08", "--end=0.2"), 2, 4)])
def test_a_stretch(command, tmp_path, arguments, first, last):
    make_clip(tmp_path / "clip.mp4", [chart(shift=shift) for shift in range(10)], audio=True)
    assert command("upscale", "clip.mp4", *BICUBIC, *arguments).status == 0
    target = tmp_path / "upscaled/clip_x2.mp4"
    assert times(target) == [Fraction(number, 25) for number in range(last - first + 1)]
    rgb = decoded(target)[0].reformat(format="rgb24").to_ndarray()
    assert np.abs(patches(rgb, 2) - patches(chart(shift=first), 1) * 255).max() < 20
    sound = packets(target, "audio")
    start = Fraction(first, 25)
    assert {data for _, data in sound} < {data for _, data in packets(tmp_path / "clip.mp4", "audio")}
    kept = {data: time for time, data in packets(tmp_path / "clip.mp4", "audio")}
    assert all(abs(kept[data] - start - time) < Fraction(1, 10_000) for time, data in sound)


def damage(path, number):
    """Overwrites a frame of a clip."""
    _, packet = packets(path, "video")[number]
    path.write_bytes(path.read_bytes().replace(packet, b"\xff" * len(packet)))


def test_damage_is_named_and_not_the_end(tmp_path, command):
    source = make_clip(tmp_path / "clip.mkv", [chart(shift=shift) for shift in range(6)], codec="ffv1",
                       options={"g": "1"})
    damage(source, 3)
    done = command("upscale", "clip.mkv", *BICUBIC)
    assert done.status == 0
    assert "clip.mkv: 0.120 s: " in done.out
    assert "1 fault in the clip" in done.out
    assert times(tmp_path / "upscaled/clip_x2.mkv") == [Fraction(number, 25) for number in (0, 1, 2, 4, 5)]


def test_damage_in_h264_is_named_and_concealed(tmp_path, upscaler, capsys):
    source = make_clip(tmp_path / "clip.mkv", [np.roll(chart(112, 192), shift, 1) for shift in range(6)],
                       options={"bf": "0"})
    upscale_clip(upscaler, source, tmp_path / "whole.mkv", ClipSettings(encoders.Wish("ffv1")))
    _, packet = packets(source, "video")[3]
    source.write_bytes(source.read_bytes().replace(packet, packet[:20] + b"\xa5" * (len(packet) - 20)))
    upscale_clip(upscaler, source, tmp_path / "out.mkv", ClipSettings(encoders.Wish("ffv1")))
    assert "clip.mkv: 0.120 s: damaged, decoded as far as it went" in capsys.readouterr().out
    for whole, after in zip(*(decoded(tmp_path / name) for name in ("whole.mkv", "out.mkv")), strict=True):
        assert np.abs(after.to_ndarray(format="gray") - whole.to_ndarray(format="gray").astype(float)).mean() < 20


def with_more_tracks(path):
    """Copies a clip into Matroska, with subtitles, a second video and a cover."""
    make_clip(path.with_name("one.mkv"), [chart(shift=shift) for shift in range(6)], [0, 40, 90, 120, 160, 200])
    cover = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(cover, "PNG")
    with av.open(str(path.with_name("one.mkv"))) as source, av.open(str(path), "w") as container:
        video = source.streams.video[0]
        copies = [container.add_stream_from_template(video, opaque=True) for _ in range(2)]
        words = container.add_mux_stream("subrip")
        words.metadata["language"] = "deu"
        container.add_attachment("cover.png", "image/png", cover.getvalue())
        stored = [packet for packet in source.demux(video) if packet.size]
        for number, (data, pts, dts, key) in enumerate([
                (bytes(packet), packet.pts, packet.dts, packet.is_keyframe) for packet in stored]):
            for copy in copies:
                packet = av.Packet(data)
                packet.pts, packet.dts, packet.time_base, packet.stream = pts, dts, video.time_base, copy
                packet.is_keyframe = key
                container.mux(packet)
            if number == 2:
                packet = av.Packet(b"Guten Tag")
                packet.pts = packet.dts = 50
                packet.duration, packet.time_base, packet.stream = 100, Fraction(1, 1000), words
                container.mux(packet)
    return path


def test_subtitles_covers_and_further_videos_are_copied(tmp_path, command):
    source = with_more_tracks(tmp_path / "clip.mkv")
    done = command("upscale", "clip.mkv", *BICUBIC)
    assert done.status == 0, done
    target = tmp_path / "upscaled/clip_x2.mkv"
    kinds = []
    for path in (source, target):
        with av.open(str(path)) as container:
            kinds.append([(track.type, track.codec_context.name, track.metadata.get("language"), track.disposition)
                          for track in container.streams])
    assert kinds[0] == kinds[1]
    assert len(kinds[0]) == 4
    assert packets(target, "subtitle") == packets(source, "subtitle")
    for track in (1, 2):  # the second video, with its times, and the cover
        assert stored_in(target, track) == stored_in(source, track)


def stored_in(path, video):
    with av.open(str(path)) as container:
        track = container.streams.video[video]
        return [(packet.pts, bytes(packet)) for packet in container.demux(track) if packet.size]


def test_tracks_that_do_not_fit_are_named_first(tmp_path, command):
    make_clip(tmp_path / "clip.mp4", [chart()] * 2, audio=True)
    done = command("upscale", "clip.mp4", *BICUBIC, "-o", "out.webm", "--preset=8")
    assert done.out.startswith("clip.mp4: audio track 1 (aac) cannot be in .webm and is left out; .mkv may hold it\n")
    with av.open(str(tmp_path / "out.webm")) as container:
        assert [track.type for track in container.streams] == ["video"]


def without_frames(path):
    damage(make_clip(path, [chart()], codec="mpeg4"), 0)


def a_list(path):
    """Which FFmpeg would follow, to any file that is named in it."""
    make_clip(path.with_name("another.mp4"), [chart()])
    path.write_text("ffconcat version 1.0\nfile another.mp4\n")


def audio_alone(path):
    make_clip(path.with_name("both.mp4"), [chart()], audio=True)
    with av.open(str(path.with_name("both.mp4"))) as source, av.open(str(path), "w") as container:
        copy = container.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.size:
                packet.stream = copy
                container.mux(packet)


def no_track(path):
    """What a recorder leaves that was stopped at once."""
    brand, header = (length.to_bytes(4, "big") + rest for length, rest in (
        (16, b"ftypisom" + bytes(4)), (116, b"moov" + (108).to_bytes(4, "big") + b"mvhd" + bytes(100))))
    path.write_bytes(brand + header)


@pytest.mark.parametrize(("write", "reason"), [
    (audio_alone, "no video track (audio only)"),
    (no_track, "no video track (no track at all)"),
    (without_frames, "no frame of its video track can be decoded"),
    (lambda path: path.write_bytes(b""), "the file is empty"),
    (lambda path: path.write_text("no clip"), "not a video that FFmpeg can read"),
    (a_list, "not a video that FFmpeg can read"),
])
def test_refused_before_the_model_is_looked_for(refused, tmp_path, write, reason):
    write(tmp_path / "clip.mp4")
    line = refused("upscale", "clip.mp4", "--model=runs/not_there")
    assert "clip.mp4" in line
    assert reason in line
    assert not (tmp_path / "upscaled").exists()


@pytest.mark.parametrize(("arguments", "reason"), [
    (("--codec=ffv1",), ".mp4 cannot hold --codec=ffv1, but h264, hevc, av1, vp9"),
    (("--crf=52",), "--crf of h264 must be within 0..51; got 52"),
    (("--preset=quick",), "--preset of h264 must be one of ultrafast"),
    (("--pixel_format=rgb24",), "--pixel_format of h264 must be one of yuv420p"),
    (("--start=soon",), "--start must be seconds"),
    (("--start=2", "--end=1"), "--end must be later than --start=2"),
    (("--start=60",), "--start must be earlier; got 60"),
    (("-o", "large.png"), "--output=large.png: clip.mp4 can become .mp4"),
    (("--format=png",), "--format must be one of .mp4, .m4v, .mov, .mkv, .webm; got 'png'"),
    (("--max_megapixels=0.001",), "the limit is --max_megapixels=0.001"),
    (("--page=2",), "--page does not work for clips: --start and --end say which part of them"),
])
def test_mistakes(refused, tmp_path, arguments, reason):
    make_clip(tmp_path / "clip.mp4", [chart()] * 2)
    assert reason in refused("upscale", "clip.mp4", "--model=runs/not_there", *arguments)


@pytest.mark.parametrize("codec", VIDEO_CODECS)
def test_every_codec(tmp_path, upscaler, codec):
    make_clip(tmp_path / "clip.mkv", [chart(shift=shift) for shift in range(4)], codec="ffv1")
    preset = encoders.CODECS[codec].presets[:1]
    upscale_clip(upscaler, tmp_path / "clip.mkv", tmp_path / "out.mkv", ClipSettings(encoders.Wish(codec, -1, *preset)))
    frames = decoded(tmp_path / "out.mkv")
    assert times(tmp_path / "out.mkv") == [Fraction(number, 25) for number in range(4)]
    for shift, frame in enumerate(frames):
        rgb = frame.reformat(format="rgb24").to_ndarray()
        assert np.abs(patches(rgb, 2) - patches(chart(shift=shift), 1) * 255).mean() < 8


def test_the_codecs_of_the_flag():
    assert sorted(VIDEO_CODECS) == sorted(encoders.CODECS)


def test_any_name(command, tmp_path):
    name = "12:30 %03d [é].MP4"
    make_clip(tmp_path / "clip.mp4", [chart()] * 2, audio=True).rename(tmp_path / name)
    done = command("upscale", name, *BICUBIC)
    assert done.status == 0, done
    assert times(tmp_path / "upscaled/12:30 %03d [é]_x2.MP4") == [0, Fraction(1, 25)]


def test_webm_and_avi(command, tmp_path):
    """A clip keeps its container where that is written, and plays everywhere else."""
    make_clip(tmp_path / "a.webm", [chart()], codec="libvpx-vp9", options={"cpu-used": "8"})
    make_clip(tmp_path / "b.avi", [chart()] * 3, codec="mpeg4")
    assert command("upscale", "a.webm", "b.avi", *BICUBIC, "--preset=").status == 0
    found = {}
    for path in (tmp_path / "upscaled").iterdir():
        with av.open(str(path)) as container:
            found[path.name] = container.streams.video[0].codec_context.name
    assert found == {"a_x2.webm": "vp9", "b_x2.mp4": "h264"}


def test_without_pyav(refused, tmp_path, monkeypatch):
    make_clip(tmp_path / "clip.mp4", [chart()])
    monkeypatch.setitem(sys.modules, "av", None)
    assert "pip install 'srgan_tf[video]'" in refused("upscale", "clip.mp4", *BICUBIC)
    assert SMALL.matrix == 1
