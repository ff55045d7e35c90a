/* attempt.c - one try at one target: choose it, send it, judge what came back. */
#include "base/clock.h"
#include "base/large.h"
#include "flow/metrics.h"
#include "flow/spend.h"
#include "flow/way.h"
#include "plugin/watch.h"

/* From where to where. */
static const bool turns[4][4] = {
    [ATTEMPT_OPENING] = { [ATTEMPT_SPEAKING] = true, [ATTEMPT_ENDED] = true, [ATTEMPT_FAILED] = true },
    [ATTEMPT_SPEAKING] = { [ATTEMPT_ENDED] = true, [ATTEMPT_FAILED] = true },
    [ATTEMPT_ENDED] = { [ATTEMPT_FAILED] = true },
    [ATTEMPT_FAILED] = { [ATTEMPT_FAILED] = true }, /* the last reason counts */
};

void attempt_turn(struct attempt *a, enum attempt_state state)
{
    BUG_IF(!turns[a->state][state]);
    a->state = state;
    if (state == ATTEMPT_SPEAKING)
        a->spoke_ns = clock_ns();
}

void attempt_end(struct attempt *a)
{
    if (a->state < ATTEMPT_ENDED)
        attempt_turn(a, ATTEMPT_ENDED);
}

/* Row "attempt.choose". */
enum next attempt_choose(struct request *req)
{
    BUG_IF(req->target_next >= req->target_count);
    struct attempt *a = arena_new(&req->arena, struct attempt);
    a->req = req;
    a->previous = req->attempt;
    a->target = &req->targets[req->target_next++];
    if (a->previous == NULL) {
        req->secret_turn = req->worker->turn++;
        price_ask(req);
    }
    a->retry_after_s = -1;
    a->should_retry = -1;
    a->times.connection_ns = -1;
    req->answer.state = NULL; /* what a failed attempt wrote is nothing of this one's */
    req->answer.model = req->ask.model;
    req->usage = (struct usage){ 0 };
    buf_free(&req->tail_bytes);
    if (a->previous == NULL)
        req->wants_stream = req->ask.stream;
    req->ask.stream = req->wants_stream;
    a->started_ns = clock_ns();
    req->attempt = a;
    req->attempts_made++;
    return NEXT;
}

static struct text client_header(void *owner, struct text name)
{
    const struct request *req = ((const struct attempt *)owner)->req;
    for (size_t i = 0; i < req->dialect_header_count; i++)
        if (text_eq_nocase(text_of(req->dialect_headers[i].name), name))
            return text_of(req->dialect_headers[i].value);
    return TEXT_NONE;
}

static struct text answer_header(void *owner, struct text name)
{
    const struct attempt *a = owner;
    for (size_t i = 0; i < a->head_count; i++)
        if (text_eq_nocase(a->head[i].name, name))
            return a->head[i].value;
    return TEXT_NONE;
}

static struct text named_secret(void *owner, struct text name)
{
    const struct config_provider *p = ((const struct attempt *)owner)->target->provider;
    for (size_t i = 0; i < p->named_count; i++)
        if (text_is(name, p->named[i].name))
            return p->named[i].value;
    return TEXT_NONE;
}

static void describe(struct attempt *a)
{
    struct request *req = a->req;
    const struct config_provider *p = a->target->provider;
    const gw_provider_ops *ops = &p->plugin->provider;
    const struct config_secret *secret =
        p->secret_count > 0 ? &p->secrets[(req->secret_turn + req->secret_tries) % p->secret_count] : NULL;
    a->secret_from = secret != NULL ? secret->from : p->named_count > 0 ? p->named[0].from : NULL;
    a->mode = (ops->flags & GW_PROVIDER_LOCAL) != 0            ? MODE_LOCAL
              : (way_dialects(p) & req->face->dialect) != 0 ? MODE_RELAY
                                                                : MODE_TRANSLATE;
    req->answer.dialects = way_dialects(p);
    req->ask.to_service = p->is_usual;
    req->answer.unshown = NULL;
    call_begin(&a->call, &req->arena, &req->worker->scratch, a);
    call_give(&a->call, &(struct call_headers){ client_header, answer_header, named_secret });
    for (const struct ask_dropped *d = req->query_dropped; d != NULL; d = d->next)
        call_host()->dropped(&a->call, call_str(d->member), call_str(text_of(d->why)));
    a->ask = (gw_request){
        .size = sizeof a->ask,
        .operation = req->operation,
        .dialect = a->mode == MODE_RELAY                     ? req->face->dialect
                   : req->operation == GW_OP_EMBEDDINGS ? GW_DIALECT_EMBEDDINGS
                                                          : GW_DIALECT_CHAT,
        .stream = req->ask.stream,
        .model = call_str(a->target->model),
        .base_url = call_str(p->base_url),
        .secret = call_str(secret != NULL ? secret->value : TEXT_NONE),
        .path = call_str(req->path),
    };
}

