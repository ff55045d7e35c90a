/* test_anthropic_recordings.c - the anthropic provider reads what Anthropic really sent. What is expected is computed
 * here, from the recording, in another way: blocks are put together first, then asked. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "anthropic_answer.h"
#include "anthropic_case.h"
#include "check.h"

static void check_text(const char *path, const char *what, const struct buf *got, struct text wanted)
{
    cr_assert(text_eq(buf_view(got), wanted), "%s: %s is '%.*s' and not '%.*s'", path, what, TEXT_ARG(buf_view(got)),
              TEXT_ARG(wanted));
}

static void check_tool(const char *path, struct answer *e, const struct answer_block *p, const struct replay_tool *tool)
{
    struct text args = buf_view(&p->input);
    const struct json *input = args.len > 0 ? case_parse(&e->arena, args) : json_member(p->start, "input");

    check_text(path, "the id of a tool call", &tool->id, json_str(json_member(p->start, "id")));
    check_text(path, "the name of a tool", &tool->name, json_str(json_member(p->start, "name")));
    struct text got = case_canonical(&e->arena, case_parse(&e->arena, buf_view(&tool->args)));
    cr_assert(text_eq(got, case_canonical(&e->arena, input)), "%s: arguments %.*s", path, TEXT_ARG(got));
}

/* The blocks of a kind that chats do not know, with what came piece by piece in its place. */
static struct text other_block(struct answer *e, const struct answer_block *p)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, 4 << 20);
    json_writer_init(&w, &out);
    json_object(&w);
    for (size_t i = 0; i < json_count(p->start); i++) {
        json_key(&w, json_key_at(p->start, i));
        if (text_is(json_key_at(p->start, i), "input") && p->input.len > 0)
            json_put_raw(&w, buf_view(&p->input));
        else
            json_put_json(&w, json_at(p->start, i));
    }
    json_close(&w);
    cr_assert_eq(json_end(&w), 0);
    struct text text = case_canonical(&e->arena, case_parse(&e->arena, arena_text(&e->arena, buf_view(&out))));
    buf_free(&out);
    return text;
}

#define CONTAINER " code=\"container\""

/* The data of the next line that begins with `name`, as a value; NULL when there is none. A container stands beside the
 * blocks. */
static const struct json *next_data(struct answer *e, struct text *lines, const char *name)
{
    while (lines->ptr != NULL && lines->len > 0) {
        struct text line = text_cut(lines, '\n');
        const char *data = text_starts(line, text_of(name)) ? memmem(line.ptr, line.len, " data=", 6) : NULL;
        if (data == NULL || text_ends(line, TEXT(CONTAINER)))
            continue;
        struct text quoted = { data + 6, (size_t)(line.ptr + line.len - data - 6) };
        return case_parse(&e->arena, arena_text(&e->arena, json_str(case_parse(&e->arena, quoted))));
    }
    return NULL;
}

static void check_blocks(const char *path, struct answer *e, const struct replay *r)
{
    const struct replay_choice *c = &r->choices[0];
    struct buf text, thinking, signature;
    struct text lines = buf_view(&r->lines);
    unsigned tools = 0, pages = 0;

    buf_init(&text, 4 << 20);
    buf_init(&thinking, 4 << 20);
    buf_init(&signature, 4 << 20);
    for (size_t i = 0; i < e->count; i++) {
        const struct answer_block *p = &e->blocks[i];
        pages += p->pages;
        if (answer_is(p, "text")) {
            buf_text(&text, buf_view(&p->text));
        } else if (answer_is(p, "thinking")) {
            buf_text(&thinking, buf_view(&p->thinking));
            buf_text(&signature, buf_view(&p->signature));
        } else if (answer_is(p, "redacted_thinking")) {
            buf_text(&signature, json_str(json_member(p->start, "data")));
        } else if (answer_is(p, "tool_use")) {
            cr_assert_lt(tools, c->tool_count, "%s", path);
            check_tool(path, e, p, &c->tools[tools++]);
        } else {
            const struct json *got = next_data(e, &lines, "origin ");
            cr_assert(got != NULL && text_eq(case_canonical(&e->arena, got), other_block(e, p)), "%s: block %zu", path,
                      i);
        }
    }
    cr_assert_null(next_data(e, &lines, "origin "), "%s", path);
    cr_assert_eq(tools, c->tool_count, "%s: %u calls and not %u", path, c->tool_count, tools);
    cr_assert_eq(pages, c->citations, "%s: %u citations and not %u", path, c->citations, pages);
    check_text(path, "text", &c->text, buf_view(&text));
    check_text(path, "thinking", &c->reasoning, buf_view(&thinking));
    check_text(path, "signatures", &c->signature, buf_view(&signature));
    buf_free(&text);
    buf_free(&thinking);
    buf_free(&signature);
}

