/* case.c - the members of a case: files, requests, statuses, JSON to compare. */
#include "base/base64.h"
#include "kit.h"

#include <stdio.h>
#include <string.h>

struct text case_read_file(struct kit_case *c, struct arena *arena, const char *path)
{
    struct buf bytes;
    size_t room;
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        if (c != NULL)
            case_fail(c, "%s cannot be read", path);
        return TEXT_NONE;
    }
    buf_init(&bytes, 64 << 20);
    for (char *at; (at = buf_room(&bytes, 64 << 10, &room)) != NULL;) {
        size_t got = fread(at, 1, room, file);
        buf_added(&bytes, got);
        if (got == 0)
            break;
    }
    fclose(file);
    struct text text = arena_text(arena, bytes.len > 0 ? buf_view(&bytes) : TEXT(""));
    buf_free(&bytes);
    return text;
}

struct text case_path(struct kit_case *c, struct text name)
{
    struct text folder = c->file != NULL ? c->file->folder : TEXT(".");
    if (text_starts(name, TEXT("/")))
        return text_of(arena_str(c->arena, name));
    return text_of(arena_printf(c->arena, "%.*s/%.*s", TEXT_ARG(folder), TEXT_ARG(name)));
}

struct text case_decode_base64(struct arena *arena, struct text code)
{
    char *out = arena_alloc(arena, BASE64_BYTES(code.len));
    size_t len;
    return base64_read(code, false, out, &len) ? (struct text){ out, len } : TEXT_NONE;
}

static const struct {
    const char *name;
    uint32_t value;
} operations[] =
    {
        {"chat",         GW_OP_CHAT        },
        {"completions",  GW_OP_COMPLETIONS },
        {"embeddings",   GW_OP_EMBEDDINGS  },
        {"count_tokens", GW_OP_COUNT_TOKENS},
        {"models",       GW_OP_MODELS      },
        {"moderations",  GW_OP_MODERATIONS },
        {"rerank",       GW_OP_RERANK      },
        {"images",       GW_OP_IMAGES      },
        {"audio",        GW_OP_AUDIO       },
},
  dialects[] = {
      {"chat", GW_DIALECT_CHAT},     {"responses", GW_DIALECT_RESPONSES},   {"messages", GW_DIALECT_MESSAGES},
      {"gemini", GW_DIALECT_GEMINI}, {"embeddings", GW_DIALECT_EMBEDDINGS}, {"completions", GW_DIALECT_COMPLETIONS},
      {"other", GW_DIALECT_OTHER},
};

static gw_str text_member(const struct json *json, struct text name, const char *otherwise)
{
    const struct json *v = json_get(json, name);
    return v == NULL ? call_str(text_of(otherwise)) : call_str(json_str(v)); /* null: absent */
}

bool case_request(struct kit_case *c, const struct json *json, gw_request *out)
{
    const gw_provider_ops *ops = &c->kit->plugin->provider;
    struct text operation = call_text(text_member(json, TEXT("operation"), "chat"));
    struct text dialect = call_text(text_member(json, TEXT("dialect"), "chat"));

    *out = (gw_request){
        .size = sizeof *out,
        .stream = json_bool(json_member(json, "stream"), false),
        .model = text_member(json, TEXT("model"), "some-model"),
        .base_url =
            text_member(json, TEXT("base_url"), ops->base_url != NULL ? ops->base_url : "http://127.0.0.1:9/v1"),
        .secret = text_member(json, TEXT("secret"), "a-secret"),
        .path = text_member(json, TEXT("path"), NULL),
        .body = call_json(json_member(json, "body")),
    };
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (text_is(operation, operations[i].name))
            out->operation = operations[i].value;
    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++)
        if (text_is(dialect, dialects[i].name))
            out->dialect = dialects[i].value;
    if (out->operation == 0)
        return case_fail(c, "there is no operation \"%.*s\"", TEXT_ARG(operation));
    if (out->dialect == 0)
        return case_fail(c, "there is no dialect \"%.*s\"", TEXT_ARG(dialect));
    return true;
}

gw_status case_status(struct text name)
{
    for (gw_status status = GW_E_REJECT; status <= GW_MISS; status++)
        if (text_is(name, call_status_name(status)))
            return status;
    return -100;
}

static bool is_number(const struct json *v)
{
    return json_type(v) == JSON_T_INT || json_type(v) == JSON_T_REAL;
}

bool case_same_json(const struct json *a, const struct json *b)
{
    if (is_number(a) && is_number(b)) {
        if (text_eq(json_text(a), json_text(b)))
            return true;
        double x = json_real(a, 0), y = json_real(b, 0);
        return x >= y && x <= y;
    }
    if (json_type(a) != json_type(b))
        return false;
    switch (json_type(a)) {
    case JSON_T_STR:
        return text_eq(json_str(a), json_str(b));
    case JSON_T_BOOL:
        return json_bool(a, false) == json_bool(b, false);
    case JSON_T_ARRAY:
    case JSON_T_OBJECT:
        if (json_count(a) != json_count(b))
            return false;
        for (size_t i = 0; i < json_count(a); i++) {
            bool by_name = json_type(a) == JSON_T_OBJECT;
            const struct json *other = by_name ? json_get(b, json_key_at(a, i)) : json_at(b, i);
            if (other == NULL || !case_same_json(json_at(a, i), other))
                return false;
        }
        return true;
    default:
        return true;
    }
}
