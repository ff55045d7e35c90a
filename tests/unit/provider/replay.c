/* replay.c - feeds bytes or a request to a provider and keeps what it emits. */
#include "replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "upstream/framing.h"

static int64_t now(void *self)
{
    return ((const struct replay *)self)->now_ms;
}

static void for_each_buf(struct replay *r, void (*fn)(struct buf *buf))
{
    struct buf *all[] = { &r->lines, &r->model, &r->raw, &r->body, &r->error_text, &r->error_code, &r->error_param };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        fn(all[i]);
    for (size_t c = 0; c < REPLAY_CHOICES; c++) {
        struct replay_choice *choice = &r->choices[c];
        fn(&choice->text);
        fn(&choice->refusal);
        fn(&choice->reasoning);
        fn(&choice->signature);
        for (size_t t = 0; t < REPLAY_TOOLS; t++) {
            fn(&choice->tools[t].id);
            fn(&choice->tools[t].name);
            fn(&choice->tools[t].args);
        }
    }
}

static void init_buf(struct buf *buf)
{
    buf_init(buf, 64 << 20);
}

static void begin_call(struct replay *r)
{
    arena_init(&r->keep, NULL, 0, 64 << 20);
    arena_init(&r->scratch, NULL, 0, 64 << 20);
    call_begin(&r->call, &r->keep, &r->scratch, r);
    for_each_buf(r, init_buf);
}

static void end_call(struct replay *r)
{
    cr_assert_not(call_is_full(&r->call));
    for_each_buf(r, buf_free);
    arena_fini(&r->scratch);
    arena_fini(&r->keep);
}

void replay_begin(struct replay *r, const gw_plugin *plugin, const char *settings)
{
    memset(r, 0, sizeof *r);
    r->ops = plugin->ops;
    r->host = *call_host();
    r->host.self = r;
    r->host.now_ms = now;
    begin_call(r);
    const struct json *config = NULL;
    if (settings != NULL) {
        config = json_parse(&r->keep, text_of(settings), NULL);
        cr_assert_not_null(config);
    }
    gw_status status = r->ops->open(&r->host, &r->call, call_json(config), &r->instance);
    cr_assert_eq(status, GW_OK, "open: %.*s", TEXT_ARG(r->call.explain));
}

void replay_end(struct replay *r)
{
    end_call(r);
    r->ops->close(r->instance);
}

void replay_again(struct replay *r)
{
    struct replay fresh = { .ops = r->ops, .host = r->host, .instance = r->instance };
    end_call(r);
    *r = fresh;
    r->host.self = r;
    begin_call(r);
}

static void keep_text(struct buf *buf, gw_str s)
{
    buf_truncate(buf, 0);
    buf_text(buf, call_text(s));
}

static void print_text(struct buf *out, const char *name, gw_str s)
{
    if (s.len == 0)
        return;
    buf_printf(out, " %s=\"", name);
    json_escape(out, call_text(s));
    buf_str(out, "\"");
}

static void print_count(struct buf *out, const char *name, int64_t value)
{
    if (value != -1)
        buf_printf(out, " %s=%lld", name, (long long)value);
}

