/* read.c - reads a chat completion, whole or in pieces, as events; of answers that are relayed only (text completions,
 * embeddings, rerank, images, audio) their usage, finish and errors. Written for what servers really send: see the
 * recordings that the tests replay. Nothing that is missing or null is an error. */
#include "openai.h"

#include <string.h>

static void read_object(struct reader *r, const gw_json *root);
static void read_choice(struct reader *r, const gw_json *json, uint32_t position);
static void finish_all(struct reader *r);
static void finish_called(struct reader *r);

gw_status openai_read(void *instance, gw_call *call, const gw_frame *frame, gw_emit emit)
{
    const struct openai *openai = instance;
    struct reader r = { .openai = openai, .h = openai->host, .call = call, .emit = emit, .frame = frame };
    const gw_json *root = NULL;

    r.state = r.h->state(call);
    if (r.state == NULL) {
        r.state = r.h->alloc(call, sizeof *r.state, _Alignof(struct answer_state));
        if (r.state == NULL)
            return GW_E_NOMEM;
        r.h->set_state(call, r.state);
    }
    bool refused = frame->status >= 400;
    if (r.state->failed)
        return GW_OK;
    if (frame->data.len == 0 && !(refused && frame->end)) {
        for (struct choice *choice = r.state->choices; frame->end && choice != NULL && !r.state->failed;
             choice = choice->next)
            openai_end_calls(&r, choice);
        if (frame->end)
            finish_called(&r);
        return GW_OK;
    }
    if (openai_is(frame->data, "[DONE]")) {
        finish_all(&r);
        return r.state->failed ? GW_OK : GW_MISS;
    }
    gw_status status = frame->data.len > 0 ? r.h->json->parse(call, frame->data, &root) : GW_OK;
    if (refused) {
        openai_error(&r, status == GW_OK ? root : NULL);
        return GW_OK;
    }
    if (status != GW_OK)
        return status;
    if (r.h->json->type(root) == GW_JSON_ARRAY) /* Gemini's compatible endpoint wraps its errors */
        root = r.h->json->at(root, 0);
    if (r.h->json->type(root) != GW_JSON_OBJECT) {
        r.h->explain(call, GW_LIT("the upstream's answer is JSON but not an object"));
        return GW_E_PROTOCOL;
    }
    if (openai_is_response(&r, root))
        openai_response(&r, root);
    else
        read_object(&r, root);
    return GW_OK;
}

void openai_start(struct reader *r)
{
    if (r->state->started)
        return;
    r->state->started = true;
    r->emit(r->call, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_START, .id = r->state->id });
}

void openai_finish(struct reader *r, gw_str word)
{
    if (r->state->finished)
        return;
    r->state->finished = true;
    openai_start(r);
    r->emit(r->call, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_FINISH, .text = word });
}

/* The id and the model are in every chunk, but not always in the first (Azure). */
static void read_start(struct reader *r, const gw_json *root)
{
    gw_str id = openai_str(r, root, GW_LIT("id")), model = openai_str(r, root, GW_LIT("model"));

    if (r->state->started || (id.len == 0 && model.len == 0))
        return;
    r->state->started = true;
    r->state->id = openai_keep(r, id);
    r->emit(r->call,
            &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_START, .id = r->state->id, .text = model });
}

/* NULL when there is no memory. */
static struct choice *find_choice(struct reader *r, uint32_t index)
{
    struct answer_state *state = r->state;
    struct choice *choice = openai_seek(&state->seek, index, OPENAI_CHOICE_KEY, GW_LIT(""));

    if (choice != NULL)
        return choice;
    choice = r->h->alloc(r->call, sizeof *choice, _Alignof(struct choice));
    if (choice == NULL)
        return NULL;
    choice->index = index;
    *(state->last != NULL ? &state->last->next : &state->choices) = choice;
    state->last = choice;
    openai_seek_put(r, &state->seek, index, OPENAI_CHOICE_KEY, GW_LIT(""), choice);
    return choice;
}

/* Perplexity: what was searched, in every chunk; emitted once, before the finish, as the annotations that others
 * send. */
