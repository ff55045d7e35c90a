/* cached_head.c - the cache in the client's headers, in the metrics and in the access log. */
#include "flow/answer_head.h"
#include "flow/attempt.h"
#include "flow/cached.h"
#include "flow/metrics.h"
#include "flow/way.h"
#include "money/nano.h"

const char *cached_word(const struct attempt *a)
{
    static const char *const words[] = { [CACHED_BARRED] = "bypass",
                                         [CACHED_MISS] = "miss",
                                         [CACHED_STORED] = "stored",
                                         [CACHED_HIT] = "hit",
                                         [CACHED_JOINED] = "collapsed" };
    return a->cached != NULL ? words[a->cached->state] : NULL;
}

/* A stream of the cache has come whole before its first byte goes: what it saved is known where its usage is. */
static void price_early(struct attempt *a)
{
    if (!attempt_is_over(a) || attempt_has_failed(a) || a->req->usage.source != USAGE_REPORTED)
        return;
    if (a->outcome == OUTCOME_NONE)
        a->outcome = OUTCOME_OK;
    usage_end(a);
    price_attempt(a);
}

/* What the attempts before it cost. False: that is not known. */
static bool cost_before(const struct attempt *a, int64_t *nano)
{
    for (const struct attempt *p = a->previous; p != NULL; p = p->previous) {
        if (!p->price.known)
            return false;
        *nano += p->price.nano;
    }
    return true;
}

static void head_of_hit(struct request *req, struct attempt *a, struct answer_head *h)
{
    const struct cached *c = a->cached;
    char usd[NANO_TEXT];
    if (c->state == CACHED_JOINED) {
        answer_head_add(h, "Cache-Status", "llm-gateway; fwd=miss; collapsed");
    } else {
        answer_head_add(h, "Cache-Status",
                        arena_printf(&req->arena, "llm-gateway; hit; ttl=%lld", (long long)(c->left_ms / 1000)));
        answer_head_add(h, "age", arena_printf(&req->arena, "%lld", (long long)(c->age_ms / 1000)));
    }
    if (a->streams) {
        int64_t before = 0;
        price_early(a);
        if (cost_before(a, &before))
            answer_head_add(h, "x-gw-cost", arena_str(&req->arena, text_of(nano_write(before, 0, usd))));
    }
    if (c->saved_known)
        answer_head_add(h, "x-gw-cost-saved", arena_str(&req->arena, text_of(nano_write(c->saved, 0, usd))));
}

void cached_head(struct request *req, struct answer_head *h)
{
    struct attempt *a = req->attempt;
    const struct cached *c = a != NULL ? a->cached : NULL;
    if (c == NULL)
        return;
    if (attempt_is_hit(a))
        head_of_hit(req, a, h);
    else if (c->state == CACHED_BARRED)
        answer_head_add(h, "Cache-Status", arena_printf(&req->arena, "llm-gateway; fwd=bypass; detail=%s", c->bars));
    else
        answer_head_add(h, "Cache-Status",
                        arena_printf(&req->arena, "llm-gateway; fwd=%s%s%s", req->wish.no_read ? "request" : "miss",
                                     c->state == CACHED_STORED ? "; stored"
                                     : c->bars != NULL         ? "; detail="
                                                               : "",
                                     c->bars != NULL ? c->bars : ""));
}

void cached_count(struct attempt *a)
{
    const struct cached *c = a->cached;
    if (c == NULL)
        return;
    struct metrics_cache n = { .hits = c->state == CACHED_HIT,
                               .misses = c->state == CACHED_MISS || c->state == CACHED_STORED,
                               .stores = c->state == CACHED_STORED,
                               .collapsed = c->state == CACHED_JOINED };
    if (n.hits > 0)
        n.hit_bytes = (int64_t)c->entry.bytes.len;
    if (attempt_is_hit(a))
        n.saved_nano = c->saved;
    if (n.stores > 0)
        n.stored_bytes = (int64_t)c->entry.bytes.len;
    metrics_count_cache(a->req->worker->gateway->metrics, a->req->worker->index, &n,
                        c->state == CACHED_BARRED ? c->bars : NULL);
}
