"""Prices of a workspace: the person's own, a newer list over HTTP, the table."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.catalog.test_azure_meters import row
from workbench.catalog.figure import Origin
from workbench.catalog.prices import OwnPrice, PriceBook, PriceEntry, price
from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.providers.retail_prices import fetch_rows
from workbench.workflow.config import Config, settable_keys, with_value
from workbench.workflow.context import Context, open_context
from workbench.workflow.prices import price_book, refresh_prices

DAY = date(2026, 11, 20)
DEARER = row("gpt-4.1-mini-ft input global Tokens", 0.0005)


class FakePriceList(BaseHTTPRequestHandler):
    """Answers as the retail price list does: pages with `Items` and `NextPageLink`."""

    pages: ClassVar[list[Any]] = []
    status = 200
    asked: ClassVar[list[dict[str, list[str]]]] = []

    def do_GET(self) -> None:
        """One page."""
        query = parse_qs(urlsplit(self.path).query)
        type(self).asked.append(query)
        number = int(query.get("page", ["0"])[0])
        page = self.pages[number]
        if isinstance(page, list):
            here = f"http://127.0.0.1:{self.server.server_address[1]}/prices"  # type: ignore[attr-defined]
            following = f"{here}?page={number + 1}" if number + 1 < len(self.pages) else None
            page = {"BillingCurrency": "USD", "Items": page, "NextPageLink": following, "Count": len(page)}
        body = page if isinstance(page, bytes) else json.dumps(page).encode()
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        """Nothing on stderr."""


@pytest.fixture
def price_list() -> Iterator[tuple[type[FakePriceList], str]]:
    """A price list on this machine; its handler class holds what it answers."""
    handler = type("Handler", (FakePriceList,), {"asked": [], "pages": [], "status": 200})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield handler, f"http://127.0.0.1:{server.server_address[1]}/prices"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """An empty workspace with a cache of its own."""
    return open_context(tmp_path / "home", {"FTWB_CACHE": str(tmp_path / "cache"), "HOME": str(tmp_path)})


def test_a_newer_list_is_kept_with_its_day_and_used_as_quoted(price_list: Any, context: Context) -> None:
    """Two pages; what differs from the table is told, what is the same is not."""
    handler, address = price_list
    handler.pages = [[DEARER], [row("gpt-4.1-mini-ft output global Tokens", 0.0016)]]
    told = refresh_prices(context, address, DAY)
    assert "contains(productName, 'Azure OpenAI')" in handler.asked[0]["$filter"][0]
    assert [(one.model, one.what, one.before, one.after) for one in told.changes] == [
        ("gpt-4.1-mini", "input", 0.4, 0.5)
    ]
    figure = price_book(context).price("gpt-4.1-mini.ft-0a", "input")
    assert (figure.value, figure.origin, figure.as_of) == (0.5, Origin.QUOTED, "2026-11-20")
    assert "Azure Retail Prices API" in (figure.source or "")
    hosting = price_book(context).price("gpt-4.1-mini.ft-0a", "hosting_hour")
    assert (hosting.value, hosting.as_of) == (1.7, "2026-08-11"), "what the list does not say stays the table's"
    assert refresh_prices(context, address, DAY).changes == ()


def test_the_newer_of_two_prices_wins_whichever_it_is() -> None:
    older = PriceEntry(
        provider="azure", models=("gpt-4.1",), tier="global", input=9.0, source="x", as_of=date(2020, 1, 1)
    )
    assert PriceBook(fetched=(older,)).price("gpt-4.1", "input", provider="azure").value == 2.0
    newer = older.model_copy(update={"as_of": date(2030, 1, 1)})
    assert PriceBook(fetched=(newer,)).price("gpt-4.1", "input", provider="azure").value == 9.0


@pytest.mark.parametrize(
    ("pages", "status", "why"),
    [
        ([[DEARER]], 503, "HTTP 503"),
        ([b"<html>proxy</html>"], 200, "no price list"),
        ([{"Items": "none"}], 200, "no price list"),
        ([[row("something else", 1)]], 200, "nothing about a model"),
        ([{"Items": [], "NextPageLink": "http://elsewhere.example/x"}], 200, "another host"),
    ],
)
def test_a_list_that_cannot_be_had_leaves_what_is_known(
    price_list: Any, context: Context, pages: list[Any], status: int, why: str
) -> None:
    handler, address = price_list
    handler.pages = [[DEARER]]
    refresh_prices(context, address, DAY)
    handler.pages, handler.status = pages, status
    with pytest.raises(WorkbenchError, match=why):
        refresh_prices(context, address, DAY)
    assert price_book(context).price("gpt-4.1-mini.ft-0a", "input").value == 0.5


def test_nobody_there_is_one_sentence(price_list: Any) -> None:
    _, address = price_list
    port = int(address.split(":")[2].split("/")[0])
    with pytest.raises(WorkbenchError, match="cannot be reached") as caught:
        fetch_rows(f"http://127.0.0.2:{port}/prices", timeout_s=2)
    assert "stay in use" in caught.value.hint


def test_a_torn_cache_is_as_none(context: Context) -> None:
    path = context.cache / "prices" / "azure.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"fetched_on": "2026-')
    assert price_book(context).fetched == ()


def test_a_persons_own_price_comes_first_and_is_shown_as_theirs() -> None:
    own = {
        "openai/gpt-4.1-mini": OwnPrice(input=0.1, as_of=DAY),
        "openai/ft:gpt-4.1-mini": OwnPrice(input=0.2),
        "azure/support": OwnPrice(like="gpt-4.1-mini.ft-0a", output=1.0),
        "lab/llama": OwnPrice(input=0.0, output=0.0),
    }
    book = PriceBook(own=own)
    mine = book.price("gpt-4.1-mini", "input", profile="openai", provider="openai")
    assert (mine.value, mine.origin, mine.as_of) == (0.1, Origin.QUOTED, "2026-11-20")
    assert mine.source == "your own price (config.toml, prices.openai/gpt-4.1-mini)"
    assert book.price("ft:gpt-4.1-mini:o::x", "input", profile="openai").value == 0.2
    assert book.price("gpt-4.1-mini", "output", profile="openai").value == price("gpt-4.1-mini", "output").value
    assert book.price("support", "output", provider="azure", profile="azure").value == 1.0
    assert book.price("support", "input", provider="azure", profile="azure").value == 0.4, "as what it deploys"
    assert book.price("support", "hosting_hour", provider="azure", profile="azure").value == 1.7
    assert book.price("llama", "input", provider="compatible", profile="lab").value == 0.0
    assert book.price("llama", "input", provider="compatible").value is None, "another profile's price is not ours"


def test_own_prices_are_set_by_model_whatever_dots_it_has() -> None:
    config = with_value(Config(), "prices.azure/gpt-4.1-mini.input", 0.5)
    config = with_value(config, "prices.lab/org/model.v2.output", 2)
    assert config.prices["azure/gpt-4.1-mini"].input == 0.5
    assert config.prices["lab/org/model.v2"].output == 2
    assert settable_keys(config)["prices.azure/gpt-4.1-mini.input"] == 0.5
    for key in ("prices.gpt-4.1.input", "prices.azure/x.colour", "prices.input", "prices./.input"):
        with pytest.raises(WorkbenchError, match="is not a setting"):
            with_value(Config(), key, 1)
    for value in (-1, "cheap", float("inf")):
        with pytest.raises(WorkbenchError, match="does not take"):
            with_value(Config(), "prices.azure/x.input", value)


def test_the_command_lists_prices_with_their_origin_and_fetches(
    price_list: Any, context: Context, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    handler, address = price_list
    handler.pages = [[DEARER]]
    monkeypatch.setenv("FTWB_CACHE", str(context.cache))
    monkeypatch.setenv("FTWB_HOME", str(context.home))
    assert main(["config", "set", "prices.azure/gpt-4.1-mini.output", "1.5"]) == 0
    capsys.readouterr()
    assert main(["model", "prices", "--refresh", "--from", address, "--model", "gpt-4.1-mini", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [change["after"] for change in said["changes"]] == [0.5]
    shown = {(one["provider"], one["kind"], one["tier"], one["what"]): one["figure"] for one in said["prices"]}
    assert shown["azure", "own", "", "output"]["value"] == 1.5
    assert shown["azure", "tuned", "global", "input"]["value"] == 0.5
    assert {"value", "unit", "origin", "source", "as_of"} == shown["openai", "base", "", "input"].keys()
    assert all("gpt-4.1-mini" in one["model"] for one in said["prices"])
    assert main(["model", "prices", "--profile", "azure"]) == 0
    assert "openai" not in capsys.readouterr().out.split("\n", 1)[1].replace("Azure OpenAI", "")
    assert main(["model", "prices", "--from", address]) == 2
    handler.status = 500
    assert main(["model", "prices", "--refresh", "--from", address]) == 1
    assert capsys.readouterr().err.count("\n") == 2
