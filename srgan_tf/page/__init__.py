"""The page that upscales in the browser: what `export --format=web` copies, and what `serve` shows.

Plain ES modules, without a build step:

    index.html, style.css     what is seen
    app.js                    the list of images and clips, the settings, the buttons
    compare.js                before and after, parted by a line
    engine.js                 the worker, and its one job at a time
    worker.js, job.js         in the worker: an image from its file to the file of its result
    bands.js                  an image tile by tile, in bands of rows
    clip.js                   a clip from its file to the file of its result, by WebCodecs
    mp4.js, webm.js           the containers of clips, read and written; codecs.js, yuv.js: what lies in them
    byte_window.js            parts of a file that is read a piece at a time, or written
    model.js, remote.js       what upscales a tile: a .tflite file in LiteRT.js, or a server
    graphics.js               the graphics card in place of the processor, compared first
    graphics_choice.js        which of the two, where there is a choice
    tiles.js, channels.js     as inference/tiling.py and inference/channels.py
    reduce.js                 as imaging/resize.py
    whole_files.js            files that were cut off
    png_stream.js             a PNG file written in bands
    service-worker.js         the site without a network, and the headers that threads need
"""
