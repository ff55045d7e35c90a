/* test_demo.c - the demo provider emits what its README describes, at the pace it promises, and the same each time. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "replay.h"

static struct replay r;

/* One user message, the whole answer. */
static void say(const char *message, bool stream)
{
    char body[512];
    snprintf(body, sizeof body, "{\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}", message);
    replay_produce(&r, body, stream, 10000);
    cr_assert_eq(r.status, GW_MISS, "%s", message);
}

static void begin(const char *settings)
{
    replay_begin(&r, gw_plugin_entry_demo(), settings);
}

static bool lines_are(const char *expected)
{
    bool same = text_is(buf_view(&r.lines), expected);
    if (!same)
        fprintf(stderr, "got:\n%.*s", TEXT_ARG(buf_view(&r.lines)));
    return same;
}

static bool is(const struct buf *buf, const char *expected)
{
    return text_is(buf_view(buf), expected);
}

Test(demo, echoes_in_tokens_with_real_usage)
{
    begin(NULL);
    say("Grüß, dich 🎈!", true);
    cr_assert(lines_are("start id=\"demo5be9a81caefc07f2\" text=\"demo\"\n"
                        "text 0 text=\"You\"\n"
                        "text 0 text=\" said\"\n"
                        "text 0 text=\":\"\n"
                        "text 0 text=\" Grü\"\n"
                        "text 0 text=\"ß\"\n"
                        "text 0 text=\",\"\n"
                        "text 0 text=\" dich\"\n"
                        "text 0 text=\" 🎈\"\n"
                        "text 0 text=\"!\"\n"
                        "finish 0 text=\"stop\"\n"
                        "usage input=10 cache_read=0 output=9 reasoning=0 total=19\n"));
    cr_assert(is(&r.raw, "{\"prompt_tokens\":10,\"completion_tokens\":9,\"total_tokens\":19,"
                         "\"completion_tokens_details\":{\"reasoning_tokens\":0}}"));
    replay_end(&r);
}

Test(demo, says_the_same_whole_and_streamed_and_again)
{
    static const char *const messages[] = {
        "hello", "tool", "think of a number", "json please", "long 30", "", "  x  "
    };
    struct buf text;

    begin("{\"tokens_per_second\":0}");
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        buf_init(&text, 1 << 20);
        replay_again(&r);
        say(messages[i], true);
        struct buf streamed = r.choices[0].tool_count > 0 ? r.choices[0].tools[0].args : r.choices[0].text;
        buf_text(&text, buf_view(&streamed));
        int64_t output = r.tokens.output, total = r.tokens.total;
        cr_assert_gt(output, 0);
        cr_assert_eq(r.events > 4, true);

        replay_again(&r);
        say(messages[i], false);
        struct buf whole = r.choices[0].tool_count > 0 ? r.choices[0].tools[0].args : r.choices[0].text;
        cr_assert(text_eq(buf_view(&whole), buf_view(&text)), "%s", messages[i]);
        cr_assert_eq(r.tokens.output, output);
        cr_assert_eq(r.tokens.total, total);
        cr_assert_leq(r.events, 6u, "a whole answer comes in few events");
        buf_free(&text);
    }
    replay_end(&r);
}

