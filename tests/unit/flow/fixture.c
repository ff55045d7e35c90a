/* fixture.c - the fake door, the scripted provider, and a worker around them. */
#include "fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "check.h"
#include "plugin/call.h"
#include "plugin/plugin.h"
#include "script/script.h"
#include "upstream/dial.h"

const gw_plugin *gw_plugin_entry_anthropic(void);
const gw_plugin *gw_plugin_entry_openai(void);

static const gw_host *host;

static gw_status play_open(const gw_host *h, gw_call *call, const gw_json *config, void **instance)
{
    (void)call, (void)config;
    host = h;
    *instance = NULL;
    return GW_OK;
}

static void play_close(void *instance)
{
    (void)instance;
}

static gw_event event(uint32_t type, const char *text)
{
    return (gw_event){ .size = sizeof(gw_event), .type = type, .text = { text, strlen(text) } };
}

static gw_status play_produce(void *instance, gw_call *call, const gw_request *req, gw_emit emit, uint32_t *wait_ms)
{
    const struct script *script = instance;
    (void)req;
    size_t at = (size_t)(uintptr_t)host->state(call);
    const char *step = script->steps[at];
    host->set_state(call, (void *)(uintptr_t)(at + 1));
    gw_event e = event(GW_EVENT_TEXT, "");
    gw_tokens tokens = { .size = sizeof tokens,
                         .input = 3,
                         .output = 2,
                         .total = 5,
                         .cache_read = -1,
                         .cache_write_5m = -1,
                         .cache_write_1h = -1,
                         .reasoning = -1,
                         .audio_in = -1,
                         .audio_out = -1,
                         .image_in = -1,
                         .image_out = -1,
                         .server_tool_calls = -1 };
    if (step == NULL || strcmp(step, "end") == 0)
        return GW_MISS;
    if (strcmp(step, "fail") == 0)
        return GW_E_RETRY;
    if (strncmp(step, "wait:", 5) == 0) {
        *wait_ms = (uint32_t)atoi(step + 5);
        return GW_OK;
    }
    if (strncmp(step, "text:", 5) == 0) {
        e = event(GW_EVENT_TEXT, step + 5);
    } else if (strncmp(step, "finish", 6) == 0) {
        e = event(GW_EVENT_FINISH, step[6] == ':' ? step + 7 : "stop");
    } else if (strcmp(step, "usage") == 0) {
        e = event(GW_EVENT_USAGE, "");
        e.tokens = &tokens;
    } else if (strncmp(step, "error:", 6) == 0) {
        e = event(GW_EVENT_ERROR, "told by the script");
        e.status = (uint32_t)atoi(step + 6);
    }
    emit(call, &e);
    return GW_OK;
}

static const gw_provider_ops ops = { .size = sizeof ops,
                                     .operations = GW_OP_CHAT,
                                     .flags = GW_PROVIDER_LOCAL,
                                     .open = play_open,
                                     .close = play_close,
                                     .produce = play_produce };
static const gw_plugin descriptor = { .abi_major = GW_ABI_MAJOR,
                                      .needs_minor = GW_ABI_MINOR,
                                      .size = sizeof descriptor,
                                      .kind = GW_KIND_PROVIDER,
                                      .name = "script",
                                      .version = "1",
                                      .license = "Apache-2.0",
                                      .ops = &ops };

static void end_reached(struct fixture *f)
{
    struct metrics_gauges gauges = { .version = "t" };
    struct buf text;
    loop_stop(&f->worker.loop);
    if (f->is_quick)
        return;
    buf_init(&text, 1 << 20);
    metrics_write(f->gateway.metrics, &gauges, &text);
    f->settled_before_end = text_find(buf_view(&text), TEXT("gw_requests_total{")) >= 0;
    buf_free(&text);
}

/* Not with buf_append(): what the test itself keeps does not fail. */
static void keep(struct buf *where, struct text bytes)
{
    size_t room;
    if (bytes.len == 0)
        return;
    char *to = buf_room(where, bytes.len, &room);
    cr_assert(to != NULL && room >= bytes.len);
    memcpy(to, bytes.ptr, bytes.len);
    buf_added(where, bytes.len);
}

static void keep_head(struct fixture *f, const struct door_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        keep(&f->head, text_of(headers[i].name));
        keep(&f->head, TEXT(": "));
        keep(&f->head, text_of(headers[i].value));
        keep(&f->head, TEXT("\n"));
    }
}

