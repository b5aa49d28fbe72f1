"""A large file of chat records whose mistakes are known: what the benchmarks and the slow tests are run on.

    python tests/benchmarks/make_records.py OUT --records 1000000 --seed 1 [--broken 0.001] [--duplicates 0.01]
                                            [--near 0.01] [--secrets 0]

About 1.08 KB a row, more than 50 MB/s: single and several turns, system prompts, tools with calls, weights, `metadata`
whose `score` changes its type, ten scripts and emoji, some rows in ASCII escapes. One seed always gives the same bytes.

`OUT.truth` says what was planted, one JSON object a line: `{"line", "kind", "codes"}`, lines from 1, with the codes of
the rules that must find it. `duplicate` rows (some written with other spacing and order of keys) and `near` rows also
have `of`, the line of the first copy; `line` is null for what is to be found about the file as a whole.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SENTENCES = 24_000  # different sentences; a row has about ten
_REMEMBERED = 4_096  # earlier rows that duplicates are made of
_BLOCK = 2_000  # rows written at once


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


_SUBJECTS = _words(
    "the parcel,my invoice,the second order,your courier,this account,the warranty,our warehouse,the refund,a customer,"
    "the gateway,the kernel module,a collector,the parser,this regression,the scheduler,a stale cache,the auditor,"
    "the index,the committee,an old lighthouse,her grandmother,the river delta,a violin maker,the night train,"
    "our neighbour,the patient,the second dose,a blood sample,the referral,the tenant,an annual statement,the mortgage"
)
_VERBS = _words(
    "arrived,was delayed,must be replaced,cannot be found,has been confirmed,needs a signature,returned an error,"
    "times out,was migrated,compiles slowly,leaks memory,deserves a closer look,remained silent,travelled north,"
    "was painted blue,improved overnight,should be repeated,was never paid,expires soon,covers the damage,"
    "doubled in value,was rejected,is being repaired,looked unfamiliar,turned out well,surprised everyone"
)
_PLACES = _words(
    "in Lisbon,at the depot,near the old harbour,behind the counter,on the staging server,in production,under load,"
    "after the upgrade,since Monday,before noon,during the audit,at the clinic,in the appendix,on page twelve,"
    "without any warning,for the third time,despite the storm,as the manual says,according to the log,by courier"
)
_ENDINGS = _words(
    "so please check the tracking number,and nobody noticed,which explains the charge,but the deadline holds,"
    "although two colleagues disagree,because the filter is too strict,unless you cancel by Friday,"
    "and the receipt is attached,so we start again tomorrow,while the others waited outside,"
    "therefore the total is lower,and I would like my money back,which is why the test failed,as promised"
)
_LATIN = (
    ("der Zug,die Rechnung,unser Lager,das Gerät,die Übergabe", "wurde geprüft,ist fällig,kommt später,fehlt noch",
     "am Dienstag,ohne Rückfrage,für 39 Euro,in Köln"),
    ("la commande,le colis,notre équipe,l'échéance", "est arrivée,a été remboursé,reste à vérifier,dépasse la limite",
     "à Nîmes,dès lundi,sans délai,malgré la grève"),
    ("el envío,la cuenta,el número,mañana", "ya llegó,está bloqueada,se corrigió,cuesta menos",
     "en Logroño,por teléfono,según la garantía,sin problema"),
    ("paczka,źródło,księgowość,żądanie", "dotarła,zostało zmienione,odpowie jutro,wymaga podpisu",
     "w Łodzi,bez opłat,przed świętami,na pewno"),
)  # fmt: skip
_CYRILLIC = ("посылка,счёт,наш склад,возврат,сервер", "прибыла,не найден,будет проверен,оформлен,отвечает медленно",
             "в Казани,сегодня утром,без доплаты,после обновления")  # fmt: skip
_GREEK = ("η παραγγελία,το δέμα,ο λογαριασμός", "έφτασε,καθυστερεί,έχει πληρωθεί", "στην Πάτρα,από χθες,χωρίς χρέωση")
_ARABIC = ("الطلب,الفاتورة,الحساب", "وصل,تأخر,يحتاج إلى مراجعة", "في القاهرة,منذ أمس,دون رسوم")
_HINDI = ("पार्सल,खाता,बिल", "पहुँच गया,अभी बंद है,जाँचा जाएगा", "दिल्ली में,कल सुबह,बिना शुल्क")
_CHINESE = (
    "订单,您的包裹,发票,服务器,退款",
    "已经到达,还在处理,需要确认,暂时无法使用",
    "在仓库,今天上午,没有额外费用,更新之后",
)
_JAPANESE = ("ご注文,請求書,アカウント,配送", "を確認しました,が遅れています,は完了です", "東京で,明日の朝,無料で")
_KOREAN = ("주문,계정,환불", "이 도착했습니다,을 확인 중입니다,이 지연됩니다", "서울에서,오늘 아침,추가 비용 없이")
_EMOJI = ("🙂", "📦✅", "👩🏽‍💻", "🇵🇹", "❤️", "😅😅", "🚚💨", "⚠️")

_SYSTEMS = tuple(
    f"You are {who}. {how}"
    for who in ("a support agent of a parcel service", "a careful assistant for engineers", "ein freundlicher Helfer",
                "the clerk of a small library")
    for how in ("Answer briefly, name the order, and never promise a date that you have not looked up.",
                "Say so when you do not know. Quote the log line you rely on.",
                "Keep to the language of the question; use no more than three sentences — unless asked.")
)  # fmt: skip

_TOOLS = json.dumps(
    [
        {
            "type": "function",
            "function": {
                "name": "look_up_order",
                "description": "Status, place and date of an order.",
                "parameters": {
                    "type": "object",
                    "properties": {"order": {"type": "integer"}, "language": {"type": "string"}},
                    "required": ["order"],
                },
            },
        }
    ]
)


def sentences(rng: random.Random) -> list[str]:
    """The pool of sentences, as they stand inside a JSON string."""
    foreign: list[tuple[str, ...]] = [
        *_LATIN, *_LATIN, _CYRILLIC, _CYRILLIC, _GREEK, _ARABIC, _HINDI, _CHINESE, _CHINESE, _JAPANESE, _KOREAN,
    ]  # fmt: skip
    split = [tuple(part.split(",") for part in words) for words in foreign]
    pool = []
    for _ in range(_SENTENCES):
        kind = rng.random()
        if kind < 0.8:
            first = rng.choice(_SUBJECTS)
            text = f"{first[0].upper()}{first[1:]} {rng.choice(_VERBS)} {rng.choice(_PLACES)}"
            if kind < 0.5:
                text += f", {rng.choice(_ENDINGS)}"
            if kind < 0.16:
                text += f" ({rng.randrange(2, 9_000)} of {rng.randrange(9_000, 80_000)}, {rng.random() * 100:.2f} %)"
        else:
            subject, verb, place = rng.choice(split)
            text = f"{rng.choice(subject)} {rng.choice(verb)} {rng.choice(place)} {rng.randrange(1, 3_000)}"
        text += rng.choice((".", ".", ".", "!", "?", "…", ":\n- yes\n- no", f" {rng.choice(_EMOJI)}"))
        if rng.random() < 0.03:
            text = f'She wrote "{text}" and left; see `x[{rng.randrange(99)}] = {{}}`.'
        pool.append(json.dumps(text, ensure_ascii=False)[1:-1])
    return pool


@dataclass(frozen=True)
class Row:
    """One row of the file."""

    raw: bytes
    kind: str = ""
    codes: tuple[str, ...] = ()
    of: int | None = None


class Maker:
    """Makes rows, one after another, from one random source."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.pool = sentences(self.rng)
        self.systems = [json.dumps(text, ensure_ascii=False) for text in _SYSTEMS]
        self.number = 0

    def clean(self) -> str:
        """A row without any mistake; no two are equal, for each has a number of its own."""
        self.number += 1
        number, rng = self.number, self.rng
        s = rng.choices(self.pool, k=14)
        first = f"Order {number}: {s[0]}"
        system = ""
        if number % 5 < 2:  # less than half have one, and none of them in most: said once, not at every row
            system = f'{{"role": "system", "content": {self.systems[number // 5 % len(self.systems)]}}}, '
        shape = rng.random()
        if shape < 0.45:
            return (
                f'{{"messages": [{system}{{"role": "user", "content": "{first} {s[1]} {s[2]}"}}, '
                f'{{"role": "assistant", "content": "{" ".join(s[3:13])}"}}]}}'
            )
        if shape < 0.75:
            return self._turns(system, first, s)
        if shape < 0.85:
            return self._calling(system, first, s)
        if shape < 0.93:
            return (
                f'{{"messages": [{system}{{"role": "user", "content": "{first} {s[1]}"}}, '
                f'{{"role": "assistant", "content": "{s[2]} {s[3]} {s[9]} {s[10]}", "weight": 0}}, '
                f'{{"role": "user", "content": "{s[4]} {s[5]}"}}, '
                f'{{"role": "assistant", "content": "{s[6]} {s[7]} {s[8]} {s[11]}", "weight": 1}}]}}'
            )
        score = ("3", '"high"', "0.25", "null", "[1, 2]", "true")[number % 6]
        return (
            f'{{"messages": [{system}{{"role": "user", "content": "{first} {s[1]} {s[2]}", '
            f'"name": "user-{number % 97}"}}, '
            f'{{"role": "assistant", "content": "{" ".join(s[3:11])}"}}], '
            f'"metadata": {{"score": {score}, "source": "export {number}", "tags": ["a", "ü"]}}}}'
        )

    def _turns(self, system: str, first: str, s: Sequence[str]) -> str:
        middle = "".join(
            f', {{"role": "user", "content": "{s[index]}"}}, '
            f'{{"role": "assistant", "content": "{s[index + 1]} {s[index + 2]} {s[index + 4]}"}}'
            for index in ((3,) if self.number % 2 else (3, 6))
        )
        return (
            f'{{"messages": [{system}{{"role": "user", "content": "{first}"}}, '
            f'{{"role": "assistant", "content": "{s[1]} {s[2]} {s[12]} {s[13]}"}}{middle}]}}'
        )

    def _calling(self, system: str, first: str, s: Sequence[str]) -> str:
        number, call = self.number, f"call_{self.number:x}"
        return (
            f'{{"messages": [{system}{{"role": "user", "content": "{first}"}}, '
            f'{{"role": "assistant", "content": null, "tool_calls": [{{"id": "{call}", "type": "function", "function": '
            f'{{"name": "look_up_order", "arguments": "{{\\"order\\": {number}}}"}}}}]}}, '
            f'{{"role": "tool", "tool_call_id": "{call}", '
            f'"content": "{{\\"place\\": \\"depot\\", \\"day\\": {number % 31}}}"}}, '
            f'{{"role": "assistant", "content": "{s[1]} {s[2]}"}}], "tools": {_TOOLS}, "parallel_tool_calls": false}}'
        )

    def broken(self, number: int) -> Row:
        """A row with the mistake number `number` of the list (taken round)."""
        self.number += 1
        kind = list(_MISTAKES)[number % len(_MISTAKES)]
        codes, make = _MISTAKES[kind]
        s = self.rng.choices(self.pool, k=8)
        value: dict[str, Any] = {
            "messages": [
                {"role": "user", "content": f"Order {self.number}: {json.loads(_quoted(s[0]))}"},
                {"role": "assistant", "content": json.loads(_quoted(" ".join(s[1:4])))},
                {"role": "user", "content": json.loads(_quoted(s[4]))},
                {"role": "assistant", "content": json.loads(_quoted(" ".join(s[5:8])))},
            ]
        }
        return Row(make(value, self.rng), kind, codes)