Test(demo, calls_the_first_tool_with_what_its_schema_requires)
{
    begin(NULL);
    replay_produce(
        &r,
        "{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"book\",\"parameters\":{\"type\":\"object\","
        "\"required\":[\"city\",\"nights\",\"kind\",\"guests\",\"when\",\"pets\",\"note\"],\"properties\":{"
        "\"city\":{\"type\":\"string\"},\"nights\":{\"type\":\"integer\",\"minimum\":2},"
        "\"kind\":{\"enum\":[\"single\",\"double\"]},\"guests\":{\"type\":\"array\",\"items\":{\"type\":"
        "\"object\",\"required\":[\"name\"],\"properties\":{\"name\":{\"type\":\"string\"}}}},"
        "\"when\":{\"type\":\"string\",\"format\":\"date\"},\"pets\":{\"type\":[\"boolean\",\"null\"]},"
        "\"note\":{\"anyOf\":[{\"type\":\"number\"}]},\"more\":{\"type\":\"string\"}}}}}],"
        "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"be brief\"},"
        "{\"type\":\"text\",\"text\":\"tool now\"}]}]}",
        true, 1000);
    cr_assert_eq(r.choices[0].tool_count, 1u);
    cr_assert(is(&r.choices[0].tools[0].name, "book"));
    cr_assert(is(&r.choices[0].tools[0].args,
                 "{\"city\":\"Paris\",\"nights\":2,\"kind\":\"single\",\"guests\":[{\"name\":\"text\"}],"
                 "\"when\":\"2026-01-01\",\"pets\":true,\"note\":1}"));
    cr_assert_str_eq(r.choices[0].finish, "tool_calls");
    cr_assert_eq(r.choices[0].text.len, 0u);

    replay_again(&r);
    say("tool", false);
    cr_assert(is(&r.choices[0].tools[0].name, "get_weather"));
    cr_assert(is(&r.choices[0].tools[0].args, "{\"city\":\"Paris\"}"));
    replay_end(&r);
}

Test(demo, has_an_end_to_a_schema_that_has_none)
{
    struct buf body;
    buf_init(&body, 1 << 20);
    buf_str(&body, "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"response_format\":{\"type\":"
                   "\"json_schema\",\"json_schema\":{\"schema\":");
    for (int depth = 0; depth < 8; depth++) { /* 60 of the same, eight levels deep: 60 to the eighth */
        buf_str(&body, "{\"required\":[\"a\"");
        for (int i = 1; i < 60; i++)
            buf_str(&body, ",\"a\"");
        buf_str(&body, "],\"properties\":{\"a\":");
    }
    buf_str(&body, "{}");
    for (int depth = 0; depth < 2 * 8 + 3; depth++)
        buf_str(&body, "}");
    buf_append(&body, "", 1);
    begin(NULL);
    replay_produce(&r, buf_view(&body).ptr, false, 10);
    cr_assert_eq(r.status, GW_MISS);
    cr_assert_lt(r.choices[0].text.len, 20000u);
    replay_end(&r);
    buf_free(&body);
}

Test(demo, calls_what_tool_choice_names)
{
    const char *tools = "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a\"}},"
                        "{\"type\":\"function\",\"function\":{\"name\":\"b\"}}],"
                        "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]";
    char body[512];

    begin(NULL);
    snprintf(body, sizeof body, "{%s,\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"b\"}}}", tools);
    replay_produce(&r, body, false, 10);
    cr_assert(is(&r.choices[0].tools[0].name, "b"));
    cr_assert(is(&r.choices[0].tools[0].args, "{}"));
    replay_again(&r);
    snprintf(body, sizeof body, "{%s,\"tool_choice\":\"required\"}", tools);
    replay_produce(&r, body, false, 10);
    cr_assert(is(&r.choices[0].tools[0].name, "a"));
    replay_again(&r);
    snprintf(body, sizeof body, "{%s,\"tool_choice\":\"auto\"}", tools);
    replay_produce(&r, body, false, 10);
    cr_assert(is(&r.choices[0].text, "You said: hi"));
    replay_end(&r);
}

Test(demo, answers_with_the_result_of_a_tool)
{
    begin(NULL);
    replay_produce(&r,
                   "{\"messages\":[{\"role\":\"user\",\"content\":\"tool\"},{\"role\":\"assistant\",\"content\":null,"
                   "\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"clock\","
                   "\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"12:00\"}]}",
                   false, 10);
    cr_assert(is(&r.choices[0].text, "The result of clock is: 12:00"));
    cr_assert_str_eq(r.choices[0].finish, "stop");
    cr_assert_eq(r.tokens.input, 3 * 4 + 1 + 3, "three messages, \"tool\" and \"12:00\"");
    replay_end(&r);
}

