/* anthropic_case.c - a request built and looked at, JSON compared by what it means. */
#include "anthropic_case.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

void built_begin(struct built *built, struct replay *r, uint32_t operation, const char *model, const struct json *chat,
                 bool stream)
{
    struct fail fail = { .kind = FAIL_NONE };
    gw_request req = { .size = sizeof req,
                       .operation = operation,
                       .dialect = chat == NULL ? GW_DIALECT_MESSAGES : GW_DIALECT_CHAT,
                       .stream = stream,
                       .model = call_str(text_of(model)),
                       .base_url = GW_LIT("http://127.0.0.1:1"),
                       .secret = GW_LIT("sk-ant-1"),
                       .body = call_json(chat) };
    *built = (struct built){ .status = GW_OK };
    call_http_init(&built->http, &r->call, 64 << 20);
    call_step_begin(&r->call);
    built->status = r->ops->build(r->instance, &r->call, &req, &built->http);
    call_step_end(&r->call);
    if (built->status != GW_OK)
        return;
    cr_assert_eq(call_http_check(&built->http, &fail), 0, "%s", fail.text);
    if (chat != NULL)
        built->body = case_parse(&r->keep, buf_view(&built->http.body));
}

void built_end(struct built *built)
{
    call_http_fini(&built->http);
}

struct text built_header(const struct built *built, const char *name)
{
    for (size_t i = 0; i < built->http.header_count; i++)
        if (text_is(built->http.headers[i].name, name))
            return built->http.headers[i].value;
    return TEXT_NONE;
}

struct text built_dropped(const struct replay *r)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    for (const struct call_dropped *d = r->call.dropped; d != NULL; d = d->next) {
        cr_assert_gt(d->why.len, 0u);
        buf_printf(&out, "%s%.*s", out.len > 0 ? "," : "", TEXT_ARG(d->member));
    }
    struct text names = arena_text(r->call.keep, buf_view(&out));
    buf_free(&out);
    return names;
}

const struct json *case_parse(struct arena *arena, struct text json)
{
    struct fail fail = { .kind = FAIL_NONE };
    const struct json *value = json_parse(arena, json, &fail);
    cr_assert_not_null(value, "%s: %.*s", fail.text, TEXT_ARG(json));
    return value;
}

static int by_key(const void *a, const void *b)
{
    const struct text *x = a, *y = b;
    size_t len = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->ptr, y->ptr, len);
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static void put_canonical(struct arena *arena, struct json_writer *w, const struct json *v)
{
    size_t count = json_count(v);
    struct text *keys;

    switch (json_type(v)) {
    case JSON_T_OBJECT:
        keys = arena_array(arena, struct text, count + 1);
        for (size_t i = 0; i < count; i++)
            keys[i] = json_key_at(v, i);
        qsort(keys, count, sizeof *keys, by_key);
        json_object(w);
        for (size_t i = 0; i < count; i++) {
            json_key(w, keys[i]);
            put_canonical(arena, w, json_get(v, keys[i]));
        }
        json_close(w);
        break;
    case JSON_T_ARRAY:
        json_array(w);
        for (size_t i = 0; i < count; i++)
            put_canonical(arena, w, json_at(v, i));
        json_close(w);
        break;
    case JSON_T_STR:
        json_put_str(w, json_str(v));
        break;
    case JSON_T_REAL:
        json_put_real(w, json_real(v, 0));
        break;
    default:
        json_put_json(w, v);
        break;
    }
}

struct text case_canonical(struct arena *arena, const struct json *value)
{
    struct json_writer w;
    struct buf out;

    if (value == NULL)
        return TEXT("(absent)");
    buf_init(&out, 64 << 20);
    json_writer_init(&w, &out);
    put_canonical(arena, &w, value);
    cr_assert_eq(json_end(&w), 0);
    struct text text = arena_text(arena, buf_view(&out));
    buf_free(&out);
    return text;
}
