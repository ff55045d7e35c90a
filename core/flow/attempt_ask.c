/* attempt_ask.c - what an attempt asks of its provider: what the plugin may see, and the request that it builds. */
#include "base/large.h"
#include "flow/attempt.h"
#include "flow/policy.h"
#include "flow/way.h"
#include "plugin/watch.h"

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

void attempt_ask_describe(struct attempt *a)
{
    struct request *req = a->req;
    const struct config_provider *p = a->target->provider;
    const gw_provider_ops *ops = &p->plugin->provider;
    const struct config_secret *secret = p->secret_count > 0 ? &p->secrets[a->secret] : NULL;
    a->secret_from = secret != NULL ? secret->from : p->named_count > 0 ? p->named[0].from : NULL;
    a->mode = (ops->flags & GW_PROVIDER_LOCAL) != 0              ? MODE_LOCAL
              : (way_dialects(p) & req->face->dialect->bit) != 0 ? MODE_RELAY
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
        .dialect = a->mode == MODE_RELAY ? req->face->dialect->bit : req->face->canonical_dialect,
        .stream = a->streams,
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
        req->face->dialect->splice(&req->arena, &req->ask, a->target->model, &req->pieces, &req->piece_count);
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
    size_t n = 0, puts = 0;
    for (const struct script_put *put = req->policy != NULL ? req->policy->sends : NULL; put != NULL; put = put->next)
        puts++;
    struct transfer_header *all =
        arena_array(&req->arena, struct transfer_header, a->http.header_count + p->header_count + puts + 1);
    for (size_t i = 0; i < a->http.header_count; i++)
        if (policy_sends(req, a->http.headers[i].name) == NULL)
            all[n++] = (struct transfer_header){ a->http.headers[i].name, a->http.headers[i].value };
    for (size_t i = 0; i < p->header_count; i++) {
        const struct script_put *put = policy_sends(req, p->headers[i].name);
        if (put == NULL ||
            put->value.ptr == NULL) /* nil takes out what the client sent, not what the provider is configured to get */
            all[n++] = (struct transfer_header){ p->headers[i].name, p->headers[i].value };
    }
    for (const struct script_put *put = req->policy != NULL ? req->policy->sends : NULL; put != NULL; put = put->next)
        if (put->value.ptr != NULL && policy_sends(req, put->name) == put)
            all[n++] = (struct transfer_header){ put->name, put->value };
    if (req->worker->gateway->hop[0] != '\0')
        all[n++] = (struct transfer_header){ TEXT("x-gw-hop"), hops(req) };
    a->send.headers = all;
    a->send.header_count = n;
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
    a->outcome = OUTCOME_LOSSY;
    return true;
}

/* The request in the canonical form, for who does not speak the client's. False with `fail`: it cannot be written. */
static bool take_canonical(struct attempt *a, struct fail *fail)
{
    struct request *req = a->req;
    const struct json *body = req->face->canonical(&req->arena, &req->ask, fail);
    if (body == NULL)
        a->outcome = OUTCOME_REFUSED;
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
    return text_of(
        arena_printf(&req->arena, "%.*s%c%.*s", TEXT_ARG(a->http.url), has_one ? '&' : '?', TEXT_ARG(req->query)));
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
    a->send.replay = true;
}

/* The plugin writes the request to its service. Where it fails the attempt is done. */
static void build(struct attempt *a)
{
    struct request *req = a->req;
    const struct config_provider *p = a->target->provider;
    call_http_init(&a->http, &a->call, req->config->limits.body_bytes * 2 + (1u << 20));
    if (req->body.len >= LARGE_LEAST &&
        a->mode == MODE_TRANSLATE) { /* not by doubling, where it is known about how much comes */
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

void attempt_ask_again(struct attempt *a, const struct json *canonical)
{
    call_http_fini(&a->http);
    a->ask.body = call_json(canonical);
    build(a);
}

enum next attempt_ask_write(struct request *req, struct arena *scratch, struct fail *fail)
{
    struct attempt *a = req->attempt;
    if (a->mode != MODE_RELAY && !take_canonical(a, fail))
        return FAIL;
    a->call.scratch = scratch;
    bool as_it_is =
        attempt_is_hit(a) && a->mode == MODE_RELAY; /* an entry that is translated is read by who built the request */
    if (a->mode != MODE_LOCAL && !as_it_is)
        build(a);
    a->call.scratch = &req->worker->scratch;
    if (!attempt_has_failed(a) && a->charge != LEDGER_UNCHARGED)
        worst_read(a, scratch);
    return NEXT;
}
