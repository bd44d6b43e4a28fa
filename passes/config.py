"""What an operator chooses: `config.toml` in the home folder, read once, frozen, checked.

Every value can be overridden by an environment variable PASSES_<SECTION>__<KEY>. A missing file, an
unknown key or variable, or a bad value is one sentence that says which, what was expected and what to
do; it never repeats the value, which may be a secret.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from .card import Contact
from .errors import ConfigError
from .words import LANGUAGES

FILE = "config.toml"
PREFIX = "PASSES_"


def _http(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("an address such as https://cards.example.org, without ? or #")
    return url.rstrip("/")


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("a time zone such as Europe/Warsaw")
    return name


def _language(code: str) -> str:
    if code not in LANGUAGES:
        raise ValueError(f"one of {', '.join(LANGUAGES)}")
    return code


HttpAddress = Annotated[str, AfterValidator(_http)]
TimeZone = Annotated[str, AfterValidator(_zone)]
Language = Annotated[str, AfterValidator(_language)]


# TOML has no null: an empty text means that there is none.
OptionalPath = Annotated[Path | None, BeforeValidator(lambda path: path or None)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, strict=False)


class Server(Section):
    public_url: HttpAddress = "http://127.0.0.1:8000"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    threads: int = Field(default=8, ge=1, le=64)
    processes: int = Field(default=1, ge=1, le=32)
    proxies: int = Field(default=0, ge=0, le=5)


class StoreSection(Section):
    url: str = "sqlite:///passes.db"


class Work(Section):
    queue: str = "sqlite:///work.db"
    batch: int = Field(default=500, ge=1, le=5000)
    lease_seconds: int = Field(default=60, ge=10, le=3600)


class Shop(Section):
    name: str = Field(default="My shop", min_length=1, max_length=80)
    phone: str = Field(default="", max_length=40)
    email: str = Field(default="", max_length=120)
    website: str = Field(default="", max_length=200)
    time_zone: TimeZone = "Europe/Warsaw"
    language: Language = "en"
    country: str = Field(default="PL", pattern="^[A-Z]{2}$")


class Apple(Section):
    certificate: OptionalPath = None
    key: OptionalPath = None
    key_password: str = ""
    wwdr: OptionalPath = None
    apns_url: HttpAddress = "https://api.push.apple.com"
    apns_ca: OptionalPath = None
    apns_push_type: Literal["", "background", "alert"] = ""
    download_days: int = Field(default=30, ge=1, le=3650)

    @model_validator(mode="after")
    def _whole(self) -> Apple:
        if bool(self.certificate) != bool(self.wwdr):
            raise ValueError("certificate and wwdr go together; leave both empty for no Apple Wallet")
        return self

    @property
    def is_configured(self) -> bool:
        return self.certificate is not None


class Limits(Section):
    api: str = "600/minute"
    join: str = "30/hour"
    log: str = "60/minute"
    storage: str = "memory://"


class Settings(BaseSettings):
    """Every choice; `home` is the folder of the file, and relative paths start there."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, env_prefix=PREFIX, env_nested_delimiter="__"
    )

    home: Path
    server: Server = Server()
    store: StoreSection = StoreSection()
    work: Work = Work()
    shop: Shop = Shop()
    apple: Apple = Apple()
    limits: Limits = Limits()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return EnvSettingsSource(settings_cls), init_settings

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.shop.time_zone)

    @property
    def contact(self) -> Contact:
        return Contact(self.shop.name, self.shop.phone, self.shop.email, self.shop.website)

    def path(self, path: Path) -> Path:
        """A path of the configuration, relative to home."""
        return path if path.is_absolute() else self.home / path

    def database(self, url: str) -> str:
        """A store address with a relative SQLite file placed in home."""
        match = re.fullmatch(r"sqlite:///(?!/)(.+)", url)
        return f"sqlite:///{self.home / match[1]}" if match else url


def default_home() -> Path:
    """Where the settings are when nobody says: PASSES_HOME, else the current folder."""
    return Path(os.environ.get("PASSES_HOME", "."))


def load(home: Path) -> Settings:
    """The settings of this home, or a ConfigError."""
    path = home / FILE
    try:
        chosen = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"There is no {FILE} in {home}. Go to the folder that has it, say --home DIR, or make one: passes init DIR"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise ConfigError(f"{FILE} is not valid TOML: {wrong}") from None
    except OSError as wrong:
        raise ConfigError(f"{FILE} cannot be read: {wrong.strerror}.") from None
    _refuse_unknown_variables()
    chosen.pop("home", None)
    try:
        settings = Settings(home=home.resolve(), **chosen)
    except ValidationError as wrong:
        raise ConfigError(_sentences(wrong)) from None
    return _resolve_references(settings)


def _refuse_unknown_variables() -> None:
    """pydantic-settings passes over a misspelt variable in silence; a shop would never know."""
    for name in os.environ:
        if name.startswith(PREFIX) and "__" in name:
            section, _, key = name[len(PREFIX) :].lower().partition("__")
            model = Settings.model_fields[section].annotation if section in Settings.model_fields else None
            if not (isinstance(model, type) and issubclass(model, Section) and key in model.model_fields):
                raise ConfigError(f"The environment variable {name} names no setting; look for its name in {FILE}.")


def _sentences(wrong: ValidationError) -> str:
    lines = []
    for error in wrong.errors(include_input=False, include_url=False, include_context=False):
        where = ".".join(str(part) for part in error["loc"]) or FILE
        what = "is not a setting; check the spelling" if error["type"] == "extra_forbidden" else error["msg"]
        lines.append(f"{FILE} or {PREFIX}{where.upper().replace('.', '__')}: [{where}] {_plain(what)}.")
    return "\n".join(lines)


def _plain(message: str) -> str:
    return message.replace("Value error, ", "expected ").replace("Input should be", "must be")


def _resolve_references(settings: Settings) -> Settings:
    """A secret is named, not written: `env:NAME` or `file:path`."""
    reference = settings.apple.key_password
    if not reference:
        return settings
    apple = settings.apple.model_copy(update={"key_password": _secret(settings, "apple.key_password", reference)})
    return settings.model_copy(update={"apple": apple})


def _secret(settings: Settings, where: str, reference: str) -> str:
    kind, _, name = reference.partition(":")
    try:
        if kind == "env":
            return os.environ[name]
        if kind == "file":
            return settings.path(Path(name)).read_text("utf-8").rstrip("\n")
    except (KeyError, OSError, UnicodeDecodeError):
        raise ConfigError(f"[{where}] points to {kind}:{name}, which cannot be read.") from None
    raise ConfigError(f"[{where}] holds a secret itself; write env:NAME or file:PATH instead.")


def as_mapping(settings: Settings) -> dict[str, Any]:
    """Every value for display, secrets replaced."""
    shown = settings.model_dump(mode="json")
    for section in shown.values():
        if isinstance(section, dict):
            section.update({key: "***" for key, value in section.items() if value and "password" in key})
    for section, key in (("store", "url"), ("work", "queue"), ("limits", "storage")):
        shown[section][key] = re.sub(r"://[^@/]*@", "://***@", shown[section][key])
    return shown