Test(demo, refuses_when_asked_to)
{
    begin(NULL);
    say("429", true);
    cr_assert(lines_are("error 429 rate_limit text=\"the demo provider refuses this as a rate limit, as asked for\" "
                        "code=\"rate_limit_exceeded\"\n"));
    replay_again(&r);
    say("529 please", false);
    cr_assert(lines_are("error 529 overloaded text=\"the demo provider says that it is overloaded, as asked for\" "
                        "code=\"overloaded\"\n"));
    replay_again(&r);
    say("4290", false);
    cr_assert(is(&r.choices[0].text, "You said: 4290"), "only the whole word counts");
    replay_end(&r);
}

Test(demo, breaks_off_after_three_tokens)
{
    begin(NULL);
    say("break", true);
    cr_assert(lines_are("start id=\"democ85aa6d7a4836adb\" text=\"demo\"\n"
                        "text 0 text=\"This\"\n"
                        "text 0 text=\" answ\"\n"
                        "text 0 text=\"er\"\n"
                        "error 500 server text=\"the demo provider broke off in mid-answer, as asked for\" "
                        "code=\"server_error\"\n"));
    replay_end(&r);
}

Test(demo, thinks_before_it_answers)
{
    begin(NULL);
    say("think twice", true);
    cr_assert(is(&r.choices[0].reasoning, "The user wants an answer to: twice\nI will repeat it."));
    cr_assert(is(&r.choices[0].text, "You said: twice"));
    cr_assert_eq(r.tokens.reasoning, 18);
    cr_assert_eq(r.tokens.output, 5);
    cr_assert_eq(r.tokens.total, r.tokens.input + 23);
    ptrdiff_t text = text_find(buf_view(&r.lines), TEXT("\ntext ")), last = -1;
    for (struct text rest = buf_view(&r.lines); text_find(rest, TEXT("reasoning 0")) >= 0;) {
        ptrdiff_t at = text_find(rest, TEXT("reasoning 0"));
        last = rest.ptr + at - buf_view(&r.lines).ptr;
        rest = (struct text){ rest.ptr + at + 1, rest.len - (size_t)at - 1 };
    }
    cr_assert(last >= 0 && last < text, "all reasoning comes before the text");
    replay_end(&r);
}

Test(demo, answers_in_json)
{
    begin(NULL);
    say("json some \\\"words\\\"", false);
    cr_assert(is(&r.choices[0].text, "{\"said\":\"some \\\"words\\\"\"}"));
    replay_again(&r);
    replay_produce(
        &r, "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"response_format\":{\"type\":\"json_object\"}}",
        false, 10);
    cr_assert(is(&r.choices[0].text, "{\"said\":\"hi\"}"));
    replay_again(&r);
    replay_produce(
        &r,
        "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"response_format\":{\"type\":\"json_schema\","
        "\"json_schema\":{\"name\":\"x\",\"schema\":{\"type\":\"object\",\"properties\":{\"ok\":{\"type\":"
        "\"boolean\"}},\"required\":[\"ok\"]}}}}",
        false, 10);
    cr_assert(is(&r.choices[0].text, "{\"ok\":true}"));
    replay_end(&r);
}

static unsigned words(struct text text)
{
    unsigned count = text.len > 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == ' ' || text.ptr[i] == '\n';
    return count;
}

Test(demo, writes_as_many_words_as_it_is_told)
{
    begin("{\"long_words\":12}");
    say("long", false);
    cr_assert_eq(words(buf_view(&r.choices[0].text)), 12u);
    replay_again(&r);
    say("long 1000", false);
    cr_assert_eq(words(buf_view(&r.choices[0].text)), 1000u);
    replay_again(&r);
    say("long 99999999999999999999", false);
    cr_assert_eq(words(buf_view(&r.choices[0].text)), 20000u, "there is an end to it");
    replay_end(&r);
}

