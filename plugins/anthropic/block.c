/* block.c - the blocks of an answer: text, thinking, calls of the client's tools, and everything that a chat has
 * no word for, which is handed on as it is so that it can come back with the next request. Blocks have not been
 * seen to overlap, but nothing here relies on it. */
#include "anthropic.h"

enum kind { KIND_TEXT, KIND_THINKING, KIND_TOOL, KIND_CUSTOM, KIND_SHAPE, KIND_OTHER };

/* Grows piece by piece: a member of a block of KIND_OTHER. */
struct grown {
    struct grown *next;
    gw_str name;
    struct pile pile;
    bool is_json; /* else text */
};

struct citation {
    struct citation *next;
    gw_str url, title;
    gw_str told; /* Anthropic's own */
};

struct block {
    struct block *next;
    int64_t index;
    enum kind kind;
    uint32_t item;     /* among its like */
    bool told;         /* arguments were emitted */
    gw_str begun;      /* of a call: the input that came at the start; else the block itself */
    struct pile input; /* of a custom tool */
    struct grown *grown;
    struct rename rename; /* of a call: its tool is NULL where nothing is renamed */
    uint64_t from;        /* of text: its first character in the answer */
    struct citation *cited, *last_cited;
};

static const gw_str none = { NULL, 0 };

static struct block *find_block(const struct reader *r, int64_t index)
{
    struct block *block = r->state->blocks;
    while (block != NULL && block->index != index)
        block = block->next;
    return block;
}

static struct block *add_block(struct reader *r, int64_t index, enum kind kind)
{
    struct block *block = r->h->alloc(r->call, sizeof *block, _Alignof(struct block));
    if (block == NULL) {
        r->status = GW_E_NOMEM;
        return NULL;
    }
    *block = (struct block){ .next = r->state->blocks, .index = index, .kind = kind, .from = r->state->chars };
    r->state->blocks = block;
    return block;
}

static gw_str kept(struct reader *r, gw_str s)
{
    gw_str copy = anthropic_keep(r->h, r->call, s);
    if (copy.ptr == NULL)
        r->status = GW_E_NOMEM;
    return copy;
}

static gw_str kept_json(struct reader *r, const gw_json *json)
{
    return anthropic_one_line(r, r->h->json->text(json));
}

static bool is_custom(const struct reader *r, gw_str name)
{
    for (size_t i = 0; i < r->state->custom_count; i++) {
        gw_str custom = r->state->custom[i];
        if (custom.len == name.len && memcmp(custom.ptr, name.ptr, name.len) == 0)
            return true;
    }
    return false;
}

static bool is_shape(const struct reader *r, gw_str name)
{
    gw_str own = r->state->output_name;
    return own.len > 0 && own.len == name.len && memcmp(own.ptr, name.ptr, name.len) == 0;
}

/* Web pages only: strict clients know no other annotation. */
static void note_citation(struct reader *r, struct block *block, const gw_json *told)
{
    gw_str url = get_str(r->h, told, "url"), title = get_str(r->h, told, "title");

    if (url.len == 0)
        url = get_str(r->h, told, "source"); /* of a search_result of the client's */
    if (!anthropic_starts(url, "https://") && !anthropic_starts(url, "http://"))
        return;
    struct citation *c = r->h->alloc(r->call, sizeof *c, _Alignof(struct citation));
    if (c == NULL) {
        r->status = GW_E_NOMEM;
        return;
    }
    *c = (struct citation){ .url = kept(r, url), .title = kept(r, title), .told = kept_json(r, told) };
    if (block->last_cited != NULL)
        block->last_cited->next = c;
    else
        block->cited = c;
    block->last_cited = c;
}

