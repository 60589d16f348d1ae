"""A clip that is upscaled in segments: what is computed once, and what a run that was stopped resumes from."""

from collections import Counter

import pytest

from srgan_tf.errors import UserError
from srgan_tf.inference import clips
from srgan_tf.inference.clip_settings import ClipSettings
from srgan_tf.inference.clips import upscale_clip

pytest.importorskip("av")  # it needs Python 3.11

from video.made_clips import chart, make_clip, times

from srgan_tf.video import encoders, frame_reading, segments


def test_repeats_are_computed_once(tmp_path, upscaler):
    calls = Counter()

    def counted(pixels, **options):
        calls["frames"] += 1
        return upscaler(pixels, **options)

    counted.scale, counted.runtime = 2, upscaler.runtime
    make_clip(tmp_path / "clip.mkv", [chart(), chart(), chart(shift=1), chart(shift=1), chart()], codec="ffv1")
    assert upscale_clip(counted, tmp_path / "clip.mkv", tmp_path / "out.mkv", ClipSettings()) == 5
    assert calls["frames"] == 3
    assert len(times(tmp_path / "out.mkv")) == 5


@pytest.mark.parametrize(("length", "stop"), [(1, 4), (3, 9), (4, 9), (4, 2), (100, 9)])
def test_a_stopped_run_resumes(tmp_path, upscaler, monkeypatch, capsys, length, stop):
    """Its result is that of an uninterrupted run, byte for byte, and finished segments are not computed again."""
    monkeypatch.setattr(segments, "LENGTH", length)
    frames = [chart(shift=shift) for shift in range(10)]
    pts = [number * 40 + number % 3 * 7 for number in range(10)]
    source = make_clip(tmp_path / "clip.mp4", frames, pts, audio=True, options={"g": "4"})
    upscale_clip(upscaler, source, tmp_path / "whole.mp4", ClipSettings())
    calls = Counter()

    def stopping(pixels, **options):
        if calls["all"] == stop:
            raise KeyboardInterrupt
        calls["all"] += 1
        return upscaler(pixels, **options)

    stopping.scale, stopping.runtime = 2, upscaler.runtime
    with pytest.raises(KeyboardInterrupt):
        upscale_clip(stopping, source, tmp_path / "out.mp4", ClipSettings())
    assert f"{stop // length * length} frames are finished; the same command resumes" in capsys.readouterr().out
    assert not (tmp_path / "out.mp4").exists()
    left = {path.name for path in (tmp_path / ".out.mp4.parts").iterdir()}
    assert left == {"job.json", *(f"{number:06}.{end}" for number in range(stop // length) for end in ("json", "mkv"))}
    stop = -1
    done, calls["all"] = calls["all"], 0
    assert upscale_clip(stopping, source, tmp_path / "out.mp4", ClipSettings()) == 10
    assert calls["all"] == 10 - done // length * length
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert not (tmp_path / ".out.mp4.parts").exists()


def test_one_run_at_a_time(tmp_path, upscaler):
    make_clip(tmp_path / "clip.mp4", [chart()])
    parts = segments.Parts(tmp_path / "out.mp4")
    with parts.locked(), pytest.raises(UserError, match="is being written to by process"):
        upscale_clip(upscaler, tmp_path / "clip.mp4", tmp_path / "out.mp4", ClipSettings())
    upscale_clip(upscaler, tmp_path / "clip.mp4", tmp_path / "out.mp4", ClipSettings())
    assert not parts.folder.exists()


def test_another_setting_begins_anew(tmp_path, upscaler, monkeypatch, capsys):
    monkeypatch.setattr(segments, "LENGTH", 2)
    source = make_clip(tmp_path / "clip.mp4", [chart(shift=shift) for shift in range(5)])
    monkeypatch.setattr(clips, "join", lambda *arguments: (_ for _ in ()).throw(OSError("stopped")))
    with pytest.raises(OSError, match="stopped"):
        upscale_clip(upscaler, source, tmp_path / "out.mp4", ClipSettings())
    monkeypatch.undo()
    upscale_clip(upscaler, source, tmp_path / "out.mp4", ClipSettings(encoders.Wish(crf=40)))
    assert "begun anew" in capsys.readouterr().out


def test_a_frame_is_found_again_or_the_clip_is_refused(tmp_path):
    from srgan_tf.video.probing import probe

    clip = probe(make_clip(tmp_path / "clip.mp4", [chart(shift=shift) for shift in range(6)], options={"g": "2"}))
    frames = list(frame_reading.read_frames(clip))
    after = list(frame_reading.read_frames(clip, after=frames[2].place))
    assert [frame.place for frame in after] == [frame.place for frame in frames[3:]]
    with pytest.raises(UserError, match="is not there any more"):
        list(frame_reading.read_frames(clip, after=frames[2].place._replace(sum=1)))
