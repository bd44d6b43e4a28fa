"""The tables: what the service remembers. Everybody else says `from .store import tables as t` and `t.Card`.

Rows say facts; what follows from them (a drawing, a balance's meaning, a rule's outcome) is computed elsewhere.
Instants are whole unix seconds, amounts are integers. Contact data is held encrypted (`*_sealed`) with a keyed hash
for exact look-up (`*_hash`).
"""

from .base import Base, table
from .cards import NOT_ACTIVE, Card, CardPin, Coupon, Installation, Membership, Touch
from .ledger import BOUGHT, Chain, Claim, Lot, LotUse, Posting, Purse, Receipt, Tally
from .members import Consent, FriendCode, Member, NameWord, Nickname, Referral
from .programmes import Offer, OfferAudience, Programme, Ruleset
from .reminders import Reminder, Rhythm
from .shops import Answer, ApiKey
from .staff import Passkey, Staff, StaffCard, StaffSession, Tries
from .tills import Action, Conflict, Queued, Shift, Till
from .wallets import DeviceLog, GoogleAnnouncement, GoogleClass, GoogleNonce, GoogleNotice, GoogleObject, GooglePace

__all__ = [
    "BOUGHT",
    "NOT_ACTIVE",
    "Action",
    "Answer",
    "ApiKey",
    "Base",
    "Card",
    "CardPin",
    "Chain",
    "Claim",
    "Conflict",
    "Consent",
    "Coupon",
    "DeviceLog",
    "FriendCode",
    "GoogleAnnouncement",
    "GoogleClass",
    "GoogleNonce",
    "GoogleNotice",
    "GoogleObject",
    "GooglePace",
    "Installation",
    "Lot",
    "LotUse",
    "Member",
    "Membership",
    "NameWord",
    "Nickname",
    "Offer",
    "OfferAudience",
    "Passkey",
    "Posting",
    "Programme",
    "Purse",
    "Queued",
    "Receipt",
    "Referral",
    "Reminder",
    "Rhythm",
    "Ruleset",
    "Shift",
    "Staff",
    "StaffCard",
    "StaffSession",
    "Tally",
    "Till",
    "Touch",
    "Tries",
    "table",
]
