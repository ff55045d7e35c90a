/* service_case.c - see service_case.h. */
#include "service_case.h"

#include "check.h"

struct replay service_replay;
struct gw_http service_http;

gw_status service_build(const char *service, const char *model, const char *body)
{
    struct replay *r = &service_replay;
    bool is_azure = text_starts(text_of(service), TEXT("azure"));
    char settings[64];
    snprintf(settings, sizeof settings, "{\"service\":\"%s\"}", service);
    replay_begin(r, is_azure ? gw_plugin_entry_azure() : gw_plugin_entry_openai(), is_azure ? NULL : settings);
    gw_request req = { .size = sizeof req,
                       .operation = GW_OP_CHAT,
                       .dialect = GW_DIALECT_CHAT,
                       .model = call_str(text_of(model)),
                       .base_url = GW_LIT("http://127.0.0.1:1/v1"),
                       .body = call_json(json_parse(&r->keep, text_of(body), NULL)) };
    cr_assert_not_null(req.body, "%s", body);
    call_http_init(&service_http, &r->call, 1 << 20);
    return r->ops->build(r->instance, &r->call, &req, &service_http);
}

void service_done(void)
{
    call_http_fini(&service_http);
    replay_end(&service_replay);
}

/* The members that were reported, blank-separated. */
static const char *dropped(void)
{
    static char list[512];
    size_t used = 0;
    list[0] = '\0';
    for (const struct call_dropped *d = service_replay.call.dropped; d != NULL; d = d->next) {
        cr_assert_gt(d->why.len, 0u);
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%.*s", used > 0 ? " " : "", TEXT_ARG(d->member));
    }
    return list;
}

void service_expect(const char *service, const char *model, const char *body, const char *wanted, const char *reports)
{
    cr_assert_eq(service_build(service, model, body), GW_OK, "%s: %.*s", service,
                 TEXT_ARG(service_replay.call.explain));
    struct text got = buf_view(&service_http.body);
    ptrdiff_t comma = text_find(got, TEXT(","));
    got = comma < 0 ? TEXT("") : (struct text){ got.ptr + comma + 1, got.len - (size_t)comma - 2 };
    cr_assert(text_is(got, wanted), "%s %s: %.*s", service, model, TEXT_ARG(got));
    cr_assert_str_eq(dropped(), reports, "%s %s", service, model);
    service_done();
}

void service_refuses(const char *service, const char *model, const char *body, const char *why)
{
    cr_assert_eq(service_build(service, model, body), GW_E_REQUEST, "%s", body);
    cr_assert(text_is(service_replay.call.explain, why), "%.*s", TEXT_ARG(service_replay.call.explain));
    service_done();
}