Test(demo, keeps_the_pace_it_is_set_to)
{
    begin("{\"tokens_per_second\":10,\"latency_ms\":250}");
    say("one two three", true); /* You, said, :, one, two, thre, e */
    cr_assert_eq(r.tokens.output, 7);
    cr_assert_eq(r.now_ms, 250 + 6 * 100, "%lld ms", (long long)r.now_ms);
    replay_again(&r);
    say("one two three", false);
    cr_assert_eq(r.now_ms, 0, "a whole answer comes at once");
    replay_end(&r);

    begin("{\"tokens_per_second\":50000}");
    unsigned calls = replay_produce(&r, "{\"messages\":[{\"role\":\"user\",\"content\":\"long 1000\"}]}", true, 10000);
    cr_assert_leq(r.now_ms, r.tokens.output * 1000 / 50000 + 1, "%lld ms", (long long)r.now_ms);
    cr_assert_lt(calls, 100u, "several tokens in one call: %u calls", calls);
    replay_end(&r);

    begin("{\"tokens_per_second\":0}");
    say("long 1000", true);
    cr_assert_eq(r.now_ms, 0);
    replay_end(&r);
}

Test(demo, catches_up_when_it_was_not_called_in_time)
{
    begin("{\"tokens_per_second\":10}");
    const char *body = "{\"messages\":[{\"role\":\"user\",\"content\":\"long 100\"}]}";
    replay_produce(&r, body, true, 1);
    unsigned before = r.events;
    cr_assert_eq(before, 2u, "start and the first token");
    r.now_ms += 1000; /* it had asked for 100 ms, which have passed too */
    replay_produce(&r, body, true, 1);
    cr_assert_eq(r.events - before, 11u);
    replay_end(&r);
}

Test(demo, is_slow_when_asked_to)
{
    begin("{\"slow_ms\":700,\"tokens_per_second\":0}");
    say("slow", false);
    cr_assert_eq(r.now_ms, 700);
    cr_assert(is(&r.choices[0].text, "You said: slow"));
    replay_again(&r);
    say("slow", true);
    cr_assert_eq(r.now_ms, 700);
    replay_end(&r);
}

Test(demo, honours_limits_stops_and_choices)
{
    begin(NULL);
    replay_produce(&r, "{\"max_tokens\":4,\"messages\":[{\"role\":\"user\",\"content\":\"a b c d\"}]}", true, 100);
    cr_assert(is(&r.choices[0].text, "You said: a"));
    cr_assert_str_eq(r.choices[0].finish, "length");
    cr_assert_eq(r.tokens.output, 4);

    replay_again(&r);
    replay_produce(
        &r, "{\"max_tokens\":1,\"max_completion_tokens\":3,\"messages\":[{\"role\":\"user\",\"content\":\"think x\"}]}",
        false, 100);
    cr_assert(is(&r.choices[0].reasoning, "The user want"));
    cr_assert_eq(r.choices[0].text.len, 0u);
    cr_assert_str_eq(r.choices[0].finish, "length");
    cr_assert_eq(r.tokens.reasoning, 3);
    cr_assert_eq(r.tokens.output, 0);

    replay_again(&r);
    replay_produce(&r, "{\"stop\":[\"zzz\",\" c\",\" b\"],\"messages\":[{\"role\":\"user\",\"content\":\"a b c d\"}]}",
                   true, 100);
    cr_assert(is(&r.choices[0].text, "You said: a"));
    cr_assert_str_eq(r.choices[0].finish, "stop");

    replay_again(&r);
    replay_produce(&r, "{\"n\":3,\"stop\":\" b\",\"messages\":[{\"role\":\"user\",\"content\":\"a b\"}]}", true, 100);
    for (int i = 0; i < 3; i++) {
        cr_assert(is(&r.choices[i].text, "You said: a"));
        cr_assert_eq(r.choices[i].finish_count, 1u);
    }
    cr_assert_eq(r.tokens.output, 3 * 4);
    replay_end(&r);
}

