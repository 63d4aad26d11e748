"""The texts for the problems of a VM's document. Pure: no decision depends on them."""

from virterweb.messages import add_wording

add_wording(
    {
        "xml.vm_syntax": "{text}",
        "xml.vm_doctype": "A document type declaration is not allowed.",
        "xml.vm_root": "The root element is <{tag}>, but the document of a VM is a <domain>.",
        "xml.vm_no_name": "A VM needs a name.",
        "xml.vm_name": "The name must stay {name}: volumes and reservations are named after the VM.",
        "xml.vm_uuid": "The UUID must stay {uuid}, because libvirt cannot change the UUID of a VM.",
        "xml.vm_no_uuid": "The UUID is missing. Add <uuid>{uuid}</uuid>.",
        "xml.vm_memory": "The memory must be from 1 to {most} MiB: <memory unit='MiB'>1024</memory>.",
        "xml.vm_vcpus": "The number of vCPUs must be from 1 to {most}.",
    }
)
