/* event.c - checks events against <gateway/provider.h> and prints them. */
#include "event.h"

#include <stdio.h>

#include "base/json.h"
#include "canon/usage.h"

static const char *const types[] = { "?",         "start",     "text",        "refusal",  "reasoning", "signature",
                                     "tool_call", "tool_args", "custom_args", "citation", "logprobs",  "media",
                                     "usage",     "finish",    "error",       "body",     "origin" };
static const char *const faults[] = { "by_status", "request", "auth",    "rate_limit", "overloaded",
                                      "server",    "timeout", "context", "filter",     "quota" };

static const char *type_name(uint32_t type)
{
    return types[type <= GW_EVENT_ORIGIN ? type : 0];
}

__attribute__((format(printf, 2, 3))) static void complain(struct event_check *c, const char *format, ...)
{
    va_list args;
    if (c->problem[0] != '\0')
        return;
    va_start(args, format);
    vsnprintf(c->problem, sizeof c->problem, format, args);
    va_end(args);
}

static struct text text_from(gw_str s)
{
    return (struct text){ s.ptr, s.len };
}

static bool is_finish(struct text t)
{
    return text_is(t, "stop") || text_is(t, "length") || text_is(t, "tool_calls") || text_is(t, "content_filter");
}

static void check_strings(struct event_check *c, const gw_event *e)
{
    const gw_str all[] = { e->id, e->text, e->data, e->code, e->param };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!c->damaged && !text_is_utf8(text_from(all[i])))
            complain(c, "a %s event has a text that is not UTF-8", type_name(e->type));
    }
}

static void check_tokens(struct event_check *c, const gw_event *e)
{
    struct arena arena;
    struct usage usage = { .source = USAGE_NONE };

    arena_init(&arena, NULL, 0, 64 << 20);
    if (!usage_take(&usage, e->tokens, &arena) && !c->damaged)
        complain(c, "the buckets of a usage event are under -1, or do not sum to its total of %lld",
                 (long long)e->tokens->total);
    arena_fini(&arena);
}

static void check_error(struct event_check *c, const gw_event *e)
{
    if (e->status != 0 && (e->status < 400 || e->status > 599) && !c->damaged)
        complain(c, "an error event with status %u", e->status);
    if (e->data.len > 0 && json_check_quick(text_from(e->data)) < 0)
        complain(c, "the data of an error event is not JSON");
    if (e->fault > GW_FAULT_QUOTA)
        complain(c, "an error event with the unknown fault %u", e->fault);
    c->has_error = true;
}

/* Calls are counted from 0 in the order in which they are opened. */
static void check_call(struct event_check *c, const gw_event *e)
{
    uint32_t *calls = &c->calls[e->index];

    if (e->type == GW_EVENT_TOOL_CALL) {
        if (e->item != *calls)
            complain(c, "choice %u opens call %u when %u is next", e->index, e->item, *calls);
        if (e->text.len == 0 && !c->damaged)
            complain(c, "a tool_call event without the function's name");
        ++*calls;
    } else if (e->item >= *calls) {
        complain(c, "choice %u has arguments for call %u, which was not opened", e->index, e->item);
    }
}

