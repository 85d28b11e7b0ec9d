"""Counters for Prometheus; labels are from fixed sets, never from a request's own text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from provenance.runtime.verification_pool import VerificationPool

__all__ = ["Metrics"]

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


class Metrics:
    """What a service counts.

    Args:
        pools: The pools at work, by policy.
        verdicts: How often each verdict was given, by policy and verdict.
    """

    def __init__(
        self,
        pools: Callable[[], Mapping[str, VerificationPool]],
        verdicts: Callable[[], Mapping[tuple[str, str], int]],
    ) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "provenance_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "provenance_request_seconds",
            "Time from the first byte of a request to the last of its answer.",
            ["route"],
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self._under_way = Gauge(
            "provenance_requests_under_way", "Requests being answered.", registry=self._registry
        )
        self._bytes = Counter(
            "provenance_upload_bytes", "Bytes of files taken.", registry=self._registry
        )
        self._registry.register(_PoolCollector(pools))
        self._registry.register(_VerdictCollector(verdicts))

    def begun(self) -> None:
        """A request came."""
        self._under_way.inc()

    def finished(self, method: str, route: str, status: int, took_s: float) -> None:
        """A request was answered."""
        self._under_way.dec()
        known = method if method in _METHODS else "(other)"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(route).observe(took_s)

    def taken(self, size_bytes: int) -> None:
        """A file of this size arrived."""
        self._bytes.inc(size_bytes)

    def text(self) -> bytes:
        """All of it, in the text format."""
        return generate_latest(self._registry)


class _PoolCollector(Collector):
    """What the pools count themselves, read when asked."""

    def __init__(self, pools: Callable[[], Mapping[str, VerificationPool]]) -> None:
        self._pools = pools

    def collect(self) -> Iterator[Metric]:
        """The pools' counters now."""
        counted = CounterMetricFamily(
            "provenance_worker_events", "What happened to workers.", labels=["policy", "event"]
        )
        waiting = GaugeMetricFamily(
            "provenance_files_waiting", "Files that no worker has begun.", labels=["policy"]
        )
        for policy, pool in self._pools().items():
            counters = pool.counters
            for event in (
                "reports",
                "crashes",
                "time_outs",
                "out_of_memory",
                "out_of_disk",
                "bugs",
                "workers_started",
            ):
                counted.add_metric([policy, event], getattr(counters, event))
            waiting.add_metric([policy], counters.waiting)
        yield counted
        yield waiting


class _VerdictCollector(Collector):
    """The verdicts that the desk counts itself, read when asked."""

    def __init__(self, verdicts: Callable[[], Mapping[tuple[str, str], int]]) -> None:
        self._verdicts = verdicts

    def collect(self) -> Iterator[Metric]:
        """How often each verdict was given until now."""
        given = CounterMetricFamily(
            "provenance_verdicts", "Verdicts given.", labels=["policy", "verdict"]
        )
        for labels, count in self._verdicts().items():
            given.add_metric(labels, count)
        yield given
