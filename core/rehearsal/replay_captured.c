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

/* The word as a static one. */
static const char *finish_of(struct text word)
{
    static const char *const words[] = { "stop", "length", "tool_calls", "content_filter", "refusal", NULL };
    for (size_t i = 0; words[i] != NULL; i++)
        if (text_is(word, words[i]))
            return words[i];
    return "";
}

struct script_response *replay_captured_answer(struct find *f, struct text id, struct arena *arena)
{
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
    r->finish = finish_of(json_str(json_member(line, "finish")));
    r->target = json_str(json_member(line, "target"));
    r->first_token_ms = json_int(json_member(line, "first_token_ms"), -1);
    r->total_ms = json_int(json_member(line, "total_ms"), 0);
    return r;
}
