"""Who may know whom. Each rule is checked on the whole source, and on a bad example that it must refuse.

A rule takes sources and gives sentences, one for each line that breaks it; no sentence means it holds.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PURE = (
    "passes.card",
    "passes.codes",
    "passes.claimcodes",
    "passes.couponcodes",
    "passes.drawing",
    "passes.errors",
    "passes.names",
    "passes.points.discounts",
    "passes.points.outcome",
    "passes.points.purses",
    "passes.points.rules",
    "passes.points.tiers",
)
CORE = (
    "passes.card",
    "passes.codes",
    "passes.drawing",
    "passes.points",
    "passes.revisions",
    "passes.installations",
    "passes.reconcile",
    "passes.members",
    "passes.programmes",
    "passes.offers",
    "passes.claims",
    "passes.coupons",
    "passes.promos",
    "passes.rewards",
    "passes.giftcards",
    "passes.transfers",
    "passes.memberships",
    "passes.referrals",
    "passes.friends",
    "passes.leaderboard",
    "passes.partners",
    "passes.liability",
    "passes.store",
)
RENDER_MAY_SEE = ("passes.card", "passes.look", "passes.phrases", "passes.words", "passes.errors")
ALL_KNOWING = ("passes", "passes.cli", "passes.__main__")
WALLET_WORDS = {
    "PKPass": "apple",
    "pushToken": "apple",
    "deviceLibraryIdentifier": "apple",
    "passTypeIdentifier": "apple",
    "LoyaltyObject": "google",
}
# Written so that this file does not hold what it looks for.
FOREIGN = {
    "where packages are fetched from": re.compile(r"--(?:extra-)?[i]ndex-url|--[f]ind-links|[r]egistry=http"),
    "a path of somebody's machine": re.compile(
        r"(?<![\w.})/-])/(?:roo[t]|Users/\w+|home/\w+|wor[k])/|file:/[/]/|[A-Z]:\\[U]sers"
    ),
}


@dataclass(frozen=True)
class Module:
    """One Python file. `imports` holds full dotted names: `from a import b` is `a.b`."""

    name: str
    tree: ast.Module
    imports: tuple[str, ...]

    def is_in(self, *packages: str) -> bool:
        return is_within(self.name, packages)

    @property
    def ours(self) -> tuple[str, ...]:
        return tuple(name for name in self.imports if is_within(name, ("passes",)))

    @property
    def tops(self) -> set[str]:
        return {name.partition(".")[0] for name in self.imports}


Sources = Mapping[str, str]
"""Text by path, as in {"passes/card.py": "import json"}."""


def is_within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def modules(sources: Sources) -> list[Module]:
    return [parsed(path, text) for path, text in sources.items() if path.startswith("passes/") and path.endswith(".py")]


@cache
def parsed(path: str, text: str) -> Module:
    parts = path.removesuffix(".py").split("/")
    package = parts[:-1]
    name = ".".join(package if parts[-1] == "__init__" else parts)
    tree = ast.parse(text, path)
    return Module(name, tree, tuple(imported(tree, package)))


def imported(tree: ast.Module, package: list[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def pure_modules_need_the_standard_library_alone(sources: Sources) -> Iterator[str]:
    for module in modules(sources):
        if module.name in PURE:
            for name in module.imports:
                if name.partition(".")[0] not in sys.stdlib_module_names and not is_within(name, PURE):
                    yield f"{module.name} is pure but imports {name}"


def a_wallet_never_sees_another(sources: Sources) -> Iterator[str]:
    wallets = {path.split("/")[2] for path in sources if re.match(r"passes/wallets/\w+/", path)}
    for module in modules(sources):
        for wallet in wallets:
            others = tuple(f"passes.wallets.{other}" for other in wallets - {wallet})
            if module.is_in(f"passes.wallets.{wallet}"):
                for name in module.ours:
                    if is_within(name, others):
                        yield f"{module.name} imports {name}, which is another wallet's"


def render_sees_the_card_and_its_look_alone(sources: Sources) -> Iterator[str]:
    """Neighbours in the wallet's folder that render draws with may see no more than render itself."""
    by_name = {module.name: module for module in modules(sources)}
    waiting = [name for name in by_name if re.fullmatch(r"passes\.wallets\.\w+\.render", name)]
    met = set(waiting)
    while waiting:
        module = by_name[waiting.pop()]
        folder = module.name.rpartition(".")[0]
        for name in module.ours:
            neighbour = next((n for n in (name, name.rpartition(".")[0]) if n in by_name), name)
            if neighbour.rpartition(".")[0] == folder:
                waiting += {neighbour} - met
                met.add(neighbour)
            elif not is_within(name, RENDER_MAY_SEE):
                yield f"{module.name} imports {name}; a drawing needs the card, its look and words alone"


def the_words_of_a_wallet_stay_in_its_folder(sources: Sources) -> Iterator[str]:
    for path, text in sources.items():
        if re.match(r"(passes|templates)/(?!static/vendor/)", path):
            for word, wallet in WALLET_WORDS.items():
                if word in text and not path.startswith(f"passes/wallets/{wallet}/"):
                    yield f"{path} says {word}, a word of passes/wallets/{wallet}"


def wallet_py3k_stands_behind_one_module(sources: Sources) -> Iterator[str]:
    users = [module.name for module in modules(sources) if "wallet" in module.tops]
    if len(users) > 1:
        yield f"wallet-py3k is imported by {', '.join(users)}; one of them is enough"
    if not users and any(module.name == "passes.wallets.apple.render" for module in modules(sources)):
        yield "wallet-py3k is required but nothing imports it"


