# SPDX-License-Identifier: Apache-2.0
"""The list of members that a newer botocore is compared with: is it of the botocore here, and is the comparison sound?"""
import pathlib
import re

import botocore.loaders

from tests.botocore.members import USED, differences, kept, lines_of

LIBRARY = pathlib.Path(__file__).resolve().parents[2] / "lib/aws"
LOADER = botocore.loaders.Loader()
MODELS = {service: LOADER.load_service_model(service, "service-2") for service in USED}
QUOTAS = "lane.c"  # it names operations that only others use


def test_the_list_is_of_this_botocore():
    assert kept() == lines_of(MODELS)


def test_the_operations_are_those_that_the_client_asks_for():
    texts = [path.read_text() for path in LIBRARY.glob("*.c") if path.name != QUOTAS]
    quoted = {name for text in texts for name in re.findall(r'"([A-Z][A-Za-z]+)"', text)}
    known = set.union(*(set(model["operations"]) for model in MODELS.values()))
    assert quoted & known == set.union(*USED.values())


def model(**shapes):
    shapes = {"In": {"type": "structure", "members": {"Name": {"shape": "Text"}}}, "Text": {"type": "string"}, **shapes}
    return {"sqs": {"operations": {"ReceiveMessage": {"input": {"shape": "In"}, "errors": [{"shape": "Gone"}]},
                                   "ListQueues": {"input": {"shape": "In"}}}, "shapes": shapes}}


def changes(**shapes):
    return differences(lines_of(model()), lines_of(model(**shapes)))


def test_what_is_the_same_is_no_difference():
    assert changes() == []
    assert lines_of(model()) == ["sqs ReceiveMessage error Gone", "sqs ReceiveMessage in Name string"]


def test_a_new_member_is_named_once_with_all_that_is_in_it():
    inner = {"type": "structure", "members": {"A": {"shape": "Text"}, "Again": {"shape": "Inner"}}, "required": ["A"]}
    list_of_inner = {"type": "list", "member": {"shape": "Inner"}}
    whole = {"type": "structure", "members": {"Name": {"shape": "Text"}, "More": {"shape": "Inners"}}}
    assert changes(In=whole, Inner=inner, Inners=list_of_inner) == [("sqs ReceiveMessage in More list", "new")]


def test_what_is_gone_or_of_another_type_is_a_difference_too():
    assert changes(In={"type": "structure", "members": {}}) == [("sqs ReceiveMessage in Name string", "gone")]
    assert changes(Text={"type": "blob"}) == [("sqs ReceiveMessage in Name blob", "new"),
                                              ("sqs ReceiveMessage in Name string", "gone")]


def test_what_is_required_and_which_values_there_are_is_a_difference_too():
    required = {"type": "structure", "members": {"Name": {"shape": "Text"}}, "required": ["Name"]}
    assert changes(In=required) == [("sqs ReceiveMessage in Name required", "new")]
    assert changes(Text={"type": "string", "enum": ["a b"]}) == [("sqs ReceiveMessage in Name value a b", "new")]
