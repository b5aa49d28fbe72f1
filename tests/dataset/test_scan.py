"""Secrets and personal data: every planted one is found where it stands, no look-alike is, and none is shown whole."""

from __future__ import annotations

import base64
import itertools
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.dataset.rows import open_rows
from workbench.dataset.scan import hits, kinds, patterns, prefilter, record_hits, replace_hits, row_hits, scan
from workbench.dataset.scan.checks import luhn, mod_97

CHANCE = random.Random(11)
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def some(count: int, alphabet: str = LETTERS + "0123456789") -> str:
    """A made-up tail of a key; never a real one. Its first character is a letter, its last a digit."""
    middle = "".join(CHANCE.choice(alphabet) for _ in range(count - 2))
    return alphabet[0] + middle + "7"


HEX = "abcdef0123456789"
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


SECRETS: list[tuple[str, str]] = [
    ("openai-key", "sk-" + some(48)),
    ("openai-key", "sk-proj-" + some(120, LETTERS + "0123456789_-")),
    ("openai-key", "sk-svcacct-" + some(60)),
    ("anthropic-key", "sk-ant-api03-" + some(93, LETTERS + "0123456789_-")),
    ("openrouter-key", "sk-or-v1-" + some(64, HEX)),
    ("aws-access-key", "AKIA" + some(16, UPPER)),
    ("aws-access-key", "ASIA" + some(16, UPPER)),
    ("aws-access-key", "AKIAIOSFODNNABCDEFGH"),
    ("aws-access-key", "AKIA68647417EXAMPLEKEY"),
    ("github-token", "ghp_" + some(36)),
    ("github-token", "gho_" + some(36)),
    ("github-token", "github_pat_" + some(22) + "_" + some(59)),
    ("gitlab-token", "glpat-" + some(20, LETTERS + "_-")),
    ("slack-token", "xoxb-" + some(12, "0123456789") + "-" + some(12, "0123456789") + "-" + some(24)),
    ("slack-token", "xoxp-" + some(30, "0123456789-")),
    ("slack-token", "hooks.slack.com/services/T" + some(8, UPPER) + "/B" + some(8, UPPER) + "/" + some(24)),
    ("google-key", "AIza" + some(35, LETTERS + "0123456789_-")),
    ("google-key", "GOCSPX-" + some(28)),
    ("stripe-key", "sk_live_" + some(24)),
    ("stripe-key", "rk_test_" + some(24)),
    ("huggingface-token", "hf_" + some(34, LETTERS)),
    ("azure-key", some(52) + "JQQJ99BAACYeBjFXJ3w3AAABACOG" + some(4)),
    ("jwt", f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'sub': '1234567890', 'name': 'x'})}.{some(43)}"),
    ("twilio-key", "SK" + some(32, HEX)),
    ("twilio-key", "AC" + some(32, HEX)),
    ("sendgrid-key", "SG." + some(22) + "." + some(43)),
    ("npm-token", "npm_" + some(36)),
    ("pypi-token", "pypi-AgEIcHlwaS5vcmc" + some(120, LETTERS + "0123456789_-")),
    ("docker-token", "dckr_pat_" + some(27)),
    ("digitalocean-token", "dop_v1_" + some(64, HEX)),
    ("databricks-token", "dapi" + some(32, HEX)),
    ("groq-key", "gsk_" + some(52)),
    ("xai-key", "xai-" + some(80)),
    ("perplexity-key", "pplx-" + some(48)),
    ("replicate-token", "r8_" + some(37)),
    ("mailgun-key", "key-" + some(32, HEX)),
    ("shopify-token", "shpat_" + some(32, HEX)),
    ("telegram-token", "110201543:AA" + some(33)),
    ("discord-webhook", "discord.com/api/webhooks/" + "123456789012345678/" + some(68)),
    ("atlassian-token", "ATATT3" + some(100)),
    ("vault-token", "hvs." + some(90)),
    ("age-key", "AGE-SECRET-KEY-1" + some(58, UPPER)),
    ("connection-string", "postgres://bob:hunter22@db.internal"),
    ("connection-string", "mongodb+srv://app:s3cr%2Ft@cluster0.mongodb.net"),
    ("connection-string", "redis://:longpassword@cache.internal"),
    ("connection-string", "https://deploy:token123@git.company.io"),
    ("connection-string", "Server=tcp:db.windows.net,1433;Database=x;User Id=app;Password=Pa55word!"),
]

