"""What a serial port sends first is not shown twice."""

import pytest

from vms.console.opening import without_repetition


@pytest.mark.parametrize(
    ("data", "recent", "shown"),
    [
        (b"ready\r\n# ", b"", b"ready\r\n# "),
        (b"dy\r\n# ", b"tiny: ready\r\n", b"# "),
        (b"# ", b"tiny: ready\r\n", b"# "),
        (b"", b"tiny: ready\r\n", b""),
        (b"dy", b"ready", b""),
        (b"aaab", b"aa", b"ab"),
    ],
)
def test_what_the_log_has_already_is_left_out(data, recent, shown):
    assert without_repetition(data, recent) == shown
