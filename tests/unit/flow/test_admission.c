/* test_admission.c - who comes in, and in which words the others are refused: rows "admit", "auth" and "decode". */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "check.h"
#include "flow/metrics.h"
#include "flow/way.h"
#include "health/health.h"
#include "health/queue.h"

static struct request req;
static struct gateway gateway;
static struct worker worker;
static struct config *config;

static void begin(void)
{
    memset(&req, 0, sizeof req);
    memset(&gateway, 0, sizeof gateway);
    crypto_start();
    config = config_new();
    config->teams = arena_array(&config->arena, struct config_team, 2);
    config->team_count = 2;
    config->teams[0].name = TEXT("a");
    config->teams[1].name = TEXT("b");
    config->default_team = config->teams;
    arena_init(&req.arena, NULL, 0, 1 << 20);
    gateway.metrics = metrics_new(1);
    worker.gateway = &gateway;
    req.worker = &worker;
    req.config = config;
    req.team = config->default_team;
    req.face = &face_chat;
}

static void end(void)
{
    config_unref(config);
    metrics_free(gateway.metrics);
    arena_fini(&req.arena);
}

static bool counted(const char *event)
{
    struct metrics_gauges gauges = { .version = "t" };
    struct buf out;
    char line[80];
    buf_init(&out, 1 << 20);
    metrics_write(gateway.metrics, &gauges, &out);
    snprintf(line, sizeof line, "gw_events_total{event=\"%s\"} 1\n", event);
    bool found = text_find(buf_view(&out), text_of(line)) >= 0;
    buf_free(&out);
    return found;
}

