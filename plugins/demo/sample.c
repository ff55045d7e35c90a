/* sample.c - a value that a JSON schema describes: always the same one, as small as the schema allows. For
 * the arguments of a tool call and for structured answers. */
#include <string.h>

#include "demo.h"

enum { DEPTH = 24, VALUES = 1000, REFERENCES = 16, LONGEST = 200 };

/* A schema can ask for far more than it has bytes: `left` is how many values may still be written. */
struct sampler {
    const gw_host *h;
    gw_writer *w;
    const gw_json *root; /* where $ref begins */
    int left;
};

static void sample(struct sampler *s, const gw_json *schema, gw_str name, int depth);

void demo_sample(const gw_host *host, gw_writer *w, const gw_json *schema, gw_str name)
{
    struct sampler s = { .h = host, .w = w, .root = schema, .left = VALUES };
    sample(&s, schema, name, 0);
}

static const gw_json *member(const struct sampler *s, const gw_json *schema, const char *name)
{
    return s->h->json->get(schema, (gw_str){ name, strlen(name) });
}

static int64_t number(const struct sampler *s, const gw_json *schema, const char *name, int64_t otherwise)
{
    return s->h->json->integer(member(s, schema, name), otherwise);
}

/* The next part of a pointer's path, cut off it. */
static gw_str next_step(gw_str *path)
{
    size_t len = 0;
    while (len < path->len && path->ptr[len] != '/')
        len++;
    gw_str step = { path->ptr, len };
    *path = len < path->len ? (gw_str){ path->ptr + len + 1, path->len - len - 1 } : (gw_str){ "", 0 };
    return step;
}

/* What "$ref": "#/$defs/Name" names, for the references that SDKs write: names without ~ and %. */
static const gw_json *resolve(const struct sampler *s, const gw_json *schema)
{
    for (int i = 0; i < REFERENCES; i++) {
        gw_str path = s->h->json->str(member(s, schema, "$ref"));
        if (path.len == 0 || path.ptr[0] != '#')
            return schema;
        path = path.len > 2 ? (gw_str){ path.ptr + 2, path.len - 2 } : (gw_str){ "", 0 };
        schema = s->root;
        while (path.len > 0)
            schema = s->h->json->get(schema, next_step(&path));
    }
    return schema;
}

/* The first of anyOf, oneOf or allOf that is not only null. */
static const gw_json *one_of(const struct sampler *s, const gw_json *schema)
{
    static const char *const words[] = { "anyOf", "oneOf", "allOf" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const gw_json *list = member(s, schema, words[i]);
        for (size_t k = 0; k < s->h->json->count(list); k++) {
            const gw_json *one = resolve(s, s->h->json->at(list, k));
            if (!demo_is(s->h->json->str(member(s, one, "type")), "null"))
                return one;
        }
    }
    return NULL;
}

/* The first type that is not null, of "type": "x" or "type": ["x", "null"]. */
static gw_str type_of(const struct sampler *s, const gw_json *schema)
{
    const gw_json *type = member(s, schema, "type");

    for (size_t i = 0; i < s->h->json->count(type); i++) {
        gw_str one = s->h->json->str(s->h->json->at(type, i));
        if (!demo_is(one, "null"))
            return one;
    }
    if (s->h->json->str(type).ptr != NULL)
        return s->h->json->str(type);
    if (member(s, schema, "items") != NULL)
        return GW_LIT("array");
    return s->h->json->type(member(s, schema, "properties")) == GW_JSON_OBJECT ? GW_LIT("object") : GW_LIT("string");
}

/* The value that the schema itself gives: const, the first of enum, default. */
static const gw_json *given(const struct sampler *s, const gw_json *schema)
{
    const gw_json *value = member(s, schema, "const");
    if (value == NULL)
        value = s->h->json->at(member(s, schema, "enum"), 0);
    if (value == NULL)
        value = member(s, schema, "default");
    return value;
}

static void sample_object(struct sampler *s, const gw_json *schema, int depth)
{
    const gw_json *properties = member(s, schema, "properties");
    const gw_json *required = member(s, schema, "required");

    s->h->write->object(s->w);
    for (size_t i = 0; i < s->h->json->count(required) && s->left > 0; i++) {
        gw_str name = s->h->json->str(s->h->json->at(required, i));
        s->h->write->key(s->w, name);
        sample(s, s->h->json->get(properties, name), name, depth + 1);
    }
    s->h->write->close(s->w);
}