static void door_answer(void *client, int status, const struct door_header *headers, size_t count, struct text body,
                        void (*free_body)(void *), void *free_arg, bool close)
{
    struct fixture *f = client;
    cr_assert_not(f->answered || f->begun);
    keep_head(f, headers, count);
    f->answered = true;
    f->status = status;
    f->closed = close;
    keep(&f->body, body);
    if (free_body != NULL)
        free_body(free_arg);
    end_reached(f);
}

static void door_begin(void *client, int status, const struct door_header *headers, size_t count)
{
    struct fixture *f = client;
    cr_assert_not(f->answered || f->begun);
    keep_head(f, headers, count);
    f->begun = true;
    f->status = status;
}

static size_t door_write(void *client, struct text bytes)
{
    struct fixture *f = client;
    cr_assert(f->begun && !f->ended);
    keep(&f->body, bytes);
    f->most_written = bytes.len > f->most_written ? bytes.len : f->most_written;
    return f->waiting;
}

static void door_end(void *client)
{
    struct fixture *f = client;
    cr_assert(f->begun && !f->ended);
    f->ended = true;
    end_reached(f);
}

static void door_abort(void *client)
{
    ((struct fixture *)client)->aborted = true;
    end_reached(client);
}

static const struct door door = { door_answer, door_begin, door_write, door_end, door_abort };

static void on_limit(struct loop_timer *timer)
{
    struct fixture *f = (struct fixture *)(void *)((char *)timer - offsetof(struct fixture, limit));
    f->timed_out = true;
    loop_stop(&f->worker.loop);
}

/* What all of them have but targets. */
static void open_gateway(struct fixture *f, size_t count)
{
    memset(f, 0, sizeof *f);
    f->face = &face_chat;
    json_start();
    crypto_start();
    struct config *c = f->config = config_new();
    c->providers = arena_array(&c->arena, struct config_provider, count);
    c->provider_count = count;
    c->models = arena_array(&c->arena, struct config_model, 1);
    c->model_count = 1;
    *c->models = (struct config_model){
        .name = TEXT("m"), .target_count = count, .attempts = 3, .timeouts = config_default_timeouts
    };
    c->models->targets = arena_array(&c->arena, struct config_target, count);
    c->teams = arena_new(&c->arena, struct config_team);
    c->teams->name = TEXT("default");
    c->team_count = 1;
    c->default_team = c->teams;
}

static void set_target(struct fixture *f, size_t i, const struct plugin *plugin, void *instance, struct text url)
{
    struct config *c = f->config;
    c->providers[i] = (struct config_provider){ .name = text_of(arena_printf(&c->arena, "p%zu", i)),
                                                .plugin = plugin,
                                                .instance = instance,
                                                .base_url = url,
                                                .index = (unsigned)i };
    c->models->targets[i] = (struct config_target){ .provider = &c->providers[i], .model = TEXT("x") };
}

static void start_gateway(struct fixture *f)
{
    config_seal(f->config);
    cr_assert_eq(pipe2(f->log_fds, O_CLOEXEC), 0);
    f->gateway.dialer = dialer_new(1);
    cr_assert_not_null(f->gateway.dialer);
    f->gateway.access = access_new(f->log_fds[1], 1);
    f->gateway.metrics = metrics_new(1);
    cr_assert_eq(worker_init(&f->worker, 0, &f->gateway, f->config), 0);
    buf_init(&f->body, 256 << 20);
    buf_init(&f->head, 1 << 20);
    f->limit.on_time = on_limit;
}

void fixture_open(struct fixture *f, const char *const *const *scripts, size_t count)
{
    struct fail fail;
    const struct plugin *plugin = plugin_adopt(&descriptor, "(test)", &fail);
    void *instance;
    cr_assert_not_null(plugin);
    open_gateway(f, count);
    cr_assert_eq(plugin_open_provider(plugin, NULL, &instance, &fail), 0);
    for (size_t i = 0; i < count; i++) {
        struct script *s = arena_new(&f->config->arena, struct script);
        s->steps = scripts[i];
        set_target(f, i, plugin, s, TEXT(""));
    }
    start_gateway(f);
}