/* The whole block is what the page is cited for; chats count characters. */
static void emit_citations(struct reader *r, const struct block *block)
{
    for (const struct citation *c = block->cited; c != NULL; c = c->next) {
        gw_writer *w = r->h->writer(r->call);
        r->h->write->object(w);
        r->h->write->key(w, GW_LIT("type"));
        r->h->write->str(w, GW_LIT("url_citation"));
        r->h->write->key(w, GW_LIT("url_citation"));
        r->h->write->object(w);
        r->h->write->key(w, GW_LIT("start_index"));
        r->h->write->integer(w, (int64_t)block->from);
        r->h->write->key(w, GW_LIT("end_index"));
        r->h->write->integer(w, (int64_t)r->state->chars);
        r->h->write->key(w, GW_LIT("url"));
        r->h->write->str(w, c->url);
        r->h->write->key(w, GW_LIT("title"));
        r->h->write->str(w, c->title);
        r->h->write->close(w);
        r->h->write->key(w, GW_LIT("x_origin"));
        r->h->write->object(w);
        r->h->write->key(w, GW_LIT("dialect"));
        r->h->write->str(w, GW_LIT(ANTHROPIC_DIALECT));
        r->h->write->key(w, GW_LIT("content"));
        r->h->write->raw(w, c->told);
        r->h->write->close(w);
        r->h->write->close(w);
        if (r->h->write->end(w) == GW_OK)
            anthropic_emit(r, GW_EVENT_CITATION, block->item, none, none, r->h->write->text(w));
    }
}

static void start_text(struct reader *r, int64_t index, const gw_json *json)
{
    const gw_json *citations = get(r->h, json, "citations");
    struct block *block = add_block(r, index, KIND_TEXT);

    if (block == NULL)
        return;
    block->item = r->state->texts++;
    anthropic_emit_text(r, block->item, get_str(r->h, json, "text"));
    for (size_t i = 0; i < length(r->h, citations); i++)
        note_citation(r, block, r->h->json->at(citations, i));
}

static void emit_thinking(struct reader *r, const struct block *block, uint32_t type, gw_str text)
{
    if (text.len > 0)
        anthropic_emit(r, type, block->item, GW_LIT(ANTHROPIC_FORMAT), text, none);
}

static void start_thinking(struct reader *r, int64_t index, const gw_json *json)
{
    struct block *block = add_block(r, index, KIND_THINKING);
    if (block == NULL)
        return;
    block->item = r->state->thoughts++;
    emit_thinking(r, block, GW_EVENT_REASONING, get_str(r->h, json, "thinking"));
    emit_thinking(r, block, GW_EVENT_SIGNATURE, get_str(r->h, json, "signature"));
}

/* It comes whole; nothing follows but its stop. */
static void start_redacted(struct reader *r, const gw_json *json)
{
    gw_str text = kept_json(r, json);
    anthropic_emit(r, GW_EVENT_SIGNATURE, r->state->thoughts++, GW_LIT(ANTHROPIC_FORMAT ":redacted"),
                   get_str(r->h, json, "data"), anthropic_is_json(r, text) ? text : none);
}

/* "input" is {} here and comes in pieces; some servers send it whole and no pieces. */
static void start_tool(struct reader *r, int64_t index, const gw_json *json)
{
    const gw_json *input = get(r->h, json, "input");
    gw_str wire = get_str(r->h, json, "name"), name = anthropic_client_name(r, wire);
    enum kind kind = is_shape(r, name) ? KIND_SHAPE : is_custom(r, name) ? KIND_CUSTOM : KIND_TOOL;
    struct block *block = add_block(r, index, kind);

    if (block == NULL)
        return;
    if (r->h->json->count(input) > 0)
        block->begun = kept_json(r, input);
    block->rename.tool = anthropic_renamed(r, wire);
    block->item = kind == KIND_SHAPE ? r->state->texts++ : r->state->tools++;
    if (kind == KIND_SHAPE)
        return;
    gw_str id = anthropic_client_id(r->h, r->call, get_str(r->h, json, "id"));
    anthropic_emit(r, GW_EVENT_TOOL_CALL, block->item, id, name, none);
}

