"""What a record looks like to the model and what of it is trained, held against transformers and TRL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from tests.engine.tiny import CHATML, build_tiny_model
from workbench.dataset.template import Rendered, TemplateError, render, tokenize

CHATML_WITH_DEFAULT_SYSTEM = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are helpful<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

CHATML_FOR_TRL = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}"
    "{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""The same rendering, with the blocks by which TRL finds the assistant's tokens."""

LLAMA2 = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ '[INST] ' + message['content'] | trim + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'] | trim + ' ' + eos_token }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)

THINKING = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' and loop.last %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
    "{{ message['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""As Qwen3's: an answer is rendered otherwise once the conversation goes on."""

SINGLE = [
    {"role": "system", "content": "Answer with one label."},
    {"role": "user", "content": "My parcel never came."},
    {"role": "assistant", "content": "shipping"},
]
MULTI = [
    {"role": "user", "content": "I was charged twice."},
    {"role": "assistant", "content": "billing"},
    {"role": "user", "content": "And the app crashes."},
    {"role": "assistant", "content": "bug 🐛"},
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tokenizer(tiny: Path) -> Tokenizer:
    return Tokenizer.from_file(str(tiny / "tokenizer.json"))


def rendered(messages: list[dict[str, Any]], template: str = CHATML, **more: Any) -> Rendered:
    return render(messages, chat_template=template, bos_token="<s>", eos_token="</s>", **more)


def trained(result: Rendered) -> list[str]:
    return [result.text[start:end] for start, end in result.trained_spans]


def test_the_answer_and_its_end_of_turn_are_trained_and_nothing_else() -> None:
    result = rendered(SINGLE)
    assert trained(result) == ["shipping<|im_end|>"]
    assert result.text.endswith("<|im_start|>assistant\nshipping<|im_end|>\n")


def test_every_answer_of_a_conversation_is_trained() -> None:
    assert trained(rendered(MULTI)) == ["billing<|im_end|>", "bug 🐛<|im_end|>"]


def test_weight_0_masks_an_answer_and_weight_1_does_not() -> None:
    messages = [MULTI[0], {**MULTI[1], "weight": 0}, MULTI[2], {**MULTI[3], "weight": 1}]
    assert trained(rendered(messages)) == ["bug 🐛<|im_end|>"]


def test_a_default_system_prompt_is_shown_as_the_templates_and_not_trained() -> None:
    result = rendered(MULTI, CHATML_WITH_DEFAULT_SYSTEM)
    assert trained(result) == ["billing<|im_end|>", "bug 🐛<|im_end|>"]
    assert result.segments[0].special
    assert "You are helpful" in result.segments[0].text


def test_the_records_own_text_is_told_from_the_templates() -> None:
    own = [segment.text for segment in rendered(SINGLE).segments if not segment.special]
    assert own == [message["content"] for message in SINGLE]


def test_content_that_repeats_a_role_name_is_found_where_it_is() -> None:
    result = rendered([{"role": "user", "content": "user"}, {"role": "assistant", "content": "assistant"}])
    assert [(s.text, s.trained) for s in result.segments if not s.special] == [("user", False), ("assistant", True)]


@pytest.mark.parametrize("template", [CHATML, CHATML_WITH_DEFAULT_SYSTEM])
def test_a_record_that_starts_with_the_assistant(template: str) -> None:
    """Plain text records are one assistant message; templates add a system prompt or fail for an empty history."""
    assert trained(rendered([{"role": "assistant", "content": "Once upon a time."}], template)) == [
        "Once upon a time.<|im_end|>"
    ]


def test_a_template_that_trims_and_ends_with_eos() -> None:
    result = rendered([{"role": "user", "content": " hi "}, {"role": "assistant", "content": " yes\n"}], LLAMA2)
    assert trained(result) == [" yes </s>"]


def test_where_only_a_newline_ends_the_turn_it_is_trained() -> None:
    template = (
        "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
    )
    assert trained(rendered(SINGLE, template)) == ["shipping\n"]


def test_generation_blocks_change_nothing() -> None:
    assert rendered(MULTI, CHATML_FOR_TRL) == rendered(MULTI)


def test_a_template_that_renders_earlier_turns_otherwise_is_refused_not_guessed() -> None:
    assert trained(rendered(SINGLE, THINKING)) == ["<think>\n\n</think>\n\nshipping<|im_end|>"]
    with pytest.raises(TemplateError, match="message 1") as caught:
        rendered(MULTI, THINKING)
    assert caught.value.code == "template_not_prefix"


def test_the_templates_own_refusal_is_passed_on() -> None:
    with pytest.raises(TemplateError, match="Only user and assistant roles are supported"):
        rendered(SINGLE, LLAMA2)


def test_a_missing_field_is_a_sentence_not_a_traceback() -> None:
    with pytest.raises(TemplateError, match=r"does not take this record|fails on this record"):
        rendered([{"role": "user"}, {"role": "assistant", "content": "x"}])


def test_a_broken_template_names_its_line() -> None:
    with pytest.raises(TemplateError, match="line 2"):
        rendered(SINGLE, "{{ messages }}\n{% if %}")


def test_a_hostile_template_does_not_reach_python() -> None:
    with pytest.raises(TemplateError, match="unsafe"):
        rendered(SINGLE, "{{ ''.__class__.__mro__[1].__subclasses__() }}")


def test_tools_reach_the_template() -> None:
    template = "{% if tools %}{{ tools | tojson }}{% endif %}" + CHATML
    result = rendered(SINGLE, template, tools=[{"type": "function", "function": {"name": "ü<b>"}}])
    assert result.text.startswith('[{"type": "function", "function": {"name": "ü<b>"}}]<|im_start|>')


def test_a_cut_record_says_so_and_keeps_its_start(tokenizer: Tokenizer) -> None:
    whole = tokenize(rendered(MULTI), tokenizer, None)
    cut = tokenize(rendered(MULTI), tokenizer, 10)
    assert not whole.truncated
    assert cut.truncated
    assert (cut.input_ids, cut.trained) == (whole.input_ids[:10], whole.trained[:10])


def test_the_end_of_turn_token_is_trained_and_the_newline_is_not(tokenizer: Tokenizer) -> None:
    """Seen in the tokens: without a trained end the tuned model would never stop."""
    result = tokenize(rendered(SINGLE), tokenizer, None)
    end = tokenizer.token_to_id("<|im_end|>")
    assert result.input_ids[-2] == end
    assert result.trained[-2:] == [True, False]
    assert [t for t, flag in zip(result.input_ids, result.trained, strict=True) if t == end and flag] == [end]


def test_tokens_of_whitespace_are_trained_where_offsets_are_trimmed() -> None:
    """ByteLevel's post-processor leaves whitespace out of a token's range, so a token of blanks has an empty one."""
    from tokenizers import decoders, models, pre_tokenizers, processors, trainers

    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    specials = ["<|im_start|>", "<|im_end|>"]
    plain.train_from_iterator(
        ["a  b\n\n c"],
        trainers.BpeTrainer(special_tokens=specials, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()),
    )
    plain.post_processor = processors.ByteLevel(trim_offsets=True)
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "a  \n\n  b "}]
    result = tokenize(rendered(messages), plain, None)
    kept = [token for token, flag in zip(result.input_ids, result.trained, strict=True) if flag]
    assert plain.decode(kept, skip_special_tokens=False) == "a  \n\n  b <|im_end|>"


