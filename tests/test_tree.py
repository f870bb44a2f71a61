# SPDX-License-Identifier: Apache-2.0
"""What texts say, against what is there: events and catalog, options and manuals, folders and READMEs."""
import json
import os
import pathlib
import re
import sqlite3
import subprocess
from xml.etree import ElementTree

import pytest
import yaml

from tests.bench import results

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / (os.environ.get("BUILD") or "build")


def read(name):
    return (ROOT / name).read_text()


def all_events():
    """The events of the daemon, and of the programs that run when it has failed."""
    return [event for name in ("daemon/announce/messages.h", "daemon/failed/events.h")
            for event in re.findall(r'EVENT\((\w+), "([0-9a-f]{32})"\)', read(name))]


def test_every_event_has_its_paragraph_in_the_catalog():
    events = all_events()
    catalog = re.findall(r"^-- ([0-9a-f]{32})$", read("systemd/certferry.catalog"), re.M)
    assert len(events) > 20
    assert len({identifier for _, identifier in events}) == len({name for name, _ in events}) == len(events)
    assert sorted(catalog) == sorted(identifier for _, identifier in events)


def test_every_event_is_said_somewhere():
    said = "".join(path.read_text() for path in (ROOT / "daemon").rglob("*.c"))
    assert [name for name, _ in all_events() if not re.search(rf"\bSAY_{name}\b", said)] == []


