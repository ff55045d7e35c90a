/* usage.c - what an attempt used, when it is over: reported by the upstream, counted from what passed, or estimated; and
 * whether the upstream may charge for it at all. */
#include <string.h>

#include "flow/way.h"

/* About four bytes of JSON text a token. */
static int64_t estimate(uint64_t bytes)
{
    return (int64_t)((bytes + 3) / 4);
}

/* What is counted or estimated is not more than the attempt can have used: else a guess would pass a budget. One that was ended as it
 * wrote on beyond its limit did use more. */
static int64_t at_most(const struct attempt *a, int64_t tokens, int64_t most)
{
    bool bounded = a->worst != NULL && a->worst->bound.unbounded == NULL && a->outcome != OUTCOME_GUARDED;
    return bounded && tokens > most ? most : tokens;
}

static int64_t most_in(const struct attempt *a)
{
    return a->worst != NULL ? a->worst->bound.input : 0;
}

static int64_t most_out(const struct attempt *a)
{
    const struct bound *bound = a->worst != NULL ? &a->worst->bound : NULL;
    if (bound == NULL)
        return 0;
    return a->clamped > 0 ? a->clamped * bound->choices + bound->prediction : bound->output;
}

/* Did all of the answer come, as far as the upstream goes? */
static bool is_whole(const struct attempt *a)
{
    return a->saw_end_mark || a->finishes > 0 || (attempt_has_spoken(a) && a->outcome == OUTCOME_OK);
}

/* Is anything charged at all? An upstream that never had the request, or refused it, charges nothing, as services do. */
static bool is_free(const struct attempt *a)
{
    if (a->req->operation == GW_OP_COUNT_TOKENS || !price_is_charged(a) ||
        (a->mode == MODE_LOCAL && attempt_has_failed(a)))
        return true;
    if (a->req->usage.source != USAGE_NONE || a->frames > 0)
        return false;
    bool refused = attempt_has_failed(a) && a->error_status >= 400 && a->error_from == ERROR_FROM_EVENT;
    return a->wire < WIRE_OVER || a->status >= 300 || refused;
}

/* The upstream reported some of it, and the end of the stream, with the rest, may be missing. */
static void complete(struct attempt *a, int64_t said)
{
    struct usage *u = &a->req->usage;
    int64_t reported = usage_total_out(u);
    if (a->form != FORM_FRAMES || !(u->partial || (!is_whole(a) && said > reported)))
        return;
    u->source = USAGE_COUNTED;
    if (said > reported)
        u->output += said - reported;
}

void usage_end(struct attempt *a)
{
    struct request *req = a->req;
    struct usage *u = &req->usage;
    bool in_events = a->form == FORM_FRAMES || a->mode == MODE_LOCAL;
    int64_t said = at_most(a, usage_count_output(a->frames, a->spoken), most_out(a));

    if (a->ending != ATTEMPT_OPEN)
        return;
    a->ending = is_free(a) ? ATTEMPT_FREE : is_whole(a) ? ATTEMPT_SETTLED : ATTEMPT_DOUBT;
    if (u->source == USAGE_REPORTED) {
        complete(a, said);
    } else if (a->ending != ATTEMPT_FREE || attempt_has_spoken(a)) {
        size_t whole = req->body_out.len > 0 ? req->body_out.len : a->whole.len;
        u->source = in_events && attempt_has_spoken(a) ? USAGE_COUNTED : USAGE_ESTIMATED;
        u->input = at_most(a, estimate(req->bytes_in), most_in(a));
        u->output = in_events ? said : at_most(a, estimate(whole), most_out(a));
    }
    a->usage = *u;
}

struct usage usage_of_all(const struct request *req)
{
    static const struct usage none; /* what was given again used nothing */
    struct usage all = req->attempt != NULL && attempt_is_hit(req->attempt) ? none : req->usage;
    for (const struct attempt *a = req->attempt != NULL ? req->attempt->previous : NULL; a != NULL; a = a->previous)
        if (a->outcome == OUTCOME_DROPPED && !attempt_is_hit(a))
            usage_add(&all, &a->usage);
    return all;
}
