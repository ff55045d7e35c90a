/* turns.c - the order in which a service takes messages: results of tools right behind their calls, neighbours of one
 * role as one message, a system message that is not at the head as a reminder of the user's. Which of these a service
 * wants is in the tables of fields.c. */
#include "openai.h"

static unsigned role_of(const struct body_writer *w, const gw_json *message)
{
    static const struct {
        const char *name;
        unsigned role;
    } roles[] = {
        { "user", TURN_USER },     { "assistant", TURN_ASSISTANT }, { "tool", TURN_TOOL },
        { "system", TURN_SYSTEM }, { "developer", TURN_SYSTEM },
    };
    gw_str name = w->h->json->str(w->h->json->get(message, GW_LIT("role")));

    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (openai_is(name, roles[i].name))
            return roles[i].role;
    return TURN_OTHER;
}

static bool is_wanted(const struct body_writer *w, const char *field)
{
    return openai_row_for(w, field)->how == GW_FIELD_TRANSLATED;
}

/* The messages, one by one; a system message behind the head is the user's reminder where it must be. */
static void read_turns(struct body_writer *w, const gw_json *messages, struct turn *turns, size_t count)
{
    const struct openai_rule *later =
        openai_change(w->service, &w->asked, GW_LIT("messages.role"), OPENAI_LATER, GW_LIT(""));
    bool head = true;

    for (size_t i = 0; i < count; i++) {
        struct turn *t = &turns[i];
        *t = (struct turn){ .message = w->h->json->at(messages, i) };
        t->role = role_of(w, t->message);
        head = head && t->role == TURN_SYSTEM;
        if (t->role != TURN_SYSTEM || head || later == NULL)
            continue;
        openai_drop(w, &later->row);
        t->role = TURN_USER;
        t->reminder = true;
    }
}

static bool calls_tools(const struct body_writer *w, const struct turn *t)
{
    return w->h->json->count(w->h->json->get(t->message, GW_LIT("tool_calls"))) > 0;
}

/* Moves the results among turns from..to to their front; `spare` has room for as many. */
static void results_first(struct turn *turns, size_t from, size_t to, struct turn *spare)
{
    size_t kept = 0, at = from;
    for (size_t i = from; i < to; i++) {
        if (turns[i].role == TURN_TOOL)
            turns[at++] = turns[i];
        else
            spare[kept++] = turns[i];
    }
    for (size_t i = 0; i < kept; i++)
        turns[at++] = spare[i];
}

/* Between two of the assistant's turns, results stand in front: the first of the two has the calls. */
static void order_results(const struct body_writer *w, struct turn *turns, size_t count, struct turn *spare)
{
    bool called = false;
    size_t from = 0;

    for (size_t i = 0; i <= count; i++) {
        if (i < count && turns[i].role != TURN_ASSISTANT)
            continue;
        if (called)
            results_first(turns, from, i, spare);
        if (i == count)
            break;
        called = calls_tools(w, &turns[i]) || (called && from == i); /* or the one right before it has them */
        from = i + 1;
    }
}

/* Does a message have no more than what can be joined with its neighbour? */
static bool is_plain(const struct body_writer *w, const struct turn *t)
{
    static const char *const known[] = {
        "role", "content", "tool_calls", "reasoning_content", "reasoning_details", "cache_control", NULL
    };
    if (w->h->json->type(t->message) != GW_JSON_OBJECT)
        return false;
    for (size_t i = 0; i < w->h->json->count(t->message); i++) {
        gw_str name = w->h->json->key_at(t->message, i);
        const gw_json *value = w->h->json->at(t->message, i);
        size_t k = 0;
        while (known[k] != NULL && !openai_is(name, known[k]))
            k++;
        if (known[k] == NULL && !openai_starts(name, "x_") && !openai_is_default(w, name, value))
            return false;
    }
    return true;
}

/* A reminder may stand in a tool's result, where agents put theirs: so nobody has to speak between the two. */
static bool is_one(const struct body_writer *w, const struct turn *first, const struct turn *before,
                   const struct turn *t)
{
    if (t->role == TURN_USER && t->reminder && first->role == TURN_TOOL)
        return is_wanted(w, "messages.user_after_tool") && is_plain(w, t);
    if (t->role != before->role || t->role == TURN_TOOL || t->role == TURN_OTHER || !is_plain(w, before) ||
        !is_plain(w, t))
        return false;
    return is_wanted(w, t->role == TURN_ASSISTANT ? "messages.replies" : "messages.same_role");
}

struct turn *openai_turns(struct body_writer *w, const gw_json *messages)
{
    size_t count = w->h->json->count(messages), first = 0;
    struct turn *turns = w->h->alloc(w->call, (2 * count + 1) * sizeof *turns, _Alignof(struct turn));

    if (turns == NULL) {
        w->status = GW_E_NOMEM;
        return NULL;
    }
    read_turns(w, messages, turns, count);
    if (is_wanted(w, "messages.results"))
        order_results(w, turns, count, turns + count);
    for (size_t i = 1; i < count; i++) {
        turns[i].joins = is_one(w, &turns[first], &turns[i - 1], &turns[i]);
        first = turns[i].joins ? first : i;
    }
    return turns;
}