void fixture_open_upstream(struct fixture *f, const char *const *plugins, size_t count)
{
    struct fail fail;
    open_gateway(f, count);
    for (size_t i = 0; i < count; i++) {
        bool anthropic = strcmp(plugins[i], "anthropic") == 0;
        const struct plugin *plugin =
            plugin_adopt(anthropic ? gw_plugin_entry_anthropic() : gw_plugin_entry_openai(), "(test)", &fail);
        cr_assert_not_null(plugin);
        void *instance;
        cr_assert_eq(plugin_open_provider(plugin, NULL, &instance, &fail), 0, "%s", fail.text);
        f->instances[i] = (struct fixture_instance){ plugin, instance };
        set_target(f, i, plugin, instance, TEXT("http://up.test/v1"));
    }
    start_gateway(f);
}

void fixture_close(struct fixture *f)
{
    for (int i = 0; i < 3 && f->worker.requests > 0; i++) { /* what was freed later */
        loop_timer_set(&f->worker.loop, &f->limit, clock_ns() + 20 * CLOCK_MS);
        fixture_run(f);
    }
    loop_timer_clear(&f->worker.loop, &f->limit);
    worker_fini(&f->worker);
    if (f->gateway.scripts != NULL)
        script_shared_free(f->gateway.scripts);
    access_free(f->gateway.access);
    metrics_free(f->gateway.metrics);
    dialer_free(f->gateway.dialer);
    config_unref(f->config);
    buf_free(&f->body);
    buf_free(&f->head);
    for (size_t i = 0; i < FIXTURE_TARGETS && f->instances[i].plugin != NULL; i++)
        f->instances[i].plugin->provider.close(f->instances[i].instance);
    close(f->log_fds[0]);
    close(f->log_fds[1]);
}

void fixture_run(struct fixture *f)
{
    if (f->limit.slot == 0)
        loop_timer_set(&f->worker.loop, &f->limit, clock_ns() + 5 * CLOCK_S);
    f->worker.loop.stopping = false;
    loop_run(&f->worker.loop);
}

void fixture_settle(struct fixture *f)
{
    loop_timer_set(&f->worker.loop, &f->limit, clock_ns());
    fixture_run(f);
    f->timed_out = false;
}

struct request *fixture_head(struct fixture *f, size_t length)
{
    struct request_head head = { .method = TEXT("POST"),
                                 .target = TEXT("/v1/chat/completions"),
                                 .face = f->face,
                                 .operation = GW_OP_CHAT,
                                 .content_length = (int64_t)length,
                                 .peer = TEXT("test") };
    return fixture_head_of(f, &head);
}

struct request *fixture_head_of(struct fixture *f, const struct request_head *head)
{
    return request_begin(&f->worker, &door, f, head);
}

struct request *fixture_list(struct fixture *f, const char *header)
{
    const struct door_header headers[] = { { header, "1" } };
    struct request_head head = { .method = TEXT("GET"),
                                 .target = TEXT("/v1/models"),
                                 .face = f->face,
                                 .operation = GW_OP_MODELS,
                                 .headers = headers,
                                 .header_count = 1,
                                 .content_length = -1,
                                 .peer = TEXT("test") };
    return fixture_head_of(f, &head);
}

struct request *fixture_begin(struct fixture *f, const char *body)
{
    struct request *req = fixture_head(f, strlen(body));
    request_body(req, text_of(body));
    request_body_end(req);
    return req;
}

void fixture_finish(struct fixture *f, struct request *req, const char *body)
{
    request_body(req, text_of(body));
    request_body_end(req);
    while (!f->answered && !f->ended && !f->aborted && !f->timed_out)
        fixture_run(f);
    loop_timer_clear(&f->worker.loop, &f->limit);
}

struct request *fixture_send(struct fixture *f, const char *body)
{
    struct request *req = fixture_head(f, strlen(body));
    fixture_finish(f, req, body);
    return req;
}

const char *fixture_line(struct fixture *f)
{
    static char line[1 << 16];
    size_t len = 0;
    while (len + 1 < sizeof line && read(f->log_fds[0], line + len, 1) == 1 && line[len] != '\n')
        len++;
    line[len] = '\0';
    return line;
}

struct buf fixture_metrics(struct fixture *f)
{
    struct metrics_gauges gauges = { .version = "t", .in_flight = atomic_load(&f->gateway.in_flight) };
    struct buf text;
    buf_init(&text, 1 << 20);
    metrics_write(f->gateway.metrics, &gauges, &text);
    return text;
}