@given(
    st.lists(
        st.tuples(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"), min_size=1)),
        min_size=1,
        max_size=3,
    )
)
def test_any_text_is_trained_whole(tokenizer: Tokenizer, turns: list[tuple[str, str]]) -> None:
    """Whatever people write, the trained text is the answers with their ends, and the segments are the rendering."""
    turns = [(user, answer) for user, answer in turns if "<|" not in user + answer]
    messages = [
        {"role": role, "content": text}
        for turn in turns
        for role, text in zip(("user", "assistant"), turn, strict=True)
    ]
    result = rendered(messages)
    assert trained(result) == [answer + "<|im_end|>" for _, answer in turns]
    tokens = tokenize(result, tokenizer, None)
    assert len(tokens.trained) == len(tokens.input_ids)
    ends = [flag for token, flag in zip(tokens.input_ids, tokens.trained, strict=True) if token == 2]
    assert ends == [False, True] * len(turns)


RECORDS = [
    SINGLE,
    MULTI,
    [{"role": "user", "content": "  two\n\nlines "}, {"role": "assistant", "content": "\tüñï 🙂\n"}],
    [{"role": "user", "content": "1234"}, {"role": "assistant", "content": '["salt", "flour"]'}],
]


@pytest.fixture(scope="module")
def reference(tiny: Path) -> Any:
    """transformers' own tokenizer of the tiny model."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny)


@pytest.mark.parametrize("messages", RECORDS)
def test_text_and_ids_are_those_of_transformers(
    messages: list[dict[str, Any]], tokenizer: Tokenizer, reference: Any
) -> None:
    result = rendered(messages)
    assert result.text == reference.apply_chat_template(messages, tokenize=False)
    ids = reference.apply_chat_template(messages, tokenize=True, return_dict=True)["input_ids"]
    assert tokenize(result, tokenizer, None).input_ids == list(ids)
    prompt = rendered(messages[:-1], add_generation_prompt=True)
    assert prompt.text == reference.apply_chat_template(messages[:-1], tokenize=False, add_generation_prompt=True)


def trl_labels(
    tiny: Path, reference: Any, rows: list[dict[str, Any]], **config: Any
) -> list[tuple[list[int], list[int]]]:
    """(input_ids, labels) of each row as TRL's trainer prepares and collates them."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM
    from trl import SFTConfig, SFTTrainer

    arguments = SFTConfig(
        output_dir=str(tiny / "trl"), use_cpu=True, bf16=False, report_to=[], gradient_checkpointing=False, **config
    )
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(tiny),
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=reference,
    )
    collated = [trainer.data_collator([row]) for row in trainer.train_dataset]
    return [(batch["input_ids"][0].tolist(), batch["labels"][0].tolist()) for batch in collated]


