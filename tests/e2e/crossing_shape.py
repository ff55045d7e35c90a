"""crossing_shape.py - cases of test_crossing.py: schemas of answers, searches of the web, the upstream's own tools."""

from crossing import (
    CITY,
    SCHEMA,
    CrossingCase,
    Fact,
    chat,
    function,
    has_tool,
    messages,
    shaped,
    tool,
    user,
)

TOOLS, FUNCTIONS = [tool("look"), tool("walk", schema=SCHEMA)], [function("look"), function("walk", schema=SCHEMA)]
BOTH = [has_tool("look", "does look", CITY), has_tool("walk", "does walk", SCHEMA)]
BOUNDED = {
    "type": "object",
    "properties": {
        "age": {"type": "integer", "minimum": 18, "maximum": 97},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 5},
    },
    "required": ["age", "tags"],
    "additionalProperties": False,
}


def answer_format(schema, **more):
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "person", "schema": schema, **more}}}


def output_format(schema):
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


def held_to(m, t):
    """The answer must be of the schema, not only like it."""
    return t.kind == "messages" or '"strict": true' in m.schema_words


def bounds_told(m, t):
    schema = m.schema or m.tools["person"][1]
    whole = sorted(schema["required"]) == ["age", "tags"] and schema["properties"]["tags"]["items"] == {
        "type": "string"
    }
    return whole and all(str(n) in str(schema) for n in (18, 97, 5))


SEARCH = {"type": "web_search_20250305", "name": "web_search", "user_location": {"type": "approximate", "city": "Rome"}}
OPTIONS = {"user_location": {"type": "approximate", "approximate": {"city": "Rome"}}}

CASES = [
    CrossingCase(
        "Anthropic's own tool",
        None,
        messages(tools=[tool("look"), {"type": "bash_20250124", "name": "bash"}]),
        [
            has_tool("look", "does look", CITY),
            Fact("bash", "tools.bash_20250124", lambda m, t: "bash_20250124" in m.own_tools),
        ],
    ),
    CrossingCase(
        "its own tool, alone and forced",
        None,
        messages(tools=[{"type": "bash_20250124", "name": "bash"}], tool_choice={"type": "any"}),
        [
            Fact("bash", "tools.bash_20250124", lambda m, t: "bash_20250124" in m.own_tools),
            Fact("choice", "tool_choice", lambda m, t: m.choice == "required"),
        ],
    ),
    CrossingCase(
        "web search",
        chat(web_search_options=OPTIONS),
        messages(tools=[SEARCH]),
        [Fact("search", "web_search_options", lambda m, t: m.search is not None and "Rome" in str(m.search))],
    ),
    CrossingCase(
        "web search, a little",
        chat(web_search_options={"search_context_size": "low"}),
        None,
        [
            Fact("search", "web_search_options", lambda m, t: m.search is not None),
            Fact(
                "how much",
                "web_search_options web_search_options.search_context_size",
                lambda m, t: "'low'" in str(m.search),
            ),
        ],
    ),
    CrossingCase(
        "web search, limited",
        None,
        messages(tools=[dict(SEARCH, allowed_domains=["example.org"], max_uses=3)]),
        [
            Fact("search", "web_search_options", lambda m, t: m.search is not None and "Rome" in str(m.search)),
            Fact("domains", "tools.web_search.allowed_domains", lambda m, t: "example.org" in str(m.search)),
            Fact("uses", "tools.web_search.max_uses", lambda m, t: "'max_uses': 3" in str(m.search)),
        ],
    ),
    CrossingCase(
        "schema",
        chat(**answer_format(SCHEMA, strict=True)),
        messages(**output_format(SCHEMA)),
        [shaped(SCHEMA), Fact("strict", "response_format response_format.json_schema", held_to)],
    ),
    CrossingCase(
        "schema with a description",
        chat(**answer_format(SCHEMA, description="one person")),
        None,
        [
            shaped(SCHEMA),
            Fact(
                "description",
                "response_format response_format.json_schema",
                lambda m, t: "one person" in m.schema_words + str(m.tools),
            ),
        ],
    ),
    CrossingCase(
        "schema with bounds",
        chat(**answer_format(BOUNDED)),
        messages(**output_format(BOUNDED)),
        [Fact("bounds", "response_format response_format.json_schema", bounds_told)],
    ),
    CrossingCase(
        "schema beside tools",
        chat(tools=FUNCTIONS, **answer_format(SCHEMA)),
        messages(tools=TOOLS, **output_format(SCHEMA)),
        BOTH + [shaped(SCHEMA)],
    ),
    CrossingCase(
        "json_object",
        chat(user("Answer in JSON."), response_format={"type": "json_object"}),
        None,
        [
            Fact("json_object", "response_format", lambda m, t: m.json_object),
            Fact("asked for", "response_format", lambda m, t: m.json_object or m.has_text("JSON", "system")),
        ],
    ),
]
