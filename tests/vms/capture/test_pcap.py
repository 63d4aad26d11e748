"""Whole packets of a pcap file that arrives in pieces."""

import struct

import pytest

from vms.capture.pcap import PacketReader

HEADERS = {
    "little": struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1),
    "big": struct.pack(">IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1),
}


def packet(size: int, order: str = "little") -> bytes:
    return struct.pack("<IIII" if order == "little" else ">IIII", 1, 2, size, size) + b"x" * size


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("piece", [1, 7, 24, 1000])
def test_packets_are_returned_whole_however_they_arrive(order, piece):
    file = HEADERS[order] + packet(10, order) + packet(0, order) + packet(300, order)
    reader = PacketReader(packets=10, size=10_000)
    pieces = [reader.feed(file[at : at + piece]) for at in range(0, len(file), piece)]
    assert b"".join(pieces) == file
    assert (reader.packets, reader.size) == (3, len(file))


def test_a_part_of_a_packet_is_not_returned():
    reader = PacketReader(packets=10, size=10_000)
    assert reader.feed(HEADERS["little"] + packet(10)[:-1]) == HEADERS["little"]
    assert reader.packets == 0


def test_no_more_packets_than_the_limit_are_returned():
    reader = PacketReader(packets=2, size=10_000)
    assert reader.feed(HEADERS["little"] + 3 * packet(10)) == HEADERS["little"] + 2 * packet(10)
    assert reader.packets == 2


def test_the_file_does_not_exceed_its_size():
    reader = PacketReader(packets=10, size=24 + 2 * 26)
    assert reader.feed(HEADERS["little"] + 3 * packet(10)) == HEADERS["little"] + 2 * packet(10)
    assert (reader.is_too_large, reader.size) == (True, 24 + 2 * 26)


def test_nothing_has_begun_without_a_header():
    reader = PacketReader(packets=10, size=100)
    assert (reader.feed(b"\xd4\xc3"), reader.has_begun) == (b"", False)