def options_of(program):
    text = subprocess.run([BUILD / program, "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"--[a-z][a-z-]+", text))


def manual(name):
    return re.sub(r"\.?Fl -", "--", read(name).replace("\\-", "-"))


def test_the_daemons_manual_names_every_option():
    text = manual("daemon/certferryd.8")
    assert options_of("certferryd") - set(re.findall(r"--[a-z][a-z-]+", text)) == set()


def test_the_command_lines_manual_names_every_subcommand():
    text = manual("daemon/cli/certferry.1")
    for name in ("status", "plan", "sync", "approve", "adopt"):
        assert re.search(rf"\b{name}\b", text), name


@pytest.mark.parametrize("program", ["certferryd", "certferry"])
def test_usage_errors_exit_with_2(program):
    result = subprocess.run([BUILD / program, "--no-such-option"], capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr.strip()


@pytest.mark.parametrize("name", ["README.md", "daemon/README.md", "lib/README.md", 
                                  ".github/CONTRIBUTING.md"])
def test_texts_name_only_files_that_exist(name):
    """Words in backquotes that look like a path below the text's own folder or the root must be there."""
    base = (ROOT / name).parent
    missing = []
    for word in re.findall(r"`([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]*)+|\w+\.(?:c|h|py|md|yaml))`", read(name)):
        places = [ROOT / word, base / word]
        if not any(place.exists() for place in places) and not word.startswith(("build/", "org.")):
            missing.append(word)
    assert missing == []


# What is shared (daemon/README.md)

UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20}


def constants():
    """{name: text} of every #define without arguments in the sources; one that two files have is in neither."""
    found = {}
    for top in ("lib", "daemon"):
        for path in (ROOT / top).rglob("*.[ch]"):
            text = path.read_text().replace("\\\n", " ")
            for name, value in re.findall(r"^#define (\w+)[ \t]+([^\n]+?)[ \t]*(?:/\*.*)?$", text, re.M):
                found.setdefault(name, []).append((str(path.relative_to(ROOT)), value))
    return found


def value_of(name, known):
    """What the compiler makes of it."""
    if len(known.get(name, [])) != 1:
        raise AssertionError(f"{name} is defined {len(known.get(name, []))} times")
    text = re.sub(r"\((?:size_t|uint64_t|usec_t)\)", "", known[name][0][1])
    text = re.sub(r"\b(\d+)[uUlL]+\b", r"\1", text)
    text = re.sub(r"\b[A-Z][A-Z_]+\b", lambda match: str(value_of(match.group(), known)), text)
    assert re.fullmatch(r"[\d\s()+*<-]+", text), (name, text)
    return eval(text)  # noqa: S307, digits and operators alone


def shares():
    """[(constant, file, value)] of the table."""
    section = read("daemon/README.md").split("## What is shared")[1].split("\n## ")[0]
    rows = re.findall(r"^\|.*\| `(\w+)` \| `([\w/.]+)` \| (\d+)(?: (KiB|MiB))? \|$", section, re.M)
    assert len(rows) == section.count("\n|") - 2, "each row names a constant, its file and its value"
    return [(name, path, int(number) * UNITS[unit]) for name, path, number, unit in rows]


def test_the_table_of_what_is_shared_is_that_of_the_sources():
    known = constants()
    for name, path, value in shares():
        (where, _), = known[name]
        assert where in (path, f"daemon/{path}"), name
        assert value_of(name, known) == value, name


def test_the_table_names_every_share_that_is_added_up():
    known, named = constants(), {name for name, _, _ in shares()}
    for total in ("LIMITS_DESCRIPTORS", "LIMITS_MEMORY"):
        parts = set(re.findall(r"\b[A-Z][A-Z_]+\b", known[total][0][1]))
        aliases = {part: known[part][0][1] for part in parts}
        assert {part for part in parts if part not in named and aliases[part] not in named} == set(), total


def test_the_units_limits_suffice():
    unit = dict(re.findall(r"^(\w+)=(\S+)$", read("systemd/certferryd.service"), re.M))
    known = constants()
    assert int(unit["LimitNOFILE"]) >= value_of("LIMITS_DESCRIPTORS", known)
    assert int(unit["TasksMax"]) >= value_of("LOOKUPS_AT_ONCE", known)
    assert int(unit["LimitMEMLOCK"].removesuffix("M")) << 20 >= value_of("SECRET_HEAP_SIZE", known)
    # With 40,000 deliveries, of which tests/bench/RESULTS.md has figures, 200 bytes each.
    assert int(unit["MemoryMax"].removesuffix("M")) << 20 >= value_of("LIMITS_MEMORY", known) + 40_000 * 200
    assert unit["MemoryMax"] == f"{value_of('UNIT_MEMORY', known)}M"
    said = read("daemon/conductor/limits.c") + read("daemon/README.md")
    for name in ("LimitNOFILE", "MemoryMax"):
        assert set(re.findall(rf"{name}=(\w+)", said)) == {unit[name]}


@pytest.mark.parametrize("folder", ["daemon", "lib"])
def test_the_readme_names_every_folder(folder):
    text = read(f"{folder}/README.md")
    folders = sorted(path.name for path in (ROOT / folder).iterdir() if path.is_dir())
    assert [name for name in folders if f"{name}/" not in text] == []


def test_layers_name_every_folder():
    rules = {line.split(":")[0] for line in read("tests/layers.txt").splitlines()
             if ":" in line and not line.startswith(("#", "alone "))}
    folders = {f"{top}/{path.name}" for top in ("daemon", "lib") for path in (ROOT / top).iterdir() if path.is_dir()}
    assert folders | {"daemon"} == rules


def test_the_bench_writes_between_its_marks(tmp_path):
    page = tmp_path / "RESULTS.md"
    page.write_text(results.RESULTS.read_text())
    head, tail = (part for part in re.split(r"(?s)(?<=<!-- make bench -->\n).*(?=<!-- /make bench -->\n)", page.read_text()))
    results.publish("| new |", page)
    assert page.read_text() == head + "| new |\n" + tail
    page.write_text("no marks")
    with pytest.raises(SystemExit, match="has no marks"):
        results.publish("| new |", page)


def test_the_readme_says_of_the_bench_what_its_results_say(tmp_path):
    readme, page = results.README.read_text(), results.RESULTS.read_text()
    assert results.short_of(readme) == results.short_of(page)
    copy = tmp_path / "README.md"
    copy.write_text(readme)
    results.publish_short(["- one", "- two"], copy)
    assert results.short_of(copy.read_text()) == ["- one", "- two"]
    results.publish_short(results.short_of(page), copy)
    assert copy.read_text() == readme, "nothing but those lines changes"


def a_run(value):
    """Every figure that the five lines name, and a goal that is met with a ${value} of at most 1."""
    run = results.Results()
    for name in ("quotas_wall", "quotas_throttled", "quotas_go_wall", "quotas_go_throttled", "sync_wall_over_go_64", "sync_cpu_over_go_64",
                 "renewed_round_trips", "describe_cpu_ratio_0ms", "describe_cpu_ratio_30ms", "import_cpu_ratio_0ms",
                 "import_cpu_ratio_30ms", "idle_100_wakeups", "idle_100_pss", "idle_40000_pss"):  # fmt: skip
        run.add(name, name, 3, "")
    run.add("grown_sweep_factor", "a figure", [value - 0.5, value, value + 0.5], "times", 1)
    return run


def test_what_falls_short_follows_from_the_rows():
    assert results.shortfalls(a_run(1)) == ["Nothing: each goal of this run is met."]
    (line,) = results.shortfalls(a_run(2))
    assert line == ("- **a figure**: 2 times (1.5 to 2.5); the goal is at most 1. "
                    f"Why: {results.WHY['grown_sweep_factor']}.")
    page = results.markdown(a_run(2), "a machine", "2026-01-01")
    assert line in page and page.index("Within AWS's default quotas") < page.index(line)
    assert "| a figure | 2 times | 1.5 to 2.5 | at most 1 | **missed** |" in page


def test_a_run_without_a_figure_of_the_readme_is_not_published():
    run = a_run(1)
    run.rows = [row for row in run.rows if row.name != "quotas_go_wall"]
    with pytest.raises(SystemExit, match="did not measure quotas_go_wall"):
        results.short(run)


def test_every_target_of_ci_has_its_budget():
    """tests/budgets, what is said of it to people, and the targets that there are, but those that run beside a change."""
    budgets = dict(line.split() for line in read("tests/budgets").splitlines() if line[0] != "#")
    said = dict(re.findall(r"^\| `(check[a-z-]*)` \| (\d+) \|", read(".github/CONTRIBUTING.md"), re.M))
    assert budgets == said
    assert sum(int(minutes) for minutes in budgets.values()) <= 50
    assert set(budgets) == set(re.findall(r"^(check[a-z-]*):", read("Makefile"), re.M)) - {"check-layers", "check-mutations", "check-watchers"}


def test_the_example_of_failed_conf_has_every_key_of_its_manual():
    keys = set(re.findall(r"^\.It Cm (\w+) Ns = Ns Ar", read("daemon/failed/certferry-failed.8"), re.M))
    assert keys == set(re.findall(r"^#(\w+)=", read("conf/failed.conf"), re.M))
    assert keys == set(re.findall(r'^\t\{ "(\w+)", set_\w+ \},$', read("daemon/failed/settings.c"), re.M))
    assert not re.search(r"^[^#\n]", read("conf/failed.conf"), re.M), "it sets nothing as it is"


def test_the_manual_of_install_has_every_key_of_its_file():
    keys = re.findall(r'^\t\{ "(\w+)", set_\w+ \},$', read("daemon/install/instance.c"), re.M)
    manual = read("daemon/install/certferry-install.8")
    assert keys == re.findall(r"\w+", " ".join(re.findall(r"^\.It Cm (.*)", manual, re.M)))
    assert keys == re.findall(r"^(\w+)=", manual.split("install -m 0644")[1].split("END\n#")[0], re.M)


def test_the_rule_of_polkit_names_each_action_that_needs_no_password():
    actions = {action.get("id"): {default.text for default in action.find("defaults")}
               for action in ElementTree.parse(ROOT / "systemd/org.certferry1.policy").iter("action")}
    ruled = re.findall(r'"(org\.certferry1[^"]*)"', re.sub(r"//.*", "", read("systemd/50-certferry-admin.rules")))
    guarded = {name for name, defaults in actions.items() if defaults == {"auth_admin"}}
    assert guarded == {"org.certferry1.approve-trust", "org.certferry1.withdraw"}
    assert set(ruled) == actions.keys() - guarded
    asked = {name for path in (ROOT / "daemon/bus").glob("*.c") for name in re.findall(r'"(org\.certferry1\.[a-z-]+)"', path.read_text())}
    assert asked <= actions.keys() and "org.certferry1.approve-trust" in asked


def test_the_readme_says_what_each_policy_gives_away():
    """To whoever takes over the host; a trust policy gives nothing, and the queue's is a rule's."""
    told = read("README.md").split("Who takes over this host")[1].split("- **a destination account**")[0]
    policies = {path.name for path in (ROOT / "conf/iam").glob("*.json") if not re.search("-(trust|queue|rule).json$", path.name)}
    policies |= {str(path.relative_to(ROOT)) for path in (ROOT / "conf/vault").glob("*.hcl")}
    assert set(re.findall(r"`([a-z/-]+\.(?:json|hcl))`", told)) == policies


def test_policies_are_json():
    policies = list((ROOT / "conf/iam").glob("*.json"))
    assert len(policies) >= 5
    for path in policies:
        document = json.loads(path.read_text())
        # A pattern of EventBridge's has no version.
        assert "source" in document if path.name.endswith("-rule.json") else document["Version"] == "2012-10-17"


def test_every_file_says_its_licence():
    missing = [str(path.relative_to(ROOT)) for top in ("daemon", "lib", "tests/unit")
               for path in (ROOT / top).rglob("*.[ch]") if "SPDX-License-Identifier: Apache-2.0" not in path.read_text()[:200]]
    assert missing == []


def test_every_contract_in_the_headers_is_met_by_a_comment():
    """A public prototype without a comment directly above it, or above the group it stands in, is no contract."""
    bare = []
    for path in list((ROOT / "daemon").rglob("*.h")) + list((ROOT / "lib").rglob("*.h")):
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines):
            if re.search(r"\w+_(free|done|unref|cancel)\(", line):
                continue  # a word with one promise everywhere: NULL is fine, nothing is left
            if not re.match(r"^(?:const |unsigned |struct |enum |char |int |void |bool |size_t |usec_t )[\w \*]*\b\w+\(", line):
                continue
            above = number - 1
            while above >= 0 and lines[above].strip() and not lines[above].strip().endswith("*/"):
                above -= 1
            if above < 0 or not lines[above].strip():
                bare.append(f"{path.relative_to(ROOT)}:{number + 1}")
    assert bare == []


def test_the_example_configuration_is_yaml():
    assert yaml.safe_load(read("conf/certferry.yaml")) is None or isinstance(yaml.safe_load(read("conf/certferry.yaml")), dict)


# conf/recipes

RECIPES = sorted(path.name for path in (ROOT / "conf/recipes").iterdir())
LAYOUTS = {"nginx": "fullchain.pem privkey.pem", "apache": "cert.pem chain.pem privkey.pem", "haproxy": "haproxy.pem"}


def recipe(name):
    """{name of a file: its text}"""
    return {path.name: path.read_text().replace("certificate/ID", ARN.rpartition(":")[2])
            for path in (ROOT / "conf/recipes" / name).iterdir()}


def test_every_recipe_is_told_and_started():
    assert RECIPES == sorted(re.findall(r"^\.It Pa (\S+)\n[^/]", read("conf/certferry-recipes.7").split(".Sh FILES")[0], re.M))
    assert RECIPES == sorted(set(re.findall(r'^recipe\("([\w-]+)"', read("tests/recipes/served.py"), re.M)))


@pytest.mark.parametrize("name", RECIPES)
def test_every_file_of_a_recipe_says_where_it_goes(name):
    places = []
    for file, text in recipe(name).items():
        head = text.removeprefix("#!/usr/bin/python3\n").splitlines()[:2]
        assert head[0] == "# SPDX-License-Identifier: Apache-2.0", file
        place = re.fullmatch(r"# (?:Lines for )?(/\S+)", head[1])
        assert place, file
        places.append(place[1])
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("name", RECIPES)
def test_every_path_of_a_recipe_is_one_that_certferryd_delivers(name):
    files = recipe(name)
    configuration = yaml.safe_load(files["certferry.yaml"])
    paths = set()
    for certificate, entry in configuration["certificates"].items():
        for delivery in entry["deliver"]:
            place = configuration["destinations"][delivery["to"]]
            paths |= {f"{place['directory']}/{certificate}/{file}" for file in LAYOUTS[place.get("layout", "nginx")].split()}
    if "install.conf" in files:
        instance = dict(re.findall(r"^(\w+)=(.*)$", files["install.conf"], re.M))
        sources = {f"{instance['directory']}/{instance['as']}/{file}" for file in LAYOUTS["nginx"].split()}
        assert sources <= paths
        paths |= {f"{instance['target']}/{file}" for file in LAYOUTS["nginx"].split()}
    paths |= {str(parent) for path in paths for parent in pathlib.Path(path).parents}
    named = {path for file, text in files.items() if file != "certferry.yaml"
             for path in re.findall(r"/var/lib/certferry[\w/.-]*\w", text)}
    assert named and named <= paths


def test_certferryd_accepts_all_recipes_together(tmp_path):
    whole = {}
    for name in RECIPES:
        text = recipe(name)["certferry.yaml"]
        assert refusals(text) == [], name
        for key, names in yaml.safe_load(text).items():
            assert not set(whole.setdefault(key, {})) & set(names), name
            whole[key] |= names
    file = tmp_path / "certferry.yaml"
    file.write_text(yaml.safe_dump({"source": {"region": "eu-west-1"}} | whole))
    run = subprocess.run([BUILD / "certferryd", "--config", file, "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_the_records_design_has_its_tables():
    """As the program of the newest format has made them (a unit test says that this one makes the same)."""
    records = (ROOT / "tests/record").glob("format-*.sqlite")
    newest = max(records, key=lambda path: int(path.stem.split("-")[1]))
    db = sqlite3.connect(f"file:{newest}?immutable=1", uri=True)
    made = {sql for sql, in db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
    text = read("daemon/record/DESIGN")
    told = re.findall(r"^    (CREATE (?:TABLE .*?\n    \)(?: WITHOUT ROWID)?|INDEX .*?|VIEW .*?\n(?=\n))$)", text, re.M | re.S)

    def plain(sql):
        return re.sub(r"\s+", " ", sql).replace("( ", "(").replace(" )", ")").strip()

    assert sorted(map(plain, told)) == sorted(map(plain, made))
    assert re.findall(r"^    (\d+)   ", text, re.M) == [str(number + 1) for number in range(db.execute(
        "PRAGMA user_version").fetchone()[0])]


# The JSON Schema of the configuration: what certferryd accepts, whatever another reader of YAML makes of it.

JSON_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
ARN = "arn:aws:acm:eu-west-1:111111111111:certificate/0f5c1b3e-1111-4222-8333-444455556666"
ACCEPTED = {
    "unquoted accounts": """
        certificates: {pay: {arn: %s, deliver: [{to: prod, only: {accounts: [222222222222]}}]}}
        destinations: {prod: {kind: acm, region: eu-west-1, accounts: [222222222222, "333333333333"],
                              role_arn: "arn:aws:iam::{account}:role/r"}}""",
    "names that are numbers or booleans": """
        source: {role_arn: "arn:aws:iam::111111111111:role/r", external_id: 12345, source_identity: 77,
                 session_tags: {team: 5, prod: true, since: 2026-01-01, rate: 1.10, empty: }}
        certificates: {2026: {arn: %s, deliver: [{to: 1, as: 2027, then: [7]}]}}
        destinations: {1: {kind: file, directory: /srv/tls}}
        dependents: {7: {kind: systemd, unit: a.service}}""",
    "quoted numbers and booleans": """
        guard: "30"
        quotas: {acm: {ImportCertificate: "1.5", ListCertificates: 9}}
        source: {keep_eligible: "false", certificates_max: "6000"}
        certificates: {pay: {arn: %s, keep_eligible: "true", accept: [names, names], deliver: [{to: s, adopt: "true"}]}}
        destinations: {s: {kind: secretsmanager, region: eu-west-1, tags: {a: "1"}}}""",
}


def complaints(schema, value, place="certferry.yaml"):
    """What a validator would say; of JSON Schema what ours uses."""
    known = {"$schema", "title", "description", "default", "type", "enum", "pattern", "minLength", "maxLength", "minimum",
             "maximum", "items", "minItems", "maxItems", "uniqueItems", "properties", "additionalProperties", "required",
             "propertyNames", "minProperties", "maxProperties", "oneOf", "allOf", "not"}  # fmt: skip
    assert set(schema) <= known, set(schema) - known
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    types = schema.get("type", [])
    types = types if isinstance(types, list) else [types]
    is_type = {"number": number, "integer": number and value == int(value)}
    if types and not any(is_type.get(name, isinstance(value, JSON_TYPES.get(name, ()))) for name in types):
        yield f"{place}: {value!r} is not {types}"
    if "enum" in schema and not any(type(one) is type(value) and one == value for one in schema["enum"]):
        yield f"{place}: {value!r} is none of {schema['enum']}"
    if number and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{place}: {value} is out of range"
    if isinstance(value, str):
        if not re.search(schema.get("pattern", ""), value):
            yield f"{place}: {value!r} does not match {schema['pattern']}"
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 1e9):
            yield f"{place}: {value!r} has another length"
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 1e9):
            yield f"{place}: so many items"
        if schema.get("uniqueItems") and len({repr(item) for item in value}) < len(value):
            yield f"{place}: twice"
        for index, item in enumerate(value):
            yield from complaints(schema.get("items", {}), item, f"{place}[{index}]")
    if isinstance(value, dict):
        if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", 1e9):
            yield f"{place}: so many members"
        for key in set(schema.get("required", ())) - {str(key) for key in value}:
            yield f"{place}: no {key}"
        for key, member in value.items():
            inner = schema.get("properties", {}).get(str(key), schema.get("additionalProperties", {}))
            yield from complaints(schema.get("propertyNames", {}), str(key), f"{place}.{key} itself")
            if inner is False:
                yield f"{place}: unknown {key}"
            else:
                yield from complaints(inner, member, f"{place}.{key}")
    if "oneOf" in schema and [list(complaints(one, value)) for one in schema["oneOf"]].count([]) != 1:
        yield f"{place}: not exactly one of the kinds"
    for one in schema.get("allOf", ()):
        yield from complaints(one, value, place)
    if "not" in schema and not list(complaints(schema["not"], value)):
        yield f"{place}: two that exclude each other"


class PlainLoader(yaml.SafeLoader):
    """As editors read YAML 1.2, in which no date has a type of its own."""

    yaml_implicit_resolvers = {
        first: [pair for pair in pairs if not pair[0].endswith(":timestamp")]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def refusals(text):
    return list(complaints(json.loads(read("conf/certferry.schema.json")), yaml.load(text, PlainLoader)))


@pytest.mark.parametrize("name", ACCEPTED)
def test_the_schema_accepts_what_certferryd_accepts(name, tmp_path):
    file = tmp_path / "certferry.yaml"
    file.write_text(ACCEPTED[name] % ARN)
    run = subprocess.run([BUILD / "certferryd", "--config", file, "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert refusals(file.read_text()) == []


def test_the_schema_accepts_every_case_that_certferryd_accepts():
    accepted = 0
    for path in sorted((ROOT / "tests/cases/config").glob("*.case")):
        parts = dict((part + "\n").split("\n", 1) for part in ("\n" + path.read_text()).split("\n== ")[1:])
        if not parts["expect"].startswith("ok"):
            continue
        for name, text in parts.items():
            if name.endswith((".yaml", ".yml")):
                assert refusals(text) == [], path.name
                accepted += 1
    assert accepted >= 20


@pytest.mark.parametrize("text", ["guard: true", "guard: 100001", "gaurd: 1", "poll: 5", "source: {region: 7}",
                                  "source: {keep_eligible: maybe}", "certificates: {a: {arn: 1, deliver: []}}",
                                  "destinations: {a: {kind: acm, accounts: [1222222222222]}}"])  # fmt: skip
def test_the_schema_refuses_what_certferryd_refuses(text):
    assert refusals(text) != []