/* One value, or as many as minItems wants; of a tuple, each by its own schema. */
static void sample_array(struct sampler *s, const gw_json *schema, gw_str name, int depth)
{
    const gw_json *tuple = member(s, schema, "prefixItems"), *items = member(s, schema, "items");
    int64_t least = number(s, schema, "minItems", 0), most = number(s, schema, "maxItems", INT64_MAX);
    int64_t listed = (int64_t)s->h->json->count(tuple), count = listed > 1 ? listed : 1;

    count = least > count ? least : count;
    count = most < count ? most : count;
    s->h->write->array(s->w);
    for (int64_t i = 0; i < count && s->left > 0; i++)
        sample(s, i < listed ? s->h->json->at(tuple, (size_t)i) : items, name, depth + 1);
    s->h->write->close(s->w);
}

/* The least that is allowed, or 1, and at most what is allowed; a multiple where one is wanted. */
static void sample_number(struct sampler *s, const gw_json *schema, bool whole)
{
    const gw_json *minimum = member(s, schema, "minimum"), *above = member(s, schema, "exclusiveMinimum");
    double least = s->h->json->real(minimum, 1), most = s->h->json->real(member(s, schema, "maximum"), 1e18);
    double below = s->h->json->real(member(s, schema, "exclusiveMaximum"), 1e18);
    double step = s->h->json->real(member(s, schema, "multipleOf"), 0), value = least;

    if (above != NULL && s->h->json->real(above, 0) >= value)
        value = s->h->json->real(above, 0) + (whole ? 1 : 0.5);
    if (minimum == NULL && above == NULL && value > most)
        value = most;
    if (minimum == NULL && above == NULL && value >= below)
        value = below - 1;
    if (!whole && above != NULL && value >= (below < most ? below : most))
        value = (s->h->json->real(above, 0) + (below < most ? below : most)) / 2;
    if (step > 0 && value > -1e15 && value < 1e15) {
        double times = (double)(int64_t)(value / step);
        value = times * step < value ? (times + 1) * step : times * step;
    }
    if (value > -1e15 && value < 1e15 && (double)(int64_t)value == value)
        s->h->write->integer(s->w, (int64_t)value);
    else
        s->h->write->real(s->w, value);
}

static void sample_string(struct sampler *s, const gw_json *schema, gw_str name)
{
    static const struct {
        const char *format, *value;
    } formats[] = {
        { "date", "2026-01-01" },
        { "date-time", "2026-01-01T12:00:00Z" },
        { "time", "12:00:00Z" },
        { "duration", "PT1H" },
        { "email", "someone@example.com" },
        { "hostname", "example.com" },
        { "ipv4", "192.0.2.1" },
        { "ipv6", "2001:db8::1" },
        { "uri", "https://example.com/" },
        { "uuid", "00000000-0000-4000-8000-000000000000" },
    };
    gw_str format = s->h->json->str(member(s, schema, "format"));
    int64_t least = number(s, schema, "minLength", 0), most = number(s, schema, "maxLength", LONGEST);
    char text[LONGEST];
    size_t len = 4;

    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (demo_is(format, formats[i].format)) {
            s->h->write->str(s->w, (gw_str){ formats[i].value, strlen(formats[i].value) });
            return;
        }
    bool is_place = (demo_is(name, "city") || demo_is(name, "location")) && least <= 5 && most >= 5;
    len = least > (int64_t)len ? (size_t)(least < LONGEST ? least : LONGEST) : len;
    len = most >= 0 && most < (int64_t)len ? (size_t)most : len;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = "text"[i % 4];
    s->h->write->str(s->w, is_place ? GW_LIT("Paris") : (gw_str){ text, len });
}

static void sample(struct sampler *s, const gw_json *schema, gw_str name, int depth)
{
    const gw_host *h = s->h;

    schema = resolve(s, schema);
    s->left--;
    const gw_json *value = given(s, schema), *either = one_of(s, schema);
    gw_str type = type_of(s, schema);
    if (value != NULL) {
        h->write->copy(s->w, value);
    } else if (depth >= DEPTH || demo_is(type, "null")) {
        h->write->null(s->w);
    } else if (either != NULL) {
        sample(s, either, name, depth + 1);
    } else if (demo_is(type, "object")) {
        sample_object(s, schema, depth);
    } else if (demo_is(type, "array")) {
        sample_array(s, schema, name, depth);
    } else if (demo_is(type, "integer") || demo_is(type, "number")) {
        sample_number(s, schema, demo_is(type, "integer"));
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
