/* choose.c - which target is tried next, with which secret: what is usable of those that are left, in the order of the model's
 * strategy. What came of an attempt is reported to health/ here. */
#include "flow/choose.h"

#include <string.h>

#include "base/clock.h"
#include "flow/conversation.h"
#include "flow/deadline.h"
#include "flow/silent.h"
#include "flow/slot.h"
#include "flow/strategy.h"
#include "flow/strategy_figures.h"
#include "flow/way.h"
#include "health/lane.h"
#include "health/outage.h"
#include "health/spread.h"
#include "script/script.h"

/* Token counts are asked for on every turn and answered by an estimate where nobody can: they say nothing of a target. A provider that
 * answers by itself, as demo, fails when it is asked to. */
static bool has_health(const struct request *req, const struct config_provider *p)
{
    return req->operation != GW_OP_COUNT_TOKENS && req->worker->gateway->health != NULL &&
           (p->plugin->provider.flags & GW_PROVIDER_LOCAL) == 0;
}

static struct ejection *health_of(const struct request *req, struct route_target *t)
{
    if (!t->looked_up && has_health(req, t->provider))
        t->health = health_target(req->worker->gateway->health, t->provider->name, t->provider->base_url, t->model,
                                  t->configured || t->max_in_flight > 0);
    if (!t->looked_up && t->health != NULL)
        t->avoided = degraded_avoids(&t->health->degraded, clock_ns(), chance_next(&req->worker->chance));
    t->looked_up = true;
    return t->health;
}

struct text choose_secret_value(const struct config_provider *p, int secret)
{
    return p->secret_count > 0 ? p->secrets[secret].value : p->named_count > 0 ? p->named[0].value : TEXT_NONE;
}

/* Limits are a model's. A credential that is refused, or an account without quota, is so for all models: `model` is absent then. */
static struct lane *lane_of(const struct request *req, const struct config_provider *p, struct text model, int secret,
                            bool make)
{
    return has_health(req, p) ? health_lane(req->worker->gateway->health, p->name, p->base_url, model,
                                            choose_secret_value(p, secret), make)
                              : NULL;
}

/* Was this request refused there for its secret? */
static bool was_refused(const struct request *req, const struct route_target *t, int secret)
{
    for (const struct attempt *a = req->attempt; a != NULL; a = a->previous)
        if (attempt_is_about_secret(a) && a->secret == secret && a->target->provider == t->provider &&
            text_eq(a->target->model, t->model))
            return true;
    return false;
}

/* Nanoseconds until it may be used; 0: now. */
static int64_t cools_for(const struct request *req, const struct route_target *t, int secret, bool alone, int64_t now)
{
    struct lane *lane = lane_of(req, t->provider, t->model, secret, false);
    struct lane *account = alone ? NULL : lane_of(req, t->provider, TEXT_NONE, secret, false);
    int64_t cools = lane != NULL ? lane_left_ns(lane, now) : 0,
            refused = account != NULL ? lane_left_ns(account, now) : 0;
    return refused > cools ? refused : cools;
}

/* The secret of `t` that is next: of those that are usable the one that has the conversation, by its hash; they take turns where there is
 * none. -1: no one is. *left: nanoseconds until the first one that cools may be used, at most *left. */
static int secret_of(struct request *req, const struct route_target *t, int64_t now, int64_t *left)
{
    size_t count = t->provider->secret_count > 0 ? t->provider->secret_count : 1;
    const uint8_t *conversation = count > 1 ? conversation_of(req) : NULL;
    double best_score = 0;
    int best = -1;
    for (size_t k = 0; k < count; k++) {
        int secret = (int)((req->secret_turn + k) % count);
        if (was_refused(req, t, secret) || !pin_allows(req, t, secret))
            continue;
        int64_t cools = cools_for(req, t, secret, count == 1, now);
        if (cools > 0) {
            *left = cools < *left ? cools : *left;
            continue;
        }
        if (conversation == NULL)
            return secret;
        double score =
            spread_score(spread_hash(conversation, t->provider->name, choose_secret_value(t->provider, secret)), 1);
        if (best < 0 || score > best_score) {
            best = secret;
            best_score = score;
        }
    }
    return best;
}

