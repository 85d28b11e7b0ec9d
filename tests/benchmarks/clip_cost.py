"""What does a minute of 1080p video cost to fingerprint, and does memory grow with length?

Draws one, scaled up, with a track under it; then measures in processes of their own, so that
the peak of one does not hide that of another. Processor time, not time on the clock: another
program on the machine does not count.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from provenance.fingerprints.sound import fingerprint_sound
from provenance.fingerprints.video import fingerprint_video, video_codes
from tests.factory.clips import FPS, clip
from tests.factory.tracks import RATE_HZ, track

__all__ = ["main"]

_RATE = 24


def _draw(path: Path, seconds: int) -> None:
    frames = np.concatenate([clip(seed) for seed in range(5)])
    samples = np.concatenate([track(seed) for seed in range(4)])
    with av.open(str(path), "w") as file:
        picture: Any = file.add_stream("libx264", rate=_RATE, options={"preset": "ultrafast"})
        picture.width, picture.height, picture.pix_fmt = 1920, 1080, "yuv420p"
        picture.bit_rate = 6_000_000
        sound: Any = file.add_stream("aac", rate=RATE_HZ)
        sound.layout = "mono"
        for index in range(seconds * FPS):
            image = Image.fromarray(frames[index % len(frames)]).resize((1920, 1080))
            for _ in range(_RATE // FPS):
                pixels = np.asarray(image)
                file.mux(picture.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        block = np.round(np.resize(samples, seconds * RATE_HZ) * 20000).astype("<i2")
        for start in range(0, len(block) - 1024, 1024):
            frame = av.AudioFrame.from_ndarray(
                block[None, start : start + 1024], format="s16", layout="mono"
            )
            frame.rate, frame.pts = RATE_HZ, start
            file.mux(sound.encode(frame))
        file.mux(picture.encode(None))
        file.mux(sound.encode(None))


_JOBS: dict[str, Callable[[Any], Any]] = {
    "registering its pictures": fingerprint_video,
    "looking its pictures up": lambda stream: video_codes(stream, purpose="search"),
    "its sound": fingerprint_sound,
}


def _measure(job: str, path: str) -> None:
    before = time.process_time()
    with Path(path).open("rb") as stream:
        _JOBS[job](stream)
    # Not `ru_maxrss`: that begins with the peak of the process that started this one.
    status = Path("/proc/self/status").read_text("ascii")
    peak_mib = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    print(json.dumps([time.process_time() - before, peak_mib]))


def main() -> None:
    """Print processor seconds a minute of video, and the peak of memory at two lengths."""
    lengths = (15, 45)
    with tempfile.TemporaryDirectory() as folder:
        for seconds in lengths:
            _draw(Path(folder) / f"{seconds}.mp4", seconds)
        print(
            "| of 1080p at 24 frames/s | CPU, s a minute | peak at 15 s, MiB | peak at 45 s, MiB |"
        )
        print("|---|---|---|---|")
        for job in _JOBS:
            answers = [
                json.loads(
                    subprocess.run(
                        [sys.executable, "-m", __spec__.name, job, f"{folder}/{seconds}.mp4"],
                        check=True,
                        capture_output=True,
                    ).stdout
                )
                for seconds in lengths
            ]
            a_minute = answers[-1][0] * 60 / lengths[-1]
            print(
                f"| {job} | {a_minute:.1f} | {answers[0][1]:.0f} | {answers[1][1]:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        _measure(sys.argv[1], sys.argv[2])
    else:
        main()