static void print_event(struct replay *r, const gw_event *e)
{
    static const char *const names[] = { "?",         "start",     "text",        "refusal",  "reasoning", "signature",
                                         "tool_call", "tool_args", "custom_args", "citation", "logprobs",  "media",
                                         "usage",     "finish",    "error",       "body",     "origin" };
    static const char *const faults[] = { "by_status", "request", "auth",    "rate_limit", "overloaded",
                                          "server",    "timeout", "context", "filter",     "quota" };
    struct buf *out = &r->lines;

    buf_str(out, names[e->type <= GW_EVENT_ORIGIN ? e->type : 0]);
    if (e->type != GW_EVENT_START && e->type != GW_EVENT_USAGE && e->type != GW_EVENT_ERROR)
        buf_printf(out, " %u", e->index);
    if (e->type >= GW_EVENT_REASONING && e->type <= GW_EVENT_CUSTOM_ARGS)
        buf_printf(out, ".%u", e->item);
    if (e->type == GW_EVENT_ERROR)
        buf_printf(out, " %u %s", e->status, faults[e->fault <= GW_FAULT_QUOTA ? e->fault : 0]);
    print_text(out, "id", e->id);
    print_text(out, "text", e->text);
    print_text(out, "data", e->data);
    print_text(out, "code", e->code);
    print_text(out, "param", e->param);
    if (e->tokens != NULL) {
        print_count(out, "input", e->tokens->input);
        print_count(out, "cache_read", e->tokens->cache_read);
        print_count(out, "cache_write_5m", e->tokens->cache_write_5m);
        print_count(out, "cache_write_1h", e->tokens->cache_write_1h);
        print_count(out, "output", e->tokens->output);
        print_count(out, "reasoning", e->tokens->reasoning);
        print_count(out, "audio_in", e->tokens->audio_in);
        print_count(out, "audio_out", e->tokens->audio_out);
        print_count(out, "image_in", e->tokens->image_in);
        print_count(out, "image_out", e->tokens->image_out);
        print_count(out, "server_tool_calls", e->tokens->server_tool_calls);
        print_count(out, "total", e->tokens->total);
    }
    buf_str(out, "\n");
}

static void fold_choice(struct replay *r, const gw_event *e)
{
    cr_assert_lt(e->index, (uint32_t)REPLAY_CHOICES);
    struct replay_choice *c = &r->choices[e->index];
    bool is_tool = e->type == GW_EVENT_TOOL_CALL || e->type == GW_EVENT_TOOL_ARGS || e->type == GW_EVENT_CUSTOM_ARGS;
    if (is_tool)
        cr_assert_lt(e->item, (uint32_t)REPLAY_TOOLS);
    struct replay_tool *tool = is_tool ? &c->tools[e->item] : NULL;

    switch (e->type) {
    case GW_EVENT_TEXT:
        buf_text(&c->text, call_text(e->text));
        break;
    case GW_EVENT_REFUSAL:
        buf_text(&c->refusal, call_text(e->text));
        break;
    case GW_EVENT_REASONING:
        buf_text(&c->reasoning, call_text(e->text));
        break;
    case GW_EVENT_SIGNATURE:
        buf_text(&c->signature, call_text(e->text));
        break;
    case GW_EVENT_TOOL_CALL:
        cr_assert_eq(e->item, c->tool_count, "calls are opened in order");
        c->tool_count++;
        keep_text(&tool->id, e->id);
        keep_text(&tool->name, e->text);
        break;
    case GW_EVENT_TOOL_ARGS:
    case GW_EVENT_CUSTOM_ARGS:
        cr_assert_lt(e->item, c->tool_count, "arguments come after their call");
        tool->custom = e->type == GW_EVENT_CUSTOM_ARGS;
        buf_text(&tool->args, call_text(e->text));
        break;
    case GW_EVENT_CITATION:
        c->citations++;
        break;
    case GW_EVENT_LOGPROBS:
        c->logprobs++;
        break;
    case GW_EVENT_MEDIA:
        c->media++;
        break;
    case GW_EVENT_BODY:
        keep_text(&r->body, e->data);
        break;
    case GW_EVENT_FINISH:
        c->finish_count++;
        snprintf(c->finish, sizeof c->finish, "%.*s", TEXT_ARG(call_text(e->text)));
        break;
    default:
        break;
    }
    if (e->data.len > 0)
        cr_assert_eq(json_check(call_text(e->data), NULL), 0, "data is JSON: %.*s", TEXT_ARG(call_text(e->data)));
}

