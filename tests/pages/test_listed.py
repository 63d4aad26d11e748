"""Names in a message: all of a few, the first of many."""

import pytest

from virterweb.pages.listed import listed


@pytest.mark.parametrize(
    ("names", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a, b"), (["a", "b", "c", "d"], "a, b and 2 more")]
)
def test_more_names_than_fit_are_counted(names, text):
    assert listed(names, 2) == text
