"""The meter of deployments: read again without asking anybody; what has no price, no age or did not come up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.catalog.figure import Origin
from workbench.providers.arm import Deployment
from workbench.providers.profiles import Profile
from workbench.workflow.context import Context
from workbench.workflow.deployments import Hosted, azure_profiles, ends_soon, hosted, meter, metered

NOW = 1_790_000_000.0
TUNED = "gpt-4.1-mini-2025-04-14.ft-0123456789abcdef0123456789abcdef"
Make = Callable[..., Hosted]


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A workspace with nothing in it."""
    return Context(home=tmp_path / "home", cache=tmp_path / "cache", environ={})


@pytest.fixture
def make(context: Context) -> Make:
    """A deployment that was made so many hours ago."""

    def made(
        model: str = TUNED,
        tier: str = "global",
        hours: float | None = 100.0,
        status: str = "Succeeded",
        replay: str = "",
    ) -> Hosted:
        created = None if hours is None else int(NOW - hours * 3600)
        profile = Profile(name="azure", kind="azure", replay=replay or None)
        return hosted(context, profile, Deployment("mine", model, status, tier, 10, created), NOW)

    return made


def test_the_meter_is_read_again_from_what_is_known(make: Make) -> None:
    """The price stays, the age goes on."""
    one = make()
    assert one.cost_so_far.value == pytest.approx(170.0)
    later = metered(one, NOW + 36_000)
    assert later.cost_so_far.value == pytest.approx(187.0)
    assert later.cost_per_month == one.cost_per_month and later.age_s == pytest.approx(110 * 3600)
    assert one.cost_so_far.origin is Origin.ESTIMATED and "100.0 hours" in str(one.cost_so_far.source)


def test_without_a_price_or_an_age_there_is_no_amount(make: Make) -> None:
    """Nothing is guessed."""
    assert make("gpt-4.1-mini", "global").cost_so_far.value is None
    ageless = make(hours=None)
    assert ageless.cost_so_far.value is None and ageless.cost_per_month.value is not None
    assert ageless.expires is not None and "15 days" in ageless.expires


def test_one_that_did_not_come_up_costs_nothing_and_ends_nothing(make: Make) -> None:
    """It hosts nothing."""
    failed = make(status="Failed")
    assert failed.cost_per_month.value is None and "did not come up" in str(failed.cost_per_month.source)
    assert failed.expires is None and not ends_soon(make(tier="developer", status="Failed"))


def test_what_all_cost_is_of_those_whose_price_is_known(make: Make) -> None:
    """And says of how many."""
    total = meter([make(), make(hours=10), make("gpt-4.1-mini")])
    assert total.per_hour.value == pytest.approx(3.40) and total.per_month.value == pytest.approx(2448)
    assert total.so_far.value == pytest.approx(187.0)
    assert total.so_far.source == "hosting of 2 of 3 deployments"
    assert meter([make("gpt-4.1-mini")]).per_hour.origin is Origin.NOT_MEASURED


def test_a_recordings_meter_is_recorded(make: Make) -> None:
    """Also when it is read again."""
    one = make(replay="azure")
    assert metered(one, NOW + 60).cost_so_far.origin is Origin.RECORDED
    assert meter([one]).so_far.origin is Origin.RECORDED


@pytest.mark.parametrize(
    ("tier", "hours", "said"),
    [
        ("developer", 20, "in 4 hours"),
        ("developer", 30, "any moment"),
        ("developer", None, "24 hours after it was made"),
        ("global", 24, "on 2026-10-05 if it is never called"),
        ("global", 500, "call it now and then"),
    ],
)
def test_what_azure_will_end_by_itself_is_said(make: Make, tier: str, hours: float | None, said: str) -> None:
    """With the day where it can be known."""
    assert said in str(make(tier=tier, hours=hours).expires)
    assert make("gpt-4.1-mini", "global").expires is None, "a base model stays"


def test_profiles_that_can_have_deployments_are_azures_with_a_resource_or_a_recording(context: Context) -> None:
    """One that names no resource has none to ask for."""
    context.home.mkdir()
    resource = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a"
    (context.home / "config.toml").write_text(
        f'[profiles.one]\nkind = "azure"\nresource_id = "{resource}"\n'
        '[profiles.two]\nkind = "azure"\nreplay = "azure"\n[profiles.three]\nkind = "azure"\n'
    )
    assert azure_profiles(context) == ["one", "two"]
