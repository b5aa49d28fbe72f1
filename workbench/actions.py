# ruff: noqa: E501 - the registry is a table: one action a line
"""The one registry of what a person can do: bindings, palette, key line, F1 and the README's key table read it.

A screen gets its bindings by `bindings_for(MODE)`; the action `jobs.pause` of scope `jobs` calls the screen's
`action_pause`. A person's `keymap` in `config.toml` maps ids to keys.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from textual.binding import Binding
from textual.keys import format_key

APP: Final = "app"
"""Scope of what works everywhere."""
LIST: Final = "list"
"""Scope of what works in every list and readable text."""
MODES: Final[Mapping[str, str]] = {
    "datasets": "Datasets",
    "evaluate": "Evaluate",
    "decide": "Decide",
    "jobs": "Jobs",
    "playground": "Playground",
}
"""The five modes in the order of the loop, and what they are called on screen. Each is a scope too."""
ON_TOP: Final = (
    "items",
    "slices",
    "voting",
    "neighbours",
    "editor",
    "pair",
    "microscope",
    "profiles",
    "deployments",
    "rescue",
)
"""Scopes of the screens that stand on top of a mode's own."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something a person can do, declared once."""

    id: str
    """`SCOPE.NAME`: stable, because a keymap names it."""
    title: str
    """As in the palette: a verb and its object."""
    keys: tuple[str, ...]
    """Textual's names, the one to show first. Never only ctrl+enter, alt+… or ctrl+shift+…: terminals eat those."""
    help: str
    """One sentence: what happens."""
    group: str
    """Heading in the help and in the README."""
    footer: str = ""
    """One or two words in the key line; empty: not there."""
    call: str = ""
    """Textual's action string; empty: the id's name, with underscores."""
    palette: bool = True
    priority: bool = False
    """The key is taken before the focused widget sees it."""

    @property
    def scope(self) -> str:
        """Where it works: `app`, `list`, a mode or a screen on top of one."""
        return self.id.partition(".")[0]

    @property
    def action(self) -> str:
        """Textual's action string, as its target names it."""
        return self.call or self.id.partition(".")[2].replace("-", "_")

    @property
    def shown_keys(self) -> str:
        """Its keys for people: `F1`, `ctrl+p`, `g, home`."""
        return ", ".join(key_name(key) for key in self.keys)


_GO = "Go to"
_APP = "Everywhere"
_LIST = "In lists and texts"
_DATA = "Datasets"

_APP_ACTIONS = (
    *(
        Action(f"app.{name}", title, (str(number),), f"Switch to {title}.", _GO, call=f"mode('{name}')")
        for number, (name, title) in enumerate(MODES.items(), start=1)
    ),
    Action("app.help", "Help for this screen", ("f1",), "What this screen is for and what its keys do.", _APP, "help"),
    Action("app.keys", "All keys", ("question_mark",), "Every key that works here.", _APP),
    Action("app.command_palette", "Palette", ("ctrl+p",), "Any action by its name.", _APP, "palette", palette=False),
    Action("app.projects", "Open or make a project", ("f2",), "Switch to another project or start a new one.", _APP),
    Action("app.profiles", "Profiles", ("f3",), "Where models are trained and answer: add, edit, test.", _APP),
    Action("app.deployments", "Deployments and what lingers", ("f4",), "What answers and costs at Azure; models and files that nobody needs any more.", _APP),
    Action("app.rescue", "Rescue fine-tuned models", (), "A provider's models with the days they have left; bring home what is yours.", _APP),
    Action("app.change_theme", "Change the colours", (), "Dark, light or the terminal's own colours.", _APP),
    Action("app.interrupt", "Quit, asking twice", ("ctrl+c",), "Copy the selection; twice: quit.", _APP, palette=False),
    Action("app.suspend_process", "Suspend", ("ctrl+z",), "Back to the shell; `fg` returns.", _APP, palette=False),
    Action("app.quit", "Quit", ("ctrl+q",), "Leave; jobs run on.", _APP, "quit", priority=True),
)  # fmt: skip

