/* schema.c - the parameters of a tool. OpenAI wants an object with properties, and answers 400 to the whole request
 * where anyOf, oneOf, allOf, enum, const or not stand at the root of one schema. Their properties are taken to the
 * root, where the model sees them, and what they require beyond that is written into the description. */
#include "openai.h"

static const char *const bad_roots[] = { "anyOf", "oneOf", "allOf", "enum", "const", "not" };
static const char *const branchings[] = { "anyOf", "oneOf", "allOf" };
enum { BRANCHES_MOST = 64 }; /* whose properties are taken to the root; all are in the description */
static const char *const holders[] = { "$defs", "definitions" };
enum { HOLDERS = sizeof holders / sizeof *holders };
enum { BAD_ROOTS = sizeof bad_roots / sizeof *bad_roots, BRANCHINGS = sizeof branchings / sizeof *branchings };

static bool has_member(const struct body_writer *w, const gw_json *object, const char *name)
{
    return w->h->json->type(w->h->json->get(object, openai_lit(name))) != GW_JSON_ABSENT;
}

static bool is_bad_root(gw_str name)
{
    for (size_t i = 0; i < BAD_ROOTS; i++)
        if (openai_is(name, bad_roots[i]))
            return true;
    return false;
}

/* A branch, or what it points to among the definitions of the schema; NULL: nothing that is there. */
static const gw_json *resolve(const struct body_writer *w, const gw_json *schema, const gw_json *branch)
{
    gw_str ref = w->h->json->str(w->h->json->get(branch, GW_LIT("$ref")));

    for (size_t i = 0; ref.len > 0 && i < HOLDERS; i++) {
        gw_str place = openai_lit(holders[i]);
        size_t len = place.len + 3; /* "#/$defs/" */
        if (ref.len > len && openai_starts(ref, "#/") &&
            openai_starts((gw_str){ ref.ptr + 2, ref.len - 2 }, holders[i]))
            return w->h->json->get(w->h->json->get(schema, place), (gw_str){ ref.ptr + len, ref.len - len });
    }
    return branch;
}

/* The object that defines the arguments: the schema, or the definition that it is no more than a name of. */
static const gw_json *body_of(const struct body_writer *w, const gw_json *schema)
{
    const gw_json *body = resolve(w, schema, schema);
    return w->h->json->type(body) == GW_JSON_OBJECT ? body : schema;
}

static bool is_holder(gw_str name)
{
    return openai_is(name, holders[0]) || openai_is(name, holders[1]);
}

static const struct openai_rule *rule_of(const struct body_writer *w, enum openai_when on)
{
    return openai_change(w->service, &w->asked, GW_LIT("tools.function.parameters"), on, GW_LIT(""));
}

enum openai_root openai_root(struct body_writer *w, const gw_json *schema)
{
    const gw_json *body = body_of(w, schema);
    uint32_t type = w->h->json->type(body);
    const struct openai_rule *rule = rule_of(w, OPENAI_BAD_ROOT);
    bool is_object = type == GW_JSON_OBJECT;

    for (size_t i = 0; rule != NULL && is_object && i < BAD_ROOTS; i++)
        if (has_member(w, body, bad_roots[i])) {
            openai_drop(w, &rule->row);
            return ROOT_BAD;
        }
    const gw_json *kind = w->h->json->get(body, GW_LIT("type"));
    bool untyped = w->h->json->type(kind) == GW_JSON_ABSENT, typed = openai_is(w->h->json->str(kind), "object");
    bool bare = type == GW_JSON_NULL ||
                (is_object && (body != schema || untyped || (typed && !has_member(w, body, "properties"))));
    return bare && rule_of(w, OPENAI_BARE) != NULL ? ROOT_BARE : ROOT_FINE;
}

/* The schemas whose properties are the tool's: the root, then each branch. */
struct sources {
    const gw_json **list;
    size_t count;
};

