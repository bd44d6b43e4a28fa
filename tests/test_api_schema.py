"""The API does what its document says: checked by reading the document and calling all of it, oddly."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
import schemathesis
from openapi_spec_validator import validate
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from werkzeug.serving import make_server

from passes import keys
from tests.shop_system import API, ShopSystem, open_shop

SEED = 20_261_122
# Words of meaning that a schema cannot say (a look there is not, a phone that is none) are refused with 422.
# And whoever tries codes and PINs as fast as this is told to wait.
MEANT = ["2xx", "401", "403", "404", "409", "422", "429"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> ShopSystem:
    return open_shop(tmp_path_factory.mktemp("shop") / "home", limits__api="1000000/minute")


@pytest.fixture(scope="module")
def address(shop: ShopSystem) -> Iterator[str]:
    """The service on a port of this machine."""
    server = make_server("127.0.0.1", 0, shop.app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}{API}/openapi.json"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def document(shop: ShopSystem) -> dict[str, Any]:
    answer = shop.app.test_client().get(f"{API}/openapi.json")
    assert answer.status_code == 200 and answer.json["openapi"].startswith("3.1")  # type: ignore[index]
    return answer.json  # type: ignore[return-value]


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            yield f"{method.upper()} {path}", described


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)


def test_every_operation_is_explained(document: dict[str, Any]) -> None:
    for name, described in operations(document):
        assert described["summary"] and described["description"], name
        assert set(described["security"][0]["key"]) <= set(keys.SCOPES), name
        assert {"401", "403", "404", "422", "429"} <= set(described["responses"]), name
        assert any(status.startswith("2") for status in described["responses"]), name


def test_every_scope_opens_something(document: dict[str, Any]) -> None:
    asked = {scope for _, described in operations(document) for scope in described["security"][0]["key"]}
    assert asked == set(keys.SCOPES)


def test_every_body_and_answer_has_an_example(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name, described in operations(document):
        if body := described.get("requestBody"):
            schema = schemas[body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]]
            assert schema["examples"], name


def test_every_route_is_in_the_document(shop: ShopSystem, document: dict[str, Any]) -> None:
    known = {name.replace("{", "<").replace("}", ">") for name, _ in operations(document)}
    for rule in shop.app.url_map.iter_rules():
        if rule.rule.startswith(API) and rule.endpoint != "api.openapi":
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                assert f"{method} {rule.rule.replace('<path:', '<')}" in known


@pytest.mark.slow
def test_odd_requests_of_every_kind_are_answered_as_documented(shop: ShopSystem, address: str) -> None:
    _, card = shop.joins(name="Anna", external_id="anna")
    shop.sells(card, total=100_000, receipt="R-1")
    config = SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "headers": {"Authorization": f"Bearer {shop.key}"},
            # Reached, or most calls would end at a card that there is not.
            "parameters": {"serial": card, "reward": "espresso"},
            "generation": {"max-examples": 20, "no-shrink": True, "database": "none", "deterministic": True},
            "checks": {"positive_data_acceptance": {"expected-statuses": MEANT}},
            "phases": {"stateful": {"enabled": False}},
            "continue-on-failure": True,
        }
    )
    schema = schemathesis.openapi.from_url(address, config=config)
    cases = 0
    wrong: dict[str, str] = {}
    for event in from_schema(schema).execute():
        match event:
            case events.NonFatalError(value=error) | events.FatalError(exception=error):
                wrong[repr(error)] = f"the run itself broke: {error!r}"
            case events.ScenarioFinished(recorder=recorder):
                cases += len(recorder.interactions)
                wrong |= dict(_failures(event))
    assert not wrong, "\n\n".join(wrong.values())
    assert cases > 1500


def _failures(event: events.ScenarioFinished) -> Iterator[tuple[str, str]]:
    for checks in event.recorder.checks.values():
        for check in checks:
            if check.failure_info:
                failure = check.failure_info.failure
                where = f"{event.recorder.label} [{check.name}]"
                yield f"{where} {failure.title}", f"{where} {failure}\n{check.failure_info.code_sample}"