static void check_content(struct event_check *c, const gw_event *e)
{
    if (e->index >= EVENT_CHOICES || e->item >= EVENT_ITEMS) {
        complain(c, "a %s event of choice %u, item %u", type_name(e->type), e->index, e->item);
        return;
    }
    if (c->finished[e->index] && e->type == GW_EVENT_FINISH)
        complain(c, "choice %u finishes twice", e->index);
    else if (c->finished[e->index] && e->type >= GW_EVENT_TEXT && e->type <= GW_EVENT_CUSTOM_ARGS && !c->damaged)
        complain(c, "a %s event of choice %u after its finish", type_name(e->type), e->index);
    if (e->type >= GW_EVENT_TOOL_CALL && e->type <= GW_EVENT_CUSTOM_ARGS)
        check_call(c, e);
    if (e->type == GW_EVENT_FINISH) {
        if (!is_finish(text_from(e->text)))
            complain(c, "a finish event says neither stop, length, tool_calls nor content_filter");
        c->finished[e->index] = true;
    }
    bool is_json = e->type == GW_EVENT_CITATION || e->type == GW_EVENT_LOGPROBS || e->type == GW_EVENT_MEDIA ||
                   e->type == GW_EVENT_BODY || e->type == GW_EVENT_ORIGIN ||
                   (e->type == GW_EVENT_FINISH && e->data.len > 0);
    if (is_json && json_check_quick(text_from(e->data)) < 0)
        complain(c, "the data of a %s event is not JSON", type_name(e->type));
    c->has_content = true;
}

void event_check(struct event_check *c, const gw_event *given)
{
    gw_event copy;
    gw_tokens tokens;
    const char *problem = event_copy(given, &copy, &tokens);
    const gw_event *e = &copy;
    if (problem != NULL) {
        complain(c, "it emits %s", problem);
        return;
    }
    c->count++;
    if (e->type < GW_EVENT_START || e->type > GW_EVENT_ORIGIN) {
        complain(c, "an event of the unknown type %u", e->type);
        return;
    }
    if (c->has_error)
        complain(c, "a %s event after an error", type_name(e->type));
    check_strings(c, e);
    if (e->type == GW_EVENT_START) {
        if (c->started || (c->has_content && !c->damaged))
            complain(c, "a start event %s", c->started ? "for the second time" : "after content");
        c->started = true;
    } else if (e->type == GW_EVENT_USAGE) {
        check_tokens(c, e);
    } else if (e->type == GW_EVENT_ERROR) {
        check_error(c, e);
    } else {
        check_content(c, e);
    }
}

static void put_text(struct buf *out, const char *name, gw_str s)
{
    if (s.len == 0)
        return;
    buf_printf(out, " %s=\"", name);
    json_escape(out, text_from(s));
    buf_str(out, "\"");
}

static void put_tokens(struct buf *out, const gw_tokens *t)
{
    const struct {
        const char *name;
        int64_t value;
    } counts[] = {
        { "input", t->input },
        { "cache_read", t->cache_read },
        { "cache_write_5m", t->cache_write_5m },
        { "cache_write_1h", t->cache_write_1h },
        { "output", t->output },
        { "reasoning", t->reasoning },
        { "audio_in", t->audio_in },
        { "audio_out", t->audio_out },
        { "image_in", t->image_in },
        { "image_out", t->image_out },
        { "server_tool_calls", t->server_tool_calls },
        { "total", t->total },
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i].value != -1)
            buf_printf(out, " %s=%lld", counts[i].name, (long long)counts[i].value);
}

void event_line(struct buf *out, const gw_event *given)
{
    gw_event copy;
    gw_tokens tokens;
    const gw_event *e = &copy;
    if (event_copy(given, &copy, &tokens) != NULL) {
        buf_str(out, "? what is no event\n");
        return;
    }
    buf_str(out, type_name(e->type));
    if (e->type != GW_EVENT_START && e->type != GW_EVENT_USAGE && e->type != GW_EVENT_ERROR)
        buf_printf(out, " %u", e->index);
    if (e->type >= GW_EVENT_REASONING && e->type <= GW_EVENT_CUSTOM_ARGS)
        buf_printf(out, ".%u", e->item);
    if (e->type == GW_EVENT_ERROR)
        buf_printf(out, " %u %s", e->status, faults[e->fault <= GW_FAULT_QUOTA ? e->fault : 0]);
    put_text(out, "id", e->id);
    put_text(out, "text", e->text);
    put_text(out, "data", e->data);
    put_text(out, "code", e->code);
    put_text(out, "param", e->param);
    if (e->tokens != NULL)
        put_tokens(out, e->tokens);
    buf_str(out, "\n");
}
