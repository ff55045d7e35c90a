/* names.c - names of tools and of their first properties that Anthropic does not take, and those that are sent for
 * them. Calls of earlier turns are sent under the same ones, and what comes back is named as the client names it, also
 * where the arguments come in pieces. A name is made of the old one: what it may not have becomes "_", and where that
 * is taken or the name is too long, eight letters of a hash end it. */
#include "anthropic.h"

enum { DIGITS = 8 };

struct member_name {
    gw_str client, wire;
    gw_str json; /* the client's, as JSON */
};

/* A tool that is sent under another name, or has properties that are. Memory of the call. */
struct tool_name {
    gw_str client, wire;
    struct member_name *members;
    size_t count, cap;
    struct ids by_client, by_wire; /* of `members`, and of what else may not be taken */
    struct tool_name *next;
};

/* FNV-1a. */
static void hash_name(gw_str s, uint64_t salt, char *out)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    uint64_t sum = UINT64_C(0xcbf29ce484222325) + salt;

    for (size_t i = 0; i < s.len; i++)
        sum = (sum ^ (unsigned char)s.ptr[i]) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < DIGITS; i++, sum /= 62)
        out[i] = digits[sum % 62];
}

/* Another name, that is not in `taken`. {NULL,0} without memory. */
static gw_str made_name(struct request_writer *b, enum rule_id id, gw_str name, const struct ids *taken)
{
    size_t most = anthropic_rule(id)->most, len = 0;
    char *out = b->h->alloc(b->call, most + 1, 1);

    if (out == NULL) {
        b->status = GW_E_NOMEM;
        return (gw_str){ NULL, 0 };
    }
    for (size_t i = 0; i < name.len && len < most; i++)
        if (((unsigned char)name.ptr[i] & 0xc0) != 0x80) /* one for each character */
            out[len++] = anthropic_rule_letter(id, name.ptr[i]) ? name.ptr[i] : '_';
    for (uint64_t tries = 0; name.len > most || len == 0 || ids_find(taken, (gw_str){ out, len }, NULL); tries++) {
        size_t kept = len < most - DIGITS - 1 ? len : most - DIGITS - 1;
        if (tries == DIGITS) {
            anthropic_refuse(b, "tools: too many names that differ only in letters that Anthropic does not take");
            break;
        }
        out[kept] = '_';
        hash_name(name, tries, out + kept + 1);
        len = kept + 1 + DIGITS;
        if (!ids_find(taken, (gw_str){ out, len }, NULL))
            break;
        len = kept;
    }
    return (gw_str){ out, len };
}

static struct tool_name *find_tool(const struct answer_state *state, const struct ids *ids, gw_str name)
{
    size_t at;
    return ids_find(ids, name, &at) && at > 0 ? state->names[at - 1] : NULL;
}

/* An entry for `client`, which is sent as `wire`. NULL without memory. */
static struct tool_name *add_tool(struct request_writer *b, gw_str client, gw_str wire)
{
    struct answer_state *s = b->state;
    struct tool_name *tool = b->h->alloc(b->call, sizeof *tool, _Alignof(struct tool_name));

    if (s->name_count == s->name_cap && tool != NULL) {
        size_t cap = s->name_cap == 0 ? 8 : s->name_cap * 2;
        struct tool_name **more = b->h->alloc(b->call, cap * sizeof *more, _Alignof(struct tool_name *));
        if (more == NULL)
            tool = NULL;
        else if (s->name_count > 0)
            memcpy(more, s->names, s->name_count * sizeof(struct tool_name *));
        s->names = more != NULL ? more : s->names;
        s->name_cap = more != NULL ? cap : s->name_cap;
    }
    gw_str own = anthropic_keep(b->h, b->call, client), sent = anthropic_keep(b->h, b->call, wire);
    if (tool == NULL || own.ptr == NULL || sent.ptr == NULL) {
        b->status = GW_E_NOMEM;
        return NULL;
    }
    *tool = (struct tool_name){ .client = own, .wire = sent };
    s->names[s->name_count++] = tool;
    if (!ids_add(b->h, b->call, &s->by_client, own, s->name_count) ||
        !ids_add(b->h, b->call, &s->by_wire, sent, s->name_count))
        b->status = GW_E_NOMEM;
    return tool;
}

void anthropic_name_tool(struct request_writer *b, gw_str name)
{
    if (name.len == 0 || anthropic_rule_fits(RULE_TOOL_NAME, name) || ids_find(&b->state->by_client, name, NULL))
        return;
    gw_str wire = made_name(b, RULE_TOOL_NAME, name, &b->taken);
    if (b->status == GW_OK && add_tool(b, name, wire) != NULL && !ids_add(b->h, b->call, &b->taken, wire, 0))
        b->status = GW_E_NOMEM;
}

void anthropic_take_tool_name(struct request_writer *b, gw_str name)
{
    if (anthropic_rule_fits(RULE_TOOL_NAME, name) && !ids_find(&b->taken, name, NULL) &&
        !ids_add(b->h, b->call, &b->taken, name, 0))
        b->status = GW_E_NOMEM;
}

gw_str anthropic_wire_name(struct request_writer *b, gw_str name)
{
    const struct tool_name *tool = find_tool(b->state, &b->state->by_client, name);

    if (tool != NULL)
        return tool->wire;
    return name.len == 0 || anthropic_rule_fits(RULE_TOOL_NAME, name)
               ? name
               : made_name(b, RULE_TOOL_NAME, name, &(struct ids){ .count = 0 });
}

gw_str anthropic_client_name(const struct reader *r, gw_str wire)
{
    const struct tool_name *tool = find_tool(r->state, &r->state->by_wire, wire);
    return tool != NULL ? tool->client : wire;
}