static void on_event(gw_call *call, const gw_event *e)
{
    struct replay *r = call->owner;

    cr_assert_eq(e->size, sizeof(gw_event));
    cr_assert_geq(e->type, GW_EVENT_START);
    cr_assert(r->events > 0 || e->type == GW_EVENT_START || e->type == GW_EVENT_ERROR || e->type == GW_EVENT_USAGE,
              "an answer begins with its start");
    r->events++;
    print_event(r, e);
    if (e->type == GW_EVENT_START) {
        r->starts++;
        keep_text(&r->model, e->text);
    } else if (e->type == GW_EVENT_USAGE) {
        r->usages++;
        r->tokens = *e->tokens;
        r->tokens.raw = (gw_str){ NULL, 0 };
        keep_text(&r->raw, e->tokens->raw);
    } else if (e->type == GW_EVENT_ERROR) {
        r->errors++;
        r->error_status = e->status;
        r->error_fault = e->fault;
        keep_text(&r->error_text, e->text);
        keep_text(&r->error_code, e->code);
        keep_text(&r->error_param, e->param);
    } else {
        fold_choice(r, e);
    }
}

/* What is handed to framing. */
struct feed {
    struct replay *replay;
    uint32_t status, framing;
};

static int read_frame(struct feed *feed, gw_str name, gw_str data, bool end)
{
    struct replay *r = feed->replay;
    gw_frame frame = {
        .size = sizeof frame, .end = end, .status = feed->status, .framing = feed->framing, .name = name, .data = data
    };
    gw_status status = r->ops->read(r->instance, &r->call, &frame, on_event);
    r->complete = r->complete || status == GW_MISS;
    r->status = status == GW_MISS ? GW_OK : status;
    cr_assert_not(call_is_full(&r->call));
    call_step_end(&r->call);
    return r->status == GW_OK ? 0 : 1;
}

static int on_frame(void *arg, const struct frame *frame)
{
    return frame->comment ? 0 : read_frame(arg, call_str(frame->name), call_str(frame->data), false);
}

void replay_body(struct replay *r, uint32_t status, uint32_t framing, struct text body, size_t cut)
{
    struct feed feed = { r, status, framing };
    struct framing framer;

    if (framing == GW_FRAMING_WHOLE) {
        read_frame(&feed, (gw_str){ NULL, 0 }, call_str(body), true);
        return;
    }
    framing_init(&framer, framing, 16 << 20);
    int result = framing_feed(&framer, (struct text){ body.ptr, cut }, on_frame, &feed);
    if (result == 0)
        result = framing_feed(&framer, (struct text){ body.ptr + cut, body.len - cut }, on_frame, &feed);
    if (result == 0)
        result = framing_end(&framer, true, on_frame, &feed);
    framing_fini(&framer);
    cr_assert_geq(result, 0, "the frames can be cut");
    if (result == 0)
        read_frame(&feed, (gw_str){ NULL, 0 }, GW_LIT(""), true);
}

unsigned replay_produce(struct replay *r, const char *body, bool stream, unsigned limit)
{
    struct arena arena;
    arena_init(&arena, NULL, 0, 64 << 20);
    const struct json *json = json_parse(&arena, text_of(body), NULL);
    cr_assert_not_null(json, "the test's own request is JSON");
    gw_request req = { .size = sizeof req,
                       .operation = GW_OP_CHAT,
                       .dialect = GW_DIALECT_CHAT,
                       .stream = stream,
                       .model = GW_LIT("demo"),
                       .body = call_json(json) };
    unsigned calls = 0;
    do {
        uint32_t wait_ms = 0;
        r->status = r->ops->produce(r->instance, &r->call, &req, on_event, &wait_ms);
        call_step_end(&r->call);
        r->now_ms += wait_ms;
        calls++;
    } while (r->status == GW_OK && calls < limit);
    arena_fini(&arena);
    return calls;
}

void replay_request(struct replay *r, const gw_request *req)
{
    uint32_t wait_ms = 0;
    r->status = r->ops->produce(r->instance, &r->call, req, on_event, &wait_ms);
    cr_assert_not(call_is_full(&r->call));
    call_step_end(&r->call);
}

struct text replay_file(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s cannot be read", path);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *bytes = arena_alloc(arena, (size_t)size + 1);
    cr_assert_eq(fread(bytes, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    return (struct text){ bytes, (size_t)size };
}
