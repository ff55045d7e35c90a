/* host_json.c - JSON for plugins: a reader table and a writer table over base/json, so that no plugin is
 * tied to the version of a JSON library. */
#include "plugin/host_json.h"

#include "plugin/call.h"

_Static_assert((uint32_t)JSON_T_NULL == GW_JSON_NULL && (uint32_t)JSON_T_BOOL == GW_JSON_BOOL &&
                   (uint32_t)JSON_T_INT == GW_JSON_INT && (uint32_t)JSON_T_REAL == GW_JSON_REAL &&
                   (uint32_t)JSON_T_STR == GW_JSON_STR && (uint32_t)JSON_T_ARRAY == GW_JSON_ARRAY &&
                   (uint32_t)JSON_T_OBJECT == GW_JSON_OBJECT && (uint32_t)JSON_T_ABSENT == GW_JSON_ABSENT,
               "the types of base/json are those of the ABI");

static const struct json *value_of(const gw_json *v)
{
    return (const struct json *)(const void *)v;
}

static uint32_t read_type(const gw_json *v)
{
    return (uint32_t)json_type(value_of(v));
}

static const gw_json *read_get(const gw_json *object, gw_str key)
{
    return call_json(json_get(value_of(object), call_text(key)));
}

static const gw_json *read_at(const gw_json *array_or_object, size_t index)
{
    return call_json(json_at(value_of(array_or_object), index));
}

static gw_str read_key_at(const gw_json *object, size_t index)
{
    return call_str(json_key_at(value_of(object), index));
}

static size_t read_count(const gw_json *array_or_object)
{
    return json_count(value_of(array_or_object));
}

static gw_str read_str(const gw_json *v)
{
    return call_str(json_str(value_of(v)));
}

static int64_t read_integer(const gw_json *v, int64_t otherwise)
{
    return json_int(value_of(v), otherwise);
}

static double read_real(const gw_json *v, double otherwise)
{
    return json_real(value_of(v), otherwise);
}

static int32_t read_boolean(const gw_json *v, int32_t otherwise)
{
    return read_type(v) == GW_JSON_BOOL ? (int32_t)json_bool(value_of(v), false) : otherwise;
}

static gw_str read_text(const gw_json *v)
{
    return call_str(json_text(value_of(v)));
}

static gw_status read_parse(gw_call *call, gw_str text, const gw_json **out)
{
    *out = NULL;
    if ((call = call_given(call, "json->parse()")) == NULL)
        return GW_E_REJECT;
    struct fail fail;
    const struct json *v = call->builds ? json_parse(call->scratch, call_text(text), &fail)
                                        : json_parse_quick(call->scratch, call_text(text));
    *out = call_json(v);
    if (v != NULL)
        return GW_OK;
    call->explain = TEXT("it is not JSON");
    return GW_E_PROTOCOL;
}

const gw_json_api host_json = {
    .size = sizeof(gw_json_api),
    .type = read_type,
    .get = read_get,
    .at = read_at,
    .key_at = read_key_at,
    .count = read_count,
    .str = read_str,
    .integer = read_integer,
    .real = read_real,
    .boolean = read_boolean,
    .text = read_text,
    .parse = read_parse,
};

/* For NULL one that takes nothing. */
static struct json_writer *writer_of(gw_writer *w)
{
    static _Thread_local struct json_writer none;
    static _Thread_local struct buf nothing; /* its maximum is 0 */

    if (w != NULL)
        return &w->json;
    call_given(NULL, "a function of host->write");
    none = (struct json_writer){ .error = -1, .out = &nothing };
    return &none;
}

static void put_object(gw_writer *w)
{
    json_object(writer_of(w));
}

static void put_array(gw_writer *w)
{
    json_array(writer_of(w));
}

static void put_close(gw_writer *w)
{
    json_close(writer_of(w));
}

static void put_key(gw_writer *w, gw_str name)
{
    json_key(writer_of(w), call_text(name));
}

static void put_str(gw_writer *w, gw_str value)
{
    json_put_str(writer_of(w), call_text(value));
}

static void put_integer(gw_writer *w, int64_t value)
{
    json_put_int(writer_of(w), value);
}

static void put_real(gw_writer *w, double value)
{
    json_put_real(writer_of(w), value);
}

static void put_boolean(gw_writer *w, int32_t value)
{
    json_put_bool(writer_of(w), value != 0);
}

static void put_null(gw_writer *w)
{
    json_put_null(writer_of(w));
}

/* What is absent is written as null, so that key() is never left without a value. */
static void put_copy(gw_writer *w, const gw_json *value)
{
    if (value == NULL)
        json_put_null(writer_of(w));
    else
        json_put_json(writer_of(w), value_of(value));
}

static void put_raw(gw_writer *w, gw_str json)
{
    json_put_raw(writer_of(w), call_text(json));
}

/* Not one complete value, or past the limit of the buffer: for the plugin it is the same. */
static gw_status put_end(gw_writer *w)
{
    if (w != NULL && w->call != NULL && w->out->failed)
        w->call->starved = true;
    return json_end(writer_of(w)) == 0 ? GW_OK : GW_E_NOMEM;
}

static gw_str put_text(gw_writer *w)
{
    return w != NULL ? call_str(buf_view(w->out)) : (gw_str){ NULL, 0 };
}

const gw_writer_api host_write = {
    .size = sizeof(gw_writer_api),
    .object = put_object,
    .array = put_array,
    .close = put_close,
    .key = put_key,
    .str = put_str,
    .integer = put_integer,
    .real = put_real,
    .boolean = put_boolean,
    .null = put_null,
    .copy = put_copy,
    .raw = put_raw,
    .end = put_end,
    .text = put_text,
};
