/* answer_head.c - the headers of what the client gets. */
#include "flow/answer_head.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "flow/attempt.h"
#include "flow/policy.h"
#include "flow/way.h"

void answer_head_add(struct answer_head *h, const char *name, const char *value)
{
    BUG_IF(h->count == ANSWER_HEAD_MOST);
    h->all[h->count++] = (struct door_header){ name, value };
}

void answer_head_common(struct request *req, struct answer_head *h)
{
    answer_head_add(h, "x-request-id", req->id);
    answer_head_add(h, "request-id", req->id);
    answer_head_add(h, "Cache-Control", "private, no-store");
    for (const struct script_put *p = req->policy != NULL ? req->policy->replies : NULL; p != NULL; p = p->next) {
        const struct script_put *newer = req->policy->replies;
        while (!text_eq(newer->name, p->name))
            newer = newer->next;
        if (newer == p)
            answer_head_add(h, p->name.ptr, p->value.ptr);
    }
}

enum { SHOWN_MOST = 512, NAMES_MOST = 2048 };

/* What others wrote, as a header's value: bytes that are not visible ASCII are percent-encoded, and a long text is cut. Arena. */
static const char *shown(struct request *req, struct text t)
{
    size_t len = t.len < SHOWN_MOST ? t.len : SHOWN_MOST, n = 0;
    char *out = arena_alloc(&req->arena, 3 * len + 1);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)t.ptr[i];
        if (c > 0x20 && c < 0x7f && c != '%')
            out[n++] = (char)c;
        else
            n += (size_t)snprintf(out + n, 4, "%%%02X", c);
    }
    out[n] = '\0';
    return out;
}

/* One more name of a list; those for which there is no room are "others". */
static void add_name(struct request *req, struct text member, struct buf *names)
{
    const char *name = shown(req, member);
    if (names->len + strlen(name) + 2 > NAMES_MOST)
        name = "others";
    if (text_ends(buf_view(names), TEXT(", others")))
        return;
    buf_printf(names, "%s%s", names->len > 0 ? ", " : "", name);
}

/* What was dropped on the way to this provider, as a header: "logit_bias, seed". */
static void add_dropped(struct request *req, const struct attempt *a, struct answer_head *h)
{
    struct buf names;
    if (a->call.dropped == NULL && attempt_left_out(a) == NULL && req->answer.unshown == NULL)
        return;
    buf_init(&names, NAMES_MOST + 64);
    for (const struct ask_dropped *d = attempt_left_out(a); d != NULL; d = d->next)
        add_name(req, d->member, &names);
    for (const struct ask_dropped *d = req->answer.unshown; d != NULL; d = d->next)
        add_name(req, d->member, &names);
    for (const struct call_dropped *d = a->call.dropped; d != NULL; d = d->next)
        add_name(req, d->member, &names);
    answer_head_add(h, "x-gw-dropped", arena_str(&req->arena, buf_view(&names)));
    buf_free(&names);
}

const char *answer_head_attempts(struct request *req)
{
    return req->attempts_made == 1 ? "1" : arena_printf(&req->arena, "%u", req->attempts_made);
}

void answer_head_success(struct request *req, struct answer_head *h)
{
    const struct attempt *a = req->attempt;
    if (a == NULL)
        return;
    answer_head_add(h, "x-gw-provider", a->target->provider->name.ptr);
    answer_head_add(h, "x-gw-model", shown(req, a->target->model));
    answer_head_add(h, "x-gw-attempts", answer_head_attempts(req));
    if (a->request_id.len > 0)
        answer_head_add(h, "x-gw-upstream-request-id", shown(req, a->request_id));
    if (a->clamped > 0)
        answer_head_add(h, "x-gw-clamped", arena_printf(&req->arena, "max_tokens=%lld", (long long)a->clamped));
    add_dropped(req, a, h);
}
