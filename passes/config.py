"""What an operator chooses: `config.toml` in the home folder, read once, frozen, checked.

Every value can be overridden by an environment variable PASSES_<SECTION>__<KEY>. A missing file, an
unknown key or variable, or a bad value is one sentence that says which, what was expected and what to
do; it never repeats the value, which may be a secret.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from .card import Contact
from .errors import ConfigError
from .words import LANGUAGES
from .zones import TimeZone

FILE = "config.toml"
PREFIX = "PASSES_"


def _http(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and _HOST.fullmatch(parts.hostname or "") and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("an address such as https://cards.example.org, without user, ? or #")
    return url.rstrip("/")


def _https(url: str) -> str:
    if not _http(url).startswith("https://"):
        raise ValueError("an address that begins with https://")
    return url.rstrip("/")


def _vendor(url: str) -> str:
    if not _http(url).startswith("https://") and urlsplit(url).hostname not in ("127.0.0.1", "localhost"):
        raise ValueError("an address that begins with https://")
    return url.rstrip("/")


def _website(url: str) -> str:
    return _http(url) if url else ""


def _email(address: str) -> str:
    if address and not re.fullmatch(r"[^@\s]+@[^@\s]+", address):
        raise ValueError("an e-mail address such as shop@example.org, or nothing")
    return address


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("text on one line")
    return text


def _country(code: str) -> str:
    if not re.fullmatch("[A-Z]{2}", code):
        raise ValueError("a country as two capital letters, such as PL")
    return code


def _rate(rate: str) -> str:
    if not re.fullmatch(r"[1-9]\d{0,6}/(second|minute|hour|day)", rate):
        raise ValueError("how many in what time, such as 30/hour (second, minute, hour or day)")
    return rate


def _clock(time: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", time, re.ASCII):
        raise ValueError("a time of day such as 06:00")
    return time


def _not_truth(value: Any) -> Any:
    """TOML's true would pass for 1."""
    if isinstance(value, bool):
        raise ValueError("a whole number")
    return value


def _beginning(*schemes: str) -> Callable[[str], str]:
    def check(url: str) -> str:
        if not url.startswith(schemes):
            raise ValueError(f"an address that begins with {' or '.join(schemes)}")
        return url

    return check


def _language(code: str) -> str:
    if code not in LANGUAGES:
        raise ValueError(f"one of {', '.join(LANGUAGES)}")
    return code


_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")

HttpAddress = Annotated[str, AfterValidator(_http)]
HttpsAddress = Annotated[str, AfterValidator(_https)]
# In the clear only to this very machine.
VendorAddress = Annotated[str, AfterValidator(_vendor)]
Website = Annotated[str, AfterValidator(_website)]
Email = Annotated[str, AfterValidator(_email)]
Line = Annotated[str, AfterValidator(_printable)]
Country = Annotated[str, AfterValidator(_country)]
Rate = Annotated[str, AfterValidator(_rate)]
Clock = Annotated[str, AfterValidator(_clock)]
Whole = Annotated[int, BeforeValidator(_not_truth)]
StoreAddress = Annotated[str, AfterValidator(_beginning("sqlite:///", "postgresql://", "postgresql+psycopg://"))]
_QUEUES = ("sqlite:///", "redis://", "rediss://", "unix://", "postgresql://", "postgresql+psycopg://")
QueueAddress = Annotated[str, AfterValidator(_beginning(*_QUEUES))]
CounterAddress = Annotated[str, AfterValidator(_beginning("memory://", "redis://", "rediss://"))]
Language = Annotated[str, AfterValidator(_language)]


# TOML has no null: an empty text means that there is none.
OptionalPath = Annotated[Path | None, BeforeValidator(lambda path: path or None)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, strict=False)


class Server(Section):
    public_url: HttpAddress = "http://127.0.0.1:8000"
    host: str = Field(default="127.0.0.1", min_length=1, max_length=253)
    port: Whole = Field(default=8000, ge=1, le=65535)
    threads: Whole = Field(default=4, ge=1, le=64)
    processes: Whole = Field(default=2, ge=1, le=32)
    proxies: Whole = Field(default=0, ge=0, le=5)


class StoreSection(Section):
    url: StoreAddress = "sqlite:///passes.db"


class Work(Section):
    queue: QueueAddress = "sqlite:///work.db"
    batch: Whole = Field(default=250, ge=1, le=5000)
    lease_seconds: Whole = Field(default=60, ge=10, le=3600)


class Shop(Section):
    name: Line = Field(default="My shop", min_length=1, max_length=80)
    phone: Line = Field(default="", max_length=40)
    email: Email = Field(default="", max_length=120)
    website: Website = Field(default="", max_length=200)
    time_zone: TimeZone = "Europe/Warsaw"
    language: Language = "en"
    country: Country = "PL"


class Apple(Section):
    certificate: OptionalPath = None
    key: OptionalPath = None
    key_password: str = ""
    wwdr: OptionalPath = None
    apns_url: HttpsAddress = "https://api.push.apple.com"
    apns_ca: OptionalPath = None
    apns_push_type: Literal["", "background", "alert"] = ""
    download_days: Whole = Field(default=30, ge=1, le=3650)

    @model_validator(mode="after")
    def _whole(self) -> Apple:
        if bool(self.certificate) != bool(self.wwdr):
            raise ValueError("both certificate and wwdr, or neither of them (no Apple Wallet)")
        return self

    @property
    def is_configured(self) -> bool:
        return self.certificate is not None


