"""Which names of images of a hypervisor are taken: by images, and by uploads that are to become images."""

from virterweb.hypervisors.models import Hypervisor
from virterweb.people import rights
from virterweb.people.hidden.names import name_in_use
from virterweb.people.verbs import Verb
from vms.models import Upload


def taken(user: rights.Actor, hypervisor: Hypervisor, name: str, but: Upload | None = None) -> str:
    """Return why a name cannot be that of a new image; "" if it can. `but` is the upload that becomes the image.

    Failed uploads keep no name. Uploads of others are named only to those who may see what their team has.
    """
    if there := hypervisor.images.filter(name=name).first():
        return name_in_use(user, "an image", there, hypervisor)
    upload = hypervisor.uploads.expected().filter(name=name).exclude(pk=but and but.pk).select_related("owner").first()
    if upload is None:
        return ""
    if user and Upload.objects.of(user).filter(pk=upload.pk).exists():
        return f"An upload for an image {name} is not finished. Resume or discard it, or choose another name."
    if rights.may(user, Verb.LIST, upload):
        return f"{upload.owner} is uploading an image {name}. Choose another name, or ask {upload.owner}."
    return f"The name {name} is taken. Choose another name."