def the_core_knows_no_web(sources: Sources) -> Iterator[str]:
    for module in modules(sources):
        if module.is_in(*CORE):
            for top in sorted(module.tops):
                if top == "werkzeug" or top.startswith("flask"):
                    yield f"{module.name} imports {top}; HTTP belongs to passes.web and the wallets' services"


def nothing_looks_up(sources: Sources) -> Iterator[str]:
    """Only the top, which puts everything together, sees the web; only the command sees the top."""
    for module in modules(sources):
        if module.name not in ALL_KNOWING and not module.is_in("passes.cli"):
            for name in module.ours:
                if is_within(name, ("passes.cli", "passes.create_app")) or name == "passes":
                    yield f"{module.name} imports {name}, which stands above it"
                elif is_within(name, ("passes.web",)) and not module.is_in("passes.web"):
                    yield f"{module.name} imports {name}; the web sees it, not the other way round"


def the_store_sees_no_shop(sources: Sources) -> Iterator[str]:
    """Tables and transactions know nothing of who uses them."""
    for module in modules(sources):
        if module.is_in("passes.store"):
            above = tuple(name for name in CORE if name not in ("passes.store", *PURE))
            for name in module.ours:
                if is_within(name, (*above, "passes.wallets")):
                    yield f"{module.name} imports {name}, which stands above the store"


def every_module_introduces_itself(sources: Sources) -> Iterator[str]:
    for module in modules(sources):
        if not ast.get_docstring(module.tree):
            yield f"{module.name} does not say at its top what it is for"


def the_repository_speaks_of_itself_alone(sources: Sources) -> Iterator[str]:
    for path, text in sources.items():
        for number, line in enumerate(text.splitlines(), 1):
            for what, pattern in FOREIGN.items():
                if found := pattern.search(line):
                    yield f"{path}:{number} holds {what}: {found[0]}"


Rule = Callable[[Sources], Iterator[str]]

BAD_EXAMPLES: list[tuple[Rule, Sources]] = [
    (pure_modules_need_the_standard_library_alone, {"passes/card.py": "import sqlalchemy"}),
    (pure_modules_need_the_standard_library_alone, {"passes/points/rules.py": "from ..store import Store"}),
    (
        a_wallet_never_sees_another,
        {"passes/wallets/apple/push.py": "from ..google import api", "passes/wallets/google/api.py": ""},
    ),
    (
        a_wallet_never_sees_another,
        {
            "passes/wallets/apple/push.py": "import passes.wallets.ecard",
            "passes/wallets/ecard/__init__.py": "",
        },
    ),
    (
        render_sees_the_card_and_its_look_alone,
        {"passes/wallets/apple/render.py": "def f():\n    from passes import members"},
    ),
    (
        render_sees_the_card_and_its_look_alone,
        {
            "passes/wallets/apple/render.py": "from .a import b",
            "passes/wallets/apple/a.py": "import passes.work",
        },
    ),
    (the_words_of_a_wallet_stay_in_its_folder, {"passes/web/api.py": "name = 'pushToken'"}),
    (the_words_of_a_wallet_stay_in_its_folder, {"templates/pages/join.html": "<p>LoyaltyObject</p>"}),
    (
        wallet_py3k_stands_behind_one_module,
        {
            "passes/wallets/apple/a.py": "import wallet",
            "passes/wallets/apple/b.py": "from wallet.models import Pass",
        },
    ),
    (wallet_py3k_stands_behind_one_module, {"passes/wallets/apple/render.py": ""}),
    (the_core_knows_no_web, {"passes/points/receipts.py": "from flask import request"}),
    (the_core_knows_no_web, {"passes/store/__init__.py": "import flask_security.models"}),
    (nothing_looks_up, {"passes/members.py": "from .web.customer import views"}),
    (nothing_looks_up, {"passes/web/api.py": "from passes import create_app"}),
    (nothing_looks_up, {"passes/work.py": "import passes"}),
    (the_store_sees_no_shop, {"passes/store/tables/members.py": "from ...members import Member"}),
    (every_module_introduces_itself, {"passes/points/__init__.py": "import json"}),
    (the_repository_speaks_of_itself_alone, {"a.lock": "--" + "index-url https://packages.example.org/simple"}),
    (the_repository_speaks_of_itself_alone, {"README.md": "cd /" + "root/passes"}),
]
RULES = list(dict.fromkeys(rule for rule, _ in BAD_EXAMPLES))


@pytest.fixture(scope="module")
def repository() -> Sources:
    """Every text that git keeps, or would keep at the next commit."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    texts = {path: text_of(ROOT / path) for path in listed.stdout.split("\0") if path}
    assert "pyproject.toml" in texts
    return {path: text for path, text in texts.items() if text is not None}


def text_of(path: Path) -> str | None:
    """None: a picture, a font, or a file deleted but not yet from git."""
    try:
        return path.read_text("utf-8") if path.is_file() else None
    except UnicodeDecodeError:
        return None


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_holds(rule: Rule, repository: Sources) -> None:
    offences = list(rule(repository))
    assert not offences, "\n".join(["", *offences])


@pytest.mark.parametrize(("rule", "sources"), BAD_EXAMPLES)
def test_refuses(rule: Rule, sources: Sources) -> None:
    assert list(rule(sources))


def test_reads_imports_in_every_form() -> None:
    text = "import a.b\nfrom . import c\nfrom .d import e\nfrom ..f import g\nfrom h import i as j\n"
    assert parsed("passes/x/y.py", text).imports == ("a.b", "passes.x.c", "passes.x.d.e", "passes.f.g", "h.i")
    assert parsed("passes/x/__init__.py", "from . import c").imports == ("passes.x.c",)
