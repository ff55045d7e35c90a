/* sample.c - a value that a JSON schema describes: always the same one, as small as the schema allows. For
 * the arguments of a tool call and for structured answers. */
#include <string.h>

#include "demo.h"

enum { DEPTH = 8, VALUES = 1000 };

/* A schema can ask for far more than it has bytes: `left` is how many values may still be written. */
struct sampler {
    const gw_host *h;
    gw_writer *w;
    int left;
};

static void sample(struct sampler *s, const gw_json *schema, gw_str name, int depth);

void demo_sample(const gw_host *host, gw_writer *w, const gw_json *schema, gw_str name)
{
    struct sampler s = {.h = host, .w = w, .left = VALUES};
    sample(&s, schema, name, 0);
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

static void sample_object(struct sampler *s, const gw_json *schema, int depth)
{
    const gw_json *properties = s->h->json->get(schema, GW_LIT("properties"));
    const gw_json *required = s->h->json->get(schema, GW_LIT("required"));

    s->h->write->object(s->w);
    for (size_t i = 0; i < s->h->json->count(required) && s->left > 0; i++) {
        gw_str name = s->h->json->str(s->h->json->at(required, i));
        s->h->write->key(s->w, name);
        sample(s, s->h->json->get(properties, name), name, depth + 1);
    }
    s->h->write->close(s->w);
}

static void sample_string(struct sampler *s, const gw_json *schema, gw_str name)
{
    gw_str format = s->h->json->str(s->h->json->get(schema, GW_LIT("format")));

    if (demo_is(format, "date"))
        s->h->write->str(s->w, GW_LIT("2026-01-01"));
    else if (demo_is(format, "date-time"))
        s->h->write->str(s->w, GW_LIT("2026-01-01T12:00:00Z"));
    else if (demo_is(name, "city") || demo_is(name, "location"))
        s->h->write->str(s->w, GW_LIT("Paris"));
    else
        s->h->write->str(s->w, GW_LIT("text"));
}

static void sample(struct sampler *s, const gw_json *schema, gw_str name, int depth)
{
    const gw_host *h = s->h;
    const gw_json *value = given(h, schema);
    const gw_json *either = h->json->at(h->json->get(schema, GW_LIT("anyOf")), 0);
    gw_str type = type_of(h, schema);

    s->left--;
    if (value != NULL) {
        h->write->copy(s->w, value);
    } else if (depth >= DEPTH) {
        h->write->null(s->w);
    } else if (either != NULL) {
        sample(s, either, name, depth + 1);
    } else if (demo_is(type, "object")) {
        sample_object(s, schema, depth);
    } else if (demo_is(type, "array")) {
        h->write->array(s->w);
        sample(s, h->json->get(schema, GW_LIT("items")), name, depth + 1);
        h->write->close(s->w);
    } else if (demo_is(type, "integer") || demo_is(type, "number")) {
        h->write->integer(s->w, h->json->integer(h->json->get(schema, GW_LIT("minimum")), 1));
    } else if (demo_is(type, "boolean")) {
        h->write->boolean(s->w, 1);
    } else {
        sample_string(s, schema, name);
    }
}

bool demo_is(gw_str s, const char *word)
{
    return s.len == strlen(word) && memcmp(s.len > 0 ? s.ptr : "", word, s.len) == 0;
}
