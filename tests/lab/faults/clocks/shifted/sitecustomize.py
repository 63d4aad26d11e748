"""Shift the clock of a Python process by CLOCK_HOURS. Python imports this module at its start.

libfaketime cannot be used: with it, `time.sleep` fails.
"""

import os
import time
from datetime import timedelta

from django.utils import timezone

HOURS = timedelta(hours=float(os.environ["CLOCK_HOURS"]))
_time, _time_ns, _now = time.time, time.time_ns, timezone.now
time.time = lambda: _time() + HOURS.total_seconds()
time.time_ns = lambda: _time_ns() + int(HOURS.total_seconds()) * 10**9
timezone.now = lambda: _now() + HOURS
