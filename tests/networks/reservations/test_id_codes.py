"""IDs that cannot be reserved are refused by codes with parameters, independent of the wording."""

import pytest

from tests.support.making import make_hypervisor, make_network
from tests.support.rewording import reworded  # noqa: F401
from virterweb.messages import InvalidValue, Message

MAC = "52:54:00:00:00:08"


@pytest.mark.parametrize(
    ("first", "count", "message"),
    [
        (0, 1, Message("value.ids_first")),
        (7, 2, Message("value.id_reserved", number=8, mac=MAC)),
        (1, 1, Message("value.id_taken", number=1, ip="10.255.0.1")),
        (255, 1, Message("value.id_address", number=255, block="10.255.0.0/24")),
    ],
)
def test_ids_are_refused_by_codes(db, enqueued, reworded, first, count, message):  # noqa: F811
    network = make_network(make_hypervisor())
    network.reserve_ids(8, 1)
    reworded()
    with pytest.raises(InvalidValue) as refused:
        network.reserve_ids(first, count)
    assert (refused.value.message, str(refused.value)) == (message, "XXXX")