_LIST_ACTIONS = (
    Action("list.down", "Down", ("j", "down"), "One line down.", _LIST, palette=False),
    Action("list.up", "Up", ("k", "up"), "One line up.", _LIST, palette=False),
    Action("list.first", "To the first", ("g", "home"), "To the start.", _LIST, palette=False),
    Action("list.last", "To the last", ("G", "end"), "To the end.", _LIST, palette=False),
    Action("list.page-down", "Page down", ("pagedown", "ctrl+d"), "One page down.", _LIST, palette=False),
    Action("list.page-up", "Page up", ("pageup", "ctrl+u"), "One page up.", _LIST, palette=False),
    Action("list.zoom", "Zoom", ("z",), "This part fills the screen; again: back.", _LIST, "zoom", "screen.zoom"),
    Action("list.copy", "Copy", ("y",), "Copy what the cursor is on, or the selection.", _LIST, call="screen.copy"),
)  # fmt: skip

_DATASETS_ACTIONS = (
    Action("datasets.edit", "Edit the record", ("enter",), "Open it in the record editor.", _DATA, "edit"),
    Action("datasets.filter", "Filter records", ("slash",), "Only those that fit: `tokens>4096 role:tool \"text\" /regex/`; F1 has all of it.", _DATA, "filter"),
    Action("datasets.clear-filter", "Show all records", ("escape",), "Take back marks, then filter, order and sample.", _DATA, "all"),
    Action("datasets.sort", "Sort the list", ("s",), "By tokens, messages, bytes, findings or label; the same again turns it round. The file keeps its order.", _DATA, "sort"),
    Action("datasets.sample", "Random sample", ("S",), "Some of the records that are shown, drawn at random.", _DATA),
    Action("datasets.next-problem", "Next problem", ("e",), "The next record with a finding.", _DATA, "next problem"),
    Action("datasets.problems", "List what was found", ("w",), "Every rule and its places; enter goes there.", _DATA, "findings"),
    Action("datasets.rule-help", "Help on a rule", ("h",), "The page of the rule that found something; F1 in the list of findings.", _DATA),
    Action("datasets.delete", "Delete records", ("d", "delete"), "The marked ones, or the one under the cursor.", _DATA, "delete"),
    Action("datasets.duplicate", "Duplicate records", ("C",), "A copy behind the record, or behind the last marked one.", _DATA),
    Action("datasets.add-record", "New record", ("a",), "An empty one behind this one and in its shape, in the record editor.", _DATA),
    Action("datasets.move-down", "Move records down", ("J", "shift+down"), "The marked ones, or the one under the cursor: one place down in the file.", _DATA),
    Action("datasets.move-up", "Move records up", ("K", "shift+up"), "One place up.", _DATA),
    Action("datasets.order", "Order the file", ("O",), "All records at random, or by tokens, messages or bytes.", _DATA),
    Action("datasets.undo", "Undo", ("u",), "Take the last edit back, however large.", _DATA, "undo"),
    Action("datasets.redo", "Redo", ("U", "ctrl+r"), "Make it again.", _DATA),
    Action("datasets.change", "Change many records", ("b",), "Fixes, clean-ups, duplicates, limits: of the marked records, or of all that are shown. A preview first.", _DATA, "change"),
    Action("datasets.replace", "Find and replace", ("r",), "In the marked records, or in all that are shown. A preview first.", _DATA),
    Action("datasets.differences", "What was changed", ("D",), "Since the last save, or since a job was trained on the file.", _DATA),
    Action("datasets.import-file", "Import a table", ("I",), "CSV, Parquet, JSON, a Hugging Face dataset: through a template.", _DATA),
    Action("datasets.export", "Export", ("X",), "The records in any format.", _DATA),
    Action("datasets.split", "Split the file", ("t",), "Training, validation and test; near-duplicates stay on one side.", _DATA),
    Action("datasets.statistics", "Statistics", ("i",), "Tokens and their histogram, epochs, what training would bill.", _DATA),
    Action("datasets.stop", "Stop the work", ("x",), "Counting, checking, saving, splitting or exporting that is under way; nothing is lost.", _DATA),
    Action("datasets.save", "Save", ("ctrl+s", "f9"), "Write the edits over the file; the first time it asks.", _DATA, "save"),
    Action("datasets.save-as", "Save as", ("W",), "Write the records to another file.", _DATA),
    Action("datasets.mark", "Mark the record", ("space",), "For edits of several; again: not.", _DATA, "mark"),
    Action("datasets.mark-range", "Mark a range", ("v",), "Begin at the cursor; again: all from there to here.", _DATA),
    Action("datasets.mark-all", "Mark all that are shown", ("asterisk",), "Every record of the filter; again: none.", _DATA),
    Action("datasets.next-file", "Next file", ("f",), "Training, validation and test in turn.", _DATA, "file"),
    Action("datasets.open", "Open a dataset file", ("o",), "Any JSONL file by its path.", _DATA, "open"),
    Action("datasets.next-record", "Next record", ("n",), "The next record, from the record view too.", _DATA),
    Action("datasets.previous-record", "Previous record", ("p",), "The record before.", _DATA),
    Action("datasets.pair", "Compare the answers", ("equals_sign",), "Of a preference pair: the words in which they differ.", _DATA),
    Action("datasets.microscope", "Microscope", ("M",), "The record as a model reads it: template, tokens, what is trained.", _DATA),
)  # fmt: skip

