/* schema.c - type, properties, required, enum, items, minimum and additionalProperties. */
#include "admin/schema.h"

static int refuse(struct fail *fail, struct text name, const char *what, const char *hint)
{
    fail_set(fail, FAIL_CLIENT, "\"%.*s\" %s%s", TEXT_ARG(name), what, hint);
    fail->status = 400;
    fail->code = "invalid_body";
    snprintf(fail->param, sizeof fail->param, "%.*s", TEXT_ARG(name));
    return -1;
}

static bool has_type(const struct json *value, struct text type)
{
    static const struct {
        const char *name;
        enum json_type type;
    } types[] = { { "string", JSON_T_STR },   { "integer", JSON_T_INT }, { "boolean", JSON_T_BOOL },
                  { "number", JSON_T_REAL },  { "number", JSON_T_INT },  { "array", JSON_T_ARRAY },
                  { "object", JSON_T_OBJECT } };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (text_is(type, types[i].name) && json_type(value) == types[i].type)
            return true;
    return false;
}

/* Each of a list, or each of an object whose members have any name. */
static int check_items(const struct json *items, const struct json *value, struct text name, struct fail *fail)
{
    struct text type = json_str(json_member(items, "type"));
    for (size_t i = 0; items != NULL && i < json_count(value); i++)
        if (!has_type(json_at(value, i), type))
            return refuse(fail, name, "takes strings", "");
    return 0;
}

static int check_enum(const struct json *words, const struct json *value, struct text name, struct arena *arena,
                      struct fail *fail)
{
    const char *list = "";
    for (size_t i = 0; i < json_count(words); i++) {
        if (text_eq(json_str(json_at(words, i)), json_str(value)))
            return 0;
        list = arena_printf(arena, "%s%s%.*s", list, i > 0 ? ", " : "", TEXT_ARG(json_str(json_at(words, i))));
    }
    return words == NULL ? 0 : refuse(fail, name, "takes one of ", list);
}

static int check_value(const struct json *schema, const struct json *value, struct text name, struct arena *arena,
                       struct fail *fail)
{
    struct text type = json_str(json_member(schema, "type"));
    if (!has_type(value, type))
        return refuse(
            fail, name, "takes ",
            arena_printf(arena, "%s %.*s",
                         text_starts(type, TEXT("i")) || text_starts(type, TEXT("a")) || text_starts(type, TEXT("o"))
                             ? "an"
                             : "a",
                         TEXT_ARG(type)));
    if (text_is(type, "integer") && json_int(value, INT64_MIN) == INT64_MIN)
        return refuse(fail, name, "is too large", "");
    if (json_member(schema, "minimum") != NULL && json_real(value, -1) < json_real(json_member(schema, "minimum"), 0))
        return refuse(fail, name, "takes a number of at least 0", "");
    if (check_enum(json_member(schema, "enum"), value, name, arena, fail) < 0)
        return -1;
    const struct json *items = json_member(schema, "items");
    return check_items(items != NULL ? items : json_member(schema, "additionalProperties"), value, name, fail);
}

static int unknown(const struct json *properties, struct text name, struct arena *arena, struct fail *fail)
{
    const char **names = arena_array(arena, const char *, json_count(properties) + 1);
    for (size_t i = 0; i < json_count(properties); i++)
        names[i] = arena_str(arena, json_key_at(properties, i));
    const char *nearest = text_nearest(name, names);
    return refuse(fail, name, "is no member of this body",
                  nearest != NULL ? arena_printf(arena, " (did you mean \"%s\"?)", nearest) : "");
}

int schema_check(const struct json *schema, const struct json *body, bool partial, struct arena *arena,
                 struct fail *fail)
{
    const struct json *properties = json_member(schema, "properties"), *required = json_member(schema, "required");
    if (json_type(body) != JSON_T_OBJECT) {
        fail_set(fail, FAIL_CLIENT, "the body is one JSON object");
        fail->status = 400;
        fail->code = "invalid_body";
        return -1;
    }
    for (size_t i = 0; i < json_count(required); i++) {
        struct text name = json_str(json_at(required, i));
        if (json_get(body, name) == NULL)
            return refuse(fail, name, "is missing", "");
    }
    for (size_t i = 0; i < json_count(body); i++) {
        struct text name = json_key_at(body, i);
        const struct json *property = json_get(properties, name), *value = json_at(body, i);
        if (property == NULL)
            return unknown(properties, name, arena, fail);
        if (partial && json_type(value) == JSON_T_NULL)
            continue;
        if (check_value(property, value, name, arena, fail) < 0)
            return -1;
    }
    return 0;
}