def _quoted(inside: str) -> str:
    return f'"{inside}"'


def _dumped(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _message(index: int, **changes: object) -> Callable[[dict[str, Any], random.Random], bytes]:
    """A row in which one message has other values; a value of `...` takes the key away."""

    def make(value: dict[str, Any], rng: random.Random) -> bytes:
        merged = value["messages"][index] | changes
        value["messages"][index] = {key: item for key, item in merged.items() if item is not ...}
        return _dumped(value)

    return make


def _replaced(old: bytes, new: bytes) -> Callable[[dict[str, Any], random.Random], bytes]:
    """A row whose bytes have `new` in place of the first `old`."""
    return lambda value, rng: _dumped(value).replace(old, new, 1)


def _cut(value: dict[str, Any], rng: random.Random) -> bytes:
    text = json.dumps(value, ensure_ascii=False)
    return text[: rng.randrange(10, len(text) - 2)].rstrip("\n").encode()


def _calls(arguments: str, answered: str) -> Callable[[dict[str, Any], random.Random], bytes]:
    """A row that calls a tool with these arguments, and whose result names the call `answered`."""

    def make(value: dict[str, Any], rng: random.Random) -> bytes:
        function = {"name": "look_up_order", "arguments": arguments}
        call = {"id": "call_1", "type": "function", "function": function}
        result = {"role": "tool", "tool_call_id": answered, "content": "{}"}
        value["messages"][1:3] = [{"role": "assistant", "content": None, "tool_calls": [call]}, result]
        return _dumped(value)

    return make


_MISTAKES: dict[str, tuple[tuple[str, ...], Callable[[dict[str, Any], random.Random], bytes]]] = {
    "cut_off": (("J001",), _cut),
    "blank_line": (("J002",), lambda value, rng: b""),
    "wrong_role": (("M003",), _message(2, role="customer")),
    "no_content": (("M001",), _message(2, content=...)),
    "null_content": (("M004",), _message(3, content=None)),
    "no_assistant": (("R003",), lambda value, rng: _dumped({"messages": value["messages"][:1]})),
    "unknown_key": (("M002",), _message(2, timestamp="2026-11-02T10:00:00")),
    "not_utf8": (("J001",), _replaced(b'"content": "', b'"content": "caf\xe9 ')),
    "nan": (("J006",), lambda value, rng: _dumped(value | {"metadata": {"score": float("nan")}})),
    "tool_id": (("T004",), _calls("{}", "call_2")),
    "tool_arguments": (("T003",), _calls("{'order': 1}", "call_1")),
    "weight": (("W001",), _message(3, weight=2)),
    "empty_messages": (("R002",), lambda value, rng: _dumped({"messages": [], "metadata": rng.random()})),
    "list": (("R001",), lambda value, rng: _dumped([value])),
    "two_keys": (("J008",), _replaced(b'"role": "user", ', b'"role": "user", "content": "first", ')),
    "half_emoji": (("J007",), _replaced(b'"content": "', b'"content": "\\ud83d ')),
    "white_answer": (("A001",), _message(3, content=" \n ")),
    "two_records": (("J001",), lambda value, rng: _dumped(value) * 2),
}
"""Every kind of mistake: the codes that must be found, and what makes it."""

_SECRETS = (
    "AKIA{}EXAMPLEKEY",
    "mail j.{}@example.org",
    "ghp_{}aaaaBBBBccccDDDDeeeeFFFFgggg",
)


def rows(count: int, seed: int, broken: float, duplicates: float, near: float, secrets: float) -> Iterator[Row]:
    """`count` lines, in order; blank lines among them count."""
    maker = Maker(seed)
    rng = random.Random(seed + 1)
    known: list[tuple[int, str]] = []
    mistakes = 0
    bounds = (broken, broken + duplicates, broken + duplicates + near, broken + duplicates + near + secrets)
    for line in range(1, count + 1):
        draw = rng.random()
        if draw >= bounds[3] or line < 3:
            text = maker.clean()
            if draw > 0.97:
                text = json.dumps(json.loads(text))
            if len(known) < _REMEMBERED:
                known.append((line, text))
            elif draw > 0.5:
                known[int(draw * 1e9) % _REMEMBERED] = (line, text)
            yield Row(text.encode())
        elif draw < bounds[0]:
            yield maker.broken(mistakes)
            mistakes += 1
        elif draw < bounds[1]:
            of, text = known[rng.randrange(len(known))]
            yield Row(_copied(text, rng), "duplicate", ("D001",), of)
        elif draw < bounds[2]:
            of, text = known[rng.randrange(len(known))]
            before, content, after = text.rpartition('"content": "')
            yield Row(f"{before}{content}Well, {line}. {after}".encode(), "near", (), of)
        else:
            secret = _SECRETS[line % len(_SECRETS)].format(f"{rng.randrange(10**7, 10**8):08d}")
            before, content, after = maker.clean().rpartition('"content": "')
            yield Row(f"{before}{content}Use {secret} here. {after}".encode(), "secret")


def _copied(text: str, rng: random.Random) -> bytes:
    """The same value: mostly the same bytes, else with other spacing or another order of keys."""
    style = rng.random()
    if style < 0.7:
        return text.encode()
    value = json.loads(text)
    if style < 0.85:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return json.dumps(value, sort_keys=True).encode()


def write(out: Path, count: int, seed: int, **shares: float) -> None:
    """Write `out` and its truth."""
    block: list[bytes] = []
    truth: list[dict[str, object]] = []
    with out.open("wb") as file:
        for line, row in enumerate(rows(count, seed, **shares), 1):
            block.append(row.raw)
            if row.kind:
                planted: dict[str, object] = {"line": line, "kind": row.kind, "codes": row.codes}
                truth.append(planted if row.of is None else planted | {"of": row.of})
            if len(block) == _BLOCK:
                block.append(b"")
                file.write(b"\n".join(block))
                block = []
        if block:
            file.write(b"\n".join([*block, b""]))
    truth.append({"line": None, "kind": "system_prompts", "codes": ["S001"]})
    with out.with_name(out.name + ".truth").open("w") as file:
        file.writelines(json.dumps(planted) + "\n" for planted in truth)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--records", type=int, default=1_000_000, help="lines to write")
    parser.add_argument("--seed", type=int, default=1)
    for name, share in (("broken", 0.001), ("duplicates", 0.01), ("near", 0.01), ("secrets", 0.0)):
        parser.add_argument(f"--{name}", type=float, default=share, help="share of the lines")
    given = parser.parse_args(arguments)
    shares = {name: getattr(given, name) for name in ("broken", "duplicates", "near", "secrets")}
    write(given.out, given.records, given.seed, **shares)
    return 0


if __name__ == "__main__":
    sys.exit(main())
