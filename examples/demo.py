"""See every step with made-up media: sign, register, tamper, strip, imitate, verify.

    python examples/demo.py [--out FOLDER]

Makes a throw-away agency, a picture and a clip; signs and registers both; makes
the copies that are met in the wild; and asks `provenance verify` about each. Ends
with 1 if a verdict, or the release that a copy leads to, is not the expected one.

Needs Pillow and PyAV (`pip install 'provenance-verifier[dev]'`).
"""

from __future__ import annotations

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import av
from PIL import Image, ImageDraw

NAME, NAME_KO, ARTIST = "Aurora Entertainment", "오로라 엔터테인먼트", "NOVA9"
SIZE = (640, 360)

AGENCY_ID = "aurora-entertainment"
RELEASES = {"picture.jpg": "NOVA9-PICTURE", "clip.mp4": "NOVA9-CLIP"}

# A copy without credentials leads back to its release, and so does a stranger's: whoever
# signs somebody else's picture does not make it theirs.
EXPECTED = {
    "picture.jpg": "official",
    "picture-tampered.jpg": "altered",
    "picture-stripped.jpg": "lookalike",
    "picture-resaved.jpg": "lookalike",
    "picture-cropped.jpg": "lookalike",
    "picture-changed.jpg": "lookalike",
    "picture-stranger.jpg": "lookalike",
    "picture-other.jpg": "unverified",
    "clip.mp4": "official",
    "clip-tampered.mp4": "altered",
    "clip-stripped.mp4": "lookalike",
    "clip-resaved.mp4": "lookalike",
    "clip-stranger.mp4": "lookalike",
}
WHAT = {
    "": "as the agency released it",
    "tampered": "one byte of its content changed",
    "stripped": "its credentials taken out",
    "resaved": "saved again, smaller and coarser",
    "cropped": "cut down on all sides",
    "changed": "something put over a part of it",
    "stranger": "signed by a stranger of the same name",
    "other": "another picture altogether",
}


def scene(number: int, phase: float = 0) -> Image.Image:
    """A stage with lights that move, a singer, and a crowd; each number is another one."""
    dice = random.Random(number)  # noqa: S311 - a picture, the same each time
    picture = Image.new("RGB", SIZE, tuple(dice.randrange(10, 60) for _ in range(3)))
    draw = ImageDraw.Draw(picture)
    for light in range(6):
        x = dice.randrange(20, 620)
        foot = x + 60 * math.sin(phase + light)
        colour = tuple(dice.randrange(60, 240) for _ in range(3))
        draw.polygon([(x, 0), (foot - 30, 360), (foot + 30, 360)], fill=colour)
    for _ in range(160):
        x, y, size = dice.randrange(640), dice.randrange(140, 360), dice.randrange(6, 26)
        grey = dice.randrange(50, 200)
        colour = tuple(grey + dice.randrange(-25, 25) for _ in range(3))
        draw.ellipse([x, y, x + size, y + size * 1.3], fill=colour, outline=(10, 10, 20))
    left = 300 + 12 * math.sin(phase)
    draw.ellipse([left, 150, left + 70, 250], fill=(240, 210, 120))
    return picture


