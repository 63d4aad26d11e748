"""The texts for images: how the pool differs, why a file cannot be an image, what is waited for. Pure.

Everything else stores, compares and branches on codes.
"""

from collections.abc import Mapping

from virterweb.messages import Message, add_wording

#: How the pool differs from an image.
IMAGES = {"volume gone": "the pool no longer has its volume {volume}"}

#: What was done with an image.
EVENTS = {
    "added": "added",
    "admin": "edited in the admin",
    "committed": "created from the boot disk of {vm}",
    "converted": "conversion into a layer requested",
    "deleted": "deletion requested",
    "downloaded": "file downloaded",
    "exported": "export as a file requested",
    "retried": "retried",
}

#: What was done with an entry of the catalogue.
CATALOGUE_EVENTS = {"created": "entry added", "edited": "entry edited: {fields}", "removed": "entry deleted"}

#: Why a file cannot be an image.
FILES = {
    "file.format": "This is a {format} file. Convert it with “qemu-img convert -O qcow2 FILE FILE.qcow2”.",
    "file.vhd": "This is a vpc file, a VHD. Convert it with “qemu-img convert -O qcow2 FILE FILE.qcow2”.",
    "file.packed": "This file is compressed with {program}. Decompress it first.",
    "file.squashfs": "This is a squashfs file system of a container or live system, not a disk. No VM can boot from "
    "it.",
    "file.android": "This is an Android sparse image. Convert it to a disk with “simg2img”.",
    "file.program": "This is a program, not a disk.",
    "file.windows": "This is a program of EFI or Windows, not a disk.",
    "file.pdf": "This is a PDF document, not a disk.",
    "file.picture": "This is a picture, not a disk.",
    "file.database": "This is a database, not a disk.",
    "file.git_lfs": "This is a Git LFS pointer. Download the file itself with “git lfs pull”.",
    "file.web_page": "This is a web page, not a disk. Its address leads to a page about the download, not to the file.",
    "file.text": "This is text, not a disk.",
    "file.sectors": "This is not a disk. It has {length} bytes, but a disk has whole sectors of {sector} bytes.",
    "file.tar": "This is a tar archive, for example an OVA. Unpack it, and convert the disk in it with “qemu-img "
    "convert "
    "-O qcow2 FILE FILE.qcow2”.",
    "file.luks": "This disk is encrypted (LUKS), so no VM can read it. Convert it with “qemu-img convert -O qcow2 FILE "
    "FILE.qcow2”, with its secret.",
    "file.encrypted": "This disk is encrypted, so no VM can read it. Convert it with “qemu-img convert -O qcow2 FILE "
    "FILE.qcow2”.",
    "file.header": "The qcow2 header is wrong: {reason}.",
    "file.damaged": "The qcow2 file is damaged: {reason}. Copy or download it again.",
    "file.cut_off": "This qcow2 file is truncated. Its tables refer to data up to byte {end:,}, but it has {length:,} "
    "bytes. "
    "Copy or download it again.",
    "file.overlay": "This is an overlay on {path}, and a qcow2 header can read any file of the host. Convert it with "
    "“qemu-img convert -O qcow2 FILE FILE.qcow2”, which creates a complete image.",
    "file.overlay_outside": "This is an overlay on {path}, which is not a volume of the pool {pool}, and a qcow2 "
    "header "
    "can read any file of the host.",
    "file.data_elsewhere": "This file keeps its data in another file, {path}, and a qcow2 header can read any file of "
    "the "
    "host. Convert it with “qemu-img convert -O qcow2 FILE FILE.qcow2”, which creates a complete image.",
    "file.data_nowhere": "This file keeps its data in another file without naming it, and a qcow2 header can read any "
    "file of the host. Convert it with “qemu-img convert -O qcow2 FILE FILE.qcow2”, which creates a complete image.",
}