/* Has an attempt failed? Answers that policies have dropped are none. */
static bool has_tried(const struct request *req)
{
    return req->attempts_made > req->attempts_earlier;
}

/* What stands in the way of a target. */
enum way_in { WAY_IN, WAY_PROBE, WAY_SUSPECT, WAY_FULL, WAY_OUT, WAY_COOLS };

static enum way_in way_into(struct request *req, struct route_target *t, int64_t now, int64_t *left)
{
    struct ejection *e = health_of(req, t);
    enum ejection_may may = e != NULL ? ejection_asks(e, now) : EJECTION_YES;
    if (may == EJECTION_NO || (e != NULL && has_tried(req) && !ejection_affords(e)))
        return WAY_OUT;
    if (secret_of(req, t, now, left) < 0)
        return WAY_COOLS;
    if (!slot_is_free(req, t, now))
        return WAY_FULL;
    if (may == EJECTION_PROBE)
        return WAY_PROBE;
    return t->avoided || (e != NULL && silence_is_suspect(&e->silence, now)) ? WAY_SUSPECT : WAY_IN;
}

const char *choose_state(struct request *req, size_t index, int64_t now_ns, int64_t *left_ns)
{
    struct route_target *t = &req->targets[index];
    int64_t left = INT64_MAX;
    *left_ns = 0;
    switch (way_into(req, t, now_ns, &left)) {
    case WAY_IN:
        return "usable";
    case WAY_PROBE:
        return "to be tried";
    case WAY_SUSPECT:
        return t->avoided ? "slow" : "silent";
    case WAY_FULL:
        return "full";
    case WAY_COOLS:
        *left_ns = left < INT64_MAX ? left : 0;
        return left < INT64_MAX ? "cooling" : "refused";
    case WAY_OUT:
        break;
    }
    bool ejected = ejection_asks(t->health, now_ns) == EJECTION_NO;
    *left_ns = ejected ? ejection_left_ns(t->health, now_ns) : 0;
    return ejected ? "ejected" : "no more second attempts";
}

void choose_look(struct request *req, size_t index, struct script_target *out)
{
    struct route_target *t = &req->targets[index];
    struct ejection *e = health_of(req, t);
    int64_t now = clock_ns(), left = INT64_MAX;
    out->in_flight = e != NULL ? ejection_in_flight(e) : 0;
    if (e != NULL)
        strategy_look(req, e, now, &out->first_token_ms, &out->tokens_per_s);
    out->ejected = e != NULL && ejection_asks(e, now) == EJECTION_NO;
    if (secret_of(req, t, now, &left) < 0 && left < INT64_MAX)
        out->cooling_ms = (left + CLOCK_MS - 1) / CLOCK_MS;
}

bool choose_has_another(struct request *req, bool suspect)
{
    enum way_in most = suspect ? WAY_FULL : WAY_PROBE;
    int64_t now = clock_ns(), left = INT64_MAX;
    for (size_t i = req->target_next; i < req->target_count; i++)
        if (way_into(req, &req->targets[i], now, &left) <= most)
            return true;
    return false;
}

bool choose_has_secret(const struct attempt *a)
{
    int64_t left = INT64_MAX;
    return secret_of(a->req, a->target, clock_ns(), &left) >= 0;
}

/* The target at `from` becomes the next; those before it keep their order behind it. */
static void move_up(struct request *req, size_t from)
{
    struct route_target chosen = req->targets[from];
    memmove(&req->targets[req->target_next + 1], &req->targets[req->target_next],
            (from - req->target_next) * sizeof chosen);
    req->targets[req->target_next] = chosen;
}

/* Of the first list that has any with a way in of `most`, one as the strategy has it. A target that is to be tried after an ejection takes
 * a request's first attempt. -1: none. */
