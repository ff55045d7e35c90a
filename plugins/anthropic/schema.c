/* schema.c - a JSON Schema as Anthropic's structured outputs take it. They refuse limits of numbers, lengths and
 * sizes and want every object closed. What they refuse is written into the description instead, where the model can
 * still read it; Anthropic's own SDKs do the same. */
#include "anthropic.h"

/* The kinds of a value, as a schema names them. */
static bool has_type(const struct request_writer *b, gw_str type, const gw_json *value)
{
    switch (b->h->json->type(value)) {
    case GW_JSON_NULL:
        return anthropic_is(type, "null");
    case GW_JSON_BOOL:
        return anthropic_is(type, "boolean");
    case GW_JSON_INT:
        return anthropic_is(type, "integer") || anthropic_is(type, "number");
    case GW_JSON_REAL:
        return anthropic_is(type, "number");
    case GW_JSON_STR:
        return anthropic_is(type, "string");
    case GW_JSON_ARRAY:
        return anthropic_is(type, "array");
    default:
        return anthropic_is(type, "object");
    }
}

/* Is `value` of the type, or of one of the list of types, that `schema` has? */
static bool fits_type(const struct request_writer *b, const gw_json *schema, const gw_json *value)
{
    const gw_json *types = get(b->h, schema, "type");
    bool fits = is_null(b->h, types) || has_type(b, b->h->json->str(types), value);

    for (size_t i = 0; i < length(b->h, types) && !fits; i++)
        fits = has_type(b, b->h->json->str(b->h->json->at(types, i)), value);
    return fits;
}

/* The values of an enum that its type allows: Anthropic refuses one that is of another. */
static void write_enum(struct request_writer *b, const gw_json *schema, const gw_json *values)
{
    b->h->write->array(b->w);
    for (size_t i = 0; i < length(b->h, values); i++)
        if (fits_type(b, schema, b->h->json->at(values, i)))
            b->h->write->copy(b->w, b->h->json->at(values, i));
    put_close(b);
}

/* A list of types beside values that have their own. */
static bool is_idle_type(const struct request_writer *b, const gw_json *schema)
{
    bool has_values = false;

    for (size_t i = 0; i < b->h->json->count(schema); i++)
        has_values = has_values || anthropic_rule_has(RULE_STRICT_ENUM, b->h->json->key_at(schema, i));
    return has_values && is_type(b->h, get(b->h, schema, "type"), GW_JSON_ARRAY);
}

static bool is_carried(const struct request_writer *b, const gw_json *schema, gw_str name, const gw_json *value)
{
    if (anthropic_is(name, "format"))
        return anthropic_rule_has(RULE_STRICT_FORMATS, b->h->json->str(value));
    if (anthropic_is(name, "minItems")) {
        int64_t least = b->h->json->integer(value, -1);
        return least == 0 || least == 1;
    }
    if (anthropic_is(name, "oneOf")) /* as anyOf, of which there may be one already */
        return get(b->h, schema, "anyOf") == NULL;
    if (anthropic_is(name, "items"))
        return is_type(b->h, value, GW_JSON_OBJECT);
    return anthropic_rule_has(RULE_STRICT_CARRIED, name);
}

static void pile_up(struct request_writer *b, struct pile *pile, gw_str s)
{
    if (!anthropic_pile(b->h, b->call, pile, s))
        b->status = GW_E_NOMEM;
}

/* What is not carried: "{minimum: 0, maximum: 150}", behind what is there. */
void anthropic_pile_limits(struct request_writer *b, const gw_json *schema, struct pile *pile)
{
    bool any = false;

    for (size_t i = 0; i < b->h->json->count(schema); i++) {
        gw_str name = b->h->json->key_at(schema, i);
        const gw_json *value = b->h->json->at(schema, i);
        if (is_carried(b, schema, name, value) || anthropic_rule_has(RULE_STRICT_SILENT, name))
            continue;
        pile_up(b, pile, any ? GW_LIT(", ") : pile->len > 0 ? GW_LIT("\n\n{") : GW_LIT("{"));
        pile_up(b, pile, name);
        pile_up(b, pile, GW_LIT(": "));
        pile_up(b, pile, b->h->json->text(value));
        any = true;
    }
    if (any)
        pile_up(b, pile, GW_LIT("}"));
}

/* "description", with a note of what is not carried. */
static void write_description(struct request_writer *b, const gw_json *schema, gw_str outer)
{
    gw_str own = get_str(b->h, schema, "description");
    struct pile pile = { .len = 0 };

    pile_up(b, &pile, own.len > 0 ? own : outer);
    anthropic_pile_limits(b, schema, &pile);
    if (pile.len > 0)
        put_str(b, "description", (gw_str){ pile.ptr, pile.len });
}

static void write_each(struct request_writer *b, const gw_json *schemas)
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

void anthropic_write_schema_member(struct request_writer *b, const gw_json *schema, gw_str name, const gw_json *value)
{
    if (!is_carried(b, schema, name, value) || (anthropic_is(name, "type") && is_idle_type(b, schema)))
        return;
    bool is_map = anthropic_is(name, "properties") || anthropic_is(name, "$defs") || anthropic_is(name, "definitions");
    bool is_list = anthropic_is(name, "anyOf") || anthropic_is(name, "allOf") || anthropic_is(name, "oneOf");

    b->h->write->key(b->w, anthropic_is(name, "oneOf") ? GW_LIT("anyOf") : name);
    if ((is_map && is_type(b->h, value, GW_JSON_OBJECT)) || (is_list && is_type(b->h, value, GW_JSON_ARRAY)))
        write_each(b, value);
    else if (anthropic_is(name, "items"))
        anthropic_write_schema(b, value, false);
    else if (anthropic_is(name, "enum"))
        write_enum(b, schema, value);
    else
        b->h->write->copy(b->w, value);
}

static bool describes_object(const struct request_writer *b, const gw_json *schema)
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
void anthropic_write_schema(struct request_writer *b, const gw_json *schema, bool is_root)
{
    const gw_json *open = get(b->h, schema, "additionalProperties");

    if (!is_type(b->h, schema, GW_JSON_OBJECT)) {
        b->h->write->copy(b->w, schema);
        return;
    }
    b->h->write->object(b->w);
    for (size_t i = 0; i < b->h->json->count(schema); i++)
        anthropic_write_schema_member(b, schema, b->h->json->key_at(schema, i), b->h->json->at(schema, i));
    if (is_root && is_null(b->h, get(b->h, schema, "title")) && b->plan.output_name.len > 0)
        put_str(b, "title", b->plan.output_name);
    write_description(b, schema, is_root ? b->plan.output_about : (gw_str){ NULL, 0 });
    if (describes_object(b, schema)) {
        put_key(b, "additionalProperties");
        b->h->write->boolean(b->w, 0);
        if (!is_null(b->h, open) && b->h->json->boolean(open, 1) != 0)
            anthropic_drop(b, LOSS_OPEN_OBJECT);
    }
    put_close(b);
}
