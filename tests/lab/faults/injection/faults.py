"""A random, repeatable sequence of faults: services are killed and started again, or paused and resumed."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from .services import Service

KILLED_FOR = (0.0, 3.0)  # seconds until a killed service is started again
PAUSED_FOR = (0.5, 8.0)
BETWEEN = (0.5, 6.0)  # from the beginning of one fault to that of the next, which may overlap


@dataclass(frozen=True, kw_only=True, order=True)
class Step:
    """The beginning or the end of a fault, in seconds from the start."""

    at: float
    fault: int
    ends: bool
    kind: str = field(compare=False)
    service: Service = field(compare=False)


def schedule(services: Sequence[Service], seed: int, seconds: float) -> list[Step]:
    """Return the steps in order; no service has two faults at a time, and all faults end within the time."""
    draw, free_at, at, steps = random.Random(seed), dict.fromkeys((service.name for service in services), 0.0), 0.0, []
    while True:
        at += draw.uniform(*BETWEEN)
        idle = [service for service in services if free_at[service.name] <= at]
        kind = draw.choice(("kill", "pause"))
        ends = at + draw.uniform(*(KILLED_FOR if kind == "kill" else PAUSED_FOR))
        if ends > seconds:
            return sorted(steps)
        if not idle:
            continue
        service = draw.choice(idle)
        free_at[service.name] = ends + 1.0
        for when, last in ((at, False), (ends, True)):
            steps.append(Step(at=when, fault=len(steps), ends=last, kind=kind, service=service))


class FaultInjector:
    """Carries out the steps of a schedule, and knows which services have a fault at the moment."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps, self.begun = steps, Counter()
        self._endings: dict[str, Callable[[], None]] = {}  # of the faults that have begun
        self._ended_at: dict[str, float] = {}
        self.ended_at = 0.0  # of all faults
        self._lock = threading.Lock()

    def run(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Carry out all steps until `stopped`; end each fault that has begun."""
        began = time.monotonic()
        try:
            for step in self.steps:
                time.sleep(max(0.0, began + step.at - time.monotonic()))
                if stopped():
                    return
                self._end(step.service) if step.ends else self._begin(step)
        finally:
            for step in self.steps:
                self._end(step.service)
            self.ended_at = time.monotonic()

    def _begin(self, step: Step) -> None:
        service, killed = step.service, step.kind == "kill"
        with self._lock:
            self._endings[service.name] = service.start if killed else service.resume
        (service.kill if killed else service.pause)()
        self.begun[service.name, step.kind] += 1

    def _end(self, service: Service) -> None:
        if service.name in self._endings:
            self._endings[service.name]()
            with self._lock:
                del self._endings[service.name]
                self._ended_at[service.name] = time.monotonic()

    def without_fault(self, names: Collection[str], seconds: float) -> bool:
        """Return whether these services have had no fault for so many seconds."""
        with self._lock:
            since = max(self._ended_at.get(name, 0.0) for name in names)
            return not self._endings.keys() & set(names) and time.monotonic() - since >= seconds
