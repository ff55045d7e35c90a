/* root.c - the root of a tool's schema. Anthropic wants an object there, takes no anyOf, oneOf or allOf at that level,
 * and no property whose name has other letters than it knows: one such tool fails the whole request. Choices are folded
 * into one object: it has the properties of all, and requires what each of them requires. Which go together is added to
 * the description. A property gets another name, and the one of the client's in the calls (names.c). */
#include "anthropic.h"

enum { SCHEMAS_MOST = 8, DEPTH_MOST = 8 };

struct property {
    gw_str name;
    const gw_json *schemas[SCHEMAS_MOST]; /* of the root and of its choices, different ones */
    size_t count;
    size_t needed; /* in how many of the objects looked at it is required */
};

/* A root being folded. Memory of the call. */
struct root {
    struct request_writer *b;
    const gw_json *schema;
    struct property *properties;
    size_t count, cap;
    struct ids at; /* names to places in `properties` */
    struct pile about;
};

static struct property *property_of(struct root *root, gw_str name)
{
    struct request_writer *b = root->b;
    size_t at;

    if (ids_find(&root->at, name, &at))
        return &root->properties[at];
    if (root->count == root->cap) {
        size_t cap = root->cap == 0 ? 16 : root->cap * 2;
        struct property *more = b->h->alloc(b->call, cap * sizeof *more, _Alignof(struct property));
        if (more == NULL)
            return NULL;
        if (root->count > 0)
            memcpy(more, root->properties, root->count * sizeof *more);
        root->properties = more;
        root->cap = cap;
    }
    if (!ids_add(b->h, b->call, &root->at, name, root->count))
        return NULL;
    root->properties[root->count] = (struct property){ .name = name };
    return &root->properties[root->count++];
}

static void add_property(struct root *root, gw_str name, const gw_json *schema)
{
    struct property *p = property_of(root, name);
    gw_str text = root->b->h->json->text(schema);

    if (p == NULL) {
        root->b->status = GW_E_NOMEM;
        return;
    }
    for (size_t i = 0; i < p->count; i++) {
        gw_str other = root->b->h->json->text(p->schemas[i]);
        if (other.len == text.len && memcmp(other.ptr, text.ptr, text.len) == 0)
            return;
    }
    if (p->count < SCHEMAS_MOST)
        p->schemas[p->count++] = schema;
}

/* What a "$ref" of the root's own definitions means; anything else is itself. */
static const gw_json *resolved(const struct root *root, const gw_json *schema)
{
    static const char *const places[] = { "$defs", "definitions" };
    const gw_host *h = root->b->h;
    gw_str ref = get_str(h, schema, "$ref");

    for (size_t i = 0; i < 2 && ref.len > 0; i++) {
        size_t len = strlen(places[i]);
        bool is_there = ref.len > len + 3 && ref.ptr[0] == '#' && ref.ptr[1] == '/' &&
                        memcmp(ref.ptr + 2, places[i], len) == 0 && ref.ptr[len + 2] == '/';
        const gw_json *found =
            is_there ? h->json->get(get(h, root->schema, places[i]), (gw_str){ ref.ptr + len + 3, ref.len - len - 3 })
                     : NULL;
        if (found != NULL)
            return found;
    }
    return schema;
}

static void require(struct root *root, const gw_json *names, size_t weight)
{
    for (size_t i = 0; i < length(root->b->h, names); i++) {
        gw_str name = root->b->h->json->str(root->b->h->json->at(names, i));
        size_t at;
        if (ids_find(&root->at, name, &at))
            root->properties[at].needed += weight;
    }
}

static void gather(struct root *root, const gw_json *schema, unsigned depth);

/* What all of a choice require is required. `needed` counts to `ALWAYS` for what is. */
enum { ALWAYS = 1u << 20 };

