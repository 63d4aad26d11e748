"""Short documents for the tests that compare networks."""

from networks.definition.document.compare import differences
from networks.definition.spec import NetworkSpec, RangeSpec, SubnetSpec
from tests import DATA
from tests.support.specs import UUID

FOLDER = DATA / "networks"

RANGE = RangeSpec(start="10.255.0.2", end="10.255.0.254")
BLOCK = SubnetSpec(address="10.255.0.1", prefix=24, ranges=(RANGE,))
NET1 = NetworkSpec(name="net1", uuid=UUID, subnets=(BLOCK,), dns=False)


def network(inner: str, attributes: str = "") -> str:
    return f"<network {attributes}><name>net1</name>{inner}</network>"


def block(inner: str) -> str:
    return network(f"<ip address='10.0.0.1' prefix='24'>{inner}</ip>")


def dhcp(inner: str) -> str:
    return block(f"<dhcp>{inner}</dhcp>")


def words(wanted: str, found: str) -> list[str]:
    return [str(one) for one in differences(wanted, found)]
