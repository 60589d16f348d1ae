# srgan_tf in a container: the server, or any other command (docs/container.md).

# Any image of Debian's family with Python 3.10 to 3.13 and venv.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
# What to install: "." is the full package, "./light" the one without TensorFlow. The extra gpu brings CUDA's libraries.
ARG PROJECT=.
ARG EXTRAS=serving,formats,video
WORKDIR /source
COPY setup.py setup.cfg pyproject.toml README.md LICENSE ./
COPY light light
COPY srgan_tf srgan_tf
RUN python3 -m venv /opt/srgan_tf && /opt/srgan_tf/bin/pip install --no-cache-dir "${PROJECT}[${EXTRAS}]"

FROM ${BASE}
COPY --from=build /opt/srgan_tf /opt/srgan_tf
# /data is for images, models and published models that are downloaded; nothing else is written but /tmp.
RUN useradd --uid 10001 --home-dir /data --create-home upscaler
ENV PATH=/opt/srgan_tf/bin:$PATH HOME=/data PYTHONUNBUFFERED=1
USER 10001
WORKDIR /data
EXPOSE 8500 8501
# Of the server alone: other commands have ended before they are asked three times, or run with --no-healthcheck.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/healthz', timeout=4)"]
ENTRYPOINT ["srgan-tf"]
CMD ["serve", "--host=0.0.0.0"]
