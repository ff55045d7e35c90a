/* fit.c - targets whose context is surely too small for the request are left out, before anything is sent. The rule errs on one side
 * alone: what might fit is sent. */
#include <string.h>

#include "face/talk.h"
#include "flow/conversation.h"
#include "flow/way.h"

/* The price book rounds windows down, by 5 of 100 at most: one that it reports is taken to be an eighth larger. */
enum { BOOK_PART = 8, LONG_WINDOW = 1000000 };

/* A beta of Anthropic's makes windows larger than the book has them. */
static bool asks_for_long(const struct request *req)
{
    for (size_t i = 0; i < req->dialect_header_count; i++)
        if (strcasecmp(req->dialect_headers[i].name, "anthropic-beta") == 0 &&
            strstr(req->dialect_headers[i].value, "context-1m") != NULL)
            return true;
    return false;
}

/* Tokens; 0: it is not known. */
static int64_t window_of(struct request *req, const struct route_target *t)
{
    struct book_found found;
    if (t->context_tokens > 0)
        return t->context_tokens;
    if (!price_find(req, t, &found) || found.model->window <= 0)
        return 0;
    int64_t window = found.model->window + found.model->window / BOOK_PART;
    return window < LONG_WINDOW && asks_for_long(req) ? LONG_WINDOW : window;
}

/* May the upstream shorten the prompt by itself? Then nothing is certain. */
static bool may_be_shortened(struct request *req)
{
    static const char *const members[] = { "context_management", "transforms", "plugins", "compaction" };
    const struct scan_member *truncation = scan_get(&req->ask.scan, "truncation");
    struct text how;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (scan_get(&req->ask.scan, members[i]) != NULL)
            return true;
    return truncation != NULL && truncation->type != 'n' &&
           !(scan_string(&req->arena, truncation, &how) && text_is(how, "disabled"));
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Words between blanks: no tokenizer of these services joins two of them in one token. */
static int64_t words_of(struct text t)
{
    int64_t words = 0;
    bool blank = true;
    for (size_t i = 0; i < t.len; i++) {
        bool now = is_blank(t.ptr[i]);
        words += blank && !now;
        blank = now;
    }
    return words;
}

/* A job's work. */
static enum next count(struct request *req, struct arena *scratch, struct fail *fail)
{
    struct ask ask = req->ask;
    const struct talk *talk = conversation_talk(req, scratch, &ask);
    int64_t words = 0;
    (void)fail;
    for (size_t i = 0; talk != NULL && i < talk->count; i++)
        for (size_t k = 0; k < talk->turns[i].text_count; k++)
            words += words_of(talk->turns[i].texts[k]);
    req->least_tokens = scratch->full ? 0 : words;
    arena_reset(scratch);
    return NEXT;
}

/* Row "fit.count". A word has a blank beside it: a body of fewer than two bytes for each token of every window is not counted. */
enum next fit_count(struct request *req)
{
    bool may_be_long = false;
    req->least_tokens = 0;
    for (size_t i = 0; i < req->target_count && req->operation == GW_OP_CHAT; i++) {
        int64_t window = window_of(req, &req->targets[i]);
        may_be_long |= window > 0 && (int64_t)req->body.len / 2 >= window;
    }
    return may_be_long && !may_be_shortened(req) ? job_run(req, req->body.len, count) : NEXT;
}

/* Takes those out that are too small. The largest window of these. */
static int64_t drop(struct request *req)
{
    int64_t largest = 0;
    size_t left = req->target_next;
    for (size_t i = req->target_next; i < req->target_count; i++) {
        int64_t window = window_of(req, &req->targets[i]);
        if (window == 0 || req->least_tokens < window) {
            req->targets[left] = req->targets[i];
            req->targets[left++].fallback |= largest > 0;
            continue;
        }
        way_debug(req, "the context of \"%.*s/%.*s\" is too small: %lld tokens, and the prompt has %lld at least",
                  TEXT_ARG(req->targets[i].provider->name), TEXT_ARG(req->targets[i].model), (long long)window,
                  (long long)req->least_tokens);
        largest = window > largest ? window : largest;
    }
    req->target_count = left;
    return largest;
}

/* Row "fit". */
enum next fit_run(struct request *req)
{
    if (req->job.work != NULL && job_result(req) == FAIL)
        return FAIL;
    if (req->least_tokens == 0)
        return NEXT;
    int64_t largest = drop(req);
    if (req->target_count > req->target_next)
        return NEXT;
    if (route_turn(req, LIST_OVERFLOW)) {
        int64_t other = drop(req);
        largest = other > largest ? other : largest;
    }
    if (req->target_count > req->target_next)
        return NEXT;
    /* Clients that shorten their prompts look for these words. */
    error_set(&req->fail, E_UPSTREAM_REFUSED,
              "prompt is too long: at least %lld tokens > %lld maximum of the model \"%.*s\". Shorten it",
              (long long)req->least_tokens, (long long)largest,
              (int)(req->ask.model.len < 120 ? req->ask.model.len : 120), req->ask.model.ptr);
    req->fail.code = ERROR_CODE_CONTEXT;
    return FAIL;
}