/* With the calls that Anthropic made to shorten the conversation: they are charged and not in the count. */
static int64_t told(const struct answer *e, const char *name)
{
    const struct json *iterations = json_member(e->last_usage, "iterations");
    int64_t sum = json_int(json_get(e->last_usage, text_of(name)), -1);

    if (sum < 0)
        sum = json_int(json_get(e->first_usage, text_of(name)), 0);
    for (size_t i = 0; i < json_count(iterations); i++)
        if (text_is(json_str(json_member(json_at(iterations, i), "type")), "compaction"))
            sum += json_int(json_get(json_at(iterations, i), text_of(name)), 0);
    return sum;
}

static int64_t at_least(int64_t n)
{
    return n > 0 ? n : 0;
}

/* Anthropic reports no total: each side is added up. */
static void check_usage(const char *path, const struct answer *e, const struct replay *r)
{
    const gw_tokens *t = &r->tokens;
    int64_t in = told(e, "input_tokens") + told(e, "cache_read_input_tokens") + told(e, "cache_creation_input_tokens");
    int64_t thinking =
        json_int(json_member(json_member(e->last_usage, "output_tokens_details"), "thinking_tokens"), -1);

    if (e->last_usage == NULL) {
        cr_assert_eq(r->usages, 0u, "%s", path);
        return;
    }
    cr_assert_gt(r->usages, 0u, "%s", path);
    cr_assert_eq(at_least(t->input) + at_least(t->cache_read) + at_least(t->cache_write_5m) +
                     at_least(t->cache_write_1h),
                 in, "%s: %lld tokens in", path, (long long)in);
    cr_assert_eq(t->input, told(e, "input_tokens"), "%s", path);
    cr_assert_eq(at_least(t->cache_read), told(e, "cache_read_input_tokens"), "%s", path);
    cr_assert_eq(t->output + at_least(t->reasoning), told(e, "output_tokens"), "%s", path);
    cr_assert_eq(t->reasoning, thinking, "%s", path);
    cr_assert_eq(t->total, -1, "%s", path);
    cr_assert(text_eq(buf_view(&r->raw), json_text(e->last_usage)), "%s: the raw usage", path);
}

/* An end with calls that wait is none: a fixture put together from several answers has it, and some servers do. */
static const char *finish_of(const struct answer *e)
{
    for (size_t i = 0; i < e->count; i++)
        if (text_is(e->reason, "end_turn") && answer_is(&e->blocks[i], "tool_use"))
            return "tool_calls";

    static const struct {
        const char *reason, *finish;
    } words[] = { { "end_turn", "stop" },       { "stop_sequence", "stop" }, { "pause_turn", "stop" },
                  { "tool_use", "tool_calls" }, { "max_tokens", "length" },  { "refusal", "content_filter" } };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (text_is(e->reason, words[i].reason))
            return words[i].finish;
    return "";
}

