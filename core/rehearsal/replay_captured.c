/* replay_captured.c - reads the records that flow/captured.c writes: a line of JSON, and the bytes behind it. */
#include "rehearsal/replay_captured.h"

#include <string.h>

/* The line of a record and what is behind it; NULL: there is none. */
static const struct json *line_of(struct find *f, struct text id, enum sealed_kind kind, struct arena *arena,
                                  struct text *rest)
{
    struct text all;
    if (f == NULL || !find_get(f, id, kind, arena, &all))
        return NULL;
    struct text line = text_cut(&all, '\n');
    *rest = all;
    return json_parse(arena, line, NULL);
}

struct text replay_captured_model(struct find *f, struct text id, struct arena *arena)
{
    struct text rest;
    return json_str(json_member(line_of(f, id, SEALED_REQUEST, arena, &rest), "model"));
}

static void read_headers(const struct json *list, struct script_request *req)
{
    struct script_header *headers = arena_array(req->arena, struct script_header, json_count(list));
    req->headers = headers;
    req->header_count = json_count(list);
    for (size_t i = 0; i < req->header_count; i++)
        headers[i] =
            (struct script_header){ json_str(json_at(json_at(list, i), 0)), json_str(json_at(json_at(list, i), 1)) };
}

bool replay_captured_fill(struct find *f, struct script_request *req)
{
    struct text body;
    struct fail fail;
    const struct json *line = line_of(f, req->id, SEALED_REQUEST, req->arena, &body);
    if (line == NULL)
        return false;
    struct ask *ask = arena_new(req->arena, struct ask);
    ask->content_type = json_str(json_member(line, "content_type"));
    if (req->face->decode(req->arena, body, ask, &fail) < 0)
        return false;
    req->ask = ask;
    req->operation = (uint32_t)json_int(json_member(line, "operation"), req->operation);
    req->address = json_str(json_member(line, "address"));
    req->stream = ask->stream;
    read_headers(json_member(line, "headers"), req);
    req->captured = true;
    return true;
}

/* One of the words, static; the last where it is none. */
static const char *word_of(struct text word, const char *const *words)
{
    while (words[1] != NULL && !text_is(word, words[0]))
        words++;
    return words[0];
}

static void read_target(const struct json *of, struct script_target *t)
{
    static const char *const roles[] = { "target", "context_overflow", "content_filter", "fallback", NULL };
    *t = (struct script_target){ .provider = json_str(json_member(of, "provider")),
                                 .model = json_str(json_member(of, "model")),
                                 .role = word_of(json_str(json_member(of, "role")), roles),
                                 .region = json_str(json_member(of, "region")),
                                 .retention = json_str(json_member(of, "retention")),
                                 .cost_nano = json_int(json_member(of, "cost_nano"), -1),
                                 .context_tokens = json_int(json_member(of, "context_tokens"), 0),
                                 .in_flight = (unsigned)json_int(json_member(of, "in_flight"), 0),
                                 .ejected = json_int(json_member(of, "ejected"), 0) != 0,
                                 .cooling_ms = json_int(json_member(of, "cooling_ms"), 0),
                                 .first_token_ms = json_real(json_member(of, "first_token_ms"), 0),
                                 .tokens_per_s = json_real(json_member(of, "tokens_per_s"), 0),
                                 .known = true };
}

static const struct script_error *read_error(const struct json *of, struct arena *arena)
{
    static const char *const classes[] = { "rate_limited",     "overloaded",     "timeout",     "network", "auth",
                                           "context_overflow", "content_filter", "bad_request", "server",  NULL };
    if (of == NULL)
        return NULL;
    struct script_error *e = arena_new(arena, struct script_error);
    *e = (struct script_error){ .class = word_of(json_str(json_member(of, "class")), classes),
                                .status = (int)json_int(json_member(of, "status"), 0),
                                .code = json_str(json_member(of, "code")),
                                .provider = json_str(json_member(of, "provider")),
                                .target = json_str(json_member(of, "target")) };
    return e;
}

struct script_targets *replay_captured_route(struct find *f, struct text id, uint64_t attempt, struct arena *arena,
                                             const struct script_error **error)
{
    struct text rest;
    if (attempt < 1 || attempt > SEALED_ROUTES)
        return NULL;
    const struct json *line = line_of(f, id, (enum sealed_kind)(SEALED_ROUTE + attempt - 1), arena, &rest),
                      *list = json_member(line, "targets");
    if (json_count(list) == 0)
        return NULL;
    struct script_targets *out = arena_new(arena, struct script_targets);
    *out = (struct script_targets){ .items = arena_array(arena, struct script_target, json_count(list)),
                                    .count = json_count(list) };
    for (size_t i = 0; i < out->count; i++)
        read_target(json_at(list, i), &out->items[i]);
    *error = read_error(json_member(line, "error"), arena);
    return out;
}

static void read_usage(const struct json *of, struct usage *u)
{
    *u = (struct usage){ .source = USAGE_REPORTED,
                         .input = json_int(json_member(of, "input"), 0),
                         .cache_read = json_int(json_member(of, "cache_read"), 0),
                         .cache_write_5m = json_int(json_member(of, "cache_write_5m"), 0),
                         .cache_write_1h = json_int(json_member(of, "cache_write_1h"), 0),
                         .output = json_int(json_member(of, "output"), 0),
                         .reasoning = json_int(json_member(of, "reasoning"), 0) };
}

struct script_response *replay_captured_answer(struct find *f, struct text id, struct arena *arena)
{
    static const char *const ends[] = { "stop", "length", "tool_calls", "content_filter", "refusal", "", NULL };
    struct text rest;
    const struct json *line = line_of(f, id, SEALED_ANSWER, arena, &rest);
    int64_t first = json_int(json_member(line, "first"), -1);
    if (first < 0 || (size_t)first > rest.len)
        return NULL;
    struct script_response *r = arena_new(arena, struct script_response);
    struct usage *usage = arena_new(arena, struct usage);
    r->parts[0] = (struct text){ rest.ptr, (size_t)first };
    r->parts[1] = (struct text){ rest.ptr + first, rest.len - (size_t)first };
    r->streams = json_bool(json_member(line, "streams"), false);
    if (!script_answer(arena, r))
        return NULL;
    read_usage(json_member(line, "usage"), usage);
    r->usage = usage;
    r->finish = word_of(json_str(json_member(line, "finish")), ends);
    r->target = json_str(json_member(line, "target"));
    r->first_token_ms = json_int(json_member(line, "first_token_ms"), -1);
    r->total_ms = json_int(json_member(line, "total_ms"), 0);
    return r;
}