static ptrdiff_t pick_of(struct request *req, enum way_in most, int64_t now, bool *cools, int64_t *left)
{
    bool all = strategy_needs_all(req);
    size_t *usable = arena_array(&req->arena, size_t, req->target_count - req->target_next), count = 0;
    for (size_t i = req->target_next; i < req->target_count; i++) {
        struct route_target *t = &req->targets[i];
        enum way_in way = way_into(req, t, now, left);
        *cools |= way == WAY_COOLS;
        if (way > most || (count > 0 && req->targets[usable[0]].reserve != t->reserve))
            continue;
        if (way == WAY_PROBE && !has_tried(req)) {
            t->chosen = "probe";
            return (ptrdiff_t)i;
        }
        usable[count++] = i;
        if (!all)
            break;
    }
    return count > 0 ? (ptrdiff_t)strategy_pick(req, usable, count, now) : -1;
}

/* One that is silent at the moment, or slow, is taken where there is no other. */
static ptrdiff_t pick(struct request *req, int64_t now, bool *cools, int64_t *left)
{
    ptrdiff_t chosen = pick_of(req, WAY_PROBE, now, cools, left);
    return chosen >= 0 ? chosen : pick_of(req, WAY_SUSPECT, now, cools, left);
}

/* The target whose slot the queue has granted, if it is still usable. */
static ptrdiff_t granted(struct request *req, int64_t now)
{
    int64_t left = INT64_MAX;
    for (size_t i = req->target_next; i < req->target_count && req->slot.of != NULL; i++) {
        struct route_target *t = &req->targets[i];
        if (!slot_is_of(req, t) || way_into(req, t, now, &left) > WAY_SUSPECT)
            continue;
        t->chosen = "queue";
        return (ptrdiff_t)i;
    }
    slot_give(req);
    return -1;
}

/* Every secret of whatever is not ejected is at its limit. */
static enum next all_cool(struct request *req, int64_t left)
{
    int64_t seconds = (left + CLOCK_S - 1) / CLOCK_S;
    error_set(&req->fail, E_UPSTREAM_RATE,
              "every provider of the model \"%.*s\" limits the gateway's rate: nothing was sent, come again in %lld s",
              (int)(req->ask.model.len < 120 ? req->ask.model.len : 120), req->ask.model.ptr, (long long)seconds);
    req->fail.retry_after_s = (int)seconds;
    return FAIL;
}

/* Nothing is usable. A part of the requests is sent all the same: the first target that was not tried. */
static enum next all_out(struct request *req, int64_t now)
{
    struct text name = req->pin.state != PIN_NONE ? req->targets[req->target_next].provider->name : req->ask.model;
    name.len = name.len < 120 ? name.len : 120;
    struct outage *outage = health_model(req->worker->gateway->health, req->ask.model);
    if ((outage == NULL || outage_sends(outage, now)) && slot_take(req, &req->targets[req->target_next], now)) {
        req->targets[req->target_next].outage = outage;
        req->targets[req->target_next].chosen = "outage";
        choice_note(req, req->target_next);
        return NEXT;
    }
    int ms = outage_retry_ms(outage);
    bool pinned = req->pin.state != PIN_NONE;
    error_set(
        &req->fail, E_UPSTREAM,
        pinned
            ? "what the request names is in an account with the provider \"%.*s\", which fails at the moment: "
              "nothing was sent, and no other can answer; come again in a few seconds"
            : "every provider of the model \"%.*s\" fails at the moment: nothing was sent, come again in a few seconds",
        TEXT_ARG(name));
    req->fail.status = 503;
    if (pinned)
        req->fail.code = PIN_UNAVAILABLE;
    req->fail.retry_after_s = (ms + 999) / 1000;
    return FAIL;
}

/* Waits for a slot of one of the usable targets that are full. NEXT: there is none. */
static enum next wait_for_any(struct request *req, int64_t now)
{
    size_t *full = arena_array(&req->arena, size_t, req->target_count - req->target_next), count = 0;
    int64_t left = INT64_MAX;
    for (size_t i = req->target_next; i < req->target_count; i++)
        if (way_into(req, &req->targets[i], now, &left) == WAY_FULL)
            full[count++] = i;
    return count > 0 ? slot_wait(req, full, count, now) : NEXT;
}

