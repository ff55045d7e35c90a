/* policy.c - the rows of policies: a request is shown to them, and what they decide is done. */
#include "flow/policy.h"

#include "base/clock.h"
#include "base/field.h"
#include "flow/captured.h"
#include "flow/policy_inside.h"
#include "flow/price.h"
#include "flow/worst.h"
#include "money/book.h"

/* A header may have any bytes; what policies read is UTF-8. */
static struct text as_utf8(struct arena *arena, struct text t)
{
    char *out = text_is_utf8(t) ? NULL : arena_try(arena, 3 * t.len + 1);
    size_t len = 0, step;
    bool valid;
    if (out == NULL)
        return arena_text(arena, t);
    for (size_t at = 0; at < t.len; at += step) {
        step = text_utf8_step(t, at, &valid);
        struct text part = valid ? (struct text){ t.ptr + at, step } : TEXT("\xef\xbf\xbd");
        memcpy(out + len, part.ptr, part.len);
        len += part.len;
    }
    out[len] = '\0';
    return (struct text){ out, len };
}

const struct script_header *policy_headers(struct arena *arena, const struct request_head *head, size_t *count)
{
    struct script_header *headers = arena_array(arena, struct script_header, head->header_count);
    *count = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        struct text name = text_of(head->headers[i].name);
        if (!field_is_credential(name))
            headers[(*count)++] =
                (struct script_header){ arena_text(arena, name), as_utf8(arena, text_of(head->headers[i].value)) };
    }
    return headers;
}

void policy_begin(struct request *req, const struct request_head *head)
{
    req->policy = arena_new(&req->arena, struct script_request);
    req->policy->headers = policy_headers(&req->arena, head, &req->policy->header_count);
}

static bool is_seen(const struct request *req)
{
    return req->policy != NULL && req->operation != GW_OP_MODELS && req->operation != GW_OP_COUNT_TOKENS;
}

static void show(struct request *req)
{
    struct script_request *p = req->policy;
    whose_ask(req);
    p->arena = &req->arena;
    p->config = req->config;
    p->face = req->face;
    p->ask = &req->ask;
    p->host = &policy_host;
    p->owner = req;
    p->operation = req->operation;
    p->id = text_of(req->id);
    p->team = req->team->name;
    p->key = req->key != NULL ? req->key->name : TEXT_NONE;
    p->model = p->asked_model = req->ask.model;
    p->address = req->peer;
    p->user = req->whose.user;
    p->project = req->whose.project;
    p->session = req->whose.session;
    p->tags = req->whose.tags;
    p->client = req->whose.client != NULL ? req->whose.client : "other";
    p->stream = req->ask.stream;
    p->admitted_ms = req->admitted_ms;
    p->attempt = 1;
    p->inner = policy_asks(req);
}

static const char *type_of(const struct script_refusal *refusal)
{
    return text_is(refusal->code, "project_spend_limit_exceeded") ? "insufficient_quota"
           : refusal->status == 401                               ? "authentication_error"
           : refusal->status == 403                               ? "permission_error"
           : refusal->status == 429                               ? "rate_limit_error"
           : refusal->status >= 500                               ? "server_error"
                                                                  : "invalid_request_error";
}

static enum next refuse(struct request *req)
{
    const struct script_refusal *refusal = &req->policy->refusal;
    fail_set(&req->fail, FAIL_CLIENT, "%.*s", TEXT_ARG(refusal->text));
    error_words(&req->fail, &req->arena, refusal->text);
    req->fail.status = refusal->status;
    req->fail.type = type_of(refusal);
    req->fail.code = refusal->code.ptr; /* NUL-terminated: api_keep() */
    req->fail.retry_after_s = refusal->retry_after_s;
    req->fail.should_retry = refusal->retry_after_s > 0;
    return FAIL;
}