#: What is wrong with a qcow2 header, as the end of a sentence.
HEADERS = {
    "qcow2.cut_off": "it is truncated",
    "qcow2.magic": "it does not start with the qcow2 signature",
    "qcow2.version": "version {version} is unknown. The portal supports versions 2 and 3",
    "qcow2.cluster": "clusters of 2^{bits} bytes are not possible",
    "qcow2.no_size": "a disk size of {size} bytes is not possible",
    "qcow2.size": "the disk size of {size:,} bytes is larger than any pool",
    "qcow2.small_table": "its first table is too small for the disk size of {size:,} bytes",
    "qcow2.large_table": "its first table has {entries:,} entries, more than QEMU allows",
    "qcow2.stray_table": "its first table does not point to clusters",
    "qcow2.ends_early": "the file ends before its tables do",
    "qcow2.place": "its tables are at an invalid position",
    "qcow2.no_counts": "it has no reference count table",
    "qcow2.wide_counts": "its reference counts are too wide",
    "qcow2.features": "it has unknown features: {features:#x}",
    "qcow2.corrupt": "it is marked as corrupt; repair it with “qemu-img check -r all FILE”",
    "qcow2.length": "it cannot be {length} bytes long",
    "qcow2.compression": "the compression type is missing",
    "qcow2.path": "the name of its backing file is at an invalid position",
    "qcow2.extensions": "its extensions are truncated",
}


def image_drift(code: Mapping[str, str]) -> str:
    """Return one entry of an image's drift, as its status stores it."""
    return code["text"] if "text" in code else IMAGES[code["code"]].format(**code)


def catalogue_event(code: str, about: Mapping[str, object]) -> str:
    """Return what was done with an entry of the catalogue."""
    return CATALOGUE_EVENTS[code].format_map({"fields": ", ".join(about.get("fields", ()))})


def _not_stored(reason: Message) -> str:
    return NOT_STORED.format(reason=str(reason).removesuffix("."))


def _used(image: str, vms: list[str], images: list[str]) -> str:
    users = [f"VM{'s' * (len(vms) > 1)} {', '.join(vms)}"] if vms else []
    users += [f"image{'s' * (len(images) > 1)} {', '.join(images)}"] if images else []
    return f"The image {image} was not deleted, because it is in use: {'; '.join(users)}."


NOT_STORED = "{reason}. The incomplete volume was deleted."

#: Why something was not done, and what is waited for.
MESSAGES = {
    "image.vm_gone": "The VM that {image} is made from no longer exists, has another disk, or belongs to another team. "
    "Delete the image, and create it again.",
    "image.used": _used,
    "image.in_use": "a VM is being run from {image}",
    "image.not_stored": _not_stored,
    "image.in_pool": "transferring to the pool",
    "image.copying": "copying in the pool",
    "image.digest": "computing the checksum",
    "image.fetching": "fetching",
    "image.over_limit": "With {size:,} bytes, the image would exceed the disk limit of its team. Delete something, or "
    "ask an operator for more.",
    "image.verifying": "verifying the checksum",
    "image.reading": "reading from the pool",
    "image.from_portal": "transferring to the worker",
    "image.converting": "converting to qcow2",
    "image.no_volume": "The image {image} has no volume in the pool {pool}.",
    "image.format": "The image {image} is a {format} file. Convert it with “qemu-img convert -O qcow2 FILE "
    "FILE.qcow2”.",
    "image.unusable": "The image {image}: {reason}",
    "image.unusable_volume": "The volume {volume}: {reason}",
    "image.upload_gone": "The uploaded file no longer exists. Delete the image {image} and upload it again.",
    "image.volume_of_running": lambda volume, vms=(), vm="": (  # an earlier version stored `vm`
        f"{volume} is a disk of the running VM {', '.join(vms) or vm}. Shut the VM down and try again."
    ),
    "image.server_full": "The disk of the portal's server is full. Free space there, then try again.",
    "image.incomplete_layer": "The volume {layer} in the pool {pool} is incomplete: another tool is still loading it, "
    "or was interrupted. Try again when it has finished, or delete the volume.",
    "image.exists": "The pool {pool} already has an image {image}. Delete it, or choose another name.",
    "image.no_qemu_img": "The raw disk could not be converted to qcow2. Install qemu-utils on the server of the portal",
    "image.not_converted": "The raw disk could not be converted to qcow2. See the message of qemu-img",
    "export.not_loaded": "The image {image} is not in the pool yet, or no longer. Export it when it is ready.",
    "export.no_room": "The disk of the portal's server has too little room for a file of {size:,} bytes. Free space "
    "there, then try again.",
    "export.pool_full": "The pool {pool} has {available:,} bytes left. The copy that the export needs may take up to "
    "{size:,} bytes. Free space in the pool, then try again.",
    "export.too_many_own": "You have {count} exports in progress already. Try again when one of them is ready.",
    "export.image_deleted": "The image was deleted before its file was ready.",
    "pool.no_volume": "The pool {pool} has no volume {volume}.",
    "pool.reading": "reading the pool {pool}",
}