_EDIT = "Record editor"

_EDITOR_ACTIONS = (
    Action("editor.write", "Edit the text", ("i",), "Keys go to the text; enter too, escape comes back.", _EDIT, "text"),
    Action("editor.apply", "Apply the changes", ("ctrl+s", "f9", "ctrl+enter"), "Hand the record back to the list, as one step.", _EDIT, "apply", priority=True),
    Action("editor.role", "Change the role", ("r",), "The next role of the format.", _EDIT, "role"),
    Action("editor.trained", "Train this answer or not", ("t",), "Switch the message's `weight`; an unpaired record's `label`.", _EDIT, "train"),
    Action("editor.add", "Add a message after", ("a",), "An empty message after this one.", _EDIT, "add"),
    Action("editor.add-before", "Add a message before", ("A",), "An empty message before this one.", _EDIT),
    Action("editor.delete", "Delete the message", ("d", "delete"), "The message, or an optional field, goes.", _EDIT, "delete"),
    Action("editor.down", "Move the message down", ("J", "shift+down"), "One place down.", _EDIT),
    Action("editor.up", "Move the message up", ("K", "shift+up"), "One place up.", _EDIT),
    Action("editor.duplicate", "Duplicate the message", ("D",), "A copy after it.", _EDIT),
    Action("editor.split", "Split the message", ("x",), "Two messages, cut where the text's cursor stands.", _EDIT, "split"),
    Action("editor.join", "Join with the next message", ("plus",), "One message, a line end between the texts.", _EDIT, "join"),
    Action("editor.undo", "Undo an edit", ("u",), "One step back, within this record.", _EDIT, "undo"),
    Action("editor.redo", "Redo an edit", ("U", "ctrl+r"), "One step on again.", _EDIT),
    Action("editor.external", "Edit in your own editor", ("E",), "The text in $VISUAL or $EDITOR.", _EDIT, "$EDITOR"),
    Action("editor.tools", "Edit the tools", ("T",), "The record's tools as JSON, checked.", _EDIT, "tools"),
    Action("editor.message-json", "Edit the message as JSON", ("m",), "All of its keys: name, ids, calls, images.", _EDIT),
    Action("editor.record-json", "Edit the record as JSON", ("R",), "All of it.", _EDIT),
    Action("editor.swap", "Swap the answers of a pair", ("w",), "The other answer is preferred.", _EDIT),
    Action("editor.pair", "Compare the answers of a pair", ("v",), "Both, with the words that differ marked.", _EDIT),
    Action("editor.next-finding", "Next finding", ("e",), "To the next message that a rule names.", _EDIT),
    Action("editor.microscope", "Microscope", ("M",), "The record as a model reads it: template, tokens, what is trained.", _EDIT, "microscope"),
    Action("editor.leave", "Leave the editor", ("escape",), "Out of the text; out of the editor, asking where something would be lost.", _EDIT, "back", palette=False),
)  # fmt: skip

_PAIR_ACTIONS = (
    Action("pair.only", "Only what differs", ("d",), "Leave out long stretches that both answers share; again: all.", "Two answers", "differing", palette=False),
    Action("pair.back", "Back", ("escape", "q"), "Back to the record.", "Two answers", "back", palette=False),
)  # fmt: skip

_SCOPE = "Microscope"

_MICROSCOPE_ACTIONS = (
    Action("microscope.template", "Next chat template", ("t",), "The model's own, chatml, zephyr, none.", _SCOPE, "template"),
    Action("microscope.model", "Choose the model", ("m",), "Whose tokenizer and template; empty: OpenAI's encoding, as an estimate.", _SCOPE, "model"),
    Action("microscope.limit", "Choose the limit", ("l",), "Tokens after which a record is cut.", _SCOPE, "limit"),
    Action("microscope.boundaries", "Token boundaries", ("b",), "A bar between tokens; again: none.", _SCOPE, "boundaries"),
    Action("microscope.side", "The other answer", ("w",), "Of a pair: the answer that is not preferred.", _SCOPE, "other side"),
    Action("microscope.back", "Back", ("escape", "q"), "Back to the record.", _SCOPE, "back", palette=False),
)  # fmt: skip

