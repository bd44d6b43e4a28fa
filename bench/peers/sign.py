"""Makes passes with another library: `python sign.py LIBRARY FOLDER`. Runs in the environment of the peers.

FOLDER holds `card.json` (a pass.json of ours), `files/` (pictures and words) and the certificates as PEM. For each
number on standard input so many passes are made, each with a serial number, points and a name of its own,
and the seconds it took are printed. The last pass is left in FOLDER as LIBRARY.pkpass.
"""

import json
import os
import sys
from io import BytesIO
from itertools import count
from pathlib import Path

library, folder = sys.argv[1], Path(sys.argv[2])
CARD = json.loads((folder / "card.json").read_text("utf-8"))
FILES = {
    str(path.relative_to(folder / "files")): path.read_bytes()
    for path in sorted((folder / "files").rglob("*"))
    if path.is_file()
}
CERTIFICATE, KEY, WWDR = (str(folder / name) for name in ("pass.pem", "pass.key", "wwdr.pem"))
NUMBERS = count(1)


def member():
    """Serial number, points and name of the next card."""
    number = next(NUMBERS)
    return f"serial-{number:08}", number, f"Member {number}"


def with_classes(models):
    """wallet-py3k and py-pkpass, which share an ancestor: a card built of their field classes."""
    groups = {
        "headerFields": "addHeaderField",
        "primaryFields": "addPrimaryField",
        "secondaryFields": "addSecondaryField",
        "auxiliaryFields": "addAuxiliaryField",
        "backFields": "addBackField",
    }

    def make():
        serial, points, name = member()
        shown = models.StoreCard()
        for group, add in groups.items():
            for field in CARD["storeCard"].get(group, ()):
                value = {"balance": points, "member": name}.get(field["key"], field["value"])
                getattr(shown, add)(field["key"], value, field.get("label", ""))
        card = (
            models.Pass(shown, CARD["passTypeIdentifier"], CARD["organizationName"], CARD["teamIdentifier"])
            if library == "py-pkpass"
            else models.Pass(
                shown,
                passTypeIdentifier=CARD["passTypeIdentifier"],
                organizationName=CARD["organizationName"],
                teamIdentifier=CARD["teamIdentifier"],
            )
        )
        card.serialNumber, card.description = serial, CARD["description"]
        card.backgroundColor, card.foregroundColor = CARD["backgroundColor"], CARD["foregroundColor"]
        card.webServiceURL, card.authenticationToken = CARD["webServiceURL"], CARD["authenticationToken"]
        card.barcode = models.Barcode(f"{serial}", "PKBarcodeFormatQR")
        for path, content in FILES.items():
            card.addFile(path, BytesIO(content))
        return card.create(CERTIFICATE, KEY, WWDR, "").getvalue()

    return make


def with_django():
    from django.conf import settings

    settings.configure(
        WALLETPASS={
            "CERT_PATH": CERTIFICATE,
            "KEY_PATH": KEY,
            "APPLE_WWDRCA_PEM_PATH": WWDR,
            "PASS_TYPE_ID": CARD["passTypeIdentifier"],
            "TEAM_ID": CARD["teamIdentifier"],
            "SERVICE_URL": CARD["webServiceURL"],
        },
        INSTALLED_APPS=["django_walletpass"],
        SECRET_KEY="only here",
    )
    import django

    django.setup()
    from django_walletpass.services.pass_builder import PassBuilder

    def make():
        serial, points, name = member()
        card = json.loads(json.dumps(CARD))
        for group in card["storeCard"].values():
            for field in group:
                field["value"] = {"balance": points, "member": name}.get(field["key"], field["value"])
        builder = PassBuilder(str(folder / "files"))
        builder.pass_data = card
        builder.pass_data_required.update(serialNumber=serial)
        return builder.build()

    return make


def maker():
    if library == "wallet-py3k":
        from wallet import models

        return with_classes(models)
    if library == "py-pkpass":
        from py_pkpass import models

        return with_classes(models)
    return with_django()


def used():
    """Processor time of this process and of those it started."""
    return sum(os.times()[:4])


make = maker()
(folder / f"{library}.pkpass").write_bytes(make())
print(json.dumps({"library": library}), flush=True)
for line in sys.stdin:
    times = int(line)
    began = used()
    for _ in range(times):
        made = make()
    seconds = used() - began
    (folder / f"{library}.pkpass").write_bytes(made)
    print(json.dumps({"seconds": seconds}), flush=True)
