/* schema.c - a JSON Schema as Anthropic's structured outputs take it. They refuse limits of numbers, lengths and
 * sizes and want every object closed. What they refuse is said in the description instead, where the model can
 * still read it; Anthropic's own SDKs do the same. */
#include "anthropic.h"

static const char *const carried[] = {"$ref",  "title", "default", "enum",  "const",       "type",      "required",
                                      "anyOf", "allOf", "items",   "$defs", "definitions", "properties"};
/* Said elsewhere, or, of a schema's own dialect, of no meaning to a model. */
static const char *const silent[] = {"$schema", "description", "additionalProperties"};
static const char *const formats[] = {"date-time", "time", "date", "duration", "email",
                                      "hostname",  "uri",  "ipv4", "ipv6",     "uuid"};

static bool is_one_of(gw_str name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (anthropic_is(name, list[i]))
            return true;
    return false;
}

#define IS_ONE_OF(name, list) is_one_of(name, list, sizeof(list) / sizeof *(list))

static bool is_carried(const struct building *b, const gw_json *schema, gw_str name, const gw_json *value)
{
    if (anthropic_is(name, "format"))
        return IS_ONE_OF(b->h->json->str(value), formats);
    if (anthropic_is(name, "minItems")) {
        int64_t least = b->h->json->integer(value, -1);
        return least == 0 || least == 1;
    }
    if (anthropic_is(name, "oneOf")) /* as anyOf, of which there may be one already */
        return get(b->h, schema, "anyOf") == NULL;
    if (anthropic_is(name, "items"))
        return is_type(b->h, value, GW_JSON_OBJECT);
    return IS_ONE_OF(name, carried);
}

static void pile_up(struct building *b, struct pile *pile, gw_str s)
{
    if (!anthropic_pile(b->h, b->call, pile, s))
        b->status = GW_E_NOMEM;
}

/* "description", with a note of what is not carried: "Age.\n\n{minimum: 0, maximum: 150}". */
static void write_description(struct building *b, const gw_json *schema, gw_str outer)
{
    gw_str own = get_str(b->h, schema, "description");
    struct pile pile = {.len = 0};
    bool any = false;

    pile_up(b, &pile, own.len > 0 ? own : outer);
    for (size_t i = 0; i < b->h->json->count(schema); i++) {
        gw_str name = b->h->json->key_at(schema, i);
        const gw_json *value = b->h->json->at(schema, i);
        if (is_carried(b, schema, name, value) || IS_ONE_OF(name, silent))
            continue;
        pile_up(b, &pile, any ? GW_LIT(", ") : pile.len > 0 ? GW_LIT("\n\n{") : GW_LIT("{"));
        pile_up(b, &pile, name);
        pile_up(b, &pile, GW_LIT(": "));
        pile_up(b, &pile, b->h->json->text(value));
        any = true;
    }
    if (any)
        pile_up(b, &pile, GW_LIT("}"));
    if (pile.len > 0)
        put_str(b, "description", (gw_str){pile.ptr, pile.len});
}

static void write_each(struct building *b, const gw_json *schemas)
{
    bool is_object = is_type(b->h, schemas, GW_JSON_OBJECT);
    if (is_object)
        b->h->write->object(b->w);
    else
        b->h->write->array(b->w);
    for (size_t i = 0; i < b->h->json->count(schemas); i++) {
        if (is_object)
            b->h->write->key(b->w, b->h->json->key_at(schemas, i));
        anthropic_write_schema(b, b->h->json->at(schemas, i), false);
    }
    put_close(b);
}

static void write_member(struct building *b, gw_str name, const gw_json *value)
{
    bool is_map = anthropic_is(name, "properties") || anthropic_is(name, "$defs") || anthropic_is(name, "definitions");
    bool is_list = anthropic_is(name, "anyOf") || anthropic_is(name, "allOf") || anthropic_is(name, "oneOf");

    b->h->write->key(b->w, anthropic_is(name, "oneOf") ? GW_LIT("anyOf") : name);
    if ((is_map && is_type(b->h, value, GW_JSON_OBJECT)) || (is_list && is_type(b->h, value, GW_JSON_ARRAY)))
        write_each(b, value);
    else if (anthropic_is(name, "items"))
        anthropic_write_schema(b, value, false);
    else
        b->h->write->copy(b->w, value);
}

static bool describes_object(const struct building *b, const gw_json *schema)
{
    const gw_json *type = get(b->h, schema, "type");
    for (size_t i = 0; i < length(b->h, type); i++)
        if (anthropic_is(b->h->json->str(b->h->json->at(type, i)), "object"))
            return true;
    return anthropic_is(b->h->json->str(type), "object") ||
           is_type(b->h, get(b->h, schema, "properties"), GW_JSON_OBJECT) ||
           (type == NULL && !is_null(b->h, get(b->h, schema, "additionalProperties")));
}

/* The name and description that a chat gives beside the schema go into its root. */
void anthropic_write_schema(struct building *b, const gw_json *schema, bool is_root)
{
    const gw_json *open = get(b->h, schema, "additionalProperties");

    if (!is_type(b->h, schema, GW_JSON_OBJECT)) {
        b->h->write->copy(b->w, schema);
        return;
    }
    b->h->write->object(b->w);
    for (size_t i = 0; i < b->h->json->count(schema); i++) {
        gw_str name = b->h->json->key_at(schema, i);
        const gw_json *value = b->h->json->at(schema, i);
        if (is_carried(b, schema, name, value))
            write_member(b, name, value);
    }
    if (is_root && is_null(b->h, get(b->h, schema, "title")) && b->plan.shape_name.len > 0)
        put_str(b, "title", b->plan.shape_name);
    write_description(b, schema, is_root ? b->plan.shape_about : (gw_str){NULL, 0});
    if (describes_object(b, schema)) {
        put_key(b, "additionalProperties");
        b->h->write->boolean(b->w, 0);
        if (!is_null(b->h, open) && b->h->json->boolean(open, 1) != 0)
            anthropic_drop(b, LOSS_OPEN_OBJECT);
    }
    put_close(b);
}
