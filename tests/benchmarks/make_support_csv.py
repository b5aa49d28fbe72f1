"""Writes a messy export of a support system: one row a message, as people really get it.

    python tests/benchmarks/make_support_csv.py OUT.csv [--chats 40000] [--seed 1] [--encoding cp1252] [--import]

Semicolons, cp1252, rows shuffled over the whole file. In the texts: HTML, signatures, quoted replies, personal data (of
nobody: reserved domains, numbers and card numbers of documentation), exact and near duplicates of conversations; empty
authors and texts, internal notes, conversations without an answer. The same seed gives the same file. What was planted
is printed, so that an exercise can be held against it (what copies of conversations repeat is not counted again).
`--import` also imports it with the guessed template, and prints how long that took and where the rows went.
"""

from __future__ import annotations

import argparse
import csv
import random
import re
import resource
import sys
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

HEADER = ("ticket_id", "created_at", "author_type", "author_name", "subject", "body")

CUSTOMERS = ("Anna Müller", "Jörg Weiß", "Chloé Dubois", "Sam Carter", "Zoë Andrés", "Priya Nair", "Tom O’Brien")
AGENTS = ("Mia", "Ben", "Noor", "Luis")
PRODUCTS = ("kettle", "espresso machine", "standing desk", "desk lamp", "e-bike", "headphones", "café table", "router")
TROUBLES = (
    "has not arrived although it was sent {days} days ago",
    "stopped working after {days} days",
    "came in the wrong colour",
    "was charged twice – {euros} € each time",
    "makes a strange noise when I switch it on",
    "is missing a part, the box was “sealed” though",
)
ASKS = (
    "Could you send me the order number, please?",
    "Which postcode was it sent to?",
    "Can you tell me when you bought it?",
)
GIVES = ("It is {order}.", "Order {order}, bought on {day}.", "{order}, as I said – sent to {street}.")
SOLUTIONS = (
    "Thank you. I have sent a new {product} today, it arrives within {days} working days.",
    "I am sorry. We refund {euros} € to the account you paid from, which takes {days} days.",
    "Please hold the button for {days} seconds; this restarts the {product}. If it does not help, we exchange it.",
    "The part is on its way under the number {order}; you need no tool to fit it.",
)
THANKS = (
    "Thanks a lot!",
    "Great, thank you very much – that was quick.",
    "ok merci",
    "Perfect 👍".replace("👍", ":-)"),
)
SIGNATURES = (
    "\n\n--\n{name}\nTel. {phone}\n{mail}",
    "\n\nBest regards,\n{name}\nCustomer Care | Example GmbH | {phone}",
    "\n\nSent from my phone",
)
HTML = (
    "<p>{text}</p>",
    '<div dir="ltr">{text}<br><br></div>',
    "<html><body><span style='color:#333'>{text}</span>&nbsp;&amp; regards</body></html>",
)
STREETS = ("12 High Street", "Gartenstraße 7", "4 rue de l’Église")