static void gather_choice(struct root *root, const gw_json *branches, unsigned depth)
{
    const gw_host *h = root->b->h;
    size_t count = length(h, branches);

    for (size_t i = 0; i < count; i++)
        gather(root, h->json->at(branches, i), depth);
    for (size_t i = 0; i < count; i++)
        require(root, get(h, resolved(root, h->json->at(branches, i)), "required"), 1);
    for (size_t i = 0; i < root->count; i++) {
        struct property *p = &root->properties[i];
        bool in_each = count > 0 && p->needed % ALWAYS == count;
        p->needed = in_each || p->needed >= ALWAYS ? ALWAYS : 0;
    }
}

/* Properties of `schema` and of what is joined to it; choices within choices have optional ones only. */
static void gather(struct root *root, const gw_json *schema, unsigned depth)
{
    const gw_host *h = root->b->h;
    const gw_json *whole = resolved(root, schema), *properties = get(h, whole, "properties");
    const gw_json *joined = get(h, whole, "allOf");

    if (depth == DEPTH_MOST)
        return;
    for (size_t i = 0; is_type(h, properties, GW_JSON_OBJECT) && i < h->json->count(properties); i++)
        add_property(root, h->json->key_at(properties, i), h->json->at(properties, i));
    for (size_t i = 0; i < length(h, joined); i++)
        gather(root, h->json->at(joined, i), depth + 1);
    if (depth == 0)
        return; /* anthropic_write_root() goes on with the choices, one after another */
    static const char *const choices[] = { "anyOf", "oneOf" };
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < length(h, get(h, whole, choices[k])); i++)
            gather(root, h->json->at(get(h, whole, choices[k]), i), depth + 1);
}

static void require_all(struct root *root, const gw_json *schema, unsigned depth)
{
    const gw_host *h = root->b->h;
    const gw_json *whole = resolved(root, schema), *joined = get(h, whole, "allOf");

    require(root, get(h, whole, "required"), ALWAYS);
    for (size_t i = 0; depth < DEPTH_MOST && i < length(h, joined); i++)
        require_all(root, h->json->at(joined, i), depth + 1);
}

static void say(struct root *root, gw_str s)
{
    if (!anthropic_pile(root->b->h, root->b->call, &root->about, s))
        root->b->status = GW_E_NOMEM;
}

/* "a, b" of a choice: what it requires, else what it has; one that names nothing, as it is. */
static void say_branch(struct root *root, const gw_json *branch)
{
    const gw_host *h = root->b->h;
    const gw_json *whole = resolved(root, branch), *required = get(h, whole, "required");
    const gw_json *properties = get(h, whole, "properties");
    size_t names = length(h, required), have = is_type(h, properties, GW_JSON_OBJECT) ? h->json->count(properties) : 0;

    for (size_t i = 0; i < (names > 0 ? names : have); i++) {
        gw_str name = names > 0 ? h->json->str(h->json->at(required, i)) : h->json->key_at(properties, i);
        say(root, i > 0 ? GW_LIT(", ") : GW_LIT(""));
        say(root, anthropic_wire_member(root->b, name));
    }
    if (names == 0 && have == 0)
        say(root, h->json->text(whole));
}

static void say_choice(struct root *root, const gw_json *branches, const char *how)
{
    if (length(root->b->h, branches) == 0)
        return;
    if (root->about.len > 0)
        say(root, GW_LIT("\n\n"));
    say(root, words(how));
    for (size_t i = 0; i < length(root->b->h, branches); i++) {
        say(root, i > 0 ? GW_LIT(" | ") : GW_LIT(" "));
        say_branch(root, root->b->h->json->at(branches, i));
    }
}

static void write_property(struct request_writer *b, const gw_json *schema, bool strict)
{
    if (strict)
        anthropic_write_schema(b, schema, false);
    else
        b->h->write->copy(b->w, schema);
}

