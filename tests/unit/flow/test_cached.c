/* test_cached.c - which request gets an answer of the cache, and what the client sees of it. */
#include <string.h>

#include "cache/answers.h"
#include "check.h"
#include "fake_transfer.h"
#include "fixture.h"
#include "flow/way.h"

#define PLAIN "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define COMPLETE "{\"model\":\"m\",\"prompt\":\"x\"}"
#define ANSWER                                                                                                         \
    "{\"id\":\"a\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","      \
    "\"content\":\"hi\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}"

/* A cache of a few values, one after another. */
static struct {
    char key[201];
    struct buf value;
} values[8];
static size_t value_count;

static gw_status open_cache(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    (void)host, (void)call, (void)config;
    *instance = NULL;
    return GW_OK;
}

static void close_cache(void *instance)
{
    (void)instance;
    while (value_count > 0)
        buf_free(&values[--value_count].value);
}

static gw_status attach(void *instance, gw_call *call, void **session)
{
    (void)instance, (void)call;
    *session = NULL;
    return GW_OK;
}

static void detach(void *session)
{
    (void)session;
}

static size_t find(gw_str key)
{
    size_t i = 0;
    while (i < value_count && !(strlen(values[i].key) == key.len && memcmp(values[i].key, key.ptr, key.len) == 0))
        i++;
    return i;
}

static gw_status get(void *session, gw_call *call, const gw_scope *scope, gw_str key, gw_buf *value)
{
    (void)session, (void)call, (void)scope;
    size_t i = find(key);
    if (i == value_count)
        return GW_MISS;
    buf_text(&value->bytes, buf_view(&values[i].value));
    return GW_OK;
}

static gw_status set(void *session, gw_call *call, const gw_scope *scope, gw_str key, gw_str value, uint32_t ttl_s,
                     uint32_t mode)
{
    (void)session, (void)call, (void)scope, (void)ttl_s, (void)mode;
    size_t i = find(key);
    cr_assert_lt(i, sizeof values / sizeof *values);
    if (i == value_count) {
        memcpy(values[i].key, key.ptr, key.len);
        values[i].key[key.len] = '\0';
        buf_init(&values[i].value, 1 << 20);
        value_count++;
    }
    values[i].value.len = 0;
    buf_append(&values[i].value, value.ptr, value.len);
    return GW_OK;
}

static gw_status del(void *session, gw_call *call, const gw_scope *scope, gw_str key)
{
    (void)session, (void)call, (void)scope, (void)key;
    return GW_MISS;
}

static gw_status add(void *session, gw_call *call, const gw_scope *scope, gw_str key, int64_t delta, uint32_t ttl_s,
                     uint32_t mode, int64_t *total)
{
    (void)session, (void)call, (void)scope, (void)key, (void)delta, (void)ttl_s, (void)mode, (void)total;
    return GW_MISS;
}

static const gw_cache_ops ops = { .size = sizeof ops,
                                  .flags = GW_CACHE_INLINE,
                                  .open = open_cache,
                                  .close = close_cache,
                                  .attach = attach,
                                  .detach = detach,
                                  .get = get,
                                  .set = set,
                                  .del = del,
                                  .add = add };
static const gw_option options[] = { { "mb", "how much", GW_JSON_INT, 0 }, { NULL, NULL, 0, 0 } };
static const gw_plugin descriptor = { .abi_major = GW_ABI_MAJOR,
                                      .needs_minor = GW_ABI_MINOR,
                                      .size = sizeof descriptor,
                                      .kind = GW_KIND_CACHE,
                                      .name = "few",
                                      .version = "1",
                                      .license = "Apache-2.0",
                                      .ops = &ops,
                                      .options = options };

static void begin(struct fixture *f)
{
    static const char *const openai[] = { "openai" };
    struct fail fail;
    fixture_open_upstream(f, openai, 1);
    f->config->cache.plugin = plugin_adopt(&descriptor, "(test)", &fail);
    cr_assert_not_null(f->config->cache.plugin, "%s", fail.text);
    f->config->cache.ttl_s = 600;
    struct answers_settings settings = { .plugin = f->config->cache.plugin, .json = "{}", .workers = 1 };
    struct cache_answers *answers = answers_open(&settings, &fail);
    cr_assert_not_null(answers, "%s", fail.text);
    atomic_store(&f->gateway.answers, answers);
}

static void end(struct fixture *f)
{
    struct cache_answers *answers = atomic_load(&f->gateway.answers);
    fixture_close(f);
    answers_close(answers);
}

static unsigned count(struct text all, const char *needle)
{
    unsigned n = 0;
    for (ptrdiff_t at; (at = text_find(all, text_of(needle))) >= 0; n++)
        all = (struct text){ all.ptr + at + 1, all.len - (size_t)at - 1 };
    return n;
}