class Google(Section):
    issuer_id: str = Field(default="", pattern=r"^\d{0,20}$")
    service_account: OptionalPath = None
    api_url: VendorAddress = "https://walletobjects.googleapis.com"
    token_url: VendorAddress = "https://oauth2.googleapis.com/token"
    keys_url: VendorAddress = "https://pay.google.com/gp/m/issuer/keys"
    rate: Whole = Field(default=15, ge=1, le=1000)
    in_russia: bool = False
    redemption_issuer: str = Field(default="", pattern=r"^\d{0,20}$")

    @model_validator(mode="after")
    def _whole(self) -> Google:
        if bool(self.issuer_id) != bool(self.service_account):
            raise ValueError("both issuer_id and service_account, or neither of them (no Google Wallet)")
        return self

    @property
    def is_configured(self) -> bool:
        return self.service_account is not None


class Limits(Section):
    api: Rate = "600/minute"
    join: Rate = "30/hour"
    log: Rate = "60/minute"
    storage: CounterAddress = "memory://"


class TillSection(Section):
    comp_a_day: Whole = Field(default=100, ge=0, le=1_000_000)
    comp_stamps_a_day: Whole = Field(default=5, ge=0, le=1000)
    redeem_a_day: Whole = Field(default=50_000, ge=0, le=1_000_000_000)
    earns_a_day: Whole = Field(default=20, ge=0, le=1000)
    claims_a_day: Whole = Field(default=50, ge=0, le=10_000)
    claim_days: Whole = Field(default=30, ge=1, le=365)
    offline_spend: Whole = Field(default=0, ge=0, le=1_000_000)
    revoked_earn: Whole = Field(default=500, ge=0, le=1_000_000)
    opens: Clock = "06:00"
    closes: Clock = "23:00"
    second_factor: Literal["nobody", "managers", "everyone"] = "nobody"


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
    google: Google = Google()
    limits: Limits = Limits()
    till: TillSection = TillSection()

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
    if "home" in chosen:
        raise ConfigError(_unknown("home"))
    try:
        settings = Settings(home=home.resolve(), **chosen)
    except ValidationError as wrong:
        raise ConfigError(_sentences(wrong)) from None
    return _resolve_references(settings)


def fill(home: Path, section: str, values: Mapping[str, str]) -> list[str]:
    """Write values into the file where it has none yet, keeping its comments; which were written."""
    import tomlkit

    path = home / FILE
    document = tomlkit.parse(path.read_text("utf-8"))
    table = document.setdefault(section, tomlkit.table())
    empty = [key for key in values if not table.get(key)]
    # A certificate without its key, or with another one's, would be worse than none.
    if len(empty) < len(values):
        return []
    for key in empty:
        table[key] = values[key]
    replacement = path.with_suffix(".new")
    replacement.write_text(tomlkit.dumps(document), "utf-8")
    replacement.chmod(path.stat().st_mode & 0o777)
    replacement.replace(path)
    return empty


def _refuse_unknown_variables() -> None:
    """pydantic-settings passes over a misspelt variable in silence; a shop would never know."""
    for name in os.environ:
        if not name.upper().startswith(PREFIX):
            continue
        section, _, rest = name[len(PREFIX) :].lower().partition("_")
        known, key = _keys(section), rest.removeprefix("_")
        is_meant = bool(known) or rest.startswith("_")
        if key in known and not rest.startswith("_"):
            raise ConfigError(f"The environment variable {name} needs two underscores: {_variable(section, key)}.")
        if is_meant and key not in known:
            raise ConfigError(f"The environment variable {name} names no setting; look for its name in {FILE}.")


def _keys(section: str) -> tuple[str, ...]:
    """The settings of a section; none for what is no section."""
    model = Settings.model_fields[section].annotation if section in Settings.model_fields else None
    return tuple(model.model_fields) if isinstance(model, type) and issubclass(model, Section) else ()


def _variable(*parts: object) -> str:
    return PREFIX + "__".join(str(part).upper() for part in parts)


def _sentences(wrong: ValidationError) -> str:
    errors = wrong.errors(include_input=False, include_url=False)
    return "\n".join(_sentence(error["loc"], error["type"], error["msg"], error.get("ctx", {})) for error in errors)


def _sentence(place: tuple[int | str, ...], kind: str, message: str, context: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in place)
    if kind == "extra_forbidden":
        return _unknown(where)
    if len(place) == 1 and kind != "value_error":
        return f"{FILE}: [{where}] must be a section, a line [{where}] with its settings below."
    expected = _EXPECTED[kind].format(**context) if kind in _EXPECTED else message.removeprefix("Value error, ")
    variable = f" or {_variable(*place)}" if len(place) > 1 else ""
    return f"{FILE}{variable}: [{where}] expected {expected}."


def _unknown(where: str) -> str:
    return f"{FILE}: [{where}] is not a setting of this service; check the spelling or remove it."


_EXPECTED = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "string_type": "text in quotes",
    "string_too_short": "at least {min_length} character",
    "string_too_long": "at most {max_length} characters",
    "literal_error": "{expected}",
    "path_type": "a path in quotes",
    "string_pattern_mismatch": "digits in quotes",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
}


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
