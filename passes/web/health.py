"""What machines ask of the service: is it up, can it work, and its numbers.

`/health` says that the process answers. `/ready` asks the store: 503 while it is out of reach, else 200 with
"good" or "degraded" and why; a late worker or an ended certificate still lets tills earn and members join, so
it takes nothing out of a balancer. `/metrics` is for Prometheus on this machine, or for whoever has a key
with all scopes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flask import Blueprint, Flask, Response, jsonify, request

from .. import installations, keys, pulse
from ..errors import Forbidden, PassesError
from ..service import Service

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

LOOPBACK = ("127.0.0.1", "::1")
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip")


def register(app: Flask, service: Service) -> None:
    views = Health(service)
    blueprint = Blueprint("health", __name__)
    blueprint.add_url_rule("/health", view_func=views.health)
    blueprint.add_url_rule("/ready", view_func=views.ready)
    blueprint.add_url_rule("/metrics", view_func=views.metrics)
    app.register_blueprint(blueprint)


class Health:
    """The views."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def health(self) -> Response:
        return jsonify(status="good")

    def ready(self) -> tuple[Response, int]:
        try:
            why = list(self._troubles())
        except PassesError as wrong:
            return jsonify(status="bad", why=[str(wrong)]), 503
        return jsonify(status="degraded" if why else "good", why=why), 200

    def metrics(self) -> Response:
        """From the store, so that every process says the same."""
        from prometheus_client import generate_latest

        self._refuse_strangers()
        return Response(generate_latest(self._registry()), mimetype="text/plain")

    def _troubles(self) -> Iterator[str]:
        here = self._service
        with here.store.reading() as tx:
            if not pulse.is_beating(tx, list(here.wallets), here.now):
                yield "The worker is late and installed cards do not follow: start `passes serve` or `passes worker`."
        yield from filter(None, (wallet.trouble(here.now) for wallet in here.wallets.values()))

    def _refuse_strangers(self) -> None:
        """A proxy on this machine is no reason to trust whoever stands behind it."""
        proxied = not self._service.settings.server.proxies and any(name in request.headers for name in _FORWARDED)
        if request.remote_addr in LOOPBACK and not proxied:
            return
        scheme, _, presented = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Bearer" and presented:
            key = keys.find(self._service.store, presented)
            if key and keys.EVERYTHING in key.scopes:
                return
        raise Forbidden("Metrics are for this machine, or for a key that may do everything.")

    def _registry(self) -> CollectorRegistry:
        from prometheus_client import CollectorRegistry, Gauge

        here, registry = self._service, CollectorRegistry()
        places = Gauge("passes_installations", "Places where cards live.", ["wallet", "state"], registry=registry)
        overdue = Gauge("passes_overdue_seconds", "How long the oldest due work has waited.", registry=registry)
        with here.store.reading() as tx:
            for wallet, counted in installations.count(tx).items():
                places.labels(wallet, "all").set(counted.all)
                places.labels(wallet, "stale").set(counted.stale)
                places.labels(wallet, "set_aside").set(counted.set_aside)
            overdue.set(pulse.overdue_seconds(tx, list(here.wallets), here.now))
        ends = [left for wallet in here.wallets.values() if (left := wallet.days_left(here.now)) is not None]
        if ends:
            days = Gauge("passes_certificate_days", "Days for which passes can be signed.", registry=registry)
            days.set(min(ends))
        return registry