_EVALUATE_ACTIONS = (
    Action("evaluate.run", "Measure candidates", ("r",), "Choose candidates and measure them on the test set.", "Evaluate", "measure"),
    Action("evaluate.cancel", "Stop measuring", ("x",), "Stop; what was answered is kept, `r` goes on.", "Evaluate", "stop"),
    Action("evaluate.items", "Items of the run", ("i",), "Every item with each candidate's answer; enter on a candidate too.", "Evaluate", "items"),
    Action("evaluate.slices", "Slices of the run", ("s",), "How each candidate does by length, label and number of turns.", "Evaluate", "slices"),
    Action("evaluate.vote", "Vote blind", ("v",), "Judge the answers of two candidates without their names: this one, and the one under the lower cursor.", "Evaluate", "vote"),
    Action("evaluate.runs", "Other runs", ("o",), "Choose an older run of the project.", "Evaluate", "runs"),
)  # fmt: skip

_ITEMS = "Items of a run"

_ITEMS_ACTIONS = (
    Action("items.candidate", "Choose the next candidate", ("c",), "Its prompt is shown, its regressions are filtered, its words compared.", _ITEMS),
    Action("items.against", "Compare with another candidate", ("b",), "The next one, for regressions, order and words.", _ITEMS),
    Action("items.regressions", "Only regressions", ("r",), "Items on which the chosen candidate scores less than the other; again: all.", _ITEMS, "worse"),
    Action("items.differing", "Only differing items", ("d",), "Items on which candidates differ; again: all.", _ITEMS, "differing"),
    Action("items.failed", "Only failed items", ("e",), "Items that a candidate did not answer; again: all.", _ITEMS, "errors"),
    Action("items.words", "Compare word by word", ("w",), "The chosen answer with the reference, then with the other candidate's; again: all answers.", _ITEMS, "words"),
    Action("items.wrong", "Only items wrong by all", ("x",), "Items on which nobody scores a half; again: all.", _ITEMS, "all wrong"),
    Action("items.sort", "Sort by difference", ("s",), "The chosen candidate's losses first, then its gains, then the file's order.", _ITEMS, "sort"),
    Action("items.neighbours", "Nearest training records", ("N",), "What training has that is like the item.", _ITEMS, "training"),
    Action("items.playground", "Take the prompt to the playground", ("P",), "The prompt as sent; nothing is asked yet.", _ITEMS),
    Action("items.teach", "Make it a training record", ("T",), "Add the item with its reference to the training file; a test item only after a warning.", _ITEMS),
    Action("items.vote", "Vote blind", ("v",), "Judge the answers of both candidates without their names.", _ITEMS),
    Action("items.back", "Back to the table", ("escape", "q"), "Back to the candidates.", _ITEMS, "back", palette=False),
)  # fmt: skip

_SLICES = "Slices of a run"

_SLICES_ACTIONS = (
    Action("slices.items", "Items of the slice", ("i",), "Every item in it; enter too.", _SLICES, "items"),
    Action("slices.back", "Back to the table", ("escape", "q"), "Back to the candidates.", _SLICES, "back", palette=False),
)  # fmt: skip

_VOTING = "Blind votes"

_VOTING_ACTIONS = (
    Action("voting.a", "A is better", ("a",), "Vote for the first answer.", _VOTING, "A", call="vote('a')", palette=False),
    Action("voting.b", "B is better", ("b",), "Vote for the second answer.", _VOTING, "B", call="vote('b')", palette=False),
    Action("voting.tie", "Neither is better", ("t",), "Both are as good, or as bad.", _VOTING, "tie", call="vote('tie')", palette=False),
    Action("voting.skip", "Skip the item", ("s",), "It counts for nobody.", _VOTING, "skip", call="vote('skip')", palette=False),
    Action("voting.undo", "Take the last vote back", ("u",), "That item is asked again.", _VOTING, "undo", palette=False),
    Action("voting.reference", "Show the reference", ("r",), "What the data has as the answer; again: hide it.", _VOTING, "reference"),
    Action("voting.finish", "See the result", ("f",), "Who was which, and who was preferred. That it was seen early is kept.", _VOTING, "result"),
    Action("voting.back", "Leave the votes", ("escape", "q"), "Votes are kept; coming back goes on.", _VOTING, "back", palette=False),
)  # fmt: skip