static struct sources sources_of(struct body_writer *w, const gw_json *schema)
{
    const gw_json *body = body_of(w, schema);
    struct sources s = { NULL, 1 };
    for (size_t i = 0; i < BRANCHINGS; i++)
        s.count += w->h->json->count(w->h->json->get(body, openai_lit(branchings[i])));
    s.count = s.count > BRANCHES_MOST ? BRANCHES_MOST : s.count;
    const size_t most = s.count;
    s.list = w->h->alloc(w->call, s.count * sizeof *s.list, _Alignof(const gw_json *));
    if (s.list == NULL) {
        w->status = GW_E_NOMEM;
        return (struct sources){ NULL, 0 };
    }
    s.list[0] = body;
    s.count = 1;
    for (size_t i = 0; i < BRANCHINGS; i++) {
        const gw_json *branches = w->h->json->get(body, openai_lit(branchings[i]));
        for (size_t k = 0; k < w->h->json->count(branches) && s.count < most; k++)
            s.list[s.count++] = resolve(w, schema, w->h->json->at(branches, k));
    }
    return s;
}

static const gw_json *properties_of(const struct body_writer *w, const gw_json *schema)
{
    const gw_json *properties = w->h->json->get(schema, GW_LIT("properties"));
    return w->h->json->type(properties) == GW_JSON_OBJECT ? properties : NULL;
}

/* Is it a property of an earlier schema too? */
static bool is_known(const struct body_writer *w, const struct sources *s, size_t before, gw_str name)
{
    for (size_t i = 0; i < before; i++)
        if (w->h->json->type(w->h->json->get(properties_of(w, s->list[i]), name)) != GW_JSON_ABSENT)
            return true;
    return false;
}

/* A property: as it is where all schemas that have it agree, else any of theirs. */
static void write_property(struct body_writer *w, const struct sources *s, size_t at, gw_str name)
{
    const gw_json *first = w->h->json->get(properties_of(w, s->list[at]), name);
    bool differs = false;

    for (size_t i = at + 1; i < s->count; i++) {
        const gw_json *other = w->h->json->get(properties_of(w, s->list[i]), name);
        differs = differs || (w->h->json->type(other) != GW_JSON_ABSENT &&
                              !openai_same(w->h->json->text(other), w->h->json->text(first)));
    }
    w->h->write->key(w->w, name);
    if (!differs) {
        w->h->write->copy(w->w, first);
        return;
    }
    w->h->write->object(w->w);
    w->h->write->key(w->w, GW_LIT("anyOf"));
    w->h->write->array(w->w);
    for (size_t i = at; i < s->count; i++) {
        const gw_json *one = w->h->json->get(properties_of(w, s->list[i]), name);
        if (w->h->json->type(one) != GW_JSON_ABSENT)
            w->h->write->copy(w->w, one);
    }
    w->h->write->close(w->w);
    w->h->write->close(w->w);
}

static void write_properties(struct body_writer *w, const gw_json *schema)
{
    const struct sources s = sources_of(w, schema);

    w->h->write->key(w->w, GW_LIT("properties"));
    w->h->write->object(w->w);
    for (size_t i = 0; i < s.count; i++) {
        const gw_json *properties = properties_of(w, s.list[i]);
        for (size_t k = 0; k < w->h->json->count(properties); k++) {
            gw_str name = w->h->json->key_at(properties, k);
            if (!is_known(w, &s, i, name))
                write_property(w, &s, i, name);
        }
    }
    w->h->write->close(w->w);
}

/* What lists the members that are required in any case: the root, and behind it the branches of allOf. */
static const gw_json *required_of(const struct body_writer *w, const gw_json *schema, size_t index)
{
    const gw_json *body = body_of(w, schema), *all = w->h->json->get(body, GW_LIT("allOf"));
    const gw_json *from = index == 0 ? body : resolve(w, schema, w->h->json->at(all, index - 1));
    return w->h->json->get(from, GW_LIT("required"));
}