static void read_search_results(struct reader *r, const struct choice *choice)
{
    const gw_json *results = openai_get(r, r->root, GW_LIT("search_results"));
    const gw_json *links = openai_get(r, r->root, GW_LIT("citations"));
    const gw_json *list = r->h->json->count(results) > 0 ? results : links;

    if (r->state->cited || r->h->json->count(list) == 0)
        return;
    r->state->cited = true;
    for (size_t i = 0; i < r->h->json->count(list); i++) {
        const gw_json *one = r->h->json->at(list, i);
        gw_str url = list == results ? openai_str(r, one, GW_LIT("url")) : r->h->json->str(one);
        if (url.len == 0)
            continue;
        gw_writer *w = r->h->writer(r->call);
        r->h->write->object(w);
        r->h->write->key(w, GW_LIT("type"));
        r->h->write->str(w, GW_LIT("url_citation"));
        r->h->write->key(w, GW_LIT("url_citation"));
        r->h->write->object(w);
        r->h->write->key(w, GW_LIT("url"));
        r->h->write->str(w, url);
        r->h->write->key(w, GW_LIT("title"));
        r->h->write->str(w, openai_str(r, one, GW_LIT("title")));
        r->h->write->close(w);
        r->h->write->close(w);
        if (r->h->write->end(w) == GW_OK)
            openai_emit_data(r, GW_EVENT_CITATION, choice, r->h->write->text(w));
    }
}

static void read_object(struct reader *r, const gw_json *root)
{
    const gw_json *choices = openai_get(r, root, GW_LIT("choices"));
    const gw_json *usage = openai_get(r, root, GW_LIT("usage"));
    const gw_json *error = openai_get(r, root, GW_LIT("error"));

    r->root = root;
    read_start(r, root);
    for (size_t i = 0; i < r->h->json->count(choices) && !r->state->failed; i++) {
        const gw_json *choice = r->h->json->at(choices, i);
        read_choice(r, choice, (uint32_t)i);
        if (r->h->json->type(usage) != GW_JSON_OBJECT) /* Moonshot */
            usage = openai_get(r, choice, GW_LIT("usage"));
    }
    if (r->frame->framing == GW_FRAMING_WHOLE)
        finish_called(r);
    if (r->state->failed)
        return;
    if (r->h->json->type(usage) != GW_JSON_OBJECT)
        usage = openai_get(r, openai_get(r, root, GW_LIT("x_groq")), GW_LIT("usage"));
    if (r->h->json->type(usage) == GW_JSON_OBJECT)
        openai_usage(r, usage);
    else if (r->state->operation == GW_OP_RERANK)
        openai_billed(r, openai_get(r, root, GW_LIT("meta")));
    /* The last event of an image or a speech is the one that has usage; there is no end mark. */
    if (r->state->dialect == GW_DIALECT_OTHER && r->frame->framing != GW_FRAMING_WHOLE &&
        r->h->json->type(usage) == GW_JSON_OBJECT)
        openai_finish(r, GW_LIT("stop"));

    uint32_t type = r->h->json->type(error);
    bool is_error = openai_is(r->frame->name, "error") || type == GW_JSON_OBJECT || r->h->json->str(error).len > 0 ||
                    openai_is(openai_str(r, root, GW_LIT("object")), "error");
    if (is_error || r->state->broken)
        openai_error(r, is_error || r->broke == NULL ? root : r->broke);
}

