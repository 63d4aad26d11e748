"""Sizes as people type them."""

import pytest

from vms.definition import sizes


@pytest.mark.parametrize(
    ("text", "size"),
    [("512", 512), ("512M", 512), ("2G", 2048), ("1.5GiB", 1536), (" 1 tb ", 1024**2), ("2048k", 2), ("0", 0)],
)
def test_a_size_is_read_in_mebibytes(text, size):
    assert sizes.mebibytes(text) == size


@pytest.mark.parametrize("text", ["", "lots", "-1G", "1X", "1e9", "9" * 400, "1.", "٣G", "1G\n2"])
def test_a_text_that_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="is not a size"):
        sizes.mebibytes(text)


@pytest.mark.parametrize(("size", "text"), [(2048, "2G"), (1500, "1500M"), (1, "1M"), (0, "0M")])
def test_a_size_is_written_as_it_is_read(size, text):
    assert sizes.text(size) == text
    assert sizes.mebibytes(text) == size