/* The body as pieces: spliced for a relay, as the provider wrote it otherwise. */
static void collect_body(struct attempt *a)
{
    struct request *req = a->req;
    if (a->mode == MODE_RELAY) {
        req->face->splice(&req->arena, &req->ask, a->target->model, &req->pieces, &req->piece_count);
    } else {
        req->pieces = arena_new(&req->arena, struct text);
        *req->pieces = buf_view(&a->http.body);
        req->piece_count = 1;
    }
}

/* The gateways that this request has passed, and this one: who finds itself there is in a loop. */
static struct text hops(struct request *req)
{
    const char *own = req->worker->gateway->hop;
    return req->hops.len == 0 ? text_of(own) : text_of(arena_printf(&req->arena, "%.*s, %s", TEXT_ARG(req->hops), own));
}

static void collect_headers(struct attempt *a)
{
    struct request *req = a->req;
    const struct config_provider *p = a->target->provider;
    struct transfer_header *all =
        arena_array(&req->arena, struct transfer_header, a->http.header_count + p->header_count + 1);
    size_t n = 0;
    for (size_t i = 0; i < a->http.header_count; i++)
        all[n++] = (struct transfer_header){ a->http.headers[i].name, a->http.headers[i].value };
    for (size_t i = 0; i < p->header_count; i++)
        all[n++] = (struct transfer_header){ p->headers[i].name, p->headers[i].value };
    if (req->worker->gateway->hop[0] != '\0')
        all[n++] = (struct transfer_header){ TEXT("x-gw-hop"), hops(req) };
    a->send.headers = all;
    a->send.header_count = n;
}

const struct ask_dropped *attempt_left_out(const struct attempt *a)
{
    /* The canonical form is used by who translates only; a chat body may have been rewritten before. */
    return a->mode != MODE_RELAY || a->req->face == &face_chat ? a->req->ask.dropped : NULL;
}

/* A model that refuses loss: the first member that would not arrive is an error. */
static bool refuses_loss(struct attempt *a)
{
    const struct request *req = a->req;
    struct text member = TEXT_NONE, why = TEXT_NONE;
    if (req->model == NULL || !req->model->lossy_refuse)
        return false;
    if (a->call.dropped != NULL) {
        member = a->call.dropped->member;
        why = a->call.dropped->why;
    } else if (attempt_left_out(a) != NULL) {
        member = attempt_left_out(a)->member;
        why = text_of(attempt_left_out(a)->why);
    } else {
        return false;
    }
    error_param(&a->error, E_LOSSY, member, "%.*s cannot be carried to the provider \"%s\": %.*s", TEXT_ARG(member),
                a->target->provider->name.ptr, TEXT_ARG(why));
    attempt_turn(a, ATTEMPT_FAILED);
    a->error_status = 400;
    a->error_fault = GW_FAULT_REQUEST;
    a->outcome = "lossy";
    return true;
}

/* The request in the canonical form, for who does not speak the client's. False with `fail`: it cannot be written. */
static bool take_canonical(struct attempt *a, struct fail *fail)
{
    struct request *req = a->req;
    const struct json *body = req->face->canonical(&req->arena, &req->ask, fail);
    if (body == NULL)
        a->outcome = "refused";
    else
        a->ask.body = call_json(body);
    return body != NULL;
}

/* The address that the plugin built; a relay adds what is passed on of the client's query. */
static struct text with_query(const struct attempt *a)
{
    struct request *req = a->req;
    bool has_one = text_find(a->http.url, TEXT("?")) >= 0;
    if (a->mode != MODE_RELAY || req->query.len == 0)
        return a->http.url;
    return text_of(arena_printf(&req->arena, "%.*s%c%.*s", TEXT_ARG(a->http.url), has_one ? '&' : '?', TEXT_ARG(req->query)));
}

/* For the log: a query may hold anything. */
static struct text without_query(struct attempt *a, struct text url)
{
    return mask_text(a, text_cut(&url, '?'));
}