Test(admission, refuses_what_the_front_found_wrong)
{
    static const struct {
        enum error_case refuse;
        int status;
        const char *text;
    } rows[] = {
        { E_PATH, 404, "there is no such path here: check the base URL. Served are X" },
        { E_METHOD, 405, "this path takes X" },
        { E_BODY_TOO_LARGE, 413, "the body is over 20 MB (limits.body_mb)" },
        { E_HEAD_TOO_LARGE, 431, "the request's head is too large (limits.header_kb, limits.headers)" },
        { E_LOOP, 508,
          "this request has passed this gateway before: a provider's base_url leads back to it, and the operator must correct it" },
        { E_UPGRADE, 426,
          "WebSockets are not served: POST to the same path and read the answer as server-sent events" },
        { E_FORBIDDEN, 403, "X" },
        { E_MEDIA_TYPE, 415, "X" },
        { E_FRAMING, 400, "the request is not well-formed HTTP/1.1" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        config->limits.body_bytes = 20 << 20;
        req.refuse = rows[i].refuse;
        req.allow = TEXT("X");
        cr_assert_eq(admit_run(&req), FAIL);
        cr_assert_str_eq(req.fail.text, rows[i].text);
        cr_assert_eq(req.fail.status, rows[i].status);
        cr_assert_eq(req.in_flight, 1u);
        cr_assert_eq(atomic_load(&gateway.in_flight), 1u);
        end();
    }
}

Test(admission, sheds_above_the_limit)
{
    begin();
    config->limits.in_flight = 2;
    cr_assert_eq(admit_run(&req), NEXT);
    cr_assert_eq(admit_run(&req), NEXT);
    cr_assert_eq(admit_run(&req), FAIL);
    cr_assert_str_eq(req.fail.text, "the gateway has 2 requests in flight, its limit: try again shortly");
    cr_assert_eq(req.fail.status, 503);
    cr_assert(counted("shed"));
    config->limits.in_flight = 0;
    cr_assert_eq(admit_run(&req), NEXT, "no limit");
    end();
}

static struct slots target;
static struct queue line;

static void ignore(struct queue_wait *wait)
{
    (void)wait;
}

/* A full queue at a full target, from which as many are refused as it takes. */
static void make_hopeless(struct queue_wait *waits, const struct queue_place *place)
{
    for (unsigned i = 0; i < (1 + QUEUE_HOPELESS_REFUSALS) * QUEUE_LEAST; i++) {
        struct queue_wait *w = &waits[i % (QUEUE_LEAST + 1)];
        if (w->queue != NULL)
            queue_leave(w);
        *w = (struct queue_wait){ .places = place, .count = 1, .of = SLOTS_LOW, .on_over = ignore };
        queue_enter(&line, w, i < QUEUE_LEAST ? QUEUE_LEAST : 1, clock_ns());
    }
}

Test(admission, sheds_before_the_body_where_it_is_hopeless)
{
    static const struct {
        bool all_limited, list, child;
        enum config_priority priority;
        enum next next;
    } rows[] = {
        { true, false, false, PRIORITY_UNSET, FAIL },    { true, false, false, PRIORITY_LOW, FAIL },
        { true, false, false, PRIORITY_CRITICAL, NEXT }, { false, false, false, PRIORITY_UNSET, NEXT },
        { true, true, false, PRIORITY_UNSET, NEXT },     { true, false, true, PRIORITY_UNSET, NEXT },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        struct queue_wait waits[QUEUE_LEAST + 1] = { { .queue = NULL } };
        struct queue_place place = { &target, 1 };
        gateway.health = health_new(1);
        worker.chance = 1;
        slots_init(&target, health_gate(gateway.health));
        queue_init(&line, health_gate(gateway.health));
        slots_take(&target, 1, SLOTS_NORMAL, clock_ns());
        config->limits_all_targets = rows[i].all_limited;
        config->teams->priority = rows[i].priority;
        req.body_state = rows[i].list ? BODY_NONE : BODY_COMING;
        req.parent_id[0] = rows[i].child ? 'x' : '\0';
        cr_assert_eq(shed_run(&req), NEXT, "%zu", i);
        int64_t second;
        enum next next;
        do { /* within one second */
            second = clock_ns() / CLOCK_S;
            make_hopeless(waits, &place);
            next = shed_run(&req);
        } while (clock_ns() / CLOCK_S != second);
        cr_assert_eq(next, rows[i].next, "%zu", i);
        cr_assert(next == NEXT || (req.fail.status == 503 && req.fail.should_retry == 1), "%zu", i);
        cr_assert(next == NEXT || strstr(req.fail.text, "max_in_flight") != NULL, "%zu: %s", i, req.fail.text);
        for (unsigned k = 0; k < QUEUE_LEAST + 1; k++)
            queue_leave(&waits[k]);
        end();
        health_free(gateway.health);
    }
}

Test(admission, low_priority_has_half_of_the_memory)
{
    static const struct {
        size_t held;
        enum config_priority priority;
        enum next next;
    } rows[] = { { 499, PRIORITY_LOW, NEXT }, { 500, PRIORITY_LOW, FAIL }, { 999, PRIORITY_NORMAL, NEXT } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        config->limits.bodies_bytes = 1000;
        config->teams->priority = rows[i].priority;
        atomic_store(&gateway.bodies_held, rows[i].held);
        req.body_state = BODY_COMING;
        cr_assert_eq(shed_run(&req), rows[i].next, "%zu", i);
        end();
    }
}

/* Credentials: "good", "bad" (nobody's), "off" (disabled), "old" (expired), "young" (expires later); "" not sent. */
Test(admission, finds_whose_key_it_is)
{
    static const struct {
        const char *sent[3], *key, *why, *team;
    } rows[] = {
        { { "good", "", "" }, "good", NULL, "b" },      { { "", "good", "" }, "good", NULL, "b" },
        { { "", "", "good" }, "good", NULL, "b" },      { { "bad", "good", "" }, "good", NULL, "b" },
        { { "off", "good", "" }, "good", NULL, "b" },   { { "good", "young", "" }, "good", NULL, "b" },
        { { "young", "", "" }, "young", NULL, "b" },    { { "", "", "" }, NULL, "missing", "a" },
        { { "bad", "", "" }, NULL, "unknown", "a" },    { { "off", "", "" }, NULL, "disabled", "b" },
        { { "old", "", "" }, NULL, "expired", "b" },    { { "off", "bad", "" }, NULL, "disabled", "b" },
        { { "bad", "old", "" }, NULL, "expired", "b" },
    };
    static const char *const names[] = { "good", "off", "old", "young" };
    char event[40], copies[3][16];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        config->keys = arena_array(&config->arena, struct config_key, 4);
        config->key_count = 4;
        config->keys_required = true;
        for (size_t k = 0; k < 4; k++) {
            config->keys[k] =
                (struct config_key){ .name = text_of(names[k]), .team = &config->teams[1], .enabled = k != 1 };
            config->keys[k].expires_unix_ms = k == 2 ? clock_unix_ms() : k == 3 ? clock_unix_ms() + 100000 : 0;
            crypto_sha256(text_of(names[k]), config->keys[k].digest);
        }
        config_seal(config);
        for (size_t k = 0; k < 3; k++) {
            snprintf(copies[k], sizeof copies[k], "%s", rows[i].sent[k]);
            req.credentials[k] = text_of(copies[k]);
        }
        cr_assert_eq(auth_run(&req), rows[i].key != NULL ? NEXT : FAIL, "%zu", i);
        cr_assert_eq(req.key != NULL, rows[i].key != NULL, "%zu", i);
        cr_assert(req.key == NULL || text_is(req.key->name, rows[i].key), "%zu", i);
        cr_assert_str_eq(req.key_refused != NULL ? req.key_refused : "", rows[i].why != NULL ? rows[i].why : "");
        cr_assert(text_is(req.team->name, rows[i].team), "%zu", i);
        if (rows[i].key == NULL) {
            cr_assert_str_eq(req.fail.text,
                             "no valid API key was given: send one as \"Authorization: Bearer KEY\" (or x-api-key, "
                             "api-key); keys are made by the gateway's operator");
            cr_assert_eq(req.fail.status, 401);
            snprintf(event, sizeof event, "key_%s", rows[i].why);
            cr_assert(counted(event), "%s", event);
        }
        for (size_t k = 0; k < 3; k++)
            cr_assert_eq(copies[k][0], '\0', "a credential is wiped");
        end();
    }
}

