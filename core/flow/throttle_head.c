/* throttle_head.c - what a client reads of its limits. */
#include "flow/answer_head.h"
#include "flow/way.h"

static void put(struct request *req, struct answer_head *head, const char *kind, int64_t limit, int64_t left)
{
    answer_head_add(head, arena_printf(&req->arena, "x-ratelimit-limit-%s", kind),
                    arena_printf(&req->arena, "%lld", (long long)limit));
    answer_head_add(head, arena_printf(&req->arena, "x-ratelimit-remaining-%s", kind),
                    arena_printf(&req->arena, "%lld", (long long)left));
    answer_head_add(head, arena_printf(&req->arena, "x-ratelimit-reset-%s", kind),
                    arena_printf(&req->arena, "%ds", req->taken.reset_s));
}

void throttle_head(struct request *req, struct answer_head *head)
{
    const struct throttle_taken *taken = &req->taken;
    if (taken->requests_limit > 0)
        put(req, head, "requests", taken->requests_limit, taken->requests_left);
    if (taken->tokens_limit > 0)
        put(req, head, "tokens", taken->tokens_limit, taken->tokens_left);
}