static void check_answer(const char *path, struct text body)
{
    static struct replay r;
    static struct answer e;
    bool is_stream = answer_is_stream(body);

    answer_read(&e, body);
    replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
    size_t cuts[] = { 0, 1, body.len / 2, body.len };
    for (size_t i = 0; i < (is_stream ? 4u : 1u); i++) {
        replay_again(&r);
        replay_body(&r, 200, is_stream ? GW_FRAMING_SSE : GW_FRAMING_WHOLE, body, cuts[i]);
        cr_assert_eq(r.status, GW_OK, "%s: %.*s", path, TEXT_ARG(r.call.explain));
        cr_assert_eq(r.errors, e.error ? 1u : 0u, "%s", path);
        cr_assert_eq(r.starts, 1u, "%s", path);
        cr_assert_gt(r.model.len, 0u, "%s", path);
        check_blocks(path, &e, &r);
        check_usage(path, &e, &r);
        cr_assert_str_eq(r.choices[0].finish, finish_of(&e), "%s: %.*s", path, TEXT_ARG(e.reason));
    }
    replay_end(&r);
    answer_forget(&e);
}

/* What the refusals among the recordings are about. */
static const struct {
    const char *name;
    uint32_t fault;
    const char *code, *param;
} refusals[] = {
    { "count_tokens-error-404-01.json", GW_FAULT_REQUEST, "not_found_error", "model" },
    { "messages-error-400-01.json", GW_FAULT_REQUEST, "invalid_request_error", "messages.0" },
    { "messages-error-400-02.json", GW_FAULT_REQUEST, "invalid_request_error", "" },
    { "messages-error-400-03.json", GW_FAULT_CONTEXT, "invalid_request_error", "" },
    { "messages-error-401-01.json", GW_FAULT_AUTH, "authentication_error", "" },
    { "messages-error-401-02.json", GW_FAULT_AUTH, "authentication_error", "" },
    { "messages-error-404-01.json", GW_FAULT_REQUEST, "not_found_error", "model" },
    { "messages-error-404-02.json", GW_FAULT_REQUEST, "not_found_error", "model" },
    { "messages-error-own_400-01.json", GW_FAULT_REQUEST, "invalid_request_error", "max_tokens" },
    { "messages-error-own_401-01.json", GW_FAULT_AUTH, "authentication_error", "" },
    { "messages-error-own_404-01.json", GW_FAULT_REQUEST, "not_found_error", "model" },
};

static void check_refusal(const char *name, uint32_t status, struct text body)
{
    static struct replay r;
    size_t row = 0;

    while (row < sizeof refusals / sizeof *refusals && strcmp(refusals[row].name, name) != 0)
        row++;
    cr_assert_lt(row, sizeof refusals / sizeof *refusals, "%s is not in the table of refusals", name);
    replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
    replay_body(&r, status, GW_FRAMING_WHOLE, body, 0);
    cr_assert_eq(r.events, 1u, "%s: one event and no other", name);
    cr_assert_eq(r.errors, 1u, "%s", name);
    cr_assert_eq(r.error_status, status, "%s", name);
    cr_assert_eq(r.error_fault, refusals[row].fault, "%s: fault %u", name, r.error_fault);
    cr_assert(text_is(buf_view(&r.error_code), refusals[row].code), "%s", name);
    cr_assert(text_is(buf_view(&r.error_param), refusals[row].param), "%s: %.*s", name,
              TEXT_ARG(buf_view(&r.error_param)));
    cr_assert_gt(r.error_text.len, 8u, "%s", name);
    replay_end(&r);
}

static void check_count(const char *name, struct text body)
{
    static struct replay r;

    replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
    replay_body(&r, 200, GW_FRAMING_WHOLE, body, 0);
    cr_assert_eq(r.usages, 0u, "%s: a count costs nothing", name);
    cr_assert(memmem(r.lines.ptr, r.lines.len, "body 0 data=", 12) != NULL, "%s", name);
    replay_end(&r);
}

static void check_recording(const char *name, const char *path)
{
    struct arena arena;
    arena_init(&arena, NULL, 0, 256 << 20);
    const struct json *root = case_parse(&arena, replay_file(&arena, path)), *response = json_member(root, "response");
    bool counts = text_is(json_str(json_member(root, "api")), "count_tokens");
    int64_t status = json_int(json_member(response, "status"), 0);
    struct text body = json_str(json_member(response, "body"));

    if (status >= 400)
        check_refusal(name, (uint32_t)status, body);
    else if (counts)
        check_count(name, body);
    else
        check_answer(name, body);
    arena_fini(&arena);
}