void anthropic_begin_members(struct request_writer *b, gw_str tool)
{
    b->naming = find_tool(b->state, &b->state->by_client, tool);
    if (b->naming == NULL)
        b->naming = add_tool(b, tool, tool);
}

void anthropic_end_members(struct request_writer *b)
{
    b->naming = NULL;
}

static void add_member(struct request_writer *b, struct tool_name *tool, gw_str name)
{
    gw_writer *w = b->h->writer(b->call);
    gw_str wire = made_name(b, RULE_PROPERTY_NAME, name, &tool->by_wire), own = anthropic_keep(b->h, b->call, name);

    b->h->write->str(w, name);
    gw_status status = b->h->write->end(w);
    if (tool->count == tool->cap) {
        size_t cap = tool->cap == 0 ? 8 : tool->cap * 2;
        struct member_name *more = b->h->alloc(b->call, cap * sizeof *more, _Alignof(struct member_name));
        if (more != NULL && tool->count > 0)
            memcpy(more, tool->members, tool->count * sizeof *more);
        tool->members = more != NULL ? more : tool->members;
        tool->cap = more != NULL ? cap : tool->cap;
    }
    if (status != GW_OK || tool->count == tool->cap || wire.ptr == NULL || own.ptr == NULL) {
        b->status = GW_E_NOMEM;
        return;
    }
    gw_str json = anthropic_keep(b->h, b->call, b->h->write->text(w));
    tool->members[tool->count++] = (struct member_name){ own, wire, json };
    if (!ids_add(b->h, b->call, &tool->by_client, own, tool->count) ||
        !ids_add(b->h, b->call, &tool->by_wire, wire, tool->count))
        b->status = GW_E_NOMEM;
}

void anthropic_name_member(struct request_writer *b, gw_str name)
{
    struct tool_name *tool = b->naming;

    if (tool == NULL || ids_find(&tool->by_client, name, NULL))
        return;
    if (!anthropic_rule_fits(RULE_PROPERTY_NAME, name)) {
        add_member(b, tool, name);
        return;
    }
    gw_str own = anthropic_keep(b->h, b->call, name);
    if (own.ptr == NULL || !ids_add(b->h, b->call, &tool->by_client, own, 0) ||
        (!ids_find(&tool->by_wire, own, NULL) && !ids_add(b->h, b->call, &tool->by_wire, own, 0)))
        b->status = GW_E_NOMEM;
}

static gw_str member_wire(const struct tool_name *tool, gw_str name)
{
    size_t at;
    return tool != NULL && ids_find(&tool->by_client, name, &at) && at > 0 ? tool->members[at - 1].wire : name;
}

gw_str anthropic_wire_member(const struct request_writer *b, gw_str name)
{
    return member_wire(b->naming, name);
}

void anthropic_write_arguments(struct request_writer *b, gw_str tool_name, const gw_json *arguments)
{
    const struct tool_name *tool = find_tool(b->state, &b->state->by_client, tool_name);

    if (tool == NULL || tool->count == 0) {
        b->h->write->copy(b->w, arguments);
        return;
    }
    b->h->write->object(b->w);
    for (size_t i = 0; i < b->h->json->count(arguments); i++) {
        b->h->write->key(b->w, member_wire(tool, b->h->json->key_at(arguments, i)));
        b->h->write->copy(b->w, b->h->json->at(arguments, i));
    }
    put_close(b);
}

const struct tool_name *anthropic_renamed(const struct reader *r, gw_str wire)
{
    const struct tool_name *tool = find_tool(r->state, &r->state->by_wire, wire);
    return tool != NULL && tool->count > 0 ? tool : NULL;
}

/* The name that has come whole, as the client has it. */
static void end_name(struct reader *r, struct rename *rename, struct pile *out)
{
    gw_str name = { rename->name.ptr, rename->name.len };
    size_t at;
    bool known = ids_find(&rename->tool->by_wire, name, &at) && at > 0;

    if (known) {
        if (!anthropic_pile(r->h, r->call, out, rename->tool->members[at - 1].json))
            r->status = GW_E_NOMEM;
    } else if (!anthropic_pile(r->h, r->call, out, GW_LIT("\"")) || !anthropic_pile(r->h, r->call, out, name) ||
               !anthropic_pile(r->h, r->call, out, GW_LIT("\""))) {
        r->status = GW_E_NOMEM;
    }
    rename->name.len = 0;
}

gw_str anthropic_rename(struct reader *r, struct rename *rename, gw_str piece)
{
    struct pile out = { .len = 0 };

    for (size_t i = 0; i < piece.len; i++) {
        char c = piece.ptr[i];
        bool ends = rename->in_string && !rename->escaped && c == '"';
        struct pile *to = rename->in_name ? &rename->name : &out;
        if (!rename->in_string && c == '"' && rename->depth == 1 && rename->before_name) {
            rename->in_string = rename->in_name = true;
            continue;
        }
        if (ends && rename->in_name) {
            end_name(r, rename, &out);
            rename->in_string = rename->in_name = rename->before_name = false;
            continue;
        }
        if (!anthropic_pile(r->h, r->call, to, (gw_str){ &c, 1 }))
            r->status = GW_E_NOMEM;
        if (rename->in_string) {
            rename->escaped = !rename->escaped && c == '\\';
            rename->in_string = !ends;
            continue;
        }
        rename->in_string = c == '"';
        if (c == '{' || c == '[')
            rename->depth++;
        else if ((c == '}' || c == ']') && rename->depth > 0)
            rename->depth--;
        if (c == '{' || c == ',')
            rename->before_name = rename->depth == 1;
    }
    return (gw_str){ out.ptr, out.len };
}