NAMED: list[tuple[str, str, str]] = [
    ("aws-secret-key", "aws_secret_access_key = ", some(40, LETTERS + "0123456789/+")),
    ("aws-secret-key", '"SecretAccessKey": "', some(40, LETTERS + "0123456789/+")),
    ("azure-key", "AccountName=x;AccountKey=", some(86, LETTERS + "0123456789+/") + "=="),
    ("azure-key", "Ocp-Apim-Subscription-Key: ", some(32, HEX)),
    ("azure-key", "AZURE_OPENAI_API_KEY=", some(32, HEX)),
    ("bearer-token", "Authorization: Bearer ", some(40)),
    ("basic-auth", "Authorization: Basic ", some(24)),
    ("named-secret", "DB_PASSWORD=", "hX7#kd92_qLp"),
    ("named-secret", 'api_key = "', "9f8b2c4e-77aa-4d10-9c3e-5b1f0a6d2e88"),
    ("named-secret", "auth_token: ", some(32)),
    ("de-tax-id", "Steuer-ID: ", "86095742719"),
    ("de-tax-id", "IdNr. ", "47 036 892 816"),
]
"""Kind, the name that gives it away, and what alone is secret."""

PERSONAL: list[tuple[str, str]] = [
    ("email", "jane.doe+shop@mail.example.co.uk"),
    ("email", "J_D-1@example.org"),
    ("phone", "+49 (0)30 1234-5678"),
    ("phone", "+44 20 7946 0958"),
    ("phone", "+4915112345678"),
    ("phone", "+1 (415) 555-2671"),
    ("phone", "(415) 555-2671"),
    ("phone", "415-555-2671"),
    ("phone", "415.555.2671"),
    ("phone", "555-123-4567"),
    ("phone", "+1-555-123-4567"),
    ("phone", "0049 30 12345678"),
    ("phone", "+33 6 12 34 56 78"),
    ("iban", "DE89370400440532013000"),
    ("iban", "GB82 WEST 1234 5698 7654 32"),
    ("iban", "FR14 2004 1010 0505 0001 3M02 606"),
    ("iban", "NO9386011117947"),
    ("credit-card", "4111111111111111"),
    ("credit-card", "5555 5555 5555 4444"),
    ("credit-card", "3782-822463-10005"),
    ("us-ssn", "123-45-6789"),
    ("ipv4", "8.8.4.4"),
    ("ipv4", "91.198.174.192"),
    ("ipv6", "2a00:1450:4001:82b::200e"),
    ("fr-nir", "1 85 05 78 006 084 91"),
    ("uk-nino", "AB 12 34 56 C"),
]

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow" + some(60) + "\n" + some(60) + "\n-----END RSA PRIVATE KEY-----"
PLANTS = [*SECRETS, *PERSONAL, ("private-key", KEY), ("private-key", KEY.replace("RSA", "OPENSSH"))]

INNOCENT = [
    "task-oriented-dialogue-systems-are-hard and a risk-based-approach-to-everything",
    "sk-learn-pipelines-and-estimators-for-everyone",
    "pip install scikit-learn; sk-estimator; ask-me-anything-about-this",
    "pypi-server and npm_config_registry and hf_hub_download and key-value stores",
    "the bearer of bad news, bearer of long-standing-responsibilities",
    "order 4111-1111-1111-1112, tracking 1Z999AA10123456784, account 4111111111111112",
    "0.4111111111111111 is a float, 1234567890123456 a counter, 20240131123045 a timestamp",
    "card 0000 0000 0000 0000 and 4444444444444444444444444444",
    "000-12-3456 666-12-3456 900-12-3456 123-00-4567 123-45-0000 2024-01-02 1-123-45-6789 123-45-67890",
    "192.168.1.1 10.0.0.1 127.0.0.1 172.16.0.9 169.254.1.1 255.255.255.0 0.0.0.0 224.0.0.1 999.1.1.1 1.2.3.4.5",
    "password: correct-horse-battery, api_key=YOUR_API_KEY, secret = os.environ['SECRET_KEY_1'], token: 1234567890123",
    "password=get_password_v2(), api_key: https://example.org/keys/1a, secret_key_path=/etc/keys/key1.pem",
    "section 4.2.1.3 and 1.2.3.4",
    "version 4.12.0.3, v2.1.3.4, numpy==1.26.4.1",
    "::1 fe80::1 std::vector 12:30:45 00:1B:44:11:3A:B7 2024:12:01",
    "icon@2x.png, user@localhost, @app.route('/x'), a@b.transpose(), react@18.2.0, x @ y",
    "git@github.com:org/repo.git and foo@.com, @example.com",
    "DE89370400440532013001 GB82WEST12345698765433 XX89370400440532013000 AB12 CDEF 3456",
    "550e8400-e29b-41d4-a716-446655440000 d41d8cd98f00b204e9800998ecf8427e",
    "2 + 12345678, x^2 +1234, +12, 1+1234567890, C++11, +0 555 123 4567",
    "rooms 212 555 4000, 1-2-3, 555-1234, 12.345.678, ISBN 978-3-16-148410-0",
    "postgres://user@host/db, https://example.org:8080/path, postgres://user:${PASSWORD}@host, "
    "mysql://root:<password>@host, redis://user:xxxxx@host, amqp://{user}:{password}@host",
    "Server=localhost;Database=x;Trusted_Connection=True;",
    "eyJ is how tokens begin; eyJhbGciOiJIUzI1NiJ9 alone is no token",
    "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY----- -----BEGIN CERTIFICATE-----",
    "AKIA is a prefix, AKIASHORT, ASIAN-AMERICAN, GB123456A, ZZ123456A, QQ 12 34 56 C",
    "ASIAPACIFICREGIONALHEADQUARTERS ASIAPACIFICREGIONAL",
    "12345678901 Steuer-ID: 12345678901",
    "185057800608492",
]