/* The gateway's word for an upstream's word. Strict clients know four words only. */
static gw_str finish_word(gw_str word)
{
    static const struct {
        const char *theirs, *ours;
    } words[] = {
        { "COMPLETE", "stop" },
        { "content_filter", "content_filter" },
        { "content_filtered", "content_filter" },
        { "function_call", "tool_calls" },
        { "length", "length" },
        { "max_tokens", "length" },
        { "MAX_TOKENS", "length" },
        { "model_context_window_exceeded", "length" },
        { "model_length", "length" },
        { "refusal", "content_filter" },
        { "RECITATION", "content_filter" },
        { "SAFETY", "content_filter" },
        { "safety", "content_filter" },
        { "tool_call", "tool_calls" },
        { "tool_calls", "tool_calls" },
        { "tool_use", "tool_calls" },
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (openai_is(word, words[i].theirs))
            return (gw_str){ words[i].ours, strlen(words[i].ours) };
    return GW_LIT("stop"); /* eos, end_turn, stop_sequence and words that nobody has met */
}

static void finish(struct reader *r, struct choice *choice, gw_str word)
{
    gw_str ours = finish_word(word);

    if (choice->finished)
        return;
    choice->finished = true;
    openai_end_calls(r, choice);
    if (r->state->failed)
        return;
    read_search_results(r, choice);
    if (openai_is(ours, "stop") && choice->tool_count > 0) /* Ollama and Gemini's compatible endpoint send "stop" */
        ours = GW_LIT("tool_calls");
    openai_emit_text(r, GW_EVENT_FINISH, choice, 0, ours);
}

/* The end mark: a choice that has emitted something and was not finished is finished now. */
static void finish_all(struct reader *r)
{
    for (struct choice *choice = r->state->choices; choice != NULL && !r->state->failed; choice = choice->next)
        finish(r, choice, choice->called ? GW_LIT("tool_calls") : GW_LIT("stop"));
}

/* What waited for its calls. */
static void finish_called(struct reader *r)
{
    for (struct choice *choice = r->state->choices; choice != NULL && !r->state->failed; choice = choice->next)
        if (choice->called)
            finish(r, choice, GW_LIT("tool_calls"));
}

/* A stream's chunk has a delta; some have the whole message so far beside it, which is not read twice; others have only
 * messages, which are deltas by another name. NULL: it has no content. */
static const gw_json *said(const struct reader *r, struct choice *choice, const gw_json *json)
{
    const gw_json *message = openai_get(r, json, GW_LIT("message")), *delta = openai_get(r, json, GW_LIT("delta"));
    bool whole = r->frame->framing == GW_FRAMING_WHOLE, has_delta = r->h->json->type(delta) == GW_JSON_OBJECT;

    if (!whole && (has_delta || choice->has_deltas)) {
        choice->has_deltas = true;
        message = delta;
    }
    return r->h->json->type(message) == GW_JSON_OBJECT ? message : NULL;
}

static void read_content(struct reader *r, struct choice *choice, const gw_json *json)
{
    const gw_json *message = said(r, choice, json);
    const gw_json *logprobs = openai_get(r, openai_get(r, json, GW_LIT("logprobs")), GW_LIT("content"));

    if (message != NULL)
        openai_message(r, choice, message, r->frame->framing == GW_FRAMING_WHOLE);
    else
        openai_emit_text(r, GW_EVENT_TEXT, choice, 0, openai_str(r, json, GW_LIT("text"))); /* text completions */
    if (r->h->json->count(logprobs) > 0)
        openai_emit_data(r, GW_EVENT_LOGPROBS, choice, r->h->json->text(logprobs));
}

/* One message was asked for, and its calls come as a choice of their own: Copilot does so for Claude (github.com/
 * SecretiveShell/MCP-Bridge/issues/48). */
static bool is_of_first(const struct reader *r, const gw_json *json)
{
    const gw_json *said_whole = openai_get(r, json, GW_LIT("message")), *delta = openai_get(r, json, GW_LIT("delta"));
    return r->state->one && (r->h->json->count(openai_get(r, said_whole, GW_LIT("tool_calls"))) > 0 ||
                             r->h->json->count(openai_get(r, delta, GW_LIT("tool_calls"))) > 0);
}

/* Do calls of the one message follow in the same object, whatever this choice's finish reason is? */
static bool has_more(const struct reader *r, uint32_t position)
{
    const gw_json *choices = openai_get(r, r->root, GW_LIT("choices"));

    for (size_t i = position + 1; r->state->one && i < r->h->json->count(choices); i++)
        if (is_of_first(r, r->h->json->at(choices, i)))
            return true;
    return false;
}

static void read_choice(struct reader *r, const gw_json *json, uint32_t position)
{
    gw_str word = openai_str(r, json, GW_LIT("finish_reason"));
    int64_t index = r->h->json->integer(openai_get(r, json, GW_LIT("index")), position);
    uint32_t number = index >= 0 && index < 1024 ? (uint32_t)index : position;
    struct choice *choice = find_choice(r, number > 0 && is_of_first(r, json) ? 0 : number);

    if (choice == NULL)
        return;
    if (!choice->finished)
        read_content(r, choice, json);
    if (r->h->json->type(openai_get(r, json, GW_LIT("error"))) == GW_JSON_OBJECT) /* OpenRouter */
        r->broke = json;
    /* No finish, but a failure, which is reported when the rest of the object is read: that may name it. */
    if (r->broke != NULL || openai_is(word, "error"))
        r->state->broken = true;
    else if (word.len > 0 && r->state->one &&
             (has_more(r, position) || (choice->tools == NULL && openai_is(finish_word(word), "tool_calls"))))
        choice->called = true; /* it is finished when they have come, or nothing more does */
    else if (word.len > 0)
        finish(r, choice, word);
}