enum next choose_give_up(struct request *req)
{
    return has_tried(req) ? attempt_give_up(req->attempt) : FAIL;
}

enum next choose_target(struct request *req)
{
    int64_t now = clock_ns(), left = INT64_MAX;
    bool cools = false;
    if (req->again == AGAIN_NEXT || req->secret_tries > 0) { /* the same target: that was decided */
        if (!slot_take(req, &req->targets[req->target_next], now)) {
            enum next next = slot_wait(req, &req->target_next, 1, now);
            return next == FAIL ? choose_give_up(req) : next;
        }
        req->again = req->again == AGAIN_NEXT ? AGAIN_WAS : req->again;
        choice_note(req, req->target_next);
        return NEXT;
    }
    ptrdiff_t chosen = granted(req, now);
    if (chosen < 0)
        do
            chosen = pick(req, now, &cools, &left);
        while (chosen >= 0 && !slot_take(req, &req->targets[chosen], now)); /* another worker was faster */
    if (chosen >= 0) {
        struct route_target *t = &req->targets[chosen];
        if (!strategy_needs_all(req))
            t->fallback |= (size_t)chosen > req->target_next; /* those before it are not usable */
        choice_note(req, (size_t)chosen);
        move_up(req, (size_t)chosen);
        return NEXT;
    }
    enum next next = req->shadow.len == 0 ? wait_for_any(req, now) : NEXT; /* a copy takes nobody's place */
    if (next != NEXT)
        return next == FAIL ? choose_give_up(req) : next;
    if (has_tried(req)) /* a policy took away what was left */
        return attempt_give_up(req->attempt);
    return cools ? all_cool(req, left) : all_out(req, now);
}

/* The rule, or what is wrong with a target that is used all the same. */
static const char *why_chosen(const struct route_target *t, int64_t now)
{
    if (t->health == NULL || t->outage != NULL || ejection_asks(t->health, now) != EJECTION_YES)
        return t->chosen;
    return silence_is_suspect(&t->health->silence, now) ? "suspect"
           : degraded_is(&t->health->degraded, now)     ? "degraded"
                                                        : t->chosen;
}

/* An outage: there is no usable one, and it is sent all the same. */
static int any_secret(struct request *req, const struct route_target *t)
{
    for (size_t i = 0; i < t->provider->secret_count; i++)
        if (pin_allows(req, t, (int)i))
            return (int)i;
    return 0;
}

/* What health/ knows of an attempt that is to be sent. */
static void begin_health(struct attempt *a, struct route_target *t, bool tried, int64_t now)
{
    struct request *req = a->req;
    a->lane = lane_of(req, t->provider, t->model, a->secret, false);
    a->account = t->provider->secret_count > 1 ? lane_of(req, t->provider, TEXT_NONE, a->secret, false) : NULL;
    if (a->lane != NULL)
        lane_begin(a->lane, now);
    if (a->account != NULL)
        lane_begin(a->account, now);
    if (health_of(req, t) != NULL)
        ejection_begin(t->health, tried, now, &a->ticket);
}

void choose_begin(struct attempt *a)
{
    struct request *req = a->req;
    struct route_target *t = &req->targets[req->target_next - 1];
    int64_t now = a->started_ns, left = INT64_MAX;
    int secret = secret_of(req, t, now, &left);
    a->target = t;
    a->input_guess = strategy_input(req);
    bool same =
        has_tried(req) && a->previous->target->provider == t->provider && text_eq(a->previous->target->model, t->model);
    a->chosen = !same ? why_chosen(t, now) : req->secret_tries > 0 ? "secret" : "again";
    a->secret = secret >= 0 ? secret : any_secret(req, t);
    begin_health(a, t, has_tried(req), now);
}

void choose_resume(struct attempt *a)
{
    const struct request *req = a->req; /* this attempt is counted already */
    bool tried = req->attempts_made > req->attempts_earlier + 1;
    begin_health(a, &a->req->targets[a->req->target_next - 1], tried, clock_ns());
}

