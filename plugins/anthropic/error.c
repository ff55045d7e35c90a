/* error.c - reads an error, of a refused request or in the middle of a stream, and names whose fault it is. */
#include <stdio.h>

#include "anthropic.h"

enum { PLAIN_MOST = 300 };

/* Anthropic's types: the status that goes with them, which a stream does not carry, and what they are about. */
static const struct {
    const char *type;
    uint32_t status, fault;
} kinds[] = {
    { "api_error", 500, GW_FAULT_SERVER },          { "authentication_error", 401, GW_FAULT_AUTH },
    { "billing_error", 402, GW_FAULT_QUOTA },       { "invalid_request_error", 400, GW_FAULT_REQUEST },
    { "not_found_error", 404, GW_FAULT_REQUEST },   { "overloaded_error", 529, GW_FAULT_OVERLOADED },
    { "permission_error", 403, GW_FAULT_AUTH },     { "rate_limit_error", 429, GW_FAULT_RATE_LIMIT },
    { "request_too_large", 413, GW_FAULT_REQUEST }, { "timeout_error", 504, GW_FAULT_TIMEOUT },
};

/* Failures for which Anthropic has no type of their own: a part of the message. */
static const char *const context_texts[] = { "prompt is too long", "exceed context limit", "context window",
                                             "maximum context length", NULL };
static const char *const quota_texts[] = { "credit balance is too low", "usage limits", "spend limit", NULL };
static const char *const filter_texts[] = { "content filtering policy", NULL };
/* 403: nothing is served where the request came from, or the account may not use the model. Else it is the key. */
static const char *const access_texts[] = { "Request not allowed", "your region",
                                            "your country",        "this model",
                                            "access to model",     "access to the model",
                                            "access the model",    NULL };

struct told {
    gw_str text, type, code;
};

static bool has_any(gw_str s, const char *const *parts)
{
    for (; *parts != NULL; parts++)
        if (anthropic_has(s, *parts))
            return true;
    return false;
}

/* {"type":"error","error":{"type","message","details"?}}; others send {"error":"text"}, {"message"} or {"detail"}. */
static void read_told(const struct reader *r, const gw_json *root, struct told *told)
{
    const gw_json *error = get(r->h, root, "error");
    const gw_json *body = is_type(r->h, error, GW_JSON_OBJECT) ? error : root;

    told->text = get_str(r->h, body, "message");
    if (told->text.len == 0)
        told->text = r->h->json->str(error);
    if (told->text.len == 0)
        told->text = get_str(r->h, root, "detail");
    told->type = get_str(r->h, body, "type");
    told->code = get_str(r->h, get(r->h, body, "details"), "error_code");
    if (told->code.len == 0)
        told->code = get_str(r->h, body, "code");
    if (told->code.len == 0)
        told->code = told->type;
}

static uint32_t fault_by_status(uint32_t status)
{
    switch (status) {
    case 401:
    case 403:
        return GW_FAULT_AUTH;
    case 402: /* Anthropic: Errors, "an issue with your billing or payment information"; ours, not the client's */
        return GW_FAULT_QUOTA;
    case 408:
    case 504:
    case 522: /* Cloudflare: no connection, no answer in time */
    case 524:
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

static uint32_t fault_of(const struct told *told, uint32_t status)
{
    bool is_request = status == 400 || status == 413 || status == 422;

    if (anthropic_is(told->code, "enforced_spend_limit_reached") ||
        anthropic_is(told->code, "contract_spend_limit_reached") ||
        ((is_request || status == 429) && has_any(told->text, quota_texts)))
        return GW_FAULT_QUOTA;
    if (is_request && has_any(told->text, context_texts))
        return GW_FAULT_CONTEXT;
    if (is_request && has_any(told->text, filter_texts))
        return GW_FAULT_FILTER;
    if (status == 403 && has_any(told->text, access_texts))
        return GW_FAULT_REQUEST;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (anthropic_is(told->type, kinds[i].type))
            return kinds[i].fault;
    return fault_by_status(status);
}

static uint32_t status_of(const struct reader *r, const struct told *told)
{
    if (r->frame->status >= 400)
        return r->frame->status;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (anthropic_is(told->type, kinds[i].type))
            return kinds[i].status;
    return 502;
}

/* "messages.0.content: ..." names what it complains of. */
static gw_str param_of(gw_str text)
{
    size_t len = 0;
    while (len < text.len && len < 100 &&
           ((text.ptr[len] >= 'a' && text.ptr[len] <= 'z') || (text.ptr[len] >= '0' && text.ptr[len] <= '9') ||
            text.ptr[len] == '_' || text.ptr[len] == '.'))
        len++;
    bool is_name = len > 0 && len + 1 < text.len && text.ptr[len] == ':' && text.ptr[len + 1] == ' ';
    return is_name ? (gw_str){ text.ptr, len } : (gw_str){ NULL, 0 };
}

/* A body that a program cannot read: the title of a page, or the first line of plain text. */
static gw_str plain_text(const struct reader *r, uint32_t status)
{
    gw_str body = r->frame->data, said = body;
    char text[PLAIN_MOST + 80];
    size_t len = 0;

    for (size_t i = 0; i + 7 <= body.len; i++) {
        if (anthropic_has((gw_str){ body.ptr + i, 7 }, "<title>")) {
            said = (gw_str){ body.ptr + i + 7, body.len - i - 7 };
            break;
        }
    }
    while (said.len > 0 && (unsigned char)said.ptr[0] <= ' ')
        said = (gw_str){ said.ptr + 1, said.len - 1 };
    while (len < said.len && len < PLAIN_MOST && said.ptr[len] >= ' ' && said.ptr[len] != '<' && said.ptr[len] != '{')
        len++;
    int size = snprintf(text, sizeof text, "the upstream answered %u%s%.*s", status,
                        len > 0         ? ": "
                        : body.len == 0 ? " with an empty body"
                                        : " and did not say why",
                        (int)len, len > 0 ? said.ptr : "");
    return anthropic_keep(r->h, r->call, (gw_str){ text, (size_t)size });
}

static void emit_error(struct reader *r, const gw_event *event)
{
    if (r->state->failed)
        return;
    r->state->failed = true;
    r->emit(r->call, event);
}

void anthropic_error(struct reader *r, const gw_json *root)
{
    struct told told = { .text = { NULL, 0 } };

    read_told(r, root, &told);
    uint32_t status = status_of(r, &told);
    if (told.text.len == 0)
        told.text = plain_text(r, status);
    uint32_t fault = fault_of(&told, status);
    bool about_request = fault == GW_FAULT_REQUEST || fault == GW_FAULT_CONTEXT;
    emit_error(r, &(gw_event){ .size = sizeof(gw_event),
                               .type = GW_EVENT_ERROR,
                               .text = told.text,
                               .status = status,
                               .fault = fault,
                               .code = told.code,
                               .param = about_request ? param_of(told.text) : (gw_str){ NULL, 0 } });
}

void anthropic_fail(struct reader *r, gw_str text)
{
    emit_error(
        r,
        &(gw_event){
            .size = sizeof(gw_event), .type = GW_EVENT_ERROR, .text = text, .status = 502, .fault = GW_FAULT_SERVER });
}
