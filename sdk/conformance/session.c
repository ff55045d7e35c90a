/* session.c - one call into the plugin. What is lent to it is in memory of its own that is spoiled and freed when
 * the step is over: a pointer that was kept is seen, by what it reads or by the address sanitizer. */
#include "kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool case_fail(struct kit_case *c, const char *format, ...)
{
    va_list args;
    if (c->problem[0] != '\0')
        return false;
    va_start(args, format);
    vsnprintf(c->problem, sizeof c->problem, format, args);
    va_end(args);
    return false;
}

static struct text header_of(const struct json *headers, struct text name)
{
    for (size_t i = 0; i < json_count(headers); i++)
        if (text_eq_nocase(json_key_at(headers, i), name))
            return json_str(json_at(headers, i));
    return TEXT_NONE;
}

static struct text client_header(void *owner, struct text name)
{
    return header_of(((const struct session *)owner)->client_headers, name);
}

static struct text answer_header(void *owner, struct text name)
{
    return header_of(((const struct session *)owner)->answer_headers, name);
}

/* "secrets": {"name": "value"} of the case. */
static struct text named_secret(void *owner, struct text name)
{
    return json_str(json_get(json_member(((const struct session *)owner)->of->json, "secrets"), name));
}

void session_begin(struct session *s, struct kit_case *c, bool damaged)
{
    *s = (struct session){ .of = c, .check = { .damaged = damaged } };
    arena_init(&s->keep, NULL, 0, 64 << 20);
    arena_init(&s->scratch, NULL, 0, 64 << 20);
    call_begin(&s->call, &s->keep, &s->scratch, s);
    call_give(&s->call, &(struct call_headers){ client_header, answer_header, named_secret });
    buf_init(&s->lines, 64 << 20);
    c->kit->now_ms = 0;
}

bool session_end(struct session *s, const char *how)
{
    bool fine = s->check.problem[0] == '\0';
    if (!fine)
        case_fail(s->of, "%s: %s, after\n%.*s", how, s->check.problem, TEXT_ARG(buf_view(&s->lines)));
    buf_free(&s->lines);
    arena_fini(&s->scratch);
    arena_fini(&s->keep);
    return fine;
}

bool session_step(struct session *s, gw_status status)
{
    if (s->call.misused != NULL)
        case_fail(s->of, "it gives %s NULL where a handle must be", s->call.misused);
    s->status = status;
    if (call_is_full(&s->call))
        case_fail(s->of, "it takes over %d MB of memory for one call", 64);
    call_step_end(&s->call);
    if (status > GW_MISS || status < GW_E_REJECT)
        return case_fail(s->of, "it answers the unknown status %d", (int)status);
    return true;
}

void session_emit(gw_call *call, const gw_event *event)
{
    if ((call = call_given(call, "emit()")) == NULL)
        return;
    struct session *s = call->owner;
    event_check(&s->check, event);
    event_line(&s->lines, event);
}

static gw_str copy(gw_str s)
{
    char *bytes = malloc(s.len + 1);
    if (bytes == NULL || s.ptr == NULL) {
        free(bytes);
        return (gw_str){ NULL, 0 };
    }
    memcpy(bytes, s.ptr, s.len);
    bytes[s.len] = '\0';
    return (gw_str){ bytes, s.len };
}

static void spoil(gw_str s)
{
    char *bytes = (char *)(uintptr_t)s.ptr;
    if (bytes != NULL)
        memset(bytes, 0xdb, s.len + 1);
    free(bytes);
}

gw_status session_build(struct session *s, const gw_request *request, struct gw_http *http)
{
    const struct kit_case *c = s->of;
    gw_request lent = *request;
    gw_str *texts[] = { &lent.model, &lent.base_url, &lent.secret, &lent.path };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = copy(*texts[i]);
    call_http_init(http, &s->call, 64 << 20);
    call_step_begin(&s->call);
    gw_status status = c->kit->plugin->provider.build(c->instance, &s->call, &lent, http);
    session_step(s, status);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        spoil(*texts[i]);
    memset(&lent, 0xdb, sizeof lent);
    struct text secret = call_text(request->secret);
    if (status != GW_OK && secret.len > 0 && text_find(s->call.explain, secret) >= 0)
        case_fail(s->of, "the text that explains a failure has the secret in it");
    return status;
}

bool session_open(struct kit_case *c, const struct json *settings)
{
    struct session s;
    struct fail fail;
    struct arena arena;
    static const char none[] = "{}";
    struct text text = settings != NULL ? json_text(settings) : (struct text){ none, 2 };

    c->instance = NULL;
    arena_init(&arena, NULL, 0, 16 << 20); /* the settings are lent to open() */
    gw_str lent = copy(call_str(text));
    const struct json *config = json_parse(&arena, call_text(lent), NULL);
    if (plugin_check_settings(c->kit->plugin, config, &fail) < 0) {
        case_fail(c, "%s", fail.text);
    } else {
        session_begin(&s, c, false);
        call_step_begin(&s.call);
        gw_status status = c->kit->plugin->provider.open(&c->kit->host, &s.call, call_json(config), &c->instance);
        status = call_status(&s.call, status);
        call_step_end(&s.call);
        if (status != GW_OK) {
            c->instance = NULL;
            case_fail(c, "open() says %s: %.*s", call_status_name(status), TEXT_ARG(s.call.explain));
        }
        session_end(&s, "open");
    }
    arena_fini(&arena);
    spoil(lent);
    return !case_failed(c);
}

void session_close(struct kit_case *c)
{
    if (c->instance != NULL)
        c->kit->plugin->provider.close(c->instance);
    c->instance = NULL;
}
