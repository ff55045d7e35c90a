/* tools.c - reads tool calls, whole or in pieces. OpenAI numbers the calls of a message and sends name and id
 * once; others send whole calls, leave out the number or the id, number all calls 0, repeat id and name, send a name
 * in pieces or after the first arguments. So a call that comes in pieces is emitted when its name is there and
 * arguments are, or when something else begins. */
#include <stdio.h>
#include <string.h>

#include "openai.h"

/* Which call does a piece belong to? By number, unless it has a name and an id shows that it is another one; else by
 * id; else it goes on with the last, if it does not bring a name. NULL: it begins a call. */
static struct tool *find(const struct reader *r, const struct choice *choice, int64_t key, gw_str id, gw_str name)
{
    const struct seek *seek = &r->state->seek;
    struct tool *t = NULL;

    if (id.len > 0)
        t = openai_seek(seek, choice->index, key < 0 ? OPENAI_ANY_KEY : key, id);
    if (t != NULL)
        return t;
    if (key >= 0) {
        t = openai_seek(seek, choice->index, key, GW_LIT(""));
        return t != NULL && id.len > 0 && t->id.len > 0 && name.len > 0 ? NULL : t;
    }
    return id.len == 0 && name.len == 0 ? choice->tools : NULL;
}

static struct tool *add(struct reader *r, struct choice *choice, int64_t key)
{
    struct tool *t = r->h->alloc(r->call, sizeof *t, _Alignof(struct tool));
    if (t == NULL)
        return NULL;
    *t = (struct tool){ .next = choice->tools, .key = key };
    t->held_end = &t->held;
    if (choice->tools != NULL)
        choice->tools->newer = t;
    if (choice->oldest == NULL)
        choice->oldest = t;
    choice->tools = t;
    if (key >= 0)
        openai_seek_put(r, &r->state->seek, choice->index, key, GW_LIT(""), t);
    return t;
}

static void set_id(struct reader *r, const struct choice *choice, struct tool *t, gw_str id)
{
    t->id = openai_keep(r, id);
    openai_seek_put(r, &r->state->seek, choice->index, OPENAI_ANY_KEY, t->id, t);
    if (t->key >= 0)
        openai_seek_put(r, &r->state->seek, choice->index, t->key, t->id, t);
}

/* A client must be able to name a call in its next request: where the upstream gave no id, one is made from
 * the answer's, so that it is another one in every answer. */
