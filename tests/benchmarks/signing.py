"""How fast releases are signed, against the bare engine with the same claims and key.

    python -m tests.benchmarks.signing [--files 500] [--video-mb 2048] [--authority-ms 0]

Ours: planned beforehand, private metadata looked for, signed, time-stamped, verified, on
the disk for good, written down, in two processes; their start is counted. The rival: the
engine alone, in a loop in one process, with the same manifests and key, asking the same
authority, writing to the same disk; it verifies nothing and waits for no disk. The
authority is a process of its own, and may take its time as one behind a network does.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from c2pa import Builder, C2paSigningAlg, Context, Signer
from PIL import Image

from provenance.runtime.sign_batch import sign_plan
from provenance.runtime.sign_worker import SigningSetup
from provenance.runtime.signing_keys import KeySpec
from provenance.signing.dev_agency import DevAgency, create_dev_agency
from provenance.signing.dev_agency_folder import write_dev_agency
from provenance.signing.plan import PlanSettings, ReleasePlan, make_plan
from provenance.signing.release import load_release
from provenance.trust.lists import ListPurpose, parse_trust_list
from tests.benchmarks.authority import RunningAuthority, authority_process
from tests.benchmarks.table import large_mp4
from tests.factory.desk import authority_of, now, write_release
from tests.factory.judging import directory_of


def _photos(folder: Path, count: int) -> None:
    """Pictures of 12 megapixels that compress like photographs."""
    noise = np.random.default_rng(1)
    rows, columns = np.mgrid[0:3000, 0:4000]
    for number in range(min(count, 8)):
        wave = 90 * np.sin(rows / (40 + number)) + 90 * np.cos(columns / 55)
        grain = noise.integers(-8, 8, (3000, 4000))
        grey = np.clip(128 + wave / 2 + grain, 0, 255).astype(np.uint8)
        picture = Image.fromarray(np.dstack([grey, np.roll(grey, 40, 1), 255 - grey]))
        picture.save(folder / f"{number:04}.jpg", quality=88)
    for number in range(8, count):
        data = (folder / f"{number % 8:04}.jpg").read_bytes()
        (folder / f"{number:04}.jpg").write_bytes(data)


def _engine(agency: DevAgency, plan: ReleasePlan, source: Path, tsa_url: str, out: Path) -> float:
    started = time.perf_counter()
    settings = {
        "core": {"allowed_network_hosts": []},
        "verify": {"verify_after_sign": False},
        "builder": {"thumbnail": {"enabled": False}},
    }
    signer = agency.signer()
    for file in plan.files:
        with (
            Context.from_dict(settings) as context,
            Builder.from_json(json.dumps(file.content.manifest), context) as builder,
            Signer.from_callback(
                signer.sign, C2paSigningAlg.ES256, signer.certificate_chain_pem.decode(), tsa_url
            ) as engine_signer,
            (source / file.path).open("rb") as stream,
            (out / file.out).open("w+b") as target,
        ):
            builder.sign(engine_signer, file.media_type, stream, target)
    return time.perf_counter() - started


def _batch(files: int, rounds: int, delay_s: float) -> None:
    with tempfile.TemporaryDirectory() as folder, authority_process(delay_s=delay_s) as tsa:
        home = Path(folder)
        agency = _agency(home)
        (source := home / "source").mkdir()
        _photos(source, files)
        plan, setup = _prepare(home, agency, tsa)
        size_mb = sum(file.size_bytes for file in plan.files) / files / 1e6
        for number in range(rounds):
            (out := home / f"engine-{number}").mkdir()
            rival_cpu_s = -time.process_time()
            rival_s = _engine(agency, plan, source, tsa.url, out)
            rival_cpu_s += time.process_time()
            mine = home / f"ours-{number}"
            cpu_s = -_children_cpu_s()
            started = time.perf_counter()
            results = sign_plan(
                plan, setup, source_folder=source, out_folder=mine,
                results=mine / "results.jsonl", jobs=2,
            )  # fmt: skip
            ours_s = time.perf_counter() - started
            cpu_s += _children_cpu_s()
            signed = sum(result.state == "signed" for result in results)
            print(
                f"{signed} of {files} JPEGs of {size_mb:.1f} MB: {files / ours_s:.1f} files/s with "
                f"2 workers, engine alone {files / rival_s:.1f} files/s: {rival_s / ours_s:.2f}x; "
                f"CPU a file {cpu_s / files * 1000:.0f} ms, engine alone "
                f"{rival_cpu_s / files * 1000:.0f} ms"
            )


def _children_cpu_s() -> float:
    """What the processes that have ended used, their start included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _video(size_mb: int, delay_s: float) -> None:
    with tempfile.TemporaryDirectory() as folder, authority_process(delay_s=delay_s) as tsa:
        home = Path(folder)
        agency = _agency(home)
        (source := home / "source").mkdir()
        large_mp4(source / "teaser.mp4", size_mb)
        plan, setup = _prepare(home, agency, tsa)
        (out := home / "engine").mkdir()
        rival_s = _engine(agency, plan, source, tsa.url, out)
        (out / "teaser.mp4").unlink()
        started = time.perf_counter()
        (result,) = sign_plan(
            plan, setup, source_folder=source, out_folder=home / "ours",
            results=home / "results.jsonl", jobs=1,
        )  # fmt: skip
        ours_s = time.perf_counter() - started
        peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(
            f"{size_mb} MB video, {result.state}: {ours_s:.1f} s, one engine sign {rival_s:.1f} s: "
            f"{ours_s / rival_s:.2f}x; {peak_mb:.0f} MB resident"
        )


def _agency(home: Path) -> DevAgency:
    agency = create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=now(),
    )
    write_dev_agency(agency, home / "agency", passphrase=None)
    return agency


def _prepare(
    home: Path, agency: DevAgency, tsa: RunningAuthority
) -> tuple[ReleasePlan, SigningSetup]:
    name = next((home / "source").iterdir()).suffix
    entry = {"glob": f"*{name}", "digital_source_type": "digitalCapture"}
    loaded = load_release(write_release(home / "source", [entry]))
    plan = make_plan(
        loaded,
        directory=directory_of(agency),
        claim_chain_pem=agency.chain_pem,
        identity_chain_pem=None,
        settings=PlanSettings(time_stamp_authorities=(tsa.url,)),
        at=now(),
    )
    lists = parse_trust_list(
        tsa.root_pem, name="tsa", purpose=ListPurpose.TIME_STAMP, source="bench"
    )
    setup = SigningSetup(
        agency=agency.agency_id,
        directory=home / "agency" / "directory.json",
        claim=KeySpec(
            key=str(home / "agency" / "leaf.key.pem"),
            certificate=home / "agency" / "chain.pem",
            unsafe_plain=True,
        ),
        authorities=(authority_of(tsa.url),),
        time_stamp_lists=(lists,),
    )
    return plan, setup


def main() -> int:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--video-mb", type=int, default=2048)
    parser.add_argument("--authority-ms", type=float, default=0)
    given = parser.parse_args()
    delay_s = given.authority_ms / 1000
    # First: what is forked later begins with all the memory of this process.
    if given.video_mb:
        _video(given.video_mb, delay_s)
    if given.files:
        _batch(given.files, given.rounds, delay_s)
    return 0


if __name__ == "__main__":
    sys.exit(main())