void anthropic_block_start(struct reader *r, int64_t index, const gw_json *json)
{
    gw_str type = get_str(r->h, json, "type");

    if (anthropic_is(type, "text")) {
        start_text(r, index, json);
    } else if (anthropic_is(type, "thinking")) {
        start_thinking(r, index, json);
    } else if (anthropic_is(type, "redacted_thinking")) {
        start_redacted(r, json);
    } else if (anthropic_is(type, "tool_use")) {
        start_tool(r, index, json);
    } else if (is_type(r->h, json, GW_JSON_OBJECT)) {
        struct block *block = add_block(r, index, KIND_OTHER);
        if (block != NULL)
            block->begun = kept_json(r, json);
    }
}

static void emit_args(struct reader *r, struct block *block, gw_str piece)
{
    if (piece.len == 0)
        return;
    block->told = true;
    if (block->rename.tool != NULL)
        piece = anthropic_rename(r, &block->rename, piece);
    if (piece.len == 0)
        return;
    if (block->kind == KIND_SHAPE)
        anthropic_emit_text(r, block->item, piece);
    else if (block->kind == KIND_TOOL)
        anthropic_emit(r, GW_EVENT_TOOL_ARGS, block->item, none, piece, none);
    else if (!anthropic_pile(r->h, r->call, &block->input, piece))
        r->status = GW_E_NOMEM;
}

static void grow(struct reader *r, struct block *block, gw_str name, gw_str piece, bool is_json)
{
    struct grown *g = block->grown;

    while (g != NULL && (g->name.len != name.len || memcmp(g->name.ptr, name.ptr, name.len) != 0))
        g = g->next;
    if (g == NULL) {
        g = r->h->alloc(r->call, sizeof *g, _Alignof(struct grown));
        if (g != NULL) {
            *g = (struct grown){ .next = block->grown, .name = kept(r, name), .is_json = is_json };
            block->grown = g;
        }
    }
    if (g == NULL || !anthropic_pile(r->h, r->call, &g->pile, piece))
        r->status = GW_E_NOMEM;
}

/* A piece of a block that nobody here knows: strings of the delta go on with the members of their name. */
static void grow_other(struct reader *r, struct block *block, const gw_json *delta)
{
    for (size_t i = 0; i < r->h->json->count(delta); i++) {
        gw_str name = r->h->json->key_at(delta, i), piece = r->h->json->str(r->h->json->at(delta, i));
        if (anthropic_is(name, "type") || piece.ptr == NULL)
            continue;
        if (anthropic_is(name, "partial_json"))
            grow(r, block, GW_LIT("input"), piece, true);
        else
            grow(r, block, name, piece, false);
    }
}

/* A delta without a start: servers that only look like Anthropic. Arguments are the newest call's that is open. */
static struct block *missing_block(struct reader *r, int64_t index, gw_str type)
{
    struct block *block = r->state->blocks;
    bool is_text = anthropic_is(type, "text_delta");
    if (anthropic_is(type, "input_json_delta")) {
        while (block != NULL && block->kind != KIND_TOOL && block->kind != KIND_CUSTOM && block->kind != KIND_SHAPE)
            block = block->next;
        if (block == NULL)
            anthropic_fail(r, GW_LIT("the upstream sent arguments of a call that it did not name"));
        return block;
    }
    if (!is_text && !anthropic_is(type, "thinking_delta"))
        return NULL;
    if ((block = add_block(r, index, is_text ? KIND_TEXT : KIND_THINKING)) != NULL)
        block->item = is_text ? r->state->texts++ : r->state->thoughts++;
    return block;
}

void anthropic_block_delta(struct reader *r, int64_t index, const gw_json *delta)
{
    gw_str type = get_str(r->h, delta, "type");
    struct block *block = find_block(r, index);

    if (block == NULL)
        block = missing_block(r, index, type);
    if (block == NULL)
        return;
    if (block->kind == KIND_OTHER)
        grow_other(r, block, delta);
    else if (anthropic_is(type, "text_delta"))
        anthropic_emit_text(r, block->item, get_str(r->h, delta, "text"));
    else if (anthropic_is(type, "input_json_delta") && block->kind != KIND_TEXT && block->kind != KIND_THINKING)
        emit_args(r, block, get_str(r->h, delta, "partial_json"));
    else if (anthropic_is(type, "thinking_delta") && block->kind == KIND_THINKING)
        emit_thinking(r, block, GW_EVENT_REASONING, get_str(r->h, delta, "thinking"));
    else if (anthropic_is(type, "signature_delta") && block->kind == KIND_THINKING)
        emit_thinking(r, block, GW_EVENT_SIGNATURE, get_str(r->h, delta, "signature"));
    else if (anthropic_is(type, "citations_delta") && block->kind == KIND_TEXT)
        note_citation(r, block, get(r->h, delta, "citation"));
}

