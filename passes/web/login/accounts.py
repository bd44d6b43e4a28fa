"""Flask-Security's view of our staff: looked up in the store, never changed from here.

Its `fs_uniquifier` is the token of one login, not of one person: whoever ends that login, or all of a
person's, ends the cookies that carry it, wherever they were copied to.
"""

from __future__ import annotations

from typing import Any

from flask_security import RoleMixin, UserMixin
from flask_security.datastore import UserDatastore

from ... import staff
from ...service import Service


class Role(RoleMixin):
    def __init__(self, name: str) -> None:
        self.name = name


class User(UserMixin):
    """A person at one till."""

    fs_uniquifier = ""
    active = True

    def __init__(self, presence: staff.Presence, token: str) -> None:
        self.presence = presence
        self.id = presence.person.id
        self.email = presence.person.email
        self.fs_uniquifier = token
        self.roles = [Role(presence.person.role)]


class Accounts(UserDatastore):
    """The only question Flask-Security asks at a request: who is logged in with this token?"""

    def __init__(self, service: Service) -> None:
        super().__init__(User, Role)
        self._service = service

    def find_user(self, case_insensitive: bool = False, **which: Any) -> User | None:
        token = which.get("fs_uniquifier")
        if not token:
            return None
        presence = staff.present(self._service.store, token, self._service.now)
        return User(presence, token) if presence else None

    def find_role(self, role: str) -> Role | None:
        return Role(role) if role in staff.ROLES else None