AROUND = ("{}", "it is {}.", "({})", '"{}",', "é→{} ✓", "x\n{}\n", "key={}", "`{}`", "是{}。")


@pytest.mark.parametrize("around", AROUND)
def test_what_is_planted_is_found_whole_and_alone(around: str) -> None:
    """Whatever stands around it; the span is the secret's own."""
    before, after = around.split("{}")
    for kind, secret in PLANTS:
        text = before + secret + after
        found = [(hit.kind, text[hit.start : hit.end], hit.group) for hit in hits(text)]
        assert found == [(kind, secret, kinds()[kind])]
        assert prefilter(json.dumps({"content": text}).encode())


@pytest.mark.parametrize(("kind", "name", "secret"), NAMED, ids=[kind for kind, _, _ in NAMED])
def test_a_named_secret_is_found_without_its_name(kind: str, name: str, secret: str) -> None:
    """So that a placeholder replaces the value alone."""
    text = f"set\n{name}{secret}\nand go"
    assert [(hit.kind, text[hit.start : hit.end]) for hit in hits(text)] == [(kind, secret)]
    assert prefilter(json.dumps(text).encode())


@pytest.mark.parametrize("name", ["OPENAI_API_KEY=", 'api_key: "', "password = "])
def test_a_special_kind_is_told_under_any_name(name: str) -> None:
    """`api_key=sk-…` is OpenAI's key, not just something secret."""
    for kind, secret in SECRETS:
        text = f"set {name}{secret}\nand go"
        found = [(hit.kind, text[hit.start : hit.end]) for hit in hits(text)]
        assert found == [(kind, secret)] or kind == "connection-string"


@pytest.mark.parametrize("text", INNOCENT)
def test_look_alikes_are_left_alone(text: str) -> None:
    """A scanner that cries wolf is switched off."""
    assert [(hit.kind, hit.masked) for hit in hits(text)] == []


def test_every_kind_is_tried() -> None:
    """A pattern without a plant may find nothing."""
    assert {kind for kind, _ in PLANTS} | {kind for kind, _, _ in NAMED} == set(kinds())


@pytest.mark.parametrize(("kind", "secret"), PLANTS, ids=[kind for kind, _ in PLANTS])
def test_a_masked_hit_does_not_give_it_away(kind: str, secret: str) -> None:
    """At most half of it is shown; of a connection string no character of the password."""
    [hit] = hits(secret)
    assert "…" in hit.masked and secret not in hit.masked
    if kind == "connection-string":
        assert not any(word in hit.masked for word in ("hunter22", "s3cr", "longpassword", "token123", "Pa55"))
    elif kind == "email":
        assert secret.partition("@")[0] not in hit.masked
    elif kind != "private-key":
        shown = sum(map(len, hit.masked.split("…")))
        assert shown <= len(secret) * (0.6 if kind in ("ipv4", "age-key", "iban") else 0.5)


def escaped(text: str, style: str) -> str:
    """`text` as a JSON string in the way of some writer."""
    if style == "ascii":
        return json.dumps(text)
    if style == "utf-8":
        return json.dumps(text, ensure_ascii=False)
    if style == "slashes":  # PHP
        return json.dumps(text).replace("/", "\\/")
    if style == "html":  # .NET and Gson: characters that mean something to HTML
        return re.sub(r"[+<>&'`=@]", lambda match: f"\\u{ord(match.group()):04X}", json.dumps(text))
    return '"' + "".join(f"\\u{ord(char):04x}" if ord(char) < 65536 else char for char in text) + '"'


