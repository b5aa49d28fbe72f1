"""What is counted for the rules about a file, as bytes: a description, and lines, of which there may be very many."""

from __future__ import annotations

import base64
import json
from array import array
from typing import TYPE_CHECKING, Any

from workbench.dataset.rules.facts import SystemPrompt, Tally

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COUNTS = ("records", "answers", "many_labels", "images", "labels", "labels_gone")


def dump_tally(tally: Tally) -> tuple[bytes, NDArray[Any]]:
    """A tally as its description and its lines one after the other."""
    import numpy as np

    prompts = [(key, prompt.text, len(prompt.lines)) for key, prompt in tally.systems.items()]
    graders = [(keys, len(lines)) for keys, lines in tally.grader_keys.items()]
    described = {
        **{name: getattr(tally, name) for name in _COUNTS},
        "marks": base64.b64encode(tally.label_marks).decode("ascii"),
        "systems": prompts,
        "without_system": len(tally.without_system),
        "grader_keys": graders,
    }
    parts = [prompt.lines for prompt in tally.systems.values()] + [tally.without_system, *tally.grader_keys.values()]
    lines = np.concatenate([np.asarray(part, "i4") for part in parts])
    return json.dumps(described).encode("ascii"), lines


def read_tally(described: bytes, lines: NDArray[Any]) -> Tally:
    """What `dump_tally` gave; raises ValueError, KeyError or TypeError for anything else."""
    import numpy as np

    said = json.loads(described)
    tally = Tally(**{name: said[name] for name in _COUNTS}, label_marks=bytearray(base64.b64decode(said["marks"])))
    at = 0

    def next_lines(count: int) -> array[int]:
        nonlocal at
        at += count
        some = array("q")
        some.frombytes(lines[at - count : at].astype(np.int64).tobytes())
        return some

    for key, text, count in said["systems"]:
        tally.systems[key] = SystemPrompt(text, next_lines(count))
    tally.without_system = next_lines(said["without_system"])
    for keys, count in said["grader_keys"]:
        tally.grader_keys[keys] = next_lines(count).tolist()
    if at != len(lines):
        raise ValueError("the lines are not those of the tally")
    return tally
