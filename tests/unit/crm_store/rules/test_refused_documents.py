"""What the gate turns away: the code and the field a person is shown."""

import contextlib
import copy
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.rules.engine import RuleBook, RuleRefused, validate_document
from crm_store.rules.validation import MAX_BYTES

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


def test_the_small_document_used_here_is_accepted():
    assert validate_document(document()).version == "tiny@1"
    assert validate_document(json.dumps(document())).digest == validate_document(document()).digest
    assert (
        RuleBook([validate_document(json.dumps(document()).encode())]).evaluate("tiny", {"x": 5}).value == 40
    )


@pytest.mark.parametrize(
    ("kind", "content", "code"),
    [
        ("functionNode", {"source": "export const handler = async (i) => i"}, "function_node"),
        ("functionNode", {}, "function_node"),
        ("httpNode", {"url": "https://example.invalid"}, "http_node"),
        ("customNode", {"kind": "http", "config": {}}, "http_node"),
        ("customNode", {"kind": "mail", "config": {}}, "node_type"),
        ("decisionNode", {"key": "other"}, "node_type"),
        ("somethingNew", {}, "node_type"),
        (None, {}, "node_type"),
        (["inputNode"], {}, "node_type"),
    ],
)
def test_a_node_outside_the_list_is_refused_wherever_it_stands(kind, content, code):
    connected, loose = document(), document()
    connected["nodes"][1] = {"id": "table", "type": kind, "name": "?", "content": content}
    loose["nodes"].append({"id": "extra", "type": kind, "name": "?", "content": content})

    assert refusal(connected)[0] == code
    assert refusal(loose) == (code, "nodes[4].type")


def test_a_policy_document_is_refused():
    assert refusal(document() | {"contentType": "application/vnd.gorules.policy"})[0] == "content_type"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("{", "invalid_json"),
        (b"\xff\xfe", "invalid_json"),
        ('{"a": NaN}', "invalid_json"),
        ("[]", "shape"),
        ("[" * 100_000, "too_deep"),
        (json.dumps({"a": "x" * MAX_BYTES}), "too_large"),
        ({"a": {1, 2}}, "invalid_json"),
        ({}, "metadata"),
    ],
    ids=["cut off", "not UTF-8", "NaN", "a list", "deep brackets", "too large", "a set", "empty"],
)
def test_a_file_that_is_no_document_is_refused(data, code):
    assert refusal(data)[0] == code


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, None) for key in ("name", "version", "entity", "title", "signals", "scale")),
        ("name", "Tiny Name"),
        ("version", "1"),
        ("version", "other@1"),
        ("version", "tiny@0"),
        ("title", {"zh": "小"}),
        ("signals", []),
        ("signals", ["x", "$y"]),
        ("scale", "0-10"),
        ("probability", "maybe"),
        ("bands", {"green": 50, "yellow": 60}),
        ("bands", {"green": "90"}),
        ("bands", []),
    ],
)
def test_missing_or_wrong_metadata_is_refused_by_field(key, value):
    bad = document()
    bad["metadata"][key] = value

    assert refusal(bad) == ("metadata", f"metadata.{key}")


def test_a_graph_that_cannot_run_is_refused():
    cyclic, stray, loose, twice, no_input = (document() for _ in range(5))
    cyclic["edges"].append({"id": "back", "sourceId": "answer", "targetId": "table"})
    stray["edges"].append({"id": "out", "sourceId": "answer", "targetId": "nowhere"})
    del loose["edges"][0]
    twice["nodes"][1]["id"] = "answer"
    no_input["nodes"][0]["type"] = "outputNode"

    assert refusal(cyclic) == ("cycle", "edges")
    assert refusal(stray) == ("unknown_node", "edges[3]")
    assert refusal(loose) == ("unreachable", "edges")
    assert refusal(twice) == ("duplicate_id", "nodes")
    assert refusal(no_input) == ("shape", "nodes")


def test_too_many_of_anything_is_refused():
    nodes, rows, deep = document(), document(), document()
    nodes["nodes"] += [{"id": f"n{i}", "type": "outputNode", "name": "", "content": {}} for i in range(40)]
    row = rows["nodes"][1]["content"]["rules"][0]
    rows["nodes"][1]["content"]["rules"] = [row | {"_id": f"r{i}"} for i in range(301)]
    deep["nodes"][0]["content"] = nested = {}
    for _ in range(20):
        nested["in"] = nested = {}

    assert refusal(nodes) == ("too_many", "nodes")
    assert refusal(rows) == ("too_many", "nodes.table.rules")
    assert refusal(deep)[0] == "too_deep"


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("(((", "condition"),
        ("> 72, null", "condition"),
        ("!= 5", "condition"),
        ("-", "condition"),
        ("len(map([1..999999999], #)) > 1", "condition"),
        ("> " + "1" * 1_000, "too_long"),
        (5, "shape"),
    ],
)
def test_a_condition_the_engine_would_silently_skip_is_refused(cell, code):
    bad = document()
    bad["nodes"][1]["content"]["rules"][0]["in"] = cell

    assert refusal(bad) == (code, "nodes.table.rules.far.x")


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("((", "expression"),
        ("", "shape"),
        ("y = 3; y", "expression"),
        ("sum(map([1..999999999], #))", "range"),
        ("`${sum(map([1..999999999], #))}`", "range"),
        ("'it' == `it's ${len([1..9])} it's` ? 1 : 2", "range"),
        ("rand(100)", "function"),
        ("d().year()", "function"),
        ("len(map(fired, len(map(fired, len(map(fired, 1))))))", "loops"),
        ("sum(map(fired, #.effect)) + typo", "unknown_signal"),
        ("map(fired as f, f)", "unknown_signal"),
        ("len($nodes)", "expression"),
        ("$.later", "unknown_signal"),
    ],
)
def test_an_expression_outside_the_list_is_refused(expression, code):
    bad = document()
    bad["nodes"][2]["content"]["expressions"][1]["value"] = expression

    assert refusal(bad)[0] == code