_NEIGHBOURS_ACTIONS = (
    Action("neighbours.words", "Compare word by word", ("w",), "The item's question with the record's; again: the record.", "Nearest training records", "words"),
    Action("neighbours.back", "Back", ("escape", "q"), "Back to the item.", "Nearest training records", "back", palette=False),
)  # fmt: skip

_DECIDE_ACTIONS = (
    Action("decide.go", "Do the line under the cursor", ("o",), "Run what is missing, answer the question; enter too.", "Decide"),
    Action("decide.run", "Run what is missing", ("x",), "Measure at once what the verdict lacks, where it costs nothing; else the form with its price.", "Decide", "run"),
    Action("decide.costs", "Say your costs", ("c",), "Your machine, your time, how often it is trained again; kept with the project.", "Decide", "costs"),
    Action("decide.drawn", "Draw the break-even", ("b",), "What both have cost by each month, and how sure that is.", "Decide", "break-even"),
    Action("decide.requests", "Requests per month", ("m",), "Say how many requests a month, for the break-even.", "Decide", "requests"),
    Action("decide.report", "Export the report", ("e",), "Write the verdict with its evidence to a Markdown file.", "Decide", "report"),
    Action("decide.refresh", "Judge again", ("r",), "Read runs and answers again.", "Decide", "again"),
)  # fmt: skip

_JOBS_ACTIONS = (
    Action("jobs.new", "New job", ("n",), "Train a model: settings, price and warnings first.", "Jobs", "new"),
    Action("jobs.pause", "Pause the job", ("p",), "Stop at the next step, keeping a checkpoint.", "Jobs", "pause"),
    Action("jobs.resume", "Resume the job", ("u",), "Go on from the last checkpoint.", "Jobs", "resume"),
    Action("jobs.cancel", "Cancel the job", ("c",), "End it; what it learned so far is discarded. Asks first.", "Jobs", "cancel"),
    Action("jobs.metric", "Next metric", ("m",), "Every number that the job reports, one chart after the other.", "Jobs", "metric"),
    Action("jobs.metrics", "Choose a metric", ("M",), "Every number that the job reports with its newest value; enter charts it.", "Jobs"),
    Action("jobs.mark", "Lay curves over each other", ("space",), "Mark the job: marked jobs share one chart; again: not.", "Jobs", "mark"),
    Action("jobs.compare", "Compare two jobs", ("equals_sign",), "What differs in data, settings and results between two marked jobs, or a marked one and this.", "Jobs"),
    Action("jobs.attach", "Follow a run by its files", ("a",), "TensorBoard files, trainer_state.json, results.csv, a log, or their folder.", "Jobs", "attach"),
    Action("jobs.detach", "Forget an attached run", ("D",), "Take an attached run off the list; its files stay. Asks first.", "Jobs", "detach"),
    Action("jobs.alerts", "What is wrong", ("w",), "Every alert of the job with its rule and what to do.", "Jobs"),
    Action("jobs.smooth", "Smooth the curves", ("s",), "A moving average of 0.6, 0.9, 0.97, none; the legend keeps the measured values.", "Jobs"),
    Action("jobs.log", "Logarithmic axis", ("L",), "For values that span decades; again: linear.", "Jobs"),
    Action("jobs.time", "Curves over time", ("t",), "Since the first report; again: over steps.", "Jobs"),
    Action("jobs.zoom-in", "Zoom in", ("plus",), "Half as much of the axis, around the cursor or at the newest point.", "Jobs"),
    Action("jobs.zoom-out", "Zoom out", ("minus",), "Twice as much of the axis.", "Jobs"),
    Action("jobs.table", "Numbers as a table", ("T",), "Every series by step.", "Jobs"),
    Action("jobs.export", "Numbers as CSV", ("X",), "Every series by step, to a new file.", "Jobs"),
    Action("jobs.clone", "New job like this one", ("C",), "The form filled with the job's data, model, method, settings and seed.", "Jobs", "like it"),
    Action("jobs.checkpoints", "Checkpoints of the job", ("v",), "What it has left: go on from one, or deploy it at Azure.", "Jobs"),
    Action("jobs.details", "Details of the job", ("d",), "Everything that its provider says of it.", "Jobs"),
    Action("jobs.rescue", "Rescue fine-tuned models", ("R",), "A provider's models with the days they have left; bring home what is yours.", "Jobs", palette=False),
    Action("jobs.lineage", "What made the model", ("i",), "Data, settings and base of the job.", "Jobs"),
    Action("jobs.refresh", "Ask the providers again", ("r",), "The jobs of all profiles as they are now.", "Jobs"),
    Action("jobs.back", "Back to the list", ("escape",), "From the chart or the events.", "Jobs", palette=False),
)  # fmt: skip

