"""What one worker process may use: every bound, with its unit."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT_WORKER_LIMITS", "WorkerLimits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """Bounds on a worker, which is killed and replaced where it goes beyond one.

    They guard against what the bounds on untrusted input (`provenance.limits`) let
    through: native code that loops, or that asks for memory without end.

    Attributes:
        wall_s: Longest examination of a file, in seconds, beside the time that its bytes
            take to be read.
        slowest_bytes_per_s: How slow a disk may be: a file has a second more for so many
            bytes of its own. 64 GiB at the default have just under an hour.
        cpu_s: Most processor time for a file, in seconds of all threads together, beside
            that for its bytes. The kernel enforces it, should nobody be left to look at
            a clock.
        address_space_bytes: Largest address space. The engine takes two to three times
            the size of a JPEG, and 0.6 GB for a movie of any size; the interpreter with
            every library has 0.5 GB.
        max_output_bytes: Largest file that may be written, all in the worker's own
            scratch folder. Only what comes through a pipe is ever written.
        open_files: Most open files: those of the job, and a few of the interpreter.
        reading_times: What a register keeps of a file may take so many times as long: every
            second of a video is decoded for it.
        files: After so many files a worker is replaced, so that what native code leaks
            does not add up.
    """

    wall_s: float = 60.0
    slowest_bytes_per_s: int = 20_000_000
    cpu_s: int = 120
    address_space_bytes: int = 3 * 1024**3
    max_output_bytes: int = 1024**3
    open_files: int = 1024
    reading_times: int = 10
    files: int = 20_000

    def wall_s_for(self, size_bytes: int) -> float:
        """How long may a file of this size be examined?"""
        return self.wall_s + size_bytes / self.slowest_bytes_per_s

    def cpu_s_for(self, size_bytes: int) -> int:
        """How much processor time may a file of this size take?"""
        return self.cpu_s + 2 * (size_bytes // self.slowest_bytes_per_s)


DEFAULT_WORKER_LIMITS = WorkerLimits()
