"""The product's words for images: how the pool differs, why a file cannot be an image, what is waited for. Pure.

Everything else stores, compares and branches on codes.
"""

from collections.abc import Mapping

from virterweb.messages import Message, add_wording

#: How the pool differs from an image.
IMAGES = {"volume gone": "the pool no longer has its volume {volume}"}

#: Why a file cannot be an image.
FILES = {
    "file.format": "This is a {format} file. Convert it with “qemu-img convert -O qcow2 FILE FILE.qcow2”.",
    "file.vhd": "This is a vpc file, a VHD. Convert it with “qemu-img convert -O qcow2 FILE FILE.qcow2”.",
    "file.packed": "This is packed with {program}: unpack it first.",
    "file.squashfs": "This is a squashfs file system, not a disk: containers and live systems have it, and no VM boots "
    "from it.",
    "file.android": "This is a sparse image of Android: make it a disk with “simg2img”.",
    "file.program": "This is a program, not a disk.",
    "file.windows": "This is a program of EFI or Windows, not a disk.",
    "file.pdf": "This is a PDF document, not a disk.",
    "file.picture": "This is a picture, not a disk.",
    "file.database": "This is a database, not a disk.",
    "file.git_lfs": "This is a pointer of Git LFS: fetch the file itself with “git lfs pull”.",
    "file.web_page": "This is a web page, not a disk: its address leads to a page about the download, not to the file.",
    "file.text": "This is text, not a disk.",
    "file.sectors": "This is no disk: it has {length} bytes, and a disk has whole sectors of {sector}.",
    "file.tar": "This is a tar archive, as an OVA is: unpack it first. Convert it with “qemu-img convert -O qcow2 FILE "
    "FILE.qcow2”, with the disk that is in it.",
    "file.luks": "This is encrypted (LUKS), and no VM could read it. Convert it with “qemu-img convert -O qcow2 FILE "
    "FILE.qcow2”, with its secret.",
    "file.encrypted": "This is encrypted, and no VM could read it. Convert it with “qemu-img convert -O qcow2 FILE "
    "FILE.qcow2”.",
    "file.header": "The qcow2 header is wrong: {reason}.",
    "file.damaged": "The qcow2 file is damaged: {reason}. Copy or download it again.",
    "file.cut_off": "This qcow2 file is cut off: its tables point to data up to byte {end:,}, and it has {length:,}. "
    "Copy or download it again.",
    "file.overlay": "This is an overlay on {path}, and a qcow2 header can read any file of the host. Convert it with "
    "“qemu-img convert -O qcow2 FILE FILE.qcow2”, which makes it whole.",
    "file.overlay_outside": "This is an overlay on {path}, which is no volume of the pool {pool}, and a qcow2 header "
    "can read any file of the host.",
    "file.data_elsewhere": "This keeps its data in another file, {path}, and a qcow2 header can read any file of the "
    "host. Convert it with “qemu-img convert -O qcow2 FILE FILE.qcow2”, which makes it whole.",
    "file.data_nowhere": "This keeps its data in another file, which it does not name, and a qcow2 header can read any "
    "file of the host. Convert it with “qemu-img convert -O qcow2 FILE FILE.qcow2”, which makes it whole.",
}

#: What is wrong with a qcow2 header, as the end of a sentence.
HEADERS = {
    "qcow2.cut_off": "it is cut off",
    "qcow2.magic": "it does not begin like one",
    "qcow2.version": "version {version} is not known; there are 2 and 3",
    "qcow2.cluster": "clusters of 2^{bits} bytes are not possible",
    "qcow2.no_size": "it claims a disk of {size} bytes, which is none",
    "qcow2.size": "it claims a disk of {size:,} bytes, more than any pool has",
    "qcow2.small_table": "its first table is too small for the {size:,} bytes that it claims",
    "qcow2.large_table": "its first table has {entries:,} entries, more than QEMU takes",
    "qcow2.stray_table": "its first table does not point to clusters",
    "qcow2.ends_early": "the file ends before its tables do",
    "qcow2.place": "its tables are out of place",
    "qcow2.no_counts": "it has no table of what is in use",
    "qcow2.wide_counts": "its counts of what is in use are too wide",
    "qcow2.features": "it has features that are not known: {features:#x}",
    "qcow2.corrupt": "it is marked as corrupt; repair it with “qemu-img check -r all FILE”",
    "qcow2.length": "it cannot be {length} bytes long",
    "qcow2.compression": "it does not say how it is compressed",
    "qcow2.path": "the name of its backing file is out of place",
    "qcow2.extensions": "its extensions are cut off",
}


def image_drift(code: Mapping[str, str]) -> str:
    """Return one entry of an image's drift, as its status stores it."""
    return code["text"] if "text" in code else IMAGES[code["code"]].format(**code)


def _not_stored(reason: Message) -> str:
    return NOT_STORED.format(reason=str(reason).removesuffix("."))


NOT_STORED = "{reason}. What was there of the volume is deleted again."

#: Why something was not done, and what is waited for.
MESSAGES = {
    "image.in_use": "a VM is being run from {image}",
    "image.not_stored": _not_stored,
    "image.in_pool": "in the pool",
    "image.reading": "read from the pool",
    "image.converting": "converted to qcow2",
    "image.no_volume": "The image {image} has no volume in the pool {pool}.",
    "image.format": "The image {image} is a {format} file. Convert it with “qemu-img convert -O qcow2 FILE "
    "FILE.qcow2”.",
    "image.unusable": "The image {image}: {reason}",
    "image.unusable_volume": "The volume {volume}: {reason}",
    "image.upload_gone": "The uploaded file is gone. Remove the image {image}, and upload it again.",
    "image.volume_of_running": "{volume} is a disk of {vm}, which runs. Shut that down, and try again.",
    "image.server_full": "The disk of the portal's server is full. Free space there, then try again.",
    "image.incomplete_layer": "The pool {pool} has {layer}, but not all of it: another tool is loading it, or broke "
    "off. Try again when it is through, or delete the volume there.",
    "image.exists": "The pool {pool} has an image {image} already. Remove that, or take another name.",
    "image.no_qemu_img": "A raw disk is converted to qcow2, and qemu-img could not: install qemu-utils on the portal’s "
    "machine",
    "image.not_converted": "A raw disk is converted to qcow2, and qemu-img could not: see what it said",
    "pool.no_volume": "The pool {pool} has no volume {volume}.",
    "pool.reading": "reading the pool {pool}",
}

add_wording(FILES | HEADERS | MESSAGES)