/* What an attempt that failed says about its target. */
static enum ejection_result verdict(const struct attempt *a)
{
    switch (a->outcome) {
    case OUTCOME_STATUS:
    case OUTCOME_ERROR:
        if (a->error_from == ERROR_FROM_US)
            return EJECTION_BAD; /* a redirect */
        return a->error_fault == GW_FAULT_SERVER || a->error_fault == GW_FAULT_OVERLOADED ||
                       a->error_fault == GW_FAULT_TIMEOUT
                   ? EJECTION_BAD
                   : EJECTION_NEITHER;
    case OUTCOME_TRANSFER:
        if (deadline_was_clients(a))
            return EJECTION_NEITHER;
        return a->failure == TRANSFER_TOO_LARGE || a->failure == TRANSFER_SLOW ||
                       (a->failure == TRANSFER_SEND && a->wire == WIRE_UNSENT)
                   ? EJECTION_NEITHER
                   : EJECTION_BAD;
    case OUTCOME_JUNK:
    case OUTCOME_PROTOCOL:
    case OUTCOME_INCOMPLETE:
    case OUTCOME_ENCODED:
        return EJECTION_BAD;
    default:
        return EJECTION_NEITHER;
    }
}

/* Which lane cools with this failure; NULL: none. Where a provider has one secret alone, a refused credential cools nothing: the client
 * is to see why. */
static struct lane *cooled(const struct attempt *a)
{
    const struct route_target *t = a->target;
    if (a->error_fault == GW_FAULT_RATE_LIMIT)
        return lane_of(a->req, t->provider, t->model, a->secret, true);
    bool refused = attempt_is_about_secret(a) && a->error_fault != GW_FAULT_REQUEST;
    return refused && t->provider->secret_count > 1 ? lane_of(a->req, t->provider, TEXT_NONE, a->secret, true) : NULL;
}

static void judge_lane(struct attempt *a, struct lane *lane, bool good, int64_t now)
{
    if (lane != NULL && good)
        lane_good(lane, a->started_ns);
    else if (lane != NULL)
        lane_neither(lane, a->started_ns, now);
}

/* Each of its lanes, but the one that cools, learns what came of it. */
static void judge_lanes(struct attempt *a, const struct lane *cools, bool good, int64_t now)
{
    judge_lane(a, a->lane != cools ? a->lane : NULL, good, now);
    judge_lane(a, a->account != cools ? a->account : NULL, good, now);
    a->lane = a->account = NULL;
}

void choose_report(struct attempt *a, bool good)
{
    int64_t now = clock_ns();
    const struct route_target *t = a->target;
    if (good && t->health == NULL && !t->configured && has_health(a->req, t->provider)) /* from now on it is known */
        health_target(a->req->worker->gateway->health, t->provider->name, t->provider->base_url, t->model, true);
    if (!good)
        silent_failed(a, a->outcome == OUTCOME_STATUS || a->outcome == OUTCOME_ERROR, now);
    struct lane *cools = good ? NULL : cooled(a);
    if (cools != NULL)
        lane_cool(cools, a->retry_after_s >= 0 ? a->retry_after_s * CLOCK_S : -1, a->started_ns, now);
    judge_lanes(a, cools, good, now);
    if (good)
        slot_answered(a);
    if (good)
        strategy_note_warm(a, now);
    if (good && t->outage != NULL)
        outage_good(t->outage, now);
    if (ejection_result(&a->ticket, good ? EJECTION_GOOD : verdict(a), now))
        log_line(LOG_WARN, "the target \"%.*s/%.*s\" fails (%s): it gets no requests for %.1f s",
                 TEXT_ARG(t->provider->name), TEXT_ARG(t->model), attempt_outcome_name(a),
                 (double)ejection_left_ns(t->health, now) / 1e9);
}

void choose_call_off(struct attempt *a)
{
    int64_t now = clock_ns();
    judge_lanes(a, NULL, false, now);
    ejection_end(&a->ticket, now);
}

void choose_end(struct attempt *a)
{
    int64_t now = clock_ns();
    if (!attempt_is_hit(a))
        strategy_note_times(a, now);
    judge_lanes(a, NULL, false, now);
    silence_end(&a->silence);
    ejection_end(&a->ticket, now);
}