/* What is sent, from what the plugin has written. */
static void collect(struct attempt *a)
{
    struct request *req = a->req;
    collect_body(a);
    collect_headers(a);
    a->send.method = a->http.method;
    a->send.url = with_query(a);
    a->url = without_query(a, a->send.url);
    way_debug(req, "asks the provider \"%s\" for \"%.*s\": %.*s %.*s with %s", a->target->provider->name.ptr,
              TEXT_ARG(a->target->model), TEXT_ARG(a->send.method), TEXT_ARG(a->url),
              a->secret_from != NULL ? a->secret_from : "no secret");
    a->send.body = req->pieces;
    a->send.body_count = req->piece_count;
    a->send.connect_ns = req->timeouts.connect_ns;
    a->send.first_byte_ns = req->timeouts.first_token_ns;
    a->send.idle_ns = req->timeouts.idle_ns;
    a->send.total_ns = req->timeouts.total_ns;
    a->send.replay = true;
}

/* The plugin writes the request to its service. Where it fails the attempt is done. */
static void build(struct attempt *a)
{
    struct request *req = a->req;
    const struct config_provider *p = a->target->provider;
    call_http_init(&a->http, &a->call, req->config->limits.body_bytes * 2 + (1u << 20));
    if (req->body.len >= LARGE_LEAST && a->mode == MODE_TRANSLATE) { /* not by doubling, where it is known about how much comes */
        size_t room;
        buf_room(&a->http.body, req->body.len + req->body.len / 8, &room);
    }
    struct watch_seat *seat = watch_begin(p->plugin->name, "build()");
    call_step_begin(&a->call);
    gw_status status = call_status(&a->call, p->plugin->provider.build(p->instance, &a->call, &a->ask, &a->http));
    watch_end(seat);
    struct fail why;
    if (status == GW_OK && call_http_check(&a->http, &why) < 0) {
        a->call.explain = text_of(arena_str(&req->arena, text_of(why.text)));
        status = GW_E_CONFIG;
    }
    if (status == GW_OK && call_is_full(&a->call))
        status = GW_E_NOMEM;
    call_step_end(&a->call);
    if (status != GW_OK) {
        defect_status(a, "build()", status);
    } else if (!refuses_loss(a)) {
        collect(a);
    }
}

/* What is asked of the provider, in its form. May be a job. */
static enum next write_request(struct request *req, struct arena *scratch, struct fail *fail)
{
    struct attempt *a = req->attempt;
    if (a->mode != MODE_RELAY && !take_canonical(a, fail))
        return FAIL;
    if (a->mode == MODE_LOCAL)
        return NEXT;
    a->call.scratch = scratch;
    build(a);
    a->call.scratch = &req->worker->scratch;
    return NEXT;
}

/* Row "attempt.build". */
enum next attempt_build(struct request *req)
{
    struct attempt *a = req->attempt;
    describe(a);
    /* Only the bodies that pass can be large; what a failed attempt held is not needed any more. */
    buf_init(&a->whole, req->config->limits.answer_bytes);
    buf_init(&a->out, req->pending.max); /* a whole answer becomes events at once */
    return job_run(req, a->mode == MODE_RELAY ? 0 : req->body.len, write_request); /* a relay's body is not read again */
}

bool attempt_call_off(struct request *req)
{
    attempt_cancel(req->attempt);
    return true;
}

static const struct wait_kind for_answer = { .name = "answer", .cancel = attempt_call_off };

/* Row "attempt.send". Waits for the first event of a stream, or for the whole answer. */
enum next attempt_send(struct request *req)
{
    struct attempt *a = req->attempt;
    if (hold_result(req) == FAIL)
        return FAIL;
    if (attempt_has_failed(a) || req->arena.full)
        return NEXT;
    if (req->ask.stream)
        answer_ping_start(req);
    a->wait = wait_begin(req, &for_answer);
    a->wire = WIRE_RUNS;
    if (a->mode == MODE_LOCAL)
        local_start(a);
    else
        a->transfer = transfer_start(req->worker->pool, &a->send, &relay_events, a);
    return WAIT;
}

void attempt_cancel(struct attempt *a)
{
    enum attempt_wire over = WIRE_UNSENT;
    if (a->transfer != NULL) {
        over = transfer_was_sent(a->transfer) ? WIRE_OVER : WIRE_UNSENT;
        if (a->head_ns == 0)
            a->times = transfer_times(a->transfer);
        transfer_cancel(a->transfer);
        a->transfer = NULL;
    }
    loop_timer_clear(&a->req->worker->loop, &a->timer);
    if (!attempt_is_over(a)) {
        a->wire = over;
        if (a->outcome == NULL)
            a->outcome = "cancelled";
    }
    attempt_end(a);
    if (a->ended_ns == 0)
        a->ended_ns = clock_ns();
}

