"""A chat template is untrusted: it writes a scaffold in a sandbox, or it is refused."""

from __future__ import annotations

import pytest

from cds_hooks.inference.model_files.chat_template import (
    ChatTemplateError,
    Slot,
    bounded_scaffold,
    scaffold,
)

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NO_SYSTEM = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}<turn>{{ m.role }}\n{{ m.content | trim }}</turn>\n{% endfor %}"
)


def test_contents_become_slots_between_the_template_s_own_text() -> None:
    assert scaffold(CHATML, ["system", "user"]) == (
        "<|im_start|>system\n",
        Slot(0),
        "<|im_end|>\n<|im_start|>user\n",
        Slot(1),
        "<|im_end|>\n<|im_start|>assistant\n",
    )


def test_a_template_without_system_role_gets_it_in_the_first_user_turn() -> None:
    assert scaffold(NO_SYSTEM, ["system", "user"], bos="<bos>") == (
        "<bos><turn>user\n",
        Slot(0),
        "\n\n",
        Slot(1),
        "</turn>\n",
    )


@pytest.mark.parametrize(
    "template",
    [
        "{{ messages.__class__.__mro__ }}",
        "{{ ''.__class__.__subclasses__() }}",
        "{% for x in range(999999999) %}{{ x }}{% endfor %}",
        "{{ raise_exception('no') }}",
        "{{ messages[7].content }}",
        "{{ 1 // 0 }}",
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
        "{{ messages.append(1) }}",
        "{% if %}",
        "{% include '/etc/passwd' %}",
        "no messages at all",
        "{{ messages[1].content }}{{ messages[0].content }}",
        "{{ messages[0].content }}{{ messages[0].content }}{{ messages[1].content }}",
        "{{ messages[0].content }}{{ 'x' * 70000 }}{{ messages[1].content }}",
        "{#" + "x" * 300_000 + "#}",
        "{{ 'x' * 99999999999 }}",
        "{{ 9 ** 999999999 }}",
        "{{ [0] * 999999999 }}",
        "{% set n = namespace(x=9) %}{% for i in range(99) %}{% set n.x = n.x * n.x %}{% endfor %}",
    ],
)
def test_a_template_that_misbehaves_is_refused(template: str) -> None:
    with pytest.raises(ChatTemplateError):
        scaffold(template, ["system", "user"])


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "long"),
        (
            "{% set n = namespace(x='x') %}{% for i in range(40) %}{% set n.x = n.x ~ n.x %}"
            "{% endfor %}",
            "memory",
        ),
        ("{{ '%999999999999d' % 1 }}", "memory"),
        ("{{ 'x'.center(99999999999) }}", "memory"),
    ],
)
def test_a_template_that_takes_for_ever_or_all_memory_is_stopped(template: str, told: str) -> None:
    with pytest.raises(ChatTemplateError, match=told):
        bounded_scaffold(template, ["user"])
    assert bounded_scaffold(CHATML, ["user"])