_RESCUE = "Rescue"

_RESCUE_ACTIONS = (
    Action("rescue.save", "Save everything", ("s",), "Jobs, events, result files and training files of all models, onto this machine.", _RESCUE, "save"),
    Action("rescue.answers", "Record answers", ("a",), "The answers of a model, or of all, to the questions of a file. The price first.", _RESCUE, "answers"),
    Action("rescue.stored", "Import stored completions", ("i",), "What the models answered with `store: true`, as a new dataset.", _RESCUE, "stored"),
    Action("rescue.train", "Train the model again", ("t",), "The form of a job here or at Azure, filled with what was saved.", _RESCUE, "train"),
    Action("rescue.stop", "Stop the work", ("x",), "What has come home stays; the same key begins where it stopped.", _RESCUE, "stop"),
    Action("rescue.profile", "Next profile", ("p",), "Another provider's models.", _RESCUE, "profile"),
    Action("rescue.refresh", "Ask the provider again", ("r",), "The models as they are now.", _RESCUE),
    Action("rescue.back", "Back", ("escape", "q"), "Back to where you were.", _RESCUE, "back", palette=False),
)  # fmt: skip

_PLAYGROUND_ACTIONS = (
    Action("playground.models", "Choose the models", ("ctrl+o", "m"), "Another model for this side.", "Playground", "model"),
    Action("playground.prompt", "The prompt as sent", ("ctrl+t", "v"), "Exactly what the model was sent.", "Playground", "prompt"),
    Action("playground.new", "New conversation", ("ctrl+n", "n"), "Start again; this one is kept.", "Playground", "new"),
    Action("playground.write", "Write a message", ("i",), "Keys go to the message line.", "Playground"),
    Action("playground.stop", "Stop the reply", ("escape",), "Stop a reply; else leave the message line.", "Playground", "stop", palette=False),
)  # fmt: skip

_PROFILES = "Profiles"

_PROFILES_ACTIONS = (
    Action("profiles.new", "Add a profile", ("n",), "A provider, a server of your own or a recording.", _PROFILES, "add"),
    Action("profiles.edit", "Edit the profile", ("e",), "Its address and where its key comes from; enter too.", _PROFILES, "edit"),
    Action("profiles.test", "Test the profile", ("t",), "Which calls answer, which models, how long; it only reads.", _PROFILES, "test"),
    Action("profiles.stop", "Stop the test", ("x",), "What has answered stays.", _PROFILES, "stop"),
    Action("profiles.remove", "Remove the profile", ("d", "delete"), "Forget it; jobs and runs stay. Asks first.", _PROFILES, "remove"),
    Action("profiles.back", "Back", ("escape", "q"), "Back to where you were.", _PROFILES, "back", palette=False),
)  # fmt: skip

_DEPLOYED = "Deployments and what lingers"

_DEPLOYMENTS_ACTIONS = (
    Action("deployments.new", "Deploy a model", ("n",), "Let a tuned model answer at Azure: the price first, then a yes.", _DEPLOYED, "deploy"),
    Action("deployments.mark", "Mark for deletion", ("space",), "Mark what is under the cursor; again: not.", _DEPLOYED, "mark"),
    Action("deployments.delete", "Delete", ("d", "delete"), "What is marked, or what is under the cursor. Asks first.", _DEPLOYED, "delete"),
    Action("deployments.commands", "The same by az", ("a",), "The commands of Azure's own tool, to copy.", _DEPLOYED, "az"),
    Action("deployments.stop", "Stop", ("x",), "Stop looking, or stop deleting after what is under way.", _DEPLOYED, "stop"),
    Action("deployments.refresh", "Ask the providers again", ("r",), "Deployments, models and files as they are now.", _DEPLOYED, "again"),
    Action("deployments.back", "Back", ("escape", "q"), "Back to where you were.", _DEPLOYED, "back", palette=False),
)  # fmt: skip