class Chats:
    """Conversations out of one source of chance, and what was planted in them."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.planted: Counter[str] = Counter()

    def fill(self, text: str, product: str) -> str:
        """A sentence with its numbers, names and places."""
        chance = self.chance
        return text.format(
            product=product,
            days=chance.randint(2, 14),
            euros=f"{chance.randint(5, 400)},{chance.randint(0, 99):02d}",
            order=f"DE-{chance.randint(100000, 999999)}",
            day=f"{chance.randint(1, 28)} March",
            street=chance.choice(STREETS),
        )

    def planted_with(self, what: str, share: float) -> bool:
        """Whether to plant something here, counted."""
        if self.chance.random() >= share:
            return False
        self.planted[what] += 1
        return True

    def turns(self) -> list[tuple[str, str, str]]:
        """(author type, author, text) of one conversation."""
        chance = self.chance
        product, customer, agent = chance.choice(PRODUCTS), chance.choice(CUSTOMERS), chance.choice(AGENTS)
        made = [("customer", customer, f"Hello, my {product} {self.fill(chance.choice(TROUBLES), product)}.")]
        for _ in range(chance.choice((0, 1, 1, 2))):
            made.append(("agent", agent, chance.choice(ASKS)))
            made.append(("customer", customer, self.fill(chance.choice(GIVES), product)))
        made.append(("agent", agent, self.fill(chance.choice(SOLUTIONS), product)))
        if chance.random() < 0.4:
            made.append(("customer", customer, chance.choice(THANKS)))
        if chance.random() < 0.15:  # the rest of what was to be said, in a message of its own
            made.insert(1, ("customer", customer, f"PS: it is the {product} in black."))
        return made

    def messy(self, turns: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
        """The same turns, as an export has them."""
        made: list[tuple[str, str, str]] = []
        for kind, name, text in turns:
            before = made[-1][2] if made else ""
            if self.planted_with("personal data", 0.06):
                text += f" You reach me at {self.mail(name)} or {self.phone()}."
            if self.planted_with("card numbers", 0.005):
                text += " My card is 4111 1111 1111 1111."
            if self.planted_with("signatures", 0.12):
                text += self.chance.choice(SIGNATURES).format(name=name, phone=self.phone(), mail=self.mail(name))
            if before and self.planted_with("quoted replies", 0.1):
                quoted = "\n".join(f"> {line}" for line in before.splitlines())
                text += f"\n\nOn 3 March 2025 at 10:12, {made[-1][1]} wrote:\n{quoted}"
            if self.planted_with("HTML", 0.12):
                text = self.chance.choice(HTML).format(text=text.replace("\n", "<br>"))
            if self.planted_with("white space", 0.05):
                text = f"  {text.replace('. ', '.   ')}\n\n\n"
            made.append((kind, name, text))
            if self.planted_with("internal notes", 0.02):
                made.append(("note", "System", "Ticket moved to queue 2"))
        return made

    def mail(self, name: str) -> str:
        """An address of a domain that is reserved for examples."""
        return f"{name.split()[0].lower()}{self.chance.randint(1, 99)}@example.org"

    def phone(self) -> str:
        """A number of the range that is kept for fiction."""
        return f"+44 1632 960{self.chance.randint(0, 999):03d}"


def rows_of(chats: Chats, count: int) -> list[tuple[str, ...]]:
    """All rows, scattered."""
    chance = chats.chance
    rows: list[tuple[str, ...]] = []
    kept: list[list[tuple[str, str, str]]] = []
    begin = datetime(2025, 3, 1, 8)
    for number in range(count):
        if kept and chats.planted_with("duplicates", 0.03):
            turns = chance.choice(kept)
        elif kept and chats.planted_with("near duplicates", 0.02):
            turns = [(kind, name, text.replace("Hello", "Hi")) for kind, name, text in chance.choice(kept)]
        else:
            turns = chats.messy(chats.turns())
            if len(kept) < 2000:
                kept.append(turns)
        if chats.planted_with("conversations without an answer", 0.02):
            turns = [turn for turn in turns if turn[0] != "agent"]
        at = begin + timedelta(minutes=chance.randint(0, 300_000))
        for kind, name, text in turns:
            at += timedelta(minutes=chance.randint(1, 600))
            row = [f"T-{100000 + number}", at.strftime("%d.%m.%Y %H:%M"), kind, name, f"Ticket {number}", text]
            if chats.planted_with("empty authors", 0.004):
                row[2] = ""
            if chats.planted_with("empty texts", 0.006):
                row[5] = " "
            if chats.planted_with("rows without a conversation", 0.001):
                row[0] = ""
            rows.append(tuple(row))
    chance.shuffle(rows)
    return rows


def main() -> int:
    """Write the file, and import it if that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--chats", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--encoding", default="cp1252")
    parser.add_argument("--import", dest="imports", action="store_true")
    args = parser.parse_args()
    chats = Chats(args.seed)
    rows = rows_of(chats, args.chats)
    with args.out.open("w", encoding=args.encoding, newline="") as file:
        csv.writer(file, delimiter=";").writerows([HEADER, *rows])
    print(f"{args.out}: {len(rows):,} rows of {args.chats:,} chats, {args.out.stat().st_size / 1e6:.1f} MB")
    for what, planted in sorted(chats.planted.items()):
        print(f"  {what:<34} {planted:>8,}")
    return measure(args.out, args.encoding) if args.imports else 0


def measure(path: Path, encoding: str) -> int:
    """Import with the guessed template, beside a plain reading of the table in the same run."""
    from workbench.workflow.importing import import_dataset, preview_import

    start = time.perf_counter()
    with path.open(encoding=encoding, newline="") as file:
        count = sum(1 for _ in csv.reader(file, delimiter=";")) - 1
    plain = time.perf_counter() - start
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    preview = preview_import(path)
    shown = time.perf_counter() - start
    if preview.mapping is None:
        print("no template was guessed")
        return 1
    start = time.perf_counter()
    imported = import_dataset(path, preview.mapping, path.with_suffix(".jsonl"))
    took = time.perf_counter() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    for sniffed in preview.described:
        print(sniffed)
    print(f"template: {preview.reason}")
    print(
        f"csv.reader alone {plain:.2f} s; preview {shown:.2f} s; import {took:.2f} s ({took / plain:.1f}×), "
        f"peak grew {grown:.0f} MB"
    )
    print(f"{imported.written:,} conversations of {imported.records:,} rows (csv.reader: {count:,})")
    for reason, times in Counter(re.sub(r"'T-[0-9]+'", "…", one.reason) for one in imported.unplaced).most_common():
        print(f"  {times:>8,} rows: {reason}")
    return 0 if imported.records == count else 1


if __name__ == "__main__":
    sys.exit(main())
