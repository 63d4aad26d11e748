"""The other user of an address is a code with parameters, independent of the wording."""

from networks.addresses.usage import other_user
from tests.support.making import make_hypervisor, make_network
from tests.support.rewording import reworded  # noqa: F401
from virterweb.messages import Message

IP, MAC, OTHER = "10.255.0.8", "52:54:00:00:00:08", "52:54:00:00:00:09"


def test_another_user_of_an_address_is_a_code(db, enqueued, reworded):  # noqa: F811
    network = make_network(make_hypervisor())
    assert not other_user(network, IP, OTHER)
    network.reserve_ids(8, 1)
    reserved = Message("user.reserved", ip=IP, known="", mac=MAC)
    assert str(other_user(network, IP, OTHER)) == f"{IP} is reserved for {MAC}."
    reworded()
    assert other_user(network, IP, OTHER) == reserved
    assert not other_user(network, IP, MAC)
