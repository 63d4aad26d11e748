"""Files of packets in the format of tcpdump, as they are written: whole packets, up to limits. Pure.

https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-03.html
"""

HEADER = 24  # bytes of the file's header
RECORD = 16  # bytes of a packet's header
LITTLE = (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1")  # beginnings of files whose numbers have this byte order


class PacketReader:
    """Takes a file as it arrives, and returns whole packets of it."""

    def __init__(self, packets: int, size: int) -> None:
        """Limit the number of packets, and the bytes of the file."""
        self.max_packets, self.max_size = packets, size
        self.packets = self.size = 0
        self.is_too_large = False  # another packet would exceed the bytes
        self._rest, self._order = b"", ""

    @property
    def has_begun(self) -> bool:
        return bool(self._order)

    def feed(self, data: bytes) -> bytes:
        """Return the whole packets that are there now, first with the header of the file."""
        self._rest += data
        taken = 0
        if not self._order and len(self._rest) >= HEADER:
            self._order = "little" if self._rest.startswith(LITTLE) else "big"
            taken = HEADER
        while self._order and self.packets < self.max_packets and (length := self._packet_at(taken)):
            if self.size + taken + length > self.max_size:
                self.is_too_large = True
                break
            taken, self.packets = taken + length, self.packets + 1
        whole, self._rest = self._rest[:taken], self._rest[taken:]
        self.size += taken
        return whole

    def _packet_at(self, place: int) -> int:
        """Return the bytes of the packet at a place with its header, 0 if it is not there as a whole."""
        captured = self._rest[place + 8 : place + 12]
        length = RECORD + int.from_bytes(captured, self._order)
        return length if len(captured) == 4 and place + length <= len(self._rest) else 0
