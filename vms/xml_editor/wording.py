"""The texts for the problems of a VM's document. Pure: no decision depends on them."""

from virterweb.messages import add_wording

add_wording(
    {
        "vm_xml.syntax": "{text}",
        "vm_xml.doctype": "A document type declaration is not allowed.",
        "vm_xml.root": "The root element is <{tag}>, but the document of a VM is a <domain>.",
        "vm_xml.no_name": "A VM needs a name.",
        "vm_xml.name": "The name must stay {name}: volumes and reservations are named after the VM.",
        "vm_xml.uuid": "The UUID must stay {uuid}, because libvirt cannot change the UUID of a VM.",
        "vm_xml.no_uuid": "The UUID is missing. Add <uuid>{uuid}</uuid>.",
        "vm_xml.memory": "The VM needs at least 1 MiB of memory: <memory unit='MiB'>1024</memory>.",
    }
)
