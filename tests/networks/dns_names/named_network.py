"""A network with DNS names, and its recorded answers."""

from networks.models import DNSAnswers, Network

DOCUMENT = """<network><name>net1</name><uuid>{uuid}</uuid><bridge name='virbr1'/><domain name='net1.test'/>
<dns><host ip='10.0.0.5'><hostname>mirror</hostname></host><host ip='10.0.0.6'><hostname>mirror</hostname></host></dns>
<ip address='10.0.0.1' prefix='24'><dhcp><range start='10.0.0.2' end='10.0.0.99'/>
<host mac='52:54:00:00:00:77' name='fixed' ip='10.0.0.77'/></dhcp></ip></network>"""


class Dnsmasq:
    """A host with given DNS answers, because libvirt's test driver has no dnsmasq."""

    def __init__(self) -> None:
        self.answers: dict[str, list[str]] | Exception = {}
        self.asked: list[tuple[str, list]] = []

    def resolve(self, server: str, questions: list[tuple[str, int]]) -> dict[str, list[str]]:
        self.asked.append((server, questions))
        if isinstance(self.answers, Exception):
            raise self.answers
        return {name: self.answers.get(name, []) for name, _ in questions}


def row(network: Network) -> DNSAnswers:
    return DNSAnswers.objects.get(network=network)
