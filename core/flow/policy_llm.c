/* policy_llm.c - the request that gw.llm makes: its client is the hook, behind a door of its own. It passes the whole way, so limits,
 * budgets, on_route, the ledger and the access log have it as they have any other. */
#include "flow/policy_llm.h"

#include <string.h>

#include "base/json.h"
#include "face/said.h"

enum { WHY_MOST = 300 };

/* Arena of the parent, which stays until `after` has run. */
struct policy_llm {
    struct request *parent, *child; /* child NULL: it has not begun, or is not ours any more */
    struct script_llm *llm;
    struct loop_after after; /* it begins; then: it is over */
    bool cancelled;
    void (*over)(void *arg);
    void *arg;
};

static void read_answer(struct policy_llm *l, struct text body)
{
    struct script_llm *llm = l->llm;
    struct arena *arena = &l->parent->arena;
    const struct request *child = l->child; /* NULL: it was refused at its begin */
    struct fail fail;
    struct said said;
    if (llm->status != 200) {
        struct text message =
            json_str(json_member(json_member(json_parse(arena, arena_text(arena, body), &fail), "error"), "message"));
        message.len =
            message.len < WHY_MOST ? message.len : text_utf8_valid_len((struct text){ message.ptr, WHY_MOST });
        llm->why = arena_printf(arena, "status %d: %.*s", llm->status, TEXT_ARG(message));
        return;
    }
    if (child == NULL || !said_read(arena, body, false, &said)) {
        llm->why = "its answer cannot be read";
        return;
    }
    llm->came = true;
    llm->text = said.text;
    llm->finish = text_of(said.finish);
    llm->calls = said.calls;
    llm->call_count = said.call_count;
    llm->usage = child->usage;
    llm->usage.raw = llm->usage.tier = llm->usage.speed = TEXT_NONE; /* the child's */
    llm->priced = child->cost.known;
    llm->cost_nano = child->cost.nano;
}

static void on_over(struct loop_after *after)
{
    struct policy_llm *l = (void *)((char *)after - offsetof(struct policy_llm, after));
    if (l->cancelled)
        return;
    request_end(l->child);
    l->child = NULL;
    l->over(l->arg);
}

/* Inside a row of the child: what waits for it goes on later. */
static void answer(void *client, int status, const struct door_header *headers, size_t count, struct text body,
                   void (*free_body)(void *free_arg), void *free_arg, bool close)
{
    struct policy_llm *l = client;
    (void)headers;
    (void)count;
    (void)close;
    l->llm->status = status;
    read_answer(l, body);
    if (free_body != NULL)
        free_body(free_arg);
    l->after.on_after = on_over;
    loop_after(&l->parent->worker->loop, &l->after);
}

/* It asks for no stream. */
static void begin(void *client, int status, const struct door_header *headers, size_t count)
{
    (void)client, (void)status, (void)headers, (void)count;
    BUG_IF(true);
}

static size_t write_bytes(void *client, struct text bytes)
{
    (void)client, (void)bytes;
    BUG_IF(true);
    return 0;
}

static void end(void *client)
{
    (void)client;
    BUG_IF(true);
}

static const struct door door = { .answer = answer, .begin = begin, .write = write_bytes, .end = end, .abort = end };

static void on_begin(struct loop_after *after)
{
    struct policy_llm *l = (void *)((char *)after - offsetof(struct policy_llm, after));
    struct request *parent = l->parent;
    if (l->cancelled)
        return;
    struct text path = l->llm->face == parent->face ? parent->path : TEXT("/chat/completions");
    const struct request_head head = {
        .method = TEXT("POST"),
        .target = text_of(arena_printf(&parent->arena, "/v1%.*s", TEXT_ARG(path))),
        .face = l->llm->face,
        .operation = GW_OP_CHAT,
        .path = path,
        .content_length = (int64_t)l->llm->body.len,
        .peer = parent->peer,
        .parent = parent,
        .tag = text_of(arena_printf(&parent->arena, "policy=%.*s", TEXT_ARG(l->llm->policy))),
    };
    l->child = request_begin(parent->worker, &door, l, &head); /* it may have answered already: refused */
    request_body(l->child, l->llm->body);
    request_body_end(l->child);
}

struct policy_llm *policy_llm_start(struct request *parent, struct script_llm *llm, void (*over)(void *arg), void *arg)
{
    struct policy_llm *l = arena_new(&parent->arena, struct policy_llm);
    *l = (struct policy_llm){ .parent = parent, .llm = llm, .over = over, .arg = arg, .after.on_after = on_begin };
    loop_after(&parent->worker->loop, &l->after);
    return l;
}

void policy_llm_cancel(struct policy_llm *l)
{
    struct request *child = l->child;
    l->cancelled = true;
    l->child = NULL;
    if (child == NULL)
        return;
    request_client_gone(child);
    request_end(child);
}
