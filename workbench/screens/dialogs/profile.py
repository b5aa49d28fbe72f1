"""Add or edit a profile: where a provider is and where its key comes from, with a sentence about what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from workbench.errors import WorkbenchError
from workbench.screens.dialogs.form import Field, FormDialog

if TYPE_CHECKING:
    from workbench.providers.profiles import Profile
    from workbench.workflow.context import Context

_KINDS: Final = (
    ("compatible: it speaks OpenAI's API", "compatible"),
    ("openai", "openai"),
    ("azure", "azure"),
    ("local: this machine", "local"),
)
_SIGN_IN: Final = (("a key", "key"), ("Entra: whoever is signed in", "entra"))
_TITLES: Final = {
    "--key-env": "the key variable",
    "--url": "the address",
    "--replay": "the recording",
    "--entra": "Entra",
    "--resource-id": "the resource id",
    "--kind": "the kind",
    "--concurrency": "calls at once",
}
"""What the command line calls the fields."""
_REACHED: Final = ("base_url", "api_key_env", "api_key_command", "auth", "resource_id")
"""How a real provider is reached."""
_FIELDS: Final = ("replay", *_REACHED, "embedding_model", "concurrency")
_HIDDEN: Final = {
    "local": ("replay", *_REACHED),
    "openai": ("auth", "resource_id"),
    "compatible": ("auth", "resource_id"),
    "azure": (),
}
"""By kind: fields that say nothing there."""


@dataclass(frozen=True, slots=True)
class ProfileAnswer:
    """What is to be kept."""

    name: str
    new: bool
    fields: Mapping[str, Any]
    """As `add_profile` takes them; an empty text clears one."""


class ProfileDialog(FormDialog[ProfileAnswer]):
    """Closes with what is to be kept, or None. There is no field for a key."""

    DOES: ClassVar[str] = "keeps"

    def __init__(self, context: Context, profile: Profile | None = None) -> None:
        from workbench.providers.profiles import without_secrets
        from workbench.workflow.profiles import recorded_providers

        self.context, self._profile = context, profile
        known = profile.model_dump() if profile is not None else {}
        self._unseen = {name: seen for name in _REACHED if (seen := without_secrets(name, known.get(name))) is not None}
        """Fields in which a hand-written profile holds a key, as they are shown; they stay until they are changed."""
        known |= self._unseen

        def field(name: str, title: str, placeholder: str = "", choices: Any = ()) -> Field:
            value = known.get(name)
            return Field(name, title, "" if value is None else str(value), placeholder, choices)

        recordings = [("none: a real provider", ""), *((name, name) for name in recorded_providers())]
        fields = [
            field("replay", "recording", choices=recordings),
            field("base_url", "address", "https://…/v1; for azure the resource's endpoint"),
            field("auth", "sign in with", choices=_SIGN_IN),
            field("api_key_env", "key variable", "the environment variable's name, never the key"),
            field("api_key_command", "key command", "a command that prints the key: pass show openai"),
            field("resource_id", "resource id", "/subscriptions/…/accounts/NAME, for deployments"),
            field("embedding_model", "embedding model", "none"),
            field("concurrency", "calls at once", "4"),
        ]
        if profile is None:
            fields[:0] = [
                Field("name", "name", placeholder="small letters, digits and dashes"),
                Field("kind", "kind", "compatible", choices=_KINDS),
            ]
            fields = [
                one if one.name != "auth" else Field("auth", one.title, "key", choices=_SIGN_IN) for one in fields
            ]
        super().__init__(fields, title=f"Edit the profile {profile.name}" if profile else "Add a profile")

    def _kind(self, values: Mapping[str, str]) -> str:
        return self._profile.kind if self._profile is not None else values["kind"]

    def fields_without_use(self, values: Mapping[str, str]) -> set[str]:
        """By kind, and by where the key comes from."""
        hidden = {*_HIDDEN[self._kind(values)]}
        if values["replay"]:
            hidden |= {*_REACHED, "kind"}
        elif values["auth"] == "entra" and "auth" not in hidden:
            hidden |= {"api_key_env", "api_key_command"}
        return hidden

    def comment(self, values: Mapping[str, str]) -> str:
        """What the profile would lack."""
        from workbench.workflow.profile_facts import NO_KEY, facts_of

        if self._profile is None and not values["name"].strip():
            return "A name first: it stands before the model, as in NAME/MODEL."
        try:
            facts = facts_of(self.context, self._drafted(values))
        except WorkbenchError as error:
            return str(_in_words(error))
        if self._left_alone(values):
            return "There is a key in this profile, which is not shown and stays; better name a variable that holds it."
        if facts.missing:
            return f"Missing: {facts.missing}."
        if facts.key_from == NO_KEY:
            return "Nothing is missing, where the provider wants no key."
        if facts.capabilities.deployments and not facts.resource_id and not facts.replay:
            return "Nothing is missing; deployments would need the resource id too."
        return "Nothing is missing: t tests it when it is kept."

    def answer(self, values: Mapping[str, str]) -> ProfileAnswer:
        """The fields; raises WorkbenchError for what cannot be."""
        try:
            profile = self._drafted(values)
        except WorkbenchError as error:
            raise _in_words(error) from None
        return ProfileAnswer(profile.name, self._profile is None, self._given(values))

    def _drafted(self, values: Mapping[str, str]) -> Profile:
        from workbench.workflow.profiles import drafted

        name = self._profile.name if self._profile is not None else values["name"].strip()
        if self._profile is None and name in self.context.profiles():
            raise WorkbenchError(f"profile {name}", "exists already", "choose another name, or edit that one")
        return drafted(name, self._given(values), self._profile)

    def _left_alone(self, values: Mapping[str, str]) -> set[str]:
        """Fields that hold a key out of sight, and were not changed."""
        return {name for name, seen in self._unseen.items() if values[name].strip() == seen}

    def _given(self, values: Mapping[str, str]) -> dict[str, Any]:
        """What is shown counts; an emptied field is cleared. What is hidden stays as it was."""
        hidden = self.fields_without_use(values) | self._left_alone(values)
        given: dict[str, Any] = {name: values[name].strip() for name in _FIELDS if name not in hidden}
        if self._profile is None and "kind" not in hidden:
            given["kind"] = values["kind"]
        return given


def _in_words(error: WorkbenchError) -> WorkbenchError:
    """The sentence with the names of the fields in the place of the command line's."""

    def named(text: str) -> str:
        for option, title in _TITLES.items():
            text = text.replace(option, title)
        return text

    return WorkbenchError(named(error.what), named(error.why), named(error.hint), code=error.code)
