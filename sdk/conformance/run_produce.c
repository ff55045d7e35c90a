/* run_produce.c - local providers, which answer by themselves; and settings that open() must take or refuse. */
#include "kit.h"

enum { CALLS = 200000 };

/* All that it emits; the waits it asks for pass at once. */
static void produce(struct kit_case *c, const gw_request *request, struct session *s)
{
    unsigned calls = 0;

    do {
        uint32_t wait_ms = 0;
        call_step_begin(&s->call);
        gw_status status = c->kit->plugin->provider.produce(c->instance, &s->call, request, session_emit, &wait_ms);
        session_step(s, status);
        c->kit->now_ms += wait_ms;
    } while (s->status == GW_OK && ++calls < CALLS && !s->check.has_error);
    if (calls == CALLS)
        case_fail(c, "it has not come to an end after %d calls", CALLS);
}

void run_produce(struct kit_case *c)
{
    struct session s;
    gw_request request;

    if ((c->kit->plugin->provider.flags & GW_PROVIDER_LOCAL) == 0) {
        case_fail(c, "the provider is not GW_PROVIDER_LOCAL");
        return;
    }
    if (!case_request(c, json_member(c->json, "produce"), &request))
        return;
    session_begin(&s, c, false);
    produce(c, &request, &s);
    run_compare_result(c, &s);
    run_compare_events(c, buf_view(&s.lines), "told");
    c->status = s.status == GW_MISS ? GW_OK : s.status;
    if (c->kit->write)
        buf_text(&c->golden, buf_view(&s.lines));
    struct text lines = arena_text(c->arena, buf_view(&s.lines));
    session_end(&s, "told");

    session_begin(&s, c, false);
    produce(c, &request, &s);
    if (!text_eq(lines, buf_view(&s.lines)))
        case_fail(c, "the second time the events are\n%.*sand not\n%.*s", TEXT_ARG(buf_view(&s.lines)),
                  TEXT_ARG(lines));
    session_end(&s, "told again");
}

/* The case's own "open" are settings; with the result "config" they must be refused, with a reason. */
void run_open(struct kit_case *c)
{
    struct kit_case inner = *c;
    struct text golden = json_str(json_member(c->json, "result"));
    bool refused = !session_open(&inner, json_member(c->json, "open"));

    session_close(&inner);
    c->status = refused ? GW_E_CONFIG : GW_OK;
    if (c->kit->write)
        return;
    if (refused && !text_is(golden, "config"))
        case_fail(c, "%s", inner.problem);
    else if (!refused && text_is(golden, "config"))
        case_fail(c, "it takes settings that it should refuse");
    else if (refused && text_ends(text_of(inner.problem), TEXT(": ")))
        case_fail(c, "it refuses its settings without saying why");
}
