"""Ranges and reservations are moved along with their block."""

from tests.networks.changes.edit_form.edited_networks import SHOWN, again, errors, fill_in, save


def test_ranges_and_reservations_move_with_their_block(page, rich):
    assert save(page, rich, ipv4="10.254.0.1/24", move_along="on").status_code == 302
    spec = again(rich).spec
    assert {"10.254.0.100-10.254.0.199", "10.254.0.210-10.254.0.219"} < set(spec.dhcp.split(","))
    moved = SHOWN["hosts"].replace("10.255.0.", "10.254.0.")
    assert set(map(str, spec.hosts)) == set(moved.splitlines())


def test_without_moving_the_reservations_outside_of_the_block_are_named(rich):
    found = errors(fill_in(rich, ipv4="10.254.0.1/24"))
    assert "52:54:00:00:00:08 10.255.0.8 eight infinite" in found["hosts"]
    assert "Select “Move … along”" in found["hosts"]
    assert "10.255.0.100-10.255.0.199 12h" in found["ranges"]


def test_a_block_that_is_too_small_for_its_reservations_is_refused(rich):
    said = errors(fill_in(rich, ipv4="10.254.0.1/25", move_along="on"))["ipv4"]
    assert said == "10.254.0.0/25 is too small for all DHCP reservations and ranges of 10.255.0.0/24."


def test_moving_is_offered_only_where_it_changes_something(page, plain):
    assert "move_along" not in page.get(f"{plain.get_absolute_url()}edit/").context["form"].fields