static gw_str made_id(struct reader *r, const struct choice *choice, const struct tool *t)
{
    char id[96], base[40];
    size_t len = 0;

    for (size_t i = r->state->id.len > 32 ? r->state->id.len - 32 : 0; i < r->state->id.len; i++) {
        char c = r->state->id.ptr[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
            base[len++] = c;
    }
    if (len == 0)
        len = (size_t)snprintf(base, sizeof base, "%llx", (unsigned long long)r->h->unix_ms(r->h->self));
    int size = snprintf(id, sizeof id, "call_%.*s_%u_%u", (int)len, base, choice->index, t->item);
    return openai_keep(r, (gw_str){ id, (size_t)size });
}

static void emit_args(struct reader *r, const struct choice *choice, struct tool *t, gw_str args)
{
    t->has_args = true;
    r->emit(r->call, &(gw_event){ .size = sizeof(gw_event),
                                  .type = t->custom ? GW_EVENT_CUSTOM_ARGS : GW_EVENT_TOOL_ARGS,
                                  .index = choice->index,
                                  .item = t->item,
                                  .text = args });
}

static void open_call(struct reader *r, struct choice *choice, struct tool *t)
{
    if (t->opened)
        return;
    t->opened = true;
    t->item = choice->tool_count++; /* numbered as they are opened: one that never is leaves no gap */
    openai_start(r);
    r->emit(r->call, &(gw_event){ .size = sizeof(gw_event),
                                  .type = GW_EVENT_TOOL_CALL,
                                  .index = choice->index,
                                  .item = t->item,
                                  .id = t->id.len > 0 ? t->id : made_id(r, choice, t),
                                  .text = openai_whole_name(r, t->name) });
    for (const struct piece *piece = t->held; piece != NULL; piece = piece->next)
        emit_args(r, choice, t, piece->text);
}

/* Opens the calls that have a name. */
static void open_named(struct reader *r, struct choice *choice)
{
    for (struct tool *t = choice->named; t != NULL; t = t->next_named)
        open_call(r, choice, t);
    choice->named = choice->last_named = NULL;
}

/* Arguments under a number that never got a name: those of the call before it, where that has none. Else it is unknown
 * whose they are. */
static void end_nameless(struct reader *r, const struct choice *choice, const struct tool *t)
{
    struct tool *before = t->next;

    if (before != NULL && before->opened && !before->has_args) {
        for (const struct piece *piece = t->held; piece != NULL; piece = piece->next)
            emit_args(r, choice, before, piece->text);
        return;
    }
    r->state->failed = true;
    r->emit(r->call, &(gw_event){ .size = sizeof(gw_event),
                                  .type = GW_EVENT_ERROR,
                                  .status = 502,
                                  .text = GW_LIT("the upstream sent arguments of a call that it did not name") });
}

void openai_end_calls(struct reader *r, struct choice *choice)
{
    open_named(r, choice);
    for (struct tool *t = choice->oldest; t != NULL && !r->state->failed; t = t->newer)
        if (!t->opened && t->held != NULL)
            end_nameless(r, choice, t);
    choice->oldest = NULL;
}

/* It is opened when its arguments come, or when something else begins. */
static void wait_to_open(struct choice *choice, struct tool *t)
{
    *(choice->last_named != NULL ? &choice->last_named->next_named : &choice->named) = t;
    choice->last_named = t;
}

static void hold(struct reader *r, struct tool *t, gw_str args)
{
    struct piece *piece = r->h->alloc(r->call, sizeof *piece, _Alignof(struct piece));
    if (piece == NULL)
        return;
    *piece = (struct piece){ .text = openai_keep(r, args) };
    *t->held_end = piece;
    t->held_end = &piece->next;
}

/* What a piece adds to a call. A name that is repeated is no second half of it. */
static void take_piece(struct reader *r, struct choice *choice, struct tool *t, gw_str name, gw_str args)
{
    if (!t->opened && name.len > 0 && !openai_same(t->name, name)) {
        if (t->name.len == 0)
            wait_to_open(choice, t);
        t->name = openai_join(r->h, r->call, t->name, name);
    }
    if (args.len > 0 && !t->opened && t->name.len == 0)
        hold(r, t, args);
    if (t->name.len > 0 && (args.len > 0 || t->held != NULL))
        open_call(r, choice, t);
    if (args.len > 0 && t->opened)
        emit_args(r, choice, t, args);
}

static bool wants_signatures(struct answer_state *state)
{
    const struct openai_asked asked = { .model = state->model, .family = openai_family(state->model) };

    if (state->signs == 0 && state->service != NULL)
        state->signs =
            openai_rule(state->service, &asked, GW_LIT("messages.extra_content"))->how == GW_FIELD_CARRIED ? 1 : -1;
    return state->signs >= 0;
}

/* Gemini signs its calls, and wants the signature back: it goes along as a block of reasoning of its own, before the
 * call, for that is what clients of other APIs keep. */
static void read_signature(struct reader *r, const struct choice *choice, const struct tool *t, const gw_json *json)
{
    const gw_json *google = openai_get(r, openai_get(r, json, GW_LIT("extra_content")), GW_LIT("google"));
    gw_str signature = openai_str(r, google, GW_LIT("thought_signature"));
    gw_writer *w = signature.len > 0 && t->id.len > 0 && wants_signatures(r->state) ? r->h->writer(r->call) : NULL;

    if (w == NULL)
        return;
    const gw_str members[][2] = { { GW_LIT("type"), GW_LIT("reasoning.encrypted") },
                                  { GW_LIT("format"), GW_LIT(OPENAI_GOOGLE_FORMAT) },
                                  { GW_LIT("id"), t->id },
                                  { GW_LIT("data"), signature } };
    r->h->write->object(w);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        r->h->write->key(w, members[i][0]);
        r->h->write->str(w, members[i][1]);
    }
    r->h->write->close(w);
    if (r->h->write->end(w) != GW_OK)
        return;
    openai_start(r);
    r->emit(r->call, &(gw_event){ .size = sizeof(gw_event),
                                  .type = GW_EVENT_SIGNATURE,
                                  .index = choice->index,
                                  .item = choice->block + 1 + choice->tool_count,
                                  .id = GW_LIT(OPENAI_GOOGLE_FORMAT),
                                  .text = signature,
                                  .data = r->h->write->text(w) });
}

/* One element. Arguments are a string of JSON; some servers send the object itself. */
static void read_call(struct reader *r, struct choice *choice, const gw_json *json, bool whole)
{
    const gw_json *custom = openai_get(r, json, GW_LIT("custom"));
    bool is_custom = r->h->json->type(custom) == GW_JSON_OBJECT;
    const gw_json *function = is_custom ? custom : openai_get(r, json, GW_LIT("function"));
    const gw_json *args_json = openai_get(r, function, is_custom ? GW_LIT("input") : GW_LIT("arguments"));
    int64_t key = r->h->json->integer(openai_get(r, json, GW_LIT("index")), -1);
    gw_str id = openai_str(r, json, GW_LIT("id")), name = openai_str(r, function, GW_LIT("name"));
    gw_str args = r->h->json->str(args_json);

    if (r->h->json->type(args_json) == GW_JSON_OBJECT)
        args = r->h->json->text(args_json);
    struct tool *t = whole ? NULL : find(r, choice, key, id, name);
    if (t == NULL) {
        open_named(r, choice);
        t = add(r, choice, key);
    }
    if (t == NULL)
        return;
    t->custom = t->custom || is_custom;
    if (t->id.len == 0 && id.len > 0)
        set_id(r, choice, t, id);
    read_signature(r, choice, t, json);
    take_piece(r, choice, t, name, args);
    if (whole)
        open_call(r, choice, t);
}

void openai_tool_calls(struct reader *r, struct choice *choice, const gw_json *calls, bool whole)
{
    for (size_t i = 0; i < r->h->json->count(calls); i++)
        if (r->h->json->type(r->h->json->at(calls, i)) == GW_JSON_OBJECT)
            read_call(r, choice, r->h->json->at(calls, i), whole);
}

void openai_function_call(struct reader *r, struct choice *choice, const gw_json *call)
{
    gw_str name = openai_str(r, call, GW_LIT("name")), args = openai_str(r, call, GW_LIT("arguments"));

    if (r->h->json->type(call) != GW_JSON_OBJECT)
        return;
    struct tool *t = choice->tools;
    if (t == NULL)
        t = add(r, choice, -1);
    if (t != NULL)
        take_piece(r, choice, t, name, args);
}