enum next policy_answer(struct request *req, bool streams)
{
    const struct script_reply *reply = &req->policy->answer;
    bool refusal = text_is(text_of(reply->finish), "refusal");
    struct text model = req->ask.model, finish = text_of(refusal ? "stop" : reply->finish);
    const gw_event events[] = {
        { .size = sizeof(gw_event),
          .type = GW_EVENT_START,
          .id = { req->id, strlen(req->id) },
          .text = { model.ptr, model.len } },
        { .size = sizeof(gw_event),
          .type = refusal ? GW_EVENT_REFUSAL : GW_EVENT_TEXT,
          .text = { reply->text.ptr, reply->text.len } },
        { .size = sizeof(gw_event), .type = GW_EVENT_FINISH, .text = { finish.ptr, finish.len } },
    };
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        if (streams)
            req->face->stream_event(&req->answer, &events[i], &req->tail_bytes);
        else
            req->face->fold_event(&req->answer, &events[i]);
    }
    if (streams) {
        req->face->stream_end(&req->answer, &req->tail_bytes);
        return answer_own_stream(req);
    }
    if (!req->face->fold_end(&req->answer, &req->body_out))
        req->body_out.failed = true;
    return answer_own(req);
}

enum next policy_take(struct request *req, enum script_verdict verdict)
{
    switch (verdict) {
    case SCRIPT_DENY:
        return refuse(req);
    case SCRIPT_ANSWER:
        return policy_answer(req, req->ask.stream);
    case SCRIPT_FAILED:
        error_set(&req->fail, E_INTERNAL,
                  "the gateway could not decide on this request: its operator finds why in the log");
        return FAIL;
    default:
        return NEXT;
    }
}

/* A hook waits: its row comes again. */
enum next policy_wait_more(struct request *req)
{
    req->row--;
    return WAIT;
}

enum next policy_put_body(struct request *req)
{
    struct script_request *p = req->policy;
    struct text text = p->ask->body;
    struct ask ask = { .content_type = req->ask.content_type, .dropped = p->ask->dropped };
    struct buf body;
    buf_init(&body, text.len);
    if (text.len > req->config->limits.body_bytes) {
        error_set(&req->fail, E_BODY_TOO_LARGE, "with what the gateway adds the body is over %zu MB (limits.body_mb)",
                  req->config->limits.body_bytes >> 20);
        return FAIL;
    }
    if (!body_hold(req, text.len) || buf_text(&body, text) < 0) {
        error_set(&req->fail, E_OVERLOAD,
                  "there is no memory for the body with what the gateway adds: try again shortly");
        buf_free(&body);
        return FAIL;
    }
    if (req->face->decode(&req->arena, buf_view(&body), &ask, &req->fail) < 0) {
        buf_free(&body);
        return FAIL;
    }
    buf_free(&req->body);
    req->body = body;
    req->ask = ask;
    pin_read(req);
    p->ask = &req->ask;
    p->edited = false;
    return NEXT;
}

/* What they have masked comes back in the answer. */
static void take_restores(struct request *req)
{
    const struct script_request *p = req->policy;
    struct restore_text *texts = arena_array(&req->arena, struct restore_text, p->restore_count);
    size_t i = p->restore_count;
    for (const struct script_restore *r = p->restores; r != NULL; r = r->next)
        texts[--i] = r->text;
    sink_restore_begin(req, texts, p->restore_count);
}

/* Row "policy.request". Comes again while a hook waits. */
enum next policy_request(struct request *req)
{
    struct script_request *p = req->policy;
    enum script_verdict verdict;
    captured_request(req);
    if (!is_seen(req))
        return NEXT;
    if (p->waits) {
        verdict = script_resume(req->scripts, p);
    } else {
        show(req);
        if (p->inner)
            return NEXT;
        verdict = script_on_request(req->scripts, p);
    }
    if (verdict == SCRIPT_WAIT)
        return policy_wait_more(req);
    p->base = p->sends;
    p->holds = (req->operation & (GW_OP_CHAT | GW_OP_COMPLETIONS)) != 0 && script_wants_response(req->scripts, p);
    if (p->unread != NULL && verdict == SCRIPT_PASS) { /* a relay would pass on what no policy could read */
        req->fail = *p->unread;
        return FAIL;
    }
    if (p->edited && verdict == SCRIPT_PASS && policy_put_body(req) == FAIL)
        return FAIL;
    if (p->restores != NULL && verdict == SCRIPT_PASS && (req->operation & (GW_OP_CHAT | GW_OP_COMPLETIONS)) != 0)
        take_restores(req);
    p->ask = &req->ask;
    req->ask.model = req->answer.model = p->model;
    return policy_take(req, verdict);
}

