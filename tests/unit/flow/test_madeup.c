/* test_madeup.c - a face and a dialect that nobody else knows (tests/madeup): a folder and a row in each table, and requests of it
 * are answered like all others. */
#include "check.h"
#include "fake_transfer.h"
#include "fixture.h"
#include "flow/way.h"
#include "http/routes.h"
#include "madeup.h"

#define ASKS "{\"model\":\"m\",\"ask\":\"hello\"}"
#define WHOLE "{\"model\":\"m\",\"ask\":\"hello\",\"whole\":true}"

static const char *const good[] = { "text:Hel", "text:lo", "finish", "end", NULL };
static const char *const unfinished[] = { "text:Hel", "end", NULL };

static const struct route row = { .path = { "/madeup", 7 },
                                  .methods = ROUTE_POST,
                                  .allow = "POST, OPTIONS",
                                  .face = &madeup_face,
                                  .operation = GW_OP_CHAT,
                                  .not_deployed = true };

/* Its rows, once in a process. */
static void add_rows(void)
{
    static bool added;
    if (added)
        return;
    added = true;
    dialect_add(&madeup_dialect);
    face_add(&madeup_face);
    routes_add(&row);
}

static gw_status open_provider(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    (void)call, (void)config;
    *instance = (void *)(uintptr_t)host;
    return GW_OK;
}

static void close_provider(void *instance)
{
    (void)instance;
}

static gw_status build(void *instance, gw_call *call, const gw_request *req, gw_http *out)
{
    const gw_host *host = instance;
    (void)call;
    cr_assert_eq(req->dialect, MADEUP_BIT);
    host->http_url(out, call_str(TEXT("http://up.test/madeup")));
    return GW_OK;
}

static gw_status read_frame(void *instance, gw_call *call, const gw_frame *frame, gw_emit emit)
{
    gw_event error = { .size = sizeof error, .type = GW_EVENT_ERROR, .status = 503, .text = call_str(TEXT("busy")) };
    (void)instance, (void)frame;
    emit(call, &error);
    return GW_OK;
}

/* Its upstream speaks the made-up dialect. */
static const gw_provider_ops ops = { .size = sizeof ops,
                                     .operations = GW_OP_CHAT,
                                     .dialects = MADEUP_BIT,
                                     .framing = GW_FRAMING_SSE,
                                     .open = open_provider,
                                     .close = close_provider,
                                     .build = build,
                                     .read = read_frame };
static const gw_plugin descriptor = { .abi_major = GW_ABI_MAJOR,
                                      .needs_minor = GW_ABI_MINOR,
                                      .size = sizeof descriptor,
                                      .kind = GW_KIND_PROVIDER,
                                      .name = "madeup",
                                      .version = "1",
                                      .license = "Apache-2.0",
                                      .ops = &ops };

static void open_upstream(struct fixture *f)
{
    static const char *const any[] = { "openai" };
    struct fail fail;
    add_rows();
    fixture_open_upstream(f, any, 1);
    f->face = &madeup_face;
    const struct plugin *plugin = plugin_adopt(&descriptor, "(test)", &fail);
    cr_assert_not_null(plugin, "%s", fail.text);
    f->instances[0].plugin->provider.close(f->instances[0].instance);
    f->instances[0].plugin = plugin;
    cr_assert_eq(plugin_open_provider(plugin, NULL, &f->instances[0].instance, &fail), 0);
    f->config->providers[0].plugin = plugin;
    f->config->providers[0].instance = f->instances[0].instance;
}

static void answers(const char *const *script, const char *body, int status, const char *answer)
{
    struct fixture f;
    add_rows();
    fixture_open(&f, (const char *const *const[]){ script }, 1);
    f.face = &madeup_face;
    struct request *req = fixture_send(&f, body);
    cr_assert_eq(f.status, status);
    cr_assert(text_is(buf_view(&f.body), answer), "%.*s", TEXT_ARG(buf_view(&f.body)));
    request_end(req);
    fixture_close(&f);
}

Test(madeup, has_a_path)
{
    char scratch[64];
    add_rows();
    cr_assert_eq(routes_find(TEXT("POST"), TEXT("/v1/madeup"), SIZE_MAX, scratch).route->face, &madeup_face);
    cr_assert_eq(routes_find(TEXT("GET"), TEXT("/madeup"), SIZE_MAX, scratch).refuse, E_METHOD);
    cr_assert_eq(routes_find(TEXT("POST"), TEXT("/v1/madeup/x"), SIZE_MAX, scratch).refuse, E_PATH);
    cr_assert_eq(routes_find(TEXT("POST"), TEXT("/openai/deployments/x/madeup"), SIZE_MAX, scratch).refuse, E_PATH);
}

Test(madeup, is_translated)
{
    answers(good, ASKS, 200, "data: +Hel\n\ndata: +lo\n\ndata: .\n\n");
    answers(good, WHOLE, 200, "+Hello");
}

Test(madeup, has_errors_of_its_own)
{
    answers(good, "{\"ask\":\"x\"}", 400, "no: invalid_parameter");
    answers(good, "{\"model\":\"nope\"}", 418, "no: model_not_found");
    answers(unfinished, ASKS, 200, "data: +Hel\n\ndata: !no: stream_incomplete\n\n");
}

Test(madeup, is_relayed)
{
    struct fixture f;
    open_upstream(&f);
    struct request *req = fixture_begin(&f, ASKS);
    fake_head(200, "text/event-stream");
    fake_body(TEXT("data: {\"say\":\"hi\"}\n\ndata: .\n\n"));
    fake_done(TRANSFER_OK);
    cr_assert(text_is(buf_view(&f.body), "data: {\"say\":\"hi\"}\n\ndata: .\n\n"), "%.*s", TEXT_ARG(buf_view(&f.body)));
    cr_assert_eq(req->usage.source, USAGE_COUNTED);
    request_end(req);
    fixture_close(&f);
}

/* An upstream whose stream lacks the mark, and one that fails in its middle. */
Test(madeup, ends_as_its_dialect_has_it)
{
    static const char *const upstream[] = { "data: {\"say\":\"hi\"}\n\n",
                                            "data: {\"say\":\"hi\"}\n\ndata: {\"error\":\"x\"}\n\n" };
    static const char *const want[] = { "data: {\"say\":\"hi\"}\n\ndata: !no: stream_incomplete\n\n",
                                        "data: {\"say\":\"hi\"}\n\ndata: {\"error\":\"x\"}\n\n" };
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        open_upstream(&f);
        struct request *req = fixture_begin(&f, ASKS);
        fake_head(200, "text/event-stream");
        fake_body(text_of(upstream[i]));
        fake_done(TRANSFER_OK);
        cr_assert(text_is(buf_view(&f.body), want[i]), "%.*s", TEXT_ARG(buf_view(&f.body)));
        request_end(req);
        fixture_close(&f);
    }
}

Test(madeup, lists_models_for_who_sends_its_header)
{
    struct fixture f;
    add_rows();
    fixture_open(&f, (const char *const *const[]){ good }, 1);
    struct request *req = fixture_list(&f, "X-Madeup-Version");
    cr_assert(text_is(buf_view(&f.body), "m\n"), "%.*s", TEXT_ARG(buf_view(&f.body)));
    cr_assert_eq(req->face, &madeup_face);
    request_end(req);
    fixture_close(&f);
    fixture_open(&f, (const char *const *const[]){ good }, 1);
    req = fixture_list(&f, "X-Other");
    cr_assert(text_starts(buf_view(&f.body), TEXT("{\"object\":\"list\"")));
    request_end(req);
    fixture_close(&f);
}