ACTIONS: Final[tuple[Action, ...]] = (
    *_APP_ACTIONS,
    *_LIST_ACTIONS,
    *_DATASETS_ACTIONS,
    *_EDITOR_ACTIONS,
    *_PAIR_ACTIONS,
    *_MICROSCOPE_ACTIONS,
    *_EVALUATE_ACTIONS,
    *_ITEMS_ACTIONS,
    *_SLICES_ACTIONS,
    *_VOTING_ACTIONS,
    *_NEIGHBOURS_ACTIONS,
    *_DECIDE_ACTIONS,
    *_JOBS_ACTIONS,
    *_RESCUE_ACTIONS,
    *_PLAYGROUND_ACTIONS,
    *_PROFILES_ACTIONS,
    *_DEPLOYMENTS_ACTIONS,
)
"""All of them, in the order in which help and key line show them."""


def key_name(key: str) -> str:
    """A key as people write it: `F1`, `ctrl+p`, `?`, `G`."""
    if key.startswith("f") and key[1:].isdigit():
        return key.upper()
    return key if "+" in key or len(key) == 1 else format_key(key)


def in_scope(scope: str) -> Iterator[Action]:
    """The actions declared for one scope."""
    return (action for action in ACTIONS if action.scope == scope)


def working_in(place: str) -> Iterator[Action]:
    """The actions that work on the screen of that scope: its own first, then those of lists, then those of everywhere."""
    for scope in (place, LIST, APP):
        yield from in_scope(scope)


def bindings_for(scope: str) -> list[Binding]:
    """Textual bindings of one scope, with the action's id so that a keymap can move them."""
    return [
        Binding(
            ",".join(action.keys),
            action.action,
            action.title,
            show=bool(action.footer),
            tooltip=action.help,
            id=action.id,
            priority=action.priority,
        )
        for action in in_scope(scope)
        if action.keys
    ]


def by_id(action_id: str) -> Action | None:
    """The action of that id."""
    return next((action for action in ACTIONS if action.id == action_id), None)


def duplicate_keys(keymap: Mapping[str, str] | None = None) -> list[str]:
    """One sentence for each key that two actions of one place share, with a person's `keymap` applied."""
    found: dict[str, None] = {}
    for place in (*MODES, *ON_TOP):
        taken: dict[str, Action] = {}
        for action in working_in(place):
            for key in _keys(action, keymap or {}):
                other = taken.setdefault(key, action)
                if other is not action:
                    found[f"the key {key_name(key)} is given to both {other.id} and {action.id}"] = None
    return list(found)


def _keys(action: Action, keymap: Mapping[str, str]) -> tuple[str, ...]:
    own = keymap.get(action.id)
    return action.keys if own is None else tuple(key.strip() for key in own.split(","))


def problems_of(keymap: Mapping[str, str]) -> list[str]:
    """One sentence for each entry of a person's keymap that cannot be followed."""
    known = [action.id for action in ACTIONS if action.keys]
    sentences = []
    for action_id in keymap:
        if action_id not in known:
            close = difflib.get_close_matches(action_id, known, n=1)
            hint = f"did you mean {close[0]}?" if close else "`?` lists the actions"
            sentences.append(f"config.toml, keymap: there is no action {action_id!r}; {hint}")
    return sentences + [f"config.toml, keymap: {sentence}" for sentence in duplicate_keys(keymap)]


def key_table(actions: Iterable[Action] | None = None, *, ids: bool = True) -> str:
    """A Markdown table of keys, by group: the README has all of them, the help those of one place."""
    chosen = [action for action in (ACTIONS if actions is None else actions) if action.keys]
    blocks = []
    for group in dict.fromkeys(action.group for action in chosen):
        head = "| key | does | id |\n| --- | --- | --- |" if ids else "| key | does |\n| --- | --- |"
        rows = [_row(action, ids) for action in chosen if action.group == group]
        blocks.append(f"**{group}**\n\n{head}\n" + "\n".join(rows))
    return "\n\n".join(blocks)


def _row(action: Action, ids: bool) -> str:
    keys = " ".join(f"`{key_name(key)}`" for key in action.keys)
    return f"| {keys} | {action.help} | `{action.id}` |" if ids else f"| {keys} | {action.help} |"
