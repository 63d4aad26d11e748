"""The test corpus of libvirt's source package, fetched once, and an empty hypervisor."""

import platform
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.networks.definition.corpus.driver import NODE
from tests.networks.definition.corpus.source_package import APT, PRIVATE_APT, Corpus, own_sources, run
from tests.support.schemas import judge
from virterweb.hypervisors.gateway.connection import Connection


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("libvirt")
    for name in ("sources", "lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "apt.conf").write_text(PRIVATE_APT.format(folder=folder))
    for name, text in own_sources(APT).items():
        (folder / "sources" / name).write_text(text)
    apt = ["apt-get", "-q", "-c", "apt.conf"]
    run([*apt, "update"], folder)
    codename = platform.freedesktop_os_release()["VERSION_CODENAME"]
    run([*apt, "source", "--download-only", "--tar-only", f"libvirt/{codename}"], folder)
    (tarball,) = folder.glob("libvirt_*.orig.tar.*[!c]")
    run(["tar", "-xf", tarball.name, "--strip-components=1", "--wildcards", "*/tests/network*"], folder)
    return Corpus(tests=folder / "tests")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """Yield a connection to an empty hypervisor of libvirt's test driver."""
    judge()  # from now on libvirt's errors are only raised, not printed too
    (tmp_path / "node.xml").write_text(NODE)
    connection = Connection(0, f"test://{tmp_path}/node.xml")
    yield connection
    connection.close()