bool policy_hides(const struct request *req)
{
    for (size_t i = 0; req->policy != NULL && i < req->config->policy_count; i++)
        if ((req->config->policies[i].hooks & (SCRIPT_ON_REQUEST | SCRIPT_ON_ROUTE)) != 0)
            return true;
    return false;
}

const struct script_put *policy_sends(const struct request *req, struct text name)
{
    for (const struct script_put *p = req->policy != NULL ? req->policy->sends : NULL; p != NULL; p = p->next)
        if (text_eq_nocase(p->name, name))
            return p;
    return NULL;
}

/* What became of the attempt before, in words that mean the same for every provider. */
static const struct script_error *last_error(struct request *req)
{
    static const char *const classes[] = {
        [GW_FAULT_BY_STATUS] = "server",
        [GW_FAULT_REQUEST] = "bad_request",
        [GW_FAULT_AUTH] = "auth",
        [GW_FAULT_RATE_LIMIT] = "rate_limited",
        [GW_FAULT_OVERLOADED] = "overloaded",
        [GW_FAULT_SERVER] = "server",
        [GW_FAULT_TIMEOUT] = "timeout",
        [GW_FAULT_CONTEXT] = "context_overflow",
        [GW_FAULT_FILTER] = "content_filter",
        [GW_FAULT_QUOTA] = "rate_limited",
    };
    const struct attempt *a = req->attempt;
    if (a == NULL || a->outcome == OUTCOME_DROPPED)
        return NULL;
    struct script_error *e = arena_new(&req->arena, struct script_error);
    bool known = a->error_fault < sizeof classes / sizeof *classes;
    e->class = a->failure != TRANSFER_OK && a->status == 0 ? "network" : known ? classes[a->error_fault] : "server";
    if (a->status == 0 && a->error_fault == GW_FAULT_TIMEOUT)
        e->class = "timeout";
    e->status = a->error_from == ERROR_FROM_US ? 0 : a->error_status;
    e->code = a->said_code;
    e->provider = a->target->provider->name;
    e->target = text_of(
        arena_printf(&req->arena, "%.*s/%.*s", TEXT_ARG(a->target->provider->name), TEXT_ARG(a->target->model)));
    return e;
}

/* The rest of the targets in another order. Attempts point to those before: the list is a new one. */
static void reorder(struct request *req, const struct script_targets *targets)
{
    struct route_target *list = arena_array(&req->arena, struct route_target, req->target_count);
    memcpy(list, req->targets, req->target_next * sizeof *list);
    for (size_t i = 0; i < targets->count; i++)
        list[req->target_next + i] = req->targets[targets->items[i].index];
    req->targets = list;
    req->target_count = req->target_next + targets->count;
}

static bool has_route_hook(const struct config *config)
{
    for (size_t i = 0; i < config->policy_count; i++)
        if ((config->policies[i].hooks & SCRIPT_ON_ROUTE) != 0)
            return true;
    return false;
}

/* In which list it stands, or that one before it cannot be had. */
static const char *role_of(const struct request *req, const struct route_target *t)
{
    if (req->list == LIST_OVERFLOW)
        return "context_overflow";
    if (req->list == LIST_FILTER)
        return "content_filter";
    return t->fallback ? "fallback" : "target";
}