Test(anthropic_recordings, are_read)
{
    char folder[512], path[1200];
    unsigned count = 0;
    snprintf(folder, sizeof folder, "%s", check_shared("recordings/anthropic"));
    DIR *dir = opendir(folder);
    cr_assert_not_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (!text_ends(text_of(entry->d_name), TEXT(".json")))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        check_recording(entry->d_name, path);
        count++;
    }
    closedir(dir);
    cr_assert_geq(count, check_least(75), "%u recordings", count);
}

static void check_chunks(const char *path, struct buf *body)
{
    struct text copy = buf_view(body);
    if (copy.len > 0)
        check_answer(path, copy);
    buf_truncate(body, 0);
}

/* Rare blocks: parsed answers, and chunks without framing, sometimes of several answers behind each other. Two are
 * of streams that begin twice. */
static void check_fragment(const struct json *fragment)
{
    const struct json *response = json_member(fragment, "response"), *chunks = json_member(response, "chunks");
    struct text name = json_str(json_member(fragment, "name"));
    struct buf body;
    char path[300];

    snprintf(path, sizeof path, "%.*s", TEXT_ARG(name));
    if (text_starts(name, TEXT("spliced-")) || text_starts(name, TEXT("duplicate-")))
        return;
    if (json_count(chunks) == 0)
        check_answer(path, json_text(json_member(response, "json")));
    buf_init(&body, 64 << 20);
    for (size_t i = 0; i < json_count(chunks); i++) {
        if (text_is(json_str(json_member(json_at(chunks, i), "type")), "message_start"))
            check_chunks(path, &body);
        buf_printf(&body, "data: %.*s\n\n", TEXT_ARG(json_text(json_at(chunks, i))));
    }
    check_chunks(path, &body);
    buf_free(&body);
}

Test(anthropic_recordings, of_rare_blocks_are_read)
{
    struct arena arena;
    unsigned count = 0;

    arena_init(&arena, NULL, 0, 256 << 20);
    struct text lines = replay_file(&arena, check_shared("recordings/fragments/anthropic.jsonl"));
    while (lines.ptr != NULL && lines.len > 0) {
        struct text line = text_cut(&lines, '\n');
        if (line.len == 0)
            continue;
        check_fragment(case_parse(&arena, line));
        count++;
    }
    arena_fini(&arena);
    cr_assert_geq(count, check_least(40), "%u fragments", count);
}

/* Parsed answers to requests that were written by hand: recordings/matched. */
static unsigned check_answers(struct arena *arena, const char *path, const struct json *side)
{
    static const char *const names[] = { "response", "followup_response", "response_streaming",
                                         "followup_response_streaming" };
    unsigned count = 0;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct json *given = json_get(side, text_of(names[i]));
        struct buf body;
        buf_init(&body, 64 << 20);
        if (json_type(given) == JSON_T_OBJECT)
            buf_text(&body, case_canonical(arena, given));
        for (size_t k = 0; json_type(given) == JSON_T_ARRAY && k < json_count(given); k++)
            buf_printf(&body, "data: %.*s\n\n", TEXT_ARG(case_canonical(arena, json_at(given, k))));
        count += body.len > 0;
        check_chunks(path, &body);
        buf_free(&body);
    }
    return count;
}

Test(anthropic_recordings, of_matched_conversations_are_read)
{
    char folder[512], path[1200];
    unsigned count = 0;

    snprintf(folder, sizeof folder, "%s", check_shared("recordings/matched"));
    DIR *dir = opendir(folder);
    cr_assert_not_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct arena arena;
        if (!text_ends(text_of(entry->d_name), TEXT(".json")))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        arena_init(&arena, NULL, 0, 256 << 20);
        const struct json *root = case_parse(&arena, replay_file(&arena, path));
        count += check_answers(&arena, entry->d_name, json_member(json_member(root, "formats"), "anthropic"));
        arena_fini(&arena);
    }
    closedir(dir);
    cr_assert_geq(count, check_least(120), "%u answers", count);
}