void attempt_resume(struct attempt *a)
{
    if (a->transfer != NULL)
        transfer_resume(a->transfer);
    else if (a->mode == MODE_LOCAL && !attempt_is_over(a))
        loop_timer_set(&a->req->worker->loop, &a->timer, clock_ns());
}

void attempt_close(struct attempt *a)
{
    attempt_cancel(a);
    if (a->form == FORM_FRAMES)
        framing_fini(&a->framing);
    if (a->http.call != NULL)
        call_http_fini(&a->http);
    a->http.call = NULL;
    buf_free(&a->whole);
    buf_free(&a->out);
}

static bool is_about_secret(const struct attempt *a)
{
    return a->error_fault == GW_FAULT_AUTH || a->error_fault == GW_FAULT_RATE_LIMIT || a->error_fault == GW_FAULT_QUOTA ||
           (a->error_fault == GW_FAULT_REQUEST && a->error_status == 403); /* another account may use the model */
}

/* Token counts are asked for on every turn: a server without that path is no error. */
static bool has_no_counter(const struct attempt *a)
{
    return a->req->operation == GW_OP_COUNT_TOKENS && (a->status == 404 || a->status == 405 || a->status == 501);
}

/* Several targets or secrets are at their limit: the client is told of the one that lets it come again first. */
static void join_limits(struct request *req)
{
    struct fail *fail = &req->fail;
    for (const struct attempt *p = req->attempt->previous; p != NULL && fail->status == 429; p = p->previous) {
        const struct fail *other = &p->error;
        if (other->status != 429 || other->should_retry < fail->should_retry)
            continue;
        if (other->should_retry > fail->should_retry)
            *fail = *other;
        else if (other->retry_after_s > 0 && (fail->retry_after_s == 0 || other->retry_after_s < fail->retry_after_s))
            fail->retry_after_s = other->retry_after_s;
    }
}

/* What a failed attempt leads to. */
enum verdict {
    NEXT_SECRET, /* the same target with its next secret */
    NEXT_TARGET,
    GIVE_UP,
};

static enum verdict judge(struct attempt *a, bool elsewhere)
{
    const struct request *req = a->req;
    if (is_about_secret(a) && req->secret_tries + 1 < a->target->provider->secret_count)
        return NEXT_SECRET;
    if (elsewhere && req->target_next < req->target_count && req->attempts_made < req->attempts_max)
        return NEXT_TARGET;
    return GIVE_UP;
}

static enum next give_up(struct attempt *a)
{
    struct request *req = a->req;
    req->fail = a->error;
    if (req->fail.status == 502 && req->attempts_made > 1)
        req->fail.should_retry = 0; /* several were tried: the client's own retry would only repeat it */
    join_limits(req);
    return FAIL;
}

/* It is over, and another one follows: what it used is its own. */
static void end_attempt(struct attempt *a)
{
    price_attempt(a);
    spend_end(a, false);
}

/* Row "attempt.judge". */
enum next attempt_judge(struct request *req)
{
    struct attempt *a = req->attempt;
    struct metrics *metrics = req->worker->gateway->metrics;
    unsigned index = req->worker->index;
    bool failed = attempt_has_failed(a) || (attempt_is_over(a) && a->failure != TRANSFER_OK) || !attempt_has_spoken(a);
    if (!failed)
        return NEXT; /* outcome is counted when the answer is complete */

    bool elsewhere = failure_judge(a);
    way_debug(req, "the provider \"%s\" failed (%s): %s", a->target->provider->name.ptr, a->outcome, a->error.text);
    metrics_count_attempt(metrics, index, a->target->provider->name, a->outcome);
    usage_end(a);
    attempt_close(a);
    if (has_no_counter(a))
        return route_estimate_tokens(req);
    enum verdict verdict = judge(a, elsewhere);
    if (verdict != GIVE_UP)
        end_attempt(a);
    if (verdict == NEXT_SECRET) {
        req->secret_tries++;
        req->target_next--;
        req->attempts_max++;
        return way_choose_again(req);
    }
    req->secret_tries = 0;
    if (verdict == GIVE_UP)
        return give_up(a);
    metrics_count_fallback(metrics, index, a->target->provider->name, req->targets[req->target_next].provider->name,
                           a->outcome);
    return way_choose_again(req);
}