/* {"input":"text"} as the text. */
static void emit_custom(struct reader *r, const struct block *block)
{
    const gw_json *input = NULL;
    gw_str json = { block->input.ptr, block->input.len };

    if (r->h->json->parse(r->call, json, &input) != GW_OK)
        input = NULL;
    gw_str text = get_str(r->h, input, "input");
    anthropic_emit(r, GW_EVENT_CUSTOM_ARGS, block->item, none, text.ptr != NULL ? text : json, none);
}

static void write_grown(struct reader *r, gw_writer *w, const struct grown *g)
{
    gw_str text = { g->pile.ptr, g->pile.len };
    r->h->write->key(w, g->name);
    if (!g->is_json)
        r->h->write->str(w, text.len > 0 ? text : GW_LIT(""));
    else
        r->h->write->raw(w, text.len > 0 ? anthropic_one_line(r, text) : GW_LIT("{}"));
}

static void emit_origin(struct reader *r, gw_str json)
{
    if (anthropic_is_json(r, json))
        anthropic_emit(r, GW_EVENT_ORIGIN, 0, GW_LIT(ANTHROPIC_DIALECT), none, json);
}

/* The block as it would have come in a plain answer. */
static void emit_other(struct reader *r, const struct block *block)
{
    const gw_json *begun = NULL;

    if (block->grown == NULL || r->h->json->parse(r->call, block->begun, &begun) != GW_OK) {
        emit_origin(r, block->begun);
        return;
    }
    gw_writer *w = r->h->writer(r->call);
    r->h->write->object(w);
    for (size_t i = 0; i < r->h->json->count(begun); i++) {
        gw_str name = r->h->json->key_at(begun, i);
        const struct grown *g = block->grown;
        while (g != NULL && (g->name.len != name.len || memcmp(g->name.ptr, name.ptr, name.len) != 0))
            g = g->next;
        if (g != NULL) {
            write_grown(r, w, g);
        } else {
            r->h->write->key(w, name);
            r->h->write->copy(w, r->h->json->at(begun, i));
        }
    }
    for (const struct grown *g = block->grown; g != NULL; g = g->next)
        if (r->h->json->get(begun, g->name) == NULL)
            write_grown(r, w, g);
    r->h->write->close(w);
    if (r->h->write->end(w) == GW_OK)
        emit_origin(r, r->h->write->text(w));
}

void anthropic_block_stop(struct reader *r, int64_t index)
{
    struct block **link = &r->state->blocks;

    while (*link != NULL && (*link)->index != index)
        link = &(*link)->next;
    struct block *block = *link;
    if (block == NULL)
        return;
    *link = block->next;
    if (block->kind == KIND_TEXT)
        emit_citations(r, block);
    if (block->kind == KIND_OTHER)
        emit_other(r, block);
    if (block->kind == KIND_THINKING || block->kind == KIND_TEXT || block->kind == KIND_OTHER)
        return;
    if (!block->told)
        emit_args(r, block, block->begun.len > 0 ? block->begun : GW_LIT("{}"));
    if (block->kind == KIND_CUSTOM)
        emit_custom(r, block);
}

void anthropic_close_blocks(struct reader *r)
{
    struct block *open = r->state->blocks, *in_order = NULL, *next;

    for (; open != NULL; open = next) {
        next = open->next;
        open->next = in_order;
        in_order = open;
    }
    r->state->blocks = in_order;
    while (r->state->blocks != NULL)
        anthropic_block_stop(r, r->state->blocks->index);
}
