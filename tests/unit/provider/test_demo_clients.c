/* test_demo_clients.c - the demo provider and what clients add: texts of their own around a person's, and schemas as
 * SDKs write them. */
#include <stdio.h>

#include "check.h"
#include "replay.h"

static struct replay r;

static bool is(const struct buf *buf, const char *expected)
{
    return text_is(buf_view(buf), expected);
}

#define REMINDER "{\"type\":\"text\",\"text\":\"<system-reminder>\\nToday is Monday.\\n</system-reminder>\"}"

/* What Claude Code sends: its own texts before and behind what the person wrote, and behind a tool's result. */
Test(demo_clients, answers_the_person_and_not_the_client)
{
    replay_begin(&r, gw_plugin_entry_demo(), NULL);
    replay_produce(&r,
                   "{\"messages\":[{\"role\":\"user\",\"content\":[" REMINDER ",{\"type\":\"text\",\"text\":"
                   "\"tool now\"}," REMINDER "]}]}",
                   false, 10);
    cr_assert_eq(r.choices[0].tool_count, 1u);
    replay_again(&r);
    replay_produce(
        &r,
        "{\"messages\":[{\"role\":\"user\",\"content\":\"tool\"},{\"role\":\"assistant\",\"tool_calls\":[{\"id\":"
        "\"c1\",\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\","
        "\"tool_call_id\":\"c1\",\"content\":\"found\"},{\"role\":\"user\",\"content\":[" REMINDER "]}]}",
        false, 10);
    cr_assert(is(&r.choices[0].text, "The result of look is: found"));
    replay_again(&r);
    replay_produce(&r, "{\"messages\":[{\"role\":\"user\",\"content\":[" REMINDER "]}]}", false, 10);
    cr_assert(is(&r.choices[0].text, "You said nothing."));
    replay_end(&r);
}

/* Schemas as SDKs write them, also when the first word is one that the demo provider knows. */
Test(demo_clients, answers_with_what_the_schema_describes)
{
    static const struct {
        const char *schema, *value;
    } cases[] = {
        { "{'$defs':{'S':{'type':'object','required':['n'],'properties':{'n':{'type':'integer'}}}},'type':'object',"
          "'required':['a','b'],'properties':{'a':{'$ref':'#/$defs/S'},'b':{'type':'array','items':{'$ref':'#/$defs/"
          "S'}}}}",
          "{'a':{'n':1},'b':[{'n':1}]}" },
        { "{'$ref':'#/definitions/A','definitions':{'A':{'enum':['x','y']}}}", "'x'" },
        { "{'anyOf':[{'type':'null'},{'type':'boolean'}]}", "true" },
        { "{'oneOf':[{'const':7}]}", "7" },
        { "{'allOf':[{'type':'integer','minimum':3}]}", "3" },
        { "{'type':'null'}", "null" },
        { "{'type':'array','minItems':3,'items':{'type':'boolean'}}", "[true,true,true]" },
        { "{'type':'array','maxItems':0}", "[]" },
        { "{'type':'array','prefixItems':[{'type':'integer'},{'type':'string'}]}", "[1,'text']" },
        { "{'type':'string','minLength':6}", "'textte'" },
        { "{'type':'string','maxLength':2}", "'te'" },
        { "{'type':'string','format':'email'}", "'someone@example.com'" },
        { "{'type':'integer','exclusiveMinimum':4}", "5" },
        { "{'type':'integer','maximum':-2}", "-2" },
        { "{'type':'integer','exclusiveMaximum':0}", "-1" },
        { "{'type':'integer','minimum':5,'multipleOf':4}", "8" },
        { "{'type':'number','minimum':0.25}", "0.25" },
        { "{'type':'number','exclusiveMinimum':0,'maximum':0.5}", "0.25" },
        { "{'type':'number','exclusiveMinimum':0,'exclusiveMaximum':0.5}", "0.25" },
    };
    replay_begin(&r, gw_plugin_entry_demo(), NULL);
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        char body[1000], value[100];
        snprintf(value, sizeof value, "%s", cases[i / 2].value);
        snprintf(body, sizeof body,
                 "{'messages':[{'role':'user','content':'%s'}],'response_format':{'type':'json_schema','json_schema':"
                 "{'name':'n','schema':%s}}}",
                 i % 2 == 0 ? "hi" : "json please", cases[i / 2].schema);
        for (char *at = body; *at != '\0'; at++)
            *at = *at == '\'' ? '"' : *at;
        for (char *at = value; *at != '\0'; at++)
            *at = *at == '\'' ? '"' : *at;
        replay_again(&r);
        replay_produce(&r, body, false, 10);
        cr_assert_eq(r.status, GW_MISS);
        cr_assert(is(&r.choices[0].text, value), "%s: %.*s", cases[i / 2].schema,
                  TEXT_ARG(buf_view(&r.choices[0].text)));
    }
    replay_end(&r);
}