def test_expressions_that_double_each_other_are_refused():
    bad = document()
    bad["nodes"][2]["content"]["expressions"] += [
        {"id": f"d{n}", "key": f"d{n}", "value": f"$.d{n - 1} + $.d{n - 1}" if n else "'text'"}
        for n in range(40)
    ]

    assert refusal(bad)[0] == "growth"


@pytest.mark.parametrize(
    "expression", ["`len(x) ... rand(3) ${x ?? 0} d()`", "(x ?? 0) in [1..3] ? 'a..b' : 'rand(1)'"]
)
def test_words_that_look_like_code_are_accepted(expression):
    good = document()
    good["nodes"][2]["content"]["expressions"].append({"id": "w", "key": "words", "value": expression})

    assert validate_document(good).name == "tiny"


def test_a_column_on_an_undeclared_signal_is_refused():
    bad = document()
    bad["nodes"][1]["content"]["inputs"][0]["field"] = "typo"

    assert refusal(bad) == ("unknown_signal", "nodes.table.inputs")


def test_a_document_that_gives_no_score_without_signals_is_refused():
    crashing, scoreless, over = document(), document(), document()
    crashing["nodes"][2]["content"]["expressions"][1]["value"] = "x * 2"
    scoreless["nodes"][2]["content"]["expressions"][1]["value"] = "'high'"
    over["nodes"][2]["content"]["expressions"][1]["value"] = "101"

    for bad in (crashing, scoreless, over):
        assert refusal(bad)[0] == "not_runnable"


def test_a_switch_is_allowed_and_its_conditions_are_checked():
    good = document()
    good["nodes"].append(
        {
            "id": "switch",
            "type": "switchNode",
            "name": "",
            "content": {
                "hitPolicy": "first",
                "statements": [{"id": "a", "condition": "(x ?? 0) > 3"}, {"id": "b", "condition": ""}],
            },
        }
    )
    good["edges"][0]["targetId"] = "switch"
    good["edges"] += [
        {"id": f"s{way}", "sourceId": "switch", "targetId": "table", "sourceHandle": way} for way in "ab"
    ]
    bad = copy.deepcopy(good)
    bad["nodes"][4]["content"]["statements"][0]["condition"] = "rand(2) > 1"

    assert RuleBook([validate_document(good)]).evaluate("tiny", {"x": 5}).value == 40
    assert refusal(bad) == ("function", "nodes.switch.statements[0].condition")


def test_a_refusal_speaks_both_languages_and_shows_no_path_of_the_build():
    bad = document()
    bad["nodes"][2]["content"]["expressions"][1]["value"] = "x * 2"

    with pytest.raises(RuleRefused) as refused:
        validate_document(bad)

    assert re.search("[\u4e00-\u9fff]", refused.value.zh)
    assert refused.value.en.isascii()
    assert "/" not in refused.value.en
    assert "\n" not in str(refused.value)


@given(st.data())
def test_a_damaged_document_is_refused_or_runs_and_never_crashes(data):
    damaged = document()
    part, key = data.draw(st.sampled_from(list(places(damaged))))
    part[key] = data.draw(JUNK)

    with contextlib.suppress(RuleRefused):
        book = RuleBook([validate_document(damaged)])
        assert 0 <= book.values(book.documents()[0].version, [{"x": None}])[0] <= 100


def places(value):
    """Yield (container, key) for every place in a JSON value."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(item, dict | list):
            yield from places(item)


def refusal(data):
    with pytest.raises(RuleRefused) as refused:
        validate_document(data)
    return refused.value.code, refused.value.field


def document():
    """A table of one rule (x > 3 costs 10) under a base of 50."""
    table = {
        "hitPolicy": "collect",
        "outputPath": "fired",
        "inputs": [{"id": "in", "field": "x", "name": "x"}],
        "outputs": [{"id": "effect", "field": "effect", "name": "effect"}],
        "rules": [{"_id": "far", "in": "> 3", "effect": "-10"}],
    }
    answer = [
        {"id": "b", "key": "base", "value": "50"},
        {"id": "s", "key": "score", "value": "$.base + sum(map(fired, #.effect))"},
    ]
    return {
        "metadata": {
            "name": "tiny",
            "version": "tiny@1",
            "entity": "lead",
            "title": {"zh": "小规则", "en": "Tiny rule"},
            "scale": "0-100",
            "signals": ["x"],
        },
        "nodes": [
            {"id": "start", "type": "inputNode", "name": "", "content": {}},
            {"id": "table", "type": "decisionTableNode", "name": "", "content": table},
            {"id": "answer", "type": "expressionNode", "name": "", "content": {"expressions": answer}},
            {"id": "end", "type": "outputNode", "name": "", "content": {}},
        ],
        "edges": [
            {"id": "1", "sourceId": "start", "targetId": "table"},
            {"id": "2", "sourceId": "table", "targetId": "answer"},
            {"id": "3", "sourceId": "answer", "targetId": "end"},
        ],
    }
