/* whose.c - reads the headers and members that name a project, tags, an end user, a session and the client's program. */
#include "flow/whose.h"

#include <string.h>

#include "config/labels.h"
#include "flow/kill.h"
#include "flow/way.h"

/* By how their User-Agent begins. */
static const struct {
    struct text begins;
    const char *client;
} clients[] = {
    { { "claude-cli/", 11 }, "claude-code" },
    { { "claude-code/", 12 }, "claude-code" },
    { { "codex_", 6 }, "codex" },
    { { "codex-", 6 }, "codex" },
    { { "OpenAI/Python", 13 }, "openai-python" },
    { { "AsyncOpenAI/Python", 18 }, "openai-python" },
    { { "OpenAI/JS", 9 }, "openai-node" },
    { { "AzureOpenAI/", 12 }, "openai-azure" },
    { { "Anthropic/Python", 16 }, "anthropic-python" },
    { { "AsyncAnthropic/Python", 21 }, "anthropic-python" },
    { { "Anthropic/JS", 12 }, "anthropic-node" },
    { { "google-genai-sdk/", 17 }, "google-genai" },
    { { "ai-sdk/", 7 }, "ai-sdk" },
    { { "ai/", 3 }, "ai-sdk" },
    { { "langchain", 9 }, "langchain" },
    { { "curl/", 5 }, "curl" },
};

static const char *client_of(struct text agent)
{
    for (size_t i = 0; i < sizeof clients / sizeof *clients; i++)
        if (text_starts_nocase(agent, clients[i].begins))
            return clients[i].client;
    return "other";
}

static void wrong(struct whose *w, const char *header, const char *why)
{
    if (w->header != NULL)
        return;
    w->header = header;
    w->wrong = why;
}

/* At most WHOSE_NAME_MOST bytes, cut between characters. */
static struct text bounded(struct text t)
{
    if (t.len > WHOSE_NAME_MOST)
        t = (struct text){ t.ptr, text_utf8_valid_len((struct text){ t.ptr, WHOSE_NAME_MOST }) };
    return t;
}

static bool is_name(struct text t)
{
    bool good = text_is_utf8(t);
    for (size_t i = 0; good && i < t.len; i++)
        good = (unsigned char)t.ptr[i] >= ' ' && t.ptr[i] != 127;
    return good;
}

static const char *keep_once(struct request *req, struct text value, struct text *into)
{
    if (into->ptr != NULL)
        return "came twice";
    if (value.len > 0)
        *into = arena_text(&req->arena, value);
    return NULL;
}

/* One of the gateway's own. */
static const char *keep_own(struct request *req, struct text value, struct text *into)
{
    struct whose *w = &req->whose;
    if (into == &w->project && value.len > 0 && !labels_is_project(value))
        return "takes a name of letters, digits and _ . : / @ + -, at most 64 bytes";
    if ((into == &w->user || into == &w->session) && (value.len > WHOSE_NAME_MOST || !is_name(value)))
        return "takes at most 256 bytes of UTF-8 without control characters";
    return keep_once(req, value, into);
}

static bool own_header(struct request *req, struct text name, struct text value)
{
    struct whose *w = &req->whose;
    const struct {
        struct text name;
        struct text *into;
    } own[] = {
        { { "x-gw-project", 12 }, &w->project },
        { { "x-gw-tags", 9 }, &w->tags },
        { { "x-gw-user", 9 }, &w->user },
        { { "x-gw-session", 12 }, &w->session },
    };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (!text_eq_nocase(name, own[i].name))
            continue;
        const char *why = keep_own(req, text_trim(value), own[i].into);
        if (why != NULL)
            wrong(w, own[i].name.ptr, why);
        return true;
    }
    return false;
}

bool whose_header(struct request *req, struct text name, struct text value)
{
    struct whose *w = &req->whose;
    if (text_starts_nocase(name, TEXT("x-gw-")))
        return own_header(req, name, value);
    if (text_eq_nocase(name, TEXT("user-agent"))) {
        w->client = client_of(value);
        return true;
    }
    if (!text_eq_nocase(name, TEXT("x-claude-code-session-id")))
        return false;
    value = text_trim(value);
    if (value.len > 0 && is_name(value))
        w->claude_session = arena_text(&req->arena, bounded(value));
    return true;
}

int whose_is_off(struct request *req, struct fail *fail)
{
    struct kill *kill = req->worker->gateway->kill;
    struct whose *w = &req->whose;
    enum kill_kind kind;
    unsigned now = kill != NULL ? kill_generation(kill) : 0;
    if (now == w->seen_kills)
        return 0;
    w->seen_kills = now;
    if (!kill_is_off(kill, req->key != NULL ? req->key->name : TEXT_NONE, w->session, &kind))
        return 0;
    return error_set(fail, E_SWITCHED_OFF,
                     "The gateway's operator has switched off this %s. Only the operator can switch it on again",
                     kill_kind_name(kind));
}

void whose_adopt(struct request *req, struct text tag)
{
    const struct request *parent = req->parent;
    const struct whose *of = &parent->whose;
    struct arena *arena = &req->arena;
    struct whose *w = &req->whose;
    const char *why;
    memcpy(req->parent_id, parent->id, sizeof req->parent_id);
    w->project = arena_text(arena, of->project);
    w->user = arena_text(arena, of->user);
    w->session = arena_text(arena, of->session);
    w->client = of->client;
    if (labels_merge(arena, tag, of->tags, &w->tags, &why) < 0) /* there are as many as there may be */
        w->tags = arena_text(arena, of->tags);
    req->hops = arena_text(arena, parent->hops);
    req->wish.no_store = parent->wish.no_store; /* what follows from a request that must not be kept */
}

int whose_complete(struct request *req)
{
    struct whose *w = &req->whose;
    const struct config_key *key = req->key;
    const char *why;

    if (w->client == NULL)
        w->client = "other";
    if (w->session.ptr == NULL)
        w->session = w->claude_session;
    if (w->project.ptr == NULL && key != NULL)
        w->project = key->project;
    struct text of_key = key != NULL ? key->tags : TEXT_NONE;
    if (w->tags.ptr == NULL)
        w->tags = of_key;
    else if (labels_merge(&req->arena, w->tags, of_key, &w->tags, &why) < 0)
        wrong(w, "x-gw-tags", why);
    if (whose_is_off(req, &req->fail) < 0)
        return -1;
    if (w->header == NULL)
        return 0;
    return error_param(&req->fail, E_PARAMETER, text_of(w->header), "the header %s %s", w->header, w->wrong);
}

/* "metadata": { "user_id": "..." } */
static struct text user_inside(struct request *req, const char *name)
{
    const struct scan_member *m = scan_get(&req->ask.scan, name);
    const struct json *object = m != NULL && m->type == '{' ? json_parse_quick(&req->arena, m->value) : NULL;
    return json_str(json_member(object, "user_id"));
}

void whose_ask(struct request *req)
{
    struct whose *w = &req->whose;
    struct text user = TEXT_NONE;
    if (w->user.ptr != NULL)
        return;
    if (req->face->dialect->user_in != NULL)
        user = user_inside(req, req->face->dialect->user_in);
    else if (!scan_string(&req->arena, scan_get(&req->ask.scan, "user"), &user))
        user = TEXT_NONE;
    user = text_trim(user);
    if (user.len > 0 && is_name(user))
        w->user = arena_text(&req->arena, bounded(user));
}
