"""The texts for why somebody may not do something, and whom to ask. Pure."""

from virterweb.messages import add_wording

add_wording(
    {
        "rights.unmanaged": "You may not {verb} {object}, because this portal does not manage it. Ask an operator.",
        "rights.no_owner": "You may not {verb} {object}. Ask an operator.",
        "rights.no_network": "There is no network {name} to which you may attach NICs.",
        "rights.pool": "You may not use the storage pool {pool} of {hypervisor}. Ask an operator.",
        "rights.other_owner": "You may not {verb} {object}. Ask {owner}, who owns it, or an operator.",
        "hand_over.not_member": "{owner} is not a member of the team {team}.",
        "hand_over.foreign_team": "You may create nothing for the team {team} there. Ask an operator to hand it over.",
        "hand_over.no_grant": "The team {team} has no grant on {hypervisor}.",
        "hand_over.pool": "The team {team} may not use the storage pool {pool} of {hypervisor}.",
        "hand_over.no_team": "{object} belongs to no team. Choose one.",
    }
)
