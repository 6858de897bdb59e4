"""Chat templates: the same prompts as transformers renders, and nothing that an evil template could do."""

from __future__ import annotations

import tracemalloc

import pytest
from transformers.utils.chat_template_utils import render_jinja_template

from makar.codecs import template_guard
from makar.codecs.chat import ChatTemplate, Message
from makar.kit.errors import BadInput

SMOLLM2 = ("{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
           "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' "
           "}}{% endif %}"
           "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
           "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")
# after the manner of the Qwen, Llama and DeepSeek templates: whitespace control, macros, namespaces, slices, tests
STYLES = {
    "smollm2": SMOLLM2,
    "trimmed": "{%- for m in messages %}\n  {%- if m.role == 'user' %}\n[{{ m.content | trim }}]\n  {% else %}\n"
               "{{- m['content'] ~ eos_token }}\n{%- endif %}\n{%- endfor %}\n",
    "namespace": "{% set ns = namespace(system='', n=0) %}{% for m in messages %}{% if m.role == 'system' %}"
                 "{% set ns.system = m.content %}{% continue %}{% endif %}{% set ns.n = ns.n + 1 %}"
                 "{{ ns.n }}/{{ loop.length }}:{{ m.content.split('</think>')[-1].lstrip() }}|{% endfor %}"
                 "{{ ns.system }}",
    "slices": "{{ bos_token }}{% if messages[0].role == 'system' %}{% set rest = messages[1:] %}{% else %}"
              "{% set rest = messages %}{% endif %}{% for m in rest[::-1] %}{{ m.content | upper }}{{ loop.index0 }}"
              "{% if not loop.last %},{% endif %}{% endfor %}",
    "macro": "{% macro turn(m, first=false) %}<{{ m.role }}{{ '!' if first }}>{{ m.content }}{% endmacro %}"
             "{% for m in messages %}{{ turn(m, first=loop.first) }}{% endfor %}",
    "json": "{{ messages | tojson }}{{ messages | map(attribute='role') | join('+') }}{{ messages | length }}"
            "{{ {'a': [1, 2.5, none, true]} | tojson(indent=2) }}{% if tools is none %}no tools{% endif %}",
    "generation": "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}",
    "tests": "{% for m in messages %}{% if m.content is string and 'a' in m.content and m.nothing is not defined %}"
             "{{ m.content | replace('a', '<a>') }}{% else %}{{ m.content or 'empty' }}{% endif %}{% endfor %}",
}
TALKS = [[Message("user", "Hi")], [Message("system", "Be brief.\n"), Message("user", ' a <b>&"\' '),
                                   Message("assistant", "<think>x</think>ok"), Message("user", "é世界\n")],
         [Message("user", "{{ 7 * 7 }} {% raw %}"), Message("assistant", "")]]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("add_generation", [True, False])
def test_prompts_are_those_of_transformers(style: str, add_generation: bool) -> None:
    for talk in TALKS:
        plain = [{"role": message.role, "content": message.content} for message in talk]
        expected, _ = render_jinja_template([plain], chat_template=STYLES[style], bos_token="<s>", eos_token="</s>",
                                            add_generation_prompt=add_generation)
        assert ChatTemplate(STYLES[style], "<s>", "</s>").render(talk, add_generation) == expected[0]