Test(demo, complains_of_what_it_cannot_answer)
{
    begin(NULL);
    replay_produce(&r, "{\"messages\":[]}", false, 10);
    cr_assert_eq(r.error_status, 400u);
    cr_assert(is(&r.error_param, "messages"));
    replay_again(&r);
    replay_produce(&r, "{\"n\":200,\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}", false, 10);
    cr_assert_eq(r.error_fault, GW_FAULT_REQUEST);
    cr_assert(is(&r.error_param, "n"));
    replay_again(&r);
    replay_produce(&r, "{\"logprobs\":true,\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}", false, 10);
    cr_assert_not_null(r.call.dropped);
    cr_assert(text_is(r.call.dropped->member, "logprobs"));
    replay_end(&r);
}

Test(demo, refuses_settings_out_of_range)
{
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 20);
    const struct json *settings = json_parse(&arena, TEXT("{\"tokens_per_second\":-1}"), NULL);
    replay_begin(&r, gw_plugin_entry_demo(), NULL);
    gw_status status = r.ops->open(&r.host, &r.call, call_json(settings), &(void *){ NULL });
    cr_assert_eq(status, GW_E_CONFIG);
    cr_assert_gt(r.call.explain.len, 0u);
    replay_end(&r);
    arena_fini(&arena);
}

static void embed(const char *body)
{
    struct arena arena;
    arena_init(&arena, NULL, 0, 64 << 20);
    gw_request req = { .size = sizeof req,
                       .operation = GW_OP_EMBEDDINGS,
                       .dialect = GW_DIALECT_EMBEDDINGS,
                       .model = GW_LIT("demo"),
                       .body = call_json(json_parse(&arena, text_of(body), NULL)) };
    replay_request(&r, &req);
    arena_fini(&arena);
}

static double product(const struct json *a, const struct json *b)
{
    double sum = 0;
    cr_assert_eq(json_count(a), json_count(b));
    for (size_t i = 0; i < json_count(a); i++)
        sum += json_real(json_at(a, i), 9) * json_real(json_at(b, i), 9);
    return sum;
}

Test(demo, embeds_texts_as_unit_vectors)
{
    const struct json *v[3];
    begin(NULL);
    embed("{\"input\":[\"the black cat sleeps\",\"the white cat sleeps\",\"tax return\"],\"dimensions\":128}");
    cr_assert_eq(r.status, GW_MISS);
    const struct json *body = json_parse(&r.keep, buf_view(&r.body), NULL), *data = json_member(body, "data");
    cr_assert_eq(json_count(data), 3u);
    for (size_t i = 0; i < 3; i++) {
        v[i] = json_member(json_at(data, i), "embedding");
        cr_assert_eq(json_count(v[i]), 128u);
        cr_assert_eq(json_int(json_member(json_at(data, i), "index"), -1), (int64_t)i);
        cr_assert(product(v[i], v[i]) > 0.9999 && product(v[i], v[i]) < 1.0001);
    }
    cr_assert(product(v[0], v[1]) > product(v[0], v[2]) + 0.2, "what shares words is nearer");
    cr_assert_eq(json_int(json_member(json_member(body, "usage"), "prompt_tokens"), -1), r.tokens.input);
    cr_assert_eq(r.tokens.total, r.tokens.input);
    replay_end(&r);
}

Test(demo, embeds_tokens_nothing_and_the_default)
{
    begin("{\"dimensions\":8}");
    embed("{\"input\":[1,2,3]}");
    cr_assert_eq(r.tokens.input, 3);
    replay_again(&r);
    embed("{\"input\":\"\"}");
    const struct json *body = json_parse(&r.keep, buf_view(&r.body), NULL);
    const struct json *vector = json_member(json_at(json_member(body, "data"), 0), "embedding");
    cr_assert_eq(json_count(vector), 8u);
    cr_assert(product(vector, vector) > 0.99);
    replay_again(&r);
    embed("{\"input\":\"x\",\"dimensions\":4}");
    cr_assert_eq(r.errors, 1u);
    cr_assert_eq(r.error_status, 400u);
    replay_again(&r);
    embed("{\"input\":[]}");
    cr_assert(is(&r.error_param, "input"));
    replay_end(&r);
}
