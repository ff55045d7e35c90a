/* strict.c - does OpenAI enforce a schema? Only one in which every object names all of its properties as required and
 * allows no other; it answers 400 to "strict" with any other ("Structured model outputs", supported schemas). */
#include "openai.h"

enum { PROPERTIES_MOST = 5000 }; /* OpenAI's limit */

static bool is_said_in(const struct body_writer *w, const gw_json *list, gw_str name)
{
    for (size_t i = 0; i < w->h->json->count(list); i++) {
        gw_str one = w->h->json->str(w->h->json->at(list, i));
        if (one.len == name.len && __builtin_memcmp(one.ptr, name.ptr, one.len) == 0)
            return true;
    }
    return false;
}

static bool is_object(const struct body_writer *w, const gw_json *schema)
{
    const gw_json *type = w->h->json->get(schema, GW_LIT("type"));
    return openai_is(w->h->json->str(type), "object") || is_said_in(w, type, GW_LIT("object")) ||
           w->h->json->type(w->h->json->get(schema, GW_LIT("properties"))) == GW_JSON_OBJECT;
}

static bool is_closed(const struct body_writer *w, const gw_json *schema)
{
    const gw_json *properties = w->h->json->get(schema, GW_LIT("properties"));
    const gw_json *required = w->h->json->get(schema, GW_LIT("required"));
    size_t count = w->h->json->count(properties);

    if (w->h->json->boolean(w->h->json->get(schema, GW_LIT("additionalProperties")), 1) != 0 ||
        count > PROPERTIES_MOST || w->h->json->count(required) < count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!is_said_in(w, required, w->h->json->key_at(properties, i)))
            return false;
    return true;
}

static bool are_strict(const struct body_writer *w, const gw_json *schemas)
{
    uint32_t type = w->h->json->type(schemas);
    if (type != GW_JSON_OBJECT && type != GW_JSON_ARRAY)
        return true;
    for (size_t i = 0; i < w->h->json->count(schemas); i++)
        if (!openai_is_strict(w, w->h->json->at(schemas, i)))
            return false;
    return true;
}

bool openai_is_strict(const struct body_writer *w, const gw_json *schema)
{
    static const char *const unknown[] = {
        "allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties"
    };
    static const char *const inner[] = { "properties", "anyOf", "$defs", "definitions" };

    if (w->h->json->type(schema) != GW_JSON_OBJECT)
        return true;
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        if (w->h->json->type(w->h->json->get(schema, openai_lit(unknown[i]))) != GW_JSON_ABSENT)
            return false;
    if (is_object(w, schema) && !is_closed(w, schema))
        return false;
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++)
        if (!are_strict(w, w->h->json->get(schema, openai_lit(inner[i]))))
            return false;
    return openai_is_strict(w, w->h->json->get(schema, GW_LIT("items")));
}