static void write_properties(struct root *root, bool strict)
{
    struct request_writer *b = root->b;

    put_object(b, "properties");
    for (size_t i = 0; i < root->count; i++) {
        const struct property *p = &root->properties[i];
        if (p->count == 0)
            continue;
        b->h->write->key(b->w, anthropic_wire_member(b, p->name));
        if (p->count == 1) {
            write_property(b, p->schemas[0], strict);
            continue;
        }
        b->h->write->object(b->w);
        put_array(b, "anyOf");
        for (size_t k = 0; k < p->count; k++)
            write_property(b, p->schemas[k], strict);
        put_close(b);
        put_close(b);
    }
    put_close(b);
    bool any = false;
    for (size_t i = 0; i < root->count; i++) {
        if (root->properties[i].needed < ALWAYS)
            continue;
        if (!any)
            put_array(b, "required");
        any = true;
        b->h->write->str(b->w, anthropic_wire_member(b, root->properties[i].name));
    }
    if (any)
        put_close(b);
}

static bool is_written_apart(gw_str name)
{
    return anthropic_is(name, "type") || anthropic_is(name, "properties") || anthropic_is(name, "required") ||
           anthropic_is(name, "description") || anthropic_rule_has(RULE_ROOT_REFUSED, name);
}

static void write_folded(struct root *root, bool strict)
{
    struct request_writer *b = root->b;
    const gw_json *schema = root->schema;

    b->h->write->object(b->w);
    put_word(b, "type", "object");
    for (size_t i = 0; i < b->h->json->count(schema); i++) {
        gw_str name = b->h->json->key_at(schema, i);
        const gw_json *value = b->h->json->at(schema, i);
        if (is_written_apart(name))
            continue;
        if (strict) {
            anthropic_write_schema_member(b, schema, name, value);
        } else {
            b->h->write->key(b->w, name);
            b->h->write->copy(b->w, value);
        }
    }
    write_properties(root, strict);
    if (strict)
        anthropic_pile_limits(b, schema, &root->about);
    if (root->about.len > 0)
        put_str(b, "description", (gw_str){ root->about.ptr, root->about.len });
    if (strict) {
        put_key(b, "additionalProperties");
        b->h->write->boolean(b->w, 0);
    }
    put_close(b);
}

/* Nothing of it is written in another way. */
static bool is_taken(const struct request_writer *b, const gw_json *schema)
{
    const gw_json *properties = get(b->h, schema, "properties");

    if (!anthropic_is(get_str(b->h, schema, "type"), "object"))
        return false;
    for (size_t i = 0; i < b->h->json->count(schema); i++)
        if (anthropic_rule_has(RULE_ROOT_REFUSED, b->h->json->key_at(schema, i)))
            return false;
    for (size_t i = 0; is_type(b->h, properties, GW_JSON_OBJECT) && i < b->h->json->count(properties); i++)
        if (!anthropic_rule_fits(RULE_PROPERTY_NAME, b->h->json->key_at(properties, i)))
            return false;
    return true;
}

void anthropic_write_root(struct request_writer *b, gw_str tool, const gw_json *schema, bool strict)
{
    struct root root = { .b = b, .schema = schema };

    if (!is_type(b->h, schema, GW_JSON_OBJECT) || b->h->json->count(schema) == 0) {
        b->h->write->object(b->w);
        put_word(b, "type", "object");
        put_object(b, "properties");
        put_close(b);
        put_close(b);
        return;
    }
    if (is_taken(b, schema)) {
        write_property(b, schema, strict);
        return;
    }
    const gw_json *any = get(b->h, schema, "anyOf"), *one = get(b->h, schema, "oneOf");
    gather(&root, schema, 0);
    gather_choice(&root, any, 1);
    gather_choice(&root, one, 1);
    require_all(&root, schema, 0);
    anthropic_begin_members(b, tool);
    for (unsigned pass = 0; pass < 2; pass++) /* those that may stay have their names first */
        for (size_t i = 0; i < root.count; i++)
            if (anthropic_rule_fits(RULE_PROPERTY_NAME, root.properties[i].name) == (pass == 0))
                anthropic_name_member(b, root.properties[i].name);
    say(&root, get_str(b->h, schema, "description"));
    say_choice(&root, any, "At least one of these goes together:");
    say_choice(&root, one, "Exactly one of these goes together:");
    write_folded(&root, strict);
    anthropic_end_members(b);
}