/* Is this request, with the header "x-kind" where it has one, answered by the cache? Its line of the log has to say the same. */
static bool is_hit(struct fixture *f, const char *body, const char *kind, struct text answer)
{
    const struct door_header headers[] = { { "x-kind", kind } };
    bool old = f->face == &face_completions;
    struct request_head head = { .method = TEXT("POST"),
                                 .target = old ? TEXT("/v1/completions") : TEXT("/v1/chat/completions"),
                                 .face = f->face,
                                 .operation = old ? GW_OP_COMPLETIONS : GW_OP_CHAT,
                                 .headers = headers,
                                 .header_count = kind != NULL ? 1 : 0,
                                 .content_length = (int64_t)strlen(body),
                                 .peer = TEXT("test") };
    f->answered = f->begun = f->ended = false;
    buf_free(&f->head);
    buf_free(&f->body);
    buf_init(&f->head, 1 << 20);
    buf_init(&f->body, 1 << 20);
    struct request *req = fixture_head_of(f, &head);
    request_body(req, text_of(body));
    request_body_end(req);
    bool asked = fake_runs();
    fake_answer(200, "application/json", answer, 1000);
    fixture_settle(f);
    cr_assert_eq(f->status, 200, "%.*s", TEXT_ARG(buf_view(&f->body)));
    request_end(req);
    cr_assert_eq(strstr(fixture_line(f), asked ? "\"cache\":\"stored\"" : "\"cache\":\"hit\"") != NULL, true);
    cr_assert_eq(count(buf_view(&f->head), "Cache-Status: llm-gateway; hit; ttl="), asked ? 0u : 1u);
    return !asked;
}

Test(cached, gives_an_answer_again_and_says_once_what_it_cost)
{
    struct fixture f;
    begin(&f);
    cr_assert_not(is_hit(&f, PLAIN, NULL, TEXT(ANSWER)));
    for (int i = 0; i < 3; i++) {
        cr_assert(is_hit(&f, PLAIN, NULL, TEXT(ANSWER)));
        cr_assert(text_find(buf_view(&f.body), TEXT("\"hi\"")) >= 0);
        cr_assert_eq(count(buf_view(&f.head), "x-gw-cost: "), 1u, "%.*s", TEXT_ARG(buf_view(&f.head)));
        cr_assert(text_find(buf_view(&f.head), TEXT("x-gw-cost: 0\n")) >= 0);
    }
    end(&f);
}

/* Of an API that nothing is translated to, an answer does only where it was asked for in the same way. */
Test(cached, gives_what_is_only_relayed_as_it_was_asked_for)
{
    struct fixture f;
    const struct text answer =
        TEXT("{\"object\":\"text_completion\",\"choices\":[{\"index\":0,\"text\":\"hi\",\"finish_reason\":\"stop\"}]}");
    begin(&f);
    f.face = &face_completions;
    cr_assert_not(is_hit(&f, COMPLETE, NULL, answer));
    cr_assert(is_hit(&f, COMPLETE, NULL, answer));
    end(&f);
}

/* With other headers the upstream may answer otherwise. */
Test(cached, asks_again_where_a_header_of_the_provider_has_another_value)
{
    static struct config_header header = { .name = { "x-version", 9 }, .value = { "1", 1 } };
    struct fixture f;
    begin(&f);
    f.config->providers[0].headers = &header;
    f.config->providers[0].header_count = 1;
    cr_assert_not(is_hit(&f, PLAIN, NULL, TEXT(ANSWER)));
    header.value = TEXT("2");
    cr_assert_not(is_hit(&f, PLAIN, NULL, TEXT(ANSWER)));
    cr_assert(is_hit(&f, PLAIN, NULL, TEXT(ANSWER)));
    header.value = TEXT("1");
    cr_assert(is_hit(&f, PLAIN, NULL, TEXT(ANSWER)));
    end(&f);
}

Test(cached, asks_again_where_a_policy_sends_another_header)
{
    struct fixture f;
    begin(&f);
    fixture_policy(&f, "return { on_request = function(req) req:send_header('x-sent', req.headers['x-kind']) end }",
                   NULL, 0);
    cr_assert_not(is_hit(&f, PLAIN, "a", TEXT(ANSWER)));
    cr_assert_not(is_hit(&f, PLAIN, "b", TEXT(ANSWER)));
    cr_assert(is_hit(&f, PLAIN, "a", TEXT(ANSWER)));
    cr_assert(is_hit(&f, PLAIN, "b", TEXT(ANSWER)));
    end(&f);
}