Test(admission, asks_for_no_key_where_there_are_none)
{
    begin();
    config_seal(config);
    cr_assert_eq(auth_run(&req), NEXT);
    cr_assert_null(req.key);
    cr_assert_str_eq(req.whose.client, "other");
    end();
}

Test(admission, refuses_bodies_that_do_not_come)
{
    static const struct {
        enum error_case refuse;
        enum request_body_state state;
        int status;
        const char *text;
        bool closes;
    } rows[] = {
        { E_TOO_SLOW, BODY_COMING, 408, "the request's body did not arrive within 30 s (limits.body_s)", true },
        { E_OVERLOAD, BODY_COMING, 503,
          "the requests in flight fill the memory for bodies (limits.bodies_mb, or the machine's own): try again shortly",
          true },
        { E_OVERLOAD, BODY_COMPLETE, 503,
          "the requests in flight fill the memory for bodies (limits.bodies_mb, or the machine's own): try again shortly",
          false },
        { E_NONE, BODY_TOO_LARGE, 413, "the body is over 20 MB (limits.body_mb)", true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        config->limits.body_bytes = 20 << 20;
        config->limits.body_ns = 30 * CLOCK_S;
        req.operation = GW_OP_CHAT;
        req.refuse = rows[i].refuse;
        req.body_state = rows[i].state;
        cr_assert_eq(decode_parse(&req), NEXT, "there is nothing to be read");
        cr_assert_eq(decode_run(&req), FAIL);
        cr_assert_str_eq(req.fail.text, rows[i].text);
        cr_assert_eq(req.fail.status, rows[i].status);
        cr_assert_eq(req.fail.close, rows[i].closes, "%zu", i);
        end();
    }
}