def our_labels(messages: list[dict[str, Any]], tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    tokens = tokenize(rendered(messages), tokenizer, None)
    return tokens.input_ids, [t if flag else -100 for t, flag in zip(tokens.input_ids, tokens.trained, strict=True)]


def unpadded(ids: list[int], labels: list[int], length: int) -> tuple[list[int], list[int]]:
    """TRL pads a batch to a multiple; what is beyond the record must not be trained."""
    assert set(labels[length:]) <= {-100}
    return ids[:length], labels[:length]


def test_multi_turn_labels_are_those_of_trl(tiny: Path, tokenizer: Tokenizer, reference: Any) -> None:
    """assistant_only_loss with a template that marks the answers: the same labels, to the token."""
    reference.chat_template = CHATML_FOR_TRL
    theirs = trl_labels(tiny, reference, [{"messages": record} for record in RECORDS], assistant_only_loss=True)
    for record, (ids, labels) in zip(RECORDS, theirs, strict=True):
        ours = our_labels(record, tokenizer)
        assert unpadded(ids, labels, len(ours[0])) == ours


def test_single_turn_labels_are_those_of_trl(tiny: Path, tokenizer: Tokenizer, reference: Any) -> None:
    """completion_only_loss on prompt and completion: the same, but for the newline after the last end of turn.

    TRL counts all after the prompt as completion. The model stops at the end-of-turn token, so what would follow it is
    not ours to train; TRL's own templates with generation blocks leave it out too (the test above).
    """
    reference.chat_template = CHATML
    single = [record for record in RECORDS if record is not MULTI]
    rows = [{"prompt": record[:-1], "completion": record[-1:]} for record in single]
    newline = tokenizer.encode("\n", add_special_tokens=False).ids
    for record, (ids, labels) in zip(single, trl_labels(tiny, reference, rows), strict=True):
        ours = our_labels(record, tokenizer)
        ids, labels = unpadded(ids, labels, len(ours[0]))
        assert ids == ours[0]
        assert labels[-2:] == [tokenizer.token_to_id("<|im_end|>"), *newline]
        assert [*labels[:-1], -100] == ours[1]


def test_labels_of_a_template_without_a_tail_are_exactly_those_of_trl(
    tiny: Path, tokenizer: Tokenizer, reference: Any
) -> None:
    """Where nothing follows the end of turn, single-turn labels are the same to the token."""
    template = CHATML.replace("'<|im_end|>' + '\n'", "'<|im_end|>'")
    reference.chat_template = template
    rows = [{"prompt": SINGLE[:-1], "completion": SINGLE[-1:]}]
    ((ids, labels),) = trl_labels(tiny, reference, rows)
    tokens = tokenize(rendered(SINGLE, template), tokenizer, None)
    ours = [t if flag else -100 for t, flag in zip(tokens.input_ids, tokens.trained, strict=True)]
    assert unpadded(ids, labels, len(ours)) == (tokens.input_ids, ours)
