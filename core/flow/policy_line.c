/* policy_line.c - what policies did with a request, in its line of the access log. */
#include "flow/policy.h"

static void put_some(struct json_writer *w, struct text name, struct text value)
{
    if (value.len == 0)
        return;
    json_key_plain(w, name);
    json_put_str(w, value);
}

static void write_calls(const struct script_call *calls, struct json_writer *w)
{
    json_name(w, "calls");
    json_array(w);
    for (; calls != NULL; calls = calls->next) {
        json_object(w);
        put_some(w, TEXT("word"), text_of(calls->word));
        put_some(w, TEXT("what"), text_of(calls->what));
        json_name(w, "ms");
        json_put_int(w, calls->took_ns / 1000000);
        if (calls->status > 0) {
            json_name(w, "status");
            json_put_int(w, calls->status);
        }
        put_some(w, TEXT("error"), text_of(calls->why));
        json_close(w);
    }
    json_close(w);
}

static void write_trace(const struct script_trace *t, struct json_writer *w)
{
    json_object(w);
    put_some(w, TEXT("policy"), text_of(t->policy->name));
    put_some(w, TEXT("hook"), text_of(script_hook_name(t->hook)));
    if (t->hook == SCRIPT_ON_ROUTE) {
        json_name(w, "attempt");
        json_put_int(w, t->attempt);
    }
    put_some(w, TEXT("decision"), text_of(t->decision));
    if (t->observed) {
        json_name(w, "observed");
        json_put_bool(w, true);
    }
    put_some(w, TEXT("model"), t->model);
    put_some(w, TEXT("code"), t->code);
    put_some(w, TEXT("reason"), t->reason);
    json_name(w, "cpu_us");
    json_put_int(w, t->cpu_ns / 1000);
    if (t->wait_ns > 0) {
        json_name(w, "wait_ms");
        json_put_int(w, t->wait_ns / 1000000);
    }
    if (t->calls != NULL)
        write_calls(t->calls, w);
    if (t->notes != NULL) {
        json_name(w, "notes");
        json_array(w);
        for (const struct script_note *n = t->notes; n != NULL; n = n->next)
            json_put_str(w, n->text);
        json_close(w);
    }
    json_close(w);
}

void policy_line(const struct request *req, struct json_writer *w)
{
    const struct script_request *p = req->policy;
    if (p->routed_by != NULL)
        put_some(w, TEXT("asked_model"), p->asked_model);
    if (p->traces == NULL)
        return;
    json_name(w, "policies");
    json_array(w);
    for (const struct script_trace *t = p->traces; t != NULL; t = t->next)
        write_trace(t, w);
    json_close(w);
}
