/* provider.c - the provider under test, linked in as PROVIDER (-DPROVIDER=openai). */
#include "provider.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define ENTRY PASTE(gw_plugin_entry_, PROVIDER)

const gw_plugin *ENTRY(void);

static struct provider provider;

static int64_t now(void *self)
{
    return ((const struct provider *)self)->now_ms;
}

static struct text client_header(void *owner, struct text name)
{
    (void)owner;
    if (text_eq_nocase(name, TEXT("anthropic-version")))
        return TEXT("2023-06-01");
    return text_eq_nocase(name, TEXT("anthropic-beta")) ? TEXT("one-2025,two-2025") : TEXT_NONE;
}

static struct text answer_header(void *owner, struct text name)
{
    (void)owner;
    return text_eq_nocase(name, TEXT("content-type")) ? TEXT("application/json") : TEXT_NONE;
}

/* Something for each setting that must be there. */
static void write_settings(const gw_option *options, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_object(&w);
    for (const gw_option *o = options; o != NULL && o->name != NULL; o++) {
        if ((o->flags & GW_OPTION_REQUIRED) == 0)
            continue;
        json_key(&w, text_of(o->name));
        if (o->type == GW_JSON_STR)
            json_put_str(&w, TEXT("x"));
        else if (o->type == GW_JSON_BOOL)
            json_put_bool(&w, true);
        else if (o->type == GW_JSON_ARRAY)
            json_put_raw(&w, TEXT("[]"));
        else if (o->type == GW_JSON_OBJECT)
            json_put_raw(&w, TEXT("{}"));
        else
            json_put_int(&w, 1);
    }
    json_close(&w);
    MUST(json_end(&w) == 0);
}

struct provider *provider_get(void)
{
    struct provider *p = &provider;
    struct fail fail;
    struct buf settings;

    if (p->plugin != NULL)
        return p;
    json_start();
    p->plugin = plugin_adopt(ENTRY(), "(built in)", &fail);
    MUST(p->plugin != NULL, "%s", fail.text);
    p->host = *call_host();
    p->host.self = p;
    p->host.now_ms = now;
    p->host.unix_ms = now; /* ids that are made from it are the same in both runs */
    buf_init(&settings, 64 << 10);
    write_settings(p->plugin->options, &settings);
    provider_begin(p);
    const struct json *config = json_parse(&p->keep, buf_view(&settings), NULL);
    gw_status status = p->plugin->provider.open(&p->host, &p->call, call_json(config), &p->instance);
    MUST(status == GW_OK, "open: %d %.*s", (int)status, TEXT_ARG(p->call.explain));
    provider_end(p);
    buf_free(&settings);
    return p;
}

void provider_begin(struct provider *p)
{
    arena_init(&p->keep, NULL, 0, 64 << 20);
    arena_init(&p->scratch, NULL, 0, 64 << 20);
    call_begin(&p->call, &p->keep, &p->scratch, p);
    call_give(&p->call, &(struct call_headers){ client_header, answer_header, answer_header });
    p->check = (struct event_check){ .damaged = true };
    p->now_ms = 0;
    buf_init(&p->lines, 64 << 20);
}

void provider_end(struct provider *p)
{
    MUST(p->check.problem[0] == '\0', "%s, after\n%.*s", p->check.problem, TEXT_ARG(buf_view(&p->lines)));
    buf_free(&p->lines);
    arena_fini(&p->scratch);
    arena_fini(&p->keep);
}

void provider_step(struct provider *p, gw_status status)
{
    call_step_end(&p->call);
    MUST(status == GW_OK || status == GW_MISS || status == GW_E_PROTOCOL || status == GW_E_NOMEM ||
             status == GW_E_REQUEST || status == GW_E_RETRY || status == GW_E_REJECT,
         "status %d", (int)status);
}

void provider_emit(gw_call *call, const gw_event *event)
{
    struct provider *p = call->owner;
    event_check(&p->check, event);
    event_line(&p->lines, event);
}
