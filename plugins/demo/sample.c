/* sample.c - a value that a JSON schema describes: always the same one, as small as the schema allows. For
 * the arguments of a tool call and for structured answers. */
#include <string.h>

#include "demo.h"

enum { DEPTH = 8 };

static void sample(const gw_host *h, gw_writer *w, const gw_json *schema, gw_str name, int depth);

void demo_sample(const gw_host *host, gw_writer *w, const gw_json *schema, gw_str name)
{
    sample(host, w, schema, name, 0);
}

/* The first type that is not null, of "type": "x" or "type": ["x", "null"]. */
static gw_str type_of(const gw_host *h, const gw_json *schema)
{
    const gw_json *type = h->json->get(schema, GW_LIT("type"));

    for (size_t i = 0; i < h->json->count(type); i++) {
        gw_str one = h->json->str(h->json->at(type, i));
        if (!demo_is(one, "null"))
            return one;
    }
    if (h->json->str(type).ptr != NULL)
        return h->json->str(type);
    return h->json->type(h->json->get(schema, GW_LIT("properties"))) == GW_JSON_OBJECT ? GW_LIT("object")
                                                                                       : GW_LIT("string");
}

/* The value that the schema itself gives: const, the first of enum, default. */
static const gw_json *given(const gw_host *h, const gw_json *schema)
{
    const gw_json *value = h->json->get(schema, GW_LIT("const"));
    if (value == NULL)
        value = h->json->at(h->json->get(schema, GW_LIT("enum")), 0);
    if (value == NULL)
        value = h->json->get(schema, GW_LIT("default"));
    return value;
}

static void sample_object(const gw_host *h, gw_writer *w, const gw_json *schema, int depth)
{
    const gw_json *properties = h->json->get(schema, GW_LIT("properties"));
    const gw_json *required = h->json->get(schema, GW_LIT("required"));

    h->write->object(w);
    for (size_t i = 0; i < h->json->count(required); i++) {
        gw_str name = h->json->str(h->json->at(required, i));
        h->write->key(w, name);
        sample(h, w, h->json->get(properties, name), name, depth + 1);
    }
    h->write->close(w);
}

static void sample_string(const gw_host *h, gw_writer *w, const gw_json *schema, gw_str name)
{
    gw_str format = h->json->str(h->json->get(schema, GW_LIT("format")));

    if (demo_is(format, "date"))
        h->write->str(w, GW_LIT("2026-01-01"));
    else if (demo_is(format, "date-time"))
        h->write->str(w, GW_LIT("2026-01-01T12:00:00Z"));
    else if (demo_is(name, "city") || demo_is(name, "location"))
        h->write->str(w, GW_LIT("Paris"));
    else
        h->write->str(w, GW_LIT("text"));
}

static void sample(const gw_host *h, gw_writer *w, const gw_json *schema, gw_str name, int depth)
{
    const gw_json *value = given(h, schema);
    const gw_json *either = h->json->at(h->json->get(schema, GW_LIT("anyOf")), 0);
    gw_str type = type_of(h, schema);

    if (value != NULL)
        h->write->copy(w, value);
    else if (depth >= DEPTH)
        h->write->null(w);
    else if (either != NULL)
        sample(h, w, either, name, depth + 1);
    else if (demo_is(type, "object"))
        sample_object(h, w, schema, depth);
    else if (demo_is(type, "array")) {
        h->write->array(w);
        sample(h, w, h->json->get(schema, GW_LIT("items")), name, depth + 1);
        h->write->close(w);
    } else if (demo_is(type, "integer") || demo_is(type, "number"))
        h->write->integer(w, h->json->integer(h->json->get(schema, GW_LIT("minimum")), 1));
    else if (demo_is(type, "boolean"))
        h->write->boolean(w, 1);
    else
        sample_string(h, w, schema, name);
}

bool demo_is(gw_str s, const char *word)
{
    return s.len == strlen(word) && memcmp(s.len > 0 ? s.ptr : "", word, s.len) == 0;
}