NESTED = "{% set ns = namespace(v=START) %}{% for i in range(60) %}{% set ns.v = STEP %}{% endfor %}{{ ns.v }}"
EVIL = {
    "internals": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "globals": "{{ cycler.__init__.__globals__ }}",
    "mutation": "{{ messages.append(1) }}",
    "include": "{% include 'x' %}", "import": "{% import 'os' as os %}", "extends": "{% extends 'x' %}",
    "range": "{% for i in range(10 ** 9) %}x{% endfor %}",
    "loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "shadowed": "{% macro spend_turn() %}{% endmacro %}{% for i in range(99999) %}{% for j in range(99999) %}"
                "{% endfor %}{% endfor %}",
    "output": "{% for i in range(99999) %}{{ messages[0].content * 900 }}{% endfor %}",
    "literal": "{% for i in range(99999) %}" + "x" * 999 + "{% endfor %}",
    "captured": "{% set x %}{% for i in range(99999) %}" + "x" * 999 + "{% endfor %}{% endset %}",
    "repeat": "{{ 'x' * 1000000000 }}", "repeat_list": "{{ [1] * 1000000000 }}",
    "power": "{{ 10 ** 1000000000 }}", "format": "{{ '%1000000000d' % 1 }}",
    "str_format": "{{ '{:1000000000d}'.format(1) }}", "held_format": "{% set f = '{:999999999d}'.format %}{{ f(1) }}",
    "ljust": "{{ 'x'.ljust(1000000000) }}", "zfill": "{{ 'x'.zfill(1000000000) }}", "center": "{{ 'x'|center(10) }}",
    "lipsum": "{{ lipsum(1000) }}", "int_bytes": "{{ (1).to_bytes(1000000000) }}",
    "indent": "{{ messages | tojson(indent=1000000000) }}", "date": "{{ strftime_now('%Y' * 1000) }}",
    "recursion": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "branching": "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    "doubled_text": NESTED.replace("START", "'xx'").replace("STEP", "ns.v + ns.v"),
    "joined_text": NESTED.replace("START", "'xx'").replace("STEP", "ns.v ~ ns.v"),
    "replaced_text": NESTED.replace("START", "'xx'").replace("STEP", "ns.v.replace('x', 'xx')"),
    "filtered_text": NESTED.replace("START", "'xx'").replace("STEP", "[ns.v, ns.v] | join"),
    "doubled_list": NESTED.replace("START", "[1]").replace("STEP", "ns.v + ns.v"),
    "nested_list": NESTED.replace("START", "[1]").replace("STEP", "[ns.v, ns.v]"),
    "nested_map": NESTED.replace("START", "[1]").replace("STEP", "{'a': ns.v, 'b': ns.v}"),
    "nested_namespace": NESTED.replace("START", "1").replace("STEP", "namespace(a=ns.v, b=ns.v)"),
    "squared": NESTED.replace("START", "7").replace("STEP", "ns.v * ns.v"),
    "own_error": "{{ raise_exception('System role not supported') }}",
    "undefined": "{{ messages.nothing.at_all }}", "types": "{{ 1 + 'a' }}", "zero": "{{ 1 / 0 }}",
    "function": "{{ raise_exception }}", "syntax": "{% for", "nesting": "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
    "huge": "x" * 300_000,
}


@pytest.mark.parametrize("name", EVIL)
def test_evil_templates_are_one_clear_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_guard, "MAX_STEPS", 20_000)
    tracemalloc.start()
    try:
        with pytest.raises(BadInput, match="chat template") as caught:
            ChatTemplate(EVIL[name], "", "").render([Message("user", "hello")])
        assert tracemalloc.get_traced_memory()[1] < 60_000_000
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_time_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_guard, "MAX_TIME_S", -1.0)
    with pytest.raises(BadInput, match="more than -1 s"):
        ChatTemplate(SMOLLM2 + "{{ messages | length }}", "", "").render([Message("user", "hello")])


def test_what_a_template_raises_is_told() -> None:
    with pytest.raises(BadInput, match="System role not supported"):
        ChatTemplate(EVIL["own_error"], "", "").render([Message("user", "hello")])


def test_long_conversations_pass() -> None:
    talk = [Message("user" if turn % 2 == 0 else "assistant", "word " * 400) for turn in range(1000)]
    assert len(ChatTemplate(SMOLLM2, "", "").render(talk)) > 2_000_000


def test_each_rendering_has_a_budget_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_guard, "MAX_STEPS", 2_000)
    template = ChatTemplate("{% for i in range(900) %}{% endfor %}{{ messages[0].content }}", "", "")
    assert [template.render([Message("user", str(turn))]) for turn in range(4)] == ["0", "1", "2", "3"]
