/* failure.c - what a failed attempt means: for the client, for the log, and whether another target may be tried. */
#include <stdio.h>
#include <string.h>

#include "flow/deadline.h"
#include "flow/way.h"

enum {
    WAIT_MOST = 60,  /* seconds */
    SAID_MOST = 500, /* bytes of an upstream's words in the log */
    CODE_MOST = 64,
};

static const char *provider_name(const struct attempt *a)
{
    return a->target->provider->name.ptr; /* NUL-terminated: it is in the snapshot's arena */
}

/* Upstream text is passed on only where the caller can act on it. A 403 is about what the gateway's account there may
 * do: of its model, or of where it is. */
static void say(struct attempt *a, enum error_case which, struct text text)
{
    struct arena *arena = &a->req->arena;
    error_set(&a->error, which, "the provider \"%s\" refused the request with status %d", provider_name(a),
              a->error_status);
    if (text.len > 0 && a->error_status == 403)
        text = text_of(arena_printf(arena, "the provider \"%s\" does not let the gateway's account do this: %.*s",
                                    provider_name(a), TEXT_ARG(text)));
    if (text.len > 0)
        error_words(&a->error, arena, text);
}

/* What the upstream's error has beside its text: an object of at most MORE_MOST bytes, or nothing. */
static const struct json *more_of(struct attempt *a, struct text data)
{
    enum { MORE_MOST = 16 << 10 };
    if (data.len == 0 || data.len > MORE_MOST)
        return NULL;
    const struct json *more = json_parse_quick(&a->req->arena, arena_text(&a->req->arena, data));
    return json_type(more) == JSON_T_OBJECT ? more : NULL;
}

static uint32_t fault_of_status(int status)
{
    switch (status) {
    case 401:
    case 403:
        return GW_FAULT_AUTH;
    case 408:
    case 504:
        return GW_FAULT_TIMEOUT;
    case 429:
        return GW_FAULT_RATE_LIMIT;
    case 503:
    case 529:
        return GW_FAULT_OVERLOADED;
    default:
        return status >= 500 ? GW_FAULT_SERVER : GW_FAULT_REQUEST;
    }
}

/* When the upstream lets us come again. Clients wait as long as they are asked to, so one that may come again waits a minute
 * at most (surface, 3); one that may not is given the whole time. */
static void keep_reset(struct attempt *a)
{
    if (a->should_retry == 0)
        a->error.should_retry = 0;
    if (a->retry_after_s > 0)
        a->error.retry_after_s =
            a->error.should_retry != 0 && a->retry_after_s > WAIT_MOST ? WAIT_MOST : a->retry_after_s;
}

static void classify(struct attempt *a, struct text text, struct text code, struct text param, struct text data)
{
    const char *name = provider_name(a);
    switch (a->error_fault) {
    case GW_FAULT_AUTH:
        error_set(&a->error, E_UPSTREAM_AUTH,
                  "the provider \"%s\" refuses the gateway's own credential (status %d): the operator must check it",
                  name, a->error_status);
        break;
    case GW_FAULT_RATE_LIMIT:
        error_set(&a->error, E_UPSTREAM_RATE, "the provider \"%s\" limits the gateway's rate", name);
        keep_reset(a);
        break;
    case GW_FAULT_QUOTA:
        error_set(&a->error, E_UPSTREAM_QUOTA,
                  "the gateway's account with the provider \"%s\" has no quota left: the operator must look after it",
                  name);
        keep_reset(a);
        break;
    case GW_FAULT_OVERLOADED:
        error_set(&a->error, E_UPSTREAM_BUSY, "the provider \"%s\" is overloaded (status %d)", name, a->error_status);
        a->error.status = a->error_status == 529 ? 529 : 503;
        keep_reset(a);
        break;
    case GW_FAULT_TIMEOUT:
        error_set(&a->error, E_UPSTREAM_TIMEOUT, "the provider \"%s\" took too long (status %d)", name,
                  a->error_status);
        break;
    case GW_FAULT_SERVER:
        if (a->error_status == 508) {
            error_set(
                &a->error, E_LOOP,
                "the provider \"%s\" leads back to this gateway (status 508): the operator must correct its base_url",
                name);
            break;
        }
        error_set(&a->error, E_UPSTREAM, "the provider \"%s\" failed (status %d)", name, a->error_status);
        if (a->should_retry == 0)
            a->error.should_retry = 0;
        break;
    default: /* the caller's own fault: the upstream's words and code, under the same status */
        say(a, E_UPSTREAM_REFUSED, text);
        if (a->error_status >= 400 && a->error_status < 500)
            a->error.status = a->error_status;
        if (a->error_fault == GW_FAULT_CONTEXT) /* clients branch on these two, whatever the upstream calls them */
            a->error.code = ERROR_CODE_CONTEXT;
        else if (a->error_fault == GW_FAULT_FILTER && !text_starts(code, TEXT("content_")))
            a->error.code = "content_filter";
        else if (code.ptr != NULL) /* empty: the upstream reports that it has none */
            a->error.code = arena_str(&a->req->arena, code);
        a->error.more = more_of(a, data);
        if (param.len > 0)
            snprintf(a->error.param, sizeof a->error.param, "%.*s", TEXT_ARG(param));
        break;
    }
}