@given(
    st.sampled_from(PLANTS),
    st.sampled_from(["ascii", "utf-8", "slashes", "html", "all"]),
    st.text(alphabet='abc é\n\t"\\/“中😀', max_size=6),
    st.text(alphabet='bc é\n\t"“中😀', max_size=6),
)
def test_no_way_of_writing_json_hides_a_hit(plant: tuple[str, str], style: str, before: str, after: str) -> None:
    """The fast pass over bytes must never say no where the close look finds something."""
    text = f"{before} {plant[1]} {after}"
    raw = b'{"messages": [{"role": "user", "content": ' + escaped(text, style).encode("utf-8", "surrogatepass") + b"}]}"
    assert prefilter(raw)
    [hit] = row_hits(raw)
    assert (hit.kind, hit.message_index, hit.path) == (plant[0], 0, ("messages", 0, "content"))
    assert text[hit.start : hit.end] == plant[1]


@given(st.lists(st.one_of(st.text(), st.sampled_from([secret for _, secret in PLANTS])), max_size=5), st.booleans())
def test_the_fast_pass_agrees_with_the_close_look(texts: list[str], ascii_only: bool) -> None:
    """For any record."""
    raw = json.dumps({"x": texts}, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    if any(True for _ in record_hits(json.loads(raw.decode("utf-8", "surrogatepass")))):
        assert prefilter(raw)


@given(st.lists(st.sampled_from([f" {secret} " for _, secret in PLANTS] + ["é 中", "plain text"]), max_size=6))
def test_spans_are_in_order_apart_and_replaceable(pieces: list[str]) -> None:
    """What placeholders stand on."""
    text = "|".join(pieces)
    found = hits(text)
    assert all(left.end <= right.start for left, right in itertools.pairwise(found))
    clean = replace_hits(text, found, lambda hit: f"[{hit.kind}]")
    assert hits(clean) == []
    assert len(found) == sum(piece not in ("é 中", "plain text") for piece in pieces)


def test_what_stands_in_a_tool_calls_arguments_is_found_behind_its_escape() -> None:
    """Arguments are JSON inside a text: the n of `\\n` is no part of an address, and a placeholder must not eat it."""
    arguments = json.dumps({"to": "x\nbob@example.org\nsk-" + "a1" * 20, "path": "C:\temp"})
    call = {"id": "c", "type": "function", "function": {"name": "mail", "arguments": arguments}}
    record = {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [call]}]}
    found = list(record_hits(record))
    assert [(hit.kind, hit.message_index) for hit in found] == [("email", 1), ("openai-key", 1)]
    assert found[0].path == ("messages", 1, "tool_calls", 0, "function", "arguments")
    assert arguments[found[0].start : found[0].end] == "bob@example.org"
    assert json.loads(replace_hits(arguments, hits(arguments), lambda hit: "[X]"))["to"] == "x\n[X]\n[X]"
    assert prefilter(json.dumps(record).encode())


def test_a_file_is_scanned_with_lines_and_messages(tmp_path: Path) -> None:
    """Broken rows too: a secret is one there as well."""
    path = tmp_path / "data.jsonl"
    good = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}
    leaky = {
        "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "write to bob@example.org"}]
    }
    lines = [json.dumps(good), "", json.dumps(leaky), '{"messages": [{"content": "bob@example.org']
    path.write_text("\n".join([*lines, json.dumps({"prompt": "call 415-555-2671", "completion": "ok"})]))
    told: list[tuple[int, int]] = []
    with open_rows(path) as rows:
        found = list(scan(rows, lambda done, total: told.append((done, total))))
    assert [(hit.kind, hit.line, hit.message_index) for hit in found] == [
        ("email", 3, 1), ("email", 4, None), ("phone", 5, None),
    ]  # fmt: skip
    assert told[-1] == (4, 4)


def test_without_re2_the_same_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The patterns mean the same to the standard library, where no wheel of RE2 fits."""
    import sys

    monkeypatch.setitem(sys.modules, "re2", None)
    patterns.finder.cache_clear()
    patterns.detector.cache_clear()
    try:
        assert isinstance(patterns.finder(), re.Pattern)
        for kind, secret in PLANTS:
            assert [hit.kind for hit in hits(f"it is {secret}!")] == [kind]
            assert prefilter(secret.encode())
        assert [hits(text) for text in INNOCENT] == [[]] * len(INNOCENT)
    finally:
        patterns.finder.cache_clear()
        patterns.detector.cache_clear()


@given(st.integers(0, 10**15))
def test_check_digits(number: int) -> None:
    """Of ten last digits one is right; one wrong digit in an IBAN is always seen."""
    assert sum(luhn(f"{number}{last}") for last in range(10)) == 1
    body = f"{number:018d}"
    right = 98 - mod_97(body + "DE00")
    assert mod_97(f"{body}DE{right:02d}") == 1
    assert mod_97(f"{body}DE{(right + 1) % 100:02d}") != 1