#: Why no image can be fetched from a URL.
SOURCES = {
    "source.invalid": "This is no URL of a file. Enter one such as https://example.org/images/debian-12.qcow2.",
    "source.scheme": "Images can be fetched by http and https only, not by “{scheme}”.",
    "source.password": "A URL with a user name or password would show them to others. Enter one without.",
    "source.characters": "A URL has at most {longest} printable characters, and no spaces.",
    "source.private": lambda host, address: (
        f"{host} {'is' if host == address else f'has the address {address}, which is'} not public. "
        "An operator of all hypervisors can allow this host in the settings of the hypervisor, as a private source of "
        "images."
    ),
    "source.redirects": "The server redirects more than {most} times. Enter the URL that the file is at.",
    "source.redirect": "{host} redirects to a URL that cannot be used: {reason}",
    "source.downgrade": "It leads from https to http.",
    "source.certificate": "The certificate of {host} is not valid.",
    "source.status": "{host} does not give the file: it answers with the HTTP status {status}.",
    "source.no_address": "The host name {host} cannot be resolved.",
    "source.unreachable": "{host} does not accept connections on port {port}.",
    "source.silent": "{host} does not answer.",
    "source.interrupted": "The connection to {host} was interrupted.",
    "source.slow": "{host} sends less than 1 KiB a second.",
    "source.cut_off": "{host} ended the transfer after {done:,} of {total:,} bytes.",
    "source.busy": "Another worker is still fetching from {host}.",
    "source.given_up": "{reason} The portal has tried several times. Retry it later.",
    "source.wrong_checksum": "The file has the SHA-256 {found}, not {checksum}. It is damaged or another version. "
    "Compare the URL and the checksum. Retry it, or delete the image and add it again.",
    "source.wrong_published_checksum": "The file has the SHA-256 {found}, but the list SHA256SUMS beside it says "
    "{checksum}. It is damaged or being replaced. Retry it later.",
}

#: Why a header of a resumable upload cannot be read.
UPLOADS = {
    "upload.long_metadata": "Upload-Metadata has more than {most} characters.",
    "upload.metadata": "The value of {key} in Upload-Metadata is not text in Base64.",
    "upload.algorithm": "The checksum algorithm “{name}” is not supported. Use {known}.",
    "upload.forbidden": "You may not create images on {hypervisor} for the team of this upload. Ask an operator.",
    "upload.inactive": "The user {user} was deactivated before the image was created.",
    "upload.digest": "The value of Upload-Checksum is not a {name} digest in Base64.",
}

#: Why a registry file cannot be imported.
REGISTRIES = {
    "registry.large": "The file is larger than {most:,} bytes, so it is not a registry file.",
    "registry.no_text": "The file is not UTF-8 text, so it is no registry file. Choose a file such as images.toml.",
    "registry.no_toml": "The file is not valid TOML: {reason}.",
    "registry.empty": "The file names no images. A registry file has a table with a url for each, such as "
    "[images.alma-8].",
    "registry.version": "The file has the version {version}. The portal reads version {known}, and the older form "
    "without a version.",
    "registry.no_version": "The file has tables [images.NAME] but no version. Add the line “version = {known}” at its "
    "top.",
    "registry.images": "The file has no tables [images.NAME], which version 1 requires.",
    "registry.name": "{name} cannot be the name of an image: {reason}",
    "registry.no_url": "The image {name} has no text as its url.",
    "registry.url": "The image {name}: {reason}",
}

add_wording(REGISTRIES | FILES | HEADERS | MESSAGES | SOURCES | UPLOADS)