void failure_said(struct attempt *a, struct text words, struct text code)
{
    words = text_trim(words);
    if (a->said.len > 0 || words.len == 0)
        return;
    if (words.len > SAID_MOST)
        words.len = SAID_MOST;
    a->said = arena_text(&a->req->arena, mask_request(a, mask_text(a, words)));
    if (code.len > 0)
        a->said_code =
            arena_text(&a->req->arena, (struct text){ code.ptr, code.len < CODE_MOST ? code.len : CODE_MOST });
}

/* What was no error of the service, as the page of a proxy, is there all the same. */
static void keep_body(struct attempt *a)
{
    if (a->status >= 300 && a->form != FORM_FRAMES)
        failure_said(a, buf_view(&a->whole), TEXT_NONE);
}

void failure_from_event(struct attempt *a, const gw_event *event)
{
    if (attempt_has_failed(a))
        return;
    attempt_turn(a, ATTEMPT_FAILED);
    if (!text_starts(text_trim(buf_view(&a->whole)), TEXT("{"))) /* then the plugin's text is its own */
        keep_body(a);
    failure_said(a, call_text(event->text), call_text(event->code));
    keep_body(a);
    a->error_status = event->status >= 400 && event->status < 600 ? (int)event->status
                      : a->status >= 400                          ? a->status
                                                                  : 502;
    a->error_fault = event->fault != GW_FAULT_BY_STATUS ? event->fault : fault_of_status(a->error_status);
    classify(a, call_text(event->text), call_text(event->code), call_text(event->param), call_text(event->data));
    a->error_from = a->status >= 400 || a->mode == MODE_LOCAL ? ERROR_FROM_STATUS : ERROR_FROM_EVENT;
    a->outcome = a->error_from == ERROR_FROM_STATUS ? OUTCOME_STATUS : OUTCOME_ERROR;
    a->outcome_status = a->error_status;
}

static void from_transfer(struct attempt *a)
{
    const char *name = provider_name(a);
    a->outcome = OUTCOME_TRANSFER;
    switch (a->failure) {
    case TRANSFER_CONNECT:
        error_set(&a->error, E_UPSTREAM, "the provider \"%s\" could not be reached", name);
        break;
    case TRANSFER_TIME_CONNECT:
        error_set(&a->error, E_UPSTREAM, "the provider \"%s\" could not be reached (%s)", name, deadline_text(a));
        break;
    case TRANSFER_TIME_FIRST:
    case TRANSFER_TIME_IDLE:
    case TRANSFER_TIME_TOTAL:
    case TRANSFER_SILENT:
    case TRANSFER_SLOW:
        error_set(&a->error, E_UPSTREAM_TIMEOUT, "the provider \"%s\" did not answer in time (%s)", name,
                  deadline_text(a));
        break;
    case TRANSFER_TOO_LARGE:
        error_set(&a->error, E_UPSTREAM, "the answer of the provider \"%s\" is larger than limits.answer_mb allows",
                  name);
        break;
    default:
        error_set(&a->error, E_UPSTREAM, "the provider \"%s\" broke off (%s)", name, transfer_failure_text(a->failure));
        break;
    }
}

bool failure_judge(struct attempt *a)
{
    if (attempt_has_failed(a) && a->error.code != NULL) {
        if (a->error.kind == FAIL_US) /* the plugin's defect, or memory that is missing here */
            return true;
        /* A 403, 404 or 413 may be this target's alone; what else is the caller's fault is it everywhere. */
        if (a->error_fault == GW_FAULT_CONTEXT || a->error_fault == GW_FAULT_FILTER)
            return false; /* these have lists of their own */
        return a->error_fault != GW_FAULT_REQUEST || a->error_status == 403 || a->error_status == 404 ||
               a->error_status == 413;
    }
    attempt_turn(a, ATTEMPT_FAILED);
    if (a->failure != TRANSFER_OK) {
        from_transfer(a);
        return true;
    }
    if (a->status >= 300 && a->status < 400) {
        error_set(
            &a->error, E_UPSTREAM,
            "the provider \"%s\" answered with a redirect (status %d), which is never followed: check its base_url",
            provider_name(a), a->status);
        a->error.code = "upstream_redirect";
        for (size_t i = 0; i < a->head_count; i++) {
            struct text where = a->head[i].value;
            if (text_eq_nocase(a->head[i].name, TEXT("location")))
                failure_said(a, text_cut(&where, '?'), TEXT_NONE);
        }
        a->outcome = OUTCOME_STATUS;
        a->outcome_status = a->status;
        return true;
    }
    if (a->status >= 400) { /* no event reported more */
        keep_body(a);
        a->error_status = a->status;
        a->error_fault = fault_of_status(a->status);
        classify(a, TEXT_NONE, TEXT_NONE, TEXT_NONE, TEXT_NONE);
        a->outcome = OUTCOME_STATUS;
        a->outcome_status = a->status;
        return a->error_fault != GW_FAULT_REQUEST || a->status == 404 || a->status == 413;
    }
    error_set(&a->error, E_UPSTREAM, "the provider \"%s\" answered with nothing that is an answer", provider_name(a));
    a->outcome = OUTCOME_JUNK;
    return true;
}
