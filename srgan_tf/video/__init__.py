"""Clips at the edges of the package, through PyAV, which is FFmpeg's own libraries: no ffmpeg program is needed.

    probing         what a clip holds, before anything is computed
    yuv             frames of FFmpeg <-> RGB arrays, with the right matrix, range and place of chroma
    frame_reading   a clip's frames in their order, from any of them on
    encoders        which codecs, containers and pixel formats are written, and how
    segments        the frames that are done: finished files in a hidden folder, from which a run resumes
    joining         the segments and the clip's other tracks in one file, nothing encoded again

A frame is an RGB array [H,W,3], uint8 on 0..255 or, of more than 8 bits, uint16 on 0..65535, in the clip's own
primaries and transfer function. Timestamps are whole numbers in the time base of the clip's video track.

Nothing here imports PyAV before it is used: it is an extra, `video`.
"""