/* `guess` stands for an attempt at it. */
static struct script_target target_of(struct request *req, struct attempt *guess, size_t index)
{
    const struct route_target *t = &req->targets[index];
    struct book_found found;
    struct script_target out = { .provider = t->provider->name,
                                 .model = t->model,
                                 .role = role_of(req, t),
                                 .region = t->region,
                                 .retention = t->retention,
                                 .cost_nano = -1,
                                 .index = (unsigned)index };
    choose_look(req, index, &out);
    *guess = (struct attempt){ .req = req, .target = t };
    if (worst_price(guess))
        out.cost_nano = guess->soft;
    out.context_tokens = t->context_tokens;
    if (out.context_tokens == 0 && price_find(req, t, &found))
        out.context_tokens = found.model->window;
    return out;
}

/* What may still be tried, as policies see it. Arena. */
static struct script_targets *show_targets(struct request *req)
{
    size_t count = req->target_count - req->target_next;
    struct script_targets *targets = arena_new(&req->arena, struct script_targets);
    *targets = (struct script_targets){ arena_array(&req->arena, struct script_target, count), count, false };
    struct attempt *guess = arena_new(&req->arena, struct attempt);
    if (req->attempt == NULL)
        price_ask(req);
    for (size_t i = 0; i < count; i++)
        targets->items[i] = target_of(req, guess, req->target_next + i);
    return targets;
}

/* Row "policy.route". Comes again while a hook waits. */
enum next policy_route(struct request *req)
{
    struct script_request *p = req->policy;
    enum script_verdict verdict;
    bool hooks = is_seen(req) && has_route_hook(req->config), waits = hooks && p->waits;
    if (req->secret_tries > 0) /* the same target with its next secret: that was decided */
        return NEXT;
    struct script_targets *targets = !waits && (hooks || captured_is(req)) ? show_targets(req) : NULL;
    if (!waits && captured_is(req))
        captured_route(req, req->attempts_made + 1, targets, last_error(req));
    if (!hooks)
        return NEXT;
    if (waits) {
        verdict = script_resume(req->scripts, p);
    } else {
        p->attempt = req->attempts_made + 1;
        p->last_error = last_error(req);
        p->sends = p->base; /* what on_route sets is for one attempt */
        p->targets = targets;
        verdict = script_on_route(req->scripts, p, p->targets);
    }
    if (verdict == SCRIPT_WAIT)
        return policy_wait_more(req);
    reorder(req, p->targets);
    return policy_take(req, verdict);
}

void policy_finish(struct request *req, int status, int64_t now_ns)
{
    const struct attempt *a = req->attempt;
    struct script_request *p = req->policy;
    if (p->arena == NULL) /* it was refused before any policy saw it */
        return;
    script_cancel(req->scripts, p);
    const struct usage used = usage_of_all(req);
    struct script_done done = {
        .status = status,
        .outcome = req->gone                                               ? "cancelled"
                   : req->failed_row == NULL && req->reply != REPLY_BROKEN ? "ok"
                   : p->refusal.status != 0                                ? "denied"
                   : status < 500                                          ? "denied"
                                                                           : "failed",
        .code = req->failed_row != NULL || req->reply == REPLY_BROKEN ? text_of(req->fail.code) : TEXT_NONE,
        .attempts = req->attempts_made,
        .refused = !req->gone && req->failed_row != NULL && status < 500 && req->usage.source == USAGE_NONE,
        .usage = &used,
        .priced = req->cost.known,
        .cost_nano = req->cost.nano,
        .first_token_ms = req->first_token_ns >= 0 ? req->first_token_ns / CLOCK_MS : -1,
        .total_ms = (now_ns - req->started_ns) / CLOCK_MS,
    };
    if (a != NULL)
        done.target = text_of(
            arena_printf(&req->arena, "%.*s/%.*s", TEXT_ARG(a->target->provider->name), TEXT_ARG(a->target->model)));
    script_on_finish(req->scripts, req->policy, &done);
}