def make_clip(path: Path, size: tuple[int, int] = SIZE, bit_rate: int = 800_000) -> None:
    """Write twelve seconds, six shots, as H.264 in MP4."""
    frames: Any = av.VideoFrame
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=8, options={"preset": "veryfast"})
        stream.width, stream.height = size
        stream.pix_fmt, stream.bit_rate = "yuv420p", bit_rate
        for number in range(96):
            frame = frames.from_image(scene(1 + number // 16, number / 4).resize(size))
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def copy_streams(source: Path, target: Path) -> None:
    """Write the clip again, as a site does that keeps only sound and picture."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(old.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)


def flip_one_byte(source: Path, target: Path, after: bytes) -> None:
    """Copy a file with one byte changed, half-way between `after` and the end."""
    data = bytearray(source.read_bytes())
    data[(data.rindex(after) + len(data)) // 2] ^= 1
    target.write_bytes(data)


def provenance(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command line, as a person would."""
    command = [sys.executable, "-m", "provenance.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)  # noqa: S603 - fixed command


def must(done: subprocess.CompletedProcess[str]) -> None:
    """Stop where a step failed."""
    if done.returncode != 0:
        sys.exit(done.stderr)


def make_copies(out: Path) -> None:
    """Make the agency, its two releases, and the copies of them."""
    for folder in ("agency", "stranger"):
        # The stranger takes the same name; the keys cannot be the same.
        names = ("--name", NAME, "--name-ko", NAME_KO, "--artist", ARTIST)
        must(provenance("dev", "new-agency", out / folder, *names))
    plain, clip = out / "unsigned.jpg", out / "unsigned.mp4"
    scene(0).save(plain, quality=92)
    make_clip(clip)
    for source, name in ((plain, "picture{}.jpg"), (clip, "clip{}.mp4")):
        title = ("--title", "NOVA9 on stage")
        official = out / name.format("")
        must(provenance("dev", "sign", source, official, "--agency", out / "agency", *title))
        imitation = out / name.format("-stranger")
        must(provenance("dev", "sign", source, imitation, "--agency", out / "stranger", *title))
        must(register(out, official))
    flip_one_byte(out / "picture.jpg", out / "picture-tampered.jpg", after=b"\xff\xda")
    flip_one_byte(out / "clip.mp4", out / "clip-tampered.mp4", after=b"mdat")
    copy_streams(out / "clip.mp4", out / "clip-stripped.mp4")
    make_clip(out / "clip-resaved.mp4", size=(480, 270), bit_rate=200_000)
    picture = Image.open(out / "picture.jpg").convert("RGB")
    picture.save(out / "picture-stripped.jpg", quality=92)
    picture.resize((480, 270)).save(out / "picture-resaved.jpg", quality=60)
    picture.crop((40, 20, 610, 345)).save(out / "picture-cropped.jpg", quality=85)
    changed = picture.copy()
    changed.paste(scene(9).crop((200, 150, 290, 270)), (290, 140))
    changed.save(out / "picture-changed.jpg", quality=88)
    scene(7).save(out / "picture-other.jpg", quality=92)


def register(out: Path, official: Path) -> subprocess.CompletedProcess[str]:
    """State that this file is a release, as the agency."""
    agency = out / "agency"
    return provenance(
        *("register", "add", official, "--release", RELEASES[official.name]),
        *("--register", out / "register.db", "--directory", agency / "directory.json"),
        *("--key", agency / "leaf.key.pem", "--certificate", agency / "chain.pem"),
        "--unsafe-plain-key",
    )


def main() -> int:
    """Make everything, verify everything, compare with what is expected."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, help="Keep the files in this new folder.")
    given = parser.parse_args()
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=False)
        return demonstrate(given.out)
    with tempfile.TemporaryDirectory() as folder:
        return demonstrate(Path(folder))


def demonstrate(out: Path) -> int:
    """Verify what was made, print it, and say whether all is as expected (0 or 1)."""
    make_copies(out)
    judged_by = (
        *("--directory", out / "agency" / "directory.json"),
        *("--register", out / "register.db"),
    )
    files = [out / name for name in EXPECTED]
    answer = provenance("verify", "--json", *judged_by, *files)
    sys.stderr.write(answer.stderr)
    reports = [json.loads(line) for line in answer.stdout.splitlines()]
    print("TEST: made-up agency, made-up media\n")
    print(f"{'copy':<24}{'verdict':<22}what it is")
    unexpected = len(files) - len(reports)
    for name, report in zip(EXPECTED, reports, strict=False):
        original, _, kind = Path(name).stem.partition("-")
        print(f"{name:<24}{report['verdict']:<22}{WHAT[kind]}")
        release = RELEASES[f"{original}{Path(name).suffix}"]
        if report["verdict"] != EXPECTED[name]:
            unexpected += 1
            print(f"{'':<24}expected {EXPECTED[name]}: {report['summary']}")
        elif report["verdict"] == "lookalike" and report["resemblance"][0]["release"] != release:
            unexpected += 1
            print(f"{'':<24}expected a resemblance to {release}")
    changed = provenance(
        *("compare", out / "picture-changed.jpg", "--register", out / "register.db"),
        *("--release", f"{AGENCY_ID}/{RELEASES['picture.jpg']}", "--out", out / "changed.png"),
    )
    unexpected += "differs here: " not in changed.stdout
    print(f"\nWhere the changed one differs:\n\n{changed.stdout}{changed.stderr}")
    print("The first of them, as a person sees it:\n")
    print(provenance("verify", *judged_by, files[0]).stdout)
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