static bool is_required_before(const struct body_writer *w, const gw_json *schema, size_t index, gw_str name)
{
    for (size_t i = 0; i < index; i++) {
        const gw_json *names = required_of(w, schema, i);
        for (size_t k = 0; k < w->h->json->count(names); k++)
            if (openai_same(w->h->json->str(w->h->json->at(names, k)), name))
                return true;
    }
    return false;
}

static void write_required(struct body_writer *w, const gw_json *schema)
{
    size_t count = w->h->json->count(w->h->json->get(body_of(w, schema), GW_LIT("allOf")));

    w->h->write->key(w->w, GW_LIT("required"));
    w->h->write->array(w->w);
    for (size_t i = 0; i <= count && i < BRANCHES_MOST; i++) {
        const gw_json *names = required_of(w, schema, i);
        for (size_t k = 0; k < w->h->json->count(names); k++)
            if (!is_required_before(w, schema, i, w->h->json->str(w->h->json->at(names, k))))
                w->h->write->copy(w->w, w->h->json->at(names, k));
    }
    w->h->write->close(w->w);
}

/* The rules that are no longer at the root, for the model to read. */
static void write_description(struct body_writer *w, const gw_json *body)
{
    gw_str said = w->h->json->str(w->h->json->get(body, GW_LIT("description")));
    gw_writer *rules = w->h->writer(w->call);

    w->h->write->object(rules);
    for (size_t i = 0; i < w->h->json->count(body); i++) {
        if (!is_bad_root(w->h->json->key_at(body, i)))
            continue;
        w->h->write->key(rules, w->h->json->key_at(body, i));
        w->h->write->copy(rules, w->h->json->at(body, i));
    }
    w->h->write->close(rules);
    if (w->h->write->end(rules) != GW_OK) {
        w->status = GW_E_NOMEM;
        return;
    }
    if (said.len > 0)
        said = openai_join(w->h, w->call, said, GW_LIT("\n\n"));
    said = openai_join(w->h, w->call, said, GW_LIT("The arguments must also match this JSON Schema: "));
    w->h->write->key(w->w, GW_LIT("description"));
    w->h->write->str(w->w, openai_join(w->h, w->call, said, w->h->write->text(rules)));
}

/* The definitions of a schema that was no more than a name of one of them. */
static void write_definitions(struct body_writer *w, const gw_json *schema)
{
    for (size_t i = 0; i < HOLDERS; i++) {
        const gw_json *held = w->h->json->get(schema, openai_lit(holders[i]));
        if (w->h->json->type(held) == GW_JSON_ABSENT)
            continue;
        openai_key(w, holders[i]);
        w->h->write->copy(w->w, held);
    }
}

void openai_write_schema(struct body_writer *w, const gw_json *schema, enum openai_root root)
{
    const gw_json *body = body_of(w, schema);
    bool is_object = w->h->json->type(body) == GW_JSON_OBJECT, folds = root == ROOT_BAD;

    if (root == ROOT_FINE) {
        w->h->write->copy(w->w, schema);
        return;
    }
    w->h->write->object(w->w);
    openai_key(w, "type");
    w->h->write->str(w->w, GW_LIT("object"));
    for (size_t i = 0; is_object && i < w->h->json->count(body); i++) {
        gw_str name = w->h->json->key_at(body, i);
        bool own = openai_is(name, "type") || openai_is(name, "properties") || (body != schema && is_holder(name));
        if (own || (folds && (openai_is(name, "required") || openai_is(name, "description") || is_bad_root(name))))
            continue;
        w->h->write->key(w->w, name);
        w->h->write->copy(w->w, w->h->json->at(body, i));
    }
    write_properties(w, schema);
    if (body != schema)
        write_definitions(w, schema);
    if (folds) {
        write_required(w, schema);
        write_description(w, body);
    }
    w->h->write->close(w->w);
}
