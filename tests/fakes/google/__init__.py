"""Google Wallet, played over real HTTP: see `fake.py` for how to use it."""

from . import faults as faults
from .accounts import ServiceAccount as ServiceAccount
from .fake import ACCOUNT as ACCOUNT
from .fake import ISSUER as ISSUER
from .fake import FakeGoogle as FakeGoogle
from .phone import Phone as Phone
from .refusals import SaveRefused as SaveRefused
