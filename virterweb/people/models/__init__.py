"""Teams, what they may do, and sign-in."""

from .columns import HiddenColumns
from .end import EndReminder, LastDefinition
from .grant import ALL_POOLS, Grant
from .preferences import Preferences, Theme
from .share import Share
from .sign_in import MAX_OF_ADDRESS, MAX_OF_BOTH, MAX_OF_NAME, WINDOW, SignInAttempt
from .team import GroupRole, Membership, Role, Team
from .token import Token

__all__ = [
    "ALL_POOLS",
    "MAX_OF_ADDRESS",
    "MAX_OF_BOTH",
    "MAX_OF_NAME",
    "WINDOW",
    "EndReminder",
    "Grant",
    "GroupRole",
    "HiddenColumns",
    "LastDefinition",
    "Membership",
    "Preferences",
    "Role",
    "Share",
    "SignInAttempt",
    "Team",
    "Theme",
    "Token",
]
