"""Whatever stands in an address, the portal answers."""

import pytest


@pytest.mark.parametrize(
    "address", ["/vms/lab/a%00b/", "/networks/%00/", "/search/?q=%00x", "/attached/?owner=a%2500&q=%00"]
)
def test_nothing_is_at_an_address_with_a_null_character(page, address):
    answer = page.get(address)
    assert answer.status_code == 404
    assert b"Not here" in answer.content


def test_a_percent_sign_in_an_address_is_no_null_character(page):
    assert page.get("/search/?q=%2500").status_code == 200
