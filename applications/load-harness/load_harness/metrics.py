"""What Prometheus reads of the service: its requests, and the load that it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

if TYPE_CHECKING:
    from load_harness.jobs import Jobs

MEBIBYTE = 1024 * 1024

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60)
"""Seconds: up to the longest delay that can be asked for, and a load balancer's timeout."""


class Metrics:
    """The metrics of one service, in a registry of its own."""

    def __init__(self, version: str, cpu: Jobs, memory: Jobs) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Counter(
            "http_requests", "Requests that were answered.", ("method", "route", "status"), registry=self.registry
        )
        self.durations = Histogram(
            "http_request_duration_seconds",
            "What answering took.",
            ("method", "route"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.draining = self._gauge("load_harness_draining", "1 while the pod drains.")
        self.ready = self._gauge("load_harness_ready", "1 while the pod wants traffic.")
        self._gauge("load_harness_build_info", "1, with the version.", "version").labels(version).set(1)
        jobs = self._gauge("load_harness_jobs", "Jobs that run.", "kind")
        for each in (cpu, memory):
            jobs.labels(each.kind).set_function(lambda each=each: len(each.running))
        workers = self._gauge("load_harness_cpu_workers", "Processes that CPU jobs run.")
        workers.set_function(lambda: cpu.amount)
        held = self._gauge("load_harness_memory_bytes", "Memory that memory jobs hold.")
        held.set_function(lambda: memory.amount * MEBIBYTE)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)
